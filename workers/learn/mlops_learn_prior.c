/*
 * Correction of a learner's probabilities for classes of which only a part
 * was learned from.
 *
 * Where a row of class c was kept with probability f(c), what is learned is
 * proportional to p(c) f(c); so
 *
 *     p(c) = q(c) / f(c) / sum of q(k) / f(k)
 *
 * which for two classes and q of class 1 is
 *
 *     p = f(0) q / (f(1) + (f(0) - f(1)) q)
 *
 * and of scores before softmax or sigmoid a shift by logarithms (King and
 * Zeng, "Logistic Regression in Rare Events Data", 2001, section 4.1).
 */

#include "mlops_learn_run.h"
#include "mlops_math.h"

#include <stdio.h>


#define MLOPS_LEARN_SUFFIX  ":sampled"


static int mlops_learn_suffixed(const mlops_str_t **names, uint32_t n,
    mlops_arena_t *arena);
static void mlops_learn_correct_two(const mlops_learn_run_t *run,
    const mlops_str_t *name, const mlops_str_t *from,
    mlops_import_text_t *text);
static void mlops_learn_correct_many(const mlops_learn_run_t *run,
    const mlops_doc_t *outputs, const mlops_fit_t *fit,
    mlops_import_text_t *text);
static void mlops_learn_correct_margin(const mlops_learn_run_t *run,
    const mlops_doc_t *margin, const mlops_fit_t *fit,
    mlops_import_text_t *text);
static void mlops_learn_quote(mlops_import_text_t *text,
    const mlops_str_t *name, const char *suffix);


static inline int
mlops_learn_is_sampled(const mlops_learn_run_t *run,
    const mlops_learn_step_t *step)
{
    return run->keep != NULL && (step->fitter->flags & MLOPS_FIT_LEARNER);
}


int
mlops_learn_corrected_names(mlops_learn_run_t *run,
    const mlops_learn_step_t *step, mlops_fit_t *fit, mlops_arena_t *arena)
{
    if (!mlops_learn_is_sampled(run, step)) {
        return MLOPS_OK;
    }

    if (!(fit->outputs_n == 1 && run->classes_n == 2)
        && fit->outputs_n != run->classes_n)
    {
        return mlops_field_error(&run->recipe.field, "train.sample: expected "
                                 "a learner of probabilities, got one with %u "
                                 "outputs for %u classes", fit->outputs_n,
                                 run->classes_n);
    }

    if (mlops_learn_suffixed(&fit->outputs, fit->outputs_n, arena)
        != MLOPS_OK
        || mlops_learn_suffixed(&fit->margin, fit->margin_n, arena)
           != MLOPS_OK)
    {
        return mlops_field_memory(&run->recipe.field);
    }

    return MLOPS_OK;
}


static int
mlops_learn_suffixed(const mlops_str_t **names, uint32_t n,
    mlops_arena_t *arena)
{
    char         *p;
    uint32_t      i;
    mlops_str_t  *to;

    to = mlops_arena_alloc(arena, n * sizeof(mlops_str_t));
    if (to == NULL) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < n; i++) {
        to[i].len = (*names)[i].len + sizeof(MLOPS_LEARN_SUFFIX) - 1;

        p = mlops_arena_alloc(arena, to[i].len);
        if (p == NULL) {
            return MLOPS_ERROR;
        }

        memcpy(p, (*names)[i].data, (*names)[i].len);
        memcpy(p + (*names)[i].len, MLOPS_LEARN_SUFFIX,
               sizeof(MLOPS_LEARN_SUFFIX) - 1);
        to[i].data = p;
    }

    *names = to;

    return MLOPS_OK;
}


int
mlops_learn_correct(mlops_learn_run_t *run, const mlops_learn_step_t *step,
    const mlops_fit_t *fit, mlops_import_text_t *text)
{
    const mlops_doc_t  *outputs, *margin;

    if (!mlops_learn_is_sampled(run, step)) {
        return MLOPS_OK;
    }

    outputs = mlops_doc_get(step->doc, "outputs");
    margin = mlops_doc_get(step->doc, "margin");

    if (fit->outputs_n == 1) {
        mlops_learn_correct_two(run, &outputs->v.child->v.text,
                                &fit->outputs[0], text);

    } else {
        mlops_learn_correct_many(run, outputs, fit, text);
    }

    if (margin != NULL && fit->margin_n != 0) {
        mlops_learn_correct_margin(run, margin, fit, text);
    }

    return MLOPS_OK;
}


