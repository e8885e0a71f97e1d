/* test_record.c - which lines make up one record. */
#include "base/mem.h"
#include "parsers/record.h"

#include <criterion/criterion.h>

/* A text whose records are set apart by "~\n": from each of a record's lines the same is found. */
static void expect_records(const char *marked)
{
    struct buf text = {0};
    size_t starts[64], ends[64], n = 0;
    starts[0] = 0;
    for (const char *p = marked; *p;) {
        const char *lf = strchr(p, '\n');
        cr_assert_not_null(lf);
        if (p[0] == '~') {
            ends[n++] = text.n - 1;
            starts[n] = text.n;
        } else {
            buf_add(&text, p, (size_t)(lf - p) + 1);
        }
        p = lf + 1;
    }
    ends[n++] = text.n - 1;
    for (size_t i = 0; i < n; i++)
        for (size_t at = starts[i]; at < ends[i]; at++)
            if (at == 0 || text.p[at - 1] == '\n') {
                size_t start = SIZE_MAX;
                struct str got = record_around(buf_as_str(&text), at, &start);
                struct str want = str_make(text.p + starts[i], ends[i] - starts[i]);
                cr_expect_eq(start, starts[i]);
                cr_expect(str_eq(got, want), "at %zu:\n%.*s\nnot\n%.*s", at, STR_ARG(got),
                          STR_ARG(want));
            }
    buf_release(&text);
}

Test(record, ordinary_lines_stand_alone)
{
    expect_records("2024/05/02 00:00:02 [warn] one\n~\n2024/05/02 00:00:02 [warn] one\n~\n"
                   "Jan  5 15:08:58 h app[1]: one\n~\nJan  5 15:08:58 h app[1]: two\n~\n"
                   "plain\n~\nplain too\n~\n{\"a\":1}\n~\n{\"a\":2}\n~\n"
                   "[2024-05-02T00:00:00Z] one\n~\nlast\n");
}

Test(record, levels_set_to_the_right_start_records)
{
    expect_records(" INFO one\n~\n WARN two\n~\n  2024-05-02 00:00:00 three\n~\n"
                   " [2024-05-02 00:00:00] four\n");
}

Test(record, java_traces)
{
    expect_records("2023-10-18 04:09:31,660 WARN The connection observed an error\n"
                   "javax.net.ssl.SSLHandshakeException: General SSLEngine problem\n"
                   "\tat sun.security.ssl.Handshaker.checkThrown(Handshaker.java:1521)\n"
                   "\t... 12 common frames omitted\n"
                   "Caused by: sun.security.validator.ValidatorException: PKIX\n"
                   "\tat java.lang.Thread.run(Thread.java:748)\n"
                   "\t... 3 more\n~\n"
                   "2023-10-18 04:09:31,661 WARN next\n"
                   "java.io.IOException: printed\n\tat a.B.c(B.java:1)\n~\n"
                   "java.io.IOException: printed again\n\tat a.B.c(B.java:1)\n");
    expect_records("trimmed by a shipper\njava.io.IOException: x\nat a.B.c(B.java:1)\n"
                   "at a.B.<init>(B.java:2)\n... 2 more\nCaused by: y\n~\nat last we are ready\n");
}

Test(record, an_exception_under_a_message_needs_its_frames)
{
    expect_records("WARN one\n~\njava.io.IOException: no frames\n~\n2024 next line\n");
    expect_records("WARN one\njava.io.IOException: the end of what was read\n");
}

Test(record, dotnet_traces)
{
    expect_records("[2022-06-02T15:08:10.2218107+00:00][EROR][31][X] An unhandled exception\n"
                   "System.InvalidOperationException: IDX20803: Unable\n"
                   " ---> System.IO.IOException: IDX20804\n"
                   "   at System.Net.Http.ConnectHelper.X(String a) in /_/src/x.cs:line 5\n"
                   "   --- End of inner exception stack trace ---\n"
                   "--- End of stack trace from previous location ---\n"
                   "   at X.Y()\n~\n"
                   "[2022-06-02T15:08:11.0000000+00:00][INFO][31][X] next\n");
}

