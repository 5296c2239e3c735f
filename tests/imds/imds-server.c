/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The metadata service for tests: every address is an instance of its own, made from it.
 *
 * imds-server KEYDIR [--tcp ADDRESS PORT] [--unix PATH IP] [OPTION...]
 *
 *   --tcp ADDRESS PORT   serve a VPC there (port 0: any; printed)
 *   --unix PATH IP       serve the instance of that address on a socket of its own
 *   --required           HttpTokens = required        --disabled  HttpEndpoint = disabled
 *   --tags               InstanceMetadataTags          --windows   billing product
 *   --hop N              HttpPutResponseHopLimit       --rate N    requests a second
 *   --bare               neither key, user data, tags, public address nor groups
 *   --wrong              finds another instance than the one that asks
 *   --moves              after a SIGHUP each address belongs to another instance
 *   --unknown            finds nobody                  --broken    fails to look
 *   --key FILE           OpenSSH line of the key pair  --user-data FILE
 *
 * Prints "ready PORT"; each SIGHUP is a stop and start of all instances (prints "started"); ends
 * with SIGTERM or when its standard input ends. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "file.h"
#include "parse.h"
#include "str.h"
#include "test-sample.h"

#define FILE_MAX KIB(16)

struct server {
    sd_event *loop;
    struct imds *imds;
    struct sample sample;
    uint64_t generation, hop, rate;
    bool required, disabled, tags, windows, bare, wrong, unknown, broken, moves;
    char *key, *user_data;
    size_t user_data_bytes;
};

/* The address that an id was made of. */
static void address_of(const char *id, char ret[16])
{
    uint8_t b[4] = { 0 };

    (void)hex_decode(id + strlen(id) - 8, b, sizeof b);
    (void)snprintf(ret, 16, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
}

static int find(const struct imds_caller *who, struct imds_instance *ret, void *userdata,
                struct err *e)
{
    struct server *v = userdata;
    struct imds_instance *x = &v->sample.x;
    char ip[16] = "10.9.8.7";

    if (v->unknown)
        return err_set(e, ENOENT, ERR_NOT_FOUND, "nobody");
    if (v->broken)
        return err_set(e, EIO, ERR_IO, "the disk is gone");
    if (!v->wrong && who->address)
        (void)str_copy(ip, sizeof ip, who->address);
    else if (!v->wrong)
        address_of(who->instance_id, ip);
    sample_fill(&v->sample, ip);
    x->generation = v->generation;
    if (v->moves)
        v->sample.id[2] = (char)('0' + v->generation % 10);
    x->tokens_required = v->required;
    x->endpoint_disabled = v->disabled;
    x->tags_shown = v->tags;
    x->windows = v->windows;
    x->hop_limit = (uint8_t)v->hop;
    if (v->key)
        x->public_key = v->key;
    if (v->user_data)
        x->user_data = v->user_data, x->user_data_bytes = v->user_data_bytes;
    if (v->bare) {
        x->public_key = x->key_name = x->public_ip = x->public_hostname = NULL;
        x->user_data_bytes = x->n_groups = x->n_tags = 0;
    }
    *ret = *x;
    return 0;
}

/* ---- sockets ---------------------------------------------------------------------------------
 */

static int listen_tcp(const char *address, const char *port_text, int *ret, unsigned *ret_port,
                      struct err *e)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    socklen_t len = sizeof a;
    _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int on = 1;
    uint64_t port;

    if (inet_pton(AF_INET, address, &a.sin_addr) != 1 || parse_u64(port_text, 0, 65535, &port) < 0)
        return err_set(e, EINVAL, ERR_INVALID, "'%s' '%s' is no address and port", address,
                       port_text);
    a.sin_port = htons((uint16_t)port);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, (struct sockaddr *)&a, len) < 0 || listen(fd, 128) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) < 0)
        return err_errno(e, "listen on '%s'", address);
    *ret_port = ntohs(a.sin_port);
    *ret = TAKE_FD(fd);
    return 0;
}

static int listen_unix(const char *path, int *ret, struct err *e)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || str_copy(a.sun_path, sizeof a.sun_path, path) < 0 ||
        bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 128) < 0)
        return err_errno(e, "listen on '%s'", path);
    *ret = TAKE_FD(fd);
    return 0;
}

static int serve_tcp(struct server *v, const char *address, const char *port, unsigned *ret_port,
                     struct err *e)
{
    _cleanup_close_ int fd = -1;
    int r = listen_tcp(address, port, &fd, ret_port, e);

    if (r == 0)
        r = imds_serve(v->imds, fd, "vpc-0123456789abcdef0", e);
    if (r == 0)
        (void)TAKE_FD(fd);
    return r;
}

