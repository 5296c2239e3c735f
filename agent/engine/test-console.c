/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/test.h"

#include <errno.h>
#include <string.h>

#include "engine/console.h"
#include "engine/fake.h"
#include "engine/setup.h"

#define V2_LOG "C:\\ProgramData\\Amazon\\EC2Launch\\log\\agent.log"

struct fixture {
    struct fake *f;
    struct win *w;
    struct log *log;
    struct console *c;
};

static struct fixture start(enum dialect_id id, uint32_t wait_ms)
{
    struct fixture x = { .f = fake_new() };
    const struct dialect *d = dialect_get(id);
    struct err e = { 0 };

    x.w = &x.f->win;
    x.log = log_new(x.w, d, d->log_path, NULL);
    assert_non_null(x.log);
    assert_int_equal(console_open(x.w, x.log, wait_ms, &x.c, &e), 0);
    return x;
}

static void end(struct fixture *x)
{
    console_close(x->c);
    log_free(x->log);
    fake_free(x->f);
}

static void a_line_has_a_stamp_and_ends_in_cr_lf(void **unused)
{
    struct fixture x = start(DIALECT_V2, 0);

    console_say(x.c, "Message: %s", "Windows is Ready to use");
    assert_string_equal(str_text(&x.f->serial),
                        "2026/01/02 03:04:05Z: Message: Windows is Ready to use\r\n");
    assert_non_null(
        strstr(fake_file_text(x.f, V2_LOG),
               "2026-01-02 03:04:05.000 Console: Message: Windows is Ready to use\r\n"));
    end(&x);
}

static void an_outside_value_cannot_make_a_second_line(void **unused)
{
    struct fixture x = start(DIALECT_V2, 0);

    console_say(x.c, "HOSTNAME: %s", "a\r\n<Password>\tb");
    assert_string_equal(str_text(&x.f->serial),
                        "2026/01/02 03:04:05Z: HOSTNAME: a  <Password> b\r\n");
    end(&x);
}

static void the_password_stands_between_its_tags(void **unused)
{
    struct fixture x = start(DIALECT_CONFIG, 0);

    console_say_password(x.c, "Administrator", "QUJD");
    assert_string_equal(str_text(&x.f->serial),
                        "2026/01/02 03:04:05Z: Username: Administrator\r\n"
                        "2026/01/02 03:04:05Z: Password: <Password>\r\nQUJD\r\n</Password>\r\n");
    end(&x);
}

static void a_busy_port_is_waited_for(void **unused)
{
    struct fake *f = fake_new();
    struct console *c = NULL;
    struct err e = { 0 };
    uint64_t before = f->win.tick_ms(&f->win);

    f->port_busy = 7;
    assert_int_equal(console_open(&f->win, NULL, CONSOLE_WAIT_MS, &c, &e), 0);
    assert_true(console_has_port(c));
    assert_int_equal(f->win.tick_ms(&f->win) - before, 7000);
    console_close(c);
    fake_free(f);
}

static void without_a_port_the_log_still_gets_the_lines(void **unused)
{
    struct fake *f = fake_new();
    struct log *log = log_new(&f->win, dialect_get(DIALECT_V2), V2_LOG, NULL);
    struct console *c = NULL;
    struct err e = { 0 };

    f->port_absent = true;
    assert_int_equal(console_open(&f->win, log, CONSOLE_WAIT_MS, &c, &e), 0);
    assert_false(console_has_port(c));
    assert_int_equal(f->win.tick_ms(&f->win), CONSOLE_WAIT_MS);
    console_say(c, "hello");
    assert_non_null(strstr(fake_file_text(f, V2_LOG), "Console: hello"));
    assert_string_equal(str_text(&f->serial), "");
    console_close(c);
    log_free(log);
    fake_free(f);
}

static void a_port_that_breaks_is_given_up(void **unused)
{
    struct fixture x = start(DIALECT_V2, 0);

    fake_fail(x.f, "port_write", EIO, 1);
    console_say(x.c, "one");
    assert_false(console_has_port(x.c));
    console_say(x.c, "two");
    assert_non_null(strstr(fake_file_text(x.f, V2_LOG), "No more serial console"));
    assert_non_null(strstr(fake_file_text(x.f, V2_LOG), "Console: two"));
    end(&x);
}

