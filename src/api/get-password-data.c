/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The password that the guest printed, encrypted with the launch key. passwordData is always there,
 * empty while there is none (clients wait for it to be longer); kilnReason says then why. */
#include "find.h"

#include "clock.h"

static const struct api_param params[] = {
    { .name = "InstanceId", .type = PARAM_ID, .prefix = "i", .required = true },
    { 0 },
};

static const char *reason(const struct instance_rec *i)
{
    if (i->password_data[0])
        return NULL;
    if (!str_eq(i->platform, "windows"))
        return "the instance is not a Windows one: its guest has no password to print";
    if (!i->key_name[0])
        return "the instance was launched without a key pair, so its password cannot be encrypted "
               "for anybody";
    if (i->state != INSTANCE_RUNNING)
        return "the guest has printed no password, and the instance is not running now";
    return "the guest has not printed a password yet: images made without Sysprep, or with a "
           "password of their own, never do";
}

static int get_password_data(struct api_call *c, struct err *e)
{
    struct instance_rec i;
    int r = api_find_instance(c, api_text(c, "InstanceId"), &i, e);

    if (r < 0)
        return r;
    xml_text(c->out, "instanceId", i.id);
    xml_time(c->out, "timestamp", clock_real_ms());
    xml_always(c->out, "passwordData", i.password_data);
    xml_text(c->out, "kilnReason", reason(&i));
    return 0;
}

const struct api_action api_get_password_data = {
    .name = "GetPasswordData",
    .resource = "instance",
    .params = params,
    .handle = get_password_data,
    .summary = "Gives the administrator's password as its guest printed it, encrypted with the "
               "launch key.",
};
