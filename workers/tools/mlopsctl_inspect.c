/*
 * mlopsctl inspect: what an image holds, as a table for people or one JSON
 * object for programs.
 */

#include "mlopsctl.h"
#include "mlops_num.h"
#include "mlops_request.h"
#include "mlops_trees.h"


#define MLOPSCTL_QUOTED  (6 * MLOPS_IMAGE_MAX_KEY + 2)


/* Of a tree ensemble. */

typedef struct {
    uint32_t  trees;
    uint32_t  nodes;
    uint32_t  leaves;
    int       f32;
} mlopsctl_trees_t;


static int mlopsctl_inspect_text(const mlopsctl_model_t *file,
    const char *path);
static int mlopsctl_inspect_json(const mlopsctl_model_t *file,
    const char *path);
static void mlopsctl_text_column(const mlops_column_t *column);
static void mlopsctl_text_output(const mlops_output_t *output);
static void mlopsctl_text_step(const mlops_model_t *model,
    const mlops_image_step_t *step, uint32_t number);
static void mlopsctl_json_column(const mlops_column_t *column);
static void mlopsctl_json_output(const mlops_output_t *output);
static void mlopsctl_json_step(const mlops_model_t *model,
    const mlops_image_step_t *step);
static const char *mlopsctl_op_name(const mlops_image_step_t *step);
static int mlopsctl_trees(const mlops_model_t *model,
    const mlops_image_step_t *step, mlopsctl_trees_t *trees);
static void mlopsctl_number(double value);
static void mlopsctl_cell(const mlops_column_t *column);
static const char *mlopsctl_plain(const mlops_str_t *s);
static void mlopsctl_quoted(const mlops_str_t *s);


int
mlopsctl_inspect(int argc, char **argv)
{
    int                         c, json, rc;
    mlops_err_t                 err;
    mlopsctl_model_t            file;
    static const struct option  options[] = {
        { "json", no_argument, NULL, 'j' },
        { NULL, 0, NULL, 0 }
    };

    json = 0;

    while ((c = mlopsctl_option(argc, argv, "j", options)) != -1) {

        if (c != 'j') {
            return MLOPSCTL_USAGE;
        }

        json = 1;
    }

    if (argc - optind != 1) {
        return mlopsctl_misused("expected one model image, got %d",
                                argc - optind);
    }

    if (mlopsctl_model_open(&file, argv[optind], &err) != MLOPS_OK) {
        return mlopsctl_failed("%s", err.text);
    }

    rc = json ? mlopsctl_inspect_json(&file, argv[optind])
              : mlopsctl_inspect_text(&file, argv[optind]);

    mlopsctl_model_close(&file);

    return rc;
}


static int
mlopsctl_inspect_text(const mlopsctl_model_t *file, const char *path)
{
    uint32_t                     i, j, n;
    mlops_str_t                  facts;
    const mlops_signature_t     *signature;
    const mlops_interface_t     *face;
    const mlops_image_step_t    *steps;
    const mlops_image_golden_t  *golden;
    const mlops_image_header_t  *h;

    h = mlops_model_image(file->model);
    face = mlops_model_interface(file->model);

    printf("image       %s\n", path);
    printf("size        %llu bytes, abi %u, checksum %016llx\n",
           (unsigned long long) h->file_len, h->abi,
           (unsigned long long) h->checksum);
    printf("platform    %s\n", mlops_model_platform(file->model));

    for (i = 0; i < face->n; i++) {
        signature = &face->signatures[i];
        printf("signature   %s\n", mlopsctl_plain(&signature->name));

        for (j = 0; j < signature->inputs.n; j++) {
            mlopsctl_text_column(&signature->inputs.columns[j]);
        }

        for (j = 0; j < signature->outputs_n; j++) {
            mlopsctl_text_output(&signature->outputs[j]);
        }
    }

    steps = mlops_model_section(file->model, MLOPS_SECTION_STEPS, &n);

    for (i = 0; i < n; i++) {
        mlopsctl_text_step(file->model, &steps[i], i);
    }

    golden = mlops_model_section(file->model, MLOPS_SECTION_GOLDEN, &n);

    if (golden) {
        printf("golden      %u rows, tolerance %g absolute, %g relative\n", n,
               golden->tol_abs, golden->tol_rel);
    }

    if (mlops_model_section(file->model, MLOPS_SECTION_HISTOGRAMS, &n)) {
        printf("reference   histograms of %u inputs\n", n);
    }

    facts = mlops_model_facts(file->model);
    printf("facts       %.*s\n", mlops_fmt(&facts));

    return mlopsctl_flush();
}


