/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "verbs.h"

#include <errno.h>

#include "copy.h"
#include "image.h"
#include "partitions.h"
#include "run-dir.h"
#include "str.h"

static int read_source(void *userdata, uint64_t offset, void *buf, size_t len, struct err *e)
{
    return source_read(userdata, offset, buf, len, e);
}

static int add_fields(json_t *result, const struct image *im, const char *looks_like, struct err *e)
{
    if (json_object_set_new(result, "disk_bytes", json_integer((json_int_t)im->file_bytes)) < 0 ||
        json_object_set_new(result, "format", json_string(image_format_name(im->format))) < 0 ||
        json_object_set_new(result, "looks_like", json_string(looks_like)) < 0)
        return err_oom(e);
    return 0;
}

/* The server runs; everything that may go wrong from here on may be its doing. */
static int copy_image(const struct copy_spec *spec, struct image *im, json_t **ret_result,
                      struct err *e)
{
    const char *looks_like = "";
    json_t *result = NULL;
    int r;

    r = partitions_guess(read_source, spec->source, source_bytes(spec->source), &looks_like, e);
    if (r == 0)
        r = copy_run(spec, &result, e);
    if (r < 0) {
        image_blame(im, e);
        return r;
    }
    r = add_fields(result, im, looks_like, e);
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
