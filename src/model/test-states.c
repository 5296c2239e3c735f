/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state machines: every pair of state and event, random walks, what a move writes. */
#include "test-model.h"

#include <errno.h>

/* One row a state, one column an event: the state afterwards, NULL where it is refused. */
struct expected {
    const struct machine *mc;
    const char *from;
    const char *to[16];
};
/* clang-format off */
static const struct expected matrix[] = {
/* running, stop, stopped, start, terminate, terminated, launch-failed, start-failed, guest-down,
 * host-stop, guest-gone */
{ &instance_machine, "pending",
  { "running", NULL, NULL, "pending", "shutting-down", NULL, "terminated", "stopped", "stopping",
    "stopping", "shutting-down" } },
{ &instance_machine, "running",
  { "running", "stopping", NULL, "running", "shutting-down", NULL, NULL, NULL, "stopping",
    "stopping", "shutting-down" } },
{ &instance_machine, "stopping",
  { NULL, "stopping", "stopped", NULL, "shutting-down", NULL, NULL, NULL, "stopping",
    "stopping", "stopping" } },
{ &instance_machine, "stopped",
  { NULL, "stopped", "stopped", "pending", "shutting-down", NULL, NULL, "stopped", "stopped",
    "stopped", "stopped" } },
{ &instance_machine, "shutting-down",
  { NULL, NULL, NULL, NULL, "shutting-down", "terminated", "shutting-down", "shutting-down",
    "shutting-down", "shutting-down", "shutting-down" } },
{ &instance_machine, "terminated",
  { NULL, NULL, NULL, NULL, "terminated", "terminated", "terminated", "terminated", "terminated",
    "terminated", "terminated" } },
/* available, failed, disable, enable, deregister */
{ &image_machine, "pending",
  { "available", "failed", NULL, NULL, "deregistered" } },
{ &image_machine, "available",
  { "available", NULL, "disabled", "available", "deregistered" } },
{ &image_machine, "failed",
  { NULL, "failed", NULL, NULL, "deregistered" } },
{ &image_machine, "disabled",
  { NULL, NULL, "disabled", "available", "deregistered" } },
{ &image_machine, "deregistered",
  { NULL, NULL, NULL, NULL, NULL } },
/* completed, failed */
{ &snapshot_machine, "pending",   { "completed", "error" } },
{ &snapshot_machine, "completed", { "completed", NULL } },
{ &snapshot_machine, "error",     { NULL,        "error" } },
/* ready, failed, attach, detached, delete, deleted */
{ &volume_machine, "creating",  { "available", "error", NULL, NULL, NULL, NULL } },
{ &volume_machine, "available", { "available", NULL, "in-use", NULL, "deleting", NULL } },
{ &volume_machine, "in-use",    { "in-use", NULL, NULL, "available", NULL, NULL } },
{ &volume_machine, "deleting",  { NULL, NULL, NULL, NULL, "deleting", "deleted" } },
{ &volume_machine, "deleted",   { NULL, NULL, NULL, NULL, NULL, NULL } },
{ &volume_machine, "error",     { NULL, "error", NULL, NULL, "deleting", NULL } },
};
/* clang-format on */

static void every_pair_of_state_and_event_is_as_ec2_has_it(void **unused)
{
    static const char *const events[] = { "running",       "stop",         "stopped",
                                          "start",         "terminate",    "terminated",
                                          "launch-failed", "start-failed", "guest-down",
                                          "host-stop",     "guest-gone" };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(events); i++) /* the columns stand in this order */
        assert_true(words_value(instance_machine.events, events[i]) >= 0);
    for (size_t i = 0; i < ARRAY_LEN(matrix); i++) {
        const struct machine *mc = matrix[i].mc;
        int from = words_value(mc->states, matrix[i].from);

        assert_true(from >= 0);
        for (size_t col = 0; col < mc->events->n; col++) {
            int ev = mc == &instance_machine ? words_value(mc->events, events[col]) : (int)col;
            const char *want = matrix[i].to[col];
            struct err e = { 0 };
            int to = -1, r = machine_next(mc, "x-1", from, ev, &to, &e);

            if (want ? r < 0 || !str_eq(words_name(mc->states, to), want)
                     : r != -EBUSY || to != -1 || e.kind != ERR_CONFLICT)
                fail_msg("%s: '%s' at '%s' gave '%s', not '%s'", mc->what,
                         words_name(mc->events, ev), matrix[i].from, words_name(mc->states, to),
                         want ? want : "refused");
        }
    }
}

