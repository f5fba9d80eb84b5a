# What nginx -t says of views that are right: their sizes, once each, and only
# then; what plan.json has of them, and that no secret is in it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use Mlops qw(slurp);
use Site;
use Test::More;

my $site = Site->new('view-sizes');

$site->conf(http => <<'_END_', server => '');
    mlops_state state;

    mlops_kafka main {
        bootstrap.servers 127.0.0.1:1;
        sasl.password     env:MLOPS_TEST_SECRET;
    }

    mlops_view small {
        source kafka=main topic=t;
        entity id int64;
        event_time ts;
        feature n last(a);
        max_entities 1000;
    }

    mlops_view large {
        source kafka=main topic=t;
        entity id int64;
        event_time ts;
        feature n last(a);
        feature k last_k(name, 4) type=string bytes=64;
        feature q quantile(a, 0.5) window=1h;
        max_entities 2000;
    }
_END_

$ENV{MLOPS_TEST_SECRET} = 'geheim';

my ($status, $said) = $site->nginx('-t');

is($status, 0, 'nginx -t') or diag($said);

my %sizes;

while ($said =~ /^nginx: view "(\w+)": (\d+) bytes an entity \((\d+) state, (\d+) table\), at most (\d+) entities, (\d+) bytes in all\n/gm)
{
    ok(! $sizes{$1}, "$1: once");
    $sizes{$1} = { each => $2, state => $3, table => $4, entities => $5,
                   all => $6 };
}

is_deeply([ sort keys %sizes ], [ 'large', 'small' ], 'sizes of both views')
    or diag($said);

for my $name (sort keys %sizes) {
    my $s = $sizes{$name};

    is($s->{each}, $s->{state} + $s->{table}, "$name: the sum");
    is($s->{all}, $s->{each} * $s->{entities}, "$name: the product");
    ok($s->{table} >= 2 * 8 * ($name eq 'small' ? 1 : 6),
       "$name: two slots with all columns");
}

is($sizes{small}{entities}, 1000, 'small: max_entities');
is($sizes{large}{entities}, 2000, 'large: max_entities');

# A quantile has 512 counters a hop, of 12 hops and one that has begun; four
# strings of 64 bytes are in two slots.

cmp_ok($sizes{large}{state} - $sizes{small}{state}, '>=', 13 * 512 * 4,
       'large: the state of a quantile');
cmp_ok($sizes{large}{table} - $sizes{small}{table}, '>=', 2 * 4 * 64,
       'large: strings in the table');

unlike(($site->nginx('-t', '-q'))[1], qr/bytes an entity/, 'not with -q');

$site->start;

unlike($site->log . slurp("$site->{prefix}/logs/said"), qr/bytes an entity/,
       'not where it starts');

my $plan = slurp("$site->{store}/plan.json");

like($plan, qr/"mlops_view","small",\[\["[^"]*",\d+,"source","kafka=main","topic=t"\]/,
     'the view is in plan.json');
like($plan, qr/"sasl\.password","env:MLOPS_TEST_SECRET"/,
     'the name of a secret is');
unlike($plan, qr/geheim/, 'the secret is not');

$site->stop;

done_testing();
