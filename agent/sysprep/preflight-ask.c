/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that only Windows' own providers answer, asked through PowerShell: SoftwareLicensing
 * (how often may Windows be rearmed), BitLocker (also when it is suspended or at work) and the
 * domain. No answer, no finding. */
#include "sysprep/sysprep.h"

#include <string.h>

#include "preflight-priv.h"

#define LICENSE_KEY                                                                                \
    "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\SoftwareProtectionPlatform"

static const char question[] = AGENT_POWERSHELL
    " -NoProfile -NonInteractive -Command \"$ErrorActionPreference = 'SilentlyContinue'; "
    "'rearm=' + (Get-WmiObject SoftwareLicensingService).RemainingWindowsReArmCount; "
    "Get-WmiObject -Namespace root/CIMV2/Security/MicrosoftVolumeEncryption "
    "Win32_EncryptableVolume | Where-Object { $_.ProtectionStatus -eq 1 -or "
    "$_.GetConversionStatus().ConversionStatus -gt 0 } | "
    "ForEach-Object { 'bitlocker=' + $_.DriveLetter }; "
    "Get-WmiObject Win32_ComputerSystem | Where-Object { $_.PartOfDomain } | "
    "ForEach-Object { 'domain=' + $_.Domain }\"";

static void look_at_rearm(struct win *w, const char *value, struct preflight *p)
{
    struct err e = { 0 };
    uint32_t skip = 0;
    uint64_t left = 0;

    if (parse_u64(value, 0, UINT32_MAX, &left) < 0 || left > 0)
        return;
    if (win_reg_u32(w, LICENSE_KEY, "SkipRearm", &skip, &e) > 0 && skip == 1)
        return;
    preflight_add(p, PREFLIGHT_STOP, "rearm",
                  "Windows cannot be rearmed any more (0 left): Sysprep fails. Set SkipRearm to 1 "
                  "or start from an image that was generalized less often");
}

static void look_at_bitlocker(struct win *w, const char *letter, struct preflight *p)
{
    struct err e = { 0 };
    _cleanup_free_ char *drive = win_expand(w, "%SystemDrive%", &e);

    if (drive && str_eq_nocase(drive, letter))
        preflight_add(p, PREFLIGHT_STOP, "bitlocker",
                      "BitLocker protects the system volume %s, or is at work on it: Sysprep "
                      "refuses. Switch it off and "
                      "wait until the volume is decrypted",
                      drive);
    else if (*letter)
        preflight_add(p, PREFLIGHT_WARNING, "bitlocker",
                      "BitLocker protects volume %s: new instances cannot open it without its key",
                      letter);
}

static void look_at_domain(const char *name, struct preflight *p)
{
    if (*name)
        preflight_add(p, PREFLIGHT_WARNING, "domain",
                      "this machine is a member of domain '%s': Sysprep takes it out", name);
}

static void take_line(struct win *w, char *line, struct preflight *p)
{
    size_t n = strcspn(line, "\r");

    line[n] = '\0';
    if (str_starts(line, "rearm="))
        look_at_rearm(w, line + 6, p);
    else if (str_starts(line, "bitlocker="))
        look_at_bitlocker(w, line + 10, p);
    else if (str_starts(line, "domain="))
        look_at_domain(line + 7, p);
}

static bool knows_bitlocker(const struct preflight *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->found[i].weight == PREFLIGHT_STOP && str_eq(p->found[i].topic, "bitlocker"))
            return true;
    return false;
}

void preflight_ask_windows(struct win *w, struct preflight *p)
{
    struct err e = { 0 };
    _cleanup_free_ char *command = win_expand(w, question, &e), *text = NULL;
    uint32_t code = 0, on = 0;

    if (command && win_capture(w, command, &text, &code, &e) == 0) {
        unsigned lines = 0;
        for (char *line = text, *next; line && lines < PREFLIGHT_MAX; line = next, lines++) {
            next = strchr(line, '\n');
            if (next)
                *next++ = '\0';
            take_line(w, line, p);
        }
    }
    err_clear(&e);
    if (!knows_bitlocker(p) &&
        win_reg_u32(w, "HKLM\\SYSTEM\\CurrentControlSet\\Control\\BitlockerStatus", "BootStatus",
                    &on, &e) > 0 &&
        on)
        preflight_add(p, PREFLIGHT_STOP, "bitlocker",
                      "BitLocker protects the system volume (BootStatus is %u): Sysprep refuses",
                      on);
}
