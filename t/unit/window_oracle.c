/*
 * Windows against t/features/oracle.py: random logs with events out of
 * order, on boundaries, late, of the future and malformed; every feature of
 * every entity is compared at several moments.  A boundary that is moved on
 * purpose has to be noticed.
 */

#include "windows.h"

#include "mlops_intake.h"
#include "mlops_num.h"
#include "mlops_shard.h"

#include <sys/wait.h>
#include <time.h>


#define ENTITIES   24
#define RECORDS    1500
#define LINE_SIZE  1024
#define START_MS   1700000000000ll


typedef struct {
    int64_t   offset;
    int64_t   event_us;
    int32_t   partition;
    int       used;
} entity_t;


typedef struct {
    mlops_plan_view_t  *view;
    mlops_window_t     *window;
    mlops_intake_t     *intake;
    mlops_shard_t      *shard;          /* or NULL: the windows alone */
    mlops_arena_t       arena;
    char               *states;
    entity_t            entities[ENTITIES];
    char                conf[256];
    char                log[256];
    char                dump[256];
    uint64_t            random;
    uint64_t            verdicts[MLOPS_INTAKE_N];
    int64_t             as_of;
} run_t;


/* Numbers as keys in one view, text in the other. */

#define NUMBERS  "mlops_view v { source kafka=main topic=t;"                  \
    "entity key int64; event_time ts unit=ms lateness=10m skew=5m;"           \
    "clock event;"                                                            \
    "feature c count() window=1h;"                                            \
    "feature cw count() window=1h \"where=x > 0 and not i == 3\";"            \
    "feature ca count() \"where=s == 'a' or s == null\";"                     \
    "feature s sum(x) window=1h hop=1m;"                                      \
    "feature si sum(i) window=2h;"                                            \
    "feature sh sum(x) window=30m hop=5m kind=hopping;"                       \
    "feature st sum(x) window=10m kind=tumbling;"                             \
    "feature m mean(x) window=1h;"                                            \
    "feature mi mean(i) window=15m kind=tumbling;"                            \
    "feature lo min(x) window=1h hop=10m;"                                    \
    "feature hi max(i) window=1h hop=10m kind=hopping;"                       \
    "feature v variance(x) window=1h;"                                        \
    "feature d std(x) window=2h hop=10m kind=hopping;"                        \
    "feature f first(x) window=1h;"                                           \
    "feature ft first(i) window=10m kind=tumbling type=int64;"                \
    "feature fa first(x);"                                                    \
    "feature l last(x) window=20m hop=5m;"                                    \
    "feature lh last(i) window=20m hop=5m kind=hopping;"                      \
    "feature lt last(x) window=10m kind=tumbling \"where=x < 50\";"           \
    "feature k last_k(x,3) window=30m hop=5m;"                                \
    "feature kh last_k(i,4) window=30m hop=10m kind=hopping;"                 \
    "feature ka last_k(x,2);"                                                 \
    "feature r rate() window=1h;"                                             \
    "feature ds decayed_sum(x,20m);"                                          \
    "feature dh decayed_sum(i,1h) hop=7m;"                                    \
    "feature dw decayed_sum(x,20m) window=1h hop=5m;"                         \
    "feature dt decayed_sum(x,20m) window=1h hop=5m kind=hopping;"            \
    "feature ad approx_distinct(i) window=1h;"                                \
    "feature q quantile(x,0.5) window=2h;"                                    \
    "feature p quantile(x,0.99) window=1h hop=5m kind=hopping bins=1024;"     \
    "feature ra ratio(s,c); feature rb ratio(m,lo);"                          \
    "}"

#define TEXTS  "mlops_view v { source kafka=main topic=t;"                    \
    "entity key string bytes=16; event_time ts unit=iso lateness=1h;"         \
    "clock event;"                                                            \
    "feature o open(x) window=5m; feature h high(x) window=5m;"               \
    "feature lo low(x) window=5m; feature cl close(x) window=5m;"             \
    "feature oi open(i) window=1h;"                                           \
    "feature e ema(x,9) window=5m; feature ec ema(x) window=15m com=3;"       \
    "feature a sma(x,5) window=5m; feature ai sma(i,3) window=20m;"           \
    "feature m macd(x,3,8) window=5m; feature r rsi(x,5) window=5m;"          \
    "feature k stochastic(x,6) window=5m;"                                    \
    "feature cw close(x) window=5m \"where=not (i < 3 or x >= 70)\";"         \
    "feature fs first(s) window=1h type=string bytes=3;"                      \
    "feature ls last(s) window=1h hop=5m kind=hopping type=string;"           \
    "feature ks last_k(s,2) type=string bytes=5;"                             \
    "feature ad approx_distinct(s) window=1h precision=12;"                   \
    "feature c count() window=1h \"where=s >= 'b' and s != 'ccc'\";"          \
    "}"


