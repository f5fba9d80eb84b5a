/*
 * The store, the plan, and the runs that follow from it.
 */

#include "mlops_worker.h"
#include "mlops_clock.h"
#include "mlops_hash.h"
#include "mlops_worker_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


static int mlops_worker_rooms(mlops_worker_t *worker, mlops_err_t *err);
static int mlops_worker_read(mlops_worker_t *worker, uint64_t *hash,
    mlops_err_t *err);
static int mlops_worker_adopt(mlops_worker_t *worker,
    mlops_worker_plan_t *plan, mlops_err_t *err);
static int mlops_worker_chosen(const mlops_worker_t *worker,
    const char *name);
static mlops_worker_view_t *mlops_worker_find(mlops_worker_t *worker,
    const mlops_str_t *name);
static void mlops_worker_view(mlops_worker_t *worker,
    mlops_worker_view_t *view, mlops_worker_plan_t *plan,
    mlops_plan_view_t *to);
static void mlops_worker_start(mlops_worker_t *worker,
    mlops_worker_view_t *view, mlops_worker_plan_t *plan,
    const mlops_plan_view_t *to);
static void mlops_worker_stop_view(mlops_worker_view_t *view);
static void mlops_worker_ended(mlops_worker_t *worker,
    mlops_worker_view_t *view);
static int mlops_worker_str_same(const mlops_str_t *a, const mlops_str_t *b);
static int mlops_worker_same(const mlops_plan_view_t *a,
    const mlops_plan_view_t *b);
static void mlops_worker_plan_drop(mlops_worker_t *worker,
    mlops_worker_plan_t **plan);


