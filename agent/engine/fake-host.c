/* SPDX-License-Identifier: Apache-2.0 */
/* Time, event log, power, processes, serial port and the machine of the fake. */
#include "engine/fake.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static uint64_t now_ms(struct win *w)
{
    return fake_of(w)->now_ms + fake_of(w)->tick_ms;
}

static uint64_t tick_ms(struct win *w)
{
    return fake_of(w)->tick_ms;
}

static void sleep_ms(struct win *w, uint32_t ms)
{
    fake_of(w)->tick_ms += ms;
}

static int zone(struct win *w, struct win_zone *ret, struct err *e)
{
    *ret = fake_of(w)->zone;
    return fake_fails(fake_of(w), "zone", e);
}

static int zone_set(struct win *w, const char *key, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "zone_set", e);

    if (r < 0)
        return r;
    fake_record(f, "zone_set %s", key);
    return str_copy(f->zone.key, sizeof(f->zone.key), key);
}

static int event_write(struct win *w, const char *log, const char *source, uint32_t id,
                       enum win_event_level level, const char *text, struct err *e)
{
    fake_record(fake_of(w), "event_write %s %s %u %d %s", log, source, id, (int)level, text);
    return fake_fails(fake_of(w), "event_write", e);
}

static int events(struct win *w, const char *log, const char *source, enum win_event_level level,
                  size_t max, struct win_event **ret, size_t *ret_n, struct err *e)
{
    struct fake *f = fake_of(w);
    struct win_event *list;
    size_t first = 0, n = 0;
    int r = fake_fails(f, "events", e);

    if (r < 0)
        return r;
    list = calloc(f->events_n + 1, sizeof(*list));
    for (size_t i = 0; i < f->events_n; i++)
        if ((!source || str_eq_nocase(source, f->events[i].source)) &&
            (level == WIN_EVENT_ANY || level == f->events[i].level))
            list[n++] = f->events[i];
    if (n > max)
        first = n - max;
    memmove(list, list + first, (n - first) * sizeof(*list));
    *ret = list;
    *ret_n = n - first;
    return 0;
}

static void settle(struct win *w)
{
    fake_record(fake_of(w), "settle");
}

static int power_off(struct win *w, bool restart, const char *why, struct err *e)
{
    fake_record(fake_of(w), "power_off %s: %s", restart ? "restart" : "off", why);
    return fake_fails(fake_of(w), "power_off", e);
}

static int monitor_always_on(struct win *w, struct err *e)
{
    fake_record(fake_of(w), "monitor_always_on");
    return fake_fails(fake_of(w), "monitor_always_on", e);
}

static int hibernation(struct win *w, bool on, struct err *e)
{
    fake_record(fake_of(w), "hibernation %s", on ? "on" : "off");
    return fake_fails(fake_of(w), "hibernation", e);
}

void fake_command(struct fake *f, const char *starts, uint32_t code, const char *out,
                  const char *err, void (*effect)(struct win *w, const struct win_run *r))
{
    struct fake_run *r = calloc(1, sizeof(*r));

    assert(r);
    r->starts = str_dup(starts);
    r->exit_code = code;
    r->out = str_dup(out ? out : "");
    r->err = str_dup(err ? err : "");
    r->effect = effect;
    r->next = f->runs; /* the newest wins */
    f->runs = r;
}

static bool starts_nocase(const char *text, const char *start)
{
    char *head = strlen(text) >= strlen(start) ? str_dup_n(text, strlen(start)) : NULL;
    bool yes = head && str_eq_nocase(head, start);

    free(head);
    return yes;
}

static int run(struct win *w, const struct win_run *r, uint32_t *ret_pid, uint32_t *ret_exit,
               struct err *e)
{
    struct fake *f = fake_of(w);
    const struct fake_run *row = NULL;
    int no = fake_fails(f, "run", e);

    if (no < 0)
        return no;
    fake_record(f, "run%s%s%s %s", r->detach ? " detached" : "", r->user ? " as " : "",
                r->user ? r->user : "", r->command);
    for (row = f->runs; row && !starts_nocase(r->command, row->starts); row = row->next)
        ;
    if (r->out_path)
        fake_file(f, r->out_path, row ? row->out : "");
    if (r->err_path)
        fake_file(f, r->err_path, row ? row->err : "");
    if (r->started)
        r->started(r->ctx, 4242);
    if (row && row->effect)
        row->effect(w, r);
    *ret_pid = 4242;
    *ret_exit = row && !r->detach ? row->exit_code : 0;
    return 0;
}

/* One after the other: threads are the real table's business. */
static int run_all(struct win *w, void (*fn)(void *arg), void *const *args, size_t n, struct err *e)
{
    int r = fake_fails(fake_of(w), "run_all", e);

    for (size_t i = 0; r == 0 && i < n; i++)
        fn(args[i]);
    return r;
}

static int ancestors(struct win *w, struct win_name **ret, size_t *ret_n, struct err *e)
{
    struct fake *f = fake_of(w);

    *ret = calloc(f->ancestors_n + 1, sizeof(**ret));
    memcpy(*ret, f->ancestors, f->ancestors_n * sizeof(**ret));
    *ret_n = f->ancestors_n;
    return 0;
}

