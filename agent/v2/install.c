/* SPDX-License-Identifier: Apache-2.0 */
/* What `internal install` does for a package: the version of Windows, the older agents, settings
 * that are not there yet, the Start menu. */
#include "v2/install.h"

#include <errno.h>

#include "engine/win.h"
#include "sysprep/defaults.h"

#define MENU        "%ProgramData%\\Microsoft\\Windows\\Start Menu\\Programs\\"
#define PROGRAMS    "%ProgramFiles%\\Amazon\\EC2Launch\\"
#define FIRST_BUILD 14393U /* Windows Server 2016 */

static int check_version(struct win *w, struct err *e)
{
    struct win_system sys;

    if (w->system(w, &sys, e) < 0)
        return -e->no;
    if (sys.major >= 10 && sys.build >= FIRST_BUILD)
        return 0;
    return err_set(e, ENOTSUP, ERR_INVALID,
                   "EC2Launch v2 needs Windows Server 2016 or later, this is Windows %u.%u (build "
                   "%u). Install EC2Config instead",
                   sys.major, sys.minor, sys.build);
}

/* Exactly one launch agent may be installed: what would start the older ones goes. */
static int remove_older(struct win *w, struct err *e)
{
    static const char *const tasks[] = {
        "Amazon Ec2 Launch - Instance Initialization",
        "Amazon Ec2 Launch - Userdata Execution",
        "Amazon Ec2 Launch - Disk Initialization",
        "Amazon Ec2 Launch - Event logs to Console",
        "Amazon Ec2 Launch - Windows is Ready to Console",
        "Ec2ConfigMonitor",
    };
    static const char *const entries[] = { MENU "EC2LaunchSettings.lnk",
                                           MENU "EC2ConfigService Settings.lnk" };

    for (size_t i = 0; i < ARRAY_LEN(tasks); i++)
        if (w->task_delete(w, tasks[i], e) < 0)
            return -e->no;
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        _cleanup_free_ char *path = win_expand(w, entries[i], e);
        if (!path || w->file_delete(w, path, e) < 0)
            return -e->no;
    }
    return w->service_delete(w, "EC2Config", e);
}

int v2_install_package(struct win *w, struct err *e)
{
    _cleanup_free_ char *menu = win_expand(w, MENU "Amazon EC2Launch settings.lnk", e);
    _cleanup_free_ char *dialog =
        menu ? win_expand(w, PROGRAMS "settings\\EC2LaunchSettingsUI.exe", e) : NULL;

    if (!dialog || check_version(w, e) < 0 || remove_older(w, e) < 0)
        return -e->no;
    if (defaults_lay_down(w, PROGRAMS "defaults\\EC2Launch", "%ProgramData%\\Amazon\\EC2Launch",
                          NULL, e) < 0 ||
        defaults_lay_down(w, PROGRAMS "defaults\\Ec2ConfigService",
                          "%ProgramFiles%\\Amazon\\Ec2ConfigService", NULL, e) < 0)
        return -e->no;
    return w->shortcut_write(w, menu, dialog, "", e);
}

int v2_uninstall_package(struct win *w, struct err *e)
{
    _cleanup_free_ char *menu = win_expand(w, MENU "Amazon EC2Launch settings.lnk", e);

    return menu ? w->file_delete(w, menu, e) : -e->no;
}
