/*
 * Rows of a shard in its tables.
 *
 * During a replay the table may be ahead of the state.  A row is put then
 * only for an event that the table cannot have: one behind the partition's
 * target, and behind what the row itself says.  (The target is the highest
 * offset that the header or any row of the table had.)  A row that is not
 * there has been given up later in the log, or is going to be made again by
 * it; one that is there is at least as new as the state.  So nothing that a
 * reader sees goes back; the end of the replay makes all rows equal.
 */

#include "mlops_shard_inner.h"
#include "mlops_pages.h"


static void mlops_board_put(mlops_board_t *board, mlops_def_t *def,
    uint32_t *hint, const mlops_key_t *key, uint64_t hash, int *placed);


mlops_board_t *
mlops_board_create(const mlops_shard_t *shard, mlops_table_t *table,
    mlops_err_t *err)
{
    mlops_board_t  *board;

    board = calloc(1, sizeof(*board));

    if (board != NULL) {
        board->rows = mlops_pages_reserve(shard->entities.limit
                                          * sizeof(uint32_t));
    }

    if (board == NULL || board->rows == NULL) {
        free(board);
        (void) mlops_err_set(err, "out of memory: row numbers of %u entities",
                             (unsigned) shard->entities.limit);
        return NULL;
    }

    board->table = table;
    mlops_table_set_clean(table, 0);

    return board;
}


void
mlops_board_destroy(const mlops_shard_t *shard, mlops_board_t *board,
    int clean)
{
    if (clean) {
        mlops_table_set_clean(board->table, 1);
    }

    mlops_table_close(board->table);
    mlops_pages_release(board->rows, shard->entities.limit
                                     * sizeof(uint32_t));
    free(board);
}


int
mlops_publish_wanted(const mlops_shard_t *shard, const mlops_def_t *def,
    const mlops_entity_t *entity)
{
    const mlops_part_t  *part;

    if (def == shard->defs && shard->conf.published != NULL) {
        return 1;
    }

    if (def->current == NULL && def->growing == NULL && def->past == NULL) {
        return 0;
    }

    if (!shard->behind || entity->partition == -1) {
        return 1;
    }

    part = mlops_shard_home(shard, entity);

    return shard->view->role == MLOPS_ROLE_FOLLOW
           || entity->offset > part->target;
}


void
mlops_publish_put(mlops_shard_t *shard, mlops_def_t *def, uint32_t number,
    const mlops_key_t *key, mlops_entity_t *entity)
{
    int             placed;
    int32_t         partition;
    int64_t         offset;
    uint32_t        row, *hint;
    mlops_board_t  *board;

    if (shard->behind && entity->partition != -1 && def->current != NULL) {

        if (shard->view->role != MLOPS_ROLE_FOLLOW
            && entity->offset <= mlops_shard_home(shard, entity)->target)
        {
            return;
        }

        row = entity->row - 1;

        if (mlops_table_at(def->current->table, key, entity->hash, &row,
                           &partition, &offset) == MLOPS_OK
            && partition == entity->partition && offset >= entity->offset)
        {
            return;
        }
    }

    mlops_fault("shard_put");

    placed = 0;

    for (board = def->past; board != NULL; board = board->next) {
        mlops_board_put(board, def, &board->rows[number], key, entity->hash,
                        &placed);
    }

    placed = 0;

    board = def->growing;

    if (board != NULL) {
        mlops_board_put(board, def, &board->rows[number], key, entity->hash,
                        &placed);
    }

    board = def->current;

    if (board != NULL) {
        hint = (def == shard->defs) ? &entity->row : &board->rows[number];
        mlops_board_put(board, def, hint, key, entity->hash, &placed);
    }

    if (!placed && def == shard->defs && shard->conf.features != -1) {
        shard->stats.unplaced++;
    }

    mlops_fault("shard_put_done");
}


static void
mlops_board_put(mlops_board_t *board, mlops_def_t *def, uint32_t *hint,
    const mlops_key_t *key, uint64_t hash, int *placed)
{
    uint32_t  row;

    row = *hint - 1;

    if (mlops_table_put(board->table, key, hash, &row, &def->row)
        == MLOPS_OK)
    {
        *placed = 1;
    }

    *hint = row + 1;
}


