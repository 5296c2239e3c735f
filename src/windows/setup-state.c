/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "setup-state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "str.h"

#define DEPLOY       "oobe\\windeploy.exe"
#define STATE_KEY    "Microsoft\\Windows\\CurrentVersion\\Setup\\State"
#define SPP_KEY      "Microsoft\\Windows NT\\CurrentVersion\\SoftwareProtectionPlatform"
#define SEALED_OOBE  "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE"
#define SEALED_AUDIT "IMAGE_STATE_GENERALIZE_RESEAL_TO_AUDIT"
#define UNDEPLOYABLE "IMAGE_STATE_UNDEPLOYABLE"
#define STATE_DONE   7
#define CHILD_DONE   3
#define COMPLETE     "IMAGE_STATE_COMPLETE"
#define STATE_SEALED 4
#define STATE_STUCK  3

static const char *const state_names[SETUP_STATE_MAX] = {
    "unknown", "finished", "sealed", "sealed for audit mode", "setup is running", "broken",
};

const char *setup_state_name(enum setup_state s)
{
    return s < SETUP_STATE_MAX ? state_names[s] : "?";
}

static void copy_text(const struct regf *h, uint32_t key, const char *name, char *out, size_t size)
{
    _cleanup_free_ char *t = regf_text(h, key, name);

    out[0] = '\0';
    if (t)
        (void)str_show(t, out, size);
}

static void read_system(const struct regf *h, struct setup_markers *m)
{
    uint32_t setup = regf_find(h, 0, "Setup");
    uint32_t sysprep = regf_find(h, setup, "Status\\SysprepStatus");
    uint32_t child = regf_find(h, setup, "Status\\ChildCompletion");
    char **tag;

    if (!setup)
        return;
    m->setup_type = regf_dword(h, setup, "SetupType", SETUP_ABSENT);
    m->system_setup = regf_dword(h, setup, "SystemSetupInProgress", SETUP_ABSENT);
    m->oobe = regf_dword(h, setup, "OOBEInProgress", SETUP_ABSENT);
    m->audit = regf_dword(h, setup, "AuditInProgress", SETUP_ABSENT);
    m->phase = regf_dword(h, setup, "SetupPhase", SETUP_ABSENT);
    m->upgrade = regf_dword(h, setup, "Upgrade", SETUP_ABSENT);
    m->rollback = regf_dword(h, setup, "RollbackActive", SETUP_ABSENT);
    copy_text(h, setup, "CmdLine", m->command, sizeof m->command);
    copy_text(h, setup, "RespecializeCmdLine", m->respecialize, sizeof m->respecialize);
    copy_text(h, setup, "UnattendFile", m->answer_file, sizeof m->answer_file);
    tag = regf_multi(h, setup, "CloneTag");
    if (tag && tag[0])
        (void)str_show(tag[0], m->clone_tag, sizeof m->clone_tag);
    regf_multi_free(tag);
    if (sysprep) {
        m->generalization = regf_dword(h, sysprep, "GeneralizationState", SETUP_ABSENT);
        m->cleanup = regf_dword(h, sysprep, "CleanupState", SETUP_ABSENT);
    }
    if (child) {
        m->child_setup = regf_dword(h, child, "setup.exe", SETUP_ABSENT);
        m->child_oobe = regf_dword(h, child, "oobeldr.exe", SETUP_ABSENT);
        m->child_end = regf_dword(h, child, "SetupFinalTasks", SETUP_ABSENT);
    }
}

void setup_read(const struct regf *system, const struct regf *software, struct setup_markers *ret)
{
    struct setup_markers m = { .have_system = system, .have_software = software };

    m.setup_type = m.system_setup = m.oobe = m.audit = m.phase = SETUP_ABSENT;
    m.upgrade = m.rollback = m.generalization = m.cleanup = SETUP_ABSENT;
    m.child_setup = m.child_oobe = m.child_end = m.skip_rearm = SETUP_ABSENT;
    if (system)
        read_system(system, &m);
    if (software) {
        uint32_t state = regf_find(software, 0, STATE_KEY), spp = regf_find(software, 0, SPP_KEY);

        if (state)
            copy_text(software, state, "ImageState", m.image_state, sizeof m.image_state);
        if (spp)
            m.skip_rearm = regf_dword(software, spp, "SkipRearm", SETUP_ABSENT);
    }
    *ret = m;
}

