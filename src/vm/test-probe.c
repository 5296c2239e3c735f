/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "file.h"
#include "probe.h"
#include "str.h"

static char dir[32], qemu[64], cache[64];

static int make_dir(void **unused)
{
    (void)unused;
    (void)str_copy(dir, sizeof dir, "/tmp/kiln-probe.XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    (void)snprintf(qemu, sizeof qemu, "%s/qemu", dir);
    (void)snprintf(cache, sizeof cache, "%s/accel", dir);
    return 0;
}

static int remove_dir(void **unused)
{
    struct err e = { 0 };

    (void)unused;
    return tree_remove(dir, &e);
}

struct answer {
    sd_event *loop;
    bool told;
    enum vm_accel accel;
    char why[256];
};

static void on_answer(enum vm_accel accel, const char *why, void *userdata)
{
    struct answer *a = userdata;

    assert_false(a->told);
    a->told = true;
    a->accel = accel;
    (void)str_copy(a->why, sizeof a->why, why);
}

/* script is what stands in for QEMU; NULL: the one that is there. */
static struct answer probe_for(unsigned deadline_ms, const char *script, const char *device,
                               bool *ret_at_once)
{
    struct answer a = { 0 };
    struct err e = { 0 };
    int r;

    if (script) {
        assert_int_equal(file_replace(qemu, script, strlen(script), 0755, &e), 0);
    }
    assert_true(sd_event_new(&a.loop) >= 0);
    r = vm_probe_at(a.loop, qemu, device, NULL, cache, deadline_ms, on_answer, &a, &e);
    assert_int_equal(r, 0);
    *ret_at_once = a.told;
    while (!a.told)
        assert_true(sd_event_run(a.loop, 5000000) > 0);
    sd_event_unref(a.loop);
    return a;
}

static struct answer probe(const char *script, const char *device, bool *ret_at_once)
{
    return probe_for(300, script, device, ret_at_once);
}

static void without_a_device_the_answer_comes_at_once(void **unused)
{
    bool at_once;
    struct answer a = probe_for(20000, "#!/bin/sh\nexit 85\n", "/nonexistent/kvm", &at_once);

    (void)unused;
    assert_true(at_once);
    assert_int_equal(a.accel, VM_ACCEL_TCG);
    assert_string_equal(a.why, "/nonexistent/kvm: there is none here, guests are emulated (slow)");
    assert_false(path_exists(cache));
}

static void a_guest_that_runs_is_kvm_and_remembered(void **unused)
{
    bool at_once;
    struct answer a = probe_for(20000, "#!/bin/sh\nexit 85\n", "/dev/null", &at_once);

    (void)unused;
    assert_false(at_once);
    assert_int_equal(a.accel, VM_ACCEL_KVM);
    a = probe(NULL, "/dev/null", &at_once);
    assert_true(at_once);
    assert_int_equal(a.accel, VM_ACCEL_KVM);
    assert_string_equal(a.why, "KVM runs guests (known since this boot)");
}

static void a_guest_that_hangs_costs_the_deadline_once(void **unused)
{
    uint64_t begun = clock_mono_ms();
    bool at_once;
    struct answer a = probe("#!/bin/sh\nexec sleep 60\n", "/dev/null", &at_once);

    (void)unused;
    assert_in_range(clock_mono_ms() - begun, 300, 5000);
    assert_int_equal(a.accel, VM_ACCEL_TCG);
    assert_non_null(strstr(a.why, "ran no guest within 300 ms"));
    a = probe(NULL, "/dev/null", &at_once);
    assert_true(at_once);
    assert_int_equal(a.accel, VM_ACCEL_TCG);
}

static void a_refusal_carries_its_reason(void **unused)
{
    bool at_once;
    struct answer a =
        probe_for(20000,
                  "#!/bin/sh\necho 'qemu: failed to initialize kvm: No such device' >&2\nexit 1\n",
                  "/dev/null", &at_once);

    (void)unused;
    assert_int_equal(a.accel, VM_ACCEL_TCG);
    assert_string_equal(a.why, "KVM cannot be used, guests are emulated (slow): No such device");
    assert_false(path_exists(cache)); /* whoever mends it is not told yesterday's answer */
}

static void another_qemu_is_asked_again(void **unused)
{
    bool at_once;
    struct answer a = probe_for(20000, "#!/bin/sh\nexit 85\n", "/dev/null", &at_once);

    (void)unused;
    a = probe_for(20000, "#!/bin/sh\n# an update\nexit 1\n", "/dev/null", &at_once);
    assert_false(at_once);
    assert_int_equal(a.accel, VM_ACCEL_TCG);
}

static void a_cache_of_another_boot_is_not_believed(void **unused)
{
    bool at_once;
    struct answer a = probe_for(20000, "#!/bin/sh\nexit 85\n", "/dev/null", &at_once);
    _cleanup_free_ char *text = NULL;
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(file_read(cache, 512, &text, NULL, &e), 0);
    text[0] = text[0] == '0' ? '1' : '0';
    assert_int_equal(file_replace(cache, text, strlen(text), 0644, &e), 0);
    a = probe_for(20000, NULL, "/dev/null", &at_once);
    assert_false(at_once);
    assert_int_equal(a.accel, VM_ACCEL_KVM);
}

static void a_missing_qemu_is_an_error(void **unused)
{
    struct err e = { 0 };
    struct answer a = { 0 };

    (void)unused;
    assert_int_equal(vm_probe_at(NULL, "/nonexistent/qemu", "/dev/null", NULL, cache, 300,
                                 on_answer, &a, &e),
                     -ENOENT);
    assert_string_equal(e.msg, "probe KVM: there is no program '/nonexistent/qemu'");
}

/* The guest code itself, on the real QEMU, with emulation in the place of KVM. */
static void the_trial_guest_answers(void **unused)
{
    bool at_once;
    struct answer a;

    (void)unused;
    if (access("/usr/bin/qemu-system-x86_64", X_OK) < 0)
        skip();
    a = probe_for(20000,
                  "#!/bin/sh\nset -- $(echo \"$*\" | sed 's/kvm -cpu host/tcg -cpu max,-smap/')\n"
                  "exec /usr/bin/qemu-system-x86_64 \"$@\"\n",
                  "/dev/null", &at_once);
    assert_string_equal(a.why, "KVM runs guests");
}

/* As root we may open what the user of the guests may not. */
static void the_trial_runs_as_the_user_of_the_guests(void **unused)
{
    struct answer a = { 0 };
    struct err e = { 0 };
    static const char script[] = "#!/bin/sh\n[ \"$(id -un)\" = nobody ] && exit 85\n"
                                 "echo 'qemu: not nobody' >&2\nexit 1\n";

    (void)unused;
    if (geteuid())
        skip();
    assert_int_equal(chmod(dir, 0755), 0);
    assert_int_equal(file_replace(qemu, script, strlen(script), 0755, &e), 0);
    assert_true(sd_event_new(&a.loop) >= 0);
    assert_int_equal(vm_probe_at(a.loop, qemu, "/dev/null", "nobody", cache, 20000, on_answer, &a,
                                 &e),
                     0);
    while (!a.told)
        assert_true(sd_event_run(a.loop, 5000000) > 0);
    sd_event_unref(a.loop);
    assert_string_equal(a.why, "KVM runs guests");
}

#define T(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(without_a_device_the_answer_comes_at_once),
        T(a_guest_that_runs_is_kvm_and_remembered),
        T(a_guest_that_hangs_costs_the_deadline_once),
        T(a_refusal_carries_its_reason),
        T(another_qemu_is_asked_again),
        T(a_cache_of_another_boot_is_not_believed),
        T(a_missing_qemu_is_an_error),
        T(the_trial_guest_answers),
        T(the_trial_runs_as_the_user_of_the_guests),
    };

    return test_run(tests);
}
