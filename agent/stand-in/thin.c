/* SPDX-License-Identifier: Apache-2.0 */
/* A row a form of line; '%' in a form stands for a word. A file goes through the states in their
 * order, and what no row takes is refused. */
#include "stand-in/thin.h"

#include <errno.h>
#include <string.h>

#define PARAMS_MAX 8U
#define WORD_MAX   260U
#define LINE_MAX   512U

enum state { START, IN_PARAMS, BODY, HAS_WORDS, CALLED, ENDED };

struct param {
    char name[64];
    bool is_switch, given;
    const char *value;
};

struct reader {
    const char *file;
    unsigned line;
    enum state state;
    const char *const *args;
    size_t args_n;
    struct param params[PARAMS_MAX];
    size_t params_n;
    struct thin_call call;
};

typedef char word[WORD_MAX];

static int refuse(const struct reader *r, struct err *e, const char *why, const char *what)
{
    char shown[120];

    return err_at(e, r->file, r->line, 1, "%s: %s", why, str_show(what, shown, sizeof(shown)));
}

static struct param *find_param(struct reader *r, const char *name)
{
    for (size_t i = 0; i < r->params_n; i++)
        if (str_eq_nocase(r->params[i].name, name))
            return &r->params[i];
    return NULL;
}

static int add_param(struct reader *r, const char *name, bool is_switch, struct err *e)
{
    struct param *p = &r->params[r->params_n];

    if (r->params_n == PARAMS_MAX || find_param(r, name) ||
        str_copy(p->name, sizeof(p->name), name) < 0)
        return refuse(r, e, "a parameter too many or too long", name);
    p->is_switch = is_switch;
    r->params_n++;
    return 0;
}

static int param_switch(struct reader *r, word *w, struct err *e)
{
    return add_param(r, w[0], true, e);
}

static int param_text(struct reader *r, word *w, struct err *e)
{
    return add_param(r, w[0], false, e);
}

static int give(struct reader *r, const char *arg, struct err *e)
{
    struct param *p = arg[0] == '-' ? find_param(r, arg + 1) : NULL;

    if (p && p->is_switch) {
        p->given = true;
        return 0;
    }
    for (size_t i = 0; arg[0] != '-' && i < r->params_n; i++)
        if (!r->params[i].is_switch && !r->params[i].given) {
            r->params[i].given = true;
            r->params[i].value = arg;
            return 0;
        }
    return refuse(r, e, "no parameter takes the argument", arg);
}

static int take_arguments(struct reader *r, word *w, struct err *e)
{
    (void)w;
    for (size_t i = 0; i < r->args_n; i++)
        if (give(r, r->args[i], e) < 0)
            return -e->no;
    r->args_n = 0;
    for (size_t i = 0; i < r->params_n; i++)
        if (!r->params[i].is_switch && !r->params[i].given)
            return refuse(r, e, "an argument is missing", r->params[i].name);
    return 0;
}

static int add_word(struct reader *r, const char *text, struct err *e)
{
    if (r->call.n == THIN_WORDS_MAX)
        return refuse(r, e, "too many arguments", text);
    r->call.words[r->call.n] = str_dup(text);
    return r->call.words[r->call.n++] ? 0 : err_oom(e);
}

static int first_word(struct reader *r, word *w, struct err *e)
{
    return add_word(r, w[0], e);
}

static int first_word_and_value(struct reader *r, word *w, struct err *e)
{
    const struct param *p = find_param(r, w[1]);

    if (!p || !p->value)
        return refuse(r, e, "no text has the name", w[1]);
    return add_word(r, w[0], e) < 0 ? -e->no : add_word(r, p->value, e);
}

static int word_if_given(struct reader *r, word *w, struct err *e)
{
    const struct param *p = find_param(r, w[0]);

    if (!p || !p->is_switch)
        return refuse(r, e, "no switch has the name", w[0]);
    return p->given ? add_word(r, w[1], e) : 0;
}

static int call_program(struct reader *r, word *w, struct err *e)
{
    (void)e;
    (void)str_copy(r->call.program, sizeof(r->call.program), w[0]); /* no word is longer */
    return 0;
}

