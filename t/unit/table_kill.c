/*
 * A writer that is killed anywhere: at every named point and at random,
 * hundreds of times, while a reader goes on.
 *
 * The sources of the writer are compiled in here with their fault points,
 * which ask this program whether to die.  Each round forks a writer that
 * takes over what the last one left.  What must hold:
 *
 *     - the reader sees no row that is torn, of another key, or older than
 *       what it has seen before; an entity that is never removed is always
 *       there;
 *     - after a kill the table has of each entity what was put last, or what
 *       was being put;
 *     - attaching repairs: every row of the table can be used again;
 *     - a killed growth leaves the old or the new file, and nothing else.
 *
 * A value is a function of key, version and column, so that each copy can
 * be checked by itself.
 */

#define MLOPS_FAULTS  1

#include "tables.h"

#include <dirent.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

/* what the fault points are in */

#include "../../core/shm/mlops_file_write.c"
#include "../../core/feature/mlops_table_create.c"
#include "../../core/feature/mlops_table_write.c"


enum {
    KEYS = 200,
    PINNED = 20,                /* of them: put first, never removed */
    ROOM = 150,
    POINTS = 64
};


/* Shared by all processes. */

typedef struct {
    _Atomic uint64_t   committed[KEYS];     /* version, 0: none */
    _Atomic uint64_t   intended[KEYS];      /* while it differs */
    _Atomic uint64_t   versions;
    _Atomic int        stop;
    _Atomic uint64_t   gets;
    _Atomic uint64_t   opens;
    _Atomic uint64_t   ops;

    _Atomic uint32_t   points_n;
    char               names[POINTS][32];
    _Atomic uint64_t   passed[POINTS];
    _Atomic uint64_t   killed[POINTS];
    _Atomic uint64_t   killed_at_random;
    char               failure[256];
} shared_t;


static shared_t       *shared;
static tables_view_t   v;
static int             dir;

/* this writer's end */

static int             fatal = -1;          /* point */
static uint64_t        fatal_pass;          /* counted down */


void
mlops_fault(const char *point)
{
    uint32_t  i, n;

    if (shared == NULL) {
        return;
    }

    n = shared->points_n;

    for (i = 0; i < n; i++) {
        if (strcmp(shared->names[i], point) == 0) {
            break;
        }
    }

    if (i == n) {

        if (n == POINTS) {
            abort();
        }

        strncpy(shared->names[n], point, sizeof(shared->names[n]) - 1);
        shared->points_n = n + 1;
    }

    shared->passed[i]++;

    if ((int) i == fatal && fatal_pass-- == 0) {
        shared->killed[i]++;
        (void) kill(getpid(), SIGKILL);
    }
}


static void
failed(const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    vsnprintf(shared->failure, sizeof(shared->failure), fmt, args);
    va_end(args);

    _exit(1);
}


/* ---- rows that check themselves */

static double
real(int64_t key, uint64_t version, uint32_t column)
{
    return (double) key * 1e6 + (double) version + column / 128.0;
}


static mlops_key_t
key_of(int64_t number, char text[32])
{
    mlops_key_t  key;

    memset(&key, 0, sizeof(key));
    key.text.len = (size_t) snprintf(text, 32, "entity-%lld",
                                     (long long) number);
    key.text.data = text;

    return key;
}


static void
row_of(int64_t number, uint64_t version, mlops_table_row_t *row)
{
    uint32_t             i, s;
    static char          text[64];
    static mlops_cell_t  cells[2 * 8];
    static uint64_t      present[2];

    snprintf(text, sizeof(text), "%lld:%llu", (long long) number,
             (unsigned long long) version);

    for (s = 0; s < 2; s++) {
        for (i = 0; i < 7; i++) {
            cells[s * 8 + i].f = real(number, version, s * 8 + i);
        }

        cells[s * 8 + 7].s.off = 0;
        cells[s * 8 + 7].s.len = (uint32_t) strlen(text);
        present[s] = 0xff;
    }

    row->event_us = (int64_t) version;
    row->offset = (int64_t) version * 2;
    row->partition = (int32_t) (version % 100);
    row->switch_us = 1000;
    row->valid_us = (int64_t) version * 3;
    row->cells = cells;
    row->present = present;
    row->text = text;
}


