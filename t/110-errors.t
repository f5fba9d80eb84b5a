# What a client may get wrong in a body: 400, a text that helps, and the
# connection goes on.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;
use Serve;

registry(map { $_ => $_ } qw(lin4 ident ident64 identu64 identu32 identu8
                             ident8 identb idents identd));

# Each request is followed by a good one on the same connection.

our @cases_1 = (   # no request at all
    v2('lin4', ''),
        qr/lin4: .*empty.*/,
    v2('lin4', '[]'),
        qr/lin4: expected .*/,
    v2('lin4', '"x"'),
        qr/lin4: expected .*/,
    v2('lin4', '7'),
        qr/lin4: expected .*/,
    v2('lin4', 'null'),
        qr/lin4: expected .*/,
    v2('lin4', '{}'),
        qr/lin4: .*inputs.*/,
    v2('lin4', '{"inputs":{}}'),
        qr/lin4: .*inputs.*/,
    v2('lin4', '{"inputs":[]}'),
        qr/lin4: .*/,
    v2('lin4', '{"inputs":[1]}'),
        qr/lin4: .*/,
    v2('lin4', '{"inputs":null}'),
        qr/lin4: .*/,
    v2('lin4', '{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]'),
        qr/lin4: malformed JSON at byte \d+: .*/,
    v2('lin4', '{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}x'),
        qr/lin4: malformed JSON at byte 74: expected the end of the text, got x/,
    v2('lin4', '{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}{}'),
        qr/lin4: malformed JSON at byte \d+: .*/,
    v2('lin4', '{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}],}'),
        qr/lin4: malformed JSON at byte \d+: .*/,
    v2('lin4', '{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]},]}'),
        qr/lin4: .*/,
    v2('lin4', '{"inputs" [{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'),
        qr/lin4: malformed JSON at byte \d+: .*/,
);

our @cases_2 = (   # members of an input
    v2('lin4', '{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}],"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'),
        qr/lin4: .*inputs.*/,
    v2('lin4', '{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]},{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'),
        qr/lin4: .*x.*/,
    v2('lin4', '{"inputs":[{"shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'),
        qr/lin4: inputs\[0\].*name.*/,
    v2('lin4', '{"inputs":[{"name":"x","datatype":"FP32","data":[1,2,3,4]}]}'),
        qr/lin4: .*shape.*/,
    v2('lin4', '{"inputs":[{"name":"x","shape":[1,4],"data":[1,2,3,4]}]}'),
        qr/lin4: .*datatype.*/,
    v2('lin4', '{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32"}]}'),
        qr/lin4: .*data.*/,
    v2('lin4', '{"inputs":[{"name":7,"shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'),
        qr/lin4: .*name.*/,
    v2('lin4', '{"inputs":[{"name":"x","name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'),
        qr/lin4: .*name.*/,
    v2('lin4', '{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[1]},{"name":"q","shape":[1],"datatype":"FP32","data":[1]}]}'),
        qr/lin4: .*/,
    v2('lin4', '{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[1]},{"name":"b","shape":[1],"datatype":"FP32","data":[1]}]}'),
        qr/lin4.*c.*missing.*/,
    v2('lin4', '{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[1]},{"name":"a","shape":[1],"datatype":"FP32","data":[1]},{"name":"b","shape":[1],"datatype":"FP32","data":[1]},{"name":"c","shape":[1],"datatype":"FP32","data":[1]},{"name":"d","shape":[1],"datatype":"FP32","data":[1]}]}'),
        qr/lin4: .*a.*/,
    v2('lin4', '{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[1]},{"name":"b","shape":[2],"datatype":"FP32","data":[1,2]},{"name":"c","shape":[1],"datatype":"FP32","data":[1]},{"name":"d","shape":[1],"datatype":"FP32","data":[1]}]}'),
        qr/lin4: .*/,
    v2('lin4', '{"id":7,"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'),
        qr/lin4: .*id.*/,
    v2('lin4', '{"parameters":{"a":{}},"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'),
        qr/lin4: .*parameters.*/,
    v2('lin4', '{"parameters":{"a":[1]},"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'),
        qr/lin4: .*parameters.*/,
    v2('lin4', '{"parameters":7,"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'),
        qr/lin4: .*parameters.*/,
);

our @cases_3 = (   # outputs asked for
    v2('lin4', '{"outputs":[{"name":"nobody"}],"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'),
        qr/lin4: .*nobody.*/,
    v2('lin4', '{"outputs":[{"name":"prediction"},{"name":"prediction"}],"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'),
        qr/lin4: .*prediction.*/,
    v2('lin4', '{"outputs":[{}],"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'),
        qr/lin4: .*name.*/,
    v2('lin4', '{"outputs":7,"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'),
        qr/lin4: .*outputs.*/,
    v2('lin4', '{"outputs":["prediction"],"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'),
        qr/lin4: .*outputs.*/,
);

