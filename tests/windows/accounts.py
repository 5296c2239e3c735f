#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""SYSTEM and SAM of one machine: a boot key into the one, and the other's keys and hashes wrapped
under it. Nothing of Kiln: a registry reader of a few lines, and the ciphers of pycryptodome.

Usage: accounts.py nt-hash TEXT
"""
import hashlib
import struct
import sys

try:
    from Cryptodome.Cipher import AES, ARC4, DES
    from Cryptodome.Hash import MD4
except ImportError:
    print('SKIP: no python3-pycryptodome', file=sys.stderr)
    sys.exit(77)

QWERTY = b'!@#$%^&*()qwertyUIOPAzxcvbnmQQQQQQQQQQQQ)(*@&%\0'
DIGITS = b'0123456789012345678901234567890123456789\0'
ORDER = (8, 5, 4, 2, 11, 9, 13, 3, 0, 6, 1, 12, 14, 10, 15, 7)  # of the boot key's bytes
CLASSES = ('JD', 'Skew1', 'GBG', 'Data')
ACCOUNT = 'SAM\\Domains\\Account'
LM, NT, V_HEAD, V_PARTS = 13, 14, 0xcc, 17
OLD_FORM = (500, 1004)  # of "mixed": their passwords are older than the upgrade to Windows 10


def made(what, n=16):
    return hashlib.sha256(what.encode()).digest()[:n]


def nt_hash(password):
    return MD4.new(password.encode('utf-16le')).digest()


class Hive:
    """A clean hive, read where it lies. A key is the offset of its record."""

    def __init__(self, path):
        self.path = path
        self.b = bytearray(path.read_bytes())

    def u32(self, at):
        return struct.unpack_from('<I', self.b, at)[0]

    def cell(self, offset):
        return 0x1000 + offset + 4

    def keys(self, key):
        if self.u32(key + 20) == 0:
            return
        lists = [self.cell(self.u32(key + 28))]
        while lists:
            at = lists.pop()
            kind, n = bytes(self.b[at:at + 2]), struct.unpack_from('<H', self.b, at + 2)[0]
            step = 8 if kind in (b'lf', b'lh') else 4
            offsets = [self.cell(self.u32(at + 4 + i * step)) for i in range(n)]
            if kind == b'ri':
                lists += offsets
            else:
                yield from offsets

    def name(self, key):
        n = struct.unpack_from('<H', self.b, key + 72)[0]
        latin = struct.unpack_from('<H', self.b, key + 2)[0] & 0x20
        return self.b[key + 76:key + 76 + n].decode('latin1' if latin else 'utf-16le')

    def find(self, path):
        key = self.cell(self.u32(36))
        for part in path.split('\\'):
            key = next(k for k in self.keys(key) if self.name(k).lower() == part.lower())
        return key

    def value(self, key, name):
        """Where its data lies, and how much."""
        values = self.cell(self.u32(key + 40))
        for i in range(self.u32(key + 36)):
            v = self.cell(self.u32(values + 4 * i))
            n = struct.unpack_from('<H', self.b, v + 2)[0]
            if self.b[v + 20:v + 20 + n].decode('latin1') == name:
                size = self.u32(v + 4)
                return (v + 8, size & 0xffff) if size >> 31 else (self.cell(self.u32(v + 8)), size)
        raise KeyError(name)

    def data(self, key, name):
        at, n = self.value(key, name)
        return bytes(self.b[at:at + n])

    def put(self, key, name, data):
        at, n = self.value(key, name)
        assert n == len(data), (name, n, len(data))
        self.b[at:at + n] = data

    def add_bin(self, *contents):
        """A bin of 4 KiB with these cells; their offsets."""
        size, out = self.u32(40), []
        b = bytearray(b'hbin' + struct.pack('<II', size, 0x1000) + bytes(20))
        for c in contents:
            n = (4 + len(c) + 7) & ~7
            out.append(size + len(b))
            b += struct.pack('<i', -n) + c + bytes(n - 4 - len(c))
        b += struct.pack('<i', 0x1000 - len(b))
        self.b[0x1000 + size:] = b + bytes(0x1000 - len(b))
        struct.pack_into('<I', self.b, 40, size + 0x1000)
        return out

    def save(self):
        x = 0
        for (v,) in struct.iter_unpack('<I', bytes(self.b[:508])):
            x ^= v
        struct.pack_into('<I', self.b, 508, {0: 1, 0xffffffff: 0xfffffffe}.get(x, x))
        self.path.write_bytes(self.b)


def put_boot_key(system, boot):
    """As the class names of four keys, which are there, below Control\\Lsa."""
    h = Hive(system)
    scrambled = bytearray(16)
    for i, at in enumerate(ORDER):
        scrambled[at] = boot[i]
    texts = [scrambled[4 * i:4 * i + 4].hex().encode('utf-16le') for i in range(4)]
    for name, text, cell in zip(CLASSES, texts, h.add_bin(*texts)):
        key = h.find('ControlSet001\\Control\\Lsa\\' + name)
        struct.pack_into('<I', h.b, key + 48, cell)
        struct.pack_into('<H', h.b, key + 74, len(text))
    h.save()


def domain_key(f, boot, key):
    """The domain's "F" with this key, in the form that it has."""
    salt, f = made('salt'), bytearray(f)
    revision, = struct.unpack_from('<I', f, 0x68)
    if revision == 1:
        check = hashlib.md5(key + DIGITS + key + QWERTY).digest()
        k = hashlib.md5(salt + QWERTY + boot + DIGITS).digest()
        f[0x70:0xa0] = salt + ARC4.new(k).encrypt(key + check)
    else:
        assert revision == 2, revision
        f[0x78:0xa8] = salt + AES.new(boot, AES.MODE_CBC, salt).encrypt(key + bytes([16] * 16))
    return bytes(f), revision


