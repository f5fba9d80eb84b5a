/*
 * May trees of an image be gone on from?  Their margins have to mean what the
 * fit's mean: the same objective, target and classes.
 *
 * An image that was trained here says all three in its facts.  Of another
 * one the objective is told by the link behind its trees; target and classes
 * are not known.
 */

#include "mlops_gbdt_fit.h"
#include "mlops_fit_labels.h"
#include "mlops_learn_recipe.h"
#include "mlops_trained.h"

#include <stdio.h>


typedef enum {
    MLOPS_GBDT_LINK_NONE = 0,
    MLOPS_GBDT_LINK_SIGMOID,
    MLOPS_GBDT_LINK_SOFTMAX,
    MLOPS_GBDT_LINK_EXP,
    MLOPS_GBDT_LINK_OTHER
} mlops_gbdt_link_t;


static int mlops_gbdt_parent_objective(mlops_fit_t *fit,
    mlops_gbdt_objective_t objective, const char *whose,
    const mlops_trained_t *trained, int *told);
static int mlops_gbdt_parent_labels(mlops_fit_t *fit, const char *whose,
    const mlops_trained_t *trained);
static int mlops_gbdt_parent_steps(mlops_fit_t *fit,
    mlops_gbdt_objective_t objective, const char *whose,
    const mlops_model_t *model, const mlops_image_step_t *trees);
static int mlops_gbdt_link_behind(mlops_fit_t *fit,
    const mlops_model_t *model, const mlops_image_step_t *trees,
    mlops_gbdt_link_t *found);
static mlops_gbdt_link_t mlops_gbdt_link_of(const mlops_image_step_t *step);


