/*
 * The loop of mlops_read_bulk.c, included once for each kind of processor.
 *
 *     MLOPS_BULK_RUN     the function's name
 *     MLOPS_BULK_TARGET  its attributes
 *     MLOPS_BULK_MASKS   (p, &ends, &others): the masks of a block
 *     MLOPS_BULK_VALUE   (last, before, behind): the value of the digits in
 *                        front of last, one byte between before and behind
 */


MLOPS_BULK_TARGET static inline uint32_t
MLOPS_BULK_RUN(const char **start, const char *end, mlops_cell_t *cells,
    size_t step, uint32_t n, int is_float)
{
    double       d;
    uint32_t     i, len, dot, before, behind, negative;
    uint64_t     ends, others, m, w, bits;
    const char  *p, *base, *next;

    p = *start;
    base = NULL;
    ends = 0;
    others = 0;

    for (i = 0; i < n; /* void */ ) {

        /* bit 0 of both masks is p's */

        if (mlops_unlikely(ends == 0)) {

            if (p == end || base == end - MLOPS_BULK_BLOCK) {
                break;
            }

            base = (end - p < MLOPS_BULK_BLOCK) ? end - MLOPS_BULK_BLOCK : p;
            MLOPS_BULK_MASKS(base, &ends, &others);

            ends >>= p - base;
            others >>= p - base;

            if (ends == 0) {
                break;
            }
        }

        if (mlops_unlikely(ends & 1)) {
            next = mlops_scan_ws(p, end);
            len = (uint32_t) (next - p);

            if (len == 0) {
                break;
            }

            p = next;
            ends = (len < MLOPS_BULK_BLOCK) ? ends >> len : 0;
            others = (len < MLOPS_BULK_BLOCK) ? others >> len : 0;
            continue;
        }

        len = (uint32_t) __builtin_ctzll(ends);
        next = p + len;
        negative = (*p == '-');

        /* what ends a token is no digit either: there is a bit at len */

        m = others ^ negative;
        dot = (uint32_t) __builtin_ctzll(m);
        before = dot - negative;
        behind = 0;

        if (dot != len) {
            m &= m - 1;
            behind = len - dot - 1;

            if (mlops_unlikely(p[dot] != '.' || behind - 1 > 6
                               || (uint32_t) __builtin_ctzll(m) != len))
            {
                goto number;
            }
        }

        if (mlops_unlikely(before - 1 > 7
                           || (p[negative] == '0' && before > 1)))
        {
            goto number;
        }

        w = MLOPS_BULK_VALUE(p + dot + 1 + behind, before, behind);
        d = (double) (int64_t) w / mlops_bulk_pow10[behind + 8 * negative];

        if (is_float) {
            memcpy(&bits, &d, 8);

            /* rounding twice matters only exactly between two floats */

            if (mlops_unlikely((bits & 0x1fffffff) == 0x10000000)) {
                goto number;
            }

            d = (float) d;
        }

    store:

        cells->f = d;

        if (mlops_unlikely(*next != ',')) {

            /* the last value, or one that the caller is to look at */

            if (i + 1 == n) {
                i++;
                p = next;
            }

            break;
        }

        cells += step;

        if (++i == n) {
            p = next;
            break;
        }

        p = next + 1;
        ends = ends >> len >> 1;
        others = others >> len >> 1;
        continue;

    number:

        if (!mlops_bulk_number(p, next, end, is_float, &d)) {
            break;
        }

        goto store;
    }

    *start = p;

    return i;
}


#undef MLOPS_BULK_RUN
#undef MLOPS_BULK_TARGET
#undef MLOPS_BULK_MASKS
#undef MLOPS_BULK_VALUE
