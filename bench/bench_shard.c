/*
 * A shard with its table, without Kafka: CPU time of an event over many warm
 * entities, latency of events while a checkpoint is written, and how fast a
 * killed worker is back.
 *
 *     bench_shard [ENTITIES]         default 1000000
 *
 * Events have three windowed features, come in random order of entities, and
 * are asked for some events ahead, as the worker does.
 */

#include "bench.h"

#include "mlops_clock.h"
#include "mlops_plan.h"
#include "mlops_shard.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>


#define AHEAD     16                    /* events, of stage 0 */
#define EVENTS    1000000
#define PASSES    7
#define BASE      1700000000000000ll


typedef struct {
    const mlops_plan_view_t  *view;
    mlops_shard_t            *shard;
    mlops_shard_conf_t        conf;
    uint32_t                  entities;
    int                       ahead;
    uint64_t                  seed;
    int64_t                   ts;
    int64_t                   offset;
    uint32_t                  field;
    uint64_t                  ids[AHEAD];
    uint64_t                  hashes[AHEAD];
    uint32_t                 *latency;  /* ns by event, or NULL */
} bench_t;


static char           bench_top[64];
static mlops_arena_t  bench_arena;


static double
bench_wall_s(void)
{
    return (double) mlops_clock_ns() / 1e9;
}


/* ---- the view ---- */

static mlops_plan_node_t *
bench_node(const char *line)
{
    char               *copy, *word, *save;
    mlops_plan_node_t  *node;

    static const mlops_str_t  file = mlops_str("bench");

    node = mlops_arena_calloc(&bench_arena, 1, sizeof(*node));
    node->args = mlops_arena_calloc(&bench_arena, 8, sizeof(mlops_str_t));
    node->lines = mlops_arena_calloc(&bench_arena, 8, sizeof(uint32_t));
    node->file = file;
    copy = mlops_arena_copy(&bench_arena, line, strlen(line));

    for (word = strtok_r(copy, " ", &save); word != NULL;
         word = strtok_r(NULL, " ", &save))
    {
        node->args[node->args_n].data = word;
        node->args[node->args_n++].len = strlen(word);
    }

    return node;
}


static const mlops_plan_view_t *
bench_view(uint32_t entities)
{
    char                 max[64];
    size_t               i;
    mlops_err_t          err;
    mlops_plan_node_t   *node, **last;
    mlops_plan_where_t   where;
    static mlops_plan_t  plan;

    const char  *lines[] = {
        "source kafka=main topic=t",
        "entity id int64",
        "event_time ts unit=us lateness=30s",
        "clock event",
        "feature n count() window=1h",
        "feature s sum(v) window=1h",
        "feature m mean(v) window=10m",
        max
    };

    snprintf(max, sizeof(max), "max_entities %u", (unsigned) entities);

    mlops_arena_init(&bench_arena, NULL, NULL);
    mlops_plan_init(&plan, &bench_arena);

    if (mlops_plan_add(&plan, bench_node("mlops_store /run/mlops"), &where,
                       &err) != MLOPS_OK)
    {
        bench_fail("plan", err.text);
    }

    node = bench_node("mlops_kafka main");
    node->block = 1;
    node->children = bench_node("bootstrap.servers 127.0.0.1:9092");

    if (mlops_plan_add(&plan, node, &where, &err) != MLOPS_OK) {
        bench_fail("plan", err.text);
    }

    node = bench_node("mlops_view bench");
    node->block = 1;
    last = &node->children;

    for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        *last = bench_node(lines[i]);
        last = &(*last)->next;
    }

    if (mlops_plan_add(&plan, node, &where, &err) != MLOPS_OK
        || mlops_plan_finish(&plan, &where, &err) != MLOPS_OK)
    {
        bench_fail("plan", err.text);
    }

    return plan.views;
}


/* ---- events ---- */

static void
bench_next(bench_t *b, uint64_t i, uint64_t id)
{
    mlops_key_t  key;

    key.number = (int64_t) id;

    b->ids[i % AHEAD] = id;
    b->hashes[i % AHEAD] = mlops_key_hash(MLOPS_TYPE_INT64, &key);

    if (b->ahead) {
        mlops_shard_prefetch(b->shard, b->hashes[i % AHEAD], 0);
    }
}


/* n events: of every entity in turn, or of any. */

