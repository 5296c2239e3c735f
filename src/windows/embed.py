#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files as C arrays: embed.py OUTPUT NAME=FILE..."""
import sys


def main():
    out = ['/* Made by embed.py: the files of the launch agents that an image needs. */',
           '#include "dialect-files.h"', '']
    for arg in sys.argv[2:]:
        name, path = arg.split('=', 1)
        with open(path, 'rb') as f:
            data = f.read().replace(b'\r\n', b'\n').replace(b'\n', b'\r\n')
        rows = [', '.join(str(b) for b in data[i:i + 20]) for i in range(0, len(data), 20)]
        out.append('static const unsigned char %s_data[] = {\n%s\n};' % (name, ',\n'.join(rows)))
        out.append('const struct embedded_file embedded_%s = { %s_data, sizeof %s_data };\n'
                   % (name, name, name))
    with open(sys.argv[1], 'w', encoding='ascii') as f:
        f.write('\n'.join(out))


main()
