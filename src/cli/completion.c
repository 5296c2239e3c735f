/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bash script: two functions that the table fills, and one that works with them. */
#include "cli.h"

#include <string.h>

#include "str.h"

static void put_words(struct str *s, const char *choices)
{
    for (; *choices; choices++)
        str_addc(s, *choices == '|' ? ' ' : *choices);
}

static void put_option_names(struct str *s, const struct cli_option *o)
{
    for (; o && o->name; o++)
        str_addf(s, " %s", o->name);
}

static void put_verb_words(struct str *s)
{
    const struct cli_verb *v;

    str_add(s, "_kiln_verbs='");
    for (size_t i = 0; (v = cli_verb_at(i)); i++)
        str_addf(s, "%s%s", i ? "\n" : "", v->name);
    str_add(s, "'\n\n");
}

/* _kiln_of VERB: sets options, the values of choice options, and what the arguments are */
static void put_case(struct str *s)
{
    const struct cli_verb *v;

    str_add(s, "_kiln_of()\n{\n    options= arguments=\n    case $1 in\n");
    for (size_t i = 0; (v = cli_verb_at(i)); i++) {
        str_addf(s, "    '%s')\n        options='", v->name);
        put_option_names(s, v->options);
        put_option_names(s, cli_globals);
        str_add(s, "'\n        arguments='");
        put_words(s, v->complete ? v->complete : "");
        str_add(s, "'\n        ;;\n");
    }
    str_add(s, "    esac\n}\n\n");
}

/* _kiln_value "VERB OPTION": 0 when the option takes a value; values is what it may be */
static void put_values(struct str *s)
{
    const struct cli_verb *v;

    str_add(s, "_kiln_value()\n{\n    values=\n    case $1 in\n");
    for (size_t i = 0; (v = cli_verb_at(i)); i++)
        for (const struct cli_option *o = v->options; o && o->name; o++)
            if (o->value) {
                str_addf(s, "    '%s %s') values='", v->name, o->name);
                put_words(s, o->choices ? o->choices : str_eq(o->value, "FILE") ? "files" : "");
                str_add(s, "' ;;\n");
            }
    for (const struct cli_option *o = cli_globals; o->name; o++)
        if (o->value)
            str_addf(s, "    *' %s') ;;\n", o->name);
    str_add(s, "    *) return 1 ;;\n    esac\n}\n\n");
}

static const char script[] =
    "_kiln_ids()\n"
    "{\n"
    "    local kind\n"
    "    for kind in \"$@\"; do kiln ls \"$kind\" --ids 2>/dev/null; done\n"
    "}\n"
    "\n"
    "# Sets verb to the words before the cursor that name one; returns 1 while there is none.\n"
    "_kiln_verb()\n"
    "{\n"
    "    local i words=\n"
    "    verb=\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        case ${COMP_WORDS[i]} in\n"
    "        --endpoint | --region | --home) ((i++)); continue ;;\n"
    "        -*) continue ;;\n"
    "        esac\n"
    "        words=${words:+$words }${COMP_WORDS[i]}\n"
    "        if [[ $'\\n'$_kiln_verbs$'\\n' == *$'\\n'\"$words\"$'\\n'* ]]; then\n"
    "            verb=$words\n"
    "            return 0\n"
    "        fi\n"
    "    done\n"
    "    prefix=$words\n"
    "    return 1\n"
    "}\n"
    "\n"
    "_kiln()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local verb prefix= options arguments values candidates line\n"
    "    COMPREPLY=()\n"
    "    if ! _kiln_verb; then\n"
    "        while IFS= read -r line; do\n"
    "            if [[ -z $prefix ]]; then\n"
    "                candidates+=\"${line%% *} \"\n"
    "            elif [[ $line == \"$prefix \"* ]]; then\n"
    "                candidates+=\"${line#\"$prefix \"} \"\n"
    "            fi\n"
    "        done <<<\"$_kiln_verbs\"\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$candidates\" -- \"$cur\" | sort -u)\n"
    "        return\n"
    "    fi\n"
    "    if _kiln_value \"$verb $before\"; then\n"
    "        if [[ $values == files ]]; then\n"
    "            mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "            return\n"
    "        fi\n"
    "        candidates=$values\n"
    "    elif _kiln_of \"$verb\"; [[ $cur == -* ]]; then\n"
    "        candidates=$options\n"
    "    else\n"
    "        case $arguments in\n"
    "        files) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n"
    "        verbs) candidates=$_kiln_verbs ;;\n"
    "        ids) candidates=$(_kiln_ids instances images snapshots volumes imports) ;;\n"
    "        instances | images | snapshots | volumes) candidates=$(_kiln_ids \"$arguments\") ;;\n"
    "        *) candidates=$arguments ;;\n"
    "        esac\n"
    "    fi\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"$candidates\" -- \"$cur\")\n"
    "}\n"
    "complete -o filenames -F _kiln kiln\n";

void help_completion(struct str *s)
{
    str_add(s, "# bash completion for kiln; made by 'kiln completion bash'\n");
    put_verb_words(s);
    put_case(s);
    put_values(s);
    str_add(s, script);
}
