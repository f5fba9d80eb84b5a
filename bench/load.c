/*
 * load: an HTTP load that remembers what it was told.
 *
 *     load [-b] [-c connections] [-n requests | -d seconds] [-R rate]
 *          [-o answers.tsv] [-H "Name: value"]… host:port path bodies
 *
 * bodies is a file of request bodies, one a line, sent by turns as POST with
 * keep-alive; "-" sends GET.  One thread, epoll.
 *
 * Closed loop by default: a connection sends when its answer is there.  With
 * -R it is open loop: requests fall due at a fixed rate whatever the server
 * does, and latency counts from when a request was due, so that a stall is
 * seen by all requests that it delays.
 *
 * With -b it never sleeps, so that the server does not pay for waking it.
 *
 * It prints one line of name=value: requests, failed (no 200, or a broken
 * connection), seconds, rate, and latency in microseconds (p50 … max).  With
 * -o it writes what was answered: body number, Mlops-Version, status, count,
 * first and last time (monotonic nanoseconds), and the answer's text, one
 * line for each distinct combination.
 *
 * SIGINT and SIGTERM end it early, with its report.
 *
 * Latencies are kept in buckets of 1/32 of a power of two.
 */

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define LOAD_BUF       65536
#define LOAD_HEADERS   16
#define LOAD_BUCKETS   (64 * 64)
#define LOAD_ANSWERS   (1 << 20)


typedef struct {
    char      *data;
    size_t     len;
} load_text_t;


typedef struct {
    int        fd;
    uint32_t   body;            /* number of the body under way */
    unsigned   busy:1;
    unsigned   fresh:1;         /* no answer on this connection yet */
    uint64_t   due;             /* when it was, or should have been, sent */
    size_t     sent;
    size_t     got;
    char       in[LOAD_BUF];
} load_conn_t;


typedef struct {
    uint64_t   hash;
    uint64_t   count;
    uint64_t   first;
    uint64_t   last;
    uint32_t   body;
    int        status;
    char       version[40];
    char      *text;
    size_t     len;
} load_answer_t;


typedef struct {
    const char      *host;
    const char      *path;
    struct sockaddr_storage  addr;
    socklen_t        addr_len;

    const char      *headers[LOAD_HEADERS];
    uint32_t         headers_n;
    load_text_t     *requests;          /* whole requests, one a body */
    uint32_t         requests_n;

    load_conn_t     *conns;
    uint32_t         conns_n;
    int              epoll;

    uint64_t         wanted;            /* requests, or 0 */
    uint64_t         duration;          /* ns, or 0 */
    double           rate;              /* or 0 */
    int              busy;              /* -b */
    uint64_t         start;
    uint64_t         issued;
    uint64_t         done;
    uint64_t         failed;
    uint32_t         next;

    uint64_t         buckets[LOAD_BUCKETS];
    uint64_t         max;

    int              remember;
    load_answer_t   *answers;           /* open addressing */
    uint64_t         answers_n;
} load_t;


static load_t                 load_state;   /* what it holds is not leaked */
static volatile sig_atomic_t  load_ended;


static void load_end(int signo);
static uint64_t load_now(void);
static void load_usage(void);
static int load_options(load_t *l, int argc, char **argv,
    const char **bodies, const char **out);
static int load_resolve(load_t *l, const char *target);
static int load_bodies(load_t *l, const char *name);
static int load_request(load_t *l, const char *body, size_t len, int get);
static int load_connect(load_t *l, load_conn_t *c);
static int load_more(const load_t *l, uint64_t now);
static void load_issue(load_t *l, load_conn_t *c, uint64_t due);
static void load_write(load_t *l, load_conn_t *c);
static void load_read(load_t *l, load_conn_t *c);
static int load_answer(load_t *l, load_conn_t *c);
static void load_remember(load_t *l, load_conn_t *c, int status,
    const char *version, size_t version_len, const char *text, size_t len);
