/*
 * History: the vectors of the windows asked for by time, entities apart,
 * expiry, duplicates, order of the log.
 */

#include "unit.h"
#include "views.h"
#include "mlops_history.h"
#include "mlops_intake.h"


static const char  text[] =
    "mlops_view v {"
    "    source kafka=main topic=t;"
    "    entity u string;"
    "    event_time ts unit=ms lateness=1h;"
    "    dedupe id within=10m;"
    "    feature sum sum(x) window=1h;"
    "    feature n count() window=1h;"
    "    feature last last(x);"
    "    feature name last(s) type=string bytes=8;"
    "    ttl 3h;"
    "}";


static const mlops_plan_view_t  *view;
static mlops_history_t          *history;
static mlops_intake_t           *intake;
static int64_t                   offset;


/* Times are of one day, "h:m:s.ms". */

static int64_t
at(int h, int m, int s, int ms)
{
    return 1700006400000 + ((h * 60 + m) * 60 + s) * 1000 + ms;
}


static void
start(void)
{
    mlops_err_t  err;

    view = test_view(text);
    history = mlops_history_create(view, &err);
    intake = mlops_intake_create(view, &err);
    assert_non_null(history);
    assert_non_null(intake);
    offset = 0;
}


static void
end(void)
{
    mlops_history_destroy(history);
    mlops_intake_destroy(intake);
}


static void
ask(const char *u, int64_t ms)
{
    mlops_key_t  key;
    mlops_err_t  err;

    key.number = 0;
    key.text.data = u;
    key.text.len = strlen(u);

    assert_int_equal(mlops_history_ask(history, &key, ms * 1000, &err),
                     MLOPS_OK);
}


static void
event(const char *u, int64_t ms, const char *rest)
{
    char            json[256];
    uint64_t        hash;
    mlops_err_t     err;
    mlops_key_t     key;
    mlops_event_t   e;
    mlops_record_t  record;

    memset(&record, 0, sizeof(record));
    record.partition = 3;
    record.offset = offset++;
    record.timestamp_us = -1;
    record.value.data = json;
    record.value.len = (size_t) snprintf(json, sizeof(json),
                                         "{\"u\":\"%s\",\"ts\":%lld,%s}", u,
                                         (long long) ms, rest);

    unit_ok(mlops_intake_read(intake, &record, &e, &key, &hash, &err)
            == MLOPS_INTAKE_ACCEPTED, "%s", err.text);
    assert_int_equal(mlops_history_event(history, &key, hash, &e, &err),
                     MLOPS_OK);
}


static void
run(void)
{
    mlops_err_t  err;

    assert_int_equal(mlops_history_run(history, &err), MLOPS_OK);
}


static void
expect(uint32_t question, double sum, int64_t n, double last,
    const char *name)
{
    mlops_history_row_t  row;

    assert_int_equal(mlops_history_answer(history, question, &row), MLOPS_OK);

    unit_ok(row.cells[0].f == sum, "question %u: sum %.17g, not %.17g",
            question, row.cells[0].f, sum);
    assert_int_equal(row.cells[1].i, n);

    assert_int_equal(mlops_bit(row.present, 2), !isnan(last));

    if (!isnan(last)) {
        unit_ok(row.cells[2].f == last, "question %u: last %.17g, not %.17g",
                question, row.cells[2].f, last);
    }

    if (name == NULL) {
        assert_false(mlops_bit(row.present, 3));
        return;
    }

    assert_int_equal(row.cells[3].s.len, strlen(name));
    assert_memory_equal(row.text + row.cells[3].s.off, name, strlen(name));
}


static void
none(uint32_t question)
{
    mlops_history_row_t  row;

    assert_int_equal(mlops_history_answer(history, question, &row),
                     MLOPS_AGAIN);
}


/* Sawtooth: hops of 5 minutes, the head to the millisecond. */