static void
bench_events(bench_t *b, uint64_t n, int in_turn)
{
    uint64_t        i, begin, id, present;
    mlops_err_t     err;
    mlops_key_t     key;
    mlops_cell_t    cells[8];
    mlops_event_t   event;

    memset(cells, 0, sizeof(cells));
    memset(&key, 0, sizeof(key));
    memset(&event, 0, sizeof(event));

    present = ~(uint64_t) 0;
    event.cells = cells;
    event.present = &present;
    begin = 0;

    for (i = 0; i < AHEAD; i++) {
        id = in_turn ? i : bench_random(&b->seed) % b->entities;
        bench_next(b, i, id);
    }

    for (i = 0; i < n; i++) {

        if (b->ahead) {
            mlops_shard_prefetch(b->shard, b->hashes[(i + AHEAD / 2) % AHEAD],
                                 1);
        }

        if (b->latency != NULL) {
            begin = mlops_clock_ns();
        }

        key.number = (int64_t) b->ids[i % AHEAD];
        cells[b->field].f = (double) (i % 1000);
        event.ts_us = b->ts++;
        event.offset = b->offset++;

        if (mlops_shard_event(b->shard, &key, b->hashes[i % AHEAD], &event,
                              event.ts_us, b->ts, &err) != MLOPS_OK)
        {
            bench_fail("event", err.text);
        }

        if (i % 64 == 0) {
            (void) mlops_shard_clock(b->shard, 0, b->ts, 64);
            (void) mlops_shard_tend(b->shard, mlops_wall_us(), 256);
        }

        if (b->latency != NULL) {
            b->latency[i] = (uint32_t) (mlops_clock_ns() - begin);
        }

        id = in_turn ? i + AHEAD : bench_random(&b->seed) % b->entities;
        bench_next(b, i + AHEAD, id);
    }
}


static int
bench_compare_ns(const void *a, const void *b)
{
    uint32_t  x, y;

    x = *(const uint32_t *) a;
    y = *(const uint32_t *) b;

    return (x > y) - (x < y);
}


static double
bench_event_us(bench_t *b)
{
    double    begin, us[PASSES];
    uint32_t  i;

    for (i = 0; i < PASSES; i++) {
        begin = bench_cpu_s();
        bench_events(b, EVENTS, 0);
        us[i] = (bench_cpu_s() - begin) * 1e6 / EVENTS;
    }

    return bench_median(us, PASSES);
}


static void
bench_open(bench_t *b)
{
    mlops_err_t  err;

    b->shard = mlops_shard_create(b->view, &b->conf, &err);

    if (b->shard == NULL) {
        bench_fail("shard", err.text);
    }
}


static void
bench_position(const bench_t *b, mlops_position_t *position)
{
    memset(position, 0, sizeof(*position));

    position->offset = b->offset - 1;
    position->max_ts_us = b->ts - 1;
}


/* ---- latency ---- */

static void
bench_latency(bench_t *b, const char *what, int checkpoint)
{
    int                rc;
    double             begin;
    uint32_t          *all;
    uint64_t           n, max, step;
    mlops_err_t        err;
    mlops_position_t   position;

    max = 4 * EVENTS;
    all = malloc(max * sizeof(uint32_t));

    if (all == NULL) {
        exit(1);
    }

    if (checkpoint) {
        bench_position(b, &position);

        if (mlops_shard_checkpoint(b->shard, &position, 1, INT64_MIN, &err)
            != MLOPS_OK)
        {
            bench_fail("checkpoint", err.text);
        }
    }

    begin = bench_wall_s();
    step = 0;

    /* a slice between events, as the worker does it: the next one waits */

    for (n = 0; n + 256 <= max; n += 256) {
        b->latency = all + n;
        bench_events(b, 256, 0);
        all[n] += (uint32_t) step;

        if (checkpoint) {
            step = mlops_clock_ns();
            rc = mlops_shard_checkpoint_step(b->shard, 65536, &err);
            step = mlops_clock_ns() - step;

            if (rc == MLOPS_ERROR) {
                bench_fail("checkpoint", err.text);
            }

            if (rc == MLOPS_OK) {
                n += 256;
                break;
            }
        }
    }

    b->latency = NULL;
    qsort(all, n, sizeof(uint32_t), bench_compare_ns);

    printf("%-28s p50 %6.2f us   p99 %6.2f us   p99.9 %6.2f us   "
           "(%llu events, %.2f s)\n", what, all[n / 2] / 1e3,
           all[n / 100 * 99] / 1e3, all[n / 1000 * 999] / 1e3,
           (unsigned long long) n, bench_wall_s() - begin);

    free(all);
}