static void every_state_has_its_row_in_the_matrix(void **unused)
{
    static const struct machine *const all[] = { &instance_machine, &image_machine,
                                                 &snapshot_machine, &volume_machine };

    (void)unused;
    for (size_t k = 0; k < ARRAY_LEN(all); k++)
        for (size_t s = 0; s < all[k]->states->n; s++) {
            size_t rows = 0;

            for (size_t i = 0; i < ARRAY_LEN(matrix); i++)
                if (matrix[i].mc == all[k] && words_value(all[k]->states, matrix[i].from) == (int)s)
                    rows++;
            assert_int_equal(rows, all[k]->states->names[s] ? 1 : 0);
        }
}

static void a_refusal_names_state_and_event(void **unused)
{
    int to = 99;

    (void)unused;
    REFUSED(machine_next(&volume_machine, "vol-1", VOLUME_ST_CREATING, VOLUME_EV_ATTACH, &to, &e),
            ERR_CONFLICT, "volume 'vol-1' is 'creating', 'attach' is refused");
    assert_int_equal(to, 99); /* outputs untouched on failure */
}

/* ---- random walks ---------------------------------------------------------------------------- */

static unsigned roll(unsigned *seed, unsigned n)
{
    *seed = *seed * 1103515245U + 12345U;
    return (*seed >> 16) % n;
}

static void no_walk_brings_pending_or_running_back_after_the_end(void **unused)
{
    unsigned seed = 20260102;

    (void)unused;
    for (int walk = 0; walk < 3000; walk++) {
        int state = INSTANCE_PENDING;
        bool down = false; /* a stop or an end was accepted, and no start since */

        for (int step = 0; step < 30; step++) {
            int ev = (int)roll(&seed, (unsigned)instance_machine.events->n), to = state;
            struct err e = { 0 };

            if (machine_next(&instance_machine, "i-1", state, ev, &to, &e) < 0)
                continue;
            if (state == INSTANCE_TERMINATED)
                assert_int_equal(to, INSTANCE_TERMINATED);
            if (state == INSTANCE_SHUTTING_DOWN)
                assert_true(to == INSTANCE_SHUTTING_DOWN || to == INSTANCE_TERMINATED);
            if (ev == INSTANCE_EV_START)
                down = false;
            else if (ev != INSTANCE_EV_RUNNING)
                down = true;
            if (down)
                assert_true(to != INSTANCE_PENDING && to != INSTANCE_RUNNING);
            state = to;
        }
    }
}

static void a_walk_over_the_database_keeps_volumes_and_attachments_agreed(void **state)
{
    struct fixture *f = *state;
    static const char *const volumes[] = { V1, V2 };
    struct instance_rec i = an_instance(I1);
    unsigned seed = 7, done = 0;
    struct err quiet = { 0 };

    OK(model_begin(f->m, &e)); /* no flush for each */
    OK(model_instance_insert(f->m, &i, &e));
    for (size_t k = 0; k < ARRAY_LEN(volumes); k++) {
        struct volume_rec v = a_volume(volumes[k]);

        OK(model_volume_insert(f->m, &v, &e));
    }
    for (int step = 0; step < 2000; step++) {
        const char *id = volumes[roll(&seed, 2)];
        struct attachment_rec a = an_attachment(id, I1, roll(&seed, 2) ? "/dev/sdf" : "/dev/sdg");
        struct volume_rec v;
        struct err e1 = { 0 }, e2 = { 0 };
        int r = roll(&seed, 2) ? model_attach(f->m, &a, &e1) : model_detach(f->m, id, &e1);

        done += r >= 0;
        OK(model_volume_get(f->m, NULL, id, &v, &e));
        assert_int_equal(model_attachment_get(f->m, id, &a, &e2) == 0, v.state == VOLUME_ST_IN_USE);
    }
    assert_in_range(done, 500, 1900);
    (void)model_end(f->m, err_set(&quiet, EINTR, ERR_OTHER, "no notices, please"), &quiet);
}

/* ---- what a move writes ---------------------------------------------------------------------- */

static struct instance_rec get(struct fixture *f, const char *id)
{
    struct instance_rec rec;

    OK(model_instance_get(f->m, NULL, id, &rec, &e));
    return rec;
}

static struct instance_rec moved(struct fixture *f, enum instance_event ev, const char *want)
{
    enum instance_state to = INSTANCE_TERMINATED;

    OK(model_instance_move(f->m, I1, ev, NULL, NULL, &to, &e));
    assert_string_equal(model_instance_state_name(to), want);
    return get(f, I1);
}

