/* SPDX-License-Identifier: Apache-2.0 */
/* The shipped answer files, element by element, and the edits. S numbers: the project's conformance
 * list (docs/agents). */
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "answer-priv.h"
#include "sysprep/answer.h"

#define V2     AGENT_ROOT "/sysprep/files/unattend.xml"
#define V1     AGENT_ROOT "/v1/files/Sysprep/Unattend.xml"
#define CONFIG AGENT_ROOT "/ec2config/files/sysprep2008.xml"

static char *slurp(const char *path, size_t *ret_n)
{
    FILE *f = fopen(path, "rb");
    char *text = calloc(1, 65536);

    assert_non_null(f);
    assert_non_null(text);
    *ret_n = fread(text, 1, 65535, f);
    fclose(f);
    return text;
}

static struct xmlfile *load(const char *path)
{
    struct err e = { 0 };
    struct xmlfile *f = NULL;
    size_t n;
    char *text = slurp(path, &n);

    if (xmlfile_parse(path, text, n, &f, &e) < 0)
        fail_msg("%s", e.msg);
    free(text);
    return f;
}

static struct xmlfile *parse(const char *text)
{
    struct err e = { 0 };
    struct xmlfile *f = NULL;

    if (xmlfile_parse("answer.xml", text, strlen(text), &f, &e) < 0)
        fail_msg("%s", e.msg);
    return f;
}

static char *bytes(const struct xmlfile *f)
{
    struct str out = STR_INIT(65536);
    struct err e = { 0 };

    assert_int_equal(xmlfile_bytes(f, &out, &e), 0);
    return str_take(&out);
}

