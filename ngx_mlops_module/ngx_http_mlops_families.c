/*
 * Prometheus families.
 *
 * A page is text of lines: "# HELP name text", "# TYPE name type", comments,
 * and samples "name{labels} value [timestamp]".  The samples behind a TYPE
 * belong to its family where their name is the family's, with a suffix or
 * not; others are a family of their own, untyped.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_mlops_families.h"


static void ngx_http_mlops_families_comment(
    ngx_http_mlops_families_t *families, ngx_http_mlops_family_t **current,
    u_char *p, u_char *last);
static void ngx_http_mlops_families_sample(
    ngx_http_mlops_families_t *families, ngx_http_mlops_family_t **current,
    ngx_str_t *process, u_char *p, u_char *last);
static ngx_uint_t ngx_http_mlops_family_owns(ngx_http_mlops_family_t *family,
    ngx_str_t *name);
static u_char *ngx_http_mlops_families_word(u_char **p, u_char *last,
    size_t *len);


static ngx_str_t  ngx_http_mlops_none = ngx_null_string;


void
ngx_http_mlops_families_init(ngx_http_mlops_families_t *families,
    ngx_pool_t *pool)
{
    families->pool = pool;
    families->first = NULL;
    families->last = &families->first;
    families->errors = 0;
}


ngx_http_mlops_family_t *
ngx_http_mlops_family(ngx_http_mlops_families_t *families, ngx_str_t *name,
    ngx_str_t *type, ngx_str_t *help)
{
    ngx_http_mlops_family_t  *family;

    for (family = families->first; family != NULL; family = family->next) {

        if (family->name.len == name->len
            && ngx_memcmp(family->name.data, name->data, name->len) == 0)
        {
            break;
        }
    }

    if (family == NULL) {
        family = ngx_pcalloc(families->pool, sizeof(ngx_http_mlops_family_t));
        if (family == NULL) {
            return NULL;
        }

        family->name = *name;
        ngx_http_mlops_text_init(&family->samples, families->pool, 256);

        *families->last = family;
        families->last = &family->next;
    }

    if (family->type.len == 0) {
        family->type = *type;
    }

    if (family->help.len == 0) {
        family->help = *help;
    }

    return family;
}


void
ngx_http_mlops_families_merge(ngx_http_mlops_families_t *families,
    ngx_str_t *process, u_char *page, size_t len)
{
    u_char                   *p, *end, *last;
    ngx_http_mlops_family_t  *current;

    current = NULL;
    last = page + len;

    for (p = page; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, LF);

        if (end == NULL) {

            /* a line cut short is not trusted */

            break;
        }

        if (end == p) {
            continue;
        }

        if (*p == '#') {
            ngx_http_mlops_families_comment(families, &current, p + 1, end);

        } else {
            ngx_http_mlops_families_sample(families, &current, process, p,
                                           end);
        }
    }
}


static void
ngx_http_mlops_families_comment(ngx_http_mlops_families_t *families,
    ngx_http_mlops_family_t **current, u_char *p, u_char *last)
{
    size_t      len;
    u_char     *word;
    ngx_str_t   name, rest;

    word = ngx_http_mlops_families_word(&p, last, &len);
    name.data = ngx_http_mlops_families_word(&p, last, &name.len);

    if (name.len == 0) {
        return;
    }

    while (p < last && *p == ' ') {
        p++;
    }

    rest.data = p;
    rest.len = last - p;

    if (len == 4 && ngx_strncmp(word, "HELP", 4) == 0) {
        *current = ngx_http_mlops_family(families, &name,
                                         &ngx_http_mlops_none, &rest);

    } else if (len == 4 && ngx_strncmp(word, "TYPE", 4) == 0) {
        *current = ngx_http_mlops_family(families, &name, &rest,
                                         &ngx_http_mlops_none);
    }
}


