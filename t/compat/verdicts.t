# The runner must be able to fail: each block below breaks one promise, and
# the run over them has to report exactly those tests.

use strict;
use warnings;

use File::Temp ();
use Test::More;

my @broken = (
    [ 'code',           '--- error_code: 404' ],
    [ 'body',           "--- response_body\nnot this" ],
    [ 'body matches',   '--- response_body_like: ^x' ],
    [ 'body does not',  '--- response_body_unlike: t' ],
    [ 'header X-A',     "--- response_headers\nX-A: 2" ],
    [ 'no header X-A',  "--- response_headers\n! X-A" ],
    [ 'header X-A',     "--- response_headers_like\nX-A: [a-z]+" ],
    [ 'head matches',   '--- raw_response_headers_like: nope' ],
    [ 'is in the',      '--- error_log: nothing of the kind' ],
    [ 'is not in',      '--- no_error_log: [debug]' ],
    [ 'grep_error_log', "--- grep_error_log: worker\n"
                        . "--- grep_error_log_out\nno" ],
    [ 'access log',     '--- access_log: nothing of the kind' ],
    [ 'did not refuse', '--- must_die' ],
    [ 'did not start',  "--- main_config\nno_such_directive;" ],
    [ 'no answer',      "--- raw_request eval\n"
                        . "\"GET / HTTP/1.1\\r\\nHost: a\\r\\n\"\n"
                        . "--- timeout: 0.2\n--- ignore_response" ],
);

plan tests => @broken + 1;

my $dir = File::Temp::tempdir(CLEANUP => 1);
my $spec = "use Test::Nginx::Socket 'no_plan';\n"
         . "no_shuffle();\nrun_tests();\n__DATA__\n";

for my $i (0 .. $#broken) {
    $spec .= "\n=== TEST $i: block $i\n--- config\n"
           . "location = /t { add_header X-A 1; return 200 t; }\n"
           . ($broken[$i][1] =~ /raw_request/ ? '' : "--- request\nGET /t\n")
           . "$broken[$i][1]\n\n\n";
}

open my $out, '>', "$dir/broken.t" or die;
print $out $spec;
close $out;

# what never comes is not waited for long

$ENV{TEST_NGINX_TIMEOUT} = 1;

my $lib = -d 't/compat/lib' ? '-It/compat/lib' : '-Ilib';
my @lines = split /\n/, `$^X $lib $dir/broken.t 2>&1`;
my @failed = grep { /^not ok/ } @lines;

is(scalar @failed, scalar @broken, 'one failure for each broken promise')
    or diag(join "\n", @lines);

for my $i (0 .. $#broken) {
    my @of_block = grep { /TEST $i: / } @failed;

    ok(@of_block == 1 && index($of_block[0], $broken[$i][0]) >= 0,
       "block $i: $broken[$i][0]") or diag(@of_block);
}
