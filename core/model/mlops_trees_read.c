/*
 * Reading a laid-out form back into a forest.
 */

#include "mlops_trees.h"
#include "mlops_trees_layout.h"


typedef struct {
    const mlops_trees_head_t  *head;
    mlops_forest_t            *forest;
    mlops_forest_node_t       *nodes;       /* NULL: counting */
    double                    *values;
    uint32_t                  *codes;
    uint64_t                   nodes_n;
    uint64_t                   values_n;
    uint64_t                   codes_n;
    uint64_t                   nodes_max;   /* of the blocks so far */
    uint64_t                   bits_n;      /* of bitsets read */
} mlops_trees_read_t;


/* A node as all kinds of blocks have it. */

typedef struct {
    uint64_t                   left;
    uint64_t                   right;
    int64_t                    key;
    uint32_t                   entry;
    uint32_t                   set;
    uint32_t                   leaf;
} mlops_trees_any_t;


static int mlops_trees_read_all(mlops_trees_read_t *r, uint32_t *roots,
    mlops_err_t *err);
static int mlops_trees_read_tree(mlops_trees_read_t *r,
    const mlops_trees_block_t *block, uint32_t lane, mlops_err_t *err);
static void mlops_trees_read_any(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, uint32_t lane, uint64_t number,
    mlops_trees_any_t *any);
static void mlops_trees_read_heap(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, uint32_t lane, uint64_t number,
    mlops_trees_any_t *any);
static void mlops_trees_read_split(mlops_trees_read_t *r,
    const mlops_trees_any_t *any, mlops_forest_node_t *node);
static int mlops_trees_read_leaf(mlops_trees_read_t *r,
    const mlops_trees_any_t *any, mlops_forest_node_t *node);
static void mlops_trees_read_set(mlops_trees_read_t *r,
    const mlops_trees_any_t *any, mlops_forest_node_t *node);
static double mlops_trees_threshold(const mlops_trees_head_t *head,
    int64_t key);
static double mlops_trees_number(const mlops_trees_head_t *head,
    uint64_t section, uint64_t i);


