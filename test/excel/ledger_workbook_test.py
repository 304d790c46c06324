"""Writes a workbook of 2025-01 of the database that libpq's environment names, and compares what its formulas come to with that database."""

import os
import re
import subprocess
import sys
from decimal import Decimal

import openpyxl
import psycopg
from openpyxl.utils import coordinate_to_tuple, range_boundaries

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, '..', '..', 'integrations', 'excel'))
import ledger_workbook  # noqa: E402
sys.path.insert(0, os.path.join(here, '..'))
from checks import check, finish  # noqa: E402

work = sys.argv[1]


class Calculator:
    """Adds up the formulas of a sheet: +, -, SUM, and the totals of a fund."""

    def __init__(self, sheet):
        self.sheet, self.known = sheet, {}

    def cells(self, area):
        left, top, right, bottom = range_boundaries(area.replace('$', ''))
        return [self.value(r, c) for r in range(top, bottom + 1) for c in range(left, right + 1)]

    def value(self, row, column):
        if (row, column) not in self.known:
            raw = self.sheet.cell(row, column).value
            if isinstance(raw, str) and self.sheet.cell(row, column).data_type == 'f':
                raw = self.formula(raw[1:])
            elif isinstance(raw, (int, float)):
                raw = Decimal(repr(raw))
            self.known[row, column] = raw
        return self.known[row, column]

    def formula(self, text):
        total = Decimal(0)
        whole = re.fullmatch(r'SUMPRODUCT\(--EXACT\(([^,]+),([^,]+)\),([^,]+)\)', text)
        if whole:
            fund = self.value(*coordinate_to_tuple(whole[2].replace('$', '')))
            return sum((v or 0 for f, v in zip(self.cells(whole[1]), self.cells(whole[3])) if f == fund), Decimal(0))
        assert re.fullmatch(r'([+-]?(SUM\([A-Z]+\d+:[A-Z]+\d+\)|[A-Z]+\d+|\d+))+', text), text
        for sign, area, cell, number in re.findall(r'([+-]?)(?:SUM\(([^)]+)\)|([A-Z]+\d+)|(\d+))', text):
            value = sum((v or 0 for v in self.cells(area)), Decimal(0)) if area else self.value(*coordinate_to_tuple(cell)) or 0 if cell else Decimal(number)
            total += -value if sign == '-' else value
        return total


def sheets_of(book, prefix):
    return [s for s in book.worksheets if s.title.startswith(prefix)]


def compare(name, calculate, book, rows):
    """rows: for each sheet's title prefix the figures that its rows have, None where a cell is empty."""
    differ, count, formulas = [], 0, 0
    for title, expected in rows.items():
        sheet = book[title]
        calculator = calculate(sheet)
        for at, figures in enumerate(expected, 4):
            for column, figure in figures.items():
                found = calculator.value(at, column)
                formulas += sheet.cell(at, column).data_type == 'f'
                count += 1
                if found is None or abs(Decimal(found) - figure) > Decimal('0.00005'):
                    differ.append((title, at, column, str(found), str(figure)))
    check(f'{name}: {count} figures, {formulas} of them formulas, are those of the database', (differ, count > 0), ([], True))


path = os.path.join(work, 'book.xlsx')
command = [sys.executable, os.path.join(here, '..', '..', 'integrations', 'excel', 'ledger_workbook.py'), '2025-01', path, '--account', '1230', '--account', '2110']
done = subprocess.run(command, capture_output=True, text=True)
check('a workbook is written', (done.returncode, done.stdout, done.stderr), (0, '', ''))
book = openpyxl.load_workbook(path)