void
mlops_publish_remove(mlops_shard_t *shard, mlops_def_t *def, uint32_t number,
    const mlops_key_t *key, const mlops_entity_t *entity, int keep)
{
    uint32_t        i;
    mlops_board_t  *board, *boards[2];

    /* the table is ahead: what it has of this entity is newer, or has been
     * removed already */

    if (shard->behind && mlops_shard_ahead(shard,
                                           mlops_shard_home(shard, entity)))
    {
        keep = 1;
    }

    boards[0] = def->current;
    boards[1] = def->growing;

    for (i = 0; i < 2; i++) {

        if (boards[i] == NULL) {
            continue;
        }

        if (!keep) {
            (void) mlops_table_remove(boards[i]->table, key, entity->hash,
                                      boards[i]->rows[number] - 1);
        }

        boards[i]->rows[number] = 0;
    }

    for (board = def->past; board != NULL; board = board->next) {

        if (!keep) {
            (void) mlops_table_remove(board->table, key, entity->hash,
                                      board->rows[number] - 1);
        }

        board->rows[number] = 0;
    }

    mlops_fault("shard_removed");
}


void
mlops_publish_position(mlops_shard_t *shard, const mlops_part_t *part)
{
    uint32_t        i;
    mlops_def_t    *def;
    mlops_board_t  *board, *boards[2];

    if (part->partition == -1 || mlops_shard_ahead(shard, part)) {
        return;
    }

    for (def = shard->defs; def != NULL; def = def->older) {
        boards[0] = def->current;
        boards[1] = def->growing;

        for (i = 0; i < 2; i++) {
            if (boards[i] != NULL) {
                mlops_table_set_partition(boards[i]->table,
                                          (uint32_t) part->partition,
                                          part->offset, part->q,
                                          part->owned);
            }
        }

        for (board = def->past; board != NULL; board = board->next) {
            mlops_table_set_partition(board->table,
                                      (uint32_t) part->partition,
                                      part->offset, part->q,
                                      part->owned);
        }
    }
}


void
mlops_publish_warm(const mlops_shard_t *shard, mlops_def_t *def,
    uint32_t column)
{
    int64_t         warm_us;
    uint32_t        i;
    mlops_board_t  *board, *boards[2];

    warm_us = mlops_shard_warm_us(shard, def, column);
    boards[0] = def->current;
    boards[1] = def->growing;

    for (i = 0; i < 2; i++) {
        if (boards[i] != NULL) {
            mlops_table_set_warm(boards[i]->table, column, warm_us);
        }
    }

    for (board = def->past; board != NULL; board = board->next) {
        mlops_table_set_warm(board->table, column, warm_us);
    }
}


void
mlops_publish_foreign(mlops_shard_t *shard, mlops_def_t *def)
{
    int                    rc;
    char                  *text;
    uint32_t               cursor, number;
    uint64_t               hash, *present;
    mlops_key_t            key;
    mlops_cell_t          *cells;
    mlops_table_t         *table;
    mlops_table_found_t    found;

    table = def->current->table;

    cells = malloc((size_t) def->view->row.n * sizeof(*cells));
    present = malloc((size_t) def->words * 8);
    text = malloc(mlops_table_text_size(table) + MLOPS_KEY_BYTES_MAX + 1);

    if (cells == NULL || present == NULL || text == NULL) {
        goto done;              /* they stay until they are updated */
    }

    cursor = 0;

    while ((rc = mlops_table_next(table, &cursor, 0, INT64_MIN, &key, cells,
                                  present, text, &found)) != MLOPS_LIMIT)
    {
        if (rc != MLOPS_OK) {
            continue;
        }

        hash = mlops_key_hash(def->view->entity_type, &key);
        number = mlops_entities_find(&shard->entities, &key, hash);

        if (number == MLOPS_ENTITY_NONE) {
            mlops_fault("shard_foreign");
            (void) mlops_table_remove(table, &key, hash, UINT32_MAX);

        } else {
            mlops_entity(&shard->entities, number)->row = cursor;
        }
    }

done:

    free(cells);
    free(present);
    free(text);
}
