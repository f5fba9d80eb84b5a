# mlops_set: a score before the content.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;

registry(mixed => 'mixed', lin4 => [ 'lin4' ], class3 => 'class3',
         'class3.class' => 'lin4');

repeat_each(2);

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('http_config', '    mlops_store $TEST_NGINX_STORE;
    mlops_registry $TEST_NGINX_REGISTRY;
' . ($block->http_config // ''));

    $block->set_value('config', ($block->config // '') . '
    location = /echo {
        return 200 "$args\n";
    }');
});

run_tests();

__DATA__

=== TEST 1: a score from the query's arguments, for proxy_pass
--- config
    location = /t {
        mlops_set  $score mixed x=$arg_x n=$arg_n color=$arg_c;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo?$score;
    }
--- request
GET /t?x=3&n=2&c=green
--- response_body
205.0



=== TEST 2: an empty value is missing: defaults count
--- config
    location = /t {
        mlops_set  $score mixed x=$arg_x n=$arg_n color=$arg_c;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo?$score;
    }
--- request
GET /t?n=2&c=blue
--- response_body
307.0



=== TEST 3: several, for map, proxy_set_header and add_header
--- http_config
    map $class $pool {
        default none;
        low     127.0.0.1:$TEST_NGINX_SERVER_PORT;
    }
--- config
    location = /t {
        mlops_set  $class class3@champion.class x=$arg_x y=1;
        mlops_set  $index class3.index x=$arg_x y=1;
        mlops_set  $scores class3 x=$arg_x y=1;
        add_header X-Scores $scores;
        proxy_set_header X-Class $class;
        proxy_pass http://$pool/headers;
    }
    location = /headers {
        return 200 "$http_x_class $http_host\n";
    }
--- request
GET /t?x=2.5
--- response_body_like: ^low 127\.0\.0\.1:\d+$
--- response_headers
X-Scores: 2.5,1.0,0.0



=== TEST 4: failure leaves it empty, the reason is in $mlops_status
--- config
    location = /t {
        mlops_set  $score mixed n=$arg_n color=red;
        add_header X-Status $mlops_status;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo?<$score>;
    }
--- request eval
[ "GET /t?n=a", "GET /t?n=", "GET /t?n=2147483648", "GET /t?n=1" ]
--- response_body eval
[ "<>\n", "<>\n", "<>\n", "<106.0>\n" ]
--- response_headers_like eval
[ 'X-Status: mixed: n.*: expected an integer, got "a"',
  'X-Status: mixed: n.*: expected a value, got none',
  'X-Status: mixed: n.*: expected an integer from -2147483648 .*',
  'X-Status: ok' ]
--- no_error_log
[error]



=== TEST 5: names that nobody knows
--- config
    error_page 418 = @status;
    location @status {
        return 200 "<$score> $mlops_status\n";
    }
    location = /model {
        mlops_set $score nobody x=1;
        try_files /none =418;
    }
    location = /alias {
        mlops_set $score lin4@nobody a=1;
        try_files /none =418;
    }
    location = /column {
        mlops_set $score lin4 a=1 b=1 c=1 d=1 e=1;
        try_files /none =418;
    }
    location = /output {
        mlops_set $score lin4.nobody a=1 b=1 c=1 d=1;
        try_files /none =418;
    }
    location = /lacks {
        mlops_set $score lin4 a=1 b=1 c=1;
        try_files /none =418;
    }
--- request eval
[ "GET /model", "GET /alias", "GET /column", "GET /output", "GET /lacks" ]
--- response_body_like eval
[ '^<> model "nobody" is not known$',
  '^<> model "lin4" has no alias "nobody"$',
  '^<> lin4: no input is named "e"$',
  '^<> lin4: no output is named "nobody": expected "prediction"$',
  '^<> lin4: d.*missing' ]



=== TEST 6: a dot in a name: what is known wins
--- config
    location = /t {
        mlops_set  $a class3.class a=1 b=1 c=1 d=1;
        mlops_set  $b class3.class.prediction a=1 b=1 c=1 d=2;
        mlops_set  $c class3@champion.class x=0 y=1;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo?$a,$b,$c;
    }
--- request
GET /t
--- response_body
10.5,14.5,mid



=== TEST 7: the model may be a variable
--- config
    location = /t {
        mlops_set  $s $arg_m a=1 b=0 c=0 d=0;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo?<$s>;
    }
--- request eval
[ "GET /t?m=lin4", "GET /t?m=lin4%40champion", "GET /t?m=lin4\@champion",
  "GET /t?m=", "GET /t?m=\@" ]
--- response_body eval
[ "<1.5>\n", "<>\n", "<1.5>\n", "<>\n", "<>\n" ]



=== TEST 8: inherited where a level has none of its own
--- http_config
    mlops_set $h lin4 a=1 b=0 c=0 d=0;
--- config
    mlops_set $s lin4 a=2 b=0 c=0 d=0;
    location = /inherits {
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo?<$h,$s,$l>;
    }
    location = /own {
        mlops_set  $l lin4 a=3 b=0 c=0 d=0;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo?<$h,$s,$l>;
    }
--- request eval
[ "GET /inherits", "GET /own" ]
--- response_body eval
[ "<,2.5,>\n", "<,,3.5>\n" ]



=== TEST 9: commas, quotes and line ends in values are values
--- config
    location = /t {
        set $quote '"';
        mlops_set  $a mixed n=1 "color=re\"d,\nn";
        mlops_set  $b mixed n=1 color=red;
        mlops_set  $c mixed "n=$arg_n" color=red;
        add_header X-Status $mlops_status;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo?<$a,$b,$c>;
    }
--- request
GET /t?n=1,2
--- response_body
<6.0,106.0,>



=== TEST 10: training ranges as the model's block says
--- http_config
    mlops_model mixed {
        range clip;
    }
--- config
    location = /t {
        mlops_set  $a mixed n=1 x=1000 color=red;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo?<$a>;
    }
--- request
GET /t
--- response_body
<111.0>



=== TEST 11: refused out of range
--- http_config
    mlops_model mixed {
        range refuse;
    }
--- config
    location = /t {
        mlops_set  $a mixed n=1 x=1000 color=red;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo?<$a>;
    }
--- request
GET /t
--- response_body
<>



=== TEST 12: before its phase the variable is empty
--- config
    location = /t {
        mlops_set $a lin4 a=1 b=1 c=1 d=1;
        if ($a = "") {
            return 200 "empty\n";
        }
        return 200 "not\n";
    }
--- request
GET /t
--- response_body
empty



=== TEST 13: with a prediction in the same location
--- config
    location = /t {
        mlops_set $a class3@champion.class x=1 y=2;
        add_header X-Class $a;
        mlops_predict lin4;
    }
--- request
POST /t
{"a":1,"b":1,"c":1,"d":1}
--- response_body chomp
{"prediction":10.5}
--- response_headers
X-Class: mid
Mlops-Model: lin4



=== TEST 14: the body of the request goes on untouched
--- config
    location = /t {
        mlops_set  $a lin4 a=1 b=1 c=1 d=1;
        proxy_set_header X-A $a;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/post;
    }
    location = /post {
        mlops_predict lin4;
        add_header X-A $http_x_a;
    }
--- request
POST /t
{"a":1,"b":2,"c":3,"d":4}
--- response_body chomp
{"prediction":30.5}
--- response_headers
X-A: 10.5



=== TEST 15: in subrequests
--- config
    location = /t {
        auth_request /auth;
        auth_request_set $score $upstream_http_x_score;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo?$score;
    }
    location = /auth {
        internal;
        mlops_set  $s lin4 a=1 b=1 c=1 d=1;
        proxy_set_header X-Score $s;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/auth2;
    }
    location = /auth2 {
        add_header X-Score $http_x_score;
        return 200;
    }
--- request
GET /t
--- response_body
10.5



=== TEST 16: no column
--- config
    location = /t {
        mlops_set $a lin4;
        return 200;
    }
--- must_die: 1
--- error_log
invalid number of arguments in "mlops_set": expected a variable, a model and column=value, got no column in



=== TEST 17: a name without "$"
--- config
    location = /t {
        mlops_set a lin4 x=1;
        return 200;
    }
--- must_die: 1
--- error_log
invalid variable name "a" in "mlops_set": expected a name behind "$" in



=== TEST 18: a variable of nginx that takes what is set
--- config
    location = /t {
        mlops_set  $args lin4 a=1 b=1 c=1 d=1;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo?$query_string;
    }
--- request
GET /t?x=1
--- response_body
10.5



=== TEST 19: the reason is that of the last location
--- config
    location = /t {
        mlops_set  $a nobody x=1;
        try_files  /none @next;
    }
    location @next {
        mlops_set  $a lin4 a=1 b=1 c=1 d=1;
        add_header X-Status $mlops_status;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT;
        rewrite    ^ /echo?next break;
    }
--- request
GET /t
--- response_headers
X-Status: ok
--- response_body
next



=== TEST 20: a prediction that fails is not taken for the score's model
--- config
    location /m/ {
        mlops_set   $a lin4 a=1 b=1 c=1 d=1;
        add_header  X-Is "$mlops_model/$mlops_version/$a" always;
        mlops_serve mixed;
    }
--- request eval
[ "POST /m/v2/models/lin4/infer\n{}", "POST /m/v2/models/nobody/infer\n{}",
  "PUT /m/v2/models/mixed/infer\n{}" ]
--- error_code eval
[ 404, 404, 405 ]
--- response_headers_like eval
[ 'X-Is: [a-z0-9]*//10\.5', 'X-Is: [a-z0-9]*//10\.5',
  'X-Is: [a-z0-9]*//10\.5' ]



=== TEST 21: evaluations are counted, by result
--- config
    location = /t {
        mlops_set  $a lin4 a=1 b=1 c=1 d=1;
        mlops_set  $b lin4 a=x b=1 c=1 d=1;
        mlops_set  $c nobody a=1;
        mlops_set  $d lin4@nobody a=1;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/echo?<$a$b$c$d>;
    }
    location = /metrics {
        mlops_metrics;
    }
--- request eval
[ "GET /t", "GET /metrics" ]
--- response_body_like eval
[ '^<10\.5>$',
  '(?s)# TYPE mlops_set_total counter'
  . '.*mlops_set_total\{model="_unknown",version="",result="failed"\} [1-9]'
  . '.*mlops_set_total\{model="lin4",version="",result="failed"\} [1-9]'
  . '.*mlops_set_total\{model="lin4",version="1",result="failed"\} [1-9]'
  . '.*mlops_set_total\{model="lin4",version="1",result="ok"\} [1-9]' ]
