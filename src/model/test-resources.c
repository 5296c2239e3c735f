/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What ties resources together: names, uses, attachments, tags, jobs, tokens. */
#include "test-model.h"

#include <errno.h>

static void insert_image(struct fixture *f, const char *id, const char *name, const char *snapshot)
{
    struct image_rec a = an_image(id, name);
    struct mapping x = { .has_ebs = true, .size_gib = 30, .delete_on_termination = TRI_TRUE };

    SET(x.device, "/dev/sda1");
    SET(x.snapshot_id, snapshot);
    SET(x.volume_type, "gp3");
    assert_int_equal(mapping_list_add(&a.mapping, &x), 0);
    x = (struct mapping){ .encrypted = TRI_UNSET };
    SET(x.device, "xvdca");
    SET(x.virtual_name, "ephemeral0");
    assert_int_equal(mapping_list_add(&a.mapping, &x), 0);
    OK(model_image_insert(f->m, &a, &e));
    image_rec_done(&a);
}

/* ---- images ---------------------------------------------------------------------------------- */

static void an_image_keeps_its_mapping_in_order(void **state) /* C-16 */
{
    struct fixture *f = *state;
    struct image_rec a, *v = NULL;
    size_t n = 0;

    insert_image(f, A1, "golden", S1);
    OK(model_image_get(f->m, "us-east-1", A1, &a, &e));
    assert_int_equal(a.mapping.n, 2);
    assert_string_equal(a.mapping.v[0].device, "/dev/sda1");
    assert_int_equal(a.mapping.v[0].delete_on_termination, TRI_TRUE);
    assert_string_equal(a.mapping.v[1].virtual_name, "ephemeral0");
    assert_int_equal(a.mapping.v[1].encrypted, TRI_UNSET);

    a.mapping.n = 1; /* saved as a whole */
    OK(model_image_save(f->m, &a, &e));
    image_rec_done(&a);
    OK(model_image_list(f->m, NULL, &v, &n, &e));
    assert_int_equal(n, 1);
    assert_int_equal(v[0].mapping.n, 1);
    image_list_free(v, n);
}

static void an_image_name_is_taken_until_deregistered(void **state) /* C-41 */
{
    struct fixture *f = *state;
    struct image_rec other = an_image(A2, "golden");

    insert_image(f, A1, "golden", S1);
    REFUSED(model_image_insert(f->m, &other, &e), ERR_EXISTS,
            "AMI name golden is already in use by AMI " A1);
    SET(other.region, "eu-west-1");
    OK(model_image_insert(f->m, &other, &e)); /* names are per region */

    OK(model_image_move(f->m, A1, IMAGE_EV_FAILED, "Server.InternalError", "disk full", NULL, &e));
    SET(other.id, "ami-0000000000000003a");
    SET(other.region, "us-east-1");
    REFUSED(model_image_insert(f->m, &other, &e), ERR_EXISTS, /* a failed one keeps its name */
            "AMI name golden is already in use by AMI " A1);
    OK(model_image_move(f->m, A1, IMAGE_EV_DEREGISTER, NULL, NULL, NULL, &e));
    OK(model_image_insert(f->m, &other, &e));
    SET(other.name, "Golden"); /* case counts */
    SET(other.id, "ami-0000000000000004a");
    OK(model_image_insert(f->m, &other, &e));
}

static void the_index_itself_refuses_a_second_name(void **state)
{
    struct fixture *f = *state;
    struct image_rec other = an_image(A2, "golden");
    struct err e1 = { 0 };

    insert_image(f, A1, "golden", S1);
    assert_int_equal(row_insert(f->m, &image_table, &other, &e1), -EEXIST);
    assert_int_equal(e1.kind, ERR_EXISTS);
}