static void
mlopsctl_text_column(const mlops_column_t *column)
{
    uint32_t  i;

    printf("  input     %-24s %s", mlopsctl_plain(&column->name),
           mlops_type_name(column->type));

    if (column->flags & MLOPS_COLUMN_REQUIRED) {
        printf("  required");
    }

    if (column->flags & MLOPS_COLUMN_DEFAULT) {
        printf("  default ");
        mlopsctl_cell(column);
    }

    if (column->flags & MLOPS_COLUMN_RANGE) {
        printf("  range ");
        mlopsctl_number(column->lo);
        printf(" to ");
        mlopsctl_number(column->hi);
    }

    for (i = 0; i < column->categories_n; i++) {
        printf("%s%s", i ? ", " : "  one of ",
               mlopsctl_plain(&column->categories[i]));
    }

    printf("\n");
}


static void
mlopsctl_text_output(const mlops_output_t *output)
{
    uint32_t  i;

    printf("  output    %-24s %s", mlopsctl_plain(&output->name),
           mlops_type_name(output->type));

    if (output->width > 1) {
        printf("  %u values", output->width);
    }

    for (i = 0; output->labels && i < output->width; i++) {
        printf("%s%s", i ? ", " : "  of ",
               mlopsctl_plain(&output->labels[i]));
    }

    printf("\n");
}


static void
mlopsctl_text_step(const mlops_model_t *model,
    const mlops_image_step_t *step, uint32_t number)
{
    const char        *op;
    mlopsctl_trees_t   trees;

    op = mlopsctl_op_name(step);

    printf("step %-5u  %-10s %-12s %5u -> %u", number,
           mlops_step_name(step->kind), op ? op : "", step->in.n,
           step->out_n);

    if (step->flags & MLOPS_STEP_F32) {
        printf("  float32");
    }

    if (step->kind == MLOPS_STEP_TREES
        && mlopsctl_trees(model, step, &trees) == MLOPS_OK)
    {
        printf("  %s, %u trees, %u nodes, %u leaves",
               trees.f32 ? "float32" : "float64", trees.trees, trees.nodes,
               trees.leaves);
    }

    if (step->param_len) {
        printf("  %llu bytes", (unsigned long long) step->param_len);
    }

    printf("\n");
}


