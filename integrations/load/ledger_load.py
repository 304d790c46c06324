#!/usr/bin/env python3
"""Loads files into acct.txn_source_parent: Parquet, CSV, JSON, or whatever else DuckDB reads.

A query in a file maps the columns (payments.sql is an example). DuckDB runs it here, and its rows go to the server by one COPY, in one
transaction: everything is loaded, as one batch, or nothing. What was loaded is compared with the control totals, if there are any, before
the transaction is committed.
"""

import argparse
import os
import sys
import tempfile
from decimal import Decimal, InvalidOperation

import duckdb
import psycopg
from psycopg import sql

TABLE = 'acct.txn_source_parent'
NEEDED = ('txn_id', 'txn_month', 'bank_value_date', 'txn_type', 'product_code', 'channel', 'gross_amount')


class LoadError(Exception):
    """What keeps the load from being made, in words for whoever called it."""


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0], epilog='libpq\'s environment (PGHOST, PGDATABASE, ...) says where the '
                                     'server is. The login needs to be a member of acct_loader.')
    parser.add_argument('query', metavar='QUERY.sql', help='a query of DuckDB, whose columns are named like those of ' + TABLE)
    parser.add_argument('variables', nargs='*', metavar='NAME=VALUE', help="what getvariable('NAME') returns in the query, such as file=payments.parquet")
    parser.add_argument('--dsn', default='', help='connection string of PostgreSQL')
    parser.add_argument('--source', help='name of the load, which acct.txn_batch keeps (default: the name of the query\'s file and its variables)')
    parser.add_argument('--rows', type=int, help='control total: the number of rows')
    parser.add_argument('--gross', type=amount, help='control total: the sum of gross_amount')
    parser.add_argument('--dry-run', action='store_true', help='load, compare, and roll back')
    parser.add_argument('--memory', default='1GB', help='memory for DuckDB (default: %(default)s)')
    return parser.parse_args(argv)


def amount(text):
    try:
        return Decimal(text)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f'{text!r} is no amount') from None


def variables_of(pairs):
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition('=')
        if not equals or not name.isidentifier():
            raise LoadError(f'{pair!r} is not NAME=VALUE')
        found[name] = value
    return found


def write_rows(query, variables, memory, folder):
    """Runs the query; returns the names of its columns and the file with its rows, as CSV."""
    path = os.path.join(folder, 'rows.csv')
    with duckdb.connect(config={'memory_limit': memory, 'temp_directory': folder}) as duck:
        for name, value in variables.items():
            duck.execute(f'SET VARIABLE {name} = $value', {'value': value})
        statements = duck.extract_statements(query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise LoadError('the file has to hold one SELECT')
        rows = duck.sql(query)
        columns = rows.columns
        # An empty text is written with quotes, and NULL without, as COPY reads them.
        rows.write_csv(path, header=True, na_rep='', date_format='%Y-%m-%d')
    return columns, path


def check_columns(cursor, columns):
    cursor.execute('SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped', (TABLE,))
    known = {name for (name,) in cursor}
    if not known:
        raise LoadError(f'there is no table {TABLE}: call acct.install() first')
    unknown = [name for name in columns if name not in known]
    if unknown:
        raise LoadError(f'{TABLE} has no column {", ".join(unknown)}')
    if 'batch_id' in columns:
        raise LoadError('batch_id is filled by the server: leave it out')
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        raise LoadError(f'the query has no column {", ".join(missing)}')


def copy_rows(cursor, columns, path):
    statement = sql.SQL('COPY {} ({}) FROM STDIN WITH (FORMAT csv, HEADER MATCH)').format(
        sql.Identifier(*TABLE.split('.')), sql.SQL(', ').join(map(sql.Identifier, columns)))
    with open(path, 'rb') as rows, cursor.copy(statement) as copy:
        while block := rows.read(1 << 20):
            copy.write(block)


def load(options):
    variables = variables_of(options.variables)
    with open(options.query, encoding='utf-8') as file:
        query = file.read()
    source = options.source or ' '.join([os.path.basename(options.query), *options.variables])
    with tempfile.TemporaryDirectory(prefix='ledger_load.') as folder:
        columns, path = write_rows(query, variables, options.memory, folder)
        with psycopg.connect(options.dsn, application_name='ledger_load') as connection, connection.cursor() as cursor:
            cursor.execute('SET datestyle = ISO')
            cursor.execute("SELECT set_config('ledger_engine.batch_source', %s, true)", (source,))
            check_columns(cursor, columns)
            copy_rows(cursor, columns, path)
            cursor.execute('SELECT acct.current_batch()')
            (batch,) = cursor.fetchone()
            cursor.execute(f'SELECT txn_month, count(*), sum(gross_amount) FROM {TABLE} WHERE batch_id = %s GROUP BY 1 ORDER BY 1', (batch,))
            months = cursor.fetchall()
            rows, gross = sum(month[1] for month in months), sum((month[2] for month in months), Decimal(0))
            if options.rows is not None and rows != options.rows:
                raise LoadError(f'{rows} rows, and the control total is {options.rows}: nothing was loaded')
            if options.gross is not None and gross != options.gross:
                raise LoadError(f'gross amounts of {gross}, and the control total is {options.gross}: nothing was loaded')
            if options.dry_run:
                connection.rollback()
    print(f'{"would load" if options.dry_run else "loaded"} batch {batch}: {rows} transactions' if months else 'no rows')
    for month, count, total in months:
        print(f'  {month:%Y-%m}: {count} transactions, gross {total}')


def main(argv=None):
    try:
        load(arguments(argv))
    except (LoadError, duckdb.Error, psycopg.Error, OSError) as problem:
        print(f'ledger_load: error: {str(problem).strip()}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
