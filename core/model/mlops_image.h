/*
 * The model image: one flat, position-independent, checksummed file, mapped
 * read-only by every worker.  Little-endian.  Never changed after birth.
 *
 * All references are offsets, all offsets are checked once at load; nothing
 * in an image is executed.  Any change of size or order below is a new abi;
 * a reader accepts its own and the one before.
 *
 *     0     header, 64 bytes: mlops_image_header_t
 *     64    section table: section_n entries of mlops_image_section_t
 *     …     sections in order of kind, each at the next multiple of 64;
 *           what lies between them is 0, and so is what fills the file up
 *           to a multiple of 64
 *
 * Sections (one of each kind at most; TEXT, CELLS, SIGNATURES, OUTPUTS,
 * STEPS, LISTS, WEIGHTS and FACTS are always there, any other is not empty):
 *
 *     TEXT        UTF-8 that mlops_image_text_t refers to, no terminators
 *     CELLS       mlops_image_cell_t, one an input cell
 *     SIGNATURES  mlops_image_signature_t
 *     OUTPUTS     mlops_image_output_t; each signature owns a run of them,
 *                 in order of the signatures
 *     STEPS       mlops_image_step_t
 *     LISTS       uint32: cell numbers and step numbers; others refer to
 *                 runs of it by (first element, n), which do not share
 *                 elements
 *     STRINGS     mlops_image_text_t: categories, labels; runs, as LISTS
 *     WEIGHTS     the steps' parameters in order of the steps, each block
 *                 at the next multiple of 64; mlops_steps.h has their
 *                 layouts
 *     HISTOGRAMS  mlops_image_histogram_t in order of their cells, then the
 *                 doubles they refer to, in the same order
 *     TRANSFORMS  sandboxed Lua text, one source per step of kind lua, and
 *                 its digest (a later abi fills this in; readers of this one
 *                 refuse steps of that kind)
 *     GOLDEN      mlops_image_golden_t, then its cells, presence, results
 *     FACTS       one JSON object, UTF-8: what was fixed at birth (source,
 *                 data and recipe digests, parent, metrics, free metadata)
 *
 * The program.  A cell is 8 bytes; the first input_n cells are inputs with
 * their schema, the rest is computed and holds doubles.  A step reads cells
 * and writes a run of cells.  A signature lists input cells, steps in order,
 * and outputs; each step of it reads only cells that are its inputs or were
 * written by an earlier step of it, which one loop proves at load.  An input
 * cell of one signature may be a computed cell of another: this is how raw
 * and expanded inputs share one model.  Within a signature every cell has
 * one origin.
 *
 * Outputs.  An input cell passes through unharmed, 64-bit integers and
 * strings included.  A computed cell is rounded to float32 for an FP32
 * output, truncated toward zero and held within the type's limits for an
 * integer output, and is true for a BOOL output where it is not 0; where it
 * is NaN, an integer, BOOL or BYTES result is missing.
 */

#ifndef MLOPS_IMAGE_H
#define MLOPS_IMAGE_H


#include <stdint.h>


#define MLOPS_IMAGE_MAGIC   "mlopsimg"
#define MLOPS_IMAGE_ABI     1
#define MLOPS_IMAGE_ALIGN   64
/* images above this are another program's work */
#define MLOPS_IMAGE_MAX     (256u * 1024 * 1024)

/* Bounds on what an image may ask of its reader. */

#define MLOPS_IMAGE_MAX_INPUTS      32768
#define MLOPS_IMAGE_MAX_CELLS       (1u << 20)
#define MLOPS_IMAGE_MAX_STEPS       65536
#define MLOPS_IMAGE_MAX_SIGNATURES  64
#define MLOPS_IMAGE_MAX_OUTPUTS     1024        /* of a signature */
#define MLOPS_IMAGE_MAX_RESULTS     65536       /* cells of all of those */
#define MLOPS_IMAGE_MAX_NAME        128         /* bytes */
#define MLOPS_IMAGE_MAX_KEY         4096        /* bytes of any other text */
#define MLOPS_IMAGE_MAX_FACTS       (1u << 19)  /* bytes */
#define MLOPS_IMAGE_MAX_GOLDEN      4096        /* rows */


typedef struct {
    char      magic[8];
    uint32_t  abi;
    uint32_t  header_len;       /* 64 */
    uint64_t  file_len;
    uint64_t  checksum;         /* XXH3-64 of bytes [32, file_len) */
    uint32_t  section_n;
    uint32_t  input_n;          /* leading cells that are inputs */
    uint32_t  cell_n;
    uint32_t  flags;            /* 0 */
    uint64_t  reserved[2];      /* 0 */
} mlops_image_header_t;


