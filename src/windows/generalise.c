/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "generalise": clean, and a new machine SID everywhere, the domain left, people's accounts gone,
 * device nodes as the answer file wants them, Setup armed. Checkable here; not supported by
 * Microsoft, and said so. */
#include "work.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "sam.h"

#define SPPNP     "Microsoft\\Windows\\CurrentVersion\\Setup\\Sysprep\\Settings\\sppnp"
#define STATE_INI "Windows/Setup/State/State.ini"
#define TAG       "Windows/System32/Sysprep/Sysprep_succeeded.tag"
#define LAUNCH_V1 "ProgramData/Amazon/EC2-Windows/Launch/Scripts/InitializeInstance.ps1"
#define TASK_V1   "Windows/System32/Tasks/Amazon Ec2 Launch - Instance Initialization"
#define RUN_V1                                                                                     \
    "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe -NoProfile -ExecutionPolicy "  \
    "Unrestricted -File "                                                                          \
    "\"C:\\ProgramData\\Amazon\\EC2-Windows\\Launch\\Scripts\\InitializeInstance.ps1\""

/* ---- device nodes ---------------------------------------------------------------------------- */

/* Buses of hardware that Windows finds again by itself. ROOT, HTREE, SW, SWD and ACPI_HAL must
 * never go: what is there is not found again. */
static const char *const hardware_buses[] = {
    "PCI", "USB", "USBSTOR", "HID", "HDAUDIO", "DISPLAY", "SCSI", "IDE", "FDC", "LPTENUM", "BTH",
};

/* One key for each card, beside "Descriptions", which stays. */
static int drop_connections(struct work *k, uint32_t set, struct err *e)
{
    static const char path[] = "Control\\Network\\{4D36E972-E325-11CE-BFC1-08002BE10318}";
    _cleanup_free_ uint32_t *keys = NULL;
    uint32_t key = regf_find(k->system, set, path);
    char name[REGF_NAME_BYTES];
    size_t n = 0, gone = 0;
    int r = key ? regf_children(k->system, key, &keys, &n, e) : 0;

    for (size_t i = 0; r == 0 && i < n; i++) {
        if (regf_key_name(k->system, keys[i], name)[0] != '{')
            continue;
        r = regf_key_delete(k->system, keys[i], e);
        gone++;
    }
    if (r == 0 && gone)
        win_plan_addf(k->p, WIN_ROW_DONE, "network connections", path, NULL, "%zu deleted", gone);
    return r;
}

static int drop_devices(struct work *k, struct err *e)
{
    char path[64];
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(hardware_buses); i++) {
        (void)snprintf(path, sizeof path, "Enum\\%s", hardware_buses[i]);
        r = each_set_key_delete(k, path, "device nodes", e);
    }
    for (size_t i = 0; r == 0 && i < k->sets->n; i++)
        r = drop_connections(k, k->sets->key[i], e);
    if (r == 0)
        win_plan_add(k->p, WIN_ROW_WARNING, "device nodes", "SYSTEM", NULL,
                     "what else names the devices (Class, DeviceClasses, DeviceContainers) stays: "
                     "start one copy before you rely on it");
    return r;
}

static int device_nodes(struct work *k, const struct answer_settings *s, struct err *e)
{
    bool persist = s->persist_devices == ANSWER_TRUE;
    bool absent = s->keep_absent_devices == ANSWER_TRUE;
    int r;

    r = dword_set(k, k->software, "SOFTWARE", SPPNP, "PersistAllDeviceInstalls", persist,
                  "devices over generalise", e);
    if (r == 0)
        r = dword_set(k, k->software, "SOFTWARE", SPPNP, "DoNotCleanUpNonPresentDevices", absent,
                      "devices that are absent", e);
    if (r < 0)
        return r;
    if (!persist)
        return drop_devices(k, e);
    win_plan_add(k->p, WIN_ROW_KEPT, "device nodes", "SYSTEM", NULL,
                 absent ? "PersistAllDeviceInstalls and DoNotCleanUpNonPresentDevices are true"
                        : "PersistAllDeviceInstalls is true: Windows removes absent ones itself");
    return 0;
}

/* ---- Setup ----------------------------------------------------------------------------------- */

static int put_state_files(struct work *k, struct err *e)
{
    static const char ini[] = "[State]\r\nImageState=IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE\r\n";
    int r = win_tree_mkdir(k->os, "Windows/Setup/State", e);

    if (r == 0)
        r = win_tree_write(k->os, STATE_INI, ini, sizeof ini - 1, e);
    if (r == 0)
        win_plan_add(k->p, WIN_ROW_DONE, "ImageState", STATE_INI, NULL,
                     "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE");
    if (r == 0)
        r = win_tree_exists(k->os, "Windows/System32/Sysprep", e);
    if (r <= 0)
        return r;
    r = win_tree_write(k->os, TAG, "", 0, e);
    if (r == 0)
        win_plan_add(k->p, WIN_ROW_DONE, "mark of Sysprep", TAG, NULL, "put there");
    return r;
}

