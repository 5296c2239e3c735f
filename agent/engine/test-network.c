/* SPDX-License-Identifier: Apache-2.0 */
/* Routes, DNS suffixes, names, time, activation and event log lines. */
#include "lib/test.h"

#include <errno.h>
#include <string.h>

#include "engine/activation.h"
#include "engine/dns.h"
#include "engine/events.h"
#include "engine/fake.h"
#include "engine/name.h"
#include "engine/routes.h"
#include "engine/zone.h"

#define TCPIP "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"

static const struct win_route *route_to(struct fake *f, const char *dest)
{
    for (size_t i = 0; i < f->routes_n; i++)
        if (str_eq(f->routes[i].dest, dest))
            return &f->routes[i];
    return NULL;
}

static void v2_routes_are_on_link_and_not_kept(void **unused)
{
    struct fake *f = fake_new();
    struct err e = { 0 };

    assert_int_equal(routes_add_wait(&f->win, dialect_get(DIALECT_V2), NULL, 0, NULL, NULL, &e), 0);
    assert_int_equal(f->routes_n, 10);
    assert_string_equal(route_to(f, "169.254.169.254")->gateway, "0.0.0.0");
    assert_int_equal(route_to(f, "169.254.169.254")->prefix, 32);
    assert_int_equal(route_to(f, "169.254.169.254")->metric, 15);
    assert_string_equal(route_to(f, "fd00:ec2::123")->gateway, "::");
    assert_int_equal(route_to(f, "fd00:ec2::123")->prefix, 128);
    for (size_t i = 0; i < f->routes_n; i++)
        assert_false(f->routes[i].persistent);
    assert_true(fake_called(f, "run detached w32tm.exe /resync"));
    fake_free(f);
}

static void v1_routes_are_kept_and_replace_stale_ones(void **unused) /* S-103 */
{
    struct fake *f = fake_new();
    struct err e = { 0 };

    f->routes[f->routes_n++] = (struct win_route){ .dest = "169.254.169.254",
                                                   .prefix = 32,
                                                   .gateway = "172.16.0.1",
                                                   .index = 3,
                                                   .persistent = true };
    assert_int_equal(routes_add(&f->win, dialect_get(DIALECT_V1), NULL, NULL, &e), 0);
    assert_int_equal(f->routes_n, 6); /* no IPv6 gateway: no IPv6 routes */
    assert_string_equal(route_to(f, "169.254.169.254")->gateway, "10.0.1.1");
    assert_true(route_to(f, "169.254.169.254")->persistent);
    fake_free(f);
}

static void the_primary_adapter_is_found(void **unused)
{
    struct win_adapter a[] = {
        { .index = 2, .what = "Hyper-V Virtual Ethernet Adapter", .up = true, .ethernet = true },
        { .index = 3, .what = "Old", .ethernet = true, .gateway4 = "10.0.0.1" },
        { .index = 4, .what = "No gateway", .up = true, .ethernet = true },
        { .index = 9, .what = "Nine", .up = true, .ethernet = true, .gateway4 = "10.0.0.1" },
        { .index = 7, .what = "Seven", .up = true, .ethernet = true, .gateway4 = "10.0.0.1" },
        { .index = 1, .what = "Tunnel", .up = true, .mac = "02:aa:00:00:00:01" },
    };

    assert_string_equal(routes_primary(a, ARRAY_LEN(a), NULL)->what, "Seven");
    assert_string_equal(routes_primary(a, ARRAY_LEN(a), "02:AA:00:00:00:01")->what, "Tunnel");
    assert_string_equal(routes_primary(a, 3, "02:ff:00:00:00:01")->what, "No gateway");
    assert_null(routes_primary(a, 2, NULL));
}

static unsigned failures;

static void count_failure(void *ctx)
{
    failures++;
}

static void routes_are_tried_until_an_adapter_is_there(void **unused)
{
    struct fake *f = fake_new();
    struct err e = { 0 };

    failures = 0;
    fake_fail(f, "adapters", EIO, 250);
    assert_int_equal(routes_add_wait(&f->win, dialect_get(DIALECT_V1), NULL, 0, count_failure, NULL,
                                     &e),
                     0);
    assert_int_equal(failures, 2);
    assert_int_equal(f->tick_ms, 250000);
    f->adapters_n = 0;
    assert_int_equal(routes_add_wait(&f->win, dialect_get(DIALECT_V1), NULL, 5000, NULL, NULL, &e),
                     -ENOENT);
    assert_string_equal(e.msg, "tried for 5 s: no enabled Ethernet adapter");
    fake_free(f);
}

