/*
 * A worker that is killed at every named point of a shard, many times, ends
 * with the table and the counts of one that ran through; and no row that a
 * reader sees ever goes back.
 *
 * The shard is compiled into this program with its fault points on; the
 * library's objects of the same names are not taken then.
 */

#ifndef MLOPS_FAULTS
#define MLOPS_FAULTS  1
#endif

#include "shards.h"

#include "mlops_checkpoint.c"
#include "mlops_checkpoint_load.c"
#include "mlops_shard.c"
#include "mlops_shard_define.c"
#include "mlops_shard_grow.c"
#include "mlops_shard_publish.c"

#include <dirent.h>
#include <sys/mman.h>


#define POINTS  64


typedef struct {
    char               name[32];
    _Atomic uint64_t   passed;          /* by any process */
    uint64_t           whole;           /* by a run without a kill */
    int                known;           /* to the test before */
    _Atomic uint64_t   kills;
} point_t;


static point_t   *points;               /* shared with the children */
static uint32_t   kill_point = POINTS;
static uint64_t   kill_pass;            /* of this process */


void
mlops_fault(const char *name)
{
    uint32_t  i;

    for (i = 0; i < POINTS; i++) {

        if (points[i].name[0] == '\0') {
            snprintf(points[i].name, sizeof(points[i].name), "%s", name);
        }

        if (strcmp(points[i].name, name) == 0) {
            break;
        }
    }

    if (i == POINTS) {
        abort();
    }

    atomic_fetch_add(&points[i].passed, 1);

    if (i == kill_point && kill_pass > 0 && --kill_pass == 0) {
        atomic_fetch_add(&points[i].kills, 1);
        (void) kill(getpid(), SIGKILL);
    }
}


/* Few entities at first, so that the table grows; ttl and limit, so that
 * they go; all kinds of windows. */

static const char  view_kill[] =
    "mlops_view k {"
    "    source kafka=main topic=t;"
    "    entity id int64;"
    "    event_time ts unit=us lateness=20s;"
    "    clock event;"
    "    dedupe eid within=10s type=int64;"
    "    feature n count() window=10m;"
    "    feature s sum(v) window=5m hop=1m;"
    "    feature m mean(v) window=10m kind=tumbling;"
    "    feature t last(tag) type=string bytes=8;"
    "    ttl 100m;"
    "    max_entities 1100;"
    "}";


static const char  view_second[] =
    "mlops_view k {"
    "    source kafka=main topic=t;"
    "    entity id int64;"
    "    event_time ts unit=us lateness=20s;"
    "    clock event;"
    "    dedupe eid within=10s type=int64;"
    "    feature n count() window=10m;"
    "    feature x max(v) window=5m;"
    "    feature mean_again mean(v) window=10m kind=tumbling;"
    "    feature l last(v);"
    "    ttl 100m;"
    "    max_entities 1100;"
    "}";


/* What a reader has seen: the highest {partition, offset} by key. */

typedef struct {
    int64_t   offset;
    int32_t   partition;
    int       there;
} seen_t;


#define KEYS  4000


/* Rows by key.  A row may vanish, and come again with what is newer; it stays
 * as long as the table is ahead of its partition. */

static void
look(const mlops_plan_view_t *view, int features, seen_t *seen,
    const mlops_shard_t *shard, const char *when)
{
    int                   rc;
    char                  name[MLOPS_TABLE_NAME_SIZE], text[1024];
    uint32_t              cursor, i;
    uint64_t              present[8];
    mlops_err_t           err;
    mlops_key_t           key;
    mlops_cell_t          cells[SHARDS_COLUMNS];
    mlops_table_t        *table;
    const mlops_part_t   *part;
    mlops_table_found_t   found;

    static int  was[KEYS];

    mlops_table_name(view, 0, name);
    table = mlops_table_open(features, name, (uid_t) -1, &err);

    if (table == NULL) {
        return;
    }

    for (i = 0; i < KEYS; i++) {
        was[i] = seen[i].there;
        seen[i].there = 0;
    }

    cursor = 0;

    while ((rc = mlops_table_next(table, &cursor, 0, INT64_MIN, &key, cells,
                                  present, text, &found)) != MLOPS_LIMIT)
    {
        if (rc != MLOPS_OK) {
            continue;
        }

        i = (uint32_t) key.number;
        assert_true(i < KEYS);

        unit_ok(found.offset >= seen[i].offset,
                "%s: the row of %u went back from %lld to %lld", when,
                (unsigned) i, (long long) seen[i].offset,
                (long long) found.offset);

        unit_ok(was[i] || found.offset > seen[i].offset,
                "%s: the row of %u is there again, at %lld", when,
                (unsigned) i, (long long) found.offset);

        seen[i].offset = found.offset;
        seen[i].partition = found.partition;
        seen[i].there = 1;
    }

    for (i = 0; i < KEYS && shard != NULL; i++) {
        if (was[i] && !seen[i].there) {
            part = mlops_shard_known(shard, seen[i].partition);

            unit_ok(part == NULL || !mlops_shard_ahead(shard, part),
                    "%s: the row of %u is gone before its time", when,
                    (unsigned) i);
        }
    }

    mlops_table_close(table);
}


