/* SPDX-License-Identifier: Apache-2.0 */
/* Calls the rows of the real table and looks at what they did, as TAP: for tests/agent under Wine
 * (and for a real Windows: run it as an administrator). It changes nothing that it does not put
 * back. Not installed. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/console.h"
#include "engine/imds.h"
#include "engine/password.h"
#include "engine/userdata-run.h"
#include "engine/wallpaper.h"
#include "win-priv.h"

#define KEY    "HKLM\\SOFTWARE\\Kiln Probe"
#define FOLDER "%TEMP%\\kiln-probe"

static struct win *w;
static unsigned number, failed;
static char folder[WIN_PATH_MAX];

static void check(bool good, const char *what, const struct err *e)
{
    printf("%s %u - %s\n", good ? "ok" : "not ok", ++number, what);
    if (!good && e)
        printf("# %s\n", e->msg);
    failed += !good;
    fflush(stdout);
}

/* "<folder>\name" */
static const char *in_folder(const char *name)
{
    static char path[4][WIN_PATH_MAX];
    static unsigned turn;
    char *p = path[turn++ % 4];

    (void)snprintf(p, WIN_PATH_MAX, "%s\\%s", folder, name);
    return p;
}

static void registry(void)
{
    _cleanup_free_ struct win_name *names = NULL;
    _cleanup_free_ char *text = NULL;
    struct err e = { 0 };
    uint32_t v = 0;
    size_t n = 0;

    check(w->reg_set_text(w, KEY "\\Sub", "Name", "Z\xc3\xbcrich \xf0\x9f\x94\xa5", &e) == 0 &&
              win_reg_text(w, KEY "\\Sub", "name", &text, &e) == 1 &&
              str_eq(text, "Z\xc3\xbcrich \xf0\x9f\x94\xa5"),
          "a text comes back from the registry", &e);
    check(w->reg_set_u32(w, KEY, "Number", 0xfffffffe, &e) == 0 &&
              win_reg_u32(w, KEY, "Number", &v, &e) == 1 && v == 0xfffffffe,
          "a number comes back from the registry", &e);
    check(w->reg_keys(w, KEY, &names, &n, &e) == 0 && n == 1 && str_eq(names[0].name, "Sub"),
          "subkeys are listed", &e);
    free(text);
    text = NULL;
    check(win_reg_text(w, KEY, "Absent", &text, &e) == 0 &&
              win_reg_text(w, KEY "\\Absent", "x", &text, &e) == 0 && !text,
          "what is absent is no error", &e);
    check(w->reg_delete(w, KEY, "Number", &e) == 0 && win_reg_u32(w, KEY, "Number", &v, &e) == 0,
          "a value is deleted", &e);
    check(w->reg_delete(w, KEY, NULL, &e) == 0 && w->reg_has_key(w, KEY, &e) == 0 &&
              w->reg_delete(w, KEY, NULL, &e) == 0,
          "a key is deleted with all below, twice", &e);
}

static void files(void)
{
    _cleanup_free_ struct win_name *names = NULL;
    _cleanup_free_ char *text = NULL;
    struct win_name there;
    struct err e = { 0 }, none = { 0 };
    size_t n = 0;

    check(w->file_write(w, in_folder("deep\\er\\a.txt"), "one", 3, &e) == 0 &&
              w->file_append(w, in_folder("deep\\er\\a.txt"), "\ntwo", 4, &e) == 0 &&
              w->file_read(w, in_folder("deep\\er\\a.txt"), 100, &text, &n, &e) == 0 && n == 7 &&
              str_eq(text, "one\ntwo"),
          "a file is written, extended and read", &e);
    check(w->file_write(w, in_folder("deep\\er\\a.txt"), "new", 3, &e) == 0 &&
              w->dir_list(w, in_folder("deep\\er"), &names, &n, &e) == 0 && n == 1 &&
              names[0].size_bytes == 3,
          "replacing leaves one file", &e);
    check(w->file_rename(w, in_folder("deep\\er\\a.txt"), in_folder("deep\\b.txt"), &e) == 0 &&
              w->file_stat(w, in_folder("deep\\b.txt"), &there, &e) == 1 && !there.is_dir &&
              str_eq(there.name, "b.txt") &&
              w->file_stat(w, in_folder("deep\\er\\a.txt"), &there, &e) == 0,
          "a file is renamed", &e);
    free(text);
    text = NULL;
    check(w->file_read(w, in_folder("absent"), 9, &text, &n, &none) == -ENOENT &&
              none.kind == ERR_NOT_FOUND && none.win == ERROR_FILE_NOT_FOUND,
          "an absent file is -ENOENT", &none);
    err_clear(&none);
    check(w->file_read(w, in_folder("deep\\b.txt"), 2, &text, &n, &none) == -EFBIG,
          "a file has a limit", &none);
    check(w->file_protect(w, in_folder("deep"), WIN_PROTECT_ADMINS, &e) == 0,
          "a folder is protected", &e);
    check(w->dir_delete(w, in_folder("deep"), &e) == 0 &&
              w->file_stat(w, in_folder("deep"), &there, &e) == 0 &&
              w->dir_delete(w, in_folder("deep"), &e) == 0,
          "a folder goes with all below, twice", &e);
}

