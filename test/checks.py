"""What the tests in Python count: one line for each check, and at the end the totals."""

import sys

passed = failed = skipped = 0


def check(name, found, expected=True):
    global passed, failed
    if found == expected:
        passed += 1
    else:
        failed += 1
    print(f"{'ok' if found == expected else 'not ok'} {passed + failed} - {name}")
    if found != expected:
        print(f'# found    {found!r:.2000}\n# expected {expected!r:.2000}')


def skip(name, reason):
    global skipped
    skipped += 1
    print(f'skipped: {name}: {reason}')


def finish():
    print(f'{passed} passed, {failed} failed, {skipped} skipped')
    sys.exit(failed > 0)
