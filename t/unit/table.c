/*
 * The feature table in one process: its layout, values of every type and
 * both sets there and back, statuses, room, growth, locks.
 */

#include "tables.h"

#include <sys/wait.h>


typedef struct {
    mlops_cell_t          cells[TABLES_COLUMNS];
    uint64_t              present[2];
    char                  text[1024];
    mlops_table_found_t   found;
} answer_t;


static int
get(const mlops_table_t *table, const mlops_key_t *key, int64_t now_us,
    int64_t as_of, answer_t *a)
{
    memset(a, 0x5a, sizeof(*a));
    assert_true(mlops_table_text_size(table) <= sizeof(a->text));

    return mlops_table_get(table, key,
                           mlops_key_hash(mlops_table_header(table)->key_type,
                                          key),
                           now_us, as_of, a->cells, a->present, a->text,
                           &a->found);
}


/* One number, as many rows as wanted. */

static int
put(mlops_table_t *table, int64_t number, double value, int64_t event_us)
{
    uint64_t           present;
    uint32_t           hint;
    mlops_key_t        key;
    mlops_cell_t       cell;
    mlops_table_row_t  row;

    memset(&row, 0, sizeof(row));
    key = tables_number(number);
    cell.f = value;
    present = 1;
    hint = UINT32_MAX;

    row.event_us = event_us;
    row.partition = -1;
    row.valid_us = INT64_MAX;
    row.switch_us = INT64_MAX;
    row.cells = &cell;
    row.present = &present;

    return mlops_table_put(table, &key,
                           mlops_key_hash(MLOPS_TYPE_INT64, &key), &hint,
                           &row);
}


static int
drop(mlops_table_t *table, int64_t number)
{
    mlops_key_t  key;

    key = tables_number(number);

    return mlops_table_remove(table, &key,
                              mlops_key_hash(MLOPS_TYPE_INT64, &key),
                              UINT32_MAX);
}


static double
value(const mlops_table_t *table, int64_t number)
{
    answer_t     a;
    mlops_key_t  key;

    key = tables_number(number);

    return get(table, &key, 0, INT64_MIN, &a) == MLOPS_OK
           ? a.cells[0].f : -1;
}


/* Values of XXH3-64 over 8, 4, 6 and 8 bytes, computed with Python from the
 * published constants. */

static void
test_key_hash(void **state)
{
    size_t       i;
    mlops_key_t  key;

    static const struct {
        int64_t   number;
        uint64_t  hash;
    } numbers[] = {
        { 0, 0xc77b3abb6f87acd9ull },
        { 1, 0x2fbc593564db792eull },
        { 42, 0xd5a6f8c838df27c8ull },
        { -1, 0x5111c7e47d784413ull },
        { 1001, 0x9105f4c332a4e285ull }
    };

    static const struct {
        const char  *text;
        uint64_t     hash;
    } texts[] = {
        { "user", 0x99e389d25c10af32ull },
        { "ETHUSD", 0x6759008a387a2419ull },
        { "BTC-USD1", 0xf5cc29fb398ebdb8ull }
    };

    (void) state;

    for (i = 0; i < mlops_nitems(numbers); i++) {
        key = tables_number(numbers[i].number);
        assert_int_equal(mlops_key_hash(MLOPS_TYPE_INT64, &key),
                         numbers[i].hash);
    }

    for (i = 0; i < mlops_nitems(texts); i++) {
        key = tables_text(texts[i].text);
        assert_int_equal(mlops_key_hash(MLOPS_TYPE_BYTES, &key),
                         texts[i].hash);
    }

    /* 0xc77b3abb / 2^32 * 8 = 6.23…, 0x2fbc5935 / 2^32 * 8 = 1.49… */

    assert_int_equal(mlops_key_shard(numbers[0].hash, 8), 6);
    assert_int_equal(mlops_key_shard(numbers[1].hash, 8), 1);
    assert_int_equal(mlops_key_shard(UINT64_MAX, 64), 63);
    assert_int_equal(mlops_key_shard(numbers[0].hash, 1), 0);
}


static void
test_key_parse(void **state)
{
    size_t       i;
    mlops_str_t  text;
    mlops_key_t  key;
    mlops_err_t  err;

    static const struct {
        const char  *text;
        int          good;
        int64_t      number;
    } numbers[] = {
        { "0", 1, 0 },
        { "-17", 1, -17 },
        { "9223372036854775807", 1, INT64_MAX },
        { "-9223372036854775808", 1, INT64_MIN },
        { "9223372036854775808", 0, 0 },
        { "", 0, 0 },
        { "+1", 0, 0 },
        { "1.0", 0, 0 },
        { "1e3", 0, 0 },
        { " 1", 0, 0 },
        { "1 ", 0, 0 },
        { "abc", 0, 0 }
    };

    (void) state;

    for (i = 0; i < mlops_nitems(numbers); i++) {
        text.data = numbers[i].text;
        text.len = strlen(numbers[i].text);

        unit_ok(mlops_key_parse(MLOPS_TYPE_INT64, &text, 8, &key, &err)
                == (numbers[i].good ? MLOPS_OK : MLOPS_ERROR), "\"%s\"",
                numbers[i].text);

        if (numbers[i].good) {
            assert_int_equal(key.number, numbers[i].number);
        }
    }

    text.data = "abcde";
    text.len = 5;
    assert_int_equal(mlops_key_parse(MLOPS_TYPE_BYTES, &text, 5, &key, &err),
                     MLOPS_OK);
    assert_int_equal(key.text.len, 5);
    assert_int_equal(mlops_key_parse(MLOPS_TYPE_BYTES, &text, 4, &key, &err),
                     MLOPS_ERROR);
    assert_string_equal(err.text,
                        "expected a key of 1 to 4 bytes, got 5");
    text.len = 0;
    assert_int_equal(mlops_key_parse(MLOPS_TYPE_BYTES, &text, 4, &key, &err),
                     MLOPS_ERROR);
}


