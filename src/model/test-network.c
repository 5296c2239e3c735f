/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks, addresses, security groups, and what guests are given. */
#include "test-model.h"

#include <errno.h>

#include "rules.h"

/* ---- the default VPC ------------------------------------------------------------------------- */

static void the_default_vpc_of_a_region_is_made_once(void **state)
{
    struct fixture *f = *state;
    struct vpc_rec a, b, other;
    struct subnet_rec *s = NULL;
    struct group_rec g;
    _cleanup_free_ struct rule_rec *rules = NULL;
    size_t n = 0;

    OK(model_vpc_default(f->m, "us-east-1", &a, &e));
    assert_string_equal(a.cidr, "172.31.0.0/16");
    assert_string_equal(a.owner, model_account(f->m));
    assert_int_equal(model_id_check("vpc", a.id), 0);
    model_close(f->m);
    f->m = open_model(f->path);
    OK(model_vpc_default(f->m, "us-east-1", &b, &e));
    assert_string_equal(a.id, b.id);
    OK(model_vpc_default(f->m, "eu-west-1", &other, &e));
    assert_string_not_equal(a.id, other.id);

    OK(model_subnet_list(f->m, "us-east-1", &s, &n, &e));
    assert_int_equal(n, 3);
    assert_string_equal(s[0].zone, "us-east-1a");
    assert_string_equal(s[0].cidr, "172.31.0.0/20");
    assert_string_equal(s[1].cidr, "172.31.16.0/20");
    assert_string_equal(s[2].zone, "us-east-1c");
    assert_string_equal(s[2].cidr, "172.31.32.0/20");
    free(s);

    OK(model_group_find(f->m, a.id, "default", &g, &e));
    assert_string_equal(g.description, "default VPC security group");
    OK(model_group_rules(f->m, g.id, &rules, &n, &e));
    assert_int_equal(n, 2);
    assert_false(rules[0].egress);
    assert_string_equal(rules[0].source_group_id, g.id);
    assert_true(rules[1].egress);
    assert_string_equal(rules[1].cidr, "0.0.0.0/0");
    assert_string_equal(rules[1].protocol, "-1");
    assert_int_equal(rules[1].from_port, -1);
}

static void a_zone_without_a_subnet_is_told(void **state)
{
    struct fixture *f = *state;
    struct subnet_rec s;

    REFUSED(model_subnet_default(f->m, "us-east-1", "us-east-1z", &s, &e), ERR_NOT_FOUND,
            "There is no default subnet in the zone 'us-east-1z'");
}

/* ---- interfaces and addresses ---------------------------------------------------------------- */

static void add_instance(struct fixture *f, const char *id, const char *ip,
                         struct interface_rec *ret)
{
    struct instance_rec i = an_instance(id);
    struct subnet_rec s;

    SET(i.mac, "0a:00:00:00:00:01");
    OK(model_instance_insert(f->m, &i, &e));
    OK(model_subnet_default(f->m, i.region, i.zone, &s, &e));
    *ret = (struct interface_rec){ .delete_on_termination = true };
    SET(ret->instance_id, id);
    SET(ret->subnet_id, s.id);
    SET(ret->private_ip, ip);
    OK(model_interface_insert(f->m, ret, NULL, 0, &e));
}

