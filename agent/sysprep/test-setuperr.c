/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/test.h"

#include <string.h>

#include "sysprep/sysprep.h"

#define AT "2026-01-02 03:04:05, "

static const struct {
    const char *text, *line, *cure;
} cases[] = {
    /* the cause stands first, what follows from it is passed over */
    { AT "Error                 SYSPRP Package Contoso.App_1.0.0.0_x64__abc was installed for a "
         "user, but not provisioned for all users. This package will not function properly in the "
         "sysprep image.\r\n" AT "Error                 SYSPRP Failed to remove apps for the "
         "current user: 0x80073cf2.\r\n",
      "SYSPRP Package Contoso.App_1.0.0.0_x64__abc was installed for a user, but not provisioned",
      "Remove-AppxPackage" },
    /* a known cause behind an unknown line wins */
    { AT "Error      [0x0f0082] SYSPRP ActionPlatform::LaunchModule: Failure occurred while "
         "executing 'SysprepGeneralizeValidate'\n" AT "Error                 SYSPRP "
         "BitLocker-Sysprep: BitLocker is on for the OS volume. Turn BitLocker off to run Sysprep. "
         "(0x80310039)\n",
      "SYSPRP BitLocker-Sysprep: BitLocker is on for the OS volume", "switch BitLocker off" },
    { AT "Error      [0x0f0073] SYSPRP RunExternalDlls:Not running DLLs; either the machine is in "
         "an invalid state or we couldn't update the recorded state, dwRet = 0x1f",
      "SYSPRP RunExternalDlls:Not running DLLs", "never generalized" },
    /* nothing known: the first error, no advice */
    { AT "Info                  SYSPRP fine\n" AT "Error                 SYSPRP odd thing\n",
      "SYSPRP odd thing", "" },
};

static void the_line_that_names_the_cause_is_found(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct setuperr_cause c = { { 0 }, { 0 } };
        assert_int_equal(setuperr_cause(cases[i].text, strlen(cases[i].text), &c), 1);
        assert_true(str_starts(c.line, cases[i].line));
        assert_non_null(strstr(c.cure, cases[i].cure));
        if (!*cases[i].cure)
            assert_string_equal(c.cure, "");
    }
}

static void a_log_without_errors_names_no_cause(void **unused)
{
    static const char *const texts[] = { "", "\n\n",     AT "Info   SYSPRP fine\n", "Error\n",
                                         AT, AT "Error", AT "Error  [0x1]" };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct setuperr_cause c;
        assert_int_equal(setuperr_cause(texts[i], strlen(texts[i]), &c), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_that_names_the_cause_is_found),
        cmocka_unit_test(a_log_without_errors_names_no_cause),
    };
    return test_run(tests);
}
