"""What is wrong with a FEC, by the rules of the French tax office's public tool and of article A 47 A-1 of the LPF.

faults(name, data) takes the name and the bytes of a file and returns sentences; an empty list is a good file. It knows nothing of the
database: it reads the file as the tax office does.
"""

import datetime
import re
from decimal import Decimal

FIELDS = ('JournalCode JournalLib EcritureNum EcritureDate CompteNum CompteLib CompAuxNum CompAuxLib PieceRef PieceDate EcritureLib '
          'Debit Credit EcritureLet DateLet ValidDate Montantdevise Idevise').split()
MANDATORY = FIELDS[:6] + ['PieceRef', 'PieceDate', 'EcritureLib', 'Debit', 'Credit', 'ValidDate']
AMOUNT = re.compile(r'[+-]?[0-9]+(,[0-9]+)?')


def is_day(text):
    try:
        datetime.datetime.strptime(text, '%Y%m%d')
    except ValueError:
        return False
    return re.fullmatch('[0-9]{8}', text) is not None


def amount(text):
    return Decimal(text.replace(',', '.')) if AMOUNT.fullmatch(text) else None


def line_faults(row, first_day, last_day):
    for field in MANDATORY:
        if not row[field].strip():
            yield f'{field} is empty'
    if not re.fullmatch('[0-9]{3}[0-9a-zA-Z]*', row['CompteNum']):
        yield 'CompteNum does not begin with three digits'
    if row['EcritureLib'].strip() in ('', '/'):
        yield 'EcritureLib says nothing'
    for field in ('EcritureDate', 'PieceDate', 'ValidDate'):
        if not is_day(row[field]):
            yield f'{field} is no day'
    if row['DateLet'] and not is_day(row['DateLet']):
        yield 'DateLet is no day'
    if not first_day <= row['EcritureDate'] <= last_day:
        yield 'EcritureDate is outside the year'
    if bool(row['CompAuxNum']) != bool(row['CompAuxLib']):
        yield 'CompAuxNum without CompAuxLib, or the reverse'
    if row['CompAuxNum'] and row['CompteNum'][0] != '4':
        yield 'CompAuxNum on an account of no third party'
    debit, credit = amount(row['Debit']), amount(row['Credit'])
    if debit is None or credit is None:
        yield 'an amount is no number with a decimal comma'
    elif (debit != 0) == (credit != 0):
        yield 'both of debit and credit are zero, or neither'
    if bool(row['Montantdevise']) != bool(row['Idevise']):
        yield 'Montantdevise without Idevise, or the reverse'


def faults(name, data):
    found = []
    match = re.fullmatch(r'[0-9]{9}FEC([0-9]{8})\.txt', name)
    if not match or not is_day(match[1]):
        return ['the name of the file is not SIREN, FEC, day of closing']
    last_day = match[1]
    end = datetime.datetime.strptime(last_day, '%Y%m%d')
    first_day = (end.replace(year=end.year - 1) if end.month != 2 or end.day != 29 else end.replace(year=end.year - 1, day=28)) + datetime.timedelta(days=1)
    first_day = first_day.strftime('%Y%m%d')
    if data.startswith(b'\xef\xbb\xbf'):
        found.append('the file begins with a byte order mark')
    try:
        text = data.decode('utf-8')
    except UnicodeDecodeError:
        return ['the file is not UTF-8']
    if not text.endswith('\n'):
        found.append('the last record has no end')
    if re.search(r'[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029|]', text):
        found.append('a text has a control character or a separator')
    lines = text.split('\n')[:-1]
    if lines[:1] != ['\t'.join(FIELDS)]:
        return found + ['the first line does not have the names of the fields']
    numbers, balances, libraries, names, kinds = {}, {}, {}, {}, []
    for n, line in enumerate(lines[1:], 2):
        values = line.split('\t')
        if len(values) != len(FIELDS):
            found.append(f'line {n} has {len(values)} fields')
            continue
        row = dict(zip(FIELDS, values))
        found += [f'line {n}: {fault}' for fault in line_faults(row, first_day, last_day)]
        code, number = row['JournalCode'], row['EcritureNum']
        kinds.append(code)
        if number not in numbers.setdefault(code, []):
            numbers[code].append(number)
        elif numbers[code][-1] != number:
            found.append(f'line {n}: the lines of entry {code} {number} do not follow each other')
        entry = balances.setdefault((code, number), [Decimal(0), set()])
        entry[0] += (amount(row['Debit']) or 0) - (amount(row['Credit']) or 0)
        entry[1].add((row['EcritureDate'], row['PieceRef'], row['ValidDate']))
        if libraries.setdefault(code, row['JournalLib']) != row['JournalLib']:
            found.append(f'line {n}: journal {code} has two names')
        if names.setdefault(row['CompteNum'], row['CompteLib']) != row['CompteLib']:
            found.append(f"line {n}: account {row['CompteNum']} has two names")
    for code, given in numbers.items():
        if given != [str(i) for i in range(1, len(given) + 1)]:
            found.append(f'the numbers of journal {code} are not continuous')
    for (code, number), (balance, heads) in balances.items():
        if balance != 0:
            found.append(f'entry {code} {number} does not balance')
        if len(heads) != 1:
            found.append(f'entry {code} {number} has several dates or references')
    opening = [i for i, code in enumerate(kinds) if code == 'AN']
    if opening != list(range(len(opening))):
        found.append('opening entries do not come first')
    return found


def rows(data):
    """The records of a file, as dictionaries."""
    return [dict(zip(FIELDS, line.split('\t'))) for line in data.decode('utf-8').split('\n')[1:-1]]