typedef enum {
    MLOPS_SECTION_TEXT = 1,
    MLOPS_SECTION_CELLS = 2,
    MLOPS_SECTION_SIGNATURES = 3,
    MLOPS_SECTION_OUTPUTS = 4,
    MLOPS_SECTION_STEPS = 5,
    MLOPS_SECTION_LISTS = 6,
    MLOPS_SECTION_STRINGS = 7,
    MLOPS_SECTION_WEIGHTS = 8,
    MLOPS_SECTION_HISTOGRAMS = 9,
    MLOPS_SECTION_TRANSFORMS = 10,
    MLOPS_SECTION_GOLDEN = 11,
    MLOPS_SECTION_FACTS = 12,
    MLOPS_SECTION_N = 13
} mlops_image_kind_t;


/* n counts elements; of TEXT, WEIGHTS and FACTS those are the bytes. */

typedef struct {
    uint32_t  kind;
    uint32_t  n;
    uint64_t  off;              /* from the start of the file */
    uint64_t  len;              /* bytes */
    uint64_t  reserved;         /* 0 */
} mlops_image_section_t;


typedef struct {
    uint32_t  off;              /* in TEXT */
    uint32_t  len;
} mlops_image_text_t;


typedef struct {
    uint32_t  first;            /* element of LISTS or STRINGS */
    uint32_t  n;
} mlops_image_run_t;


/* An input cell.  What its flags and its type do not call for is 0: lo and
 * hi without RANGE, the default without DEFAULT, categories but of BYTES. */

typedef struct {
    mlops_image_text_t  name;
    uint32_t            type;           /* mlops_type_t */
    uint32_t            flags;          /* MLOPS_COLUMN_… */
    mlops_image_run_t   categories;     /* of STRINGS */
    mlops_image_text_t  def_text;
    uint64_t            def;            /* bits of the default cell */
    double              lo;
    double              hi;
    uint64_t            reserved;       /* 0 */
} mlops_image_cell_t;                   /* 64 bytes */


typedef struct {
    mlops_image_text_t  name;
    mlops_image_run_t   inputs;         /* of LISTS: input cells in order */
    mlops_image_run_t   steps;          /* of LISTS: step numbers in order */
    uint32_t            output;         /* first element of OUTPUTS */
    uint32_t            output_n;
} mlops_image_signature_t;              /* 32 bytes */


/* width cells from LISTS.  Labels name the classes of a numeric output, one
 * a cell; a BYTES output of a computed cell is the label of that number, and
 * missing where there is none. */

typedef struct {
    mlops_image_text_t  name;
    uint32_t            type;
    uint32_t            width;
    mlops_image_run_t   cells;          /* of LISTS, width elements */
    mlops_image_run_t   labels;         /* of STRINGS, or n = 0 */
} mlops_image_output_t;                 /* 32 bytes */


typedef struct {
    uint16_t           kind;            /* mlops_step_kind_t */
    uint16_t           op;              /* of unary, binary, activation */
    uint32_t           flags;           /* MLOPS_STEP_… */
    mlops_image_run_t  in;              /* of LISTS: cells read */
    uint32_t           out;             /* first cell written */
    uint32_t           out_n;
    uint64_t           param;           /* from the start of WEIGHTS */
    uint64_t           param_len;
    uint64_t           reserved;        /* 0 */
} mlops_image_step_t;                   /* 48 bytes */


/* Of one input cell over held-out rows: bins_n + 1 ascending edges, bins_n
 * counts; values below the first and from the last edge on count in the
 * outer bins.  A BYTES cell has one count for each category and one for all
 * others, and no edges (edges is 0). */

typedef struct {
    uint32_t  cell;
    uint32_t  bins_n;
    uint64_t  edges;            /* doubles, from the section's start */
    uint64_t  counts;           /* doubles, likewise */
    double    missing;          /* rows without the value */
    double    rows;
} mlops_image_histogram_t;      /* 40 bytes */


/*
 * Rows with their answers, replayed before an image serves.  Behind the
 * header: a uint64 of signature number a row; then for each row in order the
 * signature's input cells, the presence words, the result cells.  String
 * cells refer to TEXT.  A result that is missing is 0.
 * A double result passes when |got - expected| <= tol_abs, or <= tol_rel *
 * |expected|, or both are NaN; tolerances of 0 ask for the same bits.
 */

typedef struct {
    uint32_t  rows_n;
    uint32_t  reserved;
    double    tol_abs;
    double    tol_rel;
} mlops_image_golden_t;         /* 24 bytes */


#endif /* MLOPS_IMAGE_H */
