/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What differs between two Windows: blocks first, so that what is equal is never read as files;
 * then files; then keys and values of the hives that differ. */
#pragma once

#include "windows-request.h"

/* A disk NULL: the request names a folder there. *ret (caller owns): {"blocks": {...}, "truncated",
 * "files": [{"path", "change", "before", "after"}],
 * "registry": [{"hive", "key", "value", "change", "before", "after"}]}. */
int windows_diff(const struct windows_request *rq, struct win_disk *left, struct win_disk *right,
                 json_t **ret, struct err *e);
/* The same for people. */
void windows_diff_text(struct str *s, const json_t *doc);
