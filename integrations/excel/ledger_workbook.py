#!/usr/bin/env python3
"""Writes a month of the ledger as a workbook: statements, trial balance, and ledgers of accounts.

Totals are formulas, so that they add up again when a figure is changed. Each formula is stored with the value that the database has,
which is what a program shows that does not calculate. Everything is read in one transaction, of one snapshot, and nothing is written.
"""

import argparse
import datetime
import re
import sys
from decimal import Decimal

import psycopg
import xlsxwriter
import xlsxwriter.exceptions
from psycopg.rows import namedtuple_row
from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

EXACT_DIGITS = 15  # that a spreadsheet keeps of a number
PAGE_LINES = 50000
MOST_ROWS = 1048576 - 10


def cut(text, most):
    """The beginning of a text, of a length as spreadsheets count it: many characters, such as emoji, count twice. What no XML may have is replaced."""
    return re.sub('[\ufffe\uffff]', '\ufffd', text).encode('utf-16-le')[:2 * most].decode('utf-16-le', 'ignore')


class Workbook:
    """A workbook with a sheet for each table, all of one look, and a first one that lists them."""

    def __init__(self, path, title, facts):
        self.book = xlsxwriter.Workbook(path, {'strings_to_formulas': False, 'strings_to_urls': False, 'strings_to_numbers': False})
        self.book.set_properties({'title': title, 'comments': 'Written by ledger_engine'})
        self.title = title
        self.formats = {}
        self.names = set()
        self.inexact = 0
        self.contents = self.book.add_worksheet('Contents')
        self.names.add('contents')
        self.contents.hide_gridlines(2)
        self.contents.set_column(0, 0, 28)
        self.contents.set_column(1, 1, 60)
        self.contents.write_string(0, 0, title, self.format(font_size=18))
        for row, (name, value) in enumerate(facts, 2):
            self.contents.write_string(row, 0, name)
            self.contents.write_string(row, 1, cut(value, 32767))
        self.next_row = len(facts) + 3
        self.contents.set_landscape()
        self.contents.set_paper(9)

    def format(self, **properties):
        key = tuple(sorted(properties.items()))
        if key not in self.formats:
            self.formats[key] = self.book.add_format({'font_name': 'Calibri', 'font_size': 10, **properties})
        return self.formats[key]

    def sheet_name(self, name):
        """A name that no sheet has yet, without what sheets cannot be named by."""
        base = re.sub(r"[\[\]:*?/\\\x00-\x1f]", '_', name).strip("' ")
        found, n = cut(base, 31).rstrip("' ") or 'Sheet', 1
        while found.lower() in self.names or found.lower() == 'history':
            n += 1
            found = cut(base or 'Sheet', 31 - len(str(n)) - 1) + f' {n}'
        self.names.add(found.lower())
        return found

    def sheet(self, name, title, columns, frozen_columns):
        name = self.sheet_name(name)
        sheet = Sheet(self, self.book.add_worksheet(name), columns)
        ws = sheet.ws
        ws.hide_gridlines(2)
        ws.write_string(0, 0, cut(title, 32767), self.format(font_size=14))
        for at, (head, width, _) in enumerate(columns):
            ws.set_column(at, at, width)
            ws.write_string(2, at, cut(head, 32767), self.format(bold=True, top=1, bottom=1, text_wrap=True, valign='bottom', align='right' if columns[at][2] else 'left'))
        ws.freeze_panes(3, frozen_columns)
        ws.repeat_rows(0, 2)
        ws.set_landscape()
        ws.set_paper(9)
        ws.fit_to_pages(1, 0)
        ws.set_footer('&L' + self.title.replace('&', '&&')[:150] + '&R&P / &N')
        self.contents.write_url(self.next_row, 0, "internal:'" + name.replace("'", "''") + "'!A1", string=name)
        self.contents.write_string(self.next_row, 1, cut(title, 32767))
        self.next_row += 1
        return sheet

    def close(self):
        self.contents.print_area(0, 0, self.next_row, 1)
        self.book.close()


class Sheet:
    """One table, whose rows follow one another from the fourth row of the sheet on."""

    def __init__(self, owner, ws, columns):
        self.owner, self.ws, self.columns, self.row = owner, ws, columns, 3

    def figure_format(self, decimals, **properties):
        shown = '#,##0' + ('.' + '0' * decimals if decimals else '')
        return self.owner.format(num_format=f'{shown}_);({shown});"-"_)', **properties)

    def text(self, at, value, **properties):
        if value is not None:
            self.ws.write_string(self.row, at, cut(str(value), 32767), self.owner.format(**properties))
        elif properties:
            self.ws.write_blank(self.row, at, None, self.owner.format(**properties))

    def figure(self, at, value, decimals, **properties):
        if value is None:
            self.text(at, None, **properties)
            return
        if len(Decimal(value).normalize().as_tuple().digits) > EXACT_DIGITS:
            self.owner.inexact += 1
        self.ws.write_number(self.row, at, float(value), self.figure_format(decimals, **properties))

    def formula(self, at, formula, value, decimals, **properties):
        """A formula; value is what the database has for it."""
        self.ws.write_formula(self.row, at, '=' + formula, self.figure_format(decimals, **properties), float(value))

    def end(self):
        self.ws.print_area(0, 0, max(self.row - 1, 2), len(self.columns) - 1)


