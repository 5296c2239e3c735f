/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The api over the real model, for tests with real clients: prints the address, an access key and
 * its secret, one a line, and serves until stdin ends or SIGTERM. Long work is only written down:
 * each request to the jobs room is one line in DIRECTORY/jobs.log (jobs-recorded.c). Lines on
 * stdin: hold             pictures of screens wait release          until now running ID       the
 * instance's launch is done api-server DIRECTORY [REGION] */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "api.h"
#include "jobs-recorded.h"
#include "log.h"
#include "str.h"

struct server {
    sd_event *loop;
    struct model *model;
    struct jobs *jobs;
};

static int finish_import(struct model *m, const char *image_id, struct err *e)
{
    _cleanup_(image_rec_done) struct image_rec i = { 0 };
    struct snapshot_rec s;
    int r = model_image_get(m, NULL, image_id, &i, e);

    if (r >= 0)
        r = model_snapshot_get(m, NULL, i.mapping.v[0].snapshot_id, &s, e);
    if (r < 0)
        return r;
    i.mapping.v[0].size_gib = s.volume_size_gib = 8;
    r = model_snapshot_save(m, &s, e);
    if (r >= 0)
        r = model_snapshot_move(m, s.id, SNAPSHOT_EV_COMPLETED, NULL, NULL, e);
    if (r >= 0)
        r = model_image_save(m, &i, e);
    return r < 0 ? r : model_image_move(m, i.id, IMAGE_EV_AVAILABLE, NULL, NULL, NULL, e);
}

static int move(struct model *m, const char *id, enum instance_event ev, struct err *e)
{
    return model_instance_move(m, id, ev, "", "", NULL, e);
}

static int give_password(struct model *m, char *id, struct err *e)
{
    char *text = strchr(id, ' ');

    if (!text)
        return err_set(e, EINVAL, ERR_INVALID, "a password is expected behind '%s'", id);
    *text++ = '\0';
    return model_instance_guest(m, id, "Windows is Ready to use", text, e);
}

static void obey(struct server *s, char *line)
{
    struct err e = { 0 };
    int r = 0;

    if (str_eq(line, "hold"))
        jobs_recorded_hold(s->jobs);
    else if (str_eq(line, "release"))
        jobs_recorded_release(s->jobs);
    else if (str_starts(line, "imported "))
        r = finish_import(s->model, line + strlen("imported "), &e);
    else if (str_starts(line, "running "))
        r = move(s->model, line + strlen("running "), INSTANCE_EV_RUNNING, &e);
    else if (str_starts(line, "terminated "))
        r = move(s->model, line + strlen("terminated "), INSTANCE_EV_TERMINATED, &e);
    else if (str_starts(line, "password "))
        r = give_password(s->model, line + strlen("password "), &e);
    if (r < 0)
        (void)fprintf(stderr, "api-server: %s\n", e.msg);
}

/* A line is written in one piece by the tests, one at a time. */
static int on_stdin(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct server *s = userdata;
    char buf[2048];
    ssize_t n = read(fd, buf, sizeof(buf) - 1);

    (void)source;
    (void)events;
    if (n <= 0)
        return sd_event_exit(s->loop, 0);
    buf[n] = '\0';
    buf[strcspn(buf, "\n")] = '\0';
    obey(s, buf);
    printf("done\n");
    (void)fflush(stdout);
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
    struct server server;
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
    server = (struct server){ loop, model, jobs };
    (void)sd_event_add_io(loop, NULL, STDIN_FILENO, EPOLLIN, on_stdin, &server);
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
