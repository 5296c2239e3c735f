/* SPDX-License-Identifier: Apache-2.0 */
/* Making the fake, its helpers, failure injection; registry, files and environment. */
#include "engine/fake.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/utf.h"

int fake_fails(struct fake *f, const char *row, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(f->fails); i++)
        if (f->fails[i].times && str_eq(f->fails[i].row, row)) {
            f->fails[i].times--;
            return err_set(e, f->fails[i].no, ERR_IO, "%s: injected failure", row);
        }
    return 0;
}

void fake_fail(struct fake *f, const char *row, int no, unsigned times)
{
    for (size_t i = 0; i < ARRAY_LEN(f->fails); i++)
        if (!f->fails[i].times) {
            f->fails[i].row = row;
            f->fails[i].no = no;
            f->fails[i].times = times;
            return;
        }
    assert(!"too many injected failures");
}

void fake_record(struct fake *f, const char *fmt, ...)
{
    char line[2048];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    str_addf(&f->calls, "%s\n", line);
}

bool fake_called(const struct fake *f, const char *text)
{
    return strstr(str_text(&f->calls), text) != NULL;
}

unsigned fake_count(const struct fake *f, const char *text)
{
    unsigned n = 0;

    for (const char *p = str_text(&f->calls); (p = strstr(p, text)) != NULL; p += strlen(text))
        n++;
    return n;
}

long fake_when(const struct fake *f, const char *text)
{
    const char *all = str_text(&f->calls), *p = strstr(all, text);

    return p ? p - all : -1;
}

struct fake_pair *fake_pair_find(struct fake_pair *list, const char *key, const char *name)
{
    for (struct fake_pair *p = list; p; p = p->next)
        if (str_eq_nocase(p->key, key) && str_eq_nocase(p->name ? p->name : "", name ? name : ""))
            return p;
    return NULL;
}

static void pair_free(struct fake_pair *p)
{
    free(p->key);
    free(p->name);
    free(p->value);
    free(p->data);
    free(p);
}

static void pair_remove(struct fake_pair **list, const char *key, const char *name, bool below)
{
    size_t n = strlen(key);

    for (struct fake_pair **at = list; *at;) {
        struct fake_pair *p = *at;
        bool hit = name ? str_eq_nocase(p->key, key) && str_eq_nocase(p->name, name)
                        : str_eq_nocase(p->key, key);

        if (!hit && below && strlen(p->key) > n && p->key[n] == '\\') {
            char *start = str_dup_n(p->key, n);

            hit = str_eq_nocase(start, key);
            free(start);
        }
        if (!hit) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        pair_free(p);
    }
}

/* Kept in the order of making, so that listings are stable. */
struct fake_pair *fake_pair_put(struct fake_pair **list, const char *key, const char *name)
{
    struct fake_pair *p = fake_pair_find(*list, key, name);
    struct fake_pair **at = list;

    if (p) {
        free(p->value);
        free(p->data);
        p->value = NULL;
        p->data = NULL;
        return p;
    }
    p = calloc(1, sizeof(*p));
    assert(p);
    p->key = str_dup(key);
    p->name = name ? str_dup(name) : NULL;
    while (*at)
        at = &(*at)->next;
    *at = p;
    return p;
}

static struct win_reg *value_new(enum win_reg_type type, uint64_t number, const void *p, size_t n)
{
    struct win_reg *v = calloc(1, sizeof(*v) + n + 1);

    assert(v);
    v->type = type;
    v->number = number;
    v->len = n;
    if (n)
        memcpy(v->data, p, n);
    return v;
}

void fake_reg_text(struct fake *f, const char *key, const char *name, const char *text)
{
    struct fake_pair *p = fake_pair_put(&f->registry, key, name);

    p->value = value_new(WIN_REG_TEXT, 0, text, strlen(text));
}

void fake_reg_u32(struct fake *f, const char *key, const char *name, uint32_t v)
{
    struct fake_pair *p = fake_pair_put(&f->registry, key, name);

    p->value = value_new(WIN_REG_U32, v, NULL, 0);
}

void fake_reg_bytes(struct fake *f, const char *key, const char *name, const void *bytes, size_t n)
{
    struct fake_pair *p = fake_pair_put(&f->registry, key, name);

    p->value = value_new(WIN_REG_BYTES, 0, bytes, n);
}

const char *fake_reg_get_text(struct fake *f, const char *key, const char *name)
{
    struct fake_pair *p = fake_pair_find(f->registry, key, name);

    return p && p->value->type == WIN_REG_TEXT ? p->value->data : NULL;
}

