/* SPDX-License-Identifier: Apache-2.0 */
/* All of JSON (RFC 8259), nothing more: no comments, no trailing commas, no duplicate keys. */
#pragma once

#include "lib/tree.h"

/* data: UTF-8 without a byte order mark (utf_decode first). A refusal names file, line, column and
 * the word. *ret: caller frees with tree_free. */
int json_parse(const char *file, const char *data, size_t len, struct tree **ret, struct err *e);

/* indent: blanks a level, 0 for one line. */
void json_write(struct str *out, const struct tree_node *root, unsigned indent);