our @cases_4 = (   # datatypes
    v2('lin4', '[1,4]', 'fp32', '[1,2,3,4]'),
        qr/lin4: .*fp32.*/,
    v2('lin4', '[1,4]', 'FLOAT', '[1,2,3,4]'),
        qr/lin4: .*FLOAT.*/,
    v2('lin4', '[1,4]', 'INT64', '[1,2,3,4]'),
        qr/lin4: .*INT64.*/,
    v2('lin4', '[1,4]', 'BYTES', '["1","2","3","4"]'),
        qr/lin4: .*BYTES.*/,
    v2('ident64', '[1]', 'FP64', '[1]'),
        qr/ident64: .*FP64.*/,
    v2('ident64', '[1]', 'INT32', '[1]'),
        qr/ident64: .*INT32.*/,
    v2('idents', '[1]', 'FP32', '[1]'),
        qr/idents: .*FP32.*/,
);

our @cases_5 = (   # shapes
    v2('lin4', '[2,-5]', 'FP32', '[1,2,3,4]'),
        qr/lin4: .*shape.*/,
    v2('lin4', '[1.0,4]', 'FP32', '[1,2,3,4]'),
        qr/lin4: .*shape.*/,
    v2('lin4', '[-0.0,4]', 'FP32', '[1,2,3,4]'),
        qr/lin4: .*shape.*/,
    v2('lin4', '["1",4]', 'FP32', '[1,2,3,4]'),
        qr/lin4: .*shape.*/,
    v2('lin4', '[18446744073709551616,4]', 'FP32', '[1,2,3,4]'),
        qr/lin4: .*shape.*/,
    v2('lin4', '4', 'FP32', '[1,2,3,4]'),
        qr/lin4: .*shape.*/,
    v2('lin4', '[]', 'FP32', '[1,2,3,4]'),
        qr/lin4: .*/,
    v2('lin4', '[4]', 'FP32', '[1,2,3,4]'),
        qr/lin4: .*/,
    v2('lin4', '[1,1,4]', 'FP32', '[1,2,3,4]'),
        qr/lin4: .*/,
    v2('lin4', '[1,5]', 'FP32', '[1,2,3,4,5]'),
        qr/lin4: .*/,
    v2('lin4', '[1,3]', 'FP32', '[1,2,3]'),
        qr/lin4: .*/,
    v2('lin4', '[1,4]', 'FP32', '[1,2,3]'),
        qr/lin4: .*/,
    v2('lin4', '[1,4]', 'FP32', '[1,2,3,4,5]'),
        qr/lin4: .*/,
    v2('lin4', '[2,4]', 'FP32', '[[1,2,3,4],[5,6,7]]'),
        qr/lin4: .*/,
    v2('lin4', '[1,4]', 'FP32', '[30.9,[1.5,2.9,3.0]]'),
        qr/lin4: .*/,
    v2('ident', '[4,1]', 'FP32', '[[1,2],[3,4]]'),
        qr/ident: .*/,
    v2('ident', '[1,2]', 'FP32', '[[[1,2]]]'),
        qr/ident: .*/,
    v2('lin4', '[1,4]', 'FP32', '7'),
        qr/lin4: .*/,
    v2('lin4', '[1,4]', 'FP32', '{}'),
        qr/lin4: .*/,
    v2('lin4', '[1,4]', 'FP32', 'null'),
        qr/lin4: .*/,
);

our @cases_6 = (   # integers
    v2('identu32', '[1]', 'UINT32', '[1.5]'),
        qr/identu32: .*1\.5.*/,
    v2('identu32', '[1]', 'UINT32', '[-4]'),
        qr/identu32: .*-4.*/,
    v2('identu32', '[1]', 'UINT32', '[true]'),
        qr/identu32: .*true.*/,
    v2('identu32', '[1]', 'UINT32', '["a"]'),
        qr/identu32: .*a.*/,
    v2('identu32', '[1]', 'UINT32', '[4294967296]'),
        qr/identu32: .*4294967296.*/,
    v2('identu8', '[1]', 'UINT8', '[300]'),
        qr/identu8: .*300.*/,
    v2('ident8', '[1]', 'INT8', '[128]'),
        qr/ident8: .*128.*/,
    v2('ident8', '[1]', 'INT8', '[-129]'),
        qr/ident8: .*-129.*/,
    v2('ident64', '[1]', 'INT64', '[9223372036854775808]'),
        qr/ident64: .*9223372036854775808.*/,
    v2('ident64', '[1]', 'INT64', '[-9223372036854775809]'),
        qr/ident64: .*/,
    v2('ident64', '[1]', 'INT64', '[1e3]'),
        qr/ident64: .*1e3.*/,
    v2('identu64', '[1]', 'UINT64', '[18446744073709551616]'),
        qr/identu64: .*/,
    v2('identb', '[2]', 'BOOL', '[0,1]'),
        qr/identb: .*0.*/,
    v2('identb', '[1]', 'BOOL', '["true"]'),
        qr/identb: .*true.*/,
    v2('idents', '[1]', 'BYTES', '[123]'),
        qr/idents: .*123.*/,
);

