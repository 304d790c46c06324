"""The policy, compiled for peers that are not the server: templates, rules and amounts as plain data.

Amounts are integers: an expression has a scale, so many decimals, and is exact. What the peers do not cover raises
Unsupported, and the bench says so.
"""

import re
from dataclasses import dataclass, field

CODES = ("txn_type", "product_code", "channel")
TEXTS = ("entity_code", "txn_type", "product_code", "channel", "policy_no", "currency")
AMOUNTS = ("gross_amount", "tabarru_amount", "tanahud_amount", "investment_amount", "ujroh_amount")
SCALE = 4  # of the source's amounts
MINOR = 2  # decimals of every currency that occurs; others are refused


class Unsupported(Exception):
    pass


TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|'((?:[^']|'')*)'|:?([a-z_][a-z0-9_]*)|(<>|!=|<=|>=|[-+*/(),=<>]))", re.I)


def tokens(text):
    result, at, text = [], 0, text.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if not match:
            raise Unsupported(f"expression {text}")
        number, string, name, mark = match.groups()
        if number is not None:
            result.append(("number", number))
        elif string is not None:
            result.append(("string", string.replace("''", "'")))
        elif name is not None:
            result.append(("name", name.lower()))
        else:
            result.append(("mark", mark))
        at = match.end()
    return result + [("end", "")]


class Parser:
    """Translates an expression by a backend, whose methods make numbers, texts and conditions. A number is (scale, value)."""

    def __init__(self, text, backend):
        self.text, self.backend, self.rest = text, backend, tokens(text)

    def take(self, *wanted):
        if self.rest[0][1] in wanted and self.rest[0][0] in ("name", "mark"):
            return self.rest.pop(0)[1]
        return None

    def need(self, wanted):
        if not self.take(wanted):
            raise Unsupported(f"expression {self.text}")

    def whole(self, parse):
        value = parse()
        if self.rest[0][0] != "end":
            raise Unsupported(f"expression {self.text}")
        return value

    def align(self, values):
        scale = max(s for s, _ in values)
        return scale, [v if s == scale else self.backend.times(v, 10 ** (scale - s)) for s, v in values]

    # conditions
    def condition(self):
        value = self.conjunction()
        while self.take("or"):
            value = self.backend.either(value, self.conjunction())
        return value

    def conjunction(self):
        value = self.negation()
        while self.take("and"):
            value = self.backend.both(value, self.negation())
        return value

    def negation(self):
        if self.take("not"):
            return self.backend.negate(self.negation())
        return self.comparison()

    def comparison(self):
        saved = list(self.rest)
        if self.take("("):
            try:
                value = self.condition()
                self.need(")")
                return value
            except Unsupported:
                self.rest = saved
        left = self.operand()
        if self.take("in"):
            self.need("(")
            values = [self.operand()]
            while self.take(","):
                values.append(self.operand())
            self.need(")")
            result = self.compare("=", left, values[0])
            for value in values[1:]:
                result = self.backend.either(result, self.compare("=", left, value))
            return result
        operator = self.take("=", "<>", "!=", "<", "<=", ">", ">=")
        if not operator:
            raise Unsupported(f"expression {self.text}")
        return self.compare(operator, left, self.operand())

    def compare(self, operator, left, right):
        if (left[0] == "text") != (right[0] == "text"):
            raise Unsupported(f"expression {self.text}")
        if left[0] != "text":
            _, (a, b) = self.align([left, right])
        else:
            a, b = left[1], right[1]
        return self.backend.compare("<>" if operator == "!=" else operator, a, b)

    def operand(self):
        kind, value = self.rest[0]
        if kind == "string":
            self.rest.pop(0)
            return "text", self.backend.text(value)
        if kind == "name" and value in TEXTS:
            self.rest.pop(0)
            return "text", self.backend.column(value)
        return self.sum()

    # numbers
    def sum(self):
        left = self.product()
        while operator := self.take("+", "-"):
            scale, (a, b) = self.align([left, self.product()])
            left = scale, self.backend.plus(a, b) if operator == "+" else self.backend.minus(a, b)
        return left

    def product(self):
        left = self.factor()
        while self.take("*"):
            right = self.factor()
            left = left[0] + right[0], self.backend.times(left[1], right[1])
        return left

    def factor(self):
        if self.take("-"):
            scale, value = self.factor()
            return scale, self.backend.times(value, -1)
        if self.take("("):
            value = self.sum()
            self.need(")")
            return value
        kind, value = self.rest.pop(0)
        if kind == "number":
            whole, _, fraction = value.partition(".")
            return len(fraction), self.backend.number(int(whole + fraction))
        if kind == "name" and value in AMOUNTS:
            return SCALE, self.backend.column(value)
        if kind == "name" and value == "case":
            return self.case()
        if kind == "name" and value in ("greatest", "least", "round", "abs"):
            self.need("(")
            values = [self.sum()]
            while self.take(","):
                if value == "round" and self.rest[0][0] == "number":
                    digits = int(self.rest.pop(0)[1])
                else:
                    values.append(self.sum())
            self.need(")")
            if value == "round":
                return self.rounded(values[0], digits)
            scale, values = self.align(values)
            return scale, getattr(self.backend, value)(values)
        raise Unsupported(f"expression {self.text}")

    def case(self):
        conditions, values = [], []
        while self.take("when"):
            conditions.append(self.condition())
            self.need("then")
            values.append(self.sum())
        self.need("else")  # an amount must not be NULL
        values.append(self.sum())
        self.need("end")
        scale, values = self.align(values)
        return scale, self.backend.case(list(zip(conditions, values)), values[-1])

    def rounded(self, value, digits):
        scale, value = value
        if scale <= digits:
            return digits, self.backend.times(value, 10 ** (digits - scale))
        return digits, self.backend.divide(value, 10 ** (scale - digits))

    def amount(self):
        return self.rounded(self.sum(), MINOR)[1]


