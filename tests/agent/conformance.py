#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/agents/conformance.md: number, level, statement, and the tests that cite the number. The statements are
kept by hand; the last two columns are made from the tests' own comments ("S-51", "S-40 to S-50").

  conformance.py           a TAP test: the page is what the tests say, and which [U] and [W] lines have no test
  conformance.py --write   rewrites the two columns
"""
import pathlib, re, sys

TOP = pathlib.Path(__file__).resolve().parents[2]
PAGE = TOP / 'docs/agents/conformance.md'
ROW = re.compile(r'^\| (S-(\d+)) \| ([UWIP ]+) \| (.*?) \| (.*?) \| (.*?) \|$')
SOURCES = sorted([*TOP.glob('agent/*/test-*.c'), *TOP.glob('tests/agent/*.py'), *TOP.glob('tests/guests/*.py')])
CITE = re.compile(r'\bS-(\d+)\b(?!-\d)(?: to S-(\d+))?')  # S-1-5-18 is an account


def citations():
    found = {}
    for f in SOURCES:
        if f.name == 'conformance.py':
            continue
        for a, b in CITE.findall(f.read_text(encoding='utf-8')):
            for n in range(int(a), int(b or a) + 1):
                found.setdefault(n, set()).add(str(f.relative_to(TOP)).removeprefix('agent/').removeprefix('tests/'))
    return found


def result(levels, tests):
    """What may be claimed: a unit or Wine test stands for U and W, never for a real Windows."""
    parts = []
    if 'U' in levels or 'W' in levels:
        parts.append('tested' if tests else 'NO TEST')
    if 'I' in levels:
        parts.append('real Windows: not run')
    if 'P' in levels:
        parts.append("platform's tests")
    return ', '.join(parts)


def made(text, found):
    out = []
    for line in text.splitlines():
        m = ROW.match(line)
        if m:
            tests = sorted(found.get(int(m[2]), ()))
            line = f'| {m[1]} | {m[3]} | {m[4]} | {", ".join(tests) or "-"} | {result(m[3].split(), tests)} |'
        out.append(line)
    return '\n'.join(out) + '\n'


def main():
    old = PAGE.read_text(encoding='utf-8')
    new = made(old, citations())
    if '--write' in sys.argv:
        PAGE.write_text(new, encoding='utf-8')
        return 0
    rows = [m for m in map(ROW.match, new.splitlines()) if m]
    numbers = [int(m[2]) for m in rows]
    missing = [m[1] for m in rows if 'NO TEST' in m[6]]
    print('1..2')
    print('ok 1 - every number has its row' if numbers == list(range(1, 183)) else 'not ok 1 - every number has its row')
    print('ok 2 - the page says what the tests cite' if new == old else
          'not ok 2 - the page says what the tests cite (tests/agent/conformance.py --write)')
    if missing:
        print(f'# without a test: {", ".join(missing)}')
    return 0 if new == old and numbers == list(range(1, 183)) else 1


sys.exit(main())
