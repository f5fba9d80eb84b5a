/*
 * Joins: names that become numbers, bodies that leave columns out, keys,
 * values, statuses.
 */

#include "unit.h"
#include "request.h"
#include "tables.h"
#include "views.h"

#include "mlops_join.h"


#define NOW  1700000000000000ll
#define SEC  1000000ll


/* A plan with its tables, and a request of one model. */

typedef struct {
    request_t              r;
    mlops_plan_t          *plan;
    mlops_plan_model_t    *model;
    mlops_joined_t        *joined;
    int                    dir;
    mlops_tables_t         views[4];
    mlops_tables_t        *tables[8];       /* by join */
    mlops_str_t            values[8];       /* by join */
    mlops_join_notice_t    notice;
    mlops_join_call_t      call;
    int                    rc;
} join_t;


static void
join_open(join_t *j, const char *plan, const char *inputs)
{
    uint32_t                   i, k, n;
    mlops_tables_t            *tables;
    const mlops_plan_view_t   *view;

    memset(j, 0, sizeof(*j));

    request_open(&j->r, inputs, "y:FP64:1");

    j->plan = test_plan_good(plan);
    j->model = j->plan->models;
    j->dir = tables_dir();

    for (i = 0; i < j->plan->views_n; i++) {
        view = &j->plan->views[i];
        tables = &j->views[i];

        tables->view = view;
        tables->shards = calloc(view->shards, sizeof(mlops_table_t *));
        tables->cells = calloc(view->row.n, sizeof(mlops_cell_t));
        tables->present = calloc(mlops_row_words(view->row.n), 8);

        n = view->shards;

        for (k = 0; k < n; k++) {
            tables->shards[k] = tables_create(j->dir, view, 100);
        }

        tables->text = malloc(mlops_table_text_size(tables->shards[0]));
    }

    for (i = 0; i < j->model->joins_n; i++) {
        j->tables[i] = &j->views[j->model->joins[i].view - j->plan->views];
    }
}


static void
join_resolve(join_t *j)
{
    j->joined = mlops_joined_create(&j->r.face, j->model->joins,
                                    j->model->joins_n, &j->r.arena,
                                    &j->r.err);
    unit_ok(j->joined != NULL, "%s", j->r.err.text);

    j->r.face = *mlops_joined_interface(j->joined);
}


static void
join_start(join_t *j, const char *plan, const char *inputs)
{
    join_open(j, plan, inputs);
    join_resolve(j);
}


static void
join_close(join_t *j)
{
    uint32_t  i;

    for (i = 0; i < j->plan->views_n; i++) {
        mlops_table_close(j->views[i].shards[0]);
        free(j->views[i].shards);
        free(j->views[i].cells);
        free(j->views[i].present);
        free(j->views[i].text);
    }

    close(j->dir);
    request_close(&j->r);
}


/* Doubles for all columns, NAN for none; integers of INT64 columns, too. */

static void
join_put(join_t *j, uint32_t view, mlops_key_t key, int64_t event_us,
    int64_t valid_us, const double *values)
{
    uint32_t              i, hint;
    uint64_t              present[4];
    mlops_cell_t          cells[64];
    mlops_table_row_t     row;
    const mlops_schema_t *schema;

    schema = &j->views[view].view->row;
    memset(&row, 0, sizeof(row));
    memset(present, 0, sizeof(present));

    for (i = 0; i < schema->n; i++) {

        if (schema->columns[i].type == MLOPS_TYPE_INT64) {
            cells[i].i = isnan(values[i]) ? 0 : (int64_t) values[i];

        } else {
            cells[i].f = values[i];
        }

        if (!isnan(values[i])) {
            mlops_bit_set(present, i);
        }
    }

    row.event_us = event_us;
    row.valid_us = valid_us;
    row.switch_us = INT64_MAX;
    row.partition = -1;
    row.cells = cells;
    row.present = present;
    hint = UINT32_MAX;

    assert_int_equal(mlops_table_put(j->views[view].shards[0], &key,
                         mlops_key_hash(j->views[view].view->entity_type,
                                        &key),
                         &hint, &row),
                     MLOPS_OK);
}

#define join_row(j, view, key, ...)                                           \
    join_put(j, view, key, NOW - SEC, INT64_MAX,                              \
             (const double []) { __VA_ARGS__ })


/* Reads and joins. */

