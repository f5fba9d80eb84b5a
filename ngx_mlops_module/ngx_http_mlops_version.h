/*
 * The version of ngx_mlops, told by /v2 and /version.
 */

#ifndef NGX_HTTP_MLOPS_VERSION_H
#define NGX_HTTP_MLOPS_VERSION_H


#define NGX_HTTP_MLOPS_VERSION  "0.1.0"


#endif /* NGX_HTTP_MLOPS_VERSION_H */
