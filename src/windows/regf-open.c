/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A hive comes into memory, its logs are replayed there, and it goes out again. */
#include "regf-priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "file.h"

#define FILETIME_OF_1970 UINT64_C(116444736000000000)

void regf_free(struct regf *h)
{
    if (!h)
        return;
    if (h->p)
        (void)munmap(h->p, h->reserved);
    regf_holes_free(h->holes);
    free(h->starts);
    free(h);
}

static uint64_t filetime_now(void)
{
    struct timespec t = { 0 };

    (void)clock_gettime(CLOCK_REALTIME, &t);
    return FILETIME_OF_1970 + (uint64_t)t.tv_sec * 10000000 + (uint64_t)t.tv_nsec / 100;
}

void regf_set_now(struct regf *h, uint64_t filetime)
{
    h->now = filetime;
}

/* --- opening --- */

bool regf_is_hive(const struct regf_source *s)
{
    struct err e = { 0 };
    char magic[4];

    return s->bytes >= REGF_BASE && regf_source_read(s, 0, magic, sizeof magic, &e) == 0 &&
           memcmp(magic, "regf", sizeof magic) == 0;
}

static int load(struct regf *h, const struct regf_source *s, struct err *e)
{
    int r;

    if (s->bytes < REGF_BASE + REGF_PAGE)
        return err_set(e, EBADMSG, ERR_CORRUPT, "%llu bytes are no registry hive",
                       (unsigned long long)s->bytes);
    r = regf_map(h, s->bytes, e);
    if (r < 0)
        return r;
    r = regf_source_read(s, 0, h->p, (size_t)s->bytes, e);
    if (r < 0)
        return err_wrap(e, "read a registry hive");
    h->info.seq1 = rd32(h->p + 4);
    h->info.seq2 = rd32(h->p + 8);
    return 0;
}

/* After the replay: the base block is to be trusted from here, or refused. */
static int check_head(struct regf *h, uint64_t file_bytes, unsigned flags, struct err *e)
{
    uint32_t minor = rd32(h->p + 24);

    if (memcmp(h->p, "regf", 4) != 0)
        return err_set(e, EBADMSG, ERR_CORRUPT, "not a registry hive");
    if (!regf_head_ok(h->p, 0))
        return err_set(e, EBADMSG, ERR_CORRUPT, "damaged hive: its base block is wrong");
    if (rd32(h->p + 20) != 1 || minor < 3 || minor > 6 || rd32(h->p + 32) != 1)
        return err_set(e, ENOTSUP, ERR_CORRUPT, "a hive of the unknown version %u.%u",
                       rd32(h->p + 20), minor);
    if (h->info.was_dirty && !h->info.log_entries && !(flags & (REGF_DIRTY_OK | REGF_LOGS_UNUSED)))
        return err_set(e, EUCLEAN, ERR_CONFLICT,
                       "the hive is not clean (%u/%u) and no log of it can be replayed",
                       h->info.seq1, h->info.seq2);
    if (!h->info.log_entries) {
        h->bins = rd32(h->p + 40);
        if (h->bins > file_bytes - REGF_BASE)
            return err_set(e, EBADMSG, ERR_CORRUPT, "damaged hive: the file ends early");
    }
    h->info.minor = minor;
    return 0;
}

static void fill_info(struct regf *h)
{
    struct regf_name name = { h->p + 48, 0, true };

    while (name.n < 64 && rd16(name.p + name.n))
        name.n += 2;
    (void)regf_name_utf8(&name, h->info.name, sizeof h->info.name);
    h->info.written = rd64(h->p + 12);
}

int regf_open(const struct regf_source *hive, const struct regf_source *log1,
              const struct regf_source *log2, unsigned flags, struct regf **ret, struct err *e)
{
    _cleanup_regf_ struct regf *h = calloc(1, sizeof *h);
    int r;

    if (!h)
        return err_oom(e);
    r = load(h, hive, e);
    if (r < 0)
        return r;
    r = regf_replay(h, log1, log2, flags, e);
    if (r < 0)
        return r;
    r = check_head(h, hive->bytes, flags, e);
    if (r < 0)
        return r;
    r = regf_walk_bins(h, e);
    if (r < 0)
        return r;
    if (!regf_root(h))
        return err_set(e, EBADMSG, ERR_CORRUPT, "damaged hive: no root key");
    fill_info(h);
    h->now = filetime_now();
    *ret = TAKE_PTR(h);
    return 0;
}

/* --- files of the host --- */

static int read_fd(void *userdata, uint64_t offset, void *buf, size_t len, struct err *e)
{
    int fd = *(const int *)userdata;
    int r = pread_full(fd, buf, len, offset);

    return r < 0 ? err_no(e, -r, "read") : 0;
}

static int open_file(const char *path, bool may_miss, int *fd, struct regf_source *s, struct err *e)
{
    struct stat st;

    if (!path)
        return 0;
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return errno == ENOENT && may_miss ? 0 : err_errno(e, "open '%s'", path);
    if (fstat(*fd, &st) < 0)
        return err_errno(e, "look at '%s'", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, EINVAL, ERR_INVALID, "'%s' is not a file", path);
    *s = (struct regf_source){ .read = read_fd, .userdata = fd, .bytes = (uint64_t)st.st_size };
    return 0;
}

