/*
 * A text that grows in a pool: for pages that are not the request path
 * (metadata, health, metrics, status).
 */

#ifndef NGX_HTTP_MLOPS_TEXT_H
#define NGX_HTTP_MLOPS_TEXT_H


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct {
    u_char       *start;
    u_char       *pos;
    u_char       *end;
    ngx_pool_t   *pool;
    unsigned      failed:1;         /* memory is out; later calls do nothing */
} ngx_http_mlops_text_t;


void ngx_http_mlops_text_init(ngx_http_mlops_text_t *text, ngx_pool_t *pool,
    size_t size);

/* Room for len bytes at pos, or NULL. */
u_char *ngx_http_mlops_text_room(ngx_http_mlops_text_t *text, size_t len);

void ngx_http_mlops_text_add(ngx_http_mlops_text_t *text, const void *data,
    size_t len);

/* ngx_sprintf's formats; what is printed takes at most 1024 bytes. */
void ngx_http_mlops_text_printf(ngx_http_mlops_text_t *text, const char *fmt,
    ...);

/* A JSON string with its quotes. */
void ngx_http_mlops_text_quote(ngx_http_mlops_text_t *text, const void *data,
    size_t len);

/* The shortest text of a double; null where it is not finite. */
void ngx_http_mlops_text_double(ngx_http_mlops_text_t *text, double value);

#define ngx_http_mlops_text_lit(text, literal)                                \
    ngx_http_mlops_text_add(text, literal, sizeof(literal) - 1)


#endif /* NGX_HTTP_MLOPS_TEXT_H */
