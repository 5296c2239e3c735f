/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables hold what the code that walks them believes. */
#include "test.h"

#include <ctype.h>
#include <string.h>

#include "dispatch.h"
#include "errors.h"

static void actions_are_sorted_and_found(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < api_actions_count; i++) {
        if (i > 0 && strcmp(api_actions[i - 1]->name, api_actions[i]->name) >= 0)
            fail_msg("%s stands before %s", api_actions[i - 1]->name, api_actions[i]->name);
        assert_ptr_equal(api_action_find(api_actions[i]->name), api_actions[i]);
    }
    assert_null(api_action_find("Nothing"));
    assert_null(api_action_find("describeregions"));
}

static void every_action_is_complete(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < api_actions_count; i++) {
        const struct api_action *a = api_actions[i];

        if (!a->handle || !a->params || !a->summary || !*a->summary)
            fail_msg("%s lacks a handler, a table or a summary", a->name);
        if ((a->flags & API_TOKEN) && (!a->replay || !(a->flags & API_WRITES)))
            fail_msg("%s takes a client token, but cannot answer again", a->name);
        if ((a->flags & API_PAGES) && (!a->max_results_max || a->max_results_min < 1))
            fail_msg("%s has pages, but no range of MaxResults", a->name);
        if (!(a->flags & API_WRITES) && strncmp(a->name, "Describe", 8) != 0 &&
            strncmp(a->name, "Get", 3) != 0)
            fail_msg("%s looks as if it changed something, but has no transaction", a->name);
    }
}

static void every_failure_of_every_action_has_a_wire_code(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < api_actions_count; i++)
        for (int k = 0; k < ERR_KIND_MAX; k++)
            if (!api_error_code(api_actions[i]->resource, (enum err_kind)k))
                fail_msg("%s: resource '%s' has no code for kind '%s'", api_actions[i]->name,
                         api_actions[i]->resource, err_kind_name((enum err_kind)k));
}

static void every_row_of_the_error_table_is_complete(void **unused)
{
    const char *resource;

    (void)unused;
    for (size_t i = 0; (resource = errors_resource_at(i)); i++)
        for (int k = 0; k < ERR_KIND_MAX; k++)
            if (!api_error_code(resource, (enum err_kind)k))
                fail_msg("resource '%s' has no code for kind '%s'", resource,
                         err_kind_name((enum err_kind)k));
    assert_null(api_error_code("nonsense", ERR_OTHER));
}

static void codes_have_the_status_that_clients_know(void **unused)
{
    (void)unused;
    assert_int_equal(errors_status("InvalidInstanceID.NotFound"), 400);
    assert_int_equal(errors_status("DryRunOperation"), 412);
    assert_int_equal(errors_status("AuthFailure"), 401);
    assert_int_equal(errors_status("UnauthorizedOperation"), 403);
    assert_int_equal(errors_status("InternalError"), 500);
    assert_int_equal(errors_status("InsufficientInstanceCapacity"), 500);
    assert_int_equal(errors_status("InsufficientHostCapacity"), 500);
    assert_int_equal(errors_status("RequestLimitExceeded"), 503);
    assert_int_equal(errors_status("RequestEntityTooLarge"), 413);
}

/* "BlockDeviceMapping.N.Ebs.VolumeSize", or with ".*" at the end of what is not read. */
static bool is_well_formed(const struct api_param *p)
{
    const char *s = p->name;

    while (*s) {
        size_t n = strcspn(s, ".");
        bool star = n == 1 && *s == '*';

        if (n == 0 || (star && (s[1] || (p->type != PARAM_NOT_YET && p->type != PARAM_IGNORED))))
            return false;
        for (size_t i = 0; i < n && !star; i++)
            if (!isalnum((unsigned char)s[i]) && s[i] != '-')
                return false;
        s += n;
        if (*s == '.' && !*++s)
            return false;
    }
    return true;
}

static void parameters_are_well_formed(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < api_actions_count; i++)
        for (const struct api_param *p = api_actions[i]->params; p->name; p++) {
            if (!is_well_formed(p))
                fail_msg("%s: the path %s", api_actions[i]->name, p->name);
            if ((p->type == PARAM_ID) != (p->prefix != NULL))
                fail_msg("%s: the prefix of %s", api_actions[i]->name, p->name);
            if (p->max && p->min > p->max)
                fail_msg("%s: the range of %s", api_actions[i]->name, p->name);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actions_are_sorted_and_found),
        cmocka_unit_test(every_action_is_complete),
        cmocka_unit_test(every_failure_of_every_action_has_a_wire_code),
        cmocka_unit_test(every_row_of_the_error_table_is_complete),
        cmocka_unit_test(codes_have_the_status_that_clients_know),
        cmocka_unit_test(parameters_are_well_formed),
    };

    return test_run(tests);
}
