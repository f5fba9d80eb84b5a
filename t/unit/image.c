/*
 * Images from anybody: every byte changed, every length, every field of the
 * header, and structures that only an attacker writes.  A load says no, or
 * its model answers within its bounds (which sanitizers watch).
 */

#include "models.h"
#include "mlops_hash.h"


/* A copy that may be changed, in memory of exactly its length. */

typedef struct {
    char    *data;
    size_t   len;
} image_t;


static image_t
image_copy(const void *data, size_t len)
{
    image_t  image;

    image.data = aligned_alloc(64, mlops_align(len, 64));
    image.len = len;
    memcpy(image.data, data, len);

    return image;
}


static void
image_stamp(image_t *image)
{
    mlops_image_header_t  *h;

    h = (mlops_image_header_t *) image->data;
    h->checksum = mlops_hash(image->data + 32, image->len - 32, 0);
}


/* Loads and, if it is let in, evaluates a row of each signature. */

static int
image_try(const image_t *image, mlops_err_t *err)
{
    char                     *text;
    void                     *scratch;
    uint32_t                  i, j, n;
    uint64_t                 *present;
    mlops_cell_t             *in, *out;
    mlops_model_t            *model;
    const mlops_interface_t  *face;

    err->text[0] = '\0';
    model = mlops_model_open(image->data, image->len, err);

    if (model == NULL) {
        unit_ok(err->text[0] != '\0', "refused without a reason");
        return 0;
    }

    text = malloc(4);
    memcpy(text, "abcd", 4);
    face = mlops_model_interface(model);
    scratch = aligned_alloc(64, mlops_model_scratch_size(model));

    for (i = 0; i < face->n; i++) {
        n = face->signatures[i].inputs.n;
        in = calloc(n, sizeof(*in));
        present = calloc(mlops_row_words(n), sizeof(*present));
        out = calloc(face->signatures[i].cells_n, sizeof(*out));

        for (j = 0; j < n; j++) {
            mlops_bit_set(present, j);

            if (face->signatures[i].inputs.columns[j].kind
                == MLOPS_CELL_STRING)
            {
                in[j].s.off = 1;
                in[j].s.len = 3;

            } else if (face->signatures[i].inputs.columns[j].kind
                       == MLOPS_CELL_DOUBLE)
            {
                in[j].f = 0.5 + j;
            }
        }

        mlops_model_eval(model, i, in, present, text, scratch, out, NULL);

        free(in);
        free(present);
        free(out);
    }

    free(scratch);
    free(text);
    mlops_model_destroy(model);

    return 1;
}


static void
test_every_byte(void **state)
{
    int            was;
    void          *data;
    size_t         i, j, len, let_in;
    image_t        image;
    mlops_err_t    err;

    (void) state;

    let_in = 0;

    for (i = 0; i < TOYS_N; i++) {
        assert_int_equal(toy_build(toys[i].name, &data, &len, &err),
                         MLOPS_OK);
        image = image_copy(data, len);
        free(data);

        for (j = 0; j < len; j++) {
            was = image.data[j];
            image.data[j] = (char) (was ^ (1 << (j % 8)));

            /* as it is: nothing gets past the checksum */

            unit_ok(!image_try(&image, &err), "%s: byte %zu", toys[i].name,
                    j);

            /* by one who knows how to stamp it */

            image_stamp(&image);
            let_in += (size_t) image_try(&image, &err);

            image.data[j] = (char) (was ^ 0x80);
            image_stamp(&image);
            let_in += (size_t) image_try(&image, &err);

            image.data[j] = (char) 0xff;
            image_stamp(&image);
            let_in += (size_t) image_try(&image, &err);

            image.data[j] = (char) was;
        }

        image_stamp(&image);
        assert_true(image_try(&image, &err));
        free(image.data);
    }

    /* names and facts may be anything; programs may not */

    unit_note("%zu changed images are let in", let_in);
}


