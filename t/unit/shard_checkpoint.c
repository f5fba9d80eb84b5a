/*
 * Checkpoints: exact as of their beginning, whatever comes while they are
 * written; what a loader refuses; features and entities that come and go.
 */

#include "shards.h"
#include "mlops_checkpoint.h"

#include <dirent.h>
#include <sys/resource.h>


static const char  view_numbers[] =
    "mlops_view v {"
    SHARDS_FEATURES
    "    ttl 40m;"
    "    max_entities 300;"
    "}";

static const char  view_texts[] =
    "mlops_view v {"
    "    source kafka=main topic=t;"
    "    entity id string bytes=20;"
    "    event_time ts unit=us lateness=10s;"
    "    clock event;"
    "    dedupe eid within=20s type=int64 max=100;"
    "    feature n count() window=1h;"
    "    feature s sum(v) window=5m hop=1m;"
    "    max_entities 2000;"
    "}";


/* The name of the one file in a directory. */

static void
only_file(int dir, char name[256])
{
    int             n;
    DIR            *stream;
    struct dirent  *entry;

    stream = fdopendir(openat(dir, ".", O_RDONLY|O_DIRECTORY));
    assert_non_null(stream);

    for (n = 0; (entry = readdir(stream)) != NULL; /* void */ ) {
        if (entry->d_name[0] != '.' || strlen(entry->d_name) > 2) {
            snprintf(name, 256, "%s", entry->d_name);
            n++;
        }
    }

    closedir(stream);
    assert_int_equal(n, 1);
}


static char *
read_file(int dir, const char *name, size_t *len)
{
    int          fd;
    char        *data;
    struct stat  st;

    fd = openat(dir, name, O_RDONLY);
    assert_true(fd != -1);
    assert_int_equal(fstat(fd, &st), 0);
    data = malloc((size_t) st.st_size);
    assert_non_null(data);
    assert_true(read(fd, data, (size_t) st.st_size) == st.st_size);
    close(fd);

    *len = (size_t) st.st_size;

    return data;
}


static void
write_file(int dir, const char *name, const char *data, size_t len)
{
    int  fd;

    (void) unlinkat(dir, name, 0);
    fd = openat(dir, name, O_WRONLY|O_CREAT|O_EXCL, 0400);
    assert_true(fd != -1);
    assert_true(write(fd, data, len) == (ssize_t) len);
    close(fd);
}


/* The table after the first n records, by a worker that did nothing else. */

static char *
table_at(const shards_log_t *log, uint32_t n)
{
    char             *text;
    shards_worker_t   w;

    shards_worker(&w, log, 3);
    shards_start(&w);
    shards_run(&w, n);
    shards_settle(&w);
    text = shards_dump(w.features, log->view);
    mlops_shard_destroy(w.shard);
    close(w.features);
    close(w.state);

    return text;
}


/* What the table says of partition 0. */

static int
table_owned(const shards_worker_t *w)
{
    int             owned;
    char            name[MLOPS_TABLE_NAME_SIZE];
    mlops_err_t     err;
    mlops_table_t  *table;

    mlops_table_name(w->log->view, 0, name);
    table = mlops_table_open(w->features, name, (uid_t) -1, &err);
    unit_ok(table != NULL, "%s", err.text);
    assert_true(mlops_table_partition(table, 0)->offset >= 0);
    owned = mlops_table_partition(table, 0)->owned != 0;
    mlops_table_close(table);

    return owned;
}


static void
exact(const char *text, uint64_t seed)
{
    char             *got, *expected, *end;
    uint32_t          at;
    shards_log_t      log;
    shards_worker_t   w, x;

    shards_log(&log, test_view(text), seed, 3000, 2, 900);
    end = table_at(&log, log.n);

    for (at = 500; at < 2000; at += 500) {
        shards_worker(&w, &log, seed + at);
        shards_start(&w);
        shards_run(&w, at);
        shards_checkpoint(&w);

        /* some of it before, some after and between events */

        while (!shards_step(&w, 300)) {
            shards_run(&w, w.i + 3 < log.n ? w.i + 3 : log.n);
        }

        assert_true(w.i > at + 100);
        mlops_shard_destroy(w.shard);

        /* where nothing else is known: the moment of its beginning */

        expected = table_at(&log, at);
        x = w;
        x.features = shards_dir();
        shards_start(&x);
        shards_settle(&x);
        got = shards_dump(x.features, log.view);
        shards_equal("as of the beginning", got, expected);
        free(got);
        free(expected);

        /* and on from there */

        shards_run(&x, log.n);
        shards_settle(&x);
        got = shards_dump(x.features, log.view);
        shards_equal("from there on", got, end);
        free(got);
        mlops_shard_destroy(x.shard);

        /* where the table was ahead */

        assert_true(table_owned(&w));
        x = w;
        shards_start(&x);
        assert_true(mlops_shard_behind(x.shard));
        assert_false(table_owned(&x));
        shards_run(&x, log.n);
        assert_true(x.behind > 50);
        shards_settle(&x);
        assert_true(table_owned(&x));
        got = shards_dump(x.features, log.view);
        shards_equal("behind the table", got, end);
        free(got);
        mlops_shard_destroy(x.shard);

        /* what nobody acquires is nobody's, read to its end or not */

        x = w;
        shards_start(&x);
        mlops_shard_caught_up(x.shard);
        assert_false(table_owned(&x));
        mlops_shard_destroy(x.shard);
    }

    free(end);
    free(log.records);
}