/* ---- judging --------------------------------------------------------------------------------- */

static bool is_set(uint32_t v)
{
    return v != 0 && v != SETUP_ABSENT;
}

static bool is_armed(const struct setup_markers *m)
{
    return m->setup_type == 2 && strcasestr(m->command, "windeploy.exe");
}

static bool says_generalised(const struct setup_markers *m)
{
    return m->generalization == STATE_SEALED || strcmp(m->image_state, SEALED_OOBE) == 0 ||
           strcmp(m->image_state, SEALED_AUDIT) == 0;
}

static void PRINTF_LIKE(2, 3) say(char reason[SETUP_REASON_MAX], const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(reason, SETUP_REASON_MAX, fmt, ap);
    va_end(ap);
}

/* Generalised by its markers: is it armed as well? */
static enum setup_state judge_generalised(const struct setup_markers *m, char *reason)
{
    if (!is_armed(m)) {
        say(reason,
            "generalised, but not armed: SetupType is %u and CmdLine is '%s'; its clones start as "
            "finished systems and hang",
            m->setup_type == SETUP_ABSENT ? 0 : m->setup_type, m->command);
        return SETUP_BROKEN;
    }
    if (m->generalization != STATE_SEALED && m->generalization != SETUP_ABSENT) {
        say(reason, "ImageState says generalised, GeneralizationState is %u instead of 4",
            m->generalization);
        return SETUP_BROKEN;
    }
    if (m->image_state[0] && strncmp(m->image_state, "IMAGE_STATE_GENERALIZE_", 23) != 0) {
        say(reason, "GeneralizationState says generalised, ImageState is %s", m->image_state);
        return SETUP_BROKEN;
    }
    if (strcmp(m->image_state, SEALED_AUDIT) == 0) {
        say(reason, "ImageState is %s: the next boot enters audit mode", m->image_state);
        return SETUP_SEALED_AUDIT;
    }
    if (!is_set(m->oobe)) {
        say(reason, "OOBEInProgress is not set: an answer file would not be read");
        return SETUP_BROKEN;
    }
    say(reason, "GeneralizationState %s, CmdLine %s%s%s",
        m->generalization == STATE_SEALED ? "4" : "unknown", m->command,
        m->image_state[0] ? ", " : "", m->image_state);
    return SETUP_SEALED;
}

static enum setup_state judge_other(const struct setup_markers *m, char *reason)
{
    if (m->generalization == STATE_STUCK) {
        say(reason, "GeneralizationState is 3: Setup stopped before specialize was finished");
        return SETUP_BROKEN;
    }
    if (m->setup_type == 2 && strcasestr(m->command, SETUP_FIRST_BOOT)) {
        say(reason, "a system in use, whose first-boot commands wait: %s", m->command);
        return SETUP_RUNNING;
    }
    if (is_set(m->setup_type) || is_set(m->system_setup) || is_set(m->oobe)) {
        say(reason,
            "Setup is under way or was broken off: SetupType %u, SystemSetupInProgress %u, "
            "OOBEInProgress %u",
            is_set(m->setup_type) ? m->setup_type : 0, is_set(m->system_setup), is_set(m->oobe));
        return SETUP_RUNNING;
    }
    if (strcmp(m->image_state, UNDEPLOYABLE) == 0) {
        say(reason, "ImageState is %s: a phase of Setup never ended", m->image_state);
        return SETUP_BROKEN;
    }
    say(reason, "a system in use: SetupType 0%s%s%s",
        m->generalization == 7 ? ", GeneralizationState 7" : "", m->image_state[0] ? ", " : "",
        m->image_state);
    return SETUP_FINISHED;
}

