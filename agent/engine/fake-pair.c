/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of keys and values: registry, files, environment and metadata of the fake. */
#include "engine/fake.h"

#include <assert.h>
#include <string.h>

struct fake_pair *fake_pair_find(struct fake_pair *list, const char *key, const char *name)
{
    for (struct fake_pair *p = list; p; p = p->next)
        if (str_eq_nocase(p->key, key) && str_eq_nocase(p->name ? p->name : "", name ? name : ""))
            return p;
    return NULL;
}

static void pair_free(struct fake_pair *p)
{
    free(p->key);
    free(p->name);
    free(p->value);
    free(p->data);
    free(p);
}

void fake_pair_remove(struct fake_pair **list, const char *key, const char *name, bool below)
{
    size_t n = strlen(key);

    for (struct fake_pair **at = list; *at;) {
        struct fake_pair *p = *at;
        bool hit = name ? str_eq_nocase(p->key, key) && str_eq_nocase(p->name, name)
                        : str_eq_nocase(p->key, key);

        if (!hit && below && strlen(p->key) > n && p->key[n] == '\\') {
            char *start = str_dup_n(p->key, n);

            hit = str_eq_nocase(start, key);
            free(start);
        }
        if (!hit) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        pair_free(p);
    }
}

/* Kept in the order of making, so that listings are stable. */
struct fake_pair *fake_pair_put(struct fake_pair **list, const char *key, const char *name)
{
    struct fake_pair *p = fake_pair_find(*list, key, name);
    struct fake_pair **at = list;

    if (p) {
        free(p->value);
        free(p->data);
        p->value = NULL;
        p->data = NULL;
        return p;
    }
    p = calloc(1, sizeof(*p));
    assert(p);
    p->key = str_dup(key);
    p->name = name ? str_dup(name) : NULL;
    while (*at)
        at = &(*at)->next;
    *at = p;
    return p;
}

void fake_pairs_free(struct fake_pair *p)
{
    while (p) {
        struct fake_pair *next = p->next;

        pair_free(p);
        p = next;
    }
}

char *fake_child_of(const char *key, const char *path)
{
    size_t n = strlen(key);
    char *start;
    bool below;

    if (strlen(path) <= n + 1 || path[n] != '\\')
        return NULL;
    start = str_dup_n(path, n);
    below = str_eq_nocase(start, key);
    free(start);
    return below ? str_dup_n(path + n + 1, strcspn(path + n + 1, "\\")) : NULL;
}

void fake_name_once(struct win_name *list, size_t *n, const char *name, bool is_dir, size_t size)
{
    for (size_t i = 0; i < *n; i++)
        if (str_eq_nocase(list[i].name, name))
            return;
    assert(*n < FAKE_MAX);
    (void)str_copy(list[*n].name, sizeof(list[*n].name), name);
    list[*n].is_dir = is_dir;
    list[(*n)++].size_bytes = size;
}
