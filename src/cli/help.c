/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#include "str.h"

#define COLUMNS      78
#define SUMMARY_AT   26
#define OPTION_AT    24
#define OPTION_LIMIT 64

/* ---- --help ---------------------------------------------------------------------------------- */

/* Words of text wrapped between the columns; the first line begins at the column it is at. */
static void put_wrapped(struct str *s, const char *text, size_t indent)
{
    size_t at = indent;

    while (*text) {
        size_t n = strcspn(text, " ");

        if (at > indent && at + 1 + n > COLUMNS) {
            str_addf(s, "\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            str_addc(s, ' ');
            at++;
        }
        str_add_mem(s, text, n);
        at += n;
        text += n;
        text += strspn(text, " ");
    }
    str_addc(s, '\n');
}

/* "  left      text" */
static void put_row(struct str *s, const char *left, const char *text, size_t at)
{
    str_addf(s, "  %-*s", (int)at - 2, left);
    if (strlen(left) + 3 > at)
        str_addf(s, "\n%*s", (int)at, "");
    put_wrapped(s, text, at);
}

static void put_options(struct str *s, const struct cli_option *o)
{
    char left[OPTION_LIMIT];

    for (; o && o->name; o++) {
        _cleanup_str_ struct str text = STR_INIT(CLI_TEXT_MAX);

        (void)snprintf(left, sizeof(left), "%s%s%s", o->name, o->value ? " " : "",
                       o->value ? o->value : "");
        str_add(&text, o->help);
        if (o->choices)
            str_addf(&text, " One of %s.", o->choices);
        if (o->many)
            str_add(&text, " May be given several times.");
        put_row(s, left, str_text(&text), OPTION_AT);
    }
}

static void put_synopsis(struct str *s, const struct cli_verb *v)
{
    str_addf(s, "kiln %s%s%s", v->name, v->args[0] ? " " : "", v->args);
    for (const struct cli_option *o = v->options; o && o->name; o++)
        if (o->required)
            str_addf(s, " %s %s", o->name, o->value);
    for (const struct cli_option *o = v->options; o && o->name; o++)
        if (!o->required) {
            str_add(s, " [OPTION]...");
            break;
        }
}

static void put_verb_row(struct str *s, const struct cli_verb *v)
{
    char left[OPTION_LIMIT];

    (void)snprintf(left, sizeof(left), "%s%s%s", v->name,
                   v->args[0] && v->args[0] != '[' ? " " : "", v->args[0] != '[' ? v->args : "");
    put_row(s, left, v->summary, SUMMARY_AT);
}

static const char exits[] =
    "Exit status: 0 done, 1 the request failed, 2 wrong usage, 3 the daemon cannot be reached,\n"
    "130 interrupted while waiting (what was asked for goes on).\n";

void help_overview(struct str *s)
{
    const struct cli_verb *v;

    str_add(s, "Usage: kiln VERB [ARGUMENT]... [OPTION]...\n"
               "Fires golden images: imports disks, launches instances, makes images of them.\n\n"
               "Verbs:\n");
    for (size_t i = 0; (v = cli_verb_at(i)); i++)
        put_verb_row(s, v);
    str_add(s, "\nOptions of every verb:\n");
    put_options(s, cli_globals);
    str_addf(s,
             "\nWhere an ID, INSTANCE, IMAGE ... is wanted, a name (image name, tag Name) or the "
             "unique\nbeginning of an id will do.\n\n%s\nManual: kiln(1)\n",
             exits);
}

void help_family(struct str *s, const char *family)
{
    const struct cli_verb *v;
    size_t len = strlen(family);

    str_addf(s, "Usage: kiln %s VERB [ARGUMENT]... [OPTION]...\n\nVerbs:\n", family);
    for (size_t i = 0; (v = cli_verb_at(i)); i++)
        if (str_starts(v->name, family) && v->name[len] == ' ')
            put_verb_row(s, v);
}

void help_verb(struct str *s, const struct cli_verb *v)
{
    str_add(s, "Usage: ");
    put_synopsis(s, v);
    str_add(s, "\n\n");
    put_wrapped(s, v->summary, 0);
    if (v->alias)
        str_addf(s, "Also called 'kiln %s'.\n", v->alias);
    if (v->help[0]) {
        str_addc(s, '\n');
        put_wrapped(s, v->help, 0);
    }
    if (v->options) {
        str_add(s, "\nOptions:\n");
        put_options(s, v->options);
    }
    str_add(s, "\nOptions of every verb:\n");
    put_options(s, cli_globals);
}

/* ---- the manual's section -------------------------------------------------------------------- */

static void put_scd(struct str *s, const char *text)
{
    for (; *text; text++) {
        if (strchr("\\_*<>#~[]|`", *text))
            str_addc(s, '\\');
        str_addc(s, *text);
    }
}

static void put_scd_options(struct str *s, const struct cli_option *o)
{
    for (; o && o->name; o++) {
        str_addf(s, "*%s*", o->name);
        if (o->value) {
            str_add(s, " _");
            put_scd(s, o->value);
            str_addc(s, '_');
        }
        str_add(s, "\n\t");
        put_scd(s, o->help);
        if (o->choices) {
            str_add(s, " One of ");
            put_scd(s, o->choices);
            str_addc(s, '.');
        }
        if (o->many)
            str_add(s, " May be given several times.");
        if (o->required)
            str_add(s, " Required.");
        str_add(s, "\n\n");
    }
}

void help_scdoc_globals(struct str *s)
{
    put_scd_options(s, cli_globals);
}

void help_scdoc(struct str *s)
{
    const struct cli_verb *v;

    for (size_t i = 0; (v = cli_verb_at(i)); i++) {
        _cleanup_str_ struct str synopsis = STR_INIT(CLI_TEXT_MAX);

        put_synopsis(&synopsis, v);
        str_addf(s, "## kiln %s\n\n*", v->name);
        put_scd(s, str_text(&synopsis));
        str_add(s, "*\n\n");
        put_scd(s, v->summary);
        str_addc(s, ' ');
        put_scd(s, v->help);
        if (v->alias)
            str_addf(s, " Also called *kiln %s*.", v->alias);
        str_add(s, "\n\n");
        put_scd_options(s, v->options);
    }
}