static void one_refused_route_does_not_stop_the_others(void **unused)
{
    struct fake *f = fake_new();
    struct err e = { 0 };

    fake_fail(f, "route_add", EACCES, 1);
    assert_int_equal(routes_add(&f->win, dialect_get(DIALECT_CONFIG), NULL, NULL, &e), -EACCES);
    assert_int_equal(f->routes_n, 5);
    fake_free(f);
}

static void metrics_are_clamped(void **unused)
{
    struct fake *f = fake_new();
    struct err e = { 0 };

    f->adapters[0].metric4 = 0;
    f->adapters[0].metric6 = 123456;
    assert_int_equal(routes_add(&f->win, dialect_get(DIALECT_V2), NULL, NULL, &e), 0);
    assert_int_equal(route_to(f, "169.254.169.250")->metric, 1);
    assert_int_equal(route_to(f, "fd00:ec2::250")->metric, 9999);
    fake_free(f);
}

static void suffixes_come_in_order_and_once(void **unused)
{
    static const char *const wishes[] = { "corp.example.test", DNS_SUFFIX_DEFAULT, "$AZ.test" };
    struct fake *f = fake_new();
    struct err e = { 0 };
    bool changed = false;

    fake_reg_text(f, TCPIP, "SearchList", "old.test,CORP.example.test");
    fake_reg_text(f, TCPIP, "Domain", "a.b.example.com");
    fake_reg_text(f, TCPIP, "NV Domain", "nv.test");
    fake_reg_u32(f, TCPIP, "UseDomainNameDevolution", 1);
    (void)str_copy(f->adapters[0].suffix, sizeof(f->adapters[0].suffix), "nic.test");
    assert_int_equal(dns_suffixes_apply(&f->win, wishes, 3, "eu-test-1", "eu-test-1a", NULL,
                                        &changed, &e),
                     0);
    assert_true(changed);
    assert_string_equal(fake_reg_get_text(f, TCPIP, "SearchList"),
                        "corp.example.test,eu-test-1.ec2-utilities.amazonaws.com,eu-test-1a.test,"
                        "old.test,a.b.example.com,b.example.com,example.com,nv.test,nic.test");
    assert_int_equal(dns_suffixes_apply(&f->win, wishes, 3, "eu-test-1", "eu-test-1a", NULL,
                                        &changed, &e),
                     0);
    assert_false(changed);
    fake_free(f);
}

static void devolution_has_a_level_and_is_off_by_default(void **unused)
{
    static const struct {
        int on;
        uint32_t level;
        const char *list;
    } rows[] = { { 0, 0, "a.b.c.test" },
                 { 1, 3, "a.b.c.test,b.c.test" },
                 { 1, 0, "a.b.c.test,b.c.test,c.test" },
                 { 1, 9, "a.b.c.test" } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fake *f = fake_new();
        struct err e = { 0 };
        bool changed = false;

        fake_reg_text(f, TCPIP, "Domain", "a.b.c.test");
        if (rows[i].on)
            fake_reg_u32(f, TCPIP, "UseDomainNameDevolution", 1);
        if (rows[i].level)
            fake_reg_u32(f, "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Dnscache\\Parameters",
                         "DomainNameDevolutionLevel", rows[i].level);
        assert_int_equal(dns_suffixes_apply(&f->win, NULL, 0, NULL, NULL, NULL, &changed, &e), 0);
        assert_string_equal(fake_reg_get_text(f, TCPIP, "SearchList"), rows[i].list);
        fake_free(f);
    }
}

static void a_suffix_without_its_value_is_left_out(void **unused)
{
    static const char *const wishes[] = { DNS_SUFFIX_DEFAULT, ".dots.test." };
    struct fake *f = fake_new();
    struct err e = { 0 };
    bool changed = false;

    assert_int_equal(dns_suffixes_apply(&f->win, wishes, 2, NULL, NULL, NULL, &changed, &e), 0);
    assert_string_equal(fake_reg_get_text(f, TCPIP, "SearchList"), "dots.test");
    fake_free(f);
}

