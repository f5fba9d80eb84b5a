/*
 * Codes of strings: the dictionary of a column, by first appearance.
 */

#include "mlops_frame_job.h"

#include <stdlib.h>


#define MLOPS_FRAME_TEXTS  (16u * 1024)     /* bytes taken at once */


void
mlops_frame_dict_init(mlops_frame_dict_t *dict)
{
    memset(dict, 0, sizeof(*dict));
    mlops_arena_init(&dict->arena, NULL, NULL);
    dict->last = MLOPS_MATRIX_NONE;
}


void
mlops_frame_dict_free(mlops_frame_dict_t *dict)
{
    free(dict->slots);
    free(dict->hashes);
    free(dict->rows);
    free(dict->texts);
    mlops_arena_destroy(&dict->arena);
}


uint32_t
mlops_frame_dict_find(const mlops_frame_dict_t *dict, const char *data,
    size_t len, uint32_t *hash)
{
    uint32_t  i, code;

    *hash = (uint32_t) mlops_hash_name(data, len, 0);

    if (dict->slots == NULL) {
        return MLOPS_MATRIX_NONE;
    }

    for (i = *hash & dict->mask; dict->slots[i] != 0;
         i = (i + 1) & dict->mask)
    {
        code = dict->slots[i] - 1;

        if (dict->hashes[code] == *hash
            && mlops_str_eq(&dict->texts[code], data, len))
        {
            return code;
        }
    }

    return MLOPS_MATRIX_NONE;
}


static int
mlops_frame_dict_grow(mlops_frame_dict_t *dict)
{
    void      *grown;
    uint32_t   i, code, room, *slots;

    if (dict->room > UINT32_MAX / 4) {
        return MLOPS_ERROR;
    }

    room = dict->room ? dict->room * 2 : 16;

    grown = realloc(dict->hashes, room * sizeof(uint32_t));

    if (grown == NULL) {
        return MLOPS_ERROR;
    }

    dict->hashes = grown;
    grown = realloc(dict->rows, room * sizeof(uint32_t));

    if (grown == NULL) {
        return MLOPS_ERROR;
    }

    dict->rows = grown;
    grown = realloc(dict->texts, room * sizeof(mlops_str_t));

    if (grown == NULL) {
        return MLOPS_ERROR;
    }

    dict->texts = grown;
    slots = calloc((size_t) room * 2, sizeof(uint32_t));

    if (slots == NULL) {
        return MLOPS_ERROR;
    }

    free(dict->slots);
    dict->slots = slots;
    dict->mask = room * 2 - 1;
    dict->room = room;

    for (code = 0; code < dict->n; code++) {
        for (i = dict->hashes[code] & dict->mask; slots[i] != 0;
             i = (i + 1) & dict->mask)
        {
            /* void */
        }

        slots[i] = code + 1;
    }

    return MLOPS_OK;
}


/* Texts stand one behind the other: an arena would align each. */

static char *
mlops_frame_dict_room(mlops_frame_dict_t *dict, size_t len)
{
    char    *p;
    size_t   n;

    if (len > (size_t) (dict->end - dict->pos)) {
        n = (len > MLOPS_FRAME_TEXTS) ? len : MLOPS_FRAME_TEXTS;
        p = mlops_arena_alloc(&dict->arena, n);

        if (p == NULL) {
            return NULL;
        }

        if (n == len) {
            return p;
        }

        dict->pos = p;
        dict->end = p + n;
    }

    p = dict->pos;
    dict->pos += len;

    return p;
}


uint32_t
mlops_frame_dict_add(mlops_frame_dict_t *dict, const char *data, size_t len,
    uint32_t hash, uint64_t row)
{
    char      *p;
    uint32_t   i, code;

    if (dict->n == dict->room && mlops_frame_dict_grow(dict) != MLOPS_OK) {
        return MLOPS_MATRIX_NONE;
    }

    p = mlops_frame_dict_room(dict, len);

    if (p == NULL) {
        return MLOPS_MATRIX_NONE;
    }

    if (len != 0) {
        memcpy(p, data, len);
    }

    code = dict->n++;
    dict->hashes[code] = hash;
    dict->rows[code] = (uint32_t) row;
    dict->texts[code].data = p;
    dict->texts[code].len = len;

    for (i = hash & dict->mask; dict->slots[i] != 0;
         i = (i + 1) & dict->mask)
    {
        /* void */
    }

    dict->slots[i] = code + 1;

    return code;
}


/* The dictionary becomes the column's: its texts move to the frame. */