static void load_broken(load_t *l, load_conn_t *c);
static void load_count(load_t *l, uint64_t ns);
static double load_percentile(const load_t *l, double q);
static void load_turn(load_t *l);
static int load_report(const load_t *l, const char *out, uint64_t end);


int
main(int argc, char **argv)
{
    load_t      *l;
    uint32_t     i;
    const char  *bodies, *out;

    l = &load_state;

    if (load_options(l, argc, argv, &bodies, &out) != 0) {
        load_usage();
        return 2;
    }

    if (load_bodies(l, bodies) != 0) {
        return 1;
    }

    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->conns = calloc(l->conns_n, sizeof(load_conn_t));
    l->remember = (out != NULL);

    if (l->remember) {
        l->answers = calloc(LOAD_ANSWERS, sizeof(load_answer_t));
    }

    if (l->epoll == -1 || l->conns == NULL
        || (l->remember && l->answers == NULL))
    {
        perror("load");
        return 1;
    }

    for (i = 0; i < l->conns_n; i++) {
        if (load_connect(l, &l->conns[i]) != 0) {
            return 1;
        }
    }

    (void) signal(SIGINT, load_end);
    (void) signal(SIGTERM, load_end);

    l->start = load_now();

    load_turn(l);

    return load_report(l, out, load_now());
}


static void
load_end(int signo)
{
    (void) signo;

    load_ended = 1;
}


static uint64_t
load_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


static void
load_usage(void)
{
    fprintf(stderr,
            "usage: load [-b] [-c connections] [-n requests | -d seconds]"
            " [-R rate]\n"
            "            [-o answers.tsv] [-H \"Name: value\"]... "
            "host:port path bodies\n");
}


static int
load_options(load_t *l, int argc, char **argv, const char **bodies,
    const char **out)
{
    int  ch;

    *out = NULL;
    l->conns_n = 1;

    while ((ch = getopt(argc, argv, "bc:n:d:R:o:H:")) != -1) {

        switch (ch) {

        case 'b':
            l->busy = 1;
            break;

        case 'c':
            l->conns_n = (uint32_t) strtoul(optarg, NULL, 10);
            break;

        case 'n':
            l->wanted = strtoull(optarg, NULL, 10);
            break;

        case 'd':
            l->duration = (uint64_t) (strtod(optarg, NULL) * 1e9);
            break;

        case 'R':
            l->rate = strtod(optarg, NULL);
            break;

        case 'o':
            *out = optarg;
            break;

        case 'H':
            if (l->headers_n == LOAD_HEADERS) {
                return -1;
            }

            l->headers[l->headers_n++] = optarg;
            break;

        default:
            return -1;
        }
    }

    if (argc - optind != 3 || l->conns_n == 0 || l->conns_n > 4096
        || (l->wanted == 0 && l->duration == 0))
    {
        return -1;
    }

    l->path = argv[optind + 1];
    *bodies = argv[optind + 2];

    return load_resolve(l, argv[optind]);
}


static int
load_resolve(load_t *l, const char *target)
{
    char              host[256];
    const char       *colon;
    struct addrinfo   hints, *res;

    colon = strrchr(target, ':');

    if (colon == NULL || (size_t) (colon - target) >= sizeof(host)) {
        return -1;
    }

    memcpy(host, target, colon - target);
    host[colon - target] = '\0';

    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST;

    if (getaddrinfo(host, colon + 1, &hints, &res) != 0) {
        fprintf(stderr, "load: %s: no such address\n", target);
        return -1;
    }

    memcpy(&l->addr, res->ai_addr, res->ai_addrlen);
    l->addr_len = res->ai_addrlen;
    l->host = target;

    freeaddrinfo(res);

    return 0;
}