static void
test_every_length(void **state)
{
    void         *data;
    char         *cut;
    size_t        i, j, len;
    image_t       image;
    mlops_err_t   err;

    (void) state;

    for (i = 0; i < TOYS_N; i++) {
        assert_int_equal(toy_build(toys[i].name, &data, &len, &err),
                         MLOPS_OK);

        for (j = 0; j < len; j++) {
            cut = aligned_alloc(64, mlops_align(j + 1, 64));
            memcpy(cut, data, j);
            image.data = cut;
            image.len = j;

            assert_false(image_try(&image, &err));

            /* with a header that fits */

            if (j >= sizeof(mlops_image_header_t)) {
                ((mlops_image_header_t *) cut)->file_len = j;
                image_stamp(&image);
                assert_false(image_try(&image, &err));
            }

            free(cut);
        }

        free(data);
    }
}


/* Each field of the header, and what the sentence names. */

static void
test_header(void **state)
{
    void                  *data;
    size_t                 i, len;
    image_t                image;
    mlops_err_t            err;
    mlops_image_header_t  *h, was;

    static const struct {
        size_t       off;
        uint32_t     value;
        const char  *says;
    } cases[] = {
        { 0, 0x41414141, "image: magic: expected \"mlopsimg\", got" },
        { 8, 2, "image: abi: this reader knows 1, got 2" },
        { 8, 0, "image: abi: this reader knows 1, got 0" },
        { 12, 128, "image: header_len: expected 64, got 128" },
        { 16, 64, "image: file_len: the file has" },
        { 24, 1, "image: checksum: expected" },
        { 32, 0, "image: section_n: expected 1 to 12, got 0" },
        { 32, 13, "image: section_n: expected 1 to 12, got 13" },
        { 32, 11, "section" },
        { 36, 0, "image: input_n: expected 1 to 32768, got 0" },
        { 36, 40000, "image: input_n" },
        { 40, 0, "image: cell_n" },
        { 40, 0x7fffffff, "image: cell_n" },
        { 44, 1, "image: flags and reserved: expected 0" },
        { 48, 1, "image: flags and reserved: expected 0" },
        { 60, 1, "image: flags and reserved: expected 0" }
    };

    (void) state;

    assert_int_equal(toy_build("lin4", &data, &len, &err), MLOPS_OK);
    image = image_copy(data, len);
    free(data);
    h = (mlops_image_header_t *) image.data;
    was = *h;

    for (i = 0; i < mlops_nitems(cases); i++) {
        *h = was;
        memcpy(image.data + cases[i].off, &cases[i].value, 4);

        if (cases[i].off != 24) {
            image_stamp(&image);
        }

        assert_false(image_try(&image, &err));
        unit_ok(strstr(err.text, cases[i].says) != NULL, "expected \"%s\", "
                "got \"%s\"", cases[i].says, err.text);
    }

    /* not where mappings begin */

    *h = was;
    assert_null(mlops_model_open(image.data + 8, image.len - 8, &err));
    assert_non_null(strstr(err.text, "aligned"));

    free(image.data);
}


static mlops_image_section_t *
image_entry(image_t *image, mlops_image_kind_t kind)
{
    uint32_t                i;
    mlops_image_header_t   *h;
    mlops_image_section_t  *table;

    h = (mlops_image_header_t *) image->data;
    table = (mlops_image_section_t *) (h + 1);

    for (i = 0; table[i].kind != kind; i++) {
        assert_true(i < h->section_n);
    }

    return &table[i];
}


static void *
image_section(image_t *image, mlops_image_kind_t kind)
{
    return image->data + image_entry(image, kind)->off;
}


typedef void (*image_change_pt)(image_t *image);


static void
image_section_moved(image_t *image)
{
    image_entry(image, MLOPS_SECTION_WEIGHTS)->off += 64;
}


