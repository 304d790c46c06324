"""What integrations/clickhouse promises, tried with ClickHouse's engine and a server; called by test/clickhouse/run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, Callable, Optional

WORK = Path(sys.argv[1])
HERE = Path(__file__).resolve().parent
INTEGRATION = HERE.parents[1] / "integrations" / "clickhouse"
sys.path.insert(0, str(INTEGRATION))
import ledger_clickhouse  # noqa: E402

DATABASE = ROLE = "ledger_clickhouse"
ROWS = 500  # transactions of a load
KILLS = 8
PATIENCE = 60  # seconds that anything may take

counts = {"passed": 0, "failed": 0}


def check(name: str, got: Any, expected: Any = True) -> None:
    """A test: what was found is what was expected."""
    good = got == expected
    counts["passed" if good else "failed"] += 1
    print(f"{'ok' if good else 'not ok'} - {name}", flush=True)
    if not good:
        print(f"    expected {str(expected)[:3000]}\n    found    {str(got)[:3000]}", flush=True)


def check_in(name: str, part: str, text: str) -> None:
    check(name, part if part in text else text, part)


def wait_for(what: str, condition: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.01)


# PostgreSQL


def sql(*statements: str, database: str = DATABASE) -> str:
    """Executes as a superuser; rows as COPY writes them."""
    command = ["psql", "-X", "-q", "-A", "-t", "-F", "\t", "-P", "null=\\N", "-v", "ON_ERROR_STOP=1", "-d", database]
    for statement in statements:
        command += ["-c", statement]
    options = "-c client_min_messages=warning -c timezone=UTC " + os.environ.get("PGOPTIONS", "")
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PGOPTIONS": options})
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return done.stdout


made_roles: list[str] = []
seeds = iter(range(1, 1000))


def make_database() -> None:
    drop_database()
    sql(f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8'", database="postgres")
    sql("CREATE EXTENSION ledger_engine", "SELECT acct.install()", "SELECT acct.install_takaful_sample()")
    made_roles.extend(sql("SELECT role_name FROM acct.install_roles() WHERE created").split())
    sql("SELECT count(*) FROM acct.rotate_txn_source_partitions(2, '2025-01-01')")
    # As the README says, but for the time zone.
    sql(f"CREATE ROLE {ROLE} LOGIN PASSWORD 'secret' IN ROLE acct_bi_reader CONNECTION LIMIT 20",
        f"ALTER ROLE {ROLE} SET default_transaction_read_only = on", f"ALTER ROLE {ROLE} SET datestyle = 'ISO'",
        f"ALTER ROLE {ROLE} SET timezone = 'Asia/Jakarta'")


def drop_database() -> None:
    sql(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", database="postgres")
    for role in (ROLE, *made_roles):
        sql(f"DROP ROLE IF EXISTS {role}", database="postgres")


def new_run(month: str = "2025-01-01") -> int:
    """Loads transactions, and creates and expands a run of them."""
    seed = next(seeds)
    sql(f"SELECT acct.generate_sample_transactions('{month}', {ROWS}, {seed})")
    run_id = int(sql(f"SELECT acct.create_run('{month}', 'run-{seed}')"))
    sql(f"SELECT * FROM acct.expand_journals({run_id})")
    return run_id


def post(run_id: int) -> None:
    sql(f"SELECT * FROM acct.post_journals({run_id})")


def posted_run(month: str = "2025-01-01") -> int:
    run_id = new_run(month)
    post(run_id)
    return run_id


# ClickHouse


class Server:
    """The engine, with as much of an HTTP interface as is needed."""

    process: subprocess.Popen

    def start(self) -> None:
        port = WORK / "port"
        port.unlink(missing_ok=True)
        self.process = subprocess.Popen([sys.executable, HERE / "server.py", WORK / "clickhouse", port], stderr=(WORK / "server.log").open("a"))
        end = time.monotonic() + PATIENCE
        while not port.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("ClickHouse does not start: " + (WORK / "server.log").read_text()[-2000:])
            time.sleep(0.02)
        os.environ["CLICKHOUSE_URL"] = f"http://127.0.0.1:{port.read_text()}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


server = Server()


def clickhouse(statement: str, database: str = "ledger") -> list[list[Any]]:
    return ledger_clickhouse.ClickHouse(os.environ["CLICKHOUSE_URL"], "default", "", database).query(statement)


def value(statement: str, database: str = "ledger") -> Any:
    return clickhouse(statement, database)[0][0]


def start(command: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, INTEGRATION / "ledger_clickhouse.py", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(*arguments: str) -> tuple[int, str]:
    """The driver as a scheduler calls it: exit status and what it wrote."""
    done = subprocess.run([sys.executable, INTEGRATION / "ledger_clickhouse.py", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def run_here(command: str) -> tuple[int, str]:
    """The same in this process, where its parts can be replaced."""
    output = StringIO()
    with redirect_stdout(output), redirect_stderr(output):
        status = ledger_clickhouse.main([command])
    return status, output.getvalue()


# What both have

HEADER = """je_id, run_id, txn_id, je_date, txn_month, template_version, line_count, entity_code, basis, template_code, txn_type, product_code,
channel, currency, policy_no, total_debit, total_credit, reversal_of, memo, je_number"""
ZEROS = "SETTINGS output_format_decimal_trailing_zeros = 1"  # as PostgreSQL shows numeric(20,4)
LINE = "je_id, run_id, txn_id, je_date, line_no, entity_code, basis, account_code, fund, currency, product_code, channel, debit, credit"


def as_text(rows: list[list[Any]]) -> str:
    return "".join("\t".join("\\N" if v is None else str(v) for v in row) + "\n" for row in rows)


def same_rows(name: str, database: str = "ledger", schema: Optional[dict[str, str]] = None) -> None:
    """The copy has the ledger's rows, each once, with every column."""
    source = {"header": "acct.ledger_entry_header", "line": "acct.ledger_entry_line", **(schema or {})}
    check(f"{name}: journals", as_text(clickhouse(f"SELECT {HEADER}, toString(posted_at) FROM ledger_entry_header ORDER BY je_id {ZEROS}", database)),
          sql(f"SELECT {HEADER}, to_char(posted_at, 'YYYY-MM-DD HH24:MI:SS.US') FROM {source['header']} ORDER BY je_id"))
    check(f"{name}: lines", as_text(clickhouse(f"SELECT {LINE} FROM ledger_entry_line ORDER BY je_id, line_no {ZEROS}", database)),
          sql(f"SELECT {LINE} FROM {source['line']} ORDER BY je_id, line_no"))


