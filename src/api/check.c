/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One function checks a whole request against the action's table; what runs later trusts it. */
#include "request.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "parse.h"
#include "utf8.h"

/* ---- names */

/* Length of the index at the start of name (1-5 digits, no leading zero), or 0. */
static size_t index_len(const char *name)
{
    size_t n = strspn(name, "0123456789");

    if (n == 0 || n > 5 || (name[0] == '0' && n > 1) || (name[n] && name[n] != '.'))
        return 0;
    return n;
}

bool request_name_fits(const char *pattern, const char *name)
{
    while (*pattern) {
        if (str_eq(pattern, "*"))
            return *name != '\0';
        if (pattern[0] == 'N' && (pattern[1] == '.' || !pattern[1])) {
            size_t n = index_len(name);

            if (n == 0)
                return false;
            pattern++;
            name += n;
        } else {
            size_t n = strcspn(pattern, ".");

            if (strncmp(pattern, name, n) != 0 || (name[n] && name[n] != '.'))
                return false;
            pattern += n;
            name += n;
        }
        if (!*name)
            return !*pattern;
        if (*pattern != '.')
            return false;
        pattern++;
        name++;
    }
    return false;
}

/* A list's name without an index: with an empty value this is how old clients send an empty list
 * ("InstanceId="), and Libcloud sends a list of one so ("KeyName=x"). */
static bool is_bare_list(const char *pattern, const struct request_value *v)
{
    size_t n = strlen(v->name);

    if (!str_starts(pattern, v->name))
        return false;
    return str_eq(pattern + n, ".N") ||
           (!*v->value && (str_starts(pattern + n, ".N.") || str_eq(pattern + n, ".*")));
}

static const struct api_param common_params[] = {
    { .name = "Action", .type = PARAM_TEXT },
    { .name = "Version", .type = PARAM_TEXT },
    { .name = "DryRun", .type = PARAM_BOOL },
    /* the signature in the query, and what goes with it: read by sigv4.c */
    { .name = "X-Amz-Algorithm", .type = PARAM_IGNORED },
    { .name = "X-Amz-Credential", .type = PARAM_IGNORED },
    { .name = "X-Amz-Date", .type = PARAM_IGNORED },
    { .name = "X-Amz-Expires", .type = PARAM_IGNORED },
    { .name = "X-Amz-SignedHeaders", .type = PARAM_IGNORED },
    { .name = "X-Amz-Signature", .type = PARAM_IGNORED },
    { .name = "X-Amz-Security-Token", .type = PARAM_IGNORED },
    { 0 },
};

static const struct api_param token_params[] = {
    { .name = "ClientToken", .type = PARAM_TEXT, .max_len = 64 },
    { 0 },
};

static const struct api_param page_params[] = {
    { .name = "MaxResults", .type = PARAM_INT }, /* the range is api_page's */
    { .name = "NextToken", .type = PARAM_TEXT },
    { 0 },
};

static const struct api_param filter_params[] = {
    { .name = "Filter.N.Name", .type = PARAM_TEXT, .max_len = 255, .required = true },
    { .name = "Filter.N.Value.N", .type = PARAM_TEXT, .empty_is_value = true },
    { 0 },
};

static const struct api_param *find_in(const struct api_param *params,
                                       const struct request_value *v)
{
    for (const struct api_param *p = params; p && p->name; p++)
        if (request_name_fits(p->name, v->name) || is_bare_list(p->name, v))
            return p;
    return NULL;
}

/* The tables that hold for an action; returns how many. */
static size_t tables_of(const struct api_action *a, const struct api_param *out[5])
{
    size_t n = 0;

    out[n++] = a->params;
    out[n++] = common_params;
    if (a->flags & API_TOKEN)
        out[n++] = token_params;
    if (a->flags & API_PAGES)
        out[n++] = page_params;
    if (a->flags & API_FILTERS)
        out[n++] = filter_params;
    return n;
}

static int match_name(struct api_call *c, const struct api_param *const *tables, size_t n_tables,
                      struct request_value *v, struct err *e)
{
    char shown[120];
    bool whole;

    for (size_t t = 0; t < n_tables && !v->param; t++)
        v->param = find_in(tables[t], v);
    if (!v->param)
        return api_fail(c, e, "UnknownParameter", "The parameter %s is not recognized",
                        str_show(v->name, shown, sizeof(shown)));
    whole = request_name_fits(v->param->name, v->name);
    v->given = *v->value || (v->param->empty_is_value && whole);
    if (v->given && !whole)
        v->name = v->own = xasprintf("%s.1", v->name);
    return 0;
}

