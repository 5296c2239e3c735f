/* SPDX-License-Identifier: Apache-2.0 */
/* Wallpaper of v1: a command file in every user's Startup folder, also in the Default user's, so
 * that users to come have it; it draws the picture at each logon. */
#include "engine/wallpaper.h"

#include <errno.h>
#include <string.h>

#include "v1/v1.h"

#define USERS_MAX 512U
#define STARTUP   "\\AppData\\Roaming\\Microsoft\\Windows\\Start Menu\\Programs\\Startup"
#define PROGRAM   "%ProgramData%\\Amazon\\EC2-Windows\\Launch\\Library\\Ec2Launch.exe"

static const char *const files[] = { "RunWallpaperSetup.cmd", "RunWallpaperSetupInit.cmd" };

static const struct {
    const char *label, *attribute;
} fields[] = {
    { "Hostname", "hostName" },
    { "Instance ID", "instanceId" },
    { "Public IPv4 Address", "publicIpAddress" },
    { "Private IPv4 Address", "privateIpAddress" },
    { "IPv6 Address", "ipv6Address" },
    { "Instance Size", "instanceSize" },
    { "Availability Zone", "availabilityZone" },
    { "Architecture", "architecture" },
};

static int put_file(struct win *w, const char *startup, const char *name, const char *content,
                    struct err *e)
{
    struct str path = STR_INIT(WIN_PATH_MAX);
    int r;

    str_addf(&path, "%s\\%s", startup, name);
    r = str_check(&path, "the path of the wallpaper's command", e);
    if (r == 0 && content)
        r = w->file_write(w, str_text(&path), content, strlen(content), e);
    else if (r == 0)
        r = w->file_delete(w, str_text(&path), e);
    str_done(&path);
    return r;
}

static int one_user(struct win *w, const char *users, const char *user, const char *content,
                    struct err *e)
{
    struct str startup = STR_INIT(WIN_PATH_MAX);
    int r;

    str_addf(&startup, "%s\\%s%s", users, user, STARTUP);
    r = str_check(&startup, "the path of a Startup folder", e);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(files); i++)
        r = put_file(w, str_text(&startup), files[i], i == 0 ? content : NULL, e);
    str_done(&startup);
    return r;
}

static bool is_profile(const struct win_name *n)
{
    return n->is_dir && !str_eq_nocase(n->name, "Public") && !str_eq_nocase(n->name, "All Users") &&
           !str_eq_nocase(n->name, "Default User"); /* the last two lead elsewhere */
}

int v1_wallpaper_setup(struct win *w, struct log *log, bool on, struct err *e)
{
    _cleanup_free_ char *users = win_expand(w, "%SystemDrive%\\Users", e);
    _cleanup_free_ char *program = users ? win_expand(w, PROGRAM, e) : NULL;
    _cleanup_free_ struct win_name *list = NULL;
    struct str content = STR_INIT(1024);
    size_t n = 0;

    if (!program || w->dir_list(w, users, &list, &n, e) < 0)
        return -e->no;
    str_addf(&content, "@echo off\r\nstart \"\" /b \"%s\" set-wallpaper\r\n", program);
    for (size_t i = 0; i < n && i < USERS_MAX; i++) {
        struct err one = { 0 };
        if (is_profile(&list[i]) &&
            one_user(w, users, list[i].name, on ? str_text(&content) : NULL, &one) < 0)
            log_err(log, "Set up the wallpaper of a user", &one);
    }
    str_done(&content);
    return 0;
}

static int add_memory(struct win *w, struct wallpaper_lines *l, struct err *e)
{
    struct win_system sys;
    struct str text = STR_INIT(64);
    struct err scratch = { 0 };
    int r;

    if (w->system(w, &sys, &scratch) < 0)
        return 0;
    str_addf(&text, "%llu MB", (unsigned long long)(sys.memory_bytes >> 20));
    r = wallpaper_line_add(l, "Total Memory", str_text(&text), e);
    str_done(&text);
    return r;
}

static int collect(struct v1_run *r, struct wallpaper_lines *l, struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const struct wallpaper_row *row = wallpaper_attribute(fields[i].attribute);
        _cleanup_free_ char *value = NULL;
        struct err one = { 0 };
        if (!row || wallpaper_attribute_value(r->w, r->imds, row, &value, &one) <= 0)
            continue;
        if (wallpaper_line_add(l, fields[i].label, value, e) < 0)
            return -e->no;
    }
    return add_memory(r->w, l, e);
}

int v1_wallpaper_draw(struct v1_run *r, struct err *e)
{
    _cleanup_free_ char *base = win_expand(r->w, "%LOCALAPPDATA%\\Ec2Wallpaper.jpg", e);
    _cleanup_free_ char *out =
        base ? win_expand(r->w, "%LOCALAPPDATA%\\Ec2Wallpaper_Info.jpg", e) : NULL;
    struct wallpaper_lines l = { .n = 0 };
    int ret;

    if (!out)
        return -e->no;
    ret = collect(r, &l, e);
    if (ret == 0)
        ret = wallpaper_set(r->w, base, out, &l, e);
    wallpaper_lines_done(&l);
    return ret;
}
