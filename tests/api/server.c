/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The api over the real model, for tests with real clients: prints the address, an access key and
 * its secret, one a line, and serves until stdin ends or SIGTERM. Long work is only written down:
 * each request to the jobs room is one line in DIRECTORY/jobs.log (jobs-recorded.c).
 *     api-server DIRECTORY [REGION] */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "api.h"
#include "jobs-recorded.h"
#include "log.h"

static int on_stdin(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
    char buf[256];

    (void)events;
    if (read(fd, buf, sizeof(buf)) <= 0)
        return sd_event_exit(userdata, 0);
    (void)s;
    return 0;
}

static int serve(const char *directory, const char *region, struct err *e)
{
    _cleanup_free_ char *database = xasprintf("%s/model.db", directory);
    _cleanup_(model_closep) struct model *model = NULL;
    _cleanup_(jobs_closep) struct jobs *jobs = NULL;
    _cleanup_(sd_event_unrefp) sd_event *loop = NULL;
    _cleanup_(api_closep) struct api *api = NULL;
    struct api_config cfg = { .listen = "127.0.0.1:0",
                              .default_region = region,
                              .memory_limit_mib = 65536 };
    struct access_key key;
    int r = model_open(database, &model, e);

    if (r == 0)
        r = model_access_key_first(model, &key, e);
    if (r < 0)
        return r;
    r = sd_event_default(&loop);
    if (r < 0)
        return err_no(e, -r, "make the event loop");
    jobs = jobs_recorded_new(directory, model);
    cfg.loop = loop;
    cfg.model = model;
    cfg.jobs = jobs;
    r = api_open(&cfg, &api, e);
    if (r < 0)
        return r;
    printf("http://%s\n%s\n%s\n%s\n", api_address(api), key.id, key.secret, key.account);
    (void)fflush(stdout);
    (void)sd_event_add_signal(loop, NULL, SIGTERM | SD_EVENT_SIGNAL_PROCMASK, NULL, NULL);
    (void)sd_event_add_io(loop, NULL, STDIN_FILENO, EPOLLIN, on_stdin, loop);
    return sd_event_loop(loop);
}

int main(int argc, char **argv)
{
    struct err e = { 0 };

    log_set_debug(getenv("KILN_DEBUG"));
    if (argc < 2) {
        (void)fprintf(stderr, "usage: api-server DIRECTORY [REGION]\n");
        return 2;
    }
    if (serve(argv[1], argc > 2 ? argv[2] : "us-east-1", &e) < 0) {
        (void)fprintf(stderr, "api-server: %s\n", e.msg);
        return 1;
    }
    return 0;
}
