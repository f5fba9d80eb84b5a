/*
 * Clusters, and the joins of models: what is read, and every misuse.
 */

#include "views.h"


static const char  views[] =
    "mlops_view rides { source kafka=main topic=t; entity id int64;\n"
    "    event_time ts; feature n count(); }\n"
    "mlops_view other { source kafka=main topic=t; entity id string;\n"
    "    event_time ts; feature o sum(a); feature n last_k(x,2); }\n";


static void
test_joins(void **state)
{
    char                       text[2048];
    mlops_plan_t              *plan;
    const mlops_plan_join_t   *j;
    const mlops_plan_model_t  *m;

    (void) state;

    /* the views stand behind the model */

    snprintf(text, sizeof(text),
             "mlops_model m {\n"
             "    range clip;\n"
             "    join rides key=driver_id;\n"
             "    join other key=$http_x_id suffix=_x max_age=10m\n"
             "         missing=refuse timeout=5ms override=o_x,n_2_x;\n"
             "    join other \"key='ETH/USD'\" prefix=eth_ missing=null;\n"
             "}\n%s", views);

    plan = test_plan_good(text);
    m = mlops_plan_model(plan, "m", 1);

    assert_int_equal(m->joins_n, 3);

    j = &m->joins[0];
    assert_ptr_equal(j->view, mlops_plan_view(plan, "rides", 5));
    assert_int_equal(j->source, MLOPS_KEY_COLUMN);
    assert_true(mlops_str_is(&j->key, "driver_id"));
    assert_int_equal(j->prefix.len, 0);
    assert_int_equal(j->suffix.len, 0);
    assert_true(j->max_age_us == 0);
    assert_int_equal(j->missing, MLOPS_MISSING_DEFAULT);
    assert_true(j->timeout_ms == 0);
    assert_int_equal(j->override_n, 0);

    j = &m->joins[1];
    assert_ptr_equal(j->view, mlops_plan_view(plan, "other", 5));
    assert_int_equal(j->source, MLOPS_KEY_VARIABLE);
    assert_true(mlops_str_is(&j->key, "$http_x_id"));
    assert_true(mlops_str_is(&j->suffix, "_x"));
    assert_true(j->max_age_us == 600000000);
    assert_int_equal(j->missing, MLOPS_MISSING_REFUSE);
    assert_true(j->timeout_ms == 5);
    assert_int_equal(j->override_n, 2);
    assert_true(mlops_str_is(&j->override[0], "o_x"));
    assert_true(mlops_str_is(&j->override[1], "n_2_x"));

    j = &m->joins[2];
    assert_int_equal(j->source, MLOPS_KEY_CONSTANT);
    assert_true(mlops_str_is(&j->key, "ETH/USD"));
    assert_true(mlops_str_is(&j->prefix, "eth_"));
    assert_int_equal(j->missing, MLOPS_MISSING_NULL);
}