static void
ngx_http_mlops_families_sample(ngx_http_mlops_families_t *families,
    ngx_http_mlops_family_t **current, ngx_str_t *process, u_char *p,
    u_char *last)
{
    u_char                   *s;
    ngx_str_t                 name;
    ngx_http_mlops_text_t    *text;

    for (s = p; s < last && *s != '{' && *s != ' '; s++) { /* void */ }

    name.data = p;
    name.len = s - p;

    if (name.len == 0 || s == last) {
        return;
    }

    if (*current == NULL || !ngx_http_mlops_family_owns(*current, &name)) {
        *current = ngx_http_mlops_family(families, &name,
                                         &ngx_http_mlops_none,
                                         &ngx_http_mlops_none);
    }

    if (*current == NULL) {
        return;
    }

    text = &(*current)->samples;

    ngx_http_mlops_text_add(text, name.data, name.len);
    ngx_http_mlops_text_lit(text, "{process=");
    ngx_http_mlops_label(text, process->data, process->len);

    if (*s == '{') {
        s++;

        if (s < last && *s != '}') {
            ngx_http_mlops_text_lit(text, ",");
        }

    } else {
        ngx_http_mlops_text_lit(text, "}");
    }

    ngx_http_mlops_text_add(text, s, last - s);
    ngx_http_mlops_text_lit(text, "\n");
}


static ngx_uint_t
ngx_http_mlops_family_owns(ngx_http_mlops_family_t *family, ngx_str_t *name)
{
    size_t   len;
    u_char  *suffix;

    if (name->len < family->name.len
        || ngx_memcmp(name->data, family->name.data, family->name.len) != 0)
    {
        return 0;
    }

    suffix = name->data + family->name.len;
    len = name->len - family->name.len;

    return len == 0
           || (len == 4 && ngx_strncmp(suffix, "_sum", 4) == 0)
           || (len == 6 && ngx_strncmp(suffix, "_count", 6) == 0)
           || (len == 7 && ngx_strncmp(suffix, "_bucket", 7) == 0);
}


static u_char *
ngx_http_mlops_families_word(u_char **p, u_char *last, size_t *len)
{
    u_char  *word;

    while (*p < last && **p == ' ') {
        (*p)++;
    }

    word = *p;

    while (*p < last && **p != ' ') {
        (*p)++;
    }

    *len = *p - word;

    return word;
}


void
ngx_http_mlops_families_print(ngx_http_mlops_families_t *families,
    ngx_http_mlops_text_t *text)
{
    ngx_http_mlops_family_t  *family;

    for (family = families->first; family != NULL; family = family->next) {

        if (family->samples.failed) {
            text->failed = 1;
            return;
        }

        if (family->samples.pos == family->samples.start) {
            continue;
        }

        if (family->help.len != 0) {
            ngx_http_mlops_text_lit(text, "# HELP ");
            ngx_http_mlops_text_add(text, family->name.data,
                                    family->name.len);
            ngx_http_mlops_text_lit(text, " ");
            ngx_http_mlops_text_add(text, family->help.data,
                                    family->help.len);
            ngx_http_mlops_text_lit(text, "\n");
        }

        if (family->type.len != 0) {
            ngx_http_mlops_text_lit(text, "# TYPE ");
            ngx_http_mlops_text_add(text, family->name.data,
                                    family->name.len);
            ngx_http_mlops_text_lit(text, " ");
            ngx_http_mlops_text_add(text, family->type.data,
                                    family->type.len);
            ngx_http_mlops_text_lit(text, "\n");
        }

        ngx_http_mlops_text_add(text, family->samples.start,
                                family->samples.pos - family->samples.start);
    }
}


void
ngx_http_mlops_label(ngx_http_mlops_text_t *text, const void *data,
    size_t len)
{
    u_char        *p;
    const u_char  *s, *last;

    p = ngx_http_mlops_text_room(text, 2 * len + 2);

    if (p == NULL) {
        return;
    }

    s = data;
    last = s + len;

    *p++ = '"';

    for ( /* void */ ; s < last; s++) {

        switch (*s) {

        case '"':
        case '\\':
            *p++ = '\\';
            *p++ = *s;
            break;

        case LF:
            *p++ = '\\';
            *p++ = 'n';
            break;

        default:
            *p++ = *s;
            break;
        }
    }

    *p++ = '"';

    text->pos = p;
}
