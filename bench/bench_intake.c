/*
 * Records into events: an 84-byte JSON object with five members, of which a
 * view reads four; the same as the data of a CloudEvent in binary mode.
 * yajl's events alone, with a handle that is used again, stand beside.  The
 * median of many passes is printed.
 */

#include "bench.h"

#include "mlops_clock.h"
#include "mlops_intake.h"

#include <yajl/yajl_parse.h>


#define PASSES  51
#define EVENTS  4096
#define SIZE    128


static char              values[EVENTS][SIZE];
static size_t            lens[EVENTS];
static mlops_intake_t   *intake;
static mlops_header_t    header = { mlops_str("ce_type"), mlops_str("ride") };
static volatile double   sink;


static void
pass_intake(void)
{
    uint32_t        i;
    uint64_t        hash;
    mlops_err_t     err;
    mlops_key_t     key;
    mlops_event_t   event;
    mlops_record_t  record;

    memset(&record, 0, sizeof(record));
    record.timestamp_us = 1700000060000000;
    record.headers = &header;
    record.headers_n = 1;

    for (i = 0; i < EVENTS; i++) {
        record.value.data = values[i];
        record.value.len = lens[i];
        record.offset = i;

        if (mlops_intake_read(intake, &record, &event, &key, &hash, &err)
            != MLOPS_INTAKE_ACCEPTED)
        {
            fprintf(stderr, "bench_intake: %s\n", err.text);
            exit(1);
        }

        sink += event.cells[2].f;
    }
}


static int
yajl_text(void *ctx, const unsigned char *text, size_t len)
{
    (void) text;

    *(double *) ctx += (double) len;

    return 1;
}


static int
yajl_digits(void *ctx, const char *text, size_t len)
{
    (void) text;

    *(double *) ctx += (double) len;

    return 1;
}


static void
pass_yajl(void)
{
    double        sum;
    uint32_t      i;
    yajl_handle   h;

    static const yajl_callbacks  callbacks = {
        .yajl_number = yajl_digits,
        .yajl_string = yajl_text,
        .yajl_map_key = yajl_text
    };

    sum = 0;
    h = yajl_alloc(&callbacks, NULL, &sum);
    (void) yajl_config(h, yajl_allow_multiple_values, 1);

    for (i = 0; i < EVENTS; i++) {
        if (yajl_parse(h, (const unsigned char *) values[i], lens[i])
            != yajl_status_ok)
        {
            fprintf(stderr, "bench_intake: yajl refused\n");
            exit(1);
        }
    }

    yajl_free(h);
    sink += sum;
}


static void
measure(const char *name, void (*pass)(void))
{
    uint32_t  i;
    uint64_t  start;
    double    ns[PASSES];

    pass();

    for (i = 0; i < PASSES; i++) {
        start = mlops_clock_ns();
        pass();
        ns[i] = (double) (mlops_clock_ns() - start) / EVENTS;
    }

    printf("%-36s %7.1f ns an event\n", name, bench_median(ns, PASSES));
}


int
main(void)
{
    uint32_t           i;
    mlops_err_t        err;
    mlops_arena_t      arena;
    mlops_plan_view_t  view;

    static mlops_column_t  columns[] = {
        { .name = mlops_str("driver_id"), .type = MLOPS_TYPE_INT64,
          .kind = MLOPS_CELL_INT },
        { .name = mlops_str("ts"), .type = MLOPS_TYPE_FP64,
          .kind = MLOPS_CELL_DOUBLE },
        { .name = mlops_str("fare"), .type = MLOPS_TYPE_FP64,
          .kind = MLOPS_CELL_DOUBLE },
        { .name = mlops_str("status"), .type = MLOPS_TYPE_BYTES,
          .kind = MLOPS_CELL_STRING }
    };

    for (i = 0; i < EVENTS; i++) {
        lens[i] = (size_t) snprintf(values[i], SIZE, "{\"driver_id\":%06u,"
                                    "\"ts\":1700000%06u,\"fare\":%u.%02u,"
                                    "\"status\":\"paid\",\"city\":\"berlin\"}",
                                    100000 + i * 37 % 900000, i * 11 % 60000,
                                    10 + i % 90, i % 100);
    }

    memset(&view, 0, sizeof(view));
    mlops_arena_init(&arena, NULL, NULL);

    view.entity_type = MLOPS_TYPE_INT64;
    view.time = 1;
    view.unit_us = 1000;
    view.lateness_us = 3600000000;
    view.event.n = 4;
    view.event.columns = columns;

    if (mlops_schema_index(&view.event, &arena, &err) != MLOPS_OK) {
        fprintf(stderr, "bench_intake: %s\n", err.text);
        return 1;
    }

    printf("%zu bytes: %s\n", lens[0], values[0]);

    for (i = 0; i < 2; i++) {
        view.format = (i == 0) ? MLOPS_FORMAT_JSON : MLOPS_FORMAT_CLOUDEVENTS;
        intake = mlops_intake_create(&view, &err);

        if (intake == NULL) {
            fprintf(stderr, "bench_intake: %s\n", err.text);
            return 1;
        }

        measure((i == 0) ? "intake, JSON" : "intake, CloudEvents binary",
                pass_intake);
        mlops_intake_destroy(intake);
    }

    measure("yajl, events alone", pass_yajl);
    mlops_arena_destroy(&arena);

    return 0;
}