static int arm(struct work *k, struct err *e)
{
    static const char *const unattend[] = { "UnattendFile", NULL };
    char now[64], iso[CLOCK_ISO_MAX];
    time_t t = time(NULL);
    struct tm tm;
    int r;

    (void)gmtime_r(&t, &tm);
    (void)strftime(now, sizeof now, "%a %b %e %H:%M:%S %Y", &tm);
    clock_iso8601((uint64_t)t * 1000, iso);
    r = setup_arm(k->system, k->software, now, k->p, e);
    if (r == 0) /* it would be read instead of ours */
        r = value_delete(k, k->system, "SYSTEM", "Setup", unattend, "older answer file", e);
    if (r == 0)
        r = put_state_files(k, e);
    if (r == 0)
        r = text_set(k, k->software, "SOFTWARE", KILN_KEY, "Generalised", iso, "mark of Kiln", e);
    if (r == 0)
        win_plan_add(k->p, WIN_ROW_WARNING, "Setup is armed", "SYSTEM\\Setup", NULL,
                     "by every publicly known marker, on an image that Sysprep never saw: "
                     "experimental, start one copy of each Windows build before you rely on it");
    return r;
}

/* ---- the agent ------------------------------------------------------------------------------- */

/* EC2Launch v1 runs by a scheduled task; one cannot be made here. */
static int schedule_v1(struct work *k, struct err *e)
{
    int script = win_tree_exists(k->os, LAUNCH_V1, e), task;

    if (script <= 0)
        return script;
    task = win_tree_exists(k->os, TASK_V1, e);
    if (task < 0)
        return task;
    if (task > 0) {
        win_plan_add(k->p, WIN_ROW_KEPT, "task of the agent", TASK_V1, NULL, "is scheduled");
        return 0;
    }
    return setup_complete_add(k->os, RUN_V1, k->p, e);
}

static int agent_part(struct work *k, struct err *e)
{
    int r;

    if (!k->dialect)
        return 0;
    r = dialect_put_files(k->dialect, k->os, k->p, e);
    if (r == 0)
        r = dialect_forget(k->dialect, k->os, k->p, e);
    if (r == 0)
        r = dialect_rearm(k->dialect, k->os, k->p, e);
    if (r == 0 && strcmp(k->dialect->name, "ec2launch") == 0)
        r = schedule_v1(k, e);
    return r;
}

/* ---- the action ------------------------------------------------------------------------------ */

static int put_answer(struct work *k, struct answer_settings *s, struct answer **ret, char *from,
                      size_t from_size, struct err *e)
{
    struct answer_options o = answer_options_of(k->o);
    int r = dialect_answer(k->dialect, k->h, k->os, k->o->answer_file, k->o->answer_file_len, &o,
                           ret, from, from_size, k->p, e);

    return r < 0 ? r : answer_read(*ret, s, e);
}

static int generalise(struct work *k, const struct answer_settings *s, struct err *e)
{
    bool keep_administrator = s->copy_profile == ANSWER_TRUE;
    int r;

    r = clean_registry(k, e);
    if (r == 0)
        r = clean_network(k, e);
    if (r == 0)
        r = clean_start_overrides(k, e);
    if (r == 0)
        r = leave_domain(k, e);
    if (r == 0 && k->o->keep_users)
        win_plan_add(k->p, WIN_ROW_WARNING, "users", "Users", NULL,
                     "kept with the new SID: their saved passwords, certificates, encrypted files "
                     "and store apps are lost (their database cannot be changed offline)");
    else if (r == 0)
        r = drop_users(k, keep_administrator, e);
    if (r == 0)
        r = rename_machine(k, k->o->computer_name, e);
    if (r == 0)
        r = clean_files(k, e);
    if (r == 0)
        r = clean_logs(k, e);
    if (r == 0)
        r = device_nodes(k, s, e);
    if (r == 0) /* closed until specialize has replaced the password */
        r = each_set_dword(k, "Control\\Terminal Server", "fDenyTSConnections", 1, "Remote Desktop",
                           e);
    return r;
}

/* Accounts that fitted together before must do so afterwards. */
static int check_accounts(struct work *k, bool were_whole, struct err *e)
{
    struct err why = { 0 };

    if (sam_verify(k->sam, &why) == 0)
        return 0;
    if (were_whole)
        return err_set(e, why.no, why.kind, "SAM after the change: %s", why.msg);
    win_plan_add(k->p, WIN_ROW_WARNING, "accounts", "SAM", NULL, why.msg);
    return 0;
}

int windows_generalise(struct windows *w, const struct windows_options *o, struct win_plan *p,
                       struct err *e)
{
    _cleanup_(work_done) struct work k = { 0 };
    _cleanup_(answer_freep) struct answer *a = NULL;
    _cleanup_(answer_settings_done) struct answer_settings s = { 0 };
    char from[WIN_PATH_MAX];
    struct err scratch = { 0 };
    bool whole;
    int r;

    r = work_open(&k, w, o, p, e);
    whole = r == 0 && sam_verify(k.sam, &scratch) == 0;
    if (r == 0)
        r = put_answer(&k, &s, &a, from, sizeof from, e);
    if (r == 0)
        r = generalise(&k, &s, e);
    if (r == 0)
        r = change_machine_sid(&k, e);
    if (r == 0)
        r = check_accounts(&k, whole, e);
    if (r == 0)
        r = agent_part(&k, e);
    if (r == 0)
        r = answer_put(a, from, k.os, p, e);
    if (r == 0)
        r = answer_warn_missing(a, k.os, p, e);
    if (r == 0)
        r = arm(&k, e);
    if (r == 0) {
        list_undone(&k);
        r = work_save(&k, e);
    }
    return r < 0 ? err_wrap(e, "generalise") : 0;
}
