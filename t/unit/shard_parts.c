/*
 * The parts of a shard, each against a plain list: index and order of use,
 * calendar, duplicates.
 */

#include "unit.h"
#include "mlops_calendar.h"
#include "mlops_dedupe.h"
#include "mlops_entities.h"


#define N  500


/* Hashes that collide a lot: the low half has 16 values. */

static uint64_t
bad_hash(uint64_t id)
{
    return id << 40 | (id % 16) << 27;
}


static mlops_key_t
number(uint64_t id)
{
    mlops_key_t  key;

    memset(&key, 0, sizeof(key));
    key.number = (int64_t) id;

    return key;
}


static void
test_entities(void **state)
{
    int               there[N], bad;
    uint32_t          i, n, got, rows[N], order[N], k;
    uint64_t          seed, id, used[N], clock, hash;
    mlops_err_t       err;
    mlops_key_t       key;
    mlops_entities_t  e;

    (void) state;

    for (bad = 0; bad < 2; bad++) {
        assert_int_equal(mlops_entities_init(&e, MLOPS_TYPE_INT64, 8,
                                             N / 2, &err), MLOPS_OK);
        memset(there, 0, sizeof(there));
        seed = 17;
        clock = 0;
        n = 0;

        for (i = 0; i < 30000; i++) {
            id = unit_random(&seed) % N;
            key = number(id);
            hash = bad ? bad_hash(id) : unit_random(&id);
            id = (uint64_t) key.number;

            got = mlops_entities_find(&e, &key, hash);
            assert_int_equal(got != MLOPS_ENTITY_NONE, there[id]);

            if (there[id]) {
                assert_int_equal(got, rows[id]);
                mlops_entities_key(&e, got, &key);
                assert_true((uint64_t) key.number == id);
            }

            switch (unit_random(&seed) % 3) {

            case 0:
                if (there[id]) {
                    mlops_entities_remove(&e, got);
                    there[id] = 0;
                    n--;
                }

                break;

            case 1:
                if (there[id]) {
                    mlops_entities_use(&e, got);
                    used[id] = ++clock;
                }

                break;

            default:
                if (!there[id]) {
                    got = mlops_entities_add(&e, &key, hash);

                    if (n == N / 2) {
                        assert_true(got == MLOPS_ENTITY_NONE);
                        break;
                    }

                    assert_true(got != MLOPS_ENTITY_NONE);
                    mlops_entity(&e, got)->used = 1;
                    there[id] = 1;
                    rows[id] = got;
                    used[id] = ++clock;
                    n++;
                }
            }

            assert_int_equal(e.n, n);

            if (i % 1000 != 0) {
                continue;
            }

            /* the order, from the oldest on */

            k = 0;

            for (got = e.oldest; got != MLOPS_ENTITY_NONE;
                 got = e.links[got].newer)
            {
                mlops_entities_key(&e, got, &key);
                order[k++] = (uint32_t) key.number;
            }

            assert_int_equal(k, n);

            while (k-- > 1) {
                assert_true(used[order[k - 1]] < used[order[k]]);
            }
        }

        mlops_entities_destroy(&e);
    }
}


static void
test_texts(void **state)
{
    char              text[32];
    uint32_t          i, got[40];
    uint64_t          hash;
    mlops_err_t       err;
    mlops_key_t       key;
    mlops_entities_t  e;

    (void) state;

    assert_int_equal(mlops_entities_init(&e, MLOPS_TYPE_BYTES, 20, 20, &err),
                     MLOPS_OK);

    for (i = 0; i < 20; i++) {
        memset(&key, 0, sizeof(key));
        memset(text, 'x', sizeof(text));
        key.text.data = text;
        key.text.len = i + 1;
        hash = mlops_key_hash(MLOPS_TYPE_BYTES, &key);
        got[i] = mlops_entities_add(&e, &key, hash);
        assert_true(mlops_entities_find(&e, &key, hash) == got[i]);

        /* the same hash is not the same key */

        key.text.len = (i + 1) % 20 + 1;
        assert_true(mlops_entities_find(&e, &key, hash)
                    == MLOPS_ENTITY_NONE);
    }

    for (i = 0; i < 20; i++) {
        mlops_entities_key(&e, got[i], &key);
        assert_int_equal(key.text.len, i + 1);
        assert_memory_equal(key.text.data, text, i + 1);
    }

    mlops_entities_destroy(&e);
}


