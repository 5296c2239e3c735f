/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one action of service "sts" that clients send to the same address: who am I? */
#include "dispatch.h"
#include "xml.h"

#define STS_NS "https://sts.amazonaws.com/doc/2011-06-15/"

int sts_answer(struct api_call *c, const char *action, struct err *e)
{
    _cleanup_free_ char *arn = xasprintf("arn:aws:iam::%s:root", c->account);
    struct xml *x = c->out;
    char shown[80];

    if (!str_eq(action, "GetCallerIdentity"))
        return api_fail(c, e, "InvalidAction", "Could not find operation %s for version 2011-06-15",
                        str_show(action, shown, sizeof(shown)));
    str_add(&x->s, "<GetCallerIdentityResponse xmlns=\"" STS_NS "\"><GetCallerIdentityResult>");
    xml_always(x, "Arn", arn);
    xml_always(x, "UserId", c->account);
    xml_always(x, "Account", c->account);
    xml_close(x, "GetCallerIdentityResult");
    xml_open(x, "ResponseMetadata");
    xml_always(x, "RequestId", c->request_id);
    xml_close(x, "ResponseMetadata");
    xml_close(x, "GetCallerIdentityResponse");
    return str_check(&x->s, "the answer", e);
}

void sts_error(struct xml *x, const char *code, const char *message, const char *request_id)
{
    str_add(&x->s, "<ErrorResponse xmlns=\"" STS_NS "\"><Error>");
    xml_always(x, "Type", "Sender");
    xml_always(x, "Code", code);
    xml_always(x, "Message", message);
    xml_close(x, "Error");
    xml_always(x, "RequestId", request_id);
    xml_close(x, "ErrorResponse");
}
