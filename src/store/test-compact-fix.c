/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test-compact-fix.h"

#include <sys/stat.h>

void most_is_deleted(struct fix *f)
{
    struct model all = { .volume_bytes = MIB(16) };
    struct err e = { 0 };

    for (uint32_t i = 0; i < BLOCKS; i++)
        all.block[i] = i + 1;
    f->kept = (struct model){ .volume_bytes = MIB(16), .block = { [3] = 4, [17] = 18 } };
    model_snapshot(f->s, "all", NULL, &all, NULL, NULL);
    model_snapshot(f->s, "kept", "all", &f->kept, &all, NULL);
    assert_ok(store_snap_delete(f->s, "all", &e), &e);
}

int set_up(void **state)
{
    struct fix *f = xcalloc(1, sizeof *f);
    struct err e = { 0 };

    f->dir = temp_new();
    f->path = xasprintf("%s/store", f->dir);
    assert_ok(store_create(f->path, &e), &e);
    assert_ok(store_open(f->path, NULL, &f->s, &e), &e);
    f->s->compact_min = 0;
    *state = f;
    return 0;
}

int set_up_encrypted(void **state)
{
    struct err e = { 0 };
    struct fix *f;
    int r = set_up(state);

    f = *state;
    f->key = test_key(7);
    assert_ok(store_add_key(f->s, f->key, &e), &e);
    return r;
}

int tear_down(void **state)
{
    struct fix *f = *state;

    store_close(f->s);
    store_key_free(f->key);
    temp_done(f->dir);
    free(f->path);
    free(f);
    return 0;
}

struct store_gc_stats collect(struct store *s)
{
    struct store_gc_stats gc = { 0 };
    struct err e = { 0 };

    assert_ok(store_gc(s, &gc, &e), &e);
    assert_false(gc.busy);
    return gc;
}

void kept_is_whole(struct fix *f)
{
    struct err e = { 0 };
    int r = model_compare(f->s, "kept", &f->kept, &e);

    if (r)
        fail_msg("snapshot 'kept': %d %s", r, e.msg);
}

char *largest_pack(struct fix *f, uint64_t *ret_bytes)
{
    _cleanup_(names_done) struct names l = { 0 };
    char *largest = NULL;
    uint64_t most = 0;
    struct err e = { 0 };

    assert_ok(names_list(f->s, "packs", &l, &e), &e);
    for (size_t i = 0; i < l.n; i++) {
        char *path = xasprintf("%s/packs/%s", f->path, l.name[i]);
        struct stat st;

        assert_int_equal(stat(path, &st), 0);
        if ((uint64_t)st.st_size > most) {
            most = (uint64_t)st.st_size;
            free(largest);
            largest = path;
        } else {
            free(path);
        }
    }
    if (ret_bytes)
        *ret_bytes = most;
    return largest;
}
