/*
 * Loading an image: the machine of phases, and the phases that look at the
 * file as a whole: header, checksum, section table, text, facts.
 *
 * The bytes may come from anybody.  The checksum only tells damage from
 * intent: what follows believes nothing that it has not compared with the
 * bounds of the file, and does work in proportion to the file's size.
 */

#include "mlops_load.h"
#include "mlops_scan.h"

#include <stdlib.h>


#define MLOPS_FACTS_DEPTH  64
#define MLOPS_UTF8_COST    4        /* bytes of budget for one of text: */
                                    /* characters of many lengths */


static int mlops_load_header(const mlops_image_header_t *h, size_t len,
    mlops_err_t *err);
static int mlops_load_checksum(mlops_load_t *load, size_t *budget,
    mlops_err_t *err);
static int mlops_load_sections(mlops_load_t *load, size_t *budget,
    mlops_err_t *err);
static int mlops_load_section(mlops_load_t *load,
    const mlops_image_section_t *section, uint64_t *end, mlops_err_t *err);
static int mlops_load_gap(mlops_load_t *load, uint64_t from, uint64_t to,
    mlops_err_t *err);
static int mlops_load_utf8(mlops_load_t *load, size_t *budget,
    mlops_err_t *err);
static int mlops_load_strings(mlops_load_t *load, size_t *budget,
    mlops_err_t *err);
static int mlops_load_facts(mlops_load_t *load, size_t *budget,
    mlops_err_t *err);


static const mlops_load_pt  mlops_load_phases[] = {
    mlops_load_checksum,
    mlops_load_sections,
    mlops_load_utf8,
    mlops_load_strings,
    mlops_load_facts,
    mlops_load_cells,
    mlops_load_steps,
    mlops_load_weights,
    mlops_load_signatures,
    mlops_load_programs,
    mlops_load_histograms,
    mlops_load_golden
};


/* Bytes of an element; 0 where the section has elements and more. */

typedef struct {
    const char  *name;
    uint32_t     size;
    uint32_t     head;          /* bytes of an element where size is 0, */
    uint32_t     fixed;         /*   and those before them */
    unsigned     required:1;
} mlops_section_def_t;

static const mlops_section_def_t  mlops_section_defs[MLOPS_SECTION_N] = {
    [MLOPS_SECTION_TEXT] = { "TEXT", 1, 0, 0, 1 },
    [MLOPS_SECTION_CELLS] = {
        "CELLS", sizeof(mlops_image_cell_t), 0, 0, 1
    },
    [MLOPS_SECTION_SIGNATURES] = {
        "SIGNATURES", sizeof(mlops_image_signature_t), 0, 0, 1
    },
    [MLOPS_SECTION_OUTPUTS] = {
        "OUTPUTS", sizeof(mlops_image_output_t), 0, 0, 1
    },
    [MLOPS_SECTION_STEPS] = {
        "STEPS", sizeof(mlops_image_step_t), 0, 0, 1
    },
    [MLOPS_SECTION_LISTS] = { "LISTS", sizeof(uint32_t), 0, 0, 1 },
    [MLOPS_SECTION_STRINGS] = {
        "STRINGS", sizeof(mlops_image_text_t), 0, 0, 0
    },
    [MLOPS_SECTION_WEIGHTS] = { "WEIGHTS", 1, 0, 0, 1 },
    [MLOPS_SECTION_HISTOGRAMS] = {
        "HISTOGRAMS", 0, sizeof(mlops_image_histogram_t), 0, 0
    },
    [MLOPS_SECTION_TRANSFORMS] = { "TRANSFORMS", 1, 0, 0, 0 },
    [MLOPS_SECTION_GOLDEN] = {
        "GOLDEN", 0, sizeof(uint64_t), sizeof(mlops_image_golden_t), 0
    },
    [MLOPS_SECTION_FACTS] = { "FACTS", 1, 0, 0, 1 }
};


mlops_load_t *
mlops_load_create(const void *base, size_t len, mlops_err_t *err)
{
    return mlops_load_create_simd(base, len, mlops_simd_level(), err);
}