static int
join_run(join_t *j, int door, const char *body)
{
    (void) request_read(&j->r, door, body);
    unit_ok(j->r.rc == MLOPS_OK, "%s\n%s", body, j->r.err.text);

    memset(&j->call, 0, sizeof(j->call));

    j->call.joined = j->joined;
    j->call.signature = (uint32_t) (j->r.req.signature
                                    - j->r.face.signatures);
    j->call.rows = &j->r.req.rows;
    j->call.text_len = strlen(body);
    j->call.values = j->values;
    j->call.tables = j->tables;
    j->call.now_us = NOW;
    j->call.notice = &j->notice;
    j->call.arena = &j->r.arena;
    j->call.err = &j->r.err;

    j->rc = mlops_join_rows(&j->call);

    return j->rc;
}


static void
join_cells(join_t *j, int door, const char *body, uint32_t n,
    const double *cells)
{
    int                    present;
    double                 got;
    uint32_t               i, k, width;
    const mlops_schema_t  *schema;

    (void) join_run(j, door, body);
    unit_ok(j->rc == MLOPS_OK, "%s\n%s", body, j->r.err.text);
    unit_ok(j->r.req.rows.n == n, "%s\n%u rows", body, j->r.req.rows.n);

    schema = j->r.req.rows.schema;
    width = schema->n;

    for (i = 0; i < n; i++) {
        for (k = 0; k < width; k++) {
            present = mlops_bit(j->r.req.rows.present
                                + (size_t) i * j->r.req.rows.words, k);
            got = mlops_cell_number(schema->columns[k].kind,
                                    j->r.req.rows.cells[i * width + k],
                                    present);

            unit_ok(isnan(cells[i * width + k])
                    ? isnan(got) : got == cells[i * width + k],
                    "%s\nrow %u column %u: %.17g, expected %.17g", body, i, k,
                    got, cells[i * width + k]);
        }
    }
}

#define join_numbers(j, door, body, n, ...)                                   \
    join_cells(j, door, body, n, (const double []) { __VA_ARGS__ })


static void
join_refused(join_t *j, int door, const char *body, int field,
    const char *text)
{
    (void) join_run(j, door, body);

    unit_ok(j->rc == MLOPS_ERROR, "%s\nis taken", body);
    unit_ok(strcmp(j->r.err.text, text) == 0, "%s\n%s\nexpected %s", body,
            j->r.err.text, text);
    assert_int_equal(j->call.field, field);
}


#define RIDES                                                                 \
    "mlops_view rides {"                                                      \
    "    source kafka=main topic=rides;"                                      \
    "    entity driver_id int64;"                                             \
    "    event_time ts unit=ms;"                                              \
    "    feature n count() window=1h;"                                        \
    "    feature fare sum(fare) window=1h;"                                   \
    "    feature last last(fare);"                                            \
    "    ttl 1h;"                                                             \
    "}"

#define CITIES                                                                \
    "mlops_view cities {"                                                     \
    "    source kafka=main topic=cities;"                                     \
    "    entity city string bytes=16;"                                        \
    "    event_time ts unit=ms;"                                              \
    "    feature heat last(heat);"                                            \
    "    feature zone last(zone) type=string bytes=8;"                        \
    "}"


static const mlops_column_t *
join_column(join_t *j, uint32_t i)
{
    return &j->r.face.signatures[0].inputs.columns[i];
}


static void
test_names(void **state)
{
    join_t  j;

    (void) state;

    /* a prefix, a suffix, the same view twice, keys that are no inputs */

    join_start(&j, RIDES CITIES
               "mlops_model m {"
               "    join rides key=driver prefix=d_;"
               "    join rides key=other suffix=_o missing=null;"
               "    join cities key=driver;"
               "}",
               "d_n:FP64 age:FP32 fare_o:FP64=3 heat:FP64=7 n:FP64");

    assert_int_equal(j.r.face.n, 1);
    assert_int_equal(j.r.face.signatures[0].keys_n, 2);
    assert_int_equal(j.r.face.signatures[0].inputs.n, 7);

    assert_int_equal(join_column(&j, 0)->flags, MLOPS_COLUMN_JOINED);
    assert_int_equal(join_column(&j, 1)->flags, 0);

    /* missing=null: the default is out of use */

    assert_int_equal(join_column(&j, 2)->flags, MLOPS_COLUMN_JOINED);
    assert_int_equal(join_column(&j, 3)->flags,
                     MLOPS_COLUMN_JOINED|MLOPS_COLUMN_DEFAULT);

    /* "n" would come without a prefix */

    assert_int_equal(join_column(&j, 4)->flags, 0);

    /* the first join says what type the key has */

    assert_int_equal(join_column(&j, 5)->flags, MLOPS_COLUMN_KEY);
    assert_int_equal(join_column(&j, 5)->type, MLOPS_TYPE_INT64);
    unit_ok(mlops_str_is(&join_column(&j, 5)->name, "driver"), "driver");
    unit_ok(mlops_str_is(&join_column(&j, 6)->name, "other"), "other");

    assert_null(mlops_joined_note(j.joined, 0));
    assert_null(mlops_joined_note(j.joined, 1));
    assert_null(mlops_joined_note(j.joined, 2));

    join_close(&j);
}