static void names_are_made_of_addresses_and_ids(void **unused)
{
    char name[NAME_MAX_LEN + 1];
    struct err e = { 0 };

    assert_int_equal(name_from_ip(NAME_FORM_IP_LOWER, "10.0.1.5", name, &e), 0);
    assert_string_equal(name, "ip-0a000105"); /* leading zeros kept */
    assert_int_equal(name_from_ip(NAME_FORM_IP_UPPER, "192.168.255.31", name, &e), 0);
    assert_string_equal(name, "IP-C0A8FF1F");
    assert_int_equal(name_from_instance("i-0123456789abcdef0", name, &e), 0);
    assert_string_equal(name, "i-0123456789abc");
    assert_int_equal(name_from_ip(NAME_FORM_IP_LOWER, "10.0.1", name, &e), -EINVAL);
    err_clear(&e);
    assert_int_equal(name_from_ip(NAME_FORM_IP_LOWER, "10.0.1.256", name, &e), -EINVAL);
    err_clear(&e);
    assert_int_equal(name_from_ip(NAME_FORM_IP_LOWER, "10.0.1.5.6", name, &e), -EINVAL);
    assert_string_equal(name, "i-0123456789abc");
}

static void names_have_rules(void **unused)
{
    static const struct {
        const char *name;
        int result;
    } rows[] = { { "web-01", 0 },     { "a", 0 },         { "", -EINVAL },
                 { "1234", -EINVAL }, { "a_b", -EINVAL }, { "sixteen-chars-xx", -EINVAL },
                 { "-a", -EINVAL },   { "a-", -EINVAL },  { "fifteen-chars-x", 0 },
                 { "a.b", -EINVAL } };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = { 0 };

        assert_int_equal(name_check(rows[i].name, &e), rows[i].result);
    }
}

static void a_name_is_set_once(void **unused)
{
    struct fake *f = fake_new();
    struct err e = { 0 };
    bool changed = false;

    assert_int_equal(name_apply(&f->win, "web-01", NULL, &changed, &e), 0);
    assert_true(changed);
    assert_string_equal(f->computer, "web-01");
    assert_int_equal(name_apply(&f->win, "WEB-01", NULL, &changed, &e), 0);
    assert_false(changed);
    assert_int_equal(fake_count(f, "computer_set_name"), 1);
    fake_free(f);
}

static void time_settings_are_written(void **unused)
{
    struct fake *f = fake_new();
    struct err e = { 0 };
    bool changed = false;
    char text[24];

    assert_int_equal(zone_ntp_apply(&f->win, NULL, &e), 0);
    assert_string_equal(
        fake_reg_get_text(f, "HKLM\\SYSTEM\\CurrentControlSet\\Services\\W32Time\\Parameters",
                          "NtpServer"),
        "169.254.169.123,0x9");
    assert_int_equal(
        fake_reg_get_u32(f, "HKLM\\SYSTEM\\CurrentControlSet\\Control\\TimeZoneInformation",
                         "RealTimeIsUniversal"),
        1);
    assert_int_equal(zone_apply(&f->win, "utc", NULL, &changed, &e), 0);
    assert_false(changed);
    assert_int_equal(zone_apply(&f->win, "W. Europe Standard Time", NULL, &changed, &e), 0);
    assert_true(changed);
    assert_string_equal(zone_offset_text(0, false, text), "UTC +0000");
    assert_string_equal(zone_offset_text(-210, false, text), "UTC -0330");
    assert_string_equal(zone_offset_text(0, true, text), "UTC 00:00:00");
    assert_string_equal(zone_offset_text(330, true, text), "UTC 05:30:00");
    fake_free(f);
}

static void activation_is_pointed_at_the_platform(void **unused) /* S-160 */
{
    struct fake *f = fake_new();
    struct imds *m = imds_new(&f->win, dialect_get(DIALECT_V1));
    struct activation a = { .ask = true };
    struct err e = { 0 };
    char *result = NULL;

    fake_metadata_instance(f);
    assert_int_equal(activation_apply(&f->win, m, &a, NULL, NULL, &e), 0);
    assert_true(str_starts(fake_reg_get_text(f, AGENT_KMS_KEY, "KeyManagementServiceName"),
                           "169.254.169.25"));
    assert_string_equal(fake_reg_get_text(f, AGENT_KMS_KEY, "KeyManagementServicePort"), "1688");
    assert_true(fake_called(f, "run detached C:\\Windows\\System32\\cscript.exe //Nologo //B "
                               "C:\\Windows\\System32\\slmgr.vbs /ato"));
    a.log_result = true;
    fake_command(f, "C:\\Windows\\System32\\cscript.exe //Nologo C:\\", 0, "Product activated",
                 NULL, NULL);
    assert_int_equal(activation_apply(&f->win, m, &a, NULL, &result, &e), 0);
    assert_string_equal(result, "Product activated");
    free(result);
    imds_free(m);
    fake_free(f);
}