static void
test_bytes(void **state)
{
    char           name[MLOPS_TABLE_NAME_SIZE];
    tables_view_t  v;

    (void) state;

    /* ctl 8, key 8, two slots of 32 + 8 + 10 * 8; bucket 64 / 5 */

    tables_view(&v, "rides", MLOPS_TYPE_INT64, 8, 1, "ddddddddii");
    assert_int_equal(mlops_table_bytes(&v.view), 16 + 2 * 120 + 13);

    /* header 4096, 1024 partitions of 32, 10 columns of 192 = 38784, to
     * 40960; 201 buckets = 12864, to 16384; 1000 rows of 256 */

    assert_int_equal(mlops_table_file_bytes(&v.view, 1000),
                     40960 + 16384 + 256000);

    /* key 4 + 13 to 24; slots of 40 + 2 * (16 + 65 * 8 + 8 + 24) */

    tables_view(&v, "a-view", MLOPS_TYPE_BYTES, 13, 2,
                "dddddddddddddddddddddddddddddddd"
                "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii3");
    assert_int_equal(mlops_table_bytes(&v.view),
                     8 + 24 + 2 * (40 + 2 * 568) + 13);

    mlops_table_name(&v.view, 12, name);
    assert_string_equal(name, "a-view.0123456789abcdef.12");
}