static void
mlops_learn_correct_two(const mlops_learn_run_t *run,
    const mlops_str_t *name, const mlops_str_t *from,
    mlops_import_text_t *text)
{
    const double  *f;

    f = run->keep;

    mlops_import_text(text, ",\n{\"kind\":\"affine\",\"inputs\":[");
    mlops_learn_quote(text, from, "");
    mlops_import_text(text, "],\"weights\":[[%.17g],[%.17g]],"
                      "\"bias\":[0,%.17g],\"outputs\":[", f[0], f[0] - f[1],
                      f[1]);
    mlops_learn_quote(text, name, ":above");
    mlops_import_text(text, ",");
    mlops_learn_quote(text, name, ":below");
    mlops_import_text(text, "]},\n{\"kind\":\"binary\",\"op\":\"div\","
                      "\"inputs\":[");
    mlops_learn_quote(text, name, ":above");
    mlops_import_text(text, ",");
    mlops_learn_quote(text, name, ":below");
    mlops_import_text(text, "],\"outputs\":[");
    mlops_learn_quote(text, name, "");
    mlops_import_text(text, "]}");
}


static void
mlops_learn_correct_many(const mlops_learn_run_t *run,
    const mlops_doc_t *outputs, const mlops_fit_t *fit,
    mlops_import_text_t *text)
{
    uint32_t            i, n;
    const mlops_str_t  *first;
    const mlops_doc_t  *doc;

    n = fit->outputs_n;
    first = &outputs->v.child->v.text;

    mlops_import_text(text, ",\n{\"kind\":\"binary\",\"op\":\"mul\","
                      "\"inputs\":[");

    for (i = 0; i < n; i++) {
        mlops_import_text(text, i ? "," : "");
        mlops_learn_quote(text, &fit->outputs[i], "");
    }

    mlops_import_text(text, "],\"constant\":[");

    for (i = 0; i < n; i++) {
        mlops_import_text(text, "%s%.17g", i ? "," : "", 1 / run->keep[i]);
    }

    mlops_import_text(text, "],\"outputs\":[");

    for (i = 0; i < n; i++) {
        mlops_import_text(text, i ? "," : "");
        mlops_learn_quote(text, &fit->outputs[i], ":above");
    }

    mlops_import_text(text, "]},\n{\"kind\":\"affine\",\"inputs\":[");

    for (i = 0; i < n; i++) {
        mlops_import_text(text, i ? "," : "");
        mlops_learn_quote(text, &fit->outputs[i], ":above");
    }

    mlops_import_text(text, "],\"weights\":[");

    for (i = 0; i < n; i++) {
        mlops_import_text(text, i ? ",1" : "1");
    }

    mlops_import_text(text, "],\"outputs\":[");
    mlops_learn_quote(text, first, ":below");
    mlops_import_text(text, "]},\n{\"kind\":\"binary\",\"op\":\"div\","
                      "\"inputs\":[");

    for (i = 0; i < n; i++) {
        mlops_import_text(text, i ? "," : "");
        mlops_learn_quote(text, &fit->outputs[i], ":above");
    }

    for (i = 0; i < n; i++) {
        mlops_import_text(text, ",");
        mlops_learn_quote(text, first, ":below");
    }

    mlops_import_text(text, "],\"outputs\":[");

    for (i = 0, doc = outputs->v.child; i < n; i++, doc = doc->next) {
        mlops_import_text(text, i ? "," : "");
        mlops_learn_quote(text, &doc->v.text, "");
    }

    mlops_import_text(text, "]}");
}


static void
mlops_learn_correct_margin(const mlops_learn_run_t *run,
    const mlops_doc_t *margin, const mlops_fit_t *fit,
    mlops_import_text_t *text)
{
    double              shift;
    uint32_t            i;
    const mlops_doc_t  *doc;

    mlops_import_text(text, ",\n{\"kind\":\"binary\",\"op\":\"add\","
                      "\"inputs\":[");

    for (i = 0; i < fit->margin_n; i++) {
        mlops_import_text(text, i ? "," : "");
        mlops_learn_quote(text, &fit->margin[i], "");
    }

    mlops_import_text(text, "],\"constant\":[");

    for (i = 0; i < fit->margin_n; i++) {
        shift = (fit->margin_n == 1)
                ? mlops_log(run->keep[0]) - mlops_log(run->keep[1])
                : -mlops_log(run->keep[i < run->classes_n ? i : 0]);

        mlops_import_text(text, "%s%.17g", i ? "," : "", shift);
    }

    mlops_import_text(text, "],\"outputs\":[");

    for (i = 0, doc = margin->v.child; i < fit->margin_n;
         i++, doc = doc->next)
    {
        mlops_import_text(text, i ? "," : "");
        mlops_learn_quote(text, &doc->v.text, "");
    }

    mlops_import_text(text, "]}");
}


static void
mlops_learn_quote(mlops_import_text_t *text, const mlops_str_t *name,
    const char *suffix)
{
    mlops_import_quote(text, name->data, name->len);

    if (suffix[0] != '\0' && !text->failed) {
        text->len--;                            /* the closing quote */
        mlops_import_text(text, "%s\"", suffix);
    }
}
