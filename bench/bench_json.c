/*
 * Requests in and answers out, against yajl.
 *
 * yajl does the least it can: events without a tree, its numbers summed up
 * and nothing else; what it is compared with checks names and shapes and
 * fills rows.  "yajl" takes yajl's own conversion (strtod), "yajl_number" the
 * text of each number and our converter.  The writer is compared with
 * yajl_gen.  The median of many passes is printed; the ways alternate, so
 * that a slow moment of the machine meets all of them.
 */

#include "bench.h"

#include "mlops_clock.h"
#include "mlops_num.h"
#include "mlops_request.h"

#include <yajl/yajl_gen.h>
#include <yajl/yajl_parse.h>


#define PASSES   201
#define BODY     262144
#define COLUMNS  50
#define ROWS     200


typedef struct {
    const char         *name;
    uint32_t            rows;
    uint32_t            columns;
    mlops_door_t        door;
    int                 loops;      /* in a pass */
    size_t              len;
    char               *body;
    mlops_interface_t   face;
    mlops_signature_t   signature;
    mlops_output_t      output;
    mlops_results_t     results;
    mlops_request_t     req;
} case_t;


typedef double (*pass_pt)(case_t *c);


static volatile double  sink;
static mlops_arena_t    memory;
static char             room[4 * BODY];


/* A request's memory: one block that starts anew, as a pool does. */

static void *
arena_alloc(void *ctx, size_t size)
{
    (void) ctx;

    return (size <= sizeof(room)) ? room : NULL;
}


static double
read_ours(case_t *c)
{
    mlops_err_t            err;
    mlops_arena_t          arena;
    const mlops_limits_t   limits = MLOPS_LIMITS_DEFAULT;

    mlops_arena_init(&arena, arena_alloc, NULL);
    arena.pos = room;
    arena.end = room + sizeof(room);

    if (mlops_request_parse(&c->req, &c->face, c->door, 0, &limits, c->body,
                            c->len, &arena, &err) != MLOPS_OK)
    {
        fprintf(stderr, "bench_json: %s\n", err.text);
        exit(1);
    }

    return c->req.rows.cells[0].f;
}


static int
yajl_sum(void *ctx, double value)
{
    *(double *) ctx += value;

    return 1;
}


static int
yajl_sum_int(void *ctx, long long value)
{
    *(double *) ctx += (double) value;

    return 1;
}


static int
yajl_sum_text(void *ctx, const char *text, size_t len)
{
    double  value;

    if (mlops_parse_double(text, text + len, &value) == NULL) {
        return 0;
    }

    *(double *) ctx += value;

    return 1;
}


static int
yajl_ignore(void *ctx, const unsigned char *text, size_t len)
{
    (void) text;

    *(double *) ctx += (double) len;

    return 1;
}


static double
read_with(case_t *c, const yajl_callbacks *callbacks)
{
    double       sum;
    yajl_handle  h;

    sum = 0;
    h = yajl_alloc(callbacks, NULL, &sum);

    if (yajl_parse(h, (const unsigned char *) c->body, c->len)
        != yajl_status_ok || yajl_complete_parse(h) != yajl_status_ok)
    {
        fprintf(stderr, "bench_json: yajl refused\n");
        exit(1);
    }

    yajl_free(h);

    return sum;
}


static double
read_yajl(case_t *c)
{
    static const yajl_callbacks  callbacks = {
        .yajl_integer = yajl_sum_int,
        .yajl_double = yajl_sum,
        .yajl_string = yajl_ignore,
        .yajl_map_key = yajl_ignore
    };

    return read_with(c, &callbacks);
}


static double
read_yajl_number(case_t *c)
{
    static const yajl_callbacks  callbacks = {
        .yajl_number = yajl_sum_text,
        .yajl_string = yajl_ignore,
        .yajl_map_key = yajl_ignore
    };

    return read_with(c, &callbacks);
}


static double
write_ours(case_t *c)
{
    char         *end;
    size_t        bound;
    mlops_str_t   model = mlops_str("housing"), version = mlops_str("12");
    static char   out[BODY];

    bound = mlops_answer_bound(&c->req, &c->results, &model, &version);

    if (bound > sizeof(out)) {
        fprintf(stderr, "bench_json: %zu bytes\n", bound);
        exit(1);
    }

    end = mlops_answer_write(out, &c->req, &c->results, &model, &version,
                             MLOPS_NONFINITE_NULL);

    return (double) (end - out);
}


static void
gen_string(yajl_gen g, const char *text)
{
    yajl_gen_string(g, (const unsigned char *) text, strlen(text));
}


