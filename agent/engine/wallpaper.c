/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/wallpaper.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/str.h"

#define TAGS_MAX  50U
#define USERS_MAX 500U
#define STARTUP   "AppData\\Roaming\\Microsoft\\Windows\\Start Menu\\Programs\\Startup"

static const struct wallpaper_row rows[] = {
    { "Hostname", "hostName", NULL },
    { "Instance ID", "instanceId", "instance-id" },
    { "Private IPv4 Address", "privateIpAddress", "local-ipv4" },
    { "Public IPv4 Address", "publicIpAddress", "public-ipv4" },
    { "IPv6 Address", "ipv6Address", "ipv6" },
    { "Instance Size", "instanceSize", "instance-type" },
    { "Availability Zone", "availabilityZone", "placement/availability-zone" },
    { "Architecture", "architecture", NULL },
    { "Total Memory", "memory", NULL },
    { "Operating System", "osVersion", NULL },
};

const struct wallpaper_row *wallpaper_attribute(const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eq_nocase(rows[i].attribute, word))
            return &rows[i];
    return NULL;
}

bool wallpaper_attribute_is_old(const char *word)
{
    return str_eq_nocase(word, "memory") || str_eq_nocase(word, "network");
}

int wallpaper_line_add(struct wallpaper_lines *l, const char *label, const char *value,
                       struct err *e)
{
    char *a, *b;

    if (!value || !*value)
        return 0;
    if (l->n == WALLPAPER_LINES_MAX)
        return err_set(e, E2BIG, ERR_LIMIT, "the wallpaper has room for %u lines",
                       WALLPAPER_LINES_MAX);
    a = str_dup(label);
    b = str_dup(value);
    if (!a || !b) {
        free(a);
        free(b);
        return err_oom(e);
    }
    l->labels[l->n] = a;
    l->values[l->n++] = b;
    return 0;
}

void wallpaper_lines_done(struct wallpaper_lines *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->labels[i]);
        free(l->values[i]);
    }
    *l = (struct wallpaper_lines){ 0 };
}

static int machine_value(struct win *w, const char *attribute, char **ret, struct err *e)
{
    struct win_system sys;
    struct str s = STR_INIT(256);
    int r;

    if (str_eq(attribute, "hostName"))
        return w->env(w, "COMPUTERNAME", ret, e);
    r = w->system(w, &sys, e);
    if (r < 0)
        return r;
    if (str_eq(attribute, "architecture"))
        str_add(&s, sys.arch);
    else if (str_eq(attribute, "memory"))
        str_addf(&s, "%llu MB", (unsigned long long)(sys.memory_bytes >> 20));
    else
        str_addf(&s, "%u.%u.%u", sys.major, sys.minor, sys.build);
    r = str_check(&s, "a wallpaper line", e);
    if (r < 0) {
        str_done(&s);
        return r;
    }
    *ret = str_take(&s);
    return 1;
}

int wallpaper_attribute_value(struct win *w, struct imds *m, const struct wallpaper_row *r,
                              char **ret, struct err *e)
{
    return r->path ? imds_value(m, r->path, ret, e) : machine_value(w, r->attribute, ret, e);
}

static bool is_allowed(const char *tag, const char *const *allowed, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(tag, allowed[i]))
            return true;
    return !allowed;
}

static int add_tag(struct imds *m, struct wallpaper_lines *l, const char *tag, struct err *e)
{
    _cleanup_str_ struct str path = STR_INIT(512);
    _cleanup_free_ char *value = NULL;
    int r;

    str_addf(&path, "tags/instance/%s", tag);
    r = str_check(&path, "a tag's path", e);
    if (r == 0)
        r = imds_value(m, str_text(&path), &value, e);
    return r == 1 ? wallpaper_line_add(l, tag, value, e) : r;
}

