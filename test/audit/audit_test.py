"""Exports audit files as a client, as an auditor, and reads them as the tax office or an auditor does."""

import csv
import hashlib
import io
import os
import subprocess
import sys
import threading
import time
from decimal import Decimal
from xml.etree import ElementTree

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, '..'))
from checks import check, finish, skip  # noqa: E402
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


SAFT = '{urn:StandardAuditFile-Taxation-Financial:NO}'


def check_saft():
    """Reads the file as a tax office does, also one of a book without entries."""
    schema = os.environ.get('LEDGER_SAFT_SCHEMA', '')
    for entity, months in (('FRA', "'2025-01-01', '2025-12-01'"), ('FRA', "'2025-02-01', '2025-02-01'"), ('FRB', "'2025-01-01', '2025-12-01'")):
        name = f'SAF-T of {entity}, {months}'
        data, record = exported(f"acct.export_saft({months}, '{entity}')", 'saft.xml')
        root = ElementTree.fromstring(data)
        lines = list(root.iter(SAFT + 'Line'))
        check_record(name, data, record, len(lines))
        check(f'{name}: name of the file', record[0][:25] in ('SAF-T Financial_123456789', 'SAF-T Financial_987654321') and record[0].endswith('.xml'))
        path = os.path.join(work, 'saft.xml')
        check(f'{name}: is XML', subprocess.run(['xmllint', '--noout', path], capture_output=True, check=False).stderr, b'')
        if os.path.exists(schema):
            valid = subprocess.run(['xmllint', '--noout', '--schema', schema, path], capture_output=True, text=True, check=False)
            check(f'{name}: is valid', (valid.returncode, valid.stderr.strip()), (0, f'{path} validates'))
        else:
            skip(f'{name}: is valid', 'the schema is not at hand (LEDGER_SAFT_SCHEMA)')
        check_saft_content(name, root, lines, months)
        if entity == 'FRB':
            check(f'{name}: is empty', (len(lines), root.find(f'.//{SAFT}NumberOfEntries').text, root.find(f'.//{SAFT}TotalDebit').text), (0, '0', '0.00'))


def check_saft_content(name, root, lines, months):
    def amounts(tag, elements=lines):
        return [Decimal(line.find(f'{SAFT}{tag}/{SAFT}Amount').text) for line in elements if line.find(SAFT + tag) is not None]

    def signed(element, tag):
        debit, credit = element.find(f'{SAFT}{tag[0]}'), element.find(f'{SAFT}{tag[1]}')
        return Decimal(debit.text) if debit is not None else -Decimal(credit.text)

    entries = root.find(SAFT + 'GeneralLedgerEntries')
    transactions = list(root.iter(SAFT + 'Transaction'))
    check(f'{name}: sums of the header are those of the lines',
          [Decimal(entries.find(SAFT + tag).text) for tag in ('NumberOfEntries', 'TotalDebit', 'TotalCredit')], [len(transactions), sum(amounts('DebitAmount')), sum(amounts('CreditAmount'))])
    check(f'{name}: each transaction balances', [t.find(SAFT + 'TransactionID').text for t in transactions
                                                 if sum(amounts('DebitAmount', t.iter(SAFT + 'Line'))) != sum(amounts('CreditAmount', t.iter(SAFT + 'Line')))], [])
    check(f'{name}: all lines of the ledger', str(len(lines)),
          psql(f"SELECT coalesce(sum(line_count), 0) FROM acct.ledger_entry_header WHERE entity_code = '{name[9:12]}' AND date_trunc('month', je_date) BETWEEN {months.replace(',', ' AND')}"))
    known = {(e.find(SAFT + 'AnalysisType').text, e.find(SAFT + 'AnalysisID').text) for e in root.iter(SAFT + 'AnalysisTypeTableEntry')}
    used = {(a.find(SAFT + 'AnalysisType').text, a.find(SAFT + 'AnalysisID').text) for line in lines for a in line.iter(SAFT + 'Analysis')}
    check(f'{name}: funds, products and channels of lines are in the table', used - known, set())
    check(f'{name}: every kind is used', {kind for kind, _ in used} if lines else {'FUND', 'PRODUCT', 'CHANNEL'}, {'FUND', 'PRODUCT', 'CHANNEL'})
    moved = {}
    for line in lines:
        account = line.find(SAFT + 'AccountID').text
        moved[account] = moved.get(account, 0) + sum(amounts('DebitAmount', [line])) - sum(amounts('CreditAmount', [line]))
    accounts = {a.find(SAFT + 'AccountID').text: (signed(a, ('OpeningDebitBalance', 'OpeningCreditBalance')), signed(a, ('ClosingDebitBalance', 'ClosingCreditBalance')))
                for a in root.iter(SAFT + 'Account')}
    check(f'{name}: opening balance plus lines is closing balance', [a for a, (opening, closing) in accounts.items() if opening + moved.get(a, 0) != closing] + sorted(moved.keys() - accounts.keys()), [])
    texts = {line.find(SAFT + 'Description').text for line in lines}
    check(f'{name}: texts with markup, tabs, line breaks and emoji', not lines or 'Tab here | pipe "quote" back\\slash line   end 😀 =1+1 <&>' in texts)


