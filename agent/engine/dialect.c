/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/dialect.h"

#define CONFIG_ROOT "%ProgramFiles%\\Amazon\\Ec2ConfigService"
#define V1_ROOT     "%ProgramData%\\Amazon\\EC2-Windows\\Launch"
#define V2_ROOT     "%ProgramData%\\Amazon\\EC2Launch"

#define SETUP_BUSY  "Windows is being configured. SysprepState=%s"
#define SETUP_STILL "Windows is still being configured. SysprepState=%s"
#define SETUP_DONE  "Windows sysprep configuration complete."
#define AVAILABLE   "Message: Meta-data is now available."
#define READY       "Message: Windows is Ready to use"
#define RESTARTING  "Message: Windows is restarting..."

#define GPT_FROM 2199023255552ULL /* 2^32 sectors of 512 bytes do not fit an MBR */

/* metadata, KMS, KMS, GRID licences, time, DNS */
static const char *const routes4[] = { "169.254.169.254",
                                       "169.254.169.250",
                                       "169.254.169.251",
                                       "169.254.169.249",
                                       "169.254.169.123",
                                       "169.254.169.253",
                                       NULL };
static const char *const routes6[] = { "fd00:ec2::254", "fd00:ec2::250", "fd00:ec2::123",
                                       "fd00:ec2::253", NULL };
static const char *const no_routes[] = { NULL };
static const char *const no_lines[] = { NULL };
static const char *const sysprep_lines[] = { "Message: Sysprep Start", "Message: Sysprep End",
                                             NULL };

static const struct dialect dialects[DIALECT_MAX] = {
    [DIALECT_V2] = {
        .id = DIALECT_V2,
        .name = "EC2Launch v2",
        .service = "EC2Launch",
        .root = V2_ROOT,
        .programs = "%ProgramFiles%\\Amazon\\EC2Launch",
        .log_path = V2_ROOT "\\log\\agent.log",
        .log_form = LOG_FORM_LEVEL,
        .log_max_bytes = MIB(1),
        .log_backup = true,
        .setup_busy = SETUP_BUSY,
        .setup_still = SETUP_STILL,
        .setup_done = SETUP_DONE,
        .setup_after = no_lines,
        .setup_done_always = true,
        .waiting = "Message: Waiting for access to metadata...",
        .available = AVAILABLE,
        .ready = READY,
        .launch = "Launch: EC2 Launch v%s",
        .restarting = RESTARTING,
        .telemetry = "EC2LaunchTelemetry",
        .telemetry_log = V2_ROOT "\\log\\telemetry.log",
        .metadata_poll_ms = 1000,
        .metadata_say_ms = 120000,
        .metadata_limit_ms = 300000,
        .routes4 = routes4,
        .routes6 = routes6,
        .routes_on_link = true,
        .routes_nic_by_mac = true,
        .password_length = 32,
        .name_form = NAME_FORM_IP_LOWER,
        .ebs_first_letter = 'D',
        .store_first_letter = 'Z',
        .gpt_from_bytes = GPT_FROM,
        .work_folder = "%LOCALAPPDATA%\\Temp\\EC2Launch*",
        .script_batch = "UserScript.bat",
        .script_powershell = "UserScript.ps1",
        .script_out = "Output.tmp",
        .script_err = "Err.tmp",
        .program_inputs = "ExecuteProgramInputs.tmp",
    },
    [DIALECT_V1] = {
        .id = DIALECT_V1,
        .name = "EC2Launch",
        .root = V1_ROOT,
        .programs = V1_ROOT,
        .log_path = V1_ROOT "\\Log\\Ec2Launch.log",
        .user_log_path = V1_ROOT "\\Log\\UserdataExecution.log",
        .log_form = LOG_FORM_STAMP,
        .setup_busy = SETUP_BUSY,
        .setup_still = SETUP_STILL,
        .setup_done = SETUP_DONE,
        .setup_after = no_lines,
        .setup_done_always = true,
        .waiting = "Message: Waiting for meta-data accessibility...",
        .waiting_still = "Message: Still waiting for meta-data accessibility...",
        .available = AVAILABLE,
        .ready = READY,
        .launch = "Launch: EC2 Launch v%s",
        .launch_after_ids = true,
        .restarting = RESTARTING,
        .telemetry = "Telemetry",
        .telemetry_log = V1_ROOT "\\Log\\Telemetry.log",
        .metadata_v1_fallback = true,
        .metadata_poll_ms = 5000,
        .metadata_say_ms = 120000,
        .metadata_limit_ms = 300000,
        .routes4 = routes4,
        .routes6 = routes6,
        .routes_persistent = true,
        .password_length = 32,
        .name_form = NAME_FORM_IP_UPPER,
        .ebs_first_letter = 'D',
        .store_first_letter = 'Z',
        .store_label_by_number = true,
        .gpt_from_bytes = GPT_FROM,
        .tags_any_case = true,
        .tags_once = true,
        .work_folder = "%LOCALAPPDATA%\\Temp\\Amazon\\EC2-Windows\\Launch\\InvokeUserData",
        .work_folder_kept = true,
        .script_utf16 = true,
        .script_batch = "UserScript.bat",
        .script_powershell = "UserScript.ps1",
        .script_out = "InvokeUserdataOutput.log",
        .script_err = "InvokeUserdataErrors.log",
        .script_copies = "%SystemRoot%\\Temp",
    },
    [DIALECT_CONFIG] = {
        .id = DIALECT_CONFIG,
        .name = "EC2Config",
        .service = "EC2Config",
        .root = CONFIG_ROOT,
        .programs = CONFIG_ROOT,
        .log_path = CONFIG_ROOT "\\Logs\\Ec2ConfigLog.txt",
        .log_form = LOG_FORM_COMPONENT,
        .setup_busy = "EC2ConfigMonitorState: 0 " SETUP_BUSY,
        .setup_still = SETUP_STILL,
        .setup_done = SETUP_DONE,
        .setup_after = sysprep_lines,
        .setup_done_always = true,
        .waiting = "Message: Waiting for meta-data accessibility...",
        .available = AVAILABLE,
        .ready = READY,
        .launch = "EC2 Agent: Ec2Config service v%s",
        .restarting = RESTARTING,
        .metadata_v1_fallback = true,
        .metadata_poll_ms = 5000,
        .metadata_say_ms = 120000,
        .routes4 = routes4,
        .routes6 = no_routes,
        .routes_persistent = true,
        .password_length = 32,
        .name_form = NAME_FORM_IP_UPPER,
        .ebs_first_letter = 'D',
        .store_first_letter = 'Z',
        .store_label_by_number = true,
        .gpt_from_bytes = GPT_FROM,
        .tags_any_case = true,
        .tags_once = true,
        .work_folder = CONFIG_ROOT "\\Scripts",
        .work_folder_kept = true,
        .work_folder_shared = true,
        .script_batch = "UserScript.bat",
        .script_powershell = "UserScript.ps1",
        .script_out = "UserScriptOutput.log",
        .script_err = "UserScriptErrors.log",
    },
};

const struct dialect *dialect_get(enum dialect_id id)
{
    return &dialects[id];
}
