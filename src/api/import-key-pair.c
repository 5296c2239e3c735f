/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "key-pair.h"
#include "parse.h"

static const struct api_param params[] = {
    { .name = "KeyName", .type = PARAM_TEXT, .required = true },
    { .name = "PublicKeyMaterial", .type = PARAM_BASE64, .required = true },
    API_PARAMS_TAG_SPECS,
    { 0 },
};

static int import_key_pair(struct api_call *c, struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    _cleanup_(ssh_key_done) struct ssh_key key = { 0 };
    const char *name = api_text(c, "KeyName");
    _cleanup_free_ void *text = NULL;
    struct key_pair_rec rec;
    size_t n;
    int r = rules_key_name(name, e);

    if (r < 0)
        return r;
    if (base64_decode(api_text(c, "PublicKeyMaterial"), &text, &n) < 0)
        return err_oom(e); /* checked before: PARAM_BASE64 */
    r = ssh_key_read(text, name, &key, e);
    if (r < 0) {
        c->wire_code = e->kind == ERR_INVALID ? "InvalidKey.Format" : NULL;
        return r;
    }
    r = key_pair_keep(c, &key, &rec, &tags, e);
    if (r < 0)
        return r;
    put_key_pair(c->out, &rec, &tags);
    return 0;
}

const struct api_action api_import_key_pair = {
    .name = "ImportKeyPair",
    .resource = "key-pair",
    .flags = API_WRITES,
    .params = params,
    .handle = import_key_pair,
    .summary = "Keeps the public half of a key pair that was made elsewhere.",
};
