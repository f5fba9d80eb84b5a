/*
 * Typed access to a document tree, with the path in the file for errors:
 *
 *     learner.gradient_booster.model.trees[3].left_children[7]: expected a
 *     node number from 1 to 42, got 99
 *
 * A reader keeps one mlops_field_t; pushing a step of the path returns the
 * length to pop back to.  Arrays may be packed or not; what an array holds
 * is bounded by the file, what a number claims is never trusted.
 */

#ifndef MLOPS_FIELD_H
#define MLOPS_FIELD_H


#include "mlops_base.h"
#include "mlops_doc.h"


#define MLOPS_FIELD_PATH  240
#define MLOPS_FIELD_ANY   UINT32_MAX    /* of arrays: any number */


typedef struct {
    char            path[MLOPS_FIELD_PATH];
    size_t          path_len;
    mlops_arena_t  *arena;
    mlops_err_t    *err;
} mlops_field_t;


void mlops_field_init(mlops_field_t *field, mlops_arena_t *arena,
    mlops_err_t *err);

/* Appends ".key" (no dot at the root), or "[i]". */
size_t mlops_field_push(mlops_field_t *field, const char *key);
size_t mlops_field_push_i(mlops_field_t *field, uint64_t i);
void mlops_field_pop(mlops_field_t *field, size_t path_len);

/* "path: expected …, got …": got tells what doc is; NULL is nothing.
 * Returns MLOPS_ERROR. */
int mlops_field_fail(mlops_field_t *field, const mlops_doc_t *doc,
    const char *expected, ...) mlops_printf(3, 4);
/* "path: …" */
int mlops_field_error(mlops_field_t *field, const char *fmt, ...)
    mlops_printf(2, 3);
int mlops_field_memory(mlops_field_t *field);

/* The member key of an object; NULL with an error where it is missing or of
 * another type.  For the optional form a missing or null one is no error:
 * MLOPS_OK with *doc NULL. */
const mlops_doc_t *mlops_field_get(mlops_field_t *field,
    const mlops_doc_t *object, const char *key, mlops_doc_type_t type);
int mlops_field_find(mlops_field_t *field, const mlops_doc_t *object,
    const char *key, mlops_doc_type_t type, const mlops_doc_t **doc);

/* An integer lo <= value <= hi, as a number or as its text in a string.
 * A missing one is dflt; where dflt is below lo it is an error. */
int mlops_field_int(mlops_field_t *field, const mlops_doc_t *object,
    const char *key, int64_t lo, int64_t hi, int64_t dflt, int64_t *value);

/*
 * The array at key as C values, from the field's arena: *n of them, which
 * has to be want unless that is MLOPS_FIELD_ANY.  Booleans are 0 and 1.
 * Floats are rounded from the decimal once.
 */
int mlops_field_ints(mlops_field_t *field, const mlops_doc_t *object,
    const char *key, uint32_t want, int64_t **values, uint32_t *n);
int mlops_field_floats(mlops_field_t *field, const mlops_doc_t *object,
    const char *key, uint32_t want, float **values, uint32_t *n);

/* The strings of the list at key, from the field's arena: at least so many.
 * Without one there are none, and *strings is NULL. */
int mlops_field_strings(mlops_field_t *field, const mlops_doc_t *object,
    const char *key, uint32_t least, mlops_str_t **strings, uint32_t *n);

/* Is it an array, packed or not? */
int mlops_field_is_array(const mlops_doc_t *doc);

/* A finite number lo <= value <= hi.  A missing one is dflt; where that is
 * NaN it is an error. */
int mlops_field_number(mlops_field_t *field, const mlops_doc_t *object,
    const char *key, double lo, double hi, double dflt, double *value);
/* true or false; a missing one is false. */
int mlops_field_flag(mlops_field_t *field, const mlops_doc_t *object,
    const char *key, int *flag);

/* Every key of an object has to be among keys or more (ended by NULL; more
 * may be NULL); "comment" is always.  The error names the closest one. */
int mlops_field_keys(mlops_field_t *field, const mlops_doc_t *object,
    const char *const *keys, const char *const *more);
/* The word at key, its place in list (ended by NULL); dflt -1: required. */
int mlops_field_word(mlops_field_t *field, const mlops_doc_t *object,
    const char *key, const char *const *list, int dflt, int *word);
/* "expected …, got …; did you mean …?": the closest of n names. */
int mlops_field_suggest(mlops_field_t *field, const mlops_str_t *got,
    const char *expected, const mlops_str_t *names, uint32_t n);


#endif /* MLOPS_FIELD_H */