mlops_load_t *
mlops_load_create_simd(const void *base, size_t len, int simd,
    mlops_err_t *err)
{
    mlops_load_t  *load;

    if ((uintptr_t) base % MLOPS_IMAGE_ALIGN != 0) {
        (void) mlops_err_set(err, "image: expected memory aligned to %d "
                             "bytes", MLOPS_IMAGE_ALIGN);
        return NULL;
    }

    if (len < sizeof(mlops_image_header_t)) {
        (void) mlops_err_set(err, "image: expected a header of %zu bytes, "
                             "got a file of %zu",
                             sizeof(mlops_image_header_t), len);
        return NULL;
    }

    if (mlops_load_header(base, len, err) != MLOPS_OK) {
        (void) mlops_err_prefix(err, "image");
        return NULL;
    }

    load = aligned_alloc(_Alignof(mlops_load_t), sizeof(mlops_load_t));

    if (load == NULL) {
        (void) mlops_load_no_memory(err);
        return NULL;
    }

    memset(load, 0, sizeof(mlops_load_t));

    load->model = calloc(1, sizeof(mlops_model_t));

    if (load->model == NULL) {
        free(load);
        (void) mlops_load_no_memory(err);
        return NULL;
    }

    load->model->image = base;
    load->model->simd = simd;
    mlops_arena_init(&load->model->arena, NULL, NULL);

    return load;
}


int
mlops_load_step(mlops_load_t *load, size_t budget, mlops_model_t **model,
    mlops_err_t *err)
{
    int  rc;

    if (budget == 0) {
        budget = 1;
    }

    do {
        rc = mlops_load_phases[load->phase](load, &budget, err);

        if (rc == MLOPS_ERROR) {
            (void) mlops_err_prefix(err, "image");
            mlops_load_destroy(load);
            return MLOPS_ERROR;
        }

        if (rc == MLOPS_OK) {
            load->phase++;
            load->cursor = 0;
            load->inner = 0;
            load->part = 0;
            load->stage = 0;

            if (load->phase == mlops_nitems(mlops_load_phases)) {
                *model = load->model;
                load->model = NULL;
                mlops_load_destroy(load);
                return MLOPS_OK;
            }
        }

    } while (rc == MLOPS_OK && budget > 0);

    return MLOPS_AGAIN;
}


void
mlops_load_destroy(mlops_load_t *load)
{
    if (load == NULL) {
        return;
    }

    if (load->model) {
        mlops_model_destroy(load->model);
    }

    free(load->golden.memory);
    free(load->origins);
    free(load);
}


mlops_model_t *
mlops_model_open(const void *base, size_t len, mlops_err_t *err)
{
    int             rc;
    mlops_load_t   *load;
    mlops_model_t  *model;

    load = mlops_load_create(base, len, err);

    if (load == NULL) {
        return NULL;
    }

    do {
        rc = mlops_load_step(load, SIZE_MAX, &model, err);
    } while (rc == MLOPS_AGAIN);

    return (rc == MLOPS_OK) ? model : NULL;
}


