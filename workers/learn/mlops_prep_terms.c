/*
 * The fitter of polynomial: products of the inputs up to a degree.
 *
 * Terms, order and names are scikit-learn's PolynomialFeatures: by degree,
 * then combinations of inputs in their order; "wght^2", "wght year".  Each
 * is the product of a term of one degree less and an input, so that a degree
 * is one step.  Without a prefix the terms of degree 1 are the inputs
 * themselves; with one they are copied, so that "prefix*" has all.
 */

#include "mlops_prep.h"
#include "mlops_fitters.h"


#define MLOPS_PREP_TERMS   4096
#define MLOPS_PREP_DEGREE  8


typedef struct {
    uint8_t      inputs_n;
    uint16_t     inputs[MLOPS_PREP_DEGREE];     /* ascending */
    uint32_t     parent;        /* the term without the last input */
    mlops_str_t  name;
} mlops_prep_term_t;


typedef struct {
    mlops_fit_t         *fit;
    int64_t              degree;
    int                  mixed;         /* interactions only */
    int                  bias;
    mlops_str_t         *inputs;
    uint32_t             n;
    mlops_prep_term_t   *terms;
} mlops_prep_terms_t;


static int mlops_prep_terms_keys(mlops_fit_t *fit, mlops_prep_terms_t *all);
static int mlops_prep_terms_check(mlops_fit_t *fit);
static int mlops_prep_terms_run(mlops_fit_t *fit);
static int mlops_prep_terms_first(mlops_prep_terms_t *all);
static int mlops_prep_terms_next(mlops_prep_terms_t *all, uint32_t from,
    uint32_t to);
static int mlops_prep_terms_name(mlops_prep_terms_t *all,
    mlops_prep_term_t *term);


static const char *const  mlops_prep_terms_names[] = {
    "degree", "interaction_only", "include_bias", NULL
};


const mlops_fitter_t  mlops_fit_polynomial = {
    "polynomial", "terms", MLOPS_FIT_VARYING|MLOPS_FIT_STATELESS,
    mlops_prep_terms_names, mlops_prep_terms_check, mlops_prep_terms_run,
    NULL
};


