/*
 * Sizes and times, as nginx writes them.
 */

#include "mlops_plan.h"


static const char *mlops_plan_digits(const char *p, const char *end,
    uint64_t *n);


/* Digits and one of k, m, g. */

int
mlops_plan_size(const mlops_str_t *text, uint64_t *bytes)
{
    uint64_t     n, unit;
    const char  *p, *end;

    p = text->data;
    end = text->data + text->len;

    p = mlops_plan_digits(p, end, &n);

    if (p == NULL) {
        return MLOPS_ERROR;
    }

    unit = 1;

    if (p < end) {

        switch (*p++ | 0x20) {

        case 'k':
            unit = 1024;
            break;

        case 'm':
            unit = 1024 * 1024;
            break;

        case 'g':
            unit = 1024 * 1024 * 1024;
            break;

        default:
            return MLOPS_ERROR;
        }
    }

    if (p != end || n > INT64_MAX / unit) {
        return MLOPS_ERROR;
    }

    *bytes = n * unit;

    return MLOPS_OK;
}


/*
 * Parts from the largest unit to the smallest, each unit at most once: "1d
 * 2h30m", "300ms"; a bare number is seconds and stands last.  "M" is a month
 * of 30 days, "m" a minute.
 */

int
mlops_plan_time(const mlops_str_t *text, uint64_t *ms)
{
    size_t       i, next;
    uint64_t     n, total;
    const char  *p, *end;

    static const struct {
        const char  *name;
        size_t       len;
        uint64_t     ms;
    } units[] = {
        { "y", 1, 365ull * 86400 * 1000 },
        { "M", 1, 30ull * 86400 * 1000 },
        { "w", 1, 7ull * 86400 * 1000 },
        { "d", 1, 86400ull * 1000 },
        { "h", 1, 3600ull * 1000 },
        { "ms", 2, 1 },             /* before "m", which begins it */
        { "m", 1, 60ull * 1000 },
        { "s", 1, 1000 }
    };

    /* from the largest to the smallest */
    static const unsigned char  order[mlops_nitems(units)] = {
        0, 1, 2, 3, 4, 7, 5, 6
    };

    p = text->data;
    end = text->data + text->len;
    total = 0;
    next = 0;

    do {
        p = mlops_plan_digits(p, end, &n);

        if (p == NULL) {
            return MLOPS_ERROR;
        }

        if (p == end || *p == ' ') {
            i = mlops_nitems(units) - 1;            /* seconds */

            if (next > order[i] || p != end) {
                return MLOPS_ERROR;
            }

            next = mlops_nitems(units);

        } else {

            for (i = 0; i < mlops_nitems(units); i++) {
                if ((size_t) (end - p) >= units[i].len
                    && memcmp(p, units[i].name, units[i].len) == 0)
                {
                    break;
                }
            }

            if (i == mlops_nitems(units) || order[i] < next) {
                return MLOPS_ERROR;
            }

            next = order[i] + 1;
            p += units[i].len;
        }

        if (n > (INT64_MAX - total) / units[i].ms) {
            return MLOPS_ERROR;
        }

        total += n * units[i].ms;

        while (p < end && *p == ' ') {
            p++;
        }

    } while (p < end);

    *ms = total;

    return MLOPS_OK;
}


static const char *
mlops_plan_digits(const char *p, const char *end, uint64_t *n)
{
    if (p == end || *p < '0' || *p > '9') {
        return NULL;
    }

    for (*n = 0; p < end && *p >= '0' && *p <= '9'; p++) {

        if (*n > (uint64_t) INT64_MAX / 10 - 1) {
            return NULL;
        }

        *n = *n * 10 + (*p - '0');
    }

    return p;
}