static void
test_notes(void **state)
{
    join_t  j;

    (void) state;

    join_start(&j, RIDES CITIES
               "mlops_model m {"
               "    join rides key=driver prefix=d_;"
               "    join cities key=city;"
               "}", "zone:FP64 n:FP64");

    /* neither asks for its key */

    assert_int_equal(j.r.face.signatures[0].keys_n, 0);
    assert_string_equal(mlops_joined_note(j.joined, 0),
                        "fills nothing: no input of the model has the name of"
                        " a column of view \"rides\" with the prefix");
    assert_string_equal(mlops_joined_note(j.joined, 1),
                        "does not fill \"zone\": the input is FP64, column "
                        "\"zone\" of view \"cities\" is BYTES");

    join_numbers(&j, MLOPS_DOOR_ANY, "{\"zone\":1,\"n\":2}", 1, 1, 2);

    join_close(&j);
}


static void
test_dialects(void **state)
{
    uint32_t  i;
    join_t    j;

    static const struct {
        int          door;
        const char  *body;
    } bodies[] = {
        { MLOPS_DOOR_ANY, "{\"driver\":7}" },
        { MLOPS_DOOR_ANY, "[{\"driver\":7}]" },
        { MLOPS_DOOR_V1, "{\"instances\":[{\"driver\":7}]}" },
        { MLOPS_DOOR_V1, "{\"inputs\":{\"driver\":[7]}}" },
        { MLOPS_DOOR_V1, "{\"inputs\":{\"driver\":7}}" },
        { MLOPS_DOOR_V1, "{\"instances\":[[null,null,7]]}" },
        { MLOPS_DOOR_V2, "{\"inputs\":[{\"name\":\"driver\",\"shape\":[1],"
                         "\"datatype\":\"INT64\",\"data\":[7]}]}" },
        { MLOPS_DOOR_MLFLOW, "{\"dataframe_records\":[{\"driver\":7}]}" },
        { MLOPS_DOOR_MLFLOW, "{\"dataframe_split\":{\"columns\":[\"driver\"],"
                             "\"data\":[[7]]}}" },
        { MLOPS_DOOR_MLFLOW, "{\"dataframe_split\":{\"data\":"
                             "[[null,null,7]]}}" },
        { -1, "driver\n7\n" }
    };

    (void) state;

    join_start(&j, RIDES "mlops_model m { join rides key=driver; }",
               "n:FP64 last:FP32");
    join_row(&j, 0, tables_number(7), 3, 41.5, 0.1);

    for (i = 0; i < mlops_nitems(bodies); i++) {
        join_numbers(&j, bodies[i].door, bodies[i].body, 1, 3, (float) 0.1,
                     7);
    }

    /* inputs alone: nothing is looked up */

    join_numbers(&j, MLOPS_DOOR_ANY, "{\"n\":1,\"last\":2}", 1, 1, 2, NAN);
    join_numbers(&j, MLOPS_DOOR_V1, "{\"instances\":[[1,2],[3,4,7]]}", 2,
                 1, 2, NAN, 3, (float) 0.1, 7);
    join_numbers(&j, MLOPS_DOOR_V2,
                 "{\"inputs\":[{\"name\":\"x\",\"shape\":[2,2],"
                 "\"datatype\":\"FP32\",\"data\":[1,2,3,4]}]}", 2,
                 1, 2, NAN, 3, 4, NAN);

    request_refused(&j.r, MLOPS_DOOR_ANY, "{\"n\":1}", "driver: missing");
    request_refused(&j.r, MLOPS_DOOR_ANY, "{\"n\":1,\"drivr\":7}",
                    "driver: missing; the unknown name \"drivr\" comes "
                    "close");
    request_refused(&j.r, MLOPS_DOOR_ANY, "{}", "driver: missing");
    request_refused(&j.r, MLOPS_DOOR_ANY, "{\"driver\":\"7\"}",
                    "driver: expected an integer, got \"7\"");
    request_refused(&j.r, MLOPS_DOOR_V1, "{\"instances\":[[1]]}",
                    "expected 2 values, or 3 with the keys of joins, got 1");
    request_refused(&j.r, MLOPS_DOOR_V1, "{\"instances\":[[1,2,3,4]]}",
                    "expected 2 values, or 3 with the keys of joins, got "
                    "more");
    request_refused(&j.r, MLOPS_DOOR_V2,
                    "{\"inputs\":[{\"name\":\"n\",\"shape\":[1],"
                    "\"datatype\":\"FP64\",\"data\":[7]}]}",
                    "input \"driver\": missing");
    request_refused(&j.r, MLOPS_DOOR_V2,
                    "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,4],"
                    "\"datatype\":\"FP64\",\"data\":[1,2,3,4]}]}",
                    "shape [-1,2] for all columns, got shape [1,4]");
    request_refused(&j.r, -1, "n\n1\n", "driver: missing");

    join_close(&j);
}


