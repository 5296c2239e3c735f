/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "jobs.h"
#include "parse.h"

#define VERSION "kilnd 0.1.0\n"

static const char help[] =
    "Usage: kilnd [OPTION]...\n"
    "Serves the EC2 API for this machine, runs instances, keeps images.\n\n"
    "  --home DIR         state directory (KILN_HOME; /var/lib/kiln)\n"
    "  --listen ADDR      address of the API (KILN_LISTEN; 127.0.0.1:8773)\n"
    "  --region NAME      default region (us-east-1)\n"
    "  --overcommit R     memory of all guests over memory of the host (1.5)\n"
    "  --fill RATE        background fill of lazily loaded volumes, bytes/s (64M; 0: none)\n"
    "  --network MODE     vpc (needs root), user, isolated; auto: vpc if it may be, else user\n"
    "  --no-nat           guests do not reach the world outside\n"
    "  --public-addresses RANGE  of instances (a part of 198.19.0.0/16); none: they have none\n"
    "  --ntp ADDR         time server behind 169.254.169.123\n"
    "  --kms ADDR         KMS host behind 169.254.169.250 and .251\n"
    "  --stop-timeout S   seconds for an orderly guest shutdown, then hard (120)\n"
    "  --user NAME        unprivileged user for children, when run by root (kiln)\n"
    "  --qemu PROGRAM     qemu-system-x86_64\n"
    "  --libexec DIR      where kiln-worker and kiln-volume.so are\n"
    "  --debug ROOMS      debug lines of these rooms, or 'all'\n"
    "  --stop             end the daemon that runs on this home, and all its machines\n"
    "  --help, --version\n\n"
    "SIGTERM ends the daemon alone: machines and volume servers go on and are adopted\n"
    "at the next start. Manual: kilnd(8)\n";

enum {
    OPT_HOME = 256,
    OPT_LISTEN,
    OPT_REGION,
    OPT_OVERCOMMIT,
    OPT_FILL,
    OPT_STOP_TIMEOUT,
    OPT_USER,
    OPT_QEMU,
    OPT_LIBEXEC,
    OPT_DEBUG,
    OPT_STOP,
    OPT_NETWORK,
    OPT_NO_NAT,
    OPT_PUBLIC,
    OPT_NTP,
    OPT_KMS,
    OPT_HELP,
    OPT_VERSION
};

static const struct option options[] = {
    { "home", required_argument, NULL, OPT_HOME },
    { "listen", required_argument, NULL, OPT_LISTEN },
    { "region", required_argument, NULL, OPT_REGION },
    { "overcommit", required_argument, NULL, OPT_OVERCOMMIT },
    { "fill", required_argument, NULL, OPT_FILL },
    { "stop-timeout", required_argument, NULL, OPT_STOP_TIMEOUT },
    { "user", required_argument, NULL, OPT_USER },
    { "qemu", required_argument, NULL, OPT_QEMU },
    { "libexec", required_argument, NULL, OPT_LIBEXEC },
    { "debug", required_argument, NULL, OPT_DEBUG },
    { "stop", no_argument, NULL, OPT_STOP },
    { "network", required_argument, NULL, OPT_NETWORK },
    { "no-nat", no_argument, NULL, OPT_NO_NAT },
    { "public-addresses", required_argument, NULL, OPT_PUBLIC },
    { "ntp", required_argument, NULL, OPT_NTP },
    { "kms", required_argument, NULL, OPT_KMS },
    { "help", no_argument, NULL, OPT_HELP },
    { "version", no_argument, NULL, OPT_VERSION },
    { 0 },
};

static void replace(char **field, const char *value)
{
    free(*field);
    *field = xstrdup(value);
}

/* kilnd in build/ finds its helpers there; an installed one in ../libexec/kiln. */
static char *libexec_beside_us(void)
{
    char self[PATH_MAX], *dir, *installed;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    if (n < 0)
        return xstrdup("/usr/libexec/kiln");
    self[n] = '\0';
    dir = dirname(self);
    installed = xasprintf("%s/../libexec/kiln", dir);
    if (access(installed, X_OK) == 0)
        return installed;
    free(installed);
    return xstrdup(dir);
}

static void defaults(struct config *c)
{
    const char *home = getenv("KILN_HOME"), *listen = getenv("KILN_LISTEN");

    *c = (struct config){ .overcommit = 1.5,
                          .fill_bytes_per_s = MIB(64),
                          .stop_timeout_ms = 120000 };
    c->home = xstrdup(home && *home ? home : "/var/lib/kiln");
    c->listen = xstrdup(listen && *listen ? listen : "127.0.0.1:8773");
    c->region = xstrdup("us-east-1");
    c->qemu = xstrdup("qemu-system-x86_64");
    c->user = xstrdup("kiln");
    c->libexec = libexec_beside_us();
}

