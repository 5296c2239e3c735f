/* SPDX-License-Identifier: Apache-2.0 */
/* How each agent calls Sysprep; its user's guide and public logs are the source. */
#include "sysprep/sysprep.h"

#include <string.h>

#define V1_SYSPREP  "%ProgramData%\\Amazon\\EC2-Windows\\Launch\\Sysprep\\"
#define V2_SYSPREP  "%ProgramData%\\Amazon\\EC2Launch\\sysprep\\"
#define CONFIG_ROOT "%ProgramFiles%\\Amazon\\Ec2ConfigService\\"

#define COMMAND_MAX KIB(8)

static const struct sysprep_dialect table[] = {
    [DIALECT_V2] = {
        .id = DIALECT_V2,
        .answer_file = V2_SYSPREP "unattend.xml",
        .working_copy = V2_SYSPREP "unattend-run.xml",
        .before = V2_SYSPREP "BeforeSysprep.cmd",
        .command = "{program} {switches} {end} /unattend:\"{answer}\"",
        .switches = "/oobe /generalize",
        .locale_from_registry = true,
        .force = "--force",
    },
    [DIALECT_V1] = {
        .id = DIALECT_V1,
        .answer_file = V1_SYSPREP "Unattend.xml",
        .working_copy = V1_SYSPREP "Unattend-run.xml",
        .before = V1_SYSPREP "BeforeSysprep.cmd",
        .command = "{program} /oobe {end} /generalize \"/unattend:{answer}\"",
        .switches = "",
        .locale_fill_empty = true,
        .first_command = AGENT_POWERSHELL " " V1_SYSPREP
                                          "Randomize-LocalAdminPassword.ps1 {admin}",
        .before_must_succeed = true,
        .force = "-Force",
    },
    [DIALECT_CONFIG] = {
        .id = DIALECT_CONFIG,
        .answer_file = CONFIG_ROOT "sysprep2008.xml",
        .working_copy = CONFIG_ROOT "sysprep2008-run.xml",
        .before = CONFIG_ROOT "Scripts\\BeforeSysprep.cmd",
        .command = "{program} /unattend:\"{answer}\" {switches} {end}",
        .switches = "/oobe /generalize /shutdown",
        .force = "-force",
        .component = "SysprepUtils",
    },
};

const struct sysprep_dialect *sysprep_dialect(enum dialect_id id)
{
    return &table[id];
}

static bool is_end(const char *word, size_t n)
{
    static const char *const ends[] = { "/shutdown", "/reboot", "/quit" };

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        _cleanup_free_ char *copy = str_dup_n(word, n);
        if (copy && str_eq_nocase(copy, ends[i]))
            return true;
    }
    return false;
}

/* The switches without the one that says how to end, which goes into ret_end (16 bytes). */
static void split_switches(const char *text, struct str *out, char *ret_end, size_t size)
{
    while (*text) {
        size_t n;
        text += strspn(text, " \t");
        n = strcspn(text, " \t");
        if (n && n < size && is_end(text, n)) {
            memcpy(ret_end, text, n);
            ret_end[n] = '\0';
        } else if (n) {
            if (out->len)
                str_addc(out, ' ');
            str_add_mem(out, text, n);
        }
        text += n;
    }
}

static void put_word(struct str *out, const char *word, size_t n, const char *const *values)
{
    static const char *const words[] = { "{program}", "{switches}", "{end}", "{answer}" };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strlen(words[i]) == n && memcmp(words[i], word, n) == 0)
            str_add(out, values[i]);
}

char *sysprep_command(const struct sysprep_dialect *d, const char *program, const char *answer,
                      const char *switches, bool shutdown)
{
    struct str out = STR_INIT(COMMAND_MAX), plain = STR_INIT(COMMAND_MAX);
    char end[16] = "/shutdown";
    const char *values[] = { program, NULL, end, answer };

    split_switches(switches ? switches : d->switches, &plain, end, sizeof(end));
    if (!shutdown)
        (void)str_copy(end, sizeof(end), "/quit");
    values[1] = str_text(&plain);
    for (const char *p = d->command; *p;) {
        size_t n = *p == '{' ? strcspn(p, "}") + 1 : 0;
        if (n)
            put_word(&out, p, n, values);
        else
            str_addc(&out, *p);
        p += n ? n : 1;
    }
    str_done(&plain);
    if (out.failed) {
        str_done(&out);
        return NULL;
    }
    return str_take(&out);
}
