/* SPDX-License-Identifier: Apache-2.0 */
/* TCP connections to numeric addresses, with time limits. */
#include "win-priv.h"

#include <ws2tcpip.h>

struct win_sock {
    SOCKET s;
};

static int start_winsock(struct err *e)
{
    static bool started;
    WSADATA data;
    int code;

    if (started)
        return 0;
    code = WSAStartup(MAKEWORD(2, 2), &data);
    if (code)
        return err_win32(e, (DWORD)code, "start Winsock");
    started = true;
    return 0;
}

/* 0 when s becomes readable or writable in time. */
static int wait_for(SOCKET s, bool writable, uint32_t timeout_ms, struct err *e)
{
    struct timeval limit = { .tv_sec = (long)(timeout_ms / 1000),
                             .tv_usec = (long)(timeout_ms % 1000) * 1000 };
    fd_set set, failed;
    int n, code = 0, size = sizeof(code);

    FD_ZERO(&set);
    FD_ZERO(&failed);
    FD_SET(s, &set);
    FD_SET(s, &failed);
    n = select(0, writable ? NULL : &set, writable ? &set : NULL, &failed, &limit);
    if (n == 0)
        return err_set(e, ETIMEDOUT, ERR_TIMEOUT, "no answer in %u ms", timeout_ms);
    if (n < 0)
        return err_win32(e, (DWORD)WSAGetLastError(), "wait for the peer");
    if (FD_ISSET(s, &failed) && getsockopt(s, SOL_SOCKET, SO_ERROR, (char *)&code, &size) == 0 &&
        code)
        return err_win32(e, (DWORD)code, "connect");
    return 0;
}

static int connect_in_time(SOCKET s, const struct addrinfo *to, uint32_t timeout_ms, struct err *e)
{
    u_long nonblocking = 1;
    int code;

    if (ioctlsocket(s, FIONBIO, &nonblocking) != 0)
        return err_win32(e, (DWORD)WSAGetLastError(), "make a socket");
    if (connect(s, to->ai_addr, (int)to->ai_addrlen) == 0)
        return 0;
    code = WSAGetLastError();
    if (code != WSAEWOULDBLOCK)
        return err_win32(e, (DWORD)code, "connect");
    return wait_for(s, true, timeout_ms, e);
}

static int net_connect(struct win *w, const char *address, uint16_t port, uint32_t timeout_ms,
                       struct win_sock **ret, struct err *e)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
    struct addrinfo *to = NULL;
    struct str service = STR_INIT(8);
    struct win_sock *s = NULL;
    int r = start_winsock(e), code;

    if (r < 0)
        return r;
    str_addf(&service, "%u", port);
    code = getaddrinfo(address, str_text(&service), &hints, &to);
    str_done(&service);
    if (code)
        return err_win32(e, (DWORD)code, "address '%s'", address);
    s = calloc(1, sizeof(*s));
    if (!s)
        r = err_oom(e);
    else
        s->s = socket(to->ai_family, SOCK_STREAM, IPPROTO_TCP);
    if (s && s->s == INVALID_SOCKET)
        r = err_win32(e, (DWORD)WSAGetLastError(), "make a socket");
    else if (s)
        r = connect_in_time(s->s, to, timeout_ms, e);
    freeaddrinfo(to);
    if (r < 0) {
        if (s && s->s != INVALID_SOCKET)
            (void)closesocket(s->s);
        free(s);
        return err_wrap(e, "%s port %u", address, port);
    }
    *ret = s;
    return 0;
}

static int net_send(struct win *w, struct win_sock *s, const void *p, size_t n, struct err *e)
{
    const char *at = p;

    while (n) {
        int sent = send(s->s, at, n > 65536 ? 65536 : (int)n, 0);
        int code = sent < 0 ? WSAGetLastError() : 0;

        if (code == WSAEWOULDBLOCK) {
            int r = wait_for(s->s, true, 5000, e);

            if (r < 0)
                return r;
            continue;
        }
        if (sent < 0)
            return err_win32(e, (DWORD)code, "send");
        at += sent;
        n -= (size_t)sent;
    }
    return 0;
}

static int net_recv(struct win *w, struct win_sock *s, void *p, size_t n, uint32_t timeout_ms,
                    size_t *ret_n, struct err *e)
{
    int got, r = wait_for(s->s, false, timeout_ms, e);

    if (r < 0)
        return r;
    got = recv(s->s, p, n > 65536 ? 65536 : (int)n, 0);
    if (got < 0)
        return err_win32(e, (DWORD)WSAGetLastError(), "receive");
    *ret_n = (size_t)got;
    return 0;
}

static void net_close(struct win *w, struct win_sock *s)
{
    (void)closesocket(s->s);
    free(s);
}

void win_fill_net(struct win *w)
{
    w->net_connect = net_connect;
    w->net_send = net_send;
    w->net_recv = net_recv;
    w->net_close = net_close;
}
