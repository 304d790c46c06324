"""What integrations/airflow/ledger_month.py promises, tried with Airflow and a server; called by test/airflow/run."""

from __future__ import annotations

import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import psycopg

WORK = Path(sys.argv[1])
TOP = Path(__file__).resolve().parents[2]
DATABASE = "ledger_airflow"
OPERATOR = "ledger_airflow"
ROWS = 2000  # transactions of a month
PATIENCE = 60  # seconds that anything may take

counts = {"passed": 0, "failed": 0}


def check(name: str, got: Any, expected: Any = True) -> None:
    """A test: what was found is what was expected."""
    good = got == expected
    counts["passed" if good else "failed"] += 1
    print(f"{'ok' if good else 'not ok'} - {name}" + ("" if good else f"\n    expected {expected!r}\n    found    {got!r}"), flush=True)


def sql(statement: str, *parameters: Any, database: str = DATABASE) -> list[tuple]:
    """Executes as a superuser."""
    with psycopg.connect(dbname=database, autocommit=True) as connection:
        cursor = connection.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []


def value(statement: str, *parameters: Any) -> Any:
    return sql(statement, *parameters)[0][0]


def wait_for(what: str, condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.05)
    raise TimeoutError(what)


made_roles: list[str] = []

def month(before: int) -> str:
    """The first day of the month so many months before the current one."""
    today = datetime.now(timezone.utc)
    number = today.year * 12 + today.month - 1 - before
    return f"{number // 12}-{number % 12 + 1:02}-01"


