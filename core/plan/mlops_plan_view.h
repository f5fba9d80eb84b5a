/*
 * Feature views, as declared: mlops_kafka, mlops_view, and the join of a
 * model.
 *
 * A view says which events are read, which field is the entity, which is the
 * event time, and which features are computed.  Everything that both nginx
 * and the workers have to agree on is decided here: the columns of the
 * table, the fields that are read of an event, the identity (hash) of every
 * feature and of the view, and the sizes of a state and of a table row.
 *
 * Times are int64 microseconds since 1970-01-01 UTC, spans are microseconds.
 */

#ifndef MLOPS_PLAN_VIEW_H
#define MLOPS_PLAN_VIEW_H


#include "mlops_base.h"
#include "mlops_row.h"


#define MLOPS_NO_FIELD          UINT32_MAX

#define MLOPS_HOPS_MAX          64          /* hops of a window */
#define MLOPS_KEY_BYTES_MAX     512         /* of a string entity */
#define MLOPS_KEY_BYTES_DEFAULT 64
#define MLOPS_STRING_BYTES_MAX  512         /* of a BYTES feature */
#define MLOPS_STRING_BYTES_DEFAULT  32
#define MLOPS_LAST_K_MAX        1024        /* k of last_k */
#define MLOPS_BARS_MAX          4096        /* bars and spans of bars */
#define MLOPS_BINS_MIN          16          /* of a quantile */
#define MLOPS_BINS_MAX          4096
#define MLOPS_BINS_DEFAULT      512
#define MLOPS_PRECISION_MIN     4           /* of approx_distinct */
#define MLOPS_PRECISION_MAX     14
#define MLOPS_PRECISION_DEFAULT 10
#define MLOPS_SHARDS_MAX        64
#define MLOPS_ENTITIES_MAX      1000000000
#define MLOPS_PARTITIONS_MAX    1024
#define MLOPS_VIEW_COLUMNS_MAX  1024
#define MLOPS_WHERE_OPS_MAX     64


typedef struct mlops_plan_node_s  mlops_plan_node_t;


/* mlops_kafka NAME { property value; … }: librdkafka's own property names;
 * a value file:PATH or env:NAME is read by the sidecar, never by nginx. */

typedef struct {
    mlops_str_t          name;
    mlops_plan_node_t   *node;
    uint32_t             n;
    mlops_str_t         *keys;
    mlops_str_t         *values;
} mlops_plan_kafka_t;


/*
 * A filter, in postfix order.  Comparisons take field and literal; the others
 * take what is on the stack.  A comparison with a field that is missing or
 * null is false, MLOPS_WHERE_IS_NULL alone is true.
 */

typedef enum {
    MLOPS_WHERE_EQ = 0,
    MLOPS_WHERE_NE,
    MLOPS_WHERE_LT,
    MLOPS_WHERE_LE,
    MLOPS_WHERE_GT,
    MLOPS_WHERE_GE,
    MLOPS_WHERE_IS_NULL,
    MLOPS_WHERE_NOT_NULL,
    MLOPS_WHERE_AND,
    MLOPS_WHERE_OR,
    MLOPS_WHERE_NOT
} mlops_where_kind_t;


typedef struct {
    mlops_where_kind_t   kind;
    uint32_t             field;         /* column of view->event */
    mlops_cell_t         number;        /* the literal, of the field's kind;
                                           true and false are 1 and 0 */
    mlops_str_t          text;          /* of a BYTES field */
} mlops_where_op_t;


typedef struct {
    uint32_t             n;
    mlops_where_op_t    *ops;
    mlops_str_t          text;          /* as written */
} mlops_where_t;


