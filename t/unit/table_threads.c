/*
 * One writer and several readers in threads, on the same mapping: for
 * ThreadSanitizer (make tsan), which sees only accesses to the same
 * addresses, and for torn rows without it.
 *
 * Every row checks itself: its cells are functions of key and version.  Some
 * keys are hot, some come and go and hand their rows to each other.
 */

#include "tables.h"

#include <pthread.h>


enum { KEYS = 64, ROOM = 40, READERS = 3, COLUMNS = 20 };


static tables_view_t     v;
static mlops_table_t    *table;
static _Atomic int       stop;
static _Atomic int       bad;
static _Atomic uint64_t  gets;
static _Atomic uint64_t  rows;


static mlops_key_t
key_of(int64_t number, char text[32])
{
    mlops_key_t  key;

    memset(&key, 0, sizeof(key));
    key.text.len = (size_t) snprintf(text, 32, "key %lld",
                                     (long long) number);
    key.text.data = text;

    return key;
}


static double
cell_of(int64_t number, int64_t version, uint32_t column)
{
    return (double) (number * 1000000 + version) + column / 64.0;
}


/* 1: all of the copy belongs to one version of this key. */

static int
whole(int64_t number, const mlops_cell_t *cells, uint64_t present,
    const char *text, const mlops_table_found_t *found)
{
    char      want[64];
    uint32_t  i;

    for (i = 0; i < COLUMNS - 1; i++) {
        if (cells[i].f != cell_of(number, found->event_us, i)) {
            return 0;
        }
    }

    snprintf(want, sizeof(want), "%lld/%lld", (long long) number,
             (long long) found->event_us);

    return found->offset == found->event_us + 7
           && found->valid_us == found->event_us + 9
           && present == (1u << COLUMNS) - 1
           && cells[COLUMNS - 1].s.len == strlen(want)
           && memcmp(text + cells[COLUMNS - 1].s.off, want, strlen(want))
              == 0;
}


static void *
read_all(void *arg)
{
    int                   rc;
    char                  name[32], text[256];
    int64_t               k, seen[KEYS];
    uint32_t              cursor;
    uint64_t              seed, present;
    mlops_key_t           key;
    mlops_cell_t          cells[COLUMNS];
    mlops_table_found_t   found;

    seed = 1000 + (uint64_t) (uintptr_t) arg;
    memset(seen, 0, sizeof(seen));
    cursor = 0;

    while (!stop) {
        k = (int64_t) (unit_random(&seed) % KEYS);

        if (unit_random(&seed) % 2) {
            k %= 4;
        }

        key = key_of(k, name);
        mlops_table_prefetch(table, mlops_key_hash(MLOPS_TYPE_BYTES, &key));
        mlops_table_prefetch_row(table, mlops_key_hash(MLOPS_TYPE_BYTES,
                                                       &key));
        rc = mlops_table_get(table, &key,
                             mlops_key_hash(MLOPS_TYPE_BYTES, &key), 0,
                             INT64_MIN, cells, &present, text, &found);
        gets++;

        if (rc == MLOPS_OK) {

            if (!whole(k, cells, present, text, &found)
                || found.event_us < seen[k])
            {
                bad++;
            }

            seen[k] = found.event_us;
            (void) mlops_table_status(table, &found, &present, 0, 0);
        }

        rc = mlops_table_next(table, &cursor, 0, INT64_MIN, &key, cells,
                              &present, text, &found);

        if (rc == MLOPS_LIMIT) {
            cursor = 0;

        } else if (rc == MLOPS_OK) {
            rows++;

            if (key.text.len < 5
                || !whole(strtoll(key.text.data + 4, NULL, 10), cells,
                          present, text, &found))
            {
                bad++;
            }
        }
    }

    return NULL;
}


static void
write_one(int64_t k, int64_t version)
{
    char               name[32], text[64];
    uint32_t           i, hint;
    uint64_t           present;
    mlops_key_t        key;
    mlops_cell_t       cells[COLUMNS];
    mlops_table_row_t  row;

    snprintf(text, sizeof(text), "%lld/%lld", (long long) k,
             (long long) version);

    for (i = 0; i < COLUMNS - 1; i++) {
        cells[i].f = cell_of(k, version, i);
    }

    cells[i].s.off = 0;
    cells[i].s.len = (uint32_t) strlen(text);
    present = (1u << COLUMNS) - 1;

    row.event_us = version;
    row.offset = version + 7;
    row.partition = (int32_t) (k % 3);
    row.switch_us = INT64_MAX;
    row.valid_us = version + 9;
    row.cells = cells;
    row.present = &present;
    row.text = text;

    key = key_of(k, name);
    hint = UINT32_MAX;
    (void) mlops_table_put(table, &key,
                           mlops_key_hash(MLOPS_TYPE_BYTES, &key), &hint,
                           &row);
}


static void
test_threads(void **state)
{
    int           dir;
    char          name[32];
    long          i, n;
    int64_t       k;
    uint64_t      seed;
    pthread_t     threads[READERS];
    mlops_key_t   key;

    (void) state;

    dir = tables_dir();
    tables_view(&v, "v", MLOPS_TYPE_BYTES, 20, 1, "ddddddddddddddddddd5");
    v.view.clock = MLOPS_CLOCK_EVENT;
    table = tables_create(dir, &v.view, ROOM);

    for (i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_all,
                                        (void *) (uintptr_t) i), 0);
    }

    seed = 99;
    n = unit_quick() ? 200000 : 2000000;

    /* until the readers, who may begin late, have seen something of it */

    for (i = 1; i <= n || ((gets <= 1000 || rows <= 1000) && i < 1000 * n);
         i++)
    {
        k = (int64_t) (unit_random(&seed) % KEYS);

        if (unit_random(&seed) % 2) {
            k %= 4;
        }

        if (k >= 4 && unit_random(&seed) % 2) {
            key = key_of(k, name);
            (void) mlops_table_remove(table, &key,
                                      mlops_key_hash(MLOPS_TYPE_BYTES, &key),
                                      UINT32_MAX);

        } else {
            write_one(k, i);
        }

        if (i % 64 == 0) {
            mlops_table_set_partition(table, (uint32_t) (i % 3), i, i, 1);
            mlops_table_set_warm(table, 0, i);
            mlops_table_beat(table, i);
        }
    }

    n = i - 1;
    stop = 1;

    for (i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }

    unit_note("%ld writes, %llu gets, %llu rows seen in passing", n,
              (unsigned long long) gets, (unsigned long long) rows);
    assert_int_equal(bad, 0);
    assert_true(gets > 1000);
    assert_true(rows > 1000);

    mlops_table_close(table);
    close(dir);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_threads)
    };

    return unit_run(tests);
}
