"""Loads files and a table into the database that libpq's environment names, and compares what is there with what was in them."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
from decimal import Decimal

import duckdb
import psycopg

here = os.path.dirname(os.path.abspath(__file__))
integrations = os.path.join(here, '..', '..', 'integrations')
sys.path.insert(0, os.path.join(integrations, 'load'))
import ledger_load  # noqa: E402
sys.path.insert(0, os.path.join(here, '..'))
from checks import check, finish  # noqa: E402

work, dbt = sys.argv[1:]
query = os.path.join(integrations, 'load', 'payments.sql')


admin = psycopg.connect(autocommit=True)


def value(statement):
    return admin.execute(statement).fetchone()[0]


def load(*arguments):
    """The status of the command, and what it prints, as the loader."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = ledger_load.main(['--dsn', 'user=ledger_load', *arguments])
    return status, out.getvalue() + err.getvalue()


def fails(name, words, *arguments):
    status, text = load(*arguments)
    check(f'{name}: refused, and it says why', (status, words in text and text), (1, text))
    check(f'{name}: nothing is loaded', value('SELECT count(*) FROM acct.txn_source_parent'), rows_before)


def query_file(text):
    path = os.path.join(work, 'query.sql')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    return path


def set_up():
    with admin.cursor() as cursor:
        for statement in ('SET client_min_messages = warning', 'CREATE EXTENSION ledger_engine', 'SELECT acct.install()', 'SELECT acct.install_takaful_sample()',
                          'SELECT * FROM acct.install_roles()', 'GRANT acct_loader TO ledger_load', 'GRANT CREATE ON DATABASE ledger_load TO ledger_load',
                          "SELECT * FROM acct.rotate_txn_source_partitions(1, '2025-01-01')"):
            cursor.execute(statement)


set_up()

# A file as a core system might write it: two months, texts with quotes and line ends, no channel, an empty one
payments = os.path.join(work, 'payments.parquet')
duckdb.sql(f"""
    COPY (SELECT i AS payment_id, DATE '2025-01-01' + (i % 59)::int AS booked_on, CASE WHEN i % 3 = 0 THEN 'fee' ELSE 'premium' END AS kind, 'FAM-SAVE' AS product,
                 CASE i % 4 WHEN 0 THEN NULL ELSE 'AGENCY' END AS channel, CASE i % 5 WHEN 0 THEN '' WHEN 1 THEN NULL ELSE 'P "' || i || E'",\n' END AS certificate,
                 CASE WHEN i % 3 = 0 THEN 0 ELSE (i * 7 % 1000)::decimal(18,2) / 4 END::decimal(18,4) AS risk_share, 10.5::decimal(18,2) AS savings_share,
                 i::decimal(18,2) AS operator_share, 'Jakarta' AS branch, NULL::varchar AS reference
            FROM range(1, 20001) AS t(i)) TO '{payments}' (FORMAT parquet)""")
rows, gross = duckdb.sql(f"SELECT count(*), sum(risk_share + savings_share + operator_share) FROM '{payments}'").fetchall()[0]
rows_before = 0

fails('a missing variable', 'error', query)
fails('no file of that name', 'nothing.parquet', query, f'file={work}/nothing.parquet')
fails('what is no variable', 'is not NAME=VALUE', query, 'file')
fails('a wrong number of rows', 'control total', query, f'file={payments}', '--rows', str(rows + 1))
fails('a wrong sum', 'control total', query, f'file={payments}', '--gross', '1')
fails('a column that is not there', 'has no column nonsense', query_file(f"SELECT *, 1 AS nonsense FROM ({open(query, encoding='utf-8').read()})"), f'file={payments}')
fails('a batch of its own choice', 'batch_id', query_file(f"SELECT *, 1 AS batch_id FROM ({open(query, encoding='utf-8').read()})"), f'file={payments}')
fails('a column that has to be there', 'has no column txn_month', query_file('SELECT 1 AS txn_id'))
fails('two statements', 'one SELECT', query_file('SELECT 1 AS txn_id; SELECT 2 AS txn_id'))
fails('no SELECT', 'one SELECT', query_file('CREATE TABLE t (a int)'))
fails('parts that do not add up', 'chk_takaful_balance',
      query_file(f"SELECT * REPLACE (gross_amount + 1 AS gross_amount) FROM ({open(query, encoding='utf-8').read()})"), f'file={payments}')
fails('a month without a partition', 'no partition',
      query_file(f"SELECT * REPLACE (DATE '2031-01-01' AS txn_month) FROM ({open(query, encoding='utf-8').read()})"), f'file={payments}')
check('a login that may not load', 'permission denied' in subprocess.run(
    [sys.executable, ledger_load.__file__, query, f'file={payments}', '--dsn', 'user=ledger_nobody'], capture_output=True, text=True).stderr.replace(
        'role "ledger_nobody" does not exist', 'permission denied'))
status, text = load(query, f'file={payments}', '--dry-run')
check('--dry-run', (status, 'would load' in text and f'{rows} transactions' in text), (0, True))
check('--dry-run loads nothing', value('SELECT count(*) FROM acct.txn_source_parent'), 0)