typedef enum {
    MLOPS_FUNC_COUNT = 0,       /* count() */
    MLOPS_FUNC_SUM,             /* sum(f) */
    MLOPS_FUNC_MEAN,            /* mean(f) */
    MLOPS_FUNC_MIN,             /* min(f) */
    MLOPS_FUNC_MAX,             /* max(f) */
    MLOPS_FUNC_VARIANCE,        /* variance(f): sample */
    MLOPS_FUNC_STD,             /* std(f) */
    MLOPS_FUNC_FIRST,           /* first(f): by (event time, offset) */
    MLOPS_FUNC_LAST,            /* last(f) */
    MLOPS_FUNC_LAST_K,          /* last_k(f, k): NAME_1 is the newest */
    MLOPS_FUNC_RATE,            /* rate(): count a second of the window */
    MLOPS_FUNC_DECAYED_SUM,     /* decayed_sum(f, half_life) */
    MLOPS_FUNC_APPROX_DISTINCT, /* approx_distinct(f): HyperLogLog */
    MLOPS_FUNC_QUANTILE,        /* quantile(f, p): DDSketch, 1 % */
    MLOPS_FUNC_RATIO,           /* ratio(a, b): two features of the view */
    MLOPS_FUNC_OPEN,            /* open(f): of the last closed bar */
    MLOPS_FUNC_HIGH,
    MLOPS_FUNC_LOW,
    MLOPS_FUNC_CLOSE,
    MLOPS_FUNC_EMA,             /* ema(f, span), or "com=9" */
    MLOPS_FUNC_SMA,             /* sma(f, bars) */
    MLOPS_FUNC_MACD,            /* macd(f, fast, slow) */
    MLOPS_FUNC_RSI,             /* rsi(f, bars): Wilder's */
    MLOPS_FUNC_STOCHASTIC,      /* stochastic(f, bars): %K */
    MLOPS_FUNC_N
} mlops_func_t;

/* Functions of closed tumbling windows: window= is the length of a bar, and
 * a window without events makes none. */

#define mlops_func_is_bar(func)  ((func) >= MLOPS_FUNC_OPEN)


/*
 * What part of time a window covers at q:
 *
 *     ALL        (-inf, q)
 *     SLIDING    [floor(q - window, hop), q)
 *     HOPPING    [floor(q, hop) - window, floor(q, hop))
 *     TUMBLING   the same with hop = window: the last one that is closed
 */

typedef enum {
    MLOPS_SPAN_ALL = 0,
    MLOPS_SPAN_SLIDING,
    MLOPS_SPAN_HOPPING,
    MLOPS_SPAN_TUMBLING
} mlops_span_t;


typedef struct {
    mlops_str_t          name;
    mlops_plan_node_t   *node;
    mlops_func_t         func;
    uint32_t             field;         /* column of view->event, or
                                           MLOPS_NO_FIELD; functions of
                                           numbers take INT64 and FP64 */
    uint32_t             of[2];         /* ratio: numbers of features that
                                           stand before it */
    mlops_type_t         type;          /* of its columns: INT64, FP64,
                                           BYTES */
    uint32_t             first;         /* its first column in view->row */
    uint32_t             width;         /* columns: 1, or k of last_k */
    mlops_span_t         span;
    int64_t              window_us;     /* 0 where span is ALL */
    int64_t              hop_us;        /* 0 where span is ALL, but for
                                           decayed_sum, whose value is that of
                                           floor(q, hop) */
    double               p;             /* quantile's; a bar's alpha: ema
                                           2 / (span + 1), 1 / (1 + com) */
    int64_t              half_life_us;
    uint32_t             k[2];          /* last_k; bars; macd's two spans */
    uint32_t             bins;          /* quantile; default 512 */
    uint32_t             precision;     /* approx_distinct; default 10 */
    uint32_t             bytes;         /* longest string of a BYTES type */
    const mlops_where_t *where;         /* or NULL */

    uint64_t             hash;          /* identity: all of the above that
                                           changes a value, and the view's
                                           base_hash */
    uint32_t             state_bytes;   /* private to the worker, multiple
                                           of 8; by mlops_view_layout */
    uint32_t             state;         /* its offset in a state */
} mlops_plan_feature_t;


typedef enum {
    MLOPS_FORMAT_JSON = 0,
    MLOPS_FORMAT_CLOUDEVENTS,   /* binary or structured, as each record says */
    MLOPS_FORMAT_CSV            /* of batch views and files */
} mlops_format_t;               /* later: Debezium, Avro, Protobuf */


typedef enum {
    MLOPS_CLOCK_WALL = 0,
    MLOPS_CLOCK_EVENT           /* of the row's partition */
} mlops_view_clock_t;


typedef enum {
    MLOPS_ROLE_COMPUTE = 0,
    MLOPS_ROLE_FOLLOW           /* rows come from features.<view> */
} mlops_role_t;


/* mlops_view NAME { … } */

