/*
 * Words without those that are zero: the bytes against a plain loop, and what
 * is cut or too much is refused.
 */

#include "unit.h"
#include "mlops_sparse.h"


#define WORDS  200


/* One byte after the other, as the header says. */

static size_t
plain(unsigned char *to, const uint64_t *words, uint32_t n)
{
    size_t    len;
    uint32_t  i, j, k;

    len = 0;

    for (i = 0; i < n; i += 64) {
        memset(to + len, 0, 8);

        for (j = i; j < n && j < i + 64; j++) {
            if (words[j] != 0) {
                to[len + (j - i) / 8] |= (unsigned char) (1 << (j - i) % 8);
            }
        }

        len += 8;

        for (j = i; j < n && j < i + 64; j++) {
            for (k = 0; words[j] != 0 && k < 8; k++) {
                to[len++] = (unsigned char) (words[j] >> (8 * k));
            }
        }
    }

    return len;
}


static size_t
written(uint64_t *to, const uint64_t *words, uint32_t n)
{
    size_t    len;
    uint32_t  i;

    len = 0;

    for (i = 0; i < n; i += 64) {
        len += mlops_sparse_write(to + len, words + i,
                                  n - i < 64 ? n - i : 64);
    }

    return len * 8;
}


static void
test_round_trip(void **state)
{
    size_t          len;
    uint32_t        i, n, one_in;
    uint64_t        seed, words[WORDS], got[WORDS + WORDS / 64 + 1];
    uint64_t        back[WORDS];
    unsigned char   want[sizeof(got)];

    (void) state;

    seed = 5;

    for (n = 1; n <= WORDS; n++) {
        for (one_in = 1; one_in < 40; one_in += 6) {

            for (i = 0; i < n; i++) {
                words[i] = unit_random(&seed) % one_in == 0
                           ? unit_random(&seed) | 1 : 0;
            }

            len = written(got, words, n);

            assert_int_equal(plain(want, words, n), len);
            assert_memory_equal(got, want, len);

            /* what follows is no part of it */

            assert_int_equal(mlops_sparse_len((char *) got, sizeof(got), n),
                             len);
            assert_int_equal(mlops_sparse_len((char *) got, len, n), len);

            memset(back, 0x55, sizeof(back));
            mlops_sparse_read(back, (char *) got, n);
            assert_memory_equal(back, words, n * sizeof(uint64_t));

            for (i = n; i < WORDS; i++) {
                assert_true(back[i] == 0x5555555555555555);
            }
        }
    }
}


static void
test_wrong(void **state)
{
    size_t     i, len;
    uint64_t   words[70], got[72];

    (void) state;

    for (i = 0; i < 70; i++) {
        words[i] = i % 3;
    }

    len = written(got, words, 70);

    for (i = 0; i < len; i++) {
        assert_int_equal(mlops_sparse_len((char *) got, i, 70), 0);
    }

    /* words 6 to 63 of the second group are none */

    len = written(got, words, 70);
    got[len / 8 - 5] |= 1 << 6;
    assert_int_equal(mlops_sparse_len((char *) got, sizeof(got), 70), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_wrong)
    };

    return unit_run(tests);
}
