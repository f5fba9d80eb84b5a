/*
 * Forms of XGBoost's files that no library at hand writes, edited by hand
 * from one small model, with answers worked out by hand; and files that are
 * refused, with the place that the reason names.
 */

#include "importing.h"


#define FORM_SIZE  16384


/* Pieces of a file; a test takes form_default and changes some. */

typedef struct {
    const char  *version;
    const char  *base;
    const char  *param;         /* of the learner, behind base_score */
    const char  *objective;
    const char  *learner;       /* further members of the learner */
    const char  *booster;       /* all of it, or NULL for gbtree */
    const char  *model;         /* further members of the tree model */
    const char  *trees_n;
    const char  *info;
    const char  *trees;
} form_t;


/* x0 < 0.5 ? 1.25 : -0.75, a missing one left. */

#define STUMP                                                                 \
    "{\"tree_param\":{\"num_nodes\":\"3\",\"num_feature\":\"2\","             \
    "\"size_leaf_vector\":\"1\"},\"left_children\":[1,-1,-1],"                \
    "\"right_children\":[2,-1,-1],\"split_indices\":[0,0,0],"                 \
    "\"split_conditions\":[5E-1,1.25E0,-7.5E-1],"                             \
    "\"default_left\":[1,0,0]}"

#define LEAF(v)                                                               \
    "{\"tree_param\":{\"num_nodes\":\"1\",\"num_feature\":\"2\","             \
    "\"size_leaf_vector\":\"1\"},\"left_children\":[-1],"                     \
    "\"right_children\":[-1],\"split_indices\":[0],"                          \
    "\"split_conditions\":[" v "],\"default_left\":[0]}"

/* Sends the code 1 of x0 right. */

#define CATEGORIES                                                            \
    "{\"tree_param\":{\"num_nodes\":\"3\",\"num_feature\":\"2\","             \
    "\"size_leaf_vector\":\"1\"},\"left_children\":[1,-1,-1],"                \
    "\"right_children\":[2,-1,-1],\"split_indices\":[0,0,0],"                 \
    "\"split_conditions\":[NaN,1.25E0,-7.5E-1],\"default_left\":[1,0,0],"     \
    "\"split_type\":[1,0,0],\"categories\":[1],\"categories_nodes\":[0],"     \
    "\"categories_segments\":[0],\"categories_sizes\":[1]}"

#define VECTORS(more)                                                         \
    "{\"tree_param\":{\"num_nodes\":\"3\",\"num_feature\":\"2\","             \
    "\"size_leaf_vector\":\"2\"},\"left_children\":[1,-1,-1],"                \
    "\"split_indices\":[0,0,0],\"split_conditions\":[5E-1,0E0,0E0],"          \
    "\"default_left\":[1,0,0]," more "}"


static const form_t  form_default = {
    ",\"version\":[3,0,0]", "5E-1",
    "\"num_class\":\"0\",\"num_feature\":\"2\",\"num_target\":\"1\"",
    "reg:squarederror", "", NULL, "", "1", "0", STUMP
};


static char *
form_text(const form_t *f)
{
    char  *text, booster[FORM_SIZE];

    snprintf(booster, sizeof(booster), "{\"name\":\"gbtree\",\"model\":{"
             "\"gbtree_model_param\":{\"num_trees\":\"%s\"},"
             "\"tree_info\":[%s],\"trees\":[%s]%s}}", f->trees_n, f->info,
             f->trees, f->model);

    text = malloc(2 * FORM_SIZE);
    assert_non_null(text);

    snprintf(text, 2 * FORM_SIZE, "{\"learner\":{\"learner_model_param\":{"
             "\"base_score\":\"%s\",%s},\"objective\":{\"name\":\"%s\"},"
             "\"gradient_booster\":%s%s}%s}", f->base, f->param, f->objective,
             f->booster ? f->booster : booster, f->learner, f->version);

    return text;
}


static void
form_import(unit_model_t *m, const form_t *f)
{
    char  *text;

    text = form_text(f);
    unit_import_text(m, text, NULL);
    free(text);
}


