/*
 * Functions whose last bits do not depend on the machine: exp, log and their
 * kin in double, from additions, multiplications, divisions and square roots
 * alone (which IEEE 754 rounds exactly), without contraction.
 *
 * The C library has variants of these for processors with FMA, whose last
 * bits differ from those without; a model that is trained or served with
 * them would not be the same everywhere.  Errors stay below 1 ulp (the unit
 * test says how much below); special values are those of C's Annex F.  None
 * of them looks at errno or the rounding mode, which is to nearest.
 */

#ifndef MLOPS_MATH_H
#define MLOPS_MATH_H


double mlops_exp(double x);
double mlops_expm1(double x);
double mlops_log(double x);
double mlops_log1p(double x);
double mlops_pow(double x, double y);
double mlops_tanh(double x);
double mlops_sin(double x);
double mlops_cos(double x);
/* ln Γ(x), x > 0: deviances. */
double mlops_lgamma(double x);

/* 1 / (1 + exp(-x)); log(1 + exp(x)) without overflow. */
double mlops_sigmoid(double x);
double mlops_softplus(double x);


#endif /* MLOPS_MATH_H */
