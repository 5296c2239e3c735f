/* SPDX-License-Identifier: Apache-2.0 */
/* What Sysprep would stumble over, found before anything is touched. Sysprep itself finds some of
 * these only after it has begun, and names them in a log that nobody sees from outside. Registry
 * places: Microsoft's articles on Sysprep failures and on pending restarts. */
#include "sysprep/sysprep.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/setup.h"
#include "preflight-priv.h"

#define CBS_KEY "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Component Based Servicing"
#define WU_KEY                                                                                     \
    "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WindowsUpdate\\Auto Update\\"             \
    "RebootRequired"
#define SESSION_KEY  "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager"
#define NETLOGON_KEY "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Netlogon"
#define SETUP_KEY    "HKLM\\SYSTEM\\Setup"
#define STATUS_KEY   SETUP_KEY "\\Status\\SysprepStatus"

#define GENERALIZATION_READY 7U /* GeneralizationState of a machine that may be generalized */
#define CLEANUP_READY        2U

void preflight_add(struct preflight *p, enum preflight_weight weight, const char *topic,
                   const char *fmt, ...)
{
    struct preflight_finding *f = &p->found[p->n];
    va_list ap;

    if (p->n == PREFLIGHT_MAX) {
        p->left_off++;
        return;
    }
    f->weight = weight;
    f->topic = topic;
    va_start(ap, fmt);
    vsnprintf(f->text, sizeof(f->text), fmt, ap);
    va_end(ap);
    p->n++;
}

static bool has_key(struct win *w, const char *key)
{
    struct err e = { 0 };

    return w->reg_has_key(w, key, &e) > 0;
}

static bool has_file(struct win *w, const char *path)
{
    struct err e = { 0 };
    struct win_name st;
    _cleanup_free_ char *full = win_expand(w, path, &e);

    return full && w->file_stat(w, full, &st, &e) > 0;
}

static void look_at_setup(struct win *w, struct preflight *p)
{
    char state[64] = "";
    struct err e = { 0 };
    uint32_t busy = 0;

    if (setup_state(w, state, &e) == 0 && *state && !str_eq(state, SETUP_COMPLETE))
        preflight_add(p, PREFLIGHT_STOP, "setup",
                      "Windows Setup has not ended: ImageState is %s. Finish it and restart first",
                      state);
    err_clear(&e);
    if (win_reg_u32(w, SETUP_KEY, "SystemSetupInProgress", &busy, &e) > 0 && busy)
        preflight_add(p, PREFLIGHT_STOP, "setup", "Windows Setup is running");
}

static void look_at_earlier_sysprep(struct win *w, struct preflight *p)
{
    struct err e = { 0 };
    uint32_t v = 0;

    if (win_reg_u32(w, STATUS_KEY, "GeneralizationState", &v, &e) > 0 && v != GENERALIZATION_READY)
        preflight_add(p, PREFLIGHT_WARNING, "sysprep-state",
                      "an earlier Sysprep did not end (GeneralizationState is %u, %u is usual): "
                      "Sysprep may refuse",
                      v, GENERALIZATION_READY);
    err_clear(&e);
    if (win_reg_u32(w, STATUS_KEY, "CleanupState", &v, &e) > 0 && v != CLEANUP_READY)
        preflight_add(p, PREFLIGHT_WARNING, "sysprep-state",
                      "an earlier Sysprep did not end (CleanupState is %u, %u is usual): Sysprep "
                      "may refuse",
                      v, CLEANUP_READY);
    if (has_key(w, SETUP_KEY "\\Upgrade"))
        preflight_add(p, PREFLIGHT_WARNING, "upgrade",
                      "this Windows was upgraded from an older one: Sysprep may refuse");
}