static const struct {
    const char *s, *file, *pass, *component, *path, *value;
} wanted[] = {
#define PNP      "Microsoft-Windows-PnpSysprep"
#define OOBE     "oobeSystem"
#define ORDER(n) "RunSynchronous/RunSynchronousCommand#" #n "/Path"
#define NET_USER                                                                                   \
    "net user Administrator /ACTIVE:YES /LOGONPASSWORDCHG:NO /EXPIRES:NEVER /PASSWORDREQ:YES"
#define SERVICE_DIR "C:\\Program Files\\Amazon\\Ec2ConfigService\\"
#define SCRAMBLE    "\"" SERVICE_DIR "ScramblePassword.exe\" -u Administrator"
#define SPECIALIZE  "\"" SERVICE_DIR "Scripts\\SysprepSpecializePhase.cmd\""
    { "S-12 S-26", V2, "generalize", PNP, "PersistAllDeviceInstalls", "true" },
    { "S-27", V2, "generalize", PNP, "DoNotCleanUpNonPresentDevices", "true" },
    { "S-30", V2, "specialize", ANSWER_SHELL, "ComputerName", "*" },
    { "S-31", V2, "specialize", ANSWER_SHELL, "CopyProfile", "true" },
    { "S-34", V2, "specialize", ANSWER_SHELL, "TimeZone", "UTC" },
    { "S-35", V2, "specialize", ANSWER_DEPLOYMENT, ORDER(1), NET_USER },
    { "S-36", V2, "specialize", ANSWER_DEPLOYMENT, ORDER(2), SCRAMBLE },
    { "S-38", V2, "specialize", ANSWER_DEPLOYMENT, ORDER(3), SPECIALIZE },
    { "S-40", V2, OOBE, ANSWER_INTERNATIONAL, "InputLocale", "en-US" },
    { "S-41", V2, OOBE, ANSWER_INTERNATIONAL, "SystemLocale", "en-US" },
    { "S-42", V2, OOBE, ANSWER_INTERNATIONAL, "UILanguage", "en-US" },
    { "S-43", V2, OOBE, ANSWER_INTERNATIONAL, "UserLocale", "en-US" },
    { "S-44", V2, OOBE, ANSWER_SHELL, "OOBE/HideEULAPage", "true" },
    { "S-45", V2, OOBE, ANSWER_SHELL, "OOBE/HideWirelessSetupInOOBE", "true" },
    { "S-46", V2, OOBE, ANSWER_SHELL, "OOBE/ProtectYourPC", "3" },
    { "S-47", V2, OOBE, ANSWER_SHELL, "BluetoothTaskbarIconEnabled", "false" },
    { "S-48", V2, OOBE, ANSWER_SHELL, "TimeZone", "UTC" },
    { "S-49", V2, OOBE, ANSWER_SHELL, "RegisteredOrganization", "Amazon.com" },
    { "S-50", V2, OOBE, ANSWER_SHELL, "RegisteredOwner", "EC2" },
    { "S-138", V2, OOBE, ANSWER_SHELL, "OOBE/NetworkLocation", NULL },
    { "S-68", V1, "generalize", PNP, "PersistAllDeviceInstalls", "true" },
    { "S-68", V1, "specialize", ANSWER_SHELL, "CopyProfile", "true" },
    { "S-68", V1, "specialize", ANSWER_SESSIONS, "fDenyTSConnections", "false" },
    { "S-138", V1, OOBE, ANSWER_SHELL, "OOBE/NetworkLocation", NULL },
    { "S-106 S-120", CONFIG, "generalize", PNP, "PersistAllDeviceInstalls", "true" },
    { "S-121", CONFIG, "generalize", PNP, "DoNotCleanUpNonPresentDevices", "true" },
    { "S-124", CONFIG, "specialize", ANSWER_SHELL, "CopyProfile", "true" },
    { "S-127", CONFIG, "specialize", ANSWER_SHELL, "TimeZone", "UTC" },
    { "S-128", CONFIG, "specialize", ANSWER_DEPLOYMENT, ORDER(1), NET_USER },
    { "S-129", CONFIG, "specialize", ANSWER_DEPLOYMENT, ORDER(2), SCRAMBLE },
    { "S-130", CONFIG, "specialize", ANSWER_DEPLOYMENT, ORDER(3), SPECIALIZE },
    { "S-132", CONFIG, OOBE, ANSWER_INTERNATIONAL, "InputLocale", "en-US" },
    { "S-133", CONFIG, OOBE, ANSWER_INTERNATIONAL, "SystemLocale", "en-US" },
    { "S-134", CONFIG, OOBE, ANSWER_INTERNATIONAL, "UILanguage", "en-US" },
    { "S-135", CONFIG, OOBE, ANSWER_INTERNATIONAL, "UserLocale", "en-US" },
    { "S-136", CONFIG, OOBE, ANSWER_SHELL, "OOBE/HideEULAPage", "true" },
    { "S-137", CONFIG, OOBE, ANSWER_SHELL, "OOBE/HideWirelessSetupInOOBE", "true" },
    { "S-138", CONFIG, OOBE, ANSWER_SHELL, "OOBE/NetworkLocation", "Other" },
    { "S-139", CONFIG, OOBE, ANSWER_SHELL, "OOBE/ProtectYourPC", "3" },
    { "S-140", CONFIG, OOBE, ANSWER_SHELL, "BluetoothTaskbarIconEnabled", "false" },
    { "S-141", CONFIG, OOBE, ANSWER_SHELL, "TimeZone", "UTC" },
    { "S-142", CONFIG, OOBE, ANSWER_SHELL, "RegisteredOrganization", "Amazon.com" },
    { "S-143", CONFIG, OOBE, ANSWER_SHELL, "RegisteredOwner", "Amazon" },
};

/* "A/B#2/C": the second B in A, its C. */
static struct xml_node *walk(struct xml_node *n, const char *path)
{
    while (n && *path) {
        size_t len = strcspn(path, "/"), word = strcspn(path, "/#");
        char name[64];
        int nth = path[word] == '#' ? path[word + 1] - '0' : 1;
        snprintf(name, sizeof(name), "%.*s", (int)word, path);
        n = xml_child(n, name);
        while (n && --nth > 0)
            n = xml_next_named(n, name);
        path += len + (path[len] == '/');
    }
    return n;
}

