/*
 * The gains of cutting a feature behind each of its bins, eight bins at
 * once, with the same bits at every SIMD level.
 *
 *     gain = T(GL)² / (HL + l2) + T(GR)² / (HR + l2)
 */

#ifndef MLOPS_GBDT_SCAN_H
#define MLOPS_GBDT_SCAN_H


#include "mlops_gbdt_run.h"


typedef struct {
    const mlops_gbdt_pair_t   *histogram;
    uint32_t                   n;           /* bins */
    mlops_gbdt_pair_t          base;        /* on the left before the first */
    mlops_gbdt_pair_t          total;
    long long                  mask;        /* bits of counts */
    double                     scale[2];
    double                     l1;
    double                     l2;
    double                     min_hessian;
    double                     min_rows;    /* 0: rows are not counted */
    double                     unit_h;      /* > 0: hessians count rows */
} mlops_gbdt_scan_t;


/* gains[0, n): 0 where the split is not allowed; room for a multiple of 8. */
typedef void (*mlops_gbdt_scan_pt)(const mlops_gbdt_scan_t *scan,
    double *gains);

mlops_gbdt_scan_pt mlops_gbdt_scanner(void);


#endif /* MLOPS_GBDT_SCAN_H */
