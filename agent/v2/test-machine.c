/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/test.h"

#include "test-machine.h"

#include <stdio.h>
#include <string.h>

struct fake *machine_of(const char *config)
{
    struct fake *f = fake_new();

    fake_metadata_instance(f);
    fake_file(f, MACHINE_CONFIG, config ? config : v2_default_config);
    return f;
}

char *machine_settings(const char *stage, const char *tasks)
{
    static char text[8192];

    (void)snprintf(text, sizeof text, "version: 1.1\nconfig:\n- stage: %s\n  tasks:\n%s", stage,
                   tasks);
    return text;
}

enum v2_end machine_run(struct fake *f)
{
    return v2_run_agent(&f->win, NULL, NULL);
}

const char *machine_console(struct fake *f)
{
    return str_text(&f->serial);
}

/* A message of the test has room for the end only. */
static const char *end_of(const char *text)
{
    size_t n = strlen(text);

    return n > 800 ? text + n - 800 : text;
}

void assert_on_console(struct fake *f, const char *line)
{
    if (!strstr(machine_console(f), line))
        fail_msg("'%s' is not on the console:\n%s", line, end_of(machine_console(f)));
}

void assert_logged(struct fake *f, const char *line)
{
    _cleanup_free_ char *log = fake_log_text(f, MACHINE_LOG);

    if (!log || !strstr(log, line))
        fail_msg("'%s' is not in the log:\n%s", line, log ? end_of(log) : "(none)");
}

void assert_not_logged(struct fake *f, const char *line)
{
    _cleanup_free_ char *log = fake_log_text(f, MACHINE_LOG);

    if (log && strstr(log, line))
        fail_msg("'%s' is in the log:\n%s", line, end_of(log));
}

void assert_console_order(struct fake *f, const char *a, const char *b)
{
    const char *at = strstr(machine_console(f), a), *bt = strstr(machine_console(f), b);

    if (!at || !bt || at >= bt)
        fail_msg("'%s' before '%s' expected:\n%s", a, b, end_of(machine_console(f)));
}