static int match_names(struct api_call *c, struct err *e)
{
    const struct api_param *tables[5];
    size_t n_tables = tables_of(c->action, tables);
    bool renamed = false;

    for (size_t i = 0; i < c->req->n; i++) {
        int r = match_name(c, tables, n_tables, &c->req->v[i], e);

        if (r < 0)
            return r;
        renamed |= c->req->v[i].own != NULL;
    }
    return renamed ? request_sort(c->req, &c->wire_code, e) : 0;
}

/* ---- values */

static int bad_value(struct api_call *c, struct err *e, const struct request_value *v,
                     const char *why)
{
    char shown[120];

    return api_fail(c, e, "InvalidParameterValue", "Value (%s) for parameter %s is invalid. %s",
                    str_show(v->value, shown, sizeof(shown)), v->name, why);
}

/* How EC2 tells of a malformed id depends on what it is an id of. */
static const struct {
    const char *prefix, *code, *parameter;
} id_errors[] = {
    { "ami", "InvalidAMIID.Malformed", NULL },
    { "i", "InvalidInstanceID.Malformed", NULL },
    { "snap", "InvalidSnapshotID.Malformed", "snapshotId" },
    { "vol", "InvalidVolumeID.Malformed", "volumeId" },
    { "key", "InvalidKeyPair.NotFound", NULL },
    { "vpc", "InvalidVpcId.Malformed", NULL },
    { "subnet", "InvalidSubnetId.Malformed", NULL },
    { "sg", "InvalidGroupId.Malformed", NULL },
    { "sgr", "InvalidSecurityGroupRuleId.Malformed", NULL },
    { "eni", "InvalidNetworkInterfaceId.Malformed", NULL },
};

static int bad_id(struct api_call *c, struct err *e, const struct request_value *v)
{
    const char *prefix = v->param->prefix, *parameter = NULL, *code = "InvalidParameterValue";
    bool list = str_starts(v->param->name + strcspn(v->param->name, "."), ".N");
    char shown[120];

    (void)str_show(v->value, shown, sizeof(shown));
    for (size_t i = 0; i < ARRAY_LEN(id_errors); i++)
        if (str_eq(id_errors[i].prefix, prefix)) {
            code = id_errors[i].code;
            parameter = id_errors[i].parameter;
        }
    if (!parameter)
        return api_fail(c, e, code, "Invalid id: \"%s\" (expecting \"%s-...\")", shown, prefix);
    return api_fail(c, e, list ? "InvalidParameterValue" : code,
                    "Value (%s) for parameter %s is invalid. Expected: '%s-...'.", shown, parameter,
                    prefix);
}

/* Takes the table's spelling; false when the value is none of the words. */
static bool take_word(struct request_value *v)
{
    for (const char *const *w = v->param->words; *w; w++)
        if (str_eq_nocase(*w, v->value)) {
            v->value = *w;
            return true;
        }
    return false;
}

static int bad_word(struct api_call *c, struct err *e, const struct request_value *v)
{
    _cleanup_str_ struct str list = STR_INIT(300);

    for (const char *const *w = v->param->words; *w; w++)
        str_addf(&list, "%s%s", w == v->param->words ? "Expected: " : ", ", *w);
    return bad_value(c, e, v, str_text(&list));
}

static int check_text(struct api_call *c, struct err *e, struct request_value *v)
{
    const struct api_param *p = v->param;
    size_t n = utf8_count(v->value);
    char why[80];

    if (p->words && !take_word(v))
        return bad_word(c, e, v);
    if (n < p->min_len || (p->max_len && n > p->max_len)) {
        if (p->max_len)
            (void)snprintf(why, sizeof(why), "Between %u and %u characters are expected, not %zu.",
                           p->min_len, p->max_len, n);
        else
            (void)snprintf(why, sizeof(why), "At least %u characters are expected.", p->min_len);
        return bad_value(c, e, v, why);
    }
    return 0;
}

