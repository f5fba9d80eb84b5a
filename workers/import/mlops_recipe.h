/*
 * Recipes: a JSON file that says what a model computes.  docs/recipe.md has
 * the format.  Internal to workers/import.
 *
 * The document is walked once for each pass of an import and emits as it
 * goes: inputs, steps, signatures, golden rows.  Names become cell numbers
 * through one hash table.
 */

#ifndef MLOPS_RECIPE_H
#define MLOPS_RECIPE_H


#include "mlops_import_job.h"
#include "mlops_field.h"


/* What a small file may not make large. */
#define MLOPS_RECIPE_INPUTS      32767
#define MLOPS_RECIPE_SIGNATURES  64
#define MLOPS_RECIPE_ONE_HOT     1024
#define MLOPS_RECIPE_NAMED       4096
#define MLOPS_RECIPE_CODES       4096
#define MLOPS_RECIPE_GOLDEN      4194304    /* cells of all golden rows */
#define MLOPS_RECIPE_NESTED      4          /* recipes in recipes */


/* A name that steps can read. */

typedef struct {
    mlops_str_t            name;
    uint32_t               cell;        /* MLOPS_BUILDER_NEW: not yet */
    unsigned               computed:1;  /* by a step */
    const mlops_column_t  *column;      /* of an input, or NULL */
} mlops_recipe_name_t;


typedef struct {
    mlops_str_t   name;
    mlops_str_t  *names;                /* of the inputs in the recipe */
    uint32_t     *inputs;               /* elements of columns */
    uint32_t      inputs_n;
} mlops_recipe_face_t;


typedef struct {
    mlops_import_job_t    *job;
    mlops_builder_t       *builder;
    mlops_field_t          field;

    mlops_recipe_name_t   *names;
    uint32_t               names_n;
    uint32_t              *slots;       /* name + 1, 0 is empty */
    uint32_t               mask;

    mlops_column_t        *columns;     /* inputs: cell i is columns[i] */
    uint32_t               columns_n;

    mlops_recipe_face_t   *faces;
    uint32_t               faces_n;
    const mlops_doc_t     *signatures;

    mlops_import_text_t    models;      /* facts of embedded files */
    uint32_t               nested;      /* recipes around this one, */
    const char            *where;       /* and its file; else NULL */
} mlops_recipe_t;


/* A step while it is read. */

typedef struct {
    const mlops_doc_t  *doc;
    uint32_t           *in;
    uint32_t            in_n;
    uint32_t            out;            /* for the builder */
    uint32_t            out_n;
    uint32_t            flags;
} mlops_recipe_step_t;


/* Every key of an object has to be among keys (ended by NULL); "comment" is
 * always.  The error names the closest one. */
int mlops_recipe_keys(mlops_recipe_t *recipe, const mlops_doc_t *object,
    const char *const *keys, const char *const *more);

/* The name for a text, or NULL; with an error at the field's path. */
mlops_recipe_name_t *mlops_recipe_find(mlops_recipe_t *recipe,
    const char *name, size_t len);
mlops_recipe_name_t *mlops_recipe_name(mlops_recipe_t *recipe,
    const mlops_doc_t *doc);
/* Adds one; the table has room for all that the document can name. */
int mlops_recipe_add(mlops_recipe_t *recipe, const mlops_str_t *name,
    uint32_t cell, const mlops_column_t *column);
/* "expected …, got …; did you mean …?": one of list (ended by NULL), or of
 * the names of cells where list is NULL. */
int mlops_recipe_suggest(mlops_recipe_t *recipe, const mlops_str_t *got,
    const char *expected, const char *const *list);

/*
 * n numbers at key: a number for all, or a list of n; null is NaN where
 * missing is set.  Where there is no key, *values is NULL, or an error if
 * required.  _value takes the document itself.
 */
#define MLOPS_RECIPE_REQUIRED  0x01
#define MLOPS_RECIPE_MISSING   0x02

int mlops_recipe_numbers(mlops_recipe_t *recipe, const mlops_doc_t *object,
    const char *key, uint32_t n, unsigned flags, double **values);
int mlops_recipe_numbers_of(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    uint32_t n, unsigned flags, double *values);
/* The word at key, its place in list (ended by NULL); dflt -1: required. */
int mlops_recipe_word(mlops_recipe_t *recipe, const mlops_doc_t *object,
    const char *key, const char *const *list, int dflt, int *word);
int mlops_recipe_flag(mlops_recipe_t *recipe, const mlops_doc_t *object,
    const char *key, int *flag);

/* A value of a column's type: cell, or text for strings. */
int mlops_recipe_value(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    mlops_type_t type, mlops_cell_t *cell, mlops_str_t *text);

/* An input's object. */
int mlops_recipe_column(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    mlops_column_t *column);

/* The list "steps"; one of them. */
int mlops_recipe_steps(mlops_recipe_t *recipe, const mlops_doc_t *doc);
int mlops_recipe_step(mlops_recipe_t *recipe, const mlops_doc_t *doc);
/* Room for n names. */
int mlops_recipe_room(mlops_recipe_t *recipe, size_t n);
/* Kinds with files of their own. */
int mlops_recipe_trees(mlops_recipe_t *recipe, mlops_recipe_step_t *step,
    uint32_t *cell);
int mlops_recipe_map(mlops_recipe_t *recipe, mlops_recipe_step_t *step,
    uint32_t *cell);
int mlops_recipe_one_hot(mlops_recipe_t *recipe, mlops_recipe_step_t *step,
    uint32_t *cell);
int mlops_recipe_model(mlops_recipe_t *recipe, const mlops_doc_t *doc);
/* MLOPS_OK unless cell is the builder's error, which is told. */
int mlops_recipe_built(mlops_recipe_t *recipe, uint32_t cell);
/* Gives the cells from cell on the names of the list at key: an input among
 * them is computed by that. */
int mlops_recipe_outputs(mlops_recipe_t *recipe, const mlops_doc_t *object,
    const char *key, uint32_t cell, uint32_t n);

int mlops_recipe_golden(mlops_recipe_t *recipe, const mlops_doc_t *doc);

/* How many names a document can hold; an input, an output of a signature. */
size_t mlops_recipe_names(const mlops_doc_t *doc);
int mlops_recipe_column(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    mlops_column_t *column);
int mlops_recipe_output(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    mlops_builder_output_t *output);

/* The recipe doc, read from the file where, as the model of a step. */
int mlops_recipe_inner(mlops_recipe_t *recipe, const mlops_doc_t *step,
    const mlops_doc_t *doc, const char *where);


#endif /* MLOPS_RECIPE_H */