/* Times of all sizes; a place may say less than what was wanted, never
 * more. */

static void
test_calendar(void **state)
{
    int                      filed[N];
    int64_t                  at[N], now, least, next, step;
    uint32_t                 i, k, steps, round;
    uint64_t                 seed;
    mlops_calendar_t         c;
    mlops_calendar_place_t   places[N];

    (void) state;

    for (round = 0; round < 20; round++) {
        memset(places, 0, sizeof(places));
        memset(filed, 0, sizeof(filed));
        mlops_calendar_init(&c);
        assert_true(mlops_calendar_next(&c) == INT64_MAX);

        seed = 3 + round;
        now = (round % 2) ? -1000000 : 1700000000000000;
        step = (int64_t) 1 << (round * 2);

        for (i = 0; i < 5000; i++) {
            k = (uint32_t) (unit_random(&seed) % N);

            if (unit_random(&seed) % 4 == 0) {
                mlops_calendar_strike(&c, places, k);
                filed[k] = 0;

            } else {
                least = now + 1 + (int64_t) (unit_random(&seed)
                                             % (uint64_t) (step * 20));

                if (!filed[k] || least < at[k]) {
                    at[k] = least;
                }

                filed[k] = 1;

                /* the first ones of some are filed before there is a clock */

                mlops_calendar_file(&c, places, k, least,
                                    (i < 20 && round % 4 < 2) ? INT64_MIN
                                                              : now);
            }

            if (i < 30 || unit_random(&seed) % 8 != 0) {
                continue;
            }

            now += (int64_t) (unit_random(&seed) % (uint64_t) step);
            steps = (unit_random(&seed) & 1) ? 3 : UINT32_MAX;

            while ((k = mlops_calendar_due(&c, places, now, &steps))
                   < MLOPS_CALENDAR_MORE)
            {
                assert_true(filed[k] && at[k] <= now);
                filed[k] = 0;
            }

            least = INT64_MAX;

            for (k = 0; k < N; k++) {
                if (filed[k] && at[k] < least) {
                    least = at[k];
                }
            }

            next = mlops_calendar_next(&c);
            assert_true(next <= least);

            if (steps > 0) {
                assert_true(least > now);
            }

            if (least == INT64_MAX) {
                assert_true(next == INT64_MAX);
            }
        }
    }
}


static void
test_dedupe(void **state)
{
    int              seen, expected;
    int64_t          ts, now;
    uint32_t         i;
    uint64_t         seed, k, n, field;
    mlops_err_t      err;
    mlops_dedupe_t   d;

    static struct {
        uint64_t     field;
        int64_t      ts;
    } list[20000];

    (void) state;

    assert_int_equal(mlops_dedupe_init(&d, 64, 100, 30, &err), MLOPS_OK);
    seed = 5;
    now = 1000;
    n = 0;

    for (i = 0; i < 20000; i++) {
        now += (int64_t) (unit_random(&seed) % 10);
        ts = now - (int64_t) (unit_random(&seed) % 30);
        field = unit_random(&seed) % 40;

        while (d.head != d.tail
               && mlops_dedupe_dead(&d, mlops_dedupe_entry(&d, d.head), now))
        {
            mlops_dedupe_pop(&d);
        }

        if (mlops_dedupe_full(&d)) {
            mlops_dedupe_pop(&d);
        }

        /* what the ring has: the last ones */

        expected = 0;

        for (k = d.head; k != d.tail; k++) {
            if (list[k].field == field && list[k].ts >= ts - 100
                && list[k].ts <= ts + 100)
            {
                expected = 1;
            }
        }

        seen = mlops_dedupe_seen(&d, 7, field, ts);
        assert_int_equal(seen, expected);

        if (!seen) {
            assert_true(n == d.tail);
            list[n].field = field;
            list[n].ts = ts;
            n++;
            mlops_dedupe_add(&d, 7, field, ts, 0);
        }
    }

    assert_true(n > 1000);

    mlops_dedupe_release(&d, 0);

    for (field = 0; field < 40; field++) {
        assert_false(mlops_dedupe_seen(&d, 7, field, now));
    }

    while (d.head != d.tail) {
        mlops_dedupe_pop(&d);
    }

    mlops_dedupe_destroy(&d);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_entities),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_calendar),
        cmocka_unit_test(test_dedupe)
    };

    return unit_run(tests);
}
