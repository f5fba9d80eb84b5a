/*
 * The keeper of a command: what runs between fork and the end of all
 * processes that come from it.  Internal to mlops_child.c.
 */

#ifndef MLOPS_CHILD_KEEPER_H
#define MLOPS_CHILD_KEEPER_H


#include "mlops_child.h"


/* How it ended; smaller than PIPE_BUF, so that it arrives whole. */

typedef struct {
    int32_t   failed;           /* errno of exec, or 0 */
    int32_t   status;           /* of wait */
    uint32_t  left_n;
    uint32_t  killed;           /* by the keeper, which was asked to */
    uint64_t  cpu_ms;
    uint64_t  peak_bytes;
} mlops_child_record_t;


/* In the forked process; does not return.  parent: the one that is to be
 * alive; out, record: what to write to. */
void mlops_child_keep(const mlops_child_options_t *options, int parent,
    int out, int record) __attribute__((noreturn));


#endif /* MLOPS_CHILD_KEEPER_H */
