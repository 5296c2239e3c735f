/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "tree-set.h"

static bool has(const char *s)
{
    return s && *s;
}

static int add_text(const char *s, struct str *out)
{
    if (!has(s))
        return 0;
    if (out)
        str_add(out, s);
    return 1;
}

/* ---- values that are no plain string ---------------------------------------------------------
 */

static int launch_index(const struct tree_ask *a, size_t i, struct str *out, struct err *e)
{
    (void)i, (void)e;
    if (out)
        str_addf(out, "%u", (unsigned)a->x->launch_index);
    return 1;
}

static int monitoring(const struct tree_ask *a, size_t i, struct str *out, struct err *e)
{
    (void)i, (void)e;
    return add_text(a->x->monitoring ? "enabled" : "disabled", out);
}

/* The root device is named in full, the others without "/dev/", as EC2 does. */
static int disk_device(const struct tree_ask *a, size_t i, struct str *out, struct err *e)
{
    const struct imds_disk *d = tree_disk(a->x, i);

    (void)e;
    if (!d)
        return 0;
    return add_text(!d->root && str_starts(d->device, "/dev/") ? d->device + 5 : d->device, out);
}

/* EC2's third word is the name of the key pair. */
static int openssh_key(const struct tree_ask *a, size_t i, struct str *out, struct err *e)
{
    const char *line = a->x->public_key;
    size_t n, type, body;

    (void)i, (void)e;
    if (!has(line))
        return 0;
    type = strcspn(line, " \r\n");
    body = line[type] == ' ' ? strcspn(line + type + 1, " \r\n") : 0;
    n = type + (body ? 1 + body : 0);
    if (out) {
        str_add_mem(out, line, n);
        if (has(a->x->key_name)) {
            str_addc(out, ' ');
            str_add(out, a->x->key_name);
        }
    }
    return 1;
}

static int groups(const struct tree_ask *a, bool ids, struct str *out)
{
    const struct imds_instance *x = a->x;

    for (size_t k = 0; out && k < x->n_groups; k++) {
        if (k)
            str_addc(out, '\n');
        str_add(out, ids ? x->groups[k].id : x->groups[k].name);
    }
    return x->n_groups > 0;
}

static int group_ids(const struct tree_ask *a, size_t i, struct str *out, struct err *e)
{
    (void)i, (void)e;
    return groups(a, true, out);
}

static int group_names(const struct tree_ask *a, size_t i, struct str *out, struct err *e)
{
    (void)i, (void)e;
    return groups(a, false, out);
}

/* A tag without a value is there, and empty. */
static int tag_value(const struct tree_ask *a, size_t i, struct str *out, struct err *e)
{
    (void)e;
    if (out && has(a->x->tags[i].value))
        str_add(out, a->x->tags[i].value);
    return 1;
}

static int user_data(const struct tree_ask *a, size_t i, struct str *out, struct err *e)
{
    (void)i, (void)e;
    if (out)
        str_add_mem(out, a->x->user_data, a->x->user_data_bytes);
    return a->x->user_data_bytes > 0;
}

/* ---- the identity document -------------------------------------------------------------------
 */

static void add_pair(struct str *out, const char *key, const char *value, const char *end)
{
    str_addf(out, "  \"%s\" : ", key);
    if (has(value)) {
        str_addc(out, '"');
        str_json(out, value);
        str_addc(out, '"');
    } else {
        str_add(out, "null");
    }
    str_add(out, end);
}

static void pending_time(uint64_t ms, char out[CLOCK_ISO_MAX])
{
    char *dot;

    clock_iso8601(ms, out);
    dot = strchr(out, '.');
    if (dot)
        memcpy(dot, "Z", 2); /* whole seconds */
}

