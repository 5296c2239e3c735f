/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that read, edit and check answer files. */
#pragma once

#include "sysprep/answer.h"

#define ANSWER_SHELL         "Microsoft-Windows-Shell-Setup"
#define ANSWER_INTERNATIONAL "Microsoft-Windows-International-Core"
#define ANSWER_DEPLOYMENT    "Microsoft-Windows-Deployment"
#define ANSWER_SESSIONS      "Microsoft-Windows-TerminalServices-LocalSessionManager"
#define ANSWER_ORDER_MAX     500U
#define ANSWER_NAMESPACE     "urn:schemas-microsoft-com:unattend"
#define ANSWER_ACTIONS       "http://schemas.microsoft.com/WMIConfig/2002/State"

/* The component after `c` (NULL: the first) in a pass; name NULL: any. NULL at the end. */
struct xml_node *answer_component_next(const struct xmlfile *f, const struct xml_node *c,
                                       const char *pass, const char *name);