/* Enough inputs for the fast way through bare numbers. */

static void
test_bulk(void **state)
{
    join_t  j;

    (void) state;

    join_start(&j, RIDES "mlops_model m { join rides key=driver; }",
               "a:FP64 b:FP64 c:FP64 d:FP64 n:FP64");
    join_row(&j, 0, tables_number(12345678), 9, 1, 1);

    join_numbers(&j, MLOPS_DOOR_V1,
                 "{\"signature_name\":\"serving_default\",\"instances\":"
                 "[[1.25, 2, 3, 4, 5],[1.5, 2, 3, 4, 5, 12345678],"
                 "[ 1,2,3,4,5 ],[1,2,3,4,null,12345678]]}", 4,
                 1.25, 2, 3, 4, 5, NAN, 1.5, 2, 3, 4, 9, 12345678,
                 1, 2, 3, 4, 5, NAN, 1, 2, 3, 4, 9, 12345678);
    request_refused(&j.r, MLOPS_DOOR_V1,
                    "{\"signature_name\":\"serving_default\",\"instances\":"
                    "[[1.25, 2, 3, 4]]}", "got 4");

    join_close(&j);
}


static void
test_one_input(void **state)
{
    join_t  j;

    (void) state;

    join_start(&j, RIDES "mlops_model m { join rides key=driver; }",
               "n:FP64");
    join_row(&j, 0, tables_number(2), 5, 1, 1);

    join_numbers(&j, MLOPS_DOOR_V1, "{\"instances\":[1,2]}", 2,
                 1, NAN, 2, NAN);
    join_numbers(&j, MLOPS_DOOR_V1, "{\"instances\":[[1,2],[1]]}", 2,
                 5, 2, 1, NAN);
    join_numbers(&j, MLOPS_DOOR_V2,
                 "{\"inputs\":[{\"name\":\"x\",\"shape\":[2],"
                 "\"datatype\":\"FP64\",\"data\":[1,2]}]}", 2,
                 1, NAN, 2, NAN);

    join_close(&j);
}


static void
test_values(void **state)
{
    join_t  j;

    (void) state;

    join_start(&j, RIDES
               "mlops_model m { join rides key=driver override=fare; }",
               "n:FP64 fare:FP64 last:FP64 own:FP64");
    join_row(&j, 0, tables_number(1), 3, 41.5, 12);
    join_row(&j, 0, tables_number(2), 4, NAN, NAN);

    /* stored values win, but for fare; own stays */

    join_numbers(&j, MLOPS_DOOR_ANY,
                 "{\"driver\":1,\"n\":100,\"fare\":100,\"last\":100,"
                 "\"own\":100}", 1, 3, 100, 12, 100, 1);
    join_numbers(&j, MLOPS_DOOR_ANY, "{\"driver\":1,\"own\":1,\"fare\":null}",
                 1, 3, 41.5, 12, 1, 1);

    /* no stored value: the body's */

    join_numbers(&j, MLOPS_DOOR_ANY,
                 "{\"driver\":2,\"n\":100,\"fare\":100,\"last\":100,"
                 "\"own\":100}", 1, 4, 100, 100, 100, 2);
    join_numbers(&j, MLOPS_DOOR_ANY, "{\"driver\":2,\"own\":1}", 1,
                 4, NAN, NAN, 1, 2);
    assert_int_equal(j.notice.missing_rows, 0);

    /* no entity: the body's */

    join_numbers(&j, MLOPS_DOOR_ANY, "{\"driver\":3,\"n\":1,\"own\":1}", 1,
                 1, NAN, NAN, 1, 3);
    assert_int_equal(j.notice.missing_rows, 1);
    assert_int_equal(j.notice.missing_columns[0], 6);

    /* no key */

    join_numbers(&j, MLOPS_DOOR_ANY, "{\"driver\":null,\"own\":1}", 1,
                 NAN, NAN, NAN, 1, NAN);
    assert_int_equal(j.notice.missing_rows, 1);
    assert_int_equal(j.notice.missing_columns[0], 7);

    assert_int_equal(j.views[0].counts[MLOPS_STATUS_PRESENT], 4);
    assert_int_equal(j.views[0].counts[MLOPS_STATUS_NOT_FOUND], 2);

    request_refused(&j.r, MLOPS_DOOR_ANY, "{\"driver\":1}", "own: missing");

    join_close(&j);
}