void tree_document(const struct imds_instance *x, struct str *out)
{
    static const char next[] = ",\n";
    char pending[CLOCK_ISO_MAX];

    pending_time(x->launched_ms, pending);
    str_add(out, "{\n");
    add_pair(out, "accountId", x->account, next);
    add_pair(out, "architecture", x->architecture, next);
    add_pair(out, "availabilityZone", x->zone, next);
    str_addf(out, "  \"billingProducts\" : %s,\n", x->windows ? "[ \"bp-6ba54002\" ]" : "null");
    add_pair(out, "devpayProductCodes", NULL, next);
    add_pair(out, "marketplaceProductCodes", NULL, next);
    add_pair(out, "imageId", x->image_id, next);
    add_pair(out, "instanceId", x->id, next);
    add_pair(out, "instanceType", x->type, next);
    add_pair(out, "kernelId", NULL, next);
    add_pair(out, "pendingTime", pending, next);
    add_pair(out, "privateIp", x->private_ip, next);
    add_pair(out, "ramdiskId", NULL, next);
    add_pair(out, "region", x->region, next);
    add_pair(out, "version", "2017-09-30", "\n}");
}

static int document(const struct tree_ask *a, size_t i, struct str *out, struct err *e)
{
    (void)i, (void)e;
    if (out)
        tree_document(a->x, out);
    return 1;
}

static int signed_form(const struct tree_ask *a, enum sign_form form, struct str *out,
                       struct err *e)
{
    _cleanup_str_ struct str doc = STR_INIT(TREE_BODY_MAX);
    const char *text;
    int r;

    if (!out)
        return 1;
    tree_document(a->x, &doc);
    r = str_check(&doc, "the identity document", e);
    if (r == 0)
        r = sign_text(a->sign, a->memo, form, str_text(&doc), &text, e);
    if (r < 0)
        return r;
    str_add(out, text);
    return 1;
}

static int pkcs7(const struct tree_ask *a, size_t i, struct str *out, struct err *e)
{
    (void)i;
    return signed_form(a, SIGN_PKCS7, out, e);
}

static int signature(const struct tree_ask *a, size_t i, struct str *out, struct err *e)
{
    (void)i;
    return signed_form(a, SIGN_PLAIN, out, e);
}

/* ---- the table -------------------------------------------------------------------------------
 */

/* Since when: "Instance metadata categories" of EC2's user guide. It gives no date for profile,
 * hibernation/configured and rsa2048: they are with what came with them. */
#define FIELD(since_, path_, field_)                                                               \
    {                                                                                              \
        .since = since_, .path = path_, .field = offsetof(struct imds_instance, field_)            \
    }
#define FIXED(since_, path_, text_)                                                                \
    {                                                                                              \
        .since = since_, .path = path_, .fixed = text_                                             \
    }
#define CALL(since_, path_, fn_)                                                                   \
    {                                                                                              \
        .since = since_, .path = path_, .fn = fn_                                                  \
    }
#define MAC "meta-data/network/interfaces/macs/{mac}/"

