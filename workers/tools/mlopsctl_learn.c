/*
 * What the sub-commands about learning share.
 */

#include "mlopsctl_learn.h"
#include "mlops_import_job.h"
#include "mlops_num.h"

#include <math.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>


#define MLOPSCTL_PROGRESS_MS  100
#define MLOPSCTL_THREADS      256


static volatile sig_atomic_t  mlopsctl_stop;


static void mlopsctl_progress_clear(mlopsctl_progress_t *progress);
static void mlopsctl_said_line(mlopsctl_progress_t *progress, int end);
static void mlopsctl_learned_json(const mlops_learned_t *learned,
    const char *to);


static uint64_t
mlopsctl_now_ms(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


void
mlopsctl_progress_init(mlopsctl_progress_t *progress)
{
    memset(progress, 0, sizeof(mlopsctl_progress_t));
    progress->shown = isatty(STDERR_FILENO);
}


void
mlopsctl_progress(void *ctx, const char *stage, uint64_t done, uint64_t all,
    const char *text)
{
    uint64_t              now;
    mlopsctl_progress_t  *progress;

    progress = ctx;
    mlops_fault("train_progress");

    if (!progress->shown) {
        return;
    }

    now = mlopsctl_now_ms();

    if (done != 0 && now - progress->last_ms < MLOPSCTL_PROGRESS_MS) {
        return;
    }

    progress->last_ms = now;
    progress->there = 1;

    fprintf(stderr, "\r\033[K%s", stage);

    if (all != 0) {
        fprintf(stderr, "  %llu/%llu", (unsigned long long) done,
                (unsigned long long) all);
    }

    fprintf(stderr, "  %.60s", text);
    (void) fflush(stderr);
}


void
mlopsctl_progress_end(mlopsctl_progress_t *progress)
{
    mlopsctl_progress_clear(progress);
    (void) fflush(stderr);
}


static void
mlopsctl_progress_clear(mlopsctl_progress_t *progress)
{
    if (progress->there) {
        fprintf(stderr, "\r\033[K");
        progress->there = 0;
    }
}


void
mlopsctl_said(void *ctx, const char *text, size_t len)
{
    size_t                i;
    mlopsctl_progress_t  *progress;

    progress = ctx;

    for (i = 0; i < len; i++) {

        if (text[i] == '\n') {

            if (!progress->returned) {
                mlopsctl_said_line(progress, 1);
            }

        } else if (text[i] == '\r') {

            if (progress->said_n != 0) {
                mlopsctl_said_line(progress, 1);
            }

        } else {
            progress->said[progress->said_n++] = text[i];

            if (progress->said_n == MLOPSCTL_SAID) {
                mlopsctl_said_line(progress, 0);
            }
        }

        progress->returned = (text[i] == '\r');
    }

    (void) fflush(stderr);
}


static void
mlopsctl_said_line(mlopsctl_progress_t *progress, int end)
{
    int             utf8;
    size_t          i;
    unsigned char  *p;

    p = (unsigned char *) progress->said;
    utf8 = mlops_utf8_valid(progress->said, progress->said_n);

    for (i = 0; i < progress->said_n; i++) {

        if ((p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f
            || (p[i] >= 0x80 && !utf8))
        {
            p[i] = '?';

        } else if (p[i] == 0xc2 && p[i + 1] < 0xa0) {
            p[i] = '?';
            p[++i] = '?';
        }
    }

    mlopsctl_progress_clear(progress);

    (void) fwrite(progress->said, 1, progress->said_n, stderr);
    progress->said_n = 0;

    if (end) {
        fputc('\n', stderr);
    }
}


static void
mlopsctl_on_signal(int number)
{
    (void) number;

    mlopsctl_stop = 1;
}


void
mlopsctl_stop_init(void)
{
    struct sigaction  action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = mlopsctl_on_signal;
    action.sa_flags = SA_RESETHAND;         /* the second one ends it */

    (void) sigaction(SIGINT, &action, NULL);
    (void) sigaction(SIGTERM, &action, NULL);
}


int
mlopsctl_stopped(void *ctx)
{
    (void) ctx;

    return mlopsctl_stop;
}


void
mlopsctl_values_print(const mlops_learn_score_t *score)
{
    uint32_t                     k;
    const char                  *name;
    const mlops_metric_value_t  *value;

    for (k = 0; k < score->metrics_n; k++) {
        name = mlops_metric_name(score->metrics[k]);
        value = &score->values[k];

        if (isnan(value->value)) {
            printf("  %s -", name);
            continue;
        }

        printf("  %s %.6g", name, value->value);

        if (isfinite(value->lo) && isfinite(value->hi)) {
            printf(" (%.4g to %.4g)", value->lo, value->hi);
        }
    }

    printf("\n");
}


static uint64_t
mlopsctl_left_out(const mlops_learned_t *learned)
{
    return learned->without_target_n + learned->filtered_n
           + learned->purged_n + learned->unused_n;
}


/* Reasons that took no row are not named. */

static void
mlopsctl_rows_print(const mlops_learned_t *learned)
{
    size_t       i;
    const char  *before;

    const struct {
        uint64_t     n;
        const char  *why;
    } left[] = {
        { learned->without_target_n, "without target" },
        { learned->filtered_n, "filtered" },
        { learned->purged_n, "purged" },
        { learned->unused_n, "in no part" }
    };

    printf("rows       %llu read, %llu left out",
           (unsigned long long) learned->rows_n,
           (unsigned long long) mlopsctl_left_out(learned));

    for (i = 0, before = ": "; i < mlops_nitems(left); i++) {

        if (left[i].n != 0) {
            printf("%s%llu %s", before, (unsigned long long) left[i].n,
                   left[i].why);
            before = ", ";
        }
    }

    printf("\n");
}


void
mlopsctl_learned_print(const mlops_learned_t *learned, const char *to,
    int json)
{
    uint32_t                    i;
    const mlops_learn_score_t  *score;

    if (json) {
        mlopsctl_learned_json(learned, to);
        return;
    }

    printf("%s: %zu bytes\n", to, learned->image_len);
    mlopsctl_rows_print(learned);

    for (i = 0; i < learned->parents_n; i++) {
        printf("parent     %s %s, of steps[%u]\n", learned->parents[i].path,
               learned->parents[i].digest, learned->parents[i].step);
    }

    for (i = 0; i < learned->scores_n; i++) {
        score = &learned->scores[i];

        printf("%-10s %llu rows", score->name,
               (unsigned long long) score->rows_n);

        mlopsctl_values_print(score);
    }

    for (i = 0; i < learned->slices_n; i++) {
        score = &learned->slices[i].score;

        printf("gate, %s = %s: %llu rows", learned->slices[i].cell,
               learned->slices[i].value,
               (unsigned long long) score->rows_n);

        mlopsctl_values_print(score);
    }

    for (i = 0; i < learned->notes_n; i++) {
        printf("note       %s\n", learned->notes[i]);
    }

    printf("time       %.2f s: read %.2f s, fit %.2f s; memory %.0f MB\n",
           learned->all_s, learned->read_s, learned->fit_s,
           (double) learned->peak_bytes / 1e6);
}


void
mlopsctl_learned_lines(const mlops_learned_t *learned)
{
    uint32_t                    i, k;
    const mlops_learn_score_t  *score, *judge;

    judge = NULL;       /* training saw to it that there is one */

    for (i = 0; i < learned->scores_n; i++) {
        score = &learned->scores[i];

        if (strcmp(score->name, learned->judge) == 0) {
            judge = score;
        }

        for (k = 0; k < score->metrics_n; k++) {
            printf("%s-%s=", score->name,
                   mlops_metric_name(score->metrics[k]));
            mlopsctl_json_number(score->values[k].value);
            printf("\n");
        }
    }

    for (k = 0; judge != NULL && k < judge->metrics_n; k++) {
        printf("%s=", mlops_metric_name(judge->metrics[k]));
        mlopsctl_json_number(judge->values[k].value);
        printf("\n");
    }
}


/* "rows":N,"rmse":{…},…} */

static void
mlopsctl_score_json(const mlops_learn_score_t *score)
{
    uint32_t  k;

    printf("\"rows\":%llu", (unsigned long long) score->rows_n);

    for (k = 0; k < score->metrics_n; k++) {
        printf(",\"%s\":{", mlops_metric_name(score->metrics[k]));
        mlopsctl_json_value(&score->values[k]);
        printf("}");
    }

    printf("}");
}


static void
mlopsctl_slices_json(const mlops_learned_t *learned)
{
    uint32_t                    i;
    const mlops_learn_slice_t  *slice;

    for (i = 0; i < learned->slices_n; i++) {
        slice = &learned->slices[i];

        printf("%s{\"slice\":", i ? "," : ",\"slices\":[");
        mlopsctl_json_string(slice->cell);
        printf(",\"value\":");
        mlopsctl_json_string(slice->value);
        printf(",");
        mlopsctl_score_json(&slice->score);
    }

    if (learned->slices_n != 0) {
        printf("]");
    }
}


static void
mlopsctl_parents_json(const mlops_learned_t *learned)
{
    uint32_t  i;

    for (i = 0; i < learned->parents_n; i++) {
        printf("%s{\"step\":%u,\"path\":", i ? "," : ",\"parents\":[",
               learned->parents[i].step);
        mlopsctl_json_string(learned->parents[i].path);
        printf(",\"digest\":\"%s\"}", learned->parents[i].digest);
    }

    if (learned->parents_n != 0) {
        printf("]");
    }
}


static void
mlopsctl_learned_json(const mlops_learned_t *learned, const char *to)
{
    uint32_t                    i;
    const mlops_learn_score_t  *score;

    printf("{\"image\":");
    mlopsctl_json_string(to);
    printf(",\"bytes\":%zu,\"rows\":%llu,\"left_out\":%llu,"
           "\"without_target\":%llu,\"filtered\":%llu,\"purged\":%llu,"
           "\"in_no_part\":%llu,\"parts\":{",
           learned->image_len, (unsigned long long) learned->rows_n,
           (unsigned long long) mlopsctl_left_out(learned),
           (unsigned long long) learned->without_target_n,
           (unsigned long long) learned->filtered_n,
           (unsigned long long) learned->purged_n,
           (unsigned long long) learned->unused_n);

    for (i = 0; i < learned->scores_n; i++) {
        score = &learned->scores[i];

        printf("%s\"%s\":{", i ? "," : "", score->name);
        mlopsctl_score_json(score);
    }

    printf("}");
    mlopsctl_slices_json(learned);
    mlopsctl_parents_json(learned);

    printf(",\"notes\":[");

    for (i = 0; i < learned->notes_n; i++) {
        printf("%s", i ? "," : "");
        mlopsctl_json_string(learned->notes[i]);
    }

    printf("],\"seconds\":%.3f,\"read_seconds\":%.3f,\"fit_seconds\":%.3f,"
           "\"peak_bytes\":%llu}\n", learned->all_s, learned->read_s,
           learned->fit_s, (unsigned long long) learned->peak_bytes);
}


void
mlopsctl_json_value(const mlops_metric_value_t *value)
{
    printf("\"value\":");
    mlopsctl_json_number(value->value);
    printf(",\"lo\":");
    mlopsctl_json_number(value->lo);
    printf(",\"hi\":");
    mlopsctl_json_number(value->hi);
}


void
mlopsctl_json_string(const char *string)
{
    mlops_import_text_t  text;

    memset(&text, 0, sizeof(text));
    mlops_import_quote(&text, string, strlen(string));
    printf("%.*s", (int) text.len, text.data ? text.data : "");
    free(text.data);
}


void
mlopsctl_json_number(double value)
{
    char  buf[MLOPS_DOUBLE_LEN];

    if (!isfinite(value)) {
        printf("null");
        return;
    }

    printf("%.*s", (int) (mlops_doc_print(buf, value) - buf), buf);
}


static int
mlopsctl_digits(const char *text, uint64_t max, uint64_t *value)
{
    int          overflow;
    const char  *end;

    overflow = 0;
    end = text + strlen(text);

    if (end == text || mlops_parse_uint64(text, end, value, &overflow) != end
        || overflow || *value > max)
    {
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


int
mlopsctl_number(const char *name, const char *text, uint64_t min,
    uint64_t max, uint32_t *value)
{
    uint64_t  number;

    if (mlopsctl_digits(text, max, &number) != MLOPS_OK || number < min) {
        return mlopsctl_misused("--%s: expected a number from %llu to %llu, "
                                "got \"%s\"", name, (unsigned long long) min,
                                (unsigned long long) max, text);
    }

    *value = (uint32_t) number;

    return MLOPSCTL_DONE;
}


int
mlopsctl_threads(const char *text, uint32_t *threads)
{
    return mlopsctl_number("threads", text, 1, MLOPSCTL_THREADS, threads);
}


int
mlopsctl_seed(const char *text, uint64_t *seed)
{
    if (mlopsctl_digits(text, INT64_MAX, seed) != MLOPS_OK) {
        return mlopsctl_misused("--seed: expected a whole number, got \"%s\"",
                                text);
    }

    return MLOPSCTL_DONE;
}


int
mlopsctl_places(int argc, char **argv, const char *what, const char **first,
    const char **rows)
{
    if (argc - optind != 2) {
        return mlopsctl_misused("expected %s and a file of rows", what);
    }

    *first = argv[optind];
    *rows = argv[optind + 1];

    return MLOPSCTL_DONE;
}


int
mlopsctl_copy(const char *from, const char *to, mlops_err_t *err)
{
    int      rc;
    char    *data;
    size_t   len;

    if (mlops_import_read(from, &data, &len, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    rc = mlopsctl_write(to, data, len, 0644, err);
    free(data);

    return rc;
}
