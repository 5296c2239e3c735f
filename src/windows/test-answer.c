/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"

#define HEAD                                                                                       \
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"                                                 \
    "<unattend xmlns=\"urn:schemas-microsoft-com:unattend\"\n"                                     \
    "          xmlns:wcm=\"http://schemas.microsoft.com/WMIConfig/2002/State\">\n"
#define ATTRS                                                                                      \
    "processorArchitecture=\"amd64\" publicKeyToken=\"31bf3856ad364e35\" language=\"neutral\" "    \
    "versionScope=\"nonSxS\""
#define COMPONENT(n) "    <component name=\"" n "\" " ATTRS ">\n"

static struct answer *parsed(const char *text)
{
    struct answer *a = NULL;
    struct err e = { 0 };

    if (answer_parse(text, strlen(text), &a, &e) < 0)
        fail_msg("%s", e.msg);
    return a;
}

static char *rendered(struct answer *a)
{
    char *p = NULL;
    size_t n;
    struct err e = { 0 };

    assert_int_equal(answer_render(a, &p, &n, &e), 0);
    assert_int_equal(strlen(p), n);
    return p;
}

static const char shipped[] =
    HEAD "  <!-- the owner's words -->\n"
         "  <settings pass=\"specialize\">\n" COMPONENT(
             "Microsoft-Windows-Shell-Setup") "      <ComputerName>*</ComputerName>\n"
                                              "      <!-- keep me -->\n"
                                              "      <TimeZone>UTC</TimeZone>\n"
                                              "    </component>\n"
                                              "  </settings>\n"
                                              "</unattend>\n";

static void a_file_comes_back_as_it_was(void **unused)
{
    _cleanup_(answer_freep) struct answer *a = parsed(shipped);
    _cleanup_free_ char *p = rendered(a);
    const char *root = strstr(shipped, "<!-- the owner");
    (void)unused;

    assert_non_null(strstr(p, root)); /* from the first comment to the end, byte for byte */
}

static void a_set_value_leaves_everything_else(void **unused)
{
    _cleanup_(answer_freep) struct answer *a = parsed(shipped);
    _cleanup_free_ char *p = NULL;
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(answer_set(a, PASS_SPECIALIZE, "Microsoft-Windows-Shell-Setup", "TimeZone",
                                "amd64", "W. Europe Standard Time", &e),
                     0);
    p = rendered(a);
    assert_non_null(strstr(p, "      <ComputerName>*</ComputerName>\n"
                              "      <!-- keep me -->\n"
                              "      <TimeZone>W. Europe Standard Time</TimeZone>\n"
                              "    </component>\n"));
}

static void new_elements_go_where_setup_wants_them(void **unused)
{
    _cleanup_(answer_freep) struct answer *a = parsed(shipped);
    _cleanup_free_ char *p = NULL;
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(answer_set(a, PASS_SPECIALIZE, "Microsoft-Windows-Shell-Setup", "CopyProfile",
                                "amd64", "true", &e),
                     0);
    assert_int_equal(answer_set(a, PASS_OOBE_SYSTEM, "Microsoft-Windows-Shell-Setup",
                                "OOBE/ProtectYourPC", "amd64", "3", &e),
                     0);
    assert_int_equal(answer_set(a, PASS_OOBE_SYSTEM, "Microsoft-Windows-Shell-Setup",
                                "OOBE/HideEULAPage", "amd64", "true", &e),
                     0);
    assert_int_equal(answer_set(a, PASS_GENERALIZE, "Microsoft-Windows-PnpSysprep",
                                "PersistAllDeviceInstalls", "amd64", "true", &e),
                     0);
    p = rendered(a);
    assert_non_null(strstr(p, "      <!-- keep me -->\n"
                              "      <CopyProfile>true</CopyProfile>\n"
                              "      <TimeZone>UTC</TimeZone>\n"));
    assert_non_null(strstr(p, "      <OOBE>\n"
                              "        <HideEULAPage>true</HideEULAPage>\n"
                              "        <ProtectYourPC>3</ProtectYourPC>\n"
                              "      </OOBE>\n"
                              "    </component>\n"
                              "  </settings>\n"
                              "</unattend>\n"));
    assert_true(strstr(p, "generalize") < strstr(p, "specialize"));
    assert_true(strstr(p, "specialize") < strstr(p, "oobeSystem"));
    assert_int_equal(answer_require_valid(a, &e), 0);
}