static void a_life_leaves_its_times_and_reasons(void **state)
{
    struct fixture *f = *state;
    struct instance_rec rec = an_instance(I1);

    rec.terminate_on_shutdown = false;
    OK(model_instance_insert(f->m, &rec, &e));
    rec = moved(f, INSTANCE_EV_RUNNING, "running");
    rec.status_ok = rec.rebooting = true;
    OK(model_instance_save(f->m, &rec, &e));

    rec = moved(f, INSTANCE_EV_STOP, "stopping");
    assert_string_equal(rec.state_reason_code, "Client.UserInitiatedShutdown");
    assert_string_equal(rec.transition_reason, "User initiated (2026-01-02 03:04:05 GMT)");
    assert_false(rec.status_ok || rec.rebooting);
    (void)moved(f, INSTANCE_EV_STOPPED, "stopped");

    test_now += 60000; /* launchTime changes on start */
    rec = moved(f, INSTANCE_EV_START, "pending");
    assert_int_equal(rec.launched_ms, test_now);
    assert_string_equal(rec.state_reason_code, "");
    assert_string_equal(rec.transition_reason, "");
    (void)moved(f, INSTANCE_EV_START_FAILED, "stopped");
    rec = get(f, I1);
    assert_string_equal(rec.state_reason_code, "Server.InternalError");

    (void)moved(f, INSTANCE_EV_START, "pending");
    (void)moved(f, INSTANCE_EV_RUNNING, "running");
    rec = moved(f, INSTANCE_EV_GUEST_DOWN, "stopping");
    assert_string_equal(rec.state_reason_code, "Client.InstanceInitiatedShutdown");
    rec = moved(f, INSTANCE_EV_TERMINATE, "shutting-down");
    assert_int_equal(rec.terminated_ms, 0);
    test_now += 5000;
    rec = moved(f, INSTANCE_EV_TERMINATED, "terminated");
    assert_int_equal(rec.terminated_ms, test_now);
    test_now += 5000; /* an idle event writes nothing */
    rec = moved(f, INSTANCE_EV_TERMINATE, "terminated");
    assert_int_equal(rec.terminated_ms, test_now - 5000);
}

static void a_guest_that_ends_with_its_shutdown_is_terminated(void **state)
{
    struct fixture *f = *state;
    struct instance_rec rec = an_instance(I1);

    rec.state = INSTANCE_RUNNING;
    rec.terminate_on_shutdown = rec.disable_api_termination = true;
    OK(model_instance_insert(f->m, &rec, &e));
    (void)moved(f, INSTANCE_EV_GUEST_DOWN, "shutting-down"); /* protection is the API's alone */
}

static void a_host_that_goes_down_stops_what_is_protected(void **state)
{
    struct fixture *f = *state;
    struct instance_rec rec = an_instance(I1);

    rec.state = INSTANCE_RUNNING;
    rec.terminate_on_shutdown = rec.disable_api_stop = true;
    OK(model_instance_insert(f->m, &rec, &e));
    rec = moved(f, INSTANCE_EV_HOST_STOP, "stopping");
    assert_string_equal(rec.state_reason_code, "Server.ScheduledStop");
    assert_string_equal(rec.transition_reason, ""); /* no user did it */
}

static void a_launch_that_fails_ends_with_the_reason_given(void **state)
{
    struct fixture *f = *state;
    struct instance_rec rec = an_instance(I1);

    OK(model_instance_insert(f->m, &rec, &e));
    OK(model_instance_move(f->m, I1, INSTANCE_EV_LAUNCH_FAILED, "Client.InvalidSnapshot.NotFound",
                           "snapshot gone", NULL, &e));
    rec = get(f, I1);
    assert_int_equal(rec.state, INSTANCE_TERMINATED);
    assert_string_equal(rec.state_reason_code, "Client.InvalidSnapshot.NotFound");
    assert_string_equal(rec.state_reason, "snapshot gone");
    assert_int_equal(rec.terminated_ms, test_now);
}

static void stop_and_start_are_refused_in_the_words_of_ec2(void **state)
{
    struct fixture *f = *state;
    struct instance_rec rec = an_instance(I1);
    enum instance_state to = INSTANCE_STOPPED;

    OK(model_instance_insert(f->m, &rec, &e));
    REFUSED(model_instance_move(f->m, I1, INSTANCE_EV_STOP, NULL, NULL, &to, &e), ERR_CONFLICT,
            "This instance '" I1 "' is not in a state from which it can be stopped: "
            "it is 'pending'");
    assert_int_equal(to, INSTANCE_STOPPED);
    OK(model_instance_move(f->m, I1, INSTANCE_EV_TERMINATE, NULL, NULL, NULL, &e));
    REFUSED(model_instance_move(f->m, I1, INSTANCE_EV_START, NULL, NULL, &to, &e), ERR_CONFLICT,
            "This instance '" I1 "' is not in a state from which it can be started: "
            "it is 'shutting-down'");
    REFUSED(model_instance_move(f->m, I1, INSTANCE_EV_RUNNING, NULL, NULL, &to, &e), ERR_CONFLICT,
            "instance '" I1 "' is 'shutting-down', 'running' is refused");
}

