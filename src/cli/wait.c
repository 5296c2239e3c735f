/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wait.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "parse.h"

#define POLL_MOST_MS   1000
#define TIMEOUT_MOST_S 604800

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
    (void)sig;
    interrupted = 1;
}

void wait_catch(void)
{
    const struct sigaction sa = { .sa_handler = on_signal };

    (void)sigaction(SIGINT, &sa, NULL); /* cannot fail with these arguments */
}

bool wait_interrupted(void)
{
    return interrupted;
}

bool wait_word_in(const char *word, const char *words)
{
    size_t len = strlen(word);

    for (const char *p = words; p && *p;) {
        size_t n = strcspn(p, "|");

        if (n == len && memcmp(p, word, n) == 0)
            return true;
        p += n + (p[n] == '|');
    }
    return false;
}

int wait_timeout(struct cli *c, uint64_t fallback_s, uint64_t *ret_ms, struct err *e)
{
    const char *text = cli_opt(c, "--timeout");
    uint64_t s = fallback_s;

    if (text && parse_u64(text, 1, TIMEOUT_MOST_S, &s) < 0)
        return cli_usage(c, e, "--timeout takes seconds from 1 to %d, not '%s'", TIMEOUT_MOST_S,
                         text);
    *ret_ms = s * 1000;
    return 0;
}

/* The status checks are not part of DescribeInstances. */
static int status_ok(struct cli *c, const char *id, bool *ret, struct err *e)
{
    _cleanup_query_ struct query q = QUERY_INIT;
    _cleanup_answer_ struct answer a = { 0 };
    int r;

    query_action(&q, "DescribeInstanceStatus");
    query_add(&q, "InstanceId.1", id);
    r = client_call(c, &q, &a, e);
    if (r < 0)
        return r;
    *ret =
        str_eq(xml_text_at(answer_root(&a), "instanceStatusSet/item/instanceStatus/status"), "ok");
    return 0;
}

static bool is_filled(const json_t *rec)
{
    return rec_int(rec, "fill_done", 0) >= rec_int(rec, "fill_total", 0);
}

/* 1 reached, 0 not yet */
static int reached(struct cli *c, const struct wait_spec *w, const json_t *rec, struct err *e)
{
    const char *state = rec_text(rec, "state");
    bool ok = false;
    int r;

    if (str_eq(w->want, "filled"))
        return is_filled(rec) && wait_word_in(state, "available|in-use");
    if (str_eq(w->want, "attached")) /* EC2 says 'in-use' as soon as it is asked */
        return str_eq(rec_text(json_array_get(json_object_get(rec, "attachments"), 0), "status"),
                      "attached");
    if (str_eq(w->want, "ok") && str_eq(state, "running")) {
        r = status_ok(c, w->id, &ok, e);
        return r < 0 ? r : ok;
    }
    return str_eq(state, w->want);
}

static int judge(struct cli *c, const struct wait_spec *w, const json_t *rec, struct err *e)
{
    const char *state = rec_text(rec, "state"), *why = rec_text(rec, "reason");
    int r = reached(c, w, rec, e);

    if (r != 0)
        return r;
    if (str_eq(w->want, "gone") || str_eq(w->want, "terminated") || str_eq(w->want, "deleting"))
        return 0;
    if (wait_word_in(state, kind_def(w->kind)->failed) || wait_word_in(state, w->fail))
        return err_set(e, ECANCELED, ERR_CONFLICT, "%s '%s' is '%s'%s%s", kind_def(w->kind)->word,
                       w->id, state, why[0] ? ": " : "", why);
    return 0;
}

static void tell(struct progress *p, const struct wait_spec *w, const json_t *rec)
{
    uint64_t total = rec_int(rec, "bytes_total", 0), done = rec_int(rec, "bytes_done", 0);
    char line[PROGRESS_LINE_MAX], read_[UNITS_MAX], stored[UNITS_MAX];

    if (!w->doing || !rec)
        return;
    if (total && !json_is_null(json_object_get(rec, "bytes_done"))) {
        progress_bytes(p, w->doing, done, total, rec_int(rec, "bytes_per_s", 0), clock_mono_ms());
        return;
    }
    if (json_is_null(json_object_get(rec, "progress")))
        (void)snprintf(line, sizeof(line), "%s: %s", w->doing, rec_text(rec, "state"));
    else
        (void)snprintf(line, sizeof(line), "%s: %llu %%, %s read, %s stored", w->doing,
                       (unsigned long long)rec_int(rec, "progress", 0),
                       units_bytes(rec_int(rec, "bytes_read", 0), read_),
                       units_bytes(rec_int(rec, "bytes_stored", 0), stored));
    progress_text(p, line, clock_mono_ms());
}

void wait_pause(uint64_t *delay_ms)
{
    const struct timespec t = { .tv_sec = (time_t)(*delay_ms / 1000),
                                .tv_nsec = (long)(*delay_ms % 1000) * 1000000 };

    (void)nanosleep(&t, NULL); /* shorter is fine: a signal came */
    *delay_ms = min_u64(*delay_ms + *delay_ms / 4, POLL_MOST_MS);
}

/* 1 done, 0 again. *rec is the newest record, NULL when there is none any more. */
static int look(struct cli *c, const struct wait_spec *w, json_t **rec, struct err *e)
{
    struct err why = { 0 };
    json_t *now = NULL;
    int r = record_get(c, w->kind, w->id, &now, &why);

    if (r < 0 && why.kind == ERR_NOT_FOUND && wait_word_in(w->want, "gone|terminated|deleting")) {
        json_decref(*rec);
        *rec = NULL;
        return 1;
    }
    if (r < 0) {
        *e = why;
        return r;
    }
    json_decref(*rec);
    *rec = now;
    return judge(c, w, now, e);
}

static int loop(struct cli *c, const struct wait_spec *w, struct progress *p, json_t **rec,
                struct err *e)
{
    uint64_t start = clock_mono_ms(), delay_ms = WAIT_POLL_FIRST_MS;

    for (;;) {
        int r = look(c, w, rec, e);

        if (interrupted) {
            err_clear(e);
            c->exit = CLI_INTERRUPTED;
            return err_set(e, ECANCELED, ERR_OTHER, "interrupted");
        }
        if (r != 0)
            return r;
        tell(p, w, *rec);
        if (w->timeout_ms && clock_mono_ms() - start >= w->timeout_ms)
            return err_set(e, ETIMEDOUT, ERR_TIMEOUT,
                           "%s '%s' is still '%s' after %llu s, not '%s'", kind_def(w->kind)->word,
                           w->id, rec_text(*rec, "state"),
                           (unsigned long long)(w->timeout_ms / 1000), w->want);
        wait_pause(&delay_ms);
    }
}

int wait_for(struct cli *c, const struct wait_spec *w, json_t **ret, struct err *e)
{
    _cleanup_json_ json_t *rec = NULL;
    struct progress p;
    int r;

    progress_init(&p, stderr, isatty(STDERR_FILENO));
    wait_catch();
    r = loop(c, w, &p, &rec, e);
    if (r > 0)
        tell(&p, w, rec); /* a fast one shows its end at least */
    progress_end(&p);
    if (r < 0)
        return r;
    if (ret)
        *ret = TAKE_PTR(rec);
    return 0;
}
