/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hive VERB HIVE ...: the registry layer for tests, one verb a use. Logs are those beside HIVE.
 *
 *   info HIVE                     numbers, as "name value" lines; a dirty hive without logs, too
 *   dump HIVE                     every key and value, as hivex-dump prints them
 *   replay HIVE OUT               after its logs, else untouched
 *   edit HIVE OUT SEED COUNT      so many random edits, checked; sealed
 *   sid HIVE OUT OLD NEW          counts, as "name value" lines; sealed. NEW "new": one of our own
 *   grow HIVE OUT COUNT TEXT      so many values of 1 MiB, TEXT inside each, below a new key;
 *                                 sealed
 *   boot-key SYSTEM KEY           of the control set KEY
 *   password SAM OUT BOOT RID PW  PW empty: cleared; sealed
 *   users SAM                     and groups; checked
 *   create-user SAM OUT BOOT NAME PW GROUP   prints its number; checked, sealed
 *   delete-users SAM OUT          all local ones; sealed
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "parse.h"
#include "sam.h"
#include "str.h"

static struct err e;

_noreturn_ static void die(void)
{
    (void)fprintf(stderr, "%s\n", e.msg);
    exit(1);
}

static struct regf *open_hive(const char *path, unsigned flags)
{
    _cleanup_free_ char *one = xasprintf("%s.LOG1", path), *two = xasprintf("%s.LOG2", path);
    struct regf *h = NULL;

    if (regf_open_files(path, one, two, flags, &h, &e) < 0)
        die();
    return h;
}