static void a_deregistered_image_is_found_by_id_only(void **state) /* C-68 */
{
    struct fixture *f = *state;
    struct image_rec a, *v = NULL;
    struct tag_list tags = { 0 };
    size_t n = 9;

    insert_image(f, A1, "golden", S1);
    assert_int_equal(tag_list_add(&tags, "k", "v"), 0);
    OK(model_tags_set(f->m, NULL, A1, &tags, &e));
    tag_list_done(&tags);
    OK(model_image_move(f->m, A1, IMAGE_EV_DEREGISTER, NULL, NULL, NULL, &e));
    OK(model_image_list(f->m, "us-east-1", &v, &n, &e));
    assert_int_equal(n, 0);
    image_list_free(v, n);
    OK(model_image_get(f->m, "us-east-1", A1, &a, &e));
    assert_int_equal(a.state, IMAGE_DEREGISTERED);
    assert_int_equal(a.deregistered_ms, test_now);
    image_rec_done(&a);
    OK(model_tags_get(f->m, A1, &tags, &e));
    assert_int_equal(tags.n, 0);
    REFUSED(model_image_move(f->m, A1, IMAGE_EV_DEREGISTER, NULL, NULL, NULL, &e), ERR_CONFLICT,
            "The image ID '" A1 "' is no longer available");
    REFUSED(model_image_move(f->m, A1, IMAGE_EV_AVAILABLE, NULL, NULL, NULL, &e), ERR_CONFLICT,
            "The image ID '" A1 "' is no longer available");
}

static void a_snapshot_in_use_by_an_image_stays(void **state) /* C-8 */
{
    struct fixture *f = *state;
    struct snapshot_rec s = a_snapshot(S1);
    char user[MODEL_ID_MAX] = "";

    OK(model_snapshot_insert(f->m, &s, &e));
    insert_image(f, A1, "golden", S1);
    OK(model_snapshot_user(f->m, S1, user, &e));
    assert_string_equal(user, A1);
    REFUSED(model_snapshot_delete(f->m, S1, &e), ERR_CONFLICT,
            "The snapshot " S1 " is currently in use by " A1);
    OK(model_image_move(f->m, A1, IMAGE_EV_DEREGISTER, NULL, NULL, NULL, &e));
    OK(model_snapshot_get(f->m, NULL, S1, &s, &e)); /* untouched by the deregistration */
    OK(model_snapshot_delete(f->m, S1, &e));
    REFUSED(model_snapshot_delete(f->m, S1, &e), ERR_NOT_FOUND,
            "The snapshot '" S1 "' does not exist.");
}

/* ---- volumes --------------------------------------------------------------------------------- */

static void insert_two_and_two(struct fixture *f)
{
    struct instance_rec i1 = an_instance(I1), i2 = an_instance(I2);
    struct volume_rec v1 = a_volume(V1), v2 = a_volume(V2);

    OK(model_instance_insert(f->m, &i1, &e));
    OK(model_instance_insert(f->m, &i2, &e));
    OK(model_volume_insert(f->m, &v1, &e));
    OK(model_volume_insert(f->m, &v2, &e));
}

static void the_root_device_leads_the_list_of_attachments(void **state)
{
    struct fixture *f = *state;
    struct attachment_rec a = an_attachment(V1, I1, "/dev/sdb"), *v = NULL;
    struct attachment_rec root = an_attachment(V2, I1, "/dev/sda1");
    size_t n = 0;

    insert_two_and_two(f);
    SET(a.device, "/dev/aaa");
    OK(model_attach(f->m, &a, &e));
    OK(model_attach(f->m, &root, &e));
    OK(model_attachment_list(f->m, I1, &v, &n, &e));
    assert_int_equal(n, 2);
    assert_string_equal(v[0].volume_id, V2);
    free(v);
    OK(model_attachment_list(f->m, I2, &v, &n, &e));
    assert_int_equal(n, 0);
    free(v);
    OK(model_attachment_list(f->m, NULL, &v, &n, &e));
    assert_int_equal(n, 2);
    free(v);
    OK(model_attachment_state(f->m, V1, ATTACH_ATTACHED, &e));
    OK(model_attachment_get(f->m, V1, &a, &e));
    assert_int_equal(a.state, ATTACH_ATTACHED);
}

