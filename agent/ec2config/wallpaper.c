/* SPDX-License-Identifier: Apache-2.0 */
/* Ec2WallpaperInfo.exe: `set` draws the rows of WallpaperSettings.xml on the user's picture,
 * `revert` brings that picture back. A shortcut in the Startup folder of all users calls `set` at
 * each logon; the box "Wallpaper Information" of the dialog is that shortcut. */
#include "engine/wallpaper.h"

#include <errno.h>
#include <string.h>

#include "ec2config/config.h"

#define DESKTOP_KEY "HKCU\\Control Panel\\Desktop"
#define OUR_KEY     "HKCU\\Software\\Amazon\\Ec2Config"
#define BEFORE      "WallpaperBefore" /* the user's own picture; "" : none */
#define OUT_FILE    "%LOCALAPPDATA%\\Ec2Wallpaper_Info.jpg"
#define PROGRAM     CONFIG_ROOT "Ec2WallpaperInfo.exe"
#define SHORTCUT                                                                                   \
    "%ProgramData%\\Microsoft\\Windows\\Start Menu\\Programs\\StartUp\\Ec2WallpaperInfo.lnk"

/* A list of metadata (security groups) becomes one line. */
static char *one_line(const char *text)
{
    struct str out = STR_INIT(KIB(4));

    for (const char *p = text; *p;) {
        size_t n = strcspn(p, "\r\n");
        if (out.len && n)
            str_add(&out, ", ");
        str_add_mem(&out, p, n);
        p += n + strspn(p + n, "\r\n");
    }
    if (out.failed)
        str_done(&out);
    return out.p ? str_take(&out) : NULL;
}

/* 1, 0: this machine or instance has no such value. */
static int row_value(struct win *w, struct imds *m, const char *identifier, bool metadata,
                     char **ret, struct err *e)
{
    _cleanup_free_ char *raw = NULL;
    int r;

    if (!metadata)
        return w->env(w, identifier, ret, e);
    r = imds_get(m, identifier, &raw, NULL, e);
    if (r > 0)
        *ret = one_line(raw);
    return r <= 0 ? r : *ret ? 1 : 0;
}

static int collect(struct win *w, const struct config_wallpaper *rows, struct wallpaper_lines *l,
                   struct err *e)
{
    _cleanup_(imds_freep) struct imds *m = imds_new(w, dialect_get(DIALECT_CONFIG));

    if (!m)
        return err_oom(e);
    for (size_t i = 0; i < rows->n; i++) {
        _cleanup_free_ char *value = NULL;
        struct err one = { 0 }; /* a value that cannot be had leaves its line out */
        if (row_value(w, m, rows->list[i].identifier, rows->list[i].metadata, &value, &one) > 0 &&
            wallpaper_line_add(l, rows->list[i].name, value, e) < 0)
            return -e->no;
    }
    return 0;
}

/* The user's own picture: what is set now, unless that is ours already. */
static int own_picture(struct win *w, const char *ours, char **ret, struct err *e)
{
    _cleanup_free_ char *now = NULL;

    if (win_reg_text(w, DESKTOP_KEY, "WallPaper", &now, e) < 0)
        return -e->no;
    if (now && str_eq_nocase(now, ours))
        return win_reg_text(w, OUR_KEY, BEFORE, ret, e) < 0 ? -e->no : 0;
    *ret = now ? TAKE_PTR(now) : str_dup("");
    return *ret ? w->reg_set_text(w, OUR_KEY, BEFORE, *ret, e) : err_oom(e);
}

static int set(struct win *w, struct err *e)
{
    _cleanup_free_ struct config_wallpaper *rows = calloc(1, sizeof(*rows));
    _cleanup_free_ char *out = win_expand(w, OUT_FILE, e), *base = NULL;
    struct wallpaper_lines l = { .n = 0 };
    int r;

    if (!rows || !out)
        return e->no ? -e->no : err_oom(e);
    if (config_wallpaper_load(w, rows, e) < 0 || own_picture(w, out, &base, e) < 0)
        return -e->no;
    r = collect(w, rows, &l, e);
    if (r == 0)
        r = wallpaper_set(w, base && *base ? base : NULL, out, &l, e);
    wallpaper_lines_done(&l);
    return r;
}

static int revert(struct win *w, struct err *e)
{
    _cleanup_free_ char *out = win_expand(w, OUT_FILE, e), *before = NULL;
    int r = out ? win_reg_text(w, OUR_KEY, BEFORE, &before, e) : -e->no;

    if (r <= 0) /* never set: nothing to bring back */
        return r;
    if (w->picture_set(w, before, e) < 0 || w->reg_delete(w, OUR_KEY, BEFORE, e) < 0)
        return -e->no;
    return w->file_delete(w, out, e);
}

int config_wallpaper_main(struct win *w, const char *command_line, config_say *say, void *ctx)
{
    struct err e = { 0 };
    size_t n = 0;
    _cleanup_free_ char **words = config_words(command_line, &n);
    int r;

    if (!words)
        return 1;
    if (n != 1 || (!str_eq_nocase(words[0], "set") && !str_eq_nocase(words[0], "revert"))) {
        if (say)
            say(ctx, "Ec2WallpaperInfo.exe set | revert: draws the details of "
                     "WallpaperSettings.xml on this user's desktop, or takes them away");
        return 2;
    }
    r = str_eq_nocase(words[0], "set") ? set(w, &e) : revert(w, &e);
    if (r < 0 && say)
        say(ctx, e.msg);
    return r < 0 ? 1 : 0;
}

int config_wallpaper_is_on(struct win *w, struct err *e)
{
    _cleanup_free_ char *path = win_expand(w, SHORTCUT, e);
    struct win_name st;

    return path ? w->file_stat(w, path, &st, e) : -e->no;
}

int config_wallpaper_switch(struct win *w, bool on, struct err *e)
{
    _cleanup_free_ char *path = win_expand(w, SHORTCUT, e);
    _cleanup_free_ char *program = path ? win_expand(w, PROGRAM, e) : NULL;

    if (!program)
        return -e->no;
    return on ? w->shortcut_write(w, path, program, "set", e) : w->file_delete(w, path, e);
}