static void protection_refuses_until_it_is_lifted(void **state)
{
    struct fixture *f = *state;
    struct instance_rec rec = an_instance(I1);

    rec.state = INSTANCE_RUNNING;
    rec.disable_api_termination = rec.disable_api_stop = true;
    OK(model_instance_insert(f->m, &rec, &e));
    REFUSED(model_instance_move(f->m, I1, INSTANCE_EV_TERMINATE, NULL, NULL, NULL, &e), ERR_DENIED,
            "The instance '" I1 "' may not be terminated. Modify its 'disableApiTermination' "
            "instance attribute and try again.");
    REFUSED(model_instance_move(f->m, I1, INSTANCE_EV_STOP, NULL, NULL, NULL, &e), ERR_DENIED,
            "The instance '" I1 "' may not be stopped. Modify its 'disableApiStop' "
            "instance attribute and try again.");
    rec.disable_api_termination = false;
    OK(model_instance_save(f->m, &rec, &e));
    (void)moved(f, INSTANCE_EV_TERMINATE, "shutting-down");
}

static void a_snapshot_that_completes_is_at_100_percent(void **state)
{
    struct fixture *f = *state;
    const struct snapshot_progress early = { 40, 1000, 500, 4000, 10000, 7 }, late = { 60, 9 };
    struct snapshot_rec s = a_snapshot(S1);
    enum snapshot_state to;

    OK(model_snapshot_insert(f->m, &s, &e));
    OK(model_snapshot_progress(f->m, S1, &early, &e));
    OK(model_snapshot_get(f->m, NULL, S1, &s, &e));
    assert_int_equal(s.progress, 40);
    assert_int_equal(s.bytes_total, 10000);
    OK(model_snapshot_move(f->m, S1, SNAPSHOT_EV_COMPLETED, NULL, &to, &e));
    assert_int_equal(to, SNAPSHOT_COMPLETED);
    OK(model_snapshot_progress(f->m, S1, &late, &e)); /* a late line changes nothing */
    OK(model_snapshot_get(f->m, NULL, S1, &s, &e));
    assert_int_equal(s.progress, 100);
    assert_int_equal(s.bytes_read, 1000);
    assert_int_equal(s.completed_ms, test_now);
    REFUSED(model_snapshot_move(f->m, S1, SNAPSHOT_EV_FAILED, "late", &to, &e), ERR_CONFLICT,
            "snapshot '" S1 "' is 'completed', 'failed' is refused");
}

static void a_snapshot_that_fails_says_why(void **state)
{
    struct fixture *f = *state;
    struct snapshot_rec s = a_snapshot(S1);

    OK(model_snapshot_insert(f->m, &s, &e));
    OK(model_snapshot_move(f->m, S1, SNAPSHOT_EV_FAILED, "disk full", NULL, &e));
    OK(model_snapshot_get(f->m, NULL, S1, &s, &e));
    assert_int_equal(s.state, SNAPSHOT_ERROR);
    assert_string_equal(s.state_message, "disk full");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_state_and_event_is_as_ec2_has_it),
        cmocka_unit_test(every_state_has_its_row_in_the_matrix),
        cmocka_unit_test(a_refusal_names_state_and_event),
        cmocka_unit_test(no_walk_brings_pending_or_running_back_after_the_end),
        WITH_MODEL(a_walk_over_the_database_keeps_volumes_and_attachments_agreed),
        WITH_MODEL(a_life_leaves_its_times_and_reasons),
        WITH_MODEL(a_guest_that_ends_with_its_shutdown_is_terminated),
        WITH_MODEL(a_host_that_goes_down_stops_what_is_protected),
        WITH_MODEL(a_launch_that_fails_ends_with_the_reason_given),
        WITH_MODEL(stop_and_start_are_refused_in_the_words_of_ec2),
        WITH_MODEL(protection_refuses_until_it_is_lifted),
        WITH_MODEL(a_snapshot_that_completes_is_at_100_percent),
        WITH_MODEL(a_snapshot_that_fails_says_why),
    };
    return test_run(tests);
}
