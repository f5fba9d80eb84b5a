# The test harness itself, against nginx's own directives: every section
# that the other files use behaves as documented, whichever runner is used.

use Test::Nginx::Socket 'no_plan';

repeat_each(2);

$ENV{TEST_NGINX_HTML_DIR} ||= html_dir();

add_block_preprocessor(sub {
    my $block = shift;

    if (!defined $block->config) {
        $block->set_value('config', <<'_END_');
    location = /t {
        add_header X-Method $request_method;
        add_header X-Arg $arg_a;
        return 200 "t:$arg_a\n";
    }
    location = /len {
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/len2;
    }
    location = /len2 {
        return 200 "$request_method $content_length/$http_content_type\n";
    }
    location = /gone {
        return 404 "nobody\n";
    }
    location = /chunked {
        ssi on;
        alias $TEST_NGINX_HTML_DIR/ssi.txt;
        ssi_types text/plain;
    }
_END_
    }

    if (!defined $block->request && !defined $block->raw_request
        && !defined $block->pipelined_requests)
    {
        $block->set_value('request', "GET /t?a=1\n");
    }
});

run_tests();

__DATA__

=== TEST 1: body, headers present and absent, code
--- response_body
t:1
--- response_headers
X-Method: GET
X-Arg: 1
! X-Nothing
--- error_code: 200



=== TEST 2: patterns for body, headers and head
--- response_body_like: ^t:\d$
--- response_headers_like
X-Method: G.T
X-Arg: \d
--- raw_response_headers_like: X-Arg: 1\r\n
--- raw_response_headers_unlike: X-Arg: 2



=== TEST 3: several requests, several codes
--- request eval
["GET /t?a=2", "GET /gone", "POST /len\nabcdef"]
--- more_headers eval
["X-A: 1", "X-A: 2", "Content-Type: text/x-test"]
--- error_code eval
[200, 404, 200]
--- response_body eval
["t:2\n", qr/^nobody$/, "POST 6/text/x-test\n"]
--- response_headers eval
["X-Arg: 2", "! X-Arg", "! X-Arg"]



=== TEST 4: pipelined requests share a connection
--- config
    location = /n {
        return 200 "$connection_requests\n";
    }
--- pipelined_requests eval
["GET /n", "POST /n\nbody", "GET /n"]
--- response_body eval
["1\n", "2\n", "3\n"]



=== TEST 5: HEAD has a length and no body
--- request
HEAD /t?a=7
--- response_headers
Content-Length: 4
--- response_body



=== TEST 6: a body in packets arrives whole
--- request eval
[["POST /len\nab", { value => "cdef", delay_before => 0.05 }, "ghi"]]
--- response_body
POST 9/



=== TEST 7: raw request, cut inside a header
--- raw_request eval
["GET /t?a=9 HTTP/1.1\r\nHost: loc", "alhost\r\nConnection: close\r\n\r\n"]
--- raw_request_middle_delay: 0.05
--- response_body
t:9



=== TEST 8: a chunked response is put together
--- user_files
>>> ssi.txt
a<!--# echo var="request_method" -->b
>>> sub/other.txt
other
--- request
GET /chunked
--- response_headers
Transfer-Encoding: chunked
--- response_body
aGETb



=== TEST 9: filters
--- response_body_filters
uc md5_hex
--- response_body chop
916b43c03e40e2363515c5a8df9fd719



=== TEST 10: error log, grepped and plain
--- config
    location = /e {
        alias $TEST_NGINX_HTML_DIR/missing;
    }
--- request
GET /e
--- error_code: 404
--- error_log eval
["missing", qr/\[error\].*\(2: No such file or directory\)/]
--- no_error_log
[alert]
nothing of the kind
--- grep_error_log eval: qr/open\(\) "[^"]+"/
--- grep_error_log_out eval
qr{^open\(\) ".*/html/missing"\n$}



=== TEST 11: access log
--- request
GET /t?a=in-access-log
--- response_body
t:in-access-log
--- access_log
GET /t?a=in-access-log
--- no_access_log
GET /never



=== TEST 12: a refused configuration, with its line
--- config
    return;
--- must_die: 1
--- error_log eval
[qr/invalid number of arguments in "return" directive in \S+:\d+/]
--- suppress_stderr



=== TEST 13: blocks of the configuration in their places
--- main_config
env FOO=bar;
--- http_config
map $arg_a $mapped {
    default other;
    1       one;
}
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / { return 200 "second $http_x_a\n"; }
}
--- config
    location = /t {
        proxy_set_header X-A $mapped;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
--- response_body
second one



=== TEST 14: no answer in time, as wanted
--- config
    location = /t {
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    }
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / {
        limit_rate 1;
        alias $TEST_NGINX_HTML_DIR/index.html;
    }
}
--- timeout: 200ms
--- abort
--- ignore_response
--- no_error_log
[alert]



=== TEST 15: skipped where the version says so
--- response_body
never compared
--- skip_nginx: 2: > 0.8.0



=== TEST 16: init and wait
--- init
open my $f, '>', "$ENV{TEST_NGINX_HTML_DIR}/made.txt" or die;
print $f "made\n";
close $f;
--- request
GET /made.txt
--- response_body
made
--- wait: 0.05



=== TEST 17: HTTP/1.0, a body with its own length
--- request
POST /len HTTP/1.0
abc
--- more_headers
Content-Length: 3
--- response_body
POST 3/
