/*
 * Requests of every dialect.  The first byte chooses the door ('0' .. '4',
 * the last is CSV), the second the model ('0' .. '8'), the third the options
 * ('0' plus 1 for partial, 2 for non-finite numbers); the rest is the body.
 *
 * What is accepted has to be JSON by the byte scanner, with rows within the
 * limits and strings within their text; the answer that echoes it has to fit
 * its bound and be JSON again.
 */

#include "fuzz.h"

#include "mlops_request.h"
#include "mlops_scan.h"


#define MODELS  9

#define column(n, t, f)                                                       \
    { .name = mlops_str(n), .type = MLOPS_TYPE_ ## t, .flags = f,             \
      .def_text = mlops_str("none"), .lo = -10, .hi = 10 }

#define DEF    MLOPS_COLUMN_DEFAULT
#define NEED   MLOPS_COLUMN_REQUIRED
#define RANGE  MLOPS_COLUMN_RANGE
#define JOINED MLOPS_COLUMN_JOINED
#define KEY    MLOPS_COLUMN_KEY


static mlops_column_t  one[] = { column("x", FP32, RANGE) };

static mlops_column_t  four[] = {
    column("a", FP64, 0), column("b", FP64, NEED), column("c", FP32, RANGE),
    column("d", FP64, DEF|RANGE)
};

static mlops_column_t  mixed[] = {
    column("s", BYTES, DEF), column("i", INT64, RANGE),
    column("u", UINT64, DEF), column("t", BOOL, 0), column("k", INT8, RANGE),
    column("f", FP32, NEED)
};

static mlops_column_t  text[] = { column("s", BYTES, 0) };

static mlops_column_t  raw[] = {
    column("weight", FP64, 0), column("year", INT32, 0)
};

static mlops_column_t  joined[] = {
    column("a", FP64, JOINED|DEF), column("b", FP64, 0),
    column("c", FP64, JOINED), column("d", FP64, JOINED|NEED),
    column("k", INT64, KEY), column("s", BYTES, KEY)
};

static mlops_output_t  outputs[] = {
    { mlops_str("y"), MLOPS_TYPE_FP64, 1, NULL, 0 },
    { mlops_str("label"), MLOPS_TYPE_BYTES, 1, NULL, 1 },
    { mlops_str("p,q"), MLOPS_TYPE_FP32, 2, NULL, 2 }
};

static mlops_signature_t  signatures[] = {
    { mlops_str("one"), { 1, 0, one, NULL }, 1, 1, outputs, 0 },
    { mlops_str("four"), { 4, 0, four, NULL }, 3, 4, outputs, 0 },
    { mlops_str("mixed"), { 6, 0, mixed, NULL }, 2, 2, outputs, 0 },
    { mlops_str("text"), { 1, 0, text, NULL }, 1, 1, outputs, 0 },
    { mlops_str("raw"), { 2, 0, raw, NULL }, 1, 1, outputs, 0 },
    { mlops_str("same"), { 4, 0, four, NULL }, 1, 1, outputs, 0 },
    { mlops_str("again"), { 4, 0, four, NULL }, 3, 4, outputs, 0 },
    { mlops_str("joined"), { 6, 0, joined, NULL }, 1, 1, outputs, 2 },
    { mlops_str("narrow"), { 2, 0, joined + 3, NULL }, 1, 1, outputs, 1 }
};

static mlops_interface_t  faces[MODELS] = {
    { 1, &signatures[0], 1 },
    { 1, &signatures[1], 1 },
    { 1, &signatures[2], 1 },
    { 1, &signatures[3], 1 },
    { 5, &signatures[0], 0 },
    { 2, &signatures[5], 1 },
    { 1, &signatures[7], 1 },
    { 1, &signatures[8], 1 },
    { 2, &signatures[7], 0 }
};


static void
setup(void)
{
    size_t                  i;
    static int              done;
    mlops_err_t             err;
    static mlops_arena_t    arena;

    if (done) {
        return;
    }

    done = 1;
    mlops_arena_init(&arena, NULL, NULL);

    for (i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
        check(mlops_schema_index(&signatures[i].inputs, &arena, &err)
              == MLOPS_OK);
    }
}


static int
is_json(const char *p, size_t len, unsigned flags)
{
    const char          *q;
    mlops_scan_fault_t   fault;

    q = mlops_scan_value(p, p + len, MLOPS_SCAN_DEPTH, flags, &fault);

    return q != NULL && mlops_scan_ws(q, p + len) == p + len;
}