int regf_open_files(const char *hive, const char *log1, const char *log2, unsigned flags,
                    struct regf **ret, struct err *e)
{
    _cleanup_close_ int f0 = -1, f1 = -1, f2 = -1;
    struct regf_source s[3] = { 0 };
    int r;

    r = open_file(hive, false, &f0, &s[0], e);
    if (r == 0)
        r = open_file(log1, true, &f1, &s[1], e);
    if (r == 0)
        r = open_file(log2, true, &f2, &s[2], e);
    if (r < 0)
        return r;
    r = regf_open(&s[0], &s[1], &s[2], flags, ret, e);
    return r < 0 ? err_wrap(e, "open hive '%s'", hive) : 0;
}

/* --- a new one --- */

/* The root and its security cell; the first bin is there. */
static int make_root_key(struct regf *h, const struct regf_wide *name, const void *sd,
                         size_t sd_len, struct err *e)
{
    uint32_t key, sk;
    uint8_t *p;
    int r = regf_alloc(h, NK_BYTES + regf_wide_bytes(name), &key, e);

    if (r < 0)
        return r;
    r = regf_alloc(h, SK_BYTES + 4 + (uint32_t)sd_len, &sk, e);
    if (r < 0)
        return r;
    p = regf_at(h, sk) + 4;
    p[0] = 's', p[1] = 'k';
    wr32(p + 4, sk);
    wr32(p + 8, sk);
    wr32(p + 12, 1);
    wr32(p + 16, (uint32_t)sd_len);
    memcpy(p + 20, sd, sd_len);
    p = regf_at(h, key) + 4;
    p[0] = 'n', p[1] = 'k';
    wr16(p + 2, (uint16_t)(0x0c | (name->latin ? 0x20 : 0)));
    wr64(p + 4, h->now);
    wr32(p + 16, REGF_NIL);
    for (unsigned i = 28; i <= 32; i += 4)
        wr32(p + i, REGF_NIL);
    wr32(p + 40, REGF_NIL);
    wr32(p + 44, sk);
    wr32(p + 48, REGF_NIL);
    wr16(p + 72, (uint16_t)regf_wide_bytes(name));
    regf_wide_store(name, p + NK_BYTES);
    wr32(h->p + 36, key);
    return 0;
}

int regf_new(unsigned minor, const char *root_name, const void *sd, size_t sd_len,
             struct regf **ret, struct err *e)
{
    _cleanup_regf_ struct regf *h = calloc(1, sizeof *h);
    _cleanup_wide_ struct regf_wide name = { 0 };
    int r;

    if (!h)
        return err_oom(e);
    if (minor < 3 || minor > 5 || sd_len < 20 || sd_len > 65535)
        return err_set(e, EINVAL, ERR_INVALID, "a hive of that kind is not made");
    r = regf_wide_from(root_name, strlen(root_name), KEY_NAME_MAX, &name, e);
    if (r == 0)
        r = regf_map(h, REGF_BASE + REGF_PAGE, e);
    if (r < 0)
        return r;
    memcpy(h->p, "regf", 4);
    wr32(h->p + 20, 1);
    wr32(h->p + 24, minor);
    wr32(h->p + 32, 1);
    wr32(h->p + 44, 1);
    h->info.minor = minor;
    h->now = filetime_now();
    r = make_root_key(h, &name, sd, sd_len, e);
    if (r == 0)
        r = regf_seal(h, e);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(h);
    return 0;
}

/* --- what it is, and out again --- */

void regf_info(const struct regf *h, struct regf_info *ret)
{
    *ret = h->info;
    ret->bytes = (uint64_t)REGF_BASE + h->bins;
}

int regf_begin_edit(struct regf *h, struct err *e)
{
    if (h->is_broken)
        return err_set(e, EBADMSG, ERR_CORRUPT, "an earlier change of this hive failed midway");
    return 0;
}

int regf_break(struct regf *h, int r)
{
    h->is_broken = true;
    return r;
}

int regf_corrupt(struct err *e, const struct regf *h, uint32_t key, const char *what)
{
    _cleanup_free_ char *path = key ? regf_key_path(h, key) : NULL;

    return err_set(e, EBADMSG, ERR_CORRUPT, "damaged hive: %s%s%s%s", what, path ? " at '" : "",
                   path ? path : "", path ? "'" : "");
}

int regf_seal(struct regf *h, struct err *e)
{
    int r = regf_begin_edit(h, e);

    if (r < 0)
        return r;
    /* Above every number that a log beside it could have, but never the two at the far end. */
    h->seq_max = h->seq_max < 0xfffffff0U ? h->seq_max + 1 : 1;
    wr32(h->p + 4, h->seq_max);
    wr32(h->p + 8, h->seq_max);
    wr64(h->p + 12, h->now);
    wr32(h->p + 28, 0);
    wr32(h->p + 40, h->bins);
    wr64(regf_at(h, 0) + 20, h->now); /* the first bin's copy of it */
    wr32(h->p + 508, regf_checksum(h->p));
    h->is_changed = true;
    return 0;
}

const void *regf_bytes(const struct regf *h, size_t *ret_n)
{
    *ret_n = (size_t)REGF_BASE + h->bins;
    return h->p;
}

bool regf_is_changed(const struct regf *h)
{
    return h->is_changed;
}
