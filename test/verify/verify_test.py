"""Checks integrations/verify/verify.py by the vectors that implementations of RFC 6962 share, and by proofs made here.

The trees, paths and texts of this file are written from docs/proof-format.md and the RFCs' own recursions, and share no code with the program.
"""

import base64
import contextlib
import datetime
import functools
import hashlib
import io
import json
import os
import random
import struct
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, '..', '..', 'integrations', 'verify'))
sys.dont_write_bytecode = True
import verify  # noqa: E402

sys.path.insert(0, os.path.join(here, '..'))
from checks import check, finish  # noqa: E402


def sha(data):
    return hashlib.sha256(data).digest()


def b64(data):
    return base64.b64encode(data).decode()


# Trees as the RFCs define them


def split(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(leaves):
    return mth_of(tuple(leaves))


@functools.lru_cache(None)
def mth_of(leaves):
    if len(leaves) <= 1:
        return sha(b'\x00' + leaves[0]) if leaves else sha(b'')
    k = split(len(leaves))
    return sha(b'\x01' + mth(leaves[:k]) + mth(leaves[k:]))


def audit_path(m, leaves):
    if len(leaves) <= 1:
        return []
    k = split(len(leaves))
    return audit_path(m, leaves[:k]) + [mth(leaves[k:])] if m < k else audit_path(m - k, leaves[k:]) + [mth(leaves[:k])]


def consistency(m, leaves, complete=True):
    n = len(leaves)
    if m == n:
        return [] if complete else [mth(leaves)]
    k = split(n)
    if m <= k:
        return consistency(m, leaves[:k], complete) + [mth(leaves[k:])]
    return consistency(m - k, leaves[k:], False) + [mth(leaves[:k])]


def accepted(function, *arguments):
    try:
        return function(*arguments) or True
    except verify.Rejected:
        return False


inputs = [bytes.fromhex(x) for x in ('', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f')]
roots = """
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d
fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125 aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77
d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7 4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4
76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c
5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328""".split()
check('roots of 0 to 8 leaves', [verify.tree_root(map(verify.leaf_hash, inputs[:n])).hex() for n in range(9)], roots)
check('the hash of a leaf', verify.leaf_hash(b'L123456').hex(), '395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56')
check('the hash of a node', verify.node_hash(b'N123', b'N456').hex(), 'aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb')

many = [bytes([n]) for n in range(40)]
root = [mth(many[:n]) for n in range(41)]
wrong = []
for n in range(1, 41):
    for m in range(n):
        path = audit_path(m, many[:n])
        leaf = verify.leaf_hash(many[m])
        if verify.root_of_path(leaf, m, n, path, '') != root[n]:
            wrong.append((m, n))
        # A path that is shorter or longer, and an index or a size that is not that of the path.
        for bad in (path[:-1], path[1:], path + [root[n]], [root[n]] + path):
            if bad != path and accepted(verify.root_of_path, leaf, m, n, bad, '') == root[n]:
                wrong.append((m, n, 'path'))
        if any(accepted(verify.root_of_path, leaf, i, n, path, '') == root[n] for i in range(n + 2) if i != m):
            wrong.append((m, n, 'index'))
check('audit paths of up to 40 leaves lead to the root, and no others', wrong, [])
wrong = []
for n in range(1, 41):
    for m in range(n + 1):
        path = consistency(m, many[:n]) if m else []
        if not accepted(verify.check_consistency, m, root[m], n, root[n], path):
            wrong.append((m, n))
        for bad in (path[:-1], path[1:], path + [root[n]], [root[n]] + path):
            if bad != path and accepted(verify.check_consistency, m, root[m], n, root[n], bad):
                wrong.append((m, n, 'path'))
        if accepted(verify.check_consistency, m, sha(b'other'), n, root[n], path) or (m and accepted(verify.check_consistency, m, root[m], n, sha(b'other'), path)):
            wrong.append((m, n, 'root'))
        if m < n and accepted(verify.check_consistency, n, root[n], m, root[m], path):
            wrong.append((m, n, 'order'))
check('consistency proofs of up to 40 leaves hold, and no others', wrong, [])

# A ledger, small, with every class of column

header_columns = 'je_date:date,je_id:i8,je_number:text,line_count:i4,memo:text,posted_at:time,rate:other,checked:bool,currency:text,total_credit:amount,total_debit:amount'
line_columns = 'credit:amount,debit:amount,je_date:date,je_id:i8,line_no:i2,product_code:text,run_id:i8'


def text(value):
    return struct.pack('>I', len(value.encode())) + value.encode()


def amount(value):
    return round(value * 10000).to_bytes(16, 'big', signed=True)


def days(date):
    return struct.pack('>i', (datetime.date.fromisoformat(date) - datetime.date(2000, 1, 1)).days)


WRITE = {'i2': lambda v: struct.pack('>h', v), 'i4': lambda v: struct.pack('>i', v), 'i8': lambda v: struct.pack('>q', v), 'text': text, 'other': text,
         'date': days, 'amount': amount, 'bool': lambda v: bytes([v]), 'time': lambda v: struct.pack('>q', v)}


def row_bytes(row, columns):
    bits, values = '', b''
    for column in columns.split(','):
        name, column_class = column.split(':')
        bits += '01'[row.get(name) is not None]
        if row.get(name) is not None:
            values += WRITE[column_class](row[name])
    bits += '0' * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, 'big') + values


def leaves_of(rows, mark, full):
    return [mark + struct.pack('>H', len(rows[i:i + full])) + b''.join(struct.pack('>I', len(r)) + r for r in rows[i:i + full]) for i in range(0, len(rows), full)]


def section_bytes(kind, month, fund, account, currency, rows, debit, credit, leaves):
    return b'LEs1' + bytes([kind]) + days(month) + text(fund) + text(account) + text(currency) + struct.pack('>q', rows) + amount(debit) + amount(credit) + mth(leaves)


def month_of(date):
    return date[:8] + '01'


headers, lines = [], []
for n in range(1, 120):
    date = f'2025-0{1 + n // 90}-{1 + n % 28:02}'
    value = n + 0.0625
    headers.append({'je_date': date, 'je_id': n, 'je_number': f'{date[:4]}{date[5:7]}-{n:09}', 'line_count': 2, 'memo': 'Zahlung\n\u20ac "1", 2' if n % 3 else '' if n % 2 else None,
                    'posted_at': 792547200123456 + n, 'rate': '1.5', 'checked': n % 2, 'currency': 'IDR', 'total_credit': value, 'total_debit': value})
    for line_no, (fund, account) in enumerate((('TABARRU', '1110'), ('OPERATOR', '4100')), 1):
        lines.append({'credit': value * (line_no - 1), 'debit': value * (2 - line_no), 'je_date': date, 'je_id': n, 'line_no': line_no, 'run_id': 7, 'product_code': 'FAM' if n % 5 else None,
                      'fund': fund, 'account_code': account, 'currency': 'IDR'})


def sections_of(kind, rows):
    grouped = {}
    for r in rows:
        grouped.setdefault((month_of(r['je_date']),) + ((r['fund'], r['account_code'], r['currency']) if kind == 2 else ('', '', '')), []).append(r)
    made = []
    for key in sorted(grouped):
        members = grouped[key]
        leaves = leaves_of([row_bytes(r, (header_columns, line_columns)[kind - 1]) for r in members], (b'LEh1', b'LEl1')[kind - 1], (16, 32)[kind - 1])
        debit = sum(r['total_debit' if kind == 1 else 'debit'] for r in members)
        credit = sum(r['total_credit' if kind == 1 else 'credit'] for r in members)
        made.append((members, leaves, section_bytes(kind, *key, len(members), debit, credit, leaves)))
    return made


trees = {'header': sections_of(1, headers), 'line': sections_of(2, lines)}
balances = [b'LEb1' + days('2025-01-01') + text('TABARRU') + text(a) + text('IDR') + amount(10) + amount(5) + amount(2) + amount(13) + struct.pack('>q', 4) for a in ('1110', '1120', '1130')]


def seal_text(number, kind, own):
    return ''.join(f'{k} {v}\n' for k, v in [('ledger_engine_seal', 1), ('entity', 'MAIN'), ('basis', 'PRIMARY'), ('number', number), ('previous', '0' * 64), ('kind', kind),
                                              ('extension', '1.0.0'), ('sealed_at', '2025-02-01T00:00:00.000000Z'), ('sealed_by', 'amir\\\\')] + own)


run_seal = seal_text(3, 'run', [('run', 7), ('month', '-'), ('headers', len(headers)), ('lines', len(lines)), ('sum', 'IDR 1.0000 1.0000'), ('sum', 'USD 1.0000 1.0000'),
                                ('header_columns', header_columns), ('line_columns', line_columns),
                                ('header_root', mth([s for _, _, s in trees['header']]).hex()), ('line_root', mth([s for _, _, s in trees['line']]).hex())])
close_seal = seal_text(5, 'close', [('balances', 3), ('balance_root', mth(balances).hex())])
# Names the run, too, and comes later
waive_seal = seal_text(7, 'waive', [('run', 7)])
log = [b'a', b'b', run_seal.encode(), b'c', close_seal.encode(), b'd', waive_seal.encode()]
origin = 'ledger_engine/8b0c7f5e-4a52-4a70-9d2c-000000000001'


def checkpoint_of(size, of=origin):
    return f'{of}\n{size}\n{b64(mth(log[:size]))}\n'


def in_log(index):
    return {'seal': log[index].decode(), 'log_index': index, 'log_size': 7, 'log_path': list(map(b64, audit_path(index, log))), 'checkpoint': checkpoint_of(7)}


def proof_of(kind, wanted):
    for s, (members, leaves, section) in enumerate(trees[kind]):
        for n, r in enumerate(members):
            if r is wanted:
                leaf, row = divmod(n, 16 if kind == 'header' else 32)
                return {'ledger_engine_proof': 1, 'kind': kind, 'leaf': b64(leaves[leaf]), 'row': row, 'leaf_index': leaf, 'leaf_count': len(leaves),
                        'leaf_path': list(map(b64, audit_path(leaf, leaves))), 'section': b64(section), 'section_index': s, 'section_count': len(trees[kind]),
                        'section_path': list(map(b64, audit_path(s, [x[2] for x in trees[kind]]))), **in_log(2)}


def balance_proof(n):
    return {'ledger_engine_proof': 1, 'kind': 'balance', 'leaf': b64(balances[n]), 'leaf_index': n, 'leaf_count': 3, 'leaf_path': list(map(b64, audit_path(n, balances))), **in_log(4)}


def consistency_proof(old, new):
    return {'ledger_engine_proof': 1, 'kind': 'consistency', 'old': checkpoint_of(old), 'new': checkpoint_of(new), 'path': list(map(b64, consistency(old, log[:new])))}


def sections_proof(index):
    own = {f'{k}_sections': [b64(s) for _, _, s in trees[k]] if index == 2 else [] for k in ('header', 'line')}
    return {'ledger_engine_proof': 1, 'kind': 'sections', **own, **in_log(index)}


work = tempfile.TemporaryDirectory()


def write(name, content):
    path = os.path.join(work.name, name)
    with open(path, 'wb') as f:
        f.write(content if isinstance(content, bytes) else content.encode() if isinstance(content, str) else json.dumps(content).encode())
    return path


def run(*arguments):
    """The status and the output of the command."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        old, sys.argv = sys.argv, ['verify.py', *arguments]
        try:
            verify.main()
        except SystemExit as e:
            return e.code, out.getvalue()
        finally:
            sys.argv = old


def last_line(result):
    return result[0], [x for x in result[1].splitlines() if not x.startswith('checkpoint: ')][-1]


kept = write('kept', checkpoint_of(7))
h, a, b = headers[49], lines[98], lines[99]
status, output = run('proof', '--checkpoint', kept, write('h', proof_of('header', h)), write('a', proof_of('line', a)), write('b', proof_of('line', b)))
check('a journal with all its lines is proved', (status, output.splitlines()[-1]), (0, 'journal 50: all lines are here, and it is balanced'))
check('the record of a header is shown', [x for x in output.splitlines() if x.startswith('  ')][:14],
      ['  entity_code       MAIN', '  basis             PRIMARY', '  currency          IDR', '  je_date           2025-01-23', '  je_id             50', '  je_number         202501-000000050',
       '  line_count        2', "  memo              'Zahlung\\n\u20ac \"1\", 2'", '  posted_at         2025-02-11 00:00:00.123506 UTC', '  rate              1.5', '  checked           0', '  total_credit      50.0625',
       '  total_debit       50.0625', '  sealed as seal 3 of the book (run), at 2025-02-01T00:00:00.000000Z by amir\\'])
check('a line shows what is in its section', [x for x in output.splitlines() if x.startswith(('  fund', '  account', '  credit', '  debit'))],
      ['  fund              TABARRU', '  account_code      1110', '  credit            0.0000', '  debit             50.0625',
       '  fund              OPERATOR', '  account_code      4100', '  credit            50.0625', '  debit             0.0000'])
check('each row of the ledger is proved', [accepted(verify.check_proof, json.dumps(proof_of(k, r)).encode()) is not False for k, rows in (('header', headers), ('line', lines)) for r in rows].count(True), 357)
check('a journal without a line is not complete', last_line(run('proof', '--checkpoint', kept, write('h', proof_of('header', h)), write('a', proof_of('line', a)))),
      (1, 'journal 50: INCOMPLETE; there are proofs of 1 of 2 lines'))
status, output = run('proof', '--checkpoint', kept, write('bad', '{}'), write('h', proof_of('header', h)))
check('what is rejected is said last', (status, output.startswith('checkpoint: '), ': REJECTED: ' in output.splitlines()[-1]), (1, True, True))
check('a line given twice is not two lines', last_line(run('proof', '--checkpoint', kept, write('h', proof_of('header', h)), write('a', proof_of('line', a)), write('b', proof_of('line', a)))),
      (1, 'journal 50: INCOMPLETE; a line is given twice; debits and credits are not the totals of the journal'))
check('a header given twice does not hide that a line is missing', last_line(run('proof', '--checkpoint', kept, write('h', proof_of('header', h)), write('h2', proof_of('header', h)), write('a', proof_of('line', a)))),
      (1, 'journal 50: INCOMPLETE; the header is given twice'))
check('nor do lines by another checkpoint', last_line(run('proof', '--checkpoint', kept, write('h', proof_of('header', h)), write('step', consistency_proof(5, 7)),
                                                          write('a', {**proof_of('line', a), 'log_size': 5, 'log_path': list(map(b64, audit_path(2, log[:5]))), 'checkpoint': checkpoint_of(5)}))),
      (1, 'journal 50: INCOMPLETE; a line is of another seal or checkpoint; there are proofs of 1 of 2 lines'))
check('a file without a proof proves nothing', run('proof', '--checkpoint', kept, write('none.jsonl', ''))[0], 1)
check('a balance is proved', run('proof', '--checkpoint', kept, write('x', balance_proof(1)))[1].splitlines()[2:],
      ['  entity_code       MAIN', '  basis             PRIMARY', '  fund              TABARRU', '  account_code      1120', '  currency          IDR', '  month             2025-01-01', '  opening_balance   10.0000',
       '  period_debit      5.0000', '  period_credit     2.0000', '  closing_balance   13.0000', '  line_count        4', '  sealed as seal 5 of the book (close), at 2025-02-01T00:00:00.000000Z by amir\\'])

# Checkpoints
check('a proof of a later checkpoint needs a step', last_line(run('proof', '--checkpoint', write('five', checkpoint_of(5)), write('a', proof_of('line', a))))[1].split(': ', 1)[1],
      'REJECTED: its checkpoint is not the one that was kept, and no proof leads from one to the other')
check('what was sealed since is not', last_line(run('proof', '--checkpoint', write('two', checkpoint_of(2)), write('step', consistency_proof(2, 7)), write('a', proof_of('line', a))))[1].split(': ', 1)[1],
      'REJECTED: it was sealed after the checkpoint that was kept, which cannot vouch for it: get a newer checkpoint from where they are kept')
check('with the step it is proved', run('proof', '--checkpoint', write('five', checkpoint_of(5)), write('a', proof_of('line', a)), write('step', consistency_proof(5, 7)))[0], 0)
check('another ledger', last_line(run('proof', '--checkpoint', write('other', checkpoint_of(7, 'ledger_engine/other')), write('a', proof_of('line', a))))[1].split(': ', 1)[1], f'REJECTED: it is of another ledger, {origin}')
for old, new in ((1, 7), (3, 7), (4, 7), (6, 7), (7, 7)):
    check(f'a checkpoint of {new} extends one of {old}', run('checkpoint', write('old', checkpoint_of(old)), write('new', checkpoint_of(new)), write('step', consistency_proof(old, new)))[0], 0)
check('a checkpoint with signatures', run('checkpoint', write('old', checkpoint_of(7) + '\n\u2014 auditor abcd\n\u2014 witness efgh\n'), write('new', checkpoint_of(7)))[0], 0)
check('a checkpoint as psql writes it', run('checkpoint', write('old', checkpoint_of(7) + '\n'), write('new', checkpoint_of(7)))[0], 0)
check('no step, no proof', run('checkpoint', write('old', checkpoint_of(5)), write('new', checkpoint_of(7)))[0], 1)
check('a step of others', last_line(run('checkpoint', write('old', checkpoint_of(5)), write('new', checkpoint_of(7)), write('step', consistency_proof(4, 7)))), (1, 'REJECTED: the proof is about other checkpoints'))
log[1] = b'forged'
check('a history that was written again', run('checkpoint', kept, write('new', checkpoint_of(7)))[1], 'REJECTED: the checkpoints have the same size and different roots\n')
forged = {**consistency_proof(5, 7), 'old': open(write('five', checkpoint_of(5))).read()}
log[1] = b'b'
check('nor does a step lead there', run('checkpoint', write('old', checkpoint_of(5)), write('new', checkpoint_of(7)), write('step', forged))[0], 1)
for name, bad in (('no size', f'{origin}\nx\n{b64(root[1])}\n'), ('a size with a zero in front', f'{origin}\n07\n{b64(mth(log))}\n'), ('a fourth line', checkpoint_of(7) + 'more\n'), ('no end', checkpoint_of(7)[:-1]),
                  ('a short root', f'{origin}\n7\n{b64(root[1][:31])}\n'), ('a huge size', f'{origin}\n{10**30}\n{b64(mth(log))}\n'), ('nothing', ''), ('no origin', '\n7\n' + b64(mth(log)) + '\n')):
    check(f'a checkpoint with {name}', run('checkpoint', write('old', bad), kept)[0], 1)

# Changed proofs

examples = {'header': proof_of('header', h), 'line': proof_of('line', a), 'line of the last leaf': proof_of('line', lines[177]), 'balance': balance_proof(1), 'sections': sections_proof(2),
            'consistency': consistency_proof(5, 7)}
trusted = verify.parse_checkpoint(checkpoint_of(7))


def record_of(found):
    return sorted(found.get('record', {}).items())


# A row that is not the one that was asked for, and is there, is proved.
true_records = [record_of(verify.check_proof(json.dumps(proof_of(k, r)).encode())) for k, rows in (('header', headers), ('line', lines)) for r in rows]


def proves(data, others=()):
    """What a changed proof proves, or None."""
    try:
        found = verify.check_proof(data)
        if found['kind'] == 'consistency':
            return (found['old'], found['new']) if trusted in (found['old'], found['new']) else None
        verify.check_trust(found, trusted, [])
        return None if record_of(found) in others else found
    except verify.Rejected:
        return None


draw = random.Random(1)
for name, proof in examples.items():
    data = json.dumps(proof, separators=(',', ':')).encode()
    proved = proves(data)
    others = [r for r in true_records if r != record_of(proved)] if name in ('header', 'line', 'line of the last leaf') else []
    survived = []
    for n in range(0, len(data), 1 if name in ('line', 'balance', 'consistency') else 5):
        for bit in [draw.randrange(8)]:
            changed = bytearray(data)
            changed[n] ^= 1 << bit
            if proves(bytes(changed), others) is not None:
                survived.append((n, bit, bytes(changed[max(0, n - 20):n + 20])))
    check(f'{name}: a byte with a flipped bit is refused', (proved is not None, survived), (True, []))
    survived = [n for n in range(0, len(data), 23) if proves(data[:n], others) is not None or proves(data[:n] + data[n + 1:], others) is not None]
    check(f'{name}: shortened, it is refused', survived, [])


def changed(name, **values):
    return json.dumps({**examples[name], **values}).encode()


line = examples['line']
cases = {
    'a path that is too short': changed('line', leaf_path=line['leaf_path'][:-1]), 'a path with one element more': changed('line', leaf_path=line['leaf_path'] + [b64(root[3])]),
    'a path of the log that is too short': changed('line', log_path=line['log_path'][:-1]), 'a path of sections with one element more': changed('line', section_path=line['section_path'] + [b64(root[3])]),
    'an index that is the size': changed('line', leaf_index=line['leaf_count']), 'an index beyond': changed('line', log_index=99), 'a size of 0': changed('line', section_count=0),
    # The paths of the first leaf of three, and of four, are the same.
    'another number of leaves': json.dumps({**proof_of('line', lines[0]), 'leaf_count': 4}).encode(), 'another number of balances': json.dumps({**balance_proof(0), 'leaf_count': 4}).encode(),
    'a row that is not there': changed('line', row=32), 'an index that is negative': changed('line', row=-1), 'a huge number': changed('line', row=10**400),
    'a number beyond 2^53': changed('line', log_index=2**53), 'a number with a fraction': changed('line', row=1.0), 'an exponent': changed('line').replace(b'"row": ', b'"row": 1e'),
    'a boolean as a number': changed('line', row=True), 'a text as a number': changed('line', row='1'), 'NaN': changed('line', row=float('nan')), 'null': changed('line', leaf=None),
    'another kind': changed('line', kind='header'), 'an unknown kind': changed('line', kind='journal'), 'a kind that is a list': changed('line', kind=['line']), 'another version': changed('line', ledger_engine_proof=2),
    'a boolean as version': changed('line', ledger_engine_proof=True), 'an unknown name': changed('line', note=''),
    'a name twice': changed('line')[:-1] + b', "row": 0}', 'a checkpoint twice': b'{"checkpoint": ' + json.dumps(checkpoint_of(7, 'x')).encode() + b', ' + changed('line')[1:],
    'a checkpoint of another size': changed('line', checkpoint=checkpoint_of(6)), 'another size of the log': changed('line', log_size=6), 'another origin': changed('line', checkpoint=checkpoint_of(7, 'ledger_engine/x')),
    'a forged checkpoint': changed('line', checkpoint=f'{origin}\n7\n{b64(root[7])}\n'), 'another seal': changed('line', seal=close_seal), 'another section': changed('line', section=examples['header']['section']),
    'a hash of 31 bytes': changed('line', leaf_path=[b64(root[1][:31])] + line['leaf_path'][1:]), 'base64 with a line feed': changed('line', leaf=line['leaf'][:40] + '\n' + line['leaf'][40:]),
    'base64 without padding': changed('balance', leaf=examples['balance']['leaf'].rstrip('=')), 'a path that is no list': changed('line', leaf_path='x'), 'a path of 65': changed('line', leaf_path=[b64(root[1])] * 65),
    'a list': json.dumps([line]).encode(), 'nothing': b'', 'deep JSON': b'[' * 100000, 'not UTF-8': b'\xff' + changed('line'), 'more than a proof can have': b' ' * (1 << 21) + changed('line'),
    'an inner node as a leaf': changed('line', leaf=b64(mth(log[:4]) + mth(log[4:])), leaf_path=[]), 'sections without one': changed('sections', header_sections=examples['sections']['header_sections'][1:]),
    'sections in another order': changed('sections', line_sections=examples['sections']['line_sections'][::-1]), 'no sections': changed('sections', line_sections=[]),
}
for name, data in cases.items():
    check(f'refused: {name}', proves(data), None)
for name in line:
    check(f'refused: a line without {name}', proves(json.dumps({k: v for k, v in line.items() if k != name}).encode()), None)
check('another row of the leaf is another line', proves(changed('line', row=line['row'] + 1))['record']['je_id'], 51)
for name, bad in (('a name twice', run_seal.replace('headers 119\n', 'headers 119\nheaders 119\n')), ('no line feed', run_seal[:-1]), ('an escape', run_seal.replace('amir\\\\', 'amir\\t')), ('a carriage return', run_seal.replace('kind run', 'kind run\r')), ('a later form', run_seal.replace('seal 1', 'seal 2', 1)), ('an empty line', run_seal + '\n')):
    check(f'refused: a seal with {name}', accepted(verify.parse_seal, bad), False)
check('refused: a seal with an escaped hyphen in a text', accepted(verify.parse_seal, run_seal.replace('amir\\\\', 'a\\-')), False)
check('a value that is not known, and one that is a hyphen', [verify.parse_seal(run_seal.replace('amir\\\\', v))['sealed_by'] for v in ('-', '\\-')], [None, '-'])
out = io.StringIO()
with contextlib.redirect_stdout(out):
    verify.show_record({'record': {'a\nb': 'x'}, 'classes': {}, 'seal': {'number': '1', 'kind': 'run', 'sealed_at': 't', 'sealed_by': 'x\njournal 50: all lines are here'}})
check('names of several lines stay on one', out.getvalue().count('\n'), 2)
check('escapes', verify.parse_seal(close_seal.replace('amir\\\\', 'a\\\\n\\n\\r\\\\'))['sealed_by'], 'a\\n\n\r\\')
for name, row in (('bits of no column', b'\x00\x01'), ('a boolean that is 2', b'\x01\x00\x02'), ('more bytes', b'\x00\x00\x00'), ('an end too early', b'\x80\x00\x00')):
    check(f'refused: a row with {name}', accepted(verify.parse_row, row, verify.columns_of({'header_columns': header_columns}, 'header')), False)

check('names of columns with what separates them', verify.columns_of({'line_columns': 'a\\,b:i8,c\\:\\\\:text'}, 'line'), [('a,b', 'i8'), ('c:\\', 'text')])
for bad in ('', 'a', 'a:i9', 'a:i8,', 'a:i8,,b:i8', 'a:i8,a:i4', 'a\\:i8', ':i8'):
    check(f'refused: columns {bad!r}', accepted(verify.columns_of, {'line_columns': bad}, 'line'), False)

# An exported month


def quoted(value):
    return '' if value is None else '"' + value.replace('"', '""') + '"' if value == '' or any(c in value for c in '",\n') else value


def csv_of(rows, columns):
    return ''.join(','.join(quoted(f(r)) for f in columns.values()) + '\n' for r in rows)


def time_of(r):
    return str(datetime.datetime(2000, 1, 1) + datetime.timedelta(microseconds=r['posted_at'])) + '+00'


common = {'entity_code': lambda r: 'MAIN', 'basis': lambda r: 'PRIMARY', 'run_id': lambda r: '7', 'je_date': lambda r: r['je_date'], 'je_id': lambda r: str(r['je_id']), 'currency': lambda r: r['currency']}
header_csv = {**common, 'je_number': lambda r: r['je_number'], 'line_count': lambda r: str(r['line_count']), 'memo': lambda r: r['memo'], 'posted_at': time_of, 'rate': lambda r: r['rate'] + '0',
              'checked': lambda r: 'ft'[r['checked']], 'total_credit': lambda r: f"{r['total_credit']:.4f}", 'total_debit': lambda r: f"{r['total_debit']:.4f}", 'added_later': lambda r: 'x'}
line_csv = {**common, 'line_no': lambda r: str(r['line_no']), 'product_code': lambda r: r['product_code'], 'fund': lambda r: r['fund'], 'account_code': lambda r: r['account_code'],
            'debit': lambda r: f"{r['debit']:.4f}", 'credit': lambda r: f"{r['credit']:.4f}"}
of_month = {k: [r for r in rows if r['je_date'] < '2025-02'] for k, rows in (('header', headers), ('line', lines))}
for rows in of_month.values():
    draw.shuffle(rows)


def archive(rows, compression='none', seals=(0, 1, 2, 3, 4, 5, 6), change=None, header_csv=header_csv, line_csv=line_csv, edit=lambda text: text, encoding='UTF8'):
    files = []
    for kind, columns in (('header', header_csv), ('line', line_csv)):
        data = edit(','.join(columns) + '\n' + csv_of(rows[kind], columns)).encode()
        if compression == 'gzip':
            data = verify.gzip.compress(data)
        name = f'ledger_entry_{kind}_2025_01.csv'
        write(name, data if change != kind else data + b'\n')
        files.append({'table': name[:-4], 'file': name, 'sha256': hashlib.sha256(data).hexdigest(), 'columns': [{'name': c, 'type': 'numeric(9,3)' if c == 'rate' else 'text'} for c in columns]})
    manifest = write('manifest.json', {'manifest': 'ledger_engine archive', 'table_name': 'ledger_entry', 'month': '2025-01-01', 'encoding': encoding, 'format': 'csv', 'compression': compression, 'files': files, 'gross': 1.5})
    proofs = write('sections', '\n'.join(json.dumps(sections_proof(n)) for n in seals if n in (2, 4, 6)))
    return run('archive', '--checkpoint', kept, manifest, proofs)


check('an exported month is what was sealed', archive(of_month)[1].splitlines()[1:],
      ['2025-01: 89 headers and 178 lines are those of 3 seals', 'not proved: columns that the seals do not have, because they came later: header added_later',
       'these are not all seals of the ledger: another one may have rows of the month'])
check('a column that came later and is empty is not named', 'not proved' in archive(of_month, header_csv={**header_csv, 'added_later': lambda r: None})[1], False)
check('no seal, no month', last_line(archive({'header': [], 'line': []}, seals=()))[0], 1)
first_line = of_month['line'][0]
value = f"{first_line['debit'] or first_line['credit']:.4f}"
for name, old, new in (('a value more', f'{value}\n', f'{value},1\n'), ('digits of another script', 'MAIN,PRIMARY,7,2025-01-', 'MAIN,PRIMARY,\uff17,2025-01-'),
                       ('an underscore in an amount', '.0625', '.06_25'), ('an exponent', value, f'{value}E0'), ('a date without hyphens', '2025-01-02', '20250102'), ('a blank before a number', f',{value}', f', {value}')):
    check(f'refused: a file with {name}', archive(of_month, edit=lambda text: text.replace(old, new))[0], 1)
twice = {'file': 'twice.csv', 'columns': [{'name': 'debit'}, {'name': 'debit'}], 'sha256': hashlib.sha256(b'debit,debit\n1,2\n').hexdigest()}
write('twice.csv', 'debit,debit\n1,2\n')
check('refused: a column twice', accepted(lambda: list(verify.rows_of_file(work.name, twice, {'compression': 'none', 'encoding': 'UTF8'}))), False)
check('refused: an encoding that hides what stands there', archive(of_month, encoding='utf-7')[0], 1)
check('a compressed one, too', archive(of_month, 'gzip')[0], 0)
check('a file that is another one', last_line(archive(of_month, change='line')), (1, 'REJECTED: ledger_entry_line_2025_01.csv is not the file of the manifest'))
check('zstd is for the reader to unpack', last_line(archive(of_month, 'zstd'))[0], 1)
check('a seal that is missing', last_line(archive(of_month, seals=(4,)))[1][:9], 'REJECTED:')
for kind, name in (('header', 'a header'), ('line', 'a line')):
    check(f'{name} is missing', archive({**of_month, kind: of_month[kind][1:]})[0], 1)
    check(f'{name} is there twice', archive({**of_month, kind: of_month[kind] + of_month[kind][:1]})[0], 1)
one = of_month['line'][0]
for name, other in (('debit', one['debit'] + 1), ('line_no', 3), ('product_code', 'X'), ('product_code', ''), ('je_id', 999), ('account_code', '9999'), ('je_date', '2025-01-31')):
    check(f'a line with another {name}', archive({**of_month, 'line': [{**one, name: other}] + of_month['line'][1:]})[0], 1)
one = of_month['header'][0]
for name, other in (('memo', 'other'), ('posted_at', one['posted_at'] + 1), ('rate', '1.51'), ('checked', 1 - one['checked']), ('total_debit', 1)):
    check(f'a header with another {name}', archive({**of_month, 'header': [{**one, name: other}] + of_month['header'][1:]})[0], 1)
check('a value of no class', archive({**of_month, 'line': [{**of_month['line'][0], 'je_date': '2025-02-30'}] + of_month['line'][1:]})[0], 1)
check('infinite dates and times, negative amounts', (verify.days_of('infinity'), verify.micros_of('-infinity'), verify.units_of('-0.0001'), verify.show_amount(-1)), (2**31 - 1, -2**63, -1, '-0.0001'))
manifest_of = {'manifest': 'ledger_engine archive', 'table_name': 'ledger_entry', 'month': '2025-01-01', 'encoding': 'UTF8', 'format': 'csv', 'compression': 'none', 'files': []}
for name, given in (('a list', []), ('deep', b'[' * 100000), ('of no month', {**manifest_of, 'month': '2025-01-02'}), ('of an infinite month', {**manifest_of, 'month': 'infinity'}), ('of no files', manifest_of)):
    check(f'a manifest that is {name}', run('archive', '--checkpoint', kept, write('manifest.json', given), write('sections', json.dumps(sections_proof(2))))[0], 1)
check('no arguments', run()[0], 2)
check('no checkpoint', run('proof', kept)[0], 2)
finish()