static int serve_unix(struct server *v, const char *path, const char *ip, struct err *e)
{
    _cleanup_close_ int fd = -1;
    int r = listen_unix(path, &fd, e);

    sample_fill(&v->sample, ip);
    if (r == 0)
        r = imds_serve_instance(v->imds, fd, v->sample.id, e);
    if (r == 0)
        (void)TAKE_FD(fd);
    return r;
}

/* ---- arguments -------------------------------------------------------------------------------
 */

static int set_flag(struct server *v, const char *name)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {
        { "--required", &v->required }, { "--disabled", &v->disabled }, { "--tags", &v->tags },
        { "--windows", &v->windows },   { "--bare", &v->bare },         { "--wrong", &v->wrong },
        { "--unknown", &v->unknown },   { "--broken", &v->broken },     { "--moves", &v->moves },
    };

    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (str_eq(flags[i].name, name)) {
            *flags[i].flag = true;
            return 0;
        }
    return -EINVAL;
}

static int set_value(struct server *v, const char *name, const char *value, struct err *e)
{
    size_t n;

    if (str_eq(name, "--hop"))
        return parse_u64(value, 1, 64, &v->hop);
    if (str_eq(name, "--rate"))
        return parse_u64(value, 1, 1000000, &v->rate);
    if (str_eq(name, "--key"))
        return file_read(value, FILE_MAX, &v->key, &n, e);
    if (str_eq(name, "--user-data"))
        return file_read(value, FILE_MAX, &v->user_data, &v->user_data_bytes, e);
    return -EINVAL;
}

/* Options first, sockets in a second round: they need the service. */
static int read_args(struct server *v, int argc, char **argv, bool sockets, unsigned *port,
                     struct err *e)
{
    int r = 0;

    for (int i = 2; i < argc && r == 0; i++) {
        bool tcp = str_eq(argv[i], "--tcp");

        if ((tcp || str_eq(argv[i], "--unix")) && i + 2 < argc) {
            if (sockets)
                r = tcp ? serve_tcp(v, argv[i + 1], argv[i + 2], port, e)
                        : serve_unix(v, argv[i + 1], argv[i + 2], e);
            i += 2;
        } else if (set_flag(v, argv[i]) < 0) {
            r = i + 1 < argc && !sockets ? set_value(v, argv[i], argv[i + 1], e) : 0;
            i++;
        }
        if (r < 0 && !e->no)
            return err_set(e, EINVAL, ERR_INVALID, "argument %d is wrong", i);
    }
    return r;
}

/* ---- life ------------------------------------------------------------------------------------
 */

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
    struct server *v = userdata;

    (void)source;
    if (si->ssi_signo == SIGTERM)
        return sd_event_exit(v->loop, 0);
    v->generation++;
    (void)puts("started");
    return fflush(stdout);
}

static int on_stdin(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    struct server *v = userdata;
    char buf[64];

    (void)source, (void)revents;
    return read(fd, buf, sizeof buf) > 0 ? 0 : sd_event_exit(v->loop, 0);
}

static int run(struct server *v, int argc, char **argv, struct err *e)
{
    struct imds_spec spec = { .loop = v->loop, .find = find, .userdata = v, .key_dir = argv[1] };
    unsigned port = 0;
    int r = read_args(v, argc, argv, false, &port, e);

    if (r < 0)
        return r;
    spec.requests_per_s = (unsigned)v->rate;
    r = imds_open(&spec, &v->imds, e);
    if (r == 0)
        r = read_args(v, argc, argv, true, &port, e);
    if (r < 0)
        return r;
    (void)sd_event_add_signal(v->loop, NULL, SIGTERM, on_signal, v);
    (void)sd_event_add_signal(v->loop, NULL, SIGHUP, on_signal, v);
    (void)sd_event_add_io(v->loop, NULL, STDIN_FILENO, 1 /* EPOLLIN */, on_stdin, v);
    (void)printf("ready %u %s\n", port, imds_certificate_path(v->imds));
    (void)fflush(stdout);
    return sd_event_loop(v->loop);
}

int main(int argc, char **argv)
{
    struct server v = { .generation = 1, .hop = 1 };
    struct err e = { 0 };
    sigset_t signals;
    int r;

    if (argc < 2)
        return 2;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    if (sd_event_new(&v.loop) < 0)
        return 1;
    r = run(&v, argc, argv, &e);
    if (r < 0)
        (void)fprintf(stderr, "imds-server: %s\n", e.no ? e.msg : "failed");
    imds_close(v.imds);
    sd_event_unref(v.loop);
    free(v.key);
    free(v.user_data);
    return r < 0;
}
