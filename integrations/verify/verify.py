#!/usr/bin/env python3
"""Checks proofs, checkpoints and exported months of ledger_engine without a database.

docs/proof-format.md defines what is read here, byte for byte. Python 3.9 or later, its standard library, nothing else.
The exit status is 0 if everything holds, 1 if something does not, and 2 if the command line is wrong.

The file has five parts: trees of hashes; values, as the ledger writes them; what is hashed; proofs; exported months.
"""

import argparse
import base64
import bz2
import codecs
import datetime
import functools
import gzip
import hashlib
import json
import lzma
import os
import re
import sys
from decimal import Decimal

LARGEST_PROOF = 1 << 20
LARGEST_NUMBER = (1 << 53) - 1
LEAF = {'header': (b'LEh1', 16), 'line': (b'LEl1', 32)}  # how a leaf begins, and how many rows a full one has


class Rejected(Exception):
    """What was given does not prove what it claims to."""


def require(holds, problem):
    if not holds:
        raise Rejected(problem)


# Trees of hashes: RFC 6962, section 2.1, and RFC 9162, sections 2.1.3 and 2.1.4


def leaf_hash(data):
    return hashlib.sha256(b'\x00' + data).digest()


def node_hash(left, right):
    return hashlib.sha256(b'\x01' + left + right).digest()


def tree_root(hashes):
    """The root of a tree with these hashes of leaves: complete subtrees are joined as soon as there are two of a size."""
    stack = []
    for n, h in enumerate(hashes):
        while n & 1:
            h = node_hash(stack.pop(), h)
            n >>= 1
        stack.append(h)
    return functools.reduce(lambda right, left: node_hash(left, right), reversed(stack)) if stack else hashlib.sha256().digest()


def climb(index, last, path, what):
    """The nodes of a path from a node up to the root, each with whether it is a left sibling."""
    for node in path:
        require(last > 0, f'{what}: the path is too long')
        is_left = index & 1 or index == last
        yield node, is_left
        while is_left and not index & 1 and index:
            index, last = index >> 1, last >> 1
        index, last = index >> 1, last >> 1
    require(last == 0, f'{what}: the path is too short')


def root_of_path(hashed, index, size, path, what):
    """The root that an audit path leads to from a leaf."""
    require(index < size, f'{what}: index {index} is not below the size {size}')
    for node, is_left in climb(index, size - 1, path, what):
        hashed = node_hash(node, hashed) if is_left else node_hash(hashed, node)
    return hashed


def check_consistency(old_size, old_root, new_size, new_root, path):
    require(old_size <= new_size, f'the older checkpoint has {old_size} seals, the newer one only {new_size}')
    if old_size == new_size or old_size == 0:
        require(not path, 'the path is too long')
        require(old_size or old_root == tree_root([]), 'the older checkpoint is of no seals, and does not have their root')
        require(old_size != new_size or old_root == new_root, 'the checkpoints have the same size and different roots')
        return
    require(path, 'the path is too short')
    if old_size & (old_size - 1) == 0:
        path = [old_root] + path
    index, last = old_size - 1, new_size - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    first = second = path[0]
    for node, is_left in climb(index, last, path[1:], 'checkpoints'):
        if is_left:
            first = node_hash(node, first)
        second = node_hash(node, second) if is_left else node_hash(second, node)
    require(first == old_root, 'the path does not lead to the root of the older checkpoint')
    require(second == new_root, 'the path does not lead to the root of the newer checkpoint')


# Values. Each class of columns has a number of bytes, what reads it from the text of an export, and what shows it

EPOCH = datetime.datetime(2000, 1, 1)


def days_of(text):
    if text in ('infinity', '-infinity'):
        return 2**31 - 1 if text[0] == 'i' else -(2**31)
    # Python reads more forms of a date than the ledger writes.
    require(re.fullmatch('[0-9]{4,}-[0-9]{2}-[0-9]{2}', text), f'not a date: {text[:40]}')
    return (datetime.date.fromisoformat(text) - EPOCH.date()).days


def whole_of(text):
    # int() reads digits of all scripts, and blanks and underscores besides.
    require(re.fullmatch('-?(?:0|[1-9][0-9]*)', text), f'not a whole number: {text[:40]}')
    return int(text)


