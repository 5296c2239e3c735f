/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "xml.h"

#include <string.h>

#include "api-priv.h"
#include "clock.h"

static const char declaration[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

void xml_done(struct xml *x)
{
    str_done(&x->s);
}

/* Most values are plain ASCII and go in with one copy. */
static void put_text(struct xml *x, const char *text)
{
    size_t n = 0;

    for (; text[n]; n++) {
        unsigned char c = (unsigned char)text[n];

        if (c < 0x20 || c >= 0x7f || c == '&' || c == '<' || c == '>' || c == '"')
            break;
    }
    str_add_mem(&x->s, text, n);
    if (text[n])
        str_xml(&x->s, text + n);
}

void xml_open(struct xml *x, const char *element)
{
    str_addc(&x->s, '<');
    str_add(&x->s, element);
    str_addc(&x->s, '>');
}

void xml_close(struct xml *x, const char *element)
{
    str_add(&x->s, "</");
    str_add(&x->s, element);
    str_addc(&x->s, '>');
}

void xml_always(struct xml *x, const char *element, const char *text)
{
    if (!text || !*text) {
        str_addc(&x->s, '<');
        str_add(&x->s, element);
        str_add(&x->s, "/>");
        return;
    }
    xml_open(x, element);
    put_text(x, text);
    xml_close(x, element);
}

void xml_text(struct xml *x, const char *element, const char *text)
{
    if (text && *text)
        xml_always(x, element, text);
}

void xml_bool(struct xml *x, const char *element, bool v)
{
    xml_always(x, element, v ? "true" : "false");
}

void xml_uint(struct xml *x, const char *element, uint64_t v)
{
    char buf[24];
    size_t at = sizeof(buf);

    buf[--at] = '\0';
    do
        buf[--at] = (char)('0' + v % 10);
    while (v /= 10);
    xml_always(x, element, buf + at);
}

void xml_time(struct xml *x, const char *element, uint64_t real_ms)
{
    char buf[CLOCK_ISO_MAX];

    clock_iso8601(real_ms, buf);
    xml_always(x, element, buf);
}

void xml_tags(struct xml *x, const struct tag_list *tags)
{
    if (!tags || tags->n == 0)
        return;
    xml_open(x, "tagSet");
    for (size_t i = 0; i < tags->n; i++) {
        xml_open(x, "item");
        xml_always(x, "key", tags->v[i].key);
        xml_always(x, "value", tags->v[i].value);
        xml_close(x, "item");
    }
    xml_close(x, "tagSet");
}

void xml_return_true(struct xml *x)
{
    xml_bool(x, "return", true);
}

void xml_begin(struct xml *x, const char *action, const char *request_id)
{
    str_add(&x->s, declaration);
    str_addc(&x->s, '<');
    str_add(&x->s, action);
    str_add(&x->s, "Response xmlns=\"" XML_EC2_NS "\">");
    xml_always(x, "requestId", request_id);
}

void xml_end(struct xml *x, const char *action)
{
    str_add(&x->s, "</");
    str_add(&x->s, action);
    str_add(&x->s, "Response>\n");
}

void xml_error(struct xml *x, const char *code, const char *message, const char *request_id)
{
    str_add(&x->s, declaration);
    str_add(&x->s, "<Response><Errors><Error>");
    xml_always(x, "Code", code);
    xml_always(x, "Message", message);
    str_add(&x->s, "</Error></Errors>");
    xml_always(x, "RequestID", request_id);
    str_add(&x->s, "</Response>\n");
}