static void
image_section_huge(image_t *image)
{
    mlops_image_section_t  *entry;

    entry = image_entry(image, MLOPS_SECTION_LISTS);
    entry->n = 0xffffffff;
    entry->len = 4 * 0xffffffffull;
}


static void
image_section_wraps(image_t *image)
{
    mlops_image_section_t  *entry;

    entry = image_entry(image, MLOPS_SECTION_FACTS);
    entry->len = UINT64_MAX - 63;
}


static void
image_section_twice(image_t *image)
{
    mlops_image_section_t  *entry;

    entry = image_entry(image, MLOPS_SECTION_CELLS);
    entry->kind = MLOPS_SECTION_TEXT;
}


static void
image_section_unknown(image_t *image)
{
    mlops_image_section_t  *entry;

    entry = image_entry(image, MLOPS_SECTION_FACTS);
    entry->kind = 13;
}


static void
image_gap(image_t *image)
{
    image->data[image->len - 1] = 1;
}


static void
image_name_outside(image_t *image)
{
    ((mlops_image_cell_t *) image_section(image, MLOPS_SECTION_CELLS))
        ->name.off = 0xfffffff0;
}


static void
image_name_long(image_t *image)
{
    mlops_image_cell_t  *cells;

    cells = image_section(image, MLOPS_SECTION_CELLS);
    cells->name.off = 0;
    cells->name.len = 129;
}


static void
image_name_twice(image_t *image)
{
    mlops_image_cell_t  *cells;

    cells = image_section(image, MLOPS_SECTION_CELLS);
    cells[1].name = cells[0].name;
}


static void
image_type(image_t *image)
{
    ((mlops_image_cell_t *) image_section(image, MLOPS_SECTION_CELLS))
        ->type = MLOPS_TYPE_N;
}


static void
image_step_lua(image_t *image)
{
    ((mlops_image_step_t *) image_section(image, MLOPS_SECTION_STEPS))
        ->kind = MLOPS_STEP_LUA;
}


static void
image_step_unknown(image_t *image)
{
    ((mlops_image_step_t *) image_section(image, MLOPS_SECTION_STEPS))
        ->kind = 999;
}


static void
image_step_flag(image_t *image)
{
    ((mlops_image_step_t *) image_section(image, MLOPS_SECTION_STEPS))
        ->flags = 0x10;
}


static void
image_step_out(image_t *image)
{
    ((mlops_image_step_t *) image_section(image, MLOPS_SECTION_STEPS))
        ->out = 0xffffffff;
}


/* It writes one of its own inputs. */

static void
image_step_over(image_t *image)
{
    ((mlops_image_step_t *) image_section(image, MLOPS_SECTION_STEPS))
        ->out = 0;
}


static void
image_step_run(image_t *image)
{
    ((mlops_image_step_t *) image_section(image, MLOPS_SECTION_STEPS))
        ->in.first = 0xffffffff;
}


static void
image_step_wide(image_t *image)
{
    ((mlops_image_step_t *) image_section(image, MLOPS_SECTION_STEPS))
        ->in.n = 5;
}


static void
image_step_param(image_t *image)
{
    ((mlops_image_step_t *) image_section(image, MLOPS_SECTION_STEPS))
        ->param = 64;
}


static void
image_weight_nan(image_t *image)
{
    ((double *) image_section(image, MLOPS_SECTION_WEIGHTS))[1] = NAN;
}


static void
image_weight_other(image_t *image)
{
    ((double *) image_section(image, MLOPS_SECTION_WEIGHTS))[1] = 1.5;
}


/* The step reads the cell that it computes. */

static void
image_list_early(image_t *image)
{
    mlops_image_step_t  *step;

    step = image_section(image, MLOPS_SECTION_STEPS);
    ((uint32_t *) image_section(image, MLOPS_SECTION_LISTS))
        [step->in.first] = 4;
}


static void
image_list_cell(image_t *image)
{
    mlops_image_step_t  *step;

    step = image_section(image, MLOPS_SECTION_STEPS);
    ((uint32_t *) image_section(image, MLOPS_SECTION_LISTS))
        [step->in.first] = 5;
}


