# The Open Inference Protocol (V2): requests that succeed.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;
use Serve;

registry(map { $_ => $_ } qw(lin4 ident ident64 identu64 identu8 ident8
                             identb idents identd two half_plus_two class3));

repeat_each(2);
no_root_location();

add_block_preprocessor(\&serve_block);
add_response_body_check(\&json_body);

run_tests();

__DATA__

=== TEST 1: nested and flat data, the same answer
--- pipelined_requests eval
[ main::v2('lin4', '[2,4]', 'FP32', '[[6.8,2.8,4.8,1.4],[6.0,3.4,4.5,1.6]]'),
  main::v2('lin4', '[2,4]', 'FP32', '[6.8,2.8,4.8,1.4,6.0,3.4,4.5,1.6]') ]
--- response_body eval
[ main::good_answer(), main::good_answer() ]
--- response_headers eval
[ ("Content-Type: application/json
Mlops-Model: lin4
Mlops-Version: 1
! Mlops-Warning") x 2 ]
--- no_error_log
[error]



=== TEST 2: id is echoed, as it was written, and not made up
--- pipelined_requests eval
[ main::v2('half_plus_two', '{"id":"123","inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[3]}]}'),
  main::v2('half_plus_two', '{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[3]}],"id":"a\u00e9\"\\\\"}'),
  main::v2('half_plus_two', '[1]', 'FP32', '[3]') ]
--- response_body_like eval
[ qr/^\{"model_name":"half_plus_two","model_version":"1","id":"123","outputs":\[\{"name":"y","datatype":"FP32","shape":\[1,1\],"data":\[3\.5\]\}\]\}$/,
  qr/"id":"a(\\u00e9|\xc3\xa9)\\"\\\\"/,
  qr/^((?!"id").)*$/ ]



=== TEST 3: what the protocol does not name is ignored
--- pipelined_requests eval
[ main::v2('half_plus_two', '{"model_name":"lin4","foo":[[1]],"parameters":{"test-str":"dummy","test-bool":true,"test-int":100,"test-float":1.3},"inputs":[{"name":"x","shape":[1,1],"datatype":"FP32","parameters":{"content_type":"np","n":1},"bar":{"a":[]},"data":[3]}]}') ]
--- response_body eval
[ main::out('half_plus_two', 'y', 'FP32', '[1,1]', '[3.5]') ]



=== TEST 4: outputs in the order that was asked for
--- pipelined_requests eval
[ main::v2('two', '{"outputs":[{"name":"b"},{"name":"a"}],"inputs":[{"name":"x","shape":[2],"datatype":"FP64","data":[3,0.5]}]}'),
  main::v2('two', '{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[3]}],"outputs":[{"name":"b","parameters":{"p":true}}]}'),
  main::v2('two', '[1]', 'FP64', '[3]') ]
--- response_body eval
[ '{"model_name":"two","model_version":"1","outputs":[{"name":"b","datatype":"FP64","shape":[2,1],"data":[6.0,1.0]},{"name":"a","datatype":"FP64","shape":[2,1],"data":[4.0,1.5]}]}',
  main::out('two', 'b', 'FP64', '[1,1]', '[6.0]'),
  '{"model_name":"two","model_version":"1","outputs":[{"name":"a","datatype":"FP64","shape":[1,1],"data":[4.0]},{"name":"b","datatype":"FP64","shape":[1,1],"data":[6.0]}]}' ]



=== TEST 5: spellings of numbers
--- pipelined_requests eval
[ main::v2('lin4', '[1,4]', 'FP32', '[1,2,3,4]'),
  main::v2('lin4', '[1,4]', 'FP32', '[1e0,2E+0,0.3e1,4.0]'),
  main::v2('lin4', '[1,4]', 'FP32', '[-0,-0.0,0e5,-0E-0]') ]
--- response_body eval
[ main::out('lin4', 'prediction', 'FP32', '[1,1]', '[30.5]'),
  main::out('lin4', 'prediction', 'FP32', '[1,1]', '[30.5]'),
  main::out('lin4', 'prediction', 'FP32', '[1,1]', '[0.5]') ]



=== TEST 6: integers keep all their digits
--- pipelined_requests eval
[ main::v2('ident64', '[3]', 'INT64', '[9223372036854775807,-9223372036854775808,9007199254740993]'),
  main::v2('identu64', '[2]', 'UINT64', '[18446744073709551615,0]'),
  main::v2('identu8', '[2]', 'UINT8', '[255,0]'),
  main::v2('ident8', '[2]', 'INT8', '[127,-128]') ]
--- response_body eval
[ main::out('ident64', 'y', 'INT64', '[3,1]', '[9223372036854775807,-9223372036854775808,9007199254740993]'),
  main::out('identu64', 'y', 'UINT64', '[2,1]', '[18446744073709551615,0]'),
  main::out('identu8', 'y', 'UINT8', '[2,1]', '[255,0]'),
  main::out('ident8', 'y', 'INT8', '[2,1]', '[127,-128]') ]



=== TEST 7: doubles come back as they were
--- pipelined_requests eval
[ main::v2('identd', '[5]', 'FP64', '[0.1,1.7976931348623157e308,5e-324,2.2250738585072014e-308,123456789012345678]') ]
--- response_body_filters eval
sub { my ($b) = @_; my ($d) = $b =~ /"data":\[(.*?)\]/; CORE::join ' ', map { unpack 'H*', pack 'd>', $_ } split /,/, $d }
--- response_body eval
[ "3fb999999999999a 7fefffffffffffff 0000000000000001 0010000000000000 437b69b4ba630f35" ]



=== TEST 8: a float prints as the shortest text that reads back
--- pipelined_requests eval
[ main::v2('ident', '[2,2]', 'FP32', '[6.8,16777216,1e-45,3.4028235e38]') ]
--- response_body_like eval
[ qr/"shape":\[2,2\],"data":\[6\.8,16777216(\.0)?,1e-45,3\.4028235e\+?38\]/ ]



=== TEST 9: null is missing, and comes back as null
--- pipelined_requests eval
[ main::v2('ident', '[1,2]', 'FP32', '[null,2]'),
  main::v2('ident64', '[2]', 'INT64', '[null,7]'),
  main::v2('idents', '[2]', 'BYTES', '[null,"a"]') ]
--- response_body eval
[ main::out('ident', 'y', 'FP32', '[1,2]', '[null,2.0]'),
  main::out('ident64', 'y', 'INT64', '[2,1]', '[null,7]'),
  main::out('idents', 'y', 'BYTES', '[2,1]', '[null,"a"]') ]



=== TEST 10: booleans and strings
--- pipelined_requests eval
[ main::v2('identb', '[2]', 'BOOL', '[true,false]'),
  main::v2('idents', '[4]', 'BYTES', '["cat","","\u00e9\n\"/","\ud83d\ude00"]') ]
--- response_body eval
[ main::out('identb', 'y', 'BOOL', '[2,1]', '[true,false]'),
  main::out('idents', 'y', 'BYTES', '[4,1]', qq(["cat","","\xc3\xa9\\n\\"/","\xf0\x9f\x98\x80"])) ]



=== TEST 11: one tensor a column: [n], [n,1] and a bare scalar, in any order
--- pipelined_requests eval
[ main::v2('lin4', '{"inputs":[{"name":"d","shape":[1],"datatype":"FP64","data":4},{"name":"a","shape":[1,1],"datatype":"FP32","data":[[1]]},{"name":"c","shape":[1],"datatype":"FP32","data":[3]},{"name":"b","shape":[1],"datatype":"FP32","data":2}]}'),
  main::v2('lin4', '{"inputs":[{"name":"a","shape":[2],"datatype":"FP32","data":[1,10]},{"name":"b","shape":[2,1],"datatype":"FP32","data":[2,20]},{"name":"c","shape":[2,1],"datatype":"FP32","data":[[3],[30]]},{"name":"d","shape":[2],"datatype":"FP32","data":[4,40]}]}') ]
--- response_body eval
[ main::out('lin4', 'prediction', 'FP32', '[1,1]', '[30.5]'),
  main::out('lin4', 'prediction', 'FP32', '[2,1]', '[30.5,300.5]') ]



=== TEST 12: data may come before what explains it, and space is free
--- pipelined_requests eval
[ main::v2('lin4', qq( { "inputs" : [ { "data" : [ 1 , 2 ,\t3, 4 ] ,\r\n "datatype":"FP32", "shape":[1, 4],"name":"any" } ] } )) ]
--- response_body eval
[ main::out('lin4', 'prediction', 'FP32', '[1,1]', '[30.5]') ]



=== TEST 13: several outputs, one of them of several values
--- pipelined_requests eval
[ main::v2('class3', '{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[-1]},{"name":"y","shape":[1],"datatype":"FP64","data":[2]}]}') ]
--- response_body eval
[ '{"model_name":"class3","model_version":"1","outputs":[{"name":"scores","datatype":"FP64","shape":[1,3],"data":[-1.0,2.0,0.0]},{"name":"class","datatype":"BYTES","shape":[1,1],"data":["mid"]},{"name":"index","datatype":"INT32","shape":[1,1],"data":[1]}]}' ]



=== TEST 14: an empty batch has an empty answer, or says why not
--- request eval
main::v2('lin4', '[0,4]', 'FP32', '[]')
--- error_code_like: ^(200|400)$
--- response_body_like: "data":\[\]|"error":



=== TEST 15: three pipelined, answered in order
--- pipelined_requests eval
[ map { main::v2('half_plus_two', '[1]', 'FP32', "[$_]") } 1, 3, 5 ]
--- response_body eval
[ map { main::out('half_plus_two', 'y', 'FP32', '[1,1]', "[$_]") } '2.5', '3.5', '4.5' ]



=== TEST 16: a version is a string in the path
--- pipelined_requests eval
[ main::post('/v2/models/half_plus_two/versions/1/infer', '{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[3]}]}') ]
--- response_body eval
[ main::out('half_plus_two', 'y', 'FP32', '[1,1]', '[3.5]') ]
