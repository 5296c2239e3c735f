/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Durable jobs: which step of what is under way. What the steps mean is the jobs room's. */
#include "model-priv.h"

#include <assert.h>
#include <errno.h>

static const struct col cols[] = {
    KEY_COL(job_rec, id),
    TEXT_COL(job_rec, kind),
    TEXT_COL(job_rec, subject),
    TEXT_COL(job_rec, step),
    WORD_COL(job_rec, state, &job_words),
    COL(job_rec, args, COL_HEAP),
    TEXT_COL(job_rec, error),
    COL(job_rec, created_ms, COL_U64),
    COL(job_rec, updated_ms, COL_U64),
};
const struct table job_table = TABLE("jobs", job_rec, cols, "job '", "' does not exist");

void job_rec_done(struct job_rec *rec)
{
    row_done(&job_table, rec);
}

int model_job_insert(struct model *m, const struct job_rec *rec, struct err *e)
{
    return row_insert(m, &job_table, rec, e);
}

int model_job_step(struct model *m, const char *id, const char *step, const char *args,
                   struct err *e)
{
    return db_exec_on(m, &job_table, id,
                      "UPDATE jobs SET step = ?2, args = coalesce(?3, args), updated_ms = ?4"
                      " WHERE id = ?1",
                      BINDS(T(id), T(step), T(args), U(m->now_ms())), e);
}

int model_job_end(struct model *m, const char *id, enum job_state st, const char *error,
                  struct err *e)
{
    char text[sizeof((struct job_rec *)0)->error];

    assert(st == JOB_DONE || st == JOB_FAILED);
    text_cut(text, sizeof text, error ? error : "");
    return db_exec_on(m, &job_table, id,
                      "UPDATE jobs SET state = ?2, error = ?3, updated_ms = ?4 WHERE id = ?1",
                      BINDS(T(id), T(words_name(&job_words, (int)st)), T(text), U(m->now_ms())), e);
}

int model_job_active(struct model *m, struct job_rec **ret, size_t *ret_n, struct err *e)
{
    void *v = NULL;
    int r = row_list(m, &job_table, "WHERE state = 'active' ORDER BY created_ms, rowid", NO_BINDS,
                     &v, ret_n, e);

    if (r >= 0)
        *ret = v;
    return r;
}

int model_job_sweep(struct model *m, uint64_t ended_before_ms, struct err *e)
{
    return db_exec(m, "DELETE FROM jobs WHERE state <> 'active' AND updated_ms < ?1",
                   BINDS(U(ended_before_ms)), e);
}
