/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An answer file from outside: read, checked, its settings taken, edited, written; what was written
 * is read again. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "answer.h"

#define INPUT_MAX KIB(64)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void edit(struct answer *a)
{
    struct answer_options o = { .computer_name = "A1", .locale = "de-DE", .admin_password = "x" };
    struct err e = { 0 };

    (void)answer_apply(a, &o, &e); /* a full list of commands may refuse */
    e = (struct err){ 0 };
    (void)answer_add_command(a, PASS_SPECIALIZE, "amd64", "cmd", NULL, &e);
    answer_rearm(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct answer *a = NULL, *again = NULL;
    struct answer_settings s = { 0 };
    struct answer_faults f;
    struct err e = { 0 };
    char *text = NULL;
    size_t n = 0;

    if (size > INPUT_MAX || answer_parse(data, size, &a, &e) < 0)
        return 0;
    answer_check(a, &f);
    assert(f.n <= ANSWER_FAULTS_MAX && f.errors + f.notes >= f.n);
    assert(answer_read(a, &s, &e) == 0);
    answer_settings_done(&s);
    edit(a);
    if (answer_render(a, &text, &n, &e) < 0) {
        assert(e.kind == ERR_LIMIT); /* what was added is too much */
        answer_free(a);
        return 0;
    }
    assert(answer_parse(text, n, &again, &e) == 0);
    answer_free(again);
    answer_free(a);
    free(text);
    return 0;
}
