/*
 * Intake: JSON, CloudEvents and CSV into events, times, and what is late,
 * in the future, cut off or malformed.  Times were computed with Python's
 * datetime.
 */

#include "unit.h"
#include "mlops_intake.h"


typedef struct {
    mlops_plan_view_t        view;
    mlops_column_t           columns[5];
    mlops_arena_t            arena;
    mlops_intake_t          *intake;
    mlops_record_t           record;
    mlops_event_t            event;
    mlops_key_t              key;
    uint64_t                 hash;
    mlops_err_t              err;
} intake_t;


static void
intake_column(intake_t *t, uint32_t i, const char *name, mlops_type_t type)
{
    t->columns[i].name.data = name;
    t->columns[i].name.len = strlen(name);
    t->columns[i].type = type;
    t->columns[i].kind = mlops_type_kind(type);
}


/* Fields: id (the entity), ts (the time), fare FP64, n INT64, note BYTES. */

static void
intake_open(intake_t *t, mlops_type_t entity, double unit_us)
{
    memset(t, 0, sizeof(intake_t));
    mlops_arena_init(&t->arena, NULL, NULL);

    intake_column(t, 0, "id", entity);
    intake_column(t, 1, "ts", (unit_us == 0) ? MLOPS_TYPE_BYTES
                              : (unit_us >= 1000) ? MLOPS_TYPE_FP64
                              : MLOPS_TYPE_INT64);
    intake_column(t, 2, "fare", MLOPS_TYPE_FP64);
    intake_column(t, 3, "n", MLOPS_TYPE_INT64);
    intake_column(t, 4, "note", MLOPS_TYPE_BYTES);

    t->view.name.data = "rides";
    t->view.name.len = 5;
    t->view.format = MLOPS_FORMAT_JSON;
    t->view.entity = 0;
    t->view.entity_type = entity;
    t->view.entity_bytes = (entity == MLOPS_TYPE_INT64) ? 8 : 16;
    t->view.time = 1;
    t->view.unit_us = unit_us;
    t->view.tick_us = (unit_us >= 1) ? (int64_t) unit_us : 1;
    t->view.lateness_us = 10000000;
    t->view.skew_us = 60000000;
    t->view.dedupe = MLOPS_NO_FIELD;
    t->view.event.n = 5;
    t->view.event.columns = t->columns;

    assert_int_equal(mlops_schema_index(&t->view.event, &t->arena, &t->err),
                     MLOPS_OK);

    t->record.timestamp_us = -1;
}


static void
intake_start(intake_t *t)
{
    t->intake = mlops_intake_create(&t->view, &t->err);
    unit_ok(t->intake != NULL, "%s", t->err.text);
}


static void
intake_close(intake_t *t)
{
    mlops_intake_destroy(t->intake);
    mlops_arena_destroy(&t->arena);
}


/* The value is put where it ends with its memory, so that reading behind it
 * is seen by a sanitizer. */

static mlops_intake_verdict_t
intake_read(intake_t *t, const char *value)
{
    size_t                   len;
    static char             *last;

    free(last);
    len = strlen(value);
    last = malloc(len + 1);
    assert_non_null(last);
    last = realloc(last, len ? len : 1);
    memcpy(last, value, len);

    t->err.text[0] = '\0';
    t->record.value.data = last;
    t->record.value.len = len;
    t->record.offset++;

    return mlops_intake_read(t->intake, &t->record, &t->event, &t->key,
                             &t->hash, &t->err);
}


static void
intake_accepts(intake_t *t, const char *value)
{
    mlops_intake_verdict_t  verdict;

    verdict = intake_read(t, value);

    unit_ok(verdict == MLOPS_INTAKE_ACCEPTED, "%s: %s: %s", value,
            mlops_intake_verdict_name(verdict), t->err.text);
}


static void
intake_refuses(intake_t *t, const char *value, const char *text)
{
    mlops_intake_verdict_t  verdict;

    verdict = intake_read(t, value);

    unit_ok(verdict == MLOPS_INTAKE_MALFORMED, "%s: %s", value,
            mlops_intake_verdict_name(verdict));
    unit_ok(strcmp(t->err.text, text) == 0, "%s:\ngot      %s\nexpected %s",
            value, t->err.text, text);
}


