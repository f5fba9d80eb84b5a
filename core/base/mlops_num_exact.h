/*
 * The exact end of number parsing: a decimal text of any length against the
 * middle between two neighbouring binary numbers.
 */

#ifndef MLOPS_NUM_EXACT_H
#define MLOPS_NUM_EXACT_H


#include "mlops_base.h"


/*
 * Compares the decimal D * 10^exp10 with m * 2^exp2: less than, equal to or
 * greater than 0 as the decimal is smaller, equal or greater.
 *
 * D is written in [first, last), which starts with a digit that is not '0'
 * and holds digits and at most one '.', which does not count: exp10 is the
 * weight of the last digit.  The two numbers have to be within a factor of
 * two of each other, and within the range of a double.
 */
int mlops_num_compare(const char *first, const char *last, int64_t exp10,
    uint64_t m, int exp2);


#endif /* MLOPS_NUM_EXACT_H */