static int call_with_word(struct reader *r, word *w, struct err *e)
{
    (void)call_program(r, w, e);
    return add_word(r, w[1], e);
}

static const struct {
    const char *form;
    enum state from, to;
    int (*act)(struct reader *r, word *w, struct err *e); /* NULL: nothing to do */
} rows[] = {
    { "param(", START, IN_PARAMS, NULL },
    { "[switch] $%,", IN_PARAMS, IN_PARAMS, param_switch },
    { "[switch] $%", IN_PARAMS, IN_PARAMS, param_switch },
    { "[Parameter(Mandatory = $true)] [string] $%,", IN_PARAMS, IN_PARAMS, param_text },
    { "[Parameter(Mandatory = $true)] [string] $%", IN_PARAMS, IN_PARAMS, param_text },
    { ")", IN_PARAMS, BODY, take_arguments },
    { "$arguments = @('%')", BODY, HAS_WORDS, first_word },
    { "$arguments = @('%', $%)", BODY, HAS_WORDS, first_word_and_value },
    { "if ($%) { $arguments += '%' }", HAS_WORDS, HAS_WORDS, word_if_given },
    { "& (Join-Path $PSScriptRoot '%') $arguments", HAS_WORDS, CALLED, call_program },
    { "& (Join-Path $PSScriptRoot '%') '%'", START, CALLED, call_with_word },
    { "exit $LASTEXITCODE", CALLED, ENDED, NULL },
};

static bool is_of_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-_.\\", c));
}

static bool fits(const char *form, const char *line, word *ret)
{
    for (; *form; form++) {
        size_t n = 0;
        if (*form != '%') {
            if (*line++ != *form)
                return false;
            continue;
        }
        while (is_of_word(line[n]) && n < WORD_MAX - 1)
            n++;
        if (!n)
            return false;
        memcpy(*ret, line, n);
        (*ret++)[n] = '\0';
        line += n;
    }
    return !*line;
}

static int take_line(struct reader *r, const char *line, struct err *e)
{
    word words[2];

    if (!*line || *line == '#')
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int ret;
        if (rows[i].from != r->state || !fits(rows[i].form, line, words))
            continue;
        ret = rows[i].act ? rows[i].act(r, words, e) : 0;
        r->state = rows[i].to;
        return ret;
    }
    return refuse(r, e, "not the form of the agent's own files", line);
}

/* The next line without its indentation and its end; 0: there is none. */
static int next_line(struct reader *r, const char **at, char line[LINE_MAX], struct err *e)
{
    size_t n;

    if (!**at)
        return 0;
    r->line++;
    *at += strspn(*at, " \t");
    n = strcspn(*at, "\r\n");
    if (n >= LINE_MAX)
        return refuse(r, e, "a line is too long", *at);
    memcpy(line, *at, n);
    line[n] = '\0';
    *at += n;
    *at += **at == '\r';
    *at += **at == '\n';
    return 1;
}

static int read_all(struct reader *r, const char *text, size_t n, struct err *e)
{
    char line[LINE_MAX];
    int ret;

    if (n > THIN_FILE_MAX || strlen(text) != n)
        return refuse(r, e, "it is too long or no text", r->file);
    while ((ret = next_line(r, &text, line, e)) > 0)
        if (take_line(r, line, e) < 0)
            return -e->no;
    if (ret < 0)
        return ret;
    if (r->state != ENDED)
        return refuse(r, e, "it ends too early", r->file);
    return r->args_n ? refuse(r, e, "it takes no argument", r->args[0]) : 0;
}

int thin_read(const char *file, const char *text, size_t n, const char *const *args, size_t args_n,
              struct thin_call *ret, struct err *e)
{
    struct reader r = { .file = file, .args = args, .args_n = args_n };

    if (read_all(&r, text, n, e) < 0) {
        thin_call_done(&r.call);
        return -e->no;
    }
    *ret = r.call;
    return 0;
}

void thin_call_done(struct thin_call *c)
{
    for (size_t i = 0; i < c->n; i++)
        free(c->words[i]);
    *c = (struct thin_call){ 0 };
}