static void
test_join_misuse(void **state)
{
    char    text[4096];
    size_t  i;

    static const struct {
        const char  *source;
        uint32_t     line;
        const char  *text;
    } cases[] = {

        { "join rides;",
          2, "invalid number of arguments in \"join\"@: expected 2 to 8 "
          "arguments, got 1: \"join view key=column|$variable|'constant' "
          "[prefix=text|suffix=text] [max_age=time] "
          "[missing=default|null|refuse] [timeout=time] "
          "[override=column,...];\"" },

        { "join rids key=id;",
          2, "unknown view \"rids\" in \"join\"@: did you mean \"rides\"?" },

        { "join v key=id;",
          2, "unknown view \"v\" in \"join\"@: expected \"rides\" or "
          "\"other\"" },

        { "join rides key=id prefix=a suffix=b;",
          2, "\"prefix=\" and \"suffix=\" in \"join\"@: expected one of "
          "them" },

        { "join rides key=; ",
          2, "the key in \"join\"@ is empty: expected a name" },

        { "join rides key=$;",
          2, "invalid variable \"$\" of \"key=\" in \"join\"@: expected "
          "its name behind it" },

        { "join rides \"key='x'\";",
          2, "'x' of \"key=\" in \"join\"@ is no entity of view \"rides\": "
          "expected a key of type int64, got \"x\"" },

        { "join rides \"key='7\";",
          2, "invalid constant '7 of \"key=\" in \"join\"@: expected text "
          "between two \"'\"" },

        { "join rides key=id; join rides key=id2;",
          2, "column \"n\"@ comes from view \"rides\" in nginx.conf:2 "
          "already: expected a \"prefix=\" or \"suffix=\" of one join" },

        { "join rides key=id override=n,x;",
          2, "\"override=\" in \"join\"@: view \"rides\" brings no column "
          "\"x\"" },

        { "join rides key=id prefix=a_ override=n;",
          2, "\"override=\" in \"join\"@: view \"rides\" brings no column "
          "\"n\"" },

        { "join rides key=id override=;",
          2, "the column of \"override=\" in \"join\"@ is empty: expected "
          "a name" },

        { "join rides key=id max_age=0;",
          2, "invalid value \"0\" of \"max_age=\" in \"join\"@: expected a "
          "time above zero such as 30s, 5m or 1h, at most 100y" },

        { "join rides key=id missing=nul;",
          2, "invalid value \"nul\" in \"join\"@: expected \"default\", "
          "\"null\" or \"refuse\"; did you mean \"null\"?" },

        { "join rides key=id timeout=x;",
          2, "invalid value \"x\" of \"timeout=\" in \"join\"@: expected a "
          "time above zero such as 30s, 5m or 1h, at most 100y" },

        { "join rides key=id foo=x;",
          2, "unknown parameter \"foo=x\" in \"join\"@: expected \"key=\", "
          "\"prefix=\", \"suffix=\", \"max_age=\", \"missing=\", "
          "\"timeout=\" or \"override=\"" },

        { "join rides key=id key=x;",
          2, "\"key=\" is duplicate in \"join\"@" },

        { "join rides key=$http_x prefix=;",
          2, "the prefix in \"join\"@ is empty: expected a name" },

        { "join other \"key='ETH/USD'\" suffix=_eth;join other "
          "\"key='ETH'\" suffix=_eth;",
          2, "column \"o_eth\"@ comes from view \"other\" in nginx.conf:2 "
          "already: expected a \"prefix=\" or \"suffix=\" of one join" },

        { "join other "
          "\"key='1234567890123456789012345678901234567890"
          "123456789012345678901234567890'\";",
          2, "'1234567890123456789012345678901234567890"
          "123456789012345678901234567890' "
          "of \"key=\" in \"join\"@ is no entity of view \"other\": "
          "expected a key of 1 to 64 bytes, got 70" },

        { "join rides "
          "key=a\n\nprefix="
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;",
          2, "the column \"aaaaaaaaaaaaaaaa...\" of \"join\"@ is too long: "
          "expected at most 128 bytes, got 129" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), "mlops_model m {\n%s\n}\n%s",
                 cases[i].source, views);

        test_plan_refused(test_plan(text), cases[i].source,
                          " in mlops_model \"m\"", cases[i].text,
                          cases[i].line);
    }

    test_plan_refused(test_plan("mlops_model m {\n\njoin x key=y; }"),
                      "no view", " in mlops_model \"m\"", "unknown view "
                      "\"x\" in \"join\"@: there is none", 3);
}


static void
test_kafka(void **state)
{
    mlops_plan_t              *plan;
    const mlops_plan_kafka_t  *k;

    (void) state;

    plan = test_plan_good("mlops_kafka a.b { bootstrap.servers h:1,i:2;\n"
                          "    sasl.password file:/run/secrets/kafka;\n"
                          "    ssl.key.password env:KEY_PASSWORD;\n"
                          "    ssl.key.location /etc/kafka.pem;\n"
                          "    sasl.oauthbearer.token.endpoint.url http://x;\n"
                          "    client.id \"a b\"; }");
    k = mlops_plan_kafka(plan, "a.b", 3);

    assert_non_null(k);
    assert_int_equal(k->n, 6);
    assert_true(mlops_str_is(&k->keys[0], "bootstrap.servers"));
    assert_true(mlops_str_is(&k->values[0], "h:1,i:2"));
    assert_true(mlops_str_is(&k->values[1], "file:/run/secrets/kafka"));
    assert_true(mlops_str_is(&k->keys[5], "client.id"));
    assert_true(mlops_str_is(&k->values[5], "a b"));

    assert_null(mlops_plan_kafka(plan, "a", 1));
}


