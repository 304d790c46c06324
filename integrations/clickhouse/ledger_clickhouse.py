#!/usr/bin/env python3
"""Copies the posted ledger into ClickHouse, run by run, and holds what is there against the ledger.

usage: ledger_clickhouse.py install | load | check

  install   makes the database, and executes schema.sql, which is beside this file
  load      takes the posted runs that are not there yet, and compares the balances of the months that they moved
  check     the same; then compares every run and every balance, and deletes what loads that were cut short have left

environment:
  CLICKHOUSE_URL        HTTP interface (default: http://localhost:8123)
  CLICKHOUSE_USER, CLICKHOUSE_PASSWORD
  CLICKHOUSE_DATABASE   (default: ledger)

Each can be stopped at any time and called again, also beside another that is still at work. What is wrong is written to standard
error, and the exit status is 1; it is 2 where the work could not be done.

ClickHouse reads PostgreSQL by itself. This tells it what to do, over HTTP, and needs nothing but Python 3.9.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
import time
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, Optional
from urllib.parse import urlencode, urlsplit

LEFTOVER_SECONDS = 86400  # what a load that began so long ago brought is deleted, unless its run has it
PATIENCE = 10  # times that balances are compared again because runs were posted meanwhile
SHOWN = 10  # differences of a kind that are written
SETTINGS = {
    "wait_end_of_query": 1,  # an error is the status of the answer
    "external_table_strict_query": 1,  # a condition that PostgreSQL cannot be given is an error, not a read of the whole ledger
    "session_timezone": "UTC",
    "output_format_json_quote_decimals": 1,
    "default_format": "JSONCompact",
}

ACCOUNT = "entity_code, basis, fund, account_code, currency"
# What row_hash covers: the columns that the engine makes. Those that a site adds are carried too.
JOURNAL_COLUMNS = (
    "je_id, run_id, ifNull(txn_id, 0), je_date, ifNull(txn_month, toDate(0)), ifNull(template_version, 0), line_count, entity_code, basis, "
    "ifNull(template_code, ''), ifNull(txn_type, ''), ifNull(product_code, ''), ifNull(channel, ''), currency, ifNull(policy_no, ''), "
    "total_debit, total_credit, ifNull(reversal_of, 0), ifNull(memo, ''), je_number, posted_at, journal_type, ifNull(original_date, toDate(0))"
)
LINE_COLUMNS = (
    "je_id, run_id, ifNull(txn_id, 0), je_date, line_no, entity_code, basis, account_code, fund, currency, ifNull(product_code, ''), "
    "ifNull(channel, ''), debit, credit"
)


class ClickHouse:
    """A server's HTTP interface."""

    def __init__(self, url: str, user: str, password: str, database: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"CLICKHOUSE_URL is no http:// or https:// address: {url}")
        self.connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.host, self.port = parts.hostname, parts.port or (8443 if parts.scheme == "https" else 8123)
        self.headers = {"X-ClickHouse-User": user, "X-ClickHouse-Key": password}
        self.database = database

    def query(self, statement: str, database: Optional[str] = None) -> list[list[Any]]:
        """Executes; decimals come as text."""
        connection = self.connect(self.host, self.port)
        try:
            connection.connect()
            # A statement may take hours; that the server's machine is gone shall be seen all the same.
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            parameters = urlencode({"database": database or self.database, **SETTINGS})
            connection.request("POST", f"/?{parameters}", statement.encode(), self.headers)
            response = connection.getresponse()
            body = response.read().decode()
        finally:
            connection.close()
        if response.status != 200:
            raise RuntimeError(body.strip() or f"HTTP status {response.status}")
        return json.loads(body)["data"] if body.strip() else []


def install(clickhouse: ClickHouse) -> None:
    clickhouse.query(f"CREATE DATABASE IF NOT EXISTS `{clickhouse.database}`", database="default")
    text = (Path(__file__).resolve().parent / "schema.sql").read_text(encoding="utf-8")
    for statement in text.split(";\n"):
        if statement.strip():
            clickhouse.query(statement)


class Run(NamedTuple):
    """A run as the ledger's journal_run, or loaded_run, has it."""

    journals: int
    lines: int
    debit: Decimal
    credit: Decimal
    digest: str

    @staticmethod
    def read(row: list[Any]) -> Run:
        return Run(int(row[0]), int(row[1]), Decimal(row[2]), Decimal(row[3]), row[4])

    def __str__(self) -> str:
        return f"journals {self.journals}, lines {self.lines}, debit {self.debit:f}, credit {self.credit:f}, digest {self.digest}"


