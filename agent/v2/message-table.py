#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""message-table.py OUT: the message table of EC2LaunchEventMessage.dll. The event viewer looks a record's id up in it;
each is the record's own text, "%1". Ids are S TT L (docs: events.h): stage, task, level 0 to 3."""
import struct, sys

TEXT = '%1\r\n\0'.encode('utf-16-le')
SERVICE = [0, 10, 100, 200, 300, 400]  # service, replace state, serial port, Sysprep, primary NIC, metadata
STAGES = {1000: 2, 2000: 2, 3000: 11, 5000: 1, 6000: 12, 7000: 12}  # base: tasks, the stage itself as the first


def blocks():
    """(lowest, highest) id of each run of four levels."""
    bases = SERVICE + [stage + 10 * task for stage, tasks in STAGES.items() for task in range(tasks)]
    return [(b, b + 3) for b in sorted(bases)]


def table():
    entry = struct.pack('<HH', (4 + len(TEXT) + 3) & ~3, 1) + TEXT  # length, UTF-16, text
    entry += b'\0' * (-len(entry) % 4)
    rows, texts = b'', b''
    at = 4 + 12 * len(blocks())
    for low, high in blocks():
        rows += struct.pack('<III', low, high, at + len(texts))
        texts += entry * (high - low + 1)
    return struct.pack('<I', len(blocks())) + rows + texts


with open(sys.argv[1], 'wb') as f:
    f.write(table())
