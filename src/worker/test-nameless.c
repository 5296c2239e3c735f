/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nameless.h"

static void the_first_one_that_the_server_takes_is_ours(void **unused)
{
    struct err e = { 0 };
    int listening, ours, theirs, accepted;
    char c = 0;

    (void)unused;
    assert_int_equal(nameless_connect(&listening, &ours, &e), 0);
    assert_int_equal(nameless_join(listening, &theirs, &e), -EAGAIN); /* the queue is full */
    accepted = accept(listening, NULL, NULL);
    assert_true(accepted >= 0);
    assert_int_equal(write(ours, "x", 1), 1);
    assert_int_equal(read(accepted, &c, 1), 1);
    assert_int_equal(c, 'x');
    close(listening);
    close(accepted);
    assert_int_equal(read(ours, &c, 1), 0); /* a server that ends, ends it */
    close(ours);
}

static void behind_a_stranger_we_do_not_stand(void **unused)
{
    struct err e = { 0 };
    int listening, ours = -7, theirs;

    (void)unused;
    assert_int_equal(nameless_listen(&listening, &e), 0);
    assert_int_equal(nameless_join(listening, &theirs, &e), 0);
    assert_int_equal(nameless_join(listening, &ours, &e), -EAGAIN);
    assert_int_equal(ours, -7);
    assert_string_equal(e.msg, "connect to a socket: Resource temporarily unavailable");
    close(theirs);
    close(listening);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_one_that_the_server_takes_is_ours),
        cmocka_unit_test(behind_a_stranger_we_do_not_stand),
    };

    return test_run(tests);
}