static int
mlops_load_header(const mlops_image_header_t *h, size_t len,
    mlops_err_t *err)
{
    if (memcmp(h->magic, MLOPS_IMAGE_MAGIC, sizeof(h->magic)) != 0) {
        return mlops_err_set(err, "magic: expected \"%s\", got \"%.8s\"",
                             MLOPS_IMAGE_MAGIC, h->magic);
    }

    if (h->abi != MLOPS_IMAGE_ABI) {
        return mlops_err_set(err, "abi: this reader knows %d, got %u",
                             MLOPS_IMAGE_ABI, h->abi);
    }

    if (h->header_len != sizeof(mlops_image_header_t)) {
        return mlops_err_set(err, "header_len: expected %zu, got %u",
                             sizeof(mlops_image_header_t), h->header_len);
    }

    if (h->file_len != len) {
        return mlops_err_set(err, "file_len: the file has %zu bytes, its "
                             "header says %llu", len,
                             (unsigned long long) h->file_len);
    }

    if (len > MLOPS_IMAGE_MAX) {
        return mlops_err_set(err, "file_len: expected at most %u, got %zu",
                             MLOPS_IMAGE_MAX, len);
    }

    if (h->section_n == 0 || h->section_n >= MLOPS_SECTION_N) {
        return mlops_err_set(err, "section_n: expected 1 to %d, got %u",
                             MLOPS_SECTION_N - 1, h->section_n);
    }

    if (h->input_n == 0 || h->input_n > MLOPS_IMAGE_MAX_INPUTS) {
        return mlops_err_set(err, "input_n: expected 1 to %d, got %u",
                             MLOPS_IMAGE_MAX_INPUTS, h->input_n);
    }

    if (h->cell_n < h->input_n || h->cell_n > MLOPS_IMAGE_MAX_CELLS) {
        return mlops_err_set(err, "cell_n: expected %u to %u, got %u",
                             h->input_n, MLOPS_IMAGE_MAX_CELLS, h->cell_n);
    }

    if (h->flags != 0 || h->reserved[0] != 0 || h->reserved[1] != 0) {
        return mlops_err_set(err, "flags and reserved: expected 0");
    }

    return MLOPS_OK;
}


/* Touches every page besides, so that later phases do not wait for them. */

static int
mlops_load_checksum(mlops_load_t *load, size_t *budget, mlops_err_t *err)
{
    size_t                       n;
    uint64_t                     off, hash;
    const mlops_image_header_t  *h;

    h = load->model->image;
    off = load->cursor;

    if (off == 0) {
        off = offsetof(mlops_image_header_t, section_n);
        mlops_hash_init(&load->hash, 0);
    }

    n = h->file_len - off;
    n = (n < *budget) ? n : *budget;

    mlops_hash_update(&load->hash, (const char *) h + off, n);
    mlops_load_spend(budget, n);

    off += n;
    load->cursor = off;

    if (off < h->file_len) {
        return MLOPS_AGAIN;
    }

    hash = mlops_hash_value(&load->hash);

    if (hash != h->checksum) {
        return mlops_err_set(err, "checksum: expected %016llx, got %016llx",
                             (unsigned long long) h->checksum,
                             (unsigned long long) hash);
    }

    return MLOPS_OK;
}


static int
mlops_load_sections(mlops_load_t *load, size_t *budget, mlops_err_t *err)
{
    uint32_t                      i, last;
    uint64_t                      end;
    mlops_section_t              *to;
    const mlops_image_header_t   *h;
    const mlops_image_section_t  *table;

    h = load->model->image;
    table = (const mlops_image_section_t *) (h + 1);
    end = sizeof(*h) + h->section_n * sizeof(*table);

    if (end > h->file_len) {
        return mlops_err_set(err, "section table: expected %llu bytes, got a "
                             "file of %llu", (unsigned long long) end,
                             (unsigned long long) h->file_len);
    }

    last = 0;

    for (i = 0; i < h->section_n; i++) {

        if (table[i].kind <= last || table[i].kind >= MLOPS_SECTION_N) {
            return mlops_err_set(err, "section table, entry %u: expected a "
                                 "kind of %u to %d, got %u", i, last + 1,
                                 MLOPS_SECTION_N - 1, table[i].kind);
        }

        last = table[i].kind;

        if (mlops_load_section(load, &table[i], &end, err) != MLOPS_OK) {
            return mlops_err_prefix(err, "section %s",
                                    mlops_section_defs[last].name);
        }
    }

    for (i = 1; i < MLOPS_SECTION_N; i++) {
        to = &load->model->sections[i];

        if (to->data == NULL && mlops_section_defs[i].required) {
            return mlops_err_set(err, "section %s is missing",
                                 mlops_section_defs[i].name);
        }
    }

    if (h->file_len != mlops_align(end, MLOPS_IMAGE_ALIGN)) {
        return mlops_err_set(err, "file_len: the sections end at %llu, the "
                             "file at %llu", (unsigned long long) end,
                             (unsigned long long) h->file_len);
    }

    mlops_load_spend(budget, h->section_n * sizeof(*table));

    return mlops_load_gap(load, end, h->file_len, err);
}


