/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "windows-request.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "option-list.h"

#define LIST_MAX   256
#define FILES_MAX  4096
#define BYTES_MAX  MIB(128) /* of all files together: the worker stays under 256 MiB */
#define TREE_DEPTH 16

#define PREPARE    WINDOWS_FOR(WINDOWS_PREPARE)
#define GENERALISE WINDOWS_FOR(WINDOWS_GENERALISE)
#define SPECIALISE WINDOWS_FOR(WINDOWS_SPECIALISE)

const struct windows_option windows_options_table[] = {
#define ROW(name, kind, value, help) { name, WINDOWS_OPTION_##kind, MASK, value, help },
#define MASK                         (PREPARE | GENERALISE | SPECIALISE)
    WINDOWS_OPTIONS_ANSWER(ROW)
#undef MASK
#define MASK (PREPARE | SPECIALISE)
        WINDOWS_OPTIONS_SETTING(ROW)
#undef MASK
#define MASK PREPARE
            WINDOWS_OPTIONS_PREPARE(ROW)
#undef MASK
#define MASK GENERALISE
                WINDOWS_OPTIONS_GENERALISE(ROW)
#undef MASK
                    { 0 },
};

/* All that a request owns. */
struct request_store {
    json_t *doc; /* the texts lie in it */
    const char **run;
    struct windows_file *files, *agent, *drivers;
    size_t n_files, n_agent, n_drivers;
    uint64_t bytes;
};

static void files_free(struct windows_file *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free((char *)v[i].path);
        free((void *)v[i].data);
    }
    free(v);
}

void windows_request_free(struct windows_request *r)
{
    if (!r)
        return;
    if (r->store) {
        files_free(r->store->files, r->store->n_files);
        files_free(r->store->agent, r->store->n_agent);
        files_free(r->store->drivers, r->store->n_drivers);
        free(r->store->run);
        json_decref(r->store->doc);
        free(r->store);
    }
    free(r);
}

static int bad(struct err *e, const char *key, const char *what)
{
    return err_set(e, EINVAL, ERR_INVALID, "'%s' %s", key, what);
}

/* ---- files of the host ----------------------------------------------------------------------- */

static int add_file(struct request_store *s, struct windows_file **v, size_t *n, const char *from,
                    const char *to, struct err *e)
{
    struct windows_file *more;
    char *data = NULL, *path;
    struct stat st;
    size_t len;
    int r;

    if (*n >= FILES_MAX)
        return err_set(e, E2BIG, ERR_LIMIT, "more than %d files", FILES_MAX);
    if (stat(from, &st) < 0)
        return err_errno(e, "open '%s'", from);
    if ((uint64_t)st.st_size > BYTES_MAX - s->bytes)
        return err_set(e, EFBIG, ERR_LIMIT, "with '%s', the files have more than %llu MiB", from,
                       (unsigned long long)(BYTES_MAX >> 20));
    r = file_read(from, (size_t)st.st_size, &data, &len, e);
    if (r < 0)
        return r;
    path = strdup(to);
    more = path ? reallocarray(*v, *n + 1, sizeof *more) : NULL;
    if (!more) {
        free(data);
        free(path);
        return err_oom(e);
    }
    *v = more;
    more[(*n)++] = (struct windows_file){ .path = path, .data = data, .len = len };
    s->bytes += len;
    return 0;
}

DEFINE_FREEP(closedir, DIR);

static int add_tree(struct request_store *s, struct windows_file **v, size_t *n, const char *from,
                    const char *to, unsigned depth, struct err *e)
{
    _cleanup_(closedirp) DIR *d = opendir(from);
    struct dirent *de;
    int r = 0;

    if (!d)
        return err_errno(e, "open '%s'", from);
    if (depth > TREE_DEPTH)
        return err_set(e, ELOOP, ERR_LIMIT, "'%s' is nested deeper than %d", from, TREE_DEPTH);
    while (r == 0 && (de = readdir(d))) {
        _cleanup_free_ char *sub = NULL, *name = NULL;
        struct stat st;

        if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
            continue;
        sub = xasprintf("%s/%s", from, de->d_name);
        name = *to ? xasprintf("%s/%s", to, de->d_name) : xstrdup(de->d_name);
        if (lstat(sub, &st) < 0)
            return err_errno(e, "look at '%s'", sub);
        if (S_ISDIR(st.st_mode))
            r = add_tree(s, v, n, sub, name, depth + 1, e);
        else if (S_ISREG(st.st_mode))
            r = add_file(s, v, n, sub, name, e);
    }
    return r;
}

