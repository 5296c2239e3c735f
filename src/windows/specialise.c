/* SPDX-License-Identifier: GPL-3.0-or-later */
/* "specialise": the answer file's specialize and oobeSystem settings, applied to the disk, so that
 * the first boot needs no pass of Setup. For a system in use, or one that "generalise" made. */
#include "work.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "sam.h"

#define SCRIPTS        "Windows/Setup/Scripts"
#define SCRIPT         SCRIPTS "/" SETUP_FIRST_BOOT
#define SCRIPT_NT      "cmd.exe /c C:\\Windows\\Setup\\Scripts\\" SETUP_FIRST_BOOT
#define RUN_ONCE       "Microsoft\\Windows\\CurrentVersion\\RunOnce"
#define SERVER_MANAGER "Microsoft\\ServerManager"
#define FIREWALL       "Services\\SharedAccess\\Parameters\\FirewallPolicy\\FirewallRules"
#define PANTHER        "Windows/Panther/unattend.xml"

/* ---- Remote Desktop -------------------------------------------------------------------------- */

/* "v2.30|Action=Allow|Active=FALSE|...": the word turned round; NULL: nothing to do. */
static char *activated(const char *rule)
{
    const char *at = strcasestr(rule, "|Active=FALSE|");

    return at ? xasprintf("%.*s|Active=TRUE|%s", (int)(at - rule), rule, at + 14) : NULL;
}

static int open_firewall(struct work *k, uint32_t set, unsigned *n, struct err *e)
{
    static const char *const rules[] = { "RemoteDesktop-UserMode-In-TCP",
                                         "RemoteDesktop-UserMode-In-UDP",
                                         "RemoteDesktop-Shadow-In-TCP", "RemoteDesktop-In-TCP" };
    uint32_t key = regf_find(k->system, set, FIREWALL);
    int r = 0;

    for (size_t i = 0; r == 0 && key && i < ARRAY_LEN(rules); i++) {
        _cleanup_free_ char *old = regf_text(k->system, key, rules[i]);
        _cleanup_free_ char *fresh = old ? activated(old) : NULL;

        if (!fresh)
            continue;
        r = regf_set_text(k->system, key, rules[i], REGF_SZ, fresh, e);
        ++*n;
    }
    return r;
}

static int open_for_rdp(struct work *k, struct err *e)
{
    unsigned n = 0;
    int r = 0;

    for (size_t i = 0; r == 0 && i < k->sets->n; i++)
        r = open_firewall(k, k->sets->key[i], &n, e);
    if (r == 0)
        win_plan_addf(k->p, n ? WIN_ROW_DONE : WIN_ROW_KEPT, "firewall", "SYSTEM", NULL,
                      "%u rules of Remote Desktop turned on", n);
    return r;
}

int allow_rdp(struct work *k, struct err *e)
{
    int r =
        each_set_dword(k, "Control\\Terminal Server", "fDenyTSConnections", 0, "Remote Desktop", e);

    return r < 0 ? r : open_for_rdp(k, e);
}

static int set_rdp(struct work *k, const struct answer_settings *s, struct err *e)
{
    if (k->o->rdp || s->deny_rdp == ANSWER_FALSE)
        return allow_rdp(k, e);
    if (s->deny_rdp == ANSWER_TRUE)
        return each_set_dword(k, "Control\\Terminal Server", "fDenyTSConnections", 1,
                              "Remote Desktop", e);
    return s->rdp_firewall == ANSWER_TRUE ? open_for_rdp(k, e) : 0;
}

/* ---- commands -------------------------------------------------------------------------------- */

