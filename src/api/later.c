/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "later.h"

#include "errors.h"
#include "log.h"

struct api_later *api_later_new(struct api_call *c)
{
    struct api_later *l = xcalloc(1, sizeof(*l));

    l->action = c->action->name;
    l->resource = c->action->resource;
    l->body = *c->out;
    *c->out = (struct xml)XML_INIT;
    (void)str_copy(l->out.request_id, sizeof(l->out.request_id), c->request_id);
    return l;
}

void api_later_cancel(struct api_call *c, struct api_later *l)
{
    xml_done(c->out);
    *c->out = l->body;
    free(l);
}

static void finish(struct api_later *l)
{
    l->out.content_type = "text/xml;charset=UTF-8";
    l->out.body_len = l->body.s.len;
    l->out.body = str_take(&l->body.s);
    if (!l->out.body) {
        l->out.status = 503; /* memory is gone; SDKs try again */
        l->out.body_len = 0;
    }
    l->done = true;
    if (l->orphan) {
        api_out_done(&l->out);
        free(l);
    } else if (l->wake) {
        l->wake(l->userdata);
    }
}

void api_later_end(struct api_later *l)
{
    xml_end(&l->body, l->action);
    l->out.status = 200;
    finish(l);
}

void api_later_fail(struct api_later *l, const struct err *why)
{
    const char *code = api_error_code(l->resource, why->kind);

    code = code ? code : "InternalError";
    xml_done(&l->body);
    l->body = (struct xml)XML_INIT;
    xml_error(&l->body, code, why->msg, l->out.request_id);
    l->out.status = errors_status(code);
    log_info("api", "%s refused: %s (%s) request=%s", l->action, why->msg, code, l->out.request_id);
    finish(l);
}

bool api_later_take(struct api_later *l, struct api_out *out)
{
    if (!l->done)
        return false;
    *out = l->out;
    free(l);
    return true;
}

void api_later_wait(struct api_later *l, void (*wake)(void *userdata), void *userdata)
{
    l->wake = wake;
    l->userdata = userdata;
}

void api_later_forget(struct api_later *l)
{
    if (l->done) {
        api_out_done(&l->out);
        free(l);
        return;
    }
    l->orphan = true;
    l->wake = NULL;
}