/* n outputs of a signature for x0, to a relative difference of tol. */

static void
form_expect(const form_t *f, const char *signature, double x0, uint32_t n,
    const double *want, double tol)
{
    double         x[2], out[8];
    uint32_t       i;
    unit_model_t   m;

    form_import(&m, f);

    x[0] = x0;
    x[1] = NAN;
    unit_eval(&m, signature, x, out);

    for (i = 0; i < n; i++) {
        unit_ok(fabs(out[i] - want[i]) <= tol * fabs(want[i]),
                "%s %u of %g: expected %.9g, got %.9g", signature, i, x0,
                want[i], out[i]);
    }

    unit_model_free(&m);
}


static void
form_expect1(const form_t *f, const char *signature, double x0, double want,
    double tol)
{
    form_expect(f, signature, x0, 1, &want, tol);
}


static void
test_base_score(void **state)
{
    form_t        f = form_default;
    const double  two[] = { 0.75, -0.75 };

    (void) state;

    form_expect1(&f, "default", 0, 1.75, 0);
    form_expect1(&f, "default", 0.5, -0.25, 0);
    form_expect1(&f, "default", NAN, 1.75, 0);

    f.base = "[5E-1]";
    form_expect1(&f, "margin", 0, 1.75, 0);

    f.base = " ( 1 ) ";
    form_expect1(&f, "margin", 0, 2.25, 0);

    /* a vector, and one number for all */

    f.param = "\"num_class\":\"0\",\"num_feature\":\"2\","
              "\"num_target\":\"2\"";
    f.trees_n = "2";
    f.info = "0,1";
    f.trees = STUMP "," STUMP;
    f.base = "[-5E-1,-2]";
    form_expect(&f, "default", 0, 2, two, 0);

    /* logit(1/4) = -log 3 */

    f = form_default;
    f.base = "2.5E-1";
    f.objective = "binary:logistic";
    form_expect1(&f, "margin", 0, 1.25 - log(3), 1e-6);
    form_expect1(&f, "default", 0, 0.5377748, 1e-6);

    /* since 3.2 the ends of [0, 1] are kept off by 1e-6 */

    f.version = ",\"version\":[3,2,0]";
    f.base = "[0E0]";
    f.trees = LEAF("0E0");
    form_expect1(&f, "margin", 0, -13.8155096, 1e-6);
    f.base = "[1E0]";

    /* 1 - 1e-6f is 1 - 17 * 2^-24, its reciprocal - 1 is 9 * 2^-23 */

    form_expect1(&f, "margin", 0, -log(9.0 / 8388608), 1e-6);

    /* log 2, and back */

    f.objective = "count:poisson";
    f.base = "2";
    form_expect1(&f, "margin", 0, log(2), 1e-7);
    form_expect1(&f, "default", 0, 2, 1e-6);
}


static void
test_old_file(void **state)
{
    form_t  f = form_default;

    (void) state;

    /* as 1.0 wrote it: no version, no num_target, booleans */

    f.version = "";
    f.param = "\"num_class\":\"0\",\"num_feature\":\"2\"";
    f.trees = "{\"tree_param\":{\"num_nodes\":\"3\",\"num_feature\":\"2\","
              "\"size_leaf_vector\":\"0\"},\"left_children\":[1,-1,-1],"
              "\"right_children\":[2,-1,-1],\"split_indices\":[0,0,0],"
              "\"split_conditions\":[5E-1,1.25E0,-7.5E-1],"
              "\"default_left\":[false,false,false]}";

    form_expect1(&f, "default", 0, 1.75, 0);
    form_expect1(&f, "default", NAN, -0.25, 0);
}