static int check_int(struct api_call *c, struct err *e, const struct request_value *v)
{
    uint64_t max = v->param->max ? v->param->max : UINT32_MAX, got;
    char why[100];

    if (parse_u64(v->value, v->param->min, max, &got) == 0)
        return 0;
    (void)snprintf(why, sizeof(why), "A whole number from %llu to %llu is expected.",
                   (unsigned long long)v->param->min, (unsigned long long)max);
    return bad_value(c, e, v, why);
}

static int check_base64(struct api_call *c, struct err *e, const struct request_value *v)
{
    _cleanup_free_ void *bytes = NULL;
    size_t n;
    int r = base64_decode(v->value, &bytes, &n);

    if (r == -EINVAL)
        return api_fail(c, e, "InvalidParameterValue", "Invalid BASE64 encoding of %s", v->name);
    return r < 0 ? err_oom(e) : 0;
}

static int check_not_yet(struct api_call *c, struct err *e, struct request_value *v)
{
    if (v->param->words && take_word(v))
        return 0;
    return api_fail(c, e, "UnsupportedOperation",
                    "The parameter %s is not supported by this version of Kiln", v->name);
}

static int check_value(struct api_call *c, struct err *e, struct request_value *v)
{
    uint64_t time;
    bool flag;

    switch (v->param->type) {
    case PARAM_TEXT:
        return check_text(c, e, v);
    case PARAM_ID:
        return model_id_check(v->param->prefix, v->value) < 0 ? bad_id(c, e, v) : 0;
    case PARAM_BOOL:
        return parse_bool(v->value, &flag) < 0 ? bad_value(c, e, v, "Expected: true, false") : 0;
    case PARAM_INT:
        return check_int(c, e, v);
    case PARAM_TIME:
        return clock_parse_iso8601(v->value, &time) < 0
                   ? bad_value(c, e, v, "Expected: a time such as 2026-01-02T03:04:05Z")
                   : 0;
    case PARAM_BASE64:
        return check_base64(c, e, v);
    case PARAM_NOT_YET:
        return check_not_yet(c, e, v);
    case PARAM_IGNORED:
    case PARAM_TYPE_MAX:
        return 0;
    }
    return 0;
}

/* ---- what must be there */

static int missing(struct api_call *c, struct err *e, const char *name)
{
    return api_fail(c, e, "MissingParameter", "The request must contain the parameter %s", name);
}

/* Where ".N" stands for an index, not for the start of a name; NULL: nowhere. */
static const char *find_index(const char *path)
{
    for (const char *p = strstr(path, ".N"); p; p = strstr(p + 1, ".N"))
        if (!p[2] || p[2] == '.')
            return p;
    return NULL;
}

/* "Tag.N.Key": every element of Tag that is there has a Key. Lists in lists are the handler's. */
static int check_required_member(struct api_call *c, struct err *e, const char *path,
                                 const char *index)
{
    char list[REQUEST_NAME_MAX + 1], member[REQUEST_NAME_MAX + 1];

    if (find_index(index + 1))
        return 0;
    (void)snprintf(list, sizeof(list), "%.*s", (int)(index - path), path);
    for (size_t i = 0; i < api_count(c, list); i++)
        if (!api_item_has(c, list, i, index + 3))
            return missing(c, e, api_sub(c, list, i, index + 3, member, sizeof(member)));
    return 0;
}

static int check_required(struct api_call *c, struct err *e, const struct api_param *params)
{
    for (const struct api_param *p = params; p && p->name; p++) {
        const char *index = find_index(p->name);
        char list[REQUEST_NAME_MAX + 1];
        int r = 0;

        if (!p->required)
            continue;
        if (!index) {
            r = api_has(c, p->name) ? 0 : missing(c, e, p->name);
        } else if (index[2] == '.') {
            r = check_required_member(c, e, p->name, index);
        } else {
            (void)snprintf(list, sizeof(list), "%.*s", (int)(index - p->name), p->name);
            r = api_count(c, list) ? 0 : missing(c, e, list);
        }
        if (r < 0)
            return r;
    }
    return 0;
}

int request_check(struct api_call *c, struct err *e)
{
    const struct api_param *tables[5];
    size_t n_tables = tables_of(c->action, tables);
    int r = match_names(c, e);

    for (size_t i = 0; r == 0 && i < c->req->n; i++)
        if (c->req->v[i].given)
            r = check_value(c, e, &c->req->v[i]);
    for (size_t t = 0; r == 0 && t < n_tables; t++)
        r = check_required(c, e, tables[t]);
    return r;
}
