/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gc and check: the store does the work. */
#include "verbs.h"

#include <stdio.h>

#include "clock.h"
#include "store.h"
#include "str.h"

#define SENTENCES_MAX      100
#define SENTENCE_BYTES_MAX 400 /* all of them fit into one line of output */

/* "busy" asks to be called again soon, for whichever reason. */
static json_t *gc_result(const struct store_gc_stats *st)
{
#define N(field) #field, (json_int_t)(st->field)
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:b,s:s}", N(packs_seen),
                     N(packs_removed), N(packs_compacted), N(packs_left), N(packs_damaged),
                     N(bytes_freed), N(bytes_copied), N(live_bytes), N(dead_bytes),
                     N(dead_writers_swept), "busy", st->busy || st->again, "trouble",
                     st->trouble.msg);
#undef N
}

int verb_gc(const struct worker_args *a, struct report *rep, json_t **ret_result, struct err *e)
{
    _cleanup_(store_closep) struct store *store = NULL;
    struct store_gc_stats st = { 0 };
    struct progress p = { 0 };
    int r;

    r = store_open(a->store, NULL, &store, e);
    if (r == 0 && a->key)
        r = store_add_key_file(store, a->key, e);
    if (r == 0)
        r = store_gc(store, &st, e);
    if (r < 0)
        return r;
    p.done = p.total = st.bytes_freed;
    p.read = p.stored = st.bytes_copied;
    r = report_progress_last(rep, &p, clock_mono_ms(), e);
    if (r < 0)
        return r;
    if (st.trouble.no)
        (void)fprintf(stderr, "%s\n", st.trouble.msg);
    *ret_result = gc_result(&st);
    return *ret_result ? 0 : err_oom(e);
}

static void note_sentence(bool is_problem, const char *sentence, void *userdata)
{
    json_t *list = userdata;
    char show[SENTENCE_BYTES_MAX];

    (void)fprintf(stderr, "%s: %s\n", is_problem ? "problem" : "leftover", sentence);
    if (json_array_size(list) < SENTENCES_MAX)
        (void)json_array_append_new(list, json_pack("{s:b,s:s}", "problem", (int)is_problem, "text",
                                                    str_show(sentence, show, sizeof show)));
}

int verb_check(const struct worker_args *a, struct report *rep, json_t **ret_result, struct err *e)
{
    _cleanup_(store_closep) struct store *store = NULL;
    struct store_check_report c = { 0 };
    struct progress p = { 0 };
    json_t *list = json_array();
    int r;

    if (!list)
        return err_oom(e);
    r = store_open(a->store, NULL, &store, e);
    if (r == 0 && a->key)
        r = store_add_key_file(store, a->key, e);
    if (r == 0)
        r = store_check(store, !a->shallow, note_sentence, list, &c, e);
    p.done = p.total = p.read = c.bytes;
    if (r == 0)
        r = report_progress_last(rep, &p, clock_mono_ms(), e);
    if (r < 0) {
        json_decref(list);
        return r;
    }
    *ret_result = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "snapshots",
                            (json_int_t)c.snapshots, "pins", (json_int_t)c.pins, "packs",
                            (json_int_t)c.packs, "leaves", (json_int_t)c.leaves, "blocks",
                            (json_int_t)c.blocks, "bytes", (json_int_t)c.bytes, "problems",
                            (json_int_t)c.problems, "leftovers", (json_int_t)c.leftovers, "sealed",
                            (json_int_t)c.sealed, "live_bytes", (json_int_t)c.live_bytes,
                            "dead_bytes", (json_int_t)c.dead_bytes, "sentences", list);
    return *ret_result ? 0 : err_oom(e);
}