def is_whole() -> bool:
    """Each run that can be seen is there with all its rows, and no other row is."""
    seen = {int(r[0]): int(r[1]) for r in clickhouse("SELECT run_id, count() FROM ledger_entry_line GROUP BY run_id")}
    return seen == {run_id: run.lines for run_id, run in ledger_clickhouse.Copy(ledger_clickhouse.ClickHouse(
        os.environ["CLICKHOUSE_URL"], "default", "", "ledger")).loaded().items() if run.lines}


def reload(run_id: int) -> tuple[int, str]:
    """Has a run loaded again, as the README says."""
    clickhouse(f"DELETE FROM loaded_run WHERE run_id = {run_id}")
    return run("load")


# The tests


def test_set_up() -> None:
    check("usage", run("nothing"), (2, "usage: ledger_clickhouse.py install | load | check\n"))
    check("help", run("--help")[0], 0)
    clickhouse(f"""CREATE NAMED COLLECTION ledger_postgres AS host = '{os.environ["PGHOST"]}', port = {os.environ.get("PGPORT", "5432")},
        user = '{ROLE}', password = 'secret', database = '{DATABASE}'""", database="default")
    check("install", run("install"), (0, ""))
    check("install again", run("install"), (0, ""))
    check("a ledger without entries", (run("load"), run("check")), ((0, ""), (0, "")))


