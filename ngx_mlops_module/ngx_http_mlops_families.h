/*
 * Prometheus families: samples collected by family, from here and from the
 * pages that sidecars leave in the store, so that each family has one HELP
 * and one TYPE.
 */

#ifndef NGX_HTTP_MLOPS_FAMILIES_H
#define NGX_HTTP_MLOPS_FAMILIES_H


#include "ngx_http_mlops_text.h"


typedef struct ngx_http_mlops_family_s  ngx_http_mlops_family_t;

struct ngx_http_mlops_family_s {
    ngx_http_mlops_family_t   *next;
    ngx_str_t                  name;
    ngx_str_t                  type;
    ngx_str_t                  help;
    ngx_http_mlops_text_t      samples;
};


typedef struct {
    ngx_pool_t                *pool;
    ngx_http_mlops_family_t   *first;
    ngx_http_mlops_family_t  **last;
    ngx_uint_t                 errors;      /* pages that could not be read */
} ngx_http_mlops_families_t;


void ngx_http_mlops_families_init(ngx_http_mlops_families_t *families,
    ngx_pool_t *pool);

/* The family of that name, made where it is missing.  NULL: memory. */
ngx_http_mlops_family_t *ngx_http_mlops_family(
    ngx_http_mlops_families_t *families, ngx_str_t *name, ngx_str_t *type,
    ngx_str_t *help);

/* Adds the samples of a page, each with a label process.  Lines that are no
 * samples are passed over. */
void ngx_http_mlops_families_merge(ngx_http_mlops_families_t *families,
    ngx_str_t *process, u_char *page, size_t len);

/* All of it, in order of first mention. */
void ngx_http_mlops_families_print(ngx_http_mlops_families_t *families,
    ngx_http_mlops_text_t *text);

/* A label's value with its quotes. */
void ngx_http_mlops_label(ngx_http_mlops_text_t *text, const void *data,
    size_t len);


#endif /* NGX_HTTP_MLOPS_FAMILIES_H */
