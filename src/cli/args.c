/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "str.h"

const struct cli_option cli_globals[] = {
    { .name = "--json", .help = "Print one JSON document instead of a table or of plain ids." },
    { .name = "--endpoint",
      .value = "URL",
      .help = "Where kilnd listens, instead of KILN_ENDPOINT or the credentials file." },
    { .name = "--region",
      .value = "REGION",
      .help = "The region to speak to, instead of AWS_DEFAULT_REGION or the credentials file." },
    { .name = "--home",
      .value = "DIR",
      .help = "The state directory of the daemon, instead of KILN_HOME (/var/lib/kiln)." },
    { .name = "--help", .help = "Print help on the verb and exit." },
    { .name = "--version", .help = "Print the version and exit." },
    { 0 },
};

int cli_usage(struct cli *c, struct err *e, const char *fmt, ...)
{
    char msg[sizeof(e->msg)];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(msg, sizeof(msg), fmt, ap);
    va_end(ap);
    c->exit = CLI_USAGE;
    return err_set(e, EINVAL, ERR_INVALID, "%s (see 'kiln help%s%s')", msg, c->verb ? " " : "",
                   c->verb ? c->verb->name : "");
}

static const struct cli_option *find_in(const struct cli_option *o, const char *name, size_t len)
{
    for (; o && o->name; o++)
        if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
            return o;
    return NULL;
}

static const struct cli_option *find_option(const struct cli *c, const char *word, size_t len)
{
    const struct cli_option *o = c->verb ? find_in(c->verb->options, word, len) : NULL;

    return o ? o : find_in(cli_globals, word, len);
}

static bool is_choice(const char *choices, const char *value)
{
    size_t len = strlen(value);

    for (const char *p = choices; p;) {
        const char *end = strchr(p, '|');
        size_t n = end ? (size_t)(end - p) : strlen(p);

        if (n == len && memcmp(p, value, n) == 0)
            return true;
        p = end ? end + 1 : NULL;
    }
    return false;
}

static int keep(struct cli *c, const struct cli_option *o, const char *value, struct err *e)
{
    if (!o->many && (cli_opt(c, o->name) || cli_flag(c, o->name)))
        return cli_usage(c, e, "option '%s' is given twice", o->name);
    if (o->choices && !is_choice(o->choices, value))
        return cli_usage(c, e, "option '%s' takes one of %s, not '%s'", o->name, o->choices, value);
    if (c->n_opts == CLI_OPTS_MAX)
        return cli_usage(c, e, "more than %d options", CLI_OPTS_MAX);
    c->opts[c->n_opts++] = (struct cli_given){ .opt = o, .value = value };
    c->json |= str_eq(o->name, "--json");
    c->want_help |= str_eq(o->name, "--help");
    c->want_version |= str_eq(o->name, "--version");
    return 0;
}

/* One option at argv[*i], and its value; *i then stands on the last word used. */
static int take_option(struct cli *c, int argc, char **argv, int *i, struct err *e)
{
    const char *word = argv[*i], *eq = strchr(word, '=');
    const struct cli_option *o;
    const char *value = NULL;

    if (str_eq(word, "-h"))
        word = "--help";
    o = find_option(c, word, eq ? (size_t)(eq - word) : strlen(word));
    if (!o)
        return cli_usage(c, e, "unknown option '%s'", word);
    if (!o->value && eq)
        return cli_usage(c, e, "option '%s' takes no value", o->name);
    if (o->rest && eq)
        return cli_usage(c, e, "option '%s' takes the words behind it", o->name);
    if (o->value && eq)
        value = eq + 1;
    else if (o->value && *i + 1 < argc)
        value = argv[++*i];
    if (o->value && !value)
        return cli_usage(c, e, "option '%s' needs a value: %s %s", o->name, o->name, o->value);
    if (o->rest) {
        c->rest = argv + *i;
        *i = argc;
    }
    return keep(c, o, value, e);
}

static int take_argument(struct cli *c, const char *word, struct err *e)
{
    if (c->n_args == CLI_ARGS_MAX)
        return cli_usage(c, e, "more than %d arguments", CLI_ARGS_MAX);
    c->args[c->n_args++] = word;
    return 0;
}

/* Options in front of the verb, then the verb's one or two words. Returns the words used. */
static int take_verb(struct cli *c, int argc, char **argv, int *i, struct err *e)
{
    size_t used = 0;
    int r;

    for (; *i < argc && argv[*i][0] == '-'; ++*i) {
        r = take_option(c, argc, argv, i, e);
        if (r < 0)
            return r;
    }
    if (*i == argc)
        return c->want_help || c->want_version ? 0 : cli_usage(c, e, "which verb?");
    c->verb = cli_verb_find((const char *const *)argv + *i, (size_t)(argc - *i), &used);
    if (c->verb) {
        *i += (int)used;
        return 0;
    }
    if (!cli_verb_is_family(argv[*i]))
        return cli_usage(c, e, "unknown verb '%s'", argv[*i]);
    return *i + 1 < argc ? cli_usage(c, e, "unknown verb '%s %s'", argv[*i], argv[*i + 1])
                         : cli_usage(c, e, "'%s' needs a second word", argv[*i]);
}

static int check(struct cli *c, struct err *e)
{
    if (c->want_help || c->want_version || !c->verb)
        return 0;
    if (c->n_args < c->verb->min_args)
        return cli_usage(c, e, "'%s' needs %s", c->verb->name, c->verb->args);
    if (c->n_args > c->verb->max_args)
        return cli_usage(c, e, "'%s' is one argument too many", c->args[c->verb->max_args]);
    for (const struct cli_option *o = c->verb->options; o && o->name; o++)
        if (o->required && !cli_opt(c, o->name))
            return cli_usage(c, e, "'%s' needs %s %s", c->verb->name, o->name, o->value);
    return 0;
}

int cli_parse(struct cli *c, int argc, char **argv, struct err *e)
{
    bool options = true;
    int i = 1, r = take_verb(c, argc, argv, &i, e);

    for (; r >= 0 && i < argc; i++) {
        if (options && str_eq(argv[i], "--"))
            options = false;
        else if (options && argv[i][0] == '-' && argv[i][1])
            r = take_option(c, argc, argv, &i, e);
        else
            r = take_argument(c, argv[i], e);
    }
    return r < 0 ? r : check(c, e);
}

const char *cli_opt_at(const struct cli *c, const char *name, size_t i)
{
    for (size_t k = 0; k < c->n_opts; k++)
        if (str_eq(c->opts[k].opt->name, name) && i-- == 0)
            return c->opts[k].value;
    return NULL;
}

const char *cli_opt(const struct cli *c, const char *name)
{
    return cli_opt_at(c, name, 0);
}

bool cli_flag(const struct cli *c, const char *name)
{
    for (size_t k = 0; k < c->n_opts; k++)
        if (str_eq(c->opts[k].opt->name, name))
            return true;
    return false;
}
