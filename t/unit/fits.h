/*
 * What tests of fitters share: a matrix from arrays or from CSV, a step from
 * JSON, the steps it became, and those built and evaluated.
 */

#ifndef MLOPS_FITS_H
#define MLOPS_FITS_H


#include "importing.h"
#include "mlops_fit.h"
#include "mlops_num.h"

#include <errno.h>


#define FITS_COLUMNS  128


typedef struct {
    mlops_arena_t           arena;
    mlops_err_t             err;
    mlops_field_t           field;
    mlops_matrix_t          matrix;
    mlops_matrix_column_t   columns[FITS_COLUMNS];
    mlops_str_t             outputs[FITS_COLUMNS];
    mlops_str_t             margin[FITS_COLUMNS];
    mlops_str_t             classes[16];
    uint32_t                classes_n;
    const char             *folder;     /* of files that steps name */
    mlops_import_text_t     steps;
    mlops_import_text_t     report;
    mlops_doc_t            *found;      /* the steps: an array */
    mlops_doc_t            *said;       /* the report: an object */
    mlops_fit_state_t       state;      /* that it leaves */
} fits_t;


static inline void
fits_init(fits_t *fits)
{
    memset(fits, 0, sizeof(*fits));
    mlops_arena_init(&fits->arena, NULL, NULL);
    fits->matrix.columns = fits->columns;
}


static inline void
fits_done(fits_t *fits)
{
    free(fits->steps.data);
    free(fits->report.data);
    mlops_arena_destroy(&fits->arena);
}


/* A column; data outlives it. */

static inline mlops_matrix_column_t *
fits_add(fits_t *fits, const char *name, mlops_matrix_kind_t kind,
    const void *data, uint64_t n)
{
    mlops_matrix_column_t  *column;

    column = &fits->columns[fits->matrix.columns_n++];
    column->name.data = name;
    column->name.len = strlen(name);
    column->kind = kind;
    column->data = data;
    fits->matrix.n = n;

    return column;
}


static inline void
fits_column(fits_t *fits, const char *name, const double *data, uint64_t n)
{
    (void) fits_add(fits, name, MLOPS_MATRIX_DOUBLE, data, n);
}


/* Strings, by their codes. */

static inline void
fits_codes(fits_t *fits, const char *name, const uint32_t *codes, uint64_t n,
    const mlops_str_t *categories, uint32_t categories_n)
{
    mlops_matrix_column_t  *column;

    column = fits_add(fits, name, MLOPS_MATRIX_CODES, codes, n);
    column->categories = categories;
    column->categories_n = categories_n;
}


static inline uint32_t
fits_names(const mlops_doc_t *step, const char *key, mlops_str_t *names)
{
    uint32_t            n;
    const mlops_doc_t  *list, *name;

    list = mlops_doc_get(step, key);
    name = list ? list->v.child : NULL;

    for (n = 0; name != NULL; name = name->next) {
        names[n++] = name->v.text;
    }

    return n;
}


static inline mlops_doc_t *
fits_parse(fits_t *fits, const char *open, const mlops_import_text_t *text,
    const char *close)
{
    char         *all;
    size_t        len;
    mlops_doc_t  *doc;

    len = strlen(open) + text->len + strlen(close);
    all = mlops_arena_alloc(&fits->arena, len + 1);

    sprintf(all, "%s%.*s%s", open, (int) text->len,
            text->len ? text->data : "", close);

    doc = mlops_doc_parse(all, len, 0, &fits->arena, &fits->err);

    unit_ok(doc != NULL, "%s\n%s", fits->err.text, all);

    return doc;
}


/* Fits a step: the result of check or run. */

