/*
 * UBJSON to a document tree.
 *
 * One value: a marker byte, then its payload, all numbers big-endian.
 *
 *     Z  T  F        null, true, false
 *     i  U           1 byte, signed and unsigned
 *     I  l  L        2, 4, 8 bytes, signed
 *     d  D           float32, float64
 *     C              one character
 *     S len bytes    a string; len is an integer with its marker
 *     H len bytes    a number as text
 *     [ … ]          values up to the closing bracket
 *     [ # len …      len values, no closing bracket
 *     [ $ t # len …  len payloads of type t, no markers, no closing bracket;
 *                    t is one of i U I l L d D
 *     { … }          len, bytes of the key, value; up to the closing brace
 *     { # len …      len such pairs, no closing brace
 *     N              nothing, between values
 *
 * Arrays with a type become packed nodes (MLOPS_DOC_INTS, MLOPS_DOC_FLOATS),
 * single numbers become text as JSON has it, not finite ones the tokens NaN,
 * Infinity and -Infinity.  Memory is proportionate to the input: a type
 * without a payload is refused in a typed array.
 */

#ifndef MLOPS_UBJSON_H
#define MLOPS_UBJSON_H


#include "mlops_base.h"
#include "mlops_doc.h"


#define MLOPS_UBJSON_DEPTH  512


/* Reads exactly one value.  The tree lives in the arena; its strings point
 * into data, which outlives it.  Duplicate keys are refused.  The error
 * names the byte. */
mlops_doc_t *mlops_ubjson_parse(const char *data, size_t len,
    mlops_arena_t *arena, mlops_err_t *err);


#endif /* MLOPS_UBJSON_H */