static void attaching_is_refused_with_the_reason(void **state)
{
    struct fixture *f = *state;
    struct attachment_rec a = an_attachment(V1, I1, "/dev/sdf");
    struct attachment_rec again = an_attachment(V1, I2, "/dev/sdf");
    struct attachment_rec taken = an_attachment(V2, I1, "/dev/sdf");
    struct volume_rec v;

    insert_two_and_two(f);
    OK(model_attach(f->m, &a, &e));
    REFUSED(model_attach(f->m, &again, &e), ERR_CONFLICT, V1 " is already attached to an instance");
    REFUSED(model_attach(f->m, &taken, &e), ERR_CONFLICT,
            "Invalid value '/dev/sdf' for unixDevice. Attachment point /dev/sdf is already in use");
    OK(model_volume_get(f->m, NULL, V2, &v, &e));
    assert_int_equal(v.state, VOLUME_ST_AVAILABLE); /* all of it was taken back */
    REFUSED(model_volume_move(f->m, V1, VOLUME_EV_DELETE, NULL, &e), ERR_CONFLICT,
            "Volume " V1 " is currently attached to " I1);

    SET(v.zone, "us-east-1b");
    OK(model_volume_save(f->m, &v, &e));
    SET(taken.device, "/dev/sdg");
    REFUSED(model_attach(f->m, &taken, &e), ERR_INVALID,
            "The volume '" V2 "' is not in the same availability zone as instance '" I1 "'");
    OK(model_instance_move(f->m, I2, INSTANCE_EV_TERMINATE, NULL, NULL, NULL, &e));
    SET(again.volume_id, V2);
    REFUSED(model_attach(f->m, &again, &e), ERR_CONFLICT,
            "instance '" I2 "' is 'shutting-down', 'attach' is refused");
    OK(model_detach(f->m, V1, &e));
    REFUSED(model_detach(f->m, V1, &e), ERR_NOT_FOUND, "The volume '" V1 "' is not attached.");
}

static void a_deleted_volume_is_gone_with_its_tags(void **state)
{
    struct fixture *f = *state;
    struct tag_list tags = { 0 };
    enum volume_state to = VOLUME_ST_MAX;
    struct volume_rec v;

    insert_two_and_two(f);
    assert_int_equal(tag_list_add(&tags, "k", "v"), 0);
    OK(model_tags_set(f->m, NULL, V1, &tags, &e));
    tag_list_done(&tags);
    OK(model_volume_move(f->m, V1, VOLUME_EV_DELETE, NULL, &e));
    OK(model_volume_move(f->m, V1, VOLUME_EV_DELETED, &to, &e));
    assert_int_equal(to, VOLUME_ST_DELETED);
    REFUSED(model_volume_get(f->m, NULL, V1, &v, &e), ERR_NOT_FOUND,
            "The volume '" V1 "' does not exist.");
    OK(model_tags_get(f->m, V1, &tags, &e));
    assert_int_equal(tags.n, 0);
}

/* ---- instances ------------------------------------------------------------------------------- */

static void memory_is_held_by_all_but_stopped_and_terminated(void **state)
{
    struct fixture *f = *state;
    static const enum instance_state states[] = { INSTANCE_PENDING,  INSTANCE_RUNNING,
                                                  INSTANCE_STOPPING, INSTANCE_SHUTTING_DOWN,
                                                  INSTANCE_STOPPED,  INSTANCE_TERMINATED };
    uint64_t mib = 1, vcpus = 1, n = 1;

    OK(model_instance_usage(f->m, &mib, &vcpus, &n, &e));
    assert_int_equal(mib + vcpus + n, 0);
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        struct instance_rec rec = an_instance(I1);

        rec.id[18] = (char)('a' + (char)i);
        rec.state = states[i];
        OK(model_instance_insert(f->m, &rec, &e));
    }
    OK(model_instance_usage(f->m, &mib, &vcpus, &n, &e));
    assert_int_equal(n, 4);
    assert_int_equal(mib, 4 * 4096);
    assert_int_equal(vcpus, 4 * 2);
}

