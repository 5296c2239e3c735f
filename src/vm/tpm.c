/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine's TPM 2.0: one swtpm, which has one end of a socket pair; QEMU has the other. So it
 * needs no socket file and no watching: it outlives the daemon as QEMU does, and ends when QEMU's
 * end is closed. Its state lies in DIR/tpm and stays for the next start. */
#include "vm-priv.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "str.h"

#define SWTPM "swtpm"

int vm_tpm_start(struct vm *vm, int *ret_qemu_fd, struct err *e)
{
    _cleanup_free_ char *state = xasprintf("dir=%s/tpm,mode=0600", vm->dir);
    _cleanup_free_ char *log = xasprintf("%s/tpm.log", vm->dir);
    _cleanup_close_ int ours = -1, its = -1;
    const char *argv[] = {
        SWTPM, "socket",  "--tpm2",        "--terminate", "--tpmstate",
        state, "--flags", "startup-clear", "--ctrl",      "type=unixio,clientfd=3",
        NULL
    };
    struct child_spec cs = {
        .argv = argv, .log_path = log, .user = vm->user, .new_session = true, .n_pass_fds = 1
    };
    struct child *child = NULL;
    int pair[2], r;

    if (strchr(vm->dir, ',')) /* swtpm has no way to write one */
        return err_set(e, EINVAL, ERR_INVALID, "the TPM's directory '%s/tpm' has a comma in it",
                       vm->dir);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return err_errno(e, "connect the TPM of '%s'", vm->id);
    ours = pair[0];
    its = pair[1];
    r = machine_subdir_make(vm->dir, "tpm", vm->user, e);
    if (r == 0) {
        cs.pass_fds[0] = its;
        r = child_spawn(vm->loop, &cs, &child, e);
    }
    if (r < 0)
        return err_wrap(e, "start the TPM of '%s' (package swtpm)", vm->id);
    child_free(child); /* only reaped from now on */
    *ret_qemu_fd = TAKE_FD(ours);
    return 0;
}