static int
mlopsctl_inspect_json(const mlopsctl_model_t *file, const char *path)
{
    uint32_t                     i, j, n;
    mlops_str_t                  text;
    const mlops_signature_t     *signature;
    const mlops_interface_t     *face;
    const mlops_image_step_t    *steps;
    const mlops_image_golden_t  *golden;
    const mlops_image_header_t  *h;

    h = mlops_model_image(file->model);
    face = mlops_model_interface(file->model);

    text.data = path;
    text.len = strlen(path);

    printf("{\"file\":");
    mlopsctl_quoted(&text);
    printf(",\"bytes\":%llu,\"abi\":%u,\"checksum\":\"%016llx\","
           "\"platform\":\"%s\",\"signatures\":[",
           (unsigned long long) h->file_len, h->abi,
           (unsigned long long) h->checksum,
           mlops_model_platform(file->model));

    for (i = 0; i < face->n; i++) {
        signature = &face->signatures[i];

        printf("%s{\"name\":", i ? "," : "");
        mlopsctl_quoted(&signature->name);
        printf(",\"inputs\":[");

        for (j = 0; j < signature->inputs.n; j++) {
            printf("%s", j ? "," : "");
            mlopsctl_json_column(&signature->inputs.columns[j]);
        }

        printf("],\"outputs\":[");

        for (j = 0; j < signature->outputs_n; j++) {
            printf("%s", j ? "," : "");
            mlopsctl_json_output(&signature->outputs[j]);
        }

        printf("]}");
    }

    printf("],\"steps\":[");
    steps = mlops_model_section(file->model, MLOPS_SECTION_STEPS, &n);

    for (i = 0; i < n; i++) {
        printf("%s", i ? "," : "");
        mlopsctl_json_step(file->model, &steps[i]);
    }

    printf("]");
    golden = mlops_model_section(file->model, MLOPS_SECTION_GOLDEN, &n);

    if (golden) {
        printf(",\"golden\":{\"rows\":%u,\"tol_abs\":", n);
        mlopsctl_number(golden->tol_abs);
        printf(",\"tol_rel\":");
        mlopsctl_number(golden->tol_rel);
        printf("}");
    }

    (void) mlops_model_section(file->model, MLOPS_SECTION_HISTOGRAMS, &n);
    text = mlops_model_facts(file->model);
    printf(",\"histograms\":%u,\"facts\":%.*s}\n", n, mlops_fmt(&text));

    return mlopsctl_flush();
}


static void
mlopsctl_json_column(const mlops_column_t *column)
{
    uint32_t  i;

    printf("{\"name\":");
    mlopsctl_quoted(&column->name);
    printf(",\"datatype\":\"%s\",\"required\":%s",
           mlops_type_name(column->type),
           (column->flags & MLOPS_COLUMN_REQUIRED) ? "true" : "false");

    if (column->flags & MLOPS_COLUMN_DEFAULT) {
        printf(",\"default\":");

        if (column->kind == MLOPS_CELL_STRING) {
            mlopsctl_quoted(&column->def_text);

        } else {
            mlopsctl_cell(column);
        }
    }

    if (column->flags & MLOPS_COLUMN_RANGE) {
        printf(",\"range\":[");
        mlopsctl_number(column->lo);
        printf(",");
        mlopsctl_number(column->hi);
        printf("]");
    }

    for (i = 0; i < column->categories_n; i++) {
        printf("%s", i ? "," : ",\"categories\":[");
        mlopsctl_quoted(&column->categories[i]);
    }

    printf("%s", column->categories_n ? "]}" : "}");
}


static void
mlopsctl_json_output(const mlops_output_t *output)
{
    uint32_t  i;

    printf("{\"name\":");
    mlopsctl_quoted(&output->name);
    printf(",\"datatype\":\"%s\",\"width\":%u",
           mlops_type_name(output->type), output->width);

    for (i = 0; output->labels && i < output->width; i++) {
        printf("%s", i ? "," : ",\"labels\":[");
        mlopsctl_quoted(&output->labels[i]);
    }

    printf("%s", output->labels ? "]}" : "}");
}


static void
mlopsctl_json_step(const mlops_model_t *model,
    const mlops_image_step_t *step)
{
    const char        *op;
    mlopsctl_trees_t   trees;

    op = mlopsctl_op_name(step);

    printf("{\"kind\":\"%s\"", mlops_step_name(step->kind));

    if (op) {
        printf(",\"op\":\"%s\"", op);
    }

    printf(",\"inputs\":%u,\"outputs\":%u,\"bytes\":%llu,\"float32\":%s",
           step->in.n, step->out_n, (unsigned long long) step->param_len,
           (step->flags & MLOPS_STEP_F32) ? "true" : "false");

    if (step->kind == MLOPS_STEP_TREES
        && mlopsctl_trees(model, step, &trees) == MLOPS_OK)
    {
        printf(",\"trees\":%u,\"nodes\":%u,\"leaves\":%u,\"datatype\":\"%s\"",
               trees.trees, trees.nodes, trees.leaves,
               trees.f32 ? "FP32" : "FP64");
    }

    printf("}");
}