our @cases_7 = (   # numbers
    v2('lin4', '[1,4]', 'FP32', '[1,2,3,1e39]'),
        qr/lin4: .*1e39.*/,
    v2('identd', '[1]', 'FP64', '[1e309]'),
        qr/identd: .*1e309.*/,
    v2('identd', '[1]', 'FP64', '[01]'),
        qr/identd: .*/,
    v2('identd', '[1]', 'FP64', '[+1]'),
        qr/identd: .*/,
    v2('identd', '[1]', 'FP64', '[.5]'),
        qr/identd: .*/,
    v2('identd', '[1]', 'FP64', '[1.]'),
        qr/identd: .*/,
    v2('identd', '[1]', 'FP64', '[0x10]'),
        qr/identd: .*/,
    v2('identd', '[1]', 'FP64', '[1e]'),
        qr/identd: .*/,
    v2('identd', '[1]', 'FP64', '[--1]'),
        qr/identd: .*/,
    v2('identd', '[1]', 'FP64', '[1e+]'),
        qr/identd: .*/,
    v2('identd', '[1]', 'FP64', '[-]'),
        qr/identd: .*/,
    v2('identd', '[1]', 'FP64', '[NaN]'),
        qr/identd: .*/,
    v2('identd', '[1]', 'FP64', '[Infinity]'),
        qr/identd: .*/,
    v2('identd', '[1]', 'FP64', '[-Infinity]'),
        qr/identd: .*/,
    v2('identd', '[1]', 'FP64', '[nan]'),
        qr/identd: .*/,
    v2('identd', '[1]', 'FP64', '["NaN"]'),
        qr/identd: .*/,
    v2('identd', '[1]', 'FP64', '["1"]'),
        qr/identd: .*/,
    v2('identd', '[1]', 'FP64', '[true]'),
        qr/identd: .*/,
    v2('identd', '[1]', 'FP64', '[1 2]'),
        qr/identd: .*/,
    v2('identd', '[1]', 'FP64', '[1,]'),
        qr/identd: .*/,
    v2('identd', '[1]', 'FP64', '[1_0]'),
        qr/identd: .*/,
    v2('identd', '[1]', 'FP64', '[١]'),
        qr/identd: .*/,
);

our @cases_8 = (   # strings
    v2('idents', '[1]', 'BYTES', '["\ud800"]'),
        qr/idents: .*/,
    v2('idents', '[1]', 'BYTES', '["\udc00\ud800"]'),
        qr/idents: .*/,
    v2('idents', '[1]', 'BYTES', qq(["\xff"])),
        qr/idents: .*/,
    v2('idents', '[1]', 'BYTES', qq(["\xc0\xaf"])),
        qr/idents: .*/,
    v2('idents', '[1]', 'BYTES', qq(["\xed\xa0\x80"])),
        qr/idents: .*/,
    v2('idents', '[1]', 'BYTES', qq(["a\tb"])),
        qr/idents: .*/,
    v2('idents', '[1]', 'BYTES', qq(["a\nb"])),
        qr/idents: .*/,
    v2('idents', '[1]', 'BYTES', qq(["a\0b"])),
        qr/idents: .*/,
    v2('idents', '[1]', 'BYTES', '["\x"]'),
        qr/idents: .*/,
    v2('idents', '[1]', 'BYTES', '["\u12"]'),
        qr/idents: .*/,
    v2('idents', '[1]', 'BYTES', '["a]'),
        qr/idents: .*/,
);

our @cases_9 = (   # depth
    v2('lin4', '[1,4]', 'FP32', '[' x 120 . ']' x 120),
        qr/lin4: .*/,
    v2('lin4', '{"x":' . '[' x 500000),
        qr/lin4: .*/,
    v2('lin4', '{"x":' . '{"a":' x 100000),
        qr/lin4: .*/,
    v1('lin4', '{"instances":' . '[' x 500000),
        qr/lin4\.a.* got an array/,
);

