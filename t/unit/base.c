/*
 * Error texts and the arena.
 */

#include "unit.h"
#include "mlops_base.h"


typedef struct {
    int      calls;
    int      fail;          /* refuse everything */
    int      skew;          /* give memory that is aligned to 8 bytes only */
    size_t   used;
    char    *memory;
} pool_t;


#define POOL_SIZE  262144


static void *
pool_alloc(void *ctx, size_t size)
{
    char    *p;
    pool_t  *pool;

    pool = ctx;
    pool->calls++;

    if (pool->fail || size > POOL_SIZE - 64 - pool->used) {
        return NULL;
    }

    p = pool->memory + pool->used + (pool->skew ? 8 : 0);
    pool->used += mlops_align(size, 16) + 16;

    return p;
}


static void
test_err_set(void **unused)
{
    mlops_err_t  err;

    (void) unused;

    assert_int_equal(mlops_err_set(&err, "%s.%s: expected %s, got %d",
                                   "housing", "rooms", "a number", 7),
                     MLOPS_ERROR);
    assert_string_equal(err.text, "housing.rooms: expected a number, got 7");

    assert_int_equal(mlops_err_set(NULL, "nobody listens"), MLOPS_ERROR);

    mlops_err_set(&err, "a%sb", "\r\n\t\x01\x1f\x7f");
    assert_string_equal(err.text, "a??????b");

    mlops_err_set(&err, "%s", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_string_equal(err.text, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");

    mlops_err_set(&err, "%s", "");
    assert_string_equal(err.text, "");
}


static void
test_err_prefix(void **unused)
{
    char         line[2 * MLOPS_ERR_SIZE];
    mlops_err_t  err;

    (void) unused;

    mlops_err_set(&err, "inner");
    assert_int_equal(mlops_err_prefix(&err, "line %d", 3), MLOPS_ERROR);
    assert_string_equal(err.text, "line 3: inner");

    assert_int_equal(mlops_err_prefix(&err, "a\nb"), MLOPS_ERROR);
    assert_string_equal(err.text, "a?b: line 3: inner");

    assert_int_equal(mlops_err_prefix(NULL, "x"), MLOPS_ERROR);

    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 1] = '\0';

    mlops_err_set(&err, "inner");
    mlops_err_prefix(&err, "%s", line);

    assert_int_equal(strlen(err.text), MLOPS_ERR_SIZE - 1);
    assert_int_equal(err.text[MLOPS_ERR_SIZE - 2], 'x');

    mlops_err_set(&err, "%s", line);
    mlops_err_prefix(&err, "file");
    assert_int_equal(strlen(err.text), MLOPS_ERR_SIZE - 1);
    assert_memory_equal(err.text, "file: xxx", 9);
}


/* 1 where the text ends between two characters. */

static int
whole_utf8(const char *text)
{
    int                   n;
    const unsigned char  *p;

    for (p = (const unsigned char *) text; *p != '\0'; p += n) {
        n = (*p >= 0xf0) ? 4 : (*p >= 0xe0) ? 3 : (*p >= 0xc0) ? 2 : 1;

        if (strnlen((const char *) p, (size_t) n) < (size_t) n) {
            return 0;
        }
    }

    return 1;
}


/* A text that does not fit is cut before a character, never within one. */

static void
test_err_cut(void **unused)
{
    char         line[2 * MLOPS_ERR_SIZE];
    size_t       i, k, n, lead;
    mlops_err_t  err;

    static const char *const  chars[] = {
        "x", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"
    };

    (void) unused;

    for (i = 0; i < mlops_nitems(chars); i++) {
        n = strlen(chars[i]);

        for (lead = 0; lead < 4; lead++) {
            memset(line, '.', lead);

            for (k = lead; k + n < sizeof(line); k += n) {
                memcpy(line + k, chars[i], n);
            }

            line[k] = '\0';

            mlops_err_set(&err, "%s", line);

            assert_in_range(strlen(err.text), MLOPS_ERR_SIZE - n,
                            MLOPS_ERR_SIZE - 1);
            assert_true(whole_utf8(err.text));
            assert_memory_equal(err.text, line, strlen(err.text));

            mlops_err_prefix(&err, "where");

            assert_in_range(strlen(err.text), MLOPS_ERR_SIZE - n,
                            MLOPS_ERR_SIZE - 1);
            assert_true(whole_utf8(err.text));
        }
    }
}


static void
test_str(void **unused)
{
    mlops_str_t  s = mlops_str("name"), empty = mlops_null_str;

    (void) unused;

    assert_true(mlops_str_is(&s, "name"));
    assert_false(mlops_str_is(&s, "nam"));
    assert_false(mlops_str_is(&s, "names"));
    assert_false(mlops_str_is(&s, "nome"));
    assert_true(mlops_str_is(&empty, ""));
    assert_false(mlops_str_is(&empty, "a"));
}


/* Pieces of any size: aligned, apart from each other, and keeping what is
 * written until the end. */

static void
check_pieces(mlops_arena_t *arena)
{
    int             i, n;
    size_t          k, sizes[400];
    uint64_t        state;
    unsigned char  *p[400];

    state = 3;
    n = mlops_nitems(p);

    for (i = 0; i < n; i++) {
        sizes[i] = unit_random(&state) >> 40 & ((i % 40 == 7) ? 8191 : 127);
        p[i] = mlops_arena_alloc(arena, sizes[i]);

        assert_non_null(p[i]);
        assert_int_equal((uintptr_t) p[i] % 16, 0);

        memset(p[i], i & 0xff, sizes[i]);
    }

    for (i = 0; i < n; i++) {
        for (k = 0; k < sizes[i]; k++) {
            assert_int_equal(p[i][k], i & 0xff);
        }
    }
}


static void
test_arena(void **unused)
{
    char           *p, *q;
    mlops_arena_t   arena;

    (void) unused;

    mlops_arena_init(&arena, NULL, NULL);

    assert_int_equal(arena.total_bytes, 0);
    assert_non_null(mlops_arena_alloc(&arena, 0));

    check_pieces(&arena);

    /* what is large does not end the chunk in use */

    p = mlops_arena_alloc(&arena, 16);
    q = mlops_arena_alloc(&arena, 1 << 20);
    assert_non_null(q);
    memset(q, 1, 1 << 20);

    if (arena.end - arena.pos >= 16) {
        assert_ptr_equal(mlops_arena_alloc(&arena, 16), p + 16);
    }

    assert_true(arena.total_bytes > 1 << 20);

    mlops_arena_destroy(&arena);

    assert_int_equal(arena.total_bytes, 0);
    assert_non_null(mlops_arena_alloc(&arena, 1));

    mlops_arena_destroy(&arena);
    mlops_arena_destroy(&arena);
}


static void
test_arena_overflow(void **unused)
{
    size_t         i;
    mlops_arena_t  arena;

    (void) unused;

    mlops_arena_init(&arena, NULL, NULL);

    for (i = 0; i < 2; i++) {
        assert_null(mlops_arena_alloc(&arena, SIZE_MAX));
        assert_null(mlops_arena_alloc(&arena, SIZE_MAX - 14));
        assert_null(mlops_arena_alloc(&arena, (size_t) PTRDIFF_MAX));
        assert_null(mlops_arena_calloc(&arena, SIZE_MAX / 2, 3));
        assert_null(mlops_arena_calloc(&arena, SIZE_MAX, SIZE_MAX));
        assert_null(mlops_arena_calloc(&arena, (size_t) 1 << 32,
                                       (size_t) 1 << 32));
        assert_null(mlops_arena_copy(&arena, "x", SIZE_MAX));

        assert_non_null(mlops_arena_alloc(&arena, 100));
    }

    mlops_arena_destroy(&arena);
}


static void
test_arena_zeroes(void **unused)
{
    int             i, n;
    char           *p;
    mlops_arena_t   arena;

    (void) unused;

    mlops_arena_init(&arena, NULL, NULL);

    /* memory that was used before */

    memset(mlops_arena_alloc(&arena, 960), 0xee, 960);
    arena.pos -= 960;

    for (n = 0; n < 20; n++) {
        p = mlops_arena_calloc(&arena, (size_t) n, 7);
        assert_non_null(p);

        for (i = 0; i < 7 * n; i++) {
            assert_int_equal(p[i], 0);
        }
    }

    assert_non_null(mlops_arena_calloc(&arena, 3, 0));

    p = mlops_arena_copy(&arena, "abcdef", 4);
    assert_string_equal(p, "abcd");

    p = mlops_arena_copy(&arena, NULL, 0);
    assert_string_equal(p, "");

    mlops_arena_destroy(&arena);
}


/* An allocator with an owner: nothing is freed, an alignment of 8 bytes is
 * enough, and its refusal is passed on. */

static void
test_arena_custom(void **unused)
{
    int            calls;
    pool_t         pool;
    mlops_arena_t  arena;

    (void) unused;

    memset(&pool, 0, sizeof(pool));
    pool.memory = aligned_alloc(16, POOL_SIZE);
    assert_non_null(pool.memory);

    for (pool.skew = 0; pool.skew < 2; pool.skew++) {
        pool.used = 0;

        mlops_arena_init(&arena, pool_alloc, &pool);
        check_pieces(&arena);

        assert_true(arena.total_bytes <= pool.used);
        assert_null(arena.chunks);

        mlops_arena_destroy(&arena);
    }

    pool.used = 0;
    pool.fail = 0;
    mlops_arena_init(&arena, pool_alloc, &pool);

    assert_non_null(mlops_arena_alloc(&arena, 16));
    calls = pool.calls;
    pool.fail = 1;

    assert_non_null(mlops_arena_alloc(&arena, 16));
    assert_int_equal(pool.calls, calls);

    assert_null(mlops_arena_alloc(&arena, 100000));
    assert_null(mlops_arena_calloc(&arena, 1000, 100));
    assert_non_null(mlops_arena_alloc(&arena, 16));

    pool.fail = 0;
    assert_non_null(mlops_arena_alloc(&arena, 100000));

    free(pool.memory);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_err_set),
        cmocka_unit_test(test_err_prefix),
        cmocka_unit_test(test_err_cut),
        cmocka_unit_test(test_str),
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_arena_overflow),
        cmocka_unit_test(test_arena_zeroes),
        cmocka_unit_test(test_arena_custom)
    };

    return unit_run(tests);
}
