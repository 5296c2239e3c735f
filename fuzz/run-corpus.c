/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main() of a fuzz target without a fuzzer: each file of the given directories, as it is, cut, and
 * with some bytes changed (always the same ones). A crash or a sanitizer's complaint is the
 * failure. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

#define FILE_MAX (1U << 20)
#define CUTS     32U
#define CHANGES  300U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of exact size, so that a read behind its end is noticed. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    if (!copy)
        abort();
    if (size)
        memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_variants(uint8_t *data, size_t size)
{
    uint32_t x = 2463534242U;

    run(data, size);
    for (size_t i = 0; i < CUTS; i++)
        run(data, size * i / CUTS);
    for (unsigned i = 0; i < CHANGES && size; i++) {
        size_t at;
        uint8_t was;

        x ^= x << 13, x ^= x >> 17, x ^= x << 5;
        at = i % 3 ? x % size : (x % 512) % size; /* headers more often */
        was = data[at];
        data[at] = i % 2 ? (uint8_t)(x >> 24) : (uint8_t)(was ^ 1U << (x >> 16) % 8);
        run(data, size);
        data[at] = was;
    }
}

static int run_dir(const char *dir, unsigned *files)
{
    DIR *d = opendir(dir);
    struct dirent *x;

    if (!d) {
        perror(dir);
        return -1;
    }
    while ((x = readdir(d))) {
        _cleanup_free_ char *path = NULL, *data = NULL;
        struct err e = { 0 };
        size_t n;

        if (x->d_name[0] == '.')
            continue;
        path = xasprintf("%s/%s", dir, x->d_name);
        if (file_read(path, FILE_MAX, &data, &n, &e) < 0) {
            (void)fprintf(stderr, "%s\n", e.msg);
            (void)closedir(d);
            return -1;
        }
        run_variants((uint8_t *)data, n);
        ++*files;
    }
    (void)closedir(d);
    return 0;
}

int main(int argc, char **argv)
{
    unsigned files = 0;

    for (int i = 1; i < argc; i++)
        if (run_dir(argv[i], &files) < 0)
            return 1;
    (void)printf("%u files\n", files);
    return files == 0; /* an empty corpus tests nothing */
}