static void an_instance_gets_the_first_free_address(void **state)
{
    struct fixture *f = *state;
    struct interface_rec a, b, c, again;
    struct instance_rec i;
    _cleanup_free_ struct group_rec *g = NULL;
    struct subnet_rec s;
    uint64_t free_before = 0, free_after = 0;
    size_t n = 0;

    OK(model_subnet_default(f->m, "us-east-1", "us-east-1a", &s, &e));
    OK(model_subnet_free(f->m, &s, &free_before, &e));
    assert_int_equal(free_before, 4091); /* as EC2 shows for a /20 */
    add_instance(f, I1, "", &a);
    add_instance(f, I2, "172.31.0.11", &b);
    add_instance(f, "i-0000000000000003a", "", &c);
    assert_string_equal(a.private_ip, "172.31.0.10");
    assert_string_equal(b.private_ip, "172.31.0.11");
    assert_string_equal(c.private_ip, "172.31.0.12");
    assert_string_equal(a.mac, "0a:00:00:00:00:01");
    assert_memory_equal(a.attachment_id, "eni-attach-", 11);
    OK(model_subnet_free(f->m, &s, &free_after, &e));
    assert_int_equal(free_after, 4088);

    OK(model_instance_get(f->m, NULL, I1, &i, &e));
    assert_string_equal(i.private_ip, "172.31.0.10");
    assert_string_equal(i.vpc_id, a.vpc_id);
    assert_string_equal(i.subnet_id, s.id);
    OK(model_interface_of(f->m, I1, &again, &e));
    assert_string_equal(again.id, a.id);
    OK(model_interface_groups(f->m, a.id, &g, &n, &e));
    assert_int_equal(n, 1);
    assert_string_equal(g[0].name, "default");
}

static void an_address_is_given_back_when_its_instance_is_terminated(void **state)
{
    struct fixture *f = *state;
    struct interface_rec a, b, gone;
    struct instance_rec i;
    _cleanup_(tag_list_done) struct tag_list tags = { 0 };
    uint64_t n = 9;

    add_instance(f, I1, "", &a);
    assert_int_equal(tag_list_add(&tags, "k", "v"), 0);
    OK(model_tags_set(f->m, "us-east-1", a.id, &tags, &e));
    OK(model_instance_move(f->m, I1, INSTANCE_EV_TERMINATE, NULL, NULL, NULL, &e));
    OK(model_interface_of(f->m, I1, &gone, &e)); /* its machine may still answer there */
    OK(model_instance_move(f->m, I1, INSTANCE_EV_TERMINATED, NULL, NULL, NULL, &e));
    REFUSED(model_interface_of(f->m, I1, &gone, &e), ERR_NOT_FOUND,
            "The instance '" I1 "' has no network interface");
    OK(model_instance_get(f->m, NULL, I1, &i, &e));
    assert_string_equal(i.private_ip, "");
    assert_string_equal(i.vpc_id, a.vpc_id);
    OK(db_u64(f->m, "SELECT count(*) FROM tags", NO_BINDS, &n, &e));
    assert_int_equal(n, 0);
    add_instance(f, I2, "", &b);
    assert_string_equal(b.private_ip, "172.31.0.10");
}

static void an_address_that_cannot_be_is_refused_with_the_reason(void **state)
{
    struct fixture *f = *state;
    struct interface_rec a, x = { 0 };
    struct instance_rec i = an_instance(I2);

    add_instance(f, I1, "172.31.0.20", &a);
    OK(model_instance_insert(f->m, &i, &e));
    SET(x.instance_id, I2);
    SET(x.subnet_id, a.subnet_id);
    SET(x.private_ip, "172.31.0.20");
    REFUSED(model_interface_insert(f->m, &x, NULL, 0, &e), ERR_EXISTS,
            "Address 172.31.0.20 is in use.");
    SET(x.private_ip, "172.31.16.20");
    REFUSED(model_interface_insert(f->m, &x, NULL, 0, &e), ERR_INVALID,
            "Address 172.31.16.20 does not fall within the subnet's address range");
    SET(x.private_ip, "172.31.0.1");
    REFUSED(model_interface_insert(f->m, &x, NULL, 0, &e), ERR_INVALID,
            "Address 172.31.0.1 is in subnet's reserved address range");
    SET(x.private_ip, "172.31.15.255");
    REFUSED(model_interface_insert(f->m, &x, NULL, 0, &e), ERR_INVALID,
            "Address 172.31.15.255 is in subnet's reserved address range");
    SET(x.private_ip, "1.2.3");
    REFUSED(model_interface_insert(f->m, &x, NULL, 0, &e), ERR_INVALID,
            "Invalid value '1.2.3' for address. It is no IPv4 address.");
    SET(x.private_ip, "");
    SET(x.subnet_id, "subnet-0000000000000001a");
    REFUSED(model_interface_insert(f->m, &x, NULL, 0, &e), ERR_NOT_FOUND,
            "The subnet ID 'subnet-0000000000000001a' does not exist");
    assert_string_equal(x.id, ""); /* untouched */
}

