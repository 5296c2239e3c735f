/* SPDX-License-Identifier: Apache-2.0 */
/* User data in its three forms: YAML or JSON with tasks, XML tags around scripts, and either of
 * them in a zip archive (or once more in base64). All become a checked list of tasks. */
#pragma once

#include "engine/log.h"
#include "v2/schema.h"

enum v2_userdata_form {
    V2_USERDATA_NONE,
    V2_USERDATA_XML,      /* runs before postReady */
    V2_USERDATA_YAML_1_0, /* runs behind postReady */
    V2_USERDATA_YAML_1_1, /* runs before postReady */
    V2_USERDATA_FORM_MAX
};

/* Console's word: "xml", "yaml_1.0", "yaml_1.1", "no_user_data". */
const char *v2_userdata_form_name(enum v2_userdata_form f);

#define V2_USERDATA_MAX KIB(60) /* unpacked */

struct v2_userdata {
    enum v2_userdata_form form;
    struct tree *tree;
    const struct tree_node *tasks; /* NULL: none */
};

/* n bytes as metadata gave them. What is no form of user data at all is V2_USERDATA_NONE, with a
 * word in the log; a wrong word inside YAML is refused with its place. */
int v2_userdata_parse(const struct dialect *d, const void *p, size_t n, struct log *log,
                      struct v2_userdata *ret, struct err *e);
void v2_userdata_done(struct v2_userdata *u);
