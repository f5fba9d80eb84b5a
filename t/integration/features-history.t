# Features of the past: what mlopsctl history says of a log is what a plain
# recomputation says, at the events themselves, around every boundary, and
# long after; and that recomputation is seen to find a planted mistake.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use Mlops qw($root $ctl spew slurp);
use Rides;
use Site;
use Stream;
use Test::More;

my $site = Site->new('features-history', workers => 1);
my $dir = $site->{prefix};

# A file has no timestamps, so nothing in it is from the future.

my $rides = Rides->new(seed => 5, partitions => 1, entities => 12,
                       step_ms => 3000, future => 0);
my @records = $rides->next($ENV{MLOPS_QUICK} ? 1500 : 4000);

spew("$dir/events.jsonl", join '', map { "$_->[3]\n" }
                                   grep { $_->[3] ne '\N' } @records);
spew("$dir/log", join '', map {
    my ($partition, undef, @rest) = @{ $records[$_] };
    Stream::json_record([ $partition, -1, @rest ], $_)
} 0 .. $#records);

$site->conf(http => "mlops_state $dir/state;\n"
                    . "mlops_kafka main { bootstrap.servers 127.0.0.1:1; }\n"
                    . Rides::view() . <<'_END_');
    mlops_view notes {
        source      kafka=main topic=notes;
        entity      id int64;
        event_time  t unit=s;
        feature     note  last(note)  type=string bytes=16;
        feature     word  last(word)  type=string bytes=16;
    }
_END_
$site->start;

# A text of no bytes is not a missing one, as in CSV that is read.

spew("$dir/notes.jsonl", qq({"id":1,"t":1,"note":"","word":"a,\\"b\\""}\n));
spew("$dir/asked.csv", "id,t\n1,5\n2,5\n");

is(Mlops::run($ctl, 'history', 'notes', '--as-of', "$dir/asked.csv", '-s',
              $site->{store}, "$dir/notes.jsonl"),
   qq(id,t,note,word\n1,5,"","a,""b"""\n2,5,,\n), 'texts in history');

# Questions at some events, a millisecond and more behind them, and at round
# times, where windows close.

my @questions = ('driver_id,ts');

for my $i (0 .. $#records) {
    next if $i % 160 != 5;
    my ($driver, $ts) = $records[$i][3] =~ /"driver_id":(\d+),"ts":(\d+)/
        or next;

    push @questions, map { "$driver,$_" }
        (map { $ts + $_ } 0, 1, 59_999, 60_000, 300_000, 3_600_000, 9_000_000),
        (map { (int($ts / $_) + 1) * $_ - 1, (int($ts / $_) + 1) * $_ }
             60_000, 300_000, 3_600_000);
}

spew("$dir/rows.csv", join '', map { "$_\n" } @questions);

my $history = Mlops::run($ctl, 'history', 'rides', '--as-of', "$dir/rows.csv",
                         '-s', $site->{store}, "$dir/events.jsonl");
spew("$dir/history.csv", $history);

is((() = $history =~ /\n/g), scalar @questions, 'a row for each question');


sub recomputed {
    my (@options) = @_;

    open my $pipe, '-|', 'python3', "$root/t/features/history.py", '--conf',
        "$dir/nginx.conf", '--view', 'rides', @options, "$dir/history.csv",
        "$dir/log" or die;
    my $text = do { local $/; <$pipe> };
    close $pipe;

    return ($? >> 8, $text);
}

my ($code, $said) = recomputed();

is($code, 0, 'all values are those of the recomputation') or diag($said);
note((split /\n/, $said)[0]);
cmp_ok(($said =~ /values=(\d+)/)[0], '>', 1500, 'and there were many');

for my $verdict (qw(late duplicate malformed)) {
    like($said, qr/\b$verdict=[1-9]/, "some were $verdict");
}

($code, $said) = recomputed('--plant', 'off-by-one');
ok($code == 1 && $said =~ /wrong=[1-9]/, 'a planted mistake is found')
    or diag($said);

done_testing();