/* One log, and the view that it is read with from the middle on, or NULL. */

typedef struct {
    shards_log_t               log;
    const mlops_plan_view_t   *second;
    int                        features;
    int                        state;
    uint32_t                  *redefined;   /* shared with the children */
    seen_t                    *seen;        /* too */
} life_t;


/* The child: goes on from what is there until the end, or its death. */

static void
child(life_t *life, uint64_t seed)
{
    uint32_t         end, next;
    mlops_err_t      err;
    shards_worker_t  w;

    memset(&w, 0, sizeof(w));

    if (*life->redefined) {
        life->log.view = life->second;
    }

    w.log = &life->log;
    w.features = life->features;
    w.state = life->state;
    w.seed = seed;
    w.wall = 1000000;
    w.ckpt_every = 150;
    w.published = (seed & 1);

    shards_start(&w);
    look(life->log.view, life->features, life->seen, w.shard, "started");

    while (w.i < life->log.n) {
        end = life->log.n;

        if (life->second != NULL && life->log.view != life->second) {
            end /= 2;
        }

        next = w.i + (mlops_shard_behind(w.shard) ? 11 : 97);
        shards_run(&w, next < end ? next : end);
        look(life->log.view, life->features, life->seen, w.shard, "running");

        if (w.i < end || end == life->log.n) {
            continue;
        }

        shards_settle(&w);
        unit_ok(mlops_shard_redefine(w.shard, life->second, &err)
                == MLOPS_OK, "%s", err.text);
        life->log.view = life->second;

        shards_checkpoint(&w);

        while (!shards_step(&w, 5000)) {
            usleep(100);
        }

        *life->redefined = 1;

        for (next = 0; next < KEYS; next++) {
            life->seen[next].offset = -1;
        }
    }

    shards_settle(&w);
    mlops_shard_destroy(w.shard);
    look(life->log.view, life->features, life->seen, NULL, "settled");
}


static void
empty(int dir)
{
    DIR            *stream;
    struct dirent  *entry;

    stream = fdopendir(openat(dir, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC));
    assert_non_null(stream);

    while ((entry = readdir(stream)) != NULL) {
        (void) unlinkat(dir, entry->d_name, 0);
    }

    closedir(stream);
}


static void
life_begin(life_t *life)
{
    uint32_t  i;

    empty(life->features);
    empty(life->state);
    *life->redefined = 0;

    for (i = 0; i < KEYS; i++) {
        life->seen[i].offset = -1;
    }
}


/* A run that may be killed at the pass of a point; 1: it was. */

static int
life_run(life_t *life, uint32_t point, uint64_t pass, uint64_t seed)
{
    int    status;
    pid_t  pid;

    fflush(stdout);
    pid = fork();
    assert_true(pid != -1);

    if (pid == 0) {
        kill_point = point;
        kill_pass = pass;

        child(life, seed);
        fflush(stdout);
        _exit(0);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);

    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {

        look(*life->redefined ? life->second : life->log.view,
             life->features, life->seen, NULL, "killed");
        return 1;
    }

    unit_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
            "the worker ended with %x", status);

    return 0;
}


static uint32_t
point_of(const char *name)
{
    uint32_t  i;

    for (i = 0; i < POINTS; i++) {
        if (strcmp(points[i].name, name) == 0) {
            return i;
        }
    }

    unit_note("nothing has passed %s", name);
    fail();

    return 0;
}


/* Lives and dies at a point, again and again: now from nothing, now after a
 * death somewhere else, which is what shows the points of a recovery. */

static char *
lives(life_t *life, uint64_t *seed, uint32_t kills, uint32_t point)
{
    uint32_t  i, other;
    uint64_t  pass, whole;

    life_begin(life);
    other = point_of("shard_put_done");

    for (i = 0; i < kills; i++) {
        (void) unit_random(seed);

        if (i % 3 == 1) {
            whole = points[other].whole;
            (void) life_run(life, other, 1 + *seed / 64 % (whole / 2 + 1),
                            *seed);
        }

        whole = points[point].whole / (1 + *seed % 8);
        pass = 1 + *seed / 64 % (1 + whole);

        if (!life_run(life, point, pass, *seed)) {
            life_begin(life);
        }
    }

    assert_int_equal(life_run(life, POINTS, 0, *seed), 0);

    return shards_dump(life->features, *life->redefined ? life->second
                                                        : life->log.view);
}


