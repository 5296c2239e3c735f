/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hives.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "str.h"

#define HIVES_MAX 256 /* opened in one run: eight of the machine, two of each user */

#define CONFIG "Windows/System32/config/"

static const char *const places[HIVE_ID_MAX] = {
    [HIVE_SYSTEM] = CONFIG "SYSTEM",
    [HIVE_SOFTWARE] = CONFIG "SOFTWARE",
    [HIVE_SAM] = CONFIG "SAM",
    [HIVE_SECURITY] = CONFIG "SECURITY",
    [HIVE_DEFAULT] = CONFIG "DEFAULT",
    [HIVE_NEW_USER] = "Users/Default/NTUSER.DAT",
    [HIVE_LOCAL_SERVICE] = "Windows/ServiceProfiles/LocalService/NTUSER.DAT",
    [HIVE_NETWORK_SERVICE] = "Windows/ServiceProfiles/NetworkService/NTUSER.DAT",
};

struct hives {
    struct win_tree *os;
    bool editing;
    char *place[HIVE_ID_MAX]; /* NULL: the usual one */
    struct hive *v[HIVES_MAX];
    size_t n;
};

const char *hive_path(enum hive_id id)
{
    return id < HIVE_ID_MAX ? places[id] : "?";
}

struct hives *hives_new(struct win_tree *os, bool editing)
{
    struct hives *h = xcalloc(1, sizeof *h);

    h->os = os;
    h->editing = editing;
    return h;
}

static void hive_free(struct hive *v)
{
    if (!v)
        return;
    regf_free(v->regf);
    free(v->path);
    free(v);
}
DEFINE_FREEP(hive_free, struct hive);

void hives_free(struct hives *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < h->n; i++)
        hive_free(h->v[i]);
    for (unsigned i = 0; i < HIVE_ID_MAX; i++)
        free(h->place[i]);
    free(h);
}

/* ---- opening --------------------------------------------------------------------------------- */

static int read_file(void *userdata, uint64_t offset, void *buf, size_t len, struct err *e)
{
    const struct hive_file *f = userdata;

    return win_tree_read_full(f->t, f->path, offset, buf, len, e);
}

struct regf_source hive_source(struct hive_file *f, uint64_t bytes)
{
    return (struct regf_source){ .read = read_file, .userdata = f, .bytes = bytes };
}

/* bytes 0 when the file is not there. */
static int source_of(struct hive_file *f, struct regf_source *ret, struct err *e)
{
    struct win_stat st;
    int r = win_tree_stat(f->t, f->path, &st, e);

    *ret = hive_source(f, 0);
    if (r == -ENOENT) {
        err_clear(e);
        return 0;
    }
    if (r < 0)
        return r;
    if (st.is_dir)
        return err_set(e, EISDIR, ERR_CORRUPT, "'%s' is a directory instead of a hive", f->path);
    if (st.encrypted || st.reparse_tag)
        return err_set(e, EACCES, ERR_CONFLICT, "'%s' is not readable without Windows", f->path);
    ret->bytes = st.bytes;
    return 0;
}

struct three_files {
    char *path[3];
    struct hive_file f[3];
    struct regf_source s[3];
};

static void three_done(struct three_files *t)
{
    for (unsigned i = 0; i < 3; i++)
        free(t->path[i]);
}

