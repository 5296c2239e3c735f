/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The snapshot store itself, without the daemon: it may run or not. */
#include "verbs.h"
#include "records.h"

#include <errno.h>
#include <stdio.h>

#include "export.h"
#include "store.h"
#include "units.h"

#define SENTENCES_MAX 1000 /* in the document of --json */

/* The installation's key, if we may read it: without it, encrypted content is refused by name. */
static int take_key(struct cli *c, struct store *s, struct err *e)
{
    _cleanup_free_ char *path = xasprintf("%s/keys/default", c->cfg.home);

    return access(path, R_OK) == 0 ? store_add_key_file(s, path, e) : 0;
}

static int open_store(struct cli *c, struct store **ret, struct err *e)
{
    _cleanup_(store_closep) struct store *s = NULL;
    _cleanup_free_ char *path = NULL;
    int r = config_home(c, e);

    if (r < 0)
        return r;
    path = xasprintf("%s/store", c->cfg.home);
    r = store_open(path, NULL, &s, e);
    if (r < 0 && (e->no == EACCES || e->no == EPERM))
        return err_wrap(e, "use sudo, or join the group kiln");
    if (r == 0)
        r = take_key(c, s, e);
    if (r == 0)
        *ret = TAKE_PTR(s);
    return r;
}

/* ---- check ----------------------------------------------------------------------------------- */

struct tells {
    bool json;
    json_t *sentences;
};

static void tell(bool is_problem, const char *sentence, void *userdata)
{
    struct tells *t = userdata;

    if (t->json) {
        if (json_array_size(t->sentences) < SENTENCES_MAX)
            json_array_append_new(t->sentences,
                                  json_pack("{s:b, s:s}", "problem", is_problem, "text", sentence));
        return;
    }
    (void)printf("%s: %s\n", is_problem ? "problem" : "leftover", sentence);
}

static int print_report(struct cli *c, const struct store_check_report *p, const json_t *sentences,
                        struct err *e)
{
    char bytes[UNITS_MAX], live[UNITS_MAX], dead[UNITS_MAX];

#define N(field) (json_int_t)(p->field)
    if (c->json)
        return out_json(
            json_pack("{s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}}", "check",
                      "snapshots", N(snapshots), "pins", N(pins), "packs", N(packs), "leaves",
                      N(leaves), "blocks", N(blocks), "bytes", N(bytes), "problems", N(problems),
                      "leftovers", N(leftovers), "sealed", N(sealed), "live_bytes", N(live_bytes),
                      "dead_bytes", N(dead_bytes), "sentences", sentences),
            e);
#undef N
    (void)printf("%llu snapshots, %llu pins, %llu packs, %llu blocks, %s read: "
                 "%llu problems, %llu leftovers\n",
                 (unsigned long long)p->snapshots, (unsigned long long)p->pins,
                 (unsigned long long)p->packs, (unsigned long long)p->blocks,
                 units_bytes(p->bytes, bytes), (unsigned long long)p->problems,
                 (unsigned long long)p->leftovers);
    (void)printf("%s of the packs are needed, %s are not\n", units_bytes(p->live_bytes, live),
                 units_bytes(p->dead_bytes, dead));
    if (p->sealed)
        (void)printf("%llu blocks are encrypted and their key could not be read here: only their "
                     "checksums were looked at\n",
                     (unsigned long long)p->sealed);
    return out_flush(e);
}

static int run_check(struct cli *c, struct err *e)
{
    _cleanup_(store_closep) struct store *s = NULL;
    _cleanup_json_ json_t *sentences = json_array();
    struct tells t = { .json = c->json, .sentences = sentences };
    struct store_check_report report;
    int r = open_store(c, &s, e);

    if (r >= 0)
        r = store_check(s, !cli_flag(c, "--shallow"), tell, &t, &report, e);
    if (r >= 0)
        r = print_report(c, &report, sentences, e);
    if (r >= 0 && report.problems)
        return err_set(e, EBADMSG, ERR_CORRUPT, "the store has %llu problems",
                       (unsigned long long)report.problems);
    return r;
}

/* ---- stats ----------------------------------------------------------------------------------- */

struct sums {
    uint64_t snapshots, volume_bytes, content_bytes, stored_bytes;
};

static int add(const struct store_snap_info *info, void *userdata)
{
    struct sums *s = userdata;

    s->snapshots++;
    s->volume_bytes += info->volume_bytes;
    s->content_bytes += info->data_blocks * STORE_BLOCK_BYTES;
    s->stored_bytes += info->stored_bytes;
    return 0;
}

