/*
 * mlopsctl reproduce: is an image what its facts say it was made from?
 *
 * Trains again by the recipe, settings and seed of the facts, and compares
 * bit by bit.
 */

#include "mlopsctl_learn.h"
#include "mlops_trained.h"


typedef struct {
    const char        *path;
    const char        *rows;
    const char        *folder;
    uint32_t           threads;
    int                exec;        /* commands of the recipe are run */
    mlopsctl_model_t   file;
    mlops_trained_t    trained;
    mlops_arena_t      arena;
} mlopsctl_reproduce_t;


static int mlopsctl_reproduce_arguments(mlopsctl_reproduce_t *in, int argc,
    char **argv);
static int mlopsctl_reproduce_run(mlopsctl_reproduce_t *in);
static int mlopsctl_reproduce_compare(mlopsctl_reproduce_t *in,
    const mlops_learned_t *learned);
static void mlopsctl_reproduce_rows(mlopsctl_reproduce_t *in,
    const mlops_model_t *again);
static void mlopsctl_reproduce_sections(const mlops_model_t *one,
    const mlops_model_t *two);
static void mlopsctl_reproduce_step(const mlops_model_t *model, uint64_t at);


/* In the order of mlops_image_kind_t. */

static const char *const  mlopsctl_sections[] = {
    "", "texts", "inputs", "signatures", "outputs", "steps", "lists",
    "strings", "weights", "histograms", "transforms", "golden rows", "facts"
};


int
mlopsctl_reproduce(int argc, char **argv)
{
    int                   rc;
    mlops_err_t           err;
    mlopsctl_reproduce_t  in;

    memset(&in, 0, sizeof(in));

    rc = mlopsctl_reproduce_arguments(&in, argc, argv);

    if (rc != MLOPSCTL_DONE) {
        return rc;
    }

    if (mlopsctl_model_open(&in.file, in.path, &err) != MLOPS_OK) {
        return mlopsctl_failed("%s", err.text);
    }

    mlops_arena_init(&in.arena, NULL, NULL);

    rc = mlops_trained_read(&in.trained, in.file.model, &in.arena, &err);

    if (rc == MLOPS_AGAIN) {
        rc = mlopsctl_failed("%s: the image was not made by training: its "
                             "facts have no recipe and no digest of rows",
                             in.path);

    } else if (rc != MLOPS_OK) {
        rc = mlopsctl_failed("%s: %s", in.path, err.text);

    } else {
        rc = mlopsctl_reproduce_run(&in);
    }

    mlops_arena_destroy(&in.arena);
    mlopsctl_model_close(&in.file);

    return rc;
}


static int
mlopsctl_reproduce_arguments(mlopsctl_reproduce_t *in, int argc, char **argv)
{
    int                         c, rc;
    static const struct option  options[] = {
        { "folder", required_argument, NULL, 'f' },
        { "threads", required_argument, NULL, 't' },
        { "exec", no_argument, NULL, 'e' },
        { NULL, 0, NULL, 0 }
    };

    in->folder = ".";

    while ((c = mlopsctl_option(argc, argv, "", options)) != -1) {
        rc = MLOPSCTL_DONE;

        switch (c) {

        case 'f':
            in->folder = optarg;
            break;

        case 't':
            rc = mlopsctl_threads(optarg, &in->threads);
            break;

        case 'e':
            in->exec = 1;
            break;

        default:
            return MLOPSCTL_USAGE;
        }

        if (rc != MLOPSCTL_DONE) {
            return rc;
        }
    }

    return mlopsctl_places(argc, argv, "a model image", &in->path,
                           &in->rows);
}


static int
mlopsctl_reproduce_run(mlopsctl_reproduce_t *in)
{
    int                     rc;
    mlops_err_t             err;
    mlops_learned_t         learned;
    mlopsctl_progress_t     progress;
    mlops_learn_options_t   learn;

    memset(&learn, 0, sizeof(learn));
    mlopsctl_progress_init(&progress);
    mlopsctl_stop_init();

    learn.text = in->trained.recipe.data;
    learn.text_len = in->trained.recipe.len;
    learn.folder = in->folder;
    learn.rows = in->rows;
    learn.set = in->trained.set;
    learn.set_n = in->trained.set_n;
    learn.seed = in->trained.seed;
    learn.seeded = 1;
    learn.aside = 1;
    learn.training = in->trained.training;
    learn.no_exec = !in->exec;
    learn.threads = in->threads;
    learn.progress = mlopsctl_progress;
    learn.stop = mlopsctl_stopped;
    learn.print = mlopsctl_said;
    learn.ctx = &progress;

    rc = mlops_learn(&learn, &learned, &err);
    mlopsctl_progress_end(&progress);

    if (rc == MLOPS_REFUSED) {
        return mlopsctl_failed("%s: %s; \"mlopsctl inspect\" shows the "
                               "recipe, --exec lets its commands run",
                               in->path, err.text);
    }

    if (rc != MLOPS_OK) {
        return mlopsctl_failed("%s", err.text);
    }

    rc = mlopsctl_reproduce_compare(in, &learned);
    mlops_learned_free(&learned);

    return rc;
}


