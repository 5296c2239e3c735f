/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is refused before a byte is written: one row a condition, with the way out. */
#include "inspect-priv.h"

#include <errno.h>
#include <stdio.h>

#define BIT(a) (1U << (a))
#define GEN    BIT(WINDOWS_GENERALISE)
#define CLEAN  BIT(WINDOWS_CLEAN)
#define PREP   BIT(WINDOWS_PREPARE)
#define SPEC   BIT(WINDOWS_SPECIALISE)
#define ALL    (GEN | CLEAN | PREP | SPEC)

#define REASON_MAX SETUP_REASON_MAX

struct refusal {
    const char *name;
    unsigned refused; /* actions */
    unsigned warned;  /* actions that go on and say so */
    const char *way_out;
    /* 1 and the reason when the condition is there, 0 when not, or negative. */
    int (*seen)(const struct inspect *i, enum windows_action a, char *reason, struct err *e);
};

static int say(char *reason, const char *text)
{
    (void)snprintf(reason, REASON_MAX, "%s", text);
    return 1;
}

/* ---- the volume ------------------------------------------------------------------------------ */

static int seen_volume(const struct inspect *i, enum win_volume_state want, char *reason,
                       const char *text, struct err *e)
{
    enum win_volume_state s;
    int r;

    if (win_tree_kind(i->os) != WIN_TREE_NTFS)
        return 0;
    r = win_ntfs_state(i->os, &s, e);
    if (r < 0)
        return r;
    return s == want ? say(reason, text) : 0;
}

static int is_hibernated(const struct inspect *i, enum windows_action a, char *reason,
                         struct err *e)
{
    (void)a;
    return seen_volume(i, WIN_VOLUME_HIBERNATED, reason,
                       "hiberfil.sys holds a session: Windows is hibernated, or was shut down with "
                       "fast startup",
                       e);
}

static int is_fast_started(const struct inspect *i, enum windows_action a, char *reason,
                           struct err *e)
{
    (void)a;
    return seen_volume(i, WIN_VOLUME_FAST_STARTED, reason,
                       "the journal is of version 2.0: Windows keeps metadata of this volume in "
                       "its cache (fast startup, or it was not shut down)",
                       e);
}

static int is_dirty(const struct inspect *i, enum windows_action a, char *reason, struct err *e)
{
    (void)a;
    return seen_volume(i, WIN_VOLUME_DIRTY, reason,
                       "the volume was not taken down in order: its journal is not replayed", e);
}

static int has_bitlocker(const struct inspect *i, enum windows_action a, char *reason,
                         struct err *e)
{
    (void)a;
    (void)e;
    for (size_t k = 0; k < i->w->parts.n; k++) {
        const struct win_part *p = &i->w->parts.part[k];

        if (p->holds != WIN_HOLDS_BITLOCKER)
            continue;
        (void)snprintf(reason, REASON_MAX, "partition %u is encrypted by BitLocker", p->number);
        return 1;
    }
    return 0;
}

/* ---- Setup ----------------------------------------------------------------------------------- */

static int upgrade_running(const struct inspect *i, enum windows_action a, char *reason,
                           struct err *e)
{
    int r;

    (void)a;
    if (i->setup.upgrade != SETUP_ABSENT && i->setup.upgrade)
        return say(reason, "an upgrade of Windows is under way (Setup\\Upgrade)");
    if (i->setup.rollback != SETUP_ABSENT && i->setup.rollback)
        return say(reason, "an upgrade of Windows is being rolled back (Setup\\RollbackActive)");
    r = win_tree_exists(i->os, "$WINDOWS.~BT/Sources/SetupPlatform.ini", e);
    return r > 0 ? say(reason, "an upgrade of Windows waits in $WINDOWS.~BT") : r;
}

static int servicing_pending(const struct inspect *i, enum windows_action a, char *reason,
                             struct err *e)
{
    _cleanup_free_ char *why = NULL;
    int r = fact_pending_servicing(i, &why, e);

    (void)a;
    return r < 0 ? r : why ? say(reason, why) : 0;
}

/* prepare wants a sealed image, the others one in use. */
static int setup_is_wrong(const struct inspect *i, enum windows_action a, char *reason,
                          struct err *e)
{
    char why[SETUP_REASON_MAX];
    enum setup_state s = setup_judge(&i->setup, why);
    _cleanup_free_ char *ours = fact_generalised_by_us(i);
    bool sealed = s == SETUP_SEALED || s == SETUP_SEALED_AUDIT;
    const char *is = s == SETUP_FINISHED ? "it is not sealed: "
                     : sealed            ? "it is sealed already: "
                                         : "";

