# The body of a request in every way it may come.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;
use Serve;

registry(lin4 => 'lin4', identd => 'identd');

our $s1 = '{"inputs":[{"name":"x","shape":[2,4],"datatype":"FP32",'
          . '"data":[[6.8,2.8,4.8,1.4],[6.0,3.4,4.5,1.6]]}]}';

# A chunked body, in chunks of so many bytes.

sub chunked {
    my ($body, $size) = @_;

    return join('', map { sprintf("%x\r\n%s\r\n", length, $_) }
                    unpack("(a$size)*", $body)) . "0\r\n\r\n";
}

sub chunked_request {
    my ($body, $size) = @_;

    return "POST /v2/models/lin4/infer HTTP/1.1\r\nHost: a\r\n"
           . "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
           . chunked($body, $size);
}

# More rows than fit a small buffer.

our $many = '{"inputs":[{"name":"x","shape":[1000],"datatype":"FP64","data":['
            . join(',', map { "$_.5" } 1 .. 1000) . ']}]}';
our $many_answer = '{"model_name":"identd","model_version":"1","outputs":['
                   . '{"name":"y","datatype":"FP64","shape":[1000,1],"data":['
                   . join(',', map { "$_.5" } 1 .. 1000) . ']}]}';

repeat_each(2);
no_root_location();

add_block_preprocessor(\&serve_block);
add_response_body_check(\&json_body);

run_tests();

__DATA__

=== TEST 1: in packets
--- request eval
[ [ map { "$_" } "POST /v2/models/lin4/infer\n" . substr($::s1, 0, 30), substr($::s1, 30, 1), substr($::s1, 31) ] ]
--- response_body eval
[ main::good_answer() ]



=== TEST 2: chunked, in chunks of one byte
--- raw_request eval
main::chunked_request($::s1, 1)
--- response_body eval
main::good_answer()



=== TEST 3: chunked, in one chunk, in packets that cut it anywhere
--- raw_request eval
[ unpack('(a37)*', main::chunked_request($::s1, 4096)) ]
--- raw_request_middle_delay: 0.002
--- response_body eval
main::good_answer()



=== TEST 4: a tiny buffer: the body is spilled and read once
--- config
    location / { mlops_serve; client_body_buffer_size 16; }
--- pipelined_requests eval
[ main::good(), main::v2('identd', $::many), main::good() ]
--- response_body eval
[ main::good_answer(), $::many_answer, main::good_answer() ]
--- no_error_log
[error]



=== TEST 5: a tiny buffer and chunks
--- config
    location / { mlops_serve; client_body_buffer_size 16; }
--- raw_request eval
[ unpack('(a37)*', main::chunked_request($::s1, 7)) ]
--- raw_request_middle_delay: 0.002
--- response_body eval
main::good_answer()
--- error_log
consider a larger "client_body_buffer_size"



=== TEST 6: always in a file
--- config
    location / { mlops_serve; client_body_in_file_only clean; }
--- pipelined_requests eval
[ main::good(), main::v2('identd', $::many), main::v2('lin4', ''), main::good() ]
--- error_code eval
[200, 200, 400, 200]
--- response_body eval
[ main::good_answer(), $::many_answer, qr/empty/, main::good_answer() ]



=== TEST 7: in one buffer of its own
--- config
    location / { mlops_serve; client_body_in_single_buffer on; client_body_buffer_size 1m; }
--- pipelined_requests eval
[ main::good(), main::v2('identd', $::many) ]
--- response_body eval
[ main::good_answer(), $::many_answer ]



=== TEST 8: a good one behind a spilled bad one
--- config
    location / { mlops_serve; client_body_buffer_size 16; }
--- pipelined_requests eval
[ main::v2('identd', substr($::many, 0, -1)), main::good(),
  main::v2('nobody', $::many), main::good(), main::post('/v2', $::many), main::good() ]
--- error_code eval
[400, 200, 404, 200, 405, 200]



=== TEST 9: chunked over the limit
--- config
    location / { mlops_serve; client_max_body_size 100; }
--- raw_request eval
main::chunked_request($::s1, 50)
--- error_code: 413
--- response_body chop
{"error":"the request body exceeds the limit of 100 bytes"}



=== TEST 10: chunks that are none
--- raw_request eval
"POST /v2/models/lin4/infer HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"
--- error_code: 400
--- response_body_like: ^\{"error":".+"\}$



=== TEST 11: HTTP/1.0, and no length at all
--- raw_request eval
[ "POST /v2/models/lin4/infer HTTP/1.0\r\nContent-Length: " . length($::s1) . "\r\n\r\n$::s1" ]
--- response_body eval
main::good_answer()



=== TEST 12: no body and no length
--- raw_request eval
"POST /v2/models/lin4/infer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
--- error_code: 400
--- response_body_like: ^\{"error":"lin4: .*empty.*"\}$



=== TEST 13: a body that stays away
--- config
    location / { mlops_serve; client_body_timeout 100ms; }
--- raw_request eval
"POST /v2/models/lin4/infer HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"
--- ignore_response
--- wait: 0.3
--- no_error_log
[alert]
