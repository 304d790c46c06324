"""### A month of ledger_engine

rotate → load → create_run → expand → validate → post → check_snapshot → archive → health, once a month for the month before, or
by hand for any month.

Every task can be tried, or cleared, again. The tasks name the engine's run by a key made of this DAG run's `run_id`:

- a file that this DAG run has loaded is not loaded again;
- what is posted stays posted, and is not posted again;
- what is not posted is discarded when an attempt follows one that failed: that attempt creates and expands the run again;
- where no attempt follows, the run is discarded, and its transactions are free for another run.

See README.md beside this file for the connection, the roles and the parameters.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
from airflow.providers.common.sql.operators.sql import SQLCheckOperator, SQLExecuteQueryOperator
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import DAG, Param, task
from airflow.sdk.exceptions import AirflowFailException
from airflow.timetables.interval import CronDataIntervalTimetable
from psycopg.errors import UniqueViolation

log = logging.getLogger(__name__)

DAG_ID = "ledger_month"
CONNECTION = "ledger"
TIMEZONE = "UTC"  # in which months begin

# Settings of each session. A session whose client is gone, or cannot be reached, ends by itself and gives its locks back.
# An "options" in the connection's extra replaces them all.
SESSION = {
    "client_connection_check_interval": "10s",
    "tcp_keepalives_idle": "60s",
    "tcp_keepalives_interval": "10s",
    "tcp_keepalives_count": "6",
    "idle_in_transaction_session_timeout": "10min",
    # Functions that write refuse other levels, which the database may have as its default. (A blank is escaped for libpq.)
    "default_transaction_isolation": "read\\ committed",
    "lock_timeout": "10min",
    "statement_timeout": "6h",
}

# What is in the file, which has a header with these names.
COLUMNS = (
    "txn_id", "txn_month", "bank_value_date", "entity_code", "txn_type", "product_code", "channel", "policy_no", "currency",
    "gross_amount", "tabarru_amount", "tanahud_amount", "investment_amount", "ujroh_amount", "attributes",
)  # fmt: skip

# Rendered by Airflow, and handed to the server as parameters: no SQL is put together from them.
MONTH = "{{ params.month or (dag_run.data_interval_start or dag_run.run_after).astimezone(dag.timezone).strftime('%Y-%m-01') }}"
RUN_KEY = "{{ ti.dag_id }}/{{ ti.run_id }}"

# The run's month, the one in which it is made, and the next.
ROTATE = """
SELECT (SELECT count(*) FROM acct.rotate_txn_source_partitions(2, %(month)s::date)) AS source_partitions,
       (SELECT count(*) FROM acct.rotate_ledger_partitions(2, %(month)s::date)) AS ledger_partitions"""

CREATE_RUN = "SELECT acct.create_run(%(month)s::date, %(run_key)s) AS run_id"

# create_run gives the run that has the key, and makes one where it was discarded; an expanded run is not expanded again.
EXPAND = """
SELECT coalesce(sum(transactions), 0)::bigint AS transactions, sum(journals)::bigint AS journals, sum(lines)::bigint AS lines,
       sum(exceptions)::bigint AS exceptions, sum(ignored)::bigint AS ignored, bool_and(already_done) AS already_done
  FROM acct.expand_journals(acct.create_run(%(month)s::date, %(run_key)s))"""

VALIDATE = "SELECT * FROM acct.check_run(%(run_key)s)"

FAILED_CHECKS = """
SELECT v.check_name, v.expected, v.actual
  FROM acct.journal_run AS r CROSS JOIN LATERAL acct.validate_run(r.run_id) AS v
 WHERE r.run_key = %(run_key)s AND r.status <> 'discarded' AND NOT v.passed"""

POST = """
SELECT sum(journals)::bigint AS journals, sum(lines)::bigint AS lines, sum(debit) AS debit, sum(credit) AS credit,
       bool_and(already_done) AS already_done
  FROM acct.post_journals(acct.create_run(%(month)s::date, %(run_key)s))"""

# The months that the run posted to: a transaction's date decides, not the month that it was loaded for.
SNAPSHOT_DIFFERENCES = """
SELECT d.*
  FROM (SELECT DISTINCT t.je_month
          FROM acct.journal_run AS r JOIN acct.journal_run_total AS t USING (run_id)
         WHERE r.run_key = %(run_key)s AND r.status IN ('posted', 'reversed')) AS m
 CROSS JOIN LATERAL acct.check_balance_snapshot(m.je_month) AS d"""

CHECK_SNAPSHOT = f"SELECT count(*) = 0 AS snapshot_equals_lines FROM ({SNAPSHOT_DIFFERENCES}) AS d"

ARCHIVE = """
SELECT count(*) FILTER (WHERE action <> 'skip') AS done, count(*) FILTER (WHERE action = 'skip') AS skipped
  FROM acct.apply_retention()"""

HEALTH = "SELECT count(*) = 0 AS nothing_critical FROM acct.health() WHERE status = 'critical'"

NOT_HEALTHY = "SELECT status, check_name, detail, hint FROM acct.health() WHERE status <> 'ok' ORDER BY status"


def session_options(name: str) -> str:
    """Settings of a session, in the form of libpq's option "options"; name says in pg_stat_activity what it is for."""
    return " ".join(f"-c {key}={value}" for key, value in {**SESSION, "application_name": f"{DAG_ID}.{name}"}.items())