static void
test_dart(void **state)
{
    form_t  f = form_default;

    (void) state;

    /* since 3.4 the weights are in the tree model; a tree without has 1 */

    f.trees_n = "2";
    f.info = "0,0";
    f.trees = STUMP "," LEAF("1E1");
    f.model = ",\"weight_drop\":[5E-1]";
    form_expect1(&f, "default", 0, 0.5 + 0.625 + 10, 0);

    /* float32: 1.25 * 0.1f rounded, then added to 0.5 */

    f.model = ",\"weight_drop\":[1E-1,0E0]";
    form_expect1(&f, "default", 0, (double) (float) (0.5f + (float) (1.25f
                                                     * 0.1f)), 0);

    f.booster = "{\"name\":\"dart\",\"weight_drop\":[5E-1],\"gbtree\":{"
                "\"name\":\"gbtree\",\"model\":{\"gbtree_model_param\":{"
                "\"num_trees\":\"1\"},\"tree_info\":[0],\"trees\":["
                STUMP "]}}}";
    form_expect1(&f, "default", 1, 0.5 - 0.375, 0);
}


static void
test_vector_leaves(void **state)
{
    form_t        f = form_default;
    const double  left[] = { 1.5, 2.25 }, right[] = { 3.5, 4.25 };

    (void) state;

    f.param = "\"num_class\":\"0\",\"num_feature\":\"2\","
              "\"num_target\":\"2\"";
    f.base = "[5E-1,2.5E-1]";

    /* before 3.2: a row a node */

    f.trees = VECTORS("\"right_children\":[2,-1,-1],"
                      "\"base_weights\":[9,9,1,2,3,4]");
    form_expect(&f, "default", 0, 2, left, 0);
    form_expect(&f, "default", 1, 2, right, 0);

    /* since: a row a leaf, which right_children tells */

    f.trees = VECTORS("\"right_children\":[2,1,0],"
                      "\"base_weights\":[9,9,9,9,9,9],"
                      "\"leaf_weights\":[3,4,1,2]");
    form_expect(&f, "default", 0, 2, left, 0);
    form_expect(&f, "default", 1, 2, right, 0);
}


static void
test_links(void **state)
{
    form_t        f = form_default;
    const double  as_is[] = { 3.5, 1.5, 2.5 }, sorted[] = { 1.5, 2.5, 3.5 };
    const double  steps[] = { 1, 0.5413232, 1.8545856 };
    const double  values[] = { 1, 2, 4 };
    const double  soft[] = { 0.5899836, 0.1868105, 0.2232059 };

    (void) state;

    f.param = "\"num_class\":\"0\",\"num_feature\":\"2\","
              "\"num_target\":\"3\"";
    f.objective = "reg:quantileerror";
    f.trees_n = "3";
    f.info = "0,1,2";
    f.trees = LEAF("3E0") "," LEAF("1E0") "," LEAF("2E0");

    form_expect(&f, "default", 0, 3, as_is, 0);

    f.version = ",\"version\":[3,4,0]";
    form_expect(&f, "default", 0, 3, sorted, 0);
    form_expect(&f, "margin", 0, 3, as_is, 0);

    /* expectiles: log(expm1(1 - 1e-6)), log(expm1(2 - 1e-6)) and back */

    f.objective = "reg:expectileerror";
    f.base = "[1,2,4]";
    f.trees = LEAF("0E0") "," LEAF("0E0") "," LEAF("0E0");
    form_expect(&f, "margin", 0, 3, steps, 1e-5);
    form_expect(&f, "default", 0, 3, values, 1e-6);

    f.objective = "multi:softprob";
    f.param = "\"num_class\":\"3\",\"num_feature\":\"2\","
              "\"num_target\":\"1\"";
    f.base = "[1E-1,2E-1,4E-1]";
    f.trees = STUMP "," LEAF("0E0") "," LEAF("-2.2E-2");
    form_expect(&f, "default", 0, 3, soft, 1e-6);

    f.objective = "multi:softmax";
    form_expect1(&f, "default", 0, 0, 0);
    form_expect1(&f, "default", 1, 2, 0);

    /* the sum of a linear model starts from the first intercept */

    f = form_default;
    f.booster = "{\"name\":\"gblinear\",\"model\":{\"weights\":[2,3,4]}}";
    form_expect1(&f, "default", 10, 0.5 + 4 + 20, 0);
}


/* The answer for a string in x0; NULL is a missing one. */