static void
intake_note(const intake_t *t, const char *text)
{
    const mlops_cell_t  *cell;

    cell = &t->event.cells[4];

    assert_true(mlops_bit(t->event.present, 4));
    unit_ok(cell->s.len == strlen(text)
            && memcmp(t->event.text + cell->s.off, text, cell->s.len) == 0,
            "got %.*s, expected %s", (int) cell->s.len,
            t->event.text + cell->s.off, text);
}


static void
test_json(void **state)
{
    intake_t     t;
    mlops_key_t  key;

    (void) state;

    intake_open(&t, MLOPS_TYPE_INT64, 1000);
    intake_start(&t);

    intake_accepts(&t, "{\"id\":17,\"ts\":1700000000123,\"fare\":12.5,"
                   "\"n\":-9223372036854775808,\"note\":\"paid\"}");

    assert_true(t.key.number == 17);
    assert_true(t.event.ts_us == 1700000000123000);
    assert_true(t.event.cells[2].f == 12.5);
    assert_true(t.event.cells[3].i == INT64_MIN);
    assert_int_equal(t.event.present[0], 0x1f);
    assert_int_equal(t.event.offset, 1);
    intake_note(&t, "paid");

    key.number = 17;
    assert_true(t.hash == mlops_key_hash(MLOPS_TYPE_INT64, &key));

    /* any order, other members, white space, null, missing ones */

    intake_accepts(&t, " { \"x\" : [1, {\"id\": 9}, \"]\"] ,\n\t\"fare\":null"
                   ", \"ts\" :1700000001000 , \"id\" : -3 }\r\n ");
    assert_true(t.key.number == -3);
    assert_int_equal(t.event.present[0], 0x3);
    assert_true(isnan(t.event.cells[2].f));

    intake_accepts(&t, "{\"id\":1,\"ts\":1700000001000,\"fare\":true,"
                   "\"n\":false}");
    assert_true(t.event.cells[2].f == 1 && t.event.cells[3].i == 0);
    assert_int_equal(t.event.present[0], 0xf);

    /* 0.1 + 2^-60's neighbours: correctly rounded; 2^53 + 1 is exact */

    intake_accepts(&t, "{\"id\":9007199254740993,\"ts\":1700000001000,"
                   "\"fare\":0.1000000000000000055511151231257827,"
                   "\"n\":9223372036854775807}");
    assert_true(t.key.number == 9007199254740993);
    assert_true(t.event.cells[2].f == 0.1);
    assert_true(t.event.cells[3].i == INT64_MAX);

    intake_close(&t);
}


static void
test_strings(void **state)
{
    intake_t  t;

    (void) state;

    intake_open(&t, MLOPS_TYPE_BYTES, 1000);
    intake_start(&t);

    intake_accepts(&t, "{\"id\":\"BTC/USD\",\"ts\":1,\"note\":\"\"}");
    assert_int_equal(t.key.text.len, 7);
    assert_memory_equal(t.key.text.data, "BTC/USD", 7);
    intake_note(&t, "");

    intake_accepts(&t, "{\"note\":\"a\\\"b\\\\\\n\\u00e9\\ud83d\\ude00\","
                   "\"i\\u0064\":\"K\\u00f6ln\",\"ts\":1}");
    intake_note(&t, "a\"b\\\n\303\251\360\237\230\200");
    assert_int_equal(t.key.text.len, 5);
    assert_memory_equal(t.key.text.data, "K\303\266ln", 5);

    /* a key before an escaped string moves with it */

    intake_accepts(&t, "{\"id\":\"plain\",\"ts\":1,\"note\":\"\\u0041\"}");
    assert_int_equal(t.key.text.len, 5);
    assert_memory_equal(t.key.text.data, "plain", 5);
    intake_note(&t, "A");

    intake_accepts(&t, "{\"id\":\"0123456789abcdef\",\"ts\":1}");
    intake_refuses(&t, "{\"id\":\"0123456789abcdefg\",\"ts\":1}",
                   "field \"id\": expected an entity of 1 to 16 bytes, got "
                   "17");
    intake_refuses(&t, "{\"id\":\"\",\"ts\":1}",
                   "field \"id\": expected an entity of 1 to 16 bytes, got "
                   "0");
    intake_refuses(&t, "{\"id\":17,\"ts\":1}",
                   "field \"id\": expected a string, got 17");
    intake_refuses(&t, "{\"id\":\"\xff\",\"ts\":1}",
                   "malformed JSON at byte 7: expected a well-formed string, "
                   "got \xff");

    intake_close(&t);
}