static int three_open(struct win_tree *os, const char *path, struct three_files *t, struct err *e)
{
    static const char *const tails[3] = { "", ".LOG1", ".LOG2" };

    for (unsigned i = 0; i < 3; i++) {
        int r;

        t->path[i] = xasprintf("%s%s", path, tails[i]);
        t->f[i] = (struct hive_file){ os, t->path[i] };
        r = source_of(&t->f[i], &t->s[i], e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int open_hive(struct hives *h, struct hive *v, struct err *e)
{
    _cleanup_(three_done) struct three_files t = { 0 };
    int r;

    r = three_open(h->os, v->path, &t, e);
    if (r < 0)
        return r;
    if (t.s[0].bytes == 0)
        return 0;
    v->has_logs = t.s[1].bytes || t.s[2].bytes;
    r = regf_open(&t.s[0], &t.s[1], &t.s[2], 0, &v->regf, e);
    if (r < 0 && e->kind == ERR_CONFLICT && !h->editing) {
        err_clear(e);
        v->dirty_without_logs = true;
        r = regf_open(&t.s[0], &t.s[1], &t.s[2], REGF_DIRTY_OK, &v->regf, e);
    }
    if (r < 0)
        return err_wrap(e, "open the hive '%s'", v->path);
    regf_info(v->regf, &v->info);
    return 0;
}

int hives_get_path(struct hives *h, const char *path, struct hive **ret, struct err *e)
{
    _cleanup_(hive_freep) struct hive *v = NULL;
    int r;

    for (size_t i = 0; i < h->n; i++)
        if (str_eq_nocase(h->v[i]->path, path)) {
            *ret = h->v[i];
            return 0;
        }
    if (h->n == HIVES_MAX)
        return err_set(e, E2BIG, ERR_LIMIT, "more than %d hives are open", HIVES_MAX);
    v = xcalloc(1, sizeof *v);
    v->path = xstrdup(path);
    r = open_hive(h, v, e);
    if (r < 0)
        return r;
    *ret = h->v[h->n++] = TAKE_PTR(v);
    return 0;
}

int hives_get(struct hives *h, enum hive_id id, struct hive **ret, struct err *e)
{
    return hives_get_path(h, h->place[id] ? h->place[id] : hive_path(id), ret, e);
}

void hives_place(struct hives *h, enum hive_id id, const char *path)
{
    free(h->place[id]);
    h->place[id] = xstrdup(path);
}

struct hive *hives_next(const struct hives *h, size_t *at)
{
    return *at < h->n ? h->v[(*at)++] : NULL;
}

/* ---- saving ---------------------------------------------------------------------------------- */

static int empty_log(struct win_tree *os, const char *path, struct err *e)
{
    _cleanup_free_ uint8_t *zeros = NULL;
    struct win_stat st;
    int r = win_tree_stat(os, path, &st, e);

    if (r == 0 && st.bytes && st.bytes <= WIN_SHRED_MAX) {
        zeros = calloc(1, (size_t)st.bytes);
        r = zeros ? win_tree_write(os, path, zeros, (size_t)st.bytes, e) : err_oom(e);
    }
    return r < 0 ? r : win_tree_write(os, path, "", 0, e);
}

static int save_one(struct hives *h, struct hive *v, struct win_plan *p, struct err *e)
{
    static const char *const tails[2] = { ".LOG1", ".LOG2" };
    const void *bytes;
    size_t n;
    int r;

    bytes = regf_bytes(v->regf, &n);
    r = win_tree_write(h->os, v->path, bytes, n, e);
    for (unsigned i = 0; r == 0 && i < 2; i++) {
        _cleanup_free_ char *log = xasprintf("%s%s", v->path, tails[i]);
        int there = win_tree_exists(h->os, log, e);

        if (there < 0)
            return there;
        /* Stale logs beside a rewritten hive are a risk if the first boot crashes; and they hold
         * what was deleted from it. */
        if (there)
            r = empty_log(h->os, log, e);
    }
    if (r < 0)
        return err_wrap(e, "write the hive '%s'", v->path);
    if (v->info.log_entries)
        win_plan_addf(p, WIN_ROW_DONE, "hive", v->path, NULL,
                      "written and checked, %u log entries taken in", v->info.log_entries);
    else
        win_plan_add(p, WIN_ROW_DONE, "hive", v->path, NULL, "written and checked");
    return 0;
}

static bool must_save(const struct hive *v)
{
    return v->regf && (v->replaced || regf_is_changed(v->regf));
}

int hives_save(struct hives *h, struct win_plan *p, struct err *e)
{
    int r;

    for (size_t i = 0; i < h->n; i++) {
        struct hive *v = h->v[i];

        if (!must_save(v))
            continue;
        r = regf_verify(v->regf, NULL, e);
        if (r == 0)
            r = regf_seal(v->regf, e);
        if (r < 0)
            return err_wrap(e, "check the changed hive '%s'", v->path);
    }
    for (size_t i = 0; i < h->n; i++) {
        struct hive *v = h->v[i];

        if (!must_save(v))
            continue;
        r = save_one(h, v, p, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- control sets ---------------------------------------------------------------------------- */

/* "ControlSet001" and no other name. */
static unsigned set_number(const char *name)
{
    unsigned no = 0;

    if (strlen(name) != 13 || strncasecmp(name, "ControlSet", 10) != 0)
        return 0;
    for (unsigned i = 10; i < 13; i++) {
        if (name[i] < '0' || name[i] > '9')
            return 0;
        no = no * 10 + (unsigned)(name[i] - '0');
    }
    return no;
}

int control_sets(const struct regf *system, struct control_sets *ret, struct err *e)
{
    struct control_sets s = { 0 };
    struct regf_iter it = regf_subkeys(system, regf_root(system));
    uint32_t want = regf_dword(system, regf_find(system, 0, "Select"), "Current", 1), k;
    char name[REGF_NAME_BYTES];

    while ((k = regf_next_subkey(system, &it)) != 0 && s.n < HIVE_SETS_MAX) {
        unsigned no = set_number(regf_key_name(system, k, name));

        if (!no)
            continue;
        s.no[s.n] = no;
        s.key[s.n++] = k;
        if (no == want || s.n == 1) {
            s.current = no;
            s.current_key = k;
        }
    }
    if (s.n == 0)
        return err_set(e, EBADMSG, ERR_CORRUPT, "the hive SYSTEM has no control set");
    *ret = s;
    return 0;
}
