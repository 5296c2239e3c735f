/* SPDX-License-Identifier: Apache-2.0 */
/* `ec2config.exe -install` and `-uninstall`: all that a copied folder needs to become the agent of
 * this machine. The packages call the same. */
#include "ec2config/config.h"

#include <errno.h>
#include <string.h>

#include "sysprep/defaults.h"

#define SETUP_FILE "%SystemRoot%\\Setup\\Scripts\\SetupComplete.cmd"
#define SETUP_CALL "call \"C:\\Program Files\\Amazon\\Ec2ConfigService\\Scripts\\PostSysprep.cmd\""
#define MENU_FILE                                                                                  \
    "%ProgramData%\\Microsoft\\Windows\\Start Menu\\Programs\\EC2ConfigService Settings.lnk"
#define DIALOG     CONFIG_ROOT "Ec2ConfigServiceSettings.exe"
#define SETUP_MAX  KIB(64)
#define LAST_MAJOR 6U /* 2012 R2 is 6.3; 2016 is 10.0 */

static int check_version(struct win *w, bool force, struct err *e)
{
    struct win_system sys;

    if (w->system(w, &sys, e) < 0)
        return -e->no;
    if (force || sys.major <= LAST_MAJOR)
        return 0;
    return err_set(
        e, ENOTSUP, ERR_INVALID,
        "EC2Config is for Windows Server 2012 R2 and older, this is Windows %u.%u (build "
        "%u). Install EC2Launch v2 instead",
        sys.major, sys.minor, sys.build);
}

static int install_service(struct win *w, struct err *e)
{
    _cleanup_free_ char *program = win_expand(w, CONFIG_ROOT "Ec2Config.exe", e);
    _cleanup_free_ char *quoted = program ? win_quote(program) : NULL;
    struct str command = STR_INIT(1024);
    struct win_service s = {
        .name = CONFIG_SERVICE,
        .display = CONFIG_SERVICE,
        .description = "Initialises this EC2 instance and prepares images",
        .start = WIN_START_AUTO,
        .restart_on_failure = true,
    };
    int r;

    if (!quoted)
        return e->no ? -e->no : err_oom(e);
    str_addf(&command, "%s -service", quoted);
    s.command = str_text(&command);
    r = w->service_install(w, &s, e);
    str_done(&command);
    return r;
}

static int read_setup(struct win *w, char **ret_path, char **ret, struct err *e)
{
    size_t n = 0;
    int r;

    *ret_path = win_expand(w, SETUP_FILE, e);
    if (!*ret_path)
        return -e->no;
    r = w->file_read(w, *ret_path, SETUP_MAX, ret, &n, e);
    if (r != -ENOENT)
        return r;
    err_clear(e);
    *ret = str_dup("");
    return *ret ? 0 : err_oom(e);
}

/* Our line stands once, behind the owner's; an image from before it had the file empty. */
static int add_setup_line(struct win *w, struct err *e)
{
    _cleanup_free_ char *path = NULL, *text = NULL;
    struct str out = STR_INIT(2 * SETUP_MAX);
    int r = read_setup(w, &path, &text, e);

    if (r < 0 || strstr(text, "PostSysprep.cmd"))
        return r;
    str_add(&out, text);
    if (out.len && out.p[out.len - 1] != '\n')
        str_add(&out, "\r\n");
    str_add(&out, SETUP_CALL "\r\n");
    r = str_check(&out, path, e);
    if (r == 0)
        r = w->file_write(w, path, str_text(&out), out.len, e);
    str_done(&out);
    return r;
}

static int remove_setup_line(struct win *w, struct err *e)
{
    _cleanup_free_ char *path = NULL, *text = NULL;
    const char *at, *end;
    int r = read_setup(w, &path, &text, e);
    struct str out = STR_INIT(SETUP_MAX);

    at = r == 0 ? strstr(text, SETUP_CALL) : NULL;
    if (!at)
        return r;
    end = at + strlen(SETUP_CALL);
    end += strspn(end, "\r\n");
    str_add_mem(&out, text, (size_t)(at - text));
    str_add(&out, end);
    r = str_check(&out, path, e);
    if (r == 0)
        r = w->file_write(w, path, str_text(&out), out.len, e);
    str_done(&out);
    return r;
}

int config_install(struct win *w, bool force, struct err *e)
{
    _cleanup_free_ char *menu = win_expand(w, MENU_FILE, e);
    _cleanup_free_ char *dialog = menu ? win_expand(w, DIALOG, e) : NULL;
    enum win_service_state before = WIN_SERVICE_ABSENT;

    if (!dialog || check_version(w, force, e) < 0 ||
        defaults_lay_down(w, CONFIG_ROOT "defaults", "%ProgramFiles%\\Amazon\\Ec2ConfigService",
                          NULL, e) < 0 ||
        w->service_state(w, CONFIG_SERVICE, &before, e) < 0 || install_service(w, e) < 0 ||
        config_monitor_install(w, e) < 0 || add_setup_line(w, e) < 0)
        return -e->no;
    /* an upgrade leaves the wallpaper as the owner has it */
    if (before == WIN_SERVICE_ABSENT && config_wallpaper_switch(w, true, e) < 0)
        return -e->no;
    return w->shortcut_write(w, menu, dialog, "", e);
}

int config_uninstall(struct win *w, struct err *e)
{
    _cleanup_free_ char *menu = win_expand(w, MENU_FILE, e);

    if (!menu || config_monitor_uninstall(w, e) < 0 ||
        w->service_delete(w, CONFIG_SERVICE, e) < 0 || remove_setup_line(w, e) < 0 ||
        config_wallpaper_switch(w, false, e) < 0)
        return -e->no;
    return w->file_delete(w, menu, e);
}