static int
mlops_load_section(mlops_load_t *load, const mlops_image_section_t *section,
    uint64_t *end, mlops_err_t *err)
{
    uint64_t                     off, len;
    mlops_section_t             *to;
    const mlops_section_def_t   *def;
    const mlops_image_header_t  *h;

    h = load->model->image;
    def = &mlops_section_defs[section->kind];
    off = mlops_align(*end, MLOPS_IMAGE_ALIGN);

    if (section->reserved != 0) {
        return mlops_err_set(err, "reserved: expected 0");
    }

    if (section->off != off || off > h->file_len
        || section->len > h->file_len - off)
    {
        return mlops_err_set(err, "expected it at %llu, within a file of "
                             "%llu, got %llu bytes at %llu",
                             (unsigned long long) off,
                             (unsigned long long) h->file_len,
                             (unsigned long long) section->len,
                             (unsigned long long) section->off);
    }

    if (mlops_load_gap(load, *end, off, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    len = def->size ? (uint64_t) section->n * def->size
                    : (uint64_t) section->n * def->head + def->fixed;

    if (section->len < len || (def->size && section->len != len)) {
        return mlops_err_set(err, "%u elements: expected %llu bytes, got "
                             "%llu", section->n, (unsigned long long) len,
                             (unsigned long long) section->len);
    }

    if (!def->required && section->n == 0) {
        return mlops_err_set(err, "it is empty");
    }

    if (section->kind == MLOPS_SECTION_TRANSFORMS) {
        return mlops_err_set(err, "not known to abi %d", MLOPS_IMAGE_ABI);
    }

    to = &load->model->sections[section->kind];
    to->data = (const char *) h + off;
    to->len = section->len;
    to->n = section->n;

    *end = off + section->len;

    return MLOPS_OK;
}


static int
mlops_load_gap(mlops_load_t *load, uint64_t from, uint64_t to,
    mlops_err_t *err)
{
    const char  *base;

    base = (const char *) load->model->image;

    for ( /* void */ ; from < to; from++) {
        if (base[from] != 0) {
            return mlops_err_set(err, "byte %llu: expected 0 between the "
                                 "sections", (unsigned long long) from);
        }
    }

    return MLOPS_OK;
}


static int
mlops_load_utf8(mlops_load_t *load, size_t *budget, mlops_err_t *err)
{
    size_t                  i, n, part;
    uint64_t                off;
    const mlops_section_t  *text;

    text = &load->model->sections[MLOPS_SECTION_TEXT];
    off = load->cursor;
    n = text->len - off;
    part = *budget / MLOPS_UTF8_COST + 1;

    if (n > part) {
        n = (part + 3 < n) ? part + 3 : n;

        /* not between the bytes of a character */

        for (i = 0; i < 3 && off + n < text->len; i++) {
            if (((unsigned char) text->data[off + n] & 0xc0) != 0x80) {
                break;
            }

            n--;
        }
    }

    if (!mlops_utf8_valid(text->data + off, n)) {
        return mlops_err_set(err, "section TEXT: expected UTF-8");
    }

    mlops_load_spend(budget, n * MLOPS_UTF8_COST);
    load->cursor = off + n;

    return (load->cursor == text->len) ? MLOPS_OK : MLOPS_AGAIN;
}


static int
mlops_load_strings(mlops_load_t *load, size_t *budget, mlops_err_t *err)
{
    uint64_t                   i;
    mlops_model_t             *model;
    const mlops_section_t     *section;
    const mlops_image_text_t  *text;

    model = load->model;
    section = &model->sections[MLOPS_SECTION_STRINGS];
    text = (const mlops_image_text_t *) section->data;

    if (section->n == 0) {
        return MLOPS_OK;
    }

    if (model->strings == NULL) {
        model->strings = mlops_arena_alloc(&model->arena, (size_t)
                                           section->n * sizeof(mlops_str_t));

        if (model->strings == NULL) {
            return mlops_load_no_memory(err);
        }
    }

    for (i = load->cursor; i < section->n; i++) {

        if (*budget == 0) {
            load->cursor = i;
            return MLOPS_AGAIN;
        }

        if (mlops_load_text(load, &text[i], MLOPS_IMAGE_MAX_KEY, "text", err)
            != MLOPS_OK)
        {
            return mlops_err_prefix(err, "section STRINGS, element %llu",
                                    (unsigned long long) i);
        }

        model->strings[i] = mlops_model_str(model, &text[i]);
        mlops_load_spend(budget, MLOPS_LOAD_JUMP);
    }

    return MLOPS_OK;
}


static int
mlops_load_facts(mlops_load_t *load, size_t *budget, mlops_err_t *err)
{
    const char              *p, *end;
    mlops_scan_fault_t       fault;
    const mlops_section_t   *facts;

    facts = &load->model->sections[MLOPS_SECTION_FACTS];

    if (facts->len > MLOPS_IMAGE_MAX_FACTS) {
        return mlops_err_set(err, "section FACTS: expected at most %u bytes, "
                             "got %llu", MLOPS_IMAGE_MAX_FACTS,
                             (unsigned long long) facts->len);
    }

    end = facts->data + facts->len;
    p = mlops_scan_ws(facts->data, end);

    if (p == end || *p != '{') {
        return mlops_err_set(err, "section FACTS: expected a JSON object");
    }

    p = mlops_scan_value(p, end, MLOPS_FACTS_DEPTH, 0, &fault);

    if (p == NULL || mlops_scan_ws(p, end) != end) {
        return mlops_err_set(err, "section FACTS: expected one JSON object "
                             "of at most %d levels", MLOPS_FACTS_DEPTH);
    }

    mlops_load_spend(budget, facts->len);

    return MLOPS_OK;
}


int
mlops_load_text(mlops_load_t *load, const mlops_image_text_t *text,
    uint32_t max, const char *what, mlops_err_t *err)
{
    uint64_t                end;
    const mlops_section_t  *section;

    section = &load->model->sections[MLOPS_SECTION_TEXT];
    end = (uint64_t) text->off + text->len;

    if (end > section->len) {
        return mlops_err_set(err, "%s: expected it within %llu bytes of "
                             "TEXT, got [%u, +%u)", what,
                             (unsigned long long) section->len, text->off,
                             text->len);
    }

    if (text->len > max) {
        return mlops_err_set(err, "%s: expected at most %u bytes, got %u",
                             what, max, text->len);
    }

    if ((text->off < section->len
         && ((unsigned char) section->data[text->off] & 0xc0) == 0x80)
        || (end < section->len
            && ((unsigned char) section->data[end] & 0xc0) == 0x80))
    {
        return mlops_err_set(err, "%s: cut within a character, [%u, +%u)",
                             what, text->off, text->len);
    }

    return MLOPS_OK;
}


int
mlops_load_run(mlops_load_t *load, const mlops_image_run_t *run,
    const char *what, mlops_err_t *err)
{
    uint32_t  n;

    n = load->model->sections[MLOPS_SECTION_LISTS].n;

    if ((uint64_t) run->first + run->n > n) {
        return mlops_err_set(err, "%s: expected a run within %u elements of "
                             "LISTS, got [%u, +%u)", what, n, run->first,
                             run->n);
    }

    load->listed += run->n;

    if (load->listed > n) {
        return mlops_err_set(err, "%s: the runs share elements of LISTS",
                             what);
    }

    return MLOPS_OK;
}


int
mlops_load_strings_run(mlops_load_t *load, const mlops_image_run_t *run,
    const char *what, mlops_err_t *err)
{
    uint32_t  n;

    n = load->model->sections[MLOPS_SECTION_STRINGS].n;

    if ((uint64_t) run->first + run->n > n) {
        return mlops_err_set(err, "%s: expected a run within %u elements of "
                             "STRINGS, got [%u, +%u)", what, n, run->first,
                             run->n);
    }

    load->stringed += run->n;

    if (load->stringed > n) {
        return mlops_err_set(err, "%s: the runs share elements of STRINGS",
                             what);
    }

    return MLOPS_OK;
}


int
mlops_load_no_memory(mlops_err_t *err)
{
    return mlops_err_set(err, "out of memory");
}