static void
test_malformed(void **state)
{
    size_t    i;
    intake_t  t;

    static const char  *const  cases[][2] = {
        { "", "malformed JSON at byte 0: expected an object, got the end of "
              "the text" },
        { "[1]", "malformed JSON at byte 0: expected an object, got an "
                 "array" },
        { "{", "malformed JSON at byte 1: expected a name in quotes, got the "
               "end of the text" },
        { "{\"id\"}", "malformed JSON at byte 5: expected ':', got }" },
        { "{\"id\":1,}", "malformed JSON at byte 8: expected a name in "
                         "quotes, got }" },
        { "{\"id\":1 \"ts\":2}", "malformed JSON at byte 8: expected ',' or "
                                 "'}', got \"ts\"" },
        { "{\"id\":1,\"ts\":2} x", "malformed JSON at byte 16: expected the "
                                   "end, got x" },
        { "{\"id\":1,\"ts\":2", "malformed JSON at byte 14: expected ',' or "
                                "'}', got the end of the text" },
        { "{\"x\":[1,],\"id\":1,\"ts\":2}",
          "malformed JSON at byte 8: expected a value, got ]" },
        { "{\"id\":1,\"id\":1,\"ts\":2}",
          "field \"id\": expected it once, got it twice" },
        { "{\"ts\":2}", "field \"id\": expected the entity, got none" },
        { "{\"id\":null,\"ts\":2}",
          "field \"id\": expected the entity, got none" },
        { "{\"id\":1}", "field \"ts\": expected the event time, got none" },
        { "{\"id\":1.5,\"ts\":2}",
          "field \"id\": expected an integer, got 1.5" },
        { "{\"id\":1e3,\"ts\":2}",
          "field \"id\": expected an integer, got 1e3" },
        { "{\"id\":\"1\",\"ts\":2}",
          "field \"id\": expected an integer, got \"1\"" },
        { "{\"id\":9223372036854775808,\"ts\":2}",
          "field \"id\": expected an integer of 64 bits, got "
          "9223372036854775808" },
        { "{\"id\":1,\"ts\":2,\"fare\":1e999}",
          "field \"fare\": expected a number that a double holds, got "
          "1e999" },
        { "{\"id\":1,\"ts\":2,\"fare\":NaN}",
          "field \"fare\": expected a number, got NaN" },
        { "{\"id\":1,\"ts\":2,\"fare\":trueish}",
          "malformed JSON at byte 26: expected ',' or '}', got ish" },
        { "{\"id\":true,\"ts\":2}",
          "field \"id\": expected an integer, got true" },
        { "{\"id\":1,\"ts\":2,\"fare\":[1]}",
          "field \"fare\": expected a number, got an array" },
        { "{\"id\":1,\"ts\":2,\"note\":{}}",
          "field \"note\": expected a string, got an object" },
        { "{\"id\":1,\"ts\":\"2\"}",
          "field \"ts\": expected a number, got \"2\"" },
        { "{\"id\":1,\"ts\":-1}",
          "field \"ts\": expected a time from 1970 to 2262, got -1.0" },
        { "{\"id\":1,\"ts\":9223372036855}",
          "field \"ts\": expected a time from 1970 to 2262, got "
          "9223372036855.0" },
        { "{\"id\":1,\"ts\":1e300}",
          "field \"ts\": expected a time from 1970 to 2262, got 1e+300" }
    };

    (void) state;

    intake_open(&t, MLOPS_TYPE_INT64, 1000);
    intake_start(&t);

    for (i = 0; i < mlops_nitems(cases); i++) {
        intake_refuses(&t, cases[i][0], cases[i][1]);
    }

    /* nothing of them moved the clock */

    assert_true(mlops_intake_clock(t.intake, 0) == INT64_MIN);

    t.record.value.data = NULL;
    assert_int_equal(mlops_intake_read(t.intake, &t.record, &t.event, &t.key,
                                       &t.hash, &t.err),
                     MLOPS_INTAKE_TOMBSTONE);

    intake_close(&t);
}


