/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening, transactions, power cuts. */
#include "test-model.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static bool has(struct model *m, const char *volume)
{
    struct volume_rec v;
    struct err e = { 0 };

    return model_volume_get(m, NULL, volume, &v, &e) == 0;
}

static void put(struct model *m, const char *volume)
{
    struct volume_rec v = a_volume(volume);

    OK(model_volume_insert(m, &v, &e));
}

static void reopen(struct fixture *f)
{
    model_close(f->m);
    f->m = open_model(f->path);
}

static void the_account_and_its_key_are_made_once(void **state)
{
    struct fixture *f = *state;
    struct access_key a, b;
    char account[16];

    SET(account, model_account(f->m));
    assert_int_equal(strspn(account, "0123456789"), 12);
    OK(model_access_key_first(f->m, &a, &e));
    assert_int_equal(strlen(a.id), 20);
    assert_int_equal(strlen(a.secret), 40);
    assert_string_equal(a.account, account);
    reopen(f);
    assert_string_equal(model_account(f->m), account);
    OK(model_access_key_get(f->m, a.id, &b, &e));
    assert_string_equal(a.secret, b.secret);
    REFUSED(model_access_key_get(f->m, "AKIANOBODY", &b, &e), ERR_NOT_FOUND,
            "the access key 'AKIANOBODY' does not exist");
}

