/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records come back as they went in, column by column; the tables agree with the schema. */
#include "test-model.h"

#include <errno.h>

#define REC_MAX 16384

/* Every column gets a value of its own, made from a number; texts fill their fields. */
static void fill(const struct table *t, char *rec, unsigned salt)
{
    memset(rec, 0, t->rec_size);
    for (size_t i = 0; i < t->n_cols; i++) {
        const struct col *c = &t->cols[i];
        char *field = rec + c->offset;
        uint64_t u64 = (uint64_t)INT64_MAX - salt - i;
        uint32_t u32 = UINT32_MAX - salt - (uint32_t)i;
        int word = 0, tri = (int)((salt + i) % 3) - 1;
        bool b = (salt + i) % 2;
        char *heap;

        switch (c->kind) {
        case COL_TEXT:
            memset(field, 'a' + (int)((salt + i) % 26), c->size - 1);
            break;
        case COL_HEAP:
            heap = xasprintf("heap '%u' \xc3\xa4", salt);
            memcpy(field, &heap, sizeof heap);
            break;
        case COL_U32:
            memcpy(field, &u32, sizeof u32);
            break;
        case COL_U64:
            memcpy(field, &u64, sizeof u64);
            break;
        case COL_BOOL:
            memcpy(field, &b, sizeof b);
            break;
        case COL_TRI:
        case COL_INT:
            memcpy(field, &tri, sizeof tri);
            break;
        case COL_WORD:
            for (unsigned n = 0; n <= salt; n++)
                do
                    word = (word + 1) % (int)c->words->n;
                while (!c->words->names[word]);
            memcpy(field, &word, sizeof word);
            break;
        }
    }
}

static void assert_same(const struct table *t, const char *a, const char *b, unsigned except)
{
    for (size_t i = 0; i < t->n_cols; i++) {
        const struct col *c = &t->cols[i];
        const char *x = a + c->offset, *y = b + c->offset;

        if (c->flags & except)
            continue;
        if (c->kind == COL_HEAP)
            assert_string_equal(*(char *const *)x, *(char *const *)y);
        else
            assert_memory_equal(x, y, c->size);
    }
}

static void each_record_comes_back_as_it_went_in(void **state)
{
    struct fixture *f = *state;
    static char in[REC_MAX], changed[REC_MAX];

    OK(db_exec(f->m, "PRAGMA foreign_keys = OFF", NO_BINDS, &e));
    for (const struct table *const *t = model_tables; *t; t++) {
        void *out = NULL;
        size_t n = 0;

        assert_true((*t)->rec_size <= REC_MAX);
        fill(*t, in, 1);
        OK(row_insert(f->m, *t, in, &e));
        OK(row_list(f->m, *t, "", NO_BINDS, &out, &n, &e));
        assert_int_equal(n, 1);
        assert_same(*t, in, out, 0);
        row_done(*t, out);
        free(out);

        fill(*t, changed, 2); /* save: all but the keys and the state */
        for (size_t i = 0; i < (*t)->n_cols; i++)
            if ((*t)->cols[i].flags & COL_KEY)
                memcpy(changed + (*t)->cols[i].offset, in + (*t)->cols[i].offset,
                       (*t)->cols[i].size);
        OK(row_save(f->m, *t, changed, &e));
        OK(row_list(f->m, *t, "", NO_BINDS, &out, &n, &e));
        assert_same(*t, changed, out, COL_FIXED);
        row_done(*t, out);
        free(out);
        row_done(*t, in);
        row_done(*t, changed);
    }
}

static void tables_and_schema_name_the_same_columns(void **state)
{
    struct fixture *f = *state;

    for (const struct table *const *t = model_tables; *t; t++) {
        uint64_t n = 0;

        OK(db_u64(f->m, "SELECT count(*) FROM pragma_table_info(?1)", BINDS(T((*t)->name)), &n,
                  &e));
        assert_int_equal(n, (*t)->n_cols);
        for (size_t i = 0; i < (*t)->n_cols; i++) {
            char name[64] = "";

            OK(db_text(f->m, "SELECT name FROM pragma_table_info(?1) WHERE cid = ?2",
                       BINDS(T((*t)->name), U(i)), name, sizeof name, &e));
            assert_string_equal(name, (*t)->cols[i].name);
        }
    }
}

