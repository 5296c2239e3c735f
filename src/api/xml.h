/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answer's body under construction. Elements are written by the xml_ functions of api-priv.h;
 * text from outside enters only through them. */
#pragma once

#include "str.h"

#define XML_ANSWER_MAX MIB(256)
#define XML_EC2_NS     "http://ec2.amazonaws.com/doc/2016-11-15/" /* rule 8: ends in a slash */

struct xml {
    struct str s;
};

#define XML_INIT                                                                                   \
    {                                                                                              \
        .s = STR_INIT(XML_ANSWER_MAX)                                                              \
    }

void xml_done(struct xml *x);
/* <?xml …?><ActionResponse xmlns="…"><requestId>…</requestId> */
void xml_begin(struct xml *x, const char *action, const char *request_id);
void xml_end(struct xml *x, const char *action);
/* The error document: no namespace, exactly two children in Error (rule 9). */
void xml_error(struct xml *x, const char *code, const char *message, const char *request_id);
