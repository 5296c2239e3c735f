/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hivex-dump HIVE: every key and value as libhivex reads it, in the words of "hive dump". */
#include <hivex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t sum(const char *p, size_t n)
{
    uint32_t h = 2166136261U;

    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint8_t)p[i]) * 16777619U;
    return h;
}

static void dump_value(hive_h *h, hive_value_h v)
{
    char *name = hivex_value_key(h, v), *p;
    hive_type t;
    size_t n;

    p = hivex_value_value(h, v, &t, &n);
    if (p)
        printf("%s %u %zu %08x\n", name, (unsigned)t, n, sum(p, n));
    else
        printf("%s bad\n", name);
    free(name);
    free(p);
}

static void dump_key(hive_h *h, hive_node_h key)
{
    hive_value_h *v = hivex_node_values(h, key);
    hive_node_h *c = hivex_node_children(h, key);
    char *name = hivex_node_name(h, key);

    if (!v || !c || !name) {
        perror("hivex");
        exit(1);
    }
    printf("[%s] %lld\n", name, (long long)hivex_node_timestamp(h, key));
    for (size_t i = 0; v[i]; i++)
        dump_value(h, v[i]);
    for (size_t i = 0; c[i]; i++)
        dump_key(h, c[i]);
    puts(".");
    free(name);
    free(v);
    free(c);
}

int main(int argc, char **argv)
{
    hive_h *h = argc == 2 ? hivex_open(argv[1], 0) : NULL;

    if (!h) {
        perror("hivex_open");
        return 1;
    }
    dump_key(h, hivex_root(h));
    return hivex_close(h);
}