Test(record, python_traces_end_with_the_exception)
{
    expect_records("ERROR:app:failed\n"
                   "Traceback (most recent call last):\n"
                   "  File \"a.py\", line 600, in urlopen\n"
                   "    self._sslobj.do_handshake()\n"
                   "ssl.SSLError: [SSL: X] x (_ssl.c:1)\n"
                   "\n"
                   "During handling of the above exception, another exception occurred:\n"
                   "\n"
                   "Traceback (most recent call last):\n"
                   "  File \"b.py\", line 1, in f\n"
                   "requests.exceptions.SSLError: HTTPSConnectionPool(host='x')\n~\n"
                   "INFO:app:next\n~\n"
                   "ValueError: not under a traceback\n~\n");
    expect_records("Traceback (most recent call last):\n  File \"a.py\"\nKeyError: x\n~\n"
                   "Traceback (most recent call last):\n  File \"a.py\"\nKeyError: x\n");
    expect_records("SSL handshake failed\n"
                   "protocol: <asyncio.sslproto.SSLProtocol object at 0x7f>\n"
                   "transport: <_SelectorSocketTransport fd=14>\n"
                   "Traceback (most recent call last):\n"
                   "  File \"a.py\", line 625, in x\n"
                   "ssl.SSLError: [SSL: WRONG_VERSION_NUMBER] wrong (_ssl.c:1051)\n~\n"
                   "SSL handshake failed\nprotocol: <x>\n");
}

Test(record, only_a_traceback_has_an_unindented_end)
{
    expect_records("head\n    indented\n~\nssl.SSLError: [SSL: X] x\n~\nnext\n");
}

Test(record, node_objects)
{
    expect_records("ERROR\tError: Client network socket disconnected\n"
                   "    at connResetException (internal/errors.js:570:14)\n"
                   "    at endReadableNT (_stream_readable.js:1183:12) {\n"
                   "  code: 'ECONNRESET',\n  port: 443\n}\n~\nnext\n~\n"
                   "{\n  code: 'X'\n}\n~\n{\n  code: 'Y'\n}\n~\n"
                   "(node:72) Warning: x\n(Use `node --trace-warnings ...` to show where)\n");
}

Test(record, rust_go_ruby_and_php)
{
    expect_records(
        "Error: error sending request\n\nCaused by:\n    0: invalid\n    1: x\n~\nnext\n");
    expect_records("thread 'main' panicked at src/main.rs:4:5:\ncalled `Result::unwrap()`\n"
                   "note: run with `RUST_BACKTRACE=1` x\n~\nnext\n");
    expect_records("2021\tERROR\tcontroller\tReconciler error\t{\"a\": 1}\n"
                   "sigs.k8s.io/x/pkg.(*Controller).Start.func2\n"
                   "\t/go/pkg/mod/sigs.k8s.io/x.go:253\n"
                   "main.main\n\t/src/main.go:1\n~\n2021\tINFO\tnext\n");
    expect_records("OpenSSL::SSL::SSLError: SSL_connect\n\tfrom /usr/lib/ruby/net.rb:44:in `x'\n"
                   "/usr/lib/ruby/net.rb:45:in `y'\n~\nnext\n");
    expect_records("PHP Fatal error: x\nStack trace:\n#0 /var/www/a.php(12): f()\n#1 {main}\n"
                   "  thrown in /var/www/a.php\n~\n#hashtag\n");
}

Test(record, windows_events)
{
    expect_records(
        "Log Name:      System\nSource:        Schannel\nDate:          2/11/2022\n"
        "Event ID:      36887\nLevel:         Error\nComputer:      MAIL01\n"
        "Description:\nA fatal alert was received.\n\n The SSPI client process is x.\n~\n"
        "Log Name:      System\r\nSource:        Schannel\r\nDescription:\r\nx\r\n~\n"
        "Date: is a word too\n");
}

