"""Exports audit files as a client, as an auditor, and reads them as the tax office or an auditor does."""

import csv
import hashlib
import io
import os
import subprocess
import sys
import time
from decimal import Decimal

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, '..'))
from checks import check, finish  # noqa: E402
import fec_check  # noqa: E402

work = sys.argv[1]
# Bytes as they are: CSV with a delimiter and a quote that no line has.
AS_IT_IS = r"WITH (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02', ENCODING 'UTF8')"


def psql(*commands, user=None):
    result = subprocess.run(['psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', *(['-c', f'SET SESSION AUTHORIZATION {user}'] if user else []),
                             *(part for command in commands for part in ('-c', command))], capture_output=True, text=True, encoding='utf-8', check=False)
    if result.returncode:
        raise RuntimeError(result.stderr)
    return result.stdout.rstrip('\n')


def exported(call, name):
    """The bytes of a file that psql writes, and the record of its export."""
    path = os.path.join(work, name)
    record = psql(rf"\copy (SELECT line FROM {call}) TO '{path}' {AS_IT_IS}",
                  'SELECT file_name, records, lines, bytes, sha256 FROM acct.audit_export ORDER BY export_id DESC LIMIT 1', user='ledger_audit')
    with open(path, 'rb') as file:
        return file.read(), record.split('|')


def check_record(name, data, record, records):
    check(f'{name}: the record has the size and the digest of the file', record[1:],
          [str(records), str(data.count(b'\n')), str(len(data)), hashlib.sha256(data).hexdigest()])


def check_fec():
    for year in (2024, 2025, 2026):
        if year == 2026:
            # The year before has to be closed, for its result to be in the opening entries.
            waived = "ARRAY(SELECT f.finding FROM acct._closing_findings() AS f), 'a test'"
            psql(f"SELECT acct.close_period(m::date, 'FRA', 'PRIMARY', {waived}) FROM generate_series(timestamp '2025-01-01', '2025-11-01', '1 month') AS m",
                 f"SELECT acct.close_year('2025-12-31', 'FRA', 'PRIMARY', {waived})")
        data, record = exported(f"acct.export_fec('{year}-12-31', 'FRA')", 'fec.txt')
        name = psql(f"SELECT acct.fec_file_name('{year}-12-31', 'FRA')")
        check(f'FEC of {year}: name', (record[0], name), (f'123456789FEC{year}1231.txt', ) * 2)
        check(f'FEC of {year}: nothing is wrong with it', fec_check.faults(name, data), [])
        check_record(f'FEC of {year}', data, record, data.count(b'\n') - 1)
        totals = [sum(fec_check.amount(row[side]) for row in fec_check.rows(data) if row['JournalCode'] != 'AN') for side in ('Debit', 'Credit')]
        lines = psql(f"SELECT coalesce(sum(debit), 0), coalesce(sum(credit), 0) FROM acct.ledger_entry_line WHERE entity_code = 'FRA' "
                     f"AND je_date BETWEEN '{year}-01-01' AND '{year}-12-31' AND run_id NOT IN (SELECT run_id FROM acct.journal_run WHERE kind = 'closing')")
        check(f'FEC of {year}: all lines of the ledger', totals, [Decimal(amount) for amount in lines.split('|')])
        result = sum(fec_check.amount(row['Credit']) - fec_check.amount(row['Debit']) for row in fec_check.rows(data) if row['CompteNum'][0] in '67')
        wanted = psql(f"SELECT coalesce(-sum(closing_balance), 0) FROM acct.trial_balance('{year}-12-01', 'FRA', closing => false) WHERE account_type IN ('INCOME', 'EXPENSE')")
        check(f'FEC of {year}: classes 6 and 7 are the result', result, Decimal(wanted))
        if year == 2025:
            check_fec_faults(name, data)
    description, record = exported("acct.export_fec('2025-12-31', 'FRA', part => 'description')", 'description.txt')
    check('FEC: the description names the file and its fields',
          (record[0], '123456789FEC20251231.txt' in description.decode(), [field for field in fec_check.FIELDS if f'. {field} (' not in description.decode()]),
          ('123456789FEC20251231_description.txt', True, []))
    check_record('FEC: description', description, record, 0)
    # Written by COPY ... TO STDOUT and by psql's own output, too
    data, record = exported("acct.export_fec('2025-12-31', 'FRA')", 'fec.txt')
    copied = subprocess.run(['psql', '-XqAt', '-c', f"COPY (SELECT line FROM acct.export_fec('2025-12-31', 'FRA')) TO STDOUT {AS_IT_IS}"], capture_output=True, check=True).stdout
    printed = subprocess.run(['psql', '-XqAt', '-c', "SELECT line FROM acct.export_fec('2025-12-31', 'FRA')"], capture_output=True, check=True, env={**os.environ, 'PGCLIENTENCODING': 'UTF8'}).stdout
    check('FEC: the same bytes by COPY TO STDOUT and as the output of psql', (copied == data, printed == data), (True, True))


