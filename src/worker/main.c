/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kiln-worker: one verb, one long job, JSON lines on stdout; docs/design/worker.md. */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "sandbox.h"
#include "verbs.h"

static int print_help(void)
{
    puts("kiln-worker does one long job of Kiln and tells about it in JSON lines. Usage:");
    for (const struct verb *v = worker_verbs; v->name; v++)
        printf("  kiln-worker %-8s %s\n", v->name, v->help);
    return 0;
}

static int do_verb(const struct verb *v, const struct worker_args *a, struct err *e)
{
    struct report rep;
    json_t *result = NULL;
    int r;

    report_start(&rep, STDOUT_FILENO, clock_mono_ms());
    r = v->run(a, &rep, &result, e);
    return r < 0 ? r : report_take_result(STDOUT_FILENO, result, e);
}

int main(int argc, char **argv)
{
    const struct verb *v = NULL;
    struct worker_args a;
    struct err e = { 0 };
    int status = 1;

    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return print_help();
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return puts("kiln-worker " KILN_VERSION) < 0;
    if (args_parse(argc - 1, argv + 1, &v, &a, &e) < 0)
        status = 2;
    else if (sandbox_enter(&e) == 0 && do_verb(v, &a, &e) == 0)
        return 0;
    report_error(STDOUT_FILENO, &e);
    return status;
}
