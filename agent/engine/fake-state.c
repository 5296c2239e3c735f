/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts, services and scheduled tasks of the fake. */
#include "engine/fake.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

void fake_account(struct fake *f, const char *name, uint32_t rid, unsigned flags)
{
    struct win_account *a = &f->accounts[f->accounts_n++];

    assert(f->accounts_n <= FAKE_MAX);
    (void)str_copy(a->name, sizeof(a->name), name);
    a->rid = rid;
    a->flags = flags;
}

struct win_account *fake_find_account(struct fake *f, const char *name)
{
    for (size_t i = 0; i < f->accounts_n; i++)
        if (str_eq_nocase(f->accounts[i].name, name))
            return &f->accounts[i];
    return NULL;
}

const char *fake_password(struct fake *f, const char *account)
{
    struct win_account *a = fake_find_account(f, account);

    return a ? f->passwords[a - f->accounts] : NULL;
}

static int accounts(struct win *w, struct win_account **ret, size_t *ret_n, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "accounts", e);

    if (r < 0)
        return r;
    *ret = calloc(f->accounts_n + 1, sizeof(**ret));
    memcpy(*ret, f->accounts, f->accounts_n * sizeof(**ret));
    *ret_n = f->accounts_n;
    return 0;
}

static int find(struct fake *f, const char *name, struct win_account **ret, struct err *e)
{
    *ret = fake_find_account(f, name);
    if (!*ret)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "account '%s' does not exist", name);
    return 0;
}

static int account_set_password(struct win *w, const char *name, const char *password,
                                struct err *e)
{
    struct fake *f = fake_of(w);
    struct win_account *a;
    int r = fake_fails(f, "account_set_password", e);

    if (r == 0)
        r = find(f, name, &a, e);
    if (r < 0)
        return r;
    fake_record(f, "account_set_password %s", name);
    free(f->passwords[a - f->accounts]);
    f->passwords[a - f->accounts] = str_dup(password);
    return 0;
}

static int account_set_flags(struct win *w, const char *name, unsigned clear, unsigned set,
                             struct err *e)
{
    struct fake *f = fake_of(w);
    struct win_account *a;
    int r = fake_fails(f, "account_set_flags", e);

    if (r == 0)
        r = find(f, name, &a, e);
    if (r < 0)
        return r;
    fake_record(f, "account_set_flags %s clear %u set %u", name, clear, set);
    a->flags = (a->flags & ~clear) | set;
    return 0;
}

static int account_rename(struct win *w, const char *name, const char *to, struct err *e)
{
    struct fake *f = fake_of(w);
    struct win_account *a;
    int r = fake_fails(f, "account_rename", e);

    if (r == 0)
        r = find(f, name, &a, e);
    if (r < 0)
        return r;
    fake_record(f, "account_rename %s -> %s", name, to);
    return str_copy(a->name, sizeof(a->name), to);
}

static int password_min_length(struct win *w, unsigned *ret, struct err *e)
{
    *ret = fake_of(w)->min_length;
    return fake_fails(fake_of(w), "password_min_length", e);
}

static struct fake_named *find_named(struct fake_named *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq_nocase(list[i].name, name))
            return &list[i];
    return NULL;
}

static struct fake_named *put_named(struct fake_named *list, size_t *n, const char *name)
{
    struct fake_named *s = find_named(list, *n, name);

    if (s)
        return s;
    assert(*n < FAKE_MAX);
    s = &list[(*n)++];
    (void)str_copy(s->name, sizeof(s->name), name);
    return s;
}

struct fake_named *fake_service(struct fake *f, const char *name, enum win_service_state state)
{
    struct fake_named *s = put_named(f->services, &f->services_n, name);

    s->state = state;
    return s;
}

struct fake_named *fake_find_service(struct fake *f, const char *name)
{
    struct fake_named *s = find_named(f->services, f->services_n, name);

    return s && s->state != WIN_SERVICE_ABSENT ? s : NULL;
}

struct fake_named *fake_find_task(struct fake *f, const char *name)
{
    struct fake_named *s = find_named(f->tasks, f->tasks_n, name);

    return s && s->task != WIN_TASK_ABSENT ? s : NULL;
}

static int service_state(struct win *w, const char *name, enum win_service_state *ret,
                         struct err *e)
{
    struct fake_named *s = fake_find_service(fake_of(w), name);

    *ret = s ? s->state : WIN_SERVICE_ABSENT;
    return fake_fails(fake_of(w), "service_state", e);
}

static int service_move(struct win *w, const char *row, const char *name, struct fake_named **ret,
                        struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, row, e);

    if (r < 0)
        return r;
    *ret = fake_find_service(f, name);
    if (!*ret)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "service '%s' does not exist", name);
    fake_record(f, "%s %s", row, name);
    return 0;
}

