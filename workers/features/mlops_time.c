/*
 * Times as text: RFC 3339, section 5.6, with a space allowed for the 'T'.
 */

#include "mlops_intake_event.h"


static const char *mlops_time_date(const char *p, const char *end,
    int64_t *days);
static const char *mlops_time_clock(const char *p, const char *end,
    int64_t *us);
static const char *mlops_time_offset(const char *p, const char *end,
    int64_t *us);


/* n digits; -1 where there are fewer. */

static inline int
mlops_time_digits(const char *p, const char *end, int n)
{
    int  i, value;

    if (end - p < n) {
        return -1;
    }

    value = 0;

    for (i = 0; i < n; i++) {

        if (p[i] < '0' || p[i] > '9') {
            return -1;
        }

        value = value * 10 + (p[i] - '0');
    }

    return value;
}


const char *
mlops_time_parse(const char *p, const char *end, int64_t *us)
{
    int64_t  days, clock, offset;

    p = mlops_time_date(p, end, &days);

    if (p == NULL || p == end || (*p != 'T' && *p != 't' && *p != ' ')) {
        return NULL;
    }

    p = mlops_time_clock(p + 1, end, &clock);

    if (p == NULL) {
        return NULL;
    }

    p = mlops_time_offset(p, end, &offset);

    if (p == NULL) {
        return NULL;
    }

    *us = days * 86400000000 + clock - offset;

    return p;
}


/* Days since 1970-01-01 in the Gregorian calendar: years are counted from
 * March on, so that the leap day is the last (Hinnant, "chrono-compatible
 * low-level date algorithms"). */

static const char *
mlops_time_date(const char *p, const char *end, int64_t *days)
{
    int  year, month, day, last, leap, y, era, of_era, of_year;

    static const int  lengths[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    if (end - p < 10 || p[4] != '-' || p[7] != '-') {
        return NULL;
    }

    year = mlops_time_digits(p, end, 4);
    month = mlops_time_digits(p + 5, end, 2);
    day = mlops_time_digits(p + 8, end, 2);

    if (year < 0 || month < 1 || month > 12) {
        return NULL;
    }

    leap = (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    last = lengths[month - 1] + (month == 2 && leap);

    if (day < 1 || day > last) {
        return NULL;
    }

    y = year + 400 - (month <= 2);
    era = y / 400;
    of_era = y % 400;
    of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    *days = (int64_t) (era - 1) * 146097 + of_era * 365 + of_era / 4
            - of_era / 100 + of_year - 719468;

    return p + 10;
}


/* A leap second is the first one of the next minute. */

static const char *
mlops_time_clock(const char *p, const char *end, int64_t *us)
{
    int      hour, minute, second, n;
    int64_t  scale;

    if (end - p < 8 || p[2] != ':' || p[5] != ':') {
        return NULL;
    }

    hour = mlops_time_digits(p, end, 2);
    minute = mlops_time_digits(p + 3, end, 2);
    second = mlops_time_digits(p + 6, end, 2);

    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0
        || second > 60)
    {
        return NULL;
    }

    *us = ((int64_t) hour * 3600 + minute * 60 + second) * 1000000;
    p += 8;

    if (p == end || *p != '.') {
        return p;
    }

    p++;
    scale = 100000;

    for (n = 0; p < end && *p >= '0' && *p <= '9'; n++, p++) {
        *us += (*p - '0') * scale;
        scale /= 10;
    }

    return (n >= 1 && n <= 9) ? p : NULL;
}


static const char *
mlops_time_offset(const char *p, const char *end, int64_t *us)
{
    int  hour, minute;

    if (p == end) {
        return NULL;
    }

    if (*p == 'Z' || *p == 'z') {
        *us = 0;
        return p + 1;
    }

    if ((*p != '+' && *p != '-') || end - p < 6 || p[3] != ':') {
        return NULL;
    }

    hour = mlops_time_digits(p + 1, end, 2);
    minute = mlops_time_digits(p + 4, end, 2);

    if (hour < 0 || hour > 23 || minute < 0 || minute > 59) {
        return NULL;
    }

    *us = ((int64_t) hour * 60 + minute) * 60000000;

    if (*p == '-') {
        *us = -*us;
    }

    return p + 6;
}