static int
mlopsctl_reproduce_compare(mlopsctl_reproduce_t *in,
    const mlops_learned_t *learned)
{
    mlops_err_t     err;
    mlops_model_t  *again;

    if (learned->image_len == in->file.map.len
        && memcmp(learned->image, in->file.map.data, learned->image_len) == 0)
    {
        printf("%s: the same, %zu bytes\n", in->path, learned->image_len);
        return mlopsctl_flush();
    }

    again = mlops_model_open(learned->image, learned->image_len, &err);
    if (again == NULL) {
        return mlopsctl_failed("%s", err.text);
    }

    printf("%s: differs\n", in->path);

    mlopsctl_reproduce_rows(in, again);
    mlopsctl_reproduce_sections(in->file.model, again);
    mlops_model_destroy(again);

    (void) mlopsctl_flush();

    return MLOPSCTL_FAILED;
}


/* Other rows explain all else. */

static void
mlopsctl_reproduce_rows(mlopsctl_reproduce_t *in, const mlops_model_t *again)
{
    mlops_err_t      err;
    mlops_trained_t  trained;

    if (mlops_trained_read(&trained, again, &in->arena, &err) != MLOPS_OK
        || mlops_str_eq(&trained.rows_sha256, in->trained.rows_sha256.data,
                        in->trained.rows_sha256.len))
    {
        return;
    }

    printf("rows       %llu rows, sha256 %.*s\n",
           (unsigned long long) in->trained.rows_n,
           mlops_fmt(&in->trained.rows_sha256));
    printf("           %s has %llu rows, sha256 %.*s\n", in->rows,
           (unsigned long long) trained.rows_n,
           mlops_fmt(&trained.rows_sha256));
}


/* A section's bytes; none where it is not there. */

static const char *
mlopsctl_reproduce_section(const mlops_model_t *model, uint32_t kind,
    uint64_t *len)
{
    uint32_t                      i;
    const mlops_image_header_t   *header;
    const mlops_image_section_t  *table;

    header = mlops_model_image(model);
    table = (const mlops_image_section_t *)
                            ((const char *) header + header->header_len);

    for (i = 0; i < header->section_n; i++) {

        if (table[i].kind == kind) {
            *len = table[i].len;
            return (const char *) header + table[i].off;
        }
    }

    *len = 0;

    return "";
}


static void
mlopsctl_reproduce_sections(const mlops_model_t *one,
    const mlops_model_t *two)
{
    uint32_t      kind;
    uint64_t      at, len, a_len, b_len;
    const char   *a, *b;

    for (kind = 1; kind < MLOPS_SECTION_N; kind++) {
        a = mlopsctl_reproduce_section(one, kind, &a_len);
        b = mlopsctl_reproduce_section(two, kind, &b_len);
        len = (a_len < b_len) ? a_len : b_len;

        for (at = 0; at < len && a[at] == b[at]; at++) {
            /* void */
        }

        if (at == len && a_len == b_len) {
            continue;
        }

        printf("%-10s %llu bytes, now %llu; the first that differs is at "
               "%llu", mlopsctl_sections[kind], (unsigned long long) a_len,
               (unsigned long long) b_len, (unsigned long long) at);

        if (kind == MLOPS_SECTION_WEIGHTS) {
            mlopsctl_reproduce_step(one, at);
        }

        printf("\n");
    }
}


/* Whose parameters are there? */

static void
mlopsctl_reproduce_step(const mlops_model_t *model, uint64_t at)
{
    uint32_t                   i, n;
    const mlops_image_step_t  *steps;

    steps = mlops_model_section(model, MLOPS_SECTION_STEPS, &n);

    for (i = 0; i < n; i++) {

        if (at >= steps[i].param && at - steps[i].param < steps[i].param_len)
        {
            printf(", of step %u, %s", i, mlops_step_name(steps[i].kind));
            return;
        }
    }
}
