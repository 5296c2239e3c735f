/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Actions whose files are not there yet. Weak, and last in the archive: the real ones win. */
#include <errno.h>

#include "diff.h"
#include "windows.h"

__attribute__((weak)) int windows_diff(const struct windows_request *rq, struct win_disk *left,
                                       struct win_disk *right, json_t **ret, struct err *e)
{
    (void)rq, (void)left, (void)right, (void)ret;
    return err_set(e, ENOSYS, ERR_INVALID, "'diff' is not built yet");
}

__attribute__((weak)) void windows_diff_text(struct str *s, const json_t *doc)
{
    (void)doc;
    str_add(s, "not built yet\n");
}