Test(record, databases_and_proxies)
{
    expect_records("2025-10-01 00:29:30.418 UTC [5521] LOG:  could not accept SSL connection\n"
                   "2025-10-01 00:29:30.419 UTC [5521] HINT:  This may indicate\n~\n"
                   "2025-10-01 00:29:30.420 UTC [5522] HINT:  of another process\n");
    expect_records("2026/05/01 12:05:09.118 kid2| ERROR: Cannot establish\n    problem: failure\n"
                   "    error detail: X509\n~\n2026/05/01 12:05:09 kid2| x\n");
    expect_records(
        "=ERROR REPORT==== 12-Jan-2017::12:00:00 ===\nSSL: hello: Fatal error\n~\nnext\n");
    expect_records("[notice] <0.1211.0> TLS server: In state wait_cert\n"
                   "[notice] <0.1211.0>  - {bad_crls,no_relevant_crls}\n~\n"
                   "[notice] <0.1211.0> TLS server: again\n~\n"
                   "[notice] <0.99.0>  - {of another process}\n");
    expect_records(
        "WARNING: cannot verify x's certificate, issued by \xe2\x80\x98/C=US\xe2\x80\x99:\n"
        "Unable to locally verify the issuer's authority.\n~\nnext\n");
}

Test(record, a_head_that_announces_its_cause)
{
    expect_records("Response Verify Failure\n139777126565704:error:27069065:OCSP routines:x\n~\n"
                   "139777126565704:error:27069065:OCSP routines:x\n~\nx.pem: good\n");
}

Test(record, an_indented_first_line_stands_alone)
{
    expect_records("    at the start\n~\nnext\n");
    size_t start;
    struct str chunk = STR("\n  after a blank line\n");
    cr_expect(str_eq(record_around(chunk, 1, &start), STR("  after a blank line")));
    cr_expect_eq(start, 1);
}

Test(record, blank_lines_part_records)
{
    expect_records("one\n~\n\n~\ntwo\n~\n\n~\n\n~\n  far off\n");
    expect_records("one\n\n  still one\n~\n\n~\ntwo\n");
}

Test(record, lines_of_one_writer_go_on_behind_their_prefix)
{
    expect_records("2024-05-01T12:00:00.1Z stderr F Error: x\n"
                   "2024-05-01T12:00:00.2Z stderr F     at TLSSocket (a.js:1:1)\n~\n"
                   "2024-05-01T12:00:00.3Z stdout F     of the other stream\n~\n"
                   "2024-05-01T12:00:00.4Z stdout F next\n");
    expect_records("{\"log\":\"java.io.IOException: x\\n\",\"stream\":\"stderr\",\"time\":\"t\"}\n"
                   "{\"log\":\"\\tat a.B.c(B.java:1)\\n\",\"stream\":\"stderr\",\"time\":\"t\"}\n"
                   "{\"log\":\"Caused by: y\\n\",\"stream\":\"stderr\",\"time\":\"t\"}\n~\n"
                   "{\"log\":\"next\\n\",\"stream\":\"stderr\",\"time\":\"t\"}\n");
    expect_records("web-1  | Error: x\nweb-1  |     at a (b.js:1:1)\n~\nweb-2  |     at other\n~\n"
                   "web-1  | next\n");
    expect_records("[pod/a-1/c] Error: x\n[pod/a-1/c]     at a (b.js:1:1)\n~\n"
                   "[pod/a-2/c]     at a (b.js:1:1)\n");
    expect_records("shop-6d4f-abcde app Error: x\nshop-6d4f-abcde app \tat a.B.c(B.java:1)\n~\n"
                   "shop-6d4f-fffff app \tat a.B.c(B.java:1)\n");
    expect_records("Jan  5 15:08:58 h app[1]: Error: x\nJan  5 15:08:59 h app[1]: #011at a.b(c:1)\n"
                   "Jan  5 15:08:59 h app[1]: Caused by: y\n~\n"
                   "Jan  5 15:08:59 h app[2]: Caused by: y\n~\nJan 15 15:08:59 h app[2]: z\n");
    expect_records("<134>1 2025-02-03T11:20:09Z h app 7 - - Error: x\n"
                   "<134>1 2025-02-03T11:20:10Z h app 7 - -   at a.b(c:1)\n~\n"
                   "<134>1 2025-02-03T11:20:10Z h app 8 - -   at a.b(c:1)\n");
    expect_records("2025-05-09T15:44:01.975482390Z Error: x\n"
                   "2025-05-09T15:44:01.975482391Z     at a (b.js:1:1)\n~\n"
                   "2025-05-09T15:44:01.975482392Z next\n");
    expect_records("mail_1  | Feb  8 12:30:44 mail app[3]: x\n"
                   "mail_1  | Feb  8 12:30:44 mail app[3]:   more\n~\n"
                   "mail_1  | Feb  8 12:30:44 mail app[4]:   other\n");
}

