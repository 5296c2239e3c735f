/* SPDX-License-Identifier: Apache-2.0 */
/* The table of test programs that run under Wine: the real one, but for the rows that Wine lacks or
 * answers with success without doing anything. Those keep their state in the registry and write a
 * line each into C:\kiln-test\calls.txt, so that a test sees effects. Linked before the library,
 * whose own win_real() then stays out. */
#include "win-priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CALLS    "C:\\kiln-test\\calls.txt"
#define ACCOUNTS "HKLM\\Software\\KilnTest\\Accounts"
#define TASKS    "HKLM\\Software\\KilnTest\\Tasks"

static struct win real, table;

static void record(const char *fmt, ...) PRINTF_LIKE(1, 2);

static void record(const char *fmt, ...)
{
    struct err ignored = { 0 };
    char line[2048];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(line, sizeof line - 1, fmt, ap);
    va_end(ap);
    n = n < 0 ? 0 : n > (int)sizeof line - 2 ? (int)sizeof line - 2 : n;
    line[n] = '\n';
    (void)real.file_append(&real, CALLS, line, (size_t)n + 1, &ignored);
}

/* ---- accounts: a key each, made with the administrator when there is none ---- */

static void key_of(const char *name, char ret[400])
{
    (void)snprintf(ret, 400, ACCOUNTS "\\%.200s", name);
}

static int make_first(struct err *e)
{
    int r = real.reg_has_key(&real, ACCOUNTS, e);

    if (r != 0)
        return r < 0 ? r : 0;
    r = real.reg_set_u32(&real, ACCOUNTS "\\Administrator", "Rid", 500, e);
    return r == 0 ? real.reg_set_u32(&real, ACCOUNTS "\\Administrator", "Flags",
                                     WIN_ACCOUNT_DISABLED | WIN_ACCOUNT_PASSWORD_NOT_REQ, e)
                  : r;
}

static int accounts(struct win *w, struct win_account **ret, size_t *ret_n, struct err *e)
{
    _cleanup_free_ struct win_name *keys = NULL;
    struct win_account *a;
    size_t n = 0;
    int r = make_first(e);

    if (r == 0)
        r = real.reg_keys(&real, ACCOUNTS, &keys, &n, e);
    if (r < 0)
        return r;
    a = calloc(n + 1, sizeof *a);
    if (!a)
        return err_oom(e);
    for (size_t i = 0; i < n; i++) {
        char key[400];
        uint32_t rid = 0, flags = 0;

        key_of(keys[i].name, key);
        (void)win_reg_u32(&real, key, "Rid", &rid, e);
        (void)win_reg_u32(&real, key, "Flags", &flags, e);
        (void)str_copy(a[i].name, sizeof a[i].name, keys[i].name);
        a[i].rid = rid;
        a[i].flags = flags;
    }
    *ret = a;
    *ret_n = n;
    return 0;
}

static int set_password(struct win *w, const char *name, const char *password, struct err *e)
{
    char key[400];

    key_of(name, key);
    record("account_set_password %s", name);
    return real.reg_set_text(&real, key, "Password", password, e);
}

static int set_flags(struct win *w, const char *name, unsigned clear, unsigned set, struct err *e)
{
    uint32_t flags = 0;
    char key[400];

    key_of(name, key);
    (void)win_reg_u32(&real, key, "Flags", &flags, e);
    record("account_set_flags %s clear %u set %u", name, clear, set);
    return real.reg_set_u32(&real, key, "Flags", (flags & ~clear) | set, e);
}

static int rename_account(struct win *w, const char *name, const char *to, struct err *e)
{
    uint32_t rid = 0;
    char key[400];
    int r;

    key_of(name, key);
    (void)win_reg_u32(&real, key, "Rid", &rid, e);
    record("account_rename %s %s", name, to);
    r = real.reg_delete(&real, key, NULL, e);
    key_of(to, key);
    return r == 0 ? real.reg_set_u32(&real, key, "Rid", rid, e) : r;
}

static int min_length(struct win *w, unsigned *ret, struct err *e)
{
    *ret = 0;
    return 0;
}

/* ---- tasks: Wine's scheduler takes them, but keeps neither what they do nor when ---- */

static void key_of_task(const char *name, char ret[400])
{
    (void)snprintf(ret, 400, TASKS "\\%.200s", name);
}

