/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/zip.h"

#include <errno.h>
#include <string.h>

#include "lib/buf.h"

#define LOCAL_MAGIC   0x04034b50U
#define CENTRAL_MAGIC 0x02014b50U
#define END_MAGIC     0x06054b50U
#define END_SIZE      22U
#define ENTRIES_MAX   1000U

uint32_t crc32_of(const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint32_t crc = 0xffffffffU;

    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (unsigned k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
    }
    return ~crc;
}

bool zip_is(const void *p, size_t n)
{
    return n >= END_SIZE && memcmp(p, "PK\x03\x04", 4) == 0;
}

struct entry {
    unsigned flags, method;
    uint32_t crc, packed, size, offset;
    bool folder;
};

static int damaged(const char *name, const char *what, struct err *e)
{
    return err_set(e, EINVAL, ERR_INVALID, "'%s' is no zip archive that is understood: %s", name,
                   what);
}

/* The end record stands last, a comment of up to 64 KiB may follow. */
static const uint8_t *find_end(const uint8_t *p, size_t n)
{
    size_t lowest = n > END_SIZE + 65535 ? n - END_SIZE - 65535 : 0;

    for (size_t at = n - END_SIZE + 1; at-- > lowest;) {
        struct cur c = cur_over(p + at, n - at);

        if (cur_le32(&c) == END_MAGIC)
            return p + at;
    }
    return NULL;
}

/* Fields of a central directory entry, in their order (APPNOTE 4.3.12). */
static bool read_entry(struct cur *c, struct entry *en)
{
    unsigned name, extra, comment;
    const char *text;

    if (cur_le32(c) != CENTRAL_MAGIC)
        return false;
    (void)cur_take(c, 4); /* versions */
    en->flags = cur_le16(c);
    en->method = cur_le16(c);
    (void)cur_take(c, 4); /* time */
    en->crc = cur_le32(c);
    en->packed = cur_le32(c);
    en->size = cur_le32(c);
    name = cur_le16(c);
    extra = cur_le16(c);
    comment = cur_le16(c);
    (void)cur_take(c, 8); /* disk, attributes */
    en->offset = cur_le32(c);
    text = cur_take(c, name);
    en->folder = text && name && text[name - 1] == '/';
    (void)cur_take(c, (size_t)extra + comment);
    return !c->bad;
}

static int unpack(const uint8_t *p, size_t n, const struct entry *en, const char *name,
                  struct str *out, struct err *e)
{
    struct cur c;
    const void *data;
    unsigned skip;
    int r = 0;

    if (en->flags & 1)
        return damaged(name, "it is encrypted", e);
    if (en->offset >= n)
        return damaged(name, "a file lies behind its end", e);
    c = cur_over(p + en->offset, n - en->offset);
    if (cur_le32(&c) != LOCAL_MAGIC)
        return damaged(name, "a file's head is damaged", e);
    (void)cur_take(&c, 22);
    skip = cur_le16(&c);
    skip += cur_le16(&c);
    (void)cur_take(&c, skip);
    data = cur_take(&c, en->packed);
    if (!data)
        return damaged(name, "a file lies behind its end", e);
    if (en->method == 0)
        str_add_mem(out, data, en->packed);
    else if (en->method == 8)
        r = inflate_raw(data, en->packed, name, out, e);
    else
        return damaged(name, "its method is neither stored nor deflated", e);
    if (r == 0)
        r = str_check(out, name, e);
    if (r == 0 && (out->len != en->size || crc32_of(str_text(out), out->len) != en->crc))
        return damaged(name, "the checksum is wrong", e);
    return r;
}

int zip_read_only_file(const void *bytes, size_t n, const char *name, struct str *out,
                       struct err *e)
{
    const uint8_t *p = bytes, *end = n >= END_SIZE ? find_end(p, n) : NULL;
    struct entry only = { 0 }, en = { 0 };
    unsigned count, files = 0;
    uint32_t offset;
    struct cur c;

    if (!end)
        return damaged(name, "it has no directory", e);
    c = cur_over(end + 10, END_SIZE - 10);
    count = cur_le16(&c);
    (void)cur_le32(&c);
    offset = cur_le32(&c);
    if (offset >= n || count > ENTRIES_MAX)
        return damaged(name, "its directory is damaged", e);
    c = cur_over(p + offset, n - offset);
    for (unsigned i = 0; i < count; i++) {
        if (!read_entry(&c, &en))
            return damaged(name, "its directory is damaged", e);
        if (en.folder)
            continue;
        only = en;
        files++;
    }
    if (files != 1)
        return damaged(name, "it must hold exactly one file", e);
    return unpack(p, n, &only, name, out, e);
}

static void add_le(struct str *s, uint32_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        str_addc(s, (char)(v >> (8 * i)));
}

/* The common fields of a local and a central head, from "version needed" on. */
static void add_fields(struct str *s, uint32_t crc, uint32_t n, size_t name_len)
{
    add_le(s, 20, 2);         /* version needed */
    add_le(s, 0x0800, 2);     /* names are UTF-8 */
    add_le(s, 0, 2);          /* stored */
    add_le(s, 0x00210000, 4); /* 1 January 1980: the same files make the same archive */
    add_le(s, crc, 4);
    add_le(s, n, 4);
    add_le(s, n, 4);
    add_le(s, (uint32_t)name_len, 2);
    add_le(s, 0, 2); /* no extra field */
}

void zip_add(struct zip_writer *z, const char *name, const void *p, size_t n)
{
    uint32_t crc = crc32_of(p, n), at = (uint32_t)z->out.len;
    size_t len = strlen(name);

    if (n > z->out.max || len > 1000 || z->files >= ENTRIES_MAX) {
        z->out.failed = -E2BIG;
        return;
    }
    add_le(&z->out, LOCAL_MAGIC, 4);
    add_fields(&z->out, crc, (uint32_t)n, len);
    str_add_mem(&z->out, name, len);
    str_add_mem(&z->out, p, n);
    add_le(&z->directory, CENTRAL_MAGIC, 4);
    add_le(&z->directory, 20, 2); /* version made by */
    add_fields(&z->directory, crc, (uint32_t)n, len);
    add_le(&z->directory, 0, 2); /* no comment */
    add_le(&z->directory, 0, 4); /* disk, internal attributes */
    add_le(&z->directory, 0, 4); /* external attributes */
    add_le(&z->directory, at, 4);
    str_add_mem(&z->directory, name, len);
    z->files++;
}

int zip_end(struct zip_writer *z, struct err *e)
{
    uint32_t at = (uint32_t)z->out.len;
    int r = str_check(&z->directory, "the directory of an archive", e);

    if (r < 0)
        return r;
    str_add_mem(&z->out, str_text(&z->directory), z->directory.len);
    add_le(&z->out, END_MAGIC, 4);
    add_le(&z->out, 0, 4);
    add_le(&z->out, z->files, 2);
    add_le(&z->out, z->files, 2);
    add_le(&z->out, (uint32_t)z->directory.len, 4);
    add_le(&z->out, at, 4);
    add_le(&z->out, 0, 2);
    return str_check(&z->out, "an archive", e);
}

void zip_writer_done(struct zip_writer *z)
{
    str_done(&z->out);
    str_done(&z->directory);
}