static int
load_bodies(load_t *l, const char *name)
{
    FILE     *file;
    char     *line;
    size_t    size;
    ssize_t   len;

    if (strcmp(name, "-") == 0) {
        return load_request(l, "", 0, 1);
    }

    file = fopen(name, "r");

    if (file == NULL) {
        perror(name);
        return -1;
    }

    line = NULL;
    size = 0;

    while ((len = getline(&line, &size, file)) != -1) {

        if (len > 0 && line[len - 1] == '\n') {
            len--;
        }

        if (load_request(l, line, len, 0) != 0) {
            return -1;
        }
    }

    free(line);
    fclose(file);

    if (l->requests_n == 0) {
        fprintf(stderr, "load: %s: no bodies\n", name);
        return -1;
    }

    return 0;
}


static int
load_request(load_t *l, const char *body, size_t len, int get)
{
    char         *p;
    size_t        size, n;
    uint32_t      i;
    load_text_t  *requests;

    requests = realloc(l->requests,
                       (l->requests_n + 1) * sizeof(load_text_t));
    if (requests == NULL) {
        return -1;
    }

    l->requests = requests;

    size = strlen(l->path) + strlen(l->host) + len + 256;

    for (i = 0; i < l->headers_n; i++) {
        size += strlen(l->headers[i]) + 2;
    }

    p = malloc(size);

    if (p == NULL) {
        return -1;
    }

    n = (size_t) sprintf(p, "%s %s HTTP/1.1\r\nHost: %s\r\n",
                         get ? "GET" : "POST", l->path, l->host);

    for (i = 0; i < l->headers_n; i++) {
        n += (size_t) sprintf(p + n, "%s\r\n", l->headers[i]);
    }

    if (!get) {
        n += (size_t) sprintf(p + n, "Content-Length: %zu\r\n", len);
    }

    n += (size_t) sprintf(p + n, "\r\n");
    memcpy(p + n, body, len);

    requests[l->requests_n].data = p;
    requests[l->requests_n++].len = n + len;

    return 0;
}


static int
load_connect(load_t *l, load_conn_t *c)
{
    int                 on;
    struct epoll_event  ev;

    c->busy = 0;
    c->fresh = 1;
    c->got = 0;

    c->fd = socket(l->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (c->fd == -1
        || connect(c->fd, (struct sockaddr *) &l->addr, l->addr_len) == -1)
    {
        perror("load: connect");
        return -1;
    }

    on = 1;
    (void) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void) fcntl(c->fd, F_SETFL, O_NONBLOCK);

    ev.events = EPOLLIN;
    ev.data.ptr = c;

    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &ev);
}


static int
load_more(const load_t *l, uint64_t now)
{
    if (load_ended || (l->wanted != 0 && l->issued >= l->wanted)) {
        return 0;
    }

    return l->duration == 0 || now - l->start < l->duration;
}


static void
load_turn(load_t *l)
{
    int                  i, n, timeout;
    uint32_t             k, idle, busy;
    uint64_t             now, due, grace;
    struct epoll_event   events[256];

    k = 0;
    grace = 0;

    for ( ;; ) {
        now = load_now();
        idle = 0;
        busy = 0;

        for (i = 0; i < (int) l->conns_n; i++) {
            busy += l->conns[i].busy;
        }

        idle = l->conns_n - busy;
        timeout = l->busy ? 0 : 1000;

        while (idle > 0 && load_more(l, now)) {

            due = now;

            if (l->rate > 0) {
                due = l->start + (uint64_t) (l->issued / l->rate * 1e9);

                if (due > now) {
                    timeout = (due - now > 2000000) ? 1 : 0;
                    break;
                }
            }

            while (l->conns[k % l->conns_n].busy) {
                k++;
            }

            load_issue(l, &l->conns[k++ % l->conns_n], due);
            idle--;
            busy++;
        }

        if (busy == 0 && !load_more(l, now)) {
            return;
        }

        if (!load_more(l, now)) {

            /* what is under way gets a minute */

            if (grace == 0) {
                grace = now + 60000000000u;

            } else if (now > grace) {
                l->failed += busy;
                return;
            }
        }

        n = epoll_wait(l->epoll, events, 256, timeout);

        for (i = 0; i < n; i++) {
            load_read(l, events[i].data.ptr);
        }
    }
}


