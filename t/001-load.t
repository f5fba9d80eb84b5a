# The module loads, and leaves alone what is not its own.

use Test::Nginx::Socket 'no_plan';

repeat_each(2);

$ENV{TEST_NGINX_HTML_DIR} ||= html_dir();

run_tests();

__DATA__

=== TEST 1: a location without a directive of ours
--- config
    location = /t {
        return 200 "plain\n";
    }
--- request
GET /t
--- response_body
plain
--- no_error_log
[error]
[alert]



=== TEST 2: a directive that nobody knows is refused
--- config
    location = /t {
        mlops_no_such_directive on;
    }
--- must_die: 1
--- error_log
unknown directive "mlops_no_such_directive"



=== TEST 3: bodies and files go their way
--- config
    location = /t {
        client_body_buffer_size 16;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo;
    }
    location = /echo {
        return 200 "$http_content_length $request_method\n";
    }
    location = /file {
        alias $TEST_NGINX_HTML_DIR/a.txt;
    }
--- user_files
>>> a.txt
a file
--- request eval
[ "POST /t\n" . ('x' x 4096), "GET /file" ]
--- response_body eval
[ "4096 POST\n", "a file\n" ]
