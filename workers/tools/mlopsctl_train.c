/*
 * mlopsctl train: from a training recipe and rows to a model image.
 */

#include "mlopsctl.h"
#include "mlopsctl_learn.h"
#include "mlops_learn.h"


typedef struct {
    const char             *to;
    const char             *recipe_out;
    int                     json;
    int                     lines;
    const char            **set;
    char                  **made;       /* settings put together here */
    uint32_t                made_n;
    uint32_t                places_n;
    mlops_apart_t           files[4];
    mlops_learn_options_t   learn;
} mlopsctl_train_t;


static int mlopsctl_train_run(mlopsctl_train_t *in);
static int mlopsctl_train_apart(mlopsctl_train_t *in);
static int mlopsctl_train_arguments(mlopsctl_train_t *in, int argc,
    char **argv);
static int mlopsctl_train_option(mlopsctl_train_t *in, int argc, char **argv,
    int *i);
static int mlopsctl_train_known(mlopsctl_train_t *in, const char *name,
    size_t len, const char *value, int *known);
static int mlopsctl_train_make(mlopsctl_train_t *in, const char *name,
    size_t len, const char *value);
static int mlopsctl_train_write(const mlopsctl_train_t *in,
    mlops_learned_t *learned, mlops_err_t *err);
static int mlopsctl_train_files(const mlopsctl_train_t *in,
    const mlops_learned_t *learned, mlops_err_t *err);


int
mlopsctl_train(int argc, char **argv)
{
    int                rc;
    uint32_t           i;
    mlopsctl_train_t   in;

    memset(&in, 0, sizeof(in));

    rc = mlopsctl_train_arguments(&in, argc, argv);

    if (rc == MLOPSCTL_DONE) {
        rc = mlopsctl_train_apart(&in);
    }

    if (rc == MLOPSCTL_DONE) {
        rc = mlopsctl_place(in.to);
    }

    if (rc == MLOPSCTL_DONE && in.recipe_out != NULL) {
        rc = mlopsctl_place(in.recipe_out);
    }

    if (rc == MLOPSCTL_DONE) {
        rc = mlopsctl_train_run(&in);
    }

    for (i = 0; i < in.made_n; i++) {
        free(in.made[i]);
    }

    free(in.made);
    free(in.set);

    return rc;
}


static int
mlopsctl_train_run(mlopsctl_train_t *in)
{
    int                    rc;
    mlops_err_t            err;
    mlops_learned_t        learned;
    mlopsctl_progress_t    progress;

    mlopsctl_progress_init(&progress);
    mlopsctl_stop_init();

    in->learn.set = in->set;
    in->learn.progress = mlopsctl_progress;
    in->learn.stop = mlopsctl_stopped;
    in->learn.print = mlopsctl_said;
    in->learn.judged = (in->lines != 0);
    in->learn.ctx = &progress;

    rc = mlops_learn(&in->learn, &learned, &err);
    mlopsctl_progress_end(&progress);

    if (rc != MLOPS_OK) {
        return mlopsctl_failed("%s", err.text);
    }

    if (mlopsctl_train_write(in, &learned, &err) != MLOPS_OK) {
        mlops_learned_free(&learned);
        return mlopsctl_failed("%s", err.text);
    }

    mlopsctl_learned_print(&learned, in->to, in->json);

    if (in->lines) {
        mlopsctl_learned_lines(&learned);
    }

    mlops_learned_free(&learned);

    return mlopsctl_flush();
}


/* The recipe's own files, once it is read, are held against these, too. */

static int
mlopsctl_train_apart(mlopsctl_train_t *in)
{
    mlops_apart_t  *file;

    file = in->files;
    file[0].path = in->learn.recipe;
    file[0].what = "the recipe";
    file[1].path = in->learn.rows;
    file[1].what = "the rows";
    file[2].path = in->recipe_out;
    file[2].what = "--recipe-out";
    file[2].written = 1;
    file[3].path = in->to;
    file[3].what = "-o";
    file[3].written = 1;

    in->learn.files = in->files;
    in->learn.files_n = mlops_nitems(in->files);
    in->learn.image = in->to;
    in->learn.plain = in->recipe_out;

    return mlopsctl_apart(in->files, mlops_nitems(in->files));
}


/* Not by getopt: any name that is not known is a setting. */

static int
mlopsctl_train_arguments(mlopsctl_train_t *in, int argc, char **argv)
{
    int  i, rc;

    in->set = calloc((size_t) argc, sizeof(char *));
    in->made = calloc((size_t) argc, sizeof(char *));

    if (in->set == NULL || in->made == NULL) {
        return mlopsctl_failed("out of memory");
    }

    for (i = 1; i < argc; i++) {

        if (argv[i][0] == '-' && argv[i][1] != '\0') {
            rc = mlopsctl_train_option(in, argc, argv, &i);

            if (rc != MLOPSCTL_DONE) {
                return rc;
            }

            continue;
        }

        if (in->places_n == 2) {
            return mlopsctl_misused("expected a recipe and a file of rows, "
                                    "got \"%s\" besides", argv[i]);
        }

        if (in->places_n++ == 0) {
            in->learn.recipe = argv[i];

        } else {
            in->learn.rows = argv[i];
        }
    }

    if (in->places_n != 2) {
        return mlopsctl_misused("expected a recipe and a file of rows");
    }

    if (in->to == NULL) {
        return mlopsctl_misused("expected -o and the image to write");
    }

    return MLOPSCTL_DONE;
}


