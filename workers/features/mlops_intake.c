/*
 * Intake: the table of formats, and what makes an event of the fields.
 */

#include "mlops_intake_event.h"

#include <stdlib.h>


#define MLOPS_TIME_MAX_US  9223372036854775     /* 2262-04-11: where int64
                                                   nanoseconds end */


struct mlops_intake_s {
    mlops_intake_event_t      event;
    mlops_intake_format_pt    read;
    const mlops_plan_view_t  *view;
    mlops_arena_t             arena;
    int64_t                   cut_us;
    int                       before;

    /* by partition + 1 */
    int64_t                   clocks[MLOPS_PARTITIONS_MAX + 1];
    int64_t                   seen[MLOPS_PARTITIONS_MAX + 1];
};


static mlops_intake_verdict_t mlops_intake_object(
    mlops_intake_event_t *event, const mlops_record_t *record,
    mlops_err_t *err);
static mlops_intake_verdict_t mlops_intake_row(mlops_intake_event_t *event,
    const mlops_record_t *record, mlops_err_t *err);
static int mlops_intake_key(const mlops_intake_t *intake, mlops_key_t *key,
    mlops_err_t *err);
static int mlops_intake_time(const mlops_intake_t *intake, int64_t *ts_us,
    mlops_err_t *err);
static mlops_intake_verdict_t mlops_intake_place(mlops_intake_t *intake,
    const mlops_record_t *record, int64_t ts_us, mlops_err_t *err);


/* Debezium, Avro and Protobuf belong here: one line each, and a file that
 * fills the cells. */

static const struct {
    mlops_format_t           format;
    mlops_intake_format_pt   read;
} mlops_intake_formats[] = {
    { MLOPS_FORMAT_JSON, mlops_intake_object },
    { MLOPS_FORMAT_CLOUDEVENTS, mlops_event_cloud },
    { MLOPS_FORMAT_CSV, mlops_intake_row }
};


static const char *const  mlops_intake_names[MLOPS_INTAKE_N] = {
    "accepted", "other", "tombstone", "cut", "late", "future", "malformed"
};


const char *
mlops_intake_verdict_name(mlops_intake_verdict_t verdict)
{
    return mlops_intake_names[verdict];
}


mlops_intake_t *
mlops_intake_create(const mlops_plan_view_t *view, mlops_err_t *err)
{
    uint32_t         i, n;
    mlops_cell_t    *empty;
    mlops_intake_t  *intake;

    intake = calloc(1, sizeof(mlops_intake_t));

    if (intake == NULL) {
        (void) mlops_err_set(err, "out of memory for the intake of view "
                             "\"%.*s\"", mlops_fmt(&view->name));
        return NULL;
    }

    mlops_arena_init(&intake->arena, NULL, NULL);

    n = view->event.n;
    intake->view = view;
    intake->cut_us = INT64_MIN;

    for (i = 0; i <= MLOPS_PARTITIONS_MAX; i++) {
        intake->clocks[i] = INT64_MIN;
        intake->seen[i] = INT64_MIN;
    }

    for (i = 0; i < mlops_nitems(mlops_intake_formats); i++) {
        if (mlops_intake_formats[i].format == view->format) {
            intake->read = mlops_intake_formats[i].read;
        }
    }

    intake->event.view = view;
    intake->event.schema = &view->event;
    intake->event.words = mlops_row_words(n);
    intake->event.arena = &intake->arena;
    intake->event.cells = mlops_arena_calloc(&intake->arena, n,
                                             sizeof(mlops_cell_t));
    intake->event.present = mlops_arena_calloc(&intake->arena,
                                               intake->event.words,
                                               sizeof(uint64_t));
    intake->event.seen = mlops_arena_calloc(&intake->arena,
                                            intake->event.words,
                                            sizeof(uint64_t));
    empty = mlops_arena_calloc(&intake->arena, n, sizeof(mlops_cell_t));
    intake->event.empty = empty;

    if (intake->event.cells == NULL || intake->event.present == NULL
        || intake->event.seen == NULL || empty == NULL)
    {
        (void) mlops_err_set(err, "out of memory for the %u fields of view "
                             "\"%.*s\"", (unsigned) n,
                             mlops_fmt(&view->name));
        mlops_intake_destroy(intake);
        return NULL;
    }

    for (i = 0; i < n; i++) {
        if (view->event.columns[i].kind == MLOPS_CELL_DOUBLE) {
            empty[i].f = NAN;
        }
    }

    return intake;
}


void
mlops_intake_destroy(mlops_intake_t *intake)
{
    if (intake == NULL) {
        return;
    }

    free(intake->event.room);
    mlops_arena_destroy(&intake->arena);
    free(intake);
}


void
mlops_intake_json(mlops_intake_t *intake)
{
    intake->read = mlops_intake_object;
}


int
mlops_intake_csv(mlops_intake_t *intake, const mlops_str_t *header,
    mlops_err_t *err)
{
    intake->read = mlops_intake_row;

    return mlops_event_csv_header(&intake->event, header->data, header->len,
                                  err);
}


