/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "key-pair.h"

static const char *const types[] = { "rsa", "ed25519", NULL };
static const char *const pem[] = { "pem", NULL };

static const struct api_param params[] = {
    { .name = "KeyName", .type = PARAM_TEXT, .required = true },
    { .name = "KeyType", .type = PARAM_TEXT, .words = types },
    { .name = "KeyFormat", .type = PARAM_NOT_YET, .words = pem }, /* ppk comes later */
    API_PARAMS_TAG_SPECS,
    { 0 },
};

static int create_key_pair(struct api_call *c, struct err *e)
{
    const char *name = api_text(c, "KeyName"), *type = api_text(c, "KeyType");
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    _cleanup_(ssh_key_done) struct ssh_key key = { 0 };
    struct key_pair_rec rec;
    int r = rules_key_name(name, e);

    if (r == 0)
        r = ssh_key_make(type ? type : "rsa", name, &key, e);
    if (r == 0)
        r = key_pair_keep(c, &key, &rec, &tags, e);
    if (r < 0)
        return r;
    put_key_pair(c->out, &rec, &tags);
    xml_text(c->out, "keyMaterial", key.private_pem);
    return 0;
}

const struct api_action api_create_key_pair = {
    .name = "CreateKeyPair",
    .resource = "key-pair",
    .flags = API_WRITES,
    .params = params,
    .handle = create_key_pair,
    .summary = "Makes a key pair; the private key is in the answer and nowhere else.",
};