def decimals_of(currencies, currency, amounts):
    """The decimals of a currency, or more where an amount has more."""
    return max([currencies.get(currency, 2)] + [max(0, -Decimal(a).normalize().as_tuple().exponent) for a in amounts if a])


def books_of(rows):
    return sorted({(r.entity_code, r.currency) for r in rows})


def write_trial_balance(book, rows, currencies):
    heads = [('Fund', 12, False), ('Account', 12, False), ('Description', 36, False), ('Type', 11, False),
             ('Opening balance', 20, True), ('Debit', 20, True), ('Credit', 20, True), ('Closing balance', 20, True)]
    for entity, currency in books_of(rows):
        part = [r for r in rows if (r.entity_code, r.currency) == (entity, currency)]
        decimals = decimals_of(currencies, currency, [a for r in part for a in (r.opening_balance, r.period_debit, r.period_credit)])
        sheet = book.sheet(f'Balances {entity} {currency}', f'Trial balance of {entity} in {currency}; debits are positive', heads, 2)
        first = sheet.row
        for r in part:
            for at, value in enumerate((r.fund, r.account_code, r.description, r.account_type and r.account_type.capitalize())):
                sheet.text(at, value)
            for at, value in enumerate((r.opening_balance, r.period_debit, r.period_credit), 4):
                sheet.figure(at, value, decimals)
            n = sheet.row + 1
            sheet.formula(7, f'E{n}+F{n}-G{n}', r.closing_balance, decimals)
            sheet.row += 1
        last = sheet.row
        sheet.ws.autofilter(first - 1, 0, last - 1, 7)
        for fund in [None] if not part else sorted({r.fund for r in part}) + [None]:
            of_fund = [r for r in part if fund is None or r.fund == fund]
            look = {'bold': True, 'top': 1} if fund is not None else {'bold': True, 'top': 1, 'bottom': 6}
            for at, value in enumerate((fund or 'Total', None, 'All funds' if fund is None else 'Total of the fund', None)):
                sheet.text(at, value, **look)
            for at, name in enumerate(('opening_balance', 'period_debit', 'period_credit', 'closing_balance'), 4):
                c = xl_col_to_name(at)
                # The fund is compared as it stands in the first column of the row, whatever characters it has.
                formula = (f'SUM({c}{first + 1}:{c}{last})' if fund is None else
                           f'SUMPRODUCT(--EXACT($A${first + 1}:$A${last},$A{sheet.row + 1}),{c}${first + 1}:{c}${last})')
                sheet.formula(at, formula, sum(getattr(r, name) for r in of_fund), decimals, **look)
            sheet.row += 1
        sheet.end()


def subtotal_formula(line, column, place, signs):
    """What a subtotal adds up: debits of lines, which their signs show as they are or turned round."""
    terms = ''
    for part in line.subtotal_of:
        terms += ('+' if signs[part] == line.sign else '-') + xl_rowcol_to_cell(place[part], column)
    return terms.lstrip('+')


def write_lines(sheet, rows, lines, values, decimals, total_at=None):
    """The rows of a statement; values gives the figures of a row, total_at is the column that adds up those to its left."""
    signs = {n: line.sign for n, line in lines.items()}
    place = {r.line_no: sheet.row + n for n, r in enumerate(rows) if r.line_no is not None}
    for r in rows:
        look = {'bold': True, 'top': 1} if r.row_kind == 'subtotal' else {'bold': True} if r.row_kind == 'heading' else {}
        note = {'not in the layout': ' (in no line)', 'variance': ' (variance)'}.get(r.row_kind, '')
        sheet.text(0, r.label + note, indent=1 if r.row_kind == 'accounts' else 0, **look)
        for at, value in enumerate(values(r), 1):
            if r.row_kind == 'heading':
                continue
            if at == total_at:
                sheet.formula(at, f'SUM({xl_rowcol_to_cell(sheet.row, 1)}:{xl_rowcol_to_cell(sheet.row, at - 1)})', value, decimals, **look)
            elif r.row_kind == 'subtotal':
                sheet.formula(at, subtotal_formula(lines[r.line_no], at, place, signs), value, decimals, **look)
            else:
                sheet.figure(at, value, decimals, **look)
        sheet.row += 1


