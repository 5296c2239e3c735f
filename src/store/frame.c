/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "frame.h"

#include <errno.h>
#include <string.h>

int frame_unpack(ZSTD_DCtx *d, const struct rec *rec, unsigned frame, const void *stored, void *out,
                 struct err *e)
{
    uint32_t len = rec->frame[frame].packed, plain = rec->frame[frame].plain_len;
    size_t n;

    if (len == 0) {
        memset(out, 0, plain);
        return 0;
    }
    if (rec->frame[frame].raw) {
        memcpy(out, stored, plain);
        return 0;
    }
    n = ZSTD_decompressDCtx(d, out, plain, stored, len);
    if (ZSTD_isError(n))
        return err_set(e, EBADMSG, ERR_CORRUPT, "frame %u does not unpack: %s", frame,
                       ZSTD_getErrorName(n));
    if (n != plain)
        return err_set(e, EBADMSG, ERR_CORRUPT, "frame %u unpacks to %zu bytes instead of %u",
                       frame, n, plain);
    return 0;
}

int frame_check(const struct rec *rec, unsigned frame, const void *stored, struct err *e)
{
    if (rec->frame[frame].len && crc32c(stored, rec->frame[frame].len) != rec->frame[frame].crc)
        return err_set(e, EBADMSG, ERR_CORRUPT, "checksum of frame %u does not match", frame);
    return 0;
}
