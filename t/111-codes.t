# Errors that are returned to nginx: status, headers, one JSON shape; and
# what is not ours stays as it is.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;
use Serve;

registry(map { $_ => $_ } qw(lin4 half_plus_two));

repeat_each(2);
no_root_location();

add_block_preprocessor(\&serve_block);
add_response_body_check(\&json_body);

run_tests();

__DATA__

=== TEST 1: unknown models, versions, paths
--- pipelined_requests eval
[ main::v2('nobody', '{}'), main::good(),
  main::post('/v2/models/lin4/versions/2/infer', '{}'),
  main::post('/v2/models/lin4/versions/01/infer', '{}'),
  main::post('/v2/models/lin4/versions/champion/infer', '{}'),
  main::post('/v2/models/lin4/versions//infer', '{}'), main::good(),
  main::post('/v2/models//infer', '{}'),
  main::post('/v2/models/lin4/infer/', '{}'),
  main::post('/v2/models/lin4/explain', '{}'),
  main::post('/nowhere', '{}'),
  "GET /v2/models/nobody", "GET /v2/models/nobody/ready", "GET /v3",
  main::good() ]
--- error_code eval
[404, 200, 404, 404, 404, 405, 200, 405, (404) x 6, 200]
--- response_body_like eval
[ qr/^\{"error":"model \\"nobody\\" is not known"\}$/, qr/"data":/,
  qr/^\{"error":".*lin4.*2.*"\}$/, qr/^\{"error":".*01.*"\}$/,
  qr/^\{"error":".*champion.*"\}$/, qr/^\{"error":".+"\}$/, qr/"data":/,
  qr/^\{"error":".+"\}$/, (qr/^\{"error":"there is no .*"\}$/) x 3,
  (qr/^\{"error":"model \\"nobody\\" is not known"\}$/) x 2,
  qr/^\{"error":"there is no \\"\/v3\\" here"\}$/, qr/"data":/ ]
--- no_error_log
[alert]



=== TEST 2: names that try to be paths, or are too long, or no text
--- pipelined_requests eval
[ main::post('/v2/models/%2e%2e/infer', '{}'),
  main::post('/v2/models/a%2f..%2fb/infer', '{}'),
  main::post('/v2/models/model%2f/infer', '{}'),
  main::post('/v2/models/..%5cetc/infer', '{}'),
  main::post('/v2/models/' . 'a' x 300 . '/infer', '{}'),
  main::post('/v2/models/' . '%41' x 1000 . '/infer', '{}'),
  main::post('/v2/models/%c3%a9/infer', '{}'),
  main::post('/v2/models/%ff%fe/infer', '{}'),
  main::post('/v2/models/%22%0a%01/infer', '{}'),
  main::post('/v2/models/@champion/infer', '{}'),
  main::good() ]
--- error_code eval
[ (404) x 10, 200 ]
--- response_body_like eval
[ (qr/^\{"error":".+"\}$/) x 10, qr/"data":/ ]



=== TEST 3: a percent-encoded name is that name
--- request eval
[ main::post('/v2/models/%6cin4/infer', '{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}') ]
--- response_body_like eval
[ qr/"data":\[30\.5\]/ ]



=== TEST 4: methods
--- request eval
[ "GET /v2/models/lin4/infer", "PUT /v2/models/lin4/infer\n{}",
  "HEAD /v2/models/lin4/infer", "POST /v2/models/lin4\n{}",
  "DELETE /v2", "POST /v2/health/live\n{}", "GET /invocations", main::good() ]
--- error_code eval
[ (405) x 7, 200 ]
--- response_headers eval
[ "Allow: POST", "Allow: POST", "Allow: POST", "Allow: GET, HEAD",
  "Allow: GET, HEAD", "Allow: GET, HEAD", "Allow: POST", "! Allow" ]



=== TEST 5: a body with a Content-Encoding
--- pipelined_requests eval
[ (main::v2('half_plus_two', '[1]', 'FP32', '[3]')) x 4 ]
--- more_headers eval
[ "Content-Encoding: gzip", "content-encoding: deflate",
  "Content-Encoding: identity", "Content-Encoding: gzip, identity" ]