static void
check_rows(const mlops_request_t *req, const mlops_limits_t *limits,
    const char *body, size_t len)
{
    uint32_t               i, j, n;
    mlops_cell_t           cell;
    const mlops_rows_t    *rows;
    const mlops_column_t  *c;

    rows = &req->rows;
    n = rows->schema->n;

    check(rows->schema == &req->signature->inputs);
    check(rows->n >= 1 && rows->n <= limits->rows);
    check(rows->n * n <= limits->elements);
    check(req->wanted_n <= req->signature->outputs_n);

    for (i = 0; i < rows->n; i++) {
        for (j = 0; j < n; j++) {
            cell = rows->cells[i * n + j];
            c = &rows->schema->columns[j];

            if (!mlops_bit(rows->present + i * rows->words, j)) {
                check(c->kind == MLOPS_CELL_DOUBLE ? isnan(cell.f)
                                                   : cell.u == 0);
                continue;
            }

            switch (c->kind) {

            case MLOPS_CELL_STRING:
                check(cell.s.off <= len && cell.s.len <= len - cell.s.off);
                check(mlops_utf8_valid(rows->text + cell.s.off, cell.s.len));
                break;

            case MLOPS_CELL_DOUBLE:
                check(limits->nonfinite || isfinite(cell.f));
                check(c->type != MLOPS_TYPE_FP32 || isnan(cell.f)
                      || (double) (float) cell.f == cell.f);
                break;

            default:
                check(c->type != MLOPS_TYPE_BOOL || cell.u <= 1);
                check(c->type != MLOPS_TYPE_INT8
                      || (cell.i >= -128 && cell.i <= 127));
            }
        }
    }

    check(rows->text != NULL);
    (void) body;
}


static void
check_answer(const mlops_request_t *req, mlops_arena_t *arena)
{
    char                  *out, *end;
    size_t                 bound;
    uint32_t               i, j, words, nonfinite;
    mlops_str_t            model = mlops_str("m\"\x80");
    mlops_str_t            version = mlops_str("1");
    const char            *label;
    mlops_cell_t          *cell;
    mlops_results_t        results;

    label = "a \"label\", \x01\xff";

    results.signature = req->signature;
    results.n = req->rows.n;
    results.text = label;
    results.cells = mlops_arena_calloc(arena, req->rows.n
                                              * req->signature->cells_n,
                                       sizeof(mlops_cell_t));
    results.missing = NULL;
    check(results.cells != NULL);

    if (req->rows.n % 2) {
        words = mlops_row_words(req->signature->cells_n);
        results.missing = mlops_arena_calloc(arena, req->rows.n * words, 8);
        check(results.missing != NULL);
        memset(results.missing, 0x55 << req->rows.n % 3,
               req->rows.n * words * 8);
    }

    for (i = 0; i < req->rows.n; i++) {
        for (j = 0; j < req->signature->cells_n; j++) {
            cell = &results.cells[i * req->signature->cells_n + j];

            if (j == 1) {
                cell->s.len = results.missing ? 0 : (uint32_t) strlen(label);
                continue;
            }

            /* whatever bits came, as a result */

            cell->f = req->rows.cells[i * req->rows.schema->n
                                      + j % req->rows.schema->n].f;
        }
    }

    for (nonfinite = 0; nonfinite < 3; nonfinite++) {
        bound = mlops_answer_bound(req, &results, &model, &version);
        out = malloc(bound);
        check(out != NULL);

        end = mlops_answer_write(out, req, &results, &model, &version,
                                 (mlops_nonfinite_t) nonfinite);
        check((size_t) (end - out) <= bound);

        if (req->dialect != MLOPS_DIALECT_CSV) {
            check(is_json(out, (size_t) (end - out),
                          (nonfinite == MLOPS_NONFINITE_TOKEN)
                          ? MLOPS_SCAN_TOKENS : 0));
        }

        free(out);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                rc, door, partial;
    char              *body;
    size_t             len;
    mlops_err_t        err;
    mlops_arena_t      arena;
    mlops_limits_t     limits = { 100, 500, 24, 10, 0 };
    mlops_notice_t     notice;
    mlops_request_t    req;
    mlops_interface_t *face;

    if (size < 3) {
        return 0;
    }

    setup();

    door = (uint8_t) (data[0] - '0') % 5;
    face = &faces[(uint8_t) (data[1] - '0') % MODELS];
    partial = (data[2] - '0') & 1;
    limits.nonfinite = ((data[2] - '0') & 2) ? 1 : 0;

    len = size - 3;
    body = fuzz_copy(data + 3, len);

    mlops_arena_init(&arena, NULL, NULL);
    err.text[0] = '\0';

    rc = (door == 4)
         ? mlops_request_csv(&req, face, partial, &limits, body, len, &arena,
                             &err)
         : mlops_request_parse(&req, face, (mlops_door_t) door, partial,
                               &limits, body, len, &arena, &err);

    check(memcmp(body, data + 3, len) == 0);

    if (rc == MLOPS_OK) {
        check(door == 4
              || is_json(body, len, limits.nonfinite ? MLOPS_SCAN_TOKENS
                                                     : 0));
        check_rows(&req, &limits, body, len);
        check_answer(&req, &arena);

        (void) mlops_rows_complete(&req.rows,
                                   (mlops_range_t) (data[2] >> 6 & 1
                                                    ? MLOPS_RANGE_CLIP
                                                    : MLOPS_RANGE_FLAG),
                                   &notice, &arena, &err);

    } else {
        check(rc == MLOPS_ERROR || rc == MLOPS_LIMIT);
        check(err.text[0] != '\0');
    }

    mlops_arena_destroy(&arena);
    free(body);

    return 0;
}