@dataclass
class Line:
    line_no: int
    is_debit: bool
    account: str
    fund: str
    amount: str
    condition: str
    e: int = 0  # number of its amount
    map: list = field(default_factory=list)  # (product, channel or None, account), best first


@dataclass
class Calc:
    """Lines that one or more templates share but for their accounts, and the distinct amounts of which they are made."""

    reject_negative: bool
    lines: list
    base: list  # (amount, condition) of e 0, 1, ...
    rest: list  # of the further ones: [(n, e), ...]

    def amounts(self):
        return range(len(self.base) + len(self.rest))

    def unbalanced(self, fund=None):
        """[(n, e), ...] whose sum is debit less credit of a fund or the journal; empty if it is 0 by itself."""
        sums = {}
        for line in self.lines:
            if fund in (None, line.fund):
                sums[line.e] = sums.get(line.e, 0) + (1 if line.is_debit else -1)
        return [(n, e) for e, n in sums.items() if n]


@dataclass
class Template:
    code: str
    version: int
    ignored: bool
    calc: int = -1
    lines: list = field(default_factory=list)


@dataclass
class Plan:
    month: str
    table: str
    templates: list = field(default_factory=list)
    calcs: list = field(default_factory=list)
    conditions: list = field(default_factory=list)
    keys: list = field(default_factory=list)  # the codes that rules name
    routes: list = field(default_factory=list)  # (codes of keys..., [(condition or -1, template), ...])
    currencies: list = field(default_factory=list)
    first_date: str = ""
    last_date: str = ""
    months: list = field(default_factory=list)  # (first day, next month's) that journals fall in
    middle: int = 0

    def columns(self):
        """What is read of the source."""
        used = " ".join(e for c in self.calcs for pair in c.base for e in pair if e) + " " + " ".join(self.conditions)
        return ["txn_id", "bank_value_date", *TEXTS, *(a for a in AMOUNTS if a in used)]

    def source(self, half):
        # halves are halves of the table's pages, read once each
        part = ("", f" AND ctid < '({self.middle},0)'", f" AND ctid >= '({self.middle},0)'")[half]
        return f"COPY (SELECT {', '.join(self.columns())} FROM {self.table} WHERE txn_month = '{self.month}'{part}) TO STDOUT (FORMAT csv)"


def compile_calc(lines, reject):
    base, rest = [], []
    for line in lines:
        if line.amount is not None:
            if (line.amount, line.condition) not in base:
                base.append((line.amount, line.condition))
            line.e = base.index((line.amount, line.condition))
    for line in lines:
        if line.amount is None:
            sums = {}
            for other in lines:
                if other.fund == line.fund and other.amount is not None:
                    sums[other.e] = sums.get(other.e, 0) + (-1 if other.is_debit == line.is_debit else 1)
            terms = [(n, e) for e, n in sums.items() if n]
            if len(terms) == 1 and terms[0][0] == 1:
                line.e = terms[0][1]
            else:
                rest.append(terms)
                line.e = len(base) + len(rest) - 1
    return Calc(reject, lines, base, rest)


