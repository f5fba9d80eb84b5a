/*
 * What the tests of online learning share: a model that has to be made.
 */

#ifndef MLOPS_UNIT_ONLINES_H
#define MLOPS_UNIT_ONLINES_H


#include "unit.h"
#include "mlops_file.h"
#include "mlops_online.h"


static inline mlops_online_t *
onlines_create(const mlops_online_conf_t *conf)
{
    mlops_err_t      err;
    mlops_online_t  *online;

    online = mlops_online_create(conf, &err);
    unit_ok(online != NULL, "%s", err.text);

    return online;
}


/* Its state under its name. */

static inline int
onlines_save(const mlops_online_t *online, int dir, const char *name,
    int durable, mlops_err_t *err)
{
    char  tmp[MLOPS_TMP_SIZE];

    if (mlops_online_save(online, dir, name, durable, tmp, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    return mlops_file_commit(dir, tmp, name, 0, durable, err);
}


#endif /* MLOPS_UNIT_ONLINES_H */