def write_statement(book, cursor, statement, month, entity, basis, currencies):
    """A statement by its default layout, and by fund; nothing where it has no layout."""
    cursor.execute('SELECT y.layout FROM acct.statement_layout AS y WHERE y.statement = %s ORDER BY y.is_default DESC, y.layout LIMIT 1', (statement,))
    layout = cursor.fetchone()
    if layout is None:
        return
    cursor.execute('SELECT l.line_no, l.sign, l.subtotal_of FROM acct.statement_line AS l WHERE l.layout = %s', (layout.layout,))
    lines = {line.line_no: line for line in cursor}
    name, short = ('Profit and loss', 'Result') if statement == 'profit_and_loss' else ('Balance sheet', 'Position')
    of_year = 'year_to_date' if statement == 'profit_and_loss' else 'year_start'
    if statement == 'profit_and_loss':
        cursor.execute('SELECT * FROM acct.profit_and_loss(%s, %s, %s, %s, layout => %s)', (month, month, entity, basis, layout.layout))
    else:
        cursor.execute('SELECT * FROM acct.balance_sheet(%s, %s, %s, layout => %s)', (month, entity, basis, layout.layout))
    rows = cursor.fetchall()
    cursor.execute('SELECT * FROM acct.fund_statement(%s, %s, %s, %s, %s)', (month, entity, basis, statement, layout.layout))
    cells = cursor.fetchall()
    heads = [('Line', 44, False), (month.strftime('%B %Y'), 20, True), ('Month before', 20, True), ('A year ago', 20, True),
             ('Year to date' if of_year == 'year_to_date' else 'Start of the year', 20, True)]
    for owner, currency in books_of(rows):
        part = [r for r in rows if (r.entity_code, r.currency) == (owner, currency)]
        by_fund = [c for c in cells if (c.entity_code, c.currency) == (owner, currency)]
        decimals = decimals_of(currencies, currency, [c.amount for c in by_fund] + [a for r in part for a in (r.amount, r.previous, r.year_ago, getattr(r, of_year))])
        sheet = book.sheet(f'{short} {owner} {currency}', f'{name} of {owner} in {currency}', heads, 1)
        write_lines(sheet, part, lines, lambda r: (r.amount, r.previous, r.year_ago, getattr(r, of_year)), decimals)
        sheet.end()
        columns = sorted({(c.column_no, c.column_label) for c in by_fund})
        width = len(columns)
        sheet = book.sheet(f'{short} funds {owner} {currency}', f'{name} by fund of {owner} in {currency}',
                           [('Line', 44, False)] + [(label, 20, True) for _, label in columns], 1)
        # All lines have a row for each column, in their order.
        groups = [by_fund[n:n + width] for n in range(0, len(by_fund), width)]
        figures = {id(g[0]): [c.amount for c in g] for g in groups}
        write_lines(sheet, [g[0] for g in groups], lines, lambda r: figures[id(r)], decimals, total_at=width)
        sheet.end()


def ledger_lines(cursor, account, first, last, entity, basis):
    """All rows of an account's ledger, a page at a time."""
    key = (None, None, None)
    while True:
        cursor.execute('SELECT * FROM acct.account_ledger(%s, %s, %s, %s, %s, max_lines => %s, after_date => %s, after_je_id => %s, after_line_no => %s)',
                       (account, first, last, entity, basis, PAGE_LINES, *key))
        page = cursor.fetchall()
        yield from page
        lines = [r for r in page if r.row_kind == 'line']
        if not any(r.row_kind == 'carried forward' for r in page):
            return
        key = max((r.je_date, r.je_id, r.line_no) for r in lines)