static void a_full_subnet_says_so(void **state)
{
    struct fixture *f = *state;
    struct interface_rec a, x = { 0 };

    OK(model_vpc_default(f->m, "us-east-1", NULL, &e));
    OK(db_exec(f->m, "UPDATE subnets SET cidr = '172.31.0.0/29' WHERE zone = 'us-east-1a'",
               NO_BINDS, &e));
    add_instance(f, "i-0000000000000001b", "", &a);
    assert_string_equal(a.private_ip, "172.31.0.6"); /* .10 is beyond */
    add_instance(f, "i-0000000000000002b", "", &a);
    assert_string_equal(a.private_ip, "172.31.0.4");
    add_instance(f, "i-0000000000000003b", "", &a);
    assert_string_equal(a.private_ip, "172.31.0.5");
    SET(x.subnet_id, a.subnet_id);
    SET(x.instance_id, I1);
    OK(model_instance_insert(f->m, &(struct instance_rec){ .id = I1 }, &e));
    {
        struct err e1 = { 0 };

        assert_int_equal(model_interface_insert(f->m, &x, NULL, 0, &e1), -ENOSPC);
        assert_int_equal(e1.kind, ERR_LIMIT);
        assert_non_null(strstr(e1.msg, "There are not enough free addresses in subnet"));
    }
}

/* ---- security groups ------------------------------------------------------------------------- */

static struct group_rec add_group(struct fixture *f, const char *id, const char *name)
{
    struct group_rec g = { .created_ms = test_now };
    struct vpc_rec vpc;

    OK(model_vpc_default(f->m, "us-east-1", &vpc, &e));
    SET(g.id, id);
    SET(g.region, "us-east-1");
    SET(g.vpc_id, vpc.id);
    SET(g.name, name);
    OK(model_group_insert(f->m, &g, &e));
    return g;
}

static struct rule_rec a_rule(const char *group, const char *cidr, int from, int to)
{
    struct rule_rec r = { .from_port = from, .to_port = to };

    model_new_id("sgr", r.id);
    SET(r.region, "us-east-1");
    SET(r.group_id, group);
    SET(r.protocol, "tcp");
    SET(r.cidr, cidr);
    return r;
}

#define G1 "sg-0000000000000001a"
#define G2 "sg-0000000000000002a"

static void a_group_name_is_taken_within_its_vpc(void **state)
{
    struct fixture *f = *state;
    struct group_rec g = add_group(f, G1, "web");
    _cleanup_free_ struct rule_rec *rules = NULL;
    size_t n = 0;
    char want[200];

    OK(model_group_rules(f->m, G1, &rules, &n, &e));
    assert_int_equal(n, 1);
    assert_true(rules[0].egress);
    SET(g.id, G2);
    (void)snprintf(want, sizeof want, "The security group 'web' already exists for VPC '%s'",
                   g.vpc_id);
    REFUSED(model_group_insert(f->m, &g, &e), ERR_EXISTS, want);
}