static void processes(void)
{
    _cleanup_free_ char *text = NULL, *raw = NULL;
    struct script s = { .kind = SCRIPT_BATCH,
                        .content = "@echo out\r\n@echo err 1>&2\r\n@exit /b 3010\r\n" };
    struct win_run slow = { .command = "cmd.exe /C \"for /L %i in (1,0,2) do @rem\"",
                            .timeout_ms = 700 };
    struct script_result res = { 0 };
    struct win_name there;
    struct err e = { 0 }, late = { 0 };
    uint32_t code = 0, pid = 0;
    uint64_t start;

    check(win_capture(w, "cmd.exe /C \"echo hello& exit 7\"", &text, &code, &e) == 0 && code == 7 &&
              str_starts(text, "hello"),
          "a process's output and exit code come back", &e);
    s.content_n = strlen(s.content);
    check(script_run(w, dialect_get(DIALECT_V2), &s, NULL, &res, &e) == 0 &&
              res.exit_code == 3010 && str_starts(res.out, "out") && str_starts(res.err, "err"),
          "a batch script runs in its own folder", &e);
    check(w->file_stat(w, res.folder, &there, &e) == 1 && there.is_dir &&
              w->dir_delete(w, res.folder, &e) == 0,
          "and its files stay", &e);
    script_result_done(&res);
    start = w->tick_ms(w);
    check(w->run(w, &slow, &pid, &code, &late) == -ETIMEDOUT && w->tick_ms(w) - start < 20000,
          "a process that never ends is ended", &late);
    err_clear(&late);
    slow.command = "no-such-program.exe";
    check(w->run(w, &slow, &pid, &code, &late) == -ENOENT, "an absent program is told", &late);
}

static volatile LONG together;

static void meet(void *arg)
{
    InterlockedIncrement(&together);
    for (unsigned i = 0; i < 500 && together < 3; i++)
        Sleep(10);
}

static void threads(void)
{
    void *args[3] = { 0 };
    struct err e = { 0 };

    check(w->run_all(w, meet, args, 3, &e) == 0 && together == 3, "three things run at once", &e);
}

static void services(void)
{
    struct win_service s = { .name = "KilnProbe",
                             .display = "Kiln probe",
                             .description = "None",
                             .command = "C:\\windows\\system32\\cmd.exe",
                             .start = WIN_START_DEMAND,
                             .restart_on_failure = true };
    enum win_service_state state = WIN_SERVICE_OTHER;
    struct err e = { 0 };
    uint32_t start = 0;

    check(w->service_install(w, &s, &e) == 0 && w->service_install(w, &s, &e) == 0 &&
              w->service_state(w, "KilnProbe", &state, &e) == 0 && state == WIN_SERVICE_STOPPED,
          "a service is installed, twice", &e);
    check(w->service_missed(w, "KilnProbe", &e) == 0 &&
              w->service_set_start(w, "KilnProbe", WIN_START_AUTO, &e) == 0 &&
              w->service_missed(w, "KilnProbe", &e) == 1,
          "one that should have started and has not is known", &e);
    check(w->service_set_start(w, "KilnProbe", WIN_START_DISABLED, &e) == 0 &&
              w->service_missed(w, "KilnProbe", &e) == 0 &&
              win_reg_u32(w, "HKLM\\SYSTEM\\CurrentControlSet\\Services\\KilnProbe", "Start",
                          &start, &e) == 1 &&
              start == 4,
          "its start is changed", &e);
    check(w->service_delete(w, "KilnProbe", &e) == 0 &&
              w->service_state(w, "KilnProbe", &state, &e) == 0 && state == WIN_SERVICE_ABSENT &&
              w->service_delete(w, "KilnProbe", &e) == 0,
          "it is deleted, twice", &e);
}