static void
image_list_shared(image_t *image)
{
    mlops_image_signature_t  *signature;

    signature = image_section(image, MLOPS_SECTION_SIGNATURES);
    signature->inputs.first = 0;
    signature->inputs.n = 10;
}


static void
image_signature_steps(image_t *image)
{
    mlops_image_signature_t  *signature;

    signature = image_section(image, MLOPS_SECTION_SIGNATURES);
    ((uint32_t *) image_section(image, MLOPS_SECTION_LISTS))
        [signature->steps.first] = 1;
}


static void
image_signature_none(image_t *image)
{
    ((mlops_image_signature_t *)
     image_section(image, MLOPS_SECTION_SIGNATURES))->inputs.n = 0;
}


static void
image_output_type(image_t *image)
{
    ((mlops_image_output_t *)
     image_section(image, MLOPS_SECTION_OUTPUTS))->type
        = MLOPS_TYPE_BYTES;
}


static void
image_output_width(image_t *image)
{
    ((mlops_image_output_t *)
     image_section(image, MLOPS_SECTION_OUTPUTS))->width = 2;
}


static void
image_golden_rows(image_t *image)
{
    ((mlops_image_golden_t *)
     image_section(image, MLOPS_SECTION_GOLDEN))->rows_n++;
}


static void
image_golden_tolerance(image_t *image)
{
    ((mlops_image_golden_t *)
     image_section(image, MLOPS_SECTION_GOLDEN))->tol_abs = NAN;
}


static void
image_golden_signature(image_t *image)
{
    *(uint64_t *) ((char *) image_section(image, MLOPS_SECTION_GOLDEN)
                   + sizeof(mlops_image_golden_t)) = 1;
}


static void
test_structure(void **state)
{
    void         *data;
    size_t        i, len;
    image_t       image;
    mlops_err_t   err;

    static const struct {
        image_change_pt   change;
        const char       *says;
    } cases[] = {
        { image_section_moved, "section WEIGHTS: expected it at" },
        { image_section_huge, "section LISTS: expected it at" },
        { image_section_wraps, "section FACTS: expected it at" },
        { image_section_twice, "section table, entry 1: expected a kind" },
        { image_section_unknown, "expected a kind of 12 to 12, got 13" },
        { image_gap, "expected 0 between the sections" },
        { image_name_outside, "input cell 0: name: expected it within" },
        { image_name_long, "input cell 0: name: expected" },
        { image_name_twice, "signature 0" },
        { image_type, "input cell 0: type: expected 1 to 12, got 13" },
        { image_step_lua, "step 0: kind 13 (lua) is not known to abi 1" },
        { image_step_unknown, "step 0: kind 999 (?) is not known" },
        { image_step_flag, "step 0 (affine): flags" },
        { image_step_out, "step 0 (affine): outputs: expected at least 1" },
        { image_step_over, "cell 0 has a value already" },
        { image_step_run, "step 0 (affine): inputs: expected a run" },
        { image_step_wide, "step 0 (affine)" },
        { image_step_param, "parameters: expected them at 0" },
        { image_weight_nan, "weight[0]: expected a finite number, got nan" },
        { image_weight_other, "golden row 0: output \"prediction\"" },
        { image_list_early, "cell 4: it is read before it is computed" },
        { image_list_cell, "input 0: expected a cell below 5, got 5" },
        { image_list_shared, "the runs share elements of LISTS" },
        { image_signature_steps, "steps[0]: expected a step below 1, got 1" },
        { image_signature_none, "expected 1 to 32768 inputs" },
        { image_output_type, "labels for type BYTES" },
        { image_output_width, "expected as many cells as the width" },
        { image_golden_rows, "section GOLDEN: expected 24 rows" },
        { image_golden_tolerance, "section GOLDEN: tolerance" },
        { image_golden_signature, "golden row 0: signature: expected a "
          "number below 1, got 1" }
    };

    (void) state;

    for (i = 0; i < mlops_nitems(cases); i++) {
        assert_int_equal(toy_build("lin4", &data, &len, &err), MLOPS_OK);
        image = image_copy(data, len);
        free(data);

        cases[i].change(&image);
        image_stamp(&image);

        unit_ok(!image_try(&image, &err), "case %zu is let in: expected "
                "\"%s\"", i, cases[i].says);
        unit_ok(strstr(err.text, cases[i].says) != NULL, "expected \"%s\", "
                "got \"%s\"", cases[i].says, err.text);
        free(image.data);
    }
}