static void
test_types(void **state)
{
    join_t  j;

    (void) state;

    join_start(&j, "mlops_view v {"
               "    source kafka=main topic=t;"
               "    entity id int64;"
               "    event_time ts;"
               "    feature i8 last(a) type=int64;"
               "    feature u8 last(b) type=int64;"
               "    feature b last(c) type=int64;"
               "    feature f32 last(d) type=int64;"
               "    feature f64 last(e) type=int64;"
               "    feature ri last(f);"
               "    feature ru last(g);"
               "    feature rf last(h);"
               "}"
               "mlops_model m { join v key=id; }",
               "i8:INT8 u8:UINT8 b:BOOL f32:FP32 f64:FP64 ri:INT32 ru:UINT64 "
               "rf:FP32");

    join_row(&j, 0, tables_number(1), -128, 255, 1, 16777217, 9007199254740992,
             -5, 18446744073709549568.0, 0.1);
    join_numbers(&j, MLOPS_DOOR_ANY, "{\"id\":1}", 1, -128, 255, 1, 16777216,
                 9007199254740992, -5, 18446744073709549568.0, (float) 0.1,
                 1);

    /* out of range, no whole number, too large for a float: no value */

    join_row(&j, 0, tables_number(2), 128, 256, 2, 16777219, -3, 2.5, -1,
             1e39);
    join_numbers(&j, MLOPS_DOOR_ANY, "{\"id\":2}", 1, NAN, NAN, NAN, 16777220,
                 -3, NAN, NAN, NAN, 2);

    join_row(&j, 0, tables_number(3), -129, -1, -1, 0, 0, 2147483648.0,
             18446744073709551616.0, INFINITY);
    join_numbers(&j, MLOPS_DOOR_ANY, "{\"id\":3}", 1, NAN, NAN, NAN, 0, 0,
                 NAN, NAN, NAN, 3);

    join_close(&j);
}


static void
join_city(join_t *j, uint32_t view, const char *city, double heat,
    const char *zone)
{
    uint32_t            hint;
    uint64_t            present;
    mlops_key_t         key;
    mlops_cell_t        cells[2];
    mlops_table_row_t   row;

    memset(&row, 0, sizeof(row));

    key = tables_text(city);
    present = 3;
    cells[0].f = heat;
    cells[1].s.off = 0;
    cells[1].s.len = (uint32_t) strlen(zone);

    row.event_us = NOW;
    row.valid_us = INT64_MAX;
    row.partition = -1;
    row.cells = cells;
    row.present = &present;
    row.text = zone;
    hint = UINT32_MAX;

    assert_int_equal(mlops_table_put(j->views[view].shards[0], &key,
                                     mlops_key_hash(MLOPS_TYPE_BYTES, &key),
                                     &hint, &row),
                     MLOPS_OK);
}


static void
test_strings(void **state)
{
    char      body[4096], *p;
    join_t    j;
    uint32_t  i;

    (void) state;

    join_start(&j, CITIES "mlops_model m { join cities key=city; }",
               "heat:FP64 zone:BYTES name:BYTES");
    join_city(&j, 0, "K\xc3\xb6ln", 30, "west");
    join_city(&j, 0, "Ulm", 20, "");

    /* the key is written with an escape: the text is a copy already */

    assert_int_equal(join_run(&j, MLOPS_DOOR_ANY,
                              "[{\"city\":\"K\\u00f6ln\",\"name\":\"a\"},"
                              "{\"city\":\"Ulm\",\"zone\":\"x\",\"name\":"
                              "\"b\\n\"},{\"city\":\"Bonn\",\"name\":\"c\","
                              "\"zone\":\"own\"},"
                              "{\"city\":\"\",\"name\":\"d\"}]"),
                     MLOPS_OK);

    assert_string_equal(request_cell_text(&j.r, 0, 1), "west");
    assert_string_equal(request_cell_text(&j.r, 0, 2), "a");
    assert_string_equal(request_cell_text(&j.r, 1, 1), "");
    assert_string_equal(request_cell_text(&j.r, 1, 2), "b\n");
    assert_string_equal(request_cell_text(&j.r, 2, 1), "own");
    assert_string_equal(request_cell_text(&j.r, 3, 2), "d");
    assert_false(mlops_bit(j.r.req.rows.present + 3, 1));
    assert_int_equal(j.notice.missing_rows, 2);

    /* more than one group */

    p = body;
    p += sprintf(p, "city,name\n");

    for (i = 0; i < 100; i++) {
        p += sprintf(p, "%s,n%u\n", (i % 3) ? "K\xc3\xb6ln" : "Ulm", i);
    }

    assert_int_equal(join_run(&j, -1, body), MLOPS_OK);

    for (i = 0; i < 100; i++) {
        (void) sprintf(body, "n%u", i);
        assert_string_equal(request_cell_text(&j.r, i, 1),
                            (i % 3) ? "west" : "");
        assert_string_equal(request_cell_text(&j.r, i, 2), body);
    }

    join_close(&j);
}