/* The version of an answer, after checking all of it; 0: not there. */

static uint64_t
version_of(const mlops_table_t *table, int64_t number, int64_t now_us)
{
    int                   rc;
    char                  text[256], name[32], want[64];
    uint32_t              i, base;
    uint64_t              present, version;
    mlops_key_t           key;
    mlops_cell_t          cells[8];
    mlops_table_found_t   found;

    key = key_of(number, name);

    rc = mlops_table_get(table, &key, mlops_key_hash(MLOPS_TYPE_BYTES, &key),
                         now_us, INT64_MIN, cells, &present, text, &found);

    if (rc != MLOPS_OK) {
        return 0;
    }

    version = (uint64_t) found.event_us;
    base = now_us >= 1000 ? 8 : 0;

    if (found.offset != (int64_t) version * 2
        || found.partition != (int32_t) (version % 100)
        || found.valid_us != (int64_t) version * 3 || present != 0xff)
    {
        failed("key %lld: the head of version %llu is torn",
               (long long) number, (unsigned long long) version);
    }

    for (i = 0; i < 7; i++) {
        if (cells[i].f != real(number, version, base + i)) {
            failed("key %lld: column %u of version %llu is torn: %.17g",
                   (long long) number, (unsigned) i,
                   (unsigned long long) version, cells[i].f);
        }
    }

    snprintf(want, sizeof(want), "%lld:%llu", (long long) number,
             (unsigned long long) version);

    if (cells[7].s.len != strlen(want)
        || memcmp(text + cells[7].s.off, want, cells[7].s.len) != 0)
    {
        failed("key %lld: the string of version %llu is torn",
               (long long) number, (unsigned long long) version);
    }

    return version;
}


/* ---- the reader */

static void
reader(void)
{
    char            name[MLOPS_TABLE_NAME_SIZE];
    int64_t         k;
    uint32_t        tries;
    uint64_t        seen[KEYS], version, seed;
    mlops_err_t     err;
    mlops_table_t  *table;

    memset(seen, 0, sizeof(seen));
    mlops_table_name(&v.view, 0, name);
    table = NULL;
    seed = 4711;

    while (!shared->stop) {

        if (table == NULL
            || mlops_table_superseded(mlops_table_header(table)))
        {
            mlops_table_close(table);
            table = mlops_table_open(dir, name, (uid_t) -1, &err);
            shared->opens++;

            if (table == NULL) {
                failed("reader: %s", err.text);
            }
        }

        k = (int64_t) (unit_random(&seed) % KEYS);
        version = version_of(table, k, k % 2 ? 0 : 1000);
        shared->gets++;

        if (k < PINNED) {
            for (tries = 0; version == 0 && tries < 1000; tries++) {
                version = version_of(table, k, 0);
            }

            if (version == 0) {
                failed("reader: key %lld is never removed, but was not found",
                       (long long) k);
            }
        }

        if (version != 0 && version < seen[k]) {
            failed("reader: key %lld went back from version %llu to %llu",
                   (long long) k, (unsigned long long) seen[k],
                   (unsigned long long) version);
        }

        if (version != 0) {
            seen[k] = version;
        }
    }

    mlops_table_close(table);
    _exit(0);
}


/* ---- the writer */

static void
write_one(mlops_table_t *table, int64_t k, int remove)
{
    int                rc;
    char               name[32];
    uint32_t           hint;
    uint64_t           hash, version;
    mlops_key_t        key;
    mlops_table_row_t  row;

    key = key_of(k, name);
    hash = mlops_key_hash(MLOPS_TYPE_BYTES, &key);
    version = remove ? 0 : ++shared->versions;

    shared->intended[k] = version;

    if (remove) {
        rc = mlops_table_remove(table, &key, hash, UINT32_MAX);

        if ((rc == MLOPS_OK) != (shared->committed[k] != 0)) {
            failed("writer: key %lld: remove gave %d, its version is %llu",
                   (long long) k, rc,
                   (unsigned long long) shared->committed[k]);
        }

    } else {
        hint = UINT32_MAX;
        row_of(k, version, &row);
        rc = mlops_table_put(table, &key, hash, &hint, &row);

        if (rc != MLOPS_OK) {
            shared->intended[k] = shared->committed[k];
            return;
        }
    }

    shared->committed[k] = version;
    shared->ops++;
}