static double
form_string(const unit_model_t *m, const char *text)
{
    void          *scratch;
    uint64_t       present;
    mlops_cell_t   cells[2], out;

    cells[0].s.off = 0;
    cells[0].s.len = text ? (uint32_t) strlen(text) : 0;
    cells[1].f = NAN;
    present = (text != NULL);

    scratch = aligned_alloc(64, mlops_align(
                                mlops_model_scratch_size(m->model) + 1, 64));
    mlops_model_eval(m->model, 0, cells, &present, text, scratch, &out,
                     NULL);
    free(scratch);

    return out.f;
}


static void
test_categories(void **state)
{
    char                  *text;
    form_t                 f = form_default;
    unit_model_t           m;
    const mlops_column_t  *column;

    (void) state;

    /* codes: 1 goes right; 0, others, and what no set can hold go left */

    f.trees = CATEGORIES;
    form_expect1(&f, "default", 1, -0.25, 0);
    form_expect1(&f, "default", 1.9, -0.25, 0);
    form_expect1(&f, "default", 0, 1.75, 0);
    form_expect1(&f, "default", 2, 1.75, 0);
    form_expect1(&f, "default", -1, 1.75, 0);
    form_expect1(&f, "default", 1e9, 1.75, 0);
    form_expect1(&f, "default", NAN, 1.75, 0);

    /* strings: "red", "gr\xc3\xbcn" with bytes as signed numbers */

    f.version = ",\"version\":[3,4,0]";
    f.model = ",\"cats\":{\"enc\":[{\"offsets\":[0,3,8],\"values\":[114,101,"
              "100,103,114,-61,-68,110]},{\"offsets\":[],\"values\":[]}],"
              "\"feature_segments\":[0,2,2],\"sorted_idx\":[1,0]}";
    form_import(&m, &f);

    column = &mlops_model_interface(m.model)->signatures[0].inputs.columns[0];
    assert_int_equal(column->type, MLOPS_TYPE_BYTES);
    assert_int_equal(column->categories_n, 2);
    assert_true(mlops_str_is(&column->categories[1], "gr\xc3\xbcn"));

    assert_true(form_string(&m, "red") == 1.75);
    assert_true(form_string(&m, "gr\xc3\xbcn") == -0.25);
    assert_true(form_string(&m, "blue") == 1.75);
    assert_true(form_string(&m, NULL) == 1.75);
    unit_model_free(&m);

    /* releases before counted characters and cut the bytes: which names
     * they are cannot be told */

    f.version = ",\"version\":[3,3,0]";
    text = form_text(&f);
    unit_refused(text, strlen(text), NULL, "cats.enc[0]: expected names in "
                 "ASCII, got others in a file of release 3.3");
    free(text);

    /* integers, signed and not */

    f.model = ",\"cats\":{\"enc\":[{\"type\":13,\"values\":[7,-3,12]},"
              "{\"offsets\":[],\"values\":[]}]}";
    form_expect1(&f, "default", -3, -0.25, 0);
    form_expect1(&f, "default", 7, 1.75, 0);
    form_expect1(&f, "default", 1, 1.75, 0);

    f.model = ",\"cats\":{\"enc\":[{\"type\":12,\"values\":[7,-1]},"
              "{\"offsets\":[],\"values\":[]}]}";
    form_expect1(&f, "default", 65535, -0.25, 0);
}


/* Where a file is edited, and what is said of it then. */

typedef struct {
    const char  *from;
    const char  *to;
    const char  *reason;
} edit_t;


