/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drives the net room from stdin, one command a line, one answer a line ("ok ...", "no MESSAGE").
 * Started as: drive-net HOME [nat] [ntp=A] [kms=A] [dns=A] [public=RANGE] [before=RANGE]
 *
 *   vpc ID CIDR DOMAIN SUBNET...       vpc- ID
 *   group ID VPC RULE...               group- VPC ID      RULE: in|out,PROTO,FROM,TO,CIDR|sg-..
 *   port ID VPC MAC ADDRESS GROUP...   port- ID           ADDRESS: 172.31.0.10[=198.19.0.2]
 *   plug ID NETNS MAC                  a process of its own, as QEMU would, carries frames between
 *                                      the port's tap and "eth0" with this MAC in a guest's
 *                                      namespace; answer: its pid
 *   settle | sweep | purge             answer when done
 *   listen VPC ADDRESS PORT            answers each connection with its peer's address
 *   connect VPC ADDRESS PORT           answer: what the other side says first
 *   at VPC ADDRESS                     the port that has it
 *   range                              that public addresses are of, or "none"
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "clock.h"
#include "net.h"
#include "parse.h"

#define WORDS_MAX 64
#define FRAME_MAX 70000
#define WAIT_MS   5000

static struct {
    sd_event *loop;
    struct net *net;
    unsigned ups;
    bool settled;
    char guest[64], mac[18]; /* of the plug under way */
} t;

static void ok(const char *text)
{
    printf("ok %s\n", text);
    (void)fflush(stdout);
}

static void no(const struct err *e)
{
    printf("no %s: %s\n", err_kind_name(e->kind), e->msg);
    (void)fflush(stdout);
}

static void answer(int r, const struct err *e)
{
    if (r < 0)
        no(e);
    else
        ok("");
}

/* ---- the guest's side ------------------------------------------------------------------------ */

static int guest_tap(const char *ns, const char *mac)
{
    struct ifreq ifr = { .ifr_name = "eth0", .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
    char path[128];
    int fd, nsfd, back, s;

    (void)snprintf(path, sizeof path, "/run/netns/%s", ns);
    nsfd = open(path, O_RDONLY | O_CLOEXEC);
    back = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (nsfd < 0 || back < 0 || setns(nsfd, CLONE_NEWNET) < 0)
        return -1;
    fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0)
        return -1;
    s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    for (int i = 0; i < 6; i++)
        (void)hex_decode((char[]){ mac[3 * i], mac[3 * i + 1], 0 },
                         (uint8_t *)ifr.ifr_hwaddr.sa_data + i, 1);
    if (ioctl(s, SIOCSIFHWADDR, &ifr) < 0)
        return -1;
    ifr.ifr_flags = IFF_UP;
    if (ioctl(s, SIOCSIFFLAGS, &ifr) < 0)
        return -1;
    close(s);
    if (setns(back, CLONE_NEWNET) < 0)
        abort();
    close(nsfd);
    close(back);
    return fd;
}

static void carry(int from, int to)
{
    static char frame[FRAME_MAX];
    ssize_t n = read(from, frame, sizeof frame);

    if (n < 0 && errno != EAGAIN) /* the tap was taken away: a machine with a dead cable */
        for (;;)
            (void)pause();
    if (n > 0)
        (void)!write(to, frame, (size_t)n);
}

static pid_t cable(int tap, int guest)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    (void)prctl(PR_SET_NAME, "net-cable");
    for (int fd = 0; fd < 1024; fd++)
        if (fd != tap && fd != guest)
            (void)close(fd);
    for (;;) {
        struct pollfd p[2] = { { tap, POLLIN, 0 }, { guest, POLLIN, 0 } };

        if (poll(p, 2, -1) < 0)
            _exit(1);
        if (p[0].revents)
            carry(tap, guest);
        if (p[1].revents)
            carry(guest, tap);
    }
}

static void on_plugged(struct net *n, const char *port, int fd, const struct err *e, void *userdata)
{
    char text[128];
    int guest;

    (void)n, (void)port, (void)userdata;
    if (e) {
        no(e);
        return;
    }
    guest = guest_tap(t.guest, t.mac);
    if (guest < 0) {
        printf("no guest tap: %m\n");
        (void)fflush(stdout);
        return;
    }
    (void)snprintf(text, sizeof text, "%d", (int)cable(fd, guest));
    close(fd);
    close(guest);
    ok(text);
}

