/* SPDX-License-Identifier: Apache-2.0 */
/* Between xml.c (reading), xml-node.c (the tree) and xml-edit.c (asking, changing, writing). */
#pragma once

#include "lib/xml.h"

struct xml_node *xml_node_new(struct xml *x, enum xml_type type);
void xml_node_free(struct xml_node *n);
/* At the end of the parent's children, or before `before`. */
void xml_link(struct xml_node *parent, struct xml_node *n, struct xml_node *before);
void xml_unlink(struct xml_node *n);
bool xml_is_blank(const struct xml_node *n); /* white space and nothing else */
