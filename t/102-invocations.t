# MLflow's scoring protocol: /invocations, /ping, /health, /version.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;
use Serve;

registry(map { $_ => $_ } qw(lin4 half_plus_two two mixed));

repeat_each(2);
no_root_location();

add_block_preprocessor(\&serve_block);
add_response_body_check(\&json_body);

run_tests();

__DATA__

=== TEST 1: the four forms of a body
--- config
    location / { mlops_serve lin4; }
--- more_headers
Content-Type: application/json
--- pipelined_requests eval
[ main::post('/invocations', '{"dataframe_split":{"columns":["a","b","c","d"],"data":[[6.8,2.8,4.8,1.4]]}}'),
  main::post('/invocations', '{"dataframe_split":{"index":[7],"columns":["d","c","b","a"],"data":[[1.4,4.8,2.8,6.8]]}}'),
  main::post('/invocations', '{"dataframe_records":[{"d":1.4,"a":6.8,"b":2.8,"c":4.8}]}'),
  main::post('/invocations', '{"instances":[[6.8,2.8,4.8,1.4]]}'),
  main::post('/invocations', '{"inputs":[[6.8,2.8,4.8,1.4]]}'),
  main::post('/invocations', '{"inputs":{"a":[6.8],"b":[2.8],"c":[4.8],"d":[1.4]}}'),
  main::post('/invocations', '{"params":{"x":1},"inputs":[[6.8,2.8,4.8,1.4]]}') ]
--- response_body eval
[ ('{"predictions":[32.9]}') x 7 ]



=== TEST 2: CSV in, the same answer
--- config
    location / { mlops_serve lin4; }
--- more_headers
Content-Type: text/csv
--- pipelined_requests eval
[ main::post('/invocations', "a,b,c,d\n6.8,2.8,4.8,1.4\n"),
  main::post('/invocations', "d,c,b,a\r\n1.4,4.8,2.8,6.8\r\n1.6,4.5,3.4,6.0") ]
--- response_body eval
[ '{"predictions":[32.9]}', '{"predictions":[32.9,33.2]}' ]



=== TEST 3: types of content that are taken, and those that are not
--- config
    location / { mlops_serve half_plus_two; }
--- pipelined_requests eval
[ (main::post('/invocations', '{"inputs":[3]}')) x 9 ]
--- more_headers eval
[ "Content-Type: application/json; charset=utf-8",
  "Content-Type: Application/JSON;charset=\"UTF-8\"",
  "Content-Type: application/json ;",
  "Content-Type: application/json; charset=latin1",
  "Content-Type: application/json; format=pandas-split",
  "Content-Type: text/plain",
  "Content-Type: application/x-www-form-urlencoded",
  "X-No: type",
  "Content-Type: application/jsonx" ]
--- error_code eval
[200, 200, 200, 415, 415, 415, 415, 415, 415]
--- response_body_like eval
[ (qr/^\{"predictions":\[3\.5\]\}$/) x 3,
  (qr/^\{"error":"(Content-Type: .*)","error_code":"BAD_REQUEST","message":"\1"\}$/) x 6 ]



=== TEST 4: errors are MLflow's object and ours
--- config
    location / { mlops_serve lin4; }
--- more_headers
Content-Type: application/json
--- pipelined_requests eval
[ map { main::post('/invocations', $_) }
  '', '[]', '{}', '{"not":"a dataframe"}', '{"inputs":[[1,2,3,4]],"instances":[[1,2,3,4]]}',
  '{"dataframe_records":[],"dataframe_split":{"data":[]}}',
  '{"dataframe_split":{"columns":["a","b","c","d"],"data":[[6.8,2.8,4.8,1.4]]}',
  '{"dataframe_records":[{"a":"x","b":1,"c":1,"d":1}]}',
  '{"dataframe_split":{"columns":["a","b","c"],"data":[[6.8,2.8,4.8]]}}',
  '{"inputs":[[1,2,3,4]],"params":[1]}' ]
--- error_code eval
[ (400) x 10 ]
--- response_body_like eval
[ (qr/^\{"error":"(lin4.+)","error_code":"BAD_REQUEST","message":"\1"\}$/) x 10 ]



=== TEST 5: health and version
--- config
    location / { mlops_serve lin4; }
--- request eval
[ "GET /ping", "GET /health", "HEAD /ping", "GET /version" ]
--- response_headers eval
[ "Content-Type: application/json", "Content-Type: application/json",
  "Content-Length: 1", "Content-Type: text/plain" ]
--- response_body_like eval
[ qr/^\n$/, qr/^\n$/, qr/^$/, qr/^\d+\.\d+\.\d+$/ ]



=== TEST 6: several models: somebody has to choose
--- more_headers
Content-Type: application/json
--- pipelined_requests eval
[ main::post('/invocations', '{"inputs":[3]}'), "GET /ping" ]
--- error_code eval
[400, 200]
--- response_body_like eval
[ qr/^\{"error":"several models .*","error_code":"BAD_REQUEST","message":"several models .*"\}$/, qr/^\n$/ ]



=== TEST 7: mlops_predict chooses
--- config
    location = /invocations { mlops_predict half_plus_two; }
    location = /ping { mlops_predict half_plus_two; }
    location = /gone/ping { mlops_predict nobody; }
--- more_headers
Content-Type: application/json
--- pipelined_requests eval
[ main::post('/invocations', '{"inputs":[3,5]}'),
  main::post('/invocations', '{"x":3}'),
  "GET /ping", "GET /gone/ping" ]
--- error_code eval
[200, 400, 200, 404]
--- response_body_like eval
[ qr/^\{"predictions":\[3\.5,4\.5\]\}$/, qr/"error_code":"BAD_REQUEST"/,
  qr/^\n$/, qr/^\{"error":/ ]



=== TEST 8: no model at all
--- config
    location / { mlops_serve nobody; }
--- more_headers
Content-Type: application/json
--- pipelined_requests eval
[ "GET /ping", "GET /health", main::post('/invocations', '{"inputs":[3]}') ]
--- error_code eval
[404, 404, 404]
--- response_body_like eval
[ qr/^\{"error":/, qr/^\{"error":/, qr/^\{"error":.*"error_code":"RESOURCE_DOES_NOT_EXIST"/ ]



=== TEST 9: several outputs are an object a row
--- config
    location / { mlops_serve two; }
--- more_headers
Content-Type: application/json
--- pipelined_requests eval
[ main::post('/invocations', '{"dataframe_split":{"data":[[3],[0.5]]}}') ]
--- response_body eval
[ '{"predictions":[{"a":4.0,"b":6.0},{"a":1.5,"b":1.0}]}' ]



=== TEST 10: errors that nginx makes have the object, too
--- config
    location / { mlops_serve lin4; client_max_body_size 4; }
    location = /deny/invocations { mlops_predict lin4; deny all; }
--- more_headers
Content-Type: application/json
--- request eval
[ main::post('/invocations', '{"inputs":[3]}'), "GET /invocations",
  "POST /deny/invocations" ]
--- error_code eval
[413, 405, 403]
--- response_body_like eval
[ qr/^\{"error":".*4 bytes.*","error_code":"BAD_REQUEST","message":/,
  qr/^\{"error":".*","error_code":"BAD_REQUEST","message":/,
  qr/^\{"error":".*","error_code":"PERMISSION_DENIED","message":/ ]