static void
test_exact(void **arg)
{
    (void) arg;

    exact(view_numbers, 21);
    exact(view_texts, 22);
}


/* Every byte counts, and so does the length. */

static void
test_damaged(void **arg)
{
    char                 name[256], *data, *copy;
    size_t               i, len;
    int64_t              cut;
    uint32_t             n;
    mlops_err_t          err;
    shards_log_t         log;
    mlops_shard_t       *shard;
    shards_worker_t      w;
    mlops_position_t     positions[MLOPS_PARTITIONS_MAX + 1];
    mlops_shard_conf_t   conf;
    mlops_shard_stats_t  stats;

    (void) arg;

    shards_log(&log, test_view(view_texts), 9, 12, 1, 6);
    shards_worker(&w, &log, 1);
    shards_start(&w);
    shards_run(&w, log.n);
    shards_checkpoint(&w);

    while (!shards_step(&w, 10000)) {
        usleep(100);
    }

    mlops_shard_destroy(w.shard);
    only_file(w.state, name);
    data = read_file(w.state, name, &len);
    copy = malloc(len);
    assert_non_null(copy);

    shards_conf(&w, &conf);
    conf.features = -1;
    shard = mlops_shard_create(log.view, &conf, &err);
    assert_non_null(shard);

    for (i = 0; i < len; i += unit_quick() ? 13 : 1) {
        memcpy(copy, data, len);
        copy[i] ^= (char) (1 << (i % 8));
        write_file(w.state, name, copy, len);

        unit_ok(mlops_shard_load(shard, positions, &n, &cut, &err)
                == MLOPS_ERROR, "byte %zu of %zu is not checked", i, len);
        assert_int_equal(n, 0);
        mlops_shard_stats(shard, &stats);
        assert_int_equal(stats.entities, 0);
    }

    for (i = 1; i < len; i += 1 + i / 16) {
        write_file(w.state, name, data, i);
        assert_int_equal(mlops_shard_load(shard, positions, &n, &cut, &err),
                         MLOPS_ERROR);
    }

    unit_ok(strstr(err.text, name) != NULL, "%s", err.text);

    write_file(w.state, name, data, len);
    assert_int_equal(mlops_shard_load(shard, positions, &n, &cut, &err),
                     MLOPS_OK);
    assert_int_equal(n, 1);
    assert_int_equal(positions[0].offset, log.records[log.n - 1].offset);
    mlops_shard_destroy(shard);

    /* none is no error */

    (void) unlinkat(w.state, name, 0);
    shard = mlops_shard_create(log.view, &conf, &err);
    assert_non_null(shard);
    assert_int_equal(mlops_shard_load(shard, positions, &n, &cut, &err),
                     MLOPS_AGAIN);
    mlops_shard_destroy(shard);

    free(data);
    free(copy);
    free(log.records);
}


/* A disk without room: the one before stands. */

