/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "diff.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "diff-priv.h"
#include "hives.h"

#define GRAIN    KIB(64)
#define CHUNK    MIB(1)
#define DISK_MAX (1ULL << 46) /* 64 TiB */

/* ---- blocks ---------------------------------------------------------------------------------- */

/* Which pieces of the disks differ; a folder or disks of different sizes: all. */
struct blocks {
    bool all;
    uint8_t *bits; /* one for each GRAIN */
    uint64_t n, changed, compared;
};

static bool is_changed(const struct blocks *b, uint64_t offset, uint64_t bytes)
{
    uint64_t first = offset / GRAIN, last;

    if (b->all || !add_u64(offset, bytes, &last))
        return true;
    last = bytes ? (last - 1) / GRAIN : first;
    for (uint64_t i = first; i <= last && i < b->n; i++)
        if (b->bits[i / 8] & 1U << (i % 8))
            return true;
    return false;
}

static int compare_range(struct win_disk *l, struct win_disk *r, uint64_t from, uint64_t to,
                         struct blocks *b, uint8_t *x, uint8_t *y, struct err *e)
{
    for (uint64_t at = from; at < to;) {
        size_t k = (size_t)min_u64(CHUNK, to - at);
        int rc = win_disk_read(l, at, x, k, e);

        if (rc == 0)
            rc = win_disk_read(r, at, y, k, e);
        if (rc < 0)
            return rc;
        for (size_t i = 0; i < k; i += GRAIN) {
            uint64_t g = (at + i) / GRAIN;

            if (memcmp(x + i, y + i, (size_t)min_u64(GRAIN, k - i)) != 0 &&
                !(b->bits[g / 8] & 1U << (g % 8))) {
                b->bits[g / 8] = (uint8_t)(b->bits[g / 8] | 1U << (g % 8));
                b->changed++;
            }
        }
        b->compared += k;
        at += k;
    }
    return 0;
}

/* Only where one of them has data. */
static int compare_all(struct win_disk *l, struct win_disk *r, struct blocks *b, struct err *e)
{
    _cleanup_free_ uint8_t *x = malloc(CHUNK), *y = malloc(CHUNK);
    uint64_t bytes = win_disk_bytes(l), at = 0;

    if (!x || !y)
        return err_oom(e);
    while (at < bytes) {
        uint64_t s1, e1, s2, e2, from, to;
        int rc = win_disk_next_data(l, at, &s1, &e1, e);

        if (rc == 0)
            rc = win_disk_next_data(r, at, &s2, &e2, e);
        if (rc < 0)
            return rc;
        from = s1 < s2 ? s1 : s2;
        if (from >= bytes)
            break;
        to = s1 < s2 ? e1 : s2 < s1 ? e2 : max_u64(e1, e2);
        to = min_u64(div_up_u64(max_u64(to, from + 1), GRAIN) * GRAIN, bytes);
        from = max_u64(from / GRAIN * GRAIN, at);
        rc = compare_range(l, r, from, to, b, x, y, e);
        if (rc < 0)
            return rc;
        at = to;
    }
    return 0;
}

