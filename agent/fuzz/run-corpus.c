/* SPDX-License-Identifier: Apache-2.0 */
/* main() of a fuzz target without a fuzzer: each file of the given directory as it is, cut at many
 * places, and changed (always in the same ways): bytes flipped, pieces doubled, removed or moved,
 * words of the formats put in. A crash or a sanitizer's complaint is the failure. Prints how many
 * inputs were run. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (1U << 20)
#define CUTS     64U
#define CHANGES  1500U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long inputs;
static uint32_t state;

static uint32_t next(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return below ? state % below : 0;
}

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
    inputs++;
}

static const char *const words[] = {
    "\n",
    "  ",
    "\t",
    ": ",
    "- ",
    "#",
    "\"",
    "'",
    "{",
    "}",
    "[",
    "]",
    ",",
    "|",
    ">",
    "|-\n",
    "&a",
    "*a",
    "!!x ",
    "---\n",
    "...\n",
    "\\u00",
    "\\",
    "null",
    "true",
    "1.1",
    "0",
    "\r\n",
    "\xff",
    "\xef\xbb\xbf",
    "<",
    ">",
    "</",
    "/>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "&amp;",
    "&#x41;",
    "&",
    "=",
    "<powershell>",
    "</powershell>",
    "<script>",
    "</script>",
    "<persist>true</persist>",
    "<?",
    "task: ",
    "inputs:",
    "version: 1.1\n",
    "PK\x03\x04",
    "\xe2\x82\xac",
};

static size_t insert(uint8_t *b, size_t n, size_t at, const void *p, size_t len)
{
    memmove(b + at + len, b + at, n - at);
    memcpy(b + at, p, len);
    return n + len;
}

/* One change; b has room for 4 KiB more. */
static size_t change(uint8_t *b, size_t n)
{
    uint8_t piece[256];
    size_t at = next((uint32_t)n + 1), len = next(64) + 1;
    const char *word;

    switch (next(6)) {
    case 0:
        if (at < n)
            b[at] = (uint8_t)next(256);
        return n;
    case 1:
        if (at < n)
            b[at] ^= (uint8_t)(1U << next(8));
        return n;
    case 2: /* remove */
        len = at + len > n ? n - at : len;
        memmove(b + at, b + at + len, n - at - len);
        return n - len;
    case 3: /* double, here or elsewhere */
        len = at + len > n ? n - at : len;
        memcpy(piece, b + at, len);
        return insert(b, n, next((uint32_t)n + 1), piece, len);
    default:
        word = words[next(sizeof words / sizeof *words)];
        return insert(b, n, at, word, strlen(word));
    }
}

static void run_variants(const uint8_t *data, size_t size)
{
    uint8_t *b = malloc(size + 8192);

    if (!b)
        abort();
    run(data, size);
    for (size_t i = 0; i < CUTS; i++)
        run(data, size * i / CUTS);
    for (unsigned i = 0; i < CHANGES; i++) {
        size_t n = size;

        memcpy(b, data, size);
        for (uint32_t k = next(4) + 1; k; k--)
            n = change(b, n);
        run(b, n);
    }
    free(b);
}

static void run_file(const char *path)
{
    static uint8_t data[FILE_MAX];
    FILE *f = fopen(path, "rb");
    size_t n;

    if (!f) {
        perror(path);
        exit(1);
    }
    n = fread(data, 1, sizeof data, f);
    (void)fclose(f);
    state = 2463534242U;
    run_variants(data, n);
}

static int visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    struct dirent **names = NULL;
    int n = argc == 2 ? scandir(argv[1], &names, visible, alphasort) : -1;

    if (n <= 0) {
        (void)fprintf(stderr, "no seeds\n");
        return 1;
    }
    for (int i = 0; i < n; i++) {
        char path[4096];

        (void)snprintf(path, sizeof path, "%s/%s", argv[1], names[i]->d_name);
        run_file(path);
        free(names[i]);
    }
    free(names);
    (void)printf("%lu inputs\n", inputs);
    return 0;
}
