# CSV in, CSV out.

use Test::Nginx::Socket 'no_plan';

use lib 't/lib';
use Registry;
use Serve;

registry(map { $_ => $_ } qw(lin4 mixed two ident class3));

repeat_each(2);
no_root_location();

add_block_preprocessor(\&serve_block);
add_response_body_check(\&json_body);

run_tests();

__DATA__

=== TEST 1: names in any order, CR LF or LF, spaces, an empty cell
--- config
    location = /t { mlops_predict lin4; }
    location = /mixed { mlops_predict mixed; }
--- more_headers
Content-Type: text/csv
--- pipelined_requests eval
[ main::post('/t', "a,b,c,d\n6.8,2.8,4.8,1.4\n6.0,3.4,4.5,1.6\n"),
  main::post('/t', "d,c,b,a\r\n1.4,4.8,2.8,6.8"),
  main::post('/mixed', "x,n,color\n1,2,red\n,3,\"green\"\n") ]
--- response_headers eval
[ ("Content-Type: text/csv") x 3 ]
--- response_body eval
[ "prediction\n32.9\n33.2\n", "prediction\n32.9\n", "y\n103.0\n208.0\n" ]



=== TEST 2: several outputs, one of several values
--- config
    location = /two { mlops_predict two; }
    location = /ident { mlops_predict ident; }
    location = /class3 { mlops_predict class3; }
--- more_headers
Content-Type: text/csv; charset=utf-8
--- pipelined_requests eval
[ main::post('/two', "x\n3\n0.5\n"), main::post('/ident', "x0,x1\n1,2\n,4\n"),
  main::post('/class3', "y,x\n2,-1\n") ]
--- response_body eval
[ "a,b\n4.0,6.0\n1.5,1.0\n", "y_0,y_1\n1.0,2.0\n,4.0\n",
  "scores_0,scores_1,scores_2,class,index\n-1.0,2.0,0.0,mid,1\n" ]



=== TEST 3: errors are JSON
--- config
    location = /t { mlops_predict lin4; }
--- more_headers
Content-Type: text/csv
--- pipelined_requests eval
[ map { main::post('/t', $_) }
  "", "a,b,c,d\n", "a,b,c\n1,2,3\n", "a,b,c,d\n1,2,3\n", "a,b,c,d\n1,2,x,4\n",
  "a,a,c,d\n1,2,3,4\n", "a,b,c,d\n1,2,3,4,5\n", "a,b,c,d\n1,2,\"3,4\n" ]
--- error_code eval
[ (400) x 8 ]
--- response_headers eval
[ ("Content-Type: application/json") x 8 ]
--- response_body_like eval
[ (qr/^\{"error":"lin4.+"\}$/) x 8 ]



=== TEST 4: the type of content decides, not the looks
--- config
    location = /t { mlops_predict lin4; }
--- pipelined_requests eval
[ (main::post('/t', "a,b,c,d\n1,2,3,4\n")) x 3 ]
--- more_headers eval
[ "Content-Type: application/csv", "Content-Type: text/csvx", "X-A: 1" ]
--- error_code eval
[200, 400, 400]
