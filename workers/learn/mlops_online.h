/*
 * Learning one example at a time.
 *
 * An example is predicted, scored and only then learned, so that the average
 * of its losses is an honest one (progressive validation): no example is
 * judged by weights that have seen it.
 *
 *     MLOPS_ONLINE_FTRL     FTRL-proximal (McMahan et al., "Ad click
 *                           prediction: a view from the trenches", 2013,
 *                           algorithm 1): a pair of floats {z, n} a slot
 *     MLOPS_ONLINE_ADAGRAD  diagonal AdaGrad (Duchi, Hazan and Singer,
 *                           2011): a pair {w, n} a slot
 *     MLOPS_ONLINE_RLS      recursive least squares with forgetting, on few
 *                           dense numbers, by Bierman's UD factors
 *
 * The first two read sparse examples: pairs of index and value.  An index is
 * the low half of a hash (below) and is taken modulo the number of slots, a
 * power of two.  Where one index is there twice, both see the weight that
 * was there before the example, and what they add is added up.
 *
 * Arithmetic, in float unless said, in this order, so that the bits are the
 * same everywhere; x is the value, g the derivative of the loss by the
 * margin times the example's weight, limited to ±clip:
 *
 *     margin     8 sums in double, feature i into sum i mod 8, of w·x;
 *                folded 4, 2, 1 apart
 *     FTRL       s = √n;  w = 0 where |z| ≤ l1, else
 *                    −sign(z)·(|z| − l1) / ((beta + s)·(1/alpha) + l2)
 *                G = g·x;  t = √(n + G²)
 *                z += G − ((t − s)·(1/alpha))·w;  n += G²
 *     AdaGrad    G = g·x + l2·w
 *                w −= (rate·G) / √((n + G²) + epsilon);  n += G²
 *
 * A coordinate's G is limited to ±2^40, so that no weight ever becomes
 * infinite or NaN.  An example that is not finite is refused, counted, and
 * changes nothing.
 *
 * Losses (m is the margin, y the label, h the weight):
 *
 *     logistic   y in [0, 1];  log(1 + e^m) − y·m;  σ(m) − y
 *     squared    (m − y)²;  the derivative is that of its half, m − y
 *     poisson    y ≥ 0;  µ = e^min(m, 30);  the deviance
 *                2·(y·log(y/µ) − (y − µ));  µ − y, of its half
 *     quantile   pinball: q·(y − m) or (1 − q)·(m − y)
 *     huber      (m − y)²/2 within delta, else delta·(|m − y| − delta/2)
 *
 * What a model holds is saved as mlops_online_state.c says; going on from it
 * gives the same bits as never having stopped.  A model is used by one
 * thread at a time.
 */

#ifndef MLOPS_ONLINE_H
#define MLOPS_ONLINE_H


#include "mlops_base.h"
#include "mlops_file.h"

#include <sys/types.h>


#define MLOPS_ONLINE_BITS_MIN      4
#define MLOPS_ONLINE_BITS_MAX      28
#define MLOPS_ONLINE_FEATURES_MAX  1048576  /* of one example */
#define MLOPS_ONLINE_DENSE_MAX     1024     /* coordinates of RLS */
#define MLOPS_ONLINE_WINDOW_MAX    1048576
#define MLOPS_ONLINE_CLIP          0x1p40


typedef enum {
    MLOPS_ONLINE_FTRL = 0,
    MLOPS_ONLINE_ADAGRAD,
    MLOPS_ONLINE_RLS,
    MLOPS_ONLINE_ALGORITHMS
} mlops_online_algorithm_t;


typedef enum {
    MLOPS_ONLINE_LOGISTIC = 0,
    MLOPS_ONLINE_SQUARED,
    MLOPS_ONLINE_POISSON,
    MLOPS_ONLINE_QUANTILE,          /* AdaGrad, */
    MLOPS_ONLINE_HUBER,             /* AdaGrad */
    MLOPS_ONLINE_LOSSES
} mlops_online_loss_t;


/* What an algorithm does not use is not looked at, and 0 in a state. */

typedef struct {
    mlops_online_algorithm_t  algorithm;
    mlops_online_loss_t       loss;     /* of RLS: squared */
    uint32_t                  bits;     /* 2^bits slots; of RLS 0 */
    uint32_t                  dense;    /* RLS: coordinates, a constant one
                                           among them if there is to be */
    uint32_t                  window;   /* last examples that are kept in
                                           view; 0: none */
    double                    alpha;    /* FTRL, > 0 */
    double                    beta;     /* FTRL, > 0 */
    double                    l1;       /* FTRL, >= 0 */
    double                    l2;       /* FTRL, AdaGrad, >= 0 */
    double                    rate;     /* AdaGrad, > 0 */
    double                    epsilon;  /* AdaGrad, > 0 */
    double                    quantile; /* 0 < q < 1 */
    double                    delta;    /* Huber, > 0 */
    double                    clip;     /* of g, 0 < clip <= 2^40 */
    double                    forgetting; /* RLS, 0 < λ <= 1 */
    double                    ridge;    /* RLS, > 0: 1 / prior variance */
    uint64_t                  tag;      /* what the coordinates stand for, to
                                           the caller: part of a state */
} mlops_online_conf_t;