static void
test_kafka_misuse(void **state)
{
    size_t       i;
    test_plan_t  *p;

    static const struct {
        const char  *source;
        uint32_t     line;
        const char  *text;
    } cases[] = {

        { "mlops_kafka a { }",
          1, "cluster \"a\" has no brokers: expected \"bootstrap.servers "
          "host:port,...;\"" },

        { "mlops_kafka a { x 1; }",
          1, "cluster \"a\" has no brokers: expected \"bootstrap.servers "
          "host:port,...;\"" },

        { "mlops_kafka a { acks 1; }",
          1, "\"acks\" cannot be set@: a record counts once all replicas "
          "have it" },

        { "mlops_kafka a { enable.auto.commit true; }",
          1, "\"enable.auto.commit\" cannot be set@: offsets are kept with "
          "the state they belong to" },

        { "mlops_kafka a { bootstrap.servers x; sasl.password geheim; }",
          1, "\"sasl.password\"@ is a secret, and would stand in "
          "plan.json: expected where the worker reads it, \"file:/path\" or "
          "\"env:NAME\"" },

        { "mlops_kafka a { bootstrap.servers x; ssl.key.pem geheim; }",
          1, "\"ssl.key.pem\"@ is a secret, and would stand in plan.json: "
          "expected where the worker reads it, \"file:/path\" or "
          "\"env:NAME\"" },

        { "mlops_kafka a { bootstrap.servers x; sasl.password file:x; }",
          1, "invalid path \"file:x\" of \"sasl.password\"@: expected "
          "\"file:\" and an absolute path" },

        { "mlops_kafka a { bootstrap.servers x; sasl.password env:; }",
          1, "invalid variable \"env:\" of \"sasl.password\"@: expected "
          "\"env:\" and a name of the environment" },

        { "mlops_kafka a { bootstrap.servers x; bootstrap.servers y; }",
          1, "\"bootstrap.servers\" is duplicate@" },

        { "mlops_kafka a { bootstrap.servers x y; }",
          1, "invalid number of arguments in \"bootstrap.servers\"@: "
          "expected 1 argument, got 2: \"property value;\"" },

        { "mlops_kafka a { Bootstrap x; }",
          1, "invalid property \"Bootstrap\"@: expected a name of "
          "librdkafka such as \"bootstrap.servers\"" },

        { "mlops_kafka a { bootstrap.servers ''; }",
          1, "the value of \"bootstrap.servers\"@ is empty" },

        { "mlops_kafka a { bootstrap.servers x; sasl.oauthbearer.config "
          "geheim; }",
          1, "\"sasl.oauthbearer.config\"@ is a secret, and would stand in "
          "plan.json: expected where the worker reads it, \"file:/path\" or "
          "\"env:NAME\"" },

        { "mlops_kafka a { bootstrap.servers x; } mlops_kafka a "
          "{bootstrap.servers x; }",
          1, "cluster \"a\" is duplicate: it is in nginx.conf:1 already" },

        { "mlops_kafka /a { bootstrap.servers x; }",
          1, "invalid cluster name \"/a\": expected 1 to 64 letters, "
          "digits, \"_\", \"-\" and \".\", the first not a dot" },

        { "mlops_state x;",
          1, "invalid path \"x\" in \"mlops_state\": expected a directory "
          "below \"/\"" },

        { "mlops_state /run/mlops;",
          1, "\"mlops_state\" is the directory of \"mlops_store\", "
          "/run/mlops: expected another one" },

        { "mlops_registry /r; mlops_state /r/;",
          1, "\"mlops_state\" is the directory of \"mlops_registry\", /r: "
          "expected another one" }
    };

    static const char *const  fixed[] = {
        "enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset",
        "partition.assignment.strategy", "enable.idempotence", "acks",
        "request.required.acks", "group.id"
    };

    static const char *const  secrets[] = {
        "sasl.password", "ssl.key.password", "ssl.keystore.password",
        "ssl.key.pem", "sasl.oauthbearer.config",
        "sasl.oauthbearer.client.secret", "some.api.key", "bearer_token"
    };

    char  text[256];

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_plan_refused(test_plan(cases[i].source), cases[i].source,
                          " in mlops_kafka \"a\"", cases[i].text,
                          cases[i].line);
    }

    for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        snprintf(text, sizeof(text), "mlops_kafka a { bootstrap.servers x; "
                 "%s 1; }", fixed[i]);
        p = test_plan(text);

        unit_ok(p->rc == MLOPS_ERROR, "%s: accepted", fixed[i]);
        unit_ok(strstr(p->err.text, "cannot be set in mlops_kafka") != NULL,
                "%s: %s", fixed[i], p->err.text);
    }

    for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        snprintf(text, sizeof(text), "mlops_kafka a { bootstrap.servers x; "
                 "%s geheim; }", secrets[i]);
        p = test_plan(text);

        unit_ok(p->rc == MLOPS_ERROR, "%s: accepted", secrets[i]);
        unit_ok(strstr(p->err.text, "is a secret") != NULL, "%s: %s",
                secrets[i], p->err.text);
        unit_ok(strstr(p->err.text, "geheim") == NULL, "%s: it is told",
                secrets[i]);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_joins),
        cmocka_unit_test(test_join_misuse),
        cmocka_unit_test(test_kafka),
        cmocka_unit_test(test_kafka_misuse)
    };

    return unit_run(tests);
}