static void line_ends_of_windows_stay(void **unused)
{
    static const char text[] = HEAD "<settings pass=\"specialize\">\r\n</settings>\r\n</unattend>";
    _cleanup_(answer_freep) struct answer *a = parsed(text);
    _cleanup_free_ char *p = rendered(a);
    (void)unused;

    assert_non_null(strstr(p, "<settings pass=\"specialize\">\r\n</settings>\r\n</unattend>"));
}

static void commands_are_numbered_behind_the_others(void **unused)
{
    _cleanup_(answer_freep) struct answer *a = parsed(shipped);
    _cleanup_(answer_settings_done) struct answer_settings s = { 0 };
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(answer_add_command(a, PASS_SPECIALIZE, "amd64", "cmd /c \"a & b\"", "x", &e),
                     0);
    assert_int_equal(answer_add_command(a, PASS_SPECIALIZE, "amd64", "second", NULL, &e), 0);
    assert_int_equal(answer_add_command(a, PASS_SPECIALIZE, "amd64", "second", NULL, &e), 0);
    assert_int_equal(answer_require_valid(a, &e), 0);
    assert_int_equal(answer_read(a, &s, &e), 0);
    assert_int_equal(s.n_specialize_commands, 2);
    assert_string_equal(s.specialize_commands[0].path, "cmd /c \"a & b\"");
    assert_int_equal(s.specialize_commands[1].order, 2);
}

static void a_command_is_added_where_the_prefix_wcm_is_taken(void **unused)
{
    static const char body[] = "<unattend xmlns=\"urn:schemas-microsoft-com:unattend\" "
                               "xmlns:wcm=\"http://other\"></unattend>";
    _cleanup_(answer_freep) struct answer *a = parsed(body);
    _cleanup_free_ char *p = NULL;
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(answer_add_command(a, PASS_SPECIALIZE, "amd64", "cmd", NULL, &e), 0);
    assert_int_equal(answer_require_valid(a, &e), 0);
    p = rendered(a);
    assert_non_null(strstr(p, "wcmState:action=\"add\""));
}

struct wrong {
    const char *body, *message;
};

static void a_wrong_word_is_told_with_its_place(void **unused)
{
    static const struct wrong table[] = {
        { "<settings pass=\"speciallize\"/>", "line 4: unattend: pass: 'speciallize' is not one of "
                                              "windowsPE|offlineServicing|generalize|"
                                              "specialize|auditSystem|auditUser|oobeSystem" },
        { "<settings pass=\"specialize\">\n" COMPONENT(
              "Microsoft-Windows-Shell-Setup") "<ComputerNam>x</ComputerNam></component></"
                                               "settings>",
          "line 6: specialize/Microsoft-Windows-Shell-Setup: the element 'ComputerNam' is not "
          "known; 'ComputerName' is meant?" },
        { "<settings pass=\"specialize\">\n" COMPONENT(
              "Microsoft-Windows-ShellSetup") "</component></settings>",
          "line 5: specialize/Microsoft-Windows-ShellSetup: the component is not known; "
          "'Microsoft-Windows-Shell-Setup' is meant?" },
        { "<settings pass=\"specialize\">\n" COMPONENT(
              "Microsoft-Windows-Shell-Setup") "<CopyProfile>yes</CopyProfile></component>"
                                               "</settings>",
          "line 6: specialize/Microsoft-Windows-Shell-Setup/CopyProfile: 'yes' is neither true nor "
          "false" },
        { "<settings pass=\"specialize\">\n" COMPONENT(
              "Microsoft-Windows-Shell-Setup") "<ComputerName>far too long a name</ComputerName>"
                                               "</component></settings>",
          "line 6: specialize/Microsoft-Windows-Shell-Setup/ComputerName: computer name 'far too "
          "long a name': has more than 15 characters" },
        { "<settings pass=\"oobeSystem\">\n" COMPONENT(
              "Microsoft-Windows-Shell-Setup") "<OOBE><ProtectYourPC>3</ProtectYourPC>\n"
                                               "<HideEULAPage>true</HideEULAPage></OOBE>"
                                               "</component></settings>",
          "line 7: oobeSystem/Microsoft-Windows-Shell-Setup/OOBE: 'HideEULAPage' must stand before "
          "'ProtectYourPC'" },
        { "<settings pass=\"specialize\">\n" COMPONENT(
              "Microsoft-Windows-Deployment") "<RunSynchronous>\n"
                                              "<RunSynchronousCommand wcm:action=\"add\">"
                                              "<Order>1</Order><Path>a</Path>"
                                              "</RunSynchronousCommand>\n"
                                              "<RunSynchronousCommand wcm:action=\"add\">"
                                              "<Order>1</Order><Path>b</Path>"
                                              "</RunSynchronousCommand></RunSynchronous>"
                                              "</component></settings>",
          "line 8: specialize/Microsoft-Windows-Deployment/RunSynchronous: the number 1 stands "
          "there twice" },
    };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        _cleanup_(answer_freep) struct answer *a = NULL;
        _cleanup_free_ char *text = xasprintf(HEAD "%s</unattend>", table[i].body);
        _cleanup_free_ char *want = xasprintf("answer file: %s", table[i].message);
        struct err e = { 0 };

        a = parsed(text);
        assert_int_equal(answer_require_valid(a, &e), -EINVAL);
        assert_string_equal(e.msg, want);
        assert_int_equal(e.kind, ERR_INVALID);
    }
}

