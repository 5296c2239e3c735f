/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "verbs.h"

#include <errno.h>
#include <string.h>

#include "str.h"

static const struct {
    const char *name;
    size_t field; /* of worker_args; a flag has none */
    bool flag;
} options[ARG_MAX] = {
    [ARG_STORE] = { "store", offsetof(struct worker_args, store), false },
    [ARG_SNAPSHOT] = { "snapshot", offsetof(struct worker_args, snapshot), false },
    [ARG_PARENT] = { "parent", offsetof(struct worker_args, parent), false },
    [ARG_FORMAT] = { "format", offsetof(struct worker_args, format), false },
    [ARG_SOURCE] = { "source", offsetof(struct worker_args, source), false },
    [ARG_RUN] = { "run", offsetof(struct worker_args, run), false },
    [ARG_NBD] = { "nbd", offsetof(struct worker_args, nbd), false },
    [ARG_EXPORT] = { "export", offsetof(struct worker_args, export_name), false },
    [ARG_SIZE] = { "size", offsetof(struct worker_args, size), false },
    [ARG_SHALLOW] = { "shallow", 0, true },
    [ARG_KEY] = { "key", offsetof(struct worker_args, key), false },
    [ARG_REQUEST] = { "request", offsetof(struct worker_args, request), false },
};

static int find_verb(const char *name, const struct verb **ret, struct err *e)
{
    char show[64];

    for (const struct verb *v = worker_verbs; v->name; v++)
        if (strcmp(v->name, name) == 0) {
            *ret = v;
            return 0;
        }
    return err_set(e, EINVAL, ERR_INVALID, "unknown verb '%s'", str_show(name, show, sizeof show));
}

/* The option of a word "--name" or "--name=value"; ARG_MAX when there is none. */
static unsigned find_option(const char *word, const char **ret_value)
{
    size_t n;

    if (!str_starts(word, "--"))
        return ARG_MAX;
    word += 2;
    n = strcspn(word, "=");
    *ret_value = word[n] ? word + n + 1 : NULL;
    for (unsigned i = 0; i < ARG_MAX; i++)
        if (strlen(options[i].name) == n && memcmp(options[i].name, word, n) == 0)
            return i;
    return ARG_MAX;
}

static int one_option(const struct verb *v, char *const *argv, int argc, int *at, unsigned *seen,
                      struct worker_args *a, struct err *e)
{
    const char *word = argv[*at], *value = NULL;
    unsigned o = find_option(word, &value);
    char show[64];

    str_show(word, show, sizeof show);
    if (o == ARG_MAX || !(v->allowed & 1U << o))
        return err_set(e, EINVAL, ERR_INVALID, "'%s' is no option of '%s'", show, v->name);
    if (*seen & 1U << o)
        return err_set(e, EINVAL, ERR_INVALID, "'--%s' is given twice", options[o].name);
    *seen |= 1U << o;
    if (options[o].flag) {
        if (value)
            return err_set(e, EINVAL, ERR_INVALID, "'--%s' takes no value", options[o].name);
        a->shallow = true;
        return 0;
    }
    if (!value && ++*at < argc)
        value = argv[*at];
    if (!value)
        return err_set(e, EINVAL, ERR_INVALID, "'--%s' needs a value", options[o].name);
    *(const char **)((char *)a + options[o].field) = value;
    return 0;
}

int args_parse(int argc, char *const *argv, const struct verb **ret_verb, struct worker_args *ret,
               struct err *e)
{
    struct worker_args a = { 0 };
    const struct verb *v = NULL;
    unsigned seen = 0;
    int r;

    if (argc < 1)
        return err_set(e, EINVAL, ERR_INVALID, "no verb; see 'kiln-worker --help'");
    r = find_verb(argv[0], &v, e);
    for (int i = 1; i < argc && r == 0; i++)
        r = one_option(v, argv, argc, &i, &seen, &a, e);
    if (r < 0)
        return r;
    for (unsigned i = 0; i < ARG_MAX; i++)
        if (v->required & ~seen & 1U << i)
            return err_set(e, EINVAL, ERR_INVALID, "'%s' needs '--%s'", v->name, options[i].name);
    *ret_verb = v;
    *ret = a;
    return 0;
}
