/*
 * Records of events.  The first byte chooses the format ('0' JSON, '1'
 * CloudEvents in structured mode, '2' in binary mode, '3' a row of CSV) and
 * the time's unit by its next bits; the rest is the value.
 *
 * What is accepted as JSON has to be JSON by the byte scanner; strings lie
 * within their text, the time within its range, and a second reading gives
 * the same.
 */

#include "fuzz.h"

#include "mlops_intake.h"
#include "mlops_scan.h"


#define FIELDS  5

static mlops_column_t  columns[FIELDS] = {
    { .name = mlops_str("id"), .type = MLOPS_TYPE_BYTES,
      .kind = MLOPS_CELL_STRING },
    { .name = mlops_str("ts"), .type = MLOPS_TYPE_FP64,
      .kind = MLOPS_CELL_DOUBLE },
    { .name = mlops_str("fare"), .type = MLOPS_TYPE_FP64,
      .kind = MLOPS_CELL_DOUBLE },
    { .name = mlops_str("n"), .type = MLOPS_TYPE_INT64,
      .kind = MLOPS_CELL_INT },
    { .name = mlops_str("note"), .type = MLOPS_TYPE_BYTES,
      .kind = MLOPS_CELL_STRING }
};


static void
fuzz_strings(const mlops_event_t *event, size_t size)
{
    uint32_t  i;

    for (i = 0; i < FIELDS; i++) {
        if (columns[i].kind == MLOPS_CELL_STRING
            && mlops_bit(event->present, i))
        {
            check((size_t) event->cells[i].s.off + event->cells[i].s.len
                  <= size);
            check(mlops_utf8_valid(event->text + event->cells[i].s.off,
                                   event->cells[i].s.len));
        }
    }
}


static mlops_plan_view_t *
fuzz_view(uint8_t how, mlops_arena_t *arena)
{
    mlops_err_t               err;
    static mlops_plan_view_t  view;

    static const double        units[] = { 1e6, 1000, 1, 0.001, 0 };
    static const mlops_type_t  types[] = {
        MLOPS_TYPE_FP64, MLOPS_TYPE_FP64, MLOPS_TYPE_INT64,
        MLOPS_TYPE_INT64, MLOPS_TYPE_BYTES
    };

    memset(&view, 0, sizeof(view));

    view.unit_us = units[how % 5];
    columns[1].type = types[how % 5];
    columns[1].kind = mlops_type_kind(columns[1].type);

    view.entity_type = MLOPS_TYPE_BYTES;
    view.entity_bytes = 16;
    view.time = 1;
    view.event.n = FIELDS;
    view.event.columns = columns;
    view.event_type.data = "t";
    view.event_type.len = 1;

    check(mlops_schema_index(&view.event, arena, &err) == MLOPS_OK);

    return &view;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t                  form;
    uint64_t                 hash, again;
    mlops_err_t              err;
    mlops_key_t              key;
    mlops_arena_t            arena;
    mlops_event_t            event;
    mlops_header_t           header;
    mlops_intake_t          *intake;
    mlops_record_t           record;
    mlops_plan_view_t       *view;
    mlops_scan_fault_t       fault;
    mlops_intake_verdict_t   verdict;

    static const mlops_str_t  names = mlops_str("ts,id,x,n,note,fare");

    if (size < 1) {
        return 0;
    }

    form = (uint8_t) (data[0] - '0') % 4;

    mlops_arena_init(&arena, NULL, NULL);
    view = fuzz_view((uint8_t) (data[0] - '0') / 4, &arena);
    view->format = (form == 0) ? MLOPS_FORMAT_JSON
                   : (form == 3) ? MLOPS_FORMAT_CSV
                   : MLOPS_FORMAT_CLOUDEVENTS;

    intake = mlops_intake_create(view, &err);
    check(intake != NULL);

    if (form == 3) {
        check(mlops_intake_csv(intake, &names, &err) == MLOPS_OK);
    }

    memset(&record, 0, sizeof(record));

    record.timestamp_us = -1;
    record.value.data = (const char *) data + 1;
    record.value.len = size - 1;
    record.headers = &header;
    record.headers_n = 1;

    header.name.data = (form == 1) ? "content-type" : "ce_type";
    header.name.len = strlen(header.name.data);
    header.value.data = (form == 1) ? "application/cloudevents+json" : "t";
    header.value.len = strlen(header.value.data);

    err.text[0] = '\0';
    verdict = mlops_intake_read(intake, &record, &event, &key, &hash, &err);

    check(verdict != MLOPS_INTAKE_MALFORMED || err.text[0] != '\0');

    if (verdict == MLOPS_INTAKE_ACCEPTED) {
        fuzz_strings(&event, size + 8);
        check(event.ts_us >= 0);
        check(key.text.len >= 1 && key.text.len <= 16);
        check(mlops_intake_clock(intake, 0) == event.ts_us);

        if (form != 3) {
            check(mlops_scan_value(record.value.data,
                                   record.value.data + record.value.len, 128,
                                   0, &fault)
                  != NULL);
        }

        verdict = mlops_intake_read(intake, &record, &event, &key, &again,
                                    &err);
        check(verdict == MLOPS_INTAKE_ACCEPTED && again == hash);
    }

    mlops_intake_destroy(intake);
    mlops_arena_destroy(&arena);

    return 0;
}
