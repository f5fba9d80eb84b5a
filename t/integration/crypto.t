# The crypto scenario, as it ships: ticks as CloudEvents of both modes become
# bars and indicators, through a broker, the worker and the shared table, and a
# request with the BTC half of a row gets what XGBoost said of the whole row.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use JSON::PP ();
use Mlops qw($build $root await slurp);
use Site;
use Stream;
use Test::More;
use Ticks qw(btc_bars eth_bars bar_ticks cloud_event);

for ($Stream::worker, $Stream::broker, $Stream::feed) {
    plan skip_all => "no $_" unless -x;
}

my $scenario = "$root/conf/scenarios/crypto";
my $topic = 'knative-broker-default-crypto';
my %partition = ('BTC/USD' => 0, 'ETH/USD' => 1);
my $t0 = 1_650_000_000;                 # a multiple of 300

my $site = Site->new('crypto');
my $stream = Stream->new($site, $topic => 2, "$topic.dlq" => 1);


# --------------------------------------------------------- the configuration

# What stands in the scenario's http block, with a broker, a clock and rooms of
# this test's own.

sub scenario_conf {
    my $text = slurp("$scenario/nginx.conf");

    my ($views) = $text =~ /^(    mlops_kafka main \{.*?^    )server \{/ms
        or die "nginx.conf: expected mlops_kafka and, behind it, server\n";

    $views =~ s/bootstrap\.servers\s+\S+;/bootstrap.servers $stream->{address};/
        or die "nginx.conf: no bootstrap.servers\n";
    ($views =~ s/clock\s+wall;/clock event;/g) == 2
        or die "nginx.conf: expected two wall clocks\n";

    return "mlops_state $stream->{state};\n$views";
}

$site->ctl('import', "$scenario/bitcoin-forecast.json", '-o',
           "$site->{prefix}/model.mlm", '--name', 'bitcoin-forecast',
           '--rows', "$scenario/bitcoin-forecast.rows.csv");
$site->publish('bitcoin-forecast', "$site->{prefix}/model.mlm");

$site->conf(http => scenario_conf(), server => <<'_END_');
        location /             { mlops_serve; }
        location = /features  { mlops_features crypto_stats
                                               technical_indicators; }
_END_

$site->start;

my $worker = $stream->worker;


# ------------------------------------------------------------------ helpers

my $sequence = 0;

# Ticks of a symbol, [ second after t0, price, … ], sent by turns as binary and
# as structured events.

sub ticks {
    my ($symbol, @ticks) = @_;

    $stream->send($topic, map {
        my ($at, $price, %more) = @$_;
        my $line = cloud_event({ symbol => $symbol, price => $price,
                                 timestamp => $t0 + $at, %more },
                               'e' . ++$sequence, $sequence % 2,
                               $partition{$symbol});
        my @record = split /\t/, $line, -1;

        $record[1] = $more{record_ms} if defined $more{record_ms};
        \@record
    } @ticks);

    $stream->await_applied($topic, $_) for qw(crypto_stats
                                              technical_indicators);
}


# The four prices of the newest bar as text.

sub bar {
    my ($symbol) = @_;
    my $row = $stream->row('crypto_stats', $symbol) or return '';

    return join ' ', map { defined $row->{$_} ? $row->{$_} + 0 : 'null' }
                         qw(open high low close);
}


sub predict {
    my ($cells) = @_;
    my @names = qw(open high low close);
    my $inputs = join ',', map {
        qq({"name":"$names[$_]_btc","shape":[1],"datatype":"FP64",)
        . qq("data":$cells->[$_]})
    } 0 .. 3;

    my ($status, $headers, $text) =
        $site->get('/v2/models/bitcoin-forecast/infer',
                   "{\"inputs\":[$inputs]}");

    return ($status, $headers->{'mlops-warning'} // '',
            $status == 200 ? JSON::PP::decode_json($text)->{outputs}[0]{data}[0]
                           : $text);
}


sub float32 {
    return unpack 'f', pack 'f', $_[0];
}


# ------------------------------------------------- before there is any event

my @half = (19058.1, 19076.3, 19040.2, 19061.0);
my ($status, $warning) = predict(\@half);

is($status, 200, 'a prediction without any event is answered');
like($warning, qr/^missing; columns=open_eth,/, 'and flagged');


# ----------------------------------------------------- bars computed by hand

# The BTC symbol goes first: what belongs to one must not be taken for the
# other.

ticks('BTC/USD', [ 5, 40000 ], [ 100, 41000 ], [ 200, 39000 ], [ 299, 40500 ],
                 [ 301, 40600 ]);
is(bar('BTC/USD'), '40000 41000 39000 40500', 'a bar of BTC/USD');

ticks('ETH/USD', [ 10, 3000 ], [ 70, 3050 ], [ 190, 3010 ]);
is(bar('ETH/USD'), 'null null null null', 'no bar before its window closes');

ticks('ETH/USD', [ 130, 2950 ]);            # out of order, a minute late
ticks('ETH/USD', [ 190, 3010 ]);            # twice
ticks('ETH/USD', [ 20, 1 ]);                # too late: 170 seconds
ticks('ETH/USD', [ 200, 2, type => 'cluster.local.other' ]);
ticks('ETH/USD', [ 260, 3020 ]);
ticks('ETH/USD', [ 9000, 3, record_ms => ($t0 + 260) * 1000 ]);     # future
ticks('ETH/USD', [ 310, 3030 ]);
is(bar('ETH/USD'), '3000 3050 2950 3020', 'out of order, twice, late, other, '
                                          . 'future');

ticks('ETH/USD', [ 295, 3060 ]);            # late, but in time for its bar
is(bar('ETH/USD'), '3000 3060 2950 3060', 'a late tick changes a closed bar');

ticks('ETH/USD', [ 1000, 3100 ]);
is(bar('ETH/USD'), '3030 3030 3030 3030', 'windows without ticks make no bar');


# ------------------------------------------------------ a kill in mid-window

ticks('ETH/USD', [ 1010, 3110 ], [ 1020, 3090 ]);

Stream::stop($worker, 'KILL');
is(bar('ETH/USD'), '3030 3030 3030 3030', 'a killed worker leaves the table');
($status) = predict(\@half);
is($status, 200, 'and predictions go on');

$stream->send($topic, [ split /\t/, cloud_event({ symbol => 'ETH/USD',
    price => 3105, timestamp => $t0 + 1100 }, 'k1', 0, 1) ]);

$worker = $stream->worker;
ticks('ETH/USD', [ 1201, 3200 ]);
is(bar('ETH/USD'), '3100 3110 3090 3105', 'no tick of the window is lost, '
                                          . 'none counts twice');

my %letters;

await(60, sub {
    %letters = map { ($_ => 1) } $stream->letters("$topic.dlq");
    return keys %letters == 2;
}, 0.2);
is(keys %letters, 2, 'what was late or future is a dead letter');


# ---------------------------------------------------------------- indicators

# A day of BTC bars, real where the series is present, against formulas
# written down once more, plainly.

my $data = $ENV{MLOPS_DATA} || "$root/../shared/data";
my ($real, @bars) = btc_bars("$data/btcusd_5min.csv", 100);
my $start = $bars[0][0];

note($real ? 'bars of the public series' : 'no public series: generated bars');

$_->[0] += 1500 - $start for @bars;

ticks('BTC/USD', map { my $bar = $_;
                       map { [ $_->{timestamp}, $_->{price} ] }
                           bar_ticks('BTC/USD', $bar) } @bars);
ticks('BTC/USD', [ 1500 + 100 * 300 + 1, 1000 ]);

my @closes = (40500, 40600, map { $_->[4] } @bars);
my @highs = (41000, 40600, map { $_->[2] } @bars);
my @lows = (39000, 40600, map { $_->[3] } @bars);


sub ema {
    my ($alpha, @x) = @_;
    my $e = $x[0];

    $e = $alpha * $_ + (1 - $alpha) * $e for @x[1 .. $#x];
    return $e;
}


sub sma {
    my ($n, @x) = @_;
    my $sum = 0;

    $sum += $_ for @x[-$n .. -1];
    return $sum / $n;
}


sub rsi {
    my ($n, @x) = @_;
    my @d = map { $x[$_] - $x[$_ - 1] } 1 .. $#x;
    my ($gain, $loss) = (0, 0);

    for (@d[0 .. $n - 1]) {
        $gain += $_ / $n if $_ > 0;
        $loss -= $_ / $n if $_ < 0;
    }

    for (@d[$n .. $#d]) {
        $gain = ($gain * ($n - 1) + ($_ > 0 ? $_ : 0)) / $n;
        $loss = ($loss * ($n - 1) + ($_ < 0 ? -$_ : 0)) / $n;
    }

    return 100 * $gain / ($gain + $loss);
}


sub stochastic {
    my ($n) = @_;
    my ($high) = sort { $b <=> $a } @highs[-$n .. -1];
    my ($low) = sort { $a <=> $b } @lows[-$n .. -1];

    return 100 * ($closes[-1] - $low) / ($high - $low);
}

my %expected = (
    ema_9 => ema(1 / 10, @closes),
    sma_5 => sma(5, @closes),
    sma_20 => sma(20, @closes),
    macd => ema(2 / 13, @closes) - ema(2 / 27, @closes),
    rsi => rsi(14, @closes),
    stochastic => stochastic(14),
);

my $row = $stream->row('technical_indicators', 'BTC/USD');

for my $name (sort keys %expected) {
    my $got = $row->{$name} // 'nan';
    my $scale = $name eq 'macd' ? $closes[-1] : abs $expected{$name};

    cmp_ok(abs($got - $expected{$name}), '<=', 1e-12 * $scale,
           "$name is $expected{$name}");
}


# ---------------------------------------------------------------- prediction

# Each golden row: its ETH half arrives as ticks of one window, its BTC half in
# the request, and the answer is the library's, bit by bit.

my (undef, @golden) = split /\n/, slurp("$scenario/bitcoin-forecast.rows.csv");
my ($right, $clean, $at) = (0, 0, 60_000);

for my $line (@golden) {
    my @cells = split /,/, $line;
    my ($open, $high, $low, $close) = @cells[4 .. 7];

    ticks('ETH/USD', [ $at + 1, $open ], [ $at + 60, $high ],
                     [ $at + 120, $low ], [ $at + 180, $close ],
                     [ $at + 301, 1 ]);

    my ($status, $warning, $value) = predict([ @cells[0 .. 3] ]);

    $right++ if $status == 200
                && float32($value) == float32($cells[8]);
    $clean++ if $warning eq '';

    $at += 600;
}

is($right, scalar @golden, 'predictions by the BTC half are those that '
                           . "XGBoost made of the whole row");
is($clean, scalar @golden, 'and nothing was a default, nothing stale');


# The other symbol's bar gives another answer: the join takes the right one.

my @cells = split /,/, $golden[-1];
my @btc = split / /, bar('BTC/USD');
my @offline = split /\n/, Mlops::run('/bin/sh', '-c',
    "printf '%s\\n' open_btc,high_btc,low_btc,close_btc,open_eth,high_eth,"
    . "low_eth,close_eth " . join(',', @cells[0 .. 3], @btc)
    . " | '$Mlops::ctl' predict '$site->{prefix}/model.mlm'");

isnt((split /,/, $offline[1])[0] + 0, $cells[8] + 0,
     'with BTC/USD joined the answer would be another one');

is($site->logged('\[(?:alert|emerg|crit|error)\]'), 0, 'nothing to log')
    or diag($site->log);
is(Stream::stop($worker), 0, 'the worker ends in peace');

done_testing();