def make_database() -> None:
    drop_database()
    sql(f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8'", database="postgres")
    sql("CREATE EXTENSION ledger_engine")
    sql("SELECT acct.install()")
    sql("SELECT acct.install_takaful_sample()")
    made_roles.extend(name for name, created in sql("SELECT role_name, created FROM acct.install_roles()") if created)
    # A site that has run the DAG every month, and keeps them all.
    sql("UPDATE acct.retention_policy SET active_months = 24 WHERE active_months IS NOT NULL")
    sql("SELECT * FROM acct.rotate_txn_source_partitions(14, %s)", month(12))
    sql("SELECT * FROM acct.rotate_ledger_partitions(14, %s)", month(12))
    sql(f"CREATE ROLE {OPERATOR} LOGIN IN ROLE acct_loader, acct_operator")


def drop_database() -> None:
    sql(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", database="postgres")
    for role in (OPERATOR, *made_roles):
        sql(f"DROP ROLE IF EXISTS {role}", database="postgres")


def make_file(month: str) -> None:
    """The month's file, of sample transactions, where the DAG looks for it."""
    from ledger_month import COLUMNS

    columns = ", ".join(COLUMNS)
    with psycopg.connect(dbname=DATABASE) as connection, (WORK / f"transactions-{month[:7]}.csv").open("wb") as file:
        query = f"COPY (SELECT {columns} FROM acct.sample_transactions('{month}', {ROWS}, {int(month[5:7])})) TO STDOUT WITH (FORMAT csv, HEADER)"
        with connection.cursor().copy(query) as copy:
            for chunk in copy:
                file.write(chunk)


def load_dag() -> Any:
    """The DAG as Airflow finds it, with retries that come at once."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    if bag.import_errors:
        raise RuntimeError(bag.import_errors)
    dag = bag.dags["ledger_month"]
    for task in dag.tasks:
        task.retry_delay = timedelta(seconds=0.2)
        task.retry_exponential_backoff = False
    return dag


class Run:
    """A run of the DAG, for the month before a day on which it would have been scheduled."""

    def __init__(self, dag: Any, month: str) -> None:
        self.dag, self.month = dag, month
        year, number = int(month[:4]), int(month[5:7])
        self.logical_date = datetime(year + number // 12, number % 12 + 1, 1, 2, tzinfo=timezone.utc)
        self.key = ""

    def go(self, **conf: Any) -> str:
        """All tasks, each as often as it has retries; returns the run's state."""
        conf = {"file": str(WORK / "transactions-{month}.csv"), **conf}
        run = self.dag.test(run_after=self.logical_date, logical_date=self.logical_date, run_conf=conf)
        self.key = f"{run.dag_id}/{run.run_id}"
        return str(run.state.value if hasattr(run.state, "value") else run.state)

    def metadata(self, statement: str) -> list[tuple]:
        with sqlite3.connect(os.environ["AIRFLOW_HOME"] + "/airflow.db") as connection:
            return connection.execute(statement, {"run_id": self.key.partition("/")[2]}).fetchall()

    def states(self) -> dict[str, str]:
        return dict(self.metadata("SELECT task_id, state FROM task_instance WHERE run_id = :run_id"))

    def attempts(self) -> dict[str, int]:
        return dict(self.metadata("SELECT task_id, try_number FROM task_instance WHERE run_id = :run_id"))

    def results(self) -> dict[str, Any]:
        """What the tasks put into XCom."""
        rows = self.metadata("SELECT task_id, value FROM xcom WHERE run_id = :run_id AND key = 'return_value'")
        results = {}
        for task_id, text in rows:
            results[task_id] = json.loads(text)
            while isinstance(results[task_id], str):
                results[task_id] = json.loads(results[task_id])
        return results

    def runs(self) -> list[str]:
        """States of the engine's runs that had the key, the oldest first."""
        return [row[0] for row in sql("SELECT status FROM acct.journal_run WHERE run_key = %s ORDER BY run_id", self.key)]

    def check_posted(self, name: str, runs: list[str]) -> None:
        """The month is in the ledger, once, and everything agrees."""
        check(f"{name}: runs", self.runs(), runs)
        check(
            f"{name}: each transaction is journalled, an exception or ignored",
            sql("SELECT transactions, journals + exceptions + ignored FROM acct.journal_run WHERE run_key = %s AND status = 'posted'", self.key),
            [(ROWS, ROWS)],
        )
        check(
            f"{name}: each journal is in the ledger once",
            sql(
                "SELECT count(*) = count(DISTINCT h.txn_id), count(*) = (SELECT sum(r.journals) FROM acct.journal_run AS r WHERE r.txn_month = %s"
                " AND r.status = 'posted'), sum(h.total_debit) = sum(h.total_credit) FROM acct.ledger_entry_header AS h WHERE h.txn_month = %s",
                self.month, self.month,
            ),  # fmt: skip
            [(True, True, True)],
        )
        check(f"{name}: nothing is left of other runs", leftovers(), [])
        check(f"{name}: balances", value("SELECT count(*) FROM acct.check_balance_snapshot()"), 0)


def leftovers() -> list[tuple]:
    """Claims, exceptions and staging of runs that were discarded."""
    return sql(
        "SELECT r.run_id FROM acct.journal_run AS r WHERE r.status = 'discarded' AND ("
        " EXISTS (SELECT FROM acct.journal_run_batch AS b WHERE b.run_id = r.run_id AND b.released_at IS NULL)"
        " OR EXISTS (SELECT FROM acct.je_exception AS e WHERE e.run_id = r.run_id AND e.voided_at IS NULL)"
        " OR to_regclass('acct.je_header_staging_' || r.run_id) IS NOT NULL)"
    )


def waiting_session(name: str) -> Callable[[], Any]:
    """The process of the session with this application_name that waits for a lock."""
    return lambda: sql(
        "SELECT pid FROM pg_stat_activity WHERE datname = %s AND application_name = %s AND cardinality(pg_blocking_pids(pid)) > 0",
        DATABASE, f"ledger_month.{name}",
    )  # fmt: skip


@contextmanager
def held(lock: str, task: str, then: Callable[[int], None]) -> Iterator[None]:
    """While the task waits for the lock, once, something is done with its session; then the lock is given back."""
    blocker = psycopg.connect(dbname=DATABASE)
    blocker.execute(lock)
    errors: list[Exception] = []

    def act() -> None:
        try:
            then(wait_for(f"{task} to wait for a lock", waiting_session(task))[0][0])
        except Exception as error:
            errors.append(error)
        finally:
            blocker.close()

    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    check(f"{task} was met while it worked", errors, [])


HOLD_LOAD = "LOCK TABLE acct.txn_source_parent IN SHARE MODE"
HOLD_EXPAND = "LOCK TABLE acct.je_line_staging IN SHARE MODE"
HOLD_POST = "LOCK TABLE acct.account_balance_snapshot IN SHARE MODE"


def terminate(pid: int) -> None:
    sql("SELECT pg_terminate_backend(%s)", pid)


def kill_task(pid: int) -> None:
    """As a worker is told to end a task; the task's process is this one."""
    os.kill(os.getpid(), signal.SIGTERM)
    wait_for("the session to be stopped", lambda: not sql("SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted", pid))


ALL = {"rotate", "load", "create_run", "expand", "validate", "post", "check_snapshot", "archive", "health"}
ONCE = dict.fromkeys(ALL, 1)
SUCCESS = dict.fromkeys(ALL, "success")


def test_definition(dag: Any) -> None:
    check("tasks", {task.task_id for task in dag.tasks}, ALL)
    check("one run at a time, and none for the past", (dag.max_active_runs, dag.catchup), (1, False))
    statements = [task.sql for task in dag.tasks if hasattr(task, "sql")] 
    statements += [getattr(task, name) or "" for task in dag.tasks for name in ("afresh", "reasons") if hasattr(task, name)]
    check("every task but load is SQL", len(statements), len(ALL) - 1 + 4 + 3)
    check("no template in SQL", [s for s in statements if "{{" in s or "{%" in s], [])


def test_month(dag: Any) -> None:
    run = Run(dag, month(8))
    make_file(run.month)
    check("a month: state", run.go(), "success")
    check("a month: tasks", run.states(), SUCCESS)
    check("a month: attempts", run.attempts(), ONCE)
    run.check_posted("a month", ["posted"])
    check("a month: batch", sql("SELECT source, loaded_by FROM acct.txn_batch"), [(f"{run.key} {WORK}/transactions-{run.month[:7]}.csv", OPERATOR)])
    results = run.results()
    posted = sql("SELECT run_id, journals, lines, debit::text, credit::text FROM acct.journal_run")[0]
    check("a month: run in XCom", results["create_run"], {"run_id": posted[0]})
    check("a month: file in XCom", results["load"]["rows"], ROWS)
    check("a month: posting in XCom", tuple(results["post"][k] for k in ("journals", "lines")), posted[1:3])
    check(
        "a month: trial balance",
        sql("SELECT sum(closing_balance), sum(period_debit), sum(period_credit) FROM acct.trial_balance(%s)", run.month),
        sql("SELECT 0::numeric, sum(debit), sum(credit) FROM acct.ledger_entry_line WHERE date_trunc('month', je_date) = %s::date", run.month),
    )
    steps = {row[0] for row in sql("SELECT step FROM acct.run_log WHERE run_id = %s", posted[0])}
    check("a month: steps logged", steps >= {"expand", "validate", "post"})
    ledger = "SELECT count(*), sum(debit), max(je_id) FROM acct.ledger_entry_line"
    before = sql(ledger)
    check("the same DAG run again: state", run.go(), "success")
    check("the same DAG run again: the ledger is as it was", sql(ledger), before)
    check("the same DAG run again: the file is not loaded again", run.results()["load"] | {"file": ""}, {"file": "", "rows": 0, "already_done": True})
    check("the same DAG run again: posting says so", run.results()["post"]["already_done"])
    run.check_posted("the same DAG run again", ["posted"])


def test_parameters(dag: Any) -> None:
    """A month by hand, which others have loaded."""
    run = Run(dag, month(0))
    sql("SELECT acct.generate_sample_transactions(%s, %s, 9)", month(1), ROWS)
    check("by hand: state", run.go(month=month(1), file=""), "success")
    check("by hand: load", run.results()["load"], {"file": None, "rows": 0, "already_done": False})
    run.month = month(1)
    run.check_posted("by hand", ["posted"])


def test_lost_connection(dag: Any) -> None:
    for before, task, lock, runs in (
        (7, "load", HOLD_LOAD, ["posted"]),
        (6, "expand", HOLD_EXPAND, ["discarded", "posted"]),
        (5, "post", HOLD_POST, ["discarded", "posted"]),
    ):
        run = Run(dag, month(before))
        make_file(run.month)
        with held(lock, task, terminate):
            state = run.go()
        check(f"connection lost in {task}: state", state, "success")
        check(f"connection lost in {task}: tasks", run.states(), SUCCESS)
        check(f"connection lost in {task}: attempts", run.attempts(), {**ONCE, task: 2})
        run.check_posted(f"connection lost in {task}", runs)


def test_load_beside_another(dag: Any) -> None:
    """An attempt of the load whose worker was lost is still loading; the next one waits for it, and loads nothing twice."""
    for before, commits in ((9, True), (10, False)):
        name = f"two loads, the first {'commits' if commits else 'rolls back'}"
        run = Run(dag, month(before))
        check(f"{name}: without the file", run.go(), "failed")
        make_file(run.month)
        path = WORK / f"transactions-{run.month[:7]}.csv"
        first = psycopg.connect(dbname=DATABASE, user=OPERATOR)
        first.execute("SELECT set_config('ledger_engine.batch_source', %s, true)", (f"{run.key} {path}",))
        from ledger_month import COLUMNS

        with first.cursor().copy(f"COPY acct.txn_source_parent ({', '.join(COLUMNS)}) FROM STDIN WITH (FORMAT csv, HEADER)") as copy:
            copy.write(path.read_bytes())
        waited: list[Any] = []

        def end_first() -> None:
            try:
                waited.append(wait_for("load to wait", waiting_session("load")))
            finally:
                first.commit() if commits else first.rollback()
                first.close()

        thread = threading.Thread(target=end_first)
        thread.start()
        state = run.go()
        thread.join()
        check(f"{name}: it waited", len(waited), 1)
        check(f"{name}: state", state, "success")
        result = run.results()["load"]
        check(f"{name}: load", (result["rows"], result["already_done"]), (0, True) if commits else (ROWS, False))
        check(f"{name}: one batch", value("SELECT count(*) FROM acct.txn_batch WHERE source = %s", f"{run.key} {path}"), 1)
        run.check_posted(name, ["posted"])


def test_killed_task(dag: Any) -> None:
    run = Run(dag, month(4))
    make_file(run.month)
    with held(HOLD_POST, "post", kill_task):
        state = run.go()
    check("task killed: state", state, "success")
    check("task killed: attempts", run.attempts(), {**ONCE, "post": 2})
    check("task killed: its session was cancelled", value("SELECT count(*) FROM acct.run_log WHERE step = 'cancel' AND detail @> '{\"sessions_stopped\": 1}'"), 1)
    run.check_posted("task killed", ["discarded", "posted"])


def test_failure(dag: Any) -> None:
    run = Run(dag, month(3))
    make_file(run.month)
    sql("SELECT * FROM acct.rotate_txn_source_partitions(0, %s)", run.month)
    sql(
        "INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, batch_id, txn_type, product_code, channel, gross_amount,"
        " tabarru_amount) VALUES (-1, %s, %s, 987654321, 'CONTRIB', 'P', 'C', 1, 1)",
        run.month, run.month,
    )  # fmt: skip
    check("a check fails: state", run.go(), "failed")
    check(
        "a check fails: tasks",
        run.states(),
        {**SUCCESS, "validate": "failed", "post": "upstream_failed", "check_snapshot": "upstream_failed", "archive": "upstream_failed", "health": "upstream_failed"},
    )
    check("a check fails: it is not tried again", run.attempts()["validate"], 1)
    check("a check fails: the run is discarded", run.runs(), ["discarded"])
    check("a check fails: nothing is left of it", leftovers(), [])
    check("a check fails: nothing is posted", value("SELECT count(*) FROM acct.ledger_entry_header WHERE txn_month = %s", run.month), 0)
    sql("DELETE FROM acct.txn_source_parent WHERE txn_id = -1")
    check("what failed, put right: state", run.go(), "success")
    run.check_posted("what failed, put right", ["discarded", "posted"])


def test_lost_worker(dag: Any) -> None:
    """The task's process is gone without a word; its session ends by itself, and the DAG run goes on."""
    run = Run(dag, month(2))
    make_file(run.month)
    blocker = psycopg.connect(dbname=DATABASE)
    blocker.execute(HOLD_POST)
    child = subprocess.Popen([sys.executable, __file__, WORK, run.month], stdout=subprocess.DEVNULL)
    # It loads Airflow first, which takes half a minute on a busy machine.
    pid = wait_for("post to wait for a lock", waiting_session("post"), 4 * PATIENCE)[0][0]
    child.kill()
    child.wait()
    wait_for("the session to end", lambda: not sql("SELECT 1 FROM pg_stat_activity WHERE pid = %s", pid))
    blocker.close()
    check("worker lost: the run waits", value("SELECT status FROM acct.journal_run WHERE txn_month = %s", run.month), "expanded")
    check("worker lost: state", run.go(), "success")
    run.check_posted("worker lost", ["posted"])


def test_xcom(dag: Any) -> None:
    rows = Run(dag, month(0)).metadata("SELECT task_id, length(value) FROM xcom WHERE :run_id IS NOT NULL")
    check("XCom: something, and small", (len(rows) > 0, [row for row in rows if row[1] > 300]), (True, []))
    check(
        "XCom: a row for a task",
        Run(dag, month(0)).metadata("SELECT run_id, task_id FROM xcom WHERE :run_id IS NOT NULL GROUP BY 1, 2 HAVING count(*) > 1"),
        [],
    )


def main() -> int:
    os.environ["AIRFLOW_CONN_LEDGER"] = json.dumps(
        {
            "conn_type": "postgres",
            "host": os.environ["PGHOST"],
            "port": int(os.environ.get("PGPORT", "5432")),
            "login": OPERATOR,
            "schema": DATABASE,
            "extra": {"keepalives": 1, "keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 6},
        }
    )
    sys.path.insert(0, str(TOP / "integrations/airflow"))
    logging.disable(logging.WARNING)
    if len(sys.argv) > 2:  # the worker that is lost
        Run(load_dag(), sys.argv[2]).go()
        return 0
    make_database()
    try:
        for test in (test_definition, test_month, test_parameters, test_lost_connection, test_load_beside_another, test_killed_task, test_failure, test_lost_worker, test_xcom):
            began = time.monotonic()
            try:
                test(load_dag())  # parameters stay with the object
            except Exception as error:
                check(f"{test.__name__} ends", repr(error), None)
            print(f"# {test.__name__}: {time.monotonic() - began:.1f} s", flush=True)
    finally:
        drop_database()
    print(f"{counts['passed']} passed, {counts['failed']} failed, 0 skipped")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
