#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages under docs/agents say what the guide wants said, and every task, verb and file they name is one."""
import pathlib, re, sys

TOP = pathlib.Path(__file__).resolve().parents[2]
DOCS = TOP / 'docs/agents'


def page(name):
    return re.sub(r'\s+', ' ', (DOCS / name).read_text(encoding='utf-8'))


WANTED = [  # page, words, number of docs/agents/conformance.md
    ('v2.md', 'From a script each step has an exit code and no window', 'S-2'),
    ('v2.md', 'Sysprep is no backup method', 'S-4'),
    ('v2.md', r'%WINDIR%\Panther\UnattendGC', 'S-5'),
    ('v2.md', r'%WINDIR%\System32\Sysprep\Panther', 'S-5'),
    ('v2.md', 'CopyProfile to false', 'S-5'),
    ('v2.md', 'profile data may be lost or Sysprep may fail', 'S-7'),
    ('v2.md', 'Sysprep (System Preparation) Overview', 'S-8'),
    ('v2.md', 'Sysprep Support for Server Roles', 'S-8'),
    ('v2.md', '**Generalize**', 'S-9'),
    ('v2.md', '**Specialize**', 'S-9'),
    ('v2.md', '**OOBE**', 'S-9'),
    ('v2.md', 'Find or make an instance whose image you want to duplicate', 'S-59'),
    ('v1.md', 'Launch an instance of the image that is to be duplicated, connect, customise', 'S-75'),
    ('v1.md', 'When the instance is stopped, create the image', 'S-87'),
    ('v1.md', 'Mind that a rescheduled run also sets the password', 'S-102'),
    ('v1.md', 'Routes of a running instance are refreshed by', 'S-103'),
    ('ec2config.md', '## Making an image', 'S-104'),
    ('ec2config.md', '| Plug-in | Phase | Default | Then |', 'S-167'),
    ('ec2config.md', 'Launch an instance, connect, customise', 'S-168'),
]


def source_words(path, pattern):
    return set(re.findall(pattern, (TOP / path).read_text(encoding='utf-8')))


def main():
    bad = [f'{n}: {p} lacks {w!r}' for p, w, n in WANTED if w not in page(p)]
    tasks = source_words('agent/v2/schema.c', r'\{ "(\w+)", V2_[A-Z_]+, V2_(?:ONCE|ALWAYS|PER_ITEM)')
    told = set(re.findall(r'^\| (\w+) \| [a-zA-Z, ]+ \| (?:once|always|each item) \|',
                          (DOCS / 'v2.md').read_text(encoding='utf-8'), re.M))
    print('1..2')
    print('ok 1 - the pages say what the guide wants said' if not bad else 'not ok 1 - the pages say what the guide wants said')
    print('ok 2 - the table of tasks is the one of the code' if tasks == told and tasks else
          f'not ok 2 - the table of tasks is the one of the code # {sorted(tasks ^ told)}')
    for b in bad:
        print(f'# {b}')
    return 1 if bad or tasks != told else 0


sys.exit(main())