enum setup_state setup_judge(const struct setup_markers *m, char reason[SETUP_REASON_MAX])
{
    if (!m->have_system) {
        say(reason, "the hive SYSTEM is not there");
        return SETUP_UNKNOWN;
    }
    return says_generalised(m) ? judge_generalised(m, reason) : judge_other(m, reason);
}

/* ---- arming ---------------------------------------------------------------------------------- */

static int set_dword(struct regf *h, uint32_t key, const char *where, const char *name, uint32_t v,
                     struct win_plan *p, struct err *e)
{
    uint32_t old = regf_dword(h, key, name, SETUP_ABSENT);
    char before[16] = "";
    int r;

    if (old != SETUP_ABSENT)
        (void)snprintf(before, sizeof before, "%u", old);
    r = regf_set_dword(h, key, name, v, e);
    if (r < 0)
        return err_wrap(e, "set '%s' in '%s'", name, where);
    win_plan_addf(p, WIN_ROW_DONE, name, where, before[0] ? before : NULL, "%u", v);
    return 0;
}

static int arm_setup_key(struct regf *h, uint32_t setup, const char *now, struct win_plan *p,
                         struct err *e)
{
    static const struct {
        const char *name;
        uint32_t v;
    } dwords[] = { { "SetupType", 2 }, { "OOBEInProgress", 1 }, { "SystemSetupInProgress", 1 } };
    const char *const tag[] = { now, NULL };
    int r;

    for (size_t i = 0; i < ARRAY_LEN(dwords); i++) {
        r = set_dword(h, setup, "SYSTEM\\Setup", dwords[i].name, dwords[i].v, p, e);
        if (r < 0)
            return r;
    }
    r = regf_set_text(h, setup, "CmdLine", REGF_SZ, DEPLOY, e);
    if (r == 0)
        r = regf_set_multi(h, setup, "CloneTag", tag, e);
    if (r < 0)
        return r;
    win_plan_add(p, WIN_ROW_DONE, "CmdLine", "SYSTEM\\Setup", NULL, DEPLOY);
    return 0;
}

/* The results of passes that ran: the next boot must run them again. */
static int forget_passes(struct regf *h, uint32_t setup, struct win_plan *p, struct err *e)
{
    static const char *const names[] = { "specialize", "oobeSystem", "auditSystem", "auditUser" };
    uint32_t key = regf_find(h, setup, "Status\\UnattendPasses");
    unsigned n = 0;

    for (size_t i = 0; key && i < ARRAY_LEN(names); i++) {
        int r = regf_value_delete(h, key, names[i], e);

        if (r < 0)
            return r;
        n += (unsigned)r;
    }
    if (n)
        win_plan_addf(p, WIN_ROW_DONE, "results of Setup's passes",
                      "SYSTEM\\Setup\\Status\\UnattendPasses", NULL, "%u deleted", n);
    return 0;
}

static int arm_status(struct regf *h, uint32_t setup, struct win_plan *p, struct err *e)
{
    static const char *const child[] = { "setup.exe", "oobeldr.exe", "SetupFinalTasks" };
    uint32_t k;
    int r;

    r = regf_key_create(h, setup, "Status\\SysprepStatus", &k, e);
    if (r == 0)
        r = set_dword(h, k, "SYSTEM\\Setup\\Status\\SysprepStatus", "GeneralizationState",
                      STATE_SEALED, p, e);
    if (r == 0)
        r = regf_key_create(h, setup, "Status\\ChildCompletion", &k, e);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(child); i++)
        r = set_dword(h, k, "SYSTEM\\Setup\\Status\\ChildCompletion", child[i], 0, p, e);
    if (r < 0)
        return r;
    k = regf_find(h, setup, "Status\\ChildCompletion");
    if (regf_value(h, k, "audit.exe")) {
        r = set_dword(h, k, "SYSTEM\\Setup\\Status\\ChildCompletion", "audit.exe", 0, p, e);
        if (r < 0)
            return r;
    }
    return forget_passes(h, setup, p, e);
}

