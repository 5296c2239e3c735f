/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "client.h"

static int print(struct str *s, struct err *e)
{
    if (str_check(s, "the text", e) < 0)
        return -e->no;
    (void)fputs(str_text(s), stdout);
    return out_flush(e);
}

static int run(struct cli *c, int argc, char **argv, struct err *e)
{
    _cleanup_str_ struct str s = STR_INIT(CLI_TEXT_MAX);
    int r = cli_parse(c, argc, argv, e);

    if (r < 0)
        return r;
    if (c->want_version) {
        str_add(&s, "kiln " KILN_VERSION "\n");
        return print(&s, e);
    }
    if (c->want_help) {
        if (c->verb)
            help_verb(&s, c->verb);
        else
            help_overview(&s);
        return print(&s, e);
    }
    return c->verb->run(c, e);
}

int cli_main(int argc, char **argv)
{
    struct cli c = { 0 };
    struct err e = { 0 };
    int r;

    (void)setlocale(LC_ALL, ""); /* the width of characters in tables */
    (void)setlocale(LC_NUMERIC, "C");
    r = run(&c, argc, argv, &e);
    client_done(&c);
    if (r >= 0)
        return c.status;
    (void)fflush(stdout);
    (void)fprintf(stderr, "kiln: %s\n", e.msg);
    return c.exit != CLI_OK ? (int)c.exit : CLI_FAILED;
}
