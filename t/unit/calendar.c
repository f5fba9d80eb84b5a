/*
 * The calendar of a partition against a plain list: what is due at each
 * moment, what is next, whatever is filed and struck out before.
 */

#include "unit.h"
#include "mlops_calendar.h"


#define NUMBERS  200


typedef struct {
    mlops_calendar_t         calendar;
    mlops_calendar_place_t   places[NUMBERS];
    int64_t                  at[NUMBERS];       /* INT64_MAX: not filed */
} both_t;


static void
both_init(both_t *both)
{
    uint32_t  i;

    memset(both, 0, sizeof(*both));
    mlops_calendar_init(&both->calendar);

    for (i = 0; i < NUMBERS; i++) {
        both->at[i] = INT64_MAX;
    }
}


static void
both_file(both_t *both, uint32_t number, int64_t at, int64_t now)
{
    mlops_calendar_file(&both->calendar, both->places, number, at, now);

    if (at < both->at[number]) {
        both->at[number] = at;
    }
}


/* All that is due at now, in slices, and nothing else; the rest is due at
 * next or later. */

static void
both_due(both_t *both, int64_t now, uint32_t budget)
{
    int64_t   least;
    uint32_t  i, n, number, steps;

    for (n = 0; n < 1000000; n++) {
        steps = budget;
        number = mlops_calendar_due(&both->calendar, both->places, now,
                                    &steps);

        if (number == MLOPS_CALENDAR_NONE) {
            break;
        }

        if (number == MLOPS_CALENDAR_MORE) {
            continue;
        }

        unit_ok(both->at[number] <= now, "%u is due at %lld, not at %lld",
                (unsigned) number, (long long) both->at[number],
                (long long) now);
        both->at[number] = INT64_MAX;
    }

    least = INT64_MAX;

    for (i = 0; i < NUMBERS; i++) {
        unit_ok(both->at[i] > now, "%u was due at %lld, it is %lld",
                (unsigned) i, (long long) both->at[i], (long long) now);

        if (both->at[i] < least) {
            least = both->at[i];
        }
    }

    assert_true(mlops_calendar_next(&both->calendar) <= least);
    assert_true(mlops_calendar_next(&both->calendar) > now);
}


static void
run(uint64_t seed, int64_t now, int64_t pace, uint32_t budget)
{
    both_t    both;
    uint32_t  i, number;

    both_init(&both);

    for (i = 0; i < 20000; i++) {
        number = (uint32_t) (unit_random(&seed) % NUMBERS);

        switch (unit_random(&seed) % 4) {

        case 0:
            mlops_calendar_strike(&both.calendar, both.places, number);
            both.at[number] = INT64_MAX;
            break;

        case 1:
            now += (int64_t) (unit_random(&seed) % (uint64_t) pace);
            both_due(&both, now, budget);
            break;

        default:
            both_file(&both, number,
                      now + 1 + (int64_t) (unit_random(&seed)
                                           % (uint64_t) (pace * 20)), now);
        }
    }
}


static void
test_random(void **state)
{
    (void) state;

    run(1, 1700000000000000, 1000000, 3);
    run(2, 1700000000000000, 50, UINT32_MAX);
    run(3, 0, 100000000000, 7);
    run(4, -1000000, 300, 5);
}


/* The first ones are filed before the partition has a clock. */

static void
test_no_clock(void **state)
{
    both_t  both;

    (void) state;

    both_init(&both);

    both_file(&both, 0, 1700000000000000, INT64_MIN);
    both_file(&both, 1, 1800000000000000, INT64_MIN);
    both_file(&both, 2, 1790000000000000, 1600000000000000);
    both_file(&both, 3, 1690000000000000, 1600000000000000);

    assert_true(mlops_calendar_next(&both.calendar) <= 1690000000000000);

    both_due(&both, 1690000000000000, 4);
    both_due(&both, 1700000000000000, 4);
    both_due(&both, 1790000000000001, 4);
    both_due(&both, 1800000000000000, 4);

    assert_true(mlops_calendar_next(&both.calendar) == INT64_MAX);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_no_clock)
    };

    return unit_run(tests);
}
