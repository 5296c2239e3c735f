/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tree-set.h"

#include <stdio.h>
#include <string.h>

#include "str.h"

static bool has(const char *s)
{
    return s && *s;
}

static int one_name(const char *name, size_t i, char ret[TREE_NAME_MAX])
{
    if (i > 0 || !has(name))
        return -1;
    return str_copy(ret, TREE_NAME_MAX, name) < 0 ? 0 : 1;
}

static int mac_name(const struct imds_instance *x, size_t i, char ret[TREE_NAME_MAX])
{
    return one_name(x->mac, i, ret);
}

static int address_name(const struct imds_instance *x, size_t i, char ret[TREE_NAME_MAX])
{
    return one_name(x->public_ip, i, ret);
}

static int key_name(const struct imds_instance *x, size_t i, char ret[TREE_NAME_MAX])
{
    return one_name(has(x->public_key) ? "0" : NULL, i, ret);
}

/* ---- disks: "ami", then each but the root one, then "root" -----------------------------------
 */

static const struct imds_disk *root_disk(const struct imds_instance *x)
{
    for (size_t i = 0; i < x->n_disks; i++)
        if (x->disks[i].root)
            return &x->disks[i];
    return NULL;
}

const struct imds_disk *tree_disk(const struct imds_instance *x, size_t i)
{
    return i == 0 || i == x->n_disks + 1 ? root_disk(x) : &x->disks[i - 1];
}

static int disk_name(const struct imds_instance *x, size_t i, char ret[TREE_NAME_MAX])
{
    const struct imds_disk *d;
    unsigned number = 1;

    if (i > x->n_disks + 1)
        return -1;
    d = tree_disk(x, i);
    if (i == 0 || i == x->n_disks + 1)
        return d && str_copy(ret, TREE_NAME_MAX, i ? "root" : "ami") == 0;
    if (d->root)
        return 0;
    if (d->ephemeral)
        return str_copy(ret, TREE_NAME_MAX, d->ephemeral) == 0;
    for (size_t k = 0; k < i - 1; k++)
        number += !x->disks[k].root && !x->disks[k].ephemeral;
    (void)snprintf(ret, TREE_NAME_MAX, "ebs%u", number);
    return 1;
}

/* ---- tags ------------------------------------------------------------------------------------
 */

/* EC2 allows no other letters in keys that its metadata shows; "." and ".." are no path. */
static bool tag_key_is_shown(const char *key)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "+-=._:@,";

    return *key && key[strspn(key, letters)] == '\0' && !str_eq(key, ".") && !str_eq(key, "..");
}

static int tag_name(const struct imds_instance *x, size_t i, char ret[TREE_NAME_MAX])
{
    if (!x->tags_shown || i >= x->n_tags)
        return -1;
    if (!tag_key_is_shown(x->tags[i].key))
        return 0;
    return str_copy(ret, TREE_NAME_MAX, x->tags[i].key) == 0;
}

static const struct {
    const char *set;
    int (*name)(const struct imds_instance *x, size_t i, char ret[TREE_NAME_MAX]);
} sets[] = {
    { "{address}", address_name }, { "{disk}", disk_name }, { "{key}", key_name },
    { "{mac}", mac_name },         { "{tag}", tag_name },
};

int tree_set_name(const char *set, const struct imds_instance *x, size_t i, char ret[TREE_NAME_MAX])
{
    size_t n = strcspn(set, "/");

    for (size_t k = 0; k < ARRAY_LEN(sets); k++)
        if (strlen(sets[k].set) == n && memcmp(sets[k].set, set, n) == 0)
            return sets[k].name(x, i, ret);
    return -1;
}

bool tree_set_find(const char *set, const struct imds_instance *x, const char *name, size_t *ret_i)
{
    char one[TREE_NAME_MAX];
    int r;

    for (size_t i = 0; (r = tree_set_name(set, x, i, one)) >= 0; i++)
        if (r > 0 && str_eq(one, name)) {
            *ret_i = i;
            return true;
        }
    return false;
}