def check_audit_data():
    """Reads the CSV files as an auditor's program does, and makes the first test with what is in them."""
    months = "'2025-01-01', '2025-12-01', 'FRA'"
    tables = {}
    for name in psql(f'SELECT DISTINCT file_name FROM acct.export_audit_data({months}) ORDER BY 1').split():
        data, record = exported(f"acct.export_audit_data({months}, part => '{name[:-4]}')", name)
        rows = list(csv.reader(io.StringIO(data.decode('utf-8'), newline=''), strict=True))
        tables[name[:-4]] = [dict(zip(rows[0], row)) for row in rows[1:]]
        check(f'{name}: every row has the fields of the header', (record[0], {len(row) for row in rows}), (name, {len(rows[0])}))
        check(f'{name}: no field has a line break or another control character', [field for row in rows for field in row if not field.isprintable()], [])
        check_record(name, data, record, len(rows) - 1)
    details = tables['GL_Details']
    check('GL_Details: every line of the ledger', str(len(details)), psql("SELECT count(*) FROM acct.ledger_entry_line WHERE entity_code = 'FRA' AND je_date BETWEEN '2025-01-01' AND '2025-12-31'"))
    check('GL_Details: texts with quotes, commas, tabs, line breaks and emoji',
          [next(row[field] for row in details if (row['Bill_Number'], row['JE_Line_Number']) == key) for field, key in
           (('JE_Line_Description', ('11', '1')), ('JE_Header_Description', ('11', '1')), ('Policy_Number', ('11', '1')), ('Policy_Number', ('12', '1')), ('Policy_Number', ('13', '1')))],
          ['Tab here | pipe "quote" back\\slash line   end 😀 =1+1 <&>', 'Primes encaissées | "vie"', 'P 2 | "x"', '=P-3', 'P-😀'])
    check('GL_Details: who entered and who approved it', [row for row in details if not row['Entered_By'] or not row['Approved_By'] or row['Entered_By'] == row['Approved_By']], [])
    check('GL_Details: every user is in BAS_User', {row[field] for row in details for field in ('Entered_By', 'Approved_By', 'Posted_By')} - {row['User_ID'] for row in tables['BAS_User']}, set())
    check('GL_Details: every type is in BAS_Journal_Entry_Type', {row['JE_Type_Code'] for row in details}, {row['JE_Type_Code'] for row in tables['BAS_Journal_Entry_Type']})
    check('GL_Details: every account is in BAS_Chart_Of_Accounts', {row['GL_Account_Number'] for row in details} - {row['GL_Account_Number'] for row in tables['BAS_Chart_Of_Accounts']}, set())
    check('GL_Details: reversals and what they reverse', sorted(row['Reversal_Indicator'] for row in details if row['Reversal_Indicator']), ['1'] * 4 + ['2'] * 4)
    pairs = {(row['Journal_ID'], row['Reversal_Journal_ID']) for row in details if row['Reversal_Journal_ID']}
    check('GL_Details: each names the other', {(b, a) for a, b in pairs}, pairs)

    def signed(row, amount, side):
        return Decimal(row[amount]) * (-1 if row[side] == 'C' else 1)

    sums = {}
    for row in details:
        key = row['GL_Account_Number'], row['Fund_Code']
        sums[key] = sums.get(key, 0) + signed(row, 'Functional_Amount', 'Amount_Credit_Debit_Indicator')
    check('opening balance plus details is closing balance',
          [row for row in tables['GL_Trial_Balance'] if signed(row, 'Functional_Beginning_Balance', 'Beginning_Balance_Indicator') + sums.get((row['GL_Account_Number'], row['Fund_Code']), 0)
           != signed(row, 'Functional_Ending_Balance', 'Ending_Balance_Indicator')], [])
    check('the test that is among the files says so', [(row['Passed'], Decimal(row['Difference'])) for row in tables['GL_Balance_Test']], [('Y', 0)] * len(tables['GL_Trial_Balance']))
    check('balances of periods follow each other', {row['Accounting_Period'] for row in tables['GL_Accounts_Period_Balance']}, {str(n) for n in range(1, 13)})


def check_fec_faults(name, data):
    """That the checker sees what it is there for."""
    lines = data.decode().split('\n')
    last = lines[-2].split('\t')

    def changed(field, value):
        fields = list(last)
        fields[fec_check.FIELDS.index(field)] = value
        return '\n'.join(lines[:-2] + ['\t'.join(fields), '']).encode()

    def sees(what, words, bad_data, bad_name=name):
        found = '; '.join(fec_check.faults(bad_name, bad_data))
        check(f'the checker sees {what}', words in found and found, found)

    sees('a wrong name', 'the name of the file', data, 'FEC2025.txt')
    sees('a byte order mark', 'byte order mark', b'\xef\xbb\xbf' + data)
    sees('another character set', 'not UTF-8', data.decode().encode('utf-16'))
    sees('a full stop', 'decimal comma', changed('Debit', '1.00'))
    sees('a separator of thousands', 'decimal comma', changed('Debit', '1 000,00'))
    sees('a line of zero', 'both of debit and credit', changed('Debit', '0,00') if last[12] == '0,00' else changed('Credit', '0,00'))
    sees('an account that is none', 'three digits', changed('CompteNum', '47A-1'))
    sees('an empty text', 'EcritureLib is empty', changed('EcritureLib', ' '))
    sees('a slash for a text', 'EcritureLib says nothing', changed('EcritureLib', '/'))
    sees('a day that is none', 'ValidDate is no day', changed('ValidDate', '20250230'))
    sees('another year', 'outside the year', changed('EcritureDate', '20240101'))
    sees('a gap', 'not continuous', changed('EcritureNum', '99'))
    sees('a pipe', 'separator', changed('EcritureLib', 'a|b'))
    sees('a missing field', 'has 17 fields', '\n'.join(lines[:-2] + ['\t'.join(last[:-1]), '']).encode())
    sees('a missing line', 'does not balance', '\n'.join(lines[:-2] + ['']).encode())
    sees('closing first', 'do not come first', '\n'.join(lines[:1] + lines[-2:-1] + lines[1:-2] + ['']).encode())


check_audit_data()
check_fec()
finish()
