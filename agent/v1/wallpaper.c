/* SPDX-License-Identifier: Apache-2.0 */
/* Wallpaper of v1: a command file in every user's Startup folder, also in the Default user's, so
 * that users to come have it; it draws the picture at each logon. */
#include "engine/wallpaper.h"

#include "v1/v1.h"

#define PROGRAM "%ProgramData%\\Amazon\\EC2-Windows\\Launch\\Library\\Ec2Launch.exe"

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

int v1_wallpaper_setup(struct win *w, struct log *log, bool on, struct err *e)
{
    _cleanup_free_ char *program = win_expand(w, PROGRAM, e);

    if (!program)
        return -e->no;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) /* the second is of older versions: removed */
        if (wallpaper_shortcuts(w, files[i], on && i == 0 ? program : NULL, "set-wallpaper", true,
                                log, e) < 0)
            return -e->no;
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