static int
mlops_frame_keep(mlops_frame_job_t *job, const mlops_frame_dict_t *dict,
    mlops_frame_column_t *column)
{
    char         *p;
    size_t        len;
    uint32_t      i;
    mlops_str_t  *texts;

    for (i = 0, len = 0; i < dict->n; i++) {
        len += dict->texts[i].len;
    }

    texts = mlops_arena_alloc(job->arena, dict->n * sizeof(mlops_str_t));
    p = mlops_arena_alloc(job->arena, len);

    if (texts == NULL || p == NULL) {
        return mlops_err_set(job->err, "%s: out of memory for %u different "
                             "texts of column \"%.*s\"", job->name, dict->n,
                             mlops_fmt(&column->view.name));
    }

    for (i = 0; i < dict->n; i++) {
        texts[i].data = p;
        texts[i].len = dict->texts[i].len;

        if (texts[i].len != 0) {
            memcpy(p, dict->texts[i].data, texts[i].len);
        }

        p += texts[i].len;
    }

    column->view.categories = texts;
    column->view.categories_n = dict->n;

    return MLOPS_OK;
}


/*
 * A worker takes its chunks in the order of the file, so its texts stand in
 * the order of their first rows: the smallest first row of all heads is next.
 */

static int
mlops_frame_merge(mlops_frame_dict_t *all, mlops_frame_worker_t *workers,
    uint32_t workers_n, uint32_t field, uint32_t **maps, uint32_t *heads)
{
    uint32_t             best, code, hash, i;
    mlops_frame_dict_t  *dict;

    memset(heads, 0, workers_n * sizeof(uint32_t));

    for ( ;; ) {
        best = workers_n;

        for (i = 0; i < workers_n; i++) {
            dict = &workers[i].dicts[field];

            if (heads[i] < dict->n
                && (best == workers_n
                    || dict->rows[heads[i]]
                       < workers[best].dicts[field].rows[heads[best]]))
            {
                best = i;
            }
        }

        if (best == workers_n) {
            return MLOPS_OK;
        }

        dict = &workers[best].dicts[field];
        i = heads[best]++;
        code = mlops_frame_dict_find(all, dict->texts[i].data,
                                     dict->texts[i].len, &hash);

        if (code == MLOPS_MATRIX_NONE) {
            code = mlops_frame_dict_add(all, dict->texts[i].data,
                                        dict->texts[i].len, hash,
                                        dict->rows[i]);
        }

        if (code == MLOPS_MATRIX_NONE) {
            return MLOPS_ERROR;
        }

        maps[best][i] = code;
    }
}


static void
mlops_frame_recode(mlops_frame_job_t *job, uint32_t *codes, uint32_t **maps)
{
    uint32_t         i, *map;
    uint64_t         row, first, last;

    for (i = 0; i < job->chunks_n; i++) {
        map = maps[job->owners[i]];
        first = job->chunks[i].row;
        first -= (first != 0) ? job->names_n : 0;
        last = job->chunks[i + 1].row - job->names_n;

        for (row = first; row < last; row++) {
            if (codes[row] != MLOPS_MATRIX_NONE) {
                codes[row] = map[codes[row]];
            }
        }
    }
}


int
mlops_frame_codes(mlops_frame_job_t *job, mlops_frame_worker_t *workers,
    uint32_t workers_n, uint32_t field)
{
    int                    rc;
    uint32_t               i, *heads, **maps;
    mlops_frame_dict_t     all;
    mlops_frame_column_t  *column;

    column = &job->frame->columns[job->fields[field].column];

    if (workers_n == 1) {
        return mlops_frame_keep(job, &workers[0].dicts[field], column);
    }

    mlops_frame_dict_init(&all);
    heads = calloc(workers_n, sizeof(uint32_t));
    maps = calloc(workers_n, sizeof(uint32_t *));
    rc = (heads == NULL || maps == NULL) ? MLOPS_ERROR : MLOPS_OK;

    for (i = 0; i < workers_n && rc == MLOPS_OK; i++) {
        maps[i] = malloc(workers[i].dicts[field].n * sizeof(uint32_t) + 1);
        rc = (maps[i] == NULL) ? MLOPS_ERROR : MLOPS_OK;
    }

    if (rc == MLOPS_OK) {
        rc = mlops_frame_merge(&all, workers, workers_n, field, maps, heads);
    }

    if (rc == MLOPS_OK) {
        mlops_frame_recode(job, job->fields[field].data, maps);
        rc = mlops_frame_keep(job, &all, column);

    } else {
        (void) mlops_err_set(job->err, "%s: out of memory for the texts of "
                             "column \"%.*s\"", job->name,
                             mlops_fmt(&column->view.name));
    }

    for (i = 0; maps != NULL && i < workers_n; i++) {
        free(maps[i]);
    }

    free(maps);
    free(heads);
    mlops_frame_dict_free(&all);

    return rc;
}