/* It takes itself off first: whatever a command does, it runs once. */
static int put_script(struct work *k, const struct answer_settings *s, struct err *e)
{
    struct str t = STR_INIT(KIB(512));
    int r;

    str_add(&t, "@echo off\r\n"
                "rem Written by Kiln: runs once, before anybody logs on, and deletes itself.\r\n"
                "reg add HKLM\\SYSTEM\\Setup /v SetupType /t REG_DWORD /d 0 /f\r\n"
                "reg add HKLM\\SYSTEM\\Setup /v CmdLine /t REG_SZ /d \"\" /f\r\n");
    for (size_t i = 0; i < s->n_specialize_commands; i++)
        str_addf(&t, "call %s >>\"%%SystemRoot%%\\Temp\\KilnFirstBoot.log\" 2>&1\r\n",
                 s->specialize_commands[i].path);
    if (s->product_key)
        str_addf(&t, "cscript //nologo \"%%SystemRoot%%\\System32\\slmgr.vbs\" /ipk %s\r\n",
                 s->product_key);
    str_add(&t, "del \"%~f0\"\r\n");
    r = str_check(&t, "the first-boot script", e);
    if (r == 0)
        r = win_tree_mkdir(k->os, SCRIPTS, e);
    if (r == 0)
        r = win_tree_write(k->os, SCRIPT, t.p, t.len, e);
    str_done(&t);
    if (r == 0)
        r = setup_run_once(k->system, SCRIPT_NT, k->p, e);
    return r;
}

/* An answer file's own password comes last in a real Setup: what makes it unknown would run behind
 * it here. */
static void drop_scrambling(struct work *k, struct answer_settings *s)
{
    static const char *const words[] = { "ScramblePassword", "Randomize-LocalAdminPassword",
                                         "randomize-password" };
    size_t n = 0;

    for (size_t i = 0; i < s->n_specialize_commands; i++) {
        struct answer_command *c = &s->specialize_commands[i];
        bool scrambles = false;

        for (size_t w = 0; s->admin_password && w < ARRAY_LEN(words); w++)
            scrambles = scrambles || strcasestr(c->path, words[w]);
        if (scrambles) {
            win_plan_add(k->p, WIN_ROW_KEPT, "command that makes the password unknown", NULL, NULL,
                         "left out: a password is given");
            free(c->path);
        } else {
            s->specialize_commands[n++] = *c;
        }
    }
    s->n_specialize_commands = n;
}

static int put_commands(struct work *k, const struct answer_settings *s, struct err *e)
{
    char name[32];
    int r = 0;

    if (s->n_specialize_commands || s->product_key)
        r = put_script(k, s, e);
    for (size_t i = 0; r == 0 && i < s->n_specialize_commands; i++)
        win_plan_add(k->p, WIN_ROW_DONE, "command of the first boot", SCRIPT, NULL,
                     s->specialize_commands[i].path);
    if (r == 0 && s->product_key)
        win_plan_add(k->p, WIN_ROW_DONE, "product key", SCRIPT, NULL, "entered at the first boot");
    for (size_t i = 0; r == 0 && i < s->n_logon_commands; i++) {
        (void)snprintf(name, sizeof name, "!Kiln%03zu", i + 1);
        r = text_set(k, k->software, "SOFTWARE", RUN_ONCE, name, s->logon_commands[i].path,
                     "command of the first logon", e);
    }
    return r;
}

/* ---- settings -------------------------------------------------------------------------------- */

static int set_owner(struct work *k, const struct answer_settings *s, struct err *e)
{
    int r = 0;

    if (s->owner)
        r = text_set(k, k->software, "SOFTWARE", NT_KEY, "RegisteredOwner", s->owner, "owner", e);
    if (r == 0 && s->organization)
        r = text_set(k, k->software, "SOFTWARE", NT_KEY, "RegisteredOrganization", s->organization,
                     "organisation", e);
    return r;
}