/* The slices of a bad image give the verdict of one go. */

static void
test_slices(void **state)
{
    int             rc;
    void           *data;
    size_t          i, j, len, budget;
    image_t         image;
    mlops_err_t     err, whole;
    mlops_load_t   *load;
    mlops_model_t  *model;

    (void) state;

    for (i = 0; i < TOYS_N; i++) {
        assert_int_equal(toy_build(toys[i].name, &data, &len, &err),
                         MLOPS_OK);

        for (j = 70; j < len; j += 97) {
            image = image_copy(data, len);
            image.data[j] ^= 0x04;
            image_stamp(&image);

            model = mlops_model_open(image.data, len, &whole);
            rc = (model != NULL) ? MLOPS_OK : MLOPS_ERROR;
            mlops_model_destroy(model);

            for (budget = 1; budget < 1000; budget = budget * 7 + 2) {
                load = mlops_load_create(image.data, len, &err);
                model = NULL;

                do {
                    len = image.len;
                } while (mlops_load_step(load, budget, &model, &err)
                         == MLOPS_AGAIN);

                assert_int_equal(model != NULL, rc == MLOPS_OK);

                if (model == NULL) {
                    assert_string_equal(err.text, whole.text);
                }

                mlops_model_destroy(model);
            }

            free(image.data);
        }

        free(data);
    }
}


/* The categories or labels of a small file could be told a thousand times. */

static void
test_strings_shared(void **state)
{
    void                   *data;
    size_t                  len;
    image_t                 image;
    mlops_err_t             err;
    mlops_image_output_t   *outputs;

    (void) state;

    assert_int_equal(toy_build("class3", &data, &len, &err), MLOPS_OK);
    image = image_copy(data, len);
    free(data);

    outputs = image_section(&image, MLOPS_SECTION_OUTPUTS);
    assert_int_equal(outputs[1].labels.n, 3);
    outputs[1].labels.first = 0;
    outputs[1].labels.n = 6;
    image_stamp(&image);

    assert_false(image_try(&image, &err));
    assert_non_null(strstr(err.text, "the runs share elements of STRINGS"));

    free(image.data);
}


/* No call of a load does more than its budget lets it: with the least one a
 * call gets on by about one element of whatever the image has many of. */

#define IMAGE_MANY  200

