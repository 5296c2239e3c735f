/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "verbs.h"

#include <string.h>

#include "str.h"

/* In the order of --help and of the manual. */
static const struct cli_verb *const families[] = {
    cli_verbs_import,  cli_verbs_instance, cli_verbs_list,    cli_verbs_console,
    cli_verbs_connect, cli_verbs_password, cli_verbs_image,   cli_verbs_snapshot,
    cli_verbs_volume,  cli_verbs_store,    cli_verbs_windows, cli_verbs_about,
};

const struct cli_verb *cli_verb_at(size_t i)
{
    for (size_t f = 0; f < ARRAY_LEN(families); f++)
        for (const struct cli_verb *v = families[f]; v->name; v++)
            if (i-- == 0)
                return v;
    return NULL;
}

/* Number of words of name that are the first ones given; 0: it is another verb. */
static size_t match(const char *name, const char *const *words, size_t n)
{
    const char *space;
    size_t first;

    if (!name)
        return 0;
    space = strchr(name, ' ');
    if (!space)
        return str_eq(name, words[0]);
    first = (size_t)(space - name);
    return n > 1 && strlen(words[0]) == first && memcmp(words[0], name, first) == 0 &&
                   str_eq(space + 1, words[1])
               ? 2
               : 0;
}

const struct cli_verb *cli_verb_find(const char *const *words, size_t n, size_t *ret_used)
{
    const struct cli_verb *v;

    for (size_t i = 0; n && (v = cli_verb_at(i)); i++) {
        size_t used = match(v->name, words, n);

        if (!used)
            used = match(v->alias, words, n);
        if (used) {
            *ret_used = used;
            return v;
        }
    }
    return NULL;
}

bool cli_verb_is_family(const char *word)
{
    const struct cli_verb *v;
    size_t len = strlen(word);

    for (size_t i = 0; (v = cli_verb_at(i)); i++)
        if (str_starts(v->name, word) && v->name[len] == ' ')
            return true;
    return false;
}
