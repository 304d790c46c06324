"""The peer in DuckDB: routes transactions and computes amounts in SQL, in integer cents, and makes COPY text: a string with all the
lines of a transaction, whose bytes are taken as Arrow has them. Checks are arithmetic in the row, as in peer_generate.sql.
"""

import datetime
import itertools
import os
import tempfile

import duckdb
import pyarrow
import pyarrow.compute

import ledger
from plan import AMOUNTS, SCALE, Parser


def literal(text):
    return "'" + text.replace("'", "''") + "'"


class Backend:
    """Expressions of plan.Parser as SQL of integers."""

    def column(self, name):
        return name

    def number(self, value):
        return f"{value}::BIGINT"

    def text(self, value):
        return literal(value)

    def plus(self, a, b):
        return f"({a} + {b})"

    def minus(self, a, b):
        return f"({a} - {b})"

    def times(self, a, b):
        return f"({a} * {b})"

    def divide(self, a, by):
        # half away from zero; // cuts off
        return f"(({a} + CASE WHEN {a} >= 0 THEN {by // 2} ELSE -{by // 2} END) // {by})"

    def both(self, a, b):
        return f"({a} AND {b})"

    def either(self, a, b):
        return f"({a} OR {b})"

    def negate(self, a):
        return f"(NOT {a})"

    def compare(self, operator, a, b):
        return f"({a} {operator} {b})"

    def greatest(self, values):
        return f"greatest({', '.join(values)})"

    def least(self, values):
        return f"least({', '.join(values)})"

    def abs(self, values):
        return f"abs({values[0]})"

    def case(self, pairs, otherwise):
        return "(CASE " + " ".join(f"WHEN {c} THEN {v}" for c, v in pairs) + f" ELSE {otherwise} END)"


def threads():
    return int(os.environ.get("BENCH_DUCKDB_THREADS") or os.cpu_count())


def parse(text, what):
    parser = Parser(text, Backend())
    return parser.whole(getattr(parser, what))


def by(column, arms, otherwise="NULL"):
    """CASE column WHEN ... of {number: value}; the value itself where there is but one."""
    if len(arms) == 1 and otherwise is None:
        return next(iter(arms.values()))
    return f"CASE {column} " + " ".join(f"WHEN {n} THEN {v}" for n, v in arms.items()) + f" ELSE {otherwise or 'NULL'} END"


def weighted(terms, letter="e"):
    return " + ".join(f"{n} * {letter}{e}" for n, e in terms) or "0"