    (void)e;
    if (a == WINDOWS_PREPARE ? sealed
                             : s == SETUP_FINISHED || (a == WINDOWS_SPECIALISE && sealed && ours))
        return 0;
    (void)snprintf(reason, REASON_MAX, "%s%.*s", is, REASON_MAX - 32, why);
    return 1;
}

/* ---- what it is ------------------------------------------------------------------------------ */

static int hives_are_missing(const struct inspect *i, enum windows_action a, char *reason,
                             struct err *e)
{
    (void)a;
    (void)e;
    if (i->system && i->software && i->sam && i->security && i->sets.n)
        return 0;
    (void)snprintf(reason, REASON_MAX, "the hive %s is not there",
                   !i->system     ? "SYSTEM"
                   : !i->software ? "SOFTWARE"
                   : !i->sam      ? "SAM"
                                  : "SECURITY");
    return 1;
}

static int is_controller(const struct inspect *i, enum windows_action a, char *reason,
                         struct err *e)
{
    int r;

    (void)a;
    if (fact_is_domain_controller(i))
        return say(reason, "it is a domain controller: its SID is the SID of the domain");
    r = win_tree_exists(i->os, "Windows/NTDS/ntds.dit", e);
    return r > 0 ? say(reason, "it holds the database of a domain controller (NTDS\\ntds.dit)") : r;
}

static int is_cloud_joined(const struct inspect *i, enum windows_action a, char *reason,
                           struct err *e)
{
    const char *to = fact_cloud_joined(i);

    (void)a;
    (void)e;
    if (!to)
        return 0;
    (void)snprintf(reason, REASON_MAX, "it is joined to %s, by keys that only Windows can give up",
                   to);
    return 1;
}

static int has_role(const struct inspect *i, enum windows_action a, char *reason, struct err *e)
{
    const char *role = fact_role_with_identity(i);

    (void)a;
    (void)e;
    if (!role)
        return 0;
    (void)snprintf(reason, REASON_MAX, "it is %s, which has an identity of its own", role);
    return 1;
}

static int is_member(const struct inspect *i, enum windows_action a, char *reason, struct err *e)
{
    _cleanup_free_ char *domain = fact_domain(i);

    (void)a;
    (void)e;
    if (!domain)
        return 0;
    (void)snprintf(reason, REASON_MAX,
                   "it is a member of the domain '%s': with another name it would lose it", domain);
    return 1;
}

static int vista_or_older(const struct inspect *i, enum windows_action a, char *reason,
                          struct err *e)
{
    unsigned build = fact_build(i);

    (void)a;
    (void)e;
    if (build == 0 || build >= 7600)
        return 0;
    (void)snprintf(reason, REASON_MAX, "it is older than Windows 7 and Server 2008 R2 (build %u)",
                   build);
    return 1;
}

#define SHUT_DOWN                                                                                  \
    "start Windows and shut it down with 'shutdown /s /f /t 0' (turn fast startup off: 'powercfg " \
    "/h off')"

static const struct refusal refusals[] = {
    { "hibernated", ALL, 0, SHUT_DOWN, is_hibernated },
    { "fast startup", ALL, 0, SHUT_DOWN, is_fast_started },
    { "not dismounted", ALL, 0,
      "start Windows, or run 'chkdsk /f' on the volume, and shut down in order", is_dirty },
    { "BitLocker", ALL, 0, "decrypt it in Windows: 'manage-bde -off C:', and wait until it is done",
      has_bitlocker },
    { "hive missing", ALL, 0, "a whole Windows volume is needed", hives_are_missing },
    { "old Windows", ALL, 0, "this is not supported; use Sysprep in Windows", vista_or_older },
    { "domain controller", ALL, 0,
      "demote it first; the disk of a domain controller is never an image", is_controller },
    { "upgrade", ALL, 0, "let the upgrade end, or roll it back, and shut down", upgrade_running },
    { "servicing", ALL, 0, "start Windows until no update waits for a restart, and shut down",
      servicing_pending },
    { "setup state", ALL, 0, NULL, setup_is_wrong },
    { "cloud joined", GEN, CLEAN | SPEC, "leave it first: 'dsregcmd /leave', or in Settings",
      is_cloud_joined },
    { "role", GEN, CLEAN | SPEC, "take the role off first, or install it at first boot", has_role },
    { "domain member", SPEC, CLEAN, "leave the domain first; generalise does", is_member },
};