int
mlops_trees_forest(const void *data, mlops_forest_t *forest,
    mlops_arena_t *arena, mlops_err_t *err)
{
    double                    *base;
    uint32_t                   g, slot, *roots, *group;
    const uint32_t            *first, *origin;
    mlops_trees_read_t         r;
    const mlops_trees_head_t  *head;

    head = data;

    memset(forest, 0, sizeof(*forest));
    memset(&r, 0, sizeof(r));

    r.head = head;
    r.forest = forest;

    forest->features_n = head->features_n;
    forest->groups_n = head->groups_n;
    forest->trees_n = head->trees_n;
    forest->leaf_size = (head->flags & MLOPS_TREES_VECTOR) ? head->groups_n
                                                           : 1;
    forest->f32 = (head->flags & MLOPS_TREES_F32) != 0;

    if (mlops_trees_read_all(&r, NULL, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (r.nodes_n >= UINT32_MAX || r.values_n >= UINT32_MAX
        || r.codes_n >= UINT32_MAX)
    {
        return mlops_err_set(err, "trees: too large to read back");
    }

    roots = mlops_arena_calloc(arena, (size_t) head->trees_n + 1,
                               sizeof(*roots));
    group = mlops_arena_calloc(arena, (size_t) head->trees_n + 1,
                               sizeof(*group));
    base = mlops_arena_calloc(arena, head->groups_n, sizeof(*base));

    r.nodes = mlops_arena_calloc(arena, (size_t) r.nodes_n + 1,
                                 sizeof(*r.nodes));
    r.values = mlops_arena_calloc(arena, (size_t) r.values_n + 1,
                                  sizeof(*r.values));
    r.codes = mlops_arena_calloc(arena, (size_t) r.codes_n + 1,
                                 sizeof(*r.codes));

    if (roots == NULL || group == NULL || base == NULL || r.nodes == NULL
        || r.values == NULL || r.codes == NULL)
    {
        return mlops_err_set(err, "trees: no memory to read back %u trees",
                             head->trees_n);
    }

    forest->nodes_n = (uint32_t) r.nodes_n;
    forest->leaf_values_n = r.values_n;
    forest->set_codes_n = r.codes_n;

    r.nodes_n = 0;
    r.values_n = 0;
    r.codes_n = 0;

    for (slot = 0; slot < head->trees_n; slot++) {
        roots[slot] = MLOPS_TREES_LEAF;
    }

    if (mlops_trees_read_all(&r, roots, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (slot = 0; slot < head->trees_n; slot++) {
        if (roots[slot] == MLOPS_TREES_LEAF) {
            return mlops_err_set(err, "trees: tree %u is missing", slot);
        }
    }

    first = mlops_trees_at(head, head->first_at);
    origin = mlops_trees_at(head, head->origin_at);

    for (g = 0; g < head->groups_n; g++) {
        base[g] = mlops_trees_number(head, head->base_at, g);

        for (slot = first[g]; slot < first[g + 1]; slot++) {
            group[origin[slot]] = g;
        }
    }

    forest->roots = roots;
    forest->group = group;
    forest->base = base;
    forest->nodes = r.nodes;
    forest->leaf_values = r.values;
    forest->set_codes = r.codes;

    return MLOPS_OK;
}


/* Counts, or fills. */

static int
mlops_trees_read_all(mlops_trees_read_t *r, uint32_t *roots,
    mlops_err_t *err)
{
    uint32_t                    i, l, slot;
    const uint32_t             *origin, *slots;
    const mlops_trees_block_t  *block;

    origin = mlops_trees_at(r->head, r->head->origin_at);
    block = mlops_trees_blocks(r->head);

    r->nodes_max = 0;
    r->bits_n = 0;

    for (i = 0; i < r->head->blocks_n; i++, block++) {
        slots = mlops_trees_lane_slots(r->head, block);

        r->nodes_max = r->nodes_n + block->nodes_n;

        if (block->kind == MLOPS_TREES_HEAP) {
            r->nodes_max = r->nodes_n + (uint64_t) block->nodes_n * 2
                                        * MLOPS_TREES_LANES;
        }

        for (l = 0; l < block->trees_n; l++) {
            slot = slots[l];

            if (roots != NULL) {
                roots[origin[slot]] = (uint32_t) r->nodes_n;
            }

            if (mlops_trees_read_tree(r, block, l, err) != MLOPS_OK) {
                return MLOPS_ERROR;
            }
        }
    }

    return MLOPS_OK;
}


/*
 * Depth first, left before right.  A form that passed the check has no
 * cycle, but its nodes and bitsets may have many parents: what is read cannot
 * be more than what is there.
 */

static int
mlops_trees_read_tree(mlops_trees_read_t *r,
    const mlops_trees_block_t *block, uint32_t lane, mlops_err_t *err)
{
    int                   leaf;
    uint32_t              top;
    uint64_t              place, parent, number;
    uint64_t              stack[MLOPS_TREES_MAX_DEPTH + 1];
    uint64_t              parents[MLOPS_TREES_MAX_DEPTH + 1];
    mlops_trees_any_t     any;
    mlops_forest_node_t   node;

    number = (block->kind == MLOPS_TREES_HEAP) ? 1 : 1 + lane;
    parent = UINT64_MAX;
    top = 0;

    for ( ;; ) {
        mlops_trees_read_any(r->head, block, lane, number, &any);

        if (!any.leaf && any.key == INT32_MIN
            && block->kind == MLOPS_TREES_HEAP)
        {
            number = any.right;         /* a filler */
            continue;
        }

        if (r->nodes_n == r->nodes_max
            || r->bits_n > (uint64_t) r->head->sets_n * 32)
        {
            return mlops_err_set(err, "trees: a node or bitset has several "
                                 "parents");
        }

        place = r->nodes_n++;
        leaf = any.leaf;

        memset(&node, 0, sizeof(node));

        if (!leaf) {
            mlops_trees_read_split(r, &any, &node);
            node.left = (uint32_t) place + 1;

        } else if (mlops_trees_read_leaf(r, &any, &node) != MLOPS_OK) {
            return mlops_err_set(err, "trees: a leaf has no vector of "
                                 "its own");
        }

        if (r->nodes != NULL) {
            r->nodes[place] = node;

            if (parent != UINT64_MAX) {
                r->nodes[parent].right = (uint32_t) place;
            }
        }

        parent = UINT64_MAX;

        if (!leaf) {

            if (top > MLOPS_TREES_MAX_DEPTH) {
                return mlops_err_set(err, "trees: a tree is deeper than %d",
                                     MLOPS_TREES_MAX_DEPTH);
            }

            stack[top] = any.right;
            parents[top] = place;
            top++;

            number = any.left;
            continue;
        }

        if (top == 0) {
            return MLOPS_OK;
        }

        top--;
        number = stack[top];
        parent = parents[top];
    }
}


static void
mlops_trees_read_any(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, uint32_t lane, uint64_t number,
    mlops_trees_any_t *any)
{
    const mlops_trees_wide_t    *wide;
    const mlops_trees_narrow_t  *narrow;

    if (block->kind == MLOPS_TREES_HEAP) {
        mlops_trees_read_heap(head, block, lane, number, any);
        return;
    }

    if (block->kind == MLOPS_TREES_NARROW) {
        narrow = mlops_trees_payload(head, block);
        narrow += number;

        any->key = narrow->key;
        any->entry = narrow->entry;
        any->set = 0;
        any->right = narrow->right;

    } else {
        wide = mlops_trees_payload(head, block);
        wide += number;

        any->key = wide->key;
        any->entry = wide->entry;
        any->set = wide->set;
        any->right = wide->right;
    }

    any->left = any->right - 1;
    any->leaf = (any->right == number);
}


static void
mlops_trees_read_heap(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, uint32_t lane, uint64_t number,
    mlops_trees_any_t *any)
{
    uint32_t         n;
    uint64_t         i;
    const int32_t   *threshold;
    const uint8_t   *narrow;
    const uint16_t  *wide;
    const uint32_t  *leaf;

    n = block->nodes_n * MLOPS_TREES_LANES;
    i = number * MLOPS_TREES_LANES + lane;
    threshold = mlops_trees_payload(head, block);
    narrow = (const uint8_t *) (threshold + n);
    wide = (const uint16_t *) (threshold + n);

    any->set = 0;
    any->entry = 0;
    any->left = 2 * number;
    any->right = 2 * number + 1;
    any->leaf = (number >= block->nodes_n);

    if (!any->leaf) {
        any->key = threshold[i];
        any->entry = (mlops_trees_entry_size(head->stride) == sizeof(uint8_t))
                     ? narrow[i] : wide[i];
        return;
    }

    leaf = (const uint32_t *) (narrow
                               + n * mlops_trees_entry_size(head->stride));
    any->key = (int32_t) leaf[i - n];
}


static void
mlops_trees_read_split(mlops_trees_read_t *r, const mlops_trees_any_t *any,
    mlops_forest_node_t *node)
{
    const uint16_t  *cats;

    if (any->set) {
        cats = mlops_trees_at(r->head, r->head->cats_at);

        node->categorical = 1;
        node->feature = cats[any->entry / 2];
        node->default_left = any->entry % 2;

        mlops_trees_read_set(r, any, node);
        return;
    }

    node->default_left = (any->entry >= r->head->stride);
    node->feature = any->entry % r->head->stride;
    node->threshold = mlops_trees_threshold(r->head, any->key);
}


static int
mlops_trees_read_leaf(mlops_trees_read_t *r, const mlops_trees_any_t *any,
    mlops_forest_node_t *node)
{
    float                      f;
    double                     value;
    int32_t                    bits;
    uint32_t                   g;
    const mlops_trees_head_t  *head;

    head = r->head;

    node->feature = MLOPS_TREES_LEAF;
    node->left = (uint32_t) r->values_n;

    if (head->flags & MLOPS_TREES_VECTOR) {

        if ((uint64_t) any->key >= head->vectors_n
            || r->values_n >= (uint64_t) head->vectors_n * head->groups_n)
        {
            return MLOPS_ERROR;
        }

        for (g = 0; g < head->groups_n && r->values != NULL; g++) {
            r->values[r->values_n + g] = mlops_trees_number(head,
                     head->vectors_at,
                     (uint64_t) any->key * head->groups_n + g);
        }

        r->values_n += head->groups_n;

        return MLOPS_OK;
    }

    if (head->flags & MLOPS_TREES_F32) {
        bits = (int32_t) any->key;
        memcpy(&f, &bits, sizeof(f));
        value = f;

    } else {
        memcpy(&value, &any->key, sizeof(value));
    }

    if (r->values != NULL) {
        r->values[r->values_n] = value;
    }

    r->values_n++;

    return MLOPS_OK;
}


static void
mlops_trees_read_set(mlops_trees_read_t *r, const mlops_trees_any_t *any,
    mlops_forest_node_t *node)
{
    uint32_t         bit, last;
    const uint32_t  *words;

    words = mlops_trees_at(r->head, r->head->sets_at);
    words += (uint32_t) any->key;
    last = (uint32_t) ((uint64_t) any->key >> 32);

    node->set_first = (uint32_t) r->codes_n;
    r->bits_n += last;

    for (bit = 1; bit < last; bit++) {

        if (!(words[bit / 32] >> (bit % 32) & 1)) {
            continue;
        }

        if (r->codes != NULL) {
            r->codes[r->codes_n] = bit - 1;
        }

        r->codes_n++;
        node->set_n++;
    }
}


/* The inverse of the key; a key of no number, which only a form of foreign
 * make can have, becomes an infinity that decides the same. */

static double
mlops_trees_threshold(const mlops_trees_head_t *head, int64_t key)
{
    float    f;
    double   d;
    int32_t  bits;

    if (head->flags & MLOPS_TREES_F32) {
        bits = (int32_t) key;
        bits ^= (int32_t) ((uint32_t) (bits >> 31) >> 1);
        memcpy(&f, &bits, sizeof(f));
        d = f;

    } else {
        key ^= (int64_t) ((uint64_t) (key >> 63) >> 1);
        memcpy(&d, &key, sizeof(d));
    }

    if (d != d) {
        d = (key < 0) ? -__builtin_inf() : __builtin_inf();
    }

    return d;
}


static double
mlops_trees_number(const mlops_trees_head_t *head, uint64_t section,
    uint64_t i)
{
    const float   *f;
    const double  *d;

    f = mlops_trees_at(head, section);
    d = mlops_trees_at(head, section);

    return (head->flags & MLOPS_TREES_F32) ? f[i] : d[i];
}
