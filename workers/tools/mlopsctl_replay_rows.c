/*
 * Rows of a file as JSON objects: lines of JSON as they are, rows of CSV
 * under the names of their header.  A cell that is a JSON number stays one,
 * an empty cell is null, all else is a string.
 */

#include "mlopsctl_replay.h"

#include "mlops_csv.h"
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
static char *mlopsctl_replay_cell(char *p, const mlops_csv_cell_t *cell,
    char *room);
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
    char              *room, *text;
    size_t             len;
    const char        *p, *end;
    mlops_str_t        header;
    mlops_csv_cell_t   cell;

    header = mlops_event_file_header(rows->file);
    end = header.data + header.len;
    room = mlops_arena_alloc(&rows->names_arena, header.len);
    rows->names = mlops_arena_alloc(&rows->names_arena,
                                    MLOPSCTL_REPLAY_COLUMNS
                                    * sizeof(mlops_str_t));

    if (room == NULL || rows->names == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    p = mlops_csv_start(header.data, end);

    for ( ;; ) {
        p = mlops_csv_cell(header.data, p, end, &cell, err);

        if (p == NULL) {
            return mlops_err_prefix(err, "line 1");
        }

        if (rows->names_n == MLOPSCTL_REPLAY_COLUMNS) {
            return mlops_err_set(err, "line 1: expected at most %d columns",
                                 MLOPSCTL_REPLAY_COLUMNS);
        }

        text = mlops_arena_alloc(&rows->names_arena, 6 * cell.len + 2);

        if (text == NULL) {
            return mlops_err_set(err, "out of memory");
        }

        len = mlops_csv_unquote(room, cell.p, cell.len);
        len = (size_t) (mlops_json_quote(text, room, len) - text);

        rows->names[rows->names_n].data = text;
        rows->names[rows->names_n].len = len;
        rows->names_n++;

        if (p == end) {
            return MLOPS_OK;
        }

        p++;
    }
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
    int                more;
    char              *to, *start, *room;
    size_t             len;
    uint32_t           i;
    const char        *p, *end;
    mlops_csv_cell_t   cell;

    len = 6 * record->value.len + 2;

    for (i = 0; i < rows->names_n; i++) {
        len += rows->names[i].len + 8;
    }

    start = mlops_arena_alloc(&rows->arena, len);
    room = mlops_arena_alloc(&rows->arena, record->value.len);

    if (start == NULL || room == NULL) {
        return mlops_err_set(err, "out of memory for a row");
    }

    to = start;
    p = record->value.data;
    end = p + record->value.len;
    more = 1;

    for (i = 0; more; i++) {

        if (i == rows->names_n) {
            return mlops_err_set(err, "expected %u cells, got more",
                                 rows->names_n);
        }

        p = mlops_csv_cell(record->value.data, p, end, &cell, err);

        if (p == NULL) {
            return MLOPS_ERROR;
        }

        *to++ = (i == 0) ? '{' : ',';
        memcpy(to, rows->names[i].data, rows->names[i].len);
        to += rows->names[i].len;
        *to++ = ':';
        to = mlopsctl_replay_cell(to, &cell, room);

        more = (p < end);
        p += more;
    }

    if (i != rows->names_n) {
        return mlops_err_set(err, "expected %u cells, got %u", rows->names_n,
                             i);
    }

    *to++ = '}';

    json->data = start;
    json->len = (size_t) (to - start);

    return MLOPS_OK;
}


static char *
mlopsctl_replay_cell(char *p, const mlops_csv_cell_t *cell, char *room)
{
    double       value;
    const char  *end;

    if (cell->quoted) {
        return mlops_json_quote(p, room, mlops_csv_unquote(room, cell->p,
                                                           cell->len));
    }

    if (cell->len == 0) {
        memcpy(p, "null", 4);
        return p + 4;
    }

    end = mlops_parse_double(cell->p, cell->p + cell->len, &value);

    if (end == cell->p + cell->len && isfinite(value)) {
        memcpy(p, cell->p, cell->len);
        return p + cell->len;
    }

    return mlops_json_quote(p, cell->p, cell->len);
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