static void terminated_instances_are_forgotten_after_a_while(void **state)
{
    struct fixture *f = *state;
    struct ephemeral_rec d = { .size_gib = 75, .mapped = true }, *disks = NULL;
    struct attachment_rec a = an_attachment(V1, I2, "/dev/sdf");
    struct instance_rec i;
    size_t n = 0;

    insert_two_and_two(f);
    SET(d.instance_id, I1);
    SET(d.device, "xvdca");
    OK(model_ephemeral_insert(f->m, &d, &e));
    OK(model_ephemeral_list(f->m, I1, &disks, &n, &e));
    assert_int_equal(n, 1);
    free(disks);
    OK(model_attach(f->m, &a, &e));
    OK(db_exec(f->m, "UPDATE instances SET state = 'terminated', terminated_ms = 1000", NO_BINDS,
               &e));
    OK(model_instance_sweep(f->m, 1000, &e));
    OK(model_instance_get(f->m, NULL, I1, &i, &e)); /* not before that time */
    OK(model_instance_sweep(f->m, 1001, &e));
    REFUSED(model_instance_get(f->m, NULL, I1, &i, &e), ERR_NOT_FOUND,
            "The instance ID '" I1 "' does not exist");
    OK(model_ephemeral_list(f->m, I1, &disks, &n, &e));
    assert_int_equal(n, 0);
    free(disks);
    OK(model_instance_get(f->m, NULL, I2, &i, &e)); /* its job still has a volume to detach */
}

/* ---- key pairs ------------------------------------------------------------------------------- */

static void key_pairs_are_found_by_name_and_by_id(void **state)
{
    struct fixture *f = *state;
    char key_text[] = "ssh-ed25519 AAAA me";
    struct key_pair_rec k = { .public_key = key_text }, got;

    SET(k.id, "key-0000000000000001a");
    SET(k.region, "us-east-1");
    SET(k.name, "mine");
    OK(model_key_pair_insert(f->m, &k, &e));
    SET(k.id, "key-0000000000000002a");
    REFUSED(model_key_pair_insert(f->m, &k, &e), ERR_EXISTS, "The keypair 'mine' already exists.");
    SET(k.region, "eu-west-1");
    OK(model_key_pair_insert(f->m, &k, &e));

    OK(model_key_pair_get(f->m, "us-east-1", "key-0000000000000001a", &got, &e));
    assert_string_equal(got.public_key, "ssh-ed25519 AAAA me");
    key_pair_rec_done(&got);
    OK(model_key_pair_delete(f->m, "us-east-1", "mine", &e));
    REFUSED(model_key_pair_delete(f->m, "us-east-1", "mine", &e), ERR_NOT_FOUND,
            "The key pair 'mine' does not exist");
    OK(model_key_pair_get(f->m, "eu-west-1", "mine", &got, &e));
    key_pair_rec_done(&got);
}

/* ---- tags ------------------------------------------------------------------------------------ */

static struct tag_list numbered_tags(unsigned from, unsigned n)
{
    struct tag_list l = { 0 };
    char key[16];

    for (unsigned i = from; i < from + n; i++) {
        (void)snprintf(key, sizeof key, "k%02u", i);
        assert_int_equal(tag_list_add(&l, key, ""), 0);
    }
    return l;
}

static void fifty_tags_fit_and_not_one_more(void **state)
{
    struct fixture *f = *state;
    _cleanup_(tag_list_done) struct tag_list fifty = numbered_tags(0, 50);
    _cleanup_(tag_list_done) struct tag_list same = numbered_tags(49, 1);
    _cleanup_(tag_list_done) struct tag_list more = numbered_tags(50, 1);
    _cleanup_(tag_list_done) struct tag_list got = { 0 };

    insert_two_and_two(f);
    OK(model_tags_set(f->m, "us-east-1", I1, &fifty, &e));
    OK(model_tags_set(f->m, "us-east-1", I1, &same, &e)); /* overwriting adds none */
    OK(db_exec(f->m, "INSERT INTO tags VALUES (?1, 'aws:x', 'y', 'us-east-1')", BINDS(T(I1)),
               &e)); /* does not count */
    OK(model_tags_set(f->m, "us-east-1", I1, &same, &e));
    REFUSED(model_tags_set(f->m, "us-east-1", I1, &more, &e), ERR_LIMIT,
            "The maximum number of Tags for a resource has been reached.");
    OK(model_tag_delete(f->m, I1, NULL, NULL, &e));
    OK(model_tags_get(f->m, I1, &got, &e));
    assert_int_equal(got.n, 1); /* all user tags went */
    assert_string_equal(got.v[0].key, "aws:x");
}

