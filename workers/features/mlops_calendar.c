/*
 * The calendar of a partition: a radix heap.
 */

#include "mlops_calendar.h"


#define MLOPS_CALENDAR_FIRST  0x80000000u


static uint32_t mlops_calendar_bucket(const mlops_calendar_t *calendar,
    int64_t at);
static void mlops_calendar_push(mlops_calendar_t *calendar,
    mlops_calendar_place_t *places, uint32_t number, int64_t at);
static void mlops_calendar_empty(mlops_calendar_t *calendar,
    uint32_t bucket);


void
mlops_calendar_init(mlops_calendar_t *calendar)
{
    memset(calendar, 0, sizeof(*calendar));

    calendar->last = INT64_MIN;
}


void
mlops_calendar_file(mlops_calendar_t *calendar,
    mlops_calendar_place_t *places, uint32_t number, int64_t at, int64_t now)
{
    mlops_calendar_place_t  *place;

    place = &places[number];

    if (place->prev != 0) {

        if (place->at <= at) {
            return;
        }

        mlops_calendar_strike(calendar, places, number);
    }

    /* the first one decides where the heap begins: any time up to the clock
     * would do, one that is near makes few buckets.  What is filed before
     * there is a clock stands in buckets that last must not be moved under */

    if (calendar->last == INT64_MIN && calendar->filled == 0
        && calendar->heads[0] == 0)
    {
        calendar->last = now;
    }

    mlops_calendar_push(calendar, places, number,
                        at > calendar->last ? at : calendar->last);
}


/* The sign bit is no digit: bucket 64 is for times on both sides of 1970. */

static uint32_t
mlops_calendar_bucket(const mlops_calendar_t *calendar, int64_t at)
{
    uint64_t  differ;

    differ = (uint64_t) at ^ (uint64_t) calendar->last;

    return (differ == 0) ? 0 : 64 - (uint32_t) __builtin_clzll(differ);
}


static void
mlops_calendar_push(mlops_calendar_t *calendar,
    mlops_calendar_place_t *places, uint32_t number, int64_t at)
{
    uint32_t                 bucket, head;
    mlops_calendar_place_t  *place;

    bucket = mlops_calendar_bucket(calendar, at);
    head = calendar->heads[bucket];
    place = &places[number];

    place->at = at;
    place->next = head;
    place->prev = MLOPS_CALENDAR_FIRST | bucket;

    if (head != 0) {
        places[head - 1].prev = number + 1;
    }

    if (head == 0 || at < calendar->least[bucket]) {
        calendar->least[bucket] = at;
    }

    calendar->heads[bucket] = number + 1;

    if (bucket != 0) {
        calendar->filled |= (uint64_t) 1 << (bucket - 1);
    }
}


void
mlops_calendar_strike(mlops_calendar_t *calendar,
    mlops_calendar_place_t *places, uint32_t number)
{
    uint32_t                 bucket;
    mlops_calendar_place_t  *place;

    place = &places[number];

    if (place->prev == 0) {
        return;
    }

    if (place->next != 0) {
        places[place->next - 1].prev = place->prev;
    }

    if (place->prev & MLOPS_CALENDAR_FIRST) {
        bucket = place->prev & ~MLOPS_CALENDAR_FIRST;
        calendar->heads[bucket] = place->next;

        if (place->next == 0) {
            mlops_calendar_empty(calendar, bucket);
        }

    } else {
        places[place->prev - 1].next = place->next;
    }

    memset(place, 0, sizeof(*place));
}


static void
mlops_calendar_empty(mlops_calendar_t *calendar, uint32_t bucket)
{
    if (bucket != 0) {
        calendar->filled &= ~((uint64_t) 1 << (bucket - 1));
    }

    if (calendar->split == bucket) {
        calendar->split = 0;
    }
}


uint32_t
mlops_calendar_due(mlops_calendar_t *calendar,
    mlops_calendar_place_t *places, int64_t now, uint32_t *steps)
{
    int64_t   at;
    uint32_t  bucket, number;

    while (*steps > 0) {

        if (mlops_calendar_next(calendar) > now) {
            return MLOPS_CALENDAR_NONE;
        }

        (*steps)--;

        bucket = calendar->split;

        if (bucket == 0 && calendar->heads[0] == 0) {

            /* what was filed at least in this bucket shares its upper bits:
             * whether or not that entity is still there, last can be it */

            bucket = 1 + (uint32_t) __builtin_ctzll(calendar->filled);
            calendar->last = calendar->least[bucket];
            calendar->split = bucket;
        }

        number = calendar->heads[bucket] - 1;
        at = places[number].at;

        mlops_calendar_strike(calendar, places, number);

        if (at <= now) {
            return number;
        }

        mlops_calendar_push(calendar, places, number, at);
    }

    return (mlops_calendar_next(calendar) > now) ? MLOPS_CALENDAR_NONE
                                                 : MLOPS_CALENDAR_MORE;
}


int64_t
mlops_calendar_next(const mlops_calendar_t *calendar)
{
    if (calendar->split != 0 || calendar->heads[0] != 0) {
        return calendar->last;
    }

    if (calendar->filled == 0) {
        return INT64_MAX;
    }

    return calendar->least[1 + __builtin_ctzll(calendar->filled)];
}
