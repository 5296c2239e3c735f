/* SPDX-License-Identifier: Apache-2.0 */
#include "test-machine.h"

#include "lib/test.h"

struct fake *machine(void)
{
    struct fake *f = fake_new();

    fake_ship(f, CONFIG, FILES "Config/LaunchConfig.json");
    fake_ship(f, ROOT "Config\\DriveLetterMappingConfig.json",
              FILES "Config/DriveLetterMappingConfig.json");
    fake_ship(f, ROOT "Config\\EventLogConfig.json", FILES "Config/EventLogConfig.json");
    fake_ship(f, ANSWER, FILES "Sysprep/Unattend.xml");
    fake_ship(f, ROOT "Sysprep\\BeforeSysprep.cmd", FILES "Sysprep/BeforeSysprep.cmd");
    fake_sysprep(f);
    fake_metadata_instance(f);
    return f;
}

int run(struct fake *f, const char *verb, const char *a, const char *b)
{
    const char *const argv[] = { "Ec2Launch.exe", verb, a, b };

    fake_hush();
    return v1_main(&f->win, 2 + (a != NULL) + (b != NULL), argv, fake_hear, NULL);
}

void set_config(struct fake *f, const char *type, const char *password)
{
    struct v1_config c = { 0 };
    struct err e = { 0 };
    enum v1_password t = V1_PASSWORD_RANDOM;

    while (!str_eq(v1_password_name(t), type))
        t++;
    assert_int_equal(v1_config_load(&f->win, &c, &e), 0);
    assert_int_equal(v1_config_set_password(&c, t, password, &e), 0);
    assert_int_equal(v1_config_save(&f->win, &c, &e), 0);
    v1_config_done(&c);
}
