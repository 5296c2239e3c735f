/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answer files as an XML tree, for the files of answer*.c. */
#pragma once

#include <libxml/tree.h>

#include "answer.h"

#define ANSWER_NS     "urn:schemas-microsoft-com:unattend"
#define ANSWER_WCM_NS "http://schemas.microsoft.com/WMIConfig/2002/State"

struct answer {
    xmlDoc *doc;
    xmlNode *root;
    bool crlf;    /* lines end so, as Windows has it */
    bool has_bom; /* a byte order mark was in front */
};

#define SHELL_SETUP   "Microsoft-Windows-Shell-Setup"
#define DEPLOYMENT    "Microsoft-Windows-Deployment"
#define INTERNATIONAL "Microsoft-Windows-International-Core"
#define PNP_SYSPREP   "Microsoft-Windows-PnpSysprep"
#define TERMINAL      "Microsoft-Windows-TerminalServices-LocalSessionManager"
#define FIREWALL      "Networking-MPSSVC-Svc"
#define SRV_MGR       "Microsoft-Windows-ServerManager-SvrMgrNc"

/* Elements only, without text and comments. */
xmlNode *answer_first(const xmlNode *parent);
xmlNode *answer_next(const xmlNode *n);
static inline const char *answer_name(const xmlNode *n)
{
    return (const char *)n->name;
}
/* The first child element of that name, or NULL. */
xmlNode *answer_child(const xmlNode *parent, const char *name);
/* An attribute without its namespace; caller frees with xmlFree; NULL when absent. */
xmlChar *answer_attr(const xmlNode *n, const char *name);
bool answer_attr_is(const xmlNode *n, const char *name, const char *value);
/* Text of an element with the blanks around it removed; caller frees; NULL: no memory. */
char *answer_text(const xmlNode *n);
/* Walks settings/component pairs: the next component of that pass (PASS_MAX: any) and name (NULL:
 * any) behind *at, which starts as NULL. */
xmlNode *answer_component(const struct answer *a, xmlNode *at, enum answer_pass pass,
                          const char *name);
enum answer_pass answer_pass_of(const xmlNode *settings); /* PASS_MAX: unknown or none */
