#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords set offline, read by impacket: its own boot key, its own way to the hash.

No pair of SYSTEM and SAM of one machine is at hand, so the SAM's key is wrapped anew under the boot
key of a real SYSTEM, here, by openssl and a few lines of RC4. That Windows itself takes the result
only a real Windows can prove.
"""
import hashlib
import lzma
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
DATA = pathlib.Path(os.environ.get('KILN_WINDOWS_DATA', HERE / '../../../shared/data/windows'))
HIVE = os.environ['HIVE']
QWERTY = b'!@#$%^&*()qwertyUIOPAzxcvbnmQQQQQQQQQQQQ)(*@&%\0'
DIGITS = b'0123456789012345678901234567890123456789\0'
SALT = b'\x5a' * 16
KEY = b'\x77' * 16
HASHES = {'password': '8846f7eaee8fb117ad06bdd830b7586c',
          'SecREt01': 'cd06ca7c7e10c99b1d33b7485a2ed808'}
EMPTY = '31d6cfe0d16ae931b73c59d7e0c089c0'
DEBIAN = {**os.environ, 'PATH': '/usr/bin:/bin'}  # its Python, which has impacket


def skip(why):
    print(f'SKIP: {why}', file=sys.stderr)
    sys.exit(77)


def hive(*argv, ok=True):
    r = subprocess.run([HIVE, *map(str, argv)], capture_output=True, text=True)
    assert (r.returncode == 0) == ok, (argv, r.stderr)
    return r.stdout if ok else r.stderr


def rc4(key, data):
    s, j = list(range(256)), 0
    for i in range(256):
        j = (j + s[i] + key[i % len(key)]) % 256
        s[i], s[j] = s[j], s[i]
    out, i, j = bytearray(), 0, 0
    for c in data:
        i = (i + 1) % 256
        j = (j + s[i]) % 256
        s[i], s[j] = s[j], s[i]
        out.append(c ^ s[(s[i] + s[j]) % 256])
    return bytes(out)


def wrap_rc4(boot):
    check = hashlib.md5(KEY + DIGITS + KEY + QWERTY).digest()
    k = hashlib.md5(SALT + QWERTY + boot + DIGITS).digest()
    return SALT + rc4(k, KEY + check)


def wrap_aes(boot):
    r = subprocess.run(['openssl', 'enc', '-aes-128-cbc', '-K', boot.hex(), '-iv', SALT.hex()],
                       input=KEY, capture_output=True, check=True)  # with PKCS#7, as Windows
    return SALT + r.stdout


def rekey(path, boot):
    """Each key structure of a domain's F gets KEY, wrapped under this boot key."""
    data = bytearray(path.read_bytes())
    heads = ((struct.pack('<II', 1, 0x38), 8, wrap_rc4),
             (struct.pack('<IIII', 2, 0x70, 0x30, 0x20), 16, wrap_aes))
    n = 0
    for head, skip_bytes, wrap in heads:
        at = data.find(head)
        while at >= 0:
            new = wrap(boot)
            data[at + skip_bytes:at + skip_bytes + len(new)] = new
            at = data.find(head, at + 1)
            n += 1
    assert n
    path.write_bytes(data)


def secrets(sam, system):
    r = subprocess.run(['impacket-secretsdump', '-sam', sam, '-system', system, 'LOCAL'],
                       capture_output=True, text=True, env=DEBIAN)
    boot = re.search(r'bootKey: 0x([0-9a-f]{32})', r.stdout)
    assert boot, r.stdout + r.stderr
    rows = dict(re.findall(r'^[^:\n]+:(\d+):[0-9a-f]{32}:([0-9a-f]{32}):', r.stdout, re.M))
    return boot.group(1), rows


def unpack(name, tmp):
    out = tmp / name.replace('/', '-')
    out.write_bytes(lzma.decompress((DATA / (name + '.xz')).read_bytes()))
    return out


def main():
    if not (DATA / 'README.md').is_file():
        skip('no Windows data: set KILN_WINDOWS_DATA')
    try:
        subprocess.run(['impacket-secretsdump', '-h'], capture_output=True, check=True,
                       env=DEBIAN)
    except (OSError, subprocess.CalledProcessError):
        skip('no impacket-secretsdump (package python3-impacket)')
    with tempfile.TemporaryDirectory(prefix='kiln-test.') as d:
        tmp = pathlib.Path(d)
        system = unpack('win7sp1-domain/SYSTEM', tmp)
        boot = hive('boot-key', system, 'ControlSet001').strip()
        for name, rids in (('single/SAM-rc4-win7', (500, 501, 1000)),
                           ('single/SAM-aes-server2016', (500, 501, 1004))):
            sam, out = unpack(name, tmp), tmp / 'changed'
            message = hive('password', sam, out, boot, 500, 'password', ok=False)
            assert 'boot key' in message, message  # that of another machine
            rekey(sam, bytes.fromhex(boot))
            for rid, (password, want) in zip(rids, [*HASHES.items(), ('', EMPTY)]):
                hive('password', sam, out, boot, rid, password)
                theirs, rows = secrets(out, system)
                assert theirs == boot, 'impacket reads another boot key'
                assert rows[str(rid)] == want, (name, rid, 'another hash')
    print('ok')


main()