def micros_of(text):
    if text in ('infinity', '-infinity'):
        return 2**63 - 1 if text[0] == 'i' else -(2**63)
    m = re.fullmatch(r'([0-9]{4,}-[0-9]{2}-[0-9]{2}) ([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]{1,6}))?(?:\+00)?', text)
    require(m, f'not a time in UTC: {text[:40]}')
    seconds = days_of(m[1]) * 86400 + int(m[2]) * 3600 + int(m[3]) * 60 + int(m[4])
    return seconds * 1000000 + int((m[5] or '0').ljust(6, '0'))


def units_of(text):
    require(re.fullmatch(r'-?[0-9]{1,40}(?:\.[0-9]{1,40})?', text), f'not an amount: {text[:40]}')
    units = Decimal(text) * 10000
    require(units == int(units), f'not an amount: {text[:40]}')
    return int(units)


def show_time(number, unit='microseconds'):
    """A time, or a date, which is a number of days; beyond the years that Python has, the number."""
    try:
        time = EPOCH + datetime.timedelta(**{unit: number})
        return time.date().isoformat() if unit == 'days' else time.isoformat(sep=' ') + ' UTC'
    except OverflowError:
        return f'2000-01-01 {number:+} {unit}'


def show_date(days):
    return show_time(days, 'days')


def show_amount(units):
    return f"{'-' if units < 0 else ''}{abs(units) // 10000}.{abs(units) % 10000:04}"


def show_text(value):
    return value if value.isprintable() else repr(value)


CLASSES = {
    'i2': (2, whole_of, str),
    'i4': (4, whole_of, str),
    'i8': (8, whole_of, str),
    'bool': (1, {'f': 0, 't': 1}.__getitem__, str),
    'date': (4, days_of, show_date),
    'time': (8, micros_of, show_time),
    'amount': (16, units_of, show_amount),
    'text': (None, str, show_text),
    'other': (None, str, show_text),
}


def from_base64(value, what, size=None):
    require(type(value) is str, f'{what} is not a text')
    try:
        data = base64.b64decode(value.encode('ascii'), validate=True)
    except ValueError:
        raise Rejected(f'{what} is not base64')
    require(base64.b64encode(data).decode() == value, f'{what} is not base64 with padding')
    require(size is None or len(data) == size, f'{what} does not have {size} bytes')
    return data


class Bytes:
    """Bytes that are read from the front."""

    def __init__(self, data, what, mark=b''):
        self.data, self.at, self.what = data, 0, what
        require(self.take(len(mark)) == mark, f'{what} does not begin as one')

    def take(self, n):
        require(n <= len(self.data) - self.at, f'{self.what} ends too early')
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self, n, signed=True):
        return int.from_bytes(self.take(n), 'big', signed=signed)

    def text(self):
        try:
            return self.take(self.number(4, False)).decode('utf-8')
        except UnicodeDecodeError:
            raise Rejected(f'{self.what} has a text that is not UTF-8')

    def end(self):
        require(self.at == len(self.data), f'{self.what} goes on after its end')


# What is hashed: rows, leaves, sections, balances, seals, checkpoints


def columns_of(seal, kind):
    text = seal.get(f'{kind}_columns') or ''
    require(re.fullmatch(r'(?:(?:[^\\:,]|\\.)+:[a-z0-9]+(?:,(?!$)|$))+', text, re.DOTALL), 'the seal has no list of columns')
    columns = [(re.sub(r'\\(.)', r'\1', name, flags=re.DOTALL), c) for name, c in re.findall(r'((?:[^\\:,]|\\.)+):([a-z0-9]+)', text, re.DOTALL)]
    require(all(c in CLASSES for _, c in columns) and len(dict(columns)) == len(columns), 'the seal has columns of an unknown class, or one twice')
    return columns


