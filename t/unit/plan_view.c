/*
 * Views, clusters and joins: what is read, and every misuse.
 */

#include "views.h"


static const char  demo[] =
    "mlops_kafka main { bootstrap.servers 10.0.0.4:9092;\n"
    "    sasl.password file:/run/secrets/kafka; }\n"
    "mlops_view rides {\n"
    "    source       kafka=main topic=rides format=json;\n"
    "    entity       driver_id int64;\n"
    "    event_time   ts unit=ms lateness=30s;\n"
    "    feature      rides_1h  count()     window=1h;\n"
    "    feature      paid_1h   sum(fare)   window=1h "
    "\"where=status == 'paid'\";\n"
    "    feature      last_fare last(fare);\n"
    "    feature      recent    last_k(zone,3) type=string;\n"
    "    feature      share     ratio(paid_1h,rides_1h);\n"
    "    ttl          24h;\n"
    "    max_entities 1000000;\n"
    "    store        shm;\n"
    "}\n";


static void
test_demo(void **state)
{
    mlops_plan_view_t  *v;

    (void) state;

    v = test_view(demo);

    printf("# %016llx %016llx %u %u\n", (unsigned long long) v->base_hash,
           (unsigned long long) v->hash, v->state_bytes, v->row_bytes);
    assert_int_equal(v->features_n, 5);
    assert_int_equal(v->row.n, 7);
    assert_int_equal(v->event.n, 5);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_demo)
    };

    return unit_run(tests);
}
