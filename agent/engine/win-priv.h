/* SPDX-License-Identifier: Apache-2.0 */
/* For the thin files only: crossing into UTF-16 and out, Windows' codes as struct err, functions
 * looked up when they are needed (a quick start, no DLL planted beside the program, and a clear
 * refusal where a version of Windows lacks one). */
#pragma once

#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <windows.h>

#include <errno.h>

#include "engine/win.h"
#include "lib/str.h"
#include "lib/utf.h"

/* Fresh UTF-16, NULL with *e held. */
wchar_t *win_wide(const char *text, struct err *e);
/* Fresh UTF-8 of n units (SIZE_MAX: up to the NUL), NULL with *e held. */
char *win_narrow(const wchar_t *text, size_t n, struct err *e);
/* Cut into a fixed field, never failing. */
void win_narrow_into(const wchar_t *text, char *out, size_t size);

/* "fmt: what Windows says (error n)"; kind and errno by the code; e->win keeps it. Returns -e->no.
 */
int err_win32(struct err *e, DWORD code, const char *fmt, ...) PRINTF_LIKE(3, 4);
int err_hresult(struct err *e, HRESULT hr, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The address of dll!name, DLL from System32; NULL when it is not there. */
FARPROC win_find(const wchar_t *dll, const char *name);
/* A typed pointer to a function of a header: DYN(L"bcrypt.dll", BCryptGenRandom). */
#define DYN(dll, fn) ((__typeof__(&fn))(void (*)(void))win_find(dll, #fn))
int err_no_function(struct err *e, const char *name); /* -ENOSYS */

/* Rows of one file each. */
void win_fill_account(struct win *w);
void win_fill_crypt(struct win *w);
void win_fill_disk(struct win *w);
void win_fill_event(struct win *w);
void win_fill_file(struct win *w);
void win_fill_net(struct win *w);
void win_fill_picture(struct win *w);
void win_fill_port(struct win *w);
void win_fill_power(struct win *w);
void win_fill_reg(struct win *w);
void win_fill_route(struct win *w);
void win_fill_run(struct win *w);
void win_fill_service(struct win *w);
void win_fill_system(struct win *w);
void win_fill_task(struct win *w);
void win_fill_time(struct win *w);
void win_fill_volume(struct win *w);
/* All of them: what win_real() gives, and what a test build changes before it gives it. */
void win_fill_all(struct win *w);

static inline uint64_t win_unix_ms(FILETIME t)
{
    uint64_t v = (uint64_t)t.dwHighDateTime << 32 | t.dwLowDateTime;

    return v < 116444736000000000ULL ? 0 : (v - 116444736000000000ULL) / 10000;
}
