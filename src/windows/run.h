/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One action on one disk, from looking whether an earlier one was interrupted to the commit. */
#pragma once

#include "windows-request.h"

/* journal: where a commit's journal lies (cow.h); NULL: none, the disk is thrown away when this
 * fails. *ret_result: {"action", "rows", "counts", "dry_run", "committed", "changed_bytes"}; for
 * inspect, the document of windows_inspect(). The caller owns it. When the action refuses, the rows
 * so far are dropped and the error says why. A disk that was opened for reading is not changed: the
 * journal is left, whole, for the caller to apply elsewhere (win_cow_open_sealed). */
int windows_run(struct win_disk *disk, const char *journal, const struct windows_request *rq,
                json_t **ret_result, struct err *e);
/* For a folder: only inspect. */
int windows_run_folder(const struct windows_request *rq, json_t **ret_result, struct err *e);