/* What a shard does besides: one partition, so that all depends on the log
 * alone. */

#define FORGETS  "mlops_view v { source kafka=main topic=t;"                  \
    "entity key int64; event_time ts unit=ms lateness=10m skew=5m;"           \
    "clock event; ttl 2h; max_entities 15; dedupe id within=6m;"              \
    "feature c count(); feature s sum(x) window=6h hop=10m;"                  \
    "feature l last(i) type=int64; feature f first(x);"                       \
    "feature e ema(x,5) window=10m; feature h high(x) window=1h;"             \
    "feature t count() window=30m kind=tumbling;"                             \
    "}"


static uint32_t
below(run_t *run, uint32_t n)
{
    return (uint32_t) (unit_random(&run->random) >> 33) % n;
}


static void
entity_name(const run_t *run, uint32_t number, char *p)
{
    if (run->view->entity_type == MLOPS_TYPE_INT64) {
        sprintf(p, "%d", (int) number * 7 - 20);

    } else {
        sprintf(p, "\"%s%u\"", number % 3 ? "k" : "\xc3\xa9\\\"", number);
    }
}


/* -1, where the key is none of ours. */

static int
entity_number(const run_t *run, const mlops_key_t *key)
{
    uint32_t  number;

    if (run->view->entity_type == MLOPS_TYPE_INT64) {
        return (int) ((key->number + 20) / 7);
    }

    number = 0;

    for (size_t i = 0; i < key->text.len; i++) {
        if (key->text.data[i] >= '0' && key->text.data[i] <= '9') {
            number = number * 10 + (uint32_t) (key->text.data[i] - '0');
        }
    }

    return (int) number;
}


static void
put_time(const run_t *run, int64_t ms, char *p)
{
    time_t     s;
    struct tm  tm;

    if (run->view->unit_us != 0) {
        sprintf(p, "%lld", (long long) ms);
        return;
    }

    s = ms / 1000;
    gmtime_r(&s, &tm);
    p += strftime(p, 64, "\"%Y-%m-%dT%H:%M:%S", &tm);
    sprintf(p, ".%03d+00:00\"", (int) (ms % 1000));
}


/* The value of a record: some fields are missing or null. */

static int
make_value(run_t *run, uint32_t entity, int64_t ms, char *line)
{
    char   key[64], time[64], *p;

    static const char *const  texts[] = {
        "a", "b", "ccc", "caf\xc3\xa9s", "d\\u00e9j\\u00e0", "", "\\\"\\n"
    };

    entity_name(run, entity, key);
    put_time(run, ms, time);

    p = line + sprintf(line, "{\"key\":%s,\"ts\":%s,\"other\":[1,{\"x\":2}]",
                       key, time);

    switch (below(run, 12)) {

    case 0:
        break;

    case 1:
        p += sprintf(p, ",\"x\":null");
        break;

    case 2:
        p += sprintf(p, ",\"x\":%d", (int) below(run, 5) - 2);
        break;

    case 3:
        p += sprintf(p, ",\"x\":%.17g", (double) below(run, 1000000) / 7e7);
        break;

    default:
        p += sprintf(p, ",\"x\":%.2f", (double) below(run, 20000) / 100
                                       - 60);
    }

    if (below(run, 8)) {
        p += sprintf(p, ",\"i\":%d", (int) below(run, 9) - 1);
    }

    if (below(run, 8)) {
        p += sprintf(p, ",\"s\":\"%s\"", texts[below(run, 7)]);
    }

    if (run->shard && below(run, 10)) {
        p += sprintf(p, ",\"id\":\"%u\"", below(run, 60));
    }

    switch (below(run, 60)) {

    case 0:
        p += sprintf(p, ",\"x\":1");            /* perhaps twice */
        break;

    case 1:
        p += sprintf(p, ",\"i\":1.5");
        break;

    case 2:
        p += sprintf(p, ",\"ts\":17");
        break;
    }

    p += sprintf(p, "}");

    if (below(run, 80) == 0) {
        p -= 1 + below(run, 4);
    }

    *p = '\0';

    return (int) (p - line);
}