static void
intake_time(double unit_us, const char *time, int64_t ts_us)
{
    char                     value[256];
    intake_t                 t;
    mlops_intake_verdict_t   verdict;

    intake_open(&t, MLOPS_TYPE_INT64, unit_us);
    intake_start(&t);

    snprintf(value, sizeof(value), "{\"id\":1,\"ts\":%s}", time);
    verdict = intake_read(&t, value);

    if (ts_us < 0) {
        unit_ok(verdict == MLOPS_INTAKE_MALFORMED, "%s was taken", time);

    } else {
        unit_ok(verdict == MLOPS_INTAKE_ACCEPTED && t.event.ts_us == ts_us,
                "%s: got %lld, expected %lld (%s)", time,
                (long long) t.event.ts_us, (long long) ts_us, t.err.text);
    }

    intake_close(&t);
}


static void
test_times(void **state)
{
    (void) state;

    intake_time(1e6, "1663679999.86", 1663679999860000);
    intake_time(1e6, "1700000000.123456", 1700000000123456);
    intake_time(1e6, "0", 0);
    intake_time(1e6, "1e9", 1000000000000000);
    intake_time(1000, "1700000000123.5", 1700000000123500);
    intake_time(1, "1700000000123456", 1700000000123456);
    intake_time(1, "9223372036854775", 9223372036854775);
    intake_time(1, "9223372036854776", -1);
    intake_time(1, "-1", -1);
    intake_time(1, "1.5", -1);
    intake_time(0.001, "1700000000123456789", 1700000000123456);
    intake_time(0.001, "9223372036854775807", 9223372036854775);
    intake_time(0.001, "-1", -1);

    /* datetime(2022, 1, 1, tzinfo=utc).timestamp() == 1640995200 */

    intake_time(0, "\"2022-01-01T00:00:00Z\"", 1640995200000000);
    intake_time(0, "\"2022-01-01t00:00:00.5z\"", 1640995200500000);
    intake_time(0, "\"2022-01-01 01:30:00.123456789+01:30\"",
                1640995200123456);
    intake_time(0, "\"2021-12-31T23:00:00-01:00\"", 1640995200000000);
    intake_time(0, "\"2000-02-29T12:34:56Z\"", 951827696000000);
    intake_time(0, "\"2100-03-01T00:00:00Z\"", 4107542400000000);
    intake_time(0, "\"1970-01-01T00:00:00Z\"", 0);
    intake_time(0, "\"2016-12-31T23:59:60Z\"", 1483228800000000);

    intake_time(0, "\"1969-12-31T23:59:59Z\"", -1);
    intake_time(0, "\"2263-01-01T00:00:00Z\"", -1);
    intake_time(0, "\"2022-01-01T00:00:00\"", -1);
    intake_time(0, "\"2022-02-29T00:00:00Z\"", -1);
    intake_time(0, "\"2100-02-29T00:00:00Z\"", -1);
    intake_time(0, "\"2022-13-01T00:00:00Z\"", -1);
    intake_time(0, "\"2022-01-01T24:00:00Z\"", -1);
    intake_time(0, "\"2022-01-01T00:00:00.Z\"", -1);
    intake_time(0, "\"2022-01-01T00:00:00.1234567890Z\"", -1);
    intake_time(0, "\"2022-01-01T00:00:00+0100\"", -1);
    intake_time(0, "\"2022-01-01T00:00:00Z \"", -1);
    intake_time(0, "\"2022-01-01\"", -1);
    intake_time(0, "\"\"", -1);
    intake_time(0, "1640995200", -1);
}