typedef struct {
    const uint32_t  *index;         /* NULL: 0, 1, 2, … */
    const float     *value;
    const double    *dense;         /* of RLS, in place of the two */
    uint32_t         n;
    double           label;
    double           weight;        /* importance, >= 0 */
} mlops_example_t;


typedef struct {
    double           margin;
    double           value;         /* behind the link */
    double           loss;          /* not weighted */
} mlops_online_answer_t;


/* Losses before each update. */

typedef struct {
    uint64_t         examples;      /* learned, those of weight 0 too */
    uint64_t         refused;
    double           weight;        /* Σ h */
    double           loss;          /* Σ h·loss / Σ h; NaN: none yet */
    double           accuracy;      /* logistic, of label > 1/2; else NaN */

    uint64_t         since_examples;    /* since the last such report */
    double           since_weight;
    double           since_loss;

    uint32_t         window_n;      /* the last window examples */
    double           window_loss;   /* mean, not weighted */
    double           window_accuracy;
} mlops_online_progress_t;


typedef struct mlops_online_s  mlops_online_t;


/* The defaults of an algorithm; bits 20, loss logistic (RLS: squared). */
void mlops_online_defaults(mlops_online_conf_t *conf,
    mlops_online_algorithm_t algorithm);

/* Names the setting that is out of its range. */
int mlops_online_check(const mlops_online_conf_t *conf, mlops_err_t *err);

/* NULL: err says which value is out of its range, or that memory is out. */
mlops_online_t *mlops_online_create(const mlops_online_conf_t *conf,
    mlops_err_t *err);
void mlops_online_destroy(mlops_online_t *online);
const mlops_online_conf_t *mlops_online_conf(const mlops_online_t *online);

const char *mlops_online_algorithm_name(mlops_online_algorithm_t algorithm);
const char *mlops_online_loss_name(mlops_online_loss_t loss);
/* Of what the loss is when it is reported: log_loss, squared_error, … */
const char *mlops_online_loss_measure(mlops_online_loss_t loss);

/* Predicts; loss is that against the label, which may be NaN: then so is
 * loss. */
int mlops_online_predict(mlops_online_t *online, const mlops_example_t *e,
    mlops_online_answer_t *answer, mlops_err_t *err);

/* Predicts, scores, then learns.  MLOPS_ERROR: it was refused and counted,
 * nothing else changed.  answer may be NULL. */
int mlops_online_learn(mlops_online_t *online, const mlops_example_t *e,
    mlops_online_answer_t *answer, mlops_err_t *err);

/* The same of many, with what they need fetched ahead.  Refused ones are
 * counted and passed over; returns how many of these, err has the last. */
size_t mlops_online_learn_many(mlops_online_t *online,
    const mlops_example_t *e, size_t n, mlops_err_t *err);

/* Of a slot or a coordinate. */
double mlops_online_weight(const mlops_online_t *online, uint32_t index);
/* How many of them are not 0, and how many there are. */
uint64_t mlops_online_nonzero(const mlops_online_t *online, uint64_t *all);

/* reset begins a new "since". */
void mlops_online_progress(mlops_online_t *online, int reset,
    mlops_online_progress_t *progress);


/*
 * Hashes of features: XXH3-64 with seed 0x6d6c6f70736f6e6c of the bytes
 *
 *     bias               'b'
 *     number             'n' len name
 *     category           'c' len name len text
 *     missing category   'm' len name
 *     two at once        'x' hash hash, in the order they are named
 *
 * len is u32, hash u64, both little-endian.  The index of a feature is the
 * low 32 bits.  These never change: weights that are saved hang on them.
 */

uint64_t mlops_online_hash_bias(void);
uint64_t mlops_online_hash_number(const mlops_str_t *name);
uint64_t mlops_online_hash_category(const mlops_str_t *name,
    const mlops_str_t *text);
uint64_t mlops_online_hash_missing(const mlops_str_t *name);
uint64_t mlops_online_hash_cross(uint64_t a, uint64_t b);


/* Writes the state that is to be dir/name to a temporary file there, which
 * mlops_file_commit() gives the name.  durable: it outlives a crash of the
 * machine. */
int mlops_online_save(const mlops_online_t *online, int dir,
    const char *name, int durable, char tmp[MLOPS_TMP_SIZE],
    mlops_err_t *err);
/* The checksum that it has. */
uint64_t mlops_online_digest(const mlops_online_t *online);

/* A model from a state, or NULL.  Where conf is given the state has to be of
 * the same algorithm, loss, numbers and tag. */
mlops_online_t *mlops_online_load(int dir, const char *name,
    const mlops_online_conf_t *conf, mlops_err_t *err);

/* What the labels are, as text of the caller's: part of a state, at most
 * MLOPS_ONLINE_LABELS bytes, which are copied.  Empty: none is known, as of
 * a state of layout 1. */
#define MLOPS_ONLINE_LABELS  1048576

int mlops_online_set_labels(mlops_online_t *online, const char *text,
    size_t len, mlops_err_t *err);
mlops_str_t mlops_online_get_labels(const mlops_online_t *online);

/* The checksum of what was loaded; 0: nothing was. */
uint64_t mlops_online_origin(const mlops_online_t *online);


#endif /* MLOPS_ONLINE_H */
