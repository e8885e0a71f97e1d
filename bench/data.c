/* data.c - log lines for the benchmark: the same arguments make the same bytes.
 *
 *   bench_data mixed LINES          traffic of all hops; one line in a hundred is a failed handshake
 *   bench_data storm LINES          only failures, ten shapes mixed
 *   bench_data day LINES HOP        failures of one hop (0 to 4) over 24 h; from 23:50 on, each hop
 *                                   5 s later than the one before, ten times as many as before
 *   bench_data paced RATE SECONDS   failures as they would come; *N in a line is the monotonic clock
 *                                   in nanoseconds at which it was written
 *
 * Normal lines hold what those of real products hold: TLSv1.3 and cipher names in every access log
 * that is set up so, certificate ARNs of a load balancer, handshakes that went well. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
enum { START_S = 1767225600 /* 2026-01-01T00:00:00Z */, DAY_S = 86400, QUIET_S = DAY_S - 600 };

static uint64_t rng_state = 20260418;
static int64_t now_us;
static long long connection; /* what a line of nginx calls its connection */

/* The current second as the products spell it. */
static struct {
    int64_t s;
    char iso[32], slash[32], clf[32], syslog[32];
} stamp;

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t rnd(void)
{
    uint64_t z = rng_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static unsigned below(unsigned n)
{
    return (unsigned)(rnd() % n);
}

#define PICK(list) ((list)[below(COUNT(list))])

static void set_time(int64_t us)
{
    struct tm tm;
    now_us = us;
    if (us / 1000000 == stamp.s)
        return;
    stamp.s = us / 1000000;
    time_t t = (time_t)stamp.s;
    gmtime_r(&t, &tm);
    strftime(stamp.iso, sizeof stamp.iso, "%Y-%m-%dT%H:%M:%S", &tm);
    strftime(stamp.slash, sizeof stamp.slash, "%Y/%m/%d %H:%M:%S", &tm);
    strftime(stamp.clf, sizeof stamp.clf, "%d/%b/%Y:%H:%M:%S", &tm);
    strftime(stamp.syslog, sizeof stamp.syslog, "%b %e %H:%M:%S", &tm);
}

static int ms(void)
{
    return (int)(now_us / 1000 % 1000);
}

static int us(void)
{
    return (int)(now_us % 1000000);
}

/* A few names get most of the traffic, as everywhere. */
static const char *host(void)
{
    static const char *const names[] = {
        "shop.example.com",     "api.example.com",      "payments.example.net", "login.example.com",
        "img.example.org",      "ledger.example.net",   "search.example.com",   "m.example.com",
        "partner.example.org",  "static.example.com",   "admin.example.net",    "hooks.example.org",
        "feed.example.com",     "status.example.org",   "mail.example.net",     "cdn.example.com",
        "billing.example.net",  "docs.example.org",     "legacy.example.com",   "beta.example.org"};
    unsigned r = below(COUNT(names) * COUNT(names));
    return names[r * r / (COUNT(names) * COUNT(names) * COUNT(names))];
}

static const char *path(void)
{
    static const char *const paths[] = {
        "/", "/cart", "/checkout", "/login", "/api/v2/orders?page=3", "/api/v2/stock/8871",
        "/static/js/app.8f3c1e.js", "/static/css/site.css", "/img/p/44871.webp", "/healthz",
        "/search?q=red+shoes&sort=price", "/v1/charge", "/.well-known/acme-challenge/x"};
    return PICK(paths);
}

static const char *agent(void)
{
    static const char *const agents[] = {
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/126.0.0.0 Safari/537.36",
        "okhttp/4.12.0", "curl/8.5.0", "shop-ios/7.3.1", "kube-probe/1.29", "Go-http-client/2.0"};
    return PICK(agents);
}

static const char *cipher(void)
{
    static const char *const ciphers[] = {"TLSv1.3 TLS_AES_256_GCM_SHA384",
                                          "TLSv1.3 TLS_AES_128_GCM_SHA256",
                                          "TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256"};
    return PICK(ciphers);
}

static const char *client(void)
{
    static char text[32];
    snprintf(text, sizeof text, "%s.%u", below(2) ? "203.0.113" : "198.51.100", 1 + below(254));
    return text;
}

static unsigned port(void)
{
    return 32768 + below(28000);
}

static const char *pod(void)
{
    static char text[32];
    snprintf(text, sizeof text, "10.244.%u.%u", below(8), 2 + below(250));
    return text;
}

/* ---- what is no failure ---- */

static void nginx_access(void)
{
    printf("%s - - [%s +0000] \"GET %s HTTP/1.1\" %u %u \"https://%s/\" \"%s\"\n", client(),
           stamp.clf, path(), below(20) ? 200 : 404, below(90000), host(), agent());
}

static void nginx_access_json(void)
{
    const char *c = cipher();
    printf("{\"time\":\"%s+00:00\",\"remote_addr\":\"%s\",\"host\":\"%s\",\"request\":\"GET %s "
           "HTTP/2.0\",\"status\":%d,\"bytes\":%u,\"request_time\":0.%03u,\"ssl_protocol\":\"%.7s\","
           "\"ssl_cipher\":\"%s\",\"agent\":\"%s\"}\n",
           stamp.iso, client(), host(), path(), below(20) ? 200 : 302, below(90000), below(1000), c,
           c + 8, agent());
}

static void envoy_access(void)
{
    const char *h = host();
    printf("[%s.%03dZ] \"GET %s HTTP/2\" 200 - via_upstream - \"-\" %u %u %u %u \"-\" \"%s\" "
           "\"%08x-6a1c-4d0e-9b7f-%012" PRIx64 "\" \"%s\" \"%s:8443\" outbound|8443||%s "
           "10.244.1.9:%u 10.96.71.40:8443 10.244.1.9:%u - default\n",
           stamp.iso, ms(), path(), below(900), below(9000), below(90), below(90), agent(),
           (unsigned)rnd(), rnd() >> 16, h, pod(), h, port(), port());
}

static void haproxy_access(void)
{
    const char *c = cipher();
    printf("%s lb-1 haproxy[2211]: %s:%u [%s.%03d] fe_https~ be_shop/web-%u 0/0/1/%u/%u 200 %u - - "
           "---- %u/40/3/1/0 0/0 {%s|%.7s|%s} \"GET %s HTTP/1.1\"\n",
           stamp.syslog, client(), port(), stamp.clf, ms(), 1 + below(6), below(80), below(90),
           below(9000), below(60), host(), c, c + 8, path());
}

static void alb_access(void)
{
    const char *c = cipher(), *h = host();
    printf("h2 %s.%06dZ app/shop/50dc6c495c0c9188 %s:%u %s:80 0.000 0.0%02u 0.000 200 200 %u %u "
           "\"GET https://%s:443%s HTTP/2.0\" \"%s\" %s %.7s arn:aws:elasticloadbalancing:eu-west-1:"
           "123456789012:targetgroup/shop/73e2d6bc24d8a067 \"Root=1-%08x-%012" PRIx64 "\" \"%s\" "
           "\"arn:aws:acm:eu-west-1:123456789012:certificate/4f9e1c1a-7d0b-4b7e-9f0e-0a1b2c3d4e5f\" "
           "0 %s.%06dZ \"forward\" \"-\" \"-\" \"%s:80\" \"200\" \"-\" \"-\"\n",
           stamp.iso, us(), client(), port(), pod(), below(100), below(900), below(9000), h, path(),
           agent(), c + 8, c, (unsigned)rnd(), rnd() >> 16, h, stamp.iso, us(), pod());
}

static void spring_info(void)
{
    static const char *const texts[] = {
        "c.e.shop.checkout.CheckoutService        : order %u paid in %u ms",
        "c.e.shop.stock.StockClient               : reserved item %u at warehouse %u",
        "o.s.web.servlet.DispatcherServlet        : completed 200 OK, request %u, %u bytes",
        "com.zaxxer.hikari.pool.HikariPool        : pool stats (total=%u, active=%u, waiting=0)"};
    printf("%s.%03dZ  INFO 1 --- [checkout] [nio-8443-exec-%u] ", stamp.iso, ms(), 1 + below(10));
    printf(PICK(texts), below(99999), below(400));
    putchar('\n');
}

static void json_info(void)
{
    static const char *const texts[] = {"request served", "cache refreshed", "message published",
                                        "upstream answered", "session opened", "job done"};
    printf("{\"level\":\"info\",\"ts\":\"%s.%03dZ\",\"caller\":\"server/http.go:%u\",\"msg\":\"%s\","
           "\"method\":\"GET\",\"path\":\"%s\",\"host\":\"%s\",\"status\":200,\"tls\":\"%.7s\","
           "\"took_ms\":%u,\"trace_id\":\"%016" PRIx64 "%016" PRIx64 "\"}\n",
           stamp.iso, ms(), below(300), PICK(texts), path(), host(), cipher(), below(400), rnd(),
           rnd());
}

static void cri_info(void)
{
    printf("%s.%06d123Z stdout F level=info ts=%s.%03dZ component=ledger msg=\"entry written\" "
           "account=%u amount=%u peer=%s:%u\n",
           stamp.iso, us(), stamp.iso, ms(), below(99999), below(9999), pod(), port());
}

static void system_info(void)
{
    static const char *const texts[] = {
        "web-3 systemd[1]: Started Session %u of User deploy.",
        "web-3 kernel: [%u.118] TCP: request_sock_TCP: Possible SYN flooding on port 443.",
        "db-1 postgres[811]: [%u-1] LOG:  checkpoint complete: wrote 118 buffers (0.7%%)",
        "web-3 sshd[%u]: Accepted publickey for deploy from 192.0.2.17 port 40022 ssh2",
        "web-3 CRON[%u]: (root) CMD (/usr/sbin/logrotate /etc/logrotate.conf)"};
    printf("%s ", stamp.syslog);
    printf(PICK(texts), below(99999));
    putchar('\n');
}

/* What looks like a failure to a search for words. */
static void near_miss(void)
{
    switch (below(8)) {
    case 0:
        printf("{\"level\":\"info\",\"ts\":\"%s.%03dZ\",\"logger\":\"cert-manager\",\"msg\":"
               "\"Certificate renewed\",\"certificate\":\"%s\",\"days_left\":%u}\n",
               stamp.iso, ms(), host(), below(90));
        break;
    case 1:
        printf("%s [info] 29#29: *%u client %s closed keepalive connection\n", stamp.slash,
               below(999999), client());
        break;
    case 2:
        printf("%s [error] 29#29: *%u upstream timed out (110: Connection timed out) while reading "
               "response header from upstream, client: %s, server: %s, request: \"GET %s HTTP/1.1\", "
               "upstream: \"http://%s:8080%s\", host: \"%s\"\n",
               stamp.slash, below(999999), client(), host(), path(), pod(), path(), host());
        break;
    case 3:
        printf("%s.%03dZ DEBUG 1 --- [checkout] [nio-8443-exec-%u] c.e.shop.net.Tls : TLS handshake "
               "completed with %s:%u, %s\n",
               stamp.iso, ms(), 1 + below(10), pod(), port(), cipher());
        break;
    case 4:
        printf("%s.%03dZ  WARN 1 --- [ledger] [main] c.e.shop.net.Expiry : certificate of %s expires "
               "in %u days\n",
               stamp.iso, ms(), host(), below(30));
        break;
    case 5:
        printf("%s.%06dZ %s %u 443 %s 0.0%02u \"-\" - - Success TID_%016" PRIx64 "%016" PRIx64 "\n",
               stamp.iso, us(), client(), port(), cipher(), below(99), rnd(), rnd());
        break;
    case 6:
        printf("{\"level\":\"warn\",\"ts\":\"%s.%03dZ\",\"msg\":\"websocket handshake failed\","
               "\"remote\":\"%s:%u\",\"error\":\"bad Sec-WebSocket-Key\"}\n",
               stamp.iso, ms(), client(), port());
        break;
    default:
        printf("%s %s: read tcp %s:%u->%s:5432: read: connection reset by peer\n", stamp.slash,
               host(), pod(), port(), pod());
    }
}

/* ---- what is one ---- */

static void fail_nginx_client(void)
{
    printf("%s [info] 211#211: *%lld SSL_do_handshake() failed (SSL: error:0A0000C1:SSL routines::"
           "no shared cipher) while SSL handshaking, client: %s, server: 0.0.0.0:443\n",
           stamp.slash, connection ? connection : below(999999), client());
}

static void fail_nginx_upstream(void)
{
    const char *h = host(), *p = path();
    printf("%s [error] 29#29: *%u upstream SSL certificate verify error: (10:certificate has "
           "expired) while SSL handshaking to upstream, client: %s, server: %s, request: \"GET %s "
           "HTTP/1.1\", upstream: \"https://%s:8443%s\", host: \"%s\"\n",
           stamp.slash, below(999999), client(), h, p, pod(), p, h);
}

static void fail_haproxy(void)
{
    printf("%s lb-1 haproxy[2211]: %s:%u [%s.%03d] fe_https/1: SSL handshake failure (error:"
           "0A000102:SSL routines::unsupported protocol)\n",
           stamp.syslog, client(), port(), stamp.clf, ms());
}

static void fail_envoy(void)
{
    static const char why[] =
        "TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:"
        "verify_cert_failed:_X509_verify_cert:_certificate_verification_error_at_depth_1:"
        "_unable_to_get_local_issuer_certificate:TLS_error_end";
    const char *h = host();
    printf("[%s.%03dZ] \"POST %s HTTP/2\" 503 UF,URX upstream_reset_before_response_started{remote_"
           "connection_failure|%s} - \"%s\" 0 190 %u - \"-\" \"%s\" \"%08x-6a1c-4d0e-9b7f-%012" PRIx64
           "\" \"%s\" \"%s:8443\" outbound|8443||%s - 10.96.71.40:8443 10.244.1.9:%u - default\n",
           stamp.iso, ms(), path(), why, why, below(90), agent(), (unsigned)rnd(), rnd() >> 16, h,
           pod(), h, port());
}

static void fail_java(void)
{
    const char *h = host();
    printf("%s.%03dZ ERROR 1 --- [checkout] [nio-8443-exec-%u] c.e.shop.checkout.PaymentClient : I/O "
           "error on POST request for \"https://%s/v1/charge\": PKIX path building failed: "
           "sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid "
           "certification path to requested target\n",
           stamp.iso, ms(), 1 + below(10), h);
}

static void fail_go_server(void)
{
    printf("%s http: TLS handshake error from %s:%u: remote error: tls: unknown certificate\n",
           stamp.slash, client(), port());
}

static void fail_go_client(void)
{
    printf("{\"level\":\"error\",\"ts\":\"%s.%03dZ\",\"caller\":\"pay/client.go:88\",\"msg\":"
           "\"charge failed\",\"order\":%u,\"error\":\"Post \\\"https://%s:8443/v1/charge\\\": tls: "
           "failed to verify certificate: x509: certificate signed by unknown authority\"}\n",
           stamp.iso, ms(), below(99999), host());
}

static void fail_alb(void)
{
    printf("%s.%06dZ %s %u 443 - - - \"-\" - - Failed:UnmappedConnectionError TID_%016" PRIx64
           "%016" PRIx64 "\n",
           stamp.iso, us(), client(), port(), rnd(), rnd());
}

static void fail_ingress(void)
{
    const char *h = host(), *p = path();
    printf("%s.%06d123Z stderr F %s [error] 29#29: *%u peer closed connection in SSL handshake (104: "
           "Connection reset by peer) while SSL handshaking to upstream, client: %s, server: %s, "
           "request: \"POST %s HTTP/2.0\", upstream: \"https://%s:8443%s\", host: \"%s\"\n",
           stamp.iso, us(), stamp.slash, below(99999), client(), h, p, pod(), p, h);
}

static void fail_node(void)
{
    printf("{\"log\":\"FetchError: request to https://%s/v1/stock failed, reason: unable to verify "
           "the first certificate\\n\",\"stream\":\"stderr\",\"time\":\"%s.%06d123Z\"}\n",
           host(), stamp.iso, us());
}

typedef void write_line(void);
static write_line *const shapes[] = {fail_nginx_client, fail_nginx_upstream, fail_haproxy,
                                     fail_envoy,        fail_java,           fail_go_server,
                                     fail_go_client,    fail_alb,            fail_ingress,
                                     fail_node};

/* ---- the kinds of data ---- */

static write_line *normal(void)
{
    static const struct {
        unsigned percent;
        write_line *write;
    } mix[] = {{24, nginx_access}, {11, nginx_access_json}, {15, envoy_access}, {11, haproxy_access},
               {7, alb_access},    {11, spring_info},       {11, json_info},    {5, cri_info},
               {3, system_info},   {2, near_miss}};
    unsigned r = below(100), i = 0;
    while (i + 1 < COUNT(mix) && r >= mix[i].percent)
        r -= mix[i++].percent;
    return mix[i].write;
}

static void mixed(long long lines)
{
    for (int64_t i = 0; i < lines; i++) {
        set_time(INT64_C(1000000) * START_S + i * 200);
        (below(100) ? normal() : PICK(shapes))();
    }
}

static void storm(long long lines)
{
    for (int64_t i = 0; i < lines; i++) {
        set_time(INT64_C(1000000) * START_S + i * 500);
        PICK(shapes)();
    }
}

/* Each hop has two shapes; a seventeenth of the lines come in the last ten minutes. */
static void day(long long lines, long long hop)
{
    const int64_t quiet_us = INT64_C(1000000) * (QUIET_S + 5 * hop);
    const int64_t loud_us = INT64_C(1000000) * DAY_S - quiet_us, loud = lines / 17;
    const int64_t before = lines - loud;
    rng_state += (uint64_t)hop;
    for (int64_t i = 0; i < lines; i++) {
        int64_t at = i < before ? quiet_us / before * i
                                : quiet_us + loud_us / (loud + 1) * (i - before + 1);
        set_time(INT64_C(1000000) * START_S + at);
        shapes[2 * hop + (i >= before ? 1 : below(2))]();
    }
}

static long long clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void paced(long long rate, long long seconds)
{
    const long long start = clock_ns();
    struct timespec real;
    clock_gettime(CLOCK_REALTIME, &real);
    for (int64_t i = 0; i < rate * seconds; i++) {
        const long long due = start + i * 1000000000 / rate;
        struct timespec t = {due / 1000000000, due % 1000000000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
        set_time(real.tv_sec * INT64_C(1000000) + i * 1000000 / rate);
        connection = clock_ns();
        fail_nginx_client();
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    static char room[1 << 20];
    const char *kind = argc >= 3 ? argv[1] : "";
    long long n = argc >= 3 ? atoll(argv[2]) : 0, more = argc >= 4 ? atoll(argv[3]) : 0;
    setvbuf(stdout, room, _IOFBF, sizeof room);
    if (strcmp(kind, "mixed") == 0)
        mixed(n);
    else if (strcmp(kind, "storm") == 0)
        storm(n);
    else if (strcmp(kind, "day") == 0 && more >= 0 && more < 5)
        day(n, more);
    else if (strcmp(kind, "paced") == 0 && n > 0)
        paced(n, more);
    else {
        fputs("usage: bench_data mixed LINES | storm LINES | day LINES HOP | paced RATE SECONDS\n",
              stderr);
        return 2;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
