/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the daemon is and with which key to speak to it. Options win over the environment, the
 * environment over KILN_HOME/credentials, which kilnd writes at its first start. */
#include "cli.h"

#include <errno.h>
#include <string.h>

#include "file.h"
#include "str.h"

#define CREDENTIALS_MAX KIB(16)

static int set(char *dst, size_t size, const char *what, const char *value, struct err *e)
{
    if (!value || !value[0])
        return 0;
    if (str_copy(dst, size, value) < 0)
        return err_set(e, ENAMETOOLONG, ERR_LIMIT, "%s is longer than %zu bytes", what, size - 1);
    return 0;
}

#define SET(field, what, value, e) set(field, sizeof(field), what, value, e)

int config_home(struct cli *c, struct err *e)
{
    const char *home = cli_opt(c, "--home");

    if (!home)
        home = getenv("KILN_HOME");
    return SET(c->cfg.home, "the path of KILN_HOME", home && home[0] ? home : CLI_HOME, e);
}

/* The sentence that says what to do. */
static int unreadable(const char *path, const struct err *why, struct err *e)
{
    if (why->no == EACCES || why->no == EPERM)
        return err_set(e, why->no, ERR_DENIED,
                       "only root and members of the group kiln may read '%s': use sudo, or join "
                       "the group with 'sudo adduser %s kiln' and log in again",
                       path, getenv("USER") ? getenv("USER") : "USER");
    if (why->no == ENOENT)
        return err_set(e, ENOENT, ERR_NOT_FOUND,
                       "'%s' does not exist: kilnd writes it at its first start. Start kilnd, or "
                       "set KILN_HOME, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
                       path);
    *e = *why;
    return -e->no;
}

static int take_file(struct cli_config *cfg, const char *path, const char *text, size_t len,
                     struct err *e)
{
    json_error_t why;
    json_t *doc = json_loadb(text, len, 0, &why);
    int r = 0;

    if (!json_is_object(doc)) {
        json_decref(doc);
        return err_set(e, EBADMSG, ERR_CORRUPT, "'%s' is not a credentials file: %s", path,
                       doc ? "no JSON object" : why.text);
    }
#define TAKE(field, key)                                                                           \
    if (r >= 0 && !(field)[0])                                                                     \
    r = SET(field, key " of the credentials file", json_string_value(json_object_get(doc, key)), e)
    TAKE(cfg->endpoint, "endpoint");
    TAKE(cfg->region, "region");
    TAKE(cfg->access_key, "access_key_id");
    TAKE(cfg->secret, "secret_access_key");
#undef TAKE
    json_decref(doc);
    if (r >= 0 && (!cfg->access_key[0] || !cfg->secret[0]))
        return err_set(e, EBADMSG, ERR_CORRUPT, "'%s' holds no access key", path);
    return r;
}

static int load_file(struct cli_config *cfg, struct err *e)
{
    _cleanup_free_ char *path = xasprintf("%s/credentials", cfg->home);
    _cleanup_free_ char *text = NULL;
    struct err why = { 0 };
    size_t len = 0;

    if (file_read(path, CREDENTIALS_MAX, &text, &len, &why) < 0)
        return unreadable(path, &why, e);
    return take_file(cfg, path, text, len, e);
}

static int load_env(struct cli_config *cfg, struct err *e)
{
    const char *id = getenv("AWS_ACCESS_KEY_ID"), *secret = getenv("AWS_SECRET_ACCESS_KEY");
    int r = 0;

    if (!cfg->endpoint[0])
        r = SET(cfg->endpoint, "KILN_ENDPOINT", getenv("KILN_ENDPOINT"), e);
    if (r >= 0 && !cfg->region[0])
        r = SET(cfg->region, "AWS_DEFAULT_REGION", getenv("AWS_DEFAULT_REGION"), e);
    if (r < 0 || !id || !secret || !id[0] || !secret[0]) /* half a key is none */
        return r;
    r = SET(cfg->access_key, "AWS_ACCESS_KEY_ID", id, e);
    return r < 0 ? r : SET(cfg->secret, "AWS_SECRET_ACCESS_KEY", secret, e);
}

int config_load(struct cli *c, bool ignore_env, struct err *e)
{
    struct cli_config *cfg = &c->cfg;
    int r = config_home(c, e);

    if (r >= 0)
        r = SET(cfg->endpoint, "--endpoint", cli_opt(c, "--endpoint"), e);
    if (r >= 0)
        r = SET(cfg->region, "--region", cli_opt(c, "--region"), e);
    if (r >= 0 && !ignore_env)
        r = load_env(cfg, e);
    if (r >= 0 && !cfg->access_key[0])
        r = load_file(cfg, e);
    if (r >= 0 && !cfg->endpoint[0])
        r = SET(cfg->endpoint, "the endpoint", CLI_ENDPOINT, e);
    if (r >= 0 && !cfg->region[0])
        r = SET(cfg->region, "the region", CLI_REGION, e);
    c->configured = r >= 0;
    return r;
}