static void
load_issue(load_t *l, load_conn_t *c, uint64_t due)
{
    c->busy = 1;
    c->due = due;
    c->sent = 0;
    c->body = l->next++ % l->requests_n;

    l->issued++;

    load_write(l, c);
}


static void
load_write(load_t *l, load_conn_t *c)
{
    ssize_t       n;
    load_text_t  *request;

    request = &l->requests[c->body];

    while (c->sent < request->len) {

        n = send(c->fd, request->data + c->sent, request->len - c->sent,
                 MSG_NOSIGNAL);

        if (n == -1) {

            if (errno == EAGAIN) {
                usleep(50);
                continue;
            }

            load_broken(l, c);
            return;
        }

        c->sent += n;
    }
}


static void
load_read(load_t *l, load_conn_t *c)
{
    int      rc;
    ssize_t  n;

    n = recv(c->fd, c->in + c->got, LOAD_BUF - c->got, 0);

    if (n == -1 && errno == EAGAIN) {
        return;
    }

    if (n <= 0) {
        load_broken(l, c);
        return;
    }

    c->got += n;

    rc = load_answer(l, c);

    if (rc < 0) {
        load_broken(l, c);
    }
}


/* 1: an answer was complete; 0: not yet; -1: this is no HTTP, or the server
 * closes. */

static int
load_answer(load_t *l, load_conn_t *c)
{
    int         status, closing;
    char       *end, *p, *value;
    size_t      head, len, version_len;
    const char *version;

    end = memmem(c->in, c->got, "\r\n\r\n", 4);

    if (end == NULL) {
        return (c->got == LOAD_BUF) ? -1 : 0;
    }

    head = end + 4 - c->in;
    len = 0;
    closing = 0;
    version = "";
    version_len = 0;

    if (memcmp(c->in, "HTTP/1.1 ", 9) != 0) {
        return -1;
    }

    status = atoi(c->in + 9);

    for (p = c->in; p < end; p = value) {

        p = memmem(p, end - p, "\r\n", 2);

        if (p == NULL) {
            break;
        }

        p += 2;
        value = p;

        if (strncasecmp(p, "content-length:", 15) == 0) {
            len = strtoull(p + 15, NULL, 10);

        } else if (strncasecmp(p, "mlops-version: ", 15) == 0) {
            version = p + 15;
            version_len = strcspn(version, "\r\n");

        } else if (strncasecmp(p, "connection: close", 17) == 0) {
            closing = 1;
        }
    }

    if (head + len > LOAD_BUF) {
        return -1;
    }

    if (c->got < head + len) {
        return 0;
    }

    if (!c->busy) {
        return -1;
    }

    load_count(l, load_now() - c->due);

    if (status != 200) {
        l->failed++;
    }

    if (l->remember) {
        load_remember(l, c, status, version, version_len, c->in + head, len);
    }

    l->done++;
    c->busy = 0;
    c->fresh = 0;
    c->got -= head + len;
    memmove(c->in, c->in + head + len, c->got);

    if (closing) {
        close(c->fd);

        if (load_connect(l, c) != 0) {
            exit(1);
        }
    }

    return 1;
}


/* A server that is about to exit closes idle connections: a request that was
 * just written into one is sent again, once, as HTTP/1.1 clients do. */

static void
load_broken(load_t *l, load_conn_t *c)
{
    int       again;
    uint64_t  due;

    again = c->busy && !c->fresh && c->got == 0;
    due = c->due;

    if (c->busy && !again) {
        l->failed++;
        l->done++;
    }

    close(c->fd);

    if (load_connect(l, c) != 0) {
        exit(1);
    }

    if (again) {
        c->busy = 1;
        c->due = due;
        c->sent = 0;
        load_write(l, c);
    }
}


