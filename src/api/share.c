/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One change may be written in two ways, and Packer writes both at once: LaunchPermission.Add.N,
 * and OperationType with UserId.N and UserGroup.N; together they are one change. */
#include "share.h"

#include <stdio.h>

#include "find.h"

#define CHANGES_MAX 200

const char *const api_share_operations[] = { "add", "remove", NULL };

struct changes {
    struct permission_change v[CHANGES_MAX];
    size_t n;
};

static const char *list_name(const char *list, const char *what, char *buf, size_t size)
{
    (void)snprintf(buf, size, "%s.%s", list, what);
    return buf;
}

bool api_share_asked(const struct api_call *c, const char *list)
{
    char add[64], remove[64];

    return api_count(c, list_name(list, "Add", add, sizeof add)) ||
           api_count(c, list_name(list, "Remove", remove, sizeof remove)) ||
           api_count(c, "UserId") || api_count(c, "UserGroup");
}

static int note(struct api_call *c, struct changes *l, bool add, const char *who, struct err *e)
{
    if (l->n >= CHANGES_MAX)
        return api_fail(c, e, "InvalidParameterValue",
                        "The request names more than %d users and groups", CHANGES_MAX);
    l->v[l->n++] = (struct permission_change){ .add = add, .grantee = who };
    return 0;
}

static int note_user(struct api_call *c, struct changes *l, bool add, const char *who,
                     struct err *e)
{
    char shown[80];

    if (!api_is_account(who))
        return api_fail(c, e, "InvalidAMIAttributeItemValue",
                        "Invalid attribute item value \"%s\" for userId item type.",
                        str_show(who, shown, sizeof shown));
    return note(c, l, add, who, e);
}

static int note_group(struct api_call *c, struct changes *l, bool add, const char *who,
                      struct err *e)
{
    char shown[80];

    if (!str_eq(who, "all"))
        return api_fail(c, e, "InvalidAMIAttributeItemValue",
                        "Invalid attribute item value \"%s\" for userGroup item type.",
                        str_show(who, shown, sizeof shown));
    return note(c, l, add, "all", e);
}

static int read_members(struct api_call *c, const char *list, bool add, struct changes *l,
                        struct err *e)
{
    int r = 0;

    for (size_t k = 0; k < api_count(c, list) && r >= 0; k++) {
        const char *user = api_item(c, list, k, "UserId"), *group = api_item(c, list, k, "Group");

        if (user)
            r = note_user(c, l, add, user, e);
        if (r >= 0 && group)
            r = note_group(c, l, add, group, e);
    }
    return r;
}

static int read_plain(struct api_call *c, bool add, struct changes *l, struct err *e)
{
    int r = 0;

    for (size_t k = 0; k < api_count(c, "UserId") && r >= 0; k++)
        if (api_item(c, "UserId", k, ""))
            r = note_user(c, l, add, api_item(c, "UserId", k, ""), e);
    for (size_t k = 0; k < api_count(c, "UserGroup") && r >= 0; k++)
        if (api_item(c, "UserGroup", k, ""))
            r = note_group(c, l, add, api_item(c, "UserGroup", k, ""), e);
    return r;
}

static int read_all(struct api_call *c, const char *list, struct changes *l, struct err *e)
{
    char add[64], remove[64];
    const char *operation = api_text(c, "OperationType");
    bool plain = api_count(c, "UserId") || api_count(c, "UserGroup");
    int r = read_members(c, list_name(list, "Add", add, sizeof add), true, l, e);

    if (r >= 0)
        r = read_members(c, list_name(list, "Remove", remove, sizeof remove), false, l, e);
    if (r < 0 || !plain)
        return r;
    if (!operation && l->n == 0)
        return api_fail(c, e, "MissingParameter",
                        "The request must contain the parameter OperationType");
    /* Without a word of their own they repeat what the members say. */
    return read_plain(c, operation ? str_eq(operation, "add") : l->v[0].add, l, e);
}

int api_share(struct api_call *c, const char *list, const char *id, bool encrypted, struct err *e)
{
    struct changes l = { .n = 0 };
    int r = read_all(c, list, &l, e);

    for (size_t k = 0; k < l.n && r >= 0; k++)
        if (encrypted && l.v[k].add && str_eq(l.v[k].grantee, "all"))
            r = api_fail(c, e, "InvalidParameterValue",
                         "'%s' is encrypted: it cannot be made public", id);
    return r < 0 ? r : model_permissions_change(c->model, id, l.v, l.n, e);
}

int api_put_shares(struct api_call *c, const char *element, const char *id, struct err *e)
{
    _cleanup_free_ struct permission_rec *v = NULL;
    size_t n = 0;
    int r = model_permissions_list(c->model, id, &v, &n, e);

    if (r < 0)
        return r;
    xml_open(c->out, element);
    for (size_t k = 0; k < n; k++) {
        xml_open(c->out, "item");
        xml_text(c->out, str_eq(v[k].grantee, "all") ? "group" : "userId", v[k].grantee);
        xml_close(c->out, "item");
    }
    xml_close(c->out, element);
    return 0;
}
