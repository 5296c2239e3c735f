/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "v2/config.h"

static char warned[400];

static void keep(void *ctx, const char *text)
{
    (void)str_copy(warned, sizeof warned, text);
}

static struct v2_config *parse(const char *text)
{
    struct v2_config *c = NULL;
    struct err e = { 0 };

    warned[0] = '\0';
    if (v2_config_parse("agent-config.yml", text, strlen(text), keep, NULL, &c, &e) < 0)
        fail_msg("%s\n%s", e.msg, text);
    return c;
}

static void check_refused(const char *text, const char *message)
{
    struct v2_config *c = NULL;
    struct err e = { 0 };

    if (v2_config_parse("agent-config.yml", text, strlen(text), NULL, NULL, &c, &e) == 0)
        fail_msg("accepted: %s", text);
    assert_string_equal(e.msg, message);
}

/* tasks of one stage, each line indented as it must be */
static char *stage(const char *name, const char *tasks)
{
    static char text[4096];

    (void)snprintf(text, sizeof text, "version: 1.0\nconfig:\n- stage: %s\n  tasks:\n%s", name,
                   tasks);
    return text;
}

static void the_shipped_settings_are_accepted(void **state)
{
    _cleanup_(v2_config_freep) struct v2_config *c = parse(v2_default_config);

    assert_int_equal(tree_count(c->tasks[V2_BOOT]), 1);
    assert_int_equal(tree_count(c->tasks[V2_PRE_READY]), 4);
    assert_int_equal(tree_count(c->tasks[V2_POST_READY]), 1);
    assert_null(c->tasks[V2_NETWORK]);
    assert_string_equal(warned, "");
}

/* The example of the user guide's shape, every task once; S-55. */
static const char full[] =
    "version: 1.1\n"
    "config:\n"
    "  - stage: boot\n"
    "    tasks:\n"
    "      - task: extendRootPartition\n"
    "  - stage: preReady\n"
    "    tasks:\n"
    "      - task: activateWindows\n"
    "        inputs: {activation: {type: amazon}}\n"
    "      - task: enableOpenSsh\n"
    "      - task: setAdminAccount\n"
    "        inputs:\n"
    "          name: Administrator\n"
    "          password: {type: static, data: 'Secret,1'}\n"
    "      - task: setDnsSuffix\n"
    "        inputs:\n"
    "          suffixes: [corp.example.test, $REGION.ec2-utilities.amazonaws.com]\n"
    "      - task: setWallpaper\n"
    "        inputs:\n"
    "          path: C:\\ProgramData\\Amazon\\EC2Launch\\wallpaper\\Ec2Wallpaper.jpg\n"
    "          attributes: [hostName, instanceId, memory, network]\n"
    "          instanceTags: AllTags\n"
    "      - task: executeProgram\n"
    "        inputs:\n"
    "          - frequency: always\n"
    "            path: C:\\Windows\\System32\\cmd.exe\n"
    "            runAs: localSystem\n"
    "            arguments: [/c, ver]\n"
    "  - stage: postReady\n"
    "    tasks:\n"
    "      - task: enableJumboFrames\n"
    "      - task: optimizeEna\n"
    "        inputs:\n"
    "      - task: initializeVolume\n"
    "        inputs:\n"
    "          initialize: devices\n"
    "          devices:\n"
    "            - {device: xvdf, name: Data, letter: M, partition: gpt}\n"
    "      - task: setHostName\n"
    "        inputs: {hostName: web-01, reboot: true}\n"
    "      - task: startSsm\n"
    "      - task: writeFile\n"
    "        inputs:\n"
    "          - frequency: once\n"
    "            destination: C:\\ProgramData\\Acme\\role.txt\n"
    "            content: build-agent\n"
    "      - task: executeScript\n"
    "        inputs:\n"
    "          - frequency: once\n"
    "            type: powershell\n"
    "            runAs: admin\n"
    "            detach: true\n"
    "            arguments: [-ExecutionPolicy, Bypass]\n"
    "            content: |-\n"
    "              Get-Service | Out-File C:\\x.txt\n";

static void every_task_is_accepted_where_it_may_stand(void **state)
{
    _cleanup_(v2_config_freep) struct v2_config *c = parse(full);

    assert_int_equal(tree_count(c->tasks[V2_PRE_READY]), 6);
    assert_int_equal(tree_count(c->tasks[V2_POST_READY]), 7);
    assert_string_equal(warned, "");
}

