/*
 * A model of online learning, inside.  Internal to mlops_online*.c.
 */

#ifndef MLOPS_ONLINE_INNER_H
#define MLOPS_ONLINE_INNER_H


#include "mlops_online.h"


/* A slot: {z, n} or {w, n}.  8 bytes, so that a cache line has 8 of them. */

typedef struct {
    float  a;
    float  n;
} mlops_online_slot_t;


/* Of the example under way, what margin finds and update uses: second numbers
 * of its pairs and, of FTRL, their roots; weights, numbers of its slots. */

typedef struct {
    uint32_t   size;                /* a multiple of 8 */
    float     *n;
    float     *root;
    float     *w;
    uint32_t  *slot;
} mlops_online_scratch_t;


/* Numbers of the formulas, rounded to float once. */

typedef struct {
    float  inverse_alpha;
    float  beta;
    float  l1;
    float  l2;
    float  rate;
    float  epsilon;
} mlops_online_rate_t;


/* One algorithm at one SIMD level; all levels have the same bits. */

typedef struct {
    double   (*margin)(mlops_online_t *online, const uint32_t *index,
                       const float *value, uint32_t n);
    void     (*update)(mlops_online_t *online, const float *value,
                       uint32_t n, float g);
    float    (*weight)(const mlops_online_rate_t *rate,
                       mlops_online_slot_t slot);
} mlops_online_kernel_t;


/* RLS: P = U·D·Uᵀ, U unit upper triangular, by columns: column j is
 * u[j·(j − 1)/2 …] and has j numbers above its 1. */

typedef struct {
    double    *w;
    double    *d;
    double    *u;
    double    *f;                   /* of the example under way: Uᵀ·x */
    double    *v;                   /* D·f */
    double    *k;                   /* the gain, before it is divided */
} mlops_online_rls_t;


/* Sums of progressive validation, as they are saved. */

typedef struct {
    uint64_t   examples;
    uint64_t   refused;
    uint64_t   right;               /* logistic: on the label's side */
    uint64_t   judged;
    double     weight;
    double     loss;
    uint64_t   since_examples;
    double     since_weight;
    double     since_loss;
    uint64_t   window_at;           /* where the next one goes */
    uint64_t   window_n;
} mlops_online_sums_t;


struct mlops_online_s {
    mlops_online_conf_t           conf;
    mlops_online_rate_t           rate;
    const mlops_online_kernel_t  *kernel;   /* NULL: RLS */

    mlops_online_slot_t          *table;
    uint32_t                      mask;
    size_t                        table_bytes;  /* mapped */

    mlops_online_rls_t            rls;
    mlops_online_scratch_t        scratch;
    const mlops_example_t        *ahead;    /* whose slots are wanted soon, or
                                               NULL */
    uint32_t                     *ascending;    /* scratch.size of them */

    double                        label_lo;
    double                        label_hi;
    const char                   *label_text;   /* of the two, for people */

    mlops_online_sums_t           sums;
    float                        *window;   /* losses; that of a wrong side is
                                               negative, -0 included */
    char                         *labels;
    size_t                        labels_len;
    uint64_t                      origin;
};


extern const mlops_online_kernel_t  mlops_online_ftrl;
extern const mlops_online_kernel_t  mlops_online_adagrad;

#if (__x86_64__)
extern const mlops_online_kernel_t  mlops_online_ftrl_avx2;
extern const mlops_online_kernel_t  mlops_online_adagrad_avx2;
#endif

float mlops_online_ftrl_weight(const mlops_online_rate_t *rate,
    mlops_online_slot_t slot);
float mlops_online_adagrad_weight(const mlops_online_rate_t *rate,
    mlops_online_slot_t slot);

/* The settings that are numbers, by name: which algorithms (1 << algorithm)
 * or losses (256 << loss) use them, and their range, ends included. */

typedef struct {
    const char  *name;
    size_t       offset;            /* of a double in the conf */
    unsigned     users;
    double       lo;
    double       hi;
} mlops_online_range_t;

#define MLOPS_ONLINE_RANGES  11

extern const mlops_online_range_t
    mlops_online_ranges[MLOPS_ONLINE_RANGES];


static inline double *
mlops_online_setting(mlops_online_conf_t *conf,
    const mlops_online_range_t *range)
{
    return (double *) ((char *) conf + range->offset);
}


/* Adds an example to the sums. */
void mlops_online_account(mlops_online_t *online, const mlops_example_t *e,
    double margin, double loss);

/* Sets to 0 what the algorithm does not use. */
void mlops_online_tidy(mlops_online_conf_t *conf);

int mlops_online_rls_create(mlops_online_rls_t *rls, uint32_t p,
    double ridge);
void mlops_online_rls_destroy(mlops_online_rls_t *rls);
size_t mlops_online_rls_numbers(uint32_t p);    /* of w, d and u */
double mlops_online_rls_margin(const mlops_online_rls_t *rls, uint32_t p,
    const double *x);
/* Learns; MLOPS_ERROR: the numbers are too large, nothing changed. */
int mlops_online_rls_update(mlops_online_rls_t *rls, uint32_t p,
    const double *x, double weight, double error,
    const mlops_online_conf_t *conf);


#endif /* MLOPS_ONLINE_INNER_H */