def next_month(month: str) -> str:
    year, number = int(month[:4]), int(month[5:7])
    return f"{year + number // 12:04}-{number % 12 + 1:02}-01"


def in_months(months: Iterable[str]) -> str:
    """A condition for which ClickHouse reads these months' partitions only."""
    return f"toYYYYMM(je_date) IN ({', '.join(m[:4] + m[5:7] for m in months) or '0'})"


def lines_by(key: str, source: str) -> str:
    return f"SELECT {key}, count() AS lines, sum(debit) AS debits, sum(credit) AS credits FROM {source} GROUP BY ALL"


class Copy:
    """The ledger's copy in ClickHouse."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self.query = clickhouse.query
        self.is_wrong = False

    def report(self, *wrong: str) -> None:
        for text in wrong:
            self.is_wrong = True
            print(f"ledger_clickhouse: {text}", file=sys.stderr, flush=True)

    # What is there, and in the ledger

    def posted(self) -> dict[int, Run]:
        rows = self.query("SELECT run_id, journals, lines, debit, credit, digest, posted_at FROM source_run WHERE status IN ('posted', 'reversed')")
        # The times of journals are read as they are shown, without the zone.
        if not all(row[6].endswith("+00") for row in rows):
            raise RuntimeError("PostgreSQL does not show times in UTC: ALTER ROLE ... SET timezone = 'UTC', and SET datestyle = 'ISO'")
        return {int(row[0]): Run.read(row[1:]) for row in rows}

    def loaded(self) -> dict[int, Run]:
        rows = self.query("SELECT run_id, journals, lines, debit, credit, digest FROM loaded_run WHERE load_id IN (SELECT load_id FROM current_load)")
        return {int(row[0]): Run.read(row[1:]) for row in rows}

    def archived(self) -> dict[str, bool]:
        """Months that are not in the ledger's tables; true where they were dropped."""
        rows = self.query("SELECT month, dropped_at, restored_at FROM source_archive WHERE table_name = 'ledger_entry'")
        return {month: dropped is not None for month, dropped, restored in rows if restored is None}

    def differences(self, what: str, key: str, found: str, expected: str) -> list[str]:
        """Where lines, debits and credits by key are not as expected."""
        rows = self.query(
            f"SELECT {key}, sumIf(n, f), sumIf(d, f), sumIf(c, f), sumIf(n, NOT f), sumIf(d, NOT f), sumIf(c, NOT f) FROM ("
            f"SELECT {key}, toInt64(lines) AS n, debits AS d, credits AS c, true AS f FROM ({found}) UNION ALL "
            f"SELECT {key}, toInt64(lines), debits, credits, false FROM ({expected})) GROUP BY {key} "
            f"HAVING (sumIf(n, f), sumIf(d, f), sumIf(c, f)) <> (sumIf(n, NOT f), sumIf(d, NOT f), sumIf(c, NOT f)) ORDER BY {key} LIMIT {SHOWN}"
        )
        texts = []
        for row in rows:
            where = ", ".join(f"{name} {value}" for name, value in zip(key.split(", "), row))
            figures = "lines {}, debit {}, credit {}; expected lines {}, debit {}, credit {}".format(*row[-6:])
            texts.append(f"{what}: {where}: found {figures}")
        return texts

    # A run's way into ClickHouse

    def copy(self, table: str, load_id: int, source: str, condition: str) -> None:
        """Rows of a table of PostgreSQL, in those columns that there are here. Archived months lack columns that were added since."""
        schema, name = source.split(".")
        source = f"postgresql(ledger_postgres, schema = '{schema}', table = '{name}')"
        rows = self.query(f"SELECT name FROM system.columns WHERE database = currentDatabase() AND table = '{table}' AND name <> 'load_id'")
        there = {row[0] for row in self.query(f"DESCRIBE TABLE {source}")} if schema == "acct_archive" else None
        columns = ", ".join(f"`{name}`" for (name,) in rows if there is None or name in there)
        self.query(f"INSERT INTO {table} (load_id, {columns}) SELECT {load_id}, {columns} FROM {source} WHERE {condition}")

    def copy_month(self, run_id: int, load_id: int, month: str, archived: bool) -> None:
        # The views of acct_bi do not show months of the archive, which only acct_auditor may read.
        header, line = (f"acct_archive.ledger_entry_{part}_{month[:4]}_{month[5:7]}" for part in ("header", "line")) if archived else ("acct_bi.entries", "acct_bi.line_amounts")
        condition = f"run_id = {run_id} AND je_date >= '{month}' AND je_date < '{next_month(month)}'"
        self.copy("journal_rows", load_id, header, condition)
        # A month's lines are partitioned by je_id, and their key begins with it; there is no index of run_id.
        rows = self.query(f"SELECT min(je_id), max(je_id) FROM journal_rows WHERE load_id = {load_id} AND {in_months([month])}")
        self.copy("line_rows", load_id, line, f"{condition} AND je_id >= {int(rows[0][0])} AND je_id <= {int(rows[0][1])}")

    def not_whole(self, run_id: int, run: Run, load_id: int, months: list[str]) -> list[str]:
        """What a load brought, against what the ledger says of the run, account by account, and lines against journals."""
        rows = f"WHERE load_id = {load_id} AND {in_months(months)}"
        row = self.query(f"SELECT count(), sum(line_count), sum(total_debit), sum(total_credit) FROM journal_rows {rows}")[0]
        found = Run.read([*row, run.digest])
        return [f"run {run_id}: found {found}; expected {run}"] * (found != run) + self.differences(
            f"run {run_id}", f"je_month, {ACCOUNT}", lines_by(f"toStartOfMonth(je_date) AS je_month, {ACCOUNT}", f"line_rows {rows}"),
            f"SELECT je_month, {ACCOUNT}, line_count AS lines, debit AS debits, credit AS credits FROM source_run_total WHERE run_id = {run_id}",
        ) + self.differences(
            f"run {run_id}", "je_id", lines_by("je_id", f"line_rows {rows}"),
            f"SELECT je_id, line_count AS lines, total_debit AS debits, total_credit AS credits FROM journal_rows {rows}",
        )

    def row_hash(self, load_id: int, months: list[str]) -> int:
        rows = f"WHERE load_id = {load_id} AND {in_months(months)}"
        return int(self.query(
            f"SELECT sum(h) FROM (SELECT sipHash64({JOURNAL_COLUMNS}) AS h FROM journal_rows {rows} "
            f"UNION ALL SELECT sipHash64({LINE_COLUMNS}) FROM line_rows {rows})"
        )[0][0])

    def load_run(self, run_id: int, run: Run, archived: dict[str, bool]) -> list[str]:
        """Takes a run, whose rows are seen from the last statement on; returns its months."""
        load_id = time.time_ns()
        began = time.monotonic()
        months = sorted(row[0] for row in self.query(f"SELECT DISTINCT je_month FROM source_run_total WHERE run_id = {run_id}"))
        gone = [month[:7] for month in months if archived.get(month)]
        if gone:
            self.report(f"run {run_id} cannot be loaded: the ledger has dropped {', '.join(gone)}")
            return []
        for month in months:
            self.copy_month(run_id, load_id, month, month in archived)
        wrong = self.not_whole(run_id, run, load_id, months)
        if wrong:
            self.report(*wrong, f"run {run_id} is not loaded")
            return []
        self.query(
            "INSERT INTO loaded_run (run_id, load_id, run_key, txn_month, posted_at, journals, lines, debit, credit, digest, row_hash) "
            f"SELECT run_id, {load_id}, run_key, txn_month, parseDateTime64BestEffort(assumeNotNull(posted_at), 6, 'UTC'), {run.journals}, {run.lines}, "
            f"toDecimal128('{run.debit:f}', 4), toDecimal128('{run.credit:f}', 4), '{run.digest}', {self.row_hash(load_id, months)} "
            f"FROM source_run WHERE run_id = {run_id}"
        )
        print(
            f"run {run_id}: {run.journals} journals, {run.lines} lines, months {', '.join(m[:7] for m in months) or 'none'}, "
            f"{time.monotonic() - began:.1f} s", flush=True,
        )
        return months

    # Comparisons of what can be seen

    def compare_runs(self, posted: dict[int, Run], loaded: dict[int, Run]) -> None:
        """After the ledger was restored to an earlier time, a run may be gone, or its number have gone to another."""
        for run_id, run in sorted(loaded.items()):
            if run_id not in posted:
                self.report(f"run {run_id}: it is loaded, but not posted in the ledger")
            elif run != posted[run_id]:
                self.report(f"run {run_id}: loaded was {run}; the ledger has {posted[run_id]}")

    def compare_balances(self, months: Optional[set[str]]) -> list[str]:
        """Lines against the ledger's balances, in some months or all."""
        here = there = ""
        if months is not None:
            here = f"WHERE {in_months(months)}"
            there = "WHERE month IN ({})".format(", ".join(f"'{month}'" for month in sorted(months)))
        return self.differences(
            "balance", f"month, {ACCOUNT}", lines_by(f"toStartOfMonth(je_date) AS month, {ACCOUNT}", f"ledger_entry_line {here}"),
            f"SELECT month, {ACCOUNT}, line_count AS lines, period_debit AS debits, period_credit AS credits FROM source_balance {there}",
        )

    def compare_rows(self) -> None:
        """Rows against what they were when they were loaded."""
        rows = self.query(
            "SELECT r.run_id, r.journals, r.lines, s.journals, s.lines "
            "FROM (SELECT * FROM loaded_run WHERE load_id IN (SELECT load_id FROM current_load)) AS r LEFT JOIN ("
            "SELECT load_id, countIf(j) AS journals, countIf(NOT j) AS lines, sum(h) AS row_hash FROM ("
            f"SELECT load_id, true AS j, sipHash64({JOURNAL_COLUMNS}) AS h FROM journal_rows UNION ALL "
            f"SELECT load_id, false, sipHash64({LINE_COLUMNS}) FROM line_rows) GROUP BY load_id) AS s ON s.load_id = r.load_id "
            f"WHERE s.journals <> r.journals OR s.lines <> r.lines OR s.row_hash <> r.row_hash ORDER BY r.run_id LIMIT {SHOWN}"
        )
        for row in rows:
            self.report("run {}: its rows were changed since it was loaded; then: journals {}, lines {}; now: journals {}, lines {}".format(*row))

    def delete_leftovers(self) -> None:
        before = time.time_ns() - LEFTOVER_SECONDS * 10**9
        for table in ("journal_rows", "line_rows"):
            rows = self.query(f"SELECT DISTINCT load_id FROM {table} WHERE load_id < {before} AND load_id NOT IN (SELECT load_id FROM current_load)")
            if rows:
                self.query(f"DELETE FROM {table} WHERE load_id IN ({', '.join(str(int(row[0])) for row in rows)})")
                print(f"{table}: deleted what was left of {len(rows)} loads", flush=True)

    # The commands

    def load(self, everything: bool) -> None:
        """Takes the runs that are not there, until their months' balances, or all, could be compared with none posted meanwhile."""
        self.query(
            "INSERT INTO account_rows (load_id, account_code, description, account_type, fund, parent_account_code) "
            f"SELECT {time.time_ns()}, account_code, account_name, account_type, fund, parent_account_code FROM source_account"
        )
        moved: set[str] = set()
        for _ in range(PATIENCE):
            # In this order: another load may take what is posted meanwhile.
            loaded, posted, archived = self.loaded(), self.posted(), self.archived()
            self.compare_runs(posted, loaded)
            for run_id in sorted(posted.keys() - loaded.keys()):
                moved.update(self.load_run(run_id, posted[run_id], archived))
            if self.is_wrong or not (everything or moved):
                return
            wrong = self.compare_balances(None if everything else moved)
            if not wrong or self.posted().keys() == posted.keys():
                self.report(*wrong)
                return
        raise RuntimeError("runs are posted faster than balances can be compared")

    def check(self) -> None:
        self.load(everything=True)
        self.compare_rows()
        self.delete_leftovers()


def main(arguments: list[str]) -> int:
    if arguments in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    if len(arguments) != 1 or arguments[0] not in ("install", "load", "check"):
        print("usage: ledger_clickhouse.py install | load | check", file=sys.stderr)
        return 2
    try:
        clickhouse = ClickHouse(
            os.environ.get("CLICKHOUSE_URL", "http://localhost:8123"), os.environ.get("CLICKHOUSE_USER", "default"),
            os.environ.get("CLICKHOUSE_PASSWORD", ""), os.environ.get("CLICKHOUSE_DATABASE", "ledger"),
        )
        if arguments[0] == "install":
            install(clickhouse)
            return 0
        copy = Copy(clickhouse)
        if arguments[0] == "load":
            copy.load(everything=False)
        else:
            copy.check()
        return 1 if copy.is_wrong else 0
    except (OSError, http.client.HTTPException, ValueError, RuntimeError) as error:
        print(f"ledger_clickhouse: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
