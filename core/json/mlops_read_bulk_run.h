/*
 * The loop of mlops_read_bulk.c, included once for each kind of processor.
 *
 *     MLOPS_BULK_RUN     the function's name
 *     MLOPS_BULK_TARGET  its attributes
 *     MLOPS_BULK_MASKS   (p, &ends, &others): the masks of a block
 *     MLOPS_BULK_VALUE   (p, before, behind): the value of the digits at p,
 *                        with one byte between before and behind
 */


MLOPS_BULK_TARGET static inline uint32_t
MLOPS_BULK_RUN(const char **start, const char *end, const char *room,
    mlops_cell_t *cells, size_t step, uint32_t n, int is_float)
{
    double       d, slow;
    uint32_t     i, len, off, dot, before, behind, negative;
    uint64_t     ends, others, m, w, bits;
    const char  *p, *base, *next;

    p = *start;

    if (room - p < MLOPS_BULK_MARGIN) {
        return 0;
    }

    base = p;
    MLOPS_BULK_MASKS(p, &ends, &others);

    for (i = 0; i < n; /* void */ ) {
        off = (uint32_t) (p - base);
        m = (off < MLOPS_BULK_BLOCK) ? ends >> off : 0;

        if (mlops_unlikely(m == 0)) {

            /* the token ends behind the block */

            if (off == 0 || room - p < MLOPS_BULK_MARGIN) {
                break;
            }

            base = p;
            MLOPS_BULK_MASKS(p, &ends, &others);
            continue;
        }

        len = (uint32_t) __builtin_ctzll(m);
        next = p + len;
        negative = (*p == '-');

        /* what ends a token is no digit either: there is a bit at len */

        m = (others >> off) ^ negative;
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

        w = MLOPS_BULK_VALUE(p + negative, before, behind);
        d = (double) (int64_t) w / mlops_bulk_pow10[behind + 8 * negative];

        if (is_float) {
            memcpy(&bits, &d, 8);

            /* rounding twice matters only exactly between two floats */

            if (mlops_unlikely((bits & 0x1fffffff) == 0x10000000)) {
                goto number;
            }

            d = (float) d;
        }

        goto store;

    number:

        if (!mlops_bulk_number(p, next, end, is_float, &slow)) {
            break;
        }

        d = slow;

    store:

        if (mlops_unlikely(*next != ',')) {

            if (i + 1 == n) {
                cells[step * i++].f = d;
                p = next;
            }

            break;
        }

        cells[step * i++].f = d;
        p = next;

        if (i == n) {
            break;
        }

        p++;

        if (mlops_scan_is_ws(*p)) {
            p++;

            if (mlops_unlikely(mlops_scan_is_ws(*p))) {
                p = mlops_scan_ws(p, end);

                if (room - p < MLOPS_BULK_MARGIN) {
                    break;
                }
            }
        }
    }

    *start = p;

    return i;
}


#undef MLOPS_BULK_RUN
#undef MLOPS_BULK_TARGET
#undef MLOPS_BULK_MASKS
#undef MLOPS_BULK_VALUE