static int take_number(struct config *c, int opt, const char *text, struct err *e)
{
    char *end = NULL;
    uint64_t v = 0;
    int r = 0;

    if (opt == OPT_OVERCOMMIT) {
        c->overcommit = strtod(text, &end);
        if (*end || !(c->overcommit >= 0.1 && c->overcommit <= 100))
            return err_set(e, EINVAL, ERR_INVALID, "--overcommit '%s' is not between 0.1 and 100",
                           text);
        return 0;
    }
    if (opt == OPT_FILL)
        r = parse_size(text, &c->fill_bytes_per_s);
    else if ((r = parse_u64(text, 1, 86400, &v)) == 0)
        c->stop_timeout_ms = (unsigned)v * 1000;
    return r < 0 ? err_set(e, EINVAL, ERR_INVALID, "'%s' is not a valid value of %s", text,
                           opt == OPT_FILL ? "--fill" : "--stop-timeout")
                 : 0;
}

static int take_network(struct config *c, const char *text, struct err *e)
{
    static const char *const words[] = { [JOBS_NETWORK_AUTO] = "auto",
                                         [JOBS_NETWORK_VPC] = "vpc",
                                         [JOBS_NETWORK_USER] = "user",
                                         [JOBS_NETWORK_ISOLATED] = "isolated" };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(words[i], text) == 0) {
            c->network = (int)i;
            return 0;
        }
    return err_set(e, EINVAL, ERR_INVALID, "--network '%s' is not auto, vpc, user or isolated",
                   text);
}

static int take_option(struct config *c, int opt, struct err *e)
{
    switch (opt) {
    case OPT_HOME:
        replace(&c->home, optarg);
        return 0;
    case OPT_LISTEN:
        replace(&c->listen, optarg);
        return 0;
    case OPT_REGION:
        replace(&c->region, optarg);
        return 0;
    case OPT_USER:
        replace(&c->user, optarg);
        return 0;
    case OPT_QEMU:
        replace(&c->qemu, optarg);
        return 0;
    case OPT_LIBEXEC:
        replace(&c->libexec, optarg);
        return 0;
    case OPT_DEBUG:
        replace(&c->debug, optarg);
        return 0;
    case OPT_STOP:
        c->stop = true;
        return 0;
    case OPT_NETWORK:
        return take_network(c, optarg, e);
    case OPT_NO_NAT:
        c->no_nat = true;
        return 0;
    case OPT_PUBLIC:
        replace(&c->public_addresses, optarg);
        return 0;
    case OPT_NTP:
        replace(&c->ntp, optarg);
        return 0;
    case OPT_KMS:
        replace(&c->kms, optarg);
        return 0;
    case OPT_HELP:
        (void)fputs(help, stdout);
        return 1;
    case OPT_VERSION:
        (void)fputs(VERSION, stdout);
        return 1;
    case OPT_OVERCOMMIT:
    case OPT_FILL:
    case OPT_STOP_TIMEOUT:
        return take_number(c, opt, optarg, e);
    }
    return err_set(e, EINVAL, ERR_INVALID, "see 'kilnd --help'"); /* getopt told what is wrong */
}

int config_read(int argc, char **argv, struct config *ret, struct err *e)
{
    struct config c;
    int opt, r = 0;

    defaults(&c);
    while (r == 0 && (opt = getopt_long(argc, argv, "", options, NULL)) != -1)
        r = take_option(&c, opt, e);
    if (r == 0 && optind < argc)
        r = err_set(e, EINVAL, ERR_INVALID, "unexpected argument '%s'", argv[optind]);
    if (r == 0 && c.home[0] != '/')
        r = err_set(e, EINVAL, ERR_INVALID, "the home '%s' is not an absolute path", c.home);
    if (r != 0) {
        config_done(&c);
        return r;
    }
    *ret = c;
    return 0;
}

void config_done(struct config *c)
{
    free(c->home);
    free(c->listen);
    free(c->region);
    free(c->libexec);
    free(c->qemu);
    free(c->user);
    free(c->debug);
    free(c->public_addresses);
    free(c->ntp);
    free(c->kms);
    *c = (struct config){ 0 };
}

uint64_t config_memory_limit_mib(const struct config *c)
{
    struct sysinfo si;

    if (sysinfo(&si) < 0)
        return 1024;
    return (uint64_t)((double)si.totalram * si.mem_unit / (double)MIB(1) * c->overcommit);
}
