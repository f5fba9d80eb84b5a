/*
 * Nanoseconds of the processor per event: one apply and one value of a view
 * with the features count, sum and last over an hour in steps of 5 minutes.
 *
 * Hot are 1,000 entities.  Cold are 1,000,000 in random order, each with an
 * event every 5 minutes (all tiles are used) or every 2 hours (one or two
 * are).  Asked for early: the state of an event a few ahead is prefetched.
 * Huge pages where the system gives them.  Medians of several passes.
 */

#include "bench.h"

#include "mlops_window.h"

#include <sys/mman.h>
#include <time.h>


#define MINUTE    60000000ll
#define EVENTS    1000000
#define PASSES    5
#define AHEAD     8


typedef struct {
    const char  *name;
    uint32_t     entities;
    int64_t      every_us;              /* between two events of one */
    int          ahead;
    uint32_t     warm;                  /* events before the first pass */
} load_t;


static mlops_plan_feature_t  features[3];
static mlops_column_t        columns[3], fields[1];
static mlops_plan_view_t     view;
static uint64_t              seed = 1;
static volatile double       sink;


static uint32_t
draw(uint32_t n)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;

    return (uint32_t) (((seed * 2685821657736338717ull >> 32) * n) >> 32);
}


static uint64_t
cpu_ns(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


static void
make_view(void)
{
    uint32_t     i;
    mlops_err_t  err;

    static const mlops_func_t  funcs[] = {
        MLOPS_FUNC_COUNT, MLOPS_FUNC_SUM, MLOPS_FUNC_LAST
    };

    fields[0].type = MLOPS_TYPE_FP64;
    fields[0].kind = MLOPS_CELL_DOUBLE;

    for (i = 0; i < 3; i++) {
        features[i].func = funcs[i];
        features[i].field = i ? 0 : MLOPS_NO_FIELD;
        features[i].type = i ? MLOPS_TYPE_FP64 : MLOPS_TYPE_INT64;
        features[i].span = MLOPS_SPAN_SLIDING;
        features[i].window_us = 60 * MINUTE;
        features[i].hop_us = 5 * MINUTE;
        features[i].first = i;
        features[i].width = 1;
        columns[i].type = features[i].type;
        columns[i].kind = mlops_type_kind(features[i].type);
    }

    view.features_n = 3;
    view.features = features;
    view.event.n = 1;
    view.event.columns = fields;
    view.row.n = 3;
    view.row.columns = columns;

    if (mlops_view_layout(&view, &err) != MLOPS_OK) {
        fprintf(stderr, "bench_window: %s\n", err.text);
        exit(1);
    }
}


static void
fetch(const char *state)
{
    uint32_t  i;

    for (i = 0; i < view.state_bytes; i += 64) {
        __builtin_prefetch(state + i, 1);
    }
}


/* Nanoseconds per event; *ts goes on. */

static double
pass(const mlops_window_t *window, char *states, const load_t *load,
    uint32_t events, int64_t *ts)
{
    char            text[1], *state;
    uint32_t        i, order[AHEAD];
    uint64_t        start, present[1], has;
    mlops_cell_t    cell, cells[3];
    mlops_event_t   event;

    has = 1;
    event.partition = 0;
    event.cells = &cell;
    event.present = &has;
    event.text = NULL;

    for (i = 0; i < AHEAD; i++) {
        order[i] = draw(load->entities);
    }

    start = cpu_ns();

    for (i = 0; i < events; i++) {
        state = states + (size_t) order[i % AHEAD] * view.state_bytes;
        order[i % AHEAD] = draw(load->entities);

        if (load->ahead) {
            fetch(states + (size_t) order[i % AHEAD] * view.state_bytes);
        }

        *ts += load->every_us / load->entities + 1;
        event.ts_us = *ts;
        event.offset = i;
        cell.f = i;

        mlops_window_apply(window, state, &event);
        mlops_window_value(window, state, *ts + 1, cells, present, text);
        sink += cells[1].f;
    }

    return (double) (cpu_ns() - start) / events;
}


static void
run(const mlops_window_t *window, const load_t *load)
{
    char      *states;
    double     ns[PASSES];
    size_t     size;
    int64_t    ts;
    uint32_t   i;

    size = (size_t) load->entities * view.state_bytes;
    states = mmap(NULL, size, PROT_READ|PROT_WRITE,
                  MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

    if (states == MAP_FAILED) {
        fprintf(stderr, "bench_window: no %zu bytes\n", size);
        exit(1);
    }

    (void) madvise(states, size, MADV_HUGEPAGE);

    for (i = 0; i < load->entities; i++) {
        mlops_window_reset(window, states + (size_t) i * view.state_bytes);
    }

    ts = 1700000000000000;
    (void) pass(window, states, load, load->warm, &ts);

    for (i = 0; i < PASSES; i++) {
        ns[i] = pass(window, states, load, EVENTS, &ts);
    }

    printf("%-44s %8.1f ns\n", load->name, bench_median(ns, PASSES));

    (void) munmap(states, size);
}


int
main(void)
{
    size_t           i;
    mlops_err_t      err;
    mlops_arena_t    arena;
    mlops_window_t  *window;

    static const load_t  loads[] = {
        { "hot, 13 tiles", 1000, 5 * MINUTE, 0, 100000 },
        { "cold, 13 tiles", 1000000, 5 * MINUTE, 0, 13000000 },
        { "cold, 13 tiles, asked for early", 1000000, 5 * MINUTE, 1,
          13000000 },
        { "cold, 1 or 2 tiles", 1000000, 120 * MINUTE, 0, 2000000 },
        { "cold, 1 or 2 tiles, asked for early", 1000000, 120 * MINUTE, 1,
          2000000 }
    };

    make_view();
    mlops_arena_init(&arena, NULL, NULL);
    window = mlops_window_create(&view, &arena, &err);

    if (window == NULL) {
        fprintf(stderr, "bench_window: %s\n", err.text);
        return 1;
    }

    printf("apply and value of count, sum and last, %u bytes an entity\n",
           view.state_bytes);

    for (i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
        run(window, &loads[i]);
    }

    mlops_arena_destroy(&arena);

    return 0;
}
