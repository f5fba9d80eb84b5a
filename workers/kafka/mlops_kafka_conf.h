/*
 * What consumer and producer share: librdkafka's configuration from a plan,
 * and its log.
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

/* Tells the log hook. */
void mlops_kafka_say(int level, const char *fmt, ...) mlops_printf(2, 3);


#endif /* MLOPS_KAFKA_CONF_H */