def des_key(seven):
    bits = int.from_bytes(seven, 'big')
    return bytes((bits >> (49 - 7 * i) & 0x7f) << 1 for i in range(8))


def stored(hash_, rid, key, revision):
    """A hash as an account's "V" has it."""
    r = struct.pack('<I', rid) * 4
    twice = (DES.new(des_key(r[:7]), DES.MODE_ECB).encrypt(hash_[:8]) +
             DES.new(des_key(r[3:10]), DES.MODE_ECB).encrypt(hash_[8:]))
    if revision == 1:
        k = hashlib.md5(key + struct.pack('<I', rid) + b'NTPASSWORD\0').digest()
        return struct.pack('<HH', 1, 1) + ARC4.new(k).encrypt(twice)
    iv = made(f'iv {rid}')
    return (struct.pack('<HHI', 1, 2, 16) + iv +
            AES.new(key, AES.MODE_CBC, iv).encrypt(twice + bytes([16] * 16)))


def with_hash(v, data, revision):
    """The others (LM, both histories) have none: a header alone."""
    none = struct.pack('<HH', 1, revision) + (bytes(4) + made('none') if revision == 2 else b'')
    parts = [struct.unpack_from('<3I', v, 12 * i) for i in range(V_PARTS)]
    head, tail = b'', b''
    for i, (at, n, extra) in enumerate(parts):
        p = data if i == NT else none if i >= LM else v[V_HEAD + at:V_HEAD + at + n]
        head += struct.pack('<3I', len(tail), len(p), extra)
        tail += p + bytes(-len(p) % 4)
    return head + tail


def marry(system, sam, merge, mixed=False):
    """merge(path, name, rows) sets values that change in size. mixed: some hashes in the old form,
    under the new one's key. What impacket should read."""
    boot, key, hashes = made('boot key'), made('domain key'), {}
    put_boot_key(system, boot)
    h = Hive(sam)
    for domain in (ACCOUNT, 'SAM\\Domains\\Builtin'):
        f = h.data(h.find(domain), 'F')
        if domain == ACCOUNT or struct.unpack_from('<I', f, 0x68)[0]:  # Builtin has no users
            f, revision = domain_key(f, boot, key)
            h.put(h.find(domain), 'F', f)
        if domain == ACCOUNT:
            era = revision
    h.save()
    rows = []
    for user in h.keys(h.find(ACCOUNT + '\\Users')):
        if h.name(user) == 'Names':
            continue
        rid = int(h.name(user), 16)
        hashes[rid] = nt_hash(f'before {rid}')
        form = 1 if mixed and rid in OLD_FORM else era
        v = with_hash(h.data(user, 'V'), stored(hashes[rid], rid, key, form), form)
        rows.append((f'{ACCOUNT}\\Users\\{h.name(user)}', 'V', v))
    merge(sam, 'SAM', rows)
    return {'boot_key': boot.hex(), 'revision': era,
            'hashes': {str(rid): v.hex() for rid, v in sorted(hashes.items())}}


if __name__ == '__main__':
    assert sys.argv[1] == 'nt-hash', __doc__
    print(nt_hash(sys.argv[2]).hex())
