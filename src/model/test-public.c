/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Public addresses: given, lost, kept; elastic ones. */
#include "test-model.h"

#include <errno.h>

#define RANGE "198.19.4.0/29" /* five to give: .2 to .6 */
#define I3    "i-0000000000000003a"

static void add(struct fixture *f, const char *id, bool wants, struct interface_rec *ret)
{
    struct instance_rec i = an_instance(id);
    struct subnet_rec s;

    SET(i.mac, "0a:00:00:00:00:01");
    OK(model_instance_insert(f->m, &i, &e));
    OK(model_subnet_default(f->m, i.region, i.zone, &s, &e));
    assert_true(s.map_public);
    *ret = (struct interface_rec){ .delete_on_termination = true, .wants_public = wants };
    SET(ret->instance_id, id);
    SET(ret->subnet_id, s.id);
    OK(model_interface_insert(f->m, ret, NULL, 0, &e));
}

/* "" when it has none */
static const char *shown(struct fixture *f, const char *instance_id)
{
    static struct public_view v;
    struct interface_rec nic;

    v.ip[0] = '\0';
    OK(model_interface_of(f->m, instance_id, &nic, &e));
    OK(model_public_of(f->m, &nic, &v, &e));
    return v.ip;
}

static void move(struct fixture *f, const char *id, enum instance_event ev)
{
    OK(model_instance_move(f->m, id, ev, NULL, NULL, NULL, &e));
}

static void run(struct fixture *f, const char *id)
{
    move(f, id, INSTANCE_EV_RUNNING);
}

static void stop(struct fixture *f, const char *id)
{
    move(f, id, INSTANCE_EV_STOP);
    move(f, id, INSTANCE_EV_STOPPED);
}

static int with_range(void **state)
{
    struct fixture *f;

    (void)fixture_open(state);
    f = *state;
    OK(model_public_range_set(f->m, RANGE, &e));
    return 0;
}

static void an_address_is_another_at_each_start(void **state)
{
    struct fixture *f = *state;
    struct interface_rec a, b;

    add(f, I1, true, &a);
    add(f, I2, false, &b);
    assert_string_equal(a.public_ip, "198.19.4.2");
    assert_string_equal(shown(f, I2), "");
    run(f, I1);
    assert_string_equal(shown(f, I1), "198.19.4.2");
    move(f, I1, INSTANCE_EV_STOP);
    assert_string_equal(shown(f, I1), "198.19.4.2"); /* until it is stopped */
    move(f, I1, INSTANCE_EV_STOPPED);
    assert_string_equal(shown(f, I1), "");
    move(f, I1, INSTANCE_EV_START);
    assert_string_equal(shown(f, I1), "198.19.4.3");
    move(f, I1, INSTANCE_EV_START_FAILED);
    assert_string_equal(shown(f, I1), "");
}

static void a_full_range_says_so(void **state)
{
    struct fixture *f = *state;
    struct interface_rec nic;
    struct subnet_rec s;
    char id[MODEL_ID_MAX];

    for (unsigned k = 0; k < 5; k++) {
        (void)snprintf(id, sizeof id, "i-000000000000000%ub", k);
        add(f, id, true, &nic);
    }
    assert_string_equal(nic.public_ip, "198.19.4.6");
    OK(model_instance_insert(f->m, &(struct instance_rec){ .id = I1, .region = "us-east-1" }, &e));
    OK(model_subnet_default(f->m, "us-east-1", "us-east-1a", &s, &e));
    nic = (struct interface_rec){ .wants_public = true, .instance_id = I1 };
    SET(nic.subnet_id, s.id);
    REFUSED(model_interface_insert(f->m, &nic, NULL, 0, &e), ERR_LIMIT,
            "no public address of " RANGE " is free");
    run(f, "i-0000000000000002b");
    stop(f, "i-0000000000000002b");
    OK(model_interface_insert(f->m, &nic, NULL, 0, &e));
    assert_string_equal(nic.public_ip, "198.19.4.4");
}