/* The same rows in a new file that takes the place of the old one. */

static mlops_table_t *
grow(mlops_table_t *table)
{
    char                tmp[MLOPS_TMP_SIZE], name[32];
    int64_t             k;
    uint32_t            hint;
    uint64_t            version;
    mlops_err_t         err;
    mlops_key_t         key;
    mlops_table_t      *new;
    mlops_table_row_t   row;

    new = mlops_table_create(dir, &v.view, 0,
                             ROOM + (uint32_t) (shared->ops % 7), (uid_t) -1,
                             (gid_t) -1, tmp, &err);

    if (new == NULL) {
        failed("growth: %s", err.text);
    }

    for (k = 0; k < KEYS; k++) {
        version = shared->committed[k];

        if (version != 0) {
            key = key_of(k, name);
            hint = UINT32_MAX;
            row_of(k, version, &row);

            if (mlops_table_put(new, &key,
                                mlops_key_hash(MLOPS_TYPE_BYTES, &key), &hint,
                                &row)
                != MLOPS_OK)
            {
                failed("growth: no room for key %lld", (long long) k);
            }
        }
    }

    if (mlops_table_commit(new, tmp, &err) != MLOPS_OK) {
        failed("growth: %s", err.text);
    }

    mlops_table_close(table);

    return new;
}


/* Walking over the rows finds each entity once, and no other. */

static void
check_walk(const mlops_table_t *table, uint64_t rows)
{
    int                   rc;
    char                  text[256];
    uint32_t              cursor;
    uint64_t              n, present;
    mlops_key_t           key;
    mlops_cell_t          cells[8];
    mlops_table_found_t   found;

    for (cursor = 0, n = 0; /* void */ ; /* void */ ) {
        rc = mlops_table_next(table, &cursor, 0, INT64_MIN, &key, cells,
                              &present, text, &found);

        if (rc == MLOPS_LIMIT) {
            break;
        }

        n += rc == MLOPS_OK;
    }

    if (n != rows) {
        failed("after a kill: %llu rows are live, %llu can be found",
               (unsigned long long) n, (unsigned long long) rows);
    }
}


/* What the last writer left is checked first. */

static mlops_table_t *
take_over(void)
{
    int64_t         k;
    uint64_t        version, rows;
    mlops_err_t     err;
    mlops_table_t  *table;

    table = mlops_table_attach(dir, &v.view, 0, &err);

    if (table == NULL) {
        failed("writer: %s", err.text);
    }

    for (k = 0, rows = 0; k < KEYS; k++) {
        version = version_of(table, k, 0);

        if (version != shared->committed[k] && version != shared->intended[k])
        {
            failed("after a kill: key %lld has version %llu, expected %llu "
                   "or %llu", (long long) k, (unsigned long long) version,
                   (unsigned long long) shared->committed[k],
                   (unsigned long long) shared->intended[k]);
        }

        shared->committed[k] = version;
        shared->intended[k] = version;
        rows += version != 0;
    }

    check_walk(table, rows);

    if (mlops_table_header(table)->rows_n != rows) {
        failed("after a kill: %llu rows by the header, %llu found",
               (unsigned long long) mlops_table_header(table)->rows_n,
               (unsigned long long) rows);
    }

    if (rows + table->free_n + (table->capacity - table->fresh)
        != table->capacity)
    {
        failed("after a kill: rows are lost: %llu live, %u and %u free, of "
               "%u", (unsigned long long) rows, table->free_n,
               table->capacity - table->fresh, table->capacity);
    }

    return table;
}


/* The count of keys that went past a bucket, from scratch: what the writer
 * keeps up to date has to be the same. */