static int service_missed(struct win *w, const char *name, struct err *e)
{
    const struct fake_named *s = fake_find_service(fake_of(w), name);
    int r = fake_fails(fake_of(w), "service_missed", e);

    return r < 0 ? r : s && s->missed && s->state == WIN_SERVICE_STOPPED;
}

static int service_start(struct win *w, const char *name, struct err *e)
{
    struct fake_named *s;
    int r = service_move(w, "service_start", name, &s, e);

    if (r < 0)
        return r;
    if (s->start == WIN_START_DISABLED)
        return err_set(e, EACCES, ERR_CONFLICT, "service '%s' is disabled", name);
    s->state = WIN_SERVICE_RUNNING;
    return 0;
}

static int service_stop(struct win *w, const char *name, struct err *e)
{
    struct fake_named *s;
    int r = service_move(w, "service_stop", name, &s, e);

    if (r == 0)
        s->state = WIN_SERVICE_STOPPED;
    return r;
}

static int service_set_start(struct win *w, const char *name, enum win_service_start how,
                             struct err *e)
{
    struct fake_named *s;
    int r = service_move(w, "service_set_start", name, &s, e);

    if (r == 0)
        s->start = how;
    return r;
}

static int service_install(struct win *w, const struct win_service *spec, struct err *e)
{
    struct fake *f = fake_of(w);
    struct fake_named *s;
    int r = fake_fails(f, "service_install", e);

    if (r < 0)
        return r;
    fake_record(f, "service_install %s", spec->name);
    s = fake_service(f, spec->name, WIN_SERVICE_STOPPED);
    s->start = spec->start;
    free(s->text);
    s->text = str_dup(spec->command);
    return 0;
}

static int service_delete(struct win *w, const char *name, struct err *e)
{
    struct fake_named *s = fake_find_service(fake_of(w), name);

    fake_record(fake_of(w), "service_delete %s", name);
    if (s)
        s->state = WIN_SERVICE_ABSENT;
    return fake_fails(fake_of(w), "service_delete", e);
}

static int task_install(struct win *w, const char *name, const char *xml, struct err *e)
{
    struct fake *f = fake_of(w);
    struct fake_named *t;
    int r = fake_fails(f, "task_install", e);

    if (r < 0)
        return r;
    fake_record(f, "task_install %s", name);
    t = put_named(f->tasks, &f->tasks_n, name);
    t->task = strstr(xml, "<Enabled>false</Enabled>") ? WIN_TASK_DISABLED : WIN_TASK_ENABLED;
    free(t->text);
    t->text = str_dup(xml);
    return 0;
}

static int task_state(struct win *w, const char *name, enum win_task_state *ret, struct err *e)
{
    struct fake_named *t = fake_find_task(fake_of(w), name);

    *ret = t ? t->task : WIN_TASK_ABSENT;
    return fake_fails(fake_of(w), "task_state", e);
}

static int task_enable(struct win *w, const char *name, bool on, struct err *e)
{
    struct fake *f = fake_of(w);
    struct fake_named *t = fake_find_task(f, name);
    int r = fake_fails(f, "task_enable", e);

    if (r < 0)
        return r;
    if (!t)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "task '%s' does not exist", name);
    fake_record(f, "task_enable %s %s", name, on ? "on" : "off");
    t->task = on ? WIN_TASK_ENABLED : WIN_TASK_DISABLED;
    return 0;
}

static int task_delete(struct win *w, const char *name, struct err *e)
{
    struct fake_named *t = fake_find_task(fake_of(w), name);

    fake_record(fake_of(w), "task_delete %s", name);
    if (t)
        t->task = WIN_TASK_ABSENT;
    return fake_fails(fake_of(w), "task_delete", e);
}

void fake_fill_state(struct win *w)
{
    w->accounts = accounts;
    w->account_set_password = account_set_password;
    w->account_set_flags = account_set_flags;
    w->account_rename = account_rename;
    w->password_min_length = password_min_length;
    w->service_state = service_state;
    w->service_missed = service_missed;
    w->service_start = service_start;
    w->service_stop = service_stop;
    w->service_set_start = service_set_start;
    w->service_install = service_install;
    w->service_delete = service_delete;
    w->task_install = task_install;
    w->task_state = task_state;
    w->task_enable = task_enable;
    w->task_delete = task_delete;
    fake_account(fake_of(w), "Administrator", 500, 0);
    fake_account(fake_of(w), "Guest", 501, WIN_ACCOUNT_DISABLED);
}
