"""A client that does the engine's work: reads the transactions from PostgreSQL by COPY, has them routed and expanded by Polars or
DuckDB, and writes the ledger by COPY.

usage: peer_client.py polars|duckdb MONTH SESSIONS STAGING|KEPT|AFTER        (libpq's environment says where)

  STAGING  COPY into UNLOGGED staging, for peer_post.sql
  KEPT     COPY straight into the ledger's months, whose indexes are there, in one transaction
  AFTER    the same without indexes, which are built at the end; with two sessions not atomic

Two sessions are two processes with a thread of their library each, and half of the transactions. Times do not count the
start of Python, connecting and compiling the policy.

Ways to read, ms for 50,000 transactions: psql's COPY through a pipe, as here, 131; connectorx 183; psycopg's COPY, which hands
over row by row, 205; ADBC 280; rows of a psycopg cursor 460. To write 400,000 lines without indexes: COPY of ready-made text
about 1100; adbc_ingest, which sends the binary form, 1640 from a ready-made Arrow table (the server alone takes 750 for the
binary form, 1100 for text; with indexes there is no difference to speak of).

Output: "phase NAME ms" for each phase, "wall ms", "client_mb MB".
"""

import importlib
import multiprocessing
import os
import subprocess
import sys
import time

import psycopg

import ledger
from plan import Unsupported, read_plan


CHUNK = 16 << 20  # bytes of transactions, some 150,000: memory is bounded by it


class Writer:
    """Writes what an Expander yields, and keeps numbers and totals."""

    def __init__(self, connection, mode, clock, defer):
        self.connection, self.mode, self.clock = connection, mode, clock
        self.defer = [] if defer else None  # headers, whose numbers are not known yet
        self.numbers, self.totals = {}, {}

    def table(self, kind, month):
        return f"peer.je_{kind}_staging" if self.mode == "STAGING" else f"peer.ledger_entry_{kind}_{ledger.suffix(month)}"

    def take(self, kind, month, what):
        if kind == "line":
            self.clock.lap("expand")
            ledger.copy_in(self.connection, f"{self.table('line', month)} ({ledger.LINE})", what)
            self.clock.lap("post")
        elif kind == "total":
            for *key, debit, credit, lines in what:
                old = self.totals.get((month, *key), (0, 0, 0))
                self.totals[month, *key] = (old[0] + debit, old[1] + credit, old[2] + lines)
            self.clock.lap("balance")
        elif kind == "exception":
            self.clock.lap("expand")
            ledger.copy_in(self.connection, f"peer.je_exception ({ledger.EXCEPTION})", what)
            self.clock.lap("post")
        elif self.defer is not None:
            for entity, count in what.counts().items():
                self.numbers[entity, month] = self.numbers.get((entity, month), 0) + count
            self.defer.append((month, what))
        else:
            self.headers(month, what)

    def headers(self, month, headers):
        columns, last = ledger.HEADER, None
        if self.mode == "STAGING":
            columns = columns.removesuffix(", je_number, posted_at")
        else:
            counts = headers.counts()
            last = {entity: self.numbers.get((entity, month), 0) for entity in counts}
            for entity, count in counts.items():
                self.numbers[entity, month] = last[entity] + count
        text = headers.text(last)
        self.clock.lap("expand")
        ledger.copy_in(self.connection, f"{self.table('header', month)} ({columns})", text)
        self.clock.lap("post")


def blocks(statement):
    """The rows of a COPY TO STDOUT in blocks of about CHUNK bytes."""
    with subprocess.Popen(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement], stdout=subprocess.PIPE) as process:
        rest = b""
        while data := process.stdout.read(CHUNK):
            end = data.rfind(b"\n") + 1
            yield rest + data[:end]
            rest = data[end:]
    if process.returncode:
        raise RuntimeError("psql failed")


def expand(expander, plan, writer, half):
    expander.posted_at = writer.connection.execute("SELECT now()::text").fetchone()[0]
    for csv in blocks(plan.source(half)):
        for kind, month, what in expander.chunk(csv):
            writer.take(kind, month, what)
    expander.clock.lap("expand")


