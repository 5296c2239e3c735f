/* SPDX-License-Identifier: Apache-2.0 */
/* The computer's name. */
#pragma once

#include "engine/dialect.h"
#include "engine/log.h"

#define NAME_MAX_LEN 15U

/* "ip-0a000105" or "IP-0A000105" of a dotted address. -EINVAL. ret holds 16 bytes. */
int name_from_ip(enum name_form form, const char *ip4, char ret[NAME_MAX_LEN + 1], struct err *e);
/* "i-0123456789abcdef0" has more than 15 characters: the first 15 that make a name. -EINVAL. */
int name_from_instance(const char *instance_id, char ret[NAME_MAX_LEN + 1], struct err *e);
/* 1 to 15 letters, digits and hyphens, not all digits, no hyphen at an end: 0 or -EINVAL. */
int name_check(const char *name, struct err *e);
/* Sets it when it differs (ASCII case aside) from the one of the next start: *ret_changed, then a
 * restart is due. */
int name_apply(struct win *w, const char *name, struct log *log, bool *ret_changed, struct err *e);
