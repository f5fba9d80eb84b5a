# A worker that is killed at any instruction loses nothing and counts nothing
# twice: what the table says afterwards is, byte by byte, what a worker says
# that read the same log and was never killed, and what a plain recomputation
# says.  nginx answers all the time.
#
# A build of mlops-features with named fault points is killed at each point
# that the sources have, at several passages; then come kills at random
# moments.  State, log and table go on from kill to kill.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use Mlops qw($build $root await now slurp spew);
use Rides;
use Site;
use Stream;
use Test::More;
use Time::HiRes qw(sleep);

for ($Stream::worker, $Stream::fault, $Stream::broker, $Stream::feed) {
    plan skip_all => "no $_" unless -x;
}

delete @ENV{qw(MLOPS_FAULT MLOPS_FAULT_LOG)};

my $quick = $ENV{MLOPS_QUICK};
my $partitions = 4;
my $site = Site->new('features-kill');
my $dir = $site->{prefix};
my $stream = Stream->new($site, rides => $partitions, 'rides.dead' => 1,
                         'rides.clean' => 1, 'features.rides' => $partitions);
my $rides = Rides->new(seed => 11, partitions => $partitions, entities => 60);

$site->conf(http => "mlops_state $stream->{state};\n" . $stream->kafka
                    . Rides::view(shards => 2, more => 'publish; log; '
                                              . 'dead_letters rides.dead;'),
            server => <<'_END_');
        location = /features  { mlops_features rides; }
        location = /status    { mlops_status; }
        location = /metrics   { mlops_metrics; }
_END_

$site->start;

# Light load all the time: readers hold the tables.

my $load = $site->load('/features', [ map { "{\"keys\":[$_]}" } 1000 .. 1059 ],
                       '-c', 2, '-R', 200);

my @fast = ('--checkpoint', '60ms');
my $kills = 0;


# ------------------------------------------------------------- named points

my %known = map { ($_ => 1) }
            map { slurp($_) =~ /\bmlops_fault\("([^"]+)"\)/g }
                glob "$root/workers/features/*.c $root/workers/kafka/*.c"
                     . " $root/core/feature/*.c";

# Points that are not on the way of one worker alone are hit by the test that
# names them.

my $others = join '', map { slurp($_) } grep { ! /features-kill/ }
                          glob "$FindBin::Bin/features-*.t";
my (%hits, @failed);


# Runs the faulty worker over more of the log until it is killed at the point,
# or has read all and written checkpoints: then the point was not passed so
# often.

sub killed_at {
    my ($point, $n) = @_;

    $stream->send('rides', $rides->next(12));

    my $pid = $stream->worker(program => $Stream::fault, args => \@fast,
                              env => { MLOPS_FAULT => "$point#$n" });
    my $until = now() + 3;
    my $more = now() + 0.3;
    my $status;

    while (! defined($status = Stream::reap($pid, 0.02)) && now() < $until) {
        next if now() < $more;

        $stream->send('rides', $rides->next(12));
        $more = now() + 0.3;
    }

    if (! defined $status) {
        Stream::stop($pid, 'TERM');
        return 0;
    }

    if ($status != POSIX::SIGKILL()) {
        push @failed, "$point#$n: ended with status $status";
        return 0;
    }

    $kills++;
    $hits{$point}++;

    return 1;
}

my @passages = $quick ? (1, 3) : (1, 2, 3, 5, 8, 13);

for my $n (@passages) {
    for my $point (sort keys %known) {
        next if $n > 1 && ! $hits{$point};      # it is not on this way
        killed_at($point, $n);
    }
}

is_deeply(\@failed, [], 'nothing but kills ended a worker');

my @missed = grep { ! $hits{$_} && $others !~ /'\Q$_\E'/ } sort keys %known;

note("$kills kills at ", scalar keys %hits, ' points: ',
     join ', ', map { "$_ $hits{$_}" } sort keys %hits);
is_deeply(\@missed, [], 'each fault point of the sources was hit');

same_as_clean("after $kills kills at named points");


# ---------------------------------------------------------- random moments

my $rounds = $quick ? 20 : 120;
my $before = $kills;

for my $i (1 .. $rounds) {
    $stream->send('rides', $rides->next(25));

    my $pid = $stream->worker(args => \@fast);

    # a moment of the start, the replay, the reading or a checkpoint

    sleep(rand(0.12));
    kill 'KILL', $pid;
    my $status = Stream::reap($pid, 5);
    $kills++ if ($status // 0) == POSIX::SIGKILL();
}

cmp_ok($kills - $before, '>', $rounds * 0.9, 'kills at random moments');
same_as_clean('after ' . ($kills - $before) . ' kills at random moments');


# ------------------------------------------------------------ dead letters

# Each record that is late, from the future or malformed is in the topic of
# dead letters, by its place in the log; some are there twice.

my %letters = map { ($_ => 1) } $stream->letters('rides.dead');
my %oracle = $stream->verdicts('rides', "$dir/nginx.conf", 'rides');
my $dead = ($oracle{late} // 0) + ($oracle{future} // 0)
           + ($oracle{malformed} // 0);

is(scalar keys %letters, $dead, "all $dead dead letters arrived");
cmp_ok($oracle{$_} // 0, '>', 0, "some were $_")
    for qw(late future malformed duplicate tombstone);


# -------------------------------------------------------------- and nginx

my ($report, @answers) = $site->load_end($load);

cmp_ok($report->{requests}, '>', 1000, "$report->{requests} requests");
is((grep { $_->{status} != 200 } @answers), 0, 'all answered with 200');
is($site->logged('\[(?:alert|emerg|crit|error)\]'), 0, 'nothing to log')
    or diag($site->log);


# ----------------------------------------------------- the test of the test

ok(! $stream->oracle('rides', 'rides', "$dir/dump", '--plant', 'off-by-one'),
   'a planted mistake is found');

done_testing();


# A worker that reads on in peace, a worker that reads all of the log anew on
# a store of its own, and the recomputation agree.

sub same_as_clean {
    my ($what) = @_;

    my $worker = $stream->worker(args => [ '--once' ]);
    my $status = Stream::reap($worker, 60);

    is($status, 0, "$what: the worker reads to the end")
        or diag($stream->worker_log);

    my $dump = $stream->dump('rides');
    my $clean = $stream->clean_dump('rides', 'rides', plan => sub {
        return $_[0] =~ s/"rides\.dead"/"rides.clean"/r;
    });

    spew("$dir/dump", $dump);
    cmp_ok((() = $dump =~ /\n/g), '>', 30, "$what: there are rows");
    ok($dump eq $clean, "$what: the table is that of a clean run")
        or Stream::differ($dump, $clean);
    ok($stream->oracle('rides', 'rides', "$dir/dump"),
       "$what: and that of the recomputation");
}
