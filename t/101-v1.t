# V1: KServe's and TensorFlow Serving's predict and status, in one.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;
use Serve;

registry(map { $_ => $_ } qw(lin4 ident half_plus_two two class3));

repeat_each(2);
no_root_location();

add_block_preprocessor(\&serve_block);
add_response_body_check(\&json_body);

run_tests();

__DATA__

=== TEST 1: rows of one column are bare values
--- pipelined_requests eval
[ main::v1('half_plus_two', '{"instances":[1.0,2.0,5.0]}'),
  main::v1('half_plus_two', '{"instances":[[1.0],[2.0],[5.0]]}'),
  main::v1('half_plus_two', '{"instances":[{"x":1},{"x":2.0},{"x":5}]}'),
  main::v1('half_plus_two', '{"signature_name":"serving_default","instances":[1,2,5]}') ]
--- response_body eval
[ ('{"predictions":[2.5,3.0,4.5]}') x 4 ]
--- response_headers eval
[ ("Content-Type: application/json
Mlops-Model: half_plus_two
Mlops-Version: 1") x 4 ]



=== TEST 2: columns are answered with outputs
--- pipelined_requests eval
[ main::v1('half_plus_two', '{"signature_name":"serving_default","inputs":[3.0,4.0]}'),
  main::v1('half_plus_two', '{"inputs":{"x":[3.0,4.0]}}'),
  main::v1('lin4', '{"inputs":{"d":[4,40],"a":[1,10],"c":[3,30],"b":[2,20]}}') ]
--- response_body eval
[ '{"outputs":[3.5,4.0]}', '{"outputs":[3.5,4.0]}',
  '{"outputs":[30.5,300.5]}' ]



=== TEST 3: rows of several columns: by order or by name
--- pipelined_requests eval
[ main::v1('lin4', '{"instances":[[6.8,2.8,4.8,1.4],[6.0,3.4,4.5,1.6]]}'),
  main::v1('lin4', '{"instances":[{"d":1.4,"c":4.8,"b":2.8,"a":6.8},{"a":6.0,"b":3.4,"c":4.5,"d":1.6}]}') ]
--- response_body eval
[ ('{"predictions":[32.9,33.2]}') x 2 ]



=== TEST 4: several outputs: an object a row, or lists
--- pipelined_requests eval
[ main::v1('two', '{"instances":[3,0.5]}'),
  main::v1('two', '{"inputs":[3,0.5]}'),
  main::v1('ident', '{"instances":[[1,2],[3,4]]}') ]
--- response_body eval
[ '{"predictions":[{"a":4.0,"b":6.0},{"a":1.5,"b":1.0}]}',
  '{"outputs":{"a":[4.0,1.5],"b":[6.0,1.0]}}',
  '{"predictions":[[1.0,2.0],[3.0,4.0]]}' ]



=== TEST 5: versions and labels in the path
--- pipelined_requests eval
[ main::post('/v1/models/half_plus_two/versions/1:predict', '{"instances":[1]}'),
  main::post('/v1/models/half_plus_two/labels/champion:predict', '{"instances":[1]}'),
  main::post('/v1/models/half_plus_two/versions/2:predict', '{"instances":[1]}'),
  main::post('/v1/models/half_plus_two/labels/gone:predict', '{"instances":[1]}'),
  main::post('/v1/models/nobody:predict', '{"instances":[1]}') ]
--- error_code eval
[200, 200, 404, 404, 404]
--- response_body_like eval
[ qr/^\{"predictions":\[2\.5\]\}$/, qr/^\{"predictions":\[2\.5\]\}$/,
  qr/^\{"error":".*half_plus_two.*version.*2.*"\}$/,
  qr/^\{"error":".*half_plus_two.*alias.*gone.*"\}$/,
  qr/^\{"error":".*nobody.*"\}$/ ]



=== TEST 6: the status of a model has what either kind of client reads
--- pipelined_requests eval
[ "GET /v1/models/half_plus_two", "GET /v1/models/half_plus_two/versions/1",
  "GET /v1/models/half_plus_two/labels/champion" ]
--- response_body eval
[ ('{"name":"half_plus_two","ready":true,"model_version_status":[{"version":"1","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}]}') x 3 ]



=== TEST 7: the list of models, and the root
--- pipelined_requests eval
[ "GET /v1/models", "GET /" ]
--- response_body eval
[ '{"models":["class3","half_plus_two","ident","lin4","two"]}',
  '{"status":"alive"}' ]



=== TEST 8: unknown models and versions have no status
--- pipelined_requests eval
[ "GET /v1/models/nobody", "GET /v1/models/lin4/versions/7",
  "GET /v1/models/lin4/labels/blue", "GET /v1/models/lin4/versions/" ]
--- error_code eval
[404, 404, 404, 404]
--- response_body_like eval
[ (qr/^\{"error":".+"\}$/) x 4 ]