int
mlops_intake_csv_lacks(const mlops_intake_t *intake)
{
    uint32_t  i;

    for (i = 0; i < intake->view->event.n; i++) {
        if (!mlops_bit(intake->event.seen, i)) {
            return (int) i;
        }
    }

    return -1;
}


void
mlops_intake_cut(mlops_intake_t *intake, int64_t cut_us, int before)
{
    intake->cut_us = cut_us;
    intake->before = before;
}


int64_t
mlops_intake_clock(const mlops_intake_t *intake, int32_t partition)
{
    return intake->clocks[partition + 1];
}


void
mlops_intake_set_clock(mlops_intake_t *intake, int32_t partition,
    int64_t max_ts_us)
{
    intake->clocks[partition + 1] = max_ts_us;
    intake->seen[partition + 1] = max_ts_us;
}


mlops_intake_verdict_t
mlops_intake_read(mlops_intake_t *intake, const mlops_record_t *record,
    mlops_event_t *event, mlops_key_t *key, uint64_t *hash, mlops_err_t *err)
{
    int64_t                  ts_us;
    mlops_intake_verdict_t   verdict;

    ts_us = 0;

    if (record->value.data == NULL) {
        return MLOPS_INTAKE_TOMBSTONE;
    }

    if (mlops_unlikely(record->value.len > MLOPS_EVENT_BYTES
                       || record->partition < -1
                       || record->partition >= MLOPS_PARTITIONS_MAX))
    {
        (void) mlops_err_set(err, "expected at most %u bytes and a partition "
                             "below %d, got %zu bytes in partition %d",
                             MLOPS_EVENT_BYTES, MLOPS_PARTITIONS_MAX,
                             record->value.len, (int) record->partition);
        return MLOPS_INTAKE_MALFORMED;
    }

    verdict = intake->read(&intake->event, record, err);

    if (mlops_unlikely(verdict != MLOPS_INTAKE_ACCEPTED)) {
        return verdict;
    }

    if (mlops_unlikely(mlops_intake_key(intake, key, err) != MLOPS_OK
                       || mlops_intake_time(intake, &ts_us, err) != MLOPS_OK))
    {
        return MLOPS_INTAKE_MALFORMED;
    }

    verdict = mlops_intake_place(intake, record, ts_us, err);

    if (mlops_unlikely(verdict != MLOPS_INTAKE_ACCEPTED)) {
        return verdict;
    }

    event->ts_us = ts_us;
    event->offset = record->offset;
    event->partition = record->partition;
    event->cells = intake->event.cells;
    event->present = intake->event.present;
    event->text = intake->event.text;

    *hash = mlops_key_hash(intake->view->entity_type, key);

    return MLOPS_INTAKE_ACCEPTED;
}


static mlops_intake_verdict_t
mlops_intake_object(mlops_intake_event_t *event, const mlops_record_t *record,
    mlops_err_t *err)
{
    if (mlops_event_json(event, record->value.data, record->value.len, err)
        != MLOPS_OK)
    {
        return MLOPS_INTAKE_MALFORMED;
    }

    return MLOPS_INTAKE_ACCEPTED;
}


static mlops_intake_verdict_t
mlops_intake_row(mlops_intake_event_t *event, const mlops_record_t *record,
    mlops_err_t *err)
{
    if (mlops_event_csv(event, record->value.data, record->value.len, err)
        != MLOPS_OK)
    {
        return MLOPS_INTAKE_MALFORMED;
    }

    return MLOPS_INTAKE_ACCEPTED;
}


static int
mlops_intake_key(const mlops_intake_t *intake, mlops_key_t *key,
    mlops_err_t *err)
{
    const mlops_cell_t       *cell;
    const mlops_column_t     *column;
    const mlops_plan_view_t  *view;

    view = intake->view;
    cell = &intake->event.cells[view->entity];
    column = &view->event.columns[view->entity];

    if (mlops_unlikely(!mlops_bit(intake->event.present, view->entity))) {
        return mlops_err_set(err, "field \"%.*s\": expected the entity, got "
                             "none", mlops_fmt(&column->name));
    }

    if (view->entity_type == MLOPS_TYPE_INT64) {
        key->number = cell->i;
        key->text.data = NULL;
        key->text.len = 0;

        return MLOPS_OK;
    }

    key->number = 0;
    key->text.data = intake->event.text + cell->s.off;
    key->text.len = cell->s.len;

    if (mlops_unlikely(cell->s.len == 0 || cell->s.len > view->entity_bytes))
    {
        return mlops_err_set(err, "field \"%.*s\": expected an entity of 1 "
                             "to %u bytes, got %u", mlops_fmt(&column->name),
                             (unsigned) view->entity_bytes,
                             (unsigned) cell->s.len);
    }

    return MLOPS_OK;
}


