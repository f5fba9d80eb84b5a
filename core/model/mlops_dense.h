/*
 * Fused dense layers for small nets, float32: y = act(W x + b).
 *
 * Parameters in WEIGHTS: float bias[M], then float w[K][M], input-major, M =
 * out_n padded with zeros to a multiple of 16, K = in.n.  The activation is
 * the step's op (mlops_unary_t: IDENTITY, RELU, SIGMOID, TANH).  NaN inputs
 * propagate.  Every variant sums in the order of the inputs from the bias
 * without fusing multiply and add, so all give the same bits; activations
 * run after that in one scalar form.
 */

#ifndef MLOPS_DENSE_H
#define MLOPS_DENSE_H


#include "mlops_base.h"


#define mlops_dense_padded(m)  mlops_align(m, 16)


/* x: K floats; y: M floats, 64-byte aligned, written. */
typedef void (*mlops_dense_pt)(const float *bias, const float *w,
    const float *x, float *y, uint32_t k, uint32_t m_padded);

mlops_dense_pt mlops_dense_kernel(int simd);


#endif /* MLOPS_DENSE_H */