static void tasks(void)
{
    static const char xml[] =
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?>\n"
        "<Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">\n"
        "<Triggers><BootTrigger><Enabled>true</Enabled></BootTrigger></Triggers>\n"
        "<Principals><Principal id=\"A\"><UserId>S-1-5-18</UserId>"
        "<RunLevel>HighestAvailable</RunLevel></Principal></Principals>\n"
        "<Settings><Enabled>true</Enabled></Settings>\n"
        "<Actions Context=\"A\"><Exec><Command>cmd.exe</Command></Exec></Actions></Task>\n";
    enum win_task_state state = WIN_TASK_STATE_MAX;
    struct err e = { 0 };

    check(w->task_install(w, "Kiln Probe - Task", xml, &e) == 0 &&
              w->task_state(w, "Kiln Probe - Task", &state, &e) == 0 && state == WIN_TASK_ENABLED,
          "a scheduled task is registered and enabled", &e);
    err_clear(&e);
    check(w->task_delete(w, "Kiln Probe - Task", &e) == 0 &&
              w->task_state(w, "Kiln Probe - Task", &state, &e) == 0 && state == WIN_TASK_ABSENT &&
              w->task_delete(w, "Kiln Probe - Task", &e) == 0,
          "it is deleted, twice", &e);
}

static void machine(void)
{
    _cleanup_free_ struct win_volume *v = NULL;
    _cleanup_free_ struct win_disk *d = NULL;
    _cleanup_free_ struct win_adapter *a = NULL;
    _cleanup_free_ struct win_driver *r = NULL;
    _cleanup_free_ struct win_name *parents = NULL;
    struct win_system sys;
    struct win_zone zone;
    struct err e = { 0 };
    size_t n = 0;
    bool c = false;

    check(w->system(w, &sys, &e) == 0 && sys.major >= 6 && sys.memory_bytes > 1048576 &&
              sys.processors && str_eq(sys.arch, "AMD64"),
          "the machine is known", &e);
    check(w->zone(w, &zone, &e) == 0 && zone.standard[0], "the time zone is known", &e);
    check(w->now_ms(w) > 1700000000000ULL, "the time is UTC since 1970", &e);
    check(w->adapters(w, &a, &n, &e) == 0 && n > 0, "adapters are listed", &e);
    check(w->volumes(w, &v, &n, &e) == 0, "volumes are listed", &e);
    for (size_t i = 0; i < n; i++)
        c = c || v[i].letter == 'C';
    check(c, "C: is among them", &e);
    check(w->disks(w, &d, &n, &e) == 0, "disks are listed", &e);
    check(w->drivers(w, &r, &n, &e) == 0, "drivers are listed", &e);
    check(w->ancestors(w, &parents, &n, &e) == 0, "our parents are listed", &e);
    check(w->is_admin(w), "we are an administrator", &e);
}

/* What Wine lacks must be refused in words, not end the program. */
static void refusals(void)
{
    struct win_route route = {
        .dest = "192.0.2.1", .prefix = 32, .gateway = "0.0.0.0", .index = 1
    };
    _cleanup_free_ struct win_event *events = NULL;
    _cleanup_free_ struct win_account *accounts = NULL;
    struct win_cert cert;
    struct err e = { 0 };
    unsigned min = 0;
    size_t n = 0;

    printf("# accounts: %d %s\n", w->accounts(w, &accounts, &n, &e), e.msg);
    err_clear(&e);
    printf("# minimum password length: %d %s\n", w->password_min_length(w, &min, &e), e.msg);
    err_clear(&e);
    check(w->account_set_password(w, "nobody-of-that-name", "x", &e) < 0,
          "a password of nobody is refused", NULL);
    printf("# %s\n", e.msg);
    err_clear(&e);
    check(w->route_delete(w, &route, &e) <= 0, "a route's deletion answers", NULL);
    printf("# %s\n", e.msg);
    err_clear(&e);
    printf("# certificate: %d %s\n", w->certificate(w, &cert, &e), e.msg);
    err_clear(&e);
    printf("# events: %d %s\n", w->events(w, "System", NULL, WIN_EVENT_ERROR, 3, &events, &n, &e),
           e.msg);
}

static void pictures(void)
{
    static const char *const labels[] = { "Instance ID" };
    static const char *const values[] = { "i-0123456789abcdef0" };
    const char *out = in_folder("wall.bmp");
    struct win_picture p = { .out_path = out, .labels = labels, .values = values, .n = 1 };
    _cleanup_free_ char *bmp = NULL, *link = NULL;
    struct err e = { 0 };
    size_t n = 0, white = 0;

    check(w->picture_draw(w, &p, &e) == 0 && w->file_read(w, out, MIB(64), &bmp, &n, &e) == 0 &&
              n > MIB(4) && memcmp(bmp, "BM", 2) == 0,
          "a wallpaper is drawn", &e);
    for (size_t i = 54; i + 4 <= n; i += 4)
        white += memcmp(bmp + i, "\xff\xff\xff", 3) == 0;
    printf("# %zu white pixels\n", white);
    check(white > 50, "with text on it", NULL);
    err_clear(&e);
    check(w->shortcut_write(w, in_folder("a.lnk"), "C:\\windows\\system32\\cmd.exe", "/C rem",
                            &e) == 0 &&
              w->file_read(w, in_folder("a.lnk"), MIB(1), &link, &n, &e) == 0 && n > 76 &&
              memcmp(link, "L\0\0\0\x01\x14\x02", 7) == 0,
          "a shortcut is written", &e);
}

