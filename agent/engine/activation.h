/* SPDX-License-Identifier: Apache-2.0 */
/* Activation by the platform's key management service. */
#pragma once

#include "engine/imds.h"
#include "engine/log.h"

struct activation {
    const char *const *servers; /* n of them; NULL: 169.254.169.250 and .251 */
    size_t n;
    bool ask;        /* also run the activation now (slmgr /ato), in the background */
    bool log_result; /* EC2Config: wait for it and tell *ret_result */
};
/* Writes the server (one of them at random) and port 1688; skipped when the identity document says
 * that the licence is the owner's own. *ret_result (may be NULL): what slmgr printed, or NULL. */
int activation_apply(struct win *w, struct imds *m, const struct activation *a, struct log *log,
                     char **ret_result, struct err *e);
/* true when billingProducts names a Windows licence, or the document cannot be read. */
bool activation_is_ours(const char *identity_document);