static void
put_record(FILE *f, const mlops_record_t *record)
{
    size_t  i;
    char    c;

    fprintf(f, "{\"partition\":%d,\"offset\":%lld,\"timestamp\":%lld,"
            "\"value\":\"", (int) record->partition,
            (long long) record->offset,
            (long long) (record->timestamp_us / 1000));

    for (i = 0; i < record->value.len; i++) {
        c = record->value.data[i];

        if (c == '"' || c == '\\') {
            fputc('\\', f);
        }

        fputc(c, f);
    }

    fprintf(f, "\"}\n");
}


/* Into the windows of its entity, where it is accepted and before as_of. */

static void
take_record(run_t *run, const mlops_record_t *record)
{
    int                      number;
    int64_t                  ts;
    uint64_t                 hash;
    entity_t                *entity;
    mlops_key_t              key;
    mlops_err_t              err;
    mlops_event_t            event;
    mlops_intake_verdict_t   verdict;

    verdict = mlops_intake_read(run->intake, record, &event, &key, &hash,
                                &err);
    run->verdicts[verdict]++;

    if (verdict != MLOPS_INTAKE_ACCEPTED || event.ts_us >= run->as_of) {
        return;
    }

    if (run->shard) {
        ts = mlops_intake_clock(run->intake, 0);
        unit_ok(mlops_shard_event(run->shard, &key, hash, &event, ts,
                                  ts + run->view->tick_us, &err)
                == MLOPS_OK, "%s", err.text);
        return;
    }

    number = entity_number(run, &key);
    assert_in_range(number, 0, ENTITIES - 1);

    entity = &run->entities[number];

    if (!entity->used || event.ts_us > entity->event_us) {
        entity->event_us = event.ts_us;
    }

    entity->used = 1;
    entity->offset = event.offset;
    entity->partition = event.partition;

    mlops_window_apply(run->window, run->states
                       + (size_t) number * run->view->state_bytes, &event);
}


static void
make_log(run_t *run)
{
    int              i;
    char             line[LINE_SIZE];
    FILE            *f;
    int64_t          ms, now[2];
    uint32_t         entity;
    mlops_record_t   record;

    f = fopen(run->log, "w");
    assert_non_null(f);

    now[0] = now[1] = START_MS;

    for (i = 0; i < RECORDS; i++) {
        memset(&record, 0, sizeof(record));

        entity = below(run, below(run, 3) ? 4 : ENTITIES);
        record.partition = run->shard ? 0 : (int32_t) (entity % 2);
        record.offset = i;

        now[record.partition] += below(run, 200)
                                 ? below(run, 40000) : 5400000;
        ms = now[record.partition];

        switch (below(run, 10)) {

        case 0:
            ms -= below(run, 1000000);
            break;

        case 1:
            ms -= below(run, 10000000);
            break;

        case 2:
        case 3:
            ms -= ms % 300000;
            break;

        case 4:
            ms -= ms % 300000 + 1;
        }

        record.timestamp_us = now[record.partition] * 1000;

        if (below(run, 100) == 0) {
            ms += 400000 + below(run, 100000000);       /* the future */
        }

        record.value.data = line;
        record.value.len = (size_t) make_value(run, entity, ms, line);

        put_record(f, &record);
        take_record(run, &record);
    }

    assert_int_equal(fclose(f), 0);
}


/* ---- the canonical dump ---- */


static void
put_text(FILE *f, const char *p, size_t n)
{
    unsigned char  c;

    while (n--) {
        c = (unsigned char) *p++;

        if (c == '"' || c == '\\') {
            fprintf(f, "\\%c", c);

        } else if (c == '\n') {
            fprintf(f, "\\n");

        } else {
            fputc(c, f);
        }
    }
}


static void
put_cell(FILE *f, const mlops_column_t *column, mlops_cell_t cell,
    const char *text)
{
    char  number[MLOPS_DOUBLE_LEN];

    switch (column->kind) {

    case MLOPS_CELL_DOUBLE:
        fprintf(f, "%.*s", (int) (mlops_print_double(number, cell.f)
                                  - number), number);
        break;

    case MLOPS_CELL_INT:
        fprintf(f, "%lld", (long long) cell.i);
        break;

    default:
        fputc('"', f);
        put_text(f, text + cell.s.off, cell.s.len);
        fputc('"', f);
    }
}


