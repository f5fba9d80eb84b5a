/*
 * mlops_kafka NAME { … }: a cluster, in librdkafka's own words.
 *
 * The block has no table: every property that librdkafka knows may stand in
 * it, and the worker asks librdkafka.  Refused here is what the guarantees
 * rest on, and what would put a secret into plan.json.
 */

#include "mlops_plan_table.h"


#define MLOPS_KAFKA_PROPERTIES_MAX  1024


typedef struct {
    const char  *name;
    const char  *why;
} mlops_plan_fixed_t;


static int mlops_plan_kafka_property(mlops_plan_call_t *call,
    mlops_plan_kafka_t *kafka);
static int mlops_plan_kafka_fixed(mlops_plan_call_t *call);
static int mlops_plan_kafka_value(mlops_plan_call_t *call);
static int mlops_plan_kafka_secret(const mlops_str_t *name);
static int mlops_plan_starts(const mlops_str_t *s, const char *prefix);
static int mlops_plan_part(const mlops_str_t *s, const char *word);


/* What the workers set themselves. */

static const mlops_plan_fixed_t  mlops_plan_fixed[] = {

    { "enable.auto.commit",
      "offsets are kept with the state they belong to" },
    { "enable.auto.offset.store",
      "offsets are kept with the state they belong to" },
    { "auto.offset.reset",
      "a worker begins where its state says" },
    { "partition.assignment.strategy",
      "groups are cooperative-sticky" },
    { "enable.idempotence",
      "records are produced once and in order" },
    { "acks",
      "a record counts once all replicas have it" },
    { "request.required.acks",
      "a record counts once all replicas have it" },
    { "message.timeout.ms",
      "what is sent is waited for, however long it takes" },
    { "delivery.timeout.ms",
      "what is sent is waited for, however long it takes" },
    { "partitioner",
      "keys go where Java clients send them" },
    { "transactional.id",
      "records are absolute, and need no transaction" },
    { "allow.auto.create.topics",
      "a topic is made by who owns it" },
    { "group.id",
      "it is \"group=\" of a view's \"source\"" }
};