/* clang-format off */
static const struct tree_row rows[] = {
    CALL( "2009-04-04", "dynamic/fws/instance-monitoring", monitoring),
    CALL( "2009-04-04", "dynamic/instance-identity/document", document),
    CALL( "2009-04-04", "dynamic/instance-identity/pkcs7", pkcs7),
    CALL( "2009-04-04", "dynamic/instance-identity/rsa2048", pkcs7),
    CALL( "2009-04-04", "dynamic/instance-identity/signature", signature),
    FIELD("1.0",        "meta-data/ami-id", image_id),
    CALL( "1.0",        "meta-data/ami-launch-index", launch_index),
    FIXED("1.0",        "meta-data/ami-manifest-path", "(unknown)"),
    CALL( "2007-12-15", "meta-data/block-device-mapping/{disk}", disk_device),
    FIXED("2018-08-17", "meta-data/events/maintenance/history", "[]"),
    FIXED("2018-08-17", "meta-data/events/maintenance/scheduled", "[]"),
    FIXED("2018-09-24", "meta-data/hibernation/configured", "false"),
    FIELD("1.0",        "meta-data/hostname", local_hostname),
    FIXED("2008-09-01", "meta-data/instance-action", "none"),
    FIELD("1.0",        "meta-data/instance-id", id),
    FIXED("2019-10-01", "meta-data/instance-life-cycle", "on-demand"),
    FIELD("2007-08-29", "meta-data/instance-type", type),
    FIELD("2007-01-19", "meta-data/local-hostname", local_hostname),
    FIELD("1.0",        "meta-data/local-ipv4", private_ip),
    FIELD("2011-01-01", "meta-data/mac", mac),
    FIXED("2011-05-01", "meta-data/metrics/vhostmd", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"),
    FIXED("2011-01-01", MAC "device-number", "0"),
    FIELD("2011-01-01", MAC "interface-id", interface_id),
    FIELD("2011-01-01", MAC "ipv4-associations/{address}", private_ip),
    FIELD("2011-01-01", MAC "local-hostname", local_hostname),
    FIELD("2011-01-01", MAC "local-ipv4s", private_ip),
    FIELD("2011-01-01", MAC "mac", mac),
    FIELD("2011-01-01", MAC "owner-id", account),
    FIELD("2011-01-01", MAC "public-hostname", public_hostname),
    FIELD("2011-01-01", MAC "public-ipv4s", public_ip),
    CALL( "2011-01-01", MAC "security-group-ids", group_ids),
    CALL( "2011-01-01", MAC "security-groups", group_names),
    FIELD("2011-01-01", MAC "subnet-id", subnet_id),
    FIELD("2011-01-01", MAC "subnet-ipv4-cidr-block", subnet_cidr),
    FIELD("2011-01-01", MAC "vpc-id", vpc_id),
    FIELD("2011-01-01", MAC "vpc-ipv4-cidr-block", vpc_cidr),
    FIELD("2016-06-30", MAC "vpc-ipv4-cidr-blocks", vpc_cidr),
    FIELD("2008-02-01", "meta-data/placement/availability-zone", zone),
    FIELD("2019-10-01", "meta-data/placement/availability-zone-id", zone_id),
    FIELD("2020-08-24", "meta-data/placement/region", region),
    FIXED("2011-05-01", "meta-data/profile", "default-hvm"),
    FIELD("2007-01-19", "meta-data/public-hostname", public_hostname),
    FIELD("2007-01-19", "meta-data/public-ipv4", public_ip),
    CALL( "1.0",        "meta-data/public-keys/{key}/openssh-key", openssh_key),
    FIELD("1.0",        "meta-data/reservation-id", reservation_id),
    CALL( "1.0",        "meta-data/security-groups", group_names),
    FIXED("2014-02-25", "meta-data/services/domain", "amazonaws.com"),
    FIXED("2015-10-20", "meta-data/services/partition", "aws"),
    CALL( "2021-03-23", "meta-data/tags/instance/{tag}", tag_value),
    { .since = "1.0", .path = "user-data", .fn = user_data, .binary = true },
};
/* clang-format on */

static const char *const versions[] = {
    "1.0",        "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15",
    "2008-02-01", "2008-09-01", "2009-04-04", "2011-01-01", "2011-05-01", "2012-01-12",
    "2014-02-25", "2014-11-05", "2015-10-20", "2016-04-19", "2016-06-30", "2016-09-02",
    "2018-03-28", "2018-08-17", "2018-09-24", "2019-10-01", "2020-10-27", "2021-01-03",
    "2021-03-23", "2021-07-15", "2022-07-09", "2022-09-24", "2024-04-11", "latest",
};

const struct tree_row *tree_rows(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(rows);
    return rows;
}

const char *const *tree_versions(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(versions);
    return versions;
}

bool tree_has_version(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(versions); i++)
        if (str_eq(versions[i], name))
            return true;
    return false;
}

/* ---- walking ---------------------------------------------------------------------------------
 */

static int row_value(const struct tree_row *row, const struct tree_ask *a, size_t index,
                     struct str *out, struct err *e)
{
    const char *const *field = (const void *)((const char *)a->x + row->field);

