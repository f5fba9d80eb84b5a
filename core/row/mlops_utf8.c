/*
 * Well-formed UTF-8: table 3-7 of the Unicode standard.
 */

#include "mlops_row.h"


int
mlops_utf8_valid(const char *data, size_t len)
{
    size_t                n;
    uint64_t              w;
    const unsigned char  *p, *end;

    p = (const unsigned char *) data;
    end = p + len;

    while (p < end) {

        while (end - p >= 8) {
            memcpy(&w, p, 8);

            if (w & 0x8080808080808080ull) {
                break;
            }

            p += 8;
        }

        if (p == end) {
            break;
        }

        if (p[0] < 0x80) {
            p++;
            continue;
        }

        if (p[0] < 0xc2 || p[0] > 0xf4) {
            return 0;
        }

        n = (p[0] < 0xe0) ? 2 : (p[0] < 0xf0) ? 3 : 4;

        if ((size_t) (end - p) < n
            || (p[1] & 0xc0) != 0x80
            || (n > 2 && (p[2] & 0xc0) != 0x80)
            || (n > 3 && (p[3] & 0xc0) != 0x80))
        {
            return 0;
        }

        /* overlong forms, surrogates, beyond U+10FFFF */

        if ((p[0] == 0xe0 && p[1] < 0xa0)
            || (p[0] == 0xed && p[1] > 0x9f)
            || (p[0] == 0xf0 && p[1] < 0x90)
            || (p[0] == 0xf4 && p[1] > 0x8f))
        {
            return 0;
        }

        p += n;
    }

    return 1;
}