our @cases_10 = (   # V1
    v1('lin4', ''),
        qr/lin4: .*empty.*/,
    v1('lin4', '{}'),
        qr/lin4: .*instances.*/,
    v1('lin4', '[]'),
        qr/lin4: .*/,
    v1('lin4', '{"instances":[]}'),
        qr/lin4: .*/,
    v1('lin4', '{"instances":7}'),
        qr/lin4: .*/,
    v1('lin4', '{"instances":[[1,2,3,4]],"inputs":[[1,2,3,4]]}'),
        qr/lin4: .*/,
    v1('lin4', '{"signature_name":100,"instances":[[1,2,3,4]]}'),
        qr/lin4: .*signature_name.*/,
    v1('lin4', '{"signature_name":"nobody","instances":[[1,2,3,4]]}'),
        qr/lin4: .*nobody.*/,
    v1('lin4', '{"instances":[[1,2,3]]}'),
        qr/lin4: .*/,
    v1('lin4', '{"instances":[[1,2,3,4,5]]}'),
        qr/lin4: .*/,
    v1('lin4', '{"instances":[[1,2,3,4],[1,2,"x",4]]}'),
        qr/lin4\.c, row 1: expected a number, got \\"x\\"/,
    v1('lin4', '{"instances":[{"a":1,"b":2,"c":3}]}'),
        qr/lin4\.d.*missing.*/,
    v1('lin4', '{"inputs":{"a":[1],"b":[2],"c":[3],"d":[4,5]}}'),
        qr/lin4.*/,
    v1('lin4', '{"instances":[[1,2,3,4]]'),
        qr/lin4: malformed JSON.*/,
    v1('lin4', '{"instances":[[1,2,3,4]]}}'),
        qr/lin4: malformed JSON.*/,
);

repeat_each(2);
no_root_location();

add_block_preprocessor(\&serve_block);
add_response_body_check(\&json_body);

run_tests();

__DATA__

=== TEST 1: no request at all
--- pipelined_requests eval
main::bad(@main::cases_1)
--- error_code eval
main::each_bad(400, @main::cases_1)
--- response_body eval
main::each_bad(0, @main::cases_1)
--- no_error_log
[alert]
[crit]
[emerg]



=== TEST 2: members of an input
--- pipelined_requests eval
main::bad(@main::cases_2)
--- error_code eval
main::each_bad(400, @main::cases_2)
--- response_body eval
main::each_bad(0, @main::cases_2)
--- no_error_log
[alert]
[crit]
[emerg]



=== TEST 3: outputs asked for
--- pipelined_requests eval
main::bad(@main::cases_3)
--- error_code eval
main::each_bad(400, @main::cases_3)
--- response_body eval
main::each_bad(0, @main::cases_3)
--- no_error_log
[alert]
[crit]
[emerg]



=== TEST 4: datatypes
--- pipelined_requests eval
main::bad(@main::cases_4)
--- error_code eval
main::each_bad(400, @main::cases_4)
--- response_body eval
main::each_bad(0, @main::cases_4)
--- no_error_log
[alert]
[crit]
[emerg]



=== TEST 5: shapes
--- pipelined_requests eval
main::bad(@main::cases_5)
--- error_code eval
main::each_bad(400, @main::cases_5)
--- response_body eval
main::each_bad(0, @main::cases_5)
--- no_error_log
[alert]
[crit]
[emerg]



=== TEST 6: integers
--- pipelined_requests eval
main::bad(@main::cases_6)
--- error_code eval
main::each_bad(400, @main::cases_6)
--- response_body eval
main::each_bad(0, @main::cases_6)
--- no_error_log
[alert]
[crit]
[emerg]



=== TEST 7: numbers
--- pipelined_requests eval
main::bad(@main::cases_7)
--- error_code eval
main::each_bad(400, @main::cases_7)
--- response_body eval
main::each_bad(0, @main::cases_7)
--- no_error_log
[alert]
[crit]
[emerg]



=== TEST 8: strings
--- pipelined_requests eval
main::bad(@main::cases_8)
--- error_code eval
main::each_bad(400, @main::cases_8)
--- response_body eval
main::each_bad(0, @main::cases_8)
--- no_error_log
[alert]
[crit]
[emerg]



=== TEST 9: depth
--- pipelined_requests eval
main::bad(@main::cases_9)
--- error_code eval
main::each_bad(400, @main::cases_9)
--- response_body eval
main::each_bad(0, @main::cases_9)
--- no_error_log
[alert]
[crit]
[emerg]



=== TEST 10: V1
--- pipelined_requests eval
main::bad(@main::cases_10)
--- error_code eval
main::each_bad(400, @main::cases_10)
--- response_body eval
main::each_bad(0, @main::cases_10)
--- no_error_log
[alert]
[crit]
[emerg]