int
mlops_gbdt_check_parent(mlops_fit_t *fit, const mlops_gbdt_keys_t *keys,
    const mlops_model_t *model, const mlops_image_step_t *trees)
{
    int               rc, told;
    char              whose[128];
    mlops_err_t       err;
    mlops_trained_t   trained;

    (void) snprintf(whose, sizeof(whose), "the trees of \"%.*s\"",
                    (int) (keys->start.len < 80 ? keys->start.len : 80),
                    keys->start.data);

    rc = mlops_trained_read(&trained, model, fit->field->arena, &err);

    if (rc == MLOPS_ERROR) {
        return mlops_field_error(fit->field, "%s", err.text);
    }

    told = 0;

    if (rc == MLOPS_OK
        && mlops_gbdt_parent_objective(fit, keys->options.objective, whose,
                                       &trained, &told)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (!told
        && mlops_gbdt_parent_steps(fit, keys->options.objective, whose, model,
                                   trees)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return (rc == MLOPS_OK) ? mlops_gbdt_parent_labels(fit, whose, &trained)
                            : MLOPS_OK;
}


/* An image has one step of trees: so it has at most one such report. */

static int
mlops_gbdt_parent_objective(mlops_fit_t *fit,
    mlops_gbdt_objective_t objective, const char *whose,
    const mlops_trained_t *trained, int *told)
{
    const char         *wanted;
    const mlops_doc_t  *steps, *step, *name;

    steps = mlops_doc_get(trained->training, "steps");
    step = (steps != NULL && steps->type == MLOPS_DOC_ARRAY)
           ? steps->v.child : NULL;

    for (/* void */ ; step != NULL; step = step->next) {
        name = mlops_doc_get(step, "fit");

        if (name == NULL || name->type != MLOPS_DOC_STRING
            || !mlops_str_is(&name->v.text, "gbdt"))
        {
            continue;
        }

        name = mlops_doc_get(mlops_doc_get(step, "report"), "objective");

        if (name == NULL || name->type != MLOPS_DOC_STRING) {
            continue;
        }

        wanted = mlops_gbdt_objective_name(objective);
        *told = 1;

        if (!mlops_str_eq(&name->v.text, wanted, strlen(wanted))) {
            return mlops_field_error(fit->field, "expected %s to be for the "
                                     "objective \"%s\", got \"%.*s\"", whose,
                                     wanted, mlops_fmt(&name->v.text));
        }
    }

    return MLOPS_OK;
}


static int
mlops_gbdt_parent_labels(mlops_fit_t *fit, const char *whose,
    const mlops_trained_t *trained)
{
    mlops_err_t           err;
    mlops_learn_recipe_t  recipe;

    if (mlops_learn_recipe_read(&recipe, trained->recipe.data,
                                trained->recipe.len, NULL, trained->set,
                                trained->set_n, NULL, 0, fit->field->arena,
                                &err)
        != MLOPS_OK)
    {
        return mlops_field_error(fit->field, "the recipe in its facts: %s",
                                 err.text);
    }

    return mlops_fit_labels_check(fit, whose, &recipe.target->v.text,
                                  trained->classes);
}


static int
mlops_gbdt_parent_steps(mlops_fit_t *fit, mlops_gbdt_objective_t objective,
    const char *whose, const mlops_model_t *model,
    const mlops_image_step_t *trees)
{
    mlops_gbdt_link_t  link, wanted;

    static const char *const  links[] = {
        "no link behind them", "the link of \"logistic\" behind them",
        "the link of \"softmax\" behind them",
        "the link of \"poisson\" behind them",
        "a step behind them that is no objective's link"
    };

    switch (objective) {

    case MLOPS_GBDT_LOGISTIC:
        wanted = MLOPS_GBDT_LINK_SIGMOID;
        break;

    case MLOPS_GBDT_SOFTMAX:
        wanted = MLOPS_GBDT_LINK_SOFTMAX;
        break;

    case MLOPS_GBDT_POISSON:
        wanted = MLOPS_GBDT_LINK_EXP;
        break;

    default:
        wanted = MLOPS_GBDT_LINK_NONE;
        break;
    }

    link = MLOPS_GBDT_LINK_NONE;

    if (mlops_gbdt_link_behind(fit, model, trees, &link) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (link == wanted) {
        return MLOPS_OK;
    }

    return mlops_field_error(fit->field, "expected %s to be for the objective"
                             " \"%s\", got %s", whose,
                             mlops_gbdt_objective_name(objective),
                             links[link]);
}


/* What the steps that read the trees' cells, or copies of them, make of them:
 * the first that is a link.  Steps read only cells of steps before them. */

static int
mlops_gbdt_link_behind(mlops_fit_t *fit, const mlops_model_t *model,
    const mlops_image_step_t *trees, mlops_gbdt_link_t *found)
{
    uint8_t                   *margins;
    uint32_t                   i, k, n, steps_n, cells_n;
    const uint32_t            *lists;
    mlops_gbdt_link_t          link;
    const mlops_image_step_t  *steps, *step;

    steps = mlops_model_section(model, MLOPS_SECTION_STEPS, &steps_n);
    lists = mlops_model_section(model, MLOPS_SECTION_LISTS, &n);

    (void) mlops_model_section(model, MLOPS_SECTION_CELLS, &cells_n);

    for (i = 0; i < steps_n; i++) {
        k = steps[i].out + steps[i].out_n;
        cells_n = (k > cells_n) ? k : cells_n;
    }

    margins = mlops_arena_calloc(fit->field->arena, cells_n + 1u, 1);
    if (margins == NULL) {
        return mlops_field_memory(fit->field);
    }

    memset(margins + trees->out, 1, trees->out_n);

    for (i = 0; i < steps_n; i++) {
        step = &steps[i];

        for (k = 0; k < step->in.n; k++) {
            if (margins[lists[step->in.first + k]]) {
                break;
            }
        }

        if (k == step->in.n) {
            continue;
        }

        link = mlops_gbdt_link_of(step);

        if (link == MLOPS_GBDT_LINK_NONE) {
            memset(margins + step->out, 1, step->out_n);

        } else if (*found == MLOPS_GBDT_LINK_NONE
                   || *found == MLOPS_GBDT_LINK_OTHER)
        {
            *found = link;
        }
    }

    return MLOPS_OK;
}


static mlops_gbdt_link_t
mlops_gbdt_link_of(const mlops_image_step_t *step)
{
    switch (step->kind) {

    case MLOPS_STEP_SOFTMAX:
    case MLOPS_STEP_ARGMAX:
        return MLOPS_GBDT_LINK_SOFTMAX;

    case MLOPS_STEP_UNARY:
        break;

    default:
        return MLOPS_GBDT_LINK_OTHER;
    }

    switch (step->op) {

    case MLOPS_UNARY_IDENTITY:
        return MLOPS_GBDT_LINK_NONE;

    case MLOPS_UNARY_SIGMOID:
    case MLOPS_UNARY_XGB_SIGMOID:
        return MLOPS_GBDT_LINK_SIGMOID;

    case MLOPS_UNARY_EXP:
        return MLOPS_GBDT_LINK_EXP;

    default:
        return MLOPS_GBDT_LINK_OTHER;
    }
}
