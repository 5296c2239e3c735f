/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kiln-freeze: holds a guest's file systems still while points of its volumes are taken, through
 * the QEMU Guest Agent in it (QEMU's manual, "QEMU Guest Agent Protocol Reference"; on Windows the
 * agent asks VSS). A process of its own, because a guest must never stay frozen: it thaws when it
 * is told, when its daemon dies, and after ten seconds, which is VSS's own limit.
 *
 * 3 is a connection to the agent, 4 is held open by who wants the freeze. On standard output one
 * line says what came of the freeze and one what came of the thaw:
 *     frozen N      N file systems            refused REASON    (the end)
 *     thawed N      they were held until now  lost REASON       they were not */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "clock.h"
#include "file.h"
#include "rand.h"
#include "str.h"

#define FD_AGENT   3
#define FD_CONTROL 4
#define LINE_MOST  65536U
#define SYNC_MS    5000U
#define FREEZE_MS  30000U
#define THAW_MS    10000U
#define HOLD_MS    10000U
#define MARK       ((char)0xff) /* before the answer of guest-sync-delimited */

static char line[LINE_MOST];

static int read_byte(uint64_t deadline_ms, char *ret)
{
    struct pollfd p = { .fd = FD_AGENT, .events = POLLIN };

    for (;;) {
        uint64_t now = clock_mono_ms();
        int r = now < deadline_ms ? poll(&p, 1, (int)(deadline_ms - now)) : 0;
        ssize_t n;

        if (r == 0)
            return -ETIMEDOUT;
        if (r < 0 && errno == EINTR)
            continue;
        n = r < 0 ? -1 : read(FD_AGENT, ret, 1);
        if (n == 1)
            return 0;
        if (n == 0)
            return -EPIPE;
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
    }
}

/* One answer, an object. mark: what stands before it belongs to an earlier question. */
static int read_answer(bool mark, uint64_t deadline_ms, json_t **ret)
{
    size_t n = 0;
    char c;
    int r = 0;

    while (mark) {
        r = read_byte(deadline_ms, &c);
        if (r < 0)
            return r;
        mark = c != MARK;
    }
    while ((r = read_byte(deadline_ms, &c)) == 0 && c != '\n') {
        if (n == sizeof line)
            return -EMSGSIZE;
        line[n++] = c;
    }
    if (r < 0)
        return r;
    *ret = json_loadb(line, n, 0, NULL);
    return json_is_object(*ret) ? 0 : -EBADMSG;
}

/* The number that the agent returns; negative: an errno, with the reason in why. */
static int64_t ask(const char *question, bool mark, unsigned within_ms, char *why, size_t size)
{
    json_t *answer = NULL;
    const json_t *value;
    const char *desc;
    int64_t ret = 0;
    int r = write_full(FD_AGENT, question, strlen(question));

    if (r == 0)
        r = read_answer(mark, clock_mono_ms() + within_ms, &answer);
    value = r == 0 ? json_object_get(answer, "return") : NULL;
    desc = r == 0 ? json_string_value(json_object_get(json_object_get(answer, "error"), "desc"))
                  : NULL;
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        ret = json_integer_value(value);
    } else {
        char shown[160];

        ret = r < 0 ? r : -EREMOTEIO;
        (void)snprintf(why, size, "%s", r < 0 ? strerrordesc_np(-r) : "the agent has no answer");
        if (desc)
            (void)snprintf(why, size, "%s", str_show(desc, shown, sizeof shown));
    }
    json_decref(answer);
    return ret;
}

static int64_t sync_with(char *why, size_t size)
{
    uint32_t id = 0;
    char question[128];
    int64_t got;

    rand_bytes(&id, sizeof id);
    id >>= 1;
    (void)snprintf(question, sizeof question,
                   "%c{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":%u}}\n", MARK,
                   (unsigned)id);
    got = ask(question, true, SYNC_MS, why, size);
    if (got >= 0 && got != (int64_t)id) {
        (void)snprintf(why, size, "the agent answers another question");
        return -EBADMSG;
    }
    return got;
}

static int say(const char *word, int64_t n, const char *why)
{
    if (why)
        printf("%s %s\n", word, why);
    else
        printf("%s %lld\n", word, (long long)n);
    return fflush(stdout);
}

/* True when it was let go in time. */
static bool hold(void)
{
    struct pollfd p[2] = { { .fd = FD_CONTROL, .events = POLLIN },
                           { .fd = FD_AGENT, .events = POLLRDHUP } };
    uint64_t until = clock_mono_ms() + HOLD_MS;

    for (;;) {
        uint64_t now = clock_mono_ms();
        int r = now < until ? poll(p, ARRAY_LEN(p), (int)(until - now)) : 0;

        if (r < 0 && errno == EINTR)
            continue;
        return r > 0 && p[0].revents;
    }
}

int main(void)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    char why[200];
    int64_t frozen, thawed;
    bool in_time;

    (void)sigaction(SIGPIPE, &ignore,
                    NULL); /* a daemon that died reads nothing: thaw all the same */
    if (sync_with(why, sizeof why) < 0)
        return say("refused", 0, why);
    frozen = ask("{\"execute\":\"guest-fsfreeze-freeze\"}\n", false, FREEZE_MS, why, sizeof why);
    if (frozen > 0) {
        (void)say("frozen", frozen, NULL);
        in_time = hold();
    } else { /* it may have frozen some, or be late with it: the thaw goes out in any case */
        (void)say("refused", 0, frozen < 0 ? why : "it has no file system to freeze");
        in_time = false;
    }
    thawed = ask("{\"execute\":\"guest-fsfreeze-thaw\"}\n", false, THAW_MS, why, sizeof why);
    if (frozen <= 0)
        return 0;
    if (!in_time)
        return say("lost", 0, "the points were not taken in time");
    if (thawed < 0)
        return say("lost", 0, why);
    if (thawed == 0)
        return say("lost", 0, "somebody else has thawed it meanwhile");
    return say("thawed", thawed, NULL);
}
