/* SPDX-License-Identifier: Apache-2.0 */
/* Stands where Windows Setup and the task scheduler would in a whole machine (tools/wine-guest),
 * and holds the session until Windows is shut down. Scheduled tasks are started. After a Sysprep
 * the administrator has a blank password, the commands of the answer file's pass specialize are run
 * in their order, then SetupComplete.cmd where there is one, and the state becomes complete.
 * setup.exe v2 | v1 | ec2config: which agent's words to wait for. */
#include <windows.h>

#include <errno.h>
#include <string.h>

#include "engine/setup.h"
#include "lib/utf.h"
#include "lib/xml.h"
#include "stand-in/at-boot.h"
#include "stand-in/machine.h"

#define SPECIAL   "IMAGE_STATE_UNDEPLOYABLE"
#define COMPLETE  "C:\\windows\\Setup\\Scripts\\SetupComplete.cmd"
#define ORDER_MAX 500U
#define TASKS_MAX 16U
#define POLL_MS   200U
#define WAIT_MS   300000U
#define COMMAND   600000U
#define END_MS    60000U

#define note(w, ...) machine_note(w, RECORDED, "setup: " __VA_ARGS__)

/* ---- tasks ---- */

struct task {
    struct win *w;
    char name[WIN_NAME_MAX];
    char *command;
    unsigned delay_s;
    HANDLE down; /* not its own */
};

static void run_command(struct win *w, const char *what, const char *command)
{
    struct win_run how = { .command = command, .timeout_ms = COMMAND };
    uint32_t pid = 0, code = 0;
    struct err e = { 0 };

    if (w->run(w, &how, &pid, &code, &e) < 0)
        note(w, "%s fails: %s: %s", what, command, e.msg);
    else
        note(w, "%s ends with %u: %s", what, (unsigned)code, command);
}

static DWORD WINAPI run_task(void *arg)
{
    struct task *t = arg;

    if (WaitForSingleObject(t->down, t->delay_s * 1000) == WAIT_TIMEOUT)
        run_command(t->w, t->name, t->command);
    free(t->command);
    free(t);
    return 0;
}

static bool read_task(struct win *w, const char *name, struct task *ret)
{
    _cleanup_str_ struct str key = STR_INIT(1024);
    _cleanup_free_ char *xml = NULL;
    struct err e = { 0 };
    uint32_t on = 0;
    int r;

    str_addf(&key, TASKS "\\%s", name);
    if (win_reg_u32(w, str_text(&key), "Enabled", &on, &e) <= 0 || !on ||
        win_reg_text(w, str_text(&key), "Xml", &xml, &e) <= 0)
        return false;
    *ret = (struct task){ .w = w };
    (void)str_copy(ret->name, sizeof(ret->name), name);
    r = at_boot_command(name, xml, &ret->command, &ret->delay_s, &e);
    if (r < 0)
        note(w, "%s", e.msg);
    return r > 0;
}

/* Threads of those that run; the caller waits for them when Windows goes down. */
static size_t start_tasks(struct win *w, HANDLE down, HANDLE ret[TASKS_MAX])
{
    _cleanup_free_ struct win_name *names = NULL;
    size_t n = 0, started = 0;
    struct err e = { 0 };

    if (w->reg_keys(w, TASKS, &names, &n, &e) < 0)
        note(w, "%s", e.msg);
    for (size_t i = 0; i < n && started < TASKS_MAX; i++) {
        struct task *t = calloc(1, sizeof(*t));

        if (!t || !read_task(w, names[i].name, t)) {
            free(t);
            continue;
        }
        t->down = down;
        ret[started] = CreateThread(NULL, 0, run_task, t, 0, NULL);
        started += ret[started] != NULL;
    }
    return started;
}

/* ---- Setup ---- */

static const char *last(const char *text, const char *part)
{
    const char *found = NULL;

    while ((text = strstr(text, part)))
        found = text++;
    return found;
}

/* The log is that of all starts: of the two lines the later one counts. */
static bool agent_waits(struct win *w, const struct dialect *d)
{
    _cleanup_str_ struct str words = STR_INIT(256);
    _cleanup_free_ char *path = NULL, *raw = NULL, *log = NULL;
    struct err ignored = { 0 };
    const char *busy;
    size_t n = 0;

    str_add_mem(&words, d->setup_busy, strcspn(d->setup_busy, "%"));
    path = win_expand(w, d->log_path, &ignored);
    if (!path || w->file_read(w, path, MIB(8), &raw, &n, &ignored) < 0 ||
        utf_decode(raw, n, false, path, &log, &n, &ignored) < 0)
        return false;
    busy = last(log, str_text(&words));
    return busy && !strstr(busy, d->setup_done);
}

/* Setup takes minutes and the services are long up when it ends: here, too, the agent sees it at
 * work. */
static void wait_for_agent(struct win *w, const struct dialect *d)
{
    uint64_t start = w->tick_ms(w);
    bool waits;

    while (!(waits = agent_waits(w, d)) && w->tick_ms(w) - start < WAIT_MS)
        w->sleep_ms(w, POLL_MS);
    note(w, "%s", waits ? "the agent waits" : "the agent does not wait");
}

