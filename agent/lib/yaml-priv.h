/* SPDX-License-Identifier: Apache-2.0 */
/* Between yaml.c (structure), yaml-scalar.c (words) and yaml-block.c (| and >). */
#pragma once

#include "lib/yaml.h"
#include "scan-priv.h"

struct yaml {
    struct scan s;
    struct tree *t;
    struct err *e;
    unsigned depth;
};

enum yaml_place { YAML_BLOCK, YAML_FLOW };

/* Indentation of what the cursor stands on: bytes since the start of its line. */
static inline int yaml_indent(const struct yaml *y)
{
    return (int)(y->s.p - y->s.line_start);
}

static inline bool yaml_is_end(const struct yaml *y)
{
    return y->s.p >= y->s.end;
}

static inline bool yaml_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* '\0' is the end of the file here; a text with NULs was refused beforehand. */
static inline bool yaml_space(char c)
{
    return c == '\0' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool yaml_at_marker(const struct yaml *y, const char *three); /* "---" or "..." at column 0 */
void yaml_skip_line(struct yaml *y);                          /* to the start of the next one */
int yaml_refuse(struct yaml *y, const char *wanted);
struct tree_node *yaml_node(struct yaml *y, enum tree_type type); /* placed here; NULL: told */

/* A quoted text: cursor from its first quote to behind its last. outer: continuation lines must be
 * indented more than this. */
int yaml_quoted(struct yaml *y, int outer, struct str *out);
/* One line of plain text, blanks at its end cut; cursor behind it. */
void yaml_plain_line(struct yaml *y, enum yaml_place place, struct str *out);
/* Whether a plain scalar may start here; a reserved character is refused by name. */
int yaml_plain_start(struct yaml *y, enum yaml_place place);
/* A whole scalar that is no | or >. */
struct tree_node *yaml_scalar(struct yaml *y, int outer, enum yaml_place place);
struct tree_node *yaml_block_scalar(struct yaml *y, int outer);
/* Gives a plain scalar its type by the core schema. */
void yaml_type(struct tree_node *n);
/* Whether this plain text would be read as something else than a string. */
bool yaml_is_typed(const char *text);
