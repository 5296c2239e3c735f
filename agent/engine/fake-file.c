/* SPDX-License-Identifier: Apache-2.0 */
/* Files, folders and environment of the fake. */
#include "engine/fake.h"

#include <errno.h>
#include <string.h>

#include "lib/utf.h"

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
    fake_pair_remove(&fake_of(w)->files, path, NULL, false);
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
    fake_pair_remove(&f->files, to, NULL, false);
    free(p->key);
    p->key = str_dup(to);
    return 0;
}

static bool dir_exists(struct fake *f, const char *path)
{
    for (struct fake_pair *p = f->files; p; p = p->next) {
        char *child = fake_child_of(path, p->key);

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
        char *child = fake_child_of(path, p->key);

        if (child)
            fake_name_once(list, ret_n, child,
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
        fake_pair_remove(&fake_of(w)->files, path, NULL, true);
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

void fake_fill_file(struct win *w)
{
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
}