static void json_of_the_same_shape_is_accepted(void **state)
{
    _cleanup_(v2_config_freep) struct v2_config *c = parse(full), *j = NULL, *y = NULL;
    _cleanup_str_ struct str json = STR_INIT(20000), yaml = STR_INIT(20000),
                             again = STR_INIT(20000);

    v2_config_write(&json, c, true);
    j = parse(str_text(&json));
    assert_true(j->json);
    v2_config_write(&yaml, j, false);
    y = parse(str_text(&yaml));
    assert_false(y->json);
    v2_config_write(&again, y, true);
    assert_string_equal(str_text(&again), str_text(&json));
}

/* The seeds of the fuzz target are the guide's examples and settings of every task. */
static void the_examples_are_accepted(void **state)
{
    static const char *const names[] = { "default.yml", "example.yml", "full.json", "full.yml" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[500], text[20000];
        FILE *f;

        (void)snprintf(path, sizeof path, AGENT_ROOT "/fuzz/corpus/agent-config/%s", names[i]);
        f = fopen(path, "r");
        assert_non_null(f);
        text[fread(text, 1, sizeof text - 1, f)] = '\0';
        (void)fclose(f);
        v2_config_free(parse(text));
    }
}

static void a_byte_order_mark_does_not_matter(void **state)
{
    v2_config_free(parse("\xef\xbb\xbf"
                         "version: \"1.0\"\r\nconfig:\r\n"));
}

static void a_missing_run_as_is_a_warning(void **state)
{
    v2_config_free(parse(stage("postReady", "  - task: executeScript\n"
                                            "    inputs:\n"
                                            "    - frequency: always\n"
                                            "      type: batch\n"
                                            "      content: ver\n")));
    assert_string_equal(warned, "agent-config.yml:7:7: 'runAs' is missing, localSystem is meant");
}

static void a_wrong_frame_is_refused_with_its_place(void **state)
{
    check_refused("config:\n", "agent-config.yml:1:1: 'version' is missing");
    check_refused("version: 2.0\nconfig:\n", "agent-config.yml:1:10: 1.0 or 1.1 expected for "
                                             "'version', not '2.0'");
    check_refused("version: 1.0\n", "agent-config.yml:1:1: 'config' is missing");
    check_refused("version: 1.0\nConfig:\n",
                  "agent-config.yml:2:1: unknown key 'Config' in agent-config.yml (it is written "
                  "'config')");
    check_refused("version: 1.0\nconfig: boot\n", "agent-config.yml:2:9: a list of stages expected "
                                                  "for 'config', not a string");
    check_refused("version: 1.0\nconfig:\n- tasks:\n", "agent-config.yml:3:3: 'stage' is missing");
    check_refused(
        stage("PreReady", ""),
        "agent-config.yml:3:10: 'boot', 'network', 'preReady' or 'postReady' expected for "
        "'stage', not 'PreReady'");
    check_refused(
        "version: 1.0\nconfig:\n- stage: boot\n- stage: boot\n  tasks: []\n- stage: boot\n",
        "agent-config.yml:6:3: the stage 'boot' stands here a second time");
    check_refused("", "agent-config.yml:1:1: a map expected, not nothing");
}

static void a_wrong_task_is_refused_with_its_place(void **state)
{
    check_refused(stage("boot", "  - task: extendrootpartition\n"),
                  "agent-config.yml:5:11: unknown task 'extendrootpartition' (it is written "
                  "'extendRootPartition')");
    check_refused(stage("preReady", "  - task: startSsm\n"),
                  "agent-config.yml:5:11: the task 'startSsm' cannot stand in preReady; it can in: "
                  "postReady, user data");
    check_refused(stage("postReady", "  - task: sysprep\n"),
                  "agent-config.yml:5:11: the task 'sysprep' cannot stand in postReady; it can in: "
                  "user data");
    check_refused(stage("postReady", "  - task: startSsm\n  - task: startSsm\n"),
                  "agent-config.yml:6:11: task 'startSsm' should be unique and only invoked once");
    check_refused(stage("boot", "  - inputs:\n"), "agent-config.yml:5:5: 'task' is missing");
    check_refused(stage("boot", "  - task: extendRootPartition\n    input: 1\n"),
                  "agent-config.yml:6:5: unknown key 'input' in a task");
    check_refused(stage("boot", "  - extendRootPartition\n"),
                  "agent-config.yml:5:5: a map expected, not 'extendRootPartition'");
    check_refused(stage("boot", "  - task: extendRootPartition\n    inputs: {a: 1}\n"),
                  "agent-config.yml:6:5: the task 'extendRootPartition' has no inputs");
    check_refused(stage("preReady", "  - task: setDnsSuffix\n"),
                  "agent-config.yml:5:5: the task 'setDnsSuffix' needs 'inputs'");
}