static void a_port_let_go_is_opened_for_each_text(void **unused)
{
    struct fixture x = start(DIALECT_V2, 0);

    console_say(x.c, "one");
    console_let_go(x.c);
    assert_false(x.f->port_is_open);
    assert_non_null(strstr(fake_file_text(x.f, V2_LOG), "COM port closed successfully."));
    console_say(x.c, "two");
    assert_false(x.f->port_is_open);
    x.f->port_busy = 1; /* a script has it */
    console_say(x.c, "three");
    console_say(x.c, "four");
    assert_string_equal(str_text(&x.f->serial),
                        "2026/01/02 03:04:05Z: one\r\n2026/01/02 03:04:05Z: two\r\n"
                        "2026/01/02 03:04:05Z: four\r\n");
    assert_non_null(strstr(fake_file_text(x.f, V2_LOG), "Console: three\r\n"));
    end(&x);
}

static void put_spcr(struct fake *f, uint16_t vendor, size_t length)
{
    uint8_t *t = calloc(1, 80);

    memcpy(t, "SPCR", 4);
    t[4] = (uint8_t)length;
    t[64] = 0x00;
    t[65] = 0x80;
    t[66] = (uint8_t)vendor;
    t[67] = (uint8_t)(vendor >> 8);
    t[69] = 3;
    f->spcr = t;
    f->spcr_n = 80;
}

static void spcr_leads_to_another_port(void **unused)
{
    struct fake *f = fake_new();
    struct console *c = NULL;
    struct err e = { 0 };

    put_spcr(f, 0x1d0f, 80);
    f->port = "COM3";
    f->pci_port = "COM3";
    assert_int_equal(console_open(&f->win, NULL, 0, &c, &e), 0);
    assert_true(fake_called(f, "port_open COM3"));
    console_close(c);
    fake_free(f);
}

static void spcr_without_pci_or_damaged_means_com1(void **unused)
{
    struct win_pci at;
    struct err e = { 0 };

    for (unsigned i = 0; i < 3; i++) {
        struct fake *f = fake_new();
        char *name = NULL;

        put_spcr(f, i ? 0x1d0f : 0xffff, i == 1 ? 200 : 80);
        f->pci_port = i == 2 ? NULL : "COM9";
        assert_int_equal(console_port_name(&f->win, &name, &e), 0);
        assert_string_equal(name, "COM1");
        free(name);
        fake_free(f);
    }
    assert_int_equal(console_spcr_parse("SPCR", 4, &at, &e), -EINVAL);
}

static unsigned polls;

static bool finish_setup(void *ctx)
{
    if (++polls == 3)
        fake_reg_text(ctx, SETUP_STATE_KEY, "ImageState", SETUP_COMPLETE);
    return false;
}

static void setup_says_its_state_once_and_then_that_it_is_over(void **unused) /* S-51 to S-54 */
{
    struct fixture x = start(DIALECT_V2, 0);
    struct err e = { 0 };

    polls = 0;
    fake_reg_text(x.f, SETUP_STATE_KEY, "ImageState", "IMAGE_STATE_UNDEPLOYABLE");
    assert_int_equal(setup_wait(x.w, x.c, dialect_get(DIALECT_V2), 0, finish_setup, x.f, &e), 0);
    assert_string_equal(str_text(&x.f->serial),
                        "2026/01/02 03:04:05Z: Windows is being configured. "
                        "SysprepState=IMAGE_STATE_UNDEPLOYABLE\r\n"
                        "2026/01/02 03:04:08Z: Windows sysprep configuration complete.\r\n");
    end(&x);
}

static void ec2config_words_differ(void **unused) /* S-144, S-150 */
{
    struct fixture x = start(DIALECT_CONFIG, 0);
    struct err e = { 0 };

    polls = 2;
    fake_reg_text(x.f, SETUP_STATE_KEY, "ImageState", "IMAGE_STATE_UNDEPLOYABLE");
    assert_int_equal(setup_wait(x.w, x.c, dialect_get(DIALECT_CONFIG), 0, finish_setup, x.f, &e),
                     0);
    assert_string_equal(str_text(&x.f->serial),
                        "2026/01/02 03:04:05Z: EC2ConfigMonitorState: 0 Windows is being "
                        "configured. SysprepState=IMAGE_STATE_UNDEPLOYABLE\r\n"
                        "2026/01/02 03:04:06Z: Windows sysprep configuration complete.\r\n"
                        "2026/01/02 03:04:06Z: Message: Sysprep Start\r\n"
                        "2026/01/02 03:04:06Z: Message: Sysprep End\r\n");
    end(&x);
}

