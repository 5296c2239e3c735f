/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ids, tag lists, mapping lists: values without a database. */
#include "model-priv.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rand.h"
#include "str.h"

#define ID_DIGITS     17
#define ID_DIGITS_OLD 8

void model_new_id(const char *prefix, char out[MODEL_ID_MAX])
{
    char hex[ID_DIGITS + 1];
    int n;

    rand_hex(hex, ID_DIGITS);
    n = snprintf(out, MODEL_ID_MAX, "%s-%s", prefix, hex);
    assert(n > 0 && n < MODEL_ID_MAX);
}

int model_id_check(const char *prefix, const char *text)
{
    size_t digits;

    if (!str_starts(text, prefix) || text[strlen(prefix)] != '-')
        return -EINVAL;
    text += strlen(prefix) + 1;
    digits = strspn(text, "0123456789abcdef");
    if (text[digits] || (digits != ID_DIGITS && digits != ID_DIGITS_OLD))
        return -EINVAL;
    return 0;
}

static const struct {
    const char *prefix, *word;
    const struct table *table;
} resources[] = {
    { "i", "instance", &instance_table },
    { "ami", "image", &image_table },
    { "snap", "snapshot", &snapshot_table },
    { "vol", "volume", &volume_table },
    { "key", "key-pair", &key_pair_table },
    { "import-ami", "import-image-task", &import_table },
    { "vpc", "vpc", &vpc_table },
    { "subnet", "subnet", &subnet_table },
    { "sg", "security-group", &group_table },
    { "sgr", "security-group-rule", &rule_table },
    { "eni", "network-interface", &interface_table },
    { "eipalloc", "elastic-ip", &address_table },
};

const char *model_resource_type(const char *id)
{
    for (size_t i = 0; i < ARRAY_LEN(resources); i++)
        if (model_id_check(resources[i].prefix, id) == 0)
            return resources[i].word;
    return NULL;
}

const struct table *resource_table(const char *id)
{
    for (size_t i = 0; i < ARRAY_LEN(resources); i++)
        if (model_id_check(resources[i].prefix, id) == 0)
            return resources[i].table;
    return NULL;
}

void tag_list_done(struct tag_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->v[i].key);
        free(l->v[i].value);
    }
    free(l->v);
    *l = (struct tag_list){ 0 };
}

int tag_list_add(struct tag_list *l, const char *key, const char *value)
{
    _cleanup_free_ char *k = strdup(key), *v = strdup(value);
    struct tag *bigger = reallocarray(l->v, l->n + 1, sizeof *bigger);

    if (bigger)
        l->v = bigger;
    if (!k || !v || !bigger)
        return -ENOMEM;
    l->v[l->n++] = (struct tag){ TAKE_PTR(k), TAKE_PTR(v) };
    return 0;
}

void mapping_list_done(struct mapping_list *l)
{
    free(l->v);
    *l = (struct mapping_list){ 0 };
}

int mapping_list_add(struct mapping_list *l, const struct mapping *one)
{
    struct mapping copy = *one; /* one may lie in the list that moves */
    struct mapping *bigger = reallocarray(l->v, l->n + 1, sizeof *bigger);

    if (!bigger)
        return -ENOMEM;
    l->v = bigger;
    l->v[l->n++] = copy;
    return 0;
}

int mapping_list_copy(struct mapping_list *dst, const struct mapping_list *src)
{
    struct mapping_list copy = { 0 };

    if (src->n) {
        copy.v = reallocarray(NULL, src->n, sizeof *copy.v);
        if (!copy.v)
            return -ENOMEM;
        memcpy(copy.v, src->v, src->n * sizeof *copy.v);
        copy.n = src->n;
    }
    *dst = copy;
    return 0;
}

struct mapping *mapping_find(const struct mapping_list *l, const char *device)
{
    for (size_t i = 0; i < l->n; i++)
        if (str_eq(l->v[i].device, device))
            return &l->v[i];
    return NULL;
}
