/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How records look on the wire, beside those of api-priv.h. */
#pragma once

#include "api-priv.h"

/* <NAME><code/><name/></NAME> */
/* "v2.0", or "": what its image says. */
int api_tpm_of(struct api_call *c, const struct instance_rec *i, char ret[16], struct err *e);
void api_put_instance_state(struct api_call *c, const char *name, enum instance_state s);
/* One reservation of n instances: the elements inside of <item> or of RunInstancesResponse. */
int api_put_reservation(struct api_call *c, const struct instance_rec *const *v, size_t n,
                        struct err *e);
/* The instancesSet of Start, Stop and Terminate: each record holds the state of now. */
void api_put_changes(struct api_call *c, const struct instance_rec *v,
                     const enum instance_state *before, size_t n);
void api_put_modification(struct api_call *c, const struct modification_rec *m);
/* With the counters of its server when it is served now. */
void api_put_fill(struct api_call *c, const char *volume_id);
int api_put_import(struct api_call *c, const struct import_rec *i, struct err *e);
/* The record's tags as tagSet. */
int api_put_tags_of(struct api_call *c, const char *id, struct err *e);
/* An instance's blockDeviceMapping: EBS volumes only, as EC2. */
int api_put_disks_of(struct api_call *c, const char *instance_id, struct err *e);
/* <OUTER><INNER>text</INNER></OUTER>; text NULL: no INNER. */
void api_put_inside(struct api_call *c, const char *outer, const char *inner, const char *text);
/* An empty tagSet where there are no tags: EC2 answers so to a creation, and clients look into it;
 * to a description it leaves the element out. */
void api_put_no_tags(struct api_call *c, const struct tag_list *tags);
/* Its public address: 1, or 0: it has none, or not yet, as EC2 shows it. */
int api_public_of(struct api_call *c, const struct instance_rec *i, const struct interface_rec *nic,
                  struct public_view *ret, struct err *e);
/* An instance's interface and its groups (caller frees): 1, or 0: it has no network any more. */
int api_network_of(struct api_call *c, const char *instance_id, struct interface_rec *ret,
                   struct group_rec **ret_groups, size_t *ret_n, struct err *e);
