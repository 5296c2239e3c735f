/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kiln-doc: fills the manual page from the table of verbs while building. A line "@VERBS@" or
 * "@GLOBALS@" of the template is replaced.
 *     kiln-doc page TEMPLATE    the page in scdoc
 *     kiln-doc words            each verb and each of its options, for tools/check-docs */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include "file.h"
#include "str.h"

static int make_page(const char *path, struct str *s, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    size_t len = 0;
    int r = file_read(path, CLI_TEXT_MAX, &text, &len, e);

    if (r < 0)
        return r;
    for (char *line = text; *line;) {
        size_t n = strcspn(line, "\n");

        n += line[n] == '\n';
        if (str_starts(line, "@VERBS@\n"))
            help_scdoc(s);
        else if (str_starts(line, "@GLOBALS@\n"))
            help_scdoc_globals(s);
        else
            str_add_mem(s, line, n);
        line += n;
    }
    return str_check(s, "the page", e);
}

static void list_words(struct str *s)
{
    const struct cli_verb *v;

    for (size_t i = 0; (v = cli_verb_at(i)); i++) {
        str_addf(s, "kiln %s\n", v->name);
        for (const struct cli_option *o = v->options; o && o->name; o++)
            str_addf(s, "kiln %s\t%s\n", v->name, o->name);
    }
    for (const struct cli_option *o = cli_globals; o->name; o++)
        str_addf(s, "\t%s\n", o->name);
}

int main(int argc, char **argv)
{
    _cleanup_str_ struct str s = STR_INIT(CLI_TEXT_MAX);
    struct err e = { 0 };
    int r = 0;

    if (argc == 3 && str_eq(argv[1], "page"))
        r = make_page(argv[2], &s, &e);
    else if (argc == 2 && str_eq(argv[1], "words"))
        list_words(&s);
    else
        return CLI_USAGE;
    if (r < 0) {
        (void)fprintf(stderr, "kiln-doc: %s\n", e.msg);
        return CLI_FAILED;
    }
    return fputs(str_text(&s), stdout) < 0 || out_flush(&e) < 0 ? CLI_FAILED : CLI_OK;
}