/* A directory's files come under to; a file comes as to, or under its own name when to is "". */
static int add_path(struct request_store *s, struct windows_file **v, size_t *n, const char *from,
                    const char *to, struct err *e)
{
    const char *base = strrchr(from, '/') ? strrchr(from, '/') + 1 : from;
    struct stat st;

    if (stat(from, &st) < 0)
        return err_errno(e, "open '%s'", from);
    if (S_ISDIR(st.st_mode))
        return add_tree(s, v, n, from, to, 0, e);
    return add_file(s, v, n, from, *to ? to : base, e);
}

/* ---- options --------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    size_t at;
} texts[] = {
#define TEXT(n)                                                                                    \
    {                                                                                              \
#n, offsetof(struct windows_options, n)                                                    \
    }
    TEXT(dialect),     TEXT(computer_name), TEXT(password), TEXT(user),
    TEXT(locale),      TEXT(time_zone),     TEXT(keyboard), TEXT(product_key),
    TEXT(organisation), TEXT(owner),         TEXT(agent_settings), TEXT(answer_file),
#undef TEXT
}, flags[] = {
#define FLAG(n)                                                                                    \
    {                                                                                              \
#n, offsetof(struct windows_options, n)                                                    \
    }
    FLAG(ems), FLAG(rdp), FLAG(keep_users),
#undef FLAG
};

static int take_list(struct windows_request *r, const json_t *v, struct err *e)
{
    size_t n = json_array_size(v);

    if (!json_is_array(v) || n > LIST_MAX)
        return bad(e, "run", "is not a list of at most 256 texts");
    r->store->run = calloc(n + 1, sizeof *r->store->run);
    if (!r->store->run)
        return err_oom(e);
    for (size_t i = 0; i < n; i++) {
        r->store->run[i] = json_string_value(json_array_get(v, i));
        if (!r->store->run[i])
            return bad(e, "run", "is not a list of texts");
    }
    r->options.run = r->store->run;
    return 0;
}

static int take_copies(struct windows_request *r, const json_t *v, struct err *e)
{
    size_t i;
    json_t *one;

    if (!json_is_array(v) || json_array_size(v) > LIST_MAX)
        return bad(e, "copy", "is not a list of at most 256 pairs");
    json_array_foreach ((json_t *)v, i, one) {
        const char *from = json_string_value(json_object_get(one, "from"));
        const char *to = json_string_value(json_object_get(one, "to"));
        int k;

        if (!from || !to || !*to)
            return bad(e, "copy", "is not a list of {from, to}");
        k = add_path(r->store, &r->store->files, &r->store->n_files, from, to, e);
        if (k < 0)
            return k;
    }
    return 0;
}

static int take_option(struct windows_request *r, const char *key, const json_t *v, struct err *e)
{
    struct request_store *s = r->store;
    const char *text = json_string_value(v);

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (strcmp(key, texts[i].name) == 0) {
            if (!text)
                return bad(e, key, "is not a text");
            *(const char **)((char *)&r->options + texts[i].at) = text;
            return 0;
        }
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (strcmp(key, flags[i].name) == 0) {
            if (!json_is_boolean(v))
                return bad(e, key, "is not true or false");
            *(bool *)((char *)&r->options + flags[i].at) = json_is_true(v);
            return 0;
        }
    if (strcmp(key, "run") == 0)
        return take_list(r, v, e);
    if (strcmp(key, "copy") == 0)
        return take_copies(r, v, e);
    if (!text)
        return bad(e, key, "is not a path");
    return strcmp(key, "agent") == 0 ? add_path(s, &s->agent, &s->n_agent, text, "", e)
                                     : add_path(s, &s->drivers, &s->n_drivers, text, "", e);
}

/* The row of a document's key; NULL: there is none. */
static const struct windows_option *find_option(const char *key)
{
    for (const struct windows_option *o = windows_options_table; o->name; o++) {
        const char *p = o->name, *q = key;

        while (*p && (*p == *q || (*p == '-' && *q == '_')))
            p++, q++;
        if (!*p && !*q)
            return o;
    }
    return NULL;
}

