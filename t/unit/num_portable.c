/*
 * The tests of num.c on the form of the parser for machines without SSE2.
 */

#define MLOPS_NUM_PORTABLE
#define NUM_N  1000000

#include "mlops_num_parse.c"
#include "num.c"
