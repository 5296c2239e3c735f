/* SPDX-License-Identifier: Apache-2.0 */
#include "v2/tools.h"

#include <errno.h>

#include "engine/console.h"
#include "engine/disks.h"
#include "engine/imds.h"
#include "lib/str.h"

#define ALL UINT64_MAX

static void tell(const struct disk_row *r, v2_tool_say *say, void *ctx)
{
    const char *device = r->device[0] ? r->device : "";
    struct str line = STR_INIT(512);

    if (str_starts(device, "/dev/")) /* the original has the bare word */
        device += 5;
    str_addf(&line, "Disk Number: %u", (unsigned)r->disk.number);
    say(ctx, str_text(&line));
    str_done(&line);
    str_addf(&line, "Volume ID: %s", r->volume_id);
    say(ctx, str_text(&line));
    str_done(&line);
    str_addf(&line, "Device Name: %s", device);
    say(ctx, str_text(&line));
    str_done(&line);
    say(ctx, "");
}

int v2_ebsnvme_main(struct win *w, int argc, char **argv, v2_tool_say *say, void *ctx)
{
    _cleanup_(imds_freep) struct imds *m = imds_new(w, dialect_get(DIALECT_V2));
    _cleanup_free_ struct disk_row *rows = NULL;
    uint64_t wanted = ALL;
    struct err e = { 0 };
    size_t n = 0, told = 0;

    if (argc > 2 || (argc == 2 && parse_u64(argv[1], 0, UINT32_MAX, &wanted) < 0)) {
        say(ctx, "ebsnvme-id.exe [disk number]: volume id and device name of EBS disks");
        return 2;
    }
    if (disks_list(w, m, &rows, &n, &e) < 0) {
        say(ctx, e.msg);
        return 1;
    }
    for (size_t i = 0; i < n; i++)
        if (rows[i].volume_id[0] && (wanted == ALL || rows[i].disk.number == wanted)) {
            tell(&rows[i], say, ctx);
            told++;
        }
    if (!told)
        say(ctx, wanted == ALL ? "There is no EBS disk." : "This is no EBS disk.");
    return told ? 0 : 1;
}

int v2_spcr_main(struct win *w, v2_tool_say *say, void *ctx)
{
    _cleanup_free_ char *name = NULL;
    struct err e = { 0 };

    if (console_port_name(w, &name, &e) < 0) {
        say(ctx, e.msg);
        return 1;
    }
    say(ctx, name);
    return 0;
}
