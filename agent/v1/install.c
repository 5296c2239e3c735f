/* SPDX-License-Identifier: Apache-2.0 */
/* `Ec2Launch.exe install` and `uninstall`: what a copied folder needs; the packages call the same.
 */
#include "v1/v1.h"

#include <errno.h>

#include "sysprep/defaults.h"

#define MENU_FILE   "%ProgramData%\\Microsoft\\Windows\\Start Menu\\Programs\\EC2LaunchSettings.lnk"
#define ROOT        "%ProgramData%\\Amazon\\EC2-Windows\\Launch"
#define DIALOG      ROOT "\\Settings\\Ec2LaunchSettings.exe"
#define FIRST_BUILD 14393U /* Windows Server 2016 */
#define PAST_BUILD  20348U /* Windows Server 2022, the first that is not served */

static int check_version(struct win *w, bool force, struct err *e)
{
    struct win_system sys;

    if (w->system(w, &sys, e) < 0)
        return -e->no;
    if (force || (sys.major == 10 && sys.build >= FIRST_BUILD && sys.build < PAST_BUILD))
        return 0;
    return err_set(e, ENOTSUP, ERR_INVALID,
                   "EC2Launch is for Windows Server 2016 and 2019, this is Windows %u.%u (build "
                   "%u). Install %s instead",
                   sys.major, sys.minor, sys.build, sys.major < 10 ? "EC2Config" : "EC2Launch v2");
}

int v1_install(struct win *w, bool force, struct err *e)
{
    _cleanup_free_ char *menu = win_expand(w, MENU_FILE, e);
    _cleanup_free_ char *dialog = menu ? win_expand(w, DIALOG, e) : NULL;
    _cleanup_free_ char *root = dialog ? win_expand(w, ROOT, e) : NULL;

    if (!root || check_version(w, force, e) < 0 ||
        defaults_lay_down(w, ROOT "\\defaults", ROOT, NULL, e) < 0 ||
        w->file_protect(w, root, WIN_PROTECT_READ, e) < 0)
        return -e->no;
    return w->shortcut_write(w, menu, dialog, "", e);
}

int v1_uninstall(struct win *w, struct err *e)
{
    _cleanup_free_ char *menu = win_expand(w, MENU_FILE, e);

    for (int t = 0; menu && t < V1_TASK_MAX; t++)
        if (w->task_delete(w, v1_task_name((enum v1_task)t), e) < 0)
            return -e->no;
    return menu ? w->file_delete(w, menu, e) : -e->no;
}
