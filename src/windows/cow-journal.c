/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal of a change: the scratch file of a layer, with an index and a trailer behind its
 * blocks (docs/formats/journal.md). */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cow-priv.h"
#include "file.h"

#define MAGIC "KILNJRN1"

/* Blocks in the order they were first changed, from offset 0; then, at a commit, the index, one
 * struct cow_entry for each block in the same order; then this, the last 64 bytes. */
struct trailer {
    char magic[8];
    le64 disk_bytes, blocks;
    uint8_t sha256[32]; /* of all before it, and of the fields above */
    le64 zero;
};
_Static_assert(sizeof(struct trailer) == 64, "the journal's trailer");

uint32_t win_cow_sector_sum(const uint8_t *p)
{
    uint64_t h = 0x9e3779b97f4a7c15ULL;

    for (size_t i = 0; i < SECTOR; i += 8) {
        le64 v;

        memcpy(&v, p + i, 8);
        h = (h ^ get_le64(v)) * 0xff51afd7ed558ccdULL;
        h ^= h >> 32;
    }
    return (uint32_t)(h ^ h >> 29);
}

/* ---- writing --------------------------------------------------------------------------------- */

static int scratch_dir(const char *journal, char **ret, struct err *e)
{
    const char *slash = strrchr(journal, '/');
    char *dir = slash == journal ? strdup("/")
                : slash          ? strndup(journal, (size_t)(slash - journal))
                                 : strdup(".");

    if (!dir)
        return err_oom(e);
    *ret = dir;
    return 0;
}

static int digest_file(int fd, uint64_t bytes, const struct trailer *t, uint8_t out[32],
                       struct err *e)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    _cleanup_free_ uint8_t *buf = malloc(MIB(1));
    uint64_t done = 0;
    bool ok = md && buf && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
    int r = 0;

    while (ok && r == 0 && done < bytes) {
        size_t k = (size_t)min_u64(MIB(1), bytes - done);

        r = pread_full(fd, buf, k, done);
        ok = r < 0 || EVP_DigestUpdate(md, buf, k) == 1;
        done += k;
    }
    ok = ok && EVP_DigestUpdate(md, t, offsetof(struct trailer, sha256)) == 1 &&
         EVP_DigestFinal_ex(md, out, NULL) == 1;
    EVP_MD_CTX_free(md);
    if (r < 0)
        return err_no(e, -r, "read the journal");
    return ok ? 0 : err_oom(e);
}

int win_cow_write_journal(struct win_cow *c, struct err *e)
{
    uint64_t blocks = (uint64_t)c->n * BLOCK, index = (uint64_t)c->n * sizeof *c->entries;
    struct trailer t = { .disk_bytes = put_le64(win_disk_bytes(c->below)),
                         .blocks = put_le64(c->n) };
    _cleanup_free_ char *dir = NULL;
    int r = scratch_dir(c->journal, &dir, e);

    memcpy(t.magic, MAGIC, sizeof t.magic);
    if (r < 0)
        return r;
    r = pwrite_full(c->fd, c->entries, (size_t)index, blocks);
    if (r < 0)
        return err_no(e, -r, "write '%s'", c->fresh);
    r = digest_file(c->fd, blocks + index, &t, t.sha256, e);
    if (r < 0)
        return r;
    r = pwrite_full(c->fd, &t, sizeof t, blocks + index);
    if (r < 0)
        return err_no(e, -r, "write '%s'", c->fresh);
    if (fsync(c->fd) < 0)
        return err_errno(e, "flush '%s'", c->fresh);
    if (rename(c->fresh, c->journal) < 0)
        return err_errno(e, "rename '%s' to '%s'", c->fresh, c->journal);
    return dir_sync(dir, e);
}

int win_cow_drop_journal(struct win_cow *c, struct err *e)
{
    _cleanup_free_ char *dir = NULL;
    int r = scratch_dir(c->journal, &dir, e);

    if (r == 0 && unlink(c->journal) < 0)
        r = err_errno(e, "remove '%s'", c->journal);
    return r < 0 ? r : dir_sync(dir, e);
}

/* ---- reading --------------------------------------------------------------------------------- */

int win_cow_load(struct win_cow *c, struct err *e)
{
    struct trailer t;
    uint8_t sha[32];
    uint64_t blocks, index;
    struct stat st;
    int r;

    if (fstat(c->fd, &st) < 0)
        return err_errno(e, "look at '%s'", c->journal);
    if ((uint64_t)st.st_size < sizeof t)
        return 0;
    r = pread_full(c->fd, &t, sizeof t, (uint64_t)st.st_size - sizeof t);
    if (r < 0)
        return err_no(e, -r, "read '%s'", c->journal);
    blocks = get_le64(t.blocks);
    if (memcmp(t.magic, MAGIC, sizeof t.magic) != 0 || blocks > BLOCKS_MAX ||
        blocks * (BLOCK + sizeof(struct cow_entry)) + sizeof t != (uint64_t)st.st_size)
        return 0;
    index = blocks * BLOCK;
    r = digest_file(c->fd, index + blocks * sizeof(struct cow_entry), &t, sha, e);
    if (r < 0)
        return r;
    if (memcmp(sha, t.sha256, sizeof sha) != 0)
        return 0;
    if (get_le64(t.disk_bytes) != win_disk_bytes(c->below))
        return err_set(e, EINVAL, ERR_CONFLICT, "'%s' belongs to a disk of another size",
                       c->journal);
    c->entries = calloc((size_t)blocks + 1, sizeof *c->entries);
    if (!c->entries)
        return err_oom(e);
    r = pread_full(c->fd, c->entries, (size_t)blocks * sizeof *c->entries, index);
    if (r < 0)
        return err_no(e, -r, "read '%s'", c->journal);
    c->n = (uint32_t)blocks;
    return 1;
}

int win_cow_check_same_disk(const struct win_cow *c, struct err *e)
{
    for (uint32_t i = 0; i < c->n; i++) {
        uint64_t number = get_le64(c->entries[i].number);
        uint8_t there[BLOCK] = { 0 }, now[BLOCK];
        int r;

        if (number > win_disk_bytes(c->below) / BLOCK || number * BLOCK >= win_disk_bytes(c->below))
            return err_set(e, EINVAL, ERR_CORRUPT, "'%s' names a block behind the disk's end",
                           c->journal);
        r = win_disk_read(c->below, number * BLOCK, there, win_cow_block_len(c, number), e);
        if (r == 0)
            r = win_cow_slot_read(c, i, 0, now, BLOCK, e);
        if (r < 0)
            return r;
        for (unsigned k = 0; k < SUMS; k++)
            if (memcmp(there + (size_t)k * SECTOR, now + (size_t)k * SECTOR, SECTOR) != 0 &&
                win_cow_sector_sum(there + (size_t)k * SECTOR) != get_le32(c->entries[i].old[k]))
                return err_set(e, EINVAL, ERR_CONFLICT,
                               "'%s' is of an interrupted change, but the disk was written since; "
                               "take it from a copy, or remove that file to keep it as it is",
                               c->journal);
    }
    return 0;
}
