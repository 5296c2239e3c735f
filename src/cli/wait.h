/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Waiting for a state: asks the API again and again, as every EC2 client has to. */
#pragma once

#include "records.h"
#include "units.h"

#define WAIT_DEFAULT_S     600
#define WAIT_POLL_FIRST_MS 100

struct wait_spec {
    enum kind kind;
    const char *id;
    const char *want;    /* one of the kind's states, or "gone" */
    const char *fail;    /* more states that end the wait, "a|b"; NULL: those of the kind */
    uint64_t timeout_ms; /* 0: for ever */
    const char *doing;   /* "image 'x'": a progress line with these words on stderr; NULL: none */
};

/* *ret (may be NULL): the record as it was last, NULL when it is gone. ERR_TIMEOUT; ERR_CONFLICT
 * when a state came from which the wanted one cannot follow. ^C: exit status 130, -ECANCELED. */
int wait_for(struct cli *c, const struct wait_spec *w, json_t **ret, struct err *e);
/* --timeout in ms; fallback_s when it is not given */
int wait_timeout(struct cli *c, uint64_t fallback_s, uint64_t *ret_ms, struct err *e);
/* "b" in "a|b|c" */
bool wait_word_in(const char *word, const char *words);

/* Between two questions; *delay_ms begins with WAIT_POLL_FIRST_MS and grows. Ends at a signal. */
void wait_pause(uint64_t *delay_ms);

/* From wait_catch on, ^C only sets a flag. */
void wait_catch(void);
bool wait_interrupted(void);
