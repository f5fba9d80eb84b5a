/*
 * XXH3 against its published values; the hash of names by its statistics.
 */

#include "unit.h"
#include "mlops_clock.h"
#include "mlops_hash.h"


#define BUFFER  2400


/* The buffer that xxHash's own sanity check hashes. */

static void
fill(unsigned char *p, size_t n)
{
    size_t    i;
    uint64_t  x;

    x = 2654435761u;

    for (i = 0; i < n; i++) {
        p[i] = (unsigned char) (x >> 56);
        x *= 11400714785074694797ull;
    }
}


/* From the table of XXH3_64bits in that check, release 0.8. */

static const struct {
    size_t    len;
    uint64_t  seed;
    uint64_t  hash;
} published[] = {
    {    0, 0, 0x2d06800538d394c2 },
    {    1, 0, 0xc44bdff4074eecdb },
    {    6, 0, 0x27b56a84cd2d7325 },
    {   12, 0, 0xa713daf0dfbb77e7 },
    {   24, 0, 0xa3fe70bf9d3510eb },
    {   48, 0, 0x397da259ecba1f11 },
    {   80, 0, 0xbcdefbbb2c47c90a },
    {  195, 0, 0xcd94217ee362ec3a },
    {  403, 0, 0xcdeb804d65c6dea4 },
    {  512, 0, 0x617e49599013cb6b },
    { 2048, 0, 0xdd59e2c3a5f038e0 },
    { 2240, 0, 0x6e73a90539cf2948 },
    { 2367, 0, 0xcb37aeb9e5d361ed },
    {    0, 11400714785074694797ull, 0xa8a6b918b2f0364a },
    {    1, 11400714785074694797ull, 0x032be332dd766ef8 },
    {    6, 11400714785074694797ull, 0x84589c116ab59ab9 },
    {   12, 11400714785074694797ull, 0xe7303e1b2336de0e },
    {   24, 11400714785074694797ull, 0x850e80fc35bdd690 },
    {   48, 11400714785074694797ull, 0xadc2cbaa44acc616 },
    {   80, 11400714785074694797ull, 0xc6dd0cb699532e73 },
    {  195, 11400714785074694797ull, 0xba68003d370cb3d9 }
};


static void
test_published(void **unused)
{
    size_t         i;
    uint64_t       got;
    unsigned char  data[BUFFER];

    (void) unused;

    fill(data, sizeof(data));

    for (i = 0; i < mlops_nitems(published); i++) {
        got = mlops_hash(data, published[i].len, published[i].seed);

        unit_ok(got == published[i].hash,
                "%zu bytes, seed %llx: expected %llx, got %llx",
                published[i].len, (unsigned long long) published[i].seed,
                (unsigned long long) published[i].hash,
                (unsigned long long) got);
    }

    assert_true(mlops_hash(NULL, 0, 0) == 0x2d06800538d394c2);
}


/* In pieces of any size, with values taken in between. */

static void
test_streaming(void **unused)
{
    size_t         i, len, pos;
    uint64_t       state;
    mlops_hash_t   h;
    unsigned char  data[BUFFER];

    (void) unused;

    fill(data, sizeof(data));
    state = 7;

    for (i = 0; i < mlops_nitems(published); i++) {

        mlops_hash_init(&h, published[i].seed);
        mlops_hash_update(&h, NULL, 0);

        for (pos = 0; pos < published[i].len; pos += len) {
            len = unit_random(&state) >> 40 & 511;

            if (len > published[i].len - pos) {
                len = published[i].len - pos;
            }

            mlops_hash_update(&h, data + pos, len);

            assert_true(mlops_hash_value(&h)
                        == mlops_hash(data, pos + len, published[i].seed));
        }

        assert_true(mlops_hash_value(&h) == published[i].hash);
    }
}


static int
compare(const void *a, const void *b)
{
    uint64_t  x, y;

    x = *(const uint64_t *) a;
    y = *(const uint64_t *) b;

    return (x > y) - (x < y);
}


/* No two of 200,000 similar names may collide: the odds are 1 in 10^9. */

static void
test_names_differ(void **unused)
{
    char       name[64];
    size_t     i, n;
    uint64_t  *h;

    (void) unused;

    n = 0;
    h = malloc(200000 * sizeof(uint64_t));
    assert_non_null(h);

    for (i = 0; i < 100000; i++) {
        h[n++] = mlops_hash_name(name, (size_t) sprintf(name, "%zu", i), 1);
        h[n++] = mlops_hash_name(name, (size_t) sprintf(name,
                                     "feature_%zu_mean_over_5m", i), 1);
    }

    qsort(h, n, sizeof(uint64_t), compare);

    for (i = 1; i < n; i++) {
        assert_true(h[i - 1] != h[i]);
    }

    free(h);

    /* zeros and length count */

    memset(name, 0, sizeof(name));

    for (i = 1; i < sizeof(name); i++) {
        assert_true(mlops_hash_name(name, i, 1)
                    != mlops_hash_name(name, i - 1, 1));
    }
}


/*
 * Each bit of name and seed turns each bit of the hash in about half of the
 * cases.  Of 4000 trials 2000 are expected; 250 is 8 standard deviations.
 */

static void
test_names_mix(void **unused)
{
    int       bit, i, k, n, turned[64];
    char      name[24];
    uint64_t  state, seed, x;

    static const int  lens[] = { 1, 3, 4, 7, 8, 9, 15, 16, 23 };

    (void) unused;

    state = 99;

    for (n = 0; n < (int) mlops_nitems(lens); n++) {

        for (bit = 0; bit < 8 * lens[n] + 64; bit += 5) {

            memset(turned, 0, sizeof(turned));

            for (i = 0; i < 4000; i++) {

                for (k = 0; k < lens[n]; k++) {
                    name[k] = (char) (unit_random(&state) >> 56);
                }

                seed = unit_random(&state);
                x = mlops_hash_name(name, (size_t) lens[n], seed);

                if (bit < 8 * lens[n]) {
                    name[bit / 8] ^= (char) (1 << bit % 8);

                } else {
                    seed ^= 1ull << (bit - 8 * lens[n]);
                }

                x ^= mlops_hash_name(name, (size_t) lens[n], seed);

                for (k = 0; k < 64; k++) {
                    turned[k] += (int) (x >> k & 1);
                }
            }

            for (k = 0; k < 64; k++) {
                unit_ok(abs(turned[k] - 2000) < 250,
                        "length %d: bit %d turns bit %d in %d of 4000",
                        lens[n], bit, k, turned[k]);
            }
        }
    }
}


static void
test_clocks(void **unused)
{
    time_t    before, after;
    int64_t   us, ms;
    uint64_t  a, b;

    (void) unused;

    a = mlops_clock_ns();
    usleep(2000);
    b = mlops_clock_ns();

    assert_true(b - a >= 2000000);

    /* time() is that of the last tick */

    before = time(NULL);
    us = mlops_wall_us();
    ms = mlops_wall_ms();
    after = time(NULL) + 1;

    assert_true(us / 1000000 >= before && us / 1000000 <= after);
    assert_true(ms >= us / 1000 && ms / 1000 <= after);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_streaming),
        cmocka_unit_test(test_names_differ),
        cmocka_unit_test(test_names_mix),
        cmocka_unit_test(test_clocks)
    };

    return unit_run(tests);
}