Test(record, a_traceback_behind_a_prefix_has_its_end_too)
{
    expect_records("2024-05-01T12:00:00.1Z stderr F Traceback (most recent call last):\n"
                   "2024-05-01T12:00:00.1Z stderr F   File \"a.py\", line 1\n"
                   "2024-05-01T12:00:00.1Z stderr F ssl.SSLError: [SSL: X] x\n~\n"
                   "2024-05-01T12:00:00.2Z stderr F next\n");
}

Test(record, lines_that_the_transport_cut_are_one)
{
    expect_records("2024-05-01T12:00:00.1Z stderr P first half \n"
                   "2024-05-01T12:00:00.1Z stderr P second half \n"
                   "2024-05-01T12:00:00.1Z stderr F third\n~\n"
                   "2024-05-01T12:00:00.1Z stderr F next\n");
    expect_records("{\"log\":\"first half\",\"stream\":\"stderr\",\"time\":\"t\"}\n"
                   "{\"log\":\"second\\n\",\"stream\":\"stderr\",\"time\":\"t\"}\n~\n"
                   "{\"log\":\"next\\n\",\"stream\":\"stderr\",\"time\":\"t\"}\n");
}

Test(record, a_raw_line_feed_inside_a_prefixed_message)
{
    expect_records("Jan  5 15:08:58 h app[1]: Error: x\n\tat a.b(c:1)\nCaused by: y\n~\nnext\n");
}

Test(record, one_line_tells_whether_it_goes_on)
{
    static const char *const yes[] = {
        "\tat x",    "Caused by: x", "} ",     "2024-05-01T12:00:00Z stderr F  x",
        "at a.b(c)", "#12 /x",       "HINT: x"};
    static const char *const no[] = {"",          " ",       "x",
                                     "at noon",   "{",       "#",
                                     "Source: x", " INFO x", "2024-05-01T12:00:00Z stderr F x"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        cr_expect(record_continues(str_of(yes[i])), "%s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        cr_expect_not(record_continues(str_of(no[i])), "%s", no[i]);
    cr_expect_not(record_continues(STR_NONE));
}

Test(record, a_long_run_is_split)
{
    struct buf text = {0};
    buf_str(&text, STR("head\n"));
    for (int i = 0; i < 3 * RECORD_LINES_MAX; i++)
        buf_str(&text, STR("  x\n"));
    size_t start;
    struct str got = record_around(buf_as_str(&text), 0, &start);
    size_t lines = 1;
    for (size_t i = 0; i < got.n; i++)
        lines += got.p[i] == '\n';
    cr_expect_eq(lines, RECORD_LINES_MAX);
    buf_release(&text);
}

Test(record, the_last_line_needs_no_line_feed)
{
    size_t start;
    struct str chunk = STR("one\n  two");
    cr_expect(str_eq(record_around(chunk, 4, &start), chunk));
    cr_expect(str_eq(record_around(STR("x"), 0, &start), STR("x")));
    cr_expect(str_eq(record_around(STR(""), 0, &start), STR("")));
}

Test(record, what_more_lines_may_join_is_held_back)
{
    static const struct {
        const char *chunk;
        size_t open;
    } cases[] = {
        {"", 0},
        {"one", 0},
        {"one\n", 0},
        {"one\ntwo\n", 4},
        {"one\n  x\n  y\n", 0},
        {"one\ntwo\n  x\n\n", 4},
        {"one\nWARN two\njava.io.IOException: x\n", 4},
        {"one\n2021\tERROR\tx\nexample.com/x/pkg.(*C).Start.func2\n", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(record_open(str_of(cases[i].chunk)), cases[i].open, "%s", cases[i].chunk);
}