static void shipped_files_hold_every_listed_setting(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        struct xmlfile *f = load(wanted[i].file);
        struct xml_node *c = answer_component_next(f, NULL, wanted[i].pass, wanted[i].component);
        struct xml_node *n = walk(c, wanted[i].path);
        char *text = n ? xml_text(n) : NULL;
        if (!str_eq(text, wanted[i].value))
            fail_msg("%s: %s %s is '%s', not '%s'", wanted[i].s, wanted[i].file, wanted[i].path,
                     text ? text : "absent", wanted[i].value ? wanted[i].value : "absent");
        free(text);
        xmlfile_free(f);
    }
}

static void shipped_files_pass_the_check_and_open_remote_desktop_again(void **unused)
{
    static const char *const files[] = { V2, V1, CONFIG };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct xmlfile *f = load(files[i]);
        struct err e = { 0 };
        if (answer_check(f, &e) < 0)
            fail_msg("%s", e.msg);
        assert_true(answer_opens_rdp(f));
        assert_false(answer_has_password(f));
        xmlfile_free(f);
    }
}

/* S-17 */
static void locale_edit_changes_four_values_and_no_other_byte(void **unused)
{
    struct xmlfile *f = load(V2);
    struct err e = { 0 };
    size_t n, at = 0, hits = 0;
    char *before = slurp(V2, &n), *after;
    (void)unused;

    assert_int_equal(answer_set_locale(f, "de-DE", false, &e), 4);
    after = bytes(f);
    assert_int_equal(strlen(after), n);
    for (at = 0; at < n; at++)
        if (before[at] != after[at]) {
            assert_memory_equal(before + at, "en-US", 5);
            assert_memory_equal(after + at, "de-DE", 5);
            hits++;
            at += 4;
        }
    assert_int_equal(hits, 4);
    assert_int_equal(answer_set_locale(f, "de-DE", false, &e), 0); /* a second time: nothing */
    free(before);
    free(after);
    xmlfile_free(f);
}

static void locale_of_version_one_goes_only_where_nothing_stands(void **unused)
{
    struct xmlfile *f = parse(
        "<unattend xmlns='urn:schemas-microsoft-com:unattend'><settings pass='oobeSystem'>"
        "<component name='Microsoft-Windows-International-Core'><InputLocale>fr-FR</InputLocale>"
        "<SystemLocale></SystemLocale><UserLocale/></component></settings></unattend>");
    struct err e = { 0 };
    char *text;
    (void)unused;

    assert_int_equal(answer_set_locale(f, "de-DE", true, &e), 2);
    text = bytes(f);
    assert_non_null(strstr(text, "<InputLocale>fr-FR</InputLocale>"));
    assert_non_null(strstr(text, "<SystemLocale>de-DE</SystemLocale>"));
    assert_non_null(strstr(text, "<UserLocale>de-DE</UserLocale>"));
    free(text);
    xmlfile_free(f);
}

static void locale_that_is_none_is_refused(void **unused)
{
    struct xmlfile *f = load(V2);
    struct err e = { 0 };
    (void)unused;

    assert_true(answer_set_locale(f, "<evil/>", false, &e) < 0);
    assert_string_equal(e.msg, "'<evil/>' is not the name of a locale");
    xmlfile_free(f);
}

/* S-174 */
static void password_goes_in_and_out_and_all_else_stays(void **unused)
{
    struct xmlfile *f = load(CONFIG);
    struct err e = { 0 };
    size_t n;
    char *before = slurp(CONFIG, &n), *with, *after;
    (void)unused;

    assert_int_equal(answer_set_password(f, "a<b&\"c", &e), 0);
    assert_true(answer_has_password(f));
    with = bytes(f);
    assert_non_null(strstr(with, "<Value>a&lt;b&amp;"));
    assert_non_null(strstr(with, "<PlainText>true</PlainText>"));
    assert_int_equal(answer_set_password(f, "second", &e), 0); /* replaced, not doubled */
    free(with);
    with = bytes(f);
    assert_null(strstr(with, "a&lt;b"));
    assert_int_equal(answer_check(f, &e), 0);
    assert_int_equal(answer_remove_password(f), 1);
    assert_int_equal(answer_remove_password(f), 0);
    after = bytes(f);
    assert_string_equal(after, before);
    free(before);
    free(with);
    free(after);
    xmlfile_free(f);
}

