/*
 * What fitters share: the keys of a step read (beside mlops_field.h), and
 * steps written as the JSON of a recipe.
 */

#ifndef MLOPS_FIT_KEY_H
#define MLOPS_FIT_KEY_H


#include "mlops_fit.h"

#include <limits.h>
#include <stdarg.h>


/* mlops_field_flag with a default. */
int mlops_fit_flag(mlops_fit_t *fit, const char *key, int dflt, int *value);

/* The path of a file that the step names: relative, in the recipe's folder or
 * below.  *path stays where there is no such key. */
int mlops_fit_path(mlops_fit_t *fit, const char *key, mlops_str_t *path);
/* Opens the folder of that path, without following links below the recipe's;
 * name is what is behind its last slash.  -1: an error of the field. */
int mlops_fit_place(mlops_fit_t *fit, const mlops_str_t *path,
    char name[PATH_MAX]);
/* A checksum as text: "xxh3:" and 16 digits. */
void mlops_fit_digest(char digest[MLOPS_FIT_DIGEST], uint64_t checksum);
/* The fit goes on from what is at that path: told in facts and reports. */
void mlops_fit_parent(mlops_fit_t *fit, const mlops_str_t *path,
    uint64_t digest);

/* Are there as many outputs, and margins if any, as a learner of this target
 * has? */
typedef enum {
    MLOPS_FIT_OF_ONE,               /* 1 of both */
    MLOPS_FIT_OF_TWO,               /* 1 margin; the probability of the second
                                       class, or of both */
    MLOPS_FIT_OF_CLASSES            /* of both as many as classes */
} mlops_fit_target_t;

int mlops_fit_outputs(mlops_fit_t *fit, mlops_fit_target_t target);


/*
 * A step: mlops_fit_step begins {"kind":"…","inputs":[…],"outputs":[…]
 * behind those that are there, then members are added, then
 * mlops_fit_end closes it.
 */
void mlops_fit_step(mlops_fit_t *fit, const char *kind,
    const mlops_str_t *inputs, uint32_t inputs_n,
    const mlops_str_t *outputs, uint32_t outputs_n);
void mlops_fit_end(mlops_fit_t *fit);

/* ,"key":… */
void mlops_fit_put_text(mlops_import_text_t *text, const char *key,
    const char *value);
void mlops_fit_put_number(mlops_import_text_t *text, const char *key,
    double value);
void mlops_fit_put_numbers(mlops_import_text_t *text, const char *key,
    const double *values, size_t n);
void mlops_fit_put_names(mlops_import_text_t *text, const char *key,
    const mlops_str_t *names, size_t n);

/* A number, a list of numbers or names, without key. */
void mlops_fit_write_number(mlops_import_text_t *text, double value);
void mlops_fit_write_numbers(mlops_import_text_t *text, const double *values,
    size_t n);
void mlops_fit_write_names(mlops_import_text_t *text,
    const mlops_str_t *names, size_t n);

/* "key":, for the report: with a comma in front where there is something. */
void mlops_fit_report(mlops_fit_t *fit, const char *key);

/* The names of the step's inputs; NULL when memory is out. */
mlops_str_t *mlops_fit_inputs(mlops_fit_t *fit);
/* Text in the arena, as printf has it; NULL when memory is out. */
char *mlops_fit_vtext(mlops_fit_t *fit, const char *fmt, va_list args);
/* The same as a name; data NULL when memory is out. */
mlops_str_t mlops_fit_name(mlops_fit_t *fit, const char *fmt, ...)
    mlops_printf(2, 3);

/* The shortest text of a number, as a name. */
mlops_str_t mlops_fit_number_name(mlops_fit_t *fit, double value);

/* "rows.csv line 12, column \"x\"", or, where rows are of no file, "row 12",
 * the first being 1; without the column where that is NULL or empty. */
#define MLOPS_FIT_PLACE  320

const char *mlops_fit_row(const mlops_fit_env_t *env, uint64_t row,
    const mlops_str_t *column, char buf[MLOPS_FIT_PLACE]);
/* Names of these columns as env has them, or NULL. */
const mlops_str_t *mlops_fit_target(const mlops_fit_env_t *env);
const mlops_str_t *mlops_fit_weight(const mlops_fit_env_t *env);

/* True, with an error, where the run is to end. */
int mlops_fit_stopped(mlops_fit_t *fit);
void mlops_fit_progress(mlops_fit_t *fit, uint64_t done, uint64_t all,
    const char *fmt, ...) mlops_printf(4, 5);


#endif /* MLOPS_FIT_KEY_H */