static const edit_t  edits[] = {
    { "\"left_children\":[1,", "\"left_children\":[0,",
      "trees[0].left_children[0]: expected the number of a node that has no "
      "other parent, got 0" },
    { "\"left_children\":[1,", "\"left_children\":[3,",
      "trees[0].left_children[0]" },
    { "\"left_children\":[1,", "\"left_children\":[-2,",
      "trees[0].left_children[0]" },
    { "\"right_children\":[2,", "\"right_children\":[1,",
      "trees[0].right_children[0]: expected the number of a node that has no "
      "other parent, got 1" },
    { "\"right_children\":[2,-1", "\"right_children\":[2",
      "trees[0].right_children: expected an array of 3, got an array of 2" },
    { "\"split_indices\":[0,", "\"split_indices\":[2,",
      "trees[0].split_indices[0]: expected the number of a feature, got 2" },
    { "\"split_indices\":[0,", "\"split_indices\":[\"0\",",
      "trees[0].split_indices[0]: expected an integer, got \"0\"" },
    { "\"default_left\":[1,", "\"default_left\":[2,",
      "trees[0].default_left[0]: expected 0 or 1, got 2" },
    { "[5E-1,1.25E0", "[NaN,1.25E0",
      "trees[0].split_conditions[0]: expected a threshold" },
    { "[5E-1,1.25E0", "[5E-1,NaN",
      "trees[0].split_conditions[1]: expected a finite leaf value" },
    { "[5E-1,1.25E0", "[5E-1,Infinity",
      "trees[0].split_conditions[1]: expected a finite leaf value" },
    { "\"num_nodes\":\"3\"", "\"num_nodes\":\"0\"",
      "tree_param.num_nodes: expected an integer from 1 to 2147483647, got "
      "\"0\"" },
    { "\"num_nodes\":\"3\"", "\"num_nodes\":\"2000000000\"",
      "left_children: expected an array of 2000000000, got an array of 3" },
    { "\"size_leaf_vector\":\"1\"", "\"size_leaf_vector\":\"2\"",
      "tree_param: expected leaves of 1 values" },
    { "\"num_trees\":\"1\"", "\"num_trees\":\"2\"",
      "model.trees: expected an array of 2 objects, got an array of 1" },
    { "\"num_trees\":\"1\"", "\"num_trees\":\"99999999999\"",
      "gbtree_model_param.num_trees: expected an integer" },
    { "\"tree_info\":[0]", "\"tree_info\":[1]",
      "tree_info[0]: expected the number of an output, got 1" },
    { "\"tree_info\":[0]", "\"tree_info\":[]",
      "tree_info: expected an array of 1, got an array of 0" },
    { "\"tree_info\":[0]", "\"iteration_indptr\":[0,2],\"tree_info\":[0]",
      "iteration_indptr[1]" },
    { "\"tree_info\":[0]", "\"weight_drop\":[1,1],\"tree_info\":[0]",
      "at most one weight_drop a tree, got 2 for 1" },
    { "\"tree_info\":[0]", "\"weight_drop\":[NaN],\"tree_info\":[0]",
      "weight_drop[0]: expected a finite number" },
    { "\"base_score\":\"5E-1\"", "\"base_score\":\"NaN\"",
      "learner.learner_model_param.base_score: expected finite numbers" },
    { "\"base_score\":\"5E-1\"", "\"base_score\":\"\"",
      "base_score: expected finite numbers, got \"\"" },
    { "\"base_score\":\"5E-1\"", "\"base_score\":\"[5E-1\"",
      "base_score: expected a list that ends in ']'" },
    { "\"base_score\":\"5E-1\"", "\"base_score\":\"[1,2]\"",
      "base_score: expected one number, or one for each of 1 outputs" },
    { "\"base_score\":\"5E-1\"", "\"base_score\":\"1 2\"",
      "base_score: expected one number" },
    { "\"base_score\":\"5E-1\"", "\"base_score\":0.5",
      "base_score: expected a string, got 0.5" },
    { "\"num_feature\":\"2\",\"num_target\"",
      "\"num_feature\":\"0\",\"num_target\"",
      "num_feature: expected an integer from 1 to 32767, got \"0\"" },
    { "\"num_feature\":\"2\",\"num_target\"",
      "\"num_feature\":\"4000000000\",\"num_target\"", "num_feature" },
    { "\"num_class\":\"0\"", "\"num_class\":\"1000000000\"",
      "expected at most 1048576 outputs" },
    { "\"num_class\":\"0\"", "\"num_class\":\"1000000\"",
      "expected a leaf for each of 1000000 outputs, got 2" },
    { "\"num_class\":\"0\"", "\"num_class\":\"x\"",
      "num_class: expected an integer from 0 to 2147483647, got \"x\"" },
    { "reg:squarederror", "reg:squared",
      "expected an objective known here, got \"reg:squared\"" },
    { "\"name\":\"gbtree\"", "\"name\":\"gbforest\"",
      "gradient_booster.name: expected gbtree, dart or gblinear, got "
      "\"gbforest\"" },
    { "\"name\":\"gbtree\"", "\"name\":7",
      "gradient_booster.name: expected a string, got 7" },
    { "\"name\":\"gbtree\"", "\"name\":\"gblinear\"",
      "model.weights: expected an array of 3, got nothing" },
    { "\"name\":\"gbtree\"", "\"name\":\"dart\"",
      "gradient_booster.gbtree: expected an object, got nothing" },
    { "\"objective\":{", "\"feature_names\":[\"a\"],\"objective\":{",
      "learner.feature_names: expected an array of 2 names" },
    { "\"objective\":{", "\"feature_names\":[\"a\",1],\"objective\":{",
      "learner.feature_names[1]: expected a name, got 1" },
    { "\"objective\":{", "\"feature_names\":[\"a\",\"a\"],\"objective\":{",
      "\"a\"" },
    { "\"trees\":[{", "\"trees\":[7,{",
      "model.trees: expected an array of 1" },
    { "\"trees\":[{", "\"trees\":{\"0\":{", "" },
    { "\"version\":[3,0,0]", "\"version\":[3,0]",
      "version: expected an array of 3" },
    { "\"tree_info\":[0]",
      "\"cats\":{\"enc\":[{\"offsets\":[0,9],\"values\":[65]},{}]},"
      "\"tree_info\":[0]",
      "cats.enc[0].offsets[1]: expected an ascending number up to 1, got 9" },
    { "\"tree_info\":[0]",
      "\"cats\":{\"enc\":[{\"type\":7,\"values\":[65]},{}]},"
      "\"tree_info\":[0]", "cats.enc[0].type: expected an integer from 9" },
    { "\"tree_info\":[0]", "\"cats\":{\"enc\":[{}]},\"tree_info\":[0]",
      "cats.enc: expected an array of 2 objects" },

    /* the rest edits a categorical tree */

    { "\"split_type\":[1,", "\"split_type\":[2,",
      "categories_nodes[0]: expected the number of a node of split_type 1" },
    { "\"split_type\":[1,0", "\"split_type\":[1,1",
      "split_type[1]: expected 0, or 1 for a node with categories" },
    { "\"categories_sizes\":[1]", "\"categories_sizes\":[2]",
      "categories_sizes[0]" },
    { "\"categories_sizes\":[1]", "\"categories_sizes\":[0]",
      "categories_sizes[0]" },
    { "\"categories_segments\":[0]", "\"categories_segments\":[-1]",
      "categories_segments[0]" },
    { "\"categories_segments\":[0]", "\"categories_segments\":[2]",
      "categories_segments[0]" },
    { "\"categories_nodes\":[0]", "\"categories_nodes\":[3]",
      "categories_nodes[0]" },
    { "\"categories\":[1]", "\"categories\":[-1]",
      "categories[0]: expected a code from 0 to 16777215, got -1" },
    { "\"categories\":[1]", "\"categories\":[16777215]",
      "node 0: expected categories in proportion to the file" }
};