static void
intake_is(intake_t *t, int32_t partition, int64_t timestamp_us,
    int64_t ts_ms, mlops_intake_verdict_t verdict)
{
    char                    value[64];
    mlops_intake_verdict_t  got;

    snprintf(value, sizeof(value), "{\"id\":1,\"ts\":%lld}",
             (long long) ts_ms);
    t->record.partition = partition;
    t->record.timestamp_us = timestamp_us;
    got = intake_read(t, value);

    unit_ok(got == verdict, "ts %lld: got %s, expected %s (%s)",
            (long long) ts_ms, mlops_intake_verdict_name(got),
            mlops_intake_verdict_name(verdict), t->err.text);
}


/* Lateness is 10 s, skew 60 s. */

static void
test_late(void **state)
{
    intake_t  t;

    (void) state;

    intake_open(&t, MLOPS_TYPE_INT64, 1000);
    intake_start(&t);

    intake_is(&t, 0, -1, 100000, MLOPS_INTAKE_ACCEPTED);
    intake_is(&t, 0, -1, 90000, MLOPS_INTAKE_ACCEPTED);
    intake_is(&t, 0, -1, 89999, MLOPS_INTAKE_LATE);
    assert_string_equal(t.err.text, "event time 89999000 us: expected at "
                        "least 90000000 us, the partition's newest event "
                        "less lateness");
    assert_true(mlops_intake_clock(t.intake, 0) == 100000000);

    /* another partition, and files, have clocks of their own */

    intake_is(&t, 1, -1, 5000, MLOPS_INTAKE_ACCEPTED);
    intake_is(&t, -1, -1, 7000, MLOPS_INTAKE_ACCEPTED);
    assert_true(mlops_intake_clock(t.intake, 1) == 5000000);
    assert_true(mlops_intake_clock(t.intake, -1) == 7000000);

    /* the future does not move the clock, its edge does */

    intake_is(&t, 0, 100000000, 160001, MLOPS_INTAKE_FUTURE);
    assert_string_equal(t.err.text, "event time 160001000 us: expected at "
                        "most the record's 100000000 us and 60000000 us of "
                        "skew");
    assert_true(mlops_intake_clock(t.intake, 0) == 100000000);
    intake_is(&t, 0, 100000000, 90000, MLOPS_INTAKE_ACCEPTED);
    intake_is(&t, 0, 100000000, 160000, MLOPS_INTAKE_ACCEPTED);
    intake_is(&t, 0, 100000000, 149999, MLOPS_INTAKE_LATE);

    /* a checkpoint's clock */

    mlops_intake_set_clock(t.intake, 2, 50000000);
    intake_is(&t, 2, -1, 39999, MLOPS_INTAKE_LATE);
    intake_is(&t, 2, -1, 40000, MLOPS_INTAKE_ACCEPTED);

    t.record.partition = MLOPS_PARTITIONS_MAX;
    assert_int_equal(intake_read(&t, "{\"id\":1,\"ts\":1}"),
                     MLOPS_INTAKE_MALFORMED);

    intake_close(&t);
}


/* Both sides of a cut together take each event in time once. */