# What the database has, sheet by sheet
with psycopg.connect(autocommit=True) as connection:
    def query(text, *arguments):
        return connection.execute(text, arguments).fetchall()

    pairs = query("SELECT DISTINCT entity_code, currency FROM acct.trial_balance('2025-01-01') ORDER BY 1, 2")
    expected = {'Balances': {}, 'Result': {}, 'Position': {}, 'funds': {}, '1230': {}}
    for entity, currency in pairs:
        body = query("SELECT fund, opening_balance, period_debit, period_credit, closing_balance FROM acct.trial_balance('2025-01-01', %s) WHERE currency = %s", entity, currency)
        totals = query("SELECT fund, sum(opening_balance), sum(period_debit), sum(period_credit), sum(closing_balance) FROM acct.trial_balance('2025-01-01', %s) WHERE currency = %s "
                       'GROUP BY ROLLUP (fund) ORDER BY fund COLLATE "C" NULLS LAST', entity, currency)
        expected['Balances'][f'Balances {entity} {currency}'] = [{5: r[1], 6: r[2], 7: r[3], 8: r[4]} for r in body + totals]
        for kind, function in (('Result', "acct.profit_and_loss('2025-01-01', '2025-01-01', %s)"), ('Position', "acct.balance_sheet('2025-01-01', %s)")):
            lines = query(f'SELECT * FROM {function} WHERE currency = %s', entity, currency)
            expected[kind][f'{kind} {entity} {currency}'] = [{} if r[8] is None else {2: r[8], 3: r[9], 4: r[10], 5: r[11]} for r in lines]
            cells = query("SELECT column_no, amount FROM acct.fund_statement('2025-01-01', %s, statement => %s) WHERE currency = %s",
                          entity, 'profit_and_loss' if kind == 'Result' else 'balance_sheet', currency)
            columns = sorted({c[0] for c in cells})
            groups = [cells[n:n + len(columns)] for n in range(0, len(cells), len(columns))]
            expected['funds'][f'{kind} funds {entity} {currency}'] = [{at: c[1] for at, c in enumerate(g, 2) if c[1] is not None} for g in groups]
    ledger = query("SELECT entity_code, fund, currency, row_kind, debit, credit, balance FROM acct.account_ledger('1230', '2025-01-01', '2025-01-31')")
    for part in sorted({r[:3] for r in ledger}):
        rows = [r for r in ledger if r[:3] == part]
        lines = [r for r in rows if r[3] == 'line']
        opening = next((r[6] for r in rows if r[3] == 'opening'), Decimal(0))
        expected['1230']['1230 ' + ' '.join(part)] = ([{10: opening}] + [{8: r[4], 9: r[5], 10: r[6]} for r in lines]
                                                     + [{8: sum(r[4] for r in lines), 9: sum(r[5] for r in lines), 10: rows[-1][6]}])

# In two ways: the values that are stored, and what the formulas come to
stored = openpyxl.load_workbook(path, data_only=True)
check('the sheets are these', sorted(s.title for s in book.worksheets if not s.title.startswith(('Contents', '2110'))), sorted(t for sheets in expected.values() for t in sheets))
for name, rows in expected.items():
    compare(name, Calculator, book, rows)
    compare(f'{name}, as stored', Calculator, stored, rows)
totals = [c for s in book.worksheets for r in s.iter_rows() for c in r if c.data_type == 'f']
check('totals are formulas', len(totals) > 300)

if sys.argv[2:]:
    # LibreOffice calculates everything when it opens the file, and saves what that came to.
    profile = os.path.join(work, 'office', 'user')
    os.makedirs(profile)
    with open(os.path.join(profile, 'registrymodifications.xcu'), 'w', encoding='ascii') as f:
        f.write('<?xml version="1.0" encoding="UTF-8"?><oor:items xmlns:oor="http://openoffice.org/2001/registry"><item oor:path="/org.openoffice.Office.Calc/Formula/Load">'
                '<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item></oor:items>')
    # Without what the database has, so that nothing but a calculation can give it.
    blank = os.path.join(work, 'blank.xlsx')
    original = ledger_workbook.Sheet.formula
    ledger_workbook.Sheet.formula = lambda self, at, formula, value, decimals, **look: original(self, at, formula, Decimal(-1), decimals, **look)
    ledger_workbook.main(['2025-01', blank, '--account', '1230'])
    ledger_workbook.Sheet.formula = original
    subprocess.run([sys.argv[2], '-env:UserInstallation=file://' + os.path.join(work, 'office'), '--headless', '--convert-to', 'xlsx:Calc MS Excel 2007 XML', '--outdir',
                    os.path.join(work, 'calculated'), blank], check=True, capture_output=True, timeout=600)
    calculated = openpyxl.load_workbook(os.path.join(work, 'calculated', 'blank.xlsx'), data_only=True)
    for name, rows in expected.items():
        compare(f'{name}, by LibreOffice', Calculator, calculated, rows)