def hook(name: str) -> PostgresHook:
    return PostgresHook(postgres_conn_id=CONNECTION, options=session_options(name))


def one_row(cursor: Any) -> dict[str, Any] | None:
    """The row of a result, for XCom: a few numbers and texts by column."""
    row = cursor.fetchone()
    if row is None:
        return None
    return {
        column.name: value if isinstance(value, (bool, int, str, type(None))) else str(value)
        for column, value in zip(cursor.description, row)
    }


def cancel_run(run_key: str) -> None:
    """Stops the session that works on the run, if there is one, and discards what is not posted."""
    sql = "SELECT run_id, outcome, sessions_stopped FROM acct.cancel_run(%(run_key)s)"
    row = hook("cancel_run").get_first(sql, parameters={"run_key": run_key})
    log.info("cancel_run(%s): run %s, %s, %s sessions stopped", run_key, *row)


def cancel_after_failure(context: Mapping[str, Any]) -> None:
    """For on_failure_callback: no attempt follows."""
    cancel_run(f"{context['ti'].dag_id}/{context['ti'].run_id}")


class RunStep(SQLExecuteQueryOperator):
    """A statement that works on the run.

    What an attempt that failed left, perhaps a session that still works, is ended before the next attempt begins; that one
    first executes the statement "afresh", if there is one.
    """

    def __init__(self, *, afresh: str | None = None, **kwargs: Any) -> None:
        super().__init__(autocommit=True, handler=one_row, **kwargs)
        self.afresh = afresh

    def execute(self, context: Any) -> Any:
        begin_attempt(self, context)
        return super().execute(context)

    def on_kill(self) -> None:
        cancel_run(self.parameters["run_key"])


class Check(SQLCheckOperator):
    """SQLCheckOperator with parameters that are rendered.

    A check that fails is not tried again, a lost connection is. The log has the first rows of the query "reasons".
    """

    template_fields = tuple(dict.fromkeys((*SQLCheckOperator.template_fields, "parameters")))

    def __init__(self, *, reasons: str, **kwargs: Any) -> None:
        super().__init__(retry_on_failure=False, **kwargs)
        self.reasons = reasons

    def execute(self, context: Any) -> Any:
        try:
            return super().execute(context)
        except AirflowFailException:
            for row in self.get_db_hook().run(self.reasons, parameters=self.parameters, handler=lambda cursor: cursor.fetchmany(20)):
                log.error("%s", ", ".join(map(str, row)))
            raise