int
mlops_plan_kafka_block(mlops_plan_call_t *call)
{
    char                 place[MLOPS_PLAN_PLACE_SIZE];
    uint32_t             n, cap;
    mlops_str_t         *name;
    mlops_plan_t        *plan;
    mlops_plan_call_t    inner;
    mlops_plan_node_t   *node;
    mlops_plan_kafka_t  *kafka, *kafkas;

    plan = call->plan;
    name = &call->node->args[1];

    if (mlops_plan_name(call, "cluster", name) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    kafka = mlops_plan_kafka(plan, name->data, name->len);

    if (kafka != NULL) {
        return mlops_plan_wrong(call, 1, "cluster \"%.*s\" is duplicate: it "
                                "is in %.*s:%u already", mlops_fmt(name),
                                mlops_fmt(&kafka->node->file),
                                kafka->node->line);
    }

    if (plan->kafkas_n == plan->kafkas_cap) {
        cap = (plan->kafkas_cap == 0) ? 4 : plan->kafkas_cap * 2;

        kafkas = mlops_arena_calloc(plan->arena, cap, sizeof(*kafkas));
        if (kafkas == NULL) {
            return mlops_plan_wrong(call, 0, "out of memory");
        }

        if (plan->kafkas_n != 0) {
            memcpy(kafkas, plan->kafkas, plan->kafkas_n * sizeof(*kafkas));
        }

        plan->kafkas = kafkas;
        plan->kafkas_cap = cap;
    }

    kafka = &plan->kafkas[plan->kafkas_n++];

    kafka->name = *name;
    kafka->node = call->node;

    n = 0;

    for (node = call->node->children; node != NULL; node = node->next) {
        n++;
    }

    if (n > MLOPS_KAFKA_PROPERTIES_MAX) {
        return mlops_plan_wrong(call, 0, "too many properties of cluster "
                                "\"%.*s\": expected at most %d, got %u",
                                mlops_fmt(name), MLOPS_KAFKA_PROPERTIES_MAX,
                                n);
    }

    kafka->keys = mlops_arena_calloc(plan->arena, n, sizeof(mlops_str_t));
    kafka->values = mlops_arena_calloc(plan->arena, n, sizeof(mlops_str_t));

    if (kafka->keys == NULL || kafka->values == NULL) {
        return mlops_plan_wrong(call, 0, "out of memory");
    }

    mlops_plan_place(place, "mlops_kafka", name);

    inner = *call;
    inner.first = call->node->children;
    inner.place = place;

    for (node = call->node->children; node != NULL; node = node->next) {
        inner.node = node;

        if (mlops_plan_kafka_property(&inner, kafka) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    for (n = 0; n < kafka->n; n++) {
        if (mlops_str_is(&kafka->keys[n], "bootstrap.servers")
            || mlops_str_is(&kafka->keys[n], "metadata.broker.list"))
        {
            return MLOPS_OK;
        }
    }

    return mlops_plan_wrong(call, 1, "cluster \"%.*s\" has no brokers: "
                            "expected \"bootstrap.servers host:port,...;\"",
                            mlops_fmt(name));
}


static int
mlops_plan_kafka_property(mlops_plan_call_t *call, mlops_plan_kafka_t *kafka)
{
    char                c;
    size_t              i;
    uint32_t            n;
    mlops_str_t        *name;
    mlops_plan_node_t  *node;

    node = call->node;
    name = &node->args[0];

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.'
              || c == '_' || c == '-'))
        {
            break;
        }
    }

    if (i < name->len || name->len == 0) {
        return mlops_plan_wrong(call, 0, "invalid property \"%.*s\"%s: "
                                "expected a name of librdkafka such as "
                                "\"bootstrap.servers\"", mlops_fmt(name),
                                call->place);
    }

    if (node->block) {
        return mlops_plan_wrong(call, 0, "\"%.*s\" takes no block%s: expected"
                                " \"property value;\"", mlops_fmt(name),
                                call->place);
    }

    if (node->args_n != 2) {
        return mlops_plan_wrong(call, (node->args_n > 2) ? 2 : 0,
                                "invalid number of arguments in \"%.*s\"%s: "
                                "expected 1 argument, got %u: \"property "
                                "value;\"", mlops_fmt(name), call->place,
                                node->args_n - 1);
    }

    for (n = 0; n < kafka->n; n++) {
        if (mlops_str_eq(&kafka->keys[n], name->data, name->len)) {
            return mlops_plan_wrong(call, 0, "\"%.*s\" is duplicate%s",
                                    mlops_fmt(name), call->place);
        }
    }

    if (mlops_plan_kafka_fixed(call) != MLOPS_OK
        || mlops_plan_kafka_value(call) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    kafka->keys[kafka->n] = *name;
    kafka->values[kafka->n] = node->args[1];
    kafka->n++;

    return MLOPS_OK;
}


static int
mlops_plan_kafka_fixed(mlops_plan_call_t *call)
{
    size_t        i;
    const char   *fixed;
    mlops_str_t  *name;

    name = &call->node->args[0];

    for (i = 0; i < mlops_nitems(mlops_plan_fixed); i++) {
        fixed = mlops_plan_fixed[i].name;

        if (mlops_str_eq(name, fixed, strlen(fixed))) {
            return mlops_plan_wrong(call, 0, "\"%s\" cannot be set%s: %s",
                                    fixed, call->place,
                                    mlops_plan_fixed[i].why);
        }
    }

    return MLOPS_OK;
}


/* The value is never shown: it may be a secret. */

static int
mlops_plan_kafka_value(mlops_plan_call_t *call)
{
    mlops_str_t  *name, *value, path;

    name = &call->node->args[0];
    value = &call->node->args[1];

    if (value->len == 0) {
        return mlops_plan_wrong(call, 1, "the value of \"%.*s\"%s is empty",
                                mlops_fmt(name), call->place);
    }

    if (mlops_plan_starts(value, "file:")) {
        path.data = value->data + 5;
        path.len = value->len - 5;

        if (path.len < 2 || path.data[0] != '/'
            || path.len >= MLOPS_PLAN_PATH_SIZE
            || memchr(path.data, '\0', path.len) != NULL)
        {
            return mlops_plan_wrong(call, 1, "invalid path \"%.*s\" of "
                                    "\"%.*s\"%s: expected \"file:\" and an "
                                    "absolute path", mlops_fmt(value),
                                    mlops_fmt(name), call->place);
        }

        return MLOPS_OK;
    }

    if (mlops_plan_starts(value, "env:")) {

        if (value->len == 4
            || memchr(value->data, '=', value->len) != NULL
            || memchr(value->data, '\0', value->len) != NULL)
        {
            return mlops_plan_wrong(call, 1, "invalid variable \"%.*s\" of "
                                    "\"%.*s\"%s: expected \"env:\" and a name"
                                    " of the environment", mlops_fmt(value),
                                    mlops_fmt(name), call->place);
        }

        return MLOPS_OK;
    }

    if (mlops_plan_kafka_secret(name)) {
        return mlops_plan_wrong(call, 1, "\"%.*s\"%s is a secret, and would "
                                "stand in plan.json: expected where the "
                                "worker reads it, \"file:/path\" or "
                                "\"env:NAME\"", mlops_fmt(name), call->place);
    }

    return MLOPS_OK;
}


/* Does the name say that the value is one?  Where a secret lies or is asked
 * for is none. */

static int
mlops_plan_kafka_secret(const mlops_str_t *name)
{
    if (mlops_str_is(name, "sasl.oauthbearer.config")) {
        return 1;
    }

    if (mlops_plan_part(name, "location") || mlops_plan_part(name, "url")) {
        return 0;
    }

    return memmem(name->data, name->len, "password", 8) != NULL
           || memmem(name->data, name->len, "secret", 6) != NULL
           || mlops_plan_part(name, "token")
           || mlops_plan_part(name, "key");
}


static int
mlops_plan_starts(const mlops_str_t *s, const char *prefix)
{
    size_t  len;

    len = strlen(prefix);

    return s->len >= len && memcmp(s->data, prefix, len) == 0;
}


/* Is the word one of the parts between dots, underscores and dashes? */

static int
mlops_plan_part(const mlops_str_t *s, const char *word)
{
    size_t  i, len, start;

    len = strlen(word);
    start = 0;

    for (i = 0; i <= s->len; i++) {

        if (i < s->len && strchr("._-", s->data[i]) == NULL) {
            continue;
        }

        if (i - start == len && memcmp(s->data + start, word, len) == 0) {
            return 1;
        }

        start = i + 1;
    }

    return 0;
}