static void a_rule_is_there_once(void **state)
{
    struct fixture *f = *state;
    struct rule_rec r = a_rule(G1, "0.0.0.0/0", 22, 22), found, twin;
    char want[128];

    (void)add_group(f, G1, "web");
    OK(model_rule_insert(f->m, &r, &e));
    twin = r;
    model_new_id("sgr", twin.id);
    REFUSED(model_rule_insert(f->m, &twin, &e), ERR_EXISTS,
            "the specified rule \"peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW\" "
            "already exists");
    OK(model_rule_find(f->m, &twin, &found, &e));
    assert_string_equal(found.id, r.id);
    OK(model_rule_delete(f->m, r.id, &e));
    REFUSED(model_rule_find(f->m, &twin, &found, &e), ERR_NOT_FOUND,
            "The specified rule does not exist in this security group.");
    (void)snprintf(want, sizeof want, "The security group rule ID '%s' does not exist", r.id);
    REFUSED(model_rule_delete(f->m, r.id, &e), ERR_NOT_FOUND, want);
}

static void sixty_rules_fit_and_not_one_more(void **state)
{
    struct fixture *f = *state;
    struct rule_rec r;

    (void)add_group(f, G1, "web");
    for (int i = 1; i <= 60; i++) {
        r = a_rule(G1, "10.0.0.0/8", i, i);
        OK(model_rule_insert(f->m, &r, &e));
    }
    r = a_rule(G1, "10.0.0.0/8", 61, 61);
    REFUSED(model_rule_insert(f->m, &r, &e), ERR_LIMIT,
            "The maximum number of rules per security group has been reached: 60");
}

static void a_group_in_use_stays(void **state)
{
    struct fixture *f = *state;
    struct rule_rec r = a_rule(G2, "", 80, 80);
    struct interface_rec nic;
    struct group_rec g, *v = NULL;
    const char *both[] = { G1, G2 }, *second[] = { G2 };
    char want[128];
    size_t n = 0;

    (void)add_group(f, G1, "web");
    (void)add_group(f, G2, "app");
    SET(r.source_group_id, G1);
    OK(model_rule_insert(f->m, &r, &e));
    REFUSED(model_group_delete(f->m, G1, &e), ERR_CONFLICT,
            "resource " G1 " has a dependent object");
    OK(model_rule_delete(f->m, r.id, &e));

    add_instance(f, I1, "", &nic);
    OK(model_interface_groups_set(f->m, nic.id, both, 2, &e));
    OK(model_interface_groups(f->m, nic.id, &v, &n, &e));
    assert_int_equal(n, 2);
    assert_string_equal(v[0].name, "app");
    free(v);
    REFUSED(model_group_delete(f->m, G1, &e), ERR_CONFLICT,
            "resource " G1 " has a dependent object");
    OK(model_interface_groups_set(f->m, nic.id, second, 1, &e));
    OK(model_group_delete(f->m, G1, &e));
    REFUSED(model_group_delete(f->m, G1, &e), ERR_NOT_FOUND,
            "The security group '" G1 "' does not exist");
    REFUSED(model_interface_groups_set(f->m, nic.id, both, 0, &e), ERR_INVALID,
            "A network interface is a member of 1 to 16 security groups, not of 0");

    OK(model_group_find(f->m, nic.vpc_id, "default", &g, &e));
    (void)snprintf(want, sizeof want,
                   "the specified group: \"%s\" name: \"default\" cannot be deleted by a user",
                   g.id);
    REFUSED(model_group_delete(f->m, g.id, &e), ERR_DENIED, want);
}

/* ---- values ---------------------------------------------------------------------------------- */

