/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records that a request names, with EC2's codes and sentences when they are not there; and the
 * few values that several actions check in the same way. */
#pragma once

#include "api-priv.h"

int api_find_instance(struct api_call *c, const char *id, struct instance_rec *ret, struct err *e);
int api_find_volume(struct api_call *c, const char *id, struct volume_rec *ret, struct err *e);
int api_find_snapshot(struct api_call *c, const char *id, struct snapshot_rec *ret, struct err *e);
/* Deregistered ones too: ask its state. */
int api_find_image(struct api_call *c, const char *id, struct image_rec *ret, struct err *e);
/* An image that the caller may change: its own, and not deregistered. */
int api_find_own_image(struct api_call *c, const char *id, struct image_rec *ret, struct err *e);
int api_find_import(struct api_call *c, const char *id, struct import_rec *ret, struct err *e);
int api_find_subnet(struct api_call *c, const char *id, struct subnet_rec *ret, struct err *e);
int api_find_group(struct api_call *c, const char *id, struct group_rec *ret, struct err *e);
int api_find_rule(struct api_call *c, const char *id, struct rule_rec *ret, struct err *e);

/* The records that a list parameter names ("InstanceId"), each once, in the order of the request;
 * with an empty list all of the region. Unknown ids are one error that names them all. *ret is one
 * heap array; images: image_list_free. */
int api_find_instances(struct api_call *c, const char *list, struct instance_rec **ret,
                       size_t *ret_n, struct err *e);
int api_find_volumes(struct api_call *c, const char *list, struct volume_rec **ret, size_t *ret_n,
                     struct err *e);
int api_find_snapshots(struct api_call *c, const char *list, struct snapshot_rec **ret,
                       size_t *ret_n, struct err *e);
int api_find_images(struct api_call *c, const char *list, struct image_rec **ret, size_t *ret_n,
                    struct err *e);
int api_find_imports(struct api_call *c, const char *list, struct import_rec **ret, size_t *ret_n,
                     struct err *e);
int api_find_vpcs(struct api_call *c, const char *list, struct vpc_rec **ret, size_t *ret_n,
                  struct err *e);
int api_find_subnets(struct api_call *c, const char *list, struct subnet_rec **ret, size_t *ret_n,
                     struct err *e);
int api_find_groups(struct api_call *c, const char *list, struct group_rec **ret, size_t *ret_n,
                    struct err *e);
int api_find_rules(struct api_call *c, const char *list, struct rule_rec **ret, size_t *ret_n,
                   struct err *e);
int api_find_interfaces(struct api_call *c, const char *list, struct interface_rec **ret,
                        size_t *ret_n, struct err *e);

int api_find_addresses(struct api_call *c, const char *list, struct address_rec **ret,
                       size_t *ret_n, struct err *e);

/* The zone asked for, or the region's first one when text is NULL; false: it is no zone of the
 * call's region. */
bool api_zone(const struct api_call *c, const char *text, char ret[MODEL_REGION_MAX]);
/* For rules_mapping_*: the size of a completed snapshot of the call's region; userdata: the call.
 */
uint64_t api_snapshot_size(const char *snapshot_id, bool *ret_encrypted, void *userdata);
/* Every snapshot that a mapping names must exist and be completed. */
int api_mapping_check(struct api_call *c, const struct mapping_list *l, struct err *e);
/* Is it to be encrypted? Asked for, or because everything new of the region is. */
int api_encrypted(struct api_call *c, bool asked, bool *ret, struct err *e);
/* The wire code for what rules_mapping_* or rules_volume said no to; the errno tells them apart. */
int api_mapping_refused(struct api_call *c, int r, struct err *e);
/* Not more than the machine has: EC2's InsufficientInstanceCapacity. want instances of mem_mib
 * each, at least need of them; *ret_fit (may be NULL): as many as fit, at most want. */
int api_capacity(struct api_call *c, const struct instance_type *type, uint64_t need, uint64_t want,
                 uint64_t *ret_fit, struct err *e);
/* The parameters Name and Description of a new image. */
int api_image_texts(struct api_call *c, struct err *e);
/* EC2's answer to an Attribute that the resource does not have. */
int api_unknown_attribute(struct api_call *c, const char *name, struct err *e);
/* Sets the tags if there are any. */
int api_tag(struct api_call *c, const char *id, const struct tag_list *tags, struct err *e);
/* true when one of Owner.N (self, an account, an alias) means this owner, or none is given. */
bool api_owner_matches(const struct api_call *c, const char *list, const char *owner);
bool api_is_account(const char *text); /* 12 digits */
/* InvalidUserID.Malformed for what is neither an account, nor a word of the list. */
int api_owners_check(struct api_call *c, const char *list, const char *const *words, struct err *e);
/* "amazon" for the account of EC2's own Windows images; "" for others. */
const char *api_owner_alias(const char *owner);