class Expander:
    """Turns CSV of transactions into text for COPY, chunk by chunk."""

    def __init__(self, plan, first_id):
        self.plan, self.next_id = plan, first_id
        self.clock = self.posted_at = None  # to be set before the first chunk
        self.numbers = itertools.count()
        self.connection = duckdb.connect(config={"threads": threads()})
        deepest = max(len(r[-1]) for r in plan.routes)
        columns = {k: [r[i] for r in plan.routes] for i, k in enumerate(plan.keys)}
        for d in range(deepest):
            for x, which in (("c", 0), ("t", 1)):
                columns[f"{x}{d}"] = pyarrow.array([r[-1][d][which] if d < len(r[-1]) else None for r in plan.routes], pyarrow.int32())
        routes = pyarrow.table(columns)
        self.connection.register("route_arrow", routes)
        self.connection.execute("CREATE TABLE route AS SELECT * FROM route_arrow")
        # what each template computes, and its accounts, where templates share a computation
        widest = max(len(t.lines) for t in plan.templates)
        table = {"template": list(range(len(plan.templates))), "calc": [t.calc for t in plan.templates]}
        for k in range(widest):
            table[f"a{k}"] = pyarrow.array([t.lines[k].account if k < len(t.lines) else None for t in plan.templates], pyarrow.string())
        self.connection.register("template_arrow", pyarrow.table(table))
        self.connection.execute("CREATE TABLE template_of AS SELECT * FROM template_arrow")
        self.routed = self.routed_sql(deepest)
        self.accounts = "LEFT JOIN (SELECT * EXCLUDE (calc) FROM template_of) USING (template)" if len(plan.calcs) < sum(bool(t.lines) for t in plan.templates) else ""
        self.lines = by("calc", {n: self.lines_sql(n) for n in range(len(plan.calcs))}, None)
        self.file = tempfile.NamedTemporaryFile(prefix="bench", suffix=".csv")

    def routed_sql(self, deepest):
        plan = self.plan
        columns = plan.columns()
        types = {c: "BIGINT" if c == "txn_id" else "DATE" if c == "bank_value_date" else f"DECIMAL(18,{SCALE})" if c in AMOUNTS else "VARCHAR" for c in columns}
        amounts = [c for c in columns if c in AMOUNTS]
        conditions = [parse(c, "condition") for c in plan.conditions]
        tried = ""
        for d in range(deepest):
            holds = f"c{d} = -1"
            for n, c in enumerate(conditions):
                if any(len(r[-1]) > d and r[-1][d][0] == n for r in plan.routes):
                    holds += f" OR (c{d} = {n} AND {c})"
            tried += f" WHEN {holds} THEN t{d}"
        values = {}
        for n, calc in enumerate(plan.calcs):
            for e, (amount, condition) in enumerate(calc.base):
                value = parse(amount, "amount")
                if condition is not None:
                    value = f"CASE WHEN {parse(condition, 'condition')} THEN {value} ELSE 0 END"
                values.setdefault(e, {})[n] = value
        rests, numbers = {}, range(len(plan.calcs))
        for n, calc in enumerate(plan.calcs):
            for i, terms in enumerate(calc.rest):
                rests.setdefault(len(calc.base) + i, {})[n] = weighted(terms, "b")
        # a number that is the base of one computation may be the rest of another
        count = max(list(values) + list(rests)) + 1
        base = ", ".join(f"{by('calc', values[e], None if len(values[e]) == len(plan.calcs) else '0') if e in values else '0::BIGINT'} AS b{e}" for e in range(count))
        rest = ", ".join(f"{by('calc', {n: v for n, v in rests[e].items()}, None if len(rests[e]) == len(plan.calcs) else f'b{e}') if e in rests else f'b{e}'} AS e{e}"
                         for e in range(count))
        self.count = count
        checks = {n: [c for c in (calc.unbalanced(f) for f in sorted({x.fund for x in calc.lines})) if c] for n, calc in enumerate(plan.calcs)}
        differs = by("calc", {n: " OR ".join(f"{weighted(c)} <> 0" for c in checks[n]) or "false" for n in numbers}, None)
        journal = by("calc", {n: f"{weighted(plan.calcs[n].unbalanced())} <> 0" for n in numbers}, None)
        negative = by("calc", {n: "CASE " + " ".join(f"WHEN e{x.e} < 0 THEN {x.line_no}" for x in sorted(calc.lines, key=lambda x: (x.amount is None, x.line_no))) + " END"
                               for n, calc in enumerate(plan.calcs) if calc.reject_negative} or {-2: "0"})
        def total(calc):
            sums = {}
            for line in calc.lines:
                old = sums.get(line.e, (0, 0))
                sums[line.e] = (old[0] + line.is_debit, old[1] + (not line.is_debit))
            return " + ".join(f"CASE WHEN e{e} >= 0 THEN {d} * e{e} ELSE -{c} * e{e} END" for e, (d, c) in sums.items())
        def count_of(calc):
            return " + ".join(f"(e{line.e} <> 0)::INTEGER" for line in calc.lines)
        return f"""
CREATE OR REPLACE TABLE routed AS
SELECT *, CASE WHEN refusal IS NOT NULL THEN refusal WHEN template IS NULL THEN 'NO_TEMPLATE' WHEN negative_line IS NOT NULL THEN 'NEGATIVE_AMOUNT'
               WHEN line_count = 0 THEN 'NO_LINES' WHEN differs AND journal THEN 'UNBALANCED' WHEN differs THEN 'UNBALANCED_FUND' END AS reason
FROM (SELECT *, {by('calc', {n: total(c) for n, c in enumerate(plan.calcs)}, None)} AS total,
             {by('calc', {n: count_of(c) for n, c in enumerate(plan.calcs)}, None)} AS line_count,
             {differs} AS differs, {journal} AS journal, {negative} AS negative_line
      FROM (SELECT * EXCLUDE ({', '.join(f'b{e}' for e in range(count))}), {rest}
            FROM (SELECT je_id, txn_id, bank_value_date, entity_code, txn_type, product_code, channel, policy_no, currency, refusal, template, calc, {base}
                  FROM (SELECT x.*, k.calc
                        FROM (SELECT * EXCLUDE ({', '.join(f'c{d}, t{d}' for d in range(deepest))}),
                                     CASE WHEN bank_value_date NOT BETWEEN DATE '{plan.first_date}' AND DATE '{plan.last_date}' THEN 'BAD_DATE'
                                          WHEN currency NOT IN ({', '.join(map(literal, plan.currencies))}) THEN 'UNKNOWN_CURRENCY' END AS refusal,
                                     CASE{tried} END AS template
                              FROM (SELECT * REPLACE ({', '.join(f'({a} * {10 ** SCALE})::BIGINT AS {a}' for a in amounts)}), row_number() OVER () + $first AS je_id
                                    FROM read_csv($file, header = false, auto_detect = false, columns = {types}))
                              LEFT JOIN route {'USING (' + ', '.join(plan.keys) + ')' if plan.keys else 'ON true'})
                        AS x LEFT JOIN template_of AS k ON k.template = x.template
                        WHERE x.refusal IS NOT NULL OR x.template IS NULL OR k.calc >= 0))))"""

    def lines_sql(self, n):
        """The text of all lines of a transaction, by the first template of a computation, or the one that the row has."""
        templates = [t for t in self.plan.templates if t.calc == n]
        parts = []
        for k, line in enumerate(templates[0].lines):
            account = literal(line.account)
            if len({t.lines[k].account for t in templates}) > 1:
                account = f"a{k}"
            elif line.map:
                account = "CASE " + " ".join(
                    f"WHEN product_code = {literal(p)}" + ("" if c is None else f" AND channel = {literal(c)}") + f" THEN {literal(m)}"
                    for p, c, m in line.map) + f" ELSE {account} END"
            e = f"e{line.e}"
            # cents: PostgreSQL reads 12345e-2 as 123.45
            debit, credit = literal("e-2\t0\n"), literal("e-2\n")
            above, below = f"concat({e}, {debit})", f"concat({literal('0' + chr(9))}, -{e}, {credit})"
            if not line.is_debit:
                above, below = f"concat({literal('0' + chr(9))}, {e}, {credit})", f"concat(-{e}, {debit})"
            parts.append(f"CASE WHEN {e} = 0 THEN '' ELSE concat(before, {literal(f'{line.line_no}' + chr(9))}, middle, {account}, "
                         f"{literal(chr(9) + line.fund)}, after, CASE WHEN {e} > 0 THEN {above} ELSE {below} END) END")
        return "concat(" + ", ".join(parts) + ")"

    def arrow(self, sql):
        return self.connection.sql(sql).to_arrow_table()

    def text(self, sql):
        return ledger.arrow_bytes(self.arrow(sql).column(0))

    def chunk(self, csv):
        plan = self.plan
        self.file.seek(0)
        self.file.truncate()
        self.file.write(csv)
        self.file.flush()
        self.connection.execute(self.routed, {"file": self.file.name, "first": self.next_id})
        self.next_id += csv.count(b"\n")
        self.clock.lap("expand")
        codes = {n: literal(t.code) for n, t in enumerate(plan.templates)}
        versions = {n: t.version for n, t in enumerate(plan.templates)}
        shown = "CASE WHEN reason NOT IN ('BAD_DATE', 'UNKNOWN_CURRENCY', 'NO_TEMPLATE') THEN template END"
        text = self.text(f"""SELECT concat('1', e'\\t', txn_id, e'\\t{plan.month}\\tPRIMARY\\t', reason, e'\\t', coalesce({by(shown, codes)}, e'\\\\N'), e'\\t',
                                coalesce(({by(shown, versions)})::VARCHAR, e'\\\\N'), e'\\t',
                                CASE WHEN reason = 'NEGATIVE_AMOUNT' THEN negative_line::VARCHAR ELSE e'\\\\N' END, e'\\t', reason, e'\\n')
                             FROM routed WHERE reason IS NOT NULL""")
        self.clock.lap("validate")
        if text:
            yield "exception", None, text
        used = range(self.count)
        # one query for all months: planning it takes long where there are many computations
        made = self.arrow(f"""
            SELECT {self.lines} AS text, date_trunc('month', bank_value_date)::DATE AS month
            FROM (SELECT *, concat(je_id, e'\\t1\\t', txn_id, e'\\t', bank_value_date, e'\\t') AS before, concat(entity_code, e'\\tPRIMARY\\t') AS middle,
                         concat(e'\\t', currency, e'\\t', product_code, e'\\t', channel, e'\\t') AS after
                  FROM routed WHERE reason IS NULL) {self.accounts}""")
        for first, following in plan.months:
            rows = f"routed WHERE reason IS NULL AND bank_value_date >= DATE '{first}' AND bank_value_date < DATE '{following}'"
            text = ledger.arrow_bytes(made.filter(pyarrow.compute.equal(made.column(1), datetime.date.fromisoformat(first))).column(0))
            if not text:
                continue
            yield "line", first, text
            table = f"header_{next(self.numbers)}"
            self.connection.execute(f"""CREATE TABLE {table} AS SELECT je_id, txn_id, bank_value_date, template, line_count, entity_code, txn_type, product_code,
                                        channel, policy_no, currency, total FROM {rows}""")
            yield "header", first, Headers(self, first, table)
            totals = []
            keys = "template, entity_code, currency" + (", product_code, channel" if any(x.map for t in plan.templates for x in t.lines) else "")
            sums = ", ".join(f"sum(greatest(e{e}, 0))::BIGINT AS p{e}, sum(greatest(-e{e}, 0))::BIGINT AS m{e}, count(*) FILTER (WHERE e{e} <> 0) AS n{e}" for e in used)
            for row in self.arrow(f"SELECT {keys}, {sums} FROM {rows} GROUP BY ALL").to_pylist():
                totals += ledger.totals_of(plan.templates[row["template"]], [row])
            yield "total", first, totals


