/*
 * A text that grows in a pool.
 */

#include "ngx_http_mlops_text.h"

#include "mlops_num.h"
#include "mlops_request.h"

#include <math.h>


#define NGX_HTTP_MLOPS_TEXT_PRINTF  1024


void
ngx_http_mlops_text_init(ngx_http_mlops_text_t *text, ngx_pool_t *pool,
    size_t size)
{
    ngx_memzero(text, sizeof(ngx_http_mlops_text_t));

    text->pool = pool;
    text->start = ngx_pnalloc(pool, size);

    if (text->start == NULL) {
        text->failed = 1;
        return;
    }

    text->pos = text->start;
    text->end = text->start + size;
}


u_char *
ngx_http_mlops_text_room(ngx_http_mlops_text_t *text, size_t len)
{
    u_char  *p;
    size_t   size, used;

    if (text->failed) {
        return NULL;
    }

    if ((size_t) (text->end - text->pos) >= len) {
        return text->pos;
    }

    used = text->pos - text->start;
    size = 2 * (text->end - text->start);

    if (size < used + len) {
        size = used + len;
    }

    p = ngx_pnalloc(text->pool, size);
    if (p == NULL) {
        text->failed = 1;
        return NULL;
    }

    text->pos = ngx_cpymem(p, text->start, used);
    (void) ngx_pfree(text->pool, text->start);
    text->start = p;
    text->end = p + size;

    return text->pos;
}


void
ngx_http_mlops_text_add(ngx_http_mlops_text_t *text, const void *data,
    size_t len)
{
    u_char  *p;

    p = ngx_http_mlops_text_room(text, len);

    if (p != NULL) {
        text->pos = ngx_cpymem(p, data, len);
    }
}


void
ngx_http_mlops_text_printf(ngx_http_mlops_text_t *text, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    p = ngx_http_mlops_text_room(text, NGX_HTTP_MLOPS_TEXT_PRINTF);

    if (p != NULL) {
        va_start(args, fmt);
        text->pos = ngx_vslprintf(p, p + NGX_HTTP_MLOPS_TEXT_PRINTF, fmt,
                                  args);
        va_end(args);
    }
}


void
ngx_http_mlops_text_quote(ngx_http_mlops_text_t *text, const void *data,
    size_t len)
{
    u_char  *p;

    p = ngx_http_mlops_text_room(text, 6 * len + 2);

    if (p != NULL) {
        text->pos = (u_char *) mlops_json_quote((char *) p, data, len);
    }
}


void
ngx_http_mlops_text_double(ngx_http_mlops_text_t *text, double value)
{
    u_char  *p;

    if (!isfinite(value)) {
        ngx_http_mlops_text_lit(text, "null");
        return;
    }

    p = ngx_http_mlops_text_room(text, MLOPS_DOUBLE_LEN);

    if (p != NULL) {
        text->pos = (u_char *) mlops_print_double((char *) p, value);
    }
}
