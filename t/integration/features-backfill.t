# A backfill up to a cut and a worker from the cut on make the table of a
# worker that saw everything: from the topic itself, from a file of old
# events, and after a kill.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use File::Path qw(remove_tree);
use Mlops qw($build $ctl slurp spew);
use POSIX ();
use Rides;
use Site;
use Stream;
use Test::More;

my $fault = "$build/t/fault/mlopsctl";

for ($Stream::worker, $fault, $Stream::broker, $Stream::feed) {
    plan skip_all => "no $_" unless -x;
}

my $partitions = 2;
my $site = Site->new('features-backfill', workers => 1);
my $dir = $site->{prefix};
my $stream = Stream->new($site, rides => $partitions);

$site->conf(http => "mlops_state $stream->{state};\n" . $stream->kafka
                    . Rides::view(more => 'dead_letters off;'),
            server => "location = /features { mlops_features rides; }\n");
$site->start;

# Nothing is late, so that a file sorted by time has the same events.

my $rides = Rides->new(seed => 41, partitions => $partitions, entities => 14,
                       step_ms => 4000, odd => 0);
my @records = $rides->next(2000);

$stream->send('rides', @records);

my @times = sort { $a <=> $b } map { ts($_) } @records;
my $cut_ms = $times[@times / 2];
my $clean = $stream->clean_dump('rides', 'rides');


sub ts {
    my ($record) = @_;
    return ($record->[3] =~ /"ts":(\d+)/)[0];
}


sub forget {
    remove_tree("$stream->{state}/rides");
    unlink glob "$site->{store}/features/rides.*";
}


sub backfill {
    my ($program, $from, %env) = @_;
    my $pid = Stream::spawn("$dir/logs/backfill", \%env, $program, 'backfill',
                            'rides', '--cut', $cut_ms * 1000, '-s',
                            $site->{store}, $from);

    return Stream::reap($pid, 120);
}


# The values alone, without the place of the last event.

sub values_of {
    return join "\n", map { join "\t", (split /\t/)[0 .. 30] } split /\n/,
                                                                    $_[0];
}


sub live {
    my ($what) = @_;

    is(Stream::reap($stream->worker(args => [ '--once' ]), 120), 0,
       "$what, and a worker from the cut on") or diag($stream->worker_log);

    return $stream->dump('rides');
}


# ----------------------------------------------------------- from the topic

is(backfill($ctl, 'rides'), 0, 'a backfill from the topic')
    or diag(slurp("$dir/logs/backfill"));

my $half = $stream->dump('rides');

isnt($half, $clean, 'has not all');

my $dump = live('from the topic');

ok($dump eq $clean, 'make the table of a worker that saw everything')
    or Stream::differ($dump, $clean);

my ($status, undef, $text) = $site->get('/features', '{"driver_id":1000}');

is($status, 200, 'nginx answers');
unlike($text, qr/WARMING/, 'and nothing is WARMING');


# ------------------------------------------------------------ and a kill

forget();
is(backfill($fault, 'rides', MLOPS_FAULT => 'features_backfill_checkpoint'),
   POSIX::SIGKILL(), 'killed at features_backfill_checkpoint');
is(backfill($ctl, 'rides'), 0, 'once more');
$dump = live('after a kill');
ok($dump eq $clean, 'make the same table') or Stream::differ($dump, $clean);


# ------------------------------------------------------------ from a file

my @old = sort { ts($a) <=> ts($b) } grep { ts($_) < $cut_ms } @records;

spew("$dir/old.jsonl", join '', map { "$_->[3]\n" } @old);

forget();
is(backfill($ctl, "$dir/old.jsonl"), 0, 'a backfill from a file')
    or diag(slurp("$dir/logs/backfill"));
$dump = live('from a file');
ok(values_of($dump) eq values_of($clean), 'make the same values')
    or Stream::differ($dump, $clean);

done_testing();
