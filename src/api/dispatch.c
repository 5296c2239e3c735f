/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dispatch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "errors.h"
#include "log.h"
#include "rand.h"
#include "request.h"
#include "xml.h"

enum service { SERVICE_EC2, SERVICE_STS, SERVICE_EBS, SERVICE_MAX };

static const char *const service_names[SERVICE_MAX] = { "ec2", "sts", "ebs" };

/* What a bad signature is called, by service. */
static const char *const fault_codes[SERVICE_MAX][SIGV4_FAULT_MAX] = {
    [SERVICE_EC2] = { "InternalError", "MissingParameter", "IncompleteSignature", "RequestExpired",
                      "AuthFailure" },
    [SERVICE_STS] = { "InternalFailure", "MissingAuthenticationToken", "IncompleteSignature",
                      "SignatureDoesNotMatch", "SignatureDoesNotMatch" },
    [SERVICE_EBS] = { "InternalServerException", "MissingAuthenticationTokenException",
                      "IncompleteSignatureException", "InvalidSignatureException",
                      "InvalidSignatureException" },
};
static const char *const unknown_key_codes[SERVICE_MAX] = { "AuthFailure", "InvalidClientTokenId",
                                                            "UnrecognizedClientException" };

#define NOT_VALIDATED "AWS was not able to validate the provided access credentials"

/* One request in work. */
struct work {
    struct api *a;
    const struct api_in *in;
    struct api_out *out;
    enum service service;
    struct sigv4_claim claim;
    struct access_key key;
    struct api_request req;
    struct api_call call;
    struct xml body;
};

