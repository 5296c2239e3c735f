/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fat-hive HIVE MIB: pads a hive with many keys to about that size, through libhivex. */
#include <hivex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CHILDREN 48 /* few: libhivex leaves an old list behind for each new child */

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* One key with three values of about what installers write: some 700 bytes. */
static void fill(hive_h *h, hive_node_h key, unsigned n)
{
    static char noise[400];
    char name[64];
    hive_set_value v[3] = { { .key = (char *)"Id", .t = hive_t_dword, .len = 4 },
                            { .key = (char *)"Blob", .t = hive_t_binary, .len = sizeof noise },
                            { .key = (char *)"Name", .t = hive_t_string, .len = 64 } };

    memset(name, 0, sizeof name);
    for (unsigned i = 0; i < 31; i++)
        name[2 * i] = (char)('a' + (n + i) % 26);
    memcpy(noise, &n, sizeof n);
    v[0].value = (char *)&n;
    v[1].value = noise;
    v[2].value = name;
    if (hivex_node_set_values(h, key, 3, v, 0) < 0)
        die("set values");
}

int main(int argc, char **argv)
{
    unsigned long long want, n = 0;
    hive_node_h top, wide = 0, group = 0;
    char name[32], g[32];
    struct stat st;
    hive_h *h;

    if (argc != 3 || stat(argv[1], &st) < 0)
        return 2;
    want = strtoull(argv[2], NULL, 10) << 20;
    want = want > (unsigned long long)st.st_size ? want - (unsigned long long)st.st_size : 0;
    h = hivex_open(argv[1], HIVEX_OPEN_WRITE);
    if (!h)
        die(argv[1]);
    top = hivex_node_add_child(h, hivex_root(h), "Padding");
    for (; top && n * 1024 < want; n++) {
        snprintf(name, sizeof name, "Component-%08llu", n);
        if (n % (CHILDREN * CHILDREN) == 0) {
            snprintf(g, sizeof g, "Wide-%06llu", n / CHILDREN / CHILDREN);
            wide = hivex_node_add_child(h, top, g);
        }
        if (n % CHILDREN == 0) {
            snprintf(g, sizeof g, "Group-%06llu", n / CHILDREN);
            group = hivex_node_add_child(h, wide, g);
        }
        fill(h, hivex_node_add_child(h, group, name), (unsigned)n);
    }
    if (hivex_commit(h, NULL, 0) < 0)
        die("commit");
    return hivex_close(h) < 0;
}
