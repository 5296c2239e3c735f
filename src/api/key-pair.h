/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the actions on key pairs share. */
#pragma once

#include "dispatch.h"
#include "ssh-key.h"

/* Inserts the record for KeyName with the request's tags (*ret_tags: tag_list_done). */
int key_pair_keep(struct api_call *c, const struct ssh_key *key, struct key_pair_rec *ret,
                  struct tag_list *ret_tags, struct err *e);
/* keyPairId, keyName, keyFingerprint, tagSet */
void put_key_pair(struct xml *x, const struct key_pair_rec *k, const struct tag_list *tags);
