/* SPDX-License-Identifier: Apache-2.0 */
/* Stands where Windows Setup would in a whole machine (tools/wine-guest), and holds the session
 * until Windows is shut down. After a Sysprep the administrator has a blank password, the commands
 * of the answer file's pass specialize are run in their order, and the state becomes complete. */
#include <windows.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/setup.h"
#include "engine/win.h"
#include "lib/xml.h"
#include "stand-in/machine.h"

#define AGENT_LOG "C:\\ProgramData\\Amazon\\EC2Launch\\log\\agent.log"
#define BUSY      "Windows is being configured. SysprepState="
#define DONE      "Windows sysprep configuration complete."
#define SPECIAL   "IMAGE_STATE_UNDEPLOYABLE"
#define ORDER_MAX 500U
#define POLL_MS   200U
#define WAIT_MS   300000U
#define COMMAND   600000U
#define END_MS    60000U

static void record(struct win *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void record(struct win *w, const char *fmt, ...)
{
    _cleanup_str_ struct str s = STR_INIT(KIB(32));
    struct err ignored = { 0 };
    char line[2048];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    str_addf(&s, "setup: %s\r\n", line);
    (void)w->file_append(w, RECORDED, str_text(&s), s.len, &ignored);
}

static const char *last(const char *text, const char *part)
{
    const char *found = NULL;

    while ((text = strstr(text, part)))
        found = text++;
    return found;
}

/* The log is that of all starts: of the two lines the later one counts. */
static bool agent_waits(struct win *w)
{
    _cleanup_free_ char *log = NULL;
    struct err ignored = { 0 };
    const char *busy;
    size_t n = 0;

    if (w->file_read(w, AGENT_LOG, MIB(8), &log, &n, &ignored) < 0)
        return false;
    busy = last(log, BUSY);
    return busy && !strstr(busy, DONE);
}

/* Setup takes minutes and the services are long up when it ends: here, too, the agent sees it at
 * work. */
static void wait_for_agent(struct win *w)
{
    uint64_t start = w->tick_ms(w);

    while (!agent_waits(w) && w->tick_ms(w) - start < WAIT_MS)
        w->sleep_ms(w, POLL_MS);
    record(w, agent_waits(w) ? "the agent waits" : "the agent does not wait");
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

static void run_one(struct win *w, uint64_t order, const char *command)
{
    struct win_run what = { .command = command, .timeout_ms = COMMAND };
    uint32_t pid = 0, code = 0;
    struct err e = { 0 };

    if (w->run(w, &what, &pid, &code, &e) < 0)
        record(w, "order %u fails: %s: %s", (unsigned)order, command, e.msg);
    else
        record(w, "order %u ends with %u: %s", (unsigned)order, (unsigned)code, command);
}

static void run_commands(struct win *w, const struct xml *x)
{
    const struct xml_node *list = deployment(x);

    for (uint64_t order = 1; list && order <= ORDER_MAX; order++)
        for (struct xml_node *c = xml_child(list, "RunSynchronousCommand"); c;
             c = xml_next_named(c, "RunSynchronousCommand")) {
            _cleanup_free_ char *number = child_text(c, "Order"), *path = child_text(c, "Path");
            uint64_t n = 0;

            if (number && path && parse_u64(number, 1, ORDER_MAX, &n) == 0 && n == order)
                run_one(w, order, path);
        }
}

static void specialize(struct win *w)
{
    _cleanup_(xml_freep) struct xml *x = NULL;
    _cleanup_free_ char *text = NULL;
    struct err e = { 0 };
    size_t n = 0;
    int r = w->account_set_password(w, "Administrator", "", &e);

    wait_for_agent(w);
    if (r == 0)
        r = w->file_read(w, ANSWER, XML_FILE_MAX, &text, &n, &e);
    if (r == 0)
        r = xml_parse("unattend.xml", text, n, &x, &e);
    if (r == 0) {
        run_commands(w, x);
        r = w->reg_set_text(w, SETUP_STATE_KEY, "ImageState", SETUP_COMPLETE, &e);
    }
    if (r < 0)
        record(w, "%s", e.msg); /* and the agent waits for ever: the story sees that */
}

/* As a Windows that shuts down waits for its services. */
static void let_agent_end(struct win *w)
{
    uint64_t start = w->tick_ms(w);
    enum win_service_state state = WIN_SERVICE_RUNNING;
    struct err ignored = { 0 };

    while (w->service_state(w, "EC2Launch", &state, &ignored) == 0 &&
           state != WIN_SERVICE_STOPPED && w->tick_ms(w) - start < END_MS)
        w->sleep_ms(w, POLL_MS);
}

int wmain(void);

int wmain(void)
{
    struct win *w = win_real();
    char state[64] = "";
    HANDLE down = CreateEventW(NULL, TRUE, FALSE, POWER_OFF);
    struct err e = { 0 };

    if (!down)
        return 1;
    if (setup_state(w, state, &e) == 0 && strcmp(state, SPECIAL) == 0)
        specialize(w);
    (void)WaitForSingleObject(down, INFINITE);
    let_agent_end(w);
    CloseHandle(down);
    return 0;
}