static int task_install(struct win *w, const char *name, const char *xml, struct err *e)
{
    char key[400];
    int r = real.task_install(&real, name, xml, e);

    key_of_task(name, key);
    if (r == 0)
        r = real.reg_set_text(&real, key, "Xml", xml, e);
    return r == 0 ? real.reg_set_u32(&real, key, "Enabled", 1, e) : r;
}

static int task_state(struct win *w, const char *name, enum win_task_state *ret, struct err *e)
{
    uint32_t on = 0;
    char key[400];
    int r;

    key_of_task(name, key);
    r = win_reg_u32(&real, key, "Enabled", &on, e);
    if (r >= 0)
        *ret = r == 0 ? WIN_TASK_ABSENT : on ? WIN_TASK_ENABLED : WIN_TASK_DISABLED;
    return r < 0 ? r : 0;
}

static int task_enable(struct win *w, const char *name, bool on, struct err *e)
{
    char key[400];
    int r = real.task_enable(&real, name, on, e);

    key_of_task(name, key);
    return r == 0 ? real.reg_set_u32(&real, key, "Enabled", on, e) : r;
}

static int task_delete(struct win *w, const char *name, struct err *e)
{
    char key[400];
    int r = real.task_delete(&real, name, e);

    key_of_task(name, key);
    return r == 0 ? real.reg_delete(&real, key, NULL, e) : r;
}

/* ---- network ---- */

static int route_delete(struct win *w, const struct win_route *r, struct err *e)
{
    record("route_delete %s/%u", r->dest, r->prefix);
    return 0;
}

static int route_add(struct win *w, const struct win_route *r, struct err *e)
{
    record("route_add %s/%u gateway %s", r->dest, r->prefix, r->gateway);
    return 0;
}

/* ---- the rest ---- */

static int event_write(struct win *w, const char *log, const char *source, uint32_t id,
                       enum win_event_level level, const char *text, struct err *e)
{
    record("event %s %04u %d %s", log, (unsigned)id, (int)level, text);
    return 0;
}

static int power_off(struct win *w, bool restart, const char *why, struct err *e)
{
    record("power_off %s", restart ? "restart" : "off");
    return 0;
}

static int monitor_always_on(struct win *w, struct err *e)
{
    record("monitor_always_on");
    return 0;
}

static int hibernation(struct win *w, bool on, struct err *e)
{
    record("hibernation %s", on ? "on" : "off");
    return 0;
}

static int disk_extend(struct win *w, char letter, uint64_t *ret_grown_bytes, struct err *e)
{
    record("disk_extend %c", letter);
    *ret_grown_bytes = 0;
    return 0;
}

/* Wine gives its services C:\users\Public instead. */
static int env(struct win *w, const char *name, char **ret, struct err *e)
{
    if (!str_eq_nocase(name, "ProgramData"))
        return real.env(&real, name, ret, e);
    *ret = str_dup("C:\\ProgramData");
    return *ret ? 1 : err_oom(e);
}

/* Wine has no batch logon with a profile: the account is noted, the command runs as we are. */
static int run(struct win *w, const struct win_run *r, uint32_t *ret_pid, uint32_t *ret_exit,
               struct err *e)
{
    struct win_run as_we_are = *r;

    record("run %s%s: %s", r->user ? r->user : "system", r->detach ? " detached" : "", r->command);
    as_we_are.user = as_we_are.password = NULL;
    return real.run(&real, &as_we_are, ret_pid, ret_exit, e);
}

static int zone_set(struct win *w, const char *key, struct err *e)
{
    record("zone_set %s", key);
    return 0;
}

struct win *win_real(void)
{
    if (table.reg_get)
        return &table;
    win_fill_all(&real);
    table = real;
    table.accounts = accounts;
    table.account_set_password = set_password;
    table.account_set_flags = set_flags;
    table.account_rename = rename_account;
    table.password_min_length = min_length;
    table.task_install = task_install;
    table.task_state = task_state;
    table.task_enable = task_enable;
    table.task_delete = task_delete;
    table.route_delete = route_delete;
    table.route_add = route_add;
    table.event_write = event_write;
    table.power_off = power_off;
    table.monitor_always_on = monitor_always_on;
    table.hibernation = hibernation;
    table.run = run;
    table.env = env;
    table.disk_extend = disk_extend;
    table.zone_set = zone_set;
    return &table;
}