static void
test_cut(void **state)
{
    size_t    i;
    intake_t  before, after;

    static const int64_t  times[] = {
        90000, 99999, 100000, 95000, 105000, 94999, 99000, 95000, 120000,
        109999, 110000, 99999, 130000
    };

    static const struct {
        mlops_intake_verdict_t  before, after;
    } verdicts[] = {
        { MLOPS_INTAKE_ACCEPTED, MLOPS_INTAKE_CUT },
        { MLOPS_INTAKE_ACCEPTED, MLOPS_INTAKE_CUT },
        { MLOPS_INTAKE_CUT, MLOPS_INTAKE_ACCEPTED },
        { MLOPS_INTAKE_ACCEPTED, MLOPS_INTAKE_CUT },
        { MLOPS_INTAKE_CUT, MLOPS_INTAKE_ACCEPTED },
        { MLOPS_INTAKE_LATE, MLOPS_INTAKE_CUT },
        { MLOPS_INTAKE_ACCEPTED, MLOPS_INTAKE_CUT },
        { MLOPS_INTAKE_ACCEPTED, MLOPS_INTAKE_CUT },
        { MLOPS_INTAKE_CUT, MLOPS_INTAKE_ACCEPTED },
        { MLOPS_INTAKE_CUT, MLOPS_INTAKE_LATE },
        { MLOPS_INTAKE_CUT, MLOPS_INTAKE_ACCEPTED },
        { MLOPS_INTAKE_LATE, MLOPS_INTAKE_CUT },
        { MLOPS_INTAKE_CUT, MLOPS_INTAKE_ACCEPTED }
    };

    (void) state;

    intake_open(&before, MLOPS_TYPE_INT64, 1000);
    intake_start(&before);
    mlops_intake_cut(before.intake, 100000000, 1);

    intake_open(&after, MLOPS_TYPE_INT64, 1000);
    intake_start(&after);
    mlops_intake_cut(after.intake, 100000000, 0);

    for (i = 0; i < mlops_nitems(times); i++) {
        intake_is(&before, 0, -1, times[i], verdicts[i].before);
        intake_is(&after, 0, -1, times[i], verdicts[i].after);
    }

    assert_true(mlops_intake_clock(before.intake, 0) == 99999000);
    assert_true(mlops_intake_clock(after.intake, 0) == 130000000);

    intake_close(&before);
    intake_close(&after);
}


static void
intake_headers(intake_t *t, mlops_header_t *headers, uint32_t n, ...)
{
    va_list   args;
    uint32_t  i;

    va_start(args, n);

    for (i = 0; i < n; i++) {
        headers[i].name.data = va_arg(args, const char *);
        headers[i].name.len = strlen(headers[i].name.data);
        headers[i].value.data = va_arg(args, const char *);
        headers[i].value.len = strlen(headers[i].value.data);
    }

    va_end(args);

    t->record.headers = headers;
    t->record.headers_n = n;
}


static void
test_cloudevents(void **state)
{
    intake_t        t;
    mlops_header_t  headers[3];

    (void) state;

    intake_open(&t, MLOPS_TYPE_INT64, 1000);
    t.view.format = MLOPS_FORMAT_CLOUDEVENTS;
    t.view.event_type.data = "shop.ride";
    t.view.event_type.len = 9;
    intake_start(&t);

    /* binary */

    intake_headers(&t, headers, 3, "ce_specversion", "1.0", "ce_type",
                   "shop.ride", "content-type", "application/json");
    intake_accepts(&t, "{\"id\":1,\"ts\":5,\"fare\":2}");
    assert_true(t.event.cells[2].f == 2);

    intake_headers(&t, headers, 1, "ce_type", "shop.order");
    assert_int_equal(intake_read(&t, "not looked at"), MLOPS_INTAKE_OTHER);

    intake_headers(&t, headers, 1, "ce_id", "1");
    intake_refuses(&t, "{\"id\":1,\"ts\":5}", "header \"ce_type\": expected "
                   "the type of a CloudEvent, got none");

    /* structured */

    intake_headers(&t, headers, 1, "Content-Type",
                   "Application/CloudEvents+json; charset=UTF-8");
    intake_accepts(&t, " {\"specversion\":\"1.0\",\"id\":\"x\",\"type\":"
                   "\"shop.\\u0072ide\",\"data\": {\"id\":7,\"ts\":6,"
                   "\"note\":\"\\u0041\"} , \"time\":\"z\"} ");
    assert_true(t.key.number == 7);
    intake_note(&t, "A");

    assert_int_equal(intake_read(&t, "{\"type\":\"shop.order\",\"data\":1}"),
                     MLOPS_INTAKE_OTHER);

    /* base64.b64encode(b'{"id":8,"ts":7,"note":"\\u00e9?>"}') */

    intake_accepts(&t, "{\"type\":\"shop.ride\",\"data_base64\":"
                   "\"eyJpZCI6OCwidHMiOjcsIm5vdGUiOiJcdTAwZTk/PiJ9\"}");
    assert_true(t.key.number == 8);
    intake_note(&t, "\303\251?>");

    /* b'{"id":9,"ts":8}  ', with padding, and with JSON's escaped slash */

    intake_accepts(&t, "{\"data_base64\":\"eyJpZCI6OSwidHMiOjh9ICA=\","
                   "\"type\":\"shop.ride\"}");
    assert_true(t.key.number == 9);
    intake_accepts(&t, "{\"type\":\"shop.ride\",\"data_base64\":"
                   "\"eyJpZCI6OCwidHMiOjcsIm5vdGUiOiJcdTAwZTk\\/PiJ9\"}");
    intake_note(&t, "\303\251?>");

    intake_refuses(&t, "{\"type\":\"shop.ride\",\"data\":null}",
                   "CloudEvent: expected the member \"data\", got none");

    intake_refuses(&t, "{\"type\":\"shop.ride\",\"data\":\"x\"}",
                   "CloudEvent data: malformed JSON at byte 0: expected an "
                   "object, got \"x\"");
    intake_refuses(&t, "{\"type\":\"shop.ride\",\"data_base64\":\"?\"}",
                   "CloudEvent member \"data_base64\": expected base64, got "
                   "a text that is none");
    intake_refuses(&t, "{\"type\":\"a\",\"type\":\"shop.ride\"}",
                   "CloudEvent member \"type\": expected it once, got it "
                   "twice");
    intake_refuses(&t, "{\"data\":{}}", "CloudEvent member \"type\": "
                   "expected a string, got none");
    intake_refuses(&t, "{\"type\":\"shop.ride\",\"data\":{}",
                   "malformed JSON at byte 29: expected ',' or '}', got the "
                   "end of the text");
    intake_refuses(&t, "[]", "malformed JSON at byte 0: expected a "
                   "CloudEvent (an object), got an array");

    intake_close(&t);
}


