/*
 * Shards: rows, eviction, expiry, duplicates, growth, definitions, a full
 * store, followers; compared with a recomputation from the log (shards.h).
 */

#include "shards.h"


static const char  view_full[] =
    "mlops_view v {"
    "    source kafka=main topic=t;"
    "    entity id int64;"
    "    event_time ts unit=us lateness=30s;"
    "    clock event;"
    "    dedupe eid within=10s type=int64;"
    "    feature n count() window=1h;"
    "    feature s sum(v) window=5m hop=1m;"
    "    feature m mean(v) window=10m kind=tumbling;"
    "    feature t last(tag) type=string bytes=8;"
    "    ttl 20m;"
    "    max_entities 60;"
    "}";


static const char  view_text[] =
    "mlops_view v.w {"
    "    source kafka=main topic=t;"
    "    entity id string bytes=20;"
    "    event_time ts unit=us lateness=10s;"
    "    clock event;"
    "    feature n count() window=1h;"
    "    feature s sum(v) window=5m hop=1m;"
    "    max_entities 5000;"
    "}";


static void
compare(const char *text, uint64_t seed, uint32_t n, uint32_t partitions,
    uint32_t keys)
{
    char                 *got, *expected;
    shards_log_t          log;
    shards_counts_t       counts;
    shards_worker_t       w;
    mlops_shard_stats_t   stats;

    shards_log(&log, test_view(text), seed, n, partitions, keys);
    shards_worker(&w, &log, seed + 1);
    shards_start(&w);
    shards_run(&w, log.n);
    shards_settle(&w);

    expected = shards_expect(&log, log.view->max_entities, &counts);
    got = shards_dump(w.features, log.view);

    shards_equal("live", got, expected);

    mlops_shard_stats(w.shard, &stats);

    assert_int_equal(stats.entities, counts.alive);
    assert_int_equal(stats.duplicates, counts.duplicates);
    assert_int_equal(stats.evicted, counts.evicted);
    assert_int_equal(stats.expired, counts.expired);
    assert_int_equal(stats.unplaced, 0);
    assert_int_equal(stats.dedupe_overflow, 0);

    mlops_shard_destroy(w.shard);

    free(got);
    free(expected);
    free(log.records);
}


static void
test_recomputed(void **state)
{
    (void) state;

    compare(view_full, 11, 3000, 1, 100);
    compare(view_full, 12, 3000, 3, 200);
    compare(view_full, 13, 2000, 2, 40);
    compare(view_text, 14, 4000, 4, 3000);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_recomputed)
    };

    return unit_run(tests);
}