int wallpaper_add_tags(struct imds *m, struct wallpaper_lines *l, const char *const *allowed,
                       size_t n, struct err *e)
{
    _cleanup_free_ char *list = NULL;
    const char *p;
    int r = imds_value(m, "tags/instance", &list, e);

    if (r <= 0)
        return r; /* 404: tags are not in this instance's metadata */
    p = list;
    for (unsigned i = 0; *p && i < TAGS_MAX; i++) {
        size_t len = strcspn(p, "\r\n");
        _cleanup_free_ char *tag = str_dup_n(p, len);

        if (!tag)
            return err_oom(e);
        /* a name with other characters would change the request */
        if (len && !strpbrk(tag, " \t?#%\\") && is_allowed(tag, allowed, n)) {
            r = add_tag(m, l, tag, e);
            if (r < 0)
                return r;
        }
        p += len;
        p += strspn(p, "\r\n");
    }
    return 0;
}

int wallpaper_set(struct win *w, const char *base, const char *out, const struct wallpaper_lines *l,
                  struct err *e)
{
    struct win_picture p = { .base_path = base,
                             .out_path = out,
                             .labels = (const char *const *)l->labels,
                             .values = (const char *const *)l->values,
                             .n = l->n };
    int r = w->picture_draw(w, &p, e);

    if (r == 0)
        r = w->picture_set(w, out, e);
    return r < 0 ? err_wrap(e, "wallpaper") : 0;
}

/* Not people: no Startup folder of theirs is ever opened. */
static bool is_person(const struct win_name *u, bool with_default)
{
    static const char *const no[] = { "Public", "All Users", "Default User", ".", ".." };

    if (!u->is_dir)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        if (str_eq_nocase(u->name, no[i]))
            return false;
    return with_default || !str_eq_nocase(u->name, "Default");
}

static bool is_command_file(const char *file)
{
    size_t n = strlen(file);

    return n > 4 && str_eq_nocase(file + n - 4, ".cmd");
}

static int write_command(struct win *w, const char *path, const char *target, const char *args,
                         struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(KIB(4));
    int r;

    str_addf(&s, "@start \"\" /b \"%s\" %s\r\n", target, args ? args : "");
    r = str_check(&s, "a command file", e);
    return r < 0 ? r : w->file_write(w, path, str_text(&s), s.len, e);
}

static int put_shortcut(struct win *w, const char *users, const char *user, const char *file,
                        const char *target, const char *args, struct err *e)
{
    _cleanup_str_ struct str path = STR_INIT(WIN_PATH_MAX);
    int r;

    str_addf(&path, "%s\\%s\\" STARTUP, users, user);
    r = str_check(&path, "a Startup folder's path", e);
    if (r < 0)
        return r;
    if (target) {
        r = w->dir_make(w, str_text(&path), e);
        if (r < 0)
            return r;
    }
    str_addf(&path, "\\%s", file);
    r = str_check(&path, "a shortcut's path", e);
    if (r < 0)
        return r;
    if (!target)
        return w->file_delete(w, str_text(&path), e);
    return is_command_file(file) ? write_command(w, str_text(&path), target, args, e)
                                 : w->shortcut_write(w, str_text(&path), target, args, e);
}

int wallpaper_shortcuts(struct win *w, const char *file, const char *target, const char *args,
                        bool with_default, struct log *log, struct err *e)
{
    _cleanup_free_ struct win_name *names = NULL;
    _cleanup_free_ char *users = win_expand(w, "%SystemDrive%\\Users", e);
    size_t n = 0;
    int r;

    if (!users)
        return -e->no;
    r = w->dir_list(w, users, &names, &n, e);
    if (r < 0)
        return err_wrap(e, "list the users' profiles");
    for (size_t i = 0; i < n && i < USERS_MAX; i++) {
        struct err one = { 0 };

        if (!is_person(&names[i], with_default))
            continue;
        if (put_shortcut(w, users, names[i].name, file, target, args, &one) < 0)
            log_say(log, LOG_WARNING, "Wallpaper of '%s': %s", names[i].name, one.msg);
    }
    return 0;
}
