/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/setup.h"

#include <errno.h>
#include <string.h>

#define POLL_MS  1000U
#define STILL_MS 60000U

int setup_state(struct win *w, char ret[64], struct err *e)
{
    _cleanup_free_ char *text = NULL;
    int r = win_reg_text(w, SETUP_STATE_KEY, "ImageState", &text, e);

    if (r < 0)
        return r;
    if (str_copy(ret, 64, text ? text : "") < 0)
        (void)str_copy(ret, 64, "unknown"); /* no state is that long: wait, as for any other */
    return 0;
}

static bool is_complete(const char *state)
{
    return !*state || str_eq(state, SETUP_COMPLETE);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the dialect's rows, not outside text */
static void say_state(struct console *c, const char *fmt, const char *state)
{
    console_say(c, fmt, state);
}

static void log_state(struct console *c, const char *fmt, const char *state)
{
    log_say(console_log(c), LOG_INFO, fmt, state);
}
#pragma GCC diagnostic pop

static void say_done(struct console *c, const struct dialect *d)
{
    console_say(c, "%s", d->setup_done);
    for (const char *const *line = d->setup_after; *line; line++)
        console_say(c, "%s", *line);
}

int setup_wait(struct win *w, struct console *c, const struct dialect *d, uint32_t limit_ms,
               bool (*stop)(void *ctx), void *ctx, struct err *e)
{
    uint64_t start = w->tick_ms(w), said = start;
    char state[64];
    int r = setup_state(w, state, e);

    if (r < 0)
        return r;
    if (is_complete(state)) {
        if (d->setup_done_always)
            say_done(c, d);
        return 0;
    }
    say_state(c, d->setup_busy, state);
    while (!is_complete(state)) {
        uint64_t now = w->tick_ms(w);

        if (stop && stop(ctx))
            return err_set(e, ECANCELED, ERR_OTHER, "stopped while Windows Setup was at work");
        if (limit_ms && now - start >= limit_ms)
            return err_set(e, ETIMEDOUT, ERR_TIMEOUT, "Windows Setup is still in state '%s'",
                           state);
        if (now - said >= STILL_MS) {
            log_state(c, d->setup_still, state);
            said = now;
        }
        w->sleep_ms(w, POLL_MS);
        r = setup_state(w, state, e);
        if (r < 0)
            return r;
    }
    say_done(c, d);
    return 0;
}

int setup_wait_quietly(struct win *w, struct err *e)
{
    char state[64];
    int r;

    while ((r = setup_state(w, state, e)) == 0 && !is_complete(state))
        w->sleep_ms(w, POLL_MS);
    return r;
}