static void
intake_header(intake_t *t, const char *text, int rc)
{
    mlops_str_t  header;

    header.data = text;
    header.len = strlen(text);

    unit_ok(mlops_intake_csv(t->intake, &header, &t->err) == rc, "%s",
            t->err.text);
}


static void
test_csv(void **state)
{
    intake_t  t;

    (void) state;

    intake_open(&t, MLOPS_TYPE_BYTES, 1000);
    intake_start(&t);

    intake_header(&t, "id,id", MLOPS_ERROR);
    assert_string_equal(t.err.text, "column \"id\": expected it once, got "
                        "it twice");

    intake_header(&t, "\357\273\277ts,other,\"id\",note,fare,n\r\n",
                  MLOPS_OK);

    intake_accepts(&t, "1700000000123,\"x,\"\"y\"\"\",\"BTC/USD\",\"say "
                   "\"\"hi\"\", now\",\t+2.5 ,-7\r\n");
    assert_true(t.event.ts_us == 1700000000123000);
    assert_memory_equal(t.key.text.data, "BTC/USD", 7);
    intake_note(&t, "say \"hi\", now");
    assert_true(t.event.cells[2].f == 2.5);
    assert_true(t.event.cells[3].i == -7);

    intake_accepts(&t, "1700000000124,,ETH,\"\",,");
    assert_int_equal(t.event.present[0], 0x13);
    intake_note(&t, "");

    intake_refuses(&t, "1,2", "expected 6 cells as in the header, got "
                   "fewer");
    intake_refuses(&t, "1,2,3,4,5,6,7", "expected 6 cells as in the header, "
                   "got more");
    intake_refuses(&t, "1,2,3,4,nan,6", "field \"fare\": expected a finite "
                   "number, got \"nan\"");
    intake_refuses(&t, "1,2,3,4,5,6.0", "field \"n\": expected an integer "
                   "of 64 bits, got \"6.0\"");
    intake_refuses(&t, "1,2,3,\"4", "malformed CSV at byte 6: the quote is "
                   "not closed");
    intake_refuses(&t, "1,2,3,4\"", "malformed CSV at byte 7: a quote inside "
                   "an unquoted cell");

    intake_close(&t);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_cloudevents),
        cmocka_unit_test(test_csv)
    };

    return unit_run(tests);
}
