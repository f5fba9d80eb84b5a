/*
 * Rows of a file as JSON objects: lines of JSON as they are, rows of CSV
 * under the names of their header.  A cell that is a JSON number stays one,
 * an empty cell is null, all else is a string.
 */

#include "mlopsctl_replay.h"

#include "mlops_doc.h"
#include "mlops_num.h"
#include "mlops_request.h"

#include <math.h>
#include <stdlib.h>


#define MLOPSCTL_REPLAY_COLUMNS  4096


struct mlopsctl_replay_rows_s {
    mlops_event_file_t  *file;
    const char          *key;
    const char          *time;
    double               unit_us;
    uint32_t             names_n;       /* of CSV */
    mlops_str_t         *names;         /* quoted as JSON */
    mlops_arena_t        names_arena;
    mlops_arena_t        arena;         /* of a row */
};


static int mlopsctl_replay_header(mlopsctl_replay_rows_t *rows,
    mlops_err_t *err);
static int mlopsctl_replay_csv(mlopsctl_replay_rows_t *rows,
    const mlops_record_t *record, mlops_str_t *json, mlops_err_t *err);
static char *mlopsctl_replay_cell(char *p, const mlops_str_t *cell,
    int quoted);
static const char *mlopsctl_replay_split(const char *p, const char *end,
    char *room, mlops_str_t *cell, int *quoted);
static int mlopsctl_replay_fields(mlopsctl_replay_rows_t *rows,
    mlopsctl_replay_row_t *row, mlops_err_t *err);


mlopsctl_replay_rows_t *
mlopsctl_replay_rows_create(mlops_event_file_t *file, const char *key,
    const char *time, double unit_us, mlops_err_t *err)
{
    mlopsctl_replay_rows_t  *rows;

    rows = calloc(1, sizeof(*rows));

    if (rows == NULL) {
        (void) mlops_err_set(err, "out of memory");
        return NULL;
    }

    rows->file = file;
    rows->key = key;
    rows->time = time;
    rows->unit_us = unit_us;
    mlops_arena_init(&rows->names_arena, NULL, NULL);
    mlops_arena_init(&rows->arena, NULL, NULL);

    if (mlops_event_file_header(file).len != 0
        && mlopsctl_replay_header(rows, err) != MLOPS_OK)
    {
        mlopsctl_replay_rows_destroy(rows);
        return NULL;
    }

    return rows;
}


void
mlopsctl_replay_rows_destroy(mlopsctl_replay_rows_t *rows)
{
    mlops_arena_destroy(&rows->names_arena);
    mlops_arena_destroy(&rows->arena);
    free(rows);
}


