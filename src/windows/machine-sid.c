/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A new machine SID wherever the old one is: hives, security of files, tasks. Afterwards not one is
 * left; each step proves its own part. */
#include "work.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sam.h"

#define TASKS      "Windows/System32/Tasks"
#define TASK_MAX   MIB(1)
#define NAMES_MAX  20000
#define USER_CLASS "AppData/Local/Microsoft/Windows/UsrClass.dat"

static bool is_plain_dir(const struct win_name *n)
{
    return n->st.is_dir && !n->st.reparse_tag;
}

/* ---- hives ----------------------------------------------------------------------------------- */

struct change {
    struct work *k;
    uint8_t old[SID_MACHINE_BYTES], with[SID_MACHINE_BYTES];
    struct sid_counts total;
};

static uint64_t all(const struct sid_counts *c)
{
    return c->key_names + c->value_names + c->classes + c->data + c->security + c->unused;
}

static int change_hive(struct change *c, struct hive *v, struct err *e)
{
    struct sid_counts n = { 0 };
    int r;

    if (!v->regf)
        return 0;
    r = sid_count(v->regf, c->old, &n, e);
    if (r == 0 && all(&n)) {
        n = (struct sid_counts){ 0 };
        r = sid_replace(v->regf, c->old, c->with, &n, e);
    }
    if (r < 0)
        return err_wrap(e, "change the SID in '%s'", v->path);
    if (all(&n))
        win_plan_addf(c->k->p, WIN_ROW_DONE, "machine SID", v->path, NULL,
                      "%llu names, %llu values, %llu descriptors, %llu in free space",
                      (unsigned long long)(n.key_names + n.value_names + n.classes),
                      (unsigned long long)n.data, (unsigned long long)n.security,
                      (unsigned long long)n.unused);
    return 0;
}

static int change_path(struct change *c, const char *path, struct err *e)
{
    struct hive *v;
    int r = hives_get_path(c->k->h, path, &v, e);

    return r < 0 ? r : change_hive(c, v, e);
}

static int change_profiles(struct change *c, struct err *e)
{
    _cleanup_(win_names_done) struct win_names x = { .max = NAMES_MAX };
    int r = win_tree_names(c->k->os, "Users", false, &x, e);

    for (size_t i = 0; r == 0 && i < x.n; i++) {
        _cleanup_free_ char *user = xasprintf("Users/%s/NTUSER.DAT", x.v[i].name);
        _cleanup_free_ char *classes = xasprintf("Users/%s/" USER_CLASS, x.v[i].name);

        if (!is_plain_dir(&x.v[i]))
            continue;
        r = change_path(c, user, e);
        if (r == 0)
            r = change_path(c, classes, e);
    }
    return r;
}

static int change_hives(struct change *c, struct err *e)
{
    static const char *const others[] = {
        "Windows/System32/config/systemprofile/" USER_CLASS,
        "Windows/ServiceProfiles/LocalService/" USER_CLASS,
        "Windows/ServiceProfiles/NetworkService/" USER_CLASS,
    };
    int r = 0;

    for (unsigned id = 0; r == 0 && id < HIVE_ID_MAX; id++)
        r = change_path(c, hive_path((enum hive_id)id), e);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(others); i++)
        r = change_path(c, others[i], e);
    return r < 0 ? r : change_profiles(c, e);
}

/* ---- tasks ----------------------------------------------------------------------------------- */

static int change_task(struct change *c, const char *path, uint64_t *found, struct err *e)
{
    _cleanup_free_ uint8_t *text = NULL;
    uint64_t n = 0;
    size_t len;
    int r = win_tree_read(c->k->os, path, TASK_MAX, &text, &len, e);

    if (r < 0 && (e->kind == ERR_LIMIT || e->kind == ERR_CONFLICT)) {
        win_plan_add(c->k->p, WIN_ROW_WARNING, "task", path, NULL, e->msg);
        err_clear(e);
        return 0;
    }
    if (r == 0 && sid_count_bytes(text, len, c->old)) {
        r = sid_replace_bytes(text, len, c->old, c->with, &n, e);
        if (r == 0)
            r = win_tree_write(c->k->os, path, text, len, e);
        *found += n;
    }
    return r;
}