static void blocks_lose_their_host_bits(void **unused)
{
    static const struct {
        const char *text, *want; /* NULL: malformed */
        bool ipv6;
    } rows[] = {
        { "0.0.0.0/0", "0.0.0.0/0", false },
        { "10.1.2.3/8", "10.0.0.0/8", false },
        { "100.68.0.18/18", "100.68.0.0/18", false },
        { "10.1.2.3", "10.1.2.3/32", false },
        { "::/0", "::/0", true },
        { "2001:DB8::1/32", "2001:db8::/32", true },
        { "10.0.0.0/33", NULL, false },
        { "10.0.0/8", NULL, false },
        { "10.0.0.0/", NULL, false },
        { "10.0.0.0/-1", NULL, false },
        { "", NULL, false },
        { "::/0", NULL, false },
        { "10.0.0.0/8", NULL, true },
        { "10.0.0.0/8;x", NULL, false },
        { "999999999999999999999999999999999999999999999999999999999/8", NULL, false },
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char got[MODEL_CIDR_MAX] = "untouched";
        struct err e = { 0 };

        if (rules_cidr(rows[i].text, rows[i].ipv6, got, &e) < 0) {
            assert_null(rows[i].want);
            assert_string_equal(got, "untouched");
        } else {
            assert_string_equal(got, rows[i].want ? rows[i].want : "(malformed)");
        }
    }
}

static void protocols_and_ports_have_one_spelling(void **unused)
{
    static const struct {
        const char *protocol, *want;
        int from, to, want_from, want_to;
    } rows[] = {
        { "tcp", "tcp", 22, 23, 22, 23 },   { "6", "tcp", 80, 80, 80, 80 },
        { "UDP", "udp", -1, -1, 0, 65535 }, { "icmp", "icmp", 8, -1, 8, -1 },
        { "-1", "-1", 0, 65535, -1, -1 },   { "all", "-1", -1, -1, -1, -1 },
        { "50", "50", 1, 2, -1, -1 },       { "58", "icmpv6", -1, -1, -1, -1 },
        { "tcp", NULL, 23, 22, 0, 0 },      { "tcp", NULL, 22, 65536, 0, 0 },
        { "tcp", NULL, -1, 22, 0, 0 },      { "icmp", NULL, 300, -1, 0, 0 },
        { "256", NULL, -1, -1, 0, 0 },      { "sctpx", NULL, -1, -1, 0, 0 },
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rule_rec r = { .from_port = rows[i].from, .to_port = rows[i].to };
        struct err e = { 0 };

        SET(r.protocol, rows[i].protocol);
        if (rules_permission(&r, &e) < 0) {
            assert_null(rows[i].want);
            continue;
        }
        assert_string_equal(r.protocol, rows[i].want ? rows[i].want : "(refused)");
        assert_int_equal(r.from_port, rows[i].want_from);
        assert_int_equal(r.to_port, rows[i].want_to);
    }
}

static void host_names_follow_the_region(void **unused)
{
    char name[RULES_HOST_MAX];

    (void)unused;
    rules_private_dns("172.31.0.10", "us-east-1", name);
    assert_string_equal(name, "ip-172-31-0-10.ec2.internal");
    rules_private_dns("172.31.0.10", "eu-west-1", name);
    assert_string_equal(name, "ip-172-31-0-10.eu-west-1.compute.internal");
    rules_private_dns("", "eu-west-1", name);
    assert_string_equal(name, "");
}

/* ---- what guests are given and say ----------------------------------------------------------- */

static void user_data_are_bytes(void **state)
{
    struct fixture *f = *state;
    struct instance_rec i = an_instance(I1);
    static const char bytes[] = "#!/bin/sh\0\xff\x80";
    static char big[MODEL_USER_DATA_MAX + 1];
    void *got = NULL;
    size_t n = 9;

    OK(model_instance_insert(f->m, &i, &e));
    OK(model_user_data_get(f->m, I1, &got, &n, &e));
    assert_null(got);
    assert_int_equal(n, 0);
    OK(model_user_data_set(f->m, I1, bytes, sizeof bytes, &e));
    OK(model_user_data_get(f->m, I1, &got, &n, &e));
    assert_int_equal(n, sizeof bytes);
    assert_memory_equal(got, bytes, n);
    free(got);
    got = NULL;
    OK(model_user_data_set(f->m, I1, big, MODEL_USER_DATA_MAX, &e));
    REFUSED(model_user_data_set(f->m, I1, big, sizeof big, &e), ERR_INVALID,
            "User data is limited to 16384 bytes");
    OK(model_user_data_set(f->m, I1, NULL, 0, &e));
    OK(model_user_data_get(f->m, I1, &got, &n, &e));
    assert_null(got);
    REFUSED(model_user_data_set(f->m, I2, "x", 1, &e), ERR_NOT_FOUND,
            "The instance ID '" I2 "' does not exist");
}