static void
life_create(life_t *life, const char *text, const char *second, uint32_t n)
{
    uint32_t  i;

    if (points == NULL) {
        points = mmap(NULL, POINTS * sizeof(*points), PROT_READ|PROT_WRITE,
                      MAP_SHARED|MAP_ANONYMOUS, -1, 0);
        assert_true(points != MAP_FAILED);
    }

    for (i = 0; i < POINTS; i++) {
        points[i].known = (points[i].kills > 0);
        points[i].whole = 0;
        points[i].kills = 0;
        points[i].passed = 0;
    }

    memset(life, 0, sizeof(*life));

    life->features = shards_dir();
    life->state = shards_dir();
    life->redefined = mmap(NULL, 4096 + KEYS * sizeof(seen_t),
                           PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                           -1, 0);
    assert_true(life->redefined != MAP_FAILED);
    life->seen = (seen_t *) (life->redefined + 1024);
    life->second = second ? test_view(second) : NULL;

    shards_log(&life->log, test_view(text), 99, n, 2, KEYS);
    life_begin(life);
    assert_int_equal(life_run(life, POINTS, 0, 5), 0);

    for (i = 0; i < POINTS; i++) {
        points[i].whole = points[i].passed;
    }
}


/* Every point that is passed, those that only a recovery shows included. */

static void
kill_everywhere(life_t *life, const char *expected, uint32_t kills)
{
    char      *got, what[64];
    uint32_t   i, n, round;
    uint64_t   seed, hits;

    seed = 4711;

    for (i = 0; i < POINTS && points[i].name[0] != '\0'; i++) {
        snprintf(what, sizeof(what), "killed at %s", points[i].name);

        if (points[i].known) {
            continue;
        }

        /* what only a recovery shows is not there each time */

        for (round = 0; round < (points[i].whole == 0 ? 100 : 20); round++) {
            got = lives(life, &seed, kills, i);
            shards_equal(what, got, expected);
            free(got);

            if (points[i].kills > 0) {
                break;
            }
        }
    }

    hits = 0;
    n = 0;

    for (i = 0; i < POINTS && points[i].name[0] != '\0'; i++) {

        if (points[i].known) {
            continue;
        }

        unit_note("%-24s passed %8llu, killed %llu", points[i].name,
                  (unsigned long long) points[i].passed,
                  (unsigned long long) points[i].kills);

        n++;
        hits += points[i].kills;
        unit_ok(points[i].kills > 0, "never killed at %s", points[i].name);
    }

    unit_note("%llu kills at %u points", (unsigned long long) hits,
              (unsigned) n);
}


static void
test_kills(void **arg)
{
    char             *expected, *whole;
    life_t            life;
    shards_counts_t   counts;

    (void) arg;

    life_create(&life, view_kill, NULL, 6000);

    expected = shards_expect(&life.log, life.log.view->max_entities,
                             &counts);

    unit_note("%llu entities at the end, %llu evicted, %llu expired, "
              "%llu duplicates", (unsigned long long) counts.alive,
              (unsigned long long) counts.evicted,
              (unsigned long long) counts.expired,
              (unsigned long long) counts.duplicates);

    assert_true(counts.alive > 100 && counts.evicted > 100
                && counts.expired > 100 && counts.duplicates > 100);

    whole = shards_dump(life.features, life.log.view);
    shards_equal("not killed", whole, expected);

    kill_everywhere(&life, expected, unit_quick() ? 2 : 6);

    free(expected);
    free(whole);
    free(life.log.records);
}


/* In the middle another definition: half of the features are new. */

static void
test_kills_redefined(void **arg)
{
    char    *whole;
    life_t   life;

    (void) arg;

    life_create(&life, view_kill, view_second, 3000);

    assert_int_equal(*life.redefined, 1);
    whole = shards_dump(life.features, life.second);
    assert_true(strlen(whole) > 10000);

    kill_everywhere(&life, whole, unit_quick() ? 3 : 9);

    (void) point_of("shard_leave");
    (void) point_of("shard_sweep");

    free(whole);
    free(life.log.records);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_kills),
        cmocka_unit_test(test_kills_redefined)
    };

    return unit_run(tests);
}