static void write_out(struct regf *h, const char *path, bool seal)
{
    FILE *f = fopen(path, "w");
    const void *p;
    size_t n;

    if (seal && regf_seal(h, &e) < 0)
        die();
    p = regf_bytes(h, &n);
    if (!f || fwrite(p, 1, n, f) != n || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

static struct regf_report verified(const struct regf *h)
{
    struct regf_report rep;

    if (regf_verify(h, &rep, &e) < 0)
        die();
    return rep;
}

/* --- info, dump, replay --- */

static int info(char **argv)
{
    _cleanup_regf_ struct regf *h = open_hive(argv[0], REGF_DIRTY_OK);
    struct regf_report rep = verified(h);
    struct regf_info i;
    struct rusage use;

    regf_info(h, &i);
    (void)getrusage(RUSAGE_SELF, &use);
    (void)printf("minor %u\nseq1 %u\nseq2 %u\ndirty %d\nentries %u\nbytes %llu\n", i.minor, i.seq1,
                 i.seq2, i.was_dirty, i.log_entries, (unsigned long long)i.bytes);
    (void)printf("keys %llu\nvalues %llu\nsecurity %llu\nlost %llu\nunsplit %llu\nbad %llu\n",
                 (unsigned long long)rep.keys, (unsigned long long)rep.values,
                 (unsigned long long)rep.security, (unsigned long long)rep.lost_cells,
                 (unsigned long long)rep.unsplit, (unsigned long long)rep.bad_values);
    (void)printf("memory_kib %ld\n", use.ru_maxrss);
    return 0;
}

static uint32_t sum(const uint8_t *p, size_t n)
{
    uint32_t h = 2166136261U;

    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 16777619U;
    return h;
}

static void dump_key(const struct regf *h, uint32_t key)
{
    struct regf_iter it = regf_values(h, key);
    char name[REGF_NAME_BYTES];
    uint32_t x;

    (void)printf("[%s] %llu\n", regf_key_name(h, key, name),
                 (unsigned long long)regf_key_time(h, key));
    while ((x = regf_next_value(h, &it))) {
        _cleanup_regf_data_ struct regf_data d = { 0 };
        _cleanup_free_ char *value = regf_value_name(h, x);

        if (regf_value_data(h, x, &d, &e) < 0) {
            (void)printf("%s bad\n", value);
            err_clear(&e);
            continue;
        }
        (void)printf("%s %u %zu %08x\n", value, d.type, d.n, sum(d.p, d.n));
    }
    it = regf_subkeys(h, key);
    while ((x = regf_next_subkey(h, &it)))
        dump_key(h, x);
    (void)puts(".");
}

static int dump(char **argv)
{
    _cleanup_regf_ struct regf *h = open_hive(argv[0], REGF_DIRTY_OK);

    (void)verified(h);
    dump_key(h, regf_root(h));
    return 0;
}

static int replay(char **argv)
{
    _cleanup_regf_ struct regf *h = open_hive(argv[0], 0);

    (void)verified(h);
    write_out(h, argv[1], false);
    return 0;
}

/* --- edit --- */

static uint32_t rnd;

static uint32_t next_random(void)
{
    rnd ^= rnd << 13, rnd ^= rnd >> 17, rnd ^= rnd << 5;
    return rnd;
}

/* Some key, by a walk down from the root. */
static uint32_t some_key(const struct regf *h)
{
    uint32_t key = regf_root(h);

    for (unsigned depth = 0; depth < 12; depth++) {
        uint32_t n = regf_key_count(h, key), i = n ? next_random() % n : 0, child = 0;
        struct regf_iter it = regf_subkeys(h, key);

        if (!n || next_random() % 8 == 0)
            break;
        while ((child = regf_next_subkey(h, &it)) && i--)
            ;
        if (!child)
            break;
        key = child;
    }
    return key;
}

static int edit_value(struct regf *h, uint32_t key)
{
    static uint8_t data[70000];
    static const uint32_t most[] = { 5, 64, 400, 20000, sizeof data };
    struct regf_iter it = regf_values(h, key);
    uint32_t value = regf_next_value(h, &it);
    uint32_t n = next_random() % most[next_random() % ARRAY_LEN(most)];
    _cleanup_free_ char *name = value && next_random() % 2 ? regf_value_name(h, value)
                                                           : xasprintf("v%u", next_random() % 9);

    if (next_random() % 4 == 0)
        return regf_value_delete(h, key, name, &e);
    memset(data, (int)next_random(), n);
    return regf_set(h, key, name, 1 + next_random() % 11, data, n, &e);
}

static int edit_key(struct regf *h, uint32_t key)
{
    char name[32];
    uint32_t got;

    (void)snprintf(name, sizeof name, "%cedit %u", 'A' + next_random() % 26, next_random() % 1000);
    switch (next_random() % 8) {
    case 0:
        return key == regf_root(h) || regf_key_count(h, key) > 200 ? 0
                                                                   : regf_key_delete(h, key, &e);
    case 1:
        return regf_find(h, regf_parent(h, key), name) ? 0
                                                       : regf_key_rename(h, key, name, &got, &e);
    case 2:
        return regf_set_class(h, key, next_random() % 2 ? name : NULL, &e);
    default:
        return regf_key_create(h, key, name, &got, &e);
    }
}

static int edit(char **argv)
{
    _cleanup_regf_ struct regf *h = open_hive(argv[0], REGF_DIRTY_OK);
    struct regf_report before = verified(h), after;
    uint64_t seed = 0, count = 0;

    if (parse_u64(argv[2], 1, UINT32_MAX, &seed) < 0 || parse_u64(argv[3], 1, 1000000, &count) < 0)
        return 2;
    rnd = (uint32_t)seed;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t key = some_key(h);
        int r = next_random() % 3 ? edit_value(h, key) : edit_key(h, key);

        if (r < 0 && e.kind != ERR_LIMIT)
            die();
        err_clear(&e);
    }
    after = verified(h);
    if (after.lost_cells > before.lost_cells || after.unsplit > before.unsplit) {
        (void)fprintf(stderr, "cells were lost: %llu\n", (unsigned long long)after.lost_cells);
        return 1;
    }
    write_out(h, argv[1], true);
    return 0;
}

/* --- identity --- */

static void parse_sid(const char *text, uint8_t out[SID_BYTES_MAX])
{
    size_t n;

    if (sid_parse(text, out, &n, &e) < 0)
        die();
}

static int change_sid(char **argv)
{
    _cleanup_regf_ struct regf *h = open_hive(argv[0], REGF_DIRTY_OK);
    uint8_t old[SID_BYTES_MAX], with[SID_BYTES_MAX];
    struct sid_counts c = { 0 };
    char text[SID_TEXT_MAX];

    parse_sid(argv[2], old);
    if (strcmp(argv[3], "new") == 0)
        sid_new(old, with);
    else
        parse_sid(argv[3], with);
    if (sid_replace(h, old, with, &c, &e) < 0)
        die();
    (void)sid_text(with, SID_MACHINE_BYTES, text);
    (void)printf("sid %s\nkey_names %llu\nvalue_names %llu\nclasses %llu\n", text,
                 (unsigned long long)c.key_names, (unsigned long long)c.value_names,
                 (unsigned long long)c.classes);
    (void)printf("data %llu\nsecurity %llu\nunused %llu\n", (unsigned long long)c.data,
                 (unsigned long long)c.security, (unsigned long long)c.unused);
    write_out(h, argv[1], true);
    return 0;
}

static int grow(char **argv)
{
    _cleanup_regf_ struct regf *h = open_hive(argv[0], 0);
    static uint8_t data[MIB(1)];
    uint64_t count;
    uint32_t key;
    char name[32];

    if (parse_u64(argv[2], 1, 400, &count) < 0 || strlen(argv[3]) > 1000)
        return 2;
    if (regf_key_create(h, 0, "Padding\\Large", &key, &e) < 0)
        die();
    memcpy(data + sizeof data / 2, argv[3], strlen(argv[3]));
    for (uint64_t i = 0; i < count; i++) {
        (void)snprintf(name, sizeof name, "value %llu", (unsigned long long)i);
        if (regf_set(h, key, name, REGF_BINARY, data, sizeof data, &e) < 0)
            die();
    }
    write_out(h, argv[1], true);
    return 0;
}

static int boot_key(char **argv)
{
    _cleanup_regf_ struct regf *h = open_hive(argv[0], REGF_DIRTY_OK);
    uint8_t key[SAM_BOOT_KEY_BYTES];
    char hex[2 * SAM_BOOT_KEY_BYTES + 1];
    uint32_t set;

    if (regf_find_key(h, 0, argv[1], &set, &e) < 0 || sam_boot_key(h, set, key, &e) < 0)
        die();
    hex_encode(key, sizeof key, hex);
    (void)puts(hex);
    return 0;
}

static int password(char **argv)
{
    _cleanup_regf_ struct regf *h = open_hive(argv[0], 0);
    uint8_t key[SAM_BOOT_KEY_BYTES];
    uint64_t rid;
    int r;

    if (hex_decode(argv[2], key, sizeof key) < 0 || parse_u64(argv[3], 0, UINT32_MAX, &rid) < 0)
        return 2;
    r = *argv[4] ? sam_set_password(h, key, (uint32_t)rid, argv[4], &e)
                 : sam_clear_password(h, (uint32_t)rid, &e);
    if (r == 0 && sam_check_password(h, key, (uint32_t)rid, argv[4], &e) != 1)
        r = e.no ? -1 : err_set(&e, 1, ERR_OTHER, "it is not the password afterwards");
    if (r < 0 || sam_verify(h, &e) < 0)
        die();
    (void)verified(h);
    write_out(h, argv[1], true);
    return 0;
}

static int create_user(char **argv)
{
    _cleanup_regf_ struct regf *h = open_hive(argv[0], 0);
    struct sam_new_user u = { .name = argv[3], .comment = "made", .password = argv[4] };
    uint8_t key[SAM_BOOT_KEY_BYTES];
    uint32_t rid = 0, alias;
    bool builtin;
    int r;

    if (hex_decode(argv[2], key, sizeof key) < 0)
        return 2;
    r = sam_find_group(h, argv[5], &alias, &builtin, &e);
    if (r == 0) {
        u.is_administrator = builtin && alias == SAM_ALIAS_ADMINISTRATORS;
        r = sam_create_user(h, key, &u, &rid, &e);
    }
    if (r == 0)
        r = sam_group_add_user(h, builtin, alias, rid, &e);
    if (r < 0 || sam_verify(h, &e) < 0)
        die();
    (void)verified(h);
    (void)printf("%u\n", rid);
    write_out(h, argv[1], true);
    return 0;
}

static int users(char **argv)
{
    _cleanup_regf_ struct regf *h = open_hive(argv[0], 0);
    struct sam_group *g;
    struct sam_user *u;
    size_t n;

    if (sam_verify(h, &e) < 0 || sam_users(h, &u, &n, &e) < 0)
        die();
    for (size_t i = 0; i < n; i++)
        (void)printf("%u %s %x %d\n", u[i].rid, u[i].name, u[i].flags, u[i].has_password);
    sam_users_free(u, n);
    if (sam_groups(h, &g, &n, &e) < 0)
        die();
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < g[i].n_members; k++) {
            char text[SID_TEXT_MAX];

            (void)sid_text(g[i].members[k].sid, g[i].members[k].n, text);
            (void)printf("%s: %s\n", g[i].name, text);
        }
    sam_groups_free(g, n);
    return 0;
}

