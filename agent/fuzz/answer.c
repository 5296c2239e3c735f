/* SPDX-License-Identifier: Apache-2.0 */
/* An answer file of the owner's: refused with a place, or accepted; and what every edit leaves can
 * be read again. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "sysprep/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The place: file, line and column, or the byte that is no text. */
static bool names_file(const struct err *e)
{
    return str_starts(e->msg, "f:") || (strstr(e->msg, "'f'") && strstr(e->msg, "byte"));
}

static void read_again(const struct xmlfile *f)
{
    struct str out = STR_INIT(8 * XML_FILE_MAX);
    struct xmlfile *g = NULL;
    struct err e = { 0 };

    if (xmlfile_bytes(f, &out, &e) == 0) {
        int r = xmlfile_parse("edited", out.p ? out.p : "", out.len, &g, &e);
        assert(r == 0);
        xmlfile_free(g);
    }
    str_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct xmlfile *f = NULL;
    struct err e = { 0 }, scratch = { 0 };
    char *password = NULL;

    if (xmlfile_parse("f", data, size, &f, &e) < 0) {
        assert(names_file(&e));
        return 0;
    }
    if (answer_check(f, &e) < 0)
        assert(str_starts(e.msg, "f:"));
    (void)answer_opens_rdp(f);
    (void)answer_get_password(f, &password, &scratch);
    free(password);
    err_clear(&scratch);
    (void)answer_set_locale(f, "de-DE", (size & 1) != 0, &scratch);
    err_clear(&scratch);
    (void)answer_set_password(f, "a<b", &scratch);
    err_clear(&scratch);
    read_again(f);
    (void)answer_remove_password(f);
    assert(!answer_has_password(f));
    (void)answer_keep_inactive(f, &scratch);
    err_clear(&scratch);
    (void)answer_fill_first_command(f, "x", &scratch);
    err_clear(&scratch);
    (void)answer_remove_command(f, "Scramble");
    (void)answer_add_command(f, 2, "what", "\"a b\"", &scratch);
    read_again(f);
    xmlfile_free(f);
    return 0;
}
