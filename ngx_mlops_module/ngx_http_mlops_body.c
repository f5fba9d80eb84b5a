/*
 * The body of a request, in one piece and as it was meant.
 */

#include "ngx_http_mlops_module.h"


static ngx_int_t ngx_http_mlops_body_file(ngx_http_request_t *r,
    ngx_buf_t *b, u_char *p);


ngx_int_t
ngx_http_mlops_body_plain(ngx_http_request_t *r, ngx_http_mlops_ctx_t *ctx)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len != sizeof("Content-Encoding") - 1
            || ngx_strncasecmp(h[i].key.data, (u_char *) "Content-Encoding",
                               sizeof("Content-Encoding") - 1) != 0)
        {
            continue;
        }

        if (h[i].value.len == sizeof("identity") - 1
            && ngx_strncasecmp(h[i].value.data, (u_char *) "identity",
                               sizeof("identity") - 1) == 0)
        {
            continue;
        }

        ngx_str_set(&ctx->error, "the body has a Content-Encoding; expected"
                                 " none");
        ngx_str_set(&ctx->status, "content_encoding");

        return NGX_HTTP_UNSUPPORTED_MEDIA_TYPE;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_mlops_body(ngx_http_request_t *r, ngx_str_t *body)
{
    u_char       *p;
    size_t        len;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    ngx_str_null(body);

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_OK;
    }

    cl = r->request_body->bufs;
    b = cl->buf;

    if (cl->next == NULL && !b->in_file) {
        body->data = b->pos;
        body->len = b->last - b->pos;
        return NGX_OK;
    }

    len = 0;

    for ( /* void */ ; cl != NULL; cl = cl->next) {
        len += ngx_buf_size(cl->buf);
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body->data = p;
    body->len = len;

    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {
        b = cl->buf;

        /* the last buffer of a chunked body is empty, and may be nowhere */

        if (ngx_buf_size(b) == 0) {
            continue;
        }

        if (!b->in_file) {
            p = ngx_cpymem(p, b->pos, b->last - b->pos);
            continue;
        }

        if (ngx_http_mlops_body_file(r, b, p) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        p += b->file_last - b->file_pos;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_mlops_body_file(ngx_http_request_t *r, ngx_buf_t *b, u_char *p)
{
    off_t    at;
    ssize_t  n;

    ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                  "mlops: reading a body of %O bytes back from \"%V\", "
                  "consider a larger \"client_body_buffer_size\"",
                  b->file_last - b->file_pos, &b->file->name);

    for (at = b->file_pos; at < b->file_last; at += n) {

        n = ngx_read_file(b->file, p, b->file_last - at, at);

        if (n == NGX_ERROR || n == 0) {
            return NGX_ERROR;
        }

        p += n;
    }

    return NGX_OK;
}