static int
mlops_prep_terms_keys(mlops_fit_t *fit, mlops_prep_terms_t *all)
{
    all->fit = fit;
    all->n = 0;

    if (mlops_field_int(fit->field, fit->step, "degree", 1,
                        MLOPS_PREP_DEGREE, 2, &all->degree)
        != MLOPS_OK
        || mlops_fit_flag(fit, "interaction_only", 0, &all->mixed)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return mlops_fit_flag(fit, "include_bias", 0, &all->bias);
}


static int
mlops_prep_terms_check(mlops_fit_t *fit)
{
    mlops_prep_terms_t  all;

    return mlops_prep_terms_keys(fit, &all);
}


static int
mlops_prep_terms_run(mlops_fit_t *fit)
{
    int64_t             d;
    uint32_t            from, to;
    mlops_str_t         one;
    mlops_prep_terms_t  all;

    if (mlops_prep_terms_keys(fit, &all) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (fit->train->columns_n > MLOPS_PREP_TERMS) {
        return mlops_field_error(fit->field, "inputs: expected at most %u, "
                                 "got %u", MLOPS_PREP_TERMS,
                                 fit->train->columns_n);
    }

    all.inputs = mlops_fit_inputs(fit);
    all.terms = mlops_arena_alloc(fit->field->arena, MLOPS_PREP_TERMS
                                                   * sizeof(*all.terms));
    if (all.inputs == NULL || all.terms == NULL) {
        return mlops_field_memory(fit->field);
    }

    if (all.bias) {

        /* x^0, of a missing x as well */

        one = mlops_fit_name(fit, "%.*s1", mlops_fmt(&fit->prefix));
        if (one.data == NULL) {
            return MLOPS_ERROR;
        }

        mlops_prep_binary(fit, "pow", all.inputs, &one, 1, &(double) { 0 });
    }

    if (mlops_prep_terms_first(&all) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (d = 2, from = 0; d <= all.degree; d++) {
        to = all.n;

        if (mlops_prep_terms_next(&all, from, to) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        from = to;
    }

    if (fit->steps->len == 0) {
        return mlops_field_error(fit->field, "no terms beyond the inputs: "
                                 "expected a degree of 2 or more, a second "
                                 "input, or a prefix");
    }

    mlops_fit_report(fit, "terms");
    mlops_import_text(fit->report, "%u", all.n + all.bias);

    return mlops_prep_done(fit);
}


static int
mlops_prep_terms_first(mlops_prep_terms_t *all)
{
    uint32_t      j, n;
    mlops_str_t  *names;
    mlops_fit_t  *fit;

    fit = all->fit;
    n = fit->train->columns_n;

    names = mlops_arena_alloc(fit->field->arena, n * sizeof(mlops_str_t));
    if (names == NULL) {
        return mlops_field_memory(fit->field);
    }

    for (j = 0; j < n; j++) {
        all->terms[j].inputs_n = 1;
        all->terms[j].inputs[0] = (uint16_t) j;
        all->terms[j].name = all->inputs[j];

        if (fit->prefix.len > 0
            && mlops_prep_terms_name(all, &all->terms[j]) != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        names[j] = all->terms[j].name;
    }

    all->n = n;

    if (fit->prefix.len > 0) {
        mlops_fit_step(fit, "unary", all->inputs, n, names, n);
        mlops_fit_put_text(fit->steps, "op", "identity");
        mlops_fit_end(fit);
    }

    return MLOPS_OK;
}


/* From the terms of one degree, those of the next, and their step. */

static int
mlops_prep_terms_next(mlops_prep_terms_t *all, uint32_t from, uint32_t to)
{
    uint32_t            i, j, n, last;
    mlops_str_t        *operands, *names;
    mlops_fit_t        *fit;
    mlops_prep_term_t  *term;

    fit = all->fit;

    for (i = from; i < to; i++) {
        last = all->terms[i].inputs[all->terms[i].inputs_n - 1];

        for (j = last + !!all->mixed; j < fit->train->columns_n; j++) {
            if (all->n == MLOPS_PREP_TERMS) {
                return mlops_field_error(fit->field, "degree: more than %u "
                                         "terms of %u inputs",
                                         MLOPS_PREP_TERMS,
                                         fit->train->columns_n);
            }

            term = &all->terms[all->n];
            *term = all->terms[i];
            term->inputs[term->inputs_n++] = (uint16_t) j;
            term->parent = i;

            if (mlops_prep_terms_name(all, term) != MLOPS_OK) {
                return MLOPS_ERROR;
            }

            all->n++;
        }
    }

    n = all->n - to;

    if (n == 0) {
        return MLOPS_OK;
    }

    operands = mlops_arena_alloc(fit->field->arena,
                                 2 * n * sizeof(mlops_str_t));
    names = mlops_arena_alloc(fit->field->arena, n * sizeof(mlops_str_t));

    if (operands == NULL || names == NULL) {
        return mlops_field_memory(fit->field);
    }

    for (i = 0; i < n; i++) {
        term = &all->terms[to + i];
        names[i] = term->name;
        operands[i] = all->terms[term->parent].name;
        operands[n + i] = all->inputs[term->inputs[term->inputs_n - 1]];
    }

    mlops_fit_step(fit, "binary", operands, 2 * n, names, n);
    mlops_fit_put_text(fit->steps, "op", "mul");
    mlops_fit_end(fit);

    return MLOPS_OK;
}


/* Inputs with a space between, the power of one that repeats behind it. */

static int
mlops_prep_terms_name(mlops_prep_terms_t *all, mlops_prep_term_t *term)
{
    int           more;
    uint32_t      i, power;
    mlops_str_t  *input;

    term->name = all->fit->prefix;
    more = 0;

    for (i = 0; i < term->inputs_n; i += power) {
        input = &all->inputs[term->inputs[i]];

        for (power = 1; i + power < term->inputs_n
                        && term->inputs[i + power] == term->inputs[i];
             power++)
        {
            /* void */
        }

        term->name = mlops_fit_name(all->fit, power > 1 ? "%.*s%s%.*s^%u"
                                                        : "%.*s%s%.*s",
                                    mlops_fmt(&term->name), more ? " " : "",
                                    mlops_fmt(input), power);

        if (term->name.data == NULL) {
            return MLOPS_ERROR;
        }

        more = 1;
    }

    return MLOPS_OK;
}