def test_runs_out_of_order() -> None:
    first = new_run()
    second = posted_run()
    status, output = run("load")
    check_in("times that are not in UTC are refused", "PostgreSQL does not show times in UTC: ALTER ROLE", output)
    check("with status 2", status, 2)
    sql(f"ALTER ROLE {ROLE} SET timezone = 'UTC'")
    sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'")
    status, output = run("load")
    check_in("the run that is posted is loaded", f"run {second}: ", output)
    check("the other is not", (status, [int(r[0]) for r in clickhouse("SELECT DISTINCT run_id FROM ledger_entry_line")]), (0, [second]))
    post(first)
    status, output = run("load")
    check_in("an earlier run that is posted later", f"run {first}: ", output)
    same_rows("both")
    # Its one transaction has no template.
    sql("SELECT * FROM acct.rotate_txn_source_partitions(0, '2025-03-01')")
    sql("INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, gross_amount, ujroh_amount) "
        "VALUES (1, '2025-03-01', '2025-03-15', 'NONE', 'NONE', 'NONE', 1, 1)")
    sql("SELECT * FROM acct.run_month('2025-03-01', 'empty')")
    check_in("a run without entries", ": 0 journals, 0 lines, months none, ", run("load")[1])
    check("a repeat does nothing", run("load"), (0, ""))
    check("and adds nothing", (int(value("SELECT count() FROM loaded_run")), is_whole()), (3, True))
    check("check", run("check"), (0, ""))