static void
test_statuses(void **state)
{
    join_t  j;

    (void) state;

    join_start(&j, RIDES "mlops_model m {"
               "    join rides key=driver max_age=10m;"
               "}", "n:FP64=1 fare:FP64 x:FP64=0");

    join_put(&j, 0, tables_number(1), NOW - 601 * SEC, INT64_MAX,
             (const double []) { 1, 2, 3 });
    join_put(&j, 0, tables_number(2), NOW - 600 * SEC, NOW,
             (const double []) { 4, 5, 6 });
    join_put(&j, 0, tables_number(3), NOW, NOW + 1,
             (const double []) { 7, NAN, 9 });

    /* too old: default and none */

    join_numbers(&j, MLOPS_DOOR_ANY, "{\"driver\":1}", 1, NAN, NAN, NAN, 1);
    assert_int_equal(j.notice.missing_rows, 1);
    assert_int_equal(j.notice.missing_columns[0], 2);
    assert_int_equal(j.views[0].counts[MLOPS_STATUS_OUTSIDE_MAX_AGE], 1);

    /* of the last moment that counts, and stale since this one */

    join_numbers(&j, MLOPS_DOOR_ANY, "{\"driver\":2}", 1, 4, 5, NAN, 2);
    assert_int_equal(j.notice.stale_rows, 1);
    assert_int_equal(j.notice.stale_columns[0], 3);
    assert_int_equal(j.notice.missing_rows, 0);
    assert_int_equal(j.views[0].counts[MLOPS_STATUS_STALE], 1);

    join_numbers(&j, MLOPS_DOOR_ANY, "{\"driver\":3}", 1, 7, NAN, NAN, 3);
    assert_int_equal(j.notice.stale_rows, 0);

    mlops_table_set_warm(j.views[0].shards[0], 1, NOW + 1);

    join_numbers(&j, MLOPS_DOOR_ANY,
                 "[{\"driver\":1},{\"driver\":2},{\"driver\":3}]", 3,
                 NAN, NAN, NAN, 1, 4, 5, NAN, 2, 7, NAN, NAN, 3);
    assert_int_equal(j.notice.missing_rows, 1);
    assert_int_equal(j.notice.stale_rows, 1);
    assert_int_equal(j.notice.stale_columns[0], 1);
    assert_int_equal(j.notice.warming_rows, 2);
    assert_int_equal(j.notice.warming_columns[0], 2);

    /* no shard at all */

    mlops_table_close(j.views[0].shards[0]);
    j.views[0].shards[0] = NULL;

    join_numbers(&j, MLOPS_DOOR_ANY, "{\"driver\":3}", 1, NAN, NAN, NAN, 3);
    assert_int_equal(j.notice.missing_rows, 1);

    join_close(&j);
}