static inline int
fits_run(fits_t *fits, const char *json)
{
    int                    rc;
    mlops_fit_t            fit;
    mlops_doc_t           *step, *kind, *name;
    mlops_fit_env_t        env;
    const mlops_fitter_t  *fitter;

    fits->steps.len = 0;
    fits->report.len = 0;
    fits->err.text[0] = '\0';

    step = mlops_doc_parse(json, strlen(json), 0, &fits->arena, &fits->err);
    unit_ok(step != NULL, "%s: %s", json, fits->err.text);

    kind = mlops_doc_get(step, "kind");
    name = mlops_doc_get(step, "fit");
    fitter = mlops_fitter_find(&kind->v.text, &name->v.text);
    unit_ok(fitter != NULL, "no fitter: %s", json);

    memset(&fit, 0, sizeof(fit));
    memset(&env, 0, sizeof(env));
    env.folder = fits->folder;
    env.seed = 1;
    mlops_field_init(&fits->field, &fits->arena, &fits->err);
    (void) mlops_field_push(&fits->field, "steps[0]");

    fit.env = fits->folder ? &env : NULL;
    fit.field = &fits->field;
    fit.step = step;
    fit.train = &fits->matrix;
    fit.classes_n = fits->classes_n;
    fit.classes = fits->classes;
    fit.outputs = fits->outputs;
    fit.outputs_n = fits_names(step, "outputs", fits->outputs);
    fit.margin = fits->margin;
    fit.margin_n = fits_names(step, "margin", fits->margin);
    fit.steps = &fits->steps;
    fit.report = &fits->report;

    if (mlops_doc_get(step, "prefix") != NULL) {
        fit.prefix = mlops_doc_get(step, "prefix")->v.text;
    }

    memset(&fits->state, 0, sizeof(fits->state));
    rc = mlops_field_keys(&fits->field, step, fitter->keys,
                          (const char *const []) { "kind", "fit", "inputs",
                          "outputs", "margin", "prefix", NULL });

    if (rc == MLOPS_OK && fitter->check != NULL) {
        rc = fitter->check(&fit);
    }

    if (rc == MLOPS_OK) {
        rc = fitter->run(&fit);
    }

    if (rc != MLOPS_OK) {
        return rc;
    }

    fits->state = fit.state;

    /* terminated */

    mlops_import_text(&fits->steps, "%s", "");
    mlops_import_text(&fits->report, "%s", "");

    unit_ok(!fits->steps.failed && !fits->report.failed, "no text: %s", json);

    fits->found = fits_parse(fits, "[", &fits->steps, "]");
    fits->said = fits_parse(fits, "{", &fits->report, "}");

    return MLOPS_OK;
}


/* Fits a step that is right. */

static inline void
fits_well(fits_t *fits, const char *json)
{
    unit_ok(fits_run(fits, json) == MLOPS_OK, "%s\n%s", json,
            fits->err.text);
}


/* Fits one that is wrong. */

static inline void
fits_refused(fits_t *fits, const char *json, const char *reason)
{
    unit_ok(fits_run(fits, json) == MLOPS_ERROR, "accepted: %s", json);
    unit_ok(strstr(fits->err.text, reason) != NULL, "%s\nexpected: %s\n"
            "got:      %s", json, reason, fits->err.text);
}


/* The i-th step it became. */

static inline const mlops_doc_t *
fits_step(const fits_t *fits, uint32_t i)
{
    const mlops_doc_t  *step;

    for (step = fits->found->v.child; step != NULL && i > 0; i--) {
        step = step->next;
    }

    unit_ok(step != NULL, "no such step");

    return step;
}


/* A number, or number i of a list, or row i / n of a list of lists. */

static inline double
fits_at(const mlops_doc_t *object, const char *key, uint32_t i)
{
    double              value;
    const mlops_doc_t  *doc;

    doc = mlops_doc_get(object, key);
    unit_ok(doc != NULL, "no \"%s\"", key);

    if (doc->type == MLOPS_DOC_ARRAY) {
        doc = doc->v.child;

        if (doc != NULL && doc->type == MLOPS_DOC_ARRAY) {
            for ( ; i >= doc->n; i -= doc->n) {
                doc = doc->next;
            }

            doc = doc->v.child;
        }

        for ( ; i > 0 && doc != NULL; i--) {
            doc = doc->next;
        }
    }

    unit_ok(doc != NULL && mlops_doc_double(doc, &value) == MLOPS_OK,
            "\"%s\": no number", key);

    return value;
}


static inline void
fits_near(const char *what, double got, double expected, double relative)
{
    double  limit;

    limit = relative * fabs(expected);
    limit = limit > relative * 1e-3 ? limit : relative * 1e-3;

    unit_ok(fabs(got - expected) <= limit, "%s: expected %.17g, got %.17g",
            what, expected, got);
}


/* n numbers of a key, against a list. */

static inline void
fits_list(const mlops_doc_t *object, const char *key, const double *expected,
    uint32_t n, double relative)
{
    char      what[80];
    uint32_t  i;

    for (i = 0; i < n; i++) {
        snprintf(what, sizeof(what), "%s[%u]", key, i);
        fits_near(what, fits_at(object, key, i), expected[i], relative);
    }
}


