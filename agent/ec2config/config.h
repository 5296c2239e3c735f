/* SPDX-License-Identifier: Apache-2.0 */
/* EC2Config: XML settings, a service whose plug-ins run before and after the ready line, Sysprep by
 * `ec2config.exe -sysprep`. Folder: C:\Program Files\Amazon\Ec2ConfigService. */
#pragma once

#include "engine/console.h"
#include "engine/imds.h"
#include "engine/password.h"
#include "sysprep/xmlfile.h"

#define CONFIG_ROOT     "%ProgramFiles%\\Amazon\\Ec2ConfigService\\"
#define CONFIG_SERVICE  "EC2Config"
#define CONFIG_SETTINGS CONFIG_ROOT "Settings\\"

/* ---- Config.xml ---- */

enum config_global {
    CONFIG_MANAGE_SHUTDOWN,
    CONFIG_DNS_SUFFIX,
    CONFIG_WAIT_METADATA,
    CONFIG_ROUTES,
    CONFIG_REMOVE_CREDENTIALS,
    CONFIG_GLOBAL_MAX
};

#define CONFIG_PLUGINS_MAX 64U
struct config_plugin {
    char name[WIN_NAME_MAX];
    bool on;
};
struct config_file {
    struct xmlfile *file;
    struct config_plugin plugins[CONFIG_PLUGINS_MAX];
    size_t plugins_n;
    bool global[CONFIG_GLOBAL_MAX];
};

/* A refusal names file, line, column and word. On success config_file_done frees. */
int config_file_parse(const char *name, const void *p, size_t n, struct config_file *ret,
                      struct err *e);
int config_file_load(struct win *w, struct config_file *ret, struct err *e);
int config_file_save(struct win *w, const struct config_file *c, struct err *e);
void config_file_done(struct config_file *c);
bool config_plugin_on(const struct config_file *c, const char *name);
/* Changes one State and nothing else; a plug-in that is not in the file is added. */
int config_plugin_set(struct config_file *c, const char *name, bool on, struct err *e);
const char *config_global_name(enum config_global g);
int config_global_set(struct config_file *c, enum config_global g, bool on, struct err *e);

/* ---- BundleConfig.xml ---- */

struct config_bundle {
    struct xmlfile *file;
    bool auto_sysprep, set_rdp_certificate, set_password;
    char before[WIN_PATH_MAX]; /* PreSysprepRunCmd, with %NAME%; "" : none, if it was given */
    bool has_before;
    char switches[256]; /* of the Sysprep block; "" : none given */
};
int config_bundle_parse(const char *name, const void *p, size_t n, struct config_bundle *ret,
                        struct err *e);
int config_bundle_load(struct win *w, struct config_bundle *ret, struct err *e);
int config_bundle_save(struct win *w, const struct config_bundle *b, struct err *e);
void config_bundle_done(struct config_bundle *b);
int config_bundle_set(struct config_bundle *b, const char *name, const char *value, struct err *e);
/* The names of its properties, in the file's order. */
void config_bundle_each(const struct config_bundle *b, void (*fn)(void *ctx, const char *name),
                        void *ctx);

/* ---- the smaller files ---- */

struct config_event {
    char category[256], app[WIN_NAME_MAX];
    char type[16]; /* "" : any */
    uint32_t count;
    uint64_t last_ms;
};
#define CONFIG_EVENTS_MAX 32U
struct config_events {
    struct xmlfile *file;
    struct config_event list[CONFIG_EVENTS_MAX];
    size_t n;
};
int config_events_parse(const char *name, const void *p, size_t n, struct config_events *ret,
                        struct err *e);
int config_events_load(struct win *w, struct config_events *ret, struct err *e);
/* LastMessageTime of entry i. */
int config_events_set_last(struct config_events *c, size_t i, uint64_t ms, struct err *e);
int config_events_save(struct win *w, const struct config_events *c, struct err *e);
void config_events_done(struct config_events *c);

struct config_letter {
    char volume[64];
    char letter[3]; /* "M:" */
};
#define CONFIG_LETTERS_MAX 64U
struct config_letters {
    struct config_letter list[CONFIG_LETTERS_MAX];
    size_t n;
};
int config_letters_parse(const char *name, const void *p, size_t n, struct config_letters *ret,
                         struct err *e);
