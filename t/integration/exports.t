# The shared object shows nginx's loader three symbols and nothing else, and
# is linked to what it needs and nothing else.  nginx loads modules with
# RTLD_GLOBAL: any further name could catch one of another module.

use strict;
use warnings;

use Test::More tests => 3;

my ($module) = split ' ', $ENV{TEST_NGINX_LOAD_MODULES}
    // 'build/ngx_http_mlops_module.so';

my @defined = sort map { /(\S+)$/ } `nm -D --defined-only $module`;

is_deeply(\@defined, [ qw(ngx_module_names ngx_module_order ngx_modules) ],
          'three symbols');

my @ours = grep { /\bmlops_|\bngx_http_mlops_/ } `nm -D -u $module`;

is_deeply(\@ours, [], 'nothing of ours is left open');

my @needed = sort map { /NEEDED.*\[([^\]]+)\]/ ? $1 : () }
                  `readelf -d $module`;
my @others = grep { ! /^(?:libc|libm|libyajl|libasan|libubsan)\.so/ } @needed;

is_deeply(\@others, [], 'libraries') or diag("@needed");