static void
check_passed(mlops_table_t *table)
{
    uint32_t       b, i, home;
    uint64_t       entry, *passed;
    int            good;
    mlops_word_t  *bucket;

    passed = calloc(table->buckets_n, sizeof(*passed));

    if (passed == NULL) {
        failed("out of memory");
    }

    for (b = 0; b < table->buckets_n; b++) {
        bucket = mlops_table_bucket(table, b);

        for (i = 1; i <= MLOPS_TABLE_ENTRIES; i++) {
            entry = bucket[i];

            if (entry == 0) {
                continue;
            }

            for (home = mlops_table_home(table,
                            mlops_table_row_hash(table,
                                mlops_table_row(table, (uint32_t) entry - 1),
                                &good));
                 home != b; home = mlops_table_after(table, home))
            {
                passed[home]++;
            }
        }
    }

    for (b = 0; b < table->buckets_n; b++) {
        if (*mlops_table_bucket(table, b) != passed[b]) {
            failed("bucket %u says %llu keys went past it, %llu did",
                   (unsigned) b,
                   (unsigned long long) *mlops_table_bucket(table, b),
                   (unsigned long long) passed[b]);
        }
    }

    free(passed);
}


static void
writer(uint64_t seed, int point, uint64_t pass, int ops)
{
    int             i;
    int64_t         k;
    mlops_table_t  *table;

    fatal = point;
    fatal_pass = pass;

    table = take_over();
    check_passed(table);

    for (k = 0; k < PINNED; k++) {
        if (shared->committed[k] == 0) {
            failed("after a kill: key %lld is never removed, but has gone",
                   (long long) k);
        }
    }

    for (i = 0; i < ops; i++) {
        k = (int64_t) (unit_random(&seed) % KEYS);

        if (i % 500 == 499) {
            table = grow(table);
        }

        write_one(table, k, k >= PINNED && unit_random(&seed) % 2);
    }

    mlops_table_close(table);
    _exit(0);
}


/* Runs a writer to its end. 1: it was killed. */

static int
run(uint64_t seed, int point, uint64_t pass, int ops, uint64_t kill_us)
{
    int              status;
    pid_t            pid;
    struct timespec  ts;

    pid = fork();
    assert_true(pid != -1);

    if (pid == 0) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        writer(seed, point, pass, ops);
    }

    if (kill_us != 0) {
        ts.tv_sec = 0;
        ts.tv_nsec = (long) kill_us * 1000;
        (void) nanosleep(&ts, NULL);
        (void) kill(pid, SIGKILL);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    unit_ok((WIFSIGNALED(status) || WEXITSTATUS(status) == 0)
            && shared->failure[0] == '\0', "%s", shared->failure);
    unit_ok(!WIFSIGNALED(status) || WTERMSIG(status) == SIGKILL,
            "the writer ended with signal %d", WTERMSIG(status));

    return WIFSIGNALED(status);
}


static void
check_leftovers(void)
{
    int             n;
    char            name[MLOPS_TABLE_NAME_SIZE];
    DIR            *stream;
    struct dirent  *entry;

    mlops_table_name(&v.view, 0, name);
    (void) mlops_file_sweep(dir);

    stream = fdopendir(openat(dir, ".", O_RDONLY|O_DIRECTORY));
    assert_non_null(stream);
    n = 0;

    while ((entry = readdir(stream)) != NULL) {
        if (entry->d_name[0] != '.' || strlen(entry->d_name) > 2) {
            assert_string_equal(entry->d_name, name);
            n++;
        }
    }

    closedir(stream);
    assert_int_equal(n, 1);
}


static int
point_index(const char *name)
{
    uint32_t  i;

    for (i = 0; i < shared->points_n; i++) {
        if (strcmp(shared->names[i], name) == 0) {
            return (int) i;
        }
    }

    return -1;
}


/* What has to have been a place of death.  The points of a value are also
 * those of its string. */

static const char  *wanted[] = {
    "file-made", "file-reserved", "table_reserved", "file-written",
    "file-owned", "file-sealed", "file-synced", "table_created",
    "table_commit", "table_superseded", "commit-begin", "commit-named",
    "table_committed",
    "table_put_key", "table_put_head", "table_put_value", "table_put_slot",
    "table_put_ctl", "table_put_row", "table_put_passed", "table_put_entry",
    "table_remove", "table_remove_row", "table_remove_entry",
    "table_remove_passed", "table_repaired"
};