static int take_options(struct windows_request *r, const json_t *doc, struct err *e)
{
    const char *key;
    json_t *v;

    if (doc && !json_is_object(doc))
        return bad(e, "options", "is not an object");
    json_object_foreach ((json_t *)doc, key, v) {
        const struct windows_option *o = find_option(key);
        int k;

        if (!o)
            return bad(e, key, "is no option");
        if (!(o->actions & WINDOWS_FOR(r->action)))
            return err_set(e, EINVAL, ERR_INVALID, "'%s' is no option of '%s'", o->name,
                           windows_action_name(r->action));
        k = take_option(r, key, v, e);
        if (k < 0)
            return k;
    }
    r->options.answer_file_len = r->options.answer_file ? strlen(r->options.answer_file) : 0;
    r->options.files = r->store->files;
    r->options.n_files = r->store->n_files;
    r->options.agent = r->store->agent;
    r->options.n_agent = r->store->n_agent;
    r->options.drivers = r->store->drivers;
    r->options.n_drivers = r->store->n_drivers;
    return 0;
}

/* ---- disks ----------------------------------------------------------------------------------- */

static int take_disk(struct windows_request *r, json_t *doc, struct err *e)
{
    struct windows_disk_spec *d = &r->disk[r->n_disks++];
    json_error_t je;
    int partition = 0;

    if (json_unpack_ex(doc, &je, JSON_STRICT, "{s?s, s?s, s?s, s?s, s?s, s?s, s?s, s?i}", "path",
                       &d->path, "format", &d->format, "nbd", &d->nbd, "export", &d->export_name,
                       "folder", &d->folder, "journal", &d->journal, "snapshot", &d->snapshot,
                       "partition", &partition) < 0)
        return err_set(e, EINVAL, ERR_INVALID, "a disk of the request: %s", je.text);
    if (!!d->path + !!d->nbd + !!d->folder + !!d->snapshot != 1 || !!d->path != !!d->format ||
        (d->journal && !d->nbd && !d->path))
        return bad(e, "disks", "must each name one of path and format, nbd, folder, or snapshot");
    if (partition < 0 || partition > (int)WIN_PARTS_MAX)
        return bad(e, "partition", "is out of range");
    if (d->folder && r->action != WINDOWS_INSPECT && r->action != WINDOWS_DIFF)
        return bad(e, d->folder, "is a folder, and can only be looked at");
    d->partition = (unsigned)partition;
    d->export_name = d->export_name ? d->export_name : "";
    return 0;
}

static int take_disks(struct windows_request *r, json_t *doc, struct err *e)
{
    unsigned want = r->action == WINDOWS_DIFF ? 2 : 1;
    int k = 0;

    if (json_array_size(doc) != want)
        return err_set(e, EINVAL, ERR_INVALID, "'%s' wants %u disk%s",
                       windows_action_name(r->action), want, want == 1 ? "" : "s");
    for (unsigned i = 0; i < want && k == 0; i++)
        k = take_disk(r, json_array_get(doc, i), e);
    return k;
}

static int take(struct windows_request *r, struct err *e)
{
    json_t *disks = NULL, *options = NULL;
    const char *action = NULL;
    json_error_t je;
    int dry = 0, k;

    if (json_unpack_ex(r->store->doc, &je, JSON_STRICT, "{s:s, s?b, s:o, s?o}", "action", &action,
                       "dry_run", &dry, "disks", &disks, "options", &options) < 0)
        return err_set(e, EINVAL, ERR_INVALID, "the request: %s", je.text);
    if (windows_action_parse(action, &r->action) < 0)
        return bad(e, action, "is no action");
    r->dry_run = dry;
    k = take_disks(r, disks, e);
    return k < 0 ? k : take_options(r, options, e);
}

int windows_request_parse(const char *text, size_t len, struct windows_request **ret, struct err *e)
{
    _cleanup_(windows_request_freep) struct windows_request *r = calloc(1, sizeof *r);
    json_error_t je;
    int k;

    if (r)
        r->store = calloc(1, sizeof *r->store);
    if (!r || !r->store)
        return err_oom(e);
    r->store->doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
    if (!r->store->doc)
        return err_set(e, EINVAL, ERR_INVALID, "the request is no JSON: %s (line %d)", je.text,
                       je.line);
    k = take(r, e);
    if (k == 0)
        *ret = TAKE_PTR(r);
    return k;
}
