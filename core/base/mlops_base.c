/*
 * Error texts and the arena.
 */

#include "mlops_base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>


#define MLOPS_CHUNK_SIZE  4000      /* fits a 4 KiB allocation */


struct mlops_chunk_s {
    mlops_chunk_t  *next;
    char           *unused;         /* keeps the data 16-byte aligned */
};


static void mlops_err_clean(char *text);


int
mlops_err_set(mlops_err_t *err, const char *fmt, ...)
{
    va_list  args;

    if (err == NULL) {
        return MLOPS_ERROR;
    }

    va_start(args, fmt);
    (void) vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);

    mlops_err_clean(err->text);

    return MLOPS_ERROR;
}


int
mlops_err_prefix(mlops_err_t *err, const char *fmt, ...)
{
    char     text[2 * MLOPS_ERR_SIZE + sizeof(": ")];
    size_t   len;
    va_list  args;

    if (err == NULL) {
        return MLOPS_ERROR;
    }

    va_start(args, fmt);
    (void) vsnprintf(text, MLOPS_ERR_SIZE, fmt, args);
    va_end(args);

    len = strlen(text);

    (void) snprintf(text + len, sizeof(text) - len, ": %s", err->text);

    text[MLOPS_ERR_SIZE - 1] = '\0';
    mlops_err_clean(text);

    memcpy(err->text, text, MLOPS_ERR_SIZE);

    return MLOPS_ERROR;
}


/* A cut may fall inside a UTF-8 sequence: the partial tail is dropped. */

static void
mlops_err_clean(char *text)
{
    size_t          i, len, need;
    unsigned char  *p;

    p = (unsigned char *) text;

    for (i = 0; p[i] != '\0'; i++) {
        if (p[i] < 0x20 || p[i] == 0x7f) {
            p[i] = '?';
        }
    }

    len = i;

    if (len != MLOPS_ERR_SIZE - 1) {
        return;
    }

    for (i = len; i > 0 && len - i < 4; i--) {

        if ((p[i - 1] & 0xc0) == 0x80) {
            continue;
        }

        need = (p[i - 1] >= 0xf0) ? 4 : (p[i - 1] >= 0xe0) ? 3
               : (p[i - 1] >= 0xc0) ? 2 : 1;

        if (len - (i - 1) < need) {
            p[i - 1] = '\0';
        }

        return;
    }
}


void
mlops_arena_init(mlops_arena_t *arena, mlops_alloc_pt alloc, void *ctx)
{
    memset(arena, 0, sizeof(*arena));

    arena->alloc = alloc;
    arena->ctx = ctx;
}


void
mlops_arena_destroy(mlops_arena_t *arena)
{
    mlops_chunk_t  *chunk, *next;

    for (chunk = arena->chunks; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }

    mlops_arena_init(arena, arena->alloc, arena->ctx);
}


void *
mlops_arena_slow(mlops_arena_t *arena, size_t size)
{
    char           *p;
    size_t          head, room;
    mlops_chunk_t  *chunk;

    if (size > PTRDIFF_MAX - 64) {
        return NULL;
    }

    size = mlops_align((size == 0) ? 1 : size, 16);
    head = (arena->alloc == NULL) ? sizeof(mlops_chunk_t) : 16;
    room = (size < MLOPS_CHUNK_SIZE / 4) ? MLOPS_CHUNK_SIZE : size;

    if (arena->alloc == NULL) {
        chunk = malloc(head + room);
        if (chunk == NULL) {
            return NULL;
        }

        chunk->next = arena->chunks;
        chunk->unused = NULL;
        arena->chunks = chunk;
        p = (char *) chunk + head;

    } else {
        p = arena->alloc(arena->ctx, head + room);
        if (p == NULL) {
            return NULL;
        }

        /* an nginx pool aligns to 8 bytes: the head makes up for it */

        p += -(uintptr_t) p & 15;
    }

    arena->total_bytes += head + room;

    /* what is larger than a chunk leaves the current chunk in use */

    if (room == MLOPS_CHUNK_SIZE) {
        arena->pos = p + size;
        arena->end = p + room;
    }

    return p;
}


void *
mlops_arena_calloc(mlops_arena_t *arena, size_t n, size_t size)
{
    void  *p;

    if (size != 0 && n > PTRDIFF_MAX / size) {
        return NULL;
    }

    p = mlops_arena_alloc(arena, n * size);

    if (p != NULL) {
        memset(p, 0, n * size);
    }

    return p;
}


char *
mlops_arena_copy(mlops_arena_t *arena, const char *data, size_t len)
{
    char  *p;

    if (len > PTRDIFF_MAX - 64) {
        return NULL;
    }

    p = mlops_arena_alloc(arena, len + 1);

    if (p != NULL) {
        if (len != 0) {
            memcpy(p, data, len);
        }

        p[len] = '\0';
    }

    return p;
}