static void secrets(void)
{
    uint8_t a[32] = { 0 }, b[32] = { 0 };
    _cleanup_free_ void *sealed = NULL, *clear = NULL;
    struct err e = { 0 };
    size_t n = 0, m = 0;

    check(w->random(w, a, sizeof(a), &e) == 0 && w->random(w, b, sizeof(b), &e) == 0 &&
              memcmp(a, b, sizeof(a)) != 0,
          "random bytes differ", &e);
    check(w->protect(w, "secret", 6, &sealed, &n, &e) == 0 && n > 6 &&
              w->unprotect(w, sealed, n, &clear, &m, &e) == 0 && m == 6 &&
              memcmp(clear, "secret", 6) == 0,
          "sealed data opens here", &e);
}

/* With a metadata service and a serial port: the harness looks at what arrives there. */
static void console_and_metadata(void)
{
    struct imds *m = imds_new(w, dialect_get(DIALECT_V2));
    _cleanup_free_ char *id = NULL, *line = NULL, *sealed = NULL;
    struct password_key *key = calloc(1, sizeof(*key));
    struct console *c = NULL;
    struct err e = { 0 };
    char clear[PASSWORD_LENGTH + 1];

    check(imds_value(m, "instance-id", &id, &e) == 1 && str_starts(id, "i-"),
          "metadata is read with a token", &e);
    check(imds_get(m, "meta-data/public-keys/0/openssh-key", &line, NULL, &e) == 1 &&
              password_key_parse(line, key, &e) == 0 &&
              password_generate(w, PASSWORD_LENGTH, clear, &e) == 0 &&
              password_seal(w, key, clear, &sealed, &e) == 0,
          "a password is sealed with the launch key", &e);
    check(console_open(w, NULL, 0, &c, &e) == 0 && console_has_port(c), "COM1 is open", &e);
    if (sealed && c) {
        console_say(c, "Message: Windows is Ready to use");
        console_say_password(c, "Administrator", sealed);
        printf("# clear %s\n", clear); /* of a key that the harness made for this run */
    }
    console_close(c);
    imds_free(m);
    free(key);
}

/* Made, bound to Remote Desktop, and found again. */
static void certificates(void)
{
    struct win_cert made = { 0 }, found = { 0 };
    struct err e = { 0 };

    check(w->certificate(w, &found, &e) == 0, "no certificate is no error", &e);
    check(w->certificate_make(w, "kiln-probe", &made, &e) == 0 &&
              w->certificate(w, &found, &e) == 1 && str_eq(made.thumbprint, found.thumbprint) &&
              str_eq(found.subject, "kiln-probe") && strlen(found.thumbprint) == 40,
          "a certificate that was made is found", &e);
}

/* "messages <dll>": the ids of its table, each with the text that a record "words" gets. */
static int messages(const wchar_t *dll)
{
    HMODULE m = LoadLibraryExW(dll, NULL, LOAD_LIBRARY_AS_DATAFILE);
    wchar_t words[] = L"words", text[64], *strings[] = { words };

    for (DWORD id = 0; m && id < 10000; id++)
        if (FormatMessageW(FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_ARGUMENT_ARRAY, m, id, 0,
                           text, 64, (va_list *)(void *)strings))
            printf("%04lu %ls", id, text);
    return m ? 0 : 1;
}

int wmain(int argc, wchar_t **argv);

int wmain(int argc, wchar_t **argv)
{
    struct err e = { 0 };
    _cleanup_free_ char *f = NULL;

    if (argc > 2 && wcscmp(argv[1], L"messages") == 0)
        return messages(argv[2]);

    w = win_real();
    f = win_expand(w, FOLDER, &e);
    if (!f || str_copy(folder, sizeof(folder), f) < 0)
        return 1;
    registry();
    files();
    secrets();
    processes();
    threads();
    services();
    machine();
    refusals();
    if (argc > 1) { /* "all": also what needs a harness or a desktop, or changes the machine */
        console_and_metadata();
        certificates();
    }
    tasks();
    pictures();
    (void)w->dir_delete(w, folder, &e);
    printf("1..%u\n", number);
    return failed ? 1 : 0;
}