static int delete_users(char **argv)
{
    _cleanup_regf_ struct regf *h = open_hive(argv[0], 0);
    struct sam_user *u;
    uint64_t foreign = 0;
    size_t n;

    if (sam_users(h, &u, &n, &e) < 0)
        die();
    for (size_t i = 0; i < n; i++)
        if (u[i].rid >= SAM_RID_FIRST_LOCAL && sam_delete_user(h, u[i].rid, &e) < 0)
            die();
    sam_users_free(u, n);
    if (sam_drop_foreign_members(h, &foreign, &e) < 0 ||
        sam_enable_user(h, SAM_RID_ADMINISTRATOR, true, true, &e) < 0 || sam_verify(h, &e) < 0)
        die();
    (void)verified(h);
    write_out(h, argv[1], true);
    return 0;
}

static const struct {
    const char *name;
    int args;
    int (*run)(char **argv);
} verbs[] = {
    { "info", 1, info },
    { "dump", 1, dump },
    { "replay", 2, replay },
    { "edit", 4, edit },
    { "sid", 4, change_sid },
    { "grow", 4, grow },
    { "boot-key", 2, boot_key },
    { "password", 5, password },
    { "users", 1, users },
    { "delete-users", 2, delete_users },
    { "create-user", 6, create_user },
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < ARRAY_LEN(verbs); i++)
        if (strcmp(argv[1], verbs[i].name) == 0 && argc == verbs[i].args + 2)
            return verbs[i].run(argv + 2);
    (void)fprintf(stderr, "hive: which verb?\n");
    return 2;
}