static void without_a_range_nobody_has_one(void **state)
{
    struct fixture *f = *state;
    struct interface_rec nic;
    struct address_rec a;

    add(f, I1, true, &nic);
    assert_string_equal(shown(f, I1), "198.19.4.2");
    OK(model_public_range_set(f->m, NULL, &e));
    assert_null(model_public_range(f->m));
    assert_string_equal(shown(f, I1), "");
    REFUSED(model_address_allocate(f->m, "us-east-1", NULL, &a, &e), ERR_DENIED,
            "This installation has no public addresses");
}

static void another_range_gives_other_addresses_to_who_runs(void **state)
{
    struct fixture *f = *state;
    char before[MODEL_CIDR_MAX];
    struct interface_rec nic;
    struct address_rec old;

    add(f, I1, true, &nic);
    add(f, I2, true, &nic);
    add(f, I3, false, &nic);
    run(f, I1), run(f, I2), run(f, I3);
    stop(f, I2);
    OK(model_address_allocate(f->m, "us-east-1", NULL, &old, &e));
    OK(model_address_associate(f->m, old.id, nic.id, true, &old, &e));
    assert_string_equal(shown(f, I3), old.public_ip);
    model_close(f->m);
    f->m = open_model(f->path);
    assert_string_equal(shown(f, I1), ""); /* nobody has said yet what there is */
    OK(model_public_range_before(f->m, before, &e));
    assert_string_equal(before, RANGE);
    OK(model_public_range_set(f->m, RANGE, &e)); /* the same: all is as it was */
    assert_string_equal(shown(f, I1), "198.19.4.2");
    assert_string_equal(shown(f, I3), old.public_ip);
    OK(model_public_range_set(f->m, "198.19.8.0/22", &e));
    assert_string_equal(shown(f, I1), "198.19.8.2");
    assert_string_equal(shown(f, I2), "");
    assert_string_equal(shown(f, I3), "");
    OK(model_address_disassociate(f->m, old.id, &e));
    OK(model_address_release(f->m, old.id, &e));
}

/* ---- elastic addresses ----------------------------------------------------------------------- */

static void an_elastic_address_takes_the_place_of_the_given_one(void **state)
{
    struct fixture *f = *state;
    struct public_view v = { 0 };
    struct interface_rec nic;
    struct address_rec a, again;
    char want[128];

    add(f, I1, true, &nic);
    run(f, I1);
    OK(model_address_allocate(f->m, "us-east-1", NULL, &a, &e));
    assert_string_equal(a.public_ip, "198.19.4.3");
    OK(model_address_associate(f->m, a.id, nic.id, false, &a, &e));
    assert_string_equal(shown(f, I1), "198.19.4.3");
    OK(model_interface_of(f->m, I1, &nic, &e));
    assert_string_equal(nic.public_ip, "");
    OK(model_public_of(f->m, &nic, &v, &e));
    assert_string_equal(v.allocation_id, a.id);
    assert_string_equal(v.association_id, a.association_id);
    OK(model_address_associate(f->m, a.id, nic.id, false, &again, &e)); /* once more */
    assert_string_equal(again.association_id, a.association_id);
    stop(f, I1);
    assert_string_equal(shown(f, I1), "198.19.4.3"); /* it stays */
    move(f, I1, INSTANCE_EV_START);
    assert_string_equal(shown(f, I1), "198.19.4.3");
    REFUSED(model_address_release(f->m, a.id, &e), ERR_CONFLICT, "Address 198.19.4.3 is in use.");
    OK(model_address_disassociate(f->m, a.id, &e));
    assert_string_equal(shown(f, I1), "198.19.4.4"); /* it gets one of its own again */
    OK(model_address_release(f->m, a.id, &e));
    (void)snprintf(want, sizeof want, "The allocation ID '%s' does not exist", a.id);
    REFUSED(model_address_get(f->m, NULL, a.id, &a, &e), ERR_NOT_FOUND, want);
}

