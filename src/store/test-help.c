/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test-help.h"

#include <stdio.h>
#include <string.h>

#include "file.h"

void model_block(uint32_t number, uint8_t *buf)
{
    uint64_t x = number * 0x9e3779b97f4a7c15ULL + 1;

    memset(buf, 0, STORE_BLOCK_BYTES);
    if (!number)
        return;
    for (size_t i = 0; i < 8192; i += 8) { /* noise: stored raw when it fills a frame */
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        memcpy(buf + i, &x, 8);
    }
    for (size_t i = 2 * STORE_FRAME_BYTES; i < STORE_BLOCK_BYTES; i += 64)
        memcpy(buf + i, &number, sizeof number);
}

uint64_t model_blocks(const struct model *m)
{
    return blocks_for(m->volume_bytes);
}

void assert_ok(int r, const struct err *e)
{
    if (r < 0)
        fail_msg("%s", e->msg);
}

static int hand_in(struct store_writer *w, const struct model *now, const struct model *changed,
                   struct err *e)
{
    uint8_t *buf = malloc(STORE_BLOCK_BYTES);
    int r = 0;

    assert_non_null(buf);
    for (uint64_t b = 0; r == 0 && b < model_blocks(now); b++) {
        if (changed && b < model_blocks(changed) && changed->block[b] == now->block[b])
            continue;
        if (!changed && !now->block[b])
            continue;
        model_block(now->block[b], buf);
        r = store_writer_block(w, b, buf, e);
    }
    free(buf);
    return r;
}

int model_try_snapshot(struct store *s, const char *id, const char *parent, const struct model *now,
                       const struct model *changed, unsigned threads, struct store_snap_info *ret,
                       struct err *e)
{
    struct store_writer_spec spec = {
        .id = id,
        .parent = parent,
        .volume_bytes = now->volume_bytes,
        .threads = threads,
        .domain = s->n_keys ? s->key[0]->domain : 0,
    };
    struct store_writer *w = NULL;
    int r = store_writer_open(s, &spec, &w, e);

    if (r == 0)
        r = hand_in(w, now, changed, e);
    if (r == 0)
        r = store_writer_commit(w, ret, e);
    store_writer_free(w);
    return r;
}

void model_snapshot(struct store *s, const char *id, const char *parent, const struct model *now,
                    const struct model *changed, struct store_snap_info *ret)
{
    struct err e = { 0 };

    assert_ok(model_try_snapshot(s, id, parent, now, changed, 2, ret, &e), &e);
}

static int compare_block(struct store_snap *sn, uint64_t b, const uint8_t *want, uint8_t *buf,
                         struct err *e)
{
    uint64_t offset = b * STORE_BLOCK_BYTES;
    int r = store_snap_read(sn, offset, buf, STORE_BLOCK_BYTES, NULL, e);

    if (r == 0 && memcmp(buf, want, STORE_BLOCK_BYTES) != 0)
        return -1;
    if (r == 0) { /* across a frame's border */
        r = store_snap_read(sn, offset + STORE_FRAME_BYTES - 512, buf, 4096, NULL, e);
        if (r == 0 && memcmp(buf, want + STORE_FRAME_BYTES - 512, 4096) != 0)
            return -1;
    }
    if (r == 0)
        r = store_snap_read_block(sn, b, buf, NULL, e);
    if (r >= 0 && memcmp(buf, want, STORE_BLOCK_BYTES) != 0)
        return -1;
    return r < 0 ? r : 0;
}

int model_compare(struct store *s, const char *id, const struct model *m, struct err *e)
{
    uint8_t *want = malloc(STORE_BLOCK_BYTES), *buf = malloc(STORE_BLOCK_BYTES);
    struct store_snap *sn = NULL;
    int r = store_snap_open(s, id, &sn, e);

    assert_non_null(want);
    assert_non_null(buf);
    if (r == 0 && store_snap_info(sn)->volume_bytes != m->volume_bytes)
        r = -1;
    for (uint64_t b = 0; r == 0 && b < model_blocks(m); b++) {
        size_t in = (size_t)min_u64(m->volume_bytes - b * STORE_BLOCK_BYTES, STORE_BLOCK_BYTES);

        if (!m->block[b] && b % 512) { /* zeros: most are only asked about, for speed */
            r = store_snap_kind(sn, b) == STORE_DATA ? -1 : 0;
            continue;
        }
        model_block(m->block[b], want);
        memset(want + in, 0, STORE_BLOCK_BYTES - in);
        r = compare_block(sn, b, want, buf, e);
    }
    store_snap_close(sn);
    free(want);
    free(buf);
    return r;
}

char *temp_new(void)
{
    const char *base = getenv("TMPDIR");
    char *path = xasprintf("%s/kiln-store-XXXXXX", base ? base : "/tmp");

    assert_non_null(mkdtemp(path));
    return path;
}

void temp_done(char *path)
{
    struct err e = { 0 };

    assert_ok(tree_remove(path, &e), &e);
    free(path);
}

struct store_key *test_key(uint32_t domain)
{
    char *dir = temp_new(), *path = xasprintf("%s/key", dir);
    struct store_key *k = NULL;
    struct err e = { 0 };

    assert_ok(store_key_create(path, domain, &e), &e);
    assert_ok(store_key_load(path, &k, &e), &e);
    temp_done(dir);
    free(path);
    return k;
}

static void print_problem(bool is_problem, const char *sentence, void *u)
{
    (void)u;
    if (is_problem)
        print_message("# %s\n", sentence);
}

uint64_t check_problems(struct store *s, struct store_check_report *ret)
{
    struct store_check_report x = { 0 };
    struct err e = { 0 };

    assert_ok(store_check(s, true, print_problem, NULL, &x, &e), &e);
    if (ret)
        *ret = x;
    return x.problems;
}

int store_fix_set_up(void **state)
{
    struct store_fix *f = xcalloc(1, sizeof *f);
    struct err e = { 0 };

    f->dir = temp_new();
    f->path = xasprintf("%s/store", f->dir);
    assert_ok(store_create(f->path, &e), &e);
    assert_ok(store_open(f->path, NULL, &f->s, &e), &e);
    *state = f;
    return 0;
}

int store_fix_tear_down(void **state)
{
    struct store_fix *f = *state;

    store_close(f->s);
    temp_done(f->dir);
    free(f->path);
    free(f);
    return 0;
}

struct model model_small(void)
{
    struct model m = { .volume_bytes = MIB(600) - 4096 };

    m.block[0] = 1;
    m.block[1] = 2;
    m.block[3] = 1; /* again */
    m.block[1023] = 3;
    m.block[1024] = 4;
    m.block[1199] = 5;
    return m;
}