static int run_stats(struct cli *c, struct err *e)
{
    _cleanup_(store_closep) struct store *s = NULL;
    struct sums n = { 0 };
    struct store_usage u;
    char volume[UNITS_MAX], content[UNITS_MAX], stored[UNITS_MAX], live[UNITS_MAX], dead[UNITS_MAX];
    int r = open_store(c, &s, e);

    if (r >= 0)
        r = store_snap_each(s, add, &n, e);
    if (r >= 0)
        r = store_usage(s, &u, e);
    if (r < 0)
        return r;
    if (c->json)
        return out_json(json_pack("{s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I}}", "store", "snapshots",
                                  (json_int_t)n.snapshots, "volume_bytes",
                                  (json_int_t)n.volume_bytes, "content_bytes",
                                  (json_int_t)n.content_bytes, "stored_bytes",
                                  (json_int_t)n.stored_bytes, "packs", (json_int_t)u.packs,
                                  "live_bytes", (json_int_t)u.live_bytes, "dead_bytes",
                                  (json_int_t)u.dead_bytes),
                        e);
    (void)printf("%llu snapshots of %s, with %s of content, stored in %s\n",
                 (unsigned long long)n.snapshots, units_bytes(n.volume_bytes, volume),
                 units_bytes(n.content_bytes, content), units_bytes(n.stored_bytes, stored));
    (void)printf("%llu packs: %s are needed, %s are not\n", (unsigned long long)u.packs,
                 units_bytes(u.live_bytes, live), units_bytes(u.dead_bytes, dead));
    return out_flush(e);
}

/* ---- gc -------------------------------------------------------------------------------------- */

static int print_gc(struct cli *c, const struct store_gc_stats *st, struct err *e)
{
    char freed[UNITS_MAX], moved[UNITS_MAX], live[UNITS_MAX], dead[UNITS_MAX];

#define N(field) #field, (json_int_t)(st->field)
    if (c->json)
        return out_json(json_pack("{s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:s}}", "gc",
                                  N(packs_removed), N(packs_compacted), N(packs_left),
                                  N(packs_damaged), N(bytes_freed), N(bytes_copied), N(live_bytes),
                                  N(dead_bytes), "again", st->again, "trouble", st->trouble.msg),
                        e);
#undef N
    (void)printf("gave %s back: %llu packs removed, %llu written anew (%s moved)\n",
                 units_bytes(st->bytes_freed, freed), (unsigned long long)st->packs_removed,
                 (unsigned long long)st->packs_compacted, units_bytes(st->bytes_copied, moved));
    (void)printf("%s of the packs are needed, %s are not\n", units_bytes(st->live_bytes, live),
                 units_bytes(st->dead_bytes, dead));
    if (st->again)
        (void)printf("more can be had from %llu packs: run it again\n",
                     (unsigned long long)st->packs_left);
    return out_flush(e);
}

static int run_gc(struct cli *c, struct err *e)
{
    _cleanup_(store_closep) struct store *s = NULL;
    struct store_gc_stats st;
    int r = open_store(c, &s, e);

    if (r >= 0)
        r = store_gc(s, &st, e);
    if (r >= 0 && st.busy)
        return err_set(e, EBUSY, ERR_CONFLICT,
                       "the store is being written, checked or exported: "
                       "try again when that is done");
    if (r >= 0)
        r = print_gc(c, &st, e);
    if (r < 0 || !st.trouble.no)
        return r;
    *e = st.trouble;
    return -e->no;
}

/* ---- export ---------------------------------------------------------------------------------- */

static int run_export(struct cli *c, struct err *e)
{
    _cleanup_(store_closep) struct store *s = NULL;
    struct export_result got;
    char volume[UNITS_MAX], data[UNITS_MAX];
    int r = open_store(c, &s, e);

    if (r >= 0)
        r = export_snapshot(s, c->args[0], c->args[1], &got, e);
    if (r < 0)
        return r;
    if (c->json)
        return out_json(json_pack("{s:{s:I, s:I}}", "export", "volume_bytes",
                                  (json_int_t)got.volume_bytes, "data_bytes",
                                  (json_int_t)got.data_bytes),
                        e);
    (void)printf("%s, of which %s of content, every block verified\n",
                 units_bytes(got.volume_bytes, volume), units_bytes(got.data_bytes, data));
    return out_flush(e);
}

static const struct cli_option check_options[] = {
    { .name = "--shallow", .help = "Do not read the blocks themselves." },
    { 0 },
};

const struct cli_verb cli_verbs_store[] = {
    { .name = "store check",
      .args = "",
      .options = check_options,
      .summary = "Proves the snapshot store: every map, every block.",
      .help = "Reads KILN_HOME/store itself and changes nothing; the daemon may run. Exit status 1 "
              "when there is a problem. A leftover is no damage: the next collection removes it.",
      .run = run_check },
    { .name = "store export",
      .args = "SNAPSHOT FILE",
      .min_args = 2,
      .max_args = 2,
      .complete = "snapshots",
      .summary = "Writes a snapshot out as a raw disk file.",
      .help = "Reads KILN_HOME/store itself; the daemon may run. Every block is verified; FILE is "
              "sparse, and complete or absent.",
      .run = run_export },
    { .name = "store gc",
      .args = "",
      .summary = "Gives back the space of what nothing needs any more.",
      .help =
          "The daemon does this by itself after each deletion. Packs that nothing needs are "
          "removed; those of which half or more is not needed are written anew without it, every "
          "block proven on the way; guests read on meanwhile, and whoever makes a snapshot is "
          "let in first. Needs to write to KILN_HOME/store. Exit status 1 when damage was met, "
          "or the disk is full: nothing is lost.",
      .run = run_gc },
    { .name = "store stats",
      .args = "",
      .summary = "Shows how much the store holds and how small it is.",
      .help = "",
      .run = run_stats },
    { 0 },
};
