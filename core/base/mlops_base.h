/*
 * The ground everything stands on: result codes, string views, error texts,
 * and the arena.
 *
 * No part of core prints, exits or aborts.  A function that can fail returns
 * MLOPS_OK or MLOPS_ERROR and says why in the caller's mlops_err_t, in a
 * sentence a user can act on: what, where, expected, got.
 */

#ifndef MLOPS_BASE_H
#define MLOPS_BASE_H


#include <stddef.h>
#include <stdint.h>
#include <string.h>


#define MLOPS_OK        0
#define MLOPS_ERROR    -1
#define MLOPS_AGAIN    -2       /* call again: work is left */
#define MLOPS_LIMIT    -3       /* a configured limit was passed */
#define MLOPS_REFUSED  -4       /* the caller has not allowed it */

#define MLOPS_ERR_SIZE  512


/* A view of bytes that somebody else owns; not terminated. */

typedef struct {
    const char  *data;
    size_t       len;
} mlops_str_t;

#define mlops_str(literal)   { (literal), sizeof(literal) - 1 }
#define mlops_null_str       { NULL, 0 }

/* For "%.*s". */
#define mlops_fmt(s)         (int) (s)->len, (s)->data


typedef struct {
    char  text[MLOPS_ERR_SIZE];
} mlops_err_t;


#if (__GNUC__)
#define mlops_printf(f, a)  __attribute__((format(printf, f, a)))
#else
#define mlops_printf(f, a)
#endif

#define mlops_likely(x)    __builtin_expect(!!(x), 1)
#define mlops_unlikely(x)  __builtin_expect(!!(x), 0)

#define mlops_align(n, a)  (((n) + ((a) - 1)) & ~((size_t) (a) - 1))
#define mlops_nitems(x)    (sizeof(x) / sizeof((x)[0]))


/* Writes the text and returns MLOPS_ERROR, so that a failing function can end
 * with it.  Control bytes of user text are replaced by '?'; a text too long
 * is cut.  err may be NULL. */
int mlops_err_set(mlops_err_t *err, const char *fmt, ...) mlops_printf(2, 3);

/* Puts "prefix: " before the text that is there. Returns MLOPS_ERROR. */
int mlops_err_prefix(mlops_err_t *err, const char *fmt, ...)
    mlops_printf(2, 3);


static inline int
mlops_str_eq(const mlops_str_t *s, const char *data, size_t len)
{
    return s->len == len && (len == 0 || memcmp(s->data, data, len) == 0);
}

#define mlops_str_is(s, literal)                                              \
    mlops_str_eq(s, literal, sizeof(literal) - 1)


/*
 * The arena: memory that is given back all at once.
 *
 * It takes chunks from an allocator and cuts them.  With the default
 * allocator (malloc) the owner calls mlops_arena_destroy; with one that has
 * an owner of its own, such as an nginx request pool, nothing is to be freed.
 * Memory is 16-byte aligned and not zeroed (mlops_arena_calloc zeroes).
 * A size of 0 gives an address like any other.  All return NULL when memory
 * is out or the size overflows.
 */

typedef void *(*mlops_alloc_pt)(void *ctx, size_t size);

typedef struct mlops_chunk_s  mlops_chunk_t;

typedef struct {
    char            *pos;
    char            *end;
    mlops_chunk_t   *chunks;        /* only with the default allocator */
    mlops_alloc_pt   alloc;         /* NULL: malloc */
    void            *ctx;
    size_t           total_bytes;   /* asked of the allocator so far */
} mlops_arena_t;


void mlops_arena_init(mlops_arena_t *arena, mlops_alloc_pt alloc, void *ctx);
void mlops_arena_destroy(mlops_arena_t *arena);
void *mlops_arena_slow(mlops_arena_t *arena, size_t size);
void *mlops_arena_calloc(mlops_arena_t *arena, size_t n, size_t size);
/* A copy with a terminating NUL that len does not count. */
char *mlops_arena_copy(mlops_arena_t *arena, const char *data, size_t len);


static inline void *
mlops_arena_alloc(mlops_arena_t *arena, size_t size)
{
    char    *p;
    size_t   aligned;

    aligned = mlops_align(size, 16);

    /* 0, a size of nothing or one that overflowed, is slow too */

    if (mlops_likely(aligned - 1 < (size_t) (arena->end - arena->pos))) {
        p = arena->pos;
        arena->pos += aligned;
        return p;
    }

    return mlops_arena_slow(arena, size);
}


#endif /* MLOPS_BASE_H */