static void
test_refuse(void **state)
{
    join_t  j;

    (void) state;

    join_start(&j, RIDES "mlops_model m {"
               "    join rides key=driver max_age=10m missing=refuse;"
               "    join rides key=$arg_v prefix=v_ missing=refuse;"
               "}", "n:FP64=1 v_n:FP64");

    join_row(&j, 0, tables_number(1), 1, 2, 3);
    join_put(&j, 0, tables_number(2), NOW - 1812500000, INT64_MAX,
             (const double []) { 1, 2, 3 });

    assert_int_equal(mlops_joined_variable(j.joined, 0, 0), 0);
    assert_int_equal(mlops_joined_variable(j.joined, 0, 1), 1);

    j.values[1].data = "1";
    j.values[1].len = 1;

    join_numbers(&j, MLOPS_DOOR_ANY, "{\"driver\":1}", 1, 1, 1, 1);
    join_refused(&j, MLOPS_DOOR_ANY, "{\"driver\":9}", 0,
                 "view \"rides\" has no entity 9");
    join_refused(&j, MLOPS_DOOR_ANY, "[{\"driver\":1},{\"driver\":9}]", 0,
                 "view \"rides\" has no entity 9, row 1");
    join_refused(&j, MLOPS_DOOR_ANY, "{\"driver\":null}", 1,
                 "driver: expected an entity of view \"rides\", got none");
    join_refused(&j, MLOPS_DOOR_ANY, "{\"driver\":2}", 0,
                 "view \"rides\": entity 2 is too old: expected an event of "
                 "the last 600 s, got one of 1812.5 s ago");

    j.values[1].data = "1x";
    j.values[1].len = 2;

    join_refused(&j, MLOPS_DOOR_ANY, "{\"driver\":1}", 0,
                 "$arg_v: expected an int64, an entity of view \"rides\", "
                 "got 1x");

    j.values[1].len = 0;

    join_refused(&j, MLOPS_DOOR_ANY, "{\"driver\":1}", 0,
                 "$arg_v is empty: expected an entity of view \"rides\"");

    join_close(&j);
}


static void
test_keys(void **state)
{
    join_t  j;

    (void) state;

    /* an input is the key, of every type */

    join_start(&j, RIDES CITIES "mlops_model m {"
               "    join rides key=r prefix=r_;"
               "    join rides key=f prefix=f_;"
               "    join rides key=u prefix=u_;"
               "    join rides key=s prefix=s_;"
               "    join cities key=u suffix=_c;"
               "    join rides \"key='-4'\" prefix=c_;"
               "}", "r:FP64 f:FP32 u:UINT64 s:BYTES r_n:FP64 f_n:FP64 "
               "u_n:FP64 s_n:FP64 heat_c:FP64 c_n:FP64");

    assert_int_equal(j.r.face.signatures[0].keys_n, 0);

    join_row(&j, 0, tables_number(9007199254740991), 1, 1, 1);
    join_row(&j, 0, tables_number(16777215), 2, 1, 1);
    join_row(&j, 0, tables_number(INT64_MAX), 3, 1, 1);
    join_row(&j, 0, tables_number(-9007199254740993), 4, 1, 1);
    join_row(&j, 0, tables_number(-4), 6, 1, 1);
    join_city(&j, 1, "9223372036854775807", 5, "");

    join_numbers(&j, MLOPS_DOOR_ANY,
                 "{\"r\":9007199254740991,\"f\":16777215,"
                 "\"u\":9223372036854775807,\"s\":\"-9007199254740993\"}", 1,
                 9007199254740991, 16777215, 9223372036854775807.0, NAN,
                 1, 2, 3, 4, 5, 6);

    join_refused(&j, MLOPS_DOOR_ANY,
                 "{\"r\":1.5,\"f\":1,\"u\":1,\"s\":\"1\"}", 1,
                 "r: expected an integer that FP64 holds, an entity of view "
                 "\"rides\", got 1.5");
    /* 2^53 + 1 and 2^24 + 1 round to these */

    join_refused(&j, MLOPS_DOOR_ANY,
                 "{\"r\":9007199254740993,\"f\":1,\"u\":1,\"s\":\"1\"}", 1,
                 "r: expected an integer that FP64 holds, an entity of view "
                 "\"rides\", got 9007199254740992.0");
    join_refused(&j, MLOPS_DOOR_ANY,
                 "{\"r\":1,\"f\":-16777217,\"u\":1,\"s\":\"1\"}", 1,
                 "f: expected an integer that FP32 holds, an entity of view "
                 "\"rides\", got -16777216.0");
    join_refused(&j, MLOPS_DOOR_ANY,
                 "{\"r\":9007199254740994,\"f\":1,\"u\":1,\"s\":\"1\"}", 1,
                 "r: expected an integer that FP64 holds, an entity of view "
                 "\"rides\", got 9007199254740994.0");
    join_refused(&j, MLOPS_DOOR_ANY,
                 "{\"r\":1,\"f\":16777218,\"u\":1,\"s\":\"1\"}", 1,
                 "f: expected an integer that FP32 holds, an entity of view "
                 "\"rides\", got 16777218.0");
    join_refused(&j, MLOPS_DOOR_ANY,
                 "{\"r\":1,\"f\":1,\"u\":9223372036854775808,\"s\":\"1\"}", 1,
                 "u: expected an int64, an entity of view \"rides\", got "
                 "9223372036854775808");
    join_refused(&j, MLOPS_DOOR_ANY,
                 "{\"r\":1,\"f\":1,\"u\":1,\"s\":\"x\"}", 1,
                 "s: expected an int64, an entity of view \"rides\", got "
                 "\"x\"");

    join_close(&j);
}