static int
mlopsctl_replay_header(mlopsctl_replay_rows_t *rows, mlops_err_t *err)
{
    int           quoted;
    char         *room, *end;
    const char   *p;
    mlops_str_t   header, cell;

    header = mlops_event_file_header(rows->file);
    room = mlops_arena_alloc(&rows->names_arena, header.len);
    rows->names = mlops_arena_alloc(&rows->names_arena,
                                    MLOPSCTL_REPLAY_COLUMNS
                                    * sizeof(mlops_str_t));

    if (room == NULL || rows->names == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    p = header.data;

    do {
        p = mlopsctl_replay_split(p, header.data + header.len, room, &cell,
                                  &quoted);

        if (rows->names_n == MLOPSCTL_REPLAY_COLUMNS) {
            return mlops_err_set(err, "line 1: expected at most %d columns",
                                 MLOPSCTL_REPLAY_COLUMNS);
        }

        end = mlops_arena_alloc(&rows->names_arena, 6 * cell.len + 2);

        if (end == NULL) {
            return mlops_err_set(err, "out of memory");
        }

        rows->names[rows->names_n].data = end;
        rows->names[rows->names_n].len =
                 (size_t) (mlops_json_quote(end, cell.data, cell.len) - end);
        rows->names_n++;

    } while (p != NULL);

    return MLOPS_OK;
}


int
mlopsctl_replay_rows_read(mlopsctl_replay_rows_t *rows,
    const mlops_record_t *record, mlopsctl_replay_row_t *row,
    mlops_err_t *err)
{
    mlops_arena_destroy(&rows->arena);
    mlops_arena_init(&rows->arena, NULL, NULL);

    memset(row, 0, sizeof(*row));
    row->time_us = -1;

    if (rows->names_n == 0) {
        row->json = record->value;

    } else if (mlopsctl_replay_csv(rows, record, &row->json, err)
               != MLOPS_OK)
    {
        goto failed;
    }

    if ((rows->key == NULL && rows->time == NULL)
        || mlopsctl_replay_fields(rows, row, err) == MLOPS_OK)
    {
        return MLOPS_OK;
    }

failed:

    return mlops_err_prefix(err, "line %llu", (unsigned long long)
                            mlops_event_file_line(rows->file));
}


static int
mlopsctl_replay_csv(mlopsctl_replay_rows_t *rows,
    const mlops_record_t *record, mlops_str_t *json, mlops_err_t *err)
{
    int           quoted;
    char         *p, *start, *room;
    size_t        len;
    uint32_t      i;
    const char   *at, *end;
    mlops_str_t   cell;

    len = 6 * record->value.len + 2;

    for (i = 0; i < rows->names_n; i++) {
        len += rows->names[i].len + 8;
    }

    start = mlops_arena_alloc(&rows->arena, len);
    room = mlops_arena_alloc(&rows->arena, record->value.len);

    if (start == NULL || room == NULL) {
        return mlops_err_set(err, "out of memory for a row");
    }

    p = start;
    at = record->value.data;
    end = at + record->value.len;

    for (i = 0; at != NULL; i++) {

        if (i == rows->names_n) {
            return mlops_err_set(err, "expected %u cells, got more",
                                 rows->names_n);
        }

        at = mlopsctl_replay_split(at, end, room, &cell, &quoted);

        *p++ = (i == 0) ? '{' : ',';
        memcpy(p, rows->names[i].data, rows->names[i].len);
        p += rows->names[i].len;
        *p++ = ':';
        p = mlopsctl_replay_cell(p, &cell, quoted);
    }

    if (i != rows->names_n) {
        return mlops_err_set(err, "expected %u cells, got %u", rows->names_n,
                             i);
    }

    *p++ = '}';

    json->data = start;
    json->len = (size_t) (p - start);

    return MLOPS_OK;
}


static char *
mlopsctl_replay_cell(char *p, const mlops_str_t *cell, int quoted)
{
    double       value;
    const char  *end;

    if (cell->len == 0 && !quoted) {
        memcpy(p, "null", 4);
        return p + 4;
    }

    if (!quoted) {
        end = mlops_parse_double(cell->data, cell->data + cell->len, &value);

        if (end == cell->data + cell->len && isfinite(value)) {
            memcpy(p, cell->data, cell->len);
            return p + cell->len;
        }
    }

    return mlops_json_quote(p, cell->data, cell->len);
}


/* One cell; the place behind its comma, or NULL at the end.  room takes the
 * text of a cell in quotes. */

static const char *
mlopsctl_replay_split(const char *p, const char *end, char *room,
    mlops_str_t *cell, int *quoted)
{
    char  *to;

    *quoted = (p < end && *p == '"');

    if (!*quoted) {
        cell->data = p;

        while (p < end && *p != ',') {
            p++;
        }

        cell->len = (size_t) (p - cell->data);

        return (p == end) ? NULL : p + 1;
    }

    to = room;

    for (p++; p < end; p++) {

        if (*p == '"') {

            if (p + 1 == end || p[1] != '"') {
                p++;
                break;
            }

            p++;
        }

        *to++ = *p;
    }

    cell->data = room;
    cell->len = (size_t) (to - room);

    while (p < end && *p != ',') {
        p++;
    }

    return (p >= end) ? NULL : p + 1;
}


static int
mlopsctl_replay_fields(mlopsctl_replay_rows_t *rows,
    mlopsctl_replay_row_t *row, mlops_err_t *err)
{
    double              time;
    const mlops_doc_t  *doc, *member;

    doc = mlops_doc_parse(row->json.data, row->json.len, 0, &rows->arena,
                          err);
    if (doc == NULL) {
        return MLOPS_ERROR;
    }

    if (rows->key != NULL) {
        member = mlops_doc_get(doc, rows->key);

        if (member == NULL || (member->type != MLOPS_DOC_STRING
                               && member->type != MLOPS_DOC_NUMBER))
        {
            return mlops_err_set(err, "field \"%s\": expected a string or a "
                                 "number for the key", rows->key);
        }

        row->key = member->v.text;
    }

    if (rows->time != NULL) {
        member = mlops_doc_get(doc, rows->time);

        if (member == NULL || mlops_doc_double(member, &time) != MLOPS_OK
            || !(time * rows->unit_us >= 0)
            || !(time * rows->unit_us < 9.2e18))
        {
            return mlops_err_set(err, "field \"%s\": expected a time",
                                 rows->time);
        }

        row->time_us = (int64_t) llround(time * rows->unit_us);
    }

    return MLOPS_OK;
}