static void what_is_no_answer_file_is_refused(void **unused)
{
    static const struct wrong table[] = {
        { "<a>", "answer file: line 1: " },
        { "<a/>", "answer file: line 1: the root element is 'a' instead of 'unattend'" },
        { "<unattend/>", "answer file: line 1: 'unattend' is not in the namespace" },
        { "<!DOCTYPE unattend [<!ENTITY a \"b\">]>\n<unattend "
          "xmlns=\"urn:schemas-microsoft-com:unattend\">&a;</unattend>",
          "answer file: a document type is not allowed in it" },
        { "", "answer file: line " },
    };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct answer *a = NULL;
        struct err e = { 0 };

        assert_int_equal(answer_parse(table[i].body, strlen(table[i].body), &a, &e), -EINVAL);
        assert_null(a);
        assert_int_equal(strncmp(e.msg, table[i].message, strlen(table[i].message)), 0);
    }
}

static void a_made_file_holds_the_options_and_is_valid(void **unused)
{
    static const char *const run[] = { "cmd /c echo 1", NULL };
    struct answer_options o = { .computer_name = "WEB-01",
                                .admin_password = "p&<w>",
                                .locale = "de-DE",
                                .keyboard = "0407:00000407",
                                .time_zone = "W. Europe Standard Time",
                                .product_key = "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE",
                                .organization = "Example & Co",
                                .owner = "ops",
                                .run = run,
                                .rdp = true };
    _cleanup_(answer_freep) struct answer *a = NULL;
    _cleanup_(answer_settings_done) struct answer_settings s = { 0 };
    struct answer_faults f;
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(answer_make(&o, &a, &e), 0);
    answer_check(a, &f);
    assert_int_equal(f.errors + f.notes, 0);
    assert_int_equal(answer_read(a, &s, &e), 0);
    assert_string_equal(s.computer_name, "WEB-01");
    assert_string_equal(s.admin_password, "p&<w>");
    assert_string_equal(s.locales[LOCALE_INPUT], "0407:00000407");
    assert_string_equal(s.locales[LOCALE_UI], "de-DE");
    assert_string_equal(s.time_zone, "W. Europe Standard Time");
    assert_string_equal(s.organization, "Example & Co");
    assert_string_equal(s.specialize_commands[0].path, "cmd /c echo 1");
    assert_int_equal(s.deny_rdp, ANSWER_FALSE);
    assert_int_equal(s.persist_devices, ANSWER_TRUE);
}

static void a_hidden_password_is_read(void **unused)
{
    static const char body[] = HEAD "<settings pass=\"oobeSystem\">" COMPONENT(
        "Microsoft-Windows-Shell-Setup") "<UserAccounts><AdministratorPassword>"
                                         "<Value>aABpAEEAZABtAGkAbgBpAHMAdAByAGEAdABvAHIAUABhAH"
                                         "MAcwB3AG8AcgBkAA==</Value><PlainText>false</PlainText>"
                                         "</AdministratorPassword></UserAccounts></component>"
                                         "</settings></unattend>";
    _cleanup_(answer_freep) struct answer *a = parsed(body);
    _cleanup_(answer_settings_done) struct answer_settings s = { 0 };
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(answer_read(a, &s, &e), 0);
    assert_string_equal(s.admin_password, "hi");
}