static void
put_row(FILE *f, const mlops_plan_view_t *view, const char *key,
    const mlops_cell_t *cells, const uint64_t *present, const char *text,
    const entity_t *entity)
{
    uint32_t  c;

    fprintf(f, "%s", key);

    for (c = 0; c < view->row.n; c++) {
        fprintf(f, "\t%.*s=", mlops_fmt(&view->row.columns[c].name));

        if (mlops_bit(present, c)) {
            put_cell(f, &view->row.columns[c], cells[c], text);

        } else {
            fprintf(f, "null");
        }
    }

    fprintf(f, "\t%d\t%lld\t%lld\n", (int) entity->partition,
            (long long) entity->offset, (long long) entity->event_us);
}


typedef struct {
    FILE                     *f;
    const mlops_plan_view_t  *view;
} visit_t;


static int
visit(void *ctx, const mlops_key_t *key, const mlops_table_row_t *row)
{
    char      text[32];
    visit_t  *v;
    entity_t  entity;

    v = ctx;
    entity.partition = row->partition;
    entity.offset = row->offset;
    entity.event_us = row->event_us;

    sprintf(text, "%lld", (long long) key->number);
    put_row(v->f, v->view, text, row->cells, row->present, row->text,
            &entity);

    return MLOPS_OK;
}


static void
dump_shard(run_t *run)
{
    visit_t  v;

    v.f = fopen(run->dump, "w");
    v.view = run->view;
    assert_non_null(v.f);

    assert_int_equal(mlops_shard_visit(run->shard,
                                       mlops_intake_clock(run->intake, 0)
                                       + run->view->tick_us, visit, &v),
                     MLOPS_OK);
    assert_int_equal(fclose(v.f), 0);
}


/* The order of keys does not matter to the oracle's comparison. */

static void
make_dump(run_t *run, int64_t q)
{
    char           key[64], *text;
    FILE          *f;
    int64_t        at;
    uint32_t       i;
    uint64_t      *present;
    entity_t      *entity;
    mlops_cell_t  *cells;

    f = fopen(run->dump, "w");
    cells = calloc(run->view->row.n, sizeof(mlops_cell_t));
    present = calloc(mlops_row_words(run->view->row.n), 8);
    text = malloc(mlops_window_text_size(run->window) + 1);

    assert_non_null(f);
    assert_non_null(cells);
    assert_non_null(present);
    assert_non_null(text);

    for (i = 0; i < ENTITIES; i++) {
        entity = &run->entities[i];

        if (!entity->used) {
            continue;
        }

        at = q != INT64_MAX ? q
             : mlops_intake_clock(run->intake, entity->partition)
               + run->view->tick_us;

        mlops_window_value(run->window, run->states
                           + (size_t) i * run->view->state_bytes, at, cells,
                           present, text);
        entity_name(run, i, key);
        put_row(f, run->view, key, cells, present, text, entity);
    }

    assert_int_equal(fclose(f), 0);

    free(cells);
    free(present);
    free(text);
}


static int
oracle(const run_t *run, int64_t q, const char *options)
{
    char   command[1024], line[512], as_of[64];
    int    status;
    FILE  *pipe;

    as_of[0] = '\0';

    if (q != INT64_MAX) {
        snprintf(as_of, sizeof(as_of), "--as-of %lld", (long long) q);
    }

    snprintf(command, sizeof(command), "python3 t/features/oracle.py --conf "
             "%s --compare %s %s %s %s", run->conf, run->dump, options, as_of,
             run->log);

    pipe = popen(command, "r");
    assert_non_null(pipe);

    while (fgets(line, sizeof(line), pipe)) {
        if (options[0] == '\0') {
            printf("# %s", line);
        }
    }

    status = pclose(pipe);
    assert_true(WIFEXITED(status));

    return WEXITSTATUS(status);
}


