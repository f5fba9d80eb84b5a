/*
 * Labels of two fits compared.
 *
 * Classes that are numbers have their %.17g as the name, as in fit->classes.
 */

#include "mlops_fit_labels.h"
#include "mlops_fit_key.h"

#include <stdio.h>


static const mlops_str_t *mlops_fit_labels_classes(mlops_fit_t *fit,
    const mlops_doc_t *list);
static int mlops_fit_labels_differ(mlops_fit_t *fit, const char *whose,
    const mlops_str_t *old, uint32_t n, uint32_t first);


void
mlops_fit_labels_write(const mlops_fit_t *fit, mlops_import_text_t *text)
{
    const mlops_str_t  *target;

    target = mlops_fit_target(fit->env);

    mlops_import_text(text, "{\"target\":");
    mlops_import_quote(text, target ? target->data : "",
                       target ? target->len : 0);

    if (fit->classes_n != 0) {
        mlops_fit_put_names(text, "classes", fit->classes, fit->classes_n);
    }

    mlops_import_text(text, "}");
}


int
mlops_fit_labels_check(mlops_fit_t *fit, const char *whose,
    const mlops_str_t *target, const mlops_doc_t *classes)
{
    uint32_t            i;
    const mlops_str_t  *old, *own;

    own = mlops_fit_target(fit->env);

    if (target != NULL && own != NULL
        && !mlops_str_eq(target, own->data, own->len))
    {
        return mlops_field_error(fit->field, "expected %s to be of the "
                                 "target \"%.*s\", got \"%.*s\"", whose,
                                 mlops_fmt(own), mlops_fmt(target));
    }

    if (classes == NULL) {
        return MLOPS_OK;
    }

    if (fit->classes_n == 0) {
        return mlops_field_error(fit->field, "expected %s to be of a target "
                                 "of numbers, got %u classes", whose,
                                 classes->n);
    }

    old = mlops_fit_labels_classes(fit, classes);

    if (old == NULL) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < fit->classes_n && i < classes->n; i++) {
        if (!mlops_str_eq(&old[i], fit->classes[i].data, fit->classes[i].len))
        {
            break;
        }
    }

    if (i < fit->classes_n || i < classes->n) {
        return mlops_fit_labels_differ(fit, whose, old, classes->n, i);
    }

    return MLOPS_OK;
}


static const mlops_str_t *
mlops_fit_labels_classes(mlops_fit_t *fit, const mlops_doc_t *list)
{
    double              value;
    uint32_t            i;
    mlops_str_t        *classes;
    const mlops_doc_t  *doc;

    classes = mlops_arena_alloc(fit->field->arena,
                                (list->n + 1u) * sizeof(*classes));
    if (classes == NULL) {
        (void) mlops_field_memory(fit->field);
        return NULL;
    }

    for (i = 0, doc = list->v.child; doc != NULL; i++, doc = doc->next) {

        if (doc->type == MLOPS_DOC_STRING) {
            classes[i] = doc->v.text;
            continue;
        }

        if (mlops_doc_double(doc, &value) != MLOPS_OK) {
            (void) mlops_field_error(fit->field, "expected strings or "
                                     "numbers as the classes it was learned "
                                     "for, got something else");
            return NULL;
        }

        classes[i] = mlops_fit_name(fit, "%.17g", value);

        if (classes[i].data == NULL) {
            return NULL;
        }
    }

    return classes;
}


/* Both lists, or, of many, the first class that differs. */

static int
mlops_fit_labels_differ(mlops_fit_t *fit, const char *whose,
    const mlops_str_t *old, uint32_t n, uint32_t first)
{
    char  wanted[MLOPS_LABELS_SIZE], got[MLOPS_LABELS_SIZE];

    if (n <= MLOPS_LABELS_TOLD && fit->classes_n <= MLOPS_LABELS_TOLD) {
        return mlops_field_error(fit->field, "expected %s to be of the "
                                 "classes %s, in this order, got %s", whose,
                                 mlops_fit_labels_list(fit->classes,
                                                       fit->classes_n,
                                                       wanted),
                                 mlops_fit_labels_list(old, n, got));
    }

    if (n != fit->classes_n) {
        return mlops_field_error(fit->field, "expected %s to be of %u "
                                 "classes, got %u", whose, fit->classes_n, n);
    }

    return mlops_field_error(fit->field, "expected %s to have %s as class "
                             "number %u, got %s", whose,
                             mlops_fit_labels_list(&fit->classes[first], 1,
                                                   wanted),
                             first,
                             mlops_fit_labels_list(&old[first], 1, got));
}


const char *
mlops_fit_labels_list(const mlops_str_t *classes, uint32_t n,
    char buf[MLOPS_LABELS_SIZE])
{
    size_t    len;
    uint32_t  i;

    buf[0] = '\0';

    for (i = 0, len = 0; i < n && i < MLOPS_LABELS_TOLD; i++) {
        len += (size_t) snprintf(buf + len, MLOPS_LABELS_SIZE - len,
                                 "%s\"%.*s\"", i ? ", " : "",
                                 (int) (classes[i].len < MLOPS_LABELS_TEXT
                                        ? classes[i].len : MLOPS_LABELS_TEXT),
                                 classes[i].data);
    }

    if (i < n) {
        (void) snprintf(buf + len, MLOPS_LABELS_SIZE - len, ", …");
    }

    return buf;
}