static const struct xml_node *deployment(const struct xml *x)
{
    for (struct xml_node *s = xml_child(x->root, "settings"); s;
         s = xml_next_named(s, "settings")) {
        const char *pass = xml_attr(s, "pass");

        if (!pass || strcmp(pass, "specialize") != 0)
            continue;
        for (struct xml_node *c = xml_child(s, "component"); c;
             c = xml_next_named(c, "component")) {
            const char *name = xml_attr(c, "name");

            if (name && strcmp(name, "Microsoft-Windows-Deployment") == 0)
                return xml_child(c, "RunSynchronous");
        }
    }
    return NULL;
}

static char *child_text(const struct xml_node *n, const char *name)
{
    const struct xml_node *c = xml_child(n, name);

    return c ? xml_text(c) : NULL;
}

static void run_commands(struct win *w, const struct xml *x)
{
    const struct xml_node *list = deployment(x);

    for (uint64_t order = 1; list && order <= ORDER_MAX; order++)
        for (struct xml_node *c = xml_child(list, "RunSynchronousCommand"); c;
             c = xml_next_named(c, "RunSynchronousCommand")) {
            _cleanup_free_ char *number = child_text(c, "Order"), *path = child_text(c, "Path");
            char what[32] = "order ";
            uint64_t n = 0;

            if (number && path && parse_u64(number, 1, ORDER_MAX, &n) == 0 && n == order) {
                (void)str_copy(what + 6, sizeof(what) - 6, number);
                run_command(w, what, path);
            }
        }
}

static void run_setup_complete(struct win *w)
{
    struct err ignored = { 0 };
    struct win_name there;

    if (w->file_stat(w, COMPLETE, &there, &ignored) > 0)
        run_command(w, "SetupComplete", "cmd.exe /c " COMPLETE);
}

static int specialize(struct win *w, const struct dialect *d, struct err *e)
{
    _cleanup_(xml_freep) struct xml *x = NULL;
    _cleanup_free_ char *text = NULL;
    size_t n = 0;

    if (w->account_set_password(w, "Administrator", "", e) < 0)
        return -e->no;
    wait_for_agent(w, d);
    if (w->file_read(w, ANSWER, XML_FILE_MAX, &text, &n, e) < 0 ||
        xml_parse("unattend.xml", text, n, &x, e) < 0)
        return -e->no;
    run_commands(w, x);
    run_setup_complete(w);
    return w->reg_set_text(w, SETUP_STATE_KEY, "ImageState", SETUP_COMPLETE, e);
}

/* ---- the end ---- */

/* As a Windows that shuts down tells its services and waits for them. */
static void end_service(struct win *w, const char *name)
{
    uint64_t start = w->tick_ms(w);
    enum win_service_state state = WIN_SERVICE_RUNNING;
    struct err e = { 0 };

    if (w->service_stop(w, name, &e) < 0)
        note(w, "%s", e.msg);
    while (w->service_state(w, name, &state, &e) == 0 && state != WIN_SERVICE_STOPPED &&
           w->tick_ms(w) - start < END_MS)
        w->sleep_ms(w, POLL_MS);
}

static const struct dialect *chosen(int argc, char *const *argv)
{
    static const struct {
        const char *name;
        enum dialect_id id;
    } names[] = { { "v2", DIALECT_V2 }, { "v1", DIALECT_V1 }, { "ec2config", DIALECT_CONFIG } };

    for (size_t i = 0; argc == 2 && i < ARRAY_LEN(names); i++)
        if (str_eq(argv[1], names[i].name))
            return dialect_get(names[i].id);
    return NULL;
}

static int session(struct win *w, const struct dialect *d)
{
    HANDLE down = CreateEventW(NULL, TRUE, FALSE, POWER_OFF), tasks[TASKS_MAX] = { NULL };
    char state[64] = "";
    struct err e = { 0 };
    size_t n;

    if (!down)
        return 1;
    n = start_tasks(w, down, tasks);
    if (setup_state(w, state, &e) < 0 || (strcmp(state, SPECIAL) == 0 && specialize(w, d, &e) < 0))
        note(w, "%s", e.msg); /* and the agent waits for ever: the story sees that */
    (void)WaitForSingleObject(down, INFINITE);
    if (d->service)
        end_service(w, d->service);
    if (n)
        (void)WaitForMultipleObjects((DWORD)n, tasks, TRUE, END_MS);
    for (size_t i = 0; i < n; i++)
        CloseHandle(tasks[i]);
    CloseHandle(down);
    return 0;
}

int wmain(void);

int wmain(void)
{
    const wchar_t *wide = GetCommandLineW();
    _cleanup_free_ char *line = utf8_from_utf16((const uint16_t *)wide, wcslen(wide));
    int argc = 0;
    char **argv = line ? win_split(line, &argc) : NULL;
    const struct dialect *d = argv ? chosen(argc, argv) : NULL;

    win_split_free(argv);
    return d ? session(win_real(), d) : 2;
}