static int apply(struct work *k, struct answer_settings *s, struct err *e)
{
    struct locale_wish l = { s->locales[LOCALE_USER], s->locales[LOCALE_SYSTEM],
                             s->locales[LOCALE_UI], s->locales[LOCALE_INPUT] };
    int r = 0;

    if (s->copy_profile == ANSWER_TRUE)
        r = copy_profile(k, e);
    if (r == 0 && s->computer_name)
        r = rename_machine(k, s->computer_name, e);
    if (r == 0 && s->time_zone)
        r = set_time_zone(k, s->time_zone, e);
    if (r == 0)
        r = set_locale(k, &l, e);
    if (r == 0)
        r = set_owner(k, s, e);
    if (r == 0)
        r = set_rdp(k, s, e);
    if (r == 0 && s->no_server_manager != ANSWER_UNSET)
        r = dword_set(k, k->software, "SOFTWARE", SERVER_MANAGER, "DoNotOpenServerManagerAtLogon",
                      s->no_server_manager == ANSWER_TRUE, "Server Manager at logon", e);
    if (r == 0)
        r = set_accounts(k, s, e);
    for (size_t i = 0; i < s->n_rest; i++)
        win_plan_add(k->p, WIN_ROW_WARNING, "setting of the answer file", NULL, s->rest[i],
                     "not applied: only a pass of Setup does that");
    drop_scrambling(k, s);
    return r < 0 ? r : put_commands(k, s, e);
}

/* The given answer file; the one that "generalise" laid down; or none: then only the options. */
static int read_wishes(struct work *k, bool armed, struct answer_settings *ret, struct err *e)
{
    struct answer_options o = answer_options_of(k->o);
    _cleanup_(answer_freep) struct answer *a = NULL;
    _cleanup_free_ uint8_t *text = NULL;
    const char *from = "options";
    size_t n = 0;
    int r = -ENOENT;

    if (k->o->answer_file) {
        from = "the given answer file";
        r = answer_parse(k->o->answer_file, k->o->answer_file_len, &a, e);
    } else if (armed) {
        from = PANTHER;
        r = win_tree_read(k->os, PANTHER, ANSWER_BYTES_MAX, &text, &n, e);
        if (r == 0)
            r = answer_parse(text, n, &a, e);
    }
    if (r == -ENOENT) {
        err_clear(e);
        from = "the options";
        r = answer_new(&a, e);
    }
    if (r == 0)
        r = answer_apply(a, &o, e);
    if (r == 0)
        r = answer_require_valid(a, e);
    if (r < 0)
        return r;
    win_plan_add(k->p, WIN_ROW_KEPT, "settings", NULL, NULL, from);
    return answer_read(a, ret, e);
}

/* An image of "generalise": Setup is not needed any more, and its answer file holds a password. */
static int disarm(struct work *k, struct err *e)
{
    static const char ini[] = "[State]\r\nImageState=IMAGE_STATE_COMPLETE\r\n";
    static const char *const mark[] = { "Generalised", NULL };
    char now[CLOCK_ISO_MAX];
    int r = setup_disarm(k->system, k->software, k->p, e);

    if (r == 0)
        r = win_tree_write(k->os, "Windows/Setup/State/State.ini", ini, sizeof ini - 1, e);
    if (r == 0)
        r = win_tree_shred(k->os, PANTHER, NULL, NULL, e);
    if (r == 0)
        r = value_delete(k, k->software, "SOFTWARE", KILN_KEY, mark, "mark of Kiln", e);
    clock_iso8601(clock_real_ms(), now);
    if (r == 0)
        r = text_set(k, k->software, "SOFTWARE", KILN_KEY, "Specialised", now, "mark of Kiln", e);
    return r;
}

int windows_specialise(struct windows *w, const struct windows_options *o, struct win_plan *p,
                       struct err *e)
{
    _cleanup_(work_done) struct work k = { 0 };
    _cleanup_(answer_settings_done) struct answer_settings s = { 0 };
    char reason[SETUP_REASON_MAX];
    bool armed;
    int r;

    r = work_open(&k, w, o, p, e);
    if (r < 0)
        return err_wrap(e, "specialise");
    armed = setup_judge(&k.i.setup, reason) == SETUP_SEALED;
    r = read_wishes(&k, armed, &s, e);
    if (r == 0 && armed)
        r = disarm(&k, e);
    if (r == 0)
        r = apply(&k, &s, e);
    if (r == 0)
        r = put_user_files(&k, e);
    if (r == 0)
        r = set_serial_console(&k, e);
    if (r == 0)
        r = work_save(&k, e);
    return r < 0 ? err_wrap(e, "specialise") : 0;
}