static void tags_are_refused_for_what_is_not_there(void **state)
{
    struct fixture *f = *state;
    _cleanup_(tag_list_done) struct tag_list one = numbered_tags(0, 1);
    _cleanup_(tag_list_done) struct tag_list twice = numbered_tags(0, 1);
    _cleanup_(tag_list_done) struct tag_list aws = { 0 };

    insert_two_and_two(f);
    REFUSED(model_tags_set(f->m, NULL, "igw-0000000000000001a", &one, &e), ERR_INVALID,
            "The ID 'igw-0000000000000001a' is not valid");
    REFUSED(model_tags_set(f->m, NULL, A1, &one, &e), ERR_NOT_FOUND,
            "The image id '[" A1 "]' does not exist");
    REFUSED(model_tags_set(f->m, "eu-west-1", I1, &one, &e), ERR_NOT_FOUND,
            "The instance ID '" I1 "' does not exist");
    assert_int_equal(tag_list_add(&twice, "k00", "other"), 0);
    REFUSED(model_tags_set(f->m, NULL, I1, &twice, &e), ERR_INVALID,
            "Duplicate tag key 'k00' specified.");
    assert_int_equal(tag_list_add(&aws, "aws:x", ""), 0);
    REFUSED(model_tags_set(f->m, NULL, I1, &aws, &e), ERR_INVALID,
            "Tag keys starting with 'aws:' are reserved for internal use");
    REFUSED(model_tag_delete(f->m, I1, "AWS:x", NULL, &e), ERR_INVALID,
            "Tag keys starting with 'aws:' are reserved for internal use");
}

static int collect(const char *id, const char *key, const char *value, void *userdata)
{
    str_addf(userdata, "%s %s=%s\n", id, key, value);
    return 0;
}

static int give_up(const char *id, const char *key, const char *value, void *userdata)
{
    return -EINTR;
}

static void tags_go_by_value_and_are_walked_in_order(void **state) /* C-2 */
{
    struct fixture *f = *state;
    _cleanup_(tag_list_done) struct tag_list l = { 0 };
    _cleanup_str_ struct str s = STR_INIT(4096);

    insert_two_and_two(f);
    assert_int_equal(tag_list_add(&l, "b", "2"), 0);
    assert_int_equal(tag_list_add(&l, "a", "1"), 0);
    OK(model_tags_set(f->m, NULL, V1, &l, &e));
    OK(model_tags_set(f->m, NULL, I1, &l, &e));
    OK(model_tag_delete(f->m, I1, "a", "other", &e)); /* its value is not that */
    OK(model_tag_delete(f->m, I1, "b", "2", &e));
    OK(model_tags_each(f->m, "us-east-1", collect, &s, &e));
    assert_string_equal(str_text(&s), I1 " a=1\n" V1 " a=1\n" V1 " b=2\n");
    OK(model_tags_each(f->m, "eu-west-1", give_up, NULL, &e)); /* none there */
    REFUSED(model_tags_each(f->m, NULL, give_up, NULL, &e), ERR_OTHER,
            "list the tags: Interrupted system call");
}

/* ---- jobs and tokens ------------------------------------------------------------------------- */

static void add_job(struct fixture *f, const char *id)
{
    char args[] = "{}";
    struct job_rec j = { .args = args, .created_ms = test_now };

    SET(j.id, id);
    SET(j.kind, "launch");
    SET(j.step, "begin");
    OK(model_job_insert(f->m, &j, &e));
}