static void setup_that_never_ends_has_a_limit(void **unused)
{
    struct fixture x = start(DIALECT_V1, 0);
    struct err e = { 0 };
    char *text;

    fake_reg_text(x.f, SETUP_STATE_KEY, "ImageState", "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE");
    assert_int_equal(setup_wait(x.w, x.c, dialect_get(DIALECT_V1), 130000, NULL, NULL, &e),
                     -ETIMEDOUT);
    text = fake_log_text(x.f, "C:\\ProgramData\\Amazon\\EC2-Windows\\Launch\\Log\\Ec2Launch.log");
    assert_non_null(strstr(text, "2026/01/02 03:06:05Z: Windows is still being configured. "
                                 "SysprepState=IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE\r\n"));
    free(text);
    end(&x);
}

static void logs_have_the_form_of_their_agent(void **unused)
{
    struct fake *f = fake_new();
    struct log *v1 = log_new(&f->win, dialect_get(DIALECT_V1), "%TEMP%\\v1\\a.log", NULL);
    struct log *cfg = log_new(&f->win, dialect_get(DIALECT_CONFIG), "C:\\c\\a.txt", "SysprepUtils");

    log_say(v1, LOG_INFO, "Zürich");
    assert_memory_equal(fake_file_text(f, "C:\\Windows\\TEMP\\v1\\a.log"),
                        "\xff\xfe"
                        "2\0000\0002\0006\0",
                        10);
    log_say(cfg, LOG_INFO, "Reading");
    log_from(cfg, "EC2AddRoute", "Adding");
    assert_string_equal(fake_file_text(f, "C:\\c\\a.txt"),
                        "2026-01-02T03:04:05.000Z: SysprepUtils: Reading\r\n"
                        "2026-01-02T03:04:05.000Z: EC2AddRoute: Adding\r\n");
    log_free(v1);
    log_free(cfg);
    fake_free(f);
}

static void the_agent_log_is_rotated_and_one_backup_kept(void **unused)
{
    struct fake *f = fake_new();
    struct log *log = log_new(&f->win, dialect_get(DIALECT_V2), V2_LOG, NULL);
    char *big = calloc(1, 60001);
    unsigned backups = 0;

    memset(big, 'x', 60000);
    for (unsigned i = 0; i < 40; i++) {
        log_text(log, LOG_INFO, big);
        f->tick_ms += 1500;
    }
    assert_true(strlen(fake_file_text(f, V2_LOG)) <= 1048576);
    for (struct fake_pair *p = f->files; p; p = p->next)
        backups += strstr(p->key, "\\agent-2026-01-02T03-04-") != NULL;
    assert_int_equal(backups, 1);
    free(big);
    log_free(log);
    fake_free(f);
}

static void a_log_that_cannot_be_written_stops_nothing(void **unused)
{
    struct fake *f = fake_new();
    struct log *log = log_new(&f->win, dialect_get(DIALECT_V2), V2_LOG, NULL);

    fake_fail(f, "file_append", ENOSPC, 1);
    log_say(log, LOG_ERROR, "lost");
    log_say(log, LOG_ERROR, "kept");
    assert_string_equal(fake_file_text(f, V2_LOG), "2026-01-02 03:04:05.000 Error: kept\r\n");
    log_free(log);
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_a_stamp_and_ends_in_cr_lf),
        cmocka_unit_test(an_outside_value_cannot_make_a_second_line),
        cmocka_unit_test(the_password_stands_between_its_tags),
        cmocka_unit_test(a_busy_port_is_waited_for),
        cmocka_unit_test(without_a_port_the_log_still_gets_the_lines),
        cmocka_unit_test(a_port_that_breaks_is_given_up),
        cmocka_unit_test(a_port_let_go_is_opened_for_each_text),
        cmocka_unit_test(spcr_leads_to_another_port),
        cmocka_unit_test(spcr_without_pci_or_damaged_means_com1),
        cmocka_unit_test(setup_says_its_state_once_and_then_that_it_is_over),
        cmocka_unit_test(ec2config_words_differ),
        cmocka_unit_test(setup_that_never_ends_has_a_limit),
        cmocka_unit_test(logs_have_the_form_of_their_agent),
        cmocka_unit_test(the_agent_log_is_rotated_and_one_backup_kept),
        cmocka_unit_test(a_log_that_cannot_be_written_stops_nothing),
    };

    return test_run(tests);
}