typedef struct {
    mlops_str_t            name;
    mlops_plan_node_t     *node;

    /* source kafka=NAME topic=… [format=…] [type=…] [group=…] */
    /* source file=PATH: a batch view, format CSV; kafka is NULL */
    mlops_plan_kafka_t    *kafka;       /* good after mlops_plan_finish */
    mlops_str_t            kafka_name;
    mlops_str_t            topic;
    mlops_str_t            group;       /* len 0: manual assignment */
    mlops_format_t         format;
    mlops_str_t            event_type;  /* CloudEvents' type; len 0: any */
    mlops_str_t            file;        /* batch */

    /* entity NAME int64|string [bytes=64] */
    uint32_t               entity;      /* column of event */
    mlops_type_t           entity_type; /* INT64 or BYTES */
    uint32_t               entity_bytes;    /* longest key; 8 for INT64 */

    /* event_time NAME [unit=s|ms|us|ns|iso] [lateness=…] [skew=…] */
    uint32_t               time;        /* column of event; NO_FIELD in a
                                           batch view without one */
    double                 unit_us;     /* microseconds of one unit: 1e6,
                                           1000, 1, 0.001; 0: RFC 3339 text */
    int64_t                tick_us;     /* one unit, at least 1 */
    int64_t                lateness_us; /* default 0 */
    int64_t                skew_us;     /* default 1 minute */

    mlops_view_clock_t     clock;

    /* dedupe FIELD within=10m [max=1000000] */
    uint32_t               dedupe;      /* column of event, or NO_FIELD */
    int64_t                within_us;
    uint32_t               dedupe_max;

    uint32_t               features_n;
    mlops_plan_feature_t  *features;

    int64_t                ttl_us;      /* 0: none */
    uint32_t               max_entities;    /* default 1000000 */
    uint32_t               shards;      /* default 1 */
    mlops_role_t           role;
    mlops_str_t            publish;     /* topic of finished rows, or len 0 */
    mlops_str_t            dead;        /* topic of dead letters; default
                                           <topic>.dlq; "off" is len 0 */
    unsigned               log:1;       /* keep the offline log */
    unsigned               sets:2;      /* value sets of a row: 2 where a
                                           feature changes at closed windows,
                                           see mlops_table.h */

    mlops_schema_t         event;       /* the fields that are read: entity,
                                           time, dedupe, of features, of
                                           filters; types FP64, INT64, BYTES;
                                           none is required */
    mlops_schema_t         row;         /* the columns of the table */

    uint64_t               base_hash;   /* source, format, type, entity, time,
                                           lateness, skew, clock, dedupe,
                                           shards */
    uint64_t               hash;        /* base_hash, ttl, and all features in
                                           order with their names */
    uint32_t               state_bytes; /* of one entity */
    uint32_t               row_bytes;   /* of one entity in the table, index
                                           included; by mlops_table_bytes */
} mlops_plan_view_t;


/* join VIEW key=… [prefix=…|suffix=…] [max_age=…] [missing=…] [timeout=…]
 * [override=a,b], in mlops_model */

typedef enum {
    MLOPS_KEY_COLUMN = 0,       /* of the request, a model input or not */
    MLOPS_KEY_VARIABLE,         /* $name: nginx evaluates it */
    MLOPS_KEY_CONSTANT          /* 'text' */
} mlops_key_source_t;

typedef enum {
    MLOPS_MISSING_DEFAULT = 0,
    MLOPS_MISSING_NULL,
    MLOPS_MISSING_REFUSE
} mlops_missing_t;

typedef struct {
    mlops_str_t                view_name;
    mlops_plan_node_t         *node;
    const mlops_plan_view_t   *view;    /* good after mlops_plan_finish */
    mlops_key_source_t         source;
    mlops_str_t                key;     /* the column, the whole text with
                                           "$", or the constant */
    mlops_str_t                prefix;
    mlops_str_t                suffix;
    int64_t                    max_age_us;  /* 0: the view's ttl alone */
    mlops_missing_t            missing;
    uint64_t                   timeout_ms;  /* for stores that wait; the
                                               shared table never does */
    uint32_t                   override_n;
    mlops_str_t               *override;
} mlops_plan_join_t;


/*
 * Lays out the state of one entity: sets state_bytes and state of every
 * feature, and view->state_bytes.  Part of the plan, because nginx -t prints
 * it; workers/window relies on it.  Called once features, fields and types
 * are known.
 */
int mlops_view_layout(mlops_plan_view_t *view, mlops_err_t *err);

/* "count" and so on. */
const char *mlops_func_name(mlops_func_t func);


#endif /* MLOPS_PLAN_VIEW_H */
