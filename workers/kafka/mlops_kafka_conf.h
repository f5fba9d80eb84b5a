/*
 * What consumer and producer share: librdkafka's configuration from a plan,
 * its log, and errors that pass.
 */

#ifndef MLOPS_KAFKA_CONF_H
#define MLOPS_KAFKA_CONF_H


#include "mlops_kafka.h"

#include <librdkafka/rdkafka.h>


typedef struct {
    const char  *name;
    const char  *value;
} mlops_kafka_property_t;


/*
 * The cluster's properties over the defaults, and the fixed ones over all.
 * NULL: err names the property.  The caller gives it to rd_kafka_new, or
 * destroys it.
 */
rd_kafka_conf_t *mlops_kafka_conf(const mlops_plan_kafka_t *kafka,
    const mlops_kafka_property_t *defaults, size_t defaults_n,
    const mlops_kafka_property_t *fixed, size_t fixed_n, mlops_err_t *err);

/*
 * Errors that pass: counted, and said once for each change of their kind.  All
 * that an outage brings is one kind, whichever of a dozen codes it has.
 */

typedef struct {
    uint64_t              errors;
    uint64_t              since;        /* of errors, when it began */
    rd_kafka_resp_err_t   kind;         /* 0: all is well */
    char                  text[256];    /* of the last one; "": all is well */
} mlops_kafka_trouble_t;

/* who is "topic \"rides\"" or so; reason NULL: that of the code. */
void mlops_kafka_trouble(mlops_kafka_trouble_t *trouble, const char *who,
    rd_kafka_resp_err_t error, const char *reason);
/* It goes on. */
void mlops_kafka_well(mlops_kafka_trouble_t *trouble, const char *who);
/* Is it one that ends with the cluster's answer to any request? */
int mlops_kafka_is_outage(rd_kafka_resp_err_t kind);

/* Tells the log hook. */
void mlops_kafka_say(int level, const char *fmt, ...) mlops_printf(2, 3);


#endif /* MLOPS_KAFKA_CONF_H */