static const char *setup_way_out(const struct inspect *i, enum windows_action a)
{
    char reason[SETUP_REASON_MAX];
    enum setup_state s = setup_judge(&i->setup, reason);

    if (a == WINDOWS_PREPARE)
        return s == SETUP_FINISHED ? "seal it first: Sysprep in Windows, or 'generalise'"
                                   : "start Windows and let Setup end, then seal it";
    if (s == SETUP_SEALED || s == SETUP_SEALED_AUDIT)
        return "a sealed image needs no more than 'prepare'";
    return "start Windows and let Setup end, then shut down";
}

/* The first rows are about the volume alone: they come before any hive is opened. */
#define VOLUME_ROWS 4
#define ALL_ROWS    ARRAY_LEN(refusals)

/* The first refusal for an action: 1 with reason and way out, 0, or negative. */
static int first_refusal(const struct inspect *i, enum windows_action a, size_t from, size_t to,
                         struct win_plan *p, char reason[SETUP_REASON_MAX], const char **way_out,
                         struct err *e)
{
    for (size_t k = from; k < to; k++) {
        const struct refusal *x = &refusals[k];
        int r;

        if (!((x->refused | x->warned) & BIT(a)))
            continue;
        r = x->seen(i, a, reason, e);
        if (r < 0)
            return r;
        if (r == 0)
            continue;
        if (x->refused & BIT(a)) {
            *way_out = x->way_out ? x->way_out : setup_way_out(i, a);
            return 1;
        }
        if (p)
            win_plan_add(p, WIN_ROW_WARNING, x->name, NULL, NULL, reason);
    }
    return 0;
}

/* A hive that cannot be opened: the reason is told already, the way out is not. */
static int refused_hive(enum windows_action a, struct err *e)
{
    struct err first = *e;

    if (first.kind != ERR_CONFLICT && first.kind != ERR_CORRUPT)
        return err_wrap(e, "refused to %s", windows_action_name(a));
    err_clear(e);
    return err_set(e, first.no, first.kind, "refused to %s: %s; %s", windows_action_name(a),
                   first.msg,
                   first.kind == ERR_CONFLICT ? SHUT_DOWN
                                              : "repair it in Windows, or take another disk");
}

int windows_refuse(struct windows *w, enum windows_action a, struct win_plan *p, struct err *e)
{
    _cleanup_(inspect_done) struct inspect i = { .w = w, .os = w->os };
    char reason[SETUP_REASON_MAX] = "";
    const char *way_out = NULL;
    int r;

    r = first_refusal(&i, a, 0, VOLUME_ROWS, p, reason, &way_out, e);
    if (r == 0) {
        r = inspect_open(&i, w, true, e);
        if (r < 0)
            return refused_hive(a, e);
        r = first_refusal(&i, a, VOLUME_ROWS, ALL_ROWS, p, reason, &way_out, e);
    }
    if (r <= 0)
        return r;
    return err_set(e, EBUSY, ERR_CONFLICT, "refused to %s: %s; %s", windows_action_name(a), reason,
                   way_out);
}

/* ---- the same for "inspect" ------------------------------------------------------------------ */

int inspect_actions(struct inspect *i, struct err *e)
{
    static const enum windows_action actions[] = { WINDOWS_PREPARE, WINDOWS_CLEAN,
                                                   WINDOWS_GENERALISE, WINDOWS_SPECIALISE };
    json_t *o;

    if (win_tree_kind(i->os) == WIN_TREE_FOLDER)
        return 0;
    o = put_object(i->doc, "actions");
    for (size_t k = 0; k < ARRAY_LEN(actions); k++) {
        char reason[SETUP_REASON_MAX] = "";
        const char *way_out = NULL;
        int r = first_refusal(i, actions[k], 0, ALL_ROWS, NULL, reason, &way_out, e);
        json_t *row;

        if (r < 0)
            return r;
        row = put_object(o, windows_action_name(actions[k]));
        put_bool(row, "possible", r == 0);
        put_text(row, "reason", r ? reason : NULL);
        put_text(row, "way_out", way_out);
    }
    return 0;
}