static int fail(struct work *w, struct err *e, const char *code, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

static int fail(struct work *w, struct err *e, const char *code, const char *fmt, ...)
{
    char msg[sizeof(e->msg)];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(msg, sizeof(msg), fmt, ap);
    va_end(ap);
    w->call.wire_code = code;
    return err_set(e, EINVAL, ERR_INVALID, "%s", msg);
}

/* ---- who asks */

static int fail_signature(struct work *w, enum sigv4_fault fault, struct err *e)
{
    struct err why = *e;

    err_clear(e);
    w->call.wire_code = fault_codes[w->service][fault];
    switch (fault) {
    case SIGV4_FAULT_MISSING:
        return err_set(e, EACCES, ERR_DENIED,
                       "The request must contain the parameter AWSAccessKeyId: it is not signed");
    case SIGV4_FAULT_INCOMPLETE:
        return err_set(e, EINVAL, ERR_INVALID, "The request signature is incomplete: %s", why.msg);
    case SIGV4_FAULT_EXPIRED:
        return err_set(e, ETIME, ERR_DENIED, "Request has expired: %s", why.msg);
    case SIGV4_FAULT_MISMATCH:
        return err_set(e, EACCES, ERR_DENIED, NOT_VALIDATED ": %s", why.msg);
    case SIGV4_FAULT_OTHER:
    case SIGV4_FAULT_MAX:
        break;
    }
    *e = why;
    return -e->no;
}

static int check_scope(struct work *w, struct err *e)
{
    for (int s = 0; s < SERVICE_MAX; s++)
        if (str_eq(service_names[s], w->claim.service)) {
            w->service = (enum service)s;
            if (!api_region_known(&w->a->cfg, w->claim.region))
                return fail(w, e, fault_codes[s][SIGV4_FAULT_MISMATCH],
                            "Credential should be scoped to a valid region, not '%s': "
                            "DescribeRegions in '%s' lists them",
                            w->claim.region, w->a->cfg.default_region);
            return 0;
        }
    return fail(w, e, "AuthFailure",
                "Credential should be scoped to the service 'ec2', 'sts' or 'ebs', not '%s'",
                w->claim.service);
}

static int find_key(struct work *w, struct err *e)
{
    char shown[40];
    int r = model_access_key_get(w->a->cfg.model, w->claim.access_key, &w->key, e);

    if (r < 0 && e->kind == ERR_NOT_FOUND) {
        err_clear(e);
        return fail(w, e, unknown_key_codes[w->service],
                    NOT_VALIDATED ": the access key '%s' is not known here",
                    str_show(w->claim.access_key, shown, sizeof(shown)));
    }
    if (r < 0)
        return err_wrap(e, "look up the access key of a request");
    if (w->claim.has_session_token)
        return fail(w, e, unknown_key_codes[w->service],
                    NOT_VALIDATED ": the request carries a session token, which the key '%s' does "
                                  "not have (is AWS_SESSION_TOKEN left over from elsewhere?)",
                    str_show(w->claim.access_key, shown, sizeof(shown)));
    return 0;
}

static int authenticate(struct work *w, struct err *e)
{
    enum sigv4_fault fault = SIGV4_FAULT_OTHER;
    int r = sigv4_read(&w->in->http, &w->claim, &fault, e);

    if (r < 0)
        return fail_signature(w, fault, e);
    r = check_scope(w, e);
    if (r == 0)
        r = find_key(w, e);
    if (r < 0)
        return r;
    r = sigv4_verify(&w->in->http, &w->claim, w->key.secret, w->a->now_ms() / 1000,
                     w->service == SERVICE_EBS, &fault, e);
    return r < 0 ? fail_signature(w, fault, e) : 0;
}

/* ---- what is asked */

static int check_version(struct work *w, struct err *e)
{
    const char *version = request_raw(&w->req, "Version");
    char shown[40];

    /* other versions are served by the same actions */
    if (version && (strlen(version) != 10 || strspn(version, "0123456789-") != 10))
        return fail(w, e, "NoSuchVersion",
                    "The requested version (%s) of service ec2 does not exist",
                    str_show(version, shown, sizeof(shown)));
    return 0;
}

static int find_action(struct work *w, const char **ret_name, struct err *e)
{
    const char *name = request_raw(&w->req, "Action");
    char shown[80];

    if (!name)
        return fail(w, e, "MissingAction", "The request must contain the parameter Action");
    *ret_name = name;
    if (w->service == SERVICE_STS)
        return 0;
    w->call.action = api_action_find(name);
    if (!w->call.action)
        return fail(w, e, "InvalidAction", "The action %s is not valid for this web service.",
                    str_show(name, shown, sizeof(shown)));
    w->call.resource = w->call.action->resource;
    return check_version(w, e);
}

static bool is_form(const struct sigv4_request *q)
{
    return str_eq(q->method, "POST");
}

static int parse(struct work *w, struct err *e)
{
    const struct sigv4_request *q = &w->in->http;

    if (!is_form(q) && !str_eq(q->method, "GET"))
        return fail(w, e, "InvalidRequest",
                    "The request received was invalid: send GET or POST, not %s", q->method);
    return request_parse(&w->req, q->query, is_form(q) ? q->body : NULL,
                         is_form(q) ? q->body_len : 0, &w->call.wire_code, e);
}

/* ---- doing it */

/* Inside of a transaction. The same token and parameters: the first result again, nothing new. */
static int handle_with_token(struct api_call *c, const char *token, struct err *e)
{
    char id[MODEL_ID_MAX];
    uint8_t digest[32];
    int r = request_digest(c->req, digest, e);

    if (r < 0)
        return r;
    api_about(c, "token");
    r = model_token_find(c->model, c->region, c->action->name, token, digest, id, e);
    api_about(c, c->action->resource);
    if (r < 0) {
        c->wire_code = api_error_code("token", e->kind);
        return r;
    }
    if (r > 0)
        return c->action->replay(c, id, e);
    r = c->action->handle(c, e);
    if (r < 0)
        return r;
    return model_token_keep(c->model, c->region, c->action->name, token, digest, c->resource_id, e);
}

static int dry_run_done(struct api_call *c, struct err *e)
{
    c->wire_code = "DryRunOperation";
    return err_set(e, ECANCELED, ERR_OTHER,
                   "Request would have succeeded, but DryRun flag is set.");
}

/* DryRun: the handler ran whole and found nothing wrong; its transaction is rolled back. */
static int handle(struct api_call *c, struct err *e)
{
    bool dry_run = api_bool(c, "DryRun", false);
    const char *token = c->action->flags & API_TOKEN ? api_text(c, "ClientToken") : NULL;
    int r;

    r = c->action->flags & API_WRITES ? model_begin(c->model, e) : model_begin_reading(c->model, e);
    if (r < 0)
        return r;
    r = token && !dry_run ? handle_with_token(c, token, e) : c->action->handle(c, e);
    if (r == 0 && dry_run)
        r = dry_run_done(c, e);
    return model_end(c->model, r, e);
}

static int run_ec2(struct work *w, struct err *e)
{
    struct api_call *c = &w->call;
    int r = request_check(c, e);

    if (r < 0)
        return r;
    xml_begin(&w->body, c->action->name, c->request_id);
    r = handle(c, e);
    if (r < 0 || c->later)
        return r;
    xml_end(&w->body, c->action->name);
    if (w->body.s.failed == -E2BIG)
        return fail(w, e, "InvalidParameterValue",
                    "The answer has more than %llu bytes: ask for pages with MaxResults",
                    (unsigned long long)XML_ANSWER_MAX);
    return str_check(&w->body.s, "the answer", e);
}

static int run(struct work *w, struct err *e)
{
    const char *name = NULL;
    int r;

    if (w->in->too_large)
        return fail(w, e, "RequestEntityTooLarge",
                    "The body of the request has more than %llu bytes",
                    (unsigned long long)(w->a->cfg.max_body_bytes));
    r = authenticate(w, e);
    if (r < 0)
        return r;
    w->call.region = w->claim.region;
    w->call.account = w->key.account;
    if (w->service == SERVICE_EBS)
        return fail(w, e, "ValidationException",
                    "The EBS direct APIs are not part of this version of Kiln");
    r = parse(w, e);
    if (r == 0)
        r = find_action(w, &name, e);
    if (r < 0)
        return r;
    return w->service == SERVICE_STS ? sts_answer(&w->call, name, e) : run_ec2(w, e);
}

/* ---- the answer */

static const char *code_of(const struct work *w, const struct err *e)
{
    const char *code = w->call.wire_code;

    if (!code && w->call.resource)
        code = api_error_code(w->call.resource, e->kind);
    return code ? code : "InternalError";
}

static void log_failure(const struct work *w, const char *code, unsigned status,
                        const struct err *e)
{
    const char *action = w->call.action ? w->call.action->name : "request";

    if (status >= 500)
        log_error("api", "%s failed: %s (%s)", action, e->msg, code);
    else
        log_info("api", "%s refused: %s (%s)", action, e->msg, code);
}

static void put_json_error(struct xml *x, const char *message)
{
    str_add(&x->s, "{\"Message\":\"");
    str_json(&x->s, message);
    str_add(&x->s, "\"}");
}

static unsigned json_status(const char *code)
{
    if (str_eq(code, "InternalServerException"))
        return 500;
    return str_eq(code, "ValidationException") || str_eq(code, "IncompleteSignatureException")
               ? 400
               : 403;
}

static void put_error(struct work *w, const struct err *e)
{
    const char *code = code_of(w, e);
    struct api_out *out = w->out;

    xml_done(&w->body);
    out->status = errors_status(code);
    switch (w->service) {
    case SERVICE_EC2:
    case SERVICE_MAX:
        xml_error(&w->body, code, e->msg, out->request_id);
        break;
    case SERVICE_STS:
        if (str_eq(code, "MissingAuthenticationToken"))
            out->status = 403;
        sts_error(&w->body, code, e->msg, out->request_id);
        break;
    case SERVICE_EBS:
        out->status = json_status(code);
        out->error_type = code;
        put_json_error(&w->body, e->msg);
        break;
    }
    log_failure(w, code, out->status, e);
}

/* An unsigned request has no scope; only the EBS direct APIs have this path. */
static enum service guess_service(const struct api_in *in)
{
    return str_starts(in->http.path, "/snapshots") ? SERVICE_EBS : SERVICE_EC2;
}

static void put_body(struct work *w)
{
    struct api_out *out = w->out;

    out->content_type =
        w->service == SERVICE_EBS ? "application/x-amz-json-1.1" : "text/xml;charset=UTF-8";
    out->body_len = w->body.s.len;
    out->body = str_take(&w->body.s);
    if (!out->body) {
        out->status = 503; /* memory is gone; SDKs try again */
        out->body_len = 0;
    }
}

void api_answer(struct api *a, const struct api_in *in, struct api_out *out)
{
    struct work w = { .a = a, .in = in, .out = out, .body = XML_INIT };
    struct err e = { 0 };

    *out = (struct api_out){ .status = 200 };
    rand_uuid(out->request_id);
    log_set_request(out->request_id);
    w.service = guess_service(in);
    w.call = (struct api_call){ .api = a,
                                .cfg = &a->cfg,
                                .model = a->cfg.model,
                                .jobs = a->cfg.jobs,
                                .req = &w.req,
                                .out = &w.body,
                                .request_id = out->request_id };
    if (run(&w, &e) < 0)
        put_error(&w, &e);
    else
        log_debug("api", "%s in %s", w.call.action ? w.call.action->name : "sts", w.call.region);
    if (w.call.later) {
        out->later = w.call.later;
        xml_done(&w.body);
    } else {
        put_body(&w);
    }
    request_done(&w.req);
    explicit_bzero(&w.key, sizeof(w.key));
    log_set_request("");
}

void api_out_done(struct api_out *out)
{
    free(out->body);
    *out = (struct api_out){ 0 };
}