static void look_at_reboot(struct win *w, struct preflight *p)
{
    _cleanup_free_ char *renames = NULL;
    struct err e = { 0 };

    if (has_key(w, CBS_KEY "\\RebootPending") || has_key(w, CBS_KEY "\\RebootInProgress"))
        preflight_add(p, PREFLIGHT_STOP, "reboot",
                      "servicing waits for a restart (Component Based Servicing, RebootPending): "
                      "restart Windows first");
    else if (has_key(w, CBS_KEY "\\PackagesPending"))
        preflight_add(p, PREFLIGHT_WARNING, "servicing",
                      "packages wait to be installed (Component Based Servicing, "
                      "PackagesPending): Sysprep may refuse");
    if (has_key(w, WU_KEY))
        preflight_add(p, PREFLIGHT_STOP, "reboot",
                      "Windows Update waits for a restart: restart Windows first");
    if (has_file(w, "%SystemRoot%\\WinSxS\\pending.xml"))
        preflight_add(p, PREFLIGHT_WARNING, "servicing",
                      "servicing has work left (WinSxS\\pending.xml): Sysprep may refuse");
    if (win_reg_text(w, SESSION_KEY, "PendingFileRenameOperations", &renames, &e) > 0 && *renames)
        preflight_add(p, PREFLIGHT_WARNING, "reboot",
                      "files wait to be replaced at the next restart "
                      "(PendingFileRenameOperations): new instances replace them");
}

static void look_at_role(struct win *w, struct preflight *p)
{
    _cleanup_free_ char *type = NULL;
    struct err e = { 0 };

    if (win_reg_text(w, "HKLM\\SYSTEM\\CurrentControlSet\\Control\\ProductOptions", "ProductType",
                     &type, &e) > 0 &&
        str_eq_nocase(type, "LanmanNT"))
        preflight_add(p, PREFLIGHT_STOP, "role",
                      "this is a domain controller: Sysprep does not support that role");
    if (has_key(w, NETLOGON_KEY "\\JoinDomain") || has_key(w, NETLOGON_KEY "\\AvoidSpnSet"))
        preflight_add(p, PREFLIGHT_WARNING, "reboot",
                      "a change of domain or name waits for a restart: restart Windows first");
}

static void look_at_remote_desktop(struct win *w, const struct xmlfile *answer, const char *before,
                                   struct preflight *p)
{
    struct err e = { 0 };
    uint32_t deny = 1;
    bool open = win_reg_u32(w, SYSPREP_RDP_KEY, SYSPREP_RDP_VALUE, &deny, &e) > 0 && deny == 0;

    if (open && (!before || !*before))
        preflight_add(p, PREFLIGHT_WARNING, "remote-desktop",
                      "Remote Desktop is open and there is no BeforeSysprep.cmd that closes it: in "
                      "the first boot the administrator has a blank password for a while");
    if (answer && before && *before && !answer_opens_rdp(answer))
        preflight_add(p, PREFLIGHT_WARNING, "remote-desktop",
                      "nothing in the answer file's specialize pass opens Remote Desktop again "
                      "(SysprepSpecializePhase.cmd): it stays closed on new instances");
}

static void look_at_answer(struct win *w, const struct sysprep_dialect *d, struct preflight *p,
                           struct xmlfile **ret)
{
    struct err e = { 0 };
    _cleanup_free_ char *path = win_expand(w, d->answer_file, &e);
    int r = path ? xmlfile_load(w, path, ret, &e) : -ENOMEM;

    if (r == 0)
        r = answer_check(*ret, &e);
    if (r < 0)
        preflight_add(p, PREFLIGHT_STOP, "answer-file", "%s", e.msg);
}

/* The settings may name a file or a whole command line. */
static bool is_there(struct win *w, const struct sysprep_order *o, const char *command)
{
    return command && *command && (has_file(w, command) || (o->before && strchr(command, '"')));
}

void preflight_look(struct win *w, const struct sysprep_order *o, struct preflight *ret)
{
    const struct sysprep_dialect *d = sysprep_dialect(o->dialect);
    const char *before = o->before ? o->before : d->before;
    _cleanup_(xmlfile_freep) struct xmlfile *answer = NULL;

    *ret = (struct preflight){ 0 };
    if (!has_file(w, SYSPREP_PROGRAM))
        preflight_add(ret, PREFLIGHT_STOP, "sysprep", "there is no %s", SYSPREP_PROGRAM);
    look_at_answer(w, d, ret, &answer);
    look_at_setup(w, ret);
    look_at_earlier_sysprep(w, ret);
    look_at_reboot(w, ret);
    look_at_role(w, ret);
    look_at_remote_desktop(w, answer, is_there(w, o, before) ? before : NULL, ret);
    preflight_accounts(w, ret);
    if (answer)
        preflight_commands(w, answer, ret);
    preflight_packages(w, ret);
    preflight_ask_windows(w, ret);
}

bool preflight_stops(const struct preflight *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->found[i].weight == PREFLIGHT_STOP)
            return true;
    return false;
}
