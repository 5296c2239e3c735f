/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A form body, held against the table of every action: what is accepted is then read as handlers
 * do. The first byte says which action. */
#include "dispatch.h"
#include "request.h"
#include "xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const types[] = { "instance", "volume", "image", "snapshot", NULL };

static void read_as_handlers_do(struct api_call *c)
{
    struct mapping_list mappings = { 0 };
    struct tag_list tags = { 0 };
    struct err e = { 0 };
    size_t from, to;

    for (size_t i = 0; i < api_count(c, "Filter"); i++)
        (void)api_item(c, "Filter", i, "Name");
    (void)api_filters_check(c, NULL, &e);
    (void)api_filters_pass(c, NULL, NULL, NULL);
    err_clear(&e);
    if (api_tag_specs(c, "instance", types, &tags, &e) == 0)
        tag_list_done(&tags);
    err_clear(&e);
    if (api_mappings(c, &mappings, &e) == 0)
        mapping_list_done(&mappings);
    err_clear(&e);
    (void)api_page(c, 10, api_count(c, "InstanceId"), &from, &to, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct api_request req = { 0 };
    struct xml out = XML_INIT;
    struct err e = { 0 };
    struct api_call c = {
        .req = &req, .out = &out, .account = "123456789012", .region = "us-east-1"
    };
    uint8_t digest[32];

    if (size == 0)
        return 0;
    c.action = api_actions[data[0] % api_actions_count];
    c.resource = c.action->resource;
    if (request_parse(&req, NULL, (const char *)data + 1, size - 1, &c.wire_code, &e) == 0) {
        if (request_check(&c, &e) == 0)
            read_as_handlers_do(&c);
        err_clear(&e);
        (void)request_digest(&req, digest, &e);
    }
    request_done(&req);
    xml_done(&out);
    return 0;
}