status, text = load(query, f'file={payments}', '--rows', str(rows), '--gross', str(gross), '--source', 'payments of winter')
check('the file is loaded', (status, text.count('\n')), (0, 3))
check('one batch, with its name', admin.execute('SELECT count(*), min(source), min(loaded_by) FROM acct.txn_batch').fetchone(), (1, 'payments of winter', 'ledger_load'))
check('each row', admin.execute('SELECT count(*), sum(gross_amount), count(*) FILTER (WHERE policy_no IS NULL), count(*) FILTER (WHERE policy_no = %s), '
                                "count(*) FILTER (WHERE channel = 'DIRECT') FROM acct.txn_source_parent", ('',)).fetchone(), (rows, gross, 4000, 4000, 5000))
check('a text with quotes and a line end', value('SELECT policy_no FROM acct.txn_source_parent WHERE txn_id = 2'), 'P "2",\n')
check('JSON', admin.execute("SELECT attributes ->> 'branch', attributes -> 'reference' FROM acct.txn_source_parent WHERE txn_id = 3").fetchone(), ('Jakarta', None))
rows_before = rows
fails('the same file again', 'duplicate key', query, f'file={payments}')
status, text = load(query_file('SELECT * FROM (' + open(query, encoding='utf-8').read() + ') WHERE false'), f'file={payments}')
check('an empty file', (status, text), (0, 'no rows\n'))
admin.execute("SELECT * FROM acct.run_month('2025-01-01', 'payments')")
check('what was loaded is booked', value("SELECT count(*) FROM acct.ledger_entry_header WHERE je_date < '2025-02-01'"),
      value("SELECT count(*) FROM acct.txn_source_parent WHERE txn_month = '2025-01-01'"))

# The same payments in a table, by dbt
project = os.path.join(work, 'project')
shutil.copytree(os.path.join(integrations, 'dbt'), project)
with open(os.path.join(project, 'profiles.yml'), 'w', encoding='utf-8') as file:
    file.write(f"""ledger:
  target: test
  outputs:
    test:
      type: postgres
      host: {os.environ['PGHOST']}
      port: {os.environ.get('PGPORT', 5432)}
      user: ledger_load
      password: ''
      dbname: ledger_load
      schema: mapped
      threads: 1
""")


def run_dbt(*arguments):
    done = subprocess.run([dbt, *arguments, '--project-dir', project, '--profiles-dir', project, '--no-use-colors'], capture_output=True, text=True,
                          env={**os.environ, 'DBT_SEND_ANONYMOUS_USAGE_STATS': 'false', 'DO_NOT_TRACK': '1'})
    return done.returncode, done.stdout + done.stderr


admin.execute('CREATE SCHEMA core')
admin.execute("""CREATE TABLE core.payment AS SELECT 100000 + i AS payment_id, DATE '2025-02-01' + i % 28 AS booked_on, 'premium' AS kind, 'FAM-SAVE' AS product, NULL::text AS channel,
    'P' || i AS certificate, 5.00 AS risk_share, 3.25 AS savings_share, 1.00 AS operator_share FROM generate_series(1, 1000) AS i""")
admin.execute('GRANT USAGE ON SCHEMA core TO ledger_load; GRANT SELECT ON core.payment TO ledger_load')
code, text = run_dbt('build')
check('dbt build', code or text, 0) if code else check('dbt build', code, 0)
check('dbt loaded each payment', admin.execute('SELECT count(*), sum(gross_amount) FROM acct.txn_source_parent WHERE txn_id > 100000').fetchone(), (1000, Decimal('9250.0000')))
check('as one batch', admin.execute("SELECT count(*), min(loaded_by) FROM acct.txn_batch WHERE source ~ '^dbt '").fetchone(), (1, 'ledger_load'))
admin.execute("INSERT INTO core.payment SELECT payment_id + 5000, booked_on, kind, product, channel, certificate, risk_share, savings_share, operator_share FROM core.payment LIMIT 10")
code, text = run_dbt('run')
check('dbt run again loads what is new', (code, value('SELECT count(*) FROM acct.txn_source_parent WHERE txn_id > 100000')), (0, 1010))
admin.execute("INSERT INTO core.payment SELECT payment_id + 10000, booked_on, NULL, product, channel, certificate, risk_share, savings_share, operator_share FROM core.payment LIMIT 10")
code, text = run_dbt('run')
check('a payment that cannot be loaded: dbt fails, and nothing is loaded', (code, 'violates not-null' in text, value('SELECT count(*) FROM acct.txn_source_parent WHERE txn_id > 100000')), (1, True, 1010))
admin.execute('DELETE FROM core.payment WHERE kind IS NULL')
admin.execute("SELECT * FROM acct.run_month('2025-02-01', 'dbt')")
check('what dbt loaded is booked', value("SELECT count(*) FROM acct.ledger_entry_header WHERE txn_id > 100000"), 1010)

finish()