static double
write_yajl(case_t *c)
{
    size_t                len;
    uint32_t              i;
    yajl_gen              g;
    const unsigned char  *text;

    g = yajl_gen_alloc(NULL);
    yajl_gen_map_open(g);
    gen_string(g, "model_name");
    gen_string(g, "housing");
    gen_string(g, "model_version");
    gen_string(g, "12");
    gen_string(g, "outputs");
    yajl_gen_array_open(g);
    yajl_gen_map_open(g);
    gen_string(g, "name");
    gen_string(g, "prediction");
    gen_string(g, "datatype");
    gen_string(g, "FP64");
    gen_string(g, "shape");
    yajl_gen_array_open(g);
    yajl_gen_integer(g, c->rows);
    yajl_gen_integer(g, 1);
    yajl_gen_array_close(g);
    gen_string(g, "data");
    yajl_gen_array_open(g);

    for (i = 0; i < c->rows; i++) {
        yajl_gen_double(g, c->results.cells[i].f);
    }

    yajl_gen_array_close(g);
    yajl_gen_map_close(g);
    yajl_gen_array_close(g);
    yajl_gen_map_close(g);
    yajl_gen_get_buf(g, &text, &len);

    sink += text[0];
    yajl_gen_free(g);

    return (double) len;
}


static void
measure(case_t *c, const char *what, uint32_t numbers, const pass_pt *ways,
    const char *const *names, int n)
{
    int       i, j, pass;
    double    times[4][PASSES], median, first;
    uint64_t  start;

    for (pass = 0; pass < PASSES; pass++) {
        for (i = 0; i < n; i++) {
            start = mlops_clock_ns();

            for (j = 0; j < c->loops; j++) {
                sink += ways[i](c);
            }

            times[i][pass] = (double) (mlops_clock_ns() - start) / c->loops;
        }
    }

    first = 0;

    for (i = 0; i < n; i++) {
        median = bench_median(times[i], PASSES);

        if (i == 0) {
            first = median;
        }

        printf("%-8s %-6s %-12s %10.1f ns %8.2f ns/number %7.2f\n", c->name,
               what, names[i], median, median / numbers, median / first);
    }
}


static void
bench_setup(case_t *c)
{
    static char      names[COLUMNS][32];
    uint32_t         i, j;
    mlops_err_t      err;
    mlops_column_t  *columns;

    columns = mlops_arena_calloc(&memory, c->columns, sizeof(*columns));

    for (i = 0; i < c->columns; i++) {
        (void) snprintf(names[i], sizeof(names[i]), "feature_%u", i);
        columns[i].name.data = names[i];
        columns[i].name.len = strlen(names[i]);
        columns[i].type = MLOPS_TYPE_FP64;
    }

    c->signature.inputs.n = c->columns;
    c->signature.inputs.columns = columns;
    (void) mlops_schema_index(&c->signature.inputs, &memory, &err);

    c->output.name.data = "prediction";
    c->output.name.len = 10;
    c->output.type = MLOPS_TYPE_FP64;
    c->output.width = 1;
    c->signature.outputs = &c->output;
    c->signature.outputs_n = 1;
    c->signature.cells_n = 1;

    c->face.n = 1;
    c->face.signatures = &c->signature;

    c->results.signature = &c->signature;
    c->results.n = c->rows;
    c->results.cells = mlops_arena_calloc(&memory, c->rows,
                                          sizeof(mlops_cell_t));

    for (i = 0; i < c->rows; i++) {
        c->results.cells[i].f = drand48() * 100;
    }

    c->body = malloc(BODY);
    c->len = 0;

#define put(...)                                                              \
    c->len += (size_t) snprintf(c->body + c->len, BODY - c->len, __VA_ARGS__)

    if (c->door == MLOPS_DOOR_ANY) {
        for (j = 0; j < c->columns; j++) {
            put("%c\"%s\":%.6g", j ? ',' : '{', names[j], drand48() * 1000);
        }

        put("}");
        return;
    }

    put("{\"inputs\":[{\"name\":\"x\",\"shape\":[%u,%u],\"datatype\":\"FP64\""
        ",\"data\":[", c->rows, c->columns);

    for (i = 0; i < c->rows; i++) {
        for (j = 0; j < c->columns; j++) {
            put("%s%s%.6g%s", (i && !j) ? "," : "", j ? "," : "[",
                drand48() * 1000, (j + 1 == c->columns) ? "]" : "");
        }
    }

    put("]}]}");
}


int
main(void)
{
    size_t  i;

    static const pass_pt      reads[] = {
        read_ours, read_yajl, read_yajl_number
    };
    static const char *const  read_names[] = {
        "ours", "yajl", "yajl_number"
    };
    static const pass_pt      writes[] = { write_ours, write_yajl };
    static const char *const  write_names[] = { "ours", "yajl_gen" };

    static case_t  cases[] = {
        { .name = "v2/8", .rows = 1, .columns = 8, .door = MLOPS_DOOR_V2,
          .loops = 400 },
        { .name = "plain/8", .rows = 1, .columns = 8, .door = MLOPS_DOOR_ANY,
          .loops = 400 },
        { .name = "200x50", .rows = ROWS, .columns = COLUMNS,
          .door = MLOPS_DOOR_V2, .loops = 2 }
    };

    srand48(17);
    mlops_arena_init(&memory, NULL, NULL);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bench_setup(&cases[i]);

        measure(&cases[i], "read", cases[i].rows * cases[i].columns, reads,
                read_names, 3);
        measure(&cases[i], "write", cases[i].rows, writes, write_names, 2);

        free(cases[i].body);
    }

    mlops_arena_destroy(&memory);

    return 0;
}