/* The steps as a model of all columns whose one answer is the cells, and
 * what it answers to a row. */

static inline void
fits_eval(fits_t *fits, const char *const *cells, uint32_t cells_n,
    const double *row, double *out)
{
    uint32_t              j;
    unit_model_t          m;
    mlops_import_text_t   text = { 0 };

    mlops_import_text(&text, "{\"recipe\":1,\"inputs\":[");

    for (j = 0; j < fits->matrix.columns_n; j++) {
        mlops_import_text(&text, "%s{\"name\":\"%s\"}", j ? "," : "",
                          fits->columns[j].name.data);
    }

    mlops_import_text(&text, "],\"steps\":[%.*s],\"signatures\":[{\"name\":"
                      "\"default\",\"outputs\":[{\"name\":\"out\","
                      "\"from\":[", (int) fits->steps.len,
                      fits->steps.data);

    for (j = 0; j < cells_n; j++) {
        mlops_import_text(&text, "%s\"%s\"", j ? "," : "", cells[j]);
    }

    mlops_import_text(&text, "]}]}]}");

    unit_import_text(&m, text.data, NULL);
    unit_eval(&m, "default", row, out);
    unit_model_free(&m);
    free(text.data);
}


/* The same, compared. */

static inline void
fits_answer(fits_t *fits, const char *const *cells, uint32_t n,
    const double *row, const double *expected, double relative)
{
    double    out[FITS_COLUMNS];
    uint32_t  k;

    fits_eval(fits, cells, n, row, out);

    for (k = 0; k < n; k++) {
        fits_near(cells[k], out[k], expected[k], relative);
    }
}


/*
 * The same bits at every level: a program whose main asks fits_child() runs
 * only what prints lines by fits_level(); fits_levels() runs it once for each
 * level and compares the lines.
 */

static inline int
fits_child(void)
{
    return getenv("FITS_CHILD") != NULL;
}


static inline void
fits_level(const fits_t *fits)
{
    printf("# level %.*s\n", (int) fits->steps.len, fits->steps.data);
}


static inline void
fits_levels(size_t least)
{
    int      level;
    char    *command, *line, *text[3];
    FILE    *pipe;
    size_t   size;

    static const char *const  names[] = { "portable", "avx2", "avx512" };

    command = malloc(UNIT_PATH_SIZE);
    line = NULL;
    size = 0;

    for (level = 0; level < 3; level++) {
        text[level] = calloc(1, 1 << 20);
        snprintf(command, UNIT_PATH_SIZE, "FITS_CHILD=1 MLOPS_SIMD=%s %s",
                 names[level], program_invocation_name);

        pipe = popen(command, "r");
        assert_non_null(pipe);

        while (getline(&line, &size, pipe) > 0) {
            if (strncmp(line, "# level ", 8) == 0
                && strlen(text[level]) + strlen(line) < 1 << 20)
            {
                strcat(text[level], line + 8);
            }
        }

        assert_int_equal(pclose(pipe), 0);
        unit_ok(strlen(text[level]) >= least, "%s printed too little",
                names[level]);
        unit_ok(strcmp(text[level], text[0]) == 0, "%s differs from %s:\n"
                "%.400s\n%.400s", names[level], names[0], text[level],
                text[0]);
    }

    for (level = 0; level < 3; level++) {
        free(text[level]);
    }

    free(command);
    free(line);
}


/* p random columns x0, x1, … in x, and one more number for each row. */

static inline double *
fits_random(fits_t *fits, double *x, uint32_t n, uint32_t p)
{
    uint32_t     i, j;
    uint64_t     seed;
    static char  names[FITS_COLUMNS][8];

    fits_init(fits);
    seed = 11;

    for (j = 0; j <= p; j++) {
        snprintf(names[j], sizeof(names[j]), "x%u", j);

        for (i = 0; i < n; i++) {
            x[(size_t) j * n + i] = (double) (unit_random(&seed) >> 12)
                                    * 0x1p-52 - 0.5;
        }

        if (j < p) {
            fits_column(fits, names[j], x + (size_t) j * n, n);
        }
    }

    return x + (size_t) p * n;
}


#endif /* MLOPS_FITS_H */
