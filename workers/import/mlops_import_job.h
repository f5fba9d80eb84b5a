/*
 * One import under way.  Internal to workers/import.
 *
 * The program is emitted into a builder twice: first alone, to find the
 * interface and compare rows; then with what was found from the rows
 * (ranges, histograms, golden rows).
 */

#ifndef MLOPS_IMPORT_JOB_H
#define MLOPS_IMPORT_JOB_H


#include "mlops_import.h"
#include "mlops_build.h"
#include "mlops_doc.h"
#include "mlops_field.h"
#include "mlops_model.h"


/* Larger files are another program's work. */
#define MLOPS_IMPORT_FILE_MAX  (2048ull * 1024 * 1024)


/* What held-out rows say of one input of the default signature. */

typedef struct {
    uint32_t   bins_n;              /* 0: nothing */
    double    *edges;               /* NULL: categories */
    double    *counts;
    double     missing;
    double     rows;
    double     lo;                  /* lo > hi: no numbers */
    double     hi;
} mlops_import_stat_t;


/* A row to keep: cells are those of the signature's inputs, results those of
 * its outputs. */

typedef struct {
    uint32_t              signature;
    const mlops_cell_t   *cells;
    const uint64_t       *present;
    const char           *text;
    const mlops_cell_t   *results;
    const char           *results_text;     /* of strings, or NULL */
} mlops_import_golden_t;


/* JSON text that grows; one that failed stays failed. */

typedef struct {
    char    *data;
    size_t   len;
    size_t   size;
    int      failed;
} mlops_import_text_t;


typedef struct mlops_import_job_s  mlops_import_job_t;

struct mlops_import_job_s {
    const mlops_import_options_t  *options;
    mlops_import_report_t         *report;
    mlops_arena_t                 *arena;
    mlops_err_t                   *err;

    const char                    *path;        /* or NULL */
    const char                    *data;
    size_t                         len;

    /* the kind's: adds inputs, steps, signatures; sets what follows */
    int                          (*emit)(mlops_import_job_t *job,
                                         mlops_builder_t *builder);
    void                          *kind;

    uint32_t                       inputs_n;    /* emitted so far */
    uint32_t                      *cells;       /* of signature 0's inputs */
    const mlops_str_t             *names;       /* theirs in a recipe */
    uint32_t                       cells_n;
    mlops_import_text_t            facts;       /* members, with commas */
    double                         tol_abs;     /* of rows against answers */
    double                         tol_rel;

    mlops_import_stat_t           *stats;       /* cells_n, or NULL */
    uint32_t                       golden_n;
    mlops_import_golden_t         *golden;
    unsigned                       golden_loose:1;  /* within tolerance */
};


/* Reads a regular file of at most MLOPS_IMPORT_FILE_MAX bytes: malloc'ed. */
int mlops_import_read(const char *path, char **data, size_t *len,
    mlops_err_t *err);
/* The tree of a JSON or UBJSON file in memory, which outlives it; arrays of
 * numbers are packed. */
mlops_doc_t *mlops_import_parse(const char *data, size_t len,
    mlops_arena_t *arena, mlops_err_t *err);

/* The readers: set emit and kind.  A recipe's document has no packed
 * arrays. */
int mlops_import_xgboost(mlops_import_job_t *job, const mlops_doc_t *doc);
int mlops_import_recipe(mlops_import_job_t *job, const mlops_doc_t *doc);

/* Adds an input, with the training range if it is known now. */
uint32_t mlops_import_input(mlops_import_job_t *job,
    mlops_builder_t *builder, const mlops_column_t *column);

/* Compares options->rows with a model, and chooses golden rows. */
int mlops_import_rows(mlops_import_job_t *job, const mlops_model_t *model);
/* Room for n golden rows behind those of the job, which golden_n does not
 * count yet.  Returns the first, or NULL with job->err. */
mlops_import_golden_t *mlops_import_golden(mlops_import_job_t *job,
    uint32_t n);

/* Reads CSV as rows of a schema, whose strings point into data; columns of
 * other names are skipped.  The schema gets its index. */
int mlops_import_csv(mlops_import_job_t *job, const char *data, size_t len,
    mlops_schema_t *schema, mlops_rows_t *rows);
/* The names of its header. */
int mlops_import_csv_names(mlops_import_job_t *job, const char *data,
    size_t len, mlops_str_t **names, uint32_t *n);

/* Finds job->stats from options->reference; the same, and golden rows, from
 * options->held. */
int mlops_import_reference(mlops_import_job_t *job,
    const mlops_model_t *model);
int mlops_import_held(mlops_import_job_t *job, const mlops_model_t *model);
/* A histogram of n finite values, which are left sorted. */
int mlops_import_numbers(mlops_import_job_t *job, double *values, uint64_t n,
    mlops_import_stat_t *stat);

/*
 * Parts of a recipe, for those who read one by parts.  The first reads a list
 * of inputs: columns, and the names that the recipe uses for them.  The
 * second makes an image of one step that reads those columns: its one output
 * has the step's outputs, then its margins, as doubles.
 */
int mlops_import_inputs(mlops_field_t *field, const mlops_doc_t *list,
    mlops_column_t **columns, mlops_str_t **names);
int mlops_import_step(mlops_field_t *field, const mlops_doc_t *step,
    const mlops_column_t *columns, uint32_t n,
    const mlops_import_options_t *options, void **image, size_t *len);


/* Appends text as it is; bytes of any value; a JSON string; a document
 * without packed arrays as JSON. */
void mlops_import_text(mlops_import_text_t *text, const char *fmt, ...)
    mlops_printf(2, 3);
void mlops_import_bytes(mlops_import_text_t *text, const char *data,
    size_t len);
void mlops_import_quote(mlops_import_text_t *text, const char *data,
    size_t len);
void mlops_import_doc(mlops_import_text_t *text, const mlops_doc_t *doc);
/* "file":"name","bytes":n,"sha256":"…" */
void mlops_import_digest(mlops_import_text_t *text, const char *path,
    const char *data, size_t len);


#endif /* MLOPS_IMPORT_JOB_H */
