/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "verbs.h"

#include <errno.h>

#include "copy.h"
#include "parse.h"

static int check_size(const struct source *s, const char *text, struct err *e)
{
    uint64_t size = 0;
    int r = parse_u64(text, 512, PLAN_VOLUME_MAX, &size);

    if (r == -ERANGE)
        return err_set(e, ERANGE, ERR_LIMIT, "'--size': a volume has 512 bytes to 64 TiB");
    if (r < 0 || size % 512)
        return err_set(e, EINVAL, ERR_INVALID, "'--size' wants a multiple of 512");
    if (size != source_bytes(s))
        return err_set(e, EINVAL, ERR_CONFLICT, "the export has %llu bytes, not %llu",
                       (unsigned long long)source_bytes(s), (unsigned long long)size);
    return 0;
}

int verb_take_key(struct store *store, const char *path, uint32_t *ret_domain, struct err *e)
{
    _cleanup_(store_key_freep) struct store_key *key = NULL;
    int r = store_key_load(path, &key, e);

    if (r == 0)
        r = store_add_key(store, key, e);
    if (r == 0)
        *ret_domain = store_key_domain(key);
    return r;
}

int verb_snapshot(const struct worker_args *a, struct report *rep, json_t **ret_result,
                  struct err *e)
{
    _cleanup_(store_closep) struct store *store = NULL;
    _cleanup_(source_freep) struct source *source = NULL;
    struct copy_spec spec = { .snapshot = a->snapshot, .parent = a->parent, .report = rep };
    int r;

    r = store_open(a->store, NULL, &store, e);
    if (r == 0 && a->key)
        r = verb_take_key(store, a->key, &spec.domain, e);
    if (r == 0)
        r = source_open(a->nbd, a->export_name, &source, e);
    if (r == 0)
        r = check_size(source, a->size, e);
    if (r == 0) {
        spec.store = store;
        spec.source = source;
        r = copy_run(&spec, ret_result, e);
    }
    /* Stopping is no failure of the snapshot: it is told as it is. */
    return r < 0 && r != -ECANCELED ? err_wrap(e, "take snapshot '%s'", a->snapshot) : r;
}
