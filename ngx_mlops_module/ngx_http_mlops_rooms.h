/*
 * The pages that sidecars leave in rooms of the store: metrics/, status/.
 */

#ifndef NGX_HTTP_MLOPS_ROOMS_H
#define NGX_HTTP_MLOPS_ROOMS_H


#include "ngx_http_mlops_module.h"


#define NGX_HTTP_MLOPS_ROOM_FILE  (1024 * 1024)
#define NGX_HTTP_MLOPS_ROOM_N     64


typedef void (*ngx_http_mlops_room_pt)(void *data, ngx_str_t *process,
    ngx_str_t *content);

/* Calls handler with each file <process><suffix> of the room, in order of
 * name, at most 64 of them; content is in r->pool.  Returns how many could
 * not be read. */
ngx_uint_t ngx_http_mlops_room_read(ngx_http_request_t *r, const char *room,
    const char *suffix, ngx_http_mlops_room_pt handler, void *data);


#endif /* NGX_HTTP_MLOPS_ROOMS_H */
