/* SPDX-License-Identifier: Apache-2.0 */
#include "sysprep/xmlfile.h"

#include <errno.h>
#include <string.h>

#include "lib/utf.h"

static enum xmlfile_encoding encoding_of(const uint8_t *p, size_t n)
{
    if (n >= 3 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf)
        return XMLFILE_UTF8_BOM;
    if (n >= 2 && p[0] == 0xff && p[1] == 0xfe)
        return XMLFILE_UTF16LE;
    if (n >= 2 && p[0] == 0xfe && p[1] == 0xff)
        return XMLFILE_UTF16BE;
    if (n >= 2 && p[0] == '<' && p[1] == 0) /* without its mark, which a store puts there */
        return XMLFILE_UTF16LE;
    return XMLFILE_UTF8;
}

int xmlfile_parse(const char *name, const void *p, size_t n, struct xmlfile **ret, struct err *e)
{
    _cleanup_(xmlfile_freep) struct xmlfile *f = calloc(1, sizeof(*f));
    _cleanup_free_ char *text = NULL;
    size_t len = 0;
    int r;

    if (!f)
        return err_oom(e);
    f->encoding = encoding_of(p, n);
    r = utf_decode(p, n, true, name, &text, &len, e);
    if (r < 0)
        return r;
    r = xml_parse(name, text, len, &f->xml, e);
    mem_wipe(text, len); /* an answer file may hold a password */
    if (r < 0)
        return r;
    *ret = TAKE_PTR(f);
    return 0;
}

int xmlfile_load(struct win *w, const char *path, struct xmlfile **ret, struct err *e)
{
    _cleanup_free_ char *data = NULL;
    size_t n = 0;
    int r;

    r = w->file_read(w, path, XML_FILE_MAX, &data, &n, e);
    if (r < 0)
        return r;
    r = xmlfile_parse(path, data, n, ret, e);
    mem_wipe(data, n);
    return r;
}

static void put_unit(struct str *out, uint16_t u, bool big)
{
    str_addc(out, (char)(big ? u >> 8 : u & 0xff));
    str_addc(out, (char)(big ? u & 0xff : u >> 8));
}

static int put_utf16(struct str *out, const char *text, bool big, struct err *e)
{
    _cleanup_free_ uint16_t *units = utf16_from_utf8(text);

    if (!units)
        return err_oom(e);
    put_unit(out, 0xfeff, big);
    for (size_t i = 0; units[i]; i++)
        put_unit(out, units[i], big);
    mem_wipe(units, utf16_len(units) * sizeof(*units));
    return 0;
}

int xmlfile_bytes(const struct xmlfile *f, struct str *out, struct err *e)
{
    struct str text = STR_INIT(2 * XML_FILE_MAX);
    int r = 0;

    if (f->encoding == XMLFILE_UTF8_BOM)
        str_add(out, "\xef\xbb\xbf");
    xml_write(&text, f->xml);
    r = str_check(&text, f->xml->file, e);
    if (r == 0 && (f->encoding == XMLFILE_UTF16LE || f->encoding == XMLFILE_UTF16BE))
        r = put_utf16(out, str_text(&text), f->encoding == XMLFILE_UTF16BE, e);
    else if (r == 0)
        str_add_mem(out, str_text(&text), text.len);
    str_wipe(&text);
    return r < 0 ? r : str_check(out, f->xml->file, e);
}

static int store(struct win *w, const struct xmlfile *f, const char *path, bool private,
                 struct err *e)
{
    struct str out = STR_INIT(5 * XML_FILE_MAX);
    int r;

    r = xmlfile_bytes(f, &out, e);
    if (r == 0)
        r = private ? win_file_write_private(w, path, str_text(&out), out.len, e)
                    : w->file_write(w, path, str_text(&out), out.len, e);
    str_wipe(&out);
    return r;
}

int xmlfile_store(struct win *w, const struct xmlfile *f, const char *path, struct err *e)
{
    return store(w, f, path, false, e);
}

int xmlfile_store_private(struct win *w, const struct xmlfile *f, const char *path, struct err *e)
{
    return store(w, f, path, true, e);
}

void xmlfile_free(struct xmlfile *f)
{
    if (!f)
        return;
    xml_free(f->xml);
    free(f);
}