/* Each setting is read or named: none is passed over without a word. */
static void what_is_not_read_is_named(void **unused)
{
    static const char text[] =
        "<unattend xmlns=\"urn:schemas-microsoft-com:unattend\"><settings pass=\"oobeSystem\">"
        "<component name=\"Microsoft-Windows-Shell-Setup\"><TimeZone>UTC</TimeZone>"
        "<AutoLogon><Enabled>true</Enabled></AutoLogon><OOBE><HideEULAPage>true</HideEULAPage>"
        "</OOBE><UserAccounts><DomainAccounts/></UserAccounts></component>"
        "<component "
        "name=\"Networking-MPSSVC-Svc\"><FirewallGroups><FirewallGroup><Group>Web</Group>"
        "</FirewallGroup><FirewallGroup><Group>Remote Desktop</Group><Active>true</Active>"
        "</FirewallGroup></FirewallGroups></component></settings><settings pass=\"specialize\">"
        "<component name=\"Microsoft-Windows-UnattendedJoin\"><Identification/></component>"
        "</settings></unattend>";
    static const char *const want[] = { "Microsoft-Windows-UnattendedJoin/Identification",
                                        "Microsoft-Windows-Shell-Setup/AutoLogon",
                                        "Microsoft-Windows-Shell-Setup/UserAccounts/DomainAccounts",
                                        "Networking-MPSSVC-Svc/FirewallGroups/Web" };
    _cleanup_answer_settings_ struct answer_settings s = { 0 };
    _cleanup_(answer_freep) struct answer *a = NULL;
    struct err e = { 0 };

    (void)unused;
    assert_int_equal(answer_parse(text, strlen(text), &a, &e), 0);
    assert_int_equal(answer_read(a, &s, &e), 0);
    assert_int_equal(s.rdp_firewall, ANSWER_TRUE);
    assert_int_equal(s.n_rest, ARRAY_LEN(want));
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        assert_string_equal(s.rest[i], want[i]);
}

static void names_follow_the_rules_of_netbios(void **unused)
{
    static const char *const good[] = { "WEB-01", "a", "fifteen-chars-1" };
    static const char *const bad[] = { "", "12345", "sixteen-chars-12", "a b", "a.b", "-a", "ä" };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct err e = { 0 };

        assert_int_equal(answer_check_name(good[i], false, &e), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = { 0 };

        assert_int_equal(answer_check_name(bad[i], false, &e), -EINVAL);
    }
}

static void a_misspelt_zone_names_the_nearest(void **unused)
{
    struct err e = { 0 };
    (void)unused;

    assert_int_equal(answer_check_zone("W. Europe Standard Time", &e), 0);
    assert_int_equal(answer_check_zone("W.Europe Standard Time", &e), -EINVAL);
    assert_string_equal(e.msg, "time zone 'W.Europe Standard Time' is not one of Windows; "
                               "'W. Europe Standard Time' is meant?");
}

/* What is written can be read again, or is not written. */
static void a_file_that_grew_over_the_limits_is_not_written(void **unused)
{
    static const char pass[] = "<settings pass=\"auditUser\"/>";
    static char body[KIB(8)] = HEAD;
    struct answer *a;
    struct err e = { 0 };
    char *text = NULL;
    size_t n = strlen(body), len;
    (void)unused;

    for (unsigned i = 0; i < 64; i++)
        n += (size_t)snprintf(body + n, sizeof body - n, "%s", pass);
    (void)snprintf(body + n, sizeof body - n, "</unattend>");
    a = parsed(body);
    assert_int_equal(answer_render(a, &text, &len, &e), 0);
    free(text);
    text = NULL;
    assert_int_equal(answer_add_command(a, PASS_SPECIALIZE, "amd64", "cmd", NULL, &e), 0);
    assert_int_equal(answer_render(a, &text, &len, &e), -E2BIG);
    assert_int_equal(e.kind, ERR_LIMIT);
    assert_string_equal(e.msg, "answer file: more than 64 passes or 500 components");
    assert_null(text);
    answer_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_comes_back_as_it_was),
        cmocka_unit_test(a_set_value_leaves_everything_else),
        cmocka_unit_test(new_elements_go_where_setup_wants_them),
        cmocka_unit_test(line_ends_of_windows_stay),
        cmocka_unit_test(commands_are_numbered_behind_the_others),
        cmocka_unit_test(a_command_is_added_where_the_prefix_wcm_is_taken),
        cmocka_unit_test(a_wrong_word_is_told_with_its_place),
        cmocka_unit_test(what_is_no_answer_file_is_refused),
        cmocka_unit_test(a_made_file_holds_the_options_and_is_valid),
        cmocka_unit_test(a_hidden_password_is_read),
        cmocka_unit_test(a_file_that_grew_over_the_limits_is_not_written),
        cmocka_unit_test(what_is_not_read_is_named),
        cmocka_unit_test(names_follow_the_rules_of_netbios),
        cmocka_unit_test(a_misspelt_zone_names_the_nearest),
    };

    return test_run(tests);
}