static void an_instance_without_ipv4_is_activated_by_ipv6(void **unused)
{
    struct fake *f = fake_new();
    struct imds *m = imds_new(&f->win, dialect_get(DIALECT_V2));
    struct activation a = { 0 };
    struct err e = { 0 };

    fake_metadata_instance(f);
    fake_metadata(f, "meta-data/local-ipv4", NULL);
    fake_metadata(f, "meta-data/ipv6", "2001:db8::5");
    assert_int_equal(activation_apply(&f->win, m, &a, NULL, NULL, &e), 0);
    assert_string_equal(fake_reg_get_text(f, AGENT_KMS_KEY, "KeyManagementServiceName"),
                        "fd00:ec2::250");
    assert_false(fake_called(f, "slmgr"));
    imds_free(m);
    fake_free(f);
}

static void an_own_licence_is_left_alone(void **unused)
{
    struct fake *f = fake_new();
    struct imds *m = imds_new(&f->win, dialect_get(DIALECT_V1));
    struct activation a = { .ask = true };
    struct err e = { 0 };

    fake_metadata(f, "dynamic/instance-identity/document",
                  "{ \"billingProducts\" : null, \"region\" : \"x\" }");
    assert_int_equal(activation_apply(&f->win, m, &a, NULL, NULL, &e), 0);
    assert_null(fake_reg_get_text(f, AGENT_KMS_KEY, "KeyManagementServiceName"));
    assert_false(activation_is_ours("{\"billingProducts\":[ ]}"));
    assert_true(activation_is_ours("{\"billingProducts\": [\"bp-6ba54002\"]}"));
    assert_true(activation_is_ours(NULL));
    imds_free(m);
    fake_free(f);
}

static void events_are_printed_oldest_first(void **unused) /* S-156 */
{
    struct fake *f = fake_new();
    struct events_wish wish = { .log = "System", .level = WIN_EVENT_ERROR, .count = 2 };
    struct console *c = NULL;
    struct err e = { 0 };
    uint64_t last = 0;

    for (uint64_t i = 0; i < 4; i++) {
        struct win_event *v = &f->events[f->events_n++];

        *v = (struct win_event){ .level = i == 2 ? WIN_EVENT_INFO : WIN_EVENT_ERROR,
                                 .time_ms = 1767312000000 + i * 3600000 };
        (void)str_copy(v->source, sizeof(v->source), "Disk");
        (void)str_copy(v->message, sizeof(v->message), "bad\r\nblock");
    }
    assert_int_equal(console_open(&f->win, NULL, 0, &c, &e), 0);
    assert_int_equal(events_print(&f->win, c, &wish, &last, &e), 0);
    assert_string_equal(
        str_text(&f->serial),
        "2026/01/02 03:04:05Z: EventLogEntry: System  Error  Disk  1/02/2026 01:00:00 AM  "
        "bad  block\r\n"
        "2026/01/02 03:04:05Z: EventLogEntry: System  Error  Disk  1/02/2026 03:00:00 AM  "
        "bad  block\r\n");
    wish.after_ms = last; /* the next time only what is newer */
    f->serial.len = 0;
    assert_int_equal(events_print(&f->win, c, &wish, &last, &e), 0);
    assert_int_equal(f->serial.len, 0);
    wish.count = 1000;
    assert_int_equal(events_print(&f->win, c, &wish, NULL, &e), -EINVAL);
    console_close(c);
    fake_free(f);
}

static void event_levels_have_names(void **unused)
{
    enum win_event_level level = WIN_EVENT_INFO;
    struct err e = { 0 };

    assert_int_equal(events_level_parse("WARNING", &level, &e), 0);
    assert_int_equal(level, WIN_EVENT_WARNING);
    assert_int_equal(events_level_parse("", &level, &e), 0);
    assert_int_equal(level, WIN_EVENT_ANY);
    assert_int_equal(events_level_parse("Fatal", &level, &e), -EINVAL);
    assert_non_null(strstr(e.msg, "'Fatal' is unknown"));
}

