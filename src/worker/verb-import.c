/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "verbs.h"

#include <errno.h>
#include <string.h>

#include "copy.h"
#include "image.h"
#include "partitions.h"
#include "str.h"

static int read_source(void *userdata, uint64_t offset, void *buf, size_t len, struct err *e)
{
    return source_read(userdata, offset, buf, len, e);
}

static int add_look(json_t *result, const struct partitions_look *l, struct err *e)
{
    if (json_object_set_new(result, "looks_like", json_string(l->system)) < 0 ||
        json_object_set_new(result, "boots_by", json_string(l->boot)) < 0)
        return err_oom(e);
    return 0;
}

static int add_fields(json_t *result, const struct image *im, const struct partitions_look *l,
                      struct err *e)
{
    if (json_object_set_new(result, "disk_bytes", json_integer((json_int_t)im->file_bytes)) < 0 ||
        json_object_set_new(result, "format", json_string(image_format_name(im->format))) < 0)
        return err_oom(e);
    return add_look(result, l, e);
}

/* The server runs; everything that may go wrong from here on may be its doing. */
static int copy_image(const struct copy_spec *spec, struct image *im, json_t **ret_result,
                      struct err *e)
{
    struct partitions_look look = { 0 };
    json_t *result = NULL;
    int r;

    r = partitions_guess(read_source, spec->source, source_bytes(spec->source), &look, e);
    if (r == 0)
        r = copy_run(spec, &result, e);
    if (r < 0) {
        image_blame(im, e);
        return r;
    }
    r = add_fields(result, im, &look, e);
    if (r < 0) {
        json_decref(result);
        return r;
    }
    *ret_result = result;
    return 0;
}

static int import(const struct worker_args *a, struct report *rep, json_t **ret_result,
                  struct err *e)
{
    _cleanup_(image_done) struct image im = IMAGE_INIT;
    _cleanup_(store_closep) struct store *store = NULL;
    _cleanup_(source_freep) struct source *source = NULL;
    struct copy_spec spec = { .snapshot = a->snapshot, .report = rep };
    int r;

    r = image_open(&im, a->source, a->format, e);
    if (r == 0)
        r = store_open(a->store, NULL, &store, e);
    if (r == 0 && a->key)
        r = verb_take_key(store, a->key, &spec.domain, e);
    if (r == 0)
        r = image_serve(&im, &source, e);
    if (r < 0)
        return r;
    spec.store = store;
    spec.source = source;
    return copy_image(&spec, &im, ret_result, e);
}

int verb_import(const struct worker_args *a, struct report *rep, json_t **ret_result, struct err *e)
{
    int r = import(a, rep, ret_result, e);

    return r < 0 && r != -ECANCELED ? err_wrap(e, "import snapshot '%s'", a->snapshot) : r;
}

/* ---- look ------------------------------------------------------------------------------------ */

/* A snapshot, a block at a time: its tables lie near each other. */
struct pages {
    struct store_snap *snap;
    uint8_t *block;
    uint64_t at; /* the block in hand; UINT64_MAX: none */
};

static int read_snapshot(void *userdata, uint64_t offset, void *buf, size_t len, struct err *e)
{
    struct pages *p = userdata;
    uint8_t *out = buf;

    while (len) {
        uint64_t block = offset >> STORE_BLOCK_SHIFT, in = offset & (STORE_BLOCK_BYTES - 1);
        size_t n = (size_t)min_u64(len, STORE_BLOCK_BYTES - in);

        if (block != p->at) {
            int r = 0;

            p->at = UINT64_MAX;
            if (store_snap_kind(p->snap, block) == STORE_DATA)
                r = store_snap_read_block(p->snap, block, p->block, NULL, e);
            else
                memset(p->block, 0, STORE_BLOCK_BYTES);
            if (r < 0)
                return r;
            p->at = block;
        }
        memcpy(out, p->block + in, n);
        out += n;
        offset += n;
        len -= n;
    }
    return 0;
}

int verb_look(const struct worker_args *a, struct report *rep, json_t **ret_result, struct err *e)
{
    _cleanup_(store_closep) struct store *store = NULL;
    _cleanup_(store_snap_closep) struct store_snap *snap = NULL;
    _cleanup_free_ uint8_t *block = malloc(STORE_BLOCK_BYTES);
    struct pages p = { .block = block, .at = UINT64_MAX };
    struct partitions_look look = { 0 };
    uint32_t domain;
    int r = block ? store_open(a->store, NULL, &store, e) : err_oom(e);

    (void)rep;
    if (r == 0 && a->key)
        r = verb_take_key(store, a->key, &domain, e);
    if (r == 0)
        r = store_snap_open(store, a->snapshot, &snap, e);
    if (r < 0)
        return r;
    p.snap = snap;
    r = partitions_guess(read_snapshot, &p, store_snap_info(snap)->volume_bytes, &look, e);
    if (r < 0)
        return err_wrap(e, "look at snapshot '%s'", a->snapshot);
    *ret_result = json_object();
    return *ret_result ? add_look(*ret_result, &look, e) : err_oom(e);
}