static void
test_kill(void **state)
{
    int             i, often, round, rounds, status, random;
    pid_t           pid;
    size_t          p;
    int64_t         k;
    uint64_t        seed;
    mlops_table_t  *table;

    (void) state;

    shared = mmap(NULL, sizeof(*shared), PROT_READ|PROT_WRITE,
                  MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);

    dir = tables_dir();
    tables_view(&v, "v", MLOPS_TYPE_BYTES, 24, 2, "ddddddd3");
    table = tables_create(dir, &v.view, ROOM);

    for (k = 0; k < PINNED; k++) {
        write_one(table, k, 0);
    }

    mlops_table_close(table);

    pid = fork();
    assert_true(pid != -1);

    if (pid == 0) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        reader();
    }

    /* one that runs through tells the points */

    seed = 88172645463325252ull;
    assert_false(run(unit_random(&seed), -1, 0, 3000, 0));

    rounds = unit_quick() ? 3 : 12;

    for (round = 0; round < rounds; round++) {
        for (p = 0; p < mlops_nitems(wanted); p++) {
            i = point_index(wanted[p]);

            /* repairs come to those who have something to repair: their
             * point is known once a kill has left it */

            if (i == -1 && strcmp(wanted[p], "table_repaired") == 0) {
                continue;
            }

            unit_ok(i != -1, "no writer comes past \"%s\"", wanted[p]);

            /* a growth comes by twice, a row all the time */

            often = strncmp(wanted[p], "table_put", 9) == 0
                    || strncmp(wanted[p], "table_remove", 12) == 0;

            (void) run(unit_random(&seed), i,
                       round == 0 || strcmp(wanted[p], "table_repaired") == 0
                       ? 0 : unit_random(&seed) % (often ? 40 : 2), 1100, 0);
        }
    }

    /* something to repair, and a kill while it is done */

    for (round = 0; round < rounds; round++) {
        (void) run(unit_random(&seed), point_index(round % 2
                   ? "table_put_row" : "table_remove_row"), 0, 1000, 0);
        assert_true(point_index("table_repaired") != -1 || round < 2);

        if (point_index("table_repaired") != -1) {
            (void) run(unit_random(&seed), point_index("table_repaired"), 0,
                       10, 0);
        }
    }

    random = unit_quick() ? 40 : 300;

    for (round = 0; round < random; round++) {
        shared->killed_at_random += (uint64_t)
            run(unit_random(&seed), -1, 0, 1000000,
                1 + unit_random(&seed) % 3000);
    }

    assert_false(run(unit_random(&seed), -1, 0, 2000, 0));
    check_leftovers();

    shared->stop = 1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    unit_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s",
            shared->failure);

    unit_note("%llu puts and removals, %llu gets of the reader, %llu opens",
              (unsigned long long) shared->ops,
              (unsigned long long) shared->gets,
              (unsigned long long) shared->opens);
    unit_note("%llu kills at random", (unsigned long long)
              shared->killed_at_random);

    for (p = 0; p < mlops_nitems(wanted); p++) {
        i = point_index(wanted[p]);
        unit_ok(i != -1, "no writer came past \"%s\"", wanted[p]);
        unit_note("%-20s passed %8llu times, killed at %3llu", wanted[p],
                  (unsigned long long) shared->passed[i],
                  (unsigned long long) shared->killed[i]);
    }

    for (p = 0; p < mlops_nitems(wanted); p++) {
        unit_ok(shared->killed[point_index(wanted[p])] > 0,
                "nobody was killed at \"%s\"", wanted[p]);
    }

    /* and there is no point that this test does not know */

    for (i = 0; i < (int) shared->points_n; i++) {
        for (p = 0; p < mlops_nitems(wanted); p++) {
            if (strcmp(shared->names[i], wanted[p]) == 0) {
                break;
            }
        }

        unit_ok(p < mlops_nitems(wanted), "\"%s\" is a new point",
                shared->names[i]);
    }

    assert_true(shared->killed_at_random > (uint64_t) random / 2);
    assert_true(shared->gets > 1000);
    close(dir);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_kill)
    };

    return unit_run(tests);
}
