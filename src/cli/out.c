/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>

#include "records.h"

int out_flush(struct err *e)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        return err_errno(e, "write to standard output");
    return 0;
}

int out_json(json_t *doc, struct err *e)
{
    _cleanup_json_ json_t *mine = doc;

    if (!mine)
        return err_oom(e);
    if (json_dumpf(mine, stdout, JSON_INDENT(2)) < 0 || putchar('\n') == EOF)
        return err_errno(e, "write to standard output");
    return out_flush(e);
}

int out_records(struct cli *c, const char *key, json_t *records, struct err *e)
{
    size_t i;
    json_t *r;

    if (c->json)
        return out_json(json_pack("{s:O}", key, records), e);
    json_array_foreach (records, i, r)
        (void)puts(rec_text(r, "id"));
    return out_flush(e);
}