static int compare_blocks(struct win_disk *l, struct win_disk *r, struct blocks *b, struct err *e)
{
    uint64_t bytes;

    if (!l || !r || win_disk_bytes(l) != win_disk_bytes(r)) {
        b->all = true;
        return 0;
    }
    bytes = win_disk_bytes(l);
    if (bytes > DISK_MAX)
        return err_set(e, EFBIG, ERR_LIMIT, "the disks are larger than 64 TiB");
    b->n = div_up_u64(bytes, GRAIN);
    b->bits = calloc(1, (size_t)(b->n / 8 + 1));
    return b->bits ? compare_all(l, r, b, e) : err_oom(e);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int add_row(struct diff *d, json_t *list, json_t *row, struct err *e)
{
    if (!row)
        return err_oom(e);
    if (json_array_size(list) >= DIFF_ROWS_MAX) {
        d->truncated = true;
        json_decref(row);
        return 0;
    }
    return json_array_append_new(list, row) < 0 ? err_oom(e) : 0;
}

static json_t *or_null(json_t *j)
{
    return j ? j : json_null();
}

/* Names on a disk may be anything; JSON wants UTF-8. */
static json_t *text_of(const char *s)
{
    char cut[1024];
    json_t *j = json_string(s);

    return j ? j : json_string(str_show(s, cut, sizeof cut));
}

int diff_add_file(struct diff *d, const char *path, const char *change, json_t *before,
                  json_t *after, struct err *e)
{
    return add_row(d, d->files,
                   json_pack("{s:o, s:s, s:o, s:o}", "path", text_of(path), "change", change,
                             "before", or_null(before), "after", or_null(after)),
                   e);
}

int diff_add_key(struct diff *d, const char *hive, const char *key, const char *value,
                 const char *change, json_t *before, json_t *after, struct err *e)
{
    return add_row(d, d->registry,
                   json_pack("{s:o, s:o, s:o, s:s, s:o, s:o}", "hive", text_of(hive), "key",
                             text_of(key), "value", value ? text_of(value) : json_null(), "change",
                             change, "before", or_null(before), "after", or_null(after)),
                   e);
}

/* ---- files ----------------------------------------------------------------------------------- */

static int by_path(const void *a, const void *b)
{
    return strcasecmp(((const struct win_name *)a)->name, ((const struct win_name *)b)->name);
}

static int list_all(struct win_tree *t, struct win_names *l, struct err *e)
{
    int r = win_tree_walk(t, "", win_names_keep, l, e);

    if (r == 0 && l->n)
        qsort(l->v, l->n, sizeof *l->v, by_path);
    return r;
}

static json_t *stat_json(const struct win_stat *st)
{
    return json_pack("{s:b, s:I, s:I}", "directory", st->is_dir, "bytes", (json_int_t)st->bytes,
                     "attributes", (json_int_t)st->attributes);
}

struct sides {
    struct diff *d;
    struct windows *left, *right;
    const struct blocks *blocks;
};

struct touched {
    const struct blocks *b;
    uint64_t volume; /* its offset on the disk */
};

static int look(void *userdata, uint64_t offset, uint64_t bytes)
{
    const struct touched *t = userdata;
    uint64_t at;

    return !add_u64(t->volume, offset, &at) || is_changed(t->b, at, bytes);
}

/* 1: its blocks differ, or nobody knows; 0: the same blocks hold the same file. */
static int may_differ(const struct sides *s, struct windows *w, const char *path, struct err *e)
{
    struct touched t = { .b = s->blocks, .volume = w->os_part ? w->os_part->offset : 0 };

    return s->blocks->all ? 1 : win_tree_extents(w->os, path, look, &t, e);
}

/* 1: the same bytes, 0: not; of files of the same size. One that is empty is asked for, too: it may
 * be unreadable. */
static int same_bytes(struct sides *s, const char *path, uint64_t bytes, struct err *e)
{
    _cleanup_free_ uint8_t *x = malloc(CHUNK), *y = malloc(CHUNK);
    int r = x && y ? 1 : err_oom(e);

    for (uint64_t at = 0; r == 1 && (at < bytes || at == 0); at += CHUNK) {
        size_t k = (size_t)min_u64(CHUNK, bytes - at);
        int rc = win_tree_read_full(s->left->os, path, at, x, k, e);

        if (rc == 0)
            rc = win_tree_read_full(s->right->os, path, at, y, k, e);
        r = rc < 0 ? rc : memcmp(x, y, k) == 0;
    }
    return r;
}

static int compare_content(struct sides *s, const struct win_name *a, const struct win_name *b,
                           struct err *e)
{
    struct hive_file f = { s->left->os, a->name }, g = { s->right->os, b->name };
    struct regf_source x = hive_source(&f, a->st.bytes), y = hive_source(&g, b->st.bytes);
    struct err inner = { 0 };
    int r = a->st.bytes == b->st.bytes ? same_bytes(s, a->name, a->st.bytes, &inner) : 0;

    /* What cannot be read is told by its size and attributes. */
    if (r < 0 && inner.kind != ERR_CONFLICT) {
        *e = inner;
        return r;
    }
    if (r == 1 || (r < 0 && a->st.mtime == b->st.mtime))
        return 0;
    r = diff_add_file(s->d, a->name, "changed", stat_json(&a->st), stat_json(&b->st), e);
    return r == 0 ? diff_registry(s->d, a->name, &x, &y, e) : r;
}

static int compare_pair(struct sides *s, const struct win_name *a, const struct win_name *b,
                        struct err *e)
{
    int l, r;

    if (a->st.is_dir != b->st.is_dir || a->st.reparse_tag != b->st.reparse_tag)
        return diff_add_file(s->d, a->name, "changed", stat_json(&a->st), stat_json(&b->st), e);
    if (a->st.is_dir)
        return 0;
    l = may_differ(s, s->left, a->name, e);
    r = l < 0 ? 0 : may_differ(s, s->right, b->name, e);
    if (l < 0 || r < 0)
        return l < 0 ? l : r;
    return l || r || a->st.id != b->st.id ? compare_content(s, a, b, e) : 0;
}

static int merge(struct sides *s, const struct win_names *l, const struct win_names *r,
                 struct err *e)
{
    size_t i = 0, k = 0;
    int rc = 0;

    while (rc == 0 && (i < l->n || k < r->n)) {
        int c = i == l->n ? 1 : k == r->n ? -1 : strcasecmp(l->v[i].name, r->v[k].name);

        if (c < 0) {
            rc = diff_add_file(s->d, l->v[i].name, "removed", stat_json(&l->v[i].st), NULL, e);
            i++;
        } else if (c > 0) {
            rc = diff_add_file(s->d, r->v[k].name, "added", NULL, stat_json(&r->v[k].st), e);
            k++;
        } else {
            rc = compare_pair(s, &l->v[i++], &r->v[k++], e);
        }
    }
    return rc;
}

static int compare_files(struct sides *s, struct err *e)
{
    _cleanup_(win_names_done) struct win_names l = { 0 }, r = { 0 };
    int rc = list_all(s->left->os, &l, e);

    if (rc == 0)
        rc = list_all(s->right->os, &r, e);
    return rc < 0 ? rc : merge(s, &l, &r, e);
}

/* ---- both ------------------------------------------------------------------------------------ */

static int open_side(const struct windows_disk_spec *spec, struct win_disk *disk,
                     struct windows **ret, struct err *e)
{
    return disk ? windows_open(disk, spec->partition, false, ret, e)
                : windows_open_folder(spec->folder, ret, e);
}

static json_t *blocks_json(const struct blocks *b)
{
    return b->all
               ? json_null()
               : json_pack("{s:I, s:I, s:I}", "changed_bytes", (json_int_t)(b->changed * GRAIN),
                           "compared_bytes", (json_int_t)b->compared, "grain", (json_int_t)GRAIN);
}

static int diff_all(const struct windows_request *rq, struct win_disk *left, struct win_disk *right,
                    struct blocks *b, struct diff *d, struct err *e)
{
    _cleanup_(windows_freep) struct windows *l = NULL, *r = NULL;
    struct sides s = { .d = d, .blocks = b };
    int rc = compare_blocks(left, right, b, e);

    if (rc < 0 || (!b->all && b->changed == 0))
        return rc;
    rc = open_side(&rq->disk[0], left, &l, e);
    if (rc == 0)
        rc = open_side(&rq->disk[1], right, &r, e);
    if (rc < 0)
        return rc;
    s.left = l;
    s.right = r;
    return compare_files(&s, e);
}

int windows_diff(const struct windows_request *rq, struct win_disk *left, struct win_disk *right,
                 json_t **ret, struct err *e)
{
    struct diff d = { .files = json_array(), .registry = json_array() };
    struct blocks b = { 0 };
    int r = d.files && d.registry ? diff_all(rq, left, right, &b, &d, e) : err_oom(e);
    json_t *doc = json_pack("{s:o, s:b, s:o, s:o}", "blocks", blocks_json(&b), "truncated",
                            d.truncated, "files", d.files, "registry", d.registry);

    free(b.bits);
    if (r == 0 && !doc)
        r = err_oom(e);
    if (r < 0) {
        json_decref(doc);
        return r;
    }
    *ret = doc;
    return 0;
}

/* ---- for people ------------------------------------------------------------------------------ */

static const char *field(const json_t *row, const char *name)
{
    const char *s = json_string_value(json_object_get(row, name));

    return s ? s : "";
}

static char sign(const json_t *row)
{
    const char *c = field(row, "change");

    return *c == 'a' ? '+' : *c == 'r' ? '-' : '~';
}

static void file_text(struct str *s, const json_t *row)
{
    const json_t *before = json_object_get(row, "before"), *after = json_object_get(row, "after");
    json_int_t x = json_integer_value(json_object_get(before, "bytes"));
    json_int_t y = json_integer_value(json_object_get(after, "bytes"));
    bool dir = json_is_true(json_object_get(json_is_null(after) ? before : after, "directory"));

    str_addf(s, "%c %s", sign(row), field(row, "path"));
    if (dir)
        str_add(s, "/");
    else if (!json_is_null(before) && !json_is_null(after) && x != y)
        str_addf(s, "  (%lld -> %lld bytes)", (long long)x, (long long)y);
    else if (json_is_null(before) || json_is_null(after))
        str_addf(s, "  (%lld bytes)", (long long)(json_is_null(before) ? y : x));
    str_addc(s, '\n');
}

static void key_text(struct str *s, const json_t *row)
{
    const char *hive = strrchr(field(row, "hive"), '/');
    const char *before = field(row, "before"), *after = field(row, "after");

    str_addf(s, "%c %s\\%s", sign(row), hive ? hive + 1 : field(row, "hive"), field(row, "key"));
    if (!json_is_null(json_object_get(row, "value")))
        str_addf(s, "  %s", *field(row, "value") ? field(row, "value") : "(default)");
    if (*before && *after)
        str_addf(s, ": %s -> %s", before, after);
    else if (*before || *after)
        str_addf(s, ": %s", *before ? before : after);
    str_addc(s, '\n');
}

void windows_diff_text(struct str *s, const json_t *doc)
{
    const json_t *files = json_object_get(doc, "files"), *keys = json_object_get(doc, "registry");
    const json_t *b = json_object_get(doc, "blocks");
    json_t *row;
    size_t i;

    json_array_foreach ((json_t *)files, i, row)
        file_text(s, row);
    if (json_array_size(files) && json_array_size(keys))
        str_addc(s, '\n');
    json_array_foreach ((json_t *)keys, i, row)
        key_text(s, row);
    str_addf(s, "%s%zu files and %zu keys and values differ", s->len ? "\n" : "",
             json_array_size(files), json_array_size(keys));
    if (!json_is_null(b))
        str_addf(s, "; %lld KiB of blocks do",
                 (long long)(json_integer_value(json_object_get(b, "changed_bytes")) >> 10));
    str_add(s, json_is_true(json_object_get(doc, "truncated")) ? "; there are more\n" : "\n");
}
