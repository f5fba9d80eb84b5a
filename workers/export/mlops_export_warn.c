/*
 * What the library itself does wrong with a file that is right.
 *
 * Releases 3.1 to 3.3 count characters of pandas' categories as bytes, so that
 * names outside ASCII, and those behind them, are cut and taken for others.
 * Releases of all times refuse data whose features are called with "[", "]"
 * or "<".
 */

#include "mlops_export_xgboost.h"

#include <stdio.h>


static int mlops_export_plain(const mlops_export_t *job,
    const mlops_export_feature_t *feature);
static int mlops_export_named(const mlops_str_t *name);


void
mlops_export_warn(mlops_export_xgboost_t *x)
{
    uint32_t                       i;
    mlops_export_report_t         *report;
    const mlops_export_feature_t  *feature;

    report = x->job->report;

    for (i = 0; i < x->features_n; i++) {
        feature = &x->features[i];

        if (report->categories[0] == '\0'
            && !mlops_export_plain(x->job, feature))
        {
            (void) snprintf(report->categories, sizeof(report->categories),
                            "categories of \"%.*s\" are not all ASCII: "
                            "XGBoost 3.1 to 3.3 takes such names in a frame "
                            "of pandas for others, and answers wrong: give "
                            "it codes, or take 3.4 or later",
                            (int) (feature->name.len < 80 ? feature->name.len
                                                          : 80),
                            feature->name.data);
        }

        if (report->names[0] == '\0' && !x->unnamed
            && !mlops_export_named(&feature->name))
        {
            (void) snprintf(report->names, sizeof(report->names),
                            "the input \"%.*s\" has \"[\", \"]\" or \"<\" in "
                            "its name: XGBoost refuses data with it: give it "
                            "arrays, and predict with "
                            "validate_features=False",
                            (int) (feature->name.len < 80 ? feature->name.len
                                                          : 80),
                            feature->name.data);
        }
    }
}


static int
mlops_export_plain(const mlops_export_t *job,
    const mlops_export_feature_t *feature)
{
    size_t       k;
    uint32_t     j;
    mlops_str_t  text;

    for (j = 0; feature->strings != NULL && j < feature->categories_n; j++) {
        text = mlops_export_str(job, &feature->strings[j]);

        for (k = 0; k < text.len; k++) {
            if ((unsigned char) text.data[k] > 127) {
                return 0;
            }
        }
    }

    return 1;
}


static int
mlops_export_named(const mlops_str_t *name)
{
    return memchr(name->data, '[', name->len) == NULL
           && memchr(name->data, ']', name->len) == NULL
           && memchr(name->data, '<', name->len) == NULL;
}