static void
test_every_loop(void **state)
{
    char                     name[16], names[IMAGE_MANY][16];
    double                   x[2 * IMAGE_MANY + 1];
    size_t                   calls, least;
    uint32_t                 i, rows, text, in[IMAGE_MANY], out[IMAGE_MANY], y;
    mlops_err_t              err;
    mlops_load_t            *load;
    unit_model_t             m;
    mlops_model_t           *model;
    mlops_builder_t         *b;
    mlops_builder_output_t   outputs[IMAGE_MANY];

    (void) state;

    b = mlops_builder_create();

    for (i = 0; i < IMAGE_MANY; i++) {
        snprintf(name, sizeof(name), "x%u", i);
        in[i] = toy_input(b, name, MLOPS_TYPE_FP64);
        out[IMAGE_MANY - 1 - i] = in[i];
    }

    for (i = 0; i < 2 * IMAGE_MANY + 1; i++) {
        x[i] = i;
    }

    mlops_builder_histogram(b, in[0], 2 * IMAGE_MANY, x, x, 0, 1);

    y = mlops_builder_clip(b, out, IMAGE_MANY, MLOPS_BUILDER_NEW, x,
                           x + IMAGE_MANY);
    out[0] = mlops_builder_piecewise(b, y, MLOPS_BUILDER_NEW,
                                     2 * IMAGE_MANY, x, x);

    for (i = 1; i < IMAGE_MANY; i++) {
        out[i] = y + i;
    }

    for (i = 0; i < IMAGE_MANY; i++) {
        snprintf(names[i], sizeof(names[i]), "y%u", i);
        toy_output(&outputs[i], names[i], MLOPS_TYPE_FP64, &out[i], 1);
    }

    assert_true(mlops_builder_signature(b, "s", in, IMAGE_MANY, outputs,
                                        IMAGE_MANY)
                >= 0);
    unit_model_finish(&m, b);

    (void) mlops_model_section(m.model, MLOPS_SECTION_GOLDEN, &rows);
    assert_true(rows > 0);

    (void) mlops_model_section(m.model, MLOPS_SECTION_TEXT, &text);

    /* the file; its text by four; cells, and those that the steps read;
     * bounds and knots; columns; what the steps read and write; outputs and
     * their cells; edges and counts; golden rows: steps, and every 64 inputs
     * or results */

    least = m.len - 32 + text / 4 + IMAGE_MANY + IMAGE_MANY + 1
            + 2 * IMAGE_MANY + 4 * IMAGE_MANY + IMAGE_MANY
            + 2 * IMAGE_MANY + 2 + 2 * IMAGE_MANY + 4 * IMAGE_MANY + 1
            + rows * (2 + 2 * (IMAGE_MANY / 64));

    load = mlops_load_create(m.data, m.len, &err);
    model = NULL;

    for (calls = 1;
         mlops_load_step(load, 1, &model, &err) == MLOPS_AGAIN;
         calls++)
    {
        /* void */
    }

    assert_non_null(model);
    unit_note("%zu calls, expected at least %zu", calls, least);
    assert_true(calls >= least);

    mlops_model_destroy(model);
    unit_model_close(&m);
}


/* The images in the tree, made by an earlier build, still load, and a build
 * of today makes the same bytes: the format has not changed unnoticed.
 * MLOPS_WRITE_FIXTURES=1 writes them anew. */

static void
test_fixtures(void **state)
{
    int            rc;
    char           name[64], *kept;
    void          *data;
    size_t         i, len, kept_len;
    image_t        image;
    mlops_err_t    err;
    char           path[UNIT_PATH_SIZE];

    (void) state;

    for (i = 0; i < TOYS_N; i++) {
        assert_int_equal(toy_build(toys[i].name, &data, &len, &err),
                         MLOPS_OK);
        snprintf(name, sizeof(name), "toys/%s.mlm", toys[i].name);

        if (getenv("MLOPS_WRITE_FIXTURES") != NULL) {
            snprintf(path, sizeof(path), "t/data/%s", name);
            unit_spew(path, data, len);
        }

        kept_len = 0;
        kept = unit_slurp(unit_fixture(name), &kept_len);
        assert_non_null(kept);

        image = image_copy(kept, kept_len);
        rc = image_try(&image, &err);
        unit_ok(rc, "%s: %s", name, err.text);

        /* what a C library computes may differ in the last bit */

        if (strcmp(toys[i].name, "logit1") != 0
            && strcmp(toys[i].name, "class3") != 0)
        {
            unit_ok(kept_len == len && memcmp(kept, data, len) == 0,
                    "%s differs from what the builder makes", name);
        }

        free(image.data);
        free(kept);
        free(data);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_structure),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_strings_shared),
        cmocka_unit_test(test_every_loop),
        cmocka_unit_test(test_fixtures)
    };

    return unit_run(tests);
}
