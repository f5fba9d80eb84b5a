/*
 * The pages that sidecars leave in rooms of the store.
 */

#include "ngx_http_mlops_rooms.h"

#include <dirent.h>


static ngx_uint_t ngx_http_mlops_room_list(ngx_http_request_t *r, int dir,
    const char *suffix, ngx_str_t *names);
static ngx_int_t ngx_http_mlops_room_file(ngx_http_request_t *r, int dir,
    ngx_str_t *name, ngx_str_t *content);
static int ngx_libc_cdecl ngx_http_mlops_room_cmp(const void *one,
    const void *two);


ngx_uint_t
ngx_http_mlops_room_read(ngx_http_request_t *r, const char *room,
    const char *suffix, ngx_http_mlops_room_pt handler, void *data)
{
    int                   dir;
    ngx_str_t             names[NGX_HTTP_MLOPS_ROOM_N], content;
    ngx_uint_t            i, n, errors;
    const mlops_store_t  *store;

    store = ngx_http_mlops_store();

    if (store == NULL) {
        return 0;
    }

    dir = openat(store->fd, room,
                 O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
    if (dir == -1) {
        return 0;
    }

    errors = 0;
    n = ngx_http_mlops_room_list(r, dir, suffix, names);

    for (i = 0; i < n; i++) {

        if (ngx_http_mlops_room_file(r, dir, &names[i], &content) != NGX_OK) {
            errors++;
            continue;
        }

        names[i].len -= ngx_strlen(suffix);
        handler(data, &names[i], &content);
    }

    (void) close(dir);

    return errors;
}


static ngx_uint_t
ngx_http_mlops_room_list(ngx_http_request_t *r, int dir, const char *suffix,
    ngx_str_t *names)
{
    int             fd;
    DIR            *d;
    size_t          len, tail;
    ngx_uint_t      n;
    struct dirent  *de;

    fd = dup(dir);

    if (fd == -1) {
        return 0;
    }

    d = fdopendir(fd);

    if (d == NULL) {
        (void) close(fd);
        return 0;
    }

    n = 0;
    tail = ngx_strlen(suffix);

    while (n < NGX_HTTP_MLOPS_ROOM_N && (de = readdir(d)) != NULL) {
        len = ngx_strlen(de->d_name);

        if (len <= tail || de->d_name[0] == '.'
            || ngx_strcmp(de->d_name + len - tail, suffix) != 0)
        {
            continue;
        }

        names[n].data = ngx_pnalloc(r->pool, len + 1);
        if (names[n].data == NULL) {
            break;
        }

        ngx_memcpy(names[n].data, de->d_name, len + 1);
        names[n++].len = len;
    }

    (void) closedir(d);

    ngx_qsort(names, n, sizeof(ngx_str_t), ngx_http_mlops_room_cmp);

    return n;
}


static ngx_int_t
ngx_http_mlops_room_file(ngx_http_request_t *r, int dir, ngx_str_t *name,
    ngx_str_t *content)
{
    int          fd;
    ssize_t      n;
    struct stat  st;

    fd = openat(dir, (char *) name->data,
                O_RDONLY|O_NOFOLLOW|O_CLOEXEC|O_NONBLOCK);
    if (fd == -1) {
        return NGX_ERROR;
    }

    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)
        || st.st_size > NGX_HTTP_MLOPS_ROOM_FILE)
    {
        goto failed;
    }

    content->data = ngx_pnalloc(r->pool, st.st_size + 1);
    if (content->data == NULL) {
        goto failed;
    }

    n = read(fd, content->data, st.st_size);

    if (n == -1) {
        goto failed;
    }

    content->len = n;

    (void) close(fd);

    return NGX_OK;

failed:

    (void) close(fd);

    return NGX_ERROR;
}


static int ngx_libc_cdecl
ngx_http_mlops_room_cmp(const void *one, const void *two)
{
    const ngx_str_t  *a, *b;

    a = one;
    b = two;

    return ngx_strcmp(a->data, b->data);
}
