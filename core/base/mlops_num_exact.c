/*
 * Exact comparison of a decimal text with a binary number, on integers of
 * a fixed size.
 *
 * The middle between two doubles has at most 767 significant digits, so
 * that what follows the 768th digit matters only by being zero or not: it is
 * replaced by one digit 1.  Then D < 10^769, and where exp10 is negative,
 * exp10 >= -324 - 769.  Both sides are scaled to integers:
 *
 *     exp10 >= 0:  D * 5^exp10 * 2^exp10          with  m * 2^exp2
 *     exp10 <  0:  D                              with  m * 2^exp2
 *                                                       * 5^n * 2^n
 *
 * with n = -exp10, and a negative power of two moves to the other side.  The
 * sides being within a factor of two, neither passes 2700 bits.
 */

#include "mlops_num_exact.h"


#define MLOPS_BIG_LIMBS   48            /* 3072 bits */
#define MLOPS_BIG_DIGITS  768
#define MLOPS_POW5_27     7450580596923828125ull


typedef struct {
    int       n;                        /* limbs in use, the last not 0 */
    uint64_t  limb[MLOPS_BIG_LIMBS];    /* lowest first */
} mlops_big_t;


static void mlops_big_muladd(mlops_big_t *b, uint64_t mul, uint64_t add);
static void mlops_big_pow5(mlops_big_t *b, int64_t n);
static void mlops_big_shift(mlops_big_t *b, int64_t bits);
static int mlops_big_cmp(const mlops_big_t *a, const mlops_big_t *b);
static int64_t mlops_big_digits(mlops_big_t *b, const char *first,
    const char *last);


int
mlops_num_compare(const char *first, const char *last, int64_t exp10,
    uint64_t m, int exp2)
{
    int64_t      shift;
    mlops_big_t  decimal, binary;

    exp10 += mlops_big_digits(&decimal, first, last);

    binary.n = 1;
    binary.limb[0] = m;

    if (exp10 >= 0) {
        mlops_big_pow5(&decimal, exp10);

    } else {
        mlops_big_pow5(&binary, -exp10);
    }

    shift = exp10 - exp2;

    if (shift >= 0) {
        mlops_big_shift(&decimal, shift);

    } else {
        mlops_big_shift(&binary, -shift);
    }

    return mlops_big_cmp(&decimal, &binary);
}


/* Returns how many digits were left out. */

static int64_t
mlops_big_digits(mlops_big_t *b, const char *first, const char *last)
{
    int          rest;
    int64_t      used, left_out;
    const char  *p;

    b->n = 0;
    used = 0;
    left_out = 0;
    rest = 0;

    for (p = first; p < last; p++) {

        if (*p == '.') {
            continue;
        }

        if (used < MLOPS_BIG_DIGITS) {
            mlops_big_muladd(b, 10, (uint64_t) (*p - '0'));
            used++;
            continue;
        }

        left_out++;
        rest |= (*p != '0');
    }

    if (rest) {
        mlops_big_muladd(b, 10, 1);
        left_out--;
    }

    return left_out;
}


static void
mlops_big_muladd(mlops_big_t *b, uint64_t mul, uint64_t add)
{
    int                i;
    unsigned __int128  x;

    for (i = 0; i < b->n; i++) {
        x = (unsigned __int128) b->limb[i] * mul + add;
        b->limb[i] = (uint64_t) x;
        add = (uint64_t) (x >> 64);
    }

    if (add != 0 && b->n < MLOPS_BIG_LIMBS) {
        b->limb[b->n++] = add;
    }
}


static void
mlops_big_pow5(mlops_big_t *b, int64_t n)
{
    uint64_t  mul;

    for ( /* void */ ; n >= 27; n -= 27) {
        mlops_big_muladd(b, MLOPS_POW5_27, 0);
    }

    for (mul = 1; n > 0; n--) {
        mul *= 5;
    }

    mlops_big_muladd(b, mul, 0);
}


static void
mlops_big_shift(mlops_big_t *b, int64_t bits)
{
    int  i, limbs;

    mlops_big_muladd(b, 1ull << (bits % 64), 0);

    limbs = (int) (bits / 64);

    if (limbs == 0 || b->n + limbs > MLOPS_BIG_LIMBS) {
        return;
    }

    for (i = b->n - 1; i >= 0; i--) {
        b->limb[i + limbs] = b->limb[i];
    }

    memset(b->limb, 0, (size_t) limbs * sizeof(uint64_t));
    b->n += limbs;
}


static int
mlops_big_cmp(const mlops_big_t *a, const mlops_big_t *b)
{
    int  i;

    if (a->n != b->n) {
        return (a->n < b->n) ? -1 : 1;
    }

    for (i = a->n - 1; i >= 0; i--) {

        if (a->limb[i] != b->limb[i]) {
            return (a->limb[i] < b->limb[i]) ? -1 : 1;
        }
    }

    return 0;
}