def worker(name, half, plan, pipe):
    """One of two sessions. Imports and connections come before the start."""
    engine = importlib.import_module(f"peer_{name}")
    writer_connection = psycopg.connect(autocommit=True)
    expander = engine.Expander(plan, 1000000000 if half == 2 else 1)
    pipe.send(engine.threads())
    months = pipe.recv()
    plan.months = months
    clock = expander.clock = ledger.Clock()
    with writer_connection.transaction():
        writer = Writer(writer_connection, "AFTER", clock, True)
        expand(expander, plan, writer, half)
        pipe.send(writer.numbers)
        writer.numbers = pipe.recv()  # where this half's numbers begin
        clock.lap("post")
        for month, frame in writer.defer:
            writer.headers(month, frame)
    pipe.send((writer.numbers, writer.totals))
    pipe.recv()
    clock.lap("post")
    ledger.build_indexes(writer_connection, months, half - 1)
    clock.lap("post")
    pipe.send((clock.phases, ledger.peak_mb()))


def two_sessions(name, connection, plan):
    context = multiprocessing.get_context("spawn")
    os.environ["POLARS_MAX_THREADS"] = os.environ["BENCH_DUCKDB_THREADS"] = "1"
    pipes, processes = [], []
    for half in (1, 2):
        pipe, theirs = context.Pipe()
        processes.append(context.Process(target=worker, args=(name, half, plan, theirs)))
        pipes.append(pipe)
        processes[-1].start()
        theirs.close()
    threads = [p.recv() for p in pipes]
    print(f"threads {threads[0]} in each of 2 processes")

    start = time.perf_counter()
    plan.months = ledger.months_of(connection, plan)
    ledger.make_months(connection, plan.months, False)
    made = time.perf_counter() - start
    for pipe in pipes:
        pipe.send(plan.months)
    counts = [p.recv() for p in pipes]
    pipes[0].send({})
    pipes[1].send(counts[0])
    (_, totals), (numbers, other) = [p.recv() for p in pipes]
    numbers = counts[0] | numbers
    for pipe in pipes:
        pipe.send("index")
    results = [p.recv() for p in pipes]
    before = time.perf_counter()
    with connection.transaction():
        ledger.attach_months(connection, plan.months)
        ledger.write_numbers(connection, numbers)
        attached = time.perf_counter()
        for key, (debit, credit, lines) in other.items():
            old = totals.get(key, (0, 0, 0))
            totals[key] = (old[0] + debit, old[1] + credit, old[2] + lines)
        ledger.write_snapshot(connection, plan.months, totals)
    end = time.perf_counter()
    phases = sum((r[0] for r in results), start=type(results[0][0])())
    for name in phases:
        phases[name] /= 2
    phases["post"] += made + attached - before
    phases["balance"] += end - attached
    for process in processes:
        process.join()
    ledger.report(phases, end - start)
    print(f"client_mb {ledger.peak_mb() + sum(r[1] for r in results)}")


def one_session(name, connection, plan, mode):
    engine = importlib.import_module(f"peer_{name}")
    print(f"threads {engine.threads()}")
    expander = engine.Expander(plan, 1)
    start = time.perf_counter()
    clock = expander.clock = ledger.Clock()
    with connection.transaction():
        plan.months = ledger.months_of(connection, plan)
        if mode == "STAGING":
            connection.execute("CREATE UNLOGGED TABLE peer.je_header_staging AS SELECT * FROM acct.je_header_staging WITH NO DATA")
            connection.execute("CREATE UNLOGGED TABLE peer.je_line_staging AS SELECT * FROM acct.je_line_staging WITH NO DATA")
        else:
            ledger.make_months(connection, plan.months, mode == "KEPT")
        clock.lap("post")
        writer = Writer(connection, mode, clock, False)
        expand(expander, plan, writer, 0)
        if mode != "STAGING":
            if mode == "AFTER":
                ledger.build_indexes(connection, plan.months, 0)
                ledger.build_indexes(connection, plan.months, 1)
                ledger.attach_months(connection, plan.months)
            ledger.write_numbers(connection, writer.numbers)
            clock.lap("post")
            ledger.write_snapshot(connection, plan.months, writer.totals)
            clock.lap("balance")
    end = time.perf_counter()
    if mode == "STAGING":  # writing staging is part of expanding
        clock.phases["expand"] += clock.phases.pop("post") + clock.phases.pop("balance")
    ledger.report(clock.phases, end - start)
    print(f"client_mb {ledger.peak_mb()}")


def main():
    name, month, sessions, mode = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    with psycopg.connect(autocommit=True) as connection:
        try:
            plan = read_plan(connection, month)
        except Unsupported as reason:
            print(f"unsupported {reason}")
            return
        if sessions == 2:
            two_sessions(name, connection, plan)
        else:
            one_session(name, connection, plan, mode)


if __name__ == "__main__":
    main()