static void nobody_else_reads_the_database(void **state)
{
    struct fixture *f = *state;
    static const char *const suffix[] = { "", "-wal", "-shm" };

    put(f->m, V1);
    for (size_t i = 0; i < ARRAY_LEN(suffix); i++) {
        char path[128];
        struct stat st;

        (void)snprintf(path, sizeof path, "%s%s", f->path, suffix[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void every_commit_is_flushed_and_keys_are_checked(void **state)
{
    const struct snapshot_progress p = { .percent = 1 };
    struct fixture *f = *state;
    uint64_t v = 0;

    OK(db_u64(f->m, "PRAGMA synchronous", NO_BINDS, &v, &e));
    assert_int_equal(v, 2);
    OK(db_u64(f->m, "PRAGMA foreign_keys", NO_BINDS, &v, &e));
    assert_int_equal(v, 1);
    OK(model_snapshot_progress(f->m, S1, &p, &e)); /* lowers it for its own write */
    OK(db_u64(f->m, "PRAGMA synchronous ", NO_BINDS, &v, &e));
    assert_int_equal(v, 2);
}

static void a_failed_change_takes_all_of_it_back(void **state)
{
    struct fixture *f = *state;
    struct err e1 = { 0 };

    OK(model_begin(f->m, &e));
    put(f->m, V1);
    assert_int_equal(model_end(f->m, err_set(&e1, EIO, ERR_IO, "later step"), &e1), -EIO);
    assert_string_equal(e1.msg, "later step"); /* the reason, not the rollback */
    assert_false(has(f->m, V1));
}

static void a_handled_inner_failure_takes_back_the_inner_half_only(void **state)
{
    struct fixture *f = *state;
    struct err e1 = { 0 };

    OK(model_begin(f->m, &e));
    put(f->m, V1);
    OK(model_begin(f->m, &e));
    put(f->m, V2);
    (void)model_end(f->m, err_set(&e1, EIO, ERR_IO, "inner"), &e1);
    OK(model_end(f->m, 0, &e));
    assert_true(has(f->m, V1));
    assert_false(has(f->m, V2));
    reopen(f);
    assert_true(has(f->m, V1));
}

static void an_inner_success_goes_with_the_outer_failure(void **state)
{
    struct fixture *f = *state;
    struct err e1 = { 0 };

    OK(model_begin(f->m, &e));
    OK(model_begin(f->m, &e));
    put(f->m, V1);
    OK(model_end(f->m, 0, &e));
    (void)model_end(f->m, err_set(&e1, EIO, ERR_IO, "outer"), &e1);
    assert_false(has(f->m, V1));
    put(f->m, V1); /* and the model goes on */
}

static void a_transaction_that_sqlite_gave_up_is_never_half_committed(void **state)
{
    struct fixture *f = *state;
    struct volume_rec v = a_volume(V2);

    OK(model_begin(f->m, &e));
    put(f->m, V1);
    /* what SQLite does by itself on a full disk */
    assert_int_equal(sqlite3_exec(f->m->db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    REFUSED(model_volume_insert(f->m, &v, &e), ERR_IO,
            "database: the transaction was given up earlier");
    REFUSED(model_end(f->m, 0, &e), ERR_IO,
            "commit: database: the transaction was given up earlier");
    assert_false(has(f->m, V1) || has(f->m, V2));
    put(f->m, V1);
}

static void changes_are_counted_and_reads_are_not(void **state)
{
    struct fixture *f = *state;
    struct volume_rec v;
    uint64_t before;

    put(f->m, V1);
    before = model_changes(f->m);
    OK(model_begin_reading(f->m, &e));
    OK(model_volume_get(f->m, NULL, V1, &v, &e));
    assert_true(model_changes(f->m) == before);
    put(f->m, V2); /* inside of a question */
    assert_true(model_changes(f->m) > before);
    OK(model_end(f->m, 0, &e));
    reopen(f);
    assert_true(has(f->m, V2));
}

static void notices_wait_for_the_commit(void **state)
{
    struct fixture *f = *state;
    struct err e1 = { 0 };

    put(f->m, V1);
    OK(model_begin(f->m, &e));
    OK(model_volume_move(f->m, V1, VOLUME_EV_DELETE, NULL, &e));
    assert_int_equal(f->m->n_notices, 1);
    assert_string_equal(f->m->notices[0],
                        "volume moved id=" V1 " from=available to=deleting event=delete");
    (void)model_end(f->m, err_set(&e1, EIO, ERR_IO, "x"), &e1);
    assert_int_equal(f->m->n_notices, 0); /* it did not happen */
}

/* The child dies by SIGKILL in the middle of the transaction, or right behind its end. */
static void die_in_child(const char *path, bool behind_the_end)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        struct err e = { 0 };
        struct volume_rec v1 = a_volume(V1), v2 = a_volume(V2);
        struct model *m = NULL;

        if (model_open(path, &m, &e) < 0 || model_begin(m, &e) < 0 ||
            model_volume_insert(m, &v1, &e) < 0 || model_volume_insert(m, &v2, &e) < 0)
            _exit(1);
        if (behind_the_end && model_end(m, 0, &e) < 0)
            _exit(1);
        (void)kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void a_kill_between_begin_and_end_leaves_nothing(void **state)
{
    struct fixture *f = *state;

    model_close(f->m); /* a connection must not live across fork */
    die_in_child(f->path, false);
    f->m = open_model(f->path);
    assert_false(has(f->m, V1) || has(f->m, V2));
}

static void a_kill_behind_the_end_leaves_all(void **state)
{
    struct fixture *f = *state;

    model_close(f->m);
    die_in_child(f->path, true);
    f->m = open_model(f->path);
    assert_true(has(f->m, V1) && has(f->m, V2));
}

static void a_newer_schema_is_refused_and_left_alone(void **state)
{
    struct fixture *f = *state;
    struct model *m = NULL;
    struct err e1 = { 0 };
    char want[512];

    OK(db_exec(f->m, "PRAGMA user_version = 99", NO_BINDS, &e));
    (void)snprintf(want, sizeof want,
                   "open the database '%s': '%s' has schema 99 and this program knows schemas up "
                   "to 8: a newer Kiln wrote it",
                   f->path, f->path);
    assert_int_equal(model_open(f->path, &m, &e1), -EINVAL);
    assert_string_equal(e1.msg, want);
    assert_null(m);
}

/* tests/fixtures/database-1.sql was dumped from a database of the first schema. */
static void a_database_from_before_networks_opens_and_its_instances_get_addresses(void **state)
{
    struct fixture *f = *state;
    _cleanup_free_ char *sql = NULL, *key = NULL;
    _cleanup_free_ char *path = xasprintf("%s/old.db", f->dir);
    struct interface_rec nic, again;
    struct subnet_rec subnet;
    struct instance_rec i;
    struct attachment_rec at;
    sqlite3 *db = NULL;
    struct model *m;
    size_t len = 0;

    OK(file_read(FIXTURES "/database-1.sql", MIB(1), &sql, &len, &e));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    m = open_model(path);
    assert_string_equal(model_account(m), "123456789012");
    OK(model_attachment_get(m, V1, &at, &e));
    OK(model_instance_get(m, NULL, I1, &i, &e));
    assert_int_equal(i.state, INSTANCE_RUNNING);
    assert_int_equal(i.metadata_hop_limit, 1);
    assert_string_equal(i.private_ip, "172.31.0.10");
    OK(model_launch_key_get(m, I1, &key, &e));
    assert_string_equal(key, "ssh-ed25519 AAAA");
    OK(model_interface_of(m, I1, &nic, &e));
    assert_string_equal(nic.mac, "0a:00:00:00:00:01");
    assert_false(nic.wants_public); /* its subnet said so at its launch */
    OK(model_subnet_get(m, NULL, nic.subnet_id, &subnet, &e));
    assert_true(subnet.map_public);
    OK(model_instance_get(m, NULL, I2, &i, &e));
    assert_string_equal(i.private_ip, "172.31.16.10"); /* its zone's subnet */
    OK(model_instance_get(m, NULL, "i-0000000000000003a", &i, &e));
    assert_string_equal(i.private_ip, "172.31.0.10"); /* of another region's VPC */
    assert_string_not_equal(i.vpc_id, nic.vpc_id);
    OK(model_instance_get(m, NULL, "i-0000000000000004a", &i, &e));
    assert_string_equal(i.private_ip, ""); /* it was terminated */
    model_close(m);
    m = open_model(path);
    OK(model_interface_of(m, I1, &again, &e));
    assert_string_equal(again.id, nic.id);
    model_close(m);
}

static void a_database_of_another_program_is_refused(void **state)
{
    struct fixture *f = *state;
    struct model *m = NULL;
    struct err e1 = { 0 };

    OK(db_exec(f->m, "PRAGMA application_id = 12345", NO_BINDS, &e));
    assert_int_equal(model_open(f->path, &m, &e1), -EINVAL);
    assert_non_null(strstr(e1.msg, "is a database of another program"));
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char text[] =
        "this is no database at all, it only lies where one should be. "
        "SQLite looks at the first hundred bytes of a file, so here they are";
    struct model *m = NULL;
    struct err e1 = { 0 };
    char path[128];

    (void)snprintf(path, sizeof path, "%s/text", f->dir);
    OK(file_replace(path, text, sizeof text, 0600, &e));
    assert_true(model_open(path, &m, &e1) < 0);
    assert_int_equal(e1.kind, ERR_CORRUPT);
    assert_non_null(strstr(e1.msg, "file is not a database"));
}

static void a_place_that_does_not_exist_is_named(void **unused)
{
    struct model *m = NULL;

    (void)unused;
    REFUSED(model_open("/nonexistent/kiln.db", &m, &e), ERR_NOT_FOUND,
            "open the database '/nonexistent/kiln.db': create or open the file: "
            "No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MODEL(the_account_and_its_key_are_made_once),
        WITH_MODEL(nobody_else_reads_the_database),
        WITH_MODEL(every_commit_is_flushed_and_keys_are_checked),
        WITH_MODEL(a_failed_change_takes_all_of_it_back),
        WITH_MODEL(a_handled_inner_failure_takes_back_the_inner_half_only),
        WITH_MODEL(an_inner_success_goes_with_the_outer_failure),
        WITH_MODEL(a_transaction_that_sqlite_gave_up_is_never_half_committed),
        WITH_MODEL(changes_are_counted_and_reads_are_not),
        WITH_MODEL(notices_wait_for_the_commit),
        WITH_MODEL(a_kill_between_begin_and_end_leaves_nothing),
        WITH_MODEL(a_kill_behind_the_end_leaves_all),
        WITH_MODEL(a_newer_schema_is_refused_and_left_alone),
        WITH_MODEL(a_database_from_before_networks_opens_and_its_instances_get_addresses),
        WITH_MODEL(a_database_of_another_program_is_refused),
        WITH_MODEL(a_file_that_is_no_database_is_refused),
        cmocka_unit_test(a_place_that_does_not_exist_is_named),
    };
    return test_run(tests);
}
