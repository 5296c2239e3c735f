/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The administrator's password that a Windows guest made at its first start. */
#include "verbs.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "file.h"
#include "parse.h"
#include "password.h"
#include "wait.h"

#define PASSWORD_WAIT_S 900 /* a first start of Windows; EC2 promises no less */

struct wanted {
    char id[64];
    char why[CLI_FIELD_MAX]; /* there is none */
    void *cipher;
    size_t len;
};

static void wanted_done(struct wanted *w)
{
    free(w->cipher);
}

/* 1: there is one. 0: not yet, or never; w->why says why. */
static int ask(struct cli *c, struct wanted *w, struct err *e)
{
    _cleanup_query_ struct query q = QUERY_INIT;
    _cleanup_answer_ struct answer a = { 0 };
    const char *data, *why;
    int r;

    query_action(&q, "GetPasswordData");
    query_add(&q, "InstanceId", w->id);
    r = client_call(c, &q, &a, e);
    if (r < 0)
        return r;
    data = xml_text_at(answer_root(&a), "passwordData");
    why = xml_text_at(answer_root(&a), "kilnReason");
    (void)snprintf(w->why, sizeof(w->why), "%s", why[0] ? why : "the guest has not said one yet");
    r = base64_decode(data, &w->cipher, &w->len);
    if (r < 0)
        return err_no(e, r, "read the password data of '%s'", w->id);
    return w->len > 0;
}

static int none(const struct wanted *w, struct err *e)
{
    return err_set(e, ENODATA, ERR_NOT_FOUND, "no password of '%s': %s", w->id, w->why);
}

/* Is there any use in waiting? */
static int may_come(struct cli *c, const struct wanted *w, struct err *e)
{
    _cleanup_json_ json_t *rec = NULL;
    int r = record_get(c, KIND_INSTANCE, w->id, &rec, e);

    if (r < 0)
        return r;
    return str_starts(rec_text(rec, "platform"), "Windows") && rec_text(rec, "key")[0] &&
           wait_word_in(rec_text(rec, "state"), "pending|running");
}

static int wait_for_it(struct cli *c, struct wanted *w, struct err *e)
{
    uint64_t start = clock_mono_ms(), timeout_ms = 0, delay_ms = WAIT_POLL_FIRST_MS;
    int r = wait_timeout(c, PASSWORD_WAIT_S, &timeout_ms, e);

    if (r < 0)
        return r;
    wait_catch();
    while ((r = ask(c, w, e)) == 0) {
        r = may_come(c, w, e);
        if (r < 0)
            return r;
        if (r == 0)
            return none(w, e);
        if (wait_interrupted()) {
            c->exit = CLI_INTERRUPTED;
            return err_set(e, ECANCELED, ERR_OTHER, "interrupted");
        }
        if (clock_mono_ms() - start >= timeout_ms)
            return err_set(e, ETIMEDOUT, ERR_TIMEOUT, "no password of '%s' after %llu s: %s", w->id,
                           (unsigned long long)(timeout_ms / 1000), w->why);
        free(TAKE_PTR(w->cipher));
        wait_pause(&delay_ms);
    }
    return r;
}

/* A key that does not fit is told with the name of the one that would. */
static int misfit(struct cli *c, const struct wanted *w, const struct err *why, struct err *e)
{
    _cleanup_json_ json_t *rec = NULL;
    struct err other = { 0 };

    if (why->kind == ERR_DENIED && record_get(c, KIND_INSTANCE, w->id, &rec, &other) >= 0 &&
        rec_text(rec, "key")[0])
        return err_set(e, why->no, why->kind, "'%s': %s; '%s' was launched with the key pair '%s'",
                       cli_opt(c, "-i"), why->msg, w->id, rec_text(rec, "key"));
    return err_set(e, why->no, why->kind, "'%s': %s", cli_opt(c, "-i"), why->msg);
}

static int print(struct cli *c, const struct wanted *w, const char *pem, size_t len, struct err *e)
{
    _cleanup_(password_freep) char *text = NULL;
    struct err why = { 0 };

    if (password_decrypt(pem, len, w->cipher, w->len, &text, &why) < 0)
        return misfit(c, w, &why, e);
    if (c->json)
        return out_json(json_pack("{s:{s:s, s:s}}", "password", "instance", w->id, "password",
                                  text),
                        e);
    (void)puts(text);
    return out_flush(e);
}

static int run_password(struct cli *c, struct err *e)
{
    _cleanup_(wanted_done) struct wanted w = { 0 };
    _cleanup_free_ char *pem = NULL;
    size_t len = 0;
    int r = file_read(cli_opt(c, "-i"), PASSWORD_KEY_MAX, &pem, &len, e);

    if (r >= 0)
        r = names_resolve(c, KIND_INSTANCE, c->args[0], w.id, NULL, e);
    if (r >= 0)
        r = cli_flag(c, "--wait") ? wait_for_it(c, &w, e) : ask(c, &w, e);
    if (r == 0)
        r = none(&w, e);
    if (r > 0)
        r = print(c, &w, pem, len, e);
    if (pem)
        OPENSSL_cleanse(pem, len);
    return r;
}

static const struct cli_option password_options[] = {
    { .name = "-i",
      .value = "FILE",
      .required = true,
      .help = "The private key of the key pair that the instance was launched with, as PEM." },
    { .name = "--wait", .help = "Wait until the guest has made one." },
    { .name = "--timeout",
      .value = "SECONDS",
      .help = "With --wait: give up after this long (900)." },
    { 0 },
};

const struct cli_verb cli_verbs_password[] = {
    { .name = "password",
      .args = "INSTANCE",
      .min_args = 1,
      .max_args = 1,
      .complete = "instances",
      .options = password_options,
      .summary = "Prints the administrator's password of a Windows instance.",
      .help = "The guest makes it at its first start and encrypts it with the public key of the "
              "launch; kilnd cannot read it. Without one the exit status is 1, and the reason is "
              "told.",
      .run = run_password },
    { 0 },
};