static void active_jobs_come_back_with_their_step(void **state)
{
    struct fixture *f = *state;
    struct job_rec *v = NULL;
    size_t n = 0;

    add_job(f, "job-2");
    add_job(f, "job-1"); /* in the same millisecond: in the order of insertion */
    add_job(f, "job-3");
    OK(model_job_step(f->m, "job-2", "upload", "{\"a\":1}", &e));
    OK(model_job_step(f->m, "job-2", "register", NULL, &e)); /* arguments kept */
    OK(model_job_end(f->m, "job-3", JOB_FAILED, "no room", &e));
    model_close(f->m);
    f->m = open_model(f->path); /* the daemon was restarted */
    OK(model_job_active(f->m, &v, &n, &e));
    assert_int_equal(n, 2);
    assert_string_equal(v[0].id, "job-2");
    assert_string_equal(v[0].step, "register");
    assert_string_equal(v[0].args, "{\"a\":1}");
    assert_string_equal(v[1].id, "job-1");
    for (size_t i = 0; i < n; i++)
        job_rec_done(&v[i]);
    free(v);
}

static void only_ended_jobs_are_swept(void **state)
{
    struct fixture *f = *state;
    uint64_t n = 0;

    add_job(f, "job-1");
    add_job(f, "job-2");
    OK(model_job_end(f->m, "job-1", JOB_DONE, NULL, &e));
    OK(model_job_sweep(f->m, test_now + 1, &e));
    OK(db_u64(f->m, "SELECT count(*) FROM jobs WHERE id = 'job-2'", NO_BINDS, &n, &e));
    assert_int_equal(n, 1);
    OK(db_u64(f->m, "SELECT count(*) FROM jobs", NO_BINDS, &n, &e));
    assert_int_equal(n, 1);
}

static void a_client_token_remembers_its_request_for_a_day(void **state)
{
    struct fixture *f = *state;
    uint8_t params[32] = { 1 }, other[32] = { 2 };
    char id[MODEL_ID_MAX] = "untouched";

    assert_int_equal(model_token_find(f->m, "r", "RunInstances", "t", params, id,
                                      &(struct err){ 0 }),
                     0);
    assert_string_equal(id, "untouched");
    OK(model_token_keep(f->m, "r", "RunInstances", "t", params, "r-1", &e));
    assert_int_equal(model_token_find(f->m, "r", "RunInstances", "t", params, id,
                                      &(struct err){ 0 }),
                     1);
    assert_string_equal(id, "r-1");
    REFUSED(model_token_find(f->m, "r", "RunInstances", "t", other, id, &e), ERR_CONFLICT,
            "the client token was used for a 'RunInstances' request with other parameters");
    assert_int_equal(model_token_find(f->m, "r", "CreateVolume", "t", other, id,
                                      &(struct err){ 0 }),
                     0);
    test_now += 24ULL * 3600 * 1000 + 1;
    assert_int_equal(model_token_find(f->m, "r", "RunInstances", "t", other, id,
                                      &(struct err){ 0 }),
                     0);
    OK(model_token_keep(f->m, "r", "RunInstances", "t", other, "r-2", &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MODEL(an_image_keeps_its_mapping_in_order),
        WITH_MODEL(an_image_name_is_taken_until_deregistered),
        WITH_MODEL(the_index_itself_refuses_a_second_name),
        WITH_MODEL(a_deregistered_image_is_found_by_id_only),
        WITH_MODEL(a_snapshot_in_use_by_an_image_stays),
        WITH_MODEL(the_root_device_leads_the_list_of_attachments),
        WITH_MODEL(attaching_is_refused_with_the_reason),
        WITH_MODEL(a_deleted_volume_is_gone_with_its_tags),
        WITH_MODEL(memory_is_held_by_all_but_stopped_and_terminated),
        WITH_MODEL(terminated_instances_are_forgotten_after_a_while),
        WITH_MODEL(key_pairs_are_found_by_name_and_by_id),
        WITH_MODEL(fifty_tags_fit_and_not_one_more),
        WITH_MODEL(tags_are_refused_for_what_is_not_there),
        WITH_MODEL(tags_go_by_value_and_are_walked_in_order),
        WITH_MODEL(active_jobs_come_back_with_their_step),
        WITH_MODEL(only_ended_jobs_are_swept),
        WITH_MODEL(a_client_token_remembers_its_request_for_a_day),
    };
    return test_run(tests);
}