/* -1 and natural numbers */
static int number(const char *text)
{
    uint64_t n = 0;

    if (strcmp(text, "-1") == 0)
        return -1;
    if (parse_u64(text, 0, INT32_MAX, &n) < 0)
        exit(2);
    return (int)n;
}

/* ---- sockets --------------------------------------------------------------------------------- */

static int on_accept(sd_event_source *s, int fd, uint32_t ev, void *userdata)
{
    struct sockaddr_in sa;
    socklen_t len = sizeof sa;
    char text[64], a[INET_ADDRSTRLEN];
    int c = accept4(fd, (struct sockaddr *)&sa, &len, SOCK_CLOEXEC);

    (void)s, (void)ev, (void)userdata;
    if (c < 0)
        return 0;
    (void)inet_ntop(AF_INET, &sa.sin_addr, a, sizeof a);
    (void)snprintf(text, sizeof text, "you are %s\n", a);
    (void)!write(c, text, strlen(text));
    (void)shutdown(c, SHUT_WR);
    close(c);
    return 0;
}

static void do_listen(char **w)
{
    struct err e = { 0 };
    int fd, r = net_listen(t.net, w[1], w[2], (uint16_t)number(w[3]), &fd, &e);

    if (r == 0)
        (void)sd_event_add_io(t.loop, NULL, fd, EPOLLIN, on_accept, NULL);
    answer(r, &e);
}

static void do_connect(char **w)
{
    struct err e = { 0 };
    char text[128] = "";
    struct pollfd p = { .events = POLLIN };
    int r = net_connect(t.net, w[1], w[2], (uint16_t)number(w[3]), &p.fd, &e);
    ssize_t n;

    if (r < 0) {
        no(&e);
        return;
    }
    if (poll(&p, 1, WAIT_MS) != 1) {
        ok("silence");
    } else {
        n = read(p.fd, text, sizeof text - 1);
        (void)snprintf(text + (n > 0 ? n : 0), sizeof text - (size_t)(n > 0 ? n : 0), "%s",
                       n < 0 ? strerrordesc_np(errno) : "");
        text[strcspn(text, "\n")] = '\0';
        ok(text);
    }
    close(p.fd);
}

/* ---- commands -------------------------------------------------------------------------------- */

static int take_rule(char *text, struct net_rule *r)
{
    char *f[5];
    unsigned n = 0;

    for (char *p = strtok_r(text, ",", &text); p && n < 5; p = strtok_r(NULL, ",", &text))
        f[n++] = p;
    if (n != 5)
        return -1;
    r->egress = strcmp(f[0], "out") == 0;
    r->proto = number(f[1]);
    r->from = number(f[2]);
    r->to = number(f[3]);
    if (strncmp(f[4], "sg-", 3) == 0)
        r->group = f[4];
    else
        r->cidr = f[4];
    return 0;
}

static void do_group(char **w, unsigned n)
{
    struct net_rule rules[WORDS_MAX] = { 0 };
    struct err e = { 0 };

    for (unsigned i = 3; i < n; i++)
        if (take_rule(w[i], &rules[i - 3]) < 0)
            exit(2);
    answer(net_group_set(t.net,
                         &(struct net_group_spec){
                             .id = w[1], .vpc = w[2], .rules = rules, .n_rules = n - 3 },
                         &e),
           &e);
}

static void do_port(char **w)
{
    struct net_port_spec spec = { .id = w[1],
                                  .vpc = w[2],
                                  .mac = w[3],
                                  .address = w[4],
                                  .groups = (const char *const *)(w + 5) };
    char *shown = strchr(w[4], '=');
    struct err e = { 0 };

    if (shown) {
        *shown = '\0';
        spec.public_address = shown + 1;
    }
    answer(net_port_set(t.net, &spec, &e), &e);
}

static void on_settled(void *userdata)
{
    (void)userdata;
    ok("");
}

static void on_up(struct net *n, const char *vpc, void *userdata)
{
    (void)n, (void)vpc, (void)userdata;
    t.ups++;
}

static void do_plug(char **w)
{
    struct err e = { 0 };

    (void)snprintf(t.guest, sizeof t.guest, "%s", w[2]);
    (void)snprintf(t.mac, sizeof t.mac, "%s", w[3]);
    if (net_port_plug(t.net, w[1], on_plugged, NULL, &e) < 0)
        no(&e);
}