/* S-175 */
static void scramble_command_goes_out_and_comes_back(void **unused)
{
    struct xmlfile *f = load(CONFIG);
    struct err e = { 0 };
    struct xml_node *n;
    char *text;
    (void)unused;

    assert_int_equal(answer_remove_command(f, "ScramblePassword.exe"), 1);
    assert_null(answer_command(f, "ScramblePassword.exe"));
    assert_int_equal(answer_check(f, &e), 0);
    n = xml_child(answer_command(f, "SysprepSpecializePhase"), "Order");
    text = xml_text(n);
    assert_string_equal(text, "2"); /* no gap */
    free(text);
    assert_int_equal(answer_add_command(f, 2, "Replace the blank password", SCRAMBLE, &e), 0);
    assert_int_equal(answer_check(f, &e), 0);
    text = xml_text(xml_child(answer_command(f, "ScramblePassword.exe"), "Path"));
    assert_string_equal(text, SCRAMBLE);
    free(text);
    text = xml_text(xml_child(answer_command(f, "SysprepSpecializePhase"), "Order"));
    assert_string_equal(text, "3");
    free(text);
    xmlfile_free(f);
}

/* S-85 and the rule beneath the list */
static void working_copy_leaves_the_account_disabled(void **unused)
{
    struct err e = { 0 };
    struct xmlfile *f = load(V2);
    char *text;
    (void)unused;

    assert_int_equal(answer_keep_inactive(f, &e), 1);
    text = xml_text(xml_child(answer_command(f, "net user"), "Path"));
    assert_string_equal(text, "net user Administrator /ACTIVE:NO /LOGONPASSWORDCHG:NO "
                              "/EXPIRES:NEVER /PASSWORDREQ:YES");
    free(text);
    assert_non_null(answer_command(f, "ScramblePassword.exe"));
    xmlfile_free(f);

    f = load(V1);
    assert_int_equal(answer_keep_inactive(f, &e), 1);
    text = xml_text(xml_child(answer_command(f, "Randomize-LocalAdmin"), "Path"));
    assert_non_null(strstr(text, "Randomize-LocalAdminPassword.ps1 Administrator -Inactive"));
    free(text);
    assert_int_equal(answer_keep_inactive(f, &e), 0); /* twice changes nothing more */
    xmlfile_free(f);
}

static void empty_first_command_is_filled(void **unused)
{
    struct xmlfile *f =
        parse("<unattend xmlns='urn:schemas-microsoft-com:unattend'><settings pass='specialize'>"
              "<component name='Microsoft-Windows-Deployment'><RunSynchronous>"
              "<RunSynchronousCommand><Order>1</Order><Path></Path></RunSynchronousCommand>"
              "<RunSynchronousCommand><Order>2</Order><Path></Path></RunSynchronousCommand>"
              "</RunSynchronous></component></settings></unattend>");
    struct err e = { 0 };
    char *text;
    (void)unused;

    assert_int_equal(answer_fill_first_command(f, "run.exe", &e), 1);
    assert_int_equal(answer_fill_first_command(f, "other.exe", &e), 0);
    text = bytes(f);
    assert_non_null(strstr(text, "<Order>1</Order><Path>run.exe</Path>"));
    assert_non_null(strstr(text, "<Order>2</Order><Path></Path>"));
    free(text);
    xmlfile_free(f);
}