int64_t fake_reg_get_u32(struct fake *f, const char *key, const char *name)
{
    struct fake_pair *p = fake_pair_find(f->registry, key, name);

    return p && p->value->type == WIN_REG_U32 ? (int64_t)p->value->number : -1;
}

static int reg_get(struct win *w, const char *key, const char *name, struct win_reg **ret,
                   struct err *e)
{
    struct fake *f = fake_of(w);
    struct fake_pair *p = fake_pair_find(f->registry, key, name);
    int r = fake_fails(f, "reg_get", e);

    if (r < 0)
        return r;
    if (!p)
        return 0;
    *ret = value_new(p->value->type, p->value->number, p->value->data, p->value->len);
    return 1;
}

static int reg_set_text(struct win *w, const char *key, const char *name, const char *text,
                        struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "reg_set_text", e);

    if (r < 0)
        return r;
    fake_record(f, "reg_set_text %s %s = %s", key, name, text);
    fake_reg_text(f, key, name, text);
    return 0;
}

static int reg_set_u32(struct win *w, const char *key, const char *name, uint32_t v, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "reg_set_u32", e);

    if (r < 0)
        return r;
    fake_record(f, "reg_set_u32 %s %s = %u", key, name, v);
    fake_reg_u32(f, key, name, v);
    return 0;
}

static int reg_delete(struct win *w, const char *key, const char *name, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "reg_delete", e);

    if (r < 0)
        return r;
    fake_record(f, "reg_delete %s %s", key, name ? name : "");
    pair_remove(&f->registry, key, name, !name);
    return 0;
}

/* The child of `key` that `path` lies in or is, or NULL. */
static char *child_of(const char *key, const char *path)
{
    size_t n = strlen(key);
    char *start;
    bool below;

    if (strlen(path) <= n + 1 || path[n] != '\\')
        return NULL;
    start = str_dup_n(path, n);
    below = str_eq_nocase(start, key);
    free(start);
    return below ? str_dup_n(path + n + 1, strcspn(path + n + 1, "\\")) : NULL;
}

static int reg_has_key(struct win *w, const char *key, struct err *e)
{
    for (struct fake_pair *p = fake_of(w)->registry; p; p = p->next) {
        char *child = child_of(key, p->key);

        free(child);
        if (child || str_eq_nocase(p->key, key))
            return 1;
    }
    return 0;
}

static void name_once(struct win_name *list, size_t *n, const char *name, bool is_dir, size_t size)
{
    for (size_t i = 0; i < *n; i++)
        if (str_eq_nocase(list[i].name, name))
            return;
    assert(*n < FAKE_MAX);
    (void)str_copy(list[*n].name, sizeof(list[*n].name), name);
    list[*n].is_dir = is_dir;
    list[(*n)++].size_bytes = size;
}

static int reg_keys(struct win *w, const char *key, struct win_name **ret, size_t *ret_n,
                    struct err *e)
{
    struct win_name *list = calloc(FAKE_MAX, sizeof(*list));

    *ret_n = 0;
    for (struct fake_pair *p = fake_of(w)->registry; p; p = p->next) {
        char *child = child_of(key, p->key);

        if (child)
            name_once(list, ret_n, child, true, 0);
        free(child);
    }
    *ret = list;
    return 0;
}

static int reg_values(struct win *w, const char *key, struct win_name **ret, size_t *ret_n,
                      struct err *e)
{
    struct win_name *list = calloc(FAKE_MAX, sizeof(*list));

    *ret_n = 0;
    for (struct fake_pair *p = fake_of(w)->registry; p; p = p->next)
        if (str_eq_nocase(p->key, key))
            name_once(list, ret_n, p->name, false, p->value->len);
    *ret = list;
    return 0;
}

void fake_file_bytes(struct fake *f, const char *path, const void *data, size_t n)
{
    struct fake_pair *p = fake_pair_put(&f->files, path, NULL);

    p->data = str_dup_n(data, n);
    p->n = n;
}

void fake_file(struct fake *f, const char *path, const char *text)
{
    fake_file_bytes(f, path, text, strlen(text));
}

const char *fake_file_text(struct fake *f, const char *path)
{
    struct fake_pair *p = fake_pair_find(f->files, path, NULL);

    return p ? p->data : NULL;
}

char *fake_log_text(struct fake *f, const char *path)
{
    struct fake_pair *p = fake_pair_find(f->files, path, NULL);
    struct err e = { 0 };
    char *text = NULL;
    size_t n = 0;

    if (!p || utf_decode(p->data, p->n, false, path, &text, &n, &e) < 0)
        return NULL;
    return text;
}