def parse_row(data, columns):
    """The values of a row by name, those that it has."""
    b = Bytes(data, 'the row')
    bits = b.take((len(columns) + 7) // 8)
    row = {}
    for n, (name, column_class) in enumerate(columns):
        if bits[n // 8] & 0x80 >> n % 8:
            size = CLASSES[column_class][0]
            row[name] = b.number(size) if size else b.text()
            require(column_class != 'bool' or row[name] in (0, 1), 'the row has a boolean that is none')
    require(len(columns) % 8 == 0 or bits[-1] & 0xFF >> len(columns) % 8 == 0, 'the row has values of no column')
    b.end()
    return row


def parse_leaf(data, kind):
    """The rows of a leaf, as bytes."""
    mark, full = LEAF[kind]
    b = Bytes(data, f'the leaf of {kind}s', mark)
    count = b.number(2, False)
    require(1 <= count <= full, f'the leaf has {count} rows')
    rows = [b.take(b.number(4, False)) for _ in range(count)]
    b.end()
    return rows


def parse_section(data):
    b = Bytes(data, 'the section', b'LEs1')
    kind = b.number(1)
    require(kind in (1, 2), 'the section has an unknown kind')
    section = {'kind': ('header', 'line')[kind - 1], 'month': b.number(4), 'fund': b.text(), 'account_code': b.text(), 'currency': b.text()}
    section.update(rows=b.number(8), debit=b.number(16), credit=b.number(16), root=b.take(32))
    b.end()
    require(section['rows'] > 0, 'the section has no rows')
    return section


def parse_balance(data):
    b = Bytes(data, 'the balance', b'LEb1')
    balance = {'month': b.number(4), 'fund': b.text(), 'account_code': b.text(), 'currency': b.text()}
    balance.update({name: b.number(16) for name in ('opening_balance', 'period_debit', 'period_credit', 'closing_balance')}, line_count=b.number(8))
    b.end()
    return balance


def parse_seal(text):
    """The lines of a seal by name; of "sum" a list."""
    require(text.endswith('\n'), 'the seal does not end with a line feed')
    seal = {'sum': []}
    for n, line in enumerate(text[:-1].split('\n')):
        name, blank, value = line.partition(' ')
        require(blank and re.fullmatch('[a-z_0-9]+', name) and '\r' not in line, 'the seal has a line that is not "name value"')
        # A hyphen alone is no value, and one with a backslash is the hyphen.
        if value in ('-', '\\-'):
            value = '-' if value == '\\-' else None
        else:
            require(re.fullmatch(r'(?:[^\\]|\\[\\nr])*', value), 'the seal has an unknown escape')
            value = re.sub(r'\\(.)', lambda m: {'\\': '\\', 'n': '\n', 'r': '\r'}[m[1]], value)
        require(n > 0 or line == 'ledger_engine_seal 1', 'it is not a seal of form 1')
        require(name == 'sum' or name not in seal, f'the seal has {name} twice')
        seal[name] = seal['sum'] + [value] if name == 'sum' else value
    for name in ('entity', 'basis', 'number', 'previous', 'kind', 'sealed_at', 'sealed_by'):
        require(name in seal, f'the seal has no {name}')
    return seal


def root_in(seal, name):
    require(re.fullmatch('[0-9a-f]{64}', seal.get(name) or ''), f'the seal has no {name}')
    return bytes.fromhex(seal[name])


def parse_checkpoint(text):
    """Origin, size and root; signatures (C2SP signed-note) may follow after a blank line."""
    text, blank, signatures = text.partition('\n\n')
    lines = (text + '\n' if blank else text).split('\n')
    require(len(lines) == 4 and lines[3] == '' and lines[0], 'a checkpoint is not three lines')
    # psql adds a line feed.
    require(all(s.startswith('\u2014 ') for s in signatures.rstrip('\n').split('\n') if signatures.strip('\n')), 'a checkpoint has more lines than signatures')
    require(re.fullmatch('0|[1-9][0-9]{0,15}', lines[1]) and int(lines[1]) <= LARGEST_NUMBER, 'a checkpoint has no size')
    return lines[0], int(lines[1]), from_base64(lines[2], 'the root of a checkpoint', 32)


# Proofs: JSON, read strictly, and what each kind shows

IN_LOG = {'seal', 'log_index', 'log_size', 'log_path', 'checkpoint'}
OF_LEAF = IN_LOG | {'leaf', 'leaf_index', 'leaf_count', 'leaf_path'}
OF_ROW = OF_LEAF | {'row', 'section', 'section_index', 'section_count', 'section_path'}
NAMES = {'header': OF_ROW, 'line': OF_ROW, 'balance': OF_LEAF, 'sections': IN_LOG | {'header_sections', 'line_sections'}, 'consistency': {'old', 'new', 'path'}}


def unique_names(pairs):
    require(len({name for name, _ in pairs}) == len(pairs), 'a name appears twice')
    return dict(pairs)


def small_number(text):
    require(re.fullmatch(r'[0-9]{1,16}', text) and int(text) <= LARGEST_NUMBER, f'not a number from 0 to 2^53 - 1: {text[:40]}')
    return int(text)


def parse_proof(data):
    """A proof with bytes in place of base64."""
    require(len(data) <= LARGEST_PROOF, 'it is larger than a proof can be')
    try:
        # No fraction is a small number, nor is NaN.
        proof = json.loads(data.decode('utf-8'), object_pairs_hook=unique_names, parse_int=small_number, parse_float=small_number, parse_constant=small_number)
    except (ValueError, RecursionError) as e:
        raise Rejected(f'not JSON: {e}')
    require(type(proof) is dict, 'it is not a JSON object')
    require(proof.get('ledger_engine_proof') == 1 and type(proof['ledger_engine_proof']) is int, 'it is not a proof of form 1')
    require(type(proof.get('kind')) is str and proof['kind'] in NAMES, 'it has no kind of proof that is known')
    names = NAMES[proof['kind']] | {'ledger_engine_proof', 'kind'}
    require(set(proof) <= names, f"unknown name: {', '.join(sorted(set(proof) - names))[:80]}")
    require(set(proof) == names, f"missing name: {', '.join(sorted(names - set(proof)))}")
    for name, value in proof.items():
        if name.endswith(('_index', '_size', '_count')) or name == 'row':
            require(type(value) is int, f'{name} is not a number')
        elif name.endswith(('path', '_sections')):
            require(type(value) is list and (name.endswith('_sections') or len(value) <= 64), f'{name} is not a list, or has more than 64 hashes')
            proof[name] = [from_base64(v, name, 32 if name.endswith('path') else None) for v in value]
        elif name in ('leaf', 'section'):
            proof[name] = from_base64(value, name)
        elif name != 'ledger_engine_proof':
            require(type(value) is str, f'{name} is not a text')
    return proof


def check_log(proof):
    """That the seal is in the log that the checkpoint is of. Returns what all kinds of proofs show."""
    checkpoint = parse_checkpoint(proof['checkpoint'])
    require(proof['log_size'] == checkpoint[1], 'log_size is not the size of the checkpoint')
    root = root_of_path(leaf_hash(proof['seal'].encode()), proof['log_index'], proof['log_size'], proof['log_path'], 'log')
    require(root == checkpoint[2], 'the seal is not in the log of the checkpoint')
    return {'kind': proof['kind'], 'seal': parse_seal(proof['seal']), 'text': proof['seal'], 'checkpoint': checkpoint, 'index': proof['log_index']}


def check_row(proof):
    """That the row is in the leaf, this in the section, and this in the seal."""
    shown, kind, index, count = check_log(proof), proof['kind'], proof['leaf_index'], proof['leaf_count']
    seal, section, rows, full = shown['seal'], parse_section(proof['section']), parse_leaf(proof['leaf'], kind), LEAF[kind][1]
    require(section['kind'] == kind, f'the section is not one of {kind}s')
    require(proof['row'] < len(rows), f"row {proof['row']} is not below the {len(rows)} rows of the leaf")
    require(count == -(-section['rows'] // full), 'the section does not have so many leaves')
    require(len(rows) == (section['rows'] - index * full if index == count - 1 else full), 'the leaf does not have the rows that its section admits')
    root = root_of_path(leaf_hash(proof['leaf']), index, count, proof['leaf_path'], 'leaf')
    require(root == section['root'], 'the leaf is not in the section')
    root = root_of_path(leaf_hash(proof['section']), proof['section_index'], proof['section_count'], proof['section_path'], 'section')
    require(root == root_in(seal, f'{kind}_root'), 'the section is not in the seal')
    columns = columns_of(seal, kind)
    record = parse_row(rows[proof['row']], columns)
    record.update(entity_code=seal['entity'], basis=seal['basis'])
    if kind == 'line':
        record.update({name: section[name] for name in ('fund', 'account_code', 'currency')})
    require(record.get('je_date') is not None, 'the row has no date')
    require(show_date(record['je_date'])[:8] == show_date(section['month'])[:8], 'the row is not of the month of its section')
    return {**shown, 'record': record, 'classes': dict(columns)}


def check_balance(proof):
    shown = check_log(proof)
    seal, record = shown['seal'], parse_balance(proof['leaf'])
    root = root_of_path(leaf_hash(proof['leaf']), proof['leaf_index'], proof['leaf_count'], proof['leaf_path'], 'balance')
    require(root == root_in(seal, 'balance_root'), 'the balance is not in the seal')
    require(seal.get('balances') == str(proof['leaf_count']), 'the seal does not have so many balances')
    require(record['closing_balance'] == record['opening_balance'] + record['period_debit'] - record['period_credit'], 'the balance does not add up')
    # A checkpoint seals the balances of a book in the ledger's own chain.
    record.update(entity_code=seal.get('book_entity', seal['entity']), basis=seal.get('book_basis', seal['basis']))
    amounts = {name: 'amount' for name in record if name.endswith(('_balance', '_debit', '_credit'))}
    return {**shown, 'record': record, 'classes': {'month': 'date', 'line_count': 'i8', **amounts}}


def check_sections(proof):
    """That these are all sections of a seal; that of an event has none. Returns them by kind and key."""
    shown, sections = check_log(proof), {}
    for kind in ('header', 'line'):
        given = proof[f'{kind}_sections']
        if not given and f'{kind}_root' not in shown['seal']:
            continue
        require(tree_root(leaf_hash(s) for s in given) == root_in(shown['seal'], f'{kind}_root'), f'the sections of {kind}s are not those of the seal')
        for section in map(parse_section, given):
            require(section['kind'] == kind, f'a section is not one of {kind}s')
            sections[kind, section['month'], section['fund'], section['account_code'], section['currency']] = section
        require(sum(s['rows'] for s in sections.values() if s['kind'] == kind) == int(shown['seal'][f'{kind}s']), f'the seal has another number of {kind}s')
    return {**shown, 'sections': sections}


def check_step(proof):
    old, new = parse_checkpoint(proof['old']), parse_checkpoint(proof['new'])
    require(old[0] == new[0], f'the checkpoints are of two ledgers: {old[0]} and {new[0]}')
    check_consistency(old[1], old[2], new[1], new[2], proof['path'])
    return {'kind': 'consistency', 'old': old, 'new': new}


def check_proof(data):
    """What a proof shows, apart from its checkpoint."""
    proof = parse_proof(data)
    return {'header': check_row, 'line': check_row, 'balance': check_balance, 'sections': check_sections, 'consistency': check_step}[proof['kind']](proof)


def check_trust(shown, kept, steps):
    """That what a proof shows is in the log of the checkpoint that was kept: the proof's own, or one of these steps (consistency proofs) leads from one to the other."""
    found = shown['checkpoint']
    require(found[0] == kept[0], f'it is of another ledger, {found[0]}')
    require(found == kept or any({found, kept} == {s['old'], s['new']} for s in steps), 'its checkpoint is not the one that was kept, and no proof leads from one to the other')
    # Whoever knows some hashes of a log can make one that extends it, and holds anything.
    require(shown['index'] < kept[1], 'it was sealed after the checkpoint that was kept, which cannot vouch for it: get a newer checkpoint from where they are kept')


def check_journal(header, lines):
    """That these are all lines of the journal, and that it is balanced. Returns problems."""
    h, records, problems = header['record'], [x['record'] for x in lines], []
    if any(x['kind'] == 'header' for x in lines):
        return ['the header is given twice']
    if any(x['text'] != header['text'] or x['checkpoint'] != header['checkpoint'] for x in lines):
        problems.append('a line is of another seal or checkpoint')
    problems += [f'a line has another {name}' for name in ('je_date', 'currency') if any(r.get(name) != h.get(name) for r in records)]
    if len({r.get('line_no') for r in records}) != len(records):
        problems.append('a line is given twice')
    if len(records) != h['line_count']:
        problems.append(f"there are proofs of {len(records)} of {h['line_count']} lines")
    elif not h['total_debit'] == h['total_credit'] == sum(r['debit'] for r in records) == sum(r['credit'] for r in records):
        problems.append('debits and credits are not the totals of the journal')
    return problems


# Exported months: the rows of the files become bytes again, as they were sealed

CODECS = {'UTF8': 'utf-8', 'SQL_ASCII': 'utf-8', 'LATIN1': 'latin-1', 'LATIN9': 'iso8859-15', 'EUC_JP': 'euc_jp', 'EUC_KR': 'euc_kr', 'EUC_CN': 'gb2312'}
UNPACK = {'none': bytes, 'gzip': gzip.decompress, 'xz': lzma.decompress, 'bzip2': bz2.decompress}
FIELD = re.compile(r'(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n)')


def read_csv(text):
    """The rows of COPY's CSV: a field without quotes that is empty is NULL."""
    at, row = 0, []
    while at < len(text):
        m = FIELD.match(text, at)
        require(m, 'a file is not CSV')
        row.append(m[1].replace('""', '"') if m[1] is not None else m[2] or None)
        at = m.end()
        if m[3] == '\n':
            yield row
            row = []
    require(not row, 'a file ends within a row')


def pack_row(row, columns, types):
    bits, values = bytearray((len(columns) + 7) // 8), []
    for n, (name, column_class) in enumerate(columns):
        text = row.get(name)
        if text is None:
            continue
        bits[n // 8] |= 0x80 >> n % 8
        size, read, _ = CLASSES[column_class]
        if column_class == 'other':
            # Of the types that COPY and seals write differently, numerics lose their trailing zeros here.
            require(not types[name].startswith('interval'), 'a column of type interval cannot be compared with a seal')
            text = re.sub(r'\.?0+$', '', text) if types[name].startswith('numeric') and '.' in text else text
        values.append(read(text).to_bytes(size, 'big', signed=True) if size else len(text.encode()).to_bytes(4, 'big') + text.encode())
    return bytes(bits) + b''.join(values)


def root_of_rows(kind, rows):
    mark, full = LEAF[kind]
    parts = (rows[i : i + full] for i in range(0, len(rows), full))
    return tree_root(leaf_hash(mark + len(p).to_bytes(2, 'big') + b''.join(len(r).to_bytes(4, 'big') + r for r in p)) for p in parts)


def rows_of_file(directory, part, manifest):
    """The rows of a file, by column."""
    data = load(os.path.join(directory, os.path.basename(part['file'])), None)
    require(hashlib.sha256(data).hexdigest() == part['sha256'], f"{part['file']} is not the file of the manifest")
    require(manifest['compression'] in UNPACK, f"unpack the files first: Python does not read {manifest['compression']}")
    require(re.fullmatch('UTF8|SQL_ASCII|(?:EUC|ISO|LATIN|WIN|KOI8|GB|BIG|SJIS|UHC|JOHAB)[A-Z0-9_]*', manifest['encoding']), 'the manifest has an encoding that no server has')
    text = UNPACK[manifest['compression']](data).decode(CODECS.get(manifest['encoding']) or codecs.lookup(manifest['encoding']).name)
    names, rows = [c['name'] for c in part['columns']], read_csv(text)
    require(len(set(names)) == len(names), f"{part['file']} has a column twice")
    require(next(rows, None) == names, f"{part['file']} does not have the columns of the manifest")
    for values in rows:
        require(len(values) == len(names), f"{part['file']} has a row of {len(values)} values in {len(names)} columns")
        yield dict(zip(names, values))


def check_archive(directory, manifest, seals):
    """That the files of a month have exactly the rows that the seals commit to. Returns the numbers of rows of each kind, columns with values that are in no seal, and problems."""
    require(type(manifest) is dict and manifest.get('manifest') == 'ledger_engine archive' and manifest.get('table_name') == 'ledger_entry', 'not the manifest of a month of ledger_entry')
    require(re.fullmatch('[0-9]{4}-[0-9]{2}-01', manifest['month']), 'the manifest is not of a month')
    require(manifest['format'] == 'csv', 'the rows of a binary export cannot be compared: export the month as csv')
    require(seals, 'no proof of the sections of a seal was given: nothing is compared')
    month, found, counts, unsealed = days_of(manifest['month']), {}, {'header': 0, 'line': 0}, set()
    # Of those that have rows: others, such as of waivers and of closing, name a run or a month too.
    by_run = {(s['seal']['entity'], s['seal']['basis'], s['seal'].get('run'), s['seal'].get('month')): s for s in seals if s['seal']['kind'] in ('run', 'month')}
    for part in manifest['files']:
        kind = re.match('ledger_entry_(header|line)_', part['table'])
        require(kind, f"{part['table']} is no table of entries")
        kind, types = kind[1], {c['name']: c['type'] for c in part['columns']}
        try:
            for row in rows_of_file(directory, part, manifest):
                book = row['entity_code'], row['basis']
                seal = by_run.get((*book, row['run_id'], None)) or by_run.get((*book, None, manifest['month']))
                require(seal, f"journal {row['je_id']}: no seal of run {row['run_id']} was given")
                key = (month, row['fund'], row['account_code'], row['currency']) if kind == 'line' else (month, '', '', '')
                place = (int(row['je_id']), int(row['line_no'])) if kind == 'line' else (row['je_number'].encode(), int(row['je_id']))
                if 'columns' not in seal:
                    seal['columns'] = {k: columns_of(seal['seal'], k) for k in LEAF}
                    # The book, the run and the section say the others.
                    seal['said'] = {k: {'entity_code', 'basis'} | ({'run_id'} if seal['seal'].get('run') else set())
                                    | ({'fund', 'account_code', 'currency'} if k == 'line' else set()) | {n for n, _ in seal['columns'][k]} for k in LEAF}
                unsealed.update(f'{kind} {n}' for n, value in row.items() if value is not None and n not in seal['said'][kind])
                found.setdefault((seal['text'], kind) + key, []).append((place, pack_row(row, seal['columns'][kind], types)))
                counts[kind] += 1
        except (ValueError, KeyError, ArithmeticError, LookupError, OSError, EOFError, lzma.LZMAError) as e:
            raise Rejected(f"{part['file']} cannot be read: {type(e).__name__}: {e}")
    problems = []
    for seal in seals:
        for key, section in seal['sections'].items():
            if key[1] != month:
                continue
            rows = [r for _, r in sorted(found.pop((seal['text'],) + key, []))]
            where = f"seal {seal['seal']['number']} of {seal['seal']['entity']} {seal['seal']['basis']}, {key[0]}s {' '.join(key[2:])}".rstrip()
            if len(rows) != section['rows']:
                problems.append(f"{where}: {len(rows)} rows, {section['rows']} were sealed")
            elif root_of_rows(key[0], rows) != section['root']:
                problems.append(f'{where}: the rows are not those that were sealed')
    return counts, sorted(unsealed), problems + [f"{key[1]}s {' '.join(key[3:])}: {len(rows)} rows that no section has" for key, rows in found.items()]


# The command


def load(path, limit=LARGEST_PROOF):
    try:
        with open(path, 'rb') as f:
            data = f.read(limit + 1 if limit else -1)
    except OSError as e:
        raise Rejected(f'{path} cannot be read: {e.strerror}')
    require(not limit or len(data) <= limit, f'{path} has more than {limit} bytes')
    return data


def load_lines(path, limit):
    """The lines of a file of proofs, of which there is one at least."""
    lines = load(path, limit).splitlines()
    require(lines, f'{path} has no proof')
    return lines


def load_checkpoint(path):
    return parse_checkpoint(load(path).decode('utf-8'))


def show_checkpoint(checkpoint):
    return f'{show_text(checkpoint[0])}, {checkpoint[1]} seals, root {base64.b64encode(checkpoint[2]).decode()}'


def show_record(found):
    record, seal = found['record'], found['seal']
    first = [n for n in ('entity_code', 'basis', 'fund', 'account_code', 'currency') if n in record]
    for name in first + [n for n in record if n not in first]:
        print(f"  {show_text(name):18}{CLASSES[found['classes'].get(name, 'text')][2](record[name])}")
    # A role or a column can have a name of several lines, which would look like findings.
    number, kind, at, by = (show_text(seal[name] or '-') for name in ('number', 'kind', 'sealed_at', 'sealed_by'))
    print(f'  sealed as seal {number} of the book ({kind}), at {at} by {by}')


def command_proof(args):
    kept, found, journals, rejected = load_checkpoint(args.checkpoint), [], {}, []
    print(f'checkpoint: {show_checkpoint(kept)}')
    for path in args.files:
        try:
            # A file may have several proofs, a line each.
            for data in load_lines(path, 1 << 28) if path.endswith('.jsonl') else [load(path)]:
                found.append((path, check_proof(data)))
        except Rejected as e:
            rejected.append(f'{path}: REJECTED: {e}')
    steps = [f for _, f in found if f['kind'] == 'consistency']
    for path, f in found:
        try:
            if f['kind'] == 'consistency':
                print(f"{path}: the checkpoint of {f['new'][1]} seals extends that of {f['old'][1]}")
                continue
            check_trust(f, kept, steps)
            print(f"{path}: {f['kind']} is in the ledger of the checkpoint")
            if f['kind'] in LEAF:
                journals.setdefault(f['record']['je_id'], []).append(f)
            if f['kind'] != 'sections':
                show_record(f)
        except Rejected as e:
            rejected.append(f'{path}: REJECTED: {e}')
    for je_id, parts in journals.items():
        header = next((p for p in parts if p['kind'] == 'header'), None)
        if header and len(parts) > 1:
            problems = check_journal(header, [p for p in parts if p is not header])
            if problems:
                rejected.append(f"journal {je_id}: {'; '.join(['INCOMPLETE'] + problems)}")
            else:
                print(f'journal {je_id}: all lines are here, and it is balanced')
    # Last, where they are seen
    for line in rejected:
        print(line)
    return not rejected


def command_checkpoint(args):
    old, new = load_checkpoint(args.old), load_checkpoint(args.new)
    require(old[0] == new[0], f'the checkpoints are of two ledgers: {old[0]} and {new[0]}')
    if args.proof:
        step = check_proof(load(args.proof))
        require(step['kind'] == 'consistency', 'it is not a proof about two checkpoints')
        require((step['old'], step['new']) == (old, new), 'the proof is about other checkpoints')
    else:
        require(old[1] == new[1] or old[1] == 0, 'a proof is needed: acct.prove_checkpoint() makes one')
        check_consistency(old[1], old[2], new[1], new[2], [])
    print(f'extends: {show_checkpoint(old)}\n      by: {show_checkpoint(new)}')
    return True


def command_archive(args):
    kept = load_checkpoint(args.checkpoint)
    found = [check_proof(line) for line in load_lines(args.sections, 1 << 30)]
    steps, seals = ([f for f in found if f['kind'] == kind] for kind in ('consistency', 'sections'))
    for s in seals:
        check_trust(s, kept, steps)
    manifest = json.loads(load(args.manifest).decode('utf-8'), object_pairs_hook=unique_names)
    counts, unsealed, problems = check_archive(os.path.dirname(args.manifest), manifest, seals)
    print(f'checkpoint: {show_checkpoint(kept)}')
    for p in problems:
        print(f'REJECTED: {p}')
    if not problems:
        print(f"{manifest['month'][:7]}: {counts['header']} headers and {counts['line']} lines are those of {len(seals)} seals")
        if unsealed:
            print(f"not proved: columns that the seals do not have, because they came later: {', '.join(map(show_text, unsealed))}")
        # Proofs by an older checkpoint know nothing of the seals since.
        complete = {s['index'] for s in seals} == set(range(kept[1]))
        print('no other seal of the ledger has rows of the month' if complete else 'these are not all seals of the ledger: another one may have rows of the month')
    return not problems


def main():
    parser = argparse.ArgumentParser(prog='verify.py', description='Checks proofs, checkpoints and exported months of ledger_engine without a database.')
    commands = parser.add_subparsers(dest='command', required=True)
    for run, arguments, help_text in (
        (command_proof, ('--checkpoint', 'files'), 'check proofs of journals, lines and balances; of a header and all its lines, that the journal is complete'),
        (command_checkpoint, ('old', 'new', 'proof'), 'check that a checkpoint extends an older one'),
        (command_archive, ('--checkpoint', 'manifest', 'sections'), "compare an exported month's files with the seals of its runs"),
    ):
        command = commands.add_parser(run.__name__[8:], help=help_text)
        command.set_defaults(run=run)
        for name in arguments:
            options = {'--checkpoint': {'required': True, 'metavar': 'FILE', 'help': 'the checkpoint that you kept: without one, nothing is proved'}}
            command.add_argument(name, **options.get(name, {'nargs': {'files': '+', 'proof': '?'}.get(name)}))
    args = parser.parse_args()
    try:
        sys.exit(0 if args.run(args) else 1)
    except Exception as e:
        print(f'REJECTED: {e}' if isinstance(e, Rejected) else f'REJECTED: it cannot be read: {type(e).__name__}: {e}')
        sys.exit(1)


if __name__ == '__main__':
    main()