--- error_code eval
[415, 415, 200, 415]
--- response_body_like eval
[ qr/^\{"error":".*Content-Encoding.*"\}$/, qr/^\{"error":/, qr/"data":/,
  qr/^\{"error":/ ]



=== TEST 6: JSON may come as any type
--- pipelined_requests eval
[ (main::v2('half_plus_two', '[1]', 'FP32', '[3]')) x 4 ]
--- more_headers eval
[ "Content-Type: application/x-www-form-urlencoded", "Content-Type: text/plain",
  "Content-Type: application/json; charset=utf-8", "X-A: 1" ]
--- response_body_like eval
[ (qr/"data":\[3\.5\]/) x 4 ]



=== TEST 7: a body over nginx's limit
--- config
    location / { mlops_serve; client_max_body_size 100; }
--- request eval
"POST /v2/models/lin4/infer\n" . 'x' x 101
--- error_code: 413
--- response_headers
Content-Type: application/json
--- response_body chop
{"error":"the request body exceeds the limit of 100 bytes"}



=== TEST 8: limits of ours
--- config
    location / { mlops_serve; mlops_limit rows=2 elements=8 depth=4 inputs=4; }
--- request eval
[ main::v2('half_plus_two', '[2]', 'FP32', '[1,2]'),
  main::v2('half_plus_two', '[3]', 'FP32', '[1,2,3]'),
  main::v1('half_plus_two', '{"instances":[1,2,3]}'),
  main::v1('half_plus_two', '{"foo":[[[1]]],"instances":[1]}'),
  main::v1('half_plus_two', '{"foo":[[[[1]]]],"instances":[1]}'),
  main::v2('lin4', '{"inputs":[' . CORE::join(',', map { qq({"name":"$_","shape":[1],"datatype":"FP32","data":[1]}) } 'a' .. 'e') . ']}') ]
--- error_code eval
[200, 413, 413, 200, 400, 413]
--- response_body_like eval
[ qr/"data":/, (qr/^\{"error":"half_plus_two: .*\b2\b.*rows.*"\}$/) x 2,
  qr/"predictions":/, qr/^\{"error":"half_plus_two: .*\b4\b.*"\}$/,
  qr/^\{"error":"lin4: .*\b4\b.*"\}$/ ]



=== TEST 9: access that nginx denies
--- config
    location /a/ { mlops_serve; deny all; }
    location /b/ { mlops_serve; limit_except POST { deny all; } }
    location = /c { mlops_predict half_plus_two; auth_basic mlops; auth_basic_user_file /dev/null; }
    location /d/ { mlops_serve; if ($arg_no) { return 403; } if ($arg_said) { return 403 "no\n"; } }
    location = /m { mlops_metrics; deny all; }
--- pipelined_requests eval
[ "GET /a/v2", "GET /b/v2",
  main::post('/b/v1/models/half_plus_two:predict', '{"instances":[3]}'),
  main::post('/c', '{"x":3}'), "GET /d/v2?no=1", "GET /d/v2?said=1",
  "GET /d/v2", "GET /m" ]
--- error_code eval
[403, 403, 200, 401, 403, 403, 200, 403]
--- response_body_like eval
[ qr/^\{"error":"access is forbidden"\}$/, qr/^\{"error":"access is forbidden"\}$/,
  qr/^\{"predictions":\[3\.5\]\}$/, qr/^\{"error":"authorization is required"\}$/,
  qr/^\{"error":/, qr/^no$/, qr/^\{"name":/, qr/^\{"error":/ ]



=== TEST 10: limit_except and if hand on the prefix
--- config
    location /b/ { mlops_serve; limit_except POST { allow all; } }
    location /i/ { mlops_serve; if ($arg_a) { set $b 1; } }
    location = /v2 { mlops_serve; }
    location /r/ { rewrite ^/r/(.*) /$1 break; mlops_serve; }
--- pipelined_requests eval
[ "GET /b/v2/health/live", "GET /i/v2/health/live?a=1", "GET /i/v2/health/live",
  "GET /v2", "GET /r/v2/health/live" ]
--- response_body_like eval
[ (qr/"live":true/) x 3, qr/"extensions"/, qr/"live":true/ ]



=== TEST 11: error_page of the user: a file, a text, another status
--- user_files
>>> 404.html
<p>a page of mine</p>
--- config
    location /a/ { mlops_serve; error_page 404 /404.html; }
    location /b/ { mlops_serve; error_page 404 405 @text; }
    location /c/ { mlops_serve; error_page 404 =200 /404.html; }
    location /d/ { mlops_serve; error_page 404 =410 @text; }
    location /e/ { mlops_serve; error_page 404 = @text; }
    location @text { return 200 "a text of mine\n"; }
    location = /404.html { root html; }
--- pipelined_requests eval
[ "GET /a/nowhere", "GET /b/nowhere", "GET /c/nowhere", "GET /d/nowhere",
  "GET /e/nowhere", "PUT /b/v2", "POST /a/v2/models/nobody/infer\n{}" ]
--- error_code eval
[404, 404, 200, 410, 200, 405, 404]
--- response_body_like eval
[ qr/^<p>a page of mine<\/p>$/, qr/^a text of mine$/, qr/^<p>a page of mine/,
  qr/^a text of mine$/, qr/^a text of mine$/, qr/^a text of mine$/,
  qr/^<p>a page of mine/ ]



=== TEST 12: error_page into another location of ours: it starts afresh
--- config
    location = /a { mlops_predict nobody; error_page 404 = @b; }
    location @b { mlops_predict half_plus_two; }
    location = /c { mlops_predict nobody; error_page 404 @d; }
    location @d { mlops_predict nobody2; }
    location = /e { mlops_predict nobody; error_page 404 = @f; }
    location @f { mlops_predict lin4; }
--- pipelined_requests eval
[ main::post('/a', '{"x":3}'), main::post('/c', '{"x":3}'), main::post('/e', '{"x":3}'),
  main::post('/e', '{"a":1,"b":2,"c":3,"d":4}') ]
--- error_code eval
[200, 404, 400, 200]
--- response_body_like eval
[ qr/^\{"y":3\.5\}$/, qr/nobody2/, qr/^\{"error":"lin4\.a: missing.*"\}$/,
  qr/^\{"prediction":30\.5\}$/ ]



=== TEST 13: the error of an upstream is its own, that of a dead one ours
--- config
    location = /a { mlops_predict nobody; error_page 404 = @alive; }
    location = /b { mlops_predict nobody; error_page 404 = @dead; }
    location = /c { mlops_predict nobody; error_page 404 = @page; recursive_error_pages on; }
    location = /p { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
    location = /q { mlops_set $x lin4 a=1 b=2 c=3; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
    location @alive { rewrite ^ /up break; proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT; }
    location @dead { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
    location @page { recursive_error_pages on; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; error_page 502 @text; }
    location @text { return 200 "a text of mine\n"; }
    location = /up { return 503 "busy: $request_method $content_length\n"; }
--- request eval
[ main::post('/a', '{"x":3}'), main::post('/b', '{"x":3}'), main::post('/c', '{"x":3}'),
  main::post('/p', '{}'), main::post('/q', '{}') ]
--- error_code eval
[503, 502, 502, 502, 502]
--- response_headers eval
[ ("! Retry-After
! Mlops-Version") x 5 ]
--- response_body_like eval
[ qr/^busy: POST 7$/,
  qr/^\{"error":"model \\"nobody\\" is not known; the server asked in its place did not answer"\}$/,
  qr/^a text of mine$/, qr/<html>/, qr/<html>/ ]



=== TEST 14: outside our locations all is nginx's
--- config
    location /ml/ { mlops_serve; }
    location = /gone { return 410; }
    location = /deny { deny all; }
--- pipelined_requests eval
[ "GET /nowhere", "GET /gone", "GET /deny" ]
--- error_code eval
[404, 410, 403]
--- response_body_like eval
[ (qr/<html>/) x 3 ]



=== TEST 15: an answer can be compressed
--- config
    location / { mlops_serve; gzip on; gzip_types application/json; gzip_min_length 1; }
--- more_headers
Accept-Encoding: gzip
--- pipelined_requests eval
[ main::v2('half_plus_two', '[1]', 'FP32', '[3]'), main::v2('nobody', '{}') ]
--- error_code eval
[200, 404]
--- response_headers eval
[ ("Content-Encoding: gzip") x 2 ]



=== TEST 16: subrequests: auth_request asks a model, mirror shadows one
--- config
    location = /u { auth_request /ml/v2/health/ready; proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/ok; }
    location = /w { auth_request /ml/v2/models/nobody/ready; proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/ok; }
    location = /ok { return 200 "ok\n"; }
    location = /main { mirror /shadow; mlops_predict lin4; }
    location = /shadow { internal; mlops_predict half_plus_two; }
    location /ml/ { mlops_serve; }
--- request eval
[ "GET /u", "GET /w", main::post('/main', '{"x":3,"a":1,"b":2,"c":3,"d":4}'),
  main::post('/main', '{"a":1,"b":2,"c":3,"d":4}') ]
--- error_code eval
[200, 500, 200, 200]
--- response_body_like eval
[ qr/^ok$/, qr/./, qr/^\{"prediction":30\.5\}$/, qr/^\{"prediction":30\.5\}$/ ]
--- no_error_log
[alert]



=== TEST 17: mirrored requests count for the shadow
--- config
    location = /main { mirror /shadow; mlops_predict lin4; }
    location = /shadow { internal; mlops_predict half_plus_two; }
    location = /metrics { mlops_metrics; }
--- request eval
[ main::post('/main', '{"x":3,"a":1,"b":2,"c":3,"d":4}'), "GET /metrics" ]
--- error_code eval
[200, 200]
--- response_body_like eval
[ qr/^\{"prediction":30\.5\}$/,
  qr/^mlops_requests_total\{model="half_plus_two",version="1",code="200"\} [1-9]/m ]