static void
test_refused(void **state)
{
    char         *text, *edited, *at;
    size_t        i, len;
    form_t        f = form_default;

    (void) state;

    text = form_text(&f);

    for (i = 0; i < mlops_nitems(edits); i++) {

        if (strstr(text, edits[i].from) == NULL) {
            free(text);
            f.trees = CATEGORIES;
            text = form_text(&f);
        }

        at = strstr(text, edits[i].from);
        unit_ok(at != NULL, "no \"%s\"", edits[i].from);

        edited = malloc(strlen(text) + strlen(edits[i].to) + 1);
        len = (size_t) (at - text);
        memcpy(edited, text, len);
        strcpy(edited + len, edits[i].to);
        strcat(edited, at + strlen(edits[i].from));

        unit_refused(edited, strlen(edited), NULL, edits[i].reason);
        free(edited);
    }

    free(text);
}


/* A tree of 512 levels is taken, one of 513 is not. */

static void
test_depth(void **state)
{
    char      *tree, *text, *p;
    uint32_t   i, k, n, levels;

    (void) state;

    for (levels = 512; levels <= 513; levels++) {
        n = 2 * levels + 1;
        tree = malloc(n * 40 + 1024);
        p = tree + sprintf(tree, "{\"tree_param\":{\"num_nodes\":\"%u\","
                           "\"num_feature\":\"2\"}", n);

        for (k = 0; k < 5; k++) {
            static const char *const  keys[] = {
                "left_children", "right_children", "split_indices",
                "split_conditions", "default_left"
            };

            p += sprintf(p, ",\"%s\":[", keys[k]);

            for (i = 0; i < n; i++) {
                /* even nodes go down, odd ones are leaves */
                p += sprintf(p, "%s%d", i ? "," : "",
                             k > 1 ? 0
                             : (i % 2 || i == n - 1) ? -1
                             : (int) (i + 1 + k));
            }

            p += sprintf(p, "]");
        }

        sprintf(p, "}");

        text = malloc(strlen(tree) + FORM_SIZE);
        sprintf(text, "{\"learner\":{\"learner_model_param\":{\"base_score\":"
                "\"0\",\"num_feature\":\"2\"},\"objective\":{\"name\":"
                "\"reg:squarederror\"},\"gradient_booster\":{\"name\":"
                "\"gbtree\",\"model\":{\"gbtree_model_param\":{\"num_trees\":"
                "\"1\"},\"tree_info\":[0],\"trees\":[%s]}}}}", tree);

        if (levels == 512) {
            unit_model_t  m;
            double        x[2] = { 1, 1 }, out;

            unit_import_text(&m, text, NULL);
            unit_eval(&m, "default", x, &out);
            assert_true(out == 0);
            unit_model_free(&m);

        } else {
            unit_refused(text, strlen(text), NULL, "trees[0]: expected a "
                         "depth of at most 512, got more");
        }

        free(text);
        free(tree);
    }
}


