/* SPDX-License-Identifier: Apache-2.0 */
/* Reading settings out of XML: names in any case, values checked where they stand. */
#pragma once

#include "sysprep/xmlfile.h"

/* First element of that name below n, at any depth; NULL. */
struct xml_node *read_find(const struct xml_node *n, const char *name);
struct xml_node *read_child(const struct xml_node *n, const char *name);
/* Text of the child into ret ("" when absent): 1 there, 0 absent or empty, or negative. */
int read_text(const struct xml *x, const struct xml_node *n, const char *name, char *ret,
              size_t size, struct err *e);
/* true/false of a child; *ret stays when it is absent or empty. */
int read_bool(const struct xml *x, const struct xml_node *n, const char *name, bool *ret,
              struct err *e);
/* true/false, Yes/No, Enabled/Disabled of one node. */
int read_choice(const struct xml *x, const struct xml_node *n, const char *yes, const char *no,
                bool *ret, struct err *e);
/* Refuses another root. */
int read_root(const struct xmlfile *f, const char *name, struct err *e);
/* Fills *ret from a file that is XML; TAKE_PTR(*f) where the file is kept for editing. */
typedef int read_take(struct xmlfile **f, void *ret, struct err *e);
/* One settings file, by the bytes or from the service's folder (-ENOENT when absent). */
int read_parse(const char *name, const void *p, size_t n, read_take *take, void *ret,
               struct err *e);
int read_load(struct win *w, const char *file, read_take *take, void *ret, struct err *e);
int read_store(struct win *w, const char *file, const struct xmlfile *f, struct err *e);
