/*
 * The view of a plan, for the sub-commands about feature views.
 */

#include "mlopsctl_view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>


static int mlopsctl_view_unknown(const mlops_plan_t *plan, const char *path,
    const char *name, mlops_err_t *err);
static int mlopsctl_view_dir(const char *path, int make, mlops_err_t *err);


int
mlopsctl_view_args(int argc, char **argv, const char *option,
    const char *value, mlopsctl_view_args_t *args)
{
    int                  letter;
    const struct option  options[] = {
        { option, required_argument, NULL, 'v' },
        { NULL, 0, NULL, 0 }
    };

    memset(args, 0, sizeof(*args));

    while ((letter = mlopsctl_option(argc, argv, "s:p:", options)) != -1) {

        switch (letter) {

        case 'v':
            args->value = optarg;
            break;

        case 's':
            args->store = optarg;
            break;

        case 'p':
            args->plan = optarg;
            break;

        default:
            return MLOPSCTL_USAGE;
        }
    }

    if (optind == argc) {
        return mlopsctl_misused("expected the name of a view");
    }

    if (args->value == NULL) {
        return mlopsctl_misused("expected --%s %s", option, value);
    }

    if (args->store == NULL && args->plan == NULL) {
        return mlopsctl_misused("expected -s STORE or -p PLAN");
    }

    args->view = argv[optind];
    args->rest = argv + optind + 1;
    args->rest_n = argc - optind - 1;

    return MLOPSCTL_DONE;
}


int
mlopsctl_view_open(mlopsctl_view_t *view, const char *store,
    const char *plan, const char *name, mlops_err_t *err)
{
    int   n;
    char  path[MLOPS_PLAN_PATH_SIZE + 16];

    memset(view, 0, sizeof(*view));
    mlops_arena_init(&view->arena, NULL, NULL);

    if (plan == NULL) {
        n = snprintf(path, sizeof(path), "%s/plan.json", store);

        if (n < 0 || (size_t) n >= sizeof(path)) {
            return mlops_err_set(err, "the path of the store is too long: "
                                 "\"%s\"", store);
        }

        plan = path;
    }

    if (mlops_plan_load(&view->plan, plan, &view->arena, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    view->view = mlops_plan_view(&view->plan, name, strlen(name));

    if (view->view == NULL) {
        return mlopsctl_view_unknown(&view->plan, plan, name, err);
    }

    if (store != NULL) {
        (void) snprintf(view->store, sizeof(view->store), "%s", store);

    } else {
        (void) snprintf(view->store, sizeof(view->store), "%.*s",
                        mlops_fmt(&view->plan.store));
    }

    (void) snprintf(view->state, sizeof(view->state), "%.*s",
                    mlops_fmt(&view->plan.state));

    return MLOPS_OK;
}


void
mlopsctl_view_close(mlopsctl_view_t *view)
{
    mlops_arena_destroy(&view->arena);
}


static int
mlopsctl_view_unknown(const mlops_plan_t *plan, const char *path,
    const char *name, mlops_err_t *err)
{
    char      list[256];
    size_t    len;
    uint32_t  i;

    if (plan->views_n == 0) {
        return mlops_err_set(err, "the plan \"%s\" has no \"mlops_view\"",
                             path);
    }

    len = 0;

    for (i = 0; i < plan->views_n && len < sizeof(list); i++) {
        len += (size_t) snprintf(list + len, sizeof(list) - len, "%s\"%.*s\"",
                                 (i == 0) ? "" : ", ",
                                 mlops_fmt(&plan->views[i].name));
    }

    return mlops_err_set(err, "the plan \"%s\" has no view \"%s\": expected "
                         "one of %s", path, name, list);
}


int
mlopsctl_view_state(const mlopsctl_view_t *view, const char *name, int make,
    mlops_err_t *err)
{
    int   fd;
    char  path[MLOPS_PLAN_PATH_SIZE + 256];

    if (view->state[0] == '\0') {
        (void) mlops_err_set(err, "the plan has no \"mlops_state path;\", "
                             "where checkpoints and the log of view "
                             "\"%.*s\" are kept",
                             mlops_fmt(&view->view->name));
        return -1;
    }

    (void) snprintf(path, sizeof(path), "%s/%.*s", view->state,
                    mlops_fmt(&view->view->name));

    fd = mlopsctl_view_dir(path, make, err);

    if (fd == -1 || name == NULL) {
        return fd;
    }

    (void) close(fd);

    (void) snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%s",
                    name);

    return mlopsctl_view_dir(path, make, err);
}


static int
mlopsctl_view_dir(const char *path, int make, mlops_err_t *err)
{
    int  fd;

    if (make && mkdir(path, 0750) == -1 && errno != EEXIST) {
        (void) mlops_err_set(err, "cannot make \"%s\": %s", path,
                             strerror(errno));
        return -1;
    }

    fd = open(path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == -1) {
        (void) mlops_err_set(err, "cannot open \"%s\": %s", path,
                             strerror(errno));
    }

    return fd;
}
