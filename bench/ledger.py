"""What the clients share: the ledger's months, COPY, indexes, numbers, snapshot, and how they report."""

import datetime
import resource
import time
from collections import Counter

HEADER = ("je_id, run_id, txn_id, je_date, txn_month, template_version, line_count, entity_code, basis, template_code, txn_type, product_code, "
          "channel, policy_no, currency, total_debit, total_credit, reversal_of, memo, je_number, posted_at")
LINE = "je_id, run_id, txn_id, je_date, line_no, entity_code, basis, account_code, fund, currency, product_code, channel, debit, credit"
EXCEPTION = "run_id, txn_id, txn_month, basis, reason, template_code, template_version, line_no, message"
# Two sessions' worth: the key of the lines, and all the rest.
INDEXES = (
    ["CREATE UNIQUE INDEX ledger_entry_line_{0}_pkey ON peer.ledger_entry_line_{0} (je_id, line_no, je_date)"],
    ["CREATE INDEX ON peer.ledger_entry_line_{0} (account_code, fund)",
     "CREATE UNIQUE INDEX ledger_entry_header_{0}_pkey ON peer.ledger_entry_header_{0} (je_id, je_number, je_date)",
     "CREATE UNIQUE INDEX ledger_entry_header_{0}_number_key ON peer.ledger_entry_header_{0} (entity_code, basis, je_number)",
     "CREATE INDEX ON peer.ledger_entry_header_{0} USING brin (je_date)",
     "CREATE INDEX ON peer.ledger_entry_line_{0} USING brin (je_date)"],
)


class Clock:
    """Seconds by phase."""

    def __init__(self):
        self.phases, self.last = Counter(), time.perf_counter()

    def lap(self, phase):
        now = time.perf_counter()
        self.phases[phase] += now - self.last
        self.last = now


def suffix(month):
    return month[:7].replace("-", "_")


def months_of(connection, plan):
    """(first day, next month's first day) of the months that journals may fall in."""
    first, last = connection.execute(
        f"SELECT min(bank_value_date), max(bank_value_date) FROM {plan.table} WHERE bank_value_date BETWEEN %s AND %s",
        (plan.first_date, plan.last_date)).fetchone()
    months = []
    if first is not None:
        day = first.replace(day=1)
        while day <= last:
            following = (day + datetime.timedelta(days=32)).replace(day=1)
            months.append((str(day), str(following)))
            day = following
    return months


def make_months(connection, months, kept):
    for first, following in months:
        for table in ("ledger_entry_header", "ledger_entry_line"):
            name = f"peer.{table}_{suffix(first)}"
            if kept:
                connection.execute(f"CREATE TABLE {name} (LIKE peer.{table} INCLUDING ALL)")
                if table == "ledger_entry_header":
                    connection.execute(f"ALTER TABLE {name} ADD UNIQUE (entity_code, basis, je_number)")
                connection.execute(f"ALTER TABLE peer.{table} ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{following}')")
            else:
                connection.execute(f"CREATE TABLE {name} (LIKE peer.{table} INCLUDING CONSTRAINTS INCLUDING DEFAULTS, "
                                   f"CHECK (je_date >= '{first}' AND je_date < '{following}'))")


def build_indexes(connection, months, part):
    for first, _ in months:
        for statement in INDEXES[part]:
            connection.execute(statement.format(suffix(first)))


def attach_months(connection, months):
    for first, following in months:
        name = suffix(first)
        connection.execute(f"ALTER TABLE peer.ledger_entry_header_{name} ADD PRIMARY KEY USING INDEX ledger_entry_header_{name}_pkey")
        connection.execute(f"ALTER TABLE peer.ledger_entry_header_{name} ADD UNIQUE USING INDEX ledger_entry_header_{name}_number_key")
        connection.execute(f"ALTER TABLE peer.ledger_entry_line_{name} ADD PRIMARY KEY USING INDEX ledger_entry_line_{name}_pkey")
        for table in ("ledger_entry_header", "ledger_entry_line"):
            connection.execute(f"ALTER TABLE peer.{table} ATTACH PARTITION peer.{table}_{name} FOR VALUES FROM ('{first}') TO ('{following}')")


def copy_in(connection, target, parts):
    """COPY into a table (with its columns) from pieces of text."""
    with connection.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN") as copy:
        for part in parts:
            part = memoryview(part)
            for at in range(0, len(part), 1 << 20):
                copy.write(part[at:at + (1 << 20)])


def arrow_bytes(array):
    """The bytes of a column of text, as they lie in memory, in a list."""
    chunks = array.chunks if hasattr(array, "chunks") else [array]
    result = []
    for chunk in chunks:
        if len(chunk):
            wide = str(chunk.type).startswith("large")
            offsets = memoryview(chunk.buffers()[1]).cast("q" if wide else "i")
            result.append(memoryview(chunk.buffers()[2])[offsets[chunk.offset]:offsets[chunk.offset + len(chunk)]])
    return result


def totals_of(template, rows):
    """(entity, fund, account, currency, debit, credit, lines) from sums of a template's amounts: of e0, p0 is what is above 0, m0 what is
    below, n0 how many are not 0."""
    result = []
    for row in rows:
        for line in template.lines:
            account = line.account
            for product, channel, code in reversed(line.map):  # the best is first
                if row["product_code"] == product and channel in (None, row["channel"]):
                    account = code
            debit, credit = row[f"p{line.e}"], row[f"m{line.e}"]
            if not line.is_debit:
                debit, credit = credit, debit
            if row[f"n{line.e}"]:
                result.append((row["entity_code"], line.fund, account, row["currency"], debit, credit, row[f"n{line.e}"]))
    return result


def money(cents):
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def write_numbers(connection, numbers):
    """numbers: (entity, month): last number."""
    for (entity, month), last in numbers.items():
        connection.execute("INSERT INTO peer.journal_number (entity_code, basis, period_month, last_number) VALUES (%s, 'PRIMARY', %s, %s)",
                           (entity, month, last))


def write_snapshot(connection, months, totals):
    """totals: (month, entity, fund, account, currency): [debit, credit, lines], in cents. The ledger is empty before."""
    text, balance = [], {}
    for month, _ in months:
        for key in {k[1:] for k in totals}:
            debit, credit, lines = totals.get((month, *key), (0, 0, 0))
            opening = balance.get(key, 0)
            balance[key] = closing = opening + debit - credit
            if lines or opening:
                entity, fund, account, currency = key
                text.append("\t".join((entity, "PRIMARY", month, fund, account, currency, money(opening), money(debit), money(credit),
                                       money(closing), str(lines), "1")))
    copy_in(connection, "peer.account_balance_snapshot", ["".join(t + "\n" for t in text).encode()])


def report(phases, wall, processes=1):
    """A line for each phase, in ms; where several worked at once, their share of the wall time."""
    measured = sum(phases.values())
    for name in ("expand", "validate", "post", "balance"):
        print(f"phase {name} {round(1000 * wall * phases.get(name, 0) / measured)}")
    print(f"wall {round(1000 * wall)}")


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