static void command(char **w, unsigned n)
{
    struct err e = { 0 };
    const char *c = w[0];

    if (strcmp(c, "vpc") == 0 && n > 4)
        answer(net_vpc_set(t.net,
                           &(struct net_vpc_spec){ .id = w[1],
                                                   .cidr = w[2],
                                                   .domain = w[3],
                                                   .subnets = (const char *const *)(w + 4) },
                           &e),
               &e);
    else if (strcmp(c, "vpc-") == 0 && n == 2)
        answer(net_vpc_remove(t.net, w[1], &e), &e);
    else if (strcmp(c, "group") == 0 && n > 2)
        do_group(w, n);
    else if (strcmp(c, "group-") == 0 && n == 3)
        answer(net_group_remove(t.net, w[1], w[2], &e), &e);
    else if (strcmp(c, "port") == 0 && n > 4)
        do_port(w);
    else if (strcmp(c, "port-") == 0 && n == 2)
        answer(net_port_remove(t.net, w[1], &e), &e);
    else if (strcmp(c, "plug") == 0 && n == 4)
        do_plug(w);
    else if (strcmp(c, "listen") == 0 && n == 4)
        do_listen(w);
    else if (strcmp(c, "connect") == 0 && n == 4)
        do_connect(w);
    else if (strcmp(c, "settle") == 0)
        net_when_settled(t.net, on_settled, NULL);
    else if (strcmp(c, "sweep") == 0)
        net_sweep(t.net), net_when_settled(t.net, on_settled, NULL);
    else if (strcmp(c, "purge") == 0)
        net_purge(t.net, on_settled, NULL);
    else if (strcmp(c, "at") == 0 && n == 3)
        ok(net_port_at(t.net, w[1], w[2]) ? net_port_at(t.net, w[1], w[2]) : "nobody");
    else if (strcmp(c, "range") == 0)
        ok(net_public_range(t.net) ? net_public_range(t.net) : "none");
    else
        printf("no such command: %s\n", c), (void)fflush(stdout);
}

static int on_stdin(sd_event_source *s, int fd, uint32_t ev, void *userdata)
{
    static char line[65536];
    static size_t have;
    ssize_t got = read(fd, line + have, sizeof line - have - 1);
    char *nl;

    (void)s, (void)ev, (void)userdata;
    if (got <= 0)
        return sd_event_exit(t.loop, 0);
    have += (size_t)got;
    line[have] = '\0';
    while ((nl = strchr(line, '\n'))) {
        char *w[WORDS_MAX + 1] = { 0 }, *save = NULL;
        unsigned n = 0;

        *nl = '\0';
        for (char *p = strtok_r(line, " ", &save); p && n < WORDS_MAX;
             p = strtok_r(NULL, " ", &save))
            w[n++] = p;
        if (n)
            command(w, n);
        have -= (size_t)(nl + 1 - line);
        memmove(line, nl + 1, have + 1);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *dns[2] = { NULL, NULL };
    struct net_config cfg = { .user = "kiln", .dns = dns };
    struct err e = { 0 };

    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "nat") == 0)
            cfg.nat = true;
        else if (strncmp(argv[i], "ntp=", 4) == 0)
            cfg.ntp = argv[i] + 4;
        else if (strncmp(argv[i], "kms=", 4) == 0)
            cfg.kms = argv[i] + 4;
        else if (strncmp(argv[i], "dns=", 4) == 0)
            dns[0] = argv[i] + 4;
        else if (strncmp(argv[i], "public=", 7) == 0)
            cfg.public_addresses = argv[i] + 7;
        else if (strncmp(argv[i], "before=", 7) == 0)
            cfg.public_before = argv[i] + 7;
    }
    if (argc < 2 || sd_event_new(&t.loop) < 0)
        return 2;
    cfg.loop = t.loop;
    cfg.home = argv[1];
    if (net_open(&cfg, &t.net, &e) < 0) {
        no(&e);
        return e.kind == ERR_DENIED ? 77 : 1;
    }
    net_when_up(t.net, on_up, NULL);
    (void)sd_event_add_io(t.loop, NULL, 0, EPOLLIN, on_stdin, NULL);
    ok("open");
    (void)sd_event_loop(t.loop);
    net_close(t.net);
    (void)sd_event_unref(t.loop);
    return 0;
}
