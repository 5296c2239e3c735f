/* SPDX-License-Identifier: Apache-2.0 */
#include "test-machine.h"

#include "lib/test.h"

struct fake *machine(void)
{
    struct fake *f = fake_new();

    fake_ship(f, SETTINGS "Config.xml", FILES "Settings/Config.xml");
    fake_ship(f, SETTINGS "BundleConfig.xml", FILES "Settings/BundleConfig.xml");
    fake_ship(f, SETTINGS "EventLogConfig.xml", FILES "Settings/EventLogConfig.xml");
    fake_ship(f, SETTINGS "DriveLetterConfig.xml", FILES "Settings/DriveLetterConfig.xml");
    fake_ship(f, ANSWER, FILES "sysprep2008.xml");
    fake_ship(f, ROOT "Scripts\\BeforeSysprep.cmd", FILES "Scripts/BeforeSysprep.cmd");
    fake_sysprep(f);
    fake_metadata_instance(f);
    return f;
}

int boot(struct fake *f, struct err *e)
{
    return config_service_run(&f->win, NULL, NULL, e);
}

void set_plugin(struct fake *f, const char *name, bool on)
{
    struct config_file c = { 0 };
    struct err e = { 0 };

    assert_int_equal(config_file_load(&f->win, &c, &e), 0);
    assert_int_equal(config_plugin_set(&c, name, on, &e), 0);
    assert_int_equal(config_file_save(&f->win, &c, &e), 0);
    config_file_done(&c);
}

bool plugin_is(struct fake *f, const char *name)
{
    struct config_file c = { 0 };
    struct err e = { 0 };
    bool on;

    assert_int_equal(config_file_load(&f->win, &c, &e), 0);
    on = config_plugin_on(&c, name);
    config_file_done(&c);
    return on;
}

int command(struct fake *f, const char *line)
{
    fake_hush();
    return config_main(&f->win, line, fake_hear, NULL);
}