static void
test_full(void **arg)
{
    int                  rc, status;
    char                 name[256], *before, *after;
    pid_t                pid;
    size_t               len, len_after;
    mlops_err_t          err;
    shards_log_t         log;
    struct rlimit        limit;
    shards_worker_t      w;
    mlops_shard_stats_t  stats;

    (void) arg;

    shards_log(&log, test_view(view_numbers), 9, 3000, 1, 290);
    shards_worker(&w, &log, 1);
    shards_start(&w);
    shards_run(&w, 1000);

    shards_checkpoint(&w);
    assert_int_equal(mlops_shard_checkpoint(w.shard, w.positions, 1,
                                            INT64_MIN, &err), MLOPS_ERROR);
    unit_ok(strstr(err.text, "under way") != NULL, "%s", err.text);

    while (!shards_step(&w, 10000)) {
        usleep(100);
    }

    only_file(w.state, name);
    before = read_file(w.state, name, &len);
    mlops_shard_stats(w.shard, &stats);
    assert_int_equal(stats.checkpoints, 1);
    assert_int_equal(stats.checkpoint_bytes, len);

    fflush(stdout);
    pid = fork();
    assert_true(pid != -1);

    if (pid == 0) {
        signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
        limit.rlim_cur = len / 2;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);

        shards_checkpoint(&w);

        do {
            rc = mlops_shard_checkpoint_step(w.shard, 10000, &err);
        } while (rc == MLOPS_AGAIN);

        assert_int_equal(rc, MLOPS_ERROR);
        unit_ok(strstr(err.text, "a checkpoint of view \"v\"") != NULL
                && strstr(err.text, "write()") != NULL, "%s", err.text);

        /* and the next one is good */

        limit.rlim_cur = limit.rlim_max;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        only_file(w.state, name);
        _exit(0);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);

    only_file(w.state, name);
    after = read_file(w.state, name, &len_after);
    assert_int_equal(len, len_after);
    assert_memory_equal(before, after, len);

    /* one that is left half-way leaves nothing */

    shards_checkpoint(&w);
    mlops_shard_destroy(w.shard);
    only_file(w.state, name);

    free(before);
    free(after);
    free(log.records);
}


/* ---- definitions ---- */

static const char  view_other[] =
    "mlops_view v {"
    "    source kafka=main topic=t;"
    "    entity id int64;"
    "    event_time ts unit=us lateness=30s;"
    "    clock event;"
    "    dedupe eid within=10s type=int64;"
    "    feature x max(v) window=1h;"
    "    feature n_again count() window=1h;"
    "    feature b last(v);"
    "    feature s sum(v) window=5m hop=1m;"
    "    ttl 40m;"
    "    max_entities 50;"
    "}";


typedef struct {
    uint32_t                   n;
    int64_t                    keys[400];
    double                     values[400][8];
    const mlops_plan_view_t   *view;
} rows_t;


static int
visit(void *ctx, const mlops_key_t *key, const mlops_table_row_t *row)
{
    rows_t    *rows;
    uint32_t   i;

    rows = ctx;
    assert_true(rows->n < 400);

    rows->keys[rows->n] = key->number;

    for (i = 0; i < rows->view->row.n; i++) {
        rows->values[rows->n][i] =
            mlops_cell_number(rows->view->row.columns[i].kind, row->cells[i],
                              mlops_bit(row->present, i));
    }

    rows->n++;

    return MLOPS_OK;
}


/* Kept by the hash of their definitions; the last used 50 of 290 entities. */

static void
test_definition(void **arg)
{
    int64_t                    cut, q;
    uint32_t                   i, k, n, same;
    rows_t                     first, second;
    mlops_err_t                err;
    shards_log_t               log;
    mlops_table_t             *table;
    mlops_shard_t             *shard;
    shards_worker_t            w;
    mlops_position_t           positions[MLOPS_PARTITIONS_MAX + 1];
    mlops_shard_conf_t         conf;
    mlops_shard_stats_t        stats;
    const mlops_plan_view_t   *other;
    const mlops_table_column_t  *columns;
    char                       name[MLOPS_TABLE_NAME_SIZE];

    (void) arg;

    memset(&first, 0, sizeof(first));
    memset(&second, 0, sizeof(second));

    shards_log(&log, test_view(view_numbers), 9, 3000, 1, 290);
    other = test_view(view_other);
    assert_true(other->base_hash == log.view->base_hash);

    shards_worker(&w, &log, 1);
    shards_start(&w);
    shards_run(&w, log.n);
    q = shards_q(&w, 0);

    first.view = log.view;
    assert_int_equal(mlops_shard_visit(w.shard, q, visit, &first), MLOPS_OK);
    assert_true(first.n > 100);

    assert_int_equal(mlops_shard_checkpoint(w.shard, w.positions, 1,
                                            1234567, &err), MLOPS_OK);

    while (!shards_step(&w, 10000)) {
        usleep(100);
    }

    mlops_shard_destroy(w.shard);

    shards_conf(&w, &conf);
    shard = mlops_shard_create(other, &conf, &err);
    assert_non_null(shard);
    assert_int_equal(mlops_shard_load(shard, positions, &n, &cut, &err),
                     MLOPS_OK);
    assert_int_equal(cut, 1234567);
    mlops_shard_stats(shard, &stats);
    assert_int_equal(stats.entities, 50);

    second.view = other;
    assert_int_equal(mlops_shard_visit(shard, q, visit, &second), MLOPS_OK);
    assert_true(second.n > 10 && second.n <= 50);

    for (i = 0; i < second.n; i++) {
        same = 0;

        for (k = 0; k < first.n; k++) {
            if (first.keys[k] == second.keys[i]) {
                same = 1;
                assert_true(isnan(second.values[i][0]));
                assert_true(second.values[i][1] == first.values[k][0]);
                assert_true(isnan(second.values[i][2]));
                assert_true(second.values[i][3] == first.values[k][1]);
            }
        }

        assert_true(same);
    }

    /* the last record's entity is among them */

    for (i = 0; second.keys[i] != log.records[log.n - 1].id; i++) {
        assert_true(i + 1 < second.n);
    }

    mlops_table_name(other, 0, name);
    table = mlops_table_open(w.features, name, (uid_t) -1, &err);
    assert_non_null(table);
    columns = mlops_table_columns(table);
    assert_true(columns[0].warm_us > q + 3600000000ll - 1
                && columns[0].warm_us <= q + 3600000000ll + 300000000ll);
    assert_true(columns[1].warm_us == INT64_MIN);
    assert_true(columns[2].warm_us == INT64_MAX);
    assert_true(columns[3].warm_us == INT64_MIN);
    mlops_table_close(table);

    mlops_shard_destroy(shard);
    free(log.records);
}