    if (row->fn)
        return row->fn(a, index, out, e);
    return add_text(row->fixed ? row->fixed : *field, out);
}

/* The part of a path behind its first name; NULL at its end. */
static const char *behind(const char *path)
{
    const char *slash = strchr(path, '/');

    return slash ? slash + 1 : NULL;
}

/* Whether anything is there at the path of a row from rest on. */
static bool row_is_there(const struct tree_row *row, const char *rest, const struct tree_ask *a,
                         size_t index)
{
    char name[TREE_NAME_MAX];
    struct err scratch = { 0 };
    int r;

    while (rest && *rest != '{')
        rest = behind(rest);
    if (!rest)
        return row_value(row, a, index, NULL, &scratch) > 0;
    for (size_t i = 0; (r = tree_set_name(rest, a->x, i, name)) >= 0; i++)
        if (r > 0 && row_is_there(row, behind(rest), a, i))
            return true;
    return false;
}

/* Whether the row's path begins with these names. *ret_rest is what follows, NULL: nothing. */
static bool row_matches(const struct tree_row *row, const struct imds_instance *x,
                        const char *const *parts, size_t n, const char **ret_rest,
                        size_t *ret_index)
{
    const char *rest = row->path;

    for (size_t i = 0; i < n; i++) {
        size_t len;

        if (!rest)
            return false;
        len = strcspn(rest, "/");
        if (*rest == '{' ? !tree_set_find(rest, x, parts[i], ret_index)
                         : strlen(parts[i]) != len || memcmp(rest, parts[i], len) != 0)
            return false;
        rest = behind(rest);
    }
    *ret_rest = rest;
    return true;
}

struct listing {
    struct str *out;
    const char *last; /* the name added last: rows of one directory stand together */
    size_t last_len;
    bool any;
};

static void list_name(struct listing *l, const char *name, size_t n, const char *tail)
{
    if (l->any)
        str_addc(l->out, '\n');
    str_add_mem(l->out, name, n);
    str_add(l->out, tail);
    l->any = true;
}

/* Keys are listed as "0=NAME", and are directories all the same. */
static void list_set(struct listing *l, const struct tree_row *row, const char *rest,
                     const struct tree_ask *a)
{
    bool keys = str_starts(rest, "{key}");
    const char *deeper = behind(rest);
    char name[TREE_NAME_MAX];
    int r;

    for (size_t i = 0; (r = tree_set_name(rest, a->x, i, name)) >= 0; i++) {
        if (r == 0 || !row_is_there(row, deeper, a, i))
            continue;
        list_name(l, name, strlen(name), keys ? "=" : deeper ? "/" : "");
        if (keys)
            str_add(l->out, has(a->x->key_name) ? a->x->key_name : name);
    }
}

static void list_row(struct listing *l, const struct tree_row *row, const char *rest,
                     const struct tree_ask *a, size_t index)
{
    size_t len = strcspn(rest, "/");

    if (l->last && l->last_len == len && memcmp(l->last, rest, len) == 0)
        return;
    if (!row_is_there(row, rest, a, index))
        return;
    l->last = rest;
    l->last_len = len;
    if (*rest == '{')
        list_set(l, row, rest, a);
    else
        list_name(l, rest, len, rest[len] ? "/" : "");
}

int tree_get(const struct tree_ask *a, const char *const *parts, size_t n, struct str *out,
             bool *ret_binary, struct err *e)
{
    struct listing l = { .out = out };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *rest = NULL;
        size_t index = 0;

        if (strcmp(rows[i].since, a->version) > 0) /* digits come before "latest" */
            continue;
        if (!row_matches(&rows[i], a->x, parts, n, &rest, &index))
            continue;
        if (!rest) {
            int r = row_value(&rows[i], a, index, out, e);

            if (r > 0)
                *ret_binary = rows[i].binary;
            return r;
        }
        list_row(&l, &rows[i], rest, a, index);
    }
    return l.any;
}