class RunCheck(Check):
    """A check of the run, begun as RunStep is."""

    def __init__(self, *, afresh: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.afresh = afresh

    def execute(self, context: Any) -> Any:
        begin_attempt(self, context)
        return super().execute(context)

    def on_kill(self) -> None:
        cancel_run(self.parameters["run_key"])


def begin_attempt(step: RunStep | RunCheck, context: Mapping[str, Any]) -> None:
    if context["ti"].try_number > 1:
        cancel_run(step.parameters["run_key"])
        if step.afresh:
            step.get_db_hook().run(step.afresh, autocommit=True, parameters=step.parameters)


def sql_task(operator: type, task_id: str, sql: str, **kwargs: Any) -> Any:
    """A task of the DAG's connection, with the month and the key of the run as parameters."""
    return operator(
        task_id=task_id,
        sql=sql,
        conn_id=CONNECTION,
        hook_params={"options": session_options(task_id)},
        parameters={"month": MONTH, "run_key": RUN_KEY},
        **kwargs,
    )


@task(multiple_outputs=False)
def load(month: str, file: str, run_key: str) -> dict[str, Any]:
    """Copies the month's file into the source, in one transaction, which is one batch; a batch that is there is not made again."""
    if not file:
        return {"file": None, "rows": 0, "already_done": False}
    path = Path(file.replace("{month}", month[:7]))
    source = f"{run_key} {path}"
    try:
        return {"file": str(path), **copy_file(path, source)}
    except UniqueViolation:
        # Another attempt, such as one of a worker that was lost, was loading the file: this one waited for its first row.
        if not is_loaded(source):
            raise
        return {"file": str(path), "rows": 0, "already_done": True}


def is_loaded(source: str) -> bool:
    return hook("load").get_first("SELECT count(*) > 0 FROM acct.txn_batch WHERE source = %s", parameters=(source,))[0]


def copy_file(path: Path, source: str) -> dict[str, Any]:
    """Copies the file in one transaction, unless a batch has this source.

    Two attempts need no lock: the source table has each transaction once, so the second one waits for the first.
    """
    if is_loaded(source):
        return {"rows": 0, "already_done": True}
    with path.open("rb") as data, hook("load").get_conn() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT set_config('ledger_engine.batch_source', %s, true)", (source,))
        statement = f"COPY acct.txn_source_parent ({', '.join(COLUMNS)}) FROM STDIN WITH (FORMAT csv, HEADER MATCH, ENCODING 'UTF8')"
        with cursor.copy(statement) as copy:
            while chunk := data.read(1 << 20):
                copy.write(chunk)
        return {"rows": cursor.rowcount, "already_done": False}


with DAG(
    dag_id=DAG_ID,
    description="A month of transactions, from file to ledger",
    doc_md=__doc__,
    # Not "@monthly": a run on 1 February is for January.
    schedule=CronDataIntervalTimetable("0 2 1 * *", timezone=TIMEZONE),
    start_date=pendulum.datetime(2025, 1, 1, tz=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    params={
        "month": Param(
            None,
            type=["null", "string"],
            format="date",
            description="First day of the month; empty: the month of the start of the data interval",
        ),
        "file": Param(
            "/srv/ledger/transactions-{month}.csv",
            type=["null", "string"],
            description="CSV file on the worker, {month} standing for YYYY-MM; empty: others load the month",
        ),
    },
    default_args={
        "retries": 3,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(minutes=30),
        "execution_timeout": timedelta(hours=6),
    },
    tags=["ledger"],
) as dag:
    of_the_run = {"on_failure_callback": cancel_after_failure}

    (
        sql_task(SQLExecuteQueryOperator, "rotate", ROTATE, handler=one_row)
        >> load(month=MONTH, file="{{ params.file or '' }}", run_key=RUN_KEY)
        >> sql_task(RunStep, "create_run", CREATE_RUN, **of_the_run)
        >> sql_task(RunStep, "expand", EXPAND, **of_the_run)
        >> sql_task(RunCheck, "validate", VALIDATE, reasons=FAILED_CHECKS, afresh=EXPAND, **of_the_run)
        >> sql_task(RunStep, "post", POST, afresh=EXPAND, **of_the_run)
        >> sql_task(Check, "check_snapshot", CHECK_SNAPSHOT, reasons=SNAPSHOT_DIFFERENCES)
        >> sql_task(SQLExecuteQueryOperator, "archive", ARCHIVE, handler=one_row)
        >> sql_task(Check, "health", HEALTH, reasons=NOT_HEALTHY)
    )