static bool is_admin(struct win *w)
{
    return !fake_of(w)->not_admin;
}

static int port_open(struct win *w, const char *name, struct win_port **ret, struct err *e)
{
    struct fake *f = fake_of(w);

    if (f->port_busy) {
        f->port_busy--;
        return err_set(e, EBUSY, ERR_CONFLICT, "open %s: in use", name);
    }
    if (f->port_absent || !str_eq_nocase(name, f->port ? f->port : "COM1"))
        return err_set(e, ENOENT, ERR_NOT_FOUND, "open %s: it does not exist", name);
    assert(!f->port_is_open);
    fake_record(f, "port_open %s", name);
    f->port_is_open = true;
    *ret = (struct win_port *)f;
    return 0;
}

static int port_write(struct win *w, struct win_port *p, const void *data, size_t n, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "port_write", e);

    if (r < 0)
        return r;
    assert(f->port_is_open);
    str_add_mem(&f->serial, data, n);
    fake_record(f, "port_write %.*s", (int)n, (const char *)data);
    return 0;
}

static void port_close(struct win *w, struct win_port *p)
{
    fake_record(fake_of(w), "port_close");
    fake_of(w)->port_is_open = false;
}

static int firmware_table(struct win *w, const char *name, void **ret, size_t *ret_n, struct err *e)
{
    struct fake *f = fake_of(w);

    if (!f->spcr || !str_eq(name, "SPCR"))
        return 0;
    *ret = str_dup_n(f->spcr, f->spcr_n);
    *ret_n = f->spcr_n;
    return 1;
}

static int port_of_pci(struct win *w, const struct win_pci *at, char **ret, struct err *e)
{
    if (!fake_of(w)->pci_port)
        return 0;
    *ret = str_dup(fake_of(w)->pci_port);
    return 1;
}

static int system_of(struct win *w, struct win_system *ret, struct err *e)
{
    *ret = fake_of(w)->sys;
    return fake_fails(fake_of(w), "system", e);
}

static int drivers(struct win *w, struct win_driver **ret, size_t *ret_n, struct err *e)
{
    struct fake *f = fake_of(w);
    int r = fake_fails(f, "drivers", e);

    if (r < 0)
        return r;
    *ret = calloc(f->drivers_n + 1, sizeof(**ret));
    memcpy(*ret, f->drivers, f->drivers_n * sizeof(**ret));
    *ret_n = f->drivers_n;
    return 0;
}

static int picture_draw(struct win *w, const struct win_picture *p, struct err *e)
{
    struct str s = STR_INIT(KIB(64));
    int r = fake_fails(fake_of(w), "picture_draw", e);

    if (r < 0)
        return r;
    fake_record(fake_of(w), "picture_draw %s over %s", p->out_path,
                p->base_path ? p->base_path : "navy");
    for (size_t i = 0; i < p->n; i++)
        str_addf(&s, "%s: %s\n", p->labels[i], p->values[i]);
    fake_file(fake_of(w), p->out_path, str_text(&s));
    str_done(&s);
    return 0;
}

static int picture_set(struct win *w, const char *path, struct err *e)
{
    fake_record(fake_of(w), "picture_set %s", path);
    return fake_fails(fake_of(w), "picture_set", e);
}

static void fill_machine(struct fake *f)
{
    f->zone = (struct win_zone){ .key = "UTC", .standard = "Coordinated Universal Time" };
    f->sys = (struct win_system){ .sku = 8,
                                  .major = 10,
                                  .build = 20348,
                                  .language = "en-US",
                                  .arch = "AMD64",
                                  .memory_bytes = 4ULL << 30,
                                  .processors = 2,
                                  .server = true };
}

/* Code page 850, as far as tests need it. */
static int console_text(struct win *w, const char *p, size_t n, char **ret, struct err *e)
{
    struct str s = STR_INIT(MIB(1));

    for (size_t i = 0; i < n; i++)
        str_add(&s, p[i] == '\x81' ? "\u00fc" : p[i] & 0x80 ? "?" : (const char[]){ p[i], '\0' });
    *ret = str_take(&s);
    return *ret ? 0 : err_oom(e);
}

void fake_fill_host(struct win *w)
{
    w->now_ms = now_ms;
    w->tick_ms = tick_ms;
    w->sleep_ms = sleep_ms;
    w->zone = zone;
    w->zone_set = zone_set;
    w->event_write = event_write;
    w->events = events;
    w->power_off = power_off;
    w->settle = settle;
    w->monitor_always_on = monitor_always_on;
    w->hibernation = hibernation;
    w->run = run;
    w->run_all = run_all;
    w->ancestors = ancestors;
    w->is_admin = is_admin;
    w->port_open = port_open;
    w->port_write = port_write;
    w->port_close = port_close;
    w->firmware_table = firmware_table;
    w->port_of_pci = port_of_pci;
    w->system = system_of;
    w->console_text = console_text;
    w->drivers = drivers;
    w->picture_draw = picture_draw;
    w->picture_set = picture_set;
    fill_machine(fake_of(w));
}