static void
test_not_a_model(void **state)
{
    (void) state;

    unit_refused("", 0, NULL, "expected a model file, got an empty one");
    unit_refused("binf\0\0\0", 7, NULL, "old binary format");
    unit_refused("\x80\x04\x95", 3, NULL, "got a pickle");
    unit_refused("{}", 2, NULL, "expected an XGBoost model");
    unit_refused("[1]", 3, NULL, "expected an XGBoost model");
    unit_refused("{\"learner\":{}}", 14, NULL, "expected an XGBoost model");
    unit_refused("{\"learner\":{\"gradient_booster\":0}}", 34, NULL,
                 "learner.learner_model_param: expected an object, got "
                 "nothing");
    unit_refused("{\"a\":1", 6, NULL, "");
    unit_refused("{L", 2, NULL, "UBJSON, byte 2");
}


/* An objective of another release: its margins can be had. */

static void
test_unknown_objective(void **state)
{
    char                    *text;
    double                   x[2] = { 0, 0 }, out;
    form_t                   f = form_default;
    unit_model_t             m;
    mlops_import_options_t   options;

    (void) state;

    memset(&options, 0, sizeof(options));
    options.outputs = "margin";

    f.objective = "reg:new";
    text = form_text(&f);
    unit_import_text(&m, text, &options);
    unit_eval(&m, "margin", x, &out);
    assert_true(out == 1.75);

    unit_model_free(&m);
    free(text);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_base_score),
        cmocka_unit_test(test_old_file),
        cmocka_unit_test(test_dart),
        cmocka_unit_test(test_vector_leaves),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_categories),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_not_a_model),
        cmocka_unit_test(test_unknown_objective)
    };

    return unit_run(tests);
}
