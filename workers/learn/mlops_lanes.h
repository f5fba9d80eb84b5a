/*
 * Sums over columns of doubles whose bits do not depend on the processor.
 *
 * A sum has 8 lanes: lane l adds the elements l, l + 8, l + 16, … in that
 * order, and the lanes are added as ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 +
 * 7)).  That is one AVX-512 register, two of AVX2, four of SSE2; nothing is
 * contracted.  Columns are padded: n is a multiple of 8, what is added to
 * fill it is 0.  Columns are aligned to 64 bytes.
 */

#ifndef MLOPS_LANES_H
#define MLOPS_LANES_H


#include <stddef.h>
#include <stdint.h>


#define MLOPS_LANES  8


typedef struct {
    /* Σ a b */
    double  (*dot)(const double *a, const double *b, size_t n);
    /* y += a x */
    void    (*axpy)(double *y, double a, const double *x, size_t n);
    /* y = a b, each */
    void    (*mul)(double *y, const double *a, const double *b, size_t n);
    /* out[k] = Σ v_k c, of v_k = v + k stride, k < 4 */
    void    (*dot4)(double *out, const double *v, size_t stride,
                    const double *c, size_t n);
    /* c -= w[0] v_0, then w[1] v_1, … */
    void    (*sub4)(double *c, const double *w, const double *v,
                    size_t stride, size_t n);
    /* y += a[0] x_0, then a[1] x_1, … of x_k = x + k stride, k < p */
    void    (*gemv)(double *y, const double *a, const double *x,
                    size_t stride, size_t p, size_t n);
} mlops_lanes_t;


/* Those of this processor's level (mlops_simd.h). */
const mlops_lanes_t *mlops_lanes(void);

extern const mlops_lanes_t  mlops_lanes_portable;
extern const mlops_lanes_t  mlops_lanes_avx2;
extern const mlops_lanes_t  mlops_lanes_avx512;


/* n rounded up to whole lanes. */

static inline size_t
mlops_lanes_pad(size_t n)
{
    return (n + MLOPS_LANES - 1) & ~(size_t) (MLOPS_LANES - 1);
}


/* n padded columns of doubles, aligned to 64 bytes and all 0; NULL when
 * memory is out.  free() gives them back. */
double *mlops_lanes_alloc(size_t n, size_t stride);


#endif /* MLOPS_LANES_H */