static int change_tasks(struct change *c, struct err *e)
{
    _cleanup_(win_names_done) struct win_names x = { .max = NAMES_MAX };
    uint64_t n = 0;
    int r = win_tree_names(c->k->os, TASKS, true, &x, e);

    for (size_t i = 0; r == 0 && i < x.n; i++) {
        _cleanup_free_ char *path = xasprintf(TASKS "/%s", x.v[i].name);

        if (!x.v[i].st.is_dir && !x.v[i].st.reparse_tag)
            r = change_task(c, path, &n, e);
    }
    if (r < 0)
        return err_wrap(e, "change the SID in tasks");
    if (n)
        win_plan_addf(c->k->p, WIN_ROW_DONE, "machine SID", TASKS, NULL, "%llu places",
                      (unsigned long long)n);
    return 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

static int change_files(struct change *c, struct err *e)
{
    struct win_sid_changes n = { 0 };
    int r = win_tree_replace_sid(c->k->os, c->old, c->with, &n, e);

    if (r < 0)
        return err_wrap(e, "change the SID in the volume");
    win_plan_addf(c->k->p, n.descriptors ? WIN_ROW_DONE : WIN_ROW_KEPT, "machine SID", "$Secure",
                  NULL, "%llu descriptors of %llu files", (unsigned long long)n.descriptors,
                  (unsigned long long)n.files);
    if (n.names)
        win_plan_addf(c->k->p, WIN_ROW_DONE, "machine SID", "names of files", NULL, "%llu renamed",
                      (unsigned long long)n.names);
    if (n.places)
        win_plan_addf(c->k->p, WIN_ROW_DONE, "machine SID", "$Quota, $UsnJrnl", NULL, "%llu places",
                      (unsigned long long)n.places);
    return 0;
}

/* ---- keys and what is left ------------------------------------------------------------------- */

/* Keys of a user who stays are opened by his password and his SID: with the new one never again. A
 * folder of the new name would make Windows try. */
static int drop_keys_of(struct change *c, const char *user, const char *begins, struct err *e)
{
    static const char *const places[] = { "Protect", "Crypto/RSA", "Crypto/Keys" };
    uint64_t files = 0;
    int r = 0;

    for (size_t p = 0; r == 0 && p < ARRAY_LEN(places); p++) {
        _cleanup_free_ char *dir =
            xasprintf("Users/%s/AppData/Roaming/Microsoft/%s", user, places[p]);
        _cleanup_(win_names_done) struct win_names x = { .max = NAMES_MAX };

        r = win_tree_names(c->k->os, dir, false, &x, e);
        for (size_t i = 0; r == 0 && i < x.n; i++) {
            _cleanup_free_ char *path = xasprintf("%s/%s", dir, x.v[i].name);

            if (x.v[i].st.is_dir && str_starts(x.v[i].name, begins))
                r = win_tree_shred(c->k->os, path, &files, NULL, e);
        }
    }
    if (r == 0 && files)
        win_plan_addf(c->k->p, WIN_ROW_DONE, "keys of a user", user, NULL,
                      "%llu files deleted: nothing opens them under the new SID",
                      (unsigned long long)files);
    return r;
}

static int drop_keys(struct change *c, struct err *e)
{
    _cleanup_(win_names_done) struct win_names x = { .max = NAMES_MAX };
    char sid[SID_TEXT_MAX], begins[SID_TEXT_MAX + 1];
    int r = win_tree_names(c->k->os, "Users", false, &x, e);

    (void)sid_text(c->old, sizeof c->old, sid);
    (void)snprintf(begins, sizeof begins, "%s-", sid);
    for (size_t i = 0; r == 0 && i < x.n; i++)
        if (is_plain_dir(&x.v[i]))
            r = drop_keys_of(c, x.v[i].name, begins, e);
    return r;
}

int windows_wipe_sid(struct windows *w, const uint8_t machine[24], struct win_plan *p,
                     struct err *e)
{
    struct win_sid_remains found;
    int r = win_tree_wipe_sid(w->os, machine, &found, e);

    if (r == 0 && found.records + found.ends)
        win_plan_addf(p, WIN_ROW_DONE, "machine SID", "$MFT", NULL,
                      "%llu records of deleted files and %llu unused ends wiped",
                      (unsigned long long)found.records, (unsigned long long)found.ends);
    if (r == 0 && found.log)
        win_plan_add(p, WIN_ROW_DONE, "machine SID", "$LogFile", NULL, "emptied");
    if (r == 0)
        win_plan_add(p, WIN_ROW_CANNOT, "free clusters", NULL, NULL,
                     "what deleted files held is not searched for the old SID; nor are contents of "
                     "files but hives and tasks");
    return r;
}

/* SAM and SECURITY must agree, before and after. */
static int machine_of(struct work *k, uint8_t ret[SID_MACHINE_BYTES], struct err *e)
{
    uint8_t account[SID_MACHINE_BYTES];
    int r = sam_machine_sid(k->sam, ret, e);

    if (r == 0)
        r = policy_machine_sid(k->security, account, e);
    if (r == 0 && memcmp(account, ret, sizeof account) != 0)
        return err_set(e, EBADMSG, ERR_CORRUPT,
                       "SAM and SECURITY do not agree on the SID of the machine");
    return r;
}

int change_machine_sid(struct work *k, struct err *e)
{
    struct change c = { .k = k };
    char before[SID_TEXT_MAX], after[SID_TEXT_MAX];
    uint8_t now[SID_MACHINE_BYTES];
    int r;

    r = machine_of(k, c.old, e);
    if (r < 0)
        return r;
    if (sid_is_constant(c.old))
        return err_set(e, EBADMSG, ERR_CORRUPT,
                       "the SID of the machine is one that Microsoft ships");
    sid_new(c.old, c.with);
    (void)sid_text(c.old, sizeof c.old, before);
    (void)sid_text(c.with, sizeof c.with, after);
    win_plan_add(k->p, WIN_ROW_DONE, "machine SID", "SAM\\SAM\\Domains\\Account", before, after);
    r = change_hives(&c, e);
    if (r == 0)
        r = change_tasks(&c, e);
    if (r == 0)
        r = drop_keys(&c, e);
    if (r == 0)
        r = change_files(&c, e);
    if (r == 0)
        r = machine_of(k, now, e);
    if (r == 0 && memcmp(now, c.with, sizeof now) != 0)
        return err_set(e, EBADMSG, ERR_CORRUPT, "SAM does not hold the new SID");
    return r;
}