static void utf16_file_stays_utf16(void **unused)
{
    static const char text[] = "<unattend xmlns='urn:schemas-microsoft-com:unattend'>\r\n"
                               "</unattend>\r\n";
    uint8_t wide[2 + 2 * (sizeof(text) - 1)] = { 0xff, 0xfe };
    struct xmlfile *f = NULL;
    struct err e = { 0 };
    struct str out = STR_INIT(4096);
    (void)unused;

    for (size_t i = 0; i < sizeof(text) - 1; i++)
        wide[2 + 2 * i] = (uint8_t)text[i];
    if (xmlfile_parse("wide.xml", wide, sizeof(wide), &f, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(xmlfile_bytes(f, &out, &e), 0);
    assert_int_equal(out.len, sizeof(wide));
    assert_memory_equal(out.p, wide, sizeof(wide));
    str_done(&out);
    xmlfile_free(f);

    /* without its mark it gets one, and is not taken for UTF-8 */
    if (xmlfile_parse("wide.xml", wide + 2, sizeof(wide) - 2, &f, &e) < 0)
        fail_msg("%s", e.msg);
    out = (struct str)STR_INIT(4096);
    assert_int_equal(xmlfile_bytes(f, &out, &e), 0);
    assert_int_equal(out.len, sizeof(wide));
    assert_memory_equal(out.p, wide, sizeof(wide));
    str_done(&out);
    xmlfile_free(f);
}

#define HEAD "<unattend xmlns='urn:schemas-microsoft-com:unattend'>\n"
#define COMP(name)                                                                                 \
    "<component name='" name "' processorArchitecture='amd64' publicKeyToken='x' "                 \
    "language='neutral' versionScope='nonSxS'>"
#define CMD(order, path)                                                                           \
    "<RunSynchronousCommand><Order>" order "</Order><Path>" path "</Path></RunSynchronousCommand>"

/* Whatever the owner's tool called the name spaces: what is added is in them, what was there stays.
 */
static void prefixes_are_the_owners(void **unused)
{
    static const char *const texts[] = {
        "<u:unattend xmlns:u='urn:schemas-microsoft-com:unattend' "
        "xmlns:w='http://schemas.microsoft.com/WMIConfig/2002/State'>\n"
        " <!-- mine --><u:settings pass='specialize'>"
        "<u:component name='Microsoft-Windows-Deployment' processorArchitecture='amd64' "
        "publicKeyToken='x' language='neutral' versionScope='nonSxS'><u:RunSynchronous>"
        "<u:RunSynchronousCommand w:action='add'><u:Order>1</u:Order><u:Path>a</u:Path>"
        "</u:RunSynchronousCommand></u:RunSynchronous></u:component></u:settings></u:unattend>",

        "<unattend xmlns='urn:schemas-microsoft-com:unattend'>\n"
        " <!-- mine --><settings pass='specialize'>"
        "<component name='Microsoft-Windows-Deployment' processorArchitecture='amd64' "
        "publicKeyToken='x' language='neutral' versionScope='nonSxS'><RunSynchronous>"
        "<RunSynchronousCommand><Order>1</Order><Path>a</Path>"
        "</RunSynchronousCommand></RunSynchronous></component></settings></unattend>",
    };
    static const char *const added[] = {
        "<u:RunSynchronousCommand w:action=\"add\"><u:Order>2</u:Order>"
        "<u:Description>why</u:Description><u:Path>b.exe</u:Path></u:RunSynchronousCommand>",
        "<RunSynchronousCommand "
        "xmlns:wcm=\"http://schemas.microsoft.com/WMIConfig/2002/State\" wcm:action=\"add\">"
        "<Order>2</Order><Description>why</Description><Path>b.exe</Path></RunSynchronousCommand>",
    };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct xmlfile *f = parse(texts[i]);
        struct err e = { 0 };
        char *out;
        if (answer_check(f, &e) < 0 || answer_add_command(f, 2, "why", "b.exe", &e) < 0)
            fail_msg("%s", e.msg);
        out = bytes(f);
        if (!strstr(out, added[i]))
            fail_msg("%s", out);
        free(out);
        assert_int_equal(answer_check(f, &e), 0);
        assert_int_equal(answer_remove_command(f, "b.exe"), 1);
        out = bytes(f);
        assert_string_equal(out, texts[i]);
        free(out);
        xmlfile_free(f);
    }
}

static void a_comment_is_no_password(void **unused)
{
    struct xmlfile *f = parse(HEAD "<settings pass='oobeSystem'>" COMP(
        "Microsoft-Windows-Shell-Setup") "<UserAccounts><AdministratorPassword>"
                                         "<Value><!-- put it here --></Value>"
                                         "</AdministratorPassword></UserAccounts></component>"
                                         "</settings></unattend>");
    (void)unused;

    assert_false(answer_has_password(f));
    xmlfile_free(f);
}

static void what_setup_would_reject_is_refused_with_its_line(void **unused)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        { "<?xml version='1.0' encoding='UTF-16'?>\n" HEAD "</unattend>",
          "answer.xml:1:1: the declaration says 'UTF-16', the file is UTF-8" },
        { "<config/>", "answer.xml:1:1: the root is 'config', not 'unattend'" },
        { "<unattend/>", "answer.xml:1:1: the namespace of 'unattend' is not "
                         "'urn:schemas-microsoft-com:unattend'" },
        { HEAD "<settings/></unattend>", "answer.xml:2:1: settings without the attribute 'pass'" },
        { HEAD "<settings pass='oobe'/></unattend>", "answer.xml:2:1: pass 'oobe' is unknown" },
        { HEAD "<setting/></unattend>",
          "answer.xml:2:1: 'setting' stands where 'settings' is expected" },
        { HEAD "<settings pass='specialize'>\n<component name='a'/></settings></unattend>",
          "answer.xml:3:1: a component without the attribute 'processorArchitecture'" },
        { HEAD "<settings pass='specialize'>\n" COMP("a") "</component>\n" COMP(
              "a") "</component></settings></unattend>",
          "answer.xml:4:1: component 'a' is there twice, first in line 3" },
        { HEAD "<settings pass='specialize'>\n" COMP(
              "a") "\n<CopyProfile>ja</CopyProfile></component></settings></unattend>",
          "answer.xml:4:1: CopyProfile is 'ja': neither 'true' nor 'false'" },
        { HEAD "<settings pass='oobeSystem'>\n" COMP(
              "a") "\n<OOBE>\n <ProtectYourPC>4</ProtectYourPC></OOBE></component></settings>"
                   "</unattend>",
          "answer.xml:5:2: ProtectYourPC is '4': 1, 2 or 3 is expected" },
        { HEAD "<settings pass='specialize'>\n" COMP("d") "<RunSynchronous>\n" CMD(
              "1", "a") "\n" CMD("1", "b") "</RunSynchronous></component></settings></unattend>",
          "answer.xml:5:24: Order 1 is there twice" },
        { HEAD "<settings pass='specialize'>\n" COMP("d") "<RunSynchronous>\n" CMD(
              "0", "a") "</RunSynchronous></component></settings></unattend>",
          "answer.xml:4:24: Order is '0': a number from 1 to 500 is expected" },
        { HEAD "<settings pass='specialize'>\n" COMP("d") "<RunSynchronous>\n" CMD(
              "1", "C:\\a b.exe\" -u x") "</RunSynchronous></component></settings></unattend>",
          "answer.xml:4:40: the Path of a command has a quote without its partner: "
          "C:\\a b.exe\" -u x" },
    };
    (void)unused;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct xmlfile *f = parse(bad[i].text);
        struct err e = { 0 };
        assert_true(answer_check(f, &e) < 0);
        assert_string_equal(e.msg, bad[i].message);
        xmlfile_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_files_hold_every_listed_setting),
        cmocka_unit_test(shipped_files_pass_the_check_and_open_remote_desktop_again),
        cmocka_unit_test(locale_edit_changes_four_values_and_no_other_byte),
        cmocka_unit_test(locale_of_version_one_goes_only_where_nothing_stands),
        cmocka_unit_test(locale_that_is_none_is_refused),
        cmocka_unit_test(password_goes_in_and_out_and_all_else_stays),
        cmocka_unit_test(scramble_command_goes_out_and_comes_back),
        cmocka_unit_test(working_copy_leaves_the_account_disabled),
        cmocka_unit_test(empty_first_command_is_filled),
        cmocka_unit_test(utf16_file_stays_utf16),
        cmocka_unit_test(prefixes_are_the_owners),
        cmocka_unit_test(a_comment_is_no_password),
        cmocka_unit_test(what_setup_would_reject_is_refused_with_its_line),
    };
    return test_run(tests);
}