static void the_launch_key_outlives_its_pair(void **state)
{
    struct fixture *f = *state;
    struct instance_rec i = an_instance(I1);
    char *line = NULL;

    OK(model_instance_insert(f->m, &i, &e));
    OK(model_launch_key_get(f->m, I1, &line, &e));
    assert_null(line);
    OK(model_launch_key_set(f->m, I1, "ssh-ed25519 AAAA", &e));
    OK(model_launch_key_get(f->m, I1, &line, &e));
    assert_string_equal(line, "ssh-ed25519 AAAA");
    free(line);
}

static void the_last_words_of_a_guest_stay_until_the_next_start(void **state)
{
    struct fixture *f = *state;
    struct instance_rec i = an_instance(I1);
    static char big[MODEL_PASSWORD_MAX + 1];
    struct err e1 = { 0 };

    i.state = INSTANCE_RUNNING;
    OK(model_instance_insert(f->m, &i, &e));
    OK(model_instance_guest(f->m, I1, "Windows is Ready to use", "c2VjcmV0", &e));
    OK(model_instance_guest(f->m, I1, NULL, NULL, &e)); /* kept */
    OK(model_instance_move(f->m, I1, INSTANCE_EV_STOP, NULL, NULL, NULL, &e));
    OK(model_instance_move(f->m, I1, INSTANCE_EV_STOPPED, NULL, NULL, NULL, &e));
    OK(model_instance_get(f->m, NULL, I1, &i, &e));
    assert_string_equal(i.guest_status, "Windows is Ready to use");
    assert_string_equal(i.password_data, "c2VjcmV0");
    OK(model_instance_move(f->m, I1, INSTANCE_EV_START, NULL, NULL, NULL, &e));
    OK(model_instance_get(f->m, NULL, I1, &i, &e));
    assert_string_equal(i.guest_status, "");
    assert_string_equal(i.password_data, "c2VjcmV0");
    memset(big, 'x', sizeof big - 1);
    assert_int_equal(model_instance_guest(f->m, I1, NULL, big, &e1), -EINVAL);
    OK(model_instance_guest(f->m, I1, big, NULL, &e)); /* a long line is cut */
    OK(model_instance_get(f->m, NULL, I1, &i, &e));
    assert_int_equal(strlen(i.guest_status), MODEL_STATUS_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MODEL(the_default_vpc_of_a_region_is_made_once),
        WITH_MODEL(a_zone_without_a_subnet_is_told),
        WITH_MODEL(an_instance_gets_the_first_free_address),
        WITH_MODEL(an_address_is_given_back_when_its_instance_is_terminated),
        WITH_MODEL(an_address_that_cannot_be_is_refused_with_the_reason),
        WITH_MODEL(a_full_subnet_says_so),
        WITH_MODEL(a_group_name_is_taken_within_its_vpc),
        WITH_MODEL(a_rule_is_there_once),
        WITH_MODEL(sixty_rules_fit_and_not_one_more),
        WITH_MODEL(a_group_in_use_stays),
        cmocka_unit_test(blocks_lose_their_host_bits),
        cmocka_unit_test(protocols_and_ports_have_one_spelling),
        cmocka_unit_test(host_names_follow_the_region),
        WITH_MODEL(user_data_are_bytes),
        WITH_MODEL(the_launch_key_outlives_its_pair),
        WITH_MODEL(the_last_words_of_a_guest_stay_until_the_next_start),
    };
    return test_run(tests);
}