def write_account(book, cursor, account, month, last_day, entity, basis, currencies):
    heads = [('Date', 11, False), ('Journal', 20, False), ('Text', 40, False), ('Type', 12, False), ('Template', 16, False), ('Transaction', 14, False), ('Policy', 14, False),
             ('Debit', 20, True), ('Credit', 20, True), ('Balance', 20, True)]
    rows = [r for r in ledger_lines(cursor, account, month, last_day, entity, basis) if r.row_kind in ('opening', 'line', 'closing')]
    if len(rows) > MOST_ROWS:
        raise SystemExit(f'account {account} has {len(rows)} rows, and a sheet {MOST_ROWS} at most')
    for part in sorted({(r.entity_code, r.fund, r.currency) for r in rows}):
        of_part = [r for r in rows if (r.entity_code, r.fund, r.currency) == part]
        owner, fund, currency = part
        decimals = decimals_of(currencies, currency, [a for r in of_part for a in (r.debit, r.credit, r.balance)])
        lines = [r for r in of_part if r.row_kind == 'line']
        opening = next((r.balance for r in of_part if r.row_kind == 'opening'), Decimal(0))
        closing = next((r.balance for r in reversed(of_part) if r.row_kind == 'closing'), opening)
        sheet = book.sheet(f'{account} {owner} {fund} {currency}', f'Account {account} of {owner}, fund {fund}, in {currency}', heads, 2)
        sheet.text(0, str(month))
        sheet.text(2, 'Opening balance', bold=True)
        sheet.figure(9, opening, decimals, bold=True)
        sheet.row += 1
        first = sheet.row
        for r in lines:
            for at, value in enumerate((r.je_date, r.je_number, r.line_text, r.journal_type, r.template_code, r.txn_id, r.policy_no)):
                sheet.text(at, value)
            sheet.figure(7, r.debit, decimals)
            sheet.figure(8, r.credit, decimals)
            n = sheet.row + 1
            sheet.formula(9, f'J{n - 1}+H{n}-I{n}', r.balance, decimals)
            sheet.row += 1
        look = {'bold': True, 'top': 1, 'bottom': 6}
        for at in range(7):
            sheet.text(at, (str(last_day), None, 'Closing balance')[at] if at < 3 else None, **look)
        for at, name in ((7, 'debit'), (8, 'credit')):
            c = xl_col_to_name(at)
            sheet.formula(at, f'SUM({c}{first + 1}:{c}{sheet.row})' if lines else '0', sum(getattr(r, name) for r in lines), decimals, **look)
        n = sheet.row + 1
        sheet.formula(9, f'J{first}+H{n}-I{n}', closing, decimals, **look)
        sheet.row += 1
        sheet.end()


def write_workbook(connection, path, month, entity, basis, accounts):
    """Writes the workbook, and returns how many amounts have more digits than a spreadsheet keeps."""
    with connection.transaction(), connection.cursor(row_factory=namedtuple_row) as cursor:
        cursor.execute('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY')
        cursor.execute("SELECT to_char(transaction_timestamp(), 'YYYY-MM-DD HH24:MI TZ') AS at, session_user::text AS reader, "
                       "(%s::date + interval '1 month' - interval '1 day')::date AS last_day", (month,))
        read = cursor.fetchone()
        cursor.execute('SELECT c.currency, c.minor_units FROM acct.currency AS c')
        currencies = {c.currency: c.minor_units for c in cursor}
        cursor.execute('SELECT t.* FROM acct.trial_balance(%s, %s, %s) AS t', (month, entity, basis))
        balances = cursor.fetchall()
        book = Workbook(path, f'Ledger of {month:%Y-%m}' + (f', {entity}' if entity else ''),
                        [('Month', f'{month:%Y-%m}'), ('Entity', entity or 'all'), ('Basis', basis), ('Read', f'{read.at} by {read.reader}')])
        for statement in ('profit_and_loss', 'balance_sheet'):
            write_statement(book, cursor, statement, month, entity, basis, currencies)
        write_trial_balance(book, balances, currencies)
        for account in accounts:
            write_account(book, cursor, account, month, read.last_day, entity, basis, currencies)
        book.close()
        return book.inexact


def first_of_month(text):
    for form in ('%Y-%m', '%Y-%m-%d'):
        try:
            day = datetime.datetime.strptime(text, form).date()
        except ValueError:
            continue
        if day.day == 1:
            return day
    raise argparse.ArgumentTypeError(f'not a month: {text} (2025-01, or its first day)')


def main(arguments=None):
    parser = argparse.ArgumentParser(description='Writes a month of the ledger as a workbook for Excel or LibreOffice.',
                                     epilog='The database is that of libpq\'s environment (PGHOST, PGDATABASE, ...), or of --dsn.')
    parser.add_argument('month', type=first_of_month, help='the month, such as 2025-01')
    parser.add_argument('output', help='the file to write, such as 2025-01.xlsx')
    parser.add_argument('--entity', help='entity (default: all of them)')
    parser.add_argument('--basis', default='PRIMARY', help='accounting basis (default: PRIMARY)')
    parser.add_argument('--account', action='append', default=[], metavar='CODE', help='an account whose ledger is written, too; can be repeated')
    parser.add_argument('--dsn', default='', help='connection string')
    options = parser.parse_args(arguments)
    try:
        with psycopg.connect(options.dsn, autocommit=True) as connection:
            inexact = write_workbook(connection, options.output, options.month, options.entity, options.basis, options.account)
    except psycopg.Error as error:
        raise SystemExit(f'error: {str(error).strip()}') from None
    except (OSError, xlsxwriter.exceptions.FileCreateError) as error:
        raise SystemExit(f'error: {error}') from None
    if inexact:
        print(f'warning: {inexact} amounts have more than {EXACT_DIGITS} digits, of which a spreadsheet keeps that many', file=sys.stderr)
    return 0


if __name__ == '__main__':
    sys.exit(main())