class Headers:
    """The headers of some journals of a month, whose numbers may be known only later."""

    def __init__(self, expander, month, table):
        self.expander, self.month, self.table = expander, month, table

    def counts(self):
        return dict(self.expander.connection.execute(f"SELECT entity_code, count(*) FROM {self.table} GROUP BY 1").fetchall())

    def text(self, last):
        """last: the number that an entity's journals begin after. None: without numbers, for staging."""
        plan = self.expander.plan
        codes = {n: literal(t.code) for n, t in enumerate(plan.templates)}
        versions = {n: t.version for n, t in enumerate(plan.templates)}
        tail = "e'\\n'"
        if last is not None:
            begin = "CASE entity_code " + " ".join(f"WHEN {literal(e)} THEN {n}" for e, n in last.items()) + " END"
            tail = (f"e'\\t{self.month[:4]}{self.month[5:7]}-', lpad((row_number() OVER (PARTITION BY entity_code ORDER BY je_id) + {begin})::VARCHAR, 9, '0'), "
                    f"e'\\t{self.expander.posted_at}\\n'")
        text = self.expander.text(f"""
            SELECT concat(je_id, e'\\t1\\t', txn_id, e'\\t', bank_value_date, e'\\t{plan.month}\\t', {by('template', versions)}, e'\\t', line_count, e'\\t',
                          entity_code, e'\\tPRIMARY\\t', {by('template', codes)}, e'\\t', txn_type, e'\\t', product_code, e'\\t', channel, e'\\t',
                          coalesce(policy_no, e'\\\\N'), e'\\t', currency, e'\\t', total, e'e-2\\t', total, e'e-2\\t\\\\N\\t\\\\N', {tail}) FROM {self.table}""")
        self.expander.connection.execute(f"DROP TABLE {self.table}")
        return text