def test_reports() -> None:
    months = sql("SELECT DISTINCT snapshot_month FROM acct.account_balance_snapshot ORDER BY 1").split()
    check("months of balances", len(months) >= 2)
    names = "entity_code, fund, account_code, description, account_type, currency"
    figures = ("opening_balance", "period_debit", "period_credit", "closing_balance")
    for month in (*months, "2025-12-01"):
        found = clickhouse(
            f"SELECT {names}, {', '.join(figures)} FROM trial_balance(month = '{month}') WHERE basis = 'PRIMARY' "
            f"ORDER BY entity_code, fund, account_code, currency {ZEROS}"
        )
        check(f"trial balance of {month}", as_text(found), sql(
            f"SELECT {names}, {', '.join(f'round({f}, 4)' for f in figures)} FROM acct.trial_balance('{month}') "
            'ORDER BY entity_code COLLATE "C", fund COLLATE "C", account_code COLLATE "C", currency COLLATE "C"'
        ))
    found = clickhouse(f"SELECT month, fund, account_code, sum(result) FROM income_statement GROUP BY ALL ORDER BY 1, 2, 3 {ZEROS}")
    check("income statement", as_text(found), sql("""
        SELECT date_trunc('month', l.je_date)::date, l.fund, l.account_code, sum(l.credit - l.debit)
          FROM acct.ledger_entry_line AS l JOIN acct.chart_of_accounts AS a USING (account_code)
         WHERE a.account_type IN ('INCOME', 'EXPENSE') GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""))
    found = clickhouse(
        "SELECT product_code, channel, sum(amount), sum(lines) FROM account_month "
        f"WHERE account_code = '2210' AND month = '2025-01-01' GROUP BY ALL ORDER BY 1, 2 {ZEROS}"
    )
    check("an account's month by product and channel", as_text(found), sql("""
        SELECT product_code, channel, sum(debit - credit), count(*) FROM acct.ledger_entry_line
         WHERE account_code = '2210' AND je_date >= '2025-01-01' AND je_date < '2025-02-01' GROUP BY 1, 2 ORDER BY 1, 2"""))
    for statement in (INTEGRATION / "examples.sql").read_text().split(";\n"):
        if statement.strip():
            title = [line for line in statement.splitlines() if line.startswith("--")][-1]
            check(f"example: {title[3:]}", len(clickhouse(statement)) > 0)


def test_kills() -> None:
    """The driver, or ClickHouse itself, is killed: at random moments, and when lines have come."""
    whole = []
    for n in range(KILLS):
        if n % 4 == 0:
            posted_run()
        process = start("load")
        if n % 4 == 0:
            wait_for("lines of a load", lambda: value("SELECT count() > 0 FROM line_rows WHERE run_id NOT IN (SELECT run_id FROM loaded_run)"))
        else:
            time.sleep(random.uniform(0.05, 0.6))
        if n % 2 == 0:
            process.kill()
        else:
            server.kill()
            server.start()
        process.communicate()
        whole.append(is_whole())
    check(f"after each of {KILLS} kills every run is there wholly or not at all", whole, [True] * KILLS)
    check("then a load takes what lacks", run("load")[0], 0)
    same_rows("after kills")
    check("what was cut short is still there, unseen", int(value("SELECT count() FROM line_rows")) > int(value("SELECT count() FROM ledger_entry_line")))
    check("check lets it be for a day", run("check"), (0, ""))
    ledger_clickhouse.LEFTOVER_SECONDS = 0
    status, output = run_here("check")
    check_in("and deletes it then", "line_rows: deleted what was left of", output)
    check("with status 0", status, 0)
    check("nothing is left", value("SELECT count() FROM line_rows"), value("SELECT count() FROM ledger_entry_line"))
    same_rows("after it was deleted")


def test_many() -> None:
    run_id = posted_run()
    processes = [start("load") for _ in range(3)]
    outputs = [p.communicate()[0] for p in processes]
    check("three loads at once succeed", [p.returncode for p in processes], [0] * 3)
    check_in("the run is loaded", f"run {run_id}: ", "".join(outputs))
    same_rows("three loads at once")
    check("check after them", run("check"), (0, ""))


def replaced(name: str, function: Callable) -> Callable:
    """Replaces a method of the copy; returns what puts it back."""
    old = getattr(ledger_clickhouse.Copy, name)
    setattr(ledger_clickhouse.Copy, name, function)
    return lambda: setattr(ledger_clickhouse.Copy, name, old)


def test_posting_meanwhile() -> None:
    first = posted_run()
    compare = ledger_clickhouse.Copy.compare_balances
    later: list[int] = []

    def compare_late(copy: ledger_clickhouse.Copy, months: Optional[set[str]]) -> list[str]:
        if not later:
            later.append(posted_run())
        return compare(copy, months)

    restore = replaced("compare_balances", compare_late)
    status, output = run_here("load")
    restore()
    check("a run that is posted while balances are compared is loaded too", (status, [f"run {r}: " in output for r in (first, *later)]), (0, [True, True]))
    ledger_clickhouse.PATIENCE = 0
    check("not for ever", run_here("load"), (2, "ledger_clickhouse: runs are posted faster than balances can be compared\n"))
    ledger_clickhouse.PATIENCE = 10


def test_partitions_of_runs() -> None:
    """A large run has partitions of its own."""
    seed = next(seeds)
    sql("SET ledger_engine.run_partition_min_transactions = 0", f"SELECT acct.generate_sample_transactions('2025-01-01', {ROWS}, {seed})",
        f"SELECT * FROM acct.run_month('2025-01-01', 'run-{seed}')")
    check("a partition of its own", sql(f"SELECT cardinality(range_months) > 0 FROM acct.journal_run WHERE run_key = 'run-{seed}'"), "t\n")
    conditions = []
    copy = ledger_clickhouse.Copy.copy

    def copy_noted(self: ledger_clickhouse.Copy, table: str, load_id: int, source: str, condition: str) -> None:
        conditions.append((source, condition))
        copy(self, table, load_id, source, condition)

    restore = replaced("copy", copy_noted)
    check("a run with partitions of its own is loaded", run_here("load")[0], 0)
    restore()
    of_month = [c for source, c in conditions if source.endswith("line_amounts") and "je_date >= '2025-01-01'" in c]
    plan = "".join(sql(f"EXPLAIN SELECT {LINE} FROM acct_bi.line_amounts WHERE {c}") for c in of_month)
    check("of its month nothing else is read", ("_2025_01_run_" in plan, "_2025_01_rest" in plan), (True, False))
    same_rows("a run with partitions of its own")


def test_not_whole() -> None:
    """What does not agree with the ledger is not shown."""
    run_id = posted_run()
    some = f"run_id = {run_id} AND account_code = '1110' AND je_month = '2025-01-01' AND basis = 'PRIMARY' AND entity_code = 'MAIN' AND currency = 'IDR'"
    sql(f"UPDATE acct.journal_run_total SET debit = debit + 0.0001 WHERE {some}")
    status, output = run("load")
    account = "je_month 2025-01-01, entity_code MAIN, basis PRIMARY, fund OPERATOR, account_code 1110, currency IDR"
    check_in("a difference in one account", f"run {run_id}: {account}: found lines", output)
    check_in("the run is not loaded", f"run {run_id} is not loaded", output)
    check("with status 1, and is not seen", (status, is_whole(), value(f"SELECT count() FROM ledger_entry_line WHERE run_id = {run_id}")), (1, True, 0))
    sql(f"UPDATE acct.journal_run_total SET debit = debit - 0.0001 WHERE {some}")

    copy = ledger_clickhouse.Copy.copy

    def copy_less(self: ledger_clickhouse.Copy, table: str, load_id: int, source: str, condition: str) -> None:
        copy(self, table, load_id, source, condition + (" AND template_code <> 'CLAIM'" if table == "journal_rows" else ""))

    restore = replaced("copy", copy_less)
    status, output = run_here("load")
    restore()
    check_in("journals that lack", f"run {run_id}: found journals ", output)
    check_in("and their lines", ": found lines ", output)
    check("are not seen", (status, is_whole()), (1, True))
    check("then it is loaded", run("load")[0], 0)
    same_rows("after a load that was not whole")


def test_changed_rows() -> None:
    """Somebody changes rows in ClickHouse."""
    je_id, run_id = clickhouse("SELECT je_id, run_id FROM ledger_entry_line WHERE account_code = '1110' AND debit > 0 ORDER BY je_id LIMIT 1")[0]
    line, changed = f"WHERE je_id = {je_id} AND line_no = 1", "its rows were changed"
    current = "AND load_id IN (SELECT load_id FROM current_load)"
    for name, statement, parts in (
        ("a line is deleted", f"DELETE FROM line_rows {line}", ["balance: month", changed]),
        ("an amount is changed", f"ALTER TABLE line_rows UPDATE debit = debit + 1 {line}", ["balance: month", changed]),
        ("a line is doubled", f"INSERT INTO line_rows SELECT * FROM line_rows {line} {current}", ["balance: month", changed]),
        ("a product is changed", f"ALTER TABLE line_rows UPDATE product_code = 'X' {line}", [changed]),
        ("a journal is deleted", f"DELETE FROM journal_rows WHERE je_id = {je_id}", [changed]),
        ("a policy is changed", f"ALTER TABLE journal_rows UPDATE policy_no = NULL WHERE je_id = {je_id}", [changed]),
    ):
        clickhouse(statement)
        status, output = run("check")
        for part in parts:
            check_in(f"{name}: {part}", part, output)
        check(f"{name}: status", status, 1)
        check(f"{name}: loaded again", reload(run_id)[0], 0)
    check("check after changes", run("check"), (0, ""))
    same_rows("after changes")


def test_ledger_is_another() -> None:
    """The ledger was restored to an earlier time."""
    clickhouse("INSERT INTO loaded_run SELECT * REPLACE (999 AS run_id, 0 AS lines, 1 AS load_id) FROM loaded_run LIMIT 1")
    check("a run that is not in the ledger", run("load"), (1, "ledger_clickhouse: run 999: it is loaded, but not posted in the ledger\n"))
    clickhouse("DELETE FROM loaded_run WHERE run_id = 999")
    run_id = value("SELECT min(run_id) FROM loaded_run")
    sql(f"UPDATE acct.journal_run SET digest = reverse(digest) WHERE run_id = {run_id}")
    status, output = run("load")
    check_in("another run of that number", f"run {run_id}: loaded was journals", output)
    sql(f"UPDATE acct.journal_run SET digest = reverse(digest) WHERE run_id = {run_id}")
    check("the ledger's own again", (status, run("load")), (1, (0, "")))


def test_dimension() -> None:
    sql("SELECT acct.add_dimension('portfolio', 'text', on_lines => true)",
        "ALTER TABLE acct.txn_source_parent ALTER portfolio SET DEFAULT 'P1'")
    # As the README says.
    for table in ("journal_rows", "line_rows"):
        clickhouse(f"ALTER TABLE {table} ADD COLUMN portfolio LowCardinality(Nullable(String))")
    check("install after a column was added", run("install"), (0, ""))
    run_id = posted_run()
    check("load with the column", run("load")[0], 0)
    check("its values", as_text(clickhouse("SELECT run_id, portfolio FROM ledger_entry_line WHERE portfolio IS NOT NULL GROUP BY ALL")), f"{run_id}\tP1\n")
    check("check with the column", run("check"), (0, ""))


def test_year() -> None:
    query = f"SELECT month, fund, account_code, sum(result) FROM income_statement GROUP BY ALL ORDER BY 1, 2, 3 {ZEROS}"
    run("load")
    before = clickhouse(query)
    closed = "SELECT count(*) > 0 FROM acct.close_year('2024-12-31', 'MAIN', 'PRIMARY', ARRAY(SELECT finding FROM acct._closing_findings()), 'a test')"
    check("a year is closed", sql(closed), "t\n")
    check("its closing entries are loaded", (run("load")[0], value("SELECT count() > 0 FROM closing_run")), (0, 1))
    check("income statement before closing entries", as_text(clickhouse(query)), as_text(before))
    check("check after it", run("check"), (0, ""))


def test_archive() -> None:
    posted_run("2025-02-01")
    run("load")
    sql("SELECT acct.close_period('2024-12-01', b.entity_code, b.basis, ARRAY(SELECT finding FROM acct._closing_findings()), 'a test') FROM acct.ledger_book AS b")
    check("a month is archived", sql("SELECT acct.archive_partition('ledger_entry', '2024-12-01')"), "t\n")
    december = {
        part: f"(SELECT {columns} FROM acct.ledger_entry_{part} UNION ALL SELECT {columns} FROM acct_archive.ledger_entry_{part}_2024_12) AS x"
        for part, columns in (("header", f"{HEADER}, posted_at"), ("line", LINE))
    }
    check("check after it", run("check"), (0, ""))
    same_rows("its rows stay", schema=december)
    sql("SELECT acct.add_dimension('cohort', 'text', on_lines => true)")  # which the archived month lacks
    os.environ["CLICKHOUSE_DATABASE"] = "another"
    run("install")
    for table in ("journal_rows", "line_rows"):
        clickhouse(f"ALTER TABLE {table} ADD COLUMN portfolio Nullable(String), ADD COLUMN cohort Nullable(String)", "another")
    status, output = run("load")
    check("the archive is the auditor's to read", (status, "permission denied for schema acct_archive" in output), (2, True))
    sql(f"GRANT acct_auditor TO {ROLE}")
    check("a new copy is made from the archive too", (run("load")[0], run("check")), (0, (0, "")))
    same_rows("a new copy", "another", december)
    sql(f"REVOKE acct_auditor FROM {ROLE}")
    clickhouse("TRUNCATE TABLE loaded_run", "another")
    sql("UPDATE acct.archived_partition SET dropped_at = now()")
    run_id = sql("SELECT min(run_id) FROM acct.journal_run_total WHERE je_month = '2024-12-01'").strip()
    status, output = run("load")
    check_in("a month that was dropped", f"run {run_id} cannot be loaded: the ledger has dropped 2024-12", output)
    del os.environ["CLICKHOUSE_DATABASE"]
    check("but what was loaded before stays", (status, run("check")), (1, (0, "")))
    sql("UPDATE acct.archived_partition SET dropped_at = NULL", "SELECT acct.restore_partition('ledger_entry', '2024-12-01')")
    check("a month that was restored", (reload(int(run_id))[0], run("check")), (0, (0, "")))
    same_rows("after it was restored")


def test_unreachable() -> None:
    sql(f"ALTER ROLE {ROLE} NOLOGIN", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'")
    check("PostgreSQL cannot be reached", run("load")[0], 2)
    sql(f"ALTER ROLE {ROLE} LOGIN")
    check("and again", run("load"), (0, ""))
    os.environ["CLICKHOUSE_URL"] = "localhost:8123"
    check("no address", run("load"), (2, "ledger_clickhouse: CLICKHOUSE_URL is no http:// or https:// address: localhost:8123\n"))
    os.environ["CLICKHOUSE_URL"] = "http://127.0.0.1:9"
    status, output = run("load")
    check("ClickHouse cannot be reached", (status, "Connection refused" in output), (2, True))


def main() -> int:
    make_database()
    server.start()
    try:
        for test in (test_set_up, test_runs_out_of_order, test_reports, test_kills, test_many, test_posting_meanwhile, test_partitions_of_runs, test_not_whole,
                     test_changed_rows, test_ledger_is_another, test_dimension, test_year, test_archive, test_unreachable):
            began = time.monotonic()
            try:
                test()
            except Exception as error:
                check(f"{test.__name__}: {type(error).__name__}: {error}", False)
            print(f"# {test.__name__}: {time.monotonic() - began:.1f} s", flush=True)
    finally:
        server.kill()
        drop_database()
    print(f"{counts['passed']} passed, {counts['failed']} failed, 0 skipped")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
