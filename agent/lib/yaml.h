/* SPDX-License-Identifier: Apache-2.0 */
/* The part of YAML 1.2 that settings and user data use: block lists and maps, flow lists and maps,
 * plain, single- and double-quoted scalars, literal and folded blocks (| > with - + and an
 * indentation number), comments, one document with an optional --- and "...". Refused by name,
 * never misread: anchors, aliases, tags, directives but %YAML, complex keys, tabs in indentation,
 * several documents, duplicate keys. JSON is read too (it is a flow map). */
#pragma once

#include "lib/tree.h"

/* As json_parse. Plain true/false/null/~ and numbers get their type (core schema); all else is a
 * string. */
int yaml_parse(const char *file, const char *data, size_t len, struct tree **ret, struct err *e);

void yaml_write(struct str *out, const struct tree_node *root);