static void
load_remember(load_t *l, load_conn_t *c, int status, const char *version,
    size_t version_len, const char *text, size_t len)
{
    size_t          i;
    uint64_t        hash, now;
    load_answer_t  *a;

    hash = 14695981039346656037u ^ c->body ^ ((uint64_t) status << 32);

    for (i = 0; i < version_len; i++) {
        hash = (hash ^ (unsigned char) version[i]) * 1099511628211u;
    }

    for (i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char) text[i]) * 1099511628211u;
    }

    hash |= 1;
    now = load_now();

    for (i = hash % LOAD_ANSWERS; ; i = (i + 1) % LOAD_ANSWERS) {

        a = &l->answers[i];

        if (a->hash == hash) {
            a->count++;
            a->last = now;
            return;
        }

        if (a->hash == 0) {
            break;
        }
    }

    if (l->answers_n++ > LOAD_ANSWERS / 2) {
        fprintf(stderr, "load: too many distinct answers\n");
        exit(1);
    }

    a->hash = hash;
    a->count = 1;
    a->first = now;
    a->last = now;
    a->body = c->body;
    a->status = status;

    if (version_len >= sizeof(a->version)) {
        version_len = sizeof(a->version) - 1;
    }

    memcpy(a->version, version, version_len);

    a->text = malloc(len + 1);

    if (a->text == NULL) {
        perror("load");
        exit(1);
    }

    memcpy(a->text, text, len);
    a->len = len;
}


static void
load_count(load_t *l, uint64_t ns)
{
    uint32_t  shift, i;

    if (ns > l->max) {
        l->max = ns;
    }

    shift = (ns < 64) ? 0 : 63 - (uint32_t) __builtin_clzll(ns) - 5;
    i = (shift << 6) + (uint32_t) (ns >> shift);

    if (i < LOAD_BUCKETS) {
        l->buckets[i]++;
    }
}


/* In microseconds: the upper end of the bucket. */

static double
load_percentile(const load_t *l, double q)
{
    double    value;
    uint32_t  i;
    uint64_t  n, total;

    total = 0;

    for (i = 0; i < LOAD_BUCKETS; i++) {
        total += l->buckets[i];
    }

    n = 0;

    for (i = 0; i < LOAD_BUCKETS; i++) {
        n += l->buckets[i];

        if (total != 0 && (double) n >= q * (double) total) {
            break;
        }
    }

    value = (i < 64) ? i + 1
            : (double) (((uint64_t) (i & 63) + 1) << (i >> 6));

    return ((value > (double) l->max) ? (double) l->max : value) / 1000;
}


static int
load_report(const load_t *l, const char *out, uint64_t end)
{
    FILE                 *file;
    double                seconds;
    uint32_t              i;
    const load_answer_t  *a;

    seconds = (double) (end - l->start) / 1e9;

    printf("requests=%llu failed=%llu seconds=%.3f rate=%.0f p50_us=%.1f "
           "p90_us=%.1f p99_us=%.1f p999_us=%.1f max_us=%.1f\n",
           (unsigned long long) l->done, (unsigned long long) l->failed,
           seconds, (double) l->done / seconds,
           load_percentile(l, 0.5), load_percentile(l, 0.9),
           load_percentile(l, 0.99), load_percentile(l, 0.999),
           (double) l->max / 1000);

    if (out == NULL) {
        return 0;
    }

    file = fopen(out, "w");

    if (file == NULL) {
        perror(out);
        return 1;
    }

    for (i = 0; i < LOAD_ANSWERS; i++) {
        a = &l->answers[i];

        if (a->hash != 0) {
            fprintf(file, "%u\t%s\t%d\t%llu\t%llu\t%llu\t%.*s\n", a->body,
                    a->version, a->status, (unsigned long long) a->count,
                    (unsigned long long) a->first,
                    (unsigned long long) a->last, (int) a->len, a->text);
        }
    }

    return (fclose(file) == 0) ? 0 : 1;
}