static int arm_software(struct regf *h, struct win_plan *p, struct err *e)
{
    uint32_t k;
    int r = regf_key_create(h, 0, STATE_KEY, &k, e);

    if (r == 0)
        r = regf_set_text(h, k, "ImageState", REGF_SZ, SEALED_OOBE, e);
    if (r < 0)
        return err_wrap(e, "set ImageState");
    win_plan_add(p, WIN_ROW_DONE, "ImageState", "SOFTWARE\\" STATE_KEY, NULL, SEALED_OOBE);
    return 0;
}

int setup_arm(struct regf *system, struct regf *software, const char *now, struct win_plan *p,
              struct err *e)
{
    uint32_t setup;
    int r;

    r = regf_find_key(system, 0, "Setup", &setup, e);
    if (r == 0)
        r = arm_setup_key(system, setup, now, p, e);
    if (r == 0)
        r = arm_status(system, setup, p, e);
    if (r == 0)
        r = arm_software(software, p, e);
    return r < 0 ? err_wrap(e, "arm Windows Setup") : 0;
}

/* ---- and back -------------------------------------------------------------------------------- */

static int disarm_status(struct regf *h, uint32_t setup, struct win_plan *p, struct err *e)
{
    static const char *const child[] = { "setup.exe", "oobeldr.exe", "SetupFinalTasks" };
    uint32_t sysprep = regf_find(h, setup, "Status\\SysprepStatus");
    uint32_t done = regf_find(h, setup, "Status\\ChildCompletion");
    int r = 0;

    if (sysprep)
        r = set_dword(h, sysprep, "SYSTEM\\Setup\\Status\\SysprepStatus", "GeneralizationState",
                      STATE_DONE, p, e);
    for (size_t i = 0; r == 0 && done && i < ARRAY_LEN(child); i++)
        r = set_dword(h, done, "SYSTEM\\Setup\\Status\\ChildCompletion", child[i], CHILD_DONE, p,
                      e);
    return r;
}

int setup_disarm(struct regf *system, struct regf *software, struct win_plan *p, struct err *e)
{
    static const char *const names[] = { "SetupType", "OOBEInProgress", "SystemSetupInProgress" };
    uint32_t setup = regf_find(system, 0, "Setup"), state;
    int r = setup ? 0 : err_set(e, EBADMSG, ERR_CORRUPT, "the hive SYSTEM has no key 'Setup'");

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(names); i++)
        r = set_dword(system, setup, "SYSTEM\\Setup", names[i], 0, p, e);
    if (r == 0)
        r = regf_set_text(system, setup, "CmdLine", REGF_SZ, "", e);
    if (r == 0)
        r = disarm_status(system, setup, p, e);
    if (r == 0)
        r = regf_key_create(software, 0, STATE_KEY, &state, e);
    if (r == 0)
        r = regf_set_text(software, state, "ImageState", REGF_SZ, COMPLETE, e);
    if (r < 0)
        return err_wrap(e, "disarm Windows Setup");
    win_plan_add(p, WIN_ROW_DONE, "ImageState", "SOFTWARE\\" STATE_KEY, NULL, COMPLETE);
    return 0;
}

int setup_run_once(struct regf *system, const char *command, struct win_plan *p, struct err *e)
{
    uint32_t setup;
    int r = regf_find_key(system, 0, "Setup", &setup, e);

    if (r == 0)
        r = set_dword(system, setup, "SYSTEM\\Setup", "SetupType", 2, p, e);
    if (r == 0)
        r = regf_set_text(system, setup, "CmdLine", REGF_SZ, command, e);
    if (r == 0)
        win_plan_add(p, WIN_ROW_DONE, "CmdLine", "SYSTEM\\Setup", NULL, command);
    return r;
}