static void an_elastic_address_moves_when_it_may(void **state)
{
    struct fixture *f = *state;
    struct interface_rec one, two;
    struct address_rec a, b, moved;
    char want[128];

    add(f, I1, true, &one);
    add(f, I2, true, &two);
    run(f, I1);
    OK(model_address_allocate(f->m, "us-east-1", NULL, &a, &e));
    OK(model_address_allocate(f->m, "us-east-1", NULL, &b, &e));
    OK(model_address_associate(f->m, a.id, one.id, true, &a, &e));
    (void)snprintf(want, sizeof want, "resource %s is already associated with associate-id %s",
                   a.id, a.association_id);
    REFUSED(model_address_associate(f->m, a.id, two.id, false, &moved, &e), ERR_EXISTS, want);
    REFUSED(model_address_associate(f->m, b.id, one.id, false, &moved, &e), ERR_EXISTS, want);
    OK(model_address_associate(f->m, a.id, two.id, true, &moved, &e));
    assert_string_not_equal(moved.association_id, a.association_id);
    assert_string_equal(shown(f, I2), a.public_ip);
    assert_string_equal(shown(f, I1), "198.19.4.6"); /* of its own, while it runs */
    OK(model_address_associate(f->m, b.id, two.id, true, &moved, &e));
    assert_string_equal(shown(f, I2), b.public_ip);
    OK(model_address_get(f->m, NULL, a.id, &a, &e));
    assert_string_equal(a.interface_id, "");
    OK(model_address_by_ip(f->m, "us-east-1", b.public_ip, &b, &e));
    OK(model_address_by_association(f->m, "us-east-1", b.association_id, &b, &e));
    (void)snprintf(want, sizeof want, "Address '%s' not found.", b.public_ip);
    REFUSED(model_address_by_ip(f->m, "eu-west-1", b.public_ip, &b, &e), ERR_NOT_FOUND, want);
}

static void an_elastic_address_outlives_its_instance(void **state)
{
    struct fixture *f = *state;
    _cleanup_free_ struct address_rec *v = NULL;
    struct interface_rec nic;
    struct address_rec a;
    size_t n = 0;

    add(f, I1, false, &nic);
    run(f, I1);
    OK(model_address_allocate(f->m, "us-east-1", "198.19.4.5", &a, &e));
    OK(model_address_associate(f->m, a.id, nic.id, true, &a, &e));
    move(f, I1, INSTANCE_EV_TERMINATE);
    move(f, I1, INSTANCE_EV_TERMINATED);
    OK(model_address_list(f->m, "us-east-1", &v, &n, &e));
    assert_int_equal(n, 1);
    assert_string_equal(v[0].public_ip, "198.19.4.5");
    assert_string_equal(v[0].interface_id, "");
    assert_string_equal(v[0].association_id, "");
}

static void addresses_are_counted_and_asked_for_by_name(void **state)
{
    struct fixture *f = *state;
    struct interface_rec nic;
    struct address_rec a;

    add(f, I1, true, &nic); /* has 198.19.4.2 */
    REFUSED(model_address_allocate(f->m, "us-east-1", "198.19.4.2", &a, &e), ERR_EXISTS,
            "Address '198.19.4.2' is in use");
    REFUSED(model_address_allocate(f->m, "us-east-1", "198.19.4.1", &a, &e), ERR_NOT_FOUND,
            "Address '198.19.4.1' not found: addresses are of " RANGE);
    REFUSED(model_address_allocate(f->m, "us-east-1", "198.19.4.7", &a, &e), ERR_NOT_FOUND,
            "Address '198.19.4.7' not found: addresses are of " RANGE);
    OK(model_public_range_set(f->m, "198.19.4.0/22", &e));
    for (unsigned k = 0; k < MODEL_ADDRESSES_MAX; k++)
        OK(model_address_allocate(f->m, "us-east-1", NULL, &a, &e));
    REFUSED(model_address_allocate(f->m, "us-east-1", NULL, &a, &e), ERR_LIMIT,
            "The maximum number of addresses has been reached: 5 in a region");
    OK(model_address_allocate(f->m, "eu-west-1", NULL, &a, &e));
}

#define WITH_RANGE(f) cmocka_unit_test_setup_teardown(f, with_range, fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RANGE(an_address_is_another_at_each_start),
        WITH_RANGE(a_full_range_says_so),
        WITH_RANGE(without_a_range_nobody_has_one),
        WITH_RANGE(another_range_gives_other_addresses_to_who_runs),
        WITH_RANGE(an_elastic_address_takes_the_place_of_the_given_one),
        WITH_RANGE(an_elastic_address_moves_when_it_may),
        WITH_RANGE(an_elastic_address_outlives_its_instance),
        WITH_RANGE(addresses_are_counted_and_asked_for_by_name),
    };
    return test_run(tests);
}