void fake_env(struct fake *f, const char *name, const char *value)
{
    struct fake_pair *p = fake_pair_put(&f->environment, name, NULL);

    p->data = str_dup(value);
}

static int env(struct win *w, const char *name, char **ret, struct err *e)
{
    struct fake_pair *p = fake_pair_find(fake_of(w)->environment, name, NULL);

    if (!p)
        return 0;
    *ret = str_dup(p->data);
    return 1;
}

static int file_read(struct win *w, const char *path, size_t max, char **ret, size_t *ret_n,
                     struct err *e)
{
    struct fake_pair *p = fake_pair_find(fake_of(w)->files, path, NULL);
    int r = fake_fails(fake_of(w), "file_read", e);

    if (r < 0)
        return r;
    if (!p)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "open '%s': it does not exist", path);
    if (p->n > max)
        return err_set(e, EFBIG, ERR_LIMIT, "'%s' is larger than %zu bytes", path, max);
    *ret = malloc(p->n + 1);
    memcpy(*ret, p->data, p->n);
    (*ret)[p->n] = 0;
    *ret_n = p->n;
    return 0;
}

static int file_write(struct win *w, const char *path, const void *data, size_t n, struct err *e)
{
    int r = fake_fails(fake_of(w), "file_write", e);

    if (r < 0)
        return r;
    fake_record(fake_of(w), "file_write %s", path);
    fake_file_bytes(fake_of(w), path, data, n);
    return 0;
}

static int file_append(struct win *w, const char *path, const void *data, size_t n, struct err *e)
{
    struct fake *f = fake_of(w);
    struct fake_pair *p = fake_pair_find(f->files, path, NULL);
    struct str s = STR_INIT(MIB(64));
    int r = fake_fails(f, "file_append", e);

    if (r < 0)
        return r;
    if (p)
        str_add_mem(&s, p->data, p->n);
    str_add_mem(&s, data, n);
    fake_file_bytes(f, path, str_text(&s), s.len);
    str_done(&s);
    return 0;
}

static int file_delete(struct win *w, const char *path, struct err *e)
{
    int r = fake_fails(fake_of(w), "file_delete", e);

    if (r < 0)
        return r;
    fake_record(fake_of(w), "file_delete %s", path);
    pair_remove(&fake_of(w)->files, path, NULL, false);
    return 0;
}

static int file_rename(struct win *w, const char *from, const char *to, struct err *e)
{
    struct fake *f = fake_of(w);
    struct fake_pair *p = fake_pair_find(f->files, from, NULL);
    int r = fake_fails(f, "file_rename", e);

    if (r < 0)
        return r;
    if (!p)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "rename '%s': it does not exist", from);
    fake_record(f, "file_rename %s -> %s", from, to);
    pair_remove(&f->files, to, NULL, false);
    free(p->key);
    p->key = str_dup(to);
    return 0;
}

static bool dir_exists(struct fake *f, const char *path)
{
    for (struct fake_pair *p = f->files; p; p = p->next) {
        char *child = child_of(path, p->key);

        free(child);
        if (child)
            return true;
    }
    return false;
}

static int file_stat(struct win *w, const char *path, struct win_name *ret, struct err *e)
{
    struct fake *f = fake_of(w);
    struct fake_pair *p = fake_pair_find(f->files, path, NULL);
    const char *last = strrchr(path, '\\');

    if (!p && !dir_exists(f, path))
        return 0;
    *ret = (struct win_name){ .is_dir = !p || !p->data, .size_bytes = p ? p->n : 0 };
    (void)str_copy(ret->name, sizeof(ret->name), last ? last + 1 : path);
    return 1;
}

bool fake_is_private(struct fake *f, const char *path)
{
    struct fake_pair *p = fake_pair_find(f->files, path, NULL);

    return p && p->is_private;
}

static int file_protect(struct win *w, const char *path, enum win_protect how, struct err *e)
{
    struct fake_pair *p = fake_pair_find(fake_of(w)->files, path, NULL);

    if (p)
        p->is_private = how == WIN_PROTECT_ADMINS;
    fake_record(fake_of(w), "file_protect %s %s", path,
                how == WIN_PROTECT_ADMINS ? "admins" : "read");
    return fake_fails(fake_of(w), "file_protect", e);
}

static int dir_make(struct win *w, const char *path, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "dir_make", e);

    if (r < 0)
        return r;
    fake_record(f, "dir_make %s", path);
    if (!dir_exists(f, path))
        (void)fake_pair_put(&f->files, path, NULL);
    return 0;
}