int config_letters_load(struct win *w, struct config_letters *ret, struct err *e);

#define CONFIG_KMS_MAX 16U
struct config_activation {
    bool autodiscover, from_user_data, activate, log_result;
    char servers[CONFIG_KMS_MAX][64];
    size_t servers_n;
    char zone[256], legacy_zones[512];
};
int config_activation_parse(const char *name, const void *p, size_t n,
                            struct config_activation *ret, struct err *e);
int config_activation_load(struct win *w, struct config_activation *ret, struct err *e);

enum config_drives { CONFIG_DRIVES_NO_TRIM, CONFIG_DRIVES_TRIM, CONFIG_DRIVES_OFF };
int config_drives_parse(const char *name, const void *p, size_t n, enum config_drives *ret,
                        struct err *e);
int config_drives_load(struct win *w, enum config_drives *ret, struct err *e);

#define CONFIG_WALLPAPER_MAX 64U
struct config_wallpaper {
    struct {
        char name[64], identifier[128];
        bool metadata; /* else an environment variable */
    } list[CONFIG_WALLPAPER_MAX];
    size_t n;
};
int config_wallpaper_parse(const char *name, const void *p, size_t n, struct config_wallpaper *ret,
                           struct err *e);
int config_wallpaper_load(struct win *w, struct config_wallpaper *ret, struct err *e);

/* All settings files at once, as before Sysprep: the first that is wrong is named. An absent file
 * has its defaults. */
int config_check_all(struct win *w, struct err *e);

/* ---- Image tab ---- */

enum config_password {
    CONFIG_PASSWORD_RANDOM,
    CONFIG_PASSWORD_SPECIFY,
    CONFIG_PASSWORD_KEEP,
    CONFIG_PASSWORD_MAX
};
/* Makes Config.xml, BundleConfig.xml and sysprep2008.xml follow the option; password only with
 * SPECIFY, -EINVAL when it breaks the rules for passwords. */
int config_choose_password(struct win *w, enum config_password option, const char *password,
                           struct err *e);

/* ---- programs: exit code 0 done, 1 failed, 2 wrong use ---- */

typedef void config_say(void *ctx, const char *line);

/* The whole command line as Windows has it: `"...\ec2configservice\"ec2config.exe -sysprep""` with
 * its leftover quotes is understood, too. */
int config_main(struct win *w, const char *command_line, config_say *say, void *ctx);
/* Words behind the program's name, quotes taken away; heap array and texts in one block, free() it.
 * NULL: no memory. */
char **config_words(const char *command_line, size_t *ret_n);
/* ScramblePassword.exe -u <account> */
int config_scramble_main(struct win *w, const char *command_line, config_say *say, void *ctx);

/* Ec2WallpaperInfo.exe set, revert */
int config_wallpaper_main(struct win *w, const char *command_line, config_say *say, void *ctx);
/* Whether each logon draws it: 1, 0. */
int config_wallpaper_is_on(struct win *w, struct err *e);
int config_wallpaper_switch(struct win *w, bool on, struct err *e);

/* The scheduled task Ec2ConfigMonitor, and what it does (ec2config.exe -monitor): starts the
 * service when it has failed to start with Windows. */
int config_monitor_install(struct win *w, struct err *e);
int config_monitor_uninstall(struct win *w, struct err *e);
int config_monitor(struct win *w, struct log *log, struct err *e);

/* Service, its monitor, SetupComplete.cmd and Start-menu entry. Refuses Windows 2016 and later
 * unless forced. */
int config_install(struct win *w, bool force, struct err *e);
int config_uninstall(struct win *w, struct err *e);

struct config_run {
    struct win *w;
    const struct dialect *d;
    struct log *log;
    struct console *console;
    struct imds *imds;
    struct config_file config;
    bool has_metadata, restart;
    struct password_done password;
};

/* One run of the service at boot, up to the last plug-in. stop (may be NULL): see setup_wait. */
int config_service_run(struct win *w, bool (*stop)(void *ctx), void *ctx, struct err *e);
int config_sysprep(struct config_run *r, bool shutdown, bool force, config_say *say, void *ctx,
                   struct err *e);