static void
test_numbers(void **state)
{
    int                     dir;
    answer_t                a;
    uint32_t                hint, hint2;
    uint64_t                present, hash;
    struct stat             st;
    mlops_key_t             key;
    mlops_cell_t            cells[4];
    tables_view_t           v;
    mlops_table_t          *writer, *reader;
    mlops_table_row_t       row;
    int32_t                 partition;
    int64_t                 offset;
    const mlops_table_column_t  *columns;

    (void) state;

    dir = tables_dir();
    tables_view(&v, "rides", MLOPS_TYPE_INT64, 8, 1, "didi");
    writer = tables_create(dir, &v.view, 100);
    reader = tables_open(dir, &v.view);

    assert_int_equal(fstatat(dir, "rides.0123456789abcdef.0", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_int_equal(st.st_size, mlops_table_file_bytes(&v.view, 100));

    columns = mlops_table_columns(reader);
    assert_int_equal(mlops_table_header(reader)->columns_n, 4);
    assert_string_equal(columns[3].name, "f3");
    assert_int_equal(columns[3].hash, 1003);
    assert_int_equal(columns[3].type, MLOPS_TYPE_INT64);
    assert_int_equal(columns[3].off, 8 + 3 * 8);

    key = tables_number(-5);
    hash = mlops_key_hash(MLOPS_TYPE_INT64, &key);
    hint = UINT32_MAX;

    assert_int_equal(get(reader, &key, 0, INT64_MIN, &a), MLOPS_AGAIN);
    assert_int_equal(mlops_table_at(writer, &key, hash, &hint, &partition,
                                    &offset), MLOPS_AGAIN);

    cells[0].f = 0.1;
    cells[1].i = INT64_MIN;
    cells[2].f = 77;            /* missing: becomes NaN */
    cells[3].i = 78;            /* missing: becomes 0 */
    present = 0x3;

    row.event_us = 1000;
    row.offset = (int64_t) 1 << 40;
    row.partition = 1023;
    row.switch_us = INT64_MAX;
    row.valid_us = 5000;
    row.cells = cells;
    row.present = &present;
    row.text = NULL;

    hint = UINT32_MAX;
    assert_int_equal(mlops_table_put(writer, &key, hash, &hint, &row),
                     MLOPS_OK);

    assert_int_equal(get(reader, &key, 2000, INT64_MIN, &a), MLOPS_OK);
    assert_true(a.cells[0].f == 0.1);
    assert_true(a.cells[1].i == INT64_MIN);
    assert_true(isnan(a.cells[2].f));
    assert_true(a.cells[3].i == 0);
    assert_int_equal(a.present[0], 3);
    assert_int_equal(a.found.event_us, 1000);
    assert_int_equal(a.found.offset, (int64_t) 1 << 40);
    assert_int_equal(a.found.partition, 1023);
    assert_int_equal(a.found.valid_us, 5000);
    assert_int_equal(a.found.now_us, 2000);

    /* again, in the other slot, by a hint that is wrong and one that is
     * right */

    cells[0].f = -INFINITY;
    row.partition = -1;
    hint2 = hint + 1;
    assert_int_equal(mlops_table_put(writer, &key, hash, &hint2, &row),
                     MLOPS_OK);
    assert_int_equal(hint2, hint);
    assert_int_equal(get(reader, &key, 2000, INT64_MIN, &a), MLOPS_OK);
    assert_true(a.cells[0].f == -INFINITY);
    assert_int_equal(a.found.partition, -1);

    cells[0].f = 3;
    row.offset = 9;
    assert_int_equal(mlops_table_put(writer, &key, hash, &hint2, &row),
                     MLOPS_OK);
    assert_int_equal(get(reader, &key, 2000, INT64_MIN, &a), MLOPS_OK);
    assert_true(a.cells[0].f == 3);
    assert_int_equal(mlops_table_at(writer, &key, hash, &hint, &partition,
                                    &offset), MLOPS_OK);
    assert_int_equal(partition, -1);
    assert_int_equal(offset, 9);
    assert_int_equal(mlops_table_header(reader)->rows_n, 1);

    assert_int_equal(drop(writer, -5), MLOPS_OK);
    assert_int_equal(drop(writer, -5), MLOPS_AGAIN);
    assert_int_equal(get(reader, &key, 2000, INT64_MIN, &a), MLOPS_AGAIN);
    assert_int_equal(mlops_table_header(reader)->rows_n, 0);

    mlops_table_close(reader);
    mlops_table_close(writer);
    close(dir);
}


/* Strings, keys that are strings, and two sets. */

static void
test_strings(void **state)
{
    int                 dir;
    char                long_key[14];
    answer_t            a;
    uint32_t            hint, cursor, n, i;
    uint64_t            present[2];
    mlops_key_t         key, longest, seen;
    mlops_cell_t        cells[8];
    tables_view_t       v;
    mlops_table_t      *writer, *reader;
    mlops_table_row_t   row;

    (void) state;

    dir = tables_dir();

    /* strings of at most 3, 8 and 13 bytes */

    tables_view(&v, "sessions", MLOPS_TYPE_BYTES, 13, 2, "0d12");
    writer = tables_create(dir, &v.view, 16);
    reader = tables_open(dir, &v.view);

    row.text = "abcdefghijklmnopqrstuvwxyz";
    row.event_us = 100;
    row.offset = 7;
    row.partition = 3;
    row.switch_us = 1000;
    row.valid_us = 2000;
    row.cells = cells;
    row.present = present;

    memset(cells, 0, sizeof(cells));

    cells[0].s.off = 0;         /* abc */
    cells[0].s.len = 3;
    cells[1].f = 1.5;
    cells[2].s.off = 10;        /* klmnopqr */
    cells[2].s.len = 8;
    cells[3].s.off = 3;         /* the empty string, present */
    cells[3].s.len = 0;
    present[0] = 0xf;

    cells[4].s.off = 25;        /* missing */
    cells[4].s.len = 1;
    cells[5].f = 2.5;
    cells[6].s.off = 25;        /* z */
    cells[6].s.len = 1;
    cells[7].s.off = 0;         /* abcdefghijklm, cut from 20 */
    cells[7].s.len = 20;
    present[1] = 0xe;

    key = tables_text("k");
    hint = UINT32_MAX;
    assert_int_equal(mlops_table_put(writer, &key,
                                     mlops_key_hash(MLOPS_TYPE_BYTES, &key),
                                     &hint, &row), MLOPS_OK);

    memcpy(long_key, "k\0k..........", 13);
    longest = tables_text("");
    longest.text.data = long_key;
    longest.text.len = 13;
    cells[1].f = -1;
    hint = UINT32_MAX;
    assert_int_equal(mlops_table_put(writer, &longest,
                                     mlops_key_hash(MLOPS_TYPE_BYTES,
                                                    &longest),
                                     &hint, &row), MLOPS_OK);

    /* before the switch */

    assert_int_equal(get(reader, &key, 999, INT64_MIN, &a), MLOPS_OK);
    assert_int_equal(a.present[0], 0xf);
    assert_int_equal(a.cells[0].s.len, 3);
    assert_memory_equal(a.text + a.cells[0].s.off, "abc", 3);
    assert_true(a.cells[1].f == 1.5);
    assert_int_equal(a.cells[2].s.len, 8);
    assert_memory_equal(a.text + a.cells[2].s.off, "klmnopqr", 8);
    assert_int_equal(a.cells[3].s.len, 0);

    /* from then on */

    assert_int_equal(get(reader, &key, 1000, INT64_MIN, &a), MLOPS_OK);
    assert_int_equal(a.present[0], 0xe);
    assert_int_equal(a.cells[0].s.len, 0);
    assert_true(a.cells[1].f == 2.5);
    assert_int_equal(a.cells[2].s.len, 1);
    assert_memory_equal(a.text + a.cells[2].s.off, "z", 1);
    assert_int_equal(a.cells[3].s.len, 13);
    assert_memory_equal(a.text + a.cells[3].s.off, "abcdefghijklm", 13);

    /* as of a time, whatever the clock says */

    assert_int_equal(get(reader, &key, 5000, 10, &a), MLOPS_OK);
    assert_true(a.cells[1].f == 1.5);
    assert_int_equal(a.found.now_us, 10);

    assert_int_equal(get(reader, &longest, 1, INT64_MIN, &a), MLOPS_OK);
    assert_true(a.cells[1].f == -1);

    /* keys that cannot be there */

    longest.text.len = 12;
    assert_int_equal(get(reader, &longest, 1, INT64_MIN, &a), MLOPS_AGAIN);
    longest.text.len = 0;
    assert_int_equal(get(reader, &longest, 1, INT64_MIN, &a), MLOPS_AGAIN);
    longest.text.data = row.text;
    longest.text.len = 26;
    assert_int_equal(get(reader, &longest, 1, INT64_MIN, &a), MLOPS_AGAIN);
    hint = UINT32_MAX;
    assert_int_equal(mlops_table_put(writer, &longest, 1, &hint, &row),
                     MLOPS_LIMIT);

    /* all of them */

    for (cursor = 0, n = 0, i = 0; i < 100; i++) {
        int  rc;

        rc = mlops_table_next(reader, &cursor, 0, INT64_MIN, &seen, a.cells,
                              a.present, a.text, &a.found);

        if (rc == MLOPS_LIMIT) {
            break;
        }

        if (rc == MLOPS_OK) {
            n++;
            assert_true(mlops_str_eq(&seen.text, "k", 1)
                        || mlops_str_eq(&seen.text, long_key, 13));
            assert_memory_equal(a.text + a.cells[2].s.off, "klmnopqr", 8);
        }
    }

    assert_int_equal(n, 2);
    assert_int_equal(i, 16);

    mlops_table_close(reader);
    mlops_table_close(writer);
    close(dir);
}


static void
test_status(void **state)
{
    int                   dir;
    uint64_t              present;
    tables_view_t         v;
    mlops_table_t        *table;
    mlops_table_found_t   found;

    (void) state;

    dir = tables_dir();
    tables_view(&v, "v", MLOPS_TYPE_INT64, 8, 1, "ddd");
    v.view.ttl_us = 1000;
    table = tables_create(dir, &v.view, 4);

    present = 0x5;
    memset(&found, 0, sizeof(found));
    found.event_us = 5000;
    found.now_us = 5500;
    found.valid_us = INT64_MAX;

    assert_int_equal(mlops_table_status(table, &found, &present, 0, 0),
                     MLOPS_STATUS_PRESENT);
    assert_int_equal(mlops_table_status(table, &found, &present, 1, 0),
                     MLOPS_STATUS_NULL_VALUE);

    /* the smaller of ttl and max_age; exactly that old is not older */

    found.now_us = 6000;
    assert_int_equal(mlops_table_status(table, &found, &present, 0, 0),
                     MLOPS_STATUS_PRESENT);
    found.now_us = 6001;
    assert_int_equal(mlops_table_status(table, &found, &present, 0, 0),
                     MLOPS_STATUS_OUTSIDE_MAX_AGE);
    assert_int_equal(mlops_table_status(table, &found, &present, 0, 9999),
                     MLOPS_STATUS_OUTSIDE_MAX_AGE);
    found.now_us = 5100;
    assert_int_equal(mlops_table_status(table, &found, &present, 0, 100),
                     MLOPS_STATUS_PRESENT);
    found.now_us = 5101;
    assert_int_equal(mlops_table_status(table, &found, &present, 0, 100),
                     MLOPS_STATUS_OUTSIDE_MAX_AGE);

    /* times that are far apart */

    found.now_us = INT64_MAX;
    found.event_us = INT64_MIN;
    assert_int_equal(mlops_table_status(table, &found, &present, 0, 0),
                     MLOPS_STATUS_OUTSIDE_MAX_AGE);
    found.now_us = INT64_MIN + 1;
    found.event_us = INT64_MAX;
    assert_int_equal(mlops_table_status(table, &found, &present, 0, 0),
                     MLOPS_STATUS_PRESENT);

    /* stale from valid_us on, which wins over null */

    found.event_us = 5000;
    found.now_us = 5500;
    found.valid_us = 5501;
    assert_int_equal(mlops_table_status(table, &found, &present, 0, 0),
                     MLOPS_STATUS_PRESENT);
    found.valid_us = 5500;
    assert_int_equal(mlops_table_status(table, &found, &present, 0, 0),
                     MLOPS_STATUS_STALE);
    assert_int_equal(mlops_table_status(table, &found, &present, 1, 0),
                     MLOPS_STATUS_STALE);

    /* a column that warms, over stale; the others do not */

    mlops_table_set_warm(table, 2, 5501);
    assert_int_equal(mlops_table_status(table, &found, &present, 2, 0),
                     MLOPS_STATUS_WARMING);
    assert_int_equal(mlops_table_status(table, &found, &present, 0, 0),
                     MLOPS_STATUS_STALE);
    mlops_table_set_warm(table, 2, 5500);
    assert_int_equal(mlops_table_status(table, &found, &present, 2, 0),
                     MLOPS_STATUS_STALE);
    mlops_table_set_warm(table, 2, INT64_MAX);
    found.valid_us = INT64_MAX;
    assert_int_equal(mlops_table_status(table, &found, &present, 2, 0),
                     MLOPS_STATUS_WARMING);
    assert_int_equal(mlops_table_status(table, &found, &present, 2, 100),
                     MLOPS_STATUS_OUTSIDE_MAX_AGE);

    assert_string_equal(mlops_status_name(MLOPS_STATUS_WARMING), "WARMING");
    assert_string_equal(mlops_status_name(MLOPS_STATUS_OUTSIDE_MAX_AGE),
                        "OUTSIDE_MAX_AGE");
    assert_string_equal(mlops_status_name(MLOPS_STATUS_NOT_FOUND),
                        "NOT_FOUND");

    mlops_table_close(table);
    close(dir);
}


/* Whose time it is: the wall's or the partition's. */

static void
test_clock(void **state)
{
    int                   dir;
    answer_t              a;
    uint32_t              hint;
    uint64_t              present;
    mlops_key_t           key;
    mlops_cell_t          cell;
    tables_view_t         v;
    mlops_table_t        *writer, *reader;
    mlops_table_row_t     row;

    (void) state;

    dir = tables_dir();
    tables_view(&v, "v", MLOPS_TYPE_INT64, 8, 1, "d");
    v.view.clock = MLOPS_CLOCK_EVENT;
    writer = tables_create(dir, &v.view, 4);
    reader = tables_open(dir, &v.view);

    assert_int_equal(mlops_table_partition(reader, 1023)->offset, -1);
    assert_true(mlops_table_partition(reader, 0)->clock_us == INT64_MIN);
    assert_null(mlops_table_partition(reader, 1024));

    key = tables_number(1);
    cell.f = 1;
    present = 1;
    hint = UINT32_MAX;

    memset(&row, 0, sizeof(row));
    row.event_us = 500;
    row.partition = 9;
    row.cells = &cell;
    row.present = &present;
    row.valid_us = 600;

    assert_int_equal(mlops_table_put(writer, &key,
                                     mlops_key_hash(MLOPS_TYPE_INT64, &key),
                                     &hint, &row), MLOPS_OK);

    assert_int_equal(get(reader, &key, 1 << 20, INT64_MIN, &a), MLOPS_OK);
    assert_int_equal(a.found.now_us, 500);

    mlops_table_set_partition(writer, 9, 77, 601, 1);
    mlops_table_set_partition(writer, MLOPS_PARTITIONS_MAX, 1, 1, 1);
    assert_int_equal(get(reader, &key, 1 << 20, INT64_MIN, &a), MLOPS_OK);
    assert_int_equal(a.found.now_us, 601);
    assert_int_equal(mlops_table_status(reader, &a.found, a.present, 0, 0),
                     MLOPS_STATUS_STALE);
    assert_int_equal(mlops_table_partition(reader, 9)->offset, 77);
    assert_int_equal(mlops_table_partition(reader, 9)->owned, 1);

    assert_int_equal(get(reader, &key, 1 << 20, 42, &a), MLOPS_OK);
    assert_int_equal(a.found.now_us, 42);

    mlops_table_beat(writer, 12345);
    mlops_table_evicted(writer, 3);
    mlops_table_evicted(writer, 4);
    mlops_table_set_clean(writer, 1);
    assert_int_equal(mlops_table_header(reader)->beat_us, 12345);
    assert_int_equal(mlops_table_header(reader)->evicted, 7);
    assert_int_equal(mlops_table_header(reader)->clean, 1);
    assert_int_equal(mlops_table_header(reader)->writer_pid, getpid());

    mlops_table_close(reader);
    mlops_table_close(writer);
    close(dir);
}


/* A full table refuses a new entity and goes on with those it has; a removed
 * one makes room. */

static void
test_full(void **state)
{
    int             dir;
    int64_t         i;
    tables_view_t   v;
    mlops_table_t  *writer, *reader;

    (void) state;

    dir = tables_dir();
    tables_view(&v, "v", MLOPS_TYPE_INT64, 8, 1, "d");
    writer = tables_create(dir, &v.view, 1000);
    reader = tables_open(dir, &v.view);

    for (i = 0; i < 1000; i++) {
        assert_int_equal(put(writer, i, (double) i, 1), MLOPS_OK);
    }

    assert_int_equal(put(writer, 1000, 1, 1), MLOPS_LIMIT);
    assert_int_equal(put(writer, 17, 0.5, 1), MLOPS_OK);
    assert_true(value(reader, 17) == 0.5);
    assert_true(value(reader, 1000) == -1);

    assert_int_equal(drop(writer, 17), MLOPS_OK);
    assert_int_equal(put(writer, 1000, 1.25, 1), MLOPS_OK);
    assert_int_equal(put(writer, 17, 1, 1), MLOPS_LIMIT);
    assert_true(value(reader, 1000) == 1.25);
    assert_true(value(reader, 17) == -1);

    for (i = 0; i < 1000; i++) {
        if (i != 17) {
            assert_true(value(reader, i) == (double) i);
        }
    }

    mlops_table_close(reader);
    mlops_table_close(writer);
    close(dir);
}


/* However many come and go: no key is lost, and a table that is empty again
 * has the index of an empty one. */

static void
test_churn(void **state)
{
    int                          dir;
    long                         n, rounds;
    int64_t                      i, k;
    double                      *model;
    uint64_t                     seed;
    const uint64_t              *word;
    tables_view_t                v;
    mlops_table_t               *t;
    const mlops_table_header_t  *header;

    (void) state;

    enum { KEYS = 2048, ROOM = 1024 };

    dir = tables_dir();
    tables_view(&v, "v", MLOPS_TYPE_INT64, 8, 1, "d");
    t = tables_create(dir, &v.view, ROOM);

    model = calloc(KEYS, sizeof(double));
    assert_non_null(model);

    seed = 88172645463325252ull;
    rounds = unit_quick() ? 100000 : 1000000;
    n = 0;

    for (i = 0; i < rounds; i++) {
        k = (int64_t) (unit_random(&seed) % KEYS);

        if (model[k] == 0) {
            assert_int_equal(put(t, k, (double) i + 1, 1),
                             n < ROOM ? MLOPS_OK : MLOPS_LIMIT);

            if (n < ROOM) {
                model[k] = (double) i + 1;
                n++;
            }

        } else if (unit_random(&seed) % 2) {
            assert_int_equal(drop(t, k), MLOPS_OK);
            model[k] = 0;
            n--;

        } else {
            assert_int_equal(put(t, k, (double) i + 1, 1), MLOPS_OK);
            model[k] = (double) i + 1;
        }

        k = (int64_t) (unit_random(&seed) % KEYS);
        assert_true(value(t, k) == (model[k] == 0 ? -1 : model[k]));
    }

    assert_int_equal(mlops_table_header(t)->rows_n, n);

    for (k = 0; k < KEYS; k++) {
        assert_int_equal(drop(t, k), model[k] == 0 ? MLOPS_AGAIN : MLOPS_OK);
    }

    header = mlops_table_header(t);
    word = (const uint64_t *) ((const char *) header + header->index_off);

    for (i = 0; i < (int64_t) header->buckets_n * 8; i++) {
        assert_int_equal(word[i], 0);
    }

    free(model);
    mlops_table_close(t);
    close(dir);
}


/* A larger file takes the name; readers of the old one are told, and the
 * writer sees when the last has gone. */

static void
test_growth(void **state)
{
    int             dir;
    tables_view_t   v;
    mlops_table_t  *old, *new, *reader, *other;

    (void) state;

    dir = tables_dir();
    tables_view(&v, "v", MLOPS_TYPE_INT64, 8, 1, "d");

    old = tables_create(dir, &v.view, 1);
    assert_false(mlops_table_read(old));

    reader = tables_open(dir, &v.view);
    other = tables_open(dir, &v.view);
    assert_true(mlops_table_read(old));
    assert_false(mlops_table_superseded(mlops_table_header(reader)));

    assert_int_equal(put(old, 1, 1, 1), MLOPS_OK);
    assert_int_equal(put(old, 2, 1, 1), MLOPS_LIMIT);

    new = tables_create(dir, &v.view, 2);
    assert_true(mlops_table_superseded(mlops_table_header(reader)));
    assert_false(mlops_table_superseded(mlops_table_header(new)));

    assert_int_equal(put(new, 1, 10, 1), MLOPS_OK);
    assert_int_equal(put(new, 2, 20, 1), MLOPS_OK);
    assert_int_equal(put(old, 1, 10, 1), MLOPS_OK);
    assert_true(value(reader, 1) == 10);

    mlops_table_close(reader);
    assert_true(mlops_table_read(old));
    mlops_table_close(other);
    assert_false(mlops_table_read(old));
    assert_false(mlops_table_read(new));

    reader = tables_open(dir, &v.view);
    assert_true(mlops_table_read(new));
    assert_true(value(reader, 2) == 20);
    assert_false(mlops_table_superseded(mlops_table_header(reader)));

    mlops_table_close(old);
    mlops_table_close(reader);
    mlops_table_close(new);
    close(dir);
}


static void
test_attach(void **state)
{
    int                 dir;
    char                name[MLOPS_TABLE_NAME_SIZE];
    mlops_err_t         err;
    tables_view_t       v, other;
    mlops_table_t      *t;

    (void) state;

    dir = tables_dir();
    tables_view(&v, "v", MLOPS_TYPE_INT64, 8, 1, "d");

    assert_null(mlops_table_attach(dir, &v.view, 0, &err));
    assert_int_equal(errno, ENOENT);

    t = tables_create(dir, &v.view, 3);
    assert_int_equal(put(t, 1, 1, 1), MLOPS_OK);
    assert_int_equal(put(t, 2, 2, 1), MLOPS_OK);
    assert_int_equal(put(t, 3, 3, 1), MLOPS_OK);
    assert_int_equal(drop(t, 2), MLOPS_OK);
    atomic_store(&((mlops_table_header_t *) mlops_table_header(t))
                 ->superseded, 1);

    /* one writer */

    assert_null(mlops_table_attach(dir, &v.view, 0, &err));
    assert_int_equal(errno, EAGAIN);
    unit_ok(strstr(err.text, "it has another writer (pid ") != NULL, "%s",
            err.text);

    mlops_table_close(t);

    t = mlops_table_attach(dir, &v.view, 0, &err);
    unit_ok(t != NULL, "%s", err.text);
    assert_int_equal(mlops_table_header(t)->rows_n, 2);
    assert_false(mlops_table_superseded(mlops_table_header(t)));
    assert_true(value(t, 1) == 1);
    assert_true(value(t, 3) == 3);
    assert_int_equal(put(t, 4, 4, 1), MLOPS_OK);
    assert_int_equal(put(t, 5, 5, 1), MLOPS_LIMIT);
    mlops_table_close(t);

    /* another definition behind the same name */

    tables_view(&other, "v", MLOPS_TYPE_INT64, 8, 1, "i");
    assert_null(mlops_table_attach(dir, &other.view, 0, &err));
    unit_ok(strstr(err.text, "another definition") != NULL, "%s", err.text);

    /* others may not write it, and it is a file */

    mlops_table_name(&v.view, 0, name);
    assert_int_equal(fchmodat(dir, name, 0664, 0), 0);
    assert_null(mlops_table_open(dir, name, (uid_t) -1, &err));
    unit_ok(strstr(err.text, "got 0664") != NULL, "%s", err.text);
    assert_int_equal(unlinkat(dir, name, 0), 0);
    assert_null(mlops_table_open(dir, name, (uid_t) -1, &err));
    assert_int_equal(errno, ENOENT);
    assert_int_equal(symlinkat("/etc/passwd", dir, name), 0);
    assert_null(mlops_table_open(dir, name, (uid_t) -1, &err));
    assert_int_equal(unlinkat(dir, name, 0), 0);
    assert_int_equal(mkfifoat(dir, name, 0600), 0);
    assert_null(mlops_table_open(dir, name, (uid_t) -1, &err));
    unit_ok(strstr(err.text, "not a regular file") != NULL, "%s", err.text);

    close(dir);
}


/* A worker that is root makes tables for the store's owner: it finds them
 * again, and their readers are told of the next one. */

static void
test_owner(void **state)
{
    int               dir;
    char              tmp[MLOPS_TMP_SIZE];
    mlops_err_t       err;
    mlops_table_t    *first, *second, *reader;
    tables_view_t     v;

    (void) state;

    if (geteuid() != 0) {
        skip();
    }

    tables_view(&v, "owned", MLOPS_TYPE_INT64, 0, 1, "d");
    dir = tables_dir();
    assert_int_equal(fchown(dir, 65534, 65534), 0);

    first = mlops_table_create(dir, &v.view, 0, 10, 65534, 65534, tmp, &err);
    assert_non_null(first);
    assert_int_equal(mlops_table_commit(first, tmp, &err), MLOPS_OK);
    assert_int_equal(put(first, 7, 7.5, 1), MLOPS_OK);
    mlops_table_close(first);

    err.text[0] = '\0';
    first = mlops_table_attach(dir, &v.view, 0, &err);
    unit_ok(first != NULL, "%s", err.text);
    assert_int_equal(atomic_load(&mlops_table_header(first)->rows_n), 1);

    reader = mlops_table_open(dir, "owned.0123456789abcdef.0", 65534, &err);
    assert_non_null(reader);
    assert_false(mlops_table_superseded(mlops_table_header(reader)));

    second = mlops_table_create(dir, &v.view, 0, 20, 65534, 65534, tmp, &err);
    assert_non_null(second);
    assert_int_equal(mlops_table_commit(second, tmp, &err), MLOPS_OK);
    assert_true(mlops_table_superseded(mlops_table_header(reader)));

    mlops_table_close(reader);
    mlops_table_close(first);
    mlops_table_close(second);
    (void) close(dir);
}


/* What cannot be made leaves nothing behind. */

static void
test_create_fails(void **state)
{
    int             dir;
    char            tmp[MLOPS_TMP_SIZE], want[64];
    mlops_err_t     err;
    tables_view_t   v;

    (void) state;

    dir = tables_dir();
    tables_view(&v, "v", MLOPS_TYPE_INT64, 8, 1, "d");

    assert_null(mlops_table_create(dir, &v.view, 0, 0, (uid_t) -1,
                                   (gid_t) -1, tmp, &err));
    assert_null(mlops_table_create(dir, &v.view, 0, UINT32_MAX, (uid_t) -1,
                                   (gid_t) -1, tmp, &err));

    /* 400 GB and more: no store has them */

    snprintf(want, sizeof(want), "%llu bytes are needed",
             (unsigned long long) mlops_table_file_bytes(&v.view,
                                                         UINT32_MAX - 1));
    assert_null(mlops_table_create(dir, &v.view, 0, UINT32_MAX - 1,
                                   (uid_t) -1, (gid_t) -1, tmp, &err));
    unit_ok(strstr(err.text, want) != NULL || errno == EFBIG, "%s: %s", want,
            err.text);

    /* the directory is empty and can be removed */

    {
        char     link[64], path[UNIT_PATH_SIZE];
        ssize_t  n;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
        n = readlink(link, path, sizeof(path) - 1);
        assert_true(n > 0);
        path[n] = '\0';
        assert_int_equal(rmdir(path), 0);
    }

    close(dir);
}


/* A row that is never at rest is given up after a bounded number of tries;
 * here ctl stands still and is not live, or the entry leads astray. */

static void
test_damaged_rows(void **state)
{
    int                          dir;
    uint64_t                    *word;
    uint32_t                     i, n;
    tables_view_t                v;
    mlops_table_t               *t, *reader;
    const mlops_table_header_t  *header;

    (void) state;

    dir = tables_dir();
    tables_view(&v, "v", MLOPS_TYPE_INT64, 8, 1, "d");
    t = tables_create(dir, &v.view, 64);

    for (i = 0; i < 64; i++) {
        assert_int_equal(put(t, i, i, 1), MLOPS_OK);
    }

    reader = tables_open(dir, &v.view);
    header = mlops_table_header(t);
    word = (uint64_t *) ((char *) header + header->index_off);

    /* every bucket says passed, every entry leads behind the last row */

    for (i = 0; i < header->buckets_n * 8; i++) {
        word[i] |= (i % 8 == 0) ? 1 : 0x00ffffff;
    }

    for (i = 0; i < 64; i++) {
        assert_true(value(reader, i) == -1);
    }

    mlops_table_close(t);

    /* and attaching makes an empty table of it, with all its room */

    {
        mlops_err_t  err;

        t = mlops_table_attach(dir, &v.view, 0, &err);
        unit_ok(t != NULL, "%s", err.text);
    }

    for (i = 0, n = 0; i < 65; i++) {
        n += put(t, 100 + i, i, 1) == MLOPS_OK;
    }

    assert_int_equal(n, 64);
    assert_true(value(reader, 100) == 0);
    assert_true(value(reader, 163) == 63);
    assert_true(value(reader, 3) == -1);

    mlops_table_close(reader);
    mlops_table_close(t);
    close(dir);
}


/* Each byte of what is fixed at birth, changed in several ways: refused, and
 * never a crash.  The checksum is made right again for half of them, so that
 * the checks behind it are met. */

static uint64_t
checksum(const char *data)
{
    uint32_t      i, columns_n;
    uint64_t      sum;

    /* over one buffer, as the format says */

    char         *all;
    size_t        len;
    mlops_key_t   key;

    memcpy(&columns_n, data + 68, 4);

    if (columns_n > 8) {
        columns_n = 8;
    }

    len = 224 + columns_n * 152;
    all = malloc(len);
    assert_non_null(all);
    memcpy(all, data + 32, 224);

    for (i = 0; i < columns_n; i++) {
        memcpy(all + 224 + i * 152, data + 4096 + 32768 + i * 192, 152);
    }

    key = tables_text("");
    key.text.data = all;
    key.text.len = len;
    sum = mlops_key_hash(MLOPS_TYPE_BYTES, &key);
    free(all);

    return sum;
}


static void
test_hostile(void **state)
{
    int                 dir, rc;
    char               *good, *bad, name[MLOPS_TABLE_NAME_SIZE];
    char                path[128];
    size_t              len, at, tried, taken;
    uint64_t            sum;
    uint32_t            k;
    answer_t            a;
    mlops_key_t         key;
    mlops_err_t         err;
    const char         *tmp;
    tables_view_t       v;
    mlops_table_t      *t;

    static const unsigned char  xors[] = { 0x01, 0x80, 0xff };

    (void) state;

    tmp = unit_tmpdir();
    dir = open(tmp, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    assert_true(dir != -1);

    tables_view(&v, "v", MLOPS_TYPE_BYTES, 12, 2, "d1i");
    t = tables_create(dir, &v.view, 3);
    mlops_table_close(t);

    mlops_table_name(&v.view, 0, name);
    snprintf(path, sizeof(path), "%s/%s", tmp, name);
    good = unit_slurp(path, &len);
    assert_non_null(good);
    memcpy(&sum, good + 24, 8);
    assert_int_equal(checksum(good), sum);

    bad = malloc(len + 4096);
    assert_non_null(bad);
    key = tables_text("abc");
    tried = 0;
    taken = 0;

    for (at = 0; at < 4096 + 32768 + 3 * 192; at++) {

        if (at == 256) {
            at = 4096 + 32768;
        }

        for (k = 0; k < 2 * sizeof(xors); k++) {
            memcpy(bad, good, len);
            bad[at] = (char) (bad[at] ^ xors[k / 2]);

            if (k % 2) {
                sum = checksum(bad);
                memcpy(bad + 24, &sum, 8);
            }

            unit_spew(path, bad, len);
            t = mlops_table_open(dir, name, (uid_t) -1, &err);
            tried++;

            if (t == NULL) {
                assert_true(err.text[0] != '\0');
                continue;
            }

            /* what can be taken: another hash, name, time or owner, or, in
             * the header's spare bytes, anything */

            taken++;
            rc = get(t, &key, 0, INT64_MIN, &a);
            assert_int_equal(rc, MLOPS_AGAIN);

            unit_ok(k % 2 || (at >= 4096 && (at - 4096 - 32768) % 192 >= 152),
                    "byte %zu is not covered by the checksum", at);

            mlops_table_close(t);
        }
    }

    unit_note("%zu headers, %zu of them could be taken", tried, taken);

    /* the length of the file */

    for (at = 0; at < len; at += 509) {
        unit_spew(path, good, at);
        assert_null(mlops_table_open(dir, name, (uid_t) -1, &err));
    }

    memcpy(bad, good, len);
    memset(bad + len, 0, 4096);
    unit_spew(path, bad, len + 8);
    assert_null(mlops_table_open(dir, name, (uid_t) -1, &err));
    unit_ok(strstr(err.text, "wrong file length: expected ") != NULL, "%s",
            err.text);

    unit_spew(path, good, len);
    t = mlops_table_open(dir, name, (uid_t) -1, &err);
    unit_ok(t != NULL, "%s", err.text);
    mlops_table_close(t);

    free(good);
    free(bad);
    close(dir);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_key_hash),
        cmocka_unit_test(test_key_parse),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_churn),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_attach),
        cmocka_unit_test(test_owner),
        cmocka_unit_test(test_create_fails),
        cmocka_unit_test(test_damaged_rows),
        cmocka_unit_test(test_hostile)
    };

    return unit_run(tests);
}
