/* SPDX-License-Identifier: Apache-2.0 */
/* An XML file of Windows, read to be edited: nodes that nobody touches, white space, comments and
 * the encoding (UTF-8 with or without a byte order mark, UTF-16 as PowerShell 5 writes it) stay as
 * they were. */
#pragma once

#include "engine/win.h"
#include "lib/xml.h"

enum xmlfile_encoding { XMLFILE_UTF8, XMLFILE_UTF8_BOM, XMLFILE_UTF16LE, XMLFILE_UTF16BE };

struct xmlfile {
    enum xmlfile_encoding encoding;
    struct xml *xml;
};

/* name: for messages. A refusal names file, line, column and the word. Caller frees *ret. */
int xmlfile_parse(const char *name, const void *p, size_t n, struct xmlfile **ret, struct err *e);
/* -ENOENT when there is no such file. */
int xmlfile_load(struct win *w, const char *path, struct xmlfile **ret, struct err *e);
/* Afterwards the file holds the old or the new content. */
int xmlfile_store(struct win *w, const struct xmlfile *f, const char *path, struct err *e);
/* The same, for SYSTEM and Administrators only: there may be a password inside. */
int xmlfile_store_private(struct win *w, const struct xmlfile *f, const char *path, struct err *e);
/* The bytes that a store writes. */
int xmlfile_bytes(const struct xmlfile *f, struct str *out, struct err *e);
void xmlfile_free(struct xmlfile *f);
DEFINE_FREEP(xmlfile_free, struct xmlfile);