/* ---- recovery ---- */

static void
bench_recovery(bench_t *b)
{
    int                 rc;
    double              begin, cpu, opened, loaded, caught_up;
    int64_t             cut;
    uint32_t            n;
    mlops_err_t         err;
    mlops_position_t   *positions;

    positions = calloc(MLOPS_PARTITIONS_MAX + 1, sizeof(*positions));

    if (positions == NULL) {
        exit(1);
    }

    mlops_shard_destroy(b->shard);

    cpu = bench_cpu_s();
    begin = bench_wall_s();
    bench_open(b);
    opened = bench_wall_s();
    rc = mlops_shard_load(b->shard, positions, &n, &cut, &err);

    if (rc != MLOPS_OK) {
        bench_fail("load", err.text);
    }

    loaded = bench_wall_s();
    mlops_shard_caught_up(b->shard);
    caught_up = bench_wall_s();

    printf("recovery, s                  table %.2f + checkpoint %.2f + "
           "rows %.2f = %.2f for a million entities, %.2f of CPU\n",
           (opened - begin) * 1e6 / b->entities,
           (loaded - opened) * 1e6 / b->entities,
           (caught_up - loaded) * 1e6 / b->entities,
           (caught_up - begin) * 1e6 / b->entities,
           (bench_cpu_s() - cpu) * 1e6 / b->entities);

    free(positions);
}


static void
bench_clean(void)
{
    char  command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", bench_top);

    if (bench_top[0] == '/' && system(command) != 0) {
        fprintf(stderr, "bench_shard: %s is left\n", bench_top);
    }
}


static int
bench_dir(const char *name)
{
    int   fd;
    char  path[128];

    snprintf(path, sizeof(path), "%s/%s", bench_top, name);

    if (mkdir(path, 0700) == -1) {
        perror(path);
        exit(1);
    }

    fd = open(path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == -1) {
        perror(path);
        exit(1);
    }

    return fd;
}


int
main(int argc, char **argv)
{
    double               us, us_ahead;
    bench_t              b;
    struct rusage        usage;
    mlops_shard_stats_t  stats;

    memset(&b, 0, sizeof(b));

    b.entities = argc > 1 ? (uint32_t) strtoul(argv[1], NULL, 10) : 1000000;
    b.seed = 88172645463325252ull;
    b.ts = BASE;

    snprintf(bench_top, sizeof(bench_top), "%s/mlops-bench.XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");

    if (b.entities < 1000 || mkdtemp(bench_top) == NULL
        || atexit(bench_clean) != 0)
    {
        fprintf(stderr, "bench_shard: expected 1000 entities or more, and "
                "a folder\n");
        return 1;
    }

    b.view = bench_view(b.entities);
    b.field = (uint32_t) mlops_schema_find(&b.view->event, "v", 1, 0);
    b.conf.features = bench_dir("features");
    b.conf.state = bench_dir("state");
    b.conf.uid = (uid_t) -1;
    b.conf.gid = (gid_t) -1;

    bench_open(&b);
    mlops_shard_caught_up(b.shard);
    bench_events(&b, b.entities, 1);

    us = bench_event_us(&b);
    b.ahead = 1;
    us_ahead = bench_event_us(&b);

    mlops_shard_stats(b.shard, &stats);

    printf("%u entities, 3 features of windows, state %u bytes, row %u "
           "bytes\n", (unsigned) stats.entities,
           (unsigned) b.view->state_bytes, (unsigned) b.view->row_bytes);
    printf("event, us of CPU             %.3f asked for ahead, %.3f "
           "without   (%.0f events a second)\n", us_ahead, us,
           1e6 / us_ahead);

    bench_latency(&b, "latency", 0);
    bench_latency(&b, "latency in a checkpoint", 1);
    bench_latency(&b, "latency", 0);
    bench_latency(&b, "latency in a checkpoint", 1);

    mlops_shard_stats(b.shard, &stats);
    (void) getrusage(RUSAGE_SELF, &usage);

    printf("checkpoint                   %.0f bytes an entity; memory: "
           "state %.0f, table %.0f bytes an entity\n",
           (double) stats.checkpoint_bytes / b.entities,
           (double) stats.state_bytes / b.entities,
           (double) stats.table_bytes / b.entities);

    bench_recovery(&b);
    mlops_shard_destroy(b.shard);
    mlops_arena_destroy(&bench_arena);

    return 0;
}
