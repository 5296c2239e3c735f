/* SPDX-License-Identifier: Apache-2.0 */
/* XML 1.0 without DTDs, for settings and answer files. Nothing is lost: a document that is parsed
 * and written again is the same bytes; an edit changes the edited nodes only, comments, order and
 * white space stay. Entities: the five of XML and character references. */
#pragma once

#include "lib/str.h"

enum xml_type {
    XML_ELEMENT,
    XML_TEXT, /* character data and references; value decoded, raw kept */
    XML_CDATA,
    XML_COMMENT,
    XML_PI, /* processing instruction and the XML declaration */
    XML_TYPE_MAX
};

struct xml_attr {
    char *name;  /* with its prefix */
    char *value; /* decoded */
    char *raw;   /* white space before, name, '=', quotes and all; NULL once changed */
    unsigned line, col;
    struct xml_attr *next;
};

struct xml_node {
    enum xml_type type;
    unsigned line, col;
    char *name;    /* element: with its prefix; PI: target */
    char *value;   /* text, CDATA, comment, PI: decoded content */
    char *raw;     /* bytes as they stood, without children; NULL once changed or made */
    char *raw_end; /* of an element: its end tag as it stood, "" when it was <x/> */
    struct xml_attr *attrs;
    struct xml_node *parent, *first, *last, *next, *prev;
};

struct xml {
    char *file;
    struct xml_node *doc; /* its children: prolog, root element, epilog */
    struct xml_node *root;
    unsigned nodes;
};

#define XML_NODES_MAX 20000U
#define XML_DEPTH_MAX 64U
#define XML_FILE_MAX  MIB(1)

/* data: UTF-8 without a byte order mark (utf_decode first). A refusal names file, line, column and
 * the word. *ret: caller frees with xml_free. */
int xml_parse(const char *file, const char *data, size_t len, struct xml **ret, struct err *e);
void xml_free(struct xml *x);
DEFINE_FREEP(xml_free, struct xml);
void xml_write(struct str *out, const struct xml *x);

/* Names are compared without their namespace prefix; nocase: ASCII letters of either case. */
const char *xml_local_name(const struct xml_node *n);
struct xml_node *xml_child(const struct xml_node *n, const char *name);      /* first, or NULL */
struct xml_node *xml_next_named(const struct xml_node *n, const char *name); /* next sibling */
struct xml_node *xml_next_element(const struct xml_node *n);
struct xml_node *xml_first_element(const struct xml_node *n);
const char *xml_attr(const struct xml_node *n, const char *name); /* value or NULL */
/* The text of an element without child elements, white space at both ends cut; caller frees.
 * NULL when memory is gone. */
char *xml_text(const struct xml_node *n);
int xml_err(const struct xml *x, const struct xml_node *n, struct err *e, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* The name space of an element, NULL: none; a prefix that stands for one at n, for attributes. */
const char *xml_namespace(const struct xml_node *n);
const char *xml_prefix_for(const struct xml_node *n, const char *uri);

/* Edits; 0 or -errno (told in e). */
int xml_set_text(struct xml *x, struct xml_node *n, const char *text, struct err *e);
int xml_set_attr(struct xml *x, struct xml_node *n, const char *name, const char *value,
                 struct err *e);
/* A new last child, with the parent's prefix, on a line of its own, indented as its brothers are
 * (or one level, "  ", deeper than the parent). */
int xml_add_child(struct xml *x, struct xml_node *parent, const char *name, const char *text,
                  struct xml_node **ret, struct err *e);
/* Takes the node out together with the white space before it. */
void xml_remove(struct xml *x, struct xml_node *n);