def measured(call):
    """The size of a file in MB, the most memory in MB that the server took to make it, and seconds of processor time; None without /proc."""
    path = os.path.join(work, 'large')
    client = subprocess.Popen(['psql', '-XqAt', '-v', 'ON_ERROR_STOP=1'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    client.stdin.write('SELECT pg_backend_pid();\n')
    client.stdin.flush()
    pid = int(client.stdout.readline())
    if not os.access(f'/proc/{pid}/status', os.R_OK):
        client.communicate()
        return None
    peak = 0
    done = threading.Event()

    def watch():
        nonlocal peak
        while not done.wait(0.02):
            with open(f'/proc/{pid}/status', encoding='ascii') as status:
                peak = max(peak, *(int(row.split()[1]) for row in status if row.startswith('RssAnon')))

    watcher = threading.Thread(target=watch)
    watcher.start()
    client.stdin.write(rf"\copy (SELECT line FROM {call}) TO '{path}' {AS_IT_IS}" + '\n')
    client.stdin.write("SELECT 'done';\n")
    client.stdin.flush()
    check(f'{call}: written', client.stdout.readline(), 'done\n')
    done.set()
    watcher.join()
    with open(f'/proc/{pid}/stat', encoding='ascii') as stat:
        fields = stat.read().rsplit(')', 1)[1].split()
    client.communicate()
    return os.path.getsize(path) / 1e6, peak / 1024, (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def check_accounts():
    """Time of the files of a book with many accounts, of which the server has no statistics yet."""
    psql("INSERT INTO acct.entity (entity_code, functional_currency, country, registration_no) VALUES ('FRM', 'EUR', 'FR', '111222333')",
         "INSERT INTO acct.chart_of_accounts (account_code, description, account_type) SELECT '6' || lpad(i::text, 7, '0'), 'Account ' || i, 'EXPENSE' FROM generate_series(1, 4000) AS i",
         "INSERT INTO acct.manual_journal (entity_code, je_date, currency, memo) VALUES ('FRM', '2025-10-31', 'EUR', 'Many accounts')",
         "INSERT INTO acct.manual_journal_line (journal_id, line_no, account_code, fund, debit, credit) SELECT (SELECT max(journal_id) FROM acct.manual_journal), i, '6' || lpad(i::text, 7, '0'), 'FA', i % 2, 1 - i % 2 "
         'FROM generate_series(1, 4000) AS i',
         'SELECT acct.submit_manual_journal(max(journal_id)) FROM acct.manual_journal')
    psql('SELECT acct.approve_manual_journal(max(journal_id)) FROM acct.manual_journal', user='ledger_audit_checker')
    for what, call in (('FEC', "acct.export_fec('2025-12-31', 'FRM')"), ('SAF-T', "acct.export_saft('2025-10-01', '2025-10-01', 'FRM')"),
                       ('GL_Details', "acct.export_audit_data('2025-10-01', '2025-10-01', 'FRM', part => 'GL_Details')")):
        found = measured(call)
        if found is None:
            return skip('time of many accounts', 'there is no /proc here')
        print(f'# {what} of 4,000 accounts: {found[2]:.1f} s of processor time')
        check(f'{what}: time grows with accounts, not with their square', found[2] < 1.5)


def check_memory():
    """Memory and time of a file of 46,000 lines, against one of some lines. Processor time, because other tests run at the same time."""
    psql("INSERT INTO acct.txn_source_parent (txn_id, txn_month, bank_value_date, txn_type, product_code, channel, policy_no, currency, entity_code, gross_amount, tabarru_amount) "
         "SELECT 1000 + i, '2026-02-01', date '2026-02-01' + i % 28, CASE i % 3 WHEN 0 THEN 'CLAIM' ELSE 'CONTRIB' END, 'VIE', 'AGENT', 'POL-' || i, 'EUR', 'FRA', 1 + i % 999, 1 + i % 999 FROM generate_series(1, 20000) AS i",
         "SELECT public.booked('2026-02-01')", 'ANALYZE')
    most = {}
    seconds = {}
    for what, call in (('small', "acct.export_saft('2025-01-01', '2025-03-01', 'FRA')"), ('SAF-T', "acct.export_saft('2026-01-01', '2026-12-01', 'FRA')"),
                       ('FEC', "acct.export_fec('2026-12-31', 'FRA')"), ('GL_Details', "acct.export_audit_data('2026-01-01', '2026-12-01', 'FRA', part => 'GL_Details')")):
        found = measured(call)
        if found is None:
            return skip('memory of a large file', 'there is no /proc here')
        size, most[what], seconds[what] = found
        print(f'# {what}: {size:.1f} MB, {most[what]:.0f} MB of memory at most, {seconds[what]:.1f} s of processor time')
    for what in ('SAF-T', 'FEC', 'GL_Details'):
        check(f'{what}: memory does not grow with the ledger', most[what] - most['small'] < 32)
        check(f'{what}: at least a million lines a minute of processor time', seconds[what] < 46666 / 1e6 * 60)


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
    sees('a gap', 'not continuous', changed('EcritureNum', '999999'))
    sees('a pipe', 'separator', changed('EcritureLib', 'a|b'))
    sees('a missing field', 'has 17 fields', '\n'.join(lines[:-2] + ['\t'.join(last[:-1]), '']).encode())
    sees('a missing line', 'does not balance', '\n'.join(lines[:-2] + ['']).encode())
    sees('closing first', 'do not come first', '\n'.join(lines[:1] + lines[-2:-1] + lines[1:-2] + ['']).encode())


check_saft()
check_audit_data()
check_fec()
# The others read files of some lines, which is quick.
check_accounts()
check_memory()
finish()