static void a_row_that_does_not_fit_is_corrupt_not_cut(void **state)
{
    struct fixture *f = *state;
    struct instance_rec rec = an_instance(I1), out;
    struct instance_rec untouched;

    memset(&untouched, 7, sizeof untouched);
    out = untouched;
    OK(model_instance_insert(f->m, &rec, &e));
    OK(db_exec(f->m, "UPDATE instances SET uuid = 'much longer than thirty-six characters'",
               NO_BINDS, &e));
    REFUSED(model_instance_get(f->m, NULL, I1, &out, &e), ERR_CORRUPT,
            "database: instances.uuid: a text that is too long");
    OK(db_exec(f->m, "UPDATE instances SET uuid = '', launch_index = -1", NO_BINDS, &e));
    REFUSED(model_instance_get(f->m, NULL, I1, &out, &e), ERR_CORRUPT,
            "database: instances.launch_index: a number that is too big");
    OK(db_exec(f->m, "UPDATE instances SET launch_index = 0, state = 'melting'", NO_BINDS, &e));
    REFUSED(model_instance_get(f->m, NULL, I1, &out, &e), ERR_CORRUPT,
            "database: instances.state: an unknown word");
    assert_memory_equal(&out, &untouched, sizeof out);
}

static void unknown_ids_are_told_in_the_words_of_ec2(void **state)
{
    struct fixture *f = *state;
    struct instance_rec i = an_instance(I1);
    struct volume_rec v;
    struct snapshot_rec s;
    struct image_rec a;
    struct key_pair_rec k;
    struct import_rec p;
    struct attachment_rec at;

    OK(model_instance_insert(f->m, &i, &e));
    REFUSED(model_instance_get(f->m, NULL, I2, &i, &e), ERR_NOT_FOUND,
            "The instance ID '" I2 "' does not exist");
    REFUSED(model_instance_get(f->m, "eu-west-1", I1, &i, &e), ERR_NOT_FOUND,
            "The instance ID '" I1 "' does not exist");
    REFUSED(model_volume_get(f->m, NULL, V1, &v, &e), ERR_NOT_FOUND,
            "The volume '" V1 "' does not exist.");
    REFUSED(model_snapshot_get(f->m, NULL, S1, &s, &e), ERR_NOT_FOUND,
            "The snapshot '" S1 "' does not exist.");
    REFUSED(model_image_get(f->m, NULL, A1, &a, &e), ERR_NOT_FOUND,
            "The image id '[" A1 "]' does not exist");
    REFUSED(model_key_pair_get(f->m, "us-east-1", "k", &k, &e), ERR_NOT_FOUND,
            "The key pair 'k' does not exist");
    REFUSED(model_import_get(f->m, NULL, "import-ami-1", &p, &e), ERR_NOT_FOUND,
            "The import task 'import-ami-1' does not exist");
    REFUSED(model_attachment_get(f->m, V1, &at, &e), ERR_NOT_FOUND,
            "The volume '" V1 "' is not attached.");
    REFUSED(model_instance_save(f->m, &(struct instance_rec){ .id = I2 }, &e), ERR_NOT_FOUND,
            "The instance ID '" I2 "' does not exist");
    REFUSED(model_job_step(f->m, "job-1", "x", NULL, &e), ERR_NOT_FOUND,
            "job 'job-1' does not exist");
}

static void ids_are_checked_by_prefix_length_and_digits(void **unused)
{
    static const struct {
        const char *prefix, *text;
        int r;
    } rows[] = {
        { "i", "i-0123456789abcdef0", 0 },
        { "i", "i-01234567", 0 },
        { "import-ami", "import-ami-0123456789abcdef0", 0 },
        { "i", "i-", -EINVAL },
        { "i", "i-0123456", -EINVAL },
        { "i", "i-012345678", -EINVAL },
        { "i", "i-0123456789abcdef01", -EINVAL },
        { "i", "i-0123456789ABCDEF0", -EINVAL },
        { "i", "i-0123456789abcdefg", -EINVAL },
        { "i", "vol-0123456789abcdef0", -EINVAL },
        { "vol", "volume-0123456789abcdef0", -EINVAL },
        { "ami", "import-ami-0123456789abcdef0", -EINVAL },
        { "i", "", -EINVAL },
    };
    char id[MODEL_ID_MAX];

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (model_id_check(rows[i].prefix, rows[i].text) != rows[i].r)
            fail_msg("%s: %s", rows[i].prefix, rows[i].text);
    model_new_id("import-ami", id);
    assert_int_equal(model_id_check("import-ami", id), 0);
    assert_string_equal(model_resource_type(id), "import-image-task");
    assert_string_equal(model_resource_type(V1), "volume");
    assert_string_equal(model_resource_type("sgr-0123456789abcdef0"), "security-group-rule");
    assert_string_equal(model_resource_type("sg-0123456789abcdef0"), "security-group");
    assert_null(model_resource_type("igw-0123456789abcdef0"));
    assert_null(model_resource_type("i-xyz"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MODEL(each_record_comes_back_as_it_went_in),
        WITH_MODEL(tables_and_schema_name_the_same_columns),
        WITH_MODEL(a_row_that_does_not_fit_is_corrupt_not_cut),
        WITH_MODEL(unknown_ids_are_told_in_the_words_of_ec2),
        cmocka_unit_test(ids_are_checked_by_prefix_length_and_digits),
    };
    return test_run(tests);
}