static int dir_list(struct win *w, const char *path, struct win_name **ret, size_t *ret_n,
                    struct err *e)
{
    struct win_name *list = calloc(FAKE_MAX, sizeof(*list));

    *ret_n = 0;
    for (struct fake_pair *p = fake_of(w)->files; p; p = p->next) {
        char *child = child_of(path, p->key);

        if (child)
            name_once(list, ret_n, child,
                      !p->data || strlen(p->key) > strlen(path) + 1 + strlen(child), p->n);
        free(child);
    }
    *ret = list;
    return 0;
}

static int dir_delete(struct win *w, const char *path, struct err *e)
{
    int r = fake_fails(fake_of(w), "dir_delete", e);

    fake_record(fake_of(w), "dir_delete %s", path);
    if (r == 0)
        pair_remove(&fake_of(w)->files, path, NULL, true);
    return r;
}

static int program_path(struct win *w, char **ret, struct err *e)
{
    *ret = str_dup("C:\\Program Files\\Amazon\\agent.exe");
    return 0;
}

static int shortcut_write(struct win *w, const char *path, const char *target, const char *args,
                          struct err *e)
{
    struct str s = STR_INIT(KIB(64));
    int r = fake_fails(fake_of(w), "shortcut_write", e);

    if (r < 0)
        return r;
    fake_record(fake_of(w), "shortcut_write %s", path);
    str_addf(&s, "%s|%s", target, args ? args : "");
    fake_file(fake_of(w), path, str_text(&s));
    str_done(&s);
    return 0;
}

static void fill_defaults(struct fake *f)
{
    static const char *const environment[][2] = {
        { "SystemRoot", "C:\\Windows" },
        { "SystemDrive", "C:" },
        { "ProgramData", "C:\\ProgramData" },
        { "ProgramFiles", "C:\\Program Files" },
        { "TEMP", "C:\\Windows\\TEMP" },
        { "LOCALAPPDATA", "C:\\Windows\\system32\\config\\systemprofile\\AppData\\Local" },
        { "PUBLIC", "C:\\Users\\Public" },
        { "COMPUTERNAME", "WIN-FAKE" },
    };

    for (size_t i = 0; i < ARRAY_LEN(environment); i++)
        fake_env(f, environment[i][0], environment[i][1]);
    fake_reg_text(f, "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Setup\\State",
                  "ImageState", "IMAGE_STATE_COMPLETE");
    f->now_ms = 1767323045000; /* 2026-01-02 03:04:05 UTC */
    f->random_state = 88172645463325252U;
    f->calls.max = MIB(8);
    f->serial.max = MIB(8);
}

struct fake *fake_new(void)
{
    struct fake *f = calloc(1, sizeof(*f));
    struct win *w;

    assert(f);
    w = &f->win;
    w->reg_get = reg_get;
    w->reg_set_text = reg_set_text;
    w->reg_set_u32 = reg_set_u32;
    w->reg_delete = reg_delete;
    w->reg_has_key = reg_has_key;
    w->reg_keys = reg_keys;
    w->reg_values = reg_values;
    w->file_read = file_read;
    w->file_write = file_write;
    w->file_append = file_append;
    w->file_delete = file_delete;
    w->file_rename = file_rename;
    w->file_stat = file_stat;
    w->file_protect = file_protect;
    w->dir_make = dir_make;
    w->dir_list = dir_list;
    w->dir_delete = dir_delete;
    w->env = env;
    w->program_path = program_path;
    w->shortcut_write = shortcut_write;
    fill_defaults(f);
    fake_fill_state(w);
    fake_fill_net(w);
    fake_fill_host(w);
    return f;
}

static void pairs_free(struct fake_pair *p)
{
    while (p) {
        struct fake_pair *next = p->next;

        pair_free(p);
        p = next;
    }
}

void fake_free(struct fake *f)
{
    if (!f)
        return;
    pairs_free(f->registry);
    pairs_free(f->files);
    pairs_free(f->environment);
    pairs_free(f->metadata);
    while (f->runs) {
        struct fake_run *next = f->runs->next;

        free(f->runs->starts);
        free(f->runs->out);
        free(f->runs->err);
        free(f->runs);
        f->runs = next;
    }
    for (size_t i = 0; i < FAKE_MAX; i++) {
        free(f->passwords[i]);
        free(f->services[i].text);
        free(f->tasks[i].text);
    }
    free(f->spcr);
    str_done(&f->calls);
    str_done(&f->serial);
    free(f);
}