static void
test_vectors(void **state)
{
    (void) state;

    start();

    ask("u1", at(14, 27, 0, 0));
    ask("u1", at(13, 22, 0, 0));
    ask("u1", at(13, 22, 0, 1));
    ask("u2", at(14, 27, 0, 0));
    ask("u1", at(14, 27, 0, 1));
    ask("u1", at(14, 26, 59, 999));
    ask("u3", at(14, 27, 0, 0));

    event("u1", at(13, 22, 0, 0), "\"x\":5,\"s\":\"a\"");
    event("u1", at(13, 26, 0, 0), "\"x\":7,\"s\":\"b\"");
    event("u9", at(13, 30, 0, 0), "\"x\":1000");
    event("u1", at(13, 59, 59, 0), "\"x\":11");
    event("u2", at(14, 0, 0, 0), "\"x\":100");
    event("u1", at(14, 26, 59, 999), "\"x\":19,\"s\":\"d\"");
    event("u1", at(14, 24, 59, 0), "\"x\":13,\"s\":\"c\"");
    event("u1", at(14, 27, 0, 0), "\"x\":17,\"s\":\"e\"");

    run();

    expect(0, 50, 4, 19, "d");
    none(1);
    expect(2, 5, 1, 5, "a");
    expect(3, 100, 1, 100, NULL);
    expect(4, 67, 5, 17, "e");
    expect(5, 31, 3, 13, "c");
    none(6);

    end();
}


static void
test_ttl(void **state)
{
    (void) state;

    start();

    ask("a", at(10, 0, 0, 0) + 3 * 3600000);
    ask("a", at(10, 0, 0, 1) + 3 * 3600000);
    ask("a", at(20, 0, 0, 1));
    ask("b", at(20, 0, 0, 1));

    event("a", at(10, 0, 0, 0), "\"x\":1,\"s\":\"old\"");
    event("b", at(10, 0, 0, 0), "\"x\":1,\"s\":\"old\"");
    event("b", at(12, 59, 59, 999), "\"x\":2");
    event("a", at(20, 0, 0, 0), "\"x\":3");

    run();

    expect(0, 0, 0, 1, "old");
    none(1);
    expect(2, 3, 1, 3, NULL);
    none(3);

    end();
}


/* The first in the log counts, whatever its time; "within" is inclusive. */

static void
test_duplicates(void **state)
{
    (void) state;

    start();

    ask("a", at(11, 0, 0, 0));
    ask("b", at(11, 0, 0, 0));

    event("a", at(10, 40, 0, 0), "\"x\":1,\"id\":\"7\"");
    event("b", at(10, 40, 0, 0), "\"x\":100,\"id\":\"7\"");
    event("a", at(10, 50, 0, 0), "\"x\":10,\"id\":\"7\"");
    event("a", at(10, 50, 0, 1), "\"x\":100,\"id\":\"7\"");
    event("a", at(10, 35, 0, 0), "\"x\":1000,\"id\":\"7\"");
    event("a", at(10, 35, 0, 0), "\"x\":10000,\"id\":\"8\"");
    event("a", at(10, 35, 0, 0), "\"x\":100000");
    event("a", at(10, 35, 0, 0), "\"x\":100000");

    run();

    expect(0, 210101, 5, 100, NULL);
    expect(1, 100, 1, 100, NULL);

    end();
}


static void
test_many(void **state)
{
    char      u[16];
    uint32_t  i;

    (void) state;

    start();

    for (i = 0; i < 5000; i++) {
        snprintf(u, sizeof(u), "k%u", i);
        ask(u, at(12, 0, 0, 0));
    }

    for (i = 0; i < 20000; i++) {
        snprintf(u, sizeof(u), "k%u", i % 10000);
        event(u, at(11, 30, 0, (int) i / 1000), "\"x\":2");
    }

    run();

    for (i = 0; i < 5000; i++) {
        expect(i, 4, 2, 2, NULL);
    }

    assert_int_equal(mlops_history_questions(history), 5000);

    end();
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_ttl),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_many)
    };

    return unit_run(tests);
}