/* -o FILE, -oFILE, --name VALUE, --name=VALUE. */

static int
mlopsctl_train_option(mlopsctl_train_t *in, int argc, char **argv, int *i)
{
    int          rc, known;
    size_t       len;
    const char  *arg, *name, *value;

    arg = argv[*i];

    if (strcmp(arg, "--json") == 0) {
        in->json = 1;
        return MLOPSCTL_DONE;
    }

    if (strcmp(arg, "--katib") == 0) {
        in->lines = 1;
        return MLOPSCTL_DONE;
    }

    if (arg[1] != '-') {

        if (arg[1] != 'o') {
            return mlopsctl_misused("\"%s\" is not an option", arg);
        }

        name = "o";
        len = 1;
        value = arg[2] ? arg + 2 : NULL;

    } else {
        name = arg + 2;
        len = strcspn(name, "=");
        value = name[len] == '=' ? name + len + 1 : NULL;

        if (len == 0) {
            return mlopsctl_misused("\"%s\" is not an option", arg);
        }
    }

    if (value == NULL) {

        if (*i + 1 == argc) {
            return mlopsctl_misused("\"%s\" lacks its value", arg);
        }

        value = argv[++*i];
    }

    rc = mlopsctl_train_known(in, name, len, value, &known);

    if (rc != MLOPSCTL_DONE || known) {
        return rc;
    }

    return mlopsctl_train_make(in, name, len, value);
}


static int
mlopsctl_train_known(mlopsctl_train_t *in, const char *name, size_t len,
    const char *value, int *known)
{
    mlops_str_t  option;

    option.data = name;
    option.len = len;
    *known = 1;

    if (mlops_str_is(&option, "o")) {
        in->to = value;

    } else if (mlops_str_is(&option, "recipe-out")) {
        in->recipe_out = value;

    } else if (mlops_str_is(&option, "set")) {
        in->set[in->learn.set_n++] = value;

    } else if (mlops_str_is(&option, "seed")) {
        in->learn.seeded = 1;
        return mlopsctl_seed(value, &in->learn.seed);

    } else if (mlops_str_is(&option, "threads")) {
        return mlopsctl_threads(value, &in->learn.threads);

    } else {
        *known = 0;
    }

    return MLOPSCTL_DONE;
}


static int
mlopsctl_train_make(mlopsctl_train_t *in, const char *name, size_t len,
    const char *value)
{
    char  *text;

    if (asprintf(&text, "%.*s=%s", (int) len, name, value) == -1) {
        return mlopsctl_failed("out of memory");
    }

    in->made[in->made_n++] = text;
    in->set[in->learn.set_n++] = text;

    return MLOPSCTL_DONE;
}


/* The recipe first: an image is the sign that all is there.  Behind it comes
 * what the next run goes on from, whose place is claimed before all
 * (mlops_learn_start.h). */

static int
mlopsctl_train_write(const mlopsctl_train_t *in, mlops_learned_t *learned,
    mlops_err_t *err)
{
    mlops_fault("train_write");

    if (mlops_learned_claim(learned, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (in->recipe_out != NULL) {

        if (mlopsctl_train_files(in, learned, err) != MLOPS_OK
            || mlopsctl_write(in->recipe_out, learned->recipe,
                              learned->recipe_len, 0644, err)
               != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    if (mlopsctl_write(in->to, learned->image, learned->image_len, 0444, err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    mlops_fault("train_image");

    return mlops_learned_keep(learned, err);
}


/* Models of commands stand beside the recipe, which names them. */

static int
mlopsctl_train_files(const mlopsctl_train_t *in,
    const mlops_learned_t *learned, mlops_err_t *err)
{
    int          rc;
    char        *from, *to;
    uint32_t     k;
    const char  *slash;

    rc = MLOPS_OK;

    for (k = 0; k < learned->models_n && rc == MLOPS_OK; k++) {
        from = NULL;
        to = mlops_learn_beside(in->recipe_out, k);
        slash = to ? strrchr(to, '/') : NULL;

        if (to == NULL
            || asprintf(&from, "%s/%s", learned->work,
                        slash ? slash + 1 : to)
               == -1)
        {
            free(to);
            return mlops_err_set(err, "out of memory");
        }

        rc = mlopsctl_copy(from, to, err);

        free(from);
        free(to);
    }

    return rc;
}