static void arguments_are_quoted_as_windows_reads_them(void **unused)
{
    static const char *const rows[][2] = {
        { "plain", "plain" },
        { "", "\"\"" },
        { "two words", "\"two words\"" },
        { "a\"b", "\"a\\\"b\"" },
        { "end\\", "end\\" },
        { "c:\\my dir\\", "\"c:\\my dir\\\\\"" },
        { "\\\\\"x", "\"\\\\\\\\\\\"x\"" },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *q = win_quote(rows[i][0]);

        assert_string_equal(q, rows[i][1]);
        free(q);
    }
}

static void a_command_line_is_split_as_the_c_runtime_does(void **unused)
{
    static const struct {
        const char *line, *args[5];
    } rows[] = {
        { "a.exe", { "a.exe" } },
        { "\"C:\\my dir\\a.exe\" run  now", { "C:\\my dir\\a.exe", "run", "now" } },
        { "a \"b c\" \"\" d\te ", { "a", "b c", "", "d", "e" } },
        { "a b\\c \"d\\\\\" e\\\"f", { "a", "b\\c", "d\\", "e\"f" } },
        { "a --x=\"1 2\"3 \"say \"\"hi\"\"\"", { "a", "--x=1 23", "say \"hi\"" } },
        { "a \"open end", { "a", "open end" } },
        { "", { "" } },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int n = 0;
        char **argv = win_split(rows[i].line, &n);

        for (int k = 0; k < n; k++) {
            assert_true(k < 5 && rows[i].args[k]);
            assert_string_equal(argv[k], rows[i].args[k]);
        }
        assert_true(n == 5 || !rows[i].args[n]);
        win_split_free(argv);
    }
}

static void quoting_and_splitting_are_reverse(void **unused)
{
    static const char alphabet[] = "a \\\"\t/";
    uint32_t state = 7;

    for (unsigned i = 0; i < 5000; i++) {
        char text[12] = "";
        struct str line = STR_INIT(256);
        char *quoted, **argv;
        int n = 0;

        for (unsigned k = 0; k < i % 11; k++) {
            state = state * 1103515245U + 12345U;
            text[k] = alphabet[(state >> 16) % 6];
        }
        quoted = win_quote(text);
        str_addf(&line, "p %s x", quoted);
        argv = win_split(str_text(&line), &n);
        assert_int_equal(n, 3);
        assert_string_equal(argv[1], text);
        assert_string_equal(argv[2], "x");
        win_split_free(argv);
        free(quoted);
        str_done(&line);
    }
}

static void environment_names_are_replaced(void **unused)
{
    struct fake *f = fake_new();
    struct err e = { 0 };
    char *s = win_expand(&f->win, "%SystemRoot%\\a%%b%NONE%c%", &e);

    assert_string_equal(s, "C:\\Windows\\a%%b%NONE%c%");
    free(s);
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v2_routes_are_on_link_and_not_kept),
        cmocka_unit_test(v1_routes_are_kept_and_replace_stale_ones),
        cmocka_unit_test(the_primary_adapter_is_found),
        cmocka_unit_test(routes_are_tried_until_an_adapter_is_there),
        cmocka_unit_test(one_refused_route_does_not_stop_the_others),
        cmocka_unit_test(metrics_are_clamped),
        cmocka_unit_test(suffixes_come_in_order_and_once),
        cmocka_unit_test(devolution_has_a_level_and_is_off_by_default),
        cmocka_unit_test(a_suffix_without_its_value_is_left_out),
        cmocka_unit_test(names_are_made_of_addresses_and_ids),
        cmocka_unit_test(names_have_rules),
        cmocka_unit_test(a_name_is_set_once),
        cmocka_unit_test(time_settings_are_written),
        cmocka_unit_test(activation_is_pointed_at_the_platform),
        cmocka_unit_test(an_instance_without_ipv4_is_activated_by_ipv6),
        cmocka_unit_test(an_own_licence_is_left_alone),
        cmocka_unit_test(events_are_printed_oldest_first),
        cmocka_unit_test(event_levels_have_names),
        cmocka_unit_test(arguments_are_quoted_as_windows_reads_them),
        cmocka_unit_test(a_command_line_is_split_as_the_c_runtime_does),
        cmocka_unit_test(quoting_and_splitting_are_reverse),
        cmocka_unit_test(environment_names_are_replaced),
    };

    return test_run(tests);
}
