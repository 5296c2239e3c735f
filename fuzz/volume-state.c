/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes as a volume's head file and as the header page of its maps: accepted or refused with a
 * reason, and what is accepted is in bounds. */
#include <assert.h>
#include <string.h>

#include "file.h"
#include "head.h"
#include "maps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/kiln-fuzz-head-XXXXXX";

static void remove_directory(void)
{
    (void)rmdir(dir);
}

/* head_read wants a directory: made once. */
static const char *directory(void)
{
    static bool made;

    if (!made) {
        made = mkdtemp(dir) && atexit(remove_directory) == 0;
        assert(made);
    }
    return dir;
}

static void as_head(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *path = xasprintf("%s/head", directory());
    struct head h = { 0 };
    struct err e = { 0 };

    if (file_replace(path, data, size, 0600, &e) < 0)
        return;
    if (head_read(directory(), &h, &e) < 0)
        assert(e.no && e.msg[0]);
    else
        assert(!e.no);
    (void)unlink(path);
}

static void as_map_header(const uint8_t *data, size_t size)
{
    uint8_t page[MAP_PAGE] = { 0 };
    struct map_header h = { 0 };

    memcpy(page, data, size < sizeof page ? size : sizeof page);
    if (map_header_get(page, (const char *)data, GIB(1), &h))
        assert(memchr(h.boot_id, '\0', sizeof h.boot_id));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 8)
        as_map_header(data, size);
    as_head(data, size);
    return 0;
}
