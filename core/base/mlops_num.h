/*
 * Numbers as text: correctly rounded parsing, shortest printing.
 *
 * Locale never matters.  Parsing is exact for every input: up to 19 digits
 * by Clinger's fast path or Eisel and Lemire's algorithm (Lemire, "Number
 * parsing at a gigabyte per second", 2021), the rest by exact arithmetic.
 * A float32 is parsed straight from the decimal: a double in between would
 * round twice.
 */

#ifndef MLOPS_NUM_H
#define MLOPS_NUM_H


#include "mlops_base.h"


/*
 * Bytes that a printer may write, no terminator included.  The text is at
 * most 24, 15 and 20 long; the first two write whole words, and so up to
 * eight bytes behind its end.
 */

#define MLOPS_DOUBLE_LEN  32        /* -2.2250738585072014e-308 */
#define MLOPS_FLOAT_LEN   24        /* -1.17549435e-38 */
#define MLOPS_INT_LEN     20


/*
 * The parsers read one JSON number (RFC 8259, section 6) at p, before end,
 * and return the first byte that is not part of it, or NULL where there is
 * none (p == end, a leading '+', '.', zeros, "1.", "1e", ...).
 * The byte behind the number is the caller's to judge.
 *
 * A magnitude beyond the type's range gives an infinity, one below it
 * gives 0: callers that refuse overflow test with isinf().
 */
const char *mlops_parse_double(const char *p, const char *end, double *value);
const char *mlops_parse_float(const char *p, const char *end, float *value);

/*
 * Integers: digits with an optional '-', nothing else.  NULL where there is
 * no such thing.  *overflow is 1 where the value does not fit: the limit is
 * stored, and p still moves past the digits; otherwise it is 0.  A fraction
 * or an exponent ends the number at '.' or 'e', which the caller refuses.
 */
const char *mlops_parse_int64(const char *p, const char *end, int64_t *value,
    int *overflow);
const char *mlops_parse_uint64(const char *p, const char *end,
    uint64_t *value, int *overflow);

/*
 * A number from configuration or a CSV cell: as mlops_parse_double, with
 * "NaN", "nan", "Infinity", "inf", "-Infinity" and "-inf" beside, and a
 * leading '+', ".5" and "1." allowed.  The text has to be the number and
 * nothing more.  MLOPS_OK or MLOPS_ERROR.
 */
int mlops_number(const mlops_str_t *text, double *value);
int mlops_number_float(const mlops_str_t *text, float *value);

/*
 * The printers write the shortest text that parses to the same value (at a
 * tie of length the closest one), and return the end of it.  Integral values
 * below 10^16 (10^9 for float) print without exponent and with ".0";
 * otherwise the form is 1.5, 0.001 or 1e-07 as Python's repr chooses it:
 * exponent form where the decimal exponent is < -4 or >= 16 (9 for float).
 * The value is finite: callers print null or a token for the others, which
 * come out as null here.
 */
char *mlops_print_double(char *p, double value);
char *mlops_print_float(char *p, float value);
char *mlops_print_int64(char *p, int64_t value);
char *mlops_print_uint64(char *p, uint64_t value);


#endif /* MLOPS_NUM_H */
