# Ticks of two symbols for the crypto scenario: those of BTC/USD from a public
# series of five-minute bars where it is present, else from a generator; those
# of ETH/USD always generated, a ratio to BTC that wanders.  The same input
# gives the same ticks.

package Ticks;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(btc_bars eth_bars bar_ticks cloud_event);

my $bar_s = 300;


# Uniform in [0, 1): the high bits of a linear congruential generator, so that
# no library decides what is drawn.

sub generator {
    my ($seed) = @_;
    my $state = $seed;

    return sub {
        $state = ($state * 1664525 + 1013904223) & 0xffffffff;
        return ($state >> 8) / 16777216;
    };
}


# Bars [start, open, high, low, close], n of them one after the other without
# gaps, and before them whether they are real: the end of the series, which
# leaves out bars without trades; here their times are closed up.

sub btc_bars {
    my ($file, $n) = @_;

    if (defined $file && open my $in, '<', $file) {
        my @lines = <$in>;

        if (@lines >= $n) {
            my @rows = map { [ map { 0 + $_ } (split /,/)[0 .. 4] ] }
                           @lines[-$n .. -1];
            my $first = $rows[0][0];

            $rows[$_][0] = $first + $_ * $bar_s for 0 .. $n - 1;
            return (1, @rows);
        }
    }

    my $random = generator(7);
    my $price = 38000;
    my @made;

    for my $i (0 .. $n - 1) {
        my @path = map { $price = cents($price * (1 + 0.002 * ($random->()
                                                               - 0.5))) }
                       1 .. 4;
        my @sorted = sort { $a <=> $b } @path;

        push @made, [ 1628000100 + $i * $bar_s, $path[0], $sorted[3],
                      $sorted[0], $path[3] ];
    }

    return (0, @made);
}


sub eth_bars {
    my @bars = @_;
    my $random = generator(42);
    my ($wander, $before) = (0, 0.07);
    my @made;

    for my $bar (@bars) {
        my ($t, $open, $high, $low, $close) = @$bar;

        $wander = 0.999 * $wander + 0.01 * ($random->() - 0.5);

        my $ratio = 0.07 * (1 + $wander);
        my ($o, $c) = (cents($open * $before), cents($close * $ratio));
        my @sorted = sort { $a <=> $b } $o, $c, cents($high * $ratio),
                                        cents($low * $ratio);

        push @made, [ $t, $o, $sorted[3], $sorted[0], $c ];
        $before = $ratio;
    }

    return @made;
}


sub cents {
    return sprintf('%.2f', $_[0]) + 0;
}


# One tick a minute: open, the two extremes, the middle, close.

sub bar_ticks {
    my ($symbol, $bar) = @_;
    my ($t, $open, $high, $low, $close) = @$bar;
    my @prices = ($open, $close >= $open ? ($low, $high) : ($high, $low),
                  cents(($high + $low) / 2), $close);

    return map { { symbol => $symbol, timestamp => $t + 60 * $_ + 0.25,
                   price => $prices[$_] } } 0 .. 4;
}


# The line of bench/feed for a tick: a CloudEvent, binary or structured.

sub cloud_event {
    my ($tick, $id, $structured, $partition) = @_;
    my $data = sprintf('{"price":%s,"timestamp":%.2f,"symbol":"%s"}',
                       @$tick{qw(price timestamp symbol)});
    my $when_ms = int($tick->{timestamp} * 1000 + 0.5);
    my %attribute = (
        specversion => '1.0',
        type => $tick->{type} // 'cluster.local.crypto_price',
        source => 'https://cluster.local/crypto_price',
        id => $id,
    );
    my @names = sort keys %attribute;
    my @headers;

    if ($structured) {
        $data = '{' . join(',', map { "\"$_\":\"$attribute{$_}\"" } @names)
                . ",\"datacontenttype\":\"application/json\",\"data\":$data}";
        @headers = 'content-type=application/cloudevents+json; charset=utf-8';

    } else {
        @headers = ('content-type=application/json',
                    map { "ce_$_=$attribute{$_}" } @names);
    }

    return join("\t", $partition, $when_ms, $tick->{symbol}, $data, @headers);
}


1;