# The look
balances = book['Balances MAIN IDR']
check('headings stay in view', balances.freeze_panes, 'C4')
check('and are on each printed page', balances.print_title_rows, '$1:$3')
check('the page is A4, landscape, as wide as the sheet', (balances.page_setup.paperSize, balances.page_setup.orientation, balances.page_setup.fitToWidth or 1, balances.page_setup.fitToHeight),
      (9, 'landscape', 1, 0))
check('all of the sheet is printed', balances.print_area, f"'Balances MAIN IDR'!$A$1:$H${balances.max_row}")
check('figures have the decimals of the currency', balances.cell(4, 5).number_format, '#,##0.00_);(#,##0.00);"-"_)')
check('a currency without decimals has none', ledger_workbook.decimals_of({'JPY': 0, 'IDR': 2}, 'JPY', [Decimal(5), Decimal('100.0000')]), 0)
check('an amount with more decimals than its currency shows them', ledger_workbook.decimals_of({'IDR': 2}, 'IDR', [Decimal('1.2345')]), 4)
check('a text that looks like markup or a formula is a text', [c.data_type for r in balances.iter_rows(min_row=4, max_col=3) for c in r if c.value and '<script>' in str(c.value)], ['s'])

# Names of sheets, digits, and what is refused
with psycopg.connect(autocommit=True) as connection:
    connection.execute("UPDATE acct.chart_of_accounts SET description = '=1+1' WHERE account_code = '1230'")
    inexact = ledger_workbook.write_workbook(connection, path, ledger_workbook.first_of_month('2025-01-01'), 'MAIN', 'PRIMARY', ['1230'])
check('one entity', (sorted({s.title.split()[-2] for s in openpyxl.load_workbook(path).worksheets if s.title.startswith('Balances')}), inexact), (['MAIN'], 0))
check('a formula as a name', [(c.value, c.data_type) for r in openpyxl.load_workbook(path)['Balances MAIN IDR'].iter_rows(min_row=4, max_col=3) for c in r if c.value == '=1+1'],
      [('=1+1', 's')])
made = ledger_workbook.Workbook(os.path.join(work, 'names.xlsx'), 'T', [])
check('names of sheets', [made.sheet_name(n) for n in ('a/b:[c]', 'x' * 40, 'x' * 40, "'", 'HISTORY', 'contents')],
      ['a_b__c_', 'x' * 31, 'x' * 29 + ' 2', 'Sheet', 'HISTORY 2', 'contents 2'])
sheet = made.sheet('s', 't', [('A', 5, True)], 0)
sheet.figure(0, Decimal('1234567890123456.78'), 2)
check('digits that a spreadsheet does not keep are counted', made.inexact, 1)
# A name may not end with an apostrophe, emoji count twice, and some characters cannot be in XML.
sheets = [made.sheet(n, n, [(n, 5, False)], 0) for n in ('y' * 30 + "'s", '\U0001f600' * 40, '\U0001f600' * 40)]
sheets[0].text(0, '\ufffe\uffff' + '\U0001f600' * 40000)
made.close()
read = openpyxl.load_workbook(os.path.join(work, 'names.xlsx'))
check('names that are cut', read.sheetnames[-3:], ['y' * 30, '\U0001f600' * 15, '\U0001f600' * 14 + ' 2'])
check('a text that is cut', (read['y' * 30]['A4'].value[:2], len(read['y' * 30]['A4'].value.encode('utf-16-le')) // 2 <= 32767), ('\ufffd\ufffd', True))
for arguments, message in ((['2025-13', path], 'not a month: 2025-13'), (['2025-01', path, '--entity', 'NOBODY'], 'entity "NOBODY" is not registered'),
                           (['2025-01', os.path.join(work, 'nowhere', 'x.xlsx')], 'error: '), (['2025-01', path, '--account', 'NONE'], 'account "NONE" does not exist')):
    done = subprocess.run(command[:2] + arguments, capture_output=True, text=True)
    check(f'refused: {message}', (done.returncode != 0, message in done.stderr, 'Traceback' in done.stderr), (True, True, False))

finish()