static void check_input(const char *task, const char *inputs, const char *message)
{
    char tasks[2048], whole[600];
    const char *where =
        str_starts(task, "set") && !str_eq(task, "setHostName") ? "preReady" : "postReady";

    (void)snprintf(tasks, sizeof tasks, "  - task: %s\n    inputs:\n%s", task, inputs);
    (void)snprintf(whole, sizeof whole, "agent-config.yml:%s", message);
    check_refused(stage(where, tasks), whole);
}

static void a_wrong_input_is_refused_with_its_place(void **state)
{
    check_input("setHostName", "      hostName: web_01\n",
                "7:17: wrong 'hostName': computer name 'web_01': only letters, digits and hyphens "
                "are allowed");
    check_input("setHostName", "      hostname: a\n",
                "7:7: unknown key 'hostname' in setHostName (it is written 'hostName')");
    check_input("setHostName", "      reboot: sure\n",
                "7:15: true or false expected for 'reboot', not 'sure'");
    check_input("setHostName", "      reboot: 'yes'\n",
                "7:15: true or false expected for 'reboot', not 'yes'");
    check_input("setAdminAccount", "      password: {type: Random}\n",
                "7:24: 'random', 'static', 'doNothing' or 'encrypted' expected for 'type', not "
                "'Random' (it is written 'random')");
    check_input("setAdminAccount", "      password: random\n",
                "7:17: a map expected for 'password', not 'random'");
    check_input("setAdminAccount", "      password: {}\n", "7:17: 'type' is missing in password");
    check_input("setDnsSuffix", "      suffixes: a.test\n",
                "7:17: a list expected for 'suffixes', not 'a.test'");
    check_input("setDnsSuffix", "      suffixes: [[a]]\n", "7:18: a text expected, not a list");
    check_input("setWallpaper", "      path: C:\\a.png\n",
                "7:13: wrong 'path': 'C:\\a.png' is no .jpg file");
    check_input("setWallpaper", "      path: a.jpg\n      attributes: [hostnames]\n",
                "8:20: wrong 'attributes': unknown attribute 'hostnames'");
    check_input("setWallpaper", "      path: a.jpg\n      instanceTags: Name\n",
                "8:21: 'AllTags' or a list of tag names expected, not 'Name'");
    check_input("initializeVolume", "      initialize: devices\n",
                "7:19: 'initialize: devices' needs a list 'devices'");
    check_input(
        "initializeVolume",
        "      initialize: devices\n      devices:\n      - device: xvdf\n        letter: MM\n",
        "10:17: wrong 'letter': 'MM' is no drive letter");
    check_input("executeScript", "      frequency: once\n",
                "7:7: a list expected for 'inputs', not a map");
    check_input("executeScript", "    - frequency: once\n      type: batch\n",
                "7:7: 'content' is missing in executeScript");
    check_input(
        "executeScript",
        "    - frequency: once\n      type: batch\n      content: x\n      arguments: [a]\n",
        "10:7: 'arguments' is for type 'powershell' only");
    check_input("executeScript", "    - frequency: never\n",
                "7:18: 'once' or 'always' expected for 'frequency', not 'never'");
    check_input("writeFile", "    - frequency: once\n      destination: \"\"\n      content: x\n",
                "8:20: wrong 'destination': it is empty");
}

/* What the original takes, a parser of YAML 1.1, is taken; a text stays the text that it is. */
static void the_flags_of_yaml_1_1_are_flags(void **state)
{
    static const char *const words[] = { "yes", "On", "Y", "NO", "off", "n" };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        _cleanup_(v2_config_freep) struct v2_config *c = NULL;
        struct str json = STR_INIT(4096);
        struct err e = { 0 };
        const char *text;
        char tasks[200];

        (void)snprintf(tasks, sizeof tasks,
                       "  - task: setHostName\n    inputs: {hostName: %s, reboot: %s}\n", words[i],
                       words[i]);
        text = stage("postReady", tasks);
        assert_int_equal(v2_config_parse("agent-config.yml", text, strlen(text), NULL, NULL, &c,
                                         &e),
                         0);
        assert_int_equal(v2_flag(tree_get(c->tasks[V2_POST_READY]->first, "inputs"), "reboot",
                                 i >= 3),
                         i < 3);
        v2_config_write(&json, c, true);
        assert_non_null(strstr(json.p, i < 3 ? "\"reboot\": true" : "\"reboot\": false"));
        (void)snprintf(tasks, sizeof tasks, "\"hostName\": \"%s\"", words[i]);
        assert_non_null(strstr(json.p, tasks));
        str_done(&json);
    }
}

