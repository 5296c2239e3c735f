#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords and accounts set offline, read by impacket: its own boot key, its own way to the hash;
and new accounts beside those that Windows made: by a registry reader of a few lines, and by chntpw's
samusrgrp.

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

from accounts import ACCOUNT, V_HEAD, V_PARTS, Hive

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


# ---- new accounts --------------------------------------------------------------------------------


def record(path, rid):
    """What Windows keeps of an account: F, and the parts of V with their numbers."""
    h = Hive(path)
    key = h.find(f'{ACCOUNT}\\Users\\{rid:08X}')
    v = h.data(key, 'V')
    parts = [struct.unpack_from('<3I', v, 12 * i) for i in range(V_PARTS)]
    return h.data(key, 'F'), [(v[V_HEAD + at:V_HEAD + at + n], extra) for at, n, extra in parts]


def numbers(path):
    """The domain's next number, the members of None, and the accounts that names lead to."""
    h = Hive(path)
    nxt, = struct.unpack_from('<I', h.data(h.find(ACCOUNT), 'F'), 0x48)
    c = h.data(h.find(ACCOUNT + '\\Groups\\00000201'), 'C')
    at, room, n = struct.unpack_from('<3I', c, 0x38)
    assert room >= 4 * n and 0x44 + at + room <= len(c), 'the room of None'
    none = struct.unpack_from(f'<{n}I', c, 0x44 + at)
    names = {h.name(k): h.u32(h.cell(h.u32(h.cell(h.u32(k + 40)))) + 12)
             for k in h.keys(h.find(ACCOUNT + '\\Users\\Names'))}
    return nxt, none, names


def groups(path):
    """By samusrgrp, as (group, SID)."""
    r = subprocess.run(['samusrgrp', '-L', path], capture_output=True, encoding='latin1')
    return re.findall(r'^([0-9a-f]+):[^:]*:\d+:[^:]+:.*:(S-[-0-9]+)$', r.stdout, re.M)


def same_but_rid(mine, theirs, rid, theirs_rid, what):
    a, b = (x.replace(struct.pack('<I', n), b'RRRR') for x, n in ((mine, rid), (theirs, theirs_rid)))
    assert a == b, f'{what}:\n{a.hex()}\n{b.hex()}'


def like_those_of_windows(sam, first, ordinary):
    """Beside those that Windows made: all but name, hash, times. Administrators have the security
    of the first one."""
    same_but_rid(record(sam, first + 2)[1][0][0], record(sam, 500)[1][0][0], first + 2, 500,
                 "an administrator's security")
    if not ordinary:
        return
    (f, parts), (old_f, old) = record(sam, first), record(sam, ordinary)
    for i in (0, *range(4, 13)):
        same_but_rid(parts[i][0], old[i][0], first, ordinary, f'part {i}')
        assert parts[i][1] == old[i][1], f'number of part {i}'
    for i in (13, 15, 16):  # no LM hash, no old ones: a header alone
        assert len(parts[i][0]) == len(old[i][0]), f'part {i}'
    same_but_rid(f[:8] + f[0x30:0x38], old_f[:8] + old_f[0x30:0x38], first, ordinary, 'F')
    assert len(f) == len(old_f) and f[0x18:0x20] != bytes(8), 'F'


def accounts(name, system, boot, tmp, ordinary):
    """More than the list of None has room for, every third one an administrator."""
    sam, out = unpack(name, tmp), tmp / 'changed'
    rekey(sam, bytes.fromhex(boot))
    first, none, names = numbers(sam)
    made = {}
    for i in range(30):
        who, group = f'Wörker {i}', ('Users', 'Remote Desktop Users', 'administrators')[i % 3]
        rid = int(hive('create-user', sam, out, boot, who, 'SecREt01' if i % 2 else '', group))
        out.replace(sam)
        made[rid] = who, {'U': '221', 'R': '22b', 'a': '220'}[group[0]]
    assert list(made) == list(range(first, first + 30)), 'the numbers'
    nxt, now, theirs = numbers(sam)
    assert (nxt, now) == (first + 30, none + tuple(made)), 'None'
    assert theirs == {**names, **{who: rid for rid, (who, _) in made.items()}}, 'the names'
    sid = groups(sam)[0][1].rsplit('-', 1)[0]
    for rid, (_, group) in made.items():
        assert [g for g, who in groups(sam) if who == f'{sid}-{rid}'] == [group], rid
    like_those_of_windows(sam, first, ordinary)
    _, rows = secrets(sam, system)
    for i, rid in enumerate(made):
        assert rows[str(rid)] == (HASHES['SecREt01'] if i % 2 else EMPTY), (rid, 'another hash')
    for bad, why in (('Wörker 1', 'an account'), ('Guests', 'a group'), ('a/b', 'no name'),
                     ('x' * 21, '1 to 20 characters'), ('. .', 'dots and blanks')):
        message = hive('create-user', sam, out, boot, bad, 'x', 'Users', ok=False)
        assert why in message, message
    assert 'no local group' in hive('create-user', sam, out, boot, 'b', 'x', 'Wheel', ok=False)
    hive('delete-users', sam, out)
    assert not [who for _, who in groups(out) if int(who.rsplit('-', 1)[1]) in made], 'deleted'


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
        for name, ordinary in (('single/SAM-rc4-win7', None), ('win8-sam-security/SAM', None),
                               ('single/SAM-aes-server2016', 1004)):
            accounts(name, system, boot, tmp, ordinary)
    print('ok')


main()