/* A partition that leaves in the middle of a checkpoint is in it, and is not
 * in the next one; its events are no duplicates when they come again. */

static void
test_release(void **arg)
{
    int                  partition;
    char                *line, *text;
    int64_t              cut;
    uint32_t             i, n, of[2];
    mlops_err_t          err;
    shards_log_t         log;
    mlops_shard_t       *shard;
    shards_event_t       e;
    shards_worker_t      w;
    mlops_position_t     positions[MLOPS_PARTITIONS_MAX + 1];
    mlops_shard_conf_t   conf;
    mlops_shard_stats_t  stats, all;

    (void) arg;

    shards_log(&log, test_view(view_texts), 41, 1500, 2, 400);
    shards_worker(&w, &log, 1);
    shards_start(&w);
    shards_run(&w, log.n);
    mlops_shard_stats(w.shard, &all);

    shards_checkpoint(&w);
    assert_false(shards_step(&w, 5000));
    shards_settle(&w);
    mlops_shard_release(w.shard, 1, 0);
    mlops_shard_stats(w.shard, &stats);
    of[0] = (uint32_t) stats.entities;
    assert_true(stats.entities > 50 && stats.entities < all.entities - 50);

    while (!shards_step(&w, 10000)) {
        usleep(100);
    }

    shards_conf(&w, &conf);
    conf.features = -1;
    shard = mlops_shard_create(log.view, &conf, &err);
    assert_non_null(shard);
    assert_int_equal(mlops_shard_load(shard, positions, &n, &cut, &err),
                     MLOPS_OK);
    assert_int_equal(n, 2);
    mlops_shard_stats(shard, &stats);
    assert_int_equal(stats.entities, all.entities);
    mlops_shard_destroy(shard);

    /* its rows have left the table, those of the other one not */

    text = shards_dump(w.features, log.view);

    for (line = text, i = 0; *line != '\0'; line = strchr(line, '\n') + 1) {
        assert_int_equal(sscanf(line, "%*s %*d %d", &partition), 1);
        assert_int_equal(partition, 0);
        i++;
    }

    assert_int_equal(i, of[0]);
    free(text);

    /* all of it again */

    for (i = 0, of[1] = 0; i < log.n; i++) {
        if (log.records[i].partition == 1 && log.records[i].accepted) {
            shards_event(&e, log.view, &log.records[i]);
            err.text[0] = '\0';
            unit_ok(mlops_shard_event(w.shard, &e.key, e.hash, &e.event,
                                      log.records[i].max_ts,
                                      log.records[i].max_ts + 1, &err)
                    == MLOPS_OK, "%s", err.text);
            of[1]++;
        }
    }

    mlops_shard_stats(w.shard, &stats);
    assert_int_equal(stats.entities, all.entities);

    while (mlops_shard_tend(w.shard, 99000000, 1000) == MLOPS_AGAIN) {
        usleep(100);
    }

    mlops_shard_destroy(w.shard);
    free(log.records);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_definition),
        cmocka_unit_test(test_release)
    };

    return unit_run(tests);
}
