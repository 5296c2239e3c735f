/* SPDX-License-Identifier: Apache-2.0 */
#include "stand-in/at-boot.h"

#include <string.h>

#include "engine/win.h"
#include "lib/xml.h"

#define LOCAL_SYSTEM "S-1-5-18"
#define COMMAND_MAX  KIB(8)
#define DELAY_MAX    60U

/* The element at a path of names, or NULL. */
static const struct xml_node *below(const struct xml_node *n, const char *const *path)
{
    for (; n && *path; path++)
        n = xml_child(n, *path);
    return n;
}

static char *text_at(const struct xml *x, const char *const *path)
{
    const struct xml_node *n = below(x->root, path);

    return n ? xml_text(n) : NULL;
}

static bool text_is(const struct xml *x, const char *const *path, const char *want)
{
    _cleanup_free_ char *text = text_at(x, path);

    return text && str_eq(text, want);
}

static bool is_at_boot(const struct xml *x)
{
    static const char *const trigger[] = { "Triggers", "BootTrigger", "Enabled", NULL };
    static const char *const enabled[] = { "Settings", "Enabled", NULL };
    static const char *const user[] = { "Principals", "Principal", "UserId", NULL };

    return text_is(x, trigger, "true") && text_is(x, enabled, "true") &&
           text_is(x, user, LOCAL_SYSTEM);
}

/* "PT3M": the agents know minutes. */
static int read_delay(const struct xml *x, unsigned *ret, struct err *e)
{
    static const char *const path[] = { "Triggers", "BootTrigger", "Delay", NULL };
    _cleanup_free_ char *text = text_at(x, path);
    size_t n = text ? strlen(text) : 0;
    uint64_t minutes = 0;

    if (!below(x->root, path))
        return 0;
    if (n < 4 || !str_starts(text, "PT") || text[n - 1] != 'M')
        return xml_err(x, below(x->root, path), e, "a delay of another kind");
    text[n - 1] = '\0';
    if (parse_u64(text + 2, 0, DELAY_MAX, &minutes) < 0)
        return xml_err(x, below(x->root, path), e, "a delay of another kind");
    *ret = (unsigned)minutes * 60;
    return 0;
}

int at_boot_command(const char *name, const char *xml, char **ret, unsigned *ret_delay_s,
                    struct err *e)
{
    static const char *const command[] = { "Actions", "Exec", "Command", NULL };
    static const char *const arguments[] = { "Actions", "Exec", "Arguments", NULL };
    _cleanup_(xml_freep) struct xml *x = NULL;
    _cleanup_str_ struct str line = STR_INIT(COMMAND_MAX);
    _cleanup_free_ char *program = NULL, *quoted = NULL, *args = NULL;
    unsigned delay = 0;
    int r = xml_parse(name, xml, strlen(xml), &x, e);

    if (r < 0 || !is_at_boot(x))
        return r < 0 ? r : 0;
    if (!below(x->root, command) || !below(x->root, arguments))
        return xml_err(x, x->root, e, "it runs no program with arguments");
    program = text_at(x, command);
    args = text_at(x, arguments);
    quoted = program ? win_quote(program) : NULL;
    if (!quoted || !args)
        return err_oom(e);
    str_addf(&line, "%s %s", quoted, args);
    if (read_delay(x, &delay, e) < 0 || str_check(&line, name, e) < 0)
        return -e->no;
    *ret = str_take(&line);
    *ret_delay_s = delay;
    return 1;
}
