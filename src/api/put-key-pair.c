/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "key-pair.h"

#include <errno.h>

static const char *const taggable[] = { "key-pair", NULL };

int key_pair_keep(struct api_call *c, const struct ssh_key *key, struct key_pair_rec *ret,
                  struct tag_list *ret_tags, struct err *e)
{
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    struct key_pair_rec rec = { .public_key = key->public_line, .created_ms = c->api->now_ms() };
    int r;

    model_new_id("key", rec.id);
    (void)str_copy(rec.region, sizeof(rec.region), c->region); /* regions and types fit */
    (void)str_copy(rec.type, sizeof(rec.type), key->type);
    if (str_copy(rec.name, sizeof(rec.name), api_text(c, "KeyName")) < 0 ||
        str_copy(rec.fingerprint, sizeof(rec.fingerprint), key->fingerprint) < 0)
        return err_set(e, ENAMETOOLONG, ERR_INVALID, "keep a key pair: its name is too long");
    r = api_tag_specs(c, "key-pair", taggable, &tags, e);
    if (r == 0)
        r = model_key_pair_insert(c->model, &rec, e);
    if (r == 0 && tags.n > 0)
        r = model_tags_set(c->model, c->region, rec.id, &tags, e);
    if (r < 0)
        return r;
    *ret_tags = tags;
    tags = (struct tag_list){ 0 };
    *ret = rec;
    ret->public_key = NULL; /* the caller's key has it */
    return 0;
}

void put_key_pair(struct xml *x, const struct key_pair_rec *k, const struct tag_list *tags)
{
    xml_text(x, "keyPairId", k->id);
    xml_text(x, "keyName", k->name);
    xml_text(x, "keyFingerprint", k->fingerprint);
    xml_tags(x, tags);
}