static const char *
mlopsctl_op_name(const mlops_image_step_t *step)
{
    switch (step->kind) {

    case MLOPS_STEP_UNARY:
    case MLOPS_STEP_DENSE:
        return mlops_unary_name(step->op);

    case MLOPS_STEP_BINARY:
        return mlops_binary_name(step->op);

    case MLOPS_STEP_CUMULATIVE:
        return (step->op == MLOPS_CUMULATIVE_SORT) ? "sort" : "softplus";

    default:
        return NULL;
    }
}


static int
mlopsctl_trees(const mlops_model_t *model, const mlops_image_step_t *step,
    mlopsctl_trees_t *trees)
{
    int              rc;
    uint32_t         i, n;
    const char      *weights;
    mlops_arena_t    arena;
    mlops_forest_t   forest;

    weights = mlops_model_section(model, MLOPS_SECTION_WEIGHTS, &n);
    mlops_arena_init(&arena, NULL, NULL);

    rc = mlops_trees_forest(weights + step->param, &forest, &arena, NULL);

    if (rc == MLOPS_OK) {
        trees->trees = forest.trees_n;
        trees->nodes = forest.nodes_n;
        trees->f32 = forest.f32;
        trees->leaves = 0;

        for (i = 0; i < forest.nodes_n; i++) {
            trees->leaves += (forest.nodes[i].feature == MLOPS_TREES_LEAF);
        }
    }

    mlops_arena_destroy(&arena);

    return rc;
}


/* The shortest text; infinities, which JSON lacks, as strings. */

static void
mlopsctl_number(double value)
{
    char  text[MLOPS_DOUBLE_LEN + 1], *end;

    if (!isfinite(value)) {
        printf("\"%s\"", (value < 0) ? "-Infinity" : "Infinity");
        return;
    }

    end = mlops_print_double(text, value);

    if (end - text > 2 && end[-1] == '0' && end[-2] == '.') {
        end -= 2;
    }

    printf("%.*s", (int) (end - text), text);
}


/* A default. */

static void
mlopsctl_cell(const mlops_column_t *column)
{
    switch (column->kind) {

    case MLOPS_CELL_STRING:
        printf("%s", mlopsctl_plain(&column->def_text));
        break;

    case MLOPS_CELL_INT:
        printf("%lld", (long long) column->def.i);
        break;

    case MLOPS_CELL_UINT:
        printf("%llu", (unsigned long long) column->def.u);
        break;

    default:
        mlopsctl_number(column->def.f);
    }
}


/* Without control characters (C0, DEL, C1), which a terminal would obey; the
 * text lasts until the next call. */

static const char *
mlopsctl_plain(const mlops_str_t *s)
{
    size_t         i, n;
    unsigned char  c;
    static char    text[MLOPS_IMAGE_MAX_KEY + 1];

    n = (s->len < MLOPS_IMAGE_MAX_KEY) ? s->len : MLOPS_IMAGE_MAX_KEY;

    for (i = 0; i < n; i++) {
        c = (unsigned char) s->data[i];
        text[i] = (char) c;

        if (c < 0x20 || c == 0x7f) {
            text[i] = '?';

        } else if (c == 0xc2 && i + 1 < n
                   && (unsigned char) s->data[i + 1] < 0xa0)
        {
            text[i++] = '?';
            text[i] = '?';
        }
    }

    text[i] = '\0';

    return text;
}


static void
mlopsctl_quoted(const mlops_str_t *s)
{
    char         *end;
    static char   text[MLOPSCTL_QUOTED];

    end = mlops_json_quote(text, s->data,
                           s->len < MLOPS_IMAGE_MAX_KEY
                           ? s->len : MLOPS_IMAGE_MAX_KEY);

    printf("%.*s", (int) (end - text), text);
}
