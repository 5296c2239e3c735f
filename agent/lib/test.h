/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test includes first: cmocka with its demanding headers, TAP output. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants these four before it */
#include <cmocka.h>

#define test_run(tests)                                                                            \
    (cmocka_set_message_output(CM_OUTPUT_TAP), cmocka_run_group_tests(tests, NULL, NULL))