int
mlops_worker_open(mlops_worker_t *worker, mlops_err_t *err)
{
    worker->run.features = -1;
    worker->run.uid = (uid_t) -1;
    worker->run.gid = (gid_t) -1;
    worker->metrics = -1;
    worker->status = -1;
    worker->started_us = mlops_wall_us();

    if (worker->store_path != NULL
        && mlops_worker_rooms(worker, err) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    (void) snprintf(worker->plan_file, sizeof(worker->plan_file), "%s%s",
                    worker->plan_path ? worker->plan_path
                                      : worker->store_path,
                    worker->plan_path ? "" : "/plan.json");

    return mlops_worker_plan(worker, 1, err);
}


static int
mlops_worker_rooms(mlops_worker_t *worker, mlops_err_t *err)
{
    uint32_t     i;
    struct stat  st;

    struct {
        const char  *name;
        int         *fd;
    } rooms[] = {
        { "features", &worker->run.features },
        { "metrics", &worker->metrics },
        { "status", &worker->status }
    };

    if (mlops_store_open(&worker->store, worker->store_path, 0, err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    worker->has_store = 1;

    for (i = 0; i < mlops_nitems(rooms); i++) {
        *rooms[i].fd = openat(worker->store.fd, rooms[i].name,
                              O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

        if (*rooms[i].fd == -1) {
            return mlops_err_set(err, "cannot open \"%s/%s\": %s",
                                 worker->store_path, rooms[i].name,
                                 strerror(errno));
        }

        if (faccessat(worker->store.fd, rooms[i].name, W_OK|X_OK, AT_EACCESS)
            == -1)
        {
            return mlops_err_set(err, "cannot write in \"%s/%s\": %s; "
                                 "\"mlops_store ... user=NAME;\" says whose "
                                 "it is", worker->store_path, rooms[i].name,
                                 strerror(errno));
        }

        (void) mlops_file_sweep(*rooms[i].fd);
    }

    /* what root makes belongs to the account of the store's rooms */

    if (geteuid() == 0 && fstat(worker->run.features, &st) == 0
        && st.st_uid != 0)
    {
        worker->run.uid = st.st_uid;
        worker->run.gid = st.st_gid;
    }

    return MLOPS_OK;
}


void
mlops_worker_close(mlops_worker_t *worker)
{
    uint32_t              i;
    mlops_worker_view_t  *view;

    mlops_worker_stop(worker);

    for (i = 0; i < worker->views_n; i++) {
        view = worker->views[i];
        mlops_run_destroy(view->run);
        view->run = NULL;

        while (view->olds_n > 0) {
            mlops_worker_plan_drop(worker, &view->olds[--view->olds_n]);
        }

        mlops_worker_plan_drop(worker, &view->plan);
        free(view);
    }

    worker->views_n = 0;

    if (worker->plan != NULL) {
        mlops_arena_destroy(&worker->plan->arena);
        free(worker->plan);
        worker->plan = NULL;
    }

    if (worker->has_store) {
        (void) close(worker->run.features);
        (void) close(worker->metrics);
        (void) close(worker->status);
        mlops_store_close(&worker->store);
    }
}


/* ---- the plan ---- */

int
mlops_worker_plan(mlops_worker_t *worker, int again, mlops_err_t *err)
{
    int                   rc;
    uint64_t              hash;
    struct stat           st;
    mlops_worker_plan_t  *plan;

    if (stat(worker->plan_file, &st) == -1) {

        if (!again) {
            return MLOPS_OK;            /* nginx is about to put one */
        }

        return mlops_err_set(err, "cannot open the plan \"%s\": %s%s",
                             worker->plan_file, strerror(errno),
                             (errno == ENOENT)
                             ? " (nginx writes it as it starts)" : "");
    }

    if (!again && st.st_ino == worker->plan_stat.st_ino
        && st.st_size == worker->plan_stat.st_size
        && st.st_mtim.tv_sec == worker->plan_stat.st_mtim.tv_sec
        && st.st_mtim.tv_nsec == worker->plan_stat.st_mtim.tv_nsec)
    {
        return MLOPS_OK;
    }

    worker->plan_stat = st;

    if (mlops_worker_read(worker, &hash, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (!again && hash == worker->plan_hash) {
        return MLOPS_OK;
    }

    plan = calloc(1, sizeof(mlops_worker_plan_t));

    if (plan == NULL) {
        return mlops_err_set(err, "out of memory for the plan");
    }

    mlops_arena_init(&plan->arena, NULL, NULL);

    rc = mlops_plan_load(&plan->plan, worker->plan_file, &plan->arena, err);

    if (rc == MLOPS_OK) {
        rc = mlops_worker_adopt(worker, plan, err);
    }

    if (rc != MLOPS_OK) {
        mlops_arena_destroy(&plan->arena);
        free(plan);
        return MLOPS_ERROR;
    }

    worker->plan_hash = hash;

    return MLOPS_OK;
}


/* nginx writes the plan at each reload, mostly the same but for its time. */

static int
mlops_worker_read(mlops_worker_t *worker, uint64_t *hash, mlops_err_t *err)
{
    size_t            len, skip;
    const char       *nodes;
    mlops_map_file_t  map;

    if (mlops_file_map(&map, AT_FDCWD, worker->plan_file, 64 * 1024 * 1024,
                       0, (uid_t) -1, err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    len = map.len;
    nodes = memmem(map.data, len, "\"nodes\"", 7);
    skip = nodes ? (size_t) (nodes - (const char *) map.data) : 0;

    *hash = mlops_hash((const char *) map.data + skip, len - skip, 0);
    mlops_file_unmap(&map);

    return MLOPS_OK;
}


/* From here on it is the current plan; a view that cannot start has failed
 * alone. */

static int
mlops_worker_adopt(mlops_worker_t *worker, mlops_worker_plan_t *plan,
    mlops_err_t *err)
{
    uint32_t              i;
    mlops_plan_view_t    *to;
    mlops_worker_view_t  *view;

    for (i = 0; i < worker->only_n; i++) {
        if (mlops_plan_view(&plan->plan, worker->only[i],
                            strlen(worker->only[i]))
            == NULL && worker->plan == NULL)
        {
            return mlops_err_set(err, "the plan \"%s\" has no view \"%s\"",
                                 worker->plan_file, worker->only[i]);
        }
    }

    if (worker->plan != NULL && worker->plan->uses == 0) {
        mlops_arena_destroy(&worker->plan->arena);
        free(worker->plan);
    }

    worker->plan = plan;

    (void) snprintf(worker->state, sizeof(worker->state), "%.*s",
                    mlops_fmt(&plan->plan.state));
    worker->run.state = worker->state;

    for (i = 0; i < worker->views_n; i++) {
        worker->views[i]->wanted = 0;
    }

    for (i = 0; i < plan->plan.views_n; i++) {
        to = &plan->plan.views[i];
        view = mlops_worker_find(worker, &to->name);

        if (view == NULL) {
            continue;
        }

        if (worker->role != -1 && to->kafka != NULL) {
            to->role = (mlops_role_t) worker->role;
        }

        view->wanted = 1;
        mlops_worker_view(worker, view, plan, to);
    }

    for (i = 0; i < worker->views_n; i++) {
        if (!worker->views[i]->wanted) {
            mlops_worker_stop_view(worker->views[i]);
        }
    }

    return MLOPS_OK;
}


static int
mlops_worker_chosen(const mlops_worker_t *worker, const char *name)
{
    uint32_t  i;

    for (i = 0; i < worker->only_n; i++) {
        if (strcmp(worker->only[i], name) == 0) {
            return 1;
        }
    }

    return worker->only_n == 0;
}


/* The place of a view, made where there is none.  NULL: not one of ours. */

static mlops_worker_view_t *
mlops_worker_find(mlops_worker_t *worker, const mlops_str_t *name)
{
    char                  text[65];
    uint32_t              i;
    mlops_worker_view_t  *view;

    (void) snprintf(text, sizeof(text), "%.*s", mlops_fmt(name));

    for (i = 0; i < worker->views_n; i++) {
        if (strcmp(worker->views[i]->name, text) == 0) {
            return worker->views[i];
        }
    }

    if (!mlops_worker_chosen(worker, text)) {
        return NULL;
    }

    view = (worker->views_n < MLOPS_WORKER_VIEWS)
           ? calloc(1, sizeof(mlops_worker_view_t)) : NULL;

    if (view == NULL) {
        mlops_say(MLOPS_LOG_ERROR, "view \"%s\" does not start: there are "
                  "%u already, or no memory", text, worker->views_n);
        return NULL;
    }

    memcpy(view->name, text, sizeof(text));
    worker->views[worker->views_n++] = view;

    return view;
}


/* What is a view to do that the plan has like this? */

static void
mlops_worker_view(mlops_worker_t *worker, mlops_worker_view_t *view,
    mlops_worker_plan_t *plan, mlops_plan_view_t *to)
{
    if (view->run == NULL) {
        mlops_worker_start(worker, view, plan, to);
        return;
    }

    if (mlops_run_state(view->run) == MLOPS_RUN_FAILED) {
        view->stopping = 1;
    }

    if (view->stopping || mlops_run_is_over(mlops_run_state(view->run))) {
        return;                         /* mlops_worker_ended starts it */
    }

    if (!mlops_worker_same(view->view, to)
        || !mlops_worker_str_same(&view->plan->plan.state,
                                  &plan->plan.state))
    {
        mlops_say(MLOPS_LOG_NOTICE, "view \"%s\" has another source or other "
                  "surroundings: it begins again", view->name);
        mlops_worker_stop_view(view);
        return;
    }

    if (view->view->hash == to->hash) {
        return;
    }

    if (view->olds_n == MLOPS_LANE_OLDS
        || to->role == MLOPS_ROLE_FOLLOW || to->kafka == NULL
        || mlops_run_redefine(view->run, to) != MLOPS_OK)
    {
        mlops_worker_stop_view(view);
        return;
    }

    mlops_say(MLOPS_LOG_NOTICE, "view \"%s\" has another definition: "
              "%016llx, before %016llx", view->name,
              (unsigned long long) to->hash,
              (unsigned long long) view->view->hash);

    view->olds[view->olds_n++] = view->plan;
    view->plan = plan;
    view->view = to;
    plan->uses++;
}


static void
mlops_worker_start(mlops_worker_t *worker, mlops_worker_view_t *view,
    mlops_worker_plan_t *plan, const mlops_plan_view_t *to)
{
    view->stopping = 0;
    view->role = to->role;
    view->err.text[0] = '\0';
    view->state = MLOPS_RUN_STARTING;

    view->run = mlops_run_create(to, &worker->run, &view->err);

    if (view->run == NULL) {
        view->state = MLOPS_RUN_FAILED;
        mlops_say(MLOPS_LOG_ERROR, "%s", view->err.text);
        return;
    }

    view->view = to;
    view->plan = plan;
    plan->uses++;

    mlops_say(MLOPS_LOG_NOTICE, "view \"%s\": starts, %s, definition %016llx",
              view->name,
              (to->kafka == NULL) ? "from a file"
              : (to->role == MLOPS_ROLE_FOLLOW) ? "follows" : "computes",
              (unsigned long long) to->hash);
}


static void
mlops_worker_stop_view(mlops_worker_view_t *view)
{
    if (view->run != NULL) {
        mlops_run_stop(view->run);
        view->stopping = 1;
    }
}


void
mlops_worker_stop(mlops_worker_t *worker)
{
    uint32_t  i;

    worker->ending = 1;

    for (i = 0; i < worker->views_n; i++) {
        mlops_worker_stop_view(worker->views[i]);
    }
}


/* ---- ends ---- */

void
mlops_worker_tend(mlops_worker_t *worker)
{
    uint32_t              i;
    mlops_run_state_t     state;
    mlops_worker_view_t  *view;

    for (i = 0; i < worker->views_n; /* void */ ) {
        view = worker->views[i];

        if (view->run != NULL) {
            state = mlops_run_state(view->run);

            if (mlops_run_is_over(state) && !mlops_run_is_over(view->state))
            {
                mlops_run_stats(view->run, &view->stats);
            }

            view->state = state;

            if (mlops_run_is_over(state) && view->stopping) {
                mlops_worker_ended(worker, view);

            } else if (view->olds_n != 0 && !mlops_run_olds(view->run)) {

                while (view->olds_n > 0) {
                    mlops_worker_plan_drop(worker,
                                           &view->olds[--view->olds_n]);
                }
            }
        }

        if (view->run == NULL && !view->wanted) {
            mlops_say(MLOPS_LOG_NOTICE, "view \"%s\" is removed", view->name);
            free(view);
            worker->views[i] = worker->views[--worker->views_n];
            continue;
        }

        i++;
    }
}


/* A run that we have stopped: what the plan says now begins. */

static void
mlops_worker_ended(mlops_worker_t *worker, mlops_worker_view_t *view)
{
    mlops_plan_view_t  *to;

    mlops_run_stats(view->run, &view->stats);
    mlops_run_destroy(view->run);
    view->run = NULL;
    view->stopping = 0;

    while (view->olds_n > 0) {
        mlops_worker_plan_drop(worker, &view->olds[--view->olds_n]);
    }

    mlops_worker_plan_drop(worker, &view->plan);
    view->view = NULL;

    if (!view->wanted || worker->ending) {
        return;
    }

    to = (mlops_plan_view_t *) mlops_plan_view(&worker->plan->plan,
                                               view->name,
                                               strlen(view->name));
    if (to != NULL) {
        mlops_worker_start(worker, view, worker->plan, to);
    }
}


uint32_t
mlops_worker_active(const mlops_worker_t *worker, uint32_t *failed)
{
    uint32_t                    i, n;
    const mlops_worker_view_t  *view;

    n = 0;
    *failed = 0;

    for (i = 0; i < worker->views_n; i++) {
        view = worker->views[i];

        n += (view->run != NULL
              && (view->stopping || !mlops_run_is_over(view->state)));
        *failed += (view->state == MLOPS_RUN_FAILED);
    }

    return n;
}


static void
mlops_worker_plan_drop(mlops_worker_t *worker, mlops_worker_plan_t **plan)
{
    mlops_worker_plan_t  *p;

    p = *plan;
    *plan = NULL;

    if (p != NULL && --p->uses == 0 && p != worker->plan) {
        mlops_arena_destroy(&p->arena);
        free(p);
    }
}


/* ---- what makes a view another one ---- */

static int
mlops_worker_str_same(const mlops_str_t *a, const mlops_str_t *b)
{
    return mlops_str_eq(a, b->data, b->len);
}


static int
mlops_worker_same(const mlops_plan_view_t *a, const mlops_plan_view_t *b)
{
    uint32_t  i;

    if (a->base_hash != b->base_hash
        || a->role != b->role
        || a->log != b->log
        || a->max_entities != b->max_entities
        || a->dedupe_max != b->dedupe_max
        || (a->kafka == NULL) != (b->kafka == NULL)
        || !mlops_worker_str_same(&a->group, &b->group)
        || !mlops_worker_str_same(&a->publish, &b->publish)
        || !mlops_worker_str_same(&a->dead, &b->dead)
        || !mlops_worker_str_same(&a->file, &b->file))
    {
        return 0;
    }

    if (a->kafka == NULL) {
        return a->hash == b->hash;
    }

    if (!mlops_worker_str_same(&a->topic, &b->topic)
        || a->kafka->n != b->kafka->n)
    {
        return 0;
    }

    for (i = 0; i < a->kafka->n; i++) {
        if (!mlops_worker_str_same(&a->kafka->keys[i], &b->kafka->keys[i])
            || !mlops_worker_str_same(&a->kafka->values[i],
                                      &b->kafka->values[i]))
        {
            return 0;
        }
    }

    return 1;
}