static void
start(run_t *run, const char *text, int64_t as_of)
{
    const char   *dir;
    uint32_t      i;
    mlops_err_t   err;

    memset(run, 0, sizeof(run_t));

    dir = unit_tmpdir();
    snprintf(run->conf, sizeof(run->conf), "%s/conf", dir);
    snprintf(run->log, sizeof(run->log), "%s/log", dir);
    snprintf(run->dump, sizeof(run->dump), "%s/dump", dir);
    unit_spew(run->conf, text, strlen(text));

    run->as_of = as_of;
    run->view = test_view(text);
    run->random = 20240229;
    mlops_arena_init(&run->arena, NULL, NULL);
    run->window = mlops_window_create(run->view, &run->arena, &err);
    unit_ok(run->window != NULL, "%s", err.text);
    run->intake = mlops_intake_create(run->view, &err);
    unit_ok(run->intake != NULL, "%s", err.text);

    run->states = malloc((size_t) ENTITIES * run->view->state_bytes);
    assert_non_null(run->states);

    for (i = 0; i < ENTITIES; i++) {
        mlops_window_reset(run->window, run->states
                           + (size_t) i * run->view->state_bytes);
    }
}


static void
stop(run_t *run)
{
    mlops_intake_destroy(run->intake);
    mlops_arena_destroy(&run->arena);
    free(run->states);
}


static int64_t
clock_of(const run_t *run)
{
    int64_t  a, b;

    a = mlops_intake_clock(run->intake, 0);
    b = mlops_intake_clock(run->intake, 1);

    return a > b ? a : b;
}


static void
check_log(const char *text)
{
    int      i;
    run_t    run;
    int64_t  q;

    if (system("python3 -c pass") != 0) {
        unit_skip("no python3");
    }

    start(&run, text, INT64_MAX);
    make_log(&run);

    assert_true(run.verdicts[MLOPS_INTAKE_ACCEPTED] > RECORDS / 2);
    assert_true(run.verdicts[MLOPS_INTAKE_LATE] > 10);
    assert_true(run.verdicts[MLOPS_INTAKE_FUTURE] > 5);
    assert_true(run.verdicts[MLOPS_INTAKE_MALFORMED] > 10);

    make_dump(&run, INT64_MAX);
    assert_int_equal(oracle(&run, INT64_MAX, ""), 0);
    assert_int_equal(oracle(&run, INT64_MAX, "--plant off-by-one"), 1);

    /* after the end: windows empty by themselves; on boundaries, before
     * and after them */

    q = clock_of(&run) / 300000000 * 300000000 + 300000000;

    for (i = 0; i < 4; i++) {
        make_dump(&run, q);
        assert_int_equal(oracle(&run, q, ""), 0);

        q += i == 0 ? -1 : i == 1 ? 600000001 : 1800000000;
    }

    stop(&run);

    /* a moment in the middle of it */

    q = START_MS * 1000 + 2 * TEST_HOUR;

    start(&run, text, q);
    make_log(&run);
    make_dump(&run, q);
    assert_int_equal(oracle(&run, q, ""), 0);
    assert_int_equal(oracle(&run, q, "--plant off-by-one"), 1);
    stop(&run);
}


static void
test_numbers(void **arg)
{
    (void) arg;

    check_log(NUMBERS);
}


static void
test_texts_and_bars(void **arg)
{
    (void) arg;

    check_log(TEXTS);
}


static void
test_shard(void **arg)
{
    run_t                 run;
    mlops_err_t           err;
    mlops_shard_conf_t    conf;
    mlops_shard_stats_t   stats;

    (void) arg;

    if (system("python3 -c pass") != 0) {
        unit_skip("no python3");
    }

    start(&run, FORGETS, INT64_MAX);

    memset(&conf, 0, sizeof(conf));
    conf.features = -1;
    conf.state = -1;
    run.shard = mlops_shard_create(run.view, &conf, &err);
    unit_ok(run.shard != NULL, "%s", err.text);

    make_log(&run);
    mlops_shard_stats(run.shard, &stats);

    assert_true(stats.duplicates > 20);
    assert_true(stats.evicted > 20);
    assert_true(stats.expired > 5);

    dump_shard(&run);
    assert_int_equal(oracle(&run, INT64_MAX, ""), 0);
    assert_int_equal(oracle(&run, INT64_MAX, "--plant off-by-one"), 1);

    mlops_shard_destroy(run.shard);
    stop(&run);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_texts_and_bars),
        cmocka_unit_test(test_shard)
    };

    return unit_run(tests);
}
