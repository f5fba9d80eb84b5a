/*
 * A whole JSON document as a tree, read by yajl: configuration, recipes,
 * model files; never the request path.
 *
 * Each call takes a fresh yajl handle, accepts exactly one top-level value,
 * and receives numbers as text (yajl_number), so that no locale and no
 * integer width gets between the file and us.  Trees of other encodings
 * (UBJSON) are built by their readers from the same nodes.
 */

#ifndef MLOPS_DOC_H
#define MLOPS_DOC_H


#include "mlops_base.h"


typedef enum {
    MLOPS_DOC_NULL = 0,
    MLOPS_DOC_BOOL,
    MLOPS_DOC_NUMBER,       /* text */
    MLOPS_DOC_STRING,       /* text, unescaped */
    MLOPS_DOC_ARRAY,
    MLOPS_DOC_OBJECT,
    MLOPS_DOC_NUMBERS,      /* packed: an array of numbers without child */
    MLOPS_DOC_FLOATS,       /* nodes, as its text, or as values where it */
    MLOPS_DOC_INTS          /* arrived in binary form */
} mlops_doc_type_t;


typedef struct mlops_doc_s  mlops_doc_t;

struct mlops_doc_s {
    mlops_doc_type_t    type;
    uint32_t            n;          /* children, or packed elements */
    mlops_str_t         key;        /* in an object */
    mlops_doc_t        *next;       /* sibling */

    union {
        int             boolean;
        mlops_str_t     text;       /* NUMBERS: between the brackets */
        mlops_doc_t    *child;      /* the first */
        double         *floats;     /* FLOATS; float32 sources widened */
        int64_t        *ints;
    } v;
};


#define MLOPS_DOC_TOKENS  0x01      /* allow NaN, Infinity, -Infinity: such a
                                     * number has that text */
#define MLOPS_DOC_PACK    0x02      /* arrays of numbers alone, of at least
                                     * one, become NUMBERS */

/* The tree lives in the arena, and the text of strings and numbers with it;
 * that of NUMBERS stays where it is in data, which then outlives the tree.
 * Depth is at most 512.  Duplicate keys are refused.  The error has line and
 * column. */
mlops_doc_t *mlops_doc_parse(const char *data, size_t len, uint32_t flags,
    mlops_arena_t *arena, mlops_err_t *err);

/* The element of an ARRAY, OBJECT or NUMBERS behind the one before (NULL: the
 * first); NULL at the end.  One of NUMBERS is put together in *room, which
 * before may point to. */
const mlops_doc_t *mlops_doc_next(const mlops_doc_t *array,
    const mlops_doc_t *before, mlops_doc_t *room);

/* Is a key of the object there twice?  1: *key is; 0: none; MLOPS_ERROR: out
 * of memory. */
int mlops_doc_repeated(const mlops_doc_t *object, mlops_str_t *key);

/* Makes ARRAYs of all packed ones, from the root down. */
int mlops_doc_unpack(mlops_doc_t *doc, mlops_arena_t *arena,
    mlops_err_t *err);

/* Writes the text that a number node has for a double: at most
 * MLOPS_DOUBLE_LEN bytes, the end is returned, no NUL is promised. */
char *mlops_doc_print(char *p, double value);

/* The member of an object, or NULL (also where doc is NULL or no object). */
mlops_doc_t *mlops_doc_get(const mlops_doc_t *doc, const char *key);

const char *mlops_doc_type_name(const mlops_doc_t *doc);

/* A number's value, exactly rounded; MLOPS_ERROR where it is none, or is too
 * large for the type.  mlops_doc_int takes digits only: no 1.0, no 1e3. */
int mlops_doc_double(const mlops_doc_t *doc, double *value);
int mlops_doc_float(const mlops_doc_t *doc, float *value);
int mlops_doc_int(const mlops_doc_t *doc, int64_t *value);


#endif /* MLOPS_DOC_H */
