/*
 * What the readers of formats fill: one event of a view, its fields as
 * cells.  Internal to the intake.
 *
 * String cells point into text: into the record's own value as long as that
 * can stay as it is, and into a copy of it in room once a string has escapes
 * to resolve (each is rewritten in its place, so that offsets stay true).
 *
 * A format is one line of a table (mlops_intake.c): a function that takes the
 * record, finds the value, and fills the cells.  Debezium, Avro and Protobuf
 * will be three more lines.
 */

#ifndef MLOPS_INTAKE_EVENT_H
#define MLOPS_INTAKE_EVENT_H


#include "mlops_intake.h"
#include "mlops_num.h"
#include "mlops_scan.h"


#define MLOPS_EVENT_DEPTH   64              /* of values that are skipped */
#define MLOPS_EVENT_BYTES   (1u << 30)      /* of a record: offsets in cells
                                               have 32 bits */


typedef struct {
    const mlops_plan_view_t  *view;
    const mlops_schema_t     *schema;       /* the view's event */
    uint32_t                  words;        /* of bits */

    mlops_cell_t             *cells;
    uint64_t                 *present;
    uint64_t                 *seen;
    const mlops_cell_t       *empty;        /* cells of an event without
                                               fields */
    const char               *text;

    char                     *room;
    size_t                    room_size;
    size_t                    room_len;     /* of what was decoded there */

    int32_t                  *map;          /* CSV: columns of the file */
    uint32_t                  map_n;
    mlops_arena_t            *arena;
} mlops_intake_event_t;


typedef mlops_intake_verdict_t (*mlops_intake_format_pt)(
    mlops_intake_event_t *event, const mlops_record_t *record,
    mlops_err_t *err);


/* An event without fields, whose strings point into data. */
void mlops_event_start(mlops_intake_event_t *event, const char *data);
/* Room for size bytes; what it held is kept.  NULL: err. */
char *mlops_event_room(mlops_intake_event_t *event, size_t size,
    mlops_err_t *err);
/* "field "x": expected …, got …"; both return MLOPS_ERROR. */
int mlops_event_expected(const mlops_column_t *column, const char *expected,
    const char *p, const char *end, mlops_err_t *err);
int mlops_event_syntax(const char *data, const char *p, const char *end,
    const char *expected, mlops_err_t *err);


/* One JSON object with the fields as members; nothing else stands in
 * [data, data + len). */
int mlops_event_json(mlops_intake_event_t *event, const char *data,
    size_t len, mlops_err_t *err);

mlops_intake_verdict_t mlops_event_cloud(mlops_intake_event_t *event,
    const mlops_record_t *record, mlops_err_t *err);

/* The columns that a header of names stands for, and one row of values. */
int mlops_event_csv_header(mlops_intake_event_t *event, const char *data,
    size_t len, mlops_err_t *err);
int mlops_event_csv(mlops_intake_event_t *event, const char *data,
    size_t len, mlops_err_t *err);


/*
 * RFC 3339 ("2026-01-31T12:00:00.5+01:00") as microseconds: date, time, up to
 * 9 digits of a fraction (those behind the sixth are cut off), an offset or
 * 'Z'.  NULL where it is none; otherwise the end of it.
 */
const char *mlops_time_parse(const char *p, const char *end, int64_t *us);


#endif /* MLOPS_INTAKE_EVENT_H */