/* The entity of one view is found in another. */

static void
test_chain(void **state)
{
    join_t  j;

    (void) state;

    join_start(&j, "mlops_view drivers {"
               "    source kafka=main topic=d;"
               "    entity driver int64;"
               "    event_time ts;"
               "    feature fleet last(fleet) type=int64;"
               "}"
               "mlops_view fleets {"
               "    source kafka=main topic=f;"
               "    entity fleet int64;"
               "    event_time ts;"
               "    feature size last(size);"
               "    feature fleet_age last(age);"
               "}"
               "mlops_model m {"
               "    join drivers key=driver;"
               "    join fleets key=fleet;"
               "}", "size:FP64 fleet_age:FP64");

    assert_int_equal(j.r.face.signatures[0].keys_n, 2);

    join_row(&j, 0, tables_number(1), 77);
    join_row(&j, 1, tables_number(77), 12, 3);
    join_row(&j, 1, tables_number(78), 13, 4);

    join_numbers(&j, MLOPS_DOOR_ANY, "{\"driver\":1}", 1, 12, 3, 1, 77);
    join_numbers(&j, MLOPS_DOOR_ANY, "{\"driver\":2,\"fleet\":78}", 1, 13, 4,
                 2, 78);

    join_close(&j);
}


static void
test_signatures(void **state)
{
    join_t  j;

    (void) state;

    join_open(&j, RIDES "mlops_model m { join rides key=driver; }",
              "n:FP64 a:FP64");
    request_signature(&j.r, "other", "a:FP64 b:FP64", "y:FP64:1");
    join_resolve(&j);

    assert_int_equal(j.r.face.alike, 0);
    assert_int_equal(j.r.face.signatures[0].keys_n, 1);
    assert_int_equal(j.r.face.signatures[1].keys_n, 0);

    join_row(&j, 0, tables_number(1), 5, 1, 1);

    join_numbers(&j, MLOPS_DOOR_ANY, "{\"driver\":1,\"a\":2}", 1, 5, 2, 1);
    join_numbers(&j, MLOPS_DOOR_ANY, "{\"a\":2,\"b\":3}", 1, 2, 3);
    join_numbers(&j, MLOPS_DOOR_V2,
                 "{\"inputs\":[{\"name\":\"a\",\"shape\":[1],"
                 "\"datatype\":\"FP64\",\"data\":[2]},"
                 "{\"name\":\"driver\",\"shape\":[1],"
                 "\"datatype\":\"INT64\",\"data\":[1]}]}", 1, 5, 2, 1);
    join_numbers(&j, MLOPS_DOOR_V1, "{\"instances\":[[null,2,1]]}", 1, 5, 2,
                 1);

    join_close(&j);
}


/* Every row of a batch gets its own values. */

static void
test_many(void **state)
{
    char      *body, *p;
    double     cells[200 * 4];
    join_t     j;
    uint32_t   i;

    (void) state;

    join_start(&j, RIDES "mlops_model m {"
               "    join rides key=driver;"
               "    join rides key=other prefix=o_;"
               "}", "n:FP64 o_n:FP64");

    for (i = 0; i < 50; i++) {
        join_row(&j, 0, tables_number(i), 1000 + i, 1, 1);
    }

    body = malloc(32768);
    assert_non_null(body);

    p = body;
    *p++ = '[';

    for (i = 0; i < 200; i++) {
        p += sprintf(p, "%s{\"driver\":%u,\"other\":%u}", i ? "," : "",
                     i % 60, (i * 7) % 60);
        cells[i * 4] = (i % 60 < 50) ? 1000 + i % 60 : NAN;
        cells[i * 4 + 1] = ((i * 7) % 60 < 50) ? 1000 + (i * 7) % 60 : NAN;
        cells[i * 4 + 2] = i % 60;
        cells[i * 4 + 3] = (i * 7) % 60;
    }

    *p++ = ']';
    *p = '\0';

    join_cells(&j, MLOPS_DOOR_ANY, body, 200, cells);

    free(body);
    join_close(&j);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_notes),
        cmocka_unit_test(test_dialects),
        cmocka_unit_test(test_bulk),
        cmocka_unit_test(test_one_input),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_refuse),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_many)
    };

    return unit_run(tests);
}