def read_plan(connection, month):
    def rows(sql, *args):
        return connection.execute(sql, args).fetchall()

    plan = Plan(month, f"acct.txn_source_{month[:4]}_{month[5:7]}")
    if rows("""SELECT FROM acct.journal_template WHERE NOT (status = 'approved' AND basis = 'PRIMARY' AND effective_from <= '2000-01-01'
               AND effective_to IS NULL AND require_balanced AND balance_by_fund AND skip_zero_lines)"""):
        raise Unsupported("templates of another kind")
    if rows("SELECT FROM acct.product_account_map WHERE effective_from > '2000-01-01' OR effective_to IS NOT NULL OR fund <> mapped_fund"):
        raise Unsupported("account maps of another kind")
    if rows("SELECT FROM acct.accounting_period WHERE NOT is_open"):
        raise Unsupported("closed periods")
    if rows("SELECT FROM acct.currency WHERE minor_units <> %s AND currency IN (SELECT currency FROM acct.txn_source_parent)", MINOR):
        raise Unsupported("currencies of other decimals")
    plan.currencies = [r[0] for r in rows("SELECT currency FROM acct.currency")]

    maps = {}
    for product, channel, account, fund, mapped in rows(
        "SELECT product_code, channel, account_code, fund, mapped_account_code FROM acct.product_account_map ORDER BY channel IS NULL"
    ):
        maps.setdefault((account, fund), []).append((product, channel, mapped))
    signatures, numbers = {}, {}
    for code, version, kind, negative in rows(
        'SELECT template_code, version, template_type, negative_policy FROM acct.journal_template ORDER BY template_code COLLATE "C"'
    ):
        template = Template(code, version, kind == "IGNORE")
        template.lines = [
            Line(n, d == "DR", account, fund, amount, condition, map=maps.get((account, fund), []))
            for n, d, account, fund, amount, condition in rows(
                """SELECT line_no, dr_cr, account_code, fund, amount_expr, condition_expr FROM acct.journal_template_line
                   WHERE template_code = %s AND version = %s ORDER BY line_no""", code, version)
        ]
        if template.lines:
            calc = compile_calc(template.lines, negative == "reject")
            signature = (code if any(x.map for x in template.lines) else "", negative, tuple((x.line_no, x.is_debit, x.fund, x.amount, x.condition, tuple(x.map)) for x in template.lines))
            if signature not in signatures:
                signatures[signature] = len(plan.calcs)
                plan.calcs.append(calc)
            template.calc = signatures[signature]
        numbers[code] = len(plan.templates)
        plan.templates.append(template)

    rules = rows("""SELECT template_code, txn_type, product_code, channel, condition_expr FROM acct.journal_template_match
                    ORDER BY priority, num_nonnulls(txn_type, product_code, channel) DESC, template_code COLLATE "C", match_no""")
    plan.keys = [k for i, k in enumerate(CODES) if any(r[i + 1] is not None for r in rules)]
    at = [CODES.index(k) + 1 for k in plan.keys]
    plan.conditions = sorted({r[4] for r in rules if r[4] is not None})
    # Codes are taken to be known beforehand: only combinations of those that occur get a route.
    lists = [[r[0] for r in rows(f"SELECT DISTINCT {k} FROM {plan.table}")] for k in plan.keys]
    combinations = [()]
    for values in lists:
        combinations = [c + (v,) for c in combinations for v in values]
    by_first = {}
    for n, rule in enumerate(rules):
        by_first.setdefault(rule[at[0]] if at else None, []).append((n, rule))
    for codes in combinations:
        tried = []
        for _, rule in sorted(by_first.get(codes[0] if codes else None, []) + (by_first.get(None, []) if codes else [])):
            if all(rule[i] in (None, c) for i, c in zip(at, codes)):
                tried.append((-1 if rule[4] is None else plan.conditions.index(rule[4]), numbers[rule[0]]))
                if rule[4] is None:
                    break
        if tried:
            plan.routes.append((*codes, tried))

    first, last = rows("SELECT (%s::date - interval '12 months')::date, (%s::date + interval '12 months')::date", month, month)[0]
    plan.first_date, plan.last_date = str(first), str(last)
    plan.middle = rows(f"SELECT pg_relation_size('{plan.table}') / current_setting('block_size')::bigint / 2")[0][0]
    return plan
