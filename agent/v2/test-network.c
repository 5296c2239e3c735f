/* SPDX-License-Identifier: Apache-2.0 */
/* Routes and metadata in whole runs. */
#include "lib/test.h"

#include <string.h>

#include "lib/str.h"
#include "test-machine.h"

#define FAILED "Failed to find primary network interface...retrying..."

static void second_adapter(struct fake *f)
{
    f->adapters[1] = f->adapters[0];
    f->adapters[1].index = 9;
    (void)str_copy(f->adapters[1].mac, sizeof f->adapters[1].mac, "02:00:00:00:00:09");
    (void)str_copy(f->adapters[1].name, sizeof f->adapters[1].name, "Ethernet 2");
    f->adapters_n = 2;
}

static void routes_go_to_the_adapter_that_metadata_calls_primary(void **state)
{
    _cleanup_(fake_freep) struct fake *f = machine_of(NULL);

    second_adapter(f);
    fake_metadata(f, "meta-data/mac", "02:00:00:00:00:09");
    (void)machine_run(f);
    assert_true(fake_called(f, "route_add 169.254.169.254/32 via 0.0.0.0 if 9 metric 15\n"));
    for (size_t i = 0; i < f->routes_n; i++)
        assert_int_equal(f->routes[i].index, 9);
    assert_true(fake_called(f, "Ethernet 2 is the primary adapter"));
    f->routes_n = 0;
    assert_int_equal(v2_run_one(&f->win, "add-routes", &(struct err){ 0 }), 0);
    assert_int_equal(f->routes[0].index, 9);
}

static void routes_of_the_right_adapter_are_set_once(void **state)
{
    _cleanup_(fake_freep) struct fake *f = machine_of(NULL);

    second_adapter(f);
    fake_metadata(f, "meta-data/mac", "02:00:00:00:00:05");
    (void)machine_run(f);
    assert_int_equal(fake_count(f, "route_add 169.254.169.254/32"), 1);
    assert_int_equal(f->routes[0].index, 5);
}

static void a_machine_without_an_adapter_says_so_and_becomes_ready(void **state)
{
    _cleanup_(fake_freep) struct fake *f = machine_of(NULL);

    f->adapters_n = 0;
    f->imds_refuse = 100000;
    (void)machine_run(f);
    assert_logged(f, "Warning: " FAILED);
    assert_true(fake_called(f, "event_write Amazon EC2Launch Amazon EC2Launch 302 "));
    assert_on_console(f, "Message: Windows is Ready to use\r\n");
}

/* From metadata; from Windows when there is none. */
static void a_name_is_made_of_the_private_address(void **state)
{
    for (int off = 0; off <= 1; off++) {
        _cleanup_(fake_freep) struct fake *f =
            machine_of(machine_settings("postReady", "  - task: setHostName\n"));

        fake_metadata(f, "meta-data/local-ipv4", "10.0.0.255");
        f->imds_off = off;
        assert_int_equal(machine_run(f), V2_END_SUCCESS);
        assert_string_equal(f->computer, off ? "ip-0a000105" : "ip-0a0000ff");
        if (off)
            assert_on_console(f, "Metadata is not available for this instance.\r\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_go_to_the_adapter_that_metadata_calls_primary),
        cmocka_unit_test(routes_of_the_right_adapter_are_set_once),
        cmocka_unit_test(a_machine_without_an_adapter_says_so_and_becomes_ready),
        cmocka_unit_test(a_name_is_made_of_the_private_address),
    };

    return test_run(tests);
}
