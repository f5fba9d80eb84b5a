/*
 * Files of events: records, line numbers, quotes, ends.
 */

#include "unit.h"
#include "mlops_event_file.h"

#include <fcntl.h>


static char  path[UNIT_PATH_SIZE];


static void
put(const char *name, const char *text, size_t len)
{
    FILE  *out;

    snprintf(path, sizeof(path), "/tmp/mlops-%d-%s", (int) getpid(), name);
    out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, len, out), len);
    fclose(out);
}


static mlops_event_file_t *
open_text(const char *name, const char *text)
{
    mlops_err_t          err;
    mlops_event_file_t  *file;

    put(name, text, strlen(text));

    file = mlops_event_file_open(path, &err);
    unit_ok(file != NULL, "%s", err.text);

    return file;
}


static void
next(mlops_event_file_t *file, const char *value, uint64_t line,
    int64_t offset)
{
    mlops_err_t     err;
    mlops_record_t  record;

    assert_int_equal(mlops_event_file_next(file, &record, &err), MLOPS_OK);
    assert_int_equal(record.value.len, strlen(value));
    assert_memory_equal(record.value.data, value, record.value.len);
    assert_int_equal(record.partition, -1);
    assert_int_equal(record.offset, offset);
    assert_int_equal(record.timestamp_us, -1);
    assert_null(record.key.data);
    assert_int_equal(mlops_event_file_line(file), line);
}


static void
ends(mlops_event_file_t *file)
{
    mlops_err_t     err;
    mlops_record_t  record;

    assert_int_equal(mlops_event_file_next(file, &record, &err),
                     MLOPS_AGAIN);
    mlops_event_file_close(file);
    assert_int_equal(unlink(path), 0);
}


static void
test_json(void **state)
{
    mlops_event_file_t  *file;

    (void) state;

    file = open_text("a.json", "{\"a\":1}\n\n\r\n{\"a\":\"\\\"\"}\r\n{}");
    assert_int_equal(mlops_event_file_header(file).len, 0);
    next(file, "{\"a\":1}", 1, 0);
    next(file, "{\"a\":\"\\\"\"}", 4, 1);
    next(file, "{}", 5, 2);
    ends(file);
}


static void
test_csv(void **state)
{
    mlops_str_t          header;
    mlops_event_file_t  *file;

    (void) state;

    file = open_text("a.csv", "id,\"na\nme\"\n1,x\n2,\"y\n\"\"z\"\"\"\n3,\n");
    header = mlops_event_file_header(file);
    assert_int_equal(header.len, 10);
    assert_memory_equal(header.data, "id,\"na\nme\"", 10);
    next(file, "1,x", 3, 0);
    next(file, "2,\"y\n\"\"z\"\"\"", 4, 1);
    next(file, "3,", 6, 2);
    ends(file);
}


static void
test_wrong(void **state)
{
    int                  rc;
    mlops_err_t          err;
    mlops_record_t       record;
    mlops_event_file_t  *file;

    (void) state;

    put("b.csv", "", 0);
    assert_null(mlops_event_file_open(path, &err));
    assert_non_null(strstr(err.text, "expected a header"));
    unlink(path);

    assert_null(mlops_event_file_open("/nonexistent/x.json", &err));
    assert_non_null(strstr(err.text, "cannot open"));

    assert_null(mlops_event_file_open("/tmp", &err));
    assert_non_null(strstr(err.text, "is a directory"));

    file = open_text("c.csv", "a,b\n1,2\n3,\"open\n4,5\n");
    next(file, "1,2", 2, 0);
    rc = mlops_event_file_next(file, &record, &err);
    assert_int_equal(rc, MLOPS_ERROR);
    assert_non_null(strstr(err.text, "line 3: expected a closing quote"));
    mlops_event_file_close(file);
    unlink(path);
}


/* Records longer than what is read at once, and a million of short ones. */

static void
test_long(void **state)
{
    char                *text, *p;
    size_t               len, i, n;
    mlops_err_t          err;
    mlops_record_t       record;
    mlops_event_file_t  *file;

    (void) state;

    len = 3000000;
    text = malloc(len + 1);
    assert_non_null(text);
    memset(text, 'x', len);
    text[1000000] = '\n';
    text[len] = '\0';

    file = open_text("d.json", text);
    assert_int_equal(mlops_event_file_next(file, &record, &err), MLOPS_OK);
    assert_int_equal(record.value.len, 1000000);
    assert_int_equal(mlops_event_file_next(file, &record, &err), MLOPS_OK);
    assert_int_equal(record.value.len, len - 1000001);
    ends(file);

    n = 200000;
    p = text;

    for (i = 0; i < n; i++) {
        p += sprintf(p, "%zu\n", i);
    }

    file = open_text("e.json", text);

    for (i = 0; i < n; i++) {
        assert_int_equal(mlops_event_file_next(file, &record, &err),
                         MLOPS_OK);
        assert_int_equal(strtoul(record.value.data, NULL, 10), i);
        assert_int_equal(mlops_event_file_line(file), i + 1);
    }

    ends(file);
    free(text);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_long)
    };

    return unit_run(tests);
}