/* Beyond, the rest was left out silently. */
static void a_list_that_is_too_long_is_refused_with_the_first_item_too_many(void **state)
{
    struct str s = STR_INIT(8192);

    str_add(&s, "      suffixes:\n");
    for (unsigned i = 0; i < 65; i++)
        str_addf(&s, "      - %u.test\n", i);
    assert_true(s.len < 2000);
    check_input("setDnsSuffix", s.p, "72:9: 'suffixes' has more than 64 items");
    str_done(&s);
    for (unsigned i = 0; i < 101; i++)
        str_add(&s, "    - {}\n");
    check_input("writeFile", s.p, "107:7: 'inputs' has more than 100 items");
    str_done(&s);
}

static void check_wiped(const char *text, const char *want)
{
    _cleanup_str_ struct str out = STR_INIT(10000);
    struct err e = { 0 };

    if (v2_config_wipe_password("agent-config.yml", text, strlen(text), &out, &e) != 1)
        fail_msg("%s", e.msg);
    assert_string_equal(str_text(&out), want);
}

/* S-81 in the v2 dialect: the clear text leaves the file, all else stays. */
static void a_used_password_is_cut_out_of_the_file(void **state)
{
    check_wiped("version: 1.0\n"
                "config: # mine\n"
                "- stage: preReady\n"
                "  tasks:\n"
                "  - task: setAdminAccount\n"
                "    inputs:\n"
                "      password:\n"
                "        data: Sec ret#1 # the old one\n"
                "        type: static\n",
                "version: 1.0\n"
                "config: # mine\n"
                "- stage: preReady\n"
                "  tasks:\n"
                "  - task: setAdminAccount\n"
                "    inputs:\n"
                "      password:\n"
                "        data: \"\" # the old one\n"
                "        type: static\n");
    check_wiped("{\"version\":\"1.0\",\"config\":[{\"stage\":\"preReady\",\"tasks\":[{\"task\":"
                "\"setAdminAccount\",\"inputs\":{\"password\":{\"data\":\"a\\\"b\",\"type\":"
                "\"static\"}}}]}]}",
                "{\"version\":\"1.0\",\"config\":[{\"stage\":\"preReady\",\"tasks\":[{\"task\":"
                "\"setAdminAccount\",\"inputs\":{\"password\":{\"data\":\"\",\"type\":"
                "\"static\"}}}]}]}");
    check_wiped("version: 1.0\nconfig: [{stage: preReady, tasks: [{task: setAdminAccount, inputs: "
                "{password: {type: static, data: S1, }}}]}] # mine\n",
                "version: 1.0\nconfig: [{stage: preReady, tasks: [{task: setAdminAccount, inputs: "
                "{password: {type: static, data: \"\", }}}]}] # mine\n");
    check_wiped("version: 1.0\nconfig:\n- stage: preReady\n  tasks:\n  - task: setAdminAccount\n"
                "    inputs:\n      password: # mine\n        data: 'it''s \\'\n"
                "        type: static\n",
                "version: 1.0\nconfig:\n- stage: preReady\n  tasks:\n  - task: setAdminAccount\n"
                "    inputs:\n      password: # mine\n        data: \"\"\n        type: static\n");
    /* of several lines: the file is written anew */
    check_wiped(stage("preReady", "  - task: setAdminAccount # mine\n    inputs:\n      password:\n"
                                  "        data: Sec\n          ret\n        type: static\n"),
                "version: 1.0\nconfig:\n  - stage: preReady\n    tasks:\n      - task: "
                "setAdminAccount\n        inputs:\n          password:\n            data: \"\"\n"
                "            type: static\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_settings_are_accepted),
        cmocka_unit_test(every_task_is_accepted_where_it_may_stand),
        cmocka_unit_test(json_of_the_same_shape_is_accepted),
        cmocka_unit_test(the_examples_are_accepted),
        cmocka_unit_test(a_byte_order_mark_does_not_matter),
        cmocka_unit_test(a_missing_run_as_is_a_warning),
        cmocka_unit_test(a_wrong_frame_is_refused_with_its_place),
        cmocka_unit_test(a_wrong_task_is_refused_with_its_place),
        cmocka_unit_test(a_wrong_input_is_refused_with_its_place),
        cmocka_unit_test(the_flags_of_yaml_1_1_are_flags),
        cmocka_unit_test(a_list_that_is_too_long_is_refused_with_the_first_item_too_many),
        cmocka_unit_test(a_used_password_is_cut_out_of_the_file),
    };

    return test_run(tests);
}