static int
mlops_intake_time(const mlops_intake_t *intake, int64_t *ts_us,
    mlops_err_t *err)
{
    char                      got[MLOPS_DOUBLE_LEN], *end;
    double                    us;
    int64_t                   ts;
    const char               *p;
    const mlops_cell_t       *cell;
    const mlops_column_t     *column;
    const mlops_plan_view_t  *view;

    view = intake->view;

    if (view->time == MLOPS_NO_FIELD) {
        *ts_us = 0;
        return MLOPS_OK;
    }

    cell = &intake->event.cells[view->time];
    column = &view->event.columns[view->time];

    if (mlops_unlikely(!mlops_bit(intake->event.present, view->time))) {
        return mlops_err_set(err, "field \"%.*s\": expected the event time, "
                             "got none", mlops_fmt(&column->name));
    }

    switch (column->kind) {

    case MLOPS_CELL_DOUBLE:
        us = rint(cell->f * view->unit_us);

        if (mlops_likely(us >= 0 && us <= (double) MLOPS_TIME_MAX_US)) {
            *ts_us = (int64_t) us;
            return MLOPS_OK;
        }

        end = mlops_print_double(got, cell->f);
        break;

    case MLOPS_CELL_INT:
        ts = cell->i;

        if (view->unit_us >= 1) {
            ts = (ts > MLOPS_TIME_MAX_US / (int64_t) view->unit_us)
                 ? INT64_MAX : ts * (int64_t) (ts < 0 ? 1 : view->unit_us);

        } else if (ts >= 0) {
            ts /= 1000;
        }

        if (mlops_likely(ts >= 0 && ts <= MLOPS_TIME_MAX_US)) {
            *ts_us = ts;
            return MLOPS_OK;
        }

        end = mlops_print_int64(got, cell->i);
        break;

    default:
        p = intake->event.text + cell->s.off;

        if (mlops_likely(mlops_time_parse(p, p + cell->s.len, &ts)
                         == p + cell->s.len
                         && ts >= 0 && ts <= MLOPS_TIME_MAX_US))
        {
            *ts_us = ts;
            return MLOPS_OK;
        }

        return mlops_err_set(err, "field \"%.*s\": expected a time of RFC "
                             "3339 with its offset, from 1970 to 2262, got "
                             "\"%.*s\"", mlops_fmt(&column->name),
                             (cell->s.len > 40) ? 40 : (int) cell->s.len, p);
    }

    return mlops_err_set(err, "field \"%.*s\": expected a time from 1970 to "
                         "2262, got %.*s", mlops_fmt(&column->name),
                         (int) (end - got), got);
}


/* Where the event stands in its partition's time. */

static mlops_intake_verdict_t
mlops_intake_place(mlops_intake_t *intake, const mlops_record_t *record,
    int64_t ts_us, mlops_err_t *err)
{
    int                       cut;
    int64_t                  *seen, *clock;
    const mlops_plan_view_t  *view;

    view = intake->view;
    seen = &intake->seen[record->partition + 1];
    clock = &intake->clocks[record->partition + 1];

    if (mlops_unlikely(record->timestamp_us >= 0
                       && ts_us - view->skew_us > record->timestamp_us))
    {
        (void) mlops_err_set(err, "event time %lld us: expected at most the "
                             "record's %lld us and %lld us of skew",
                             (long long) ts_us,
                             (long long) record->timestamp_us,
                             (long long) view->skew_us);
        return MLOPS_INTAKE_FUTURE;
    }

    cut = (intake->cut_us != INT64_MIN
           && (ts_us < intake->cut_us) != intake->before);

    if (ts_us > *seen) {
        *seen = ts_us;

    } else if (mlops_unlikely(!cut && ts_us < *seen - view->lateness_us)) {
        (void) mlops_err_set(err, "event time %lld us: expected at least "
                             "%lld us, the partition's newest event less "
                             "lateness", (long long) ts_us,
                             (long long) (*seen - view->lateness_us));
        return MLOPS_INTAKE_LATE;
    }

    if (cut && intake->before) {
        return MLOPS_INTAKE_CUT;
    }

    if (ts_us > *clock) {
        *clock = ts_us;
    }

    return cut ? MLOPS_INTAKE_CUT : MLOPS_INTAKE_ACCEPTED;
}


void
mlops_event_start(mlops_intake_event_t *event, const char *data)
{
    memcpy(event->cells, event->empty,
           event->schema->n * sizeof(mlops_cell_t));
    memset(event->present, 0, event->words * sizeof(uint64_t));
    memset(event->seen, 0, event->words * sizeof(uint64_t));

    event->text = data;
}


char *
mlops_event_room(mlops_intake_event_t *event, size_t size, mlops_err_t *err)
{
    char  *room;

    if (size <= event->room_size) {
        return event->room;
    }

    size = mlops_align(size, 4096);
    room = realloc(event->room, size);

    if (room == NULL) {
        (void) mlops_err_set(err, "out of memory for a text of %zu bytes",
                             size);
        return NULL;
    }

    event->room = room;
    event->room_size = size;

    return room;
}
