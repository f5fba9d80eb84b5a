/*
 * Columns by name: what a training run knows of its rows, from the file and
 * from the steps it has evaluated.
 *
 * All columns have the same rows.  A column may be known by name alone: its
 * data are not there, because neither the file nor a step gave them, or are
 * no longer there, because nobody reads them any more.  Data belong to the
 * column (own) or to somebody who outlives it.
 */

#ifndef MLOPS_COLUMNS_H
#define MLOPS_COLUMNS_H


#include "mlops_base.h"
#include "mlops_field.h"
#include "mlops_matrix.h"
#include "mlops_row.h"


typedef struct {
    mlops_matrix_column_t   view;       /* data NULL: not there */
    void                   *own;        /* malloc'ed, or NULL */
    const mlops_column_t   *input;      /* of a recipe's input, or NULL */
    unsigned                computed:1; /* some step writes it */
    unsigned                kept:1;     /* not to be dropped */
    unsigned                tainted:1;  /* made from the target */
    unsigned                hidden:1;   /* in between: no wildcard means it */
} mlops_columns_one_t;


typedef struct {
    mlops_arena_t         *arena;
    uint64_t               rows_n;
    uint32_t               n;
    uint32_t               size;
    mlops_columns_one_t  **list;        /* in order of their birth */
    uint32_t              *slots;       /* number + 1, 0 is empty */
    uint32_t               mask;
} mlops_columns_t;


void mlops_columns_init(mlops_columns_t *columns, mlops_arena_t *arena,
    uint64_t rows_n);
/* Frees the data that columns own. */
void mlops_columns_free(mlops_columns_t *columns);

/* The column, or NULL. */
mlops_columns_one_t *mlops_columns_find(const mlops_columns_t *columns,
    const char *name, size_t len);
/* A new one without data, whose name is not taken; NULL: out of memory. */
mlops_columns_one_t *mlops_columns_add(mlops_columns_t *columns,
    const mlops_str_t *name);
/* Gives it data of its own: n doubles of each row.  NULL: out of memory. */
double *mlops_columns_room(mlops_columns_t *columns,
    mlops_columns_one_t *one);
/* Takes its data away, and frees what is its own. */
void mlops_columns_drop(mlops_columns_one_t *one);
/* Forgets all columns from number n on. */
void mlops_columns_cut(mlops_columns_t *columns, uint32_t n);

/* The column of a name in a document; NULL with an error at the field's path
 * ("expected …, got …; did you mean …?"). */
mlops_columns_one_t *mlops_columns_get(const mlops_columns_t *columns,
    mlops_field_t *field, const mlops_doc_t *name, const char *expected);


static inline double
mlops_columns_value(const mlops_columns_one_t *one, uint64_t row)
{
    return mlops_matrix_value(&one->view, row);
}


#endif /* MLOPS_COLUMNS_H */
