# A worker that is killed at any instruction loses nothing and counts nothing
# twice: what the table says afterwards is, byte by byte, what a worker says
# that read the same log and was never killed, and what a plain recomputation
# says.  nginx answers all the time.
#
# A build of mlops-features with named fault points first tells which points
# it passes on each of some ways, and is then killed at each of them, at the
# first passage and at later ones (MLOPS_QUICK: the first alone).  Then come
# kills at random moments.  State, log and table go on from kill to kill.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use File::Path qw(remove_tree);
use Mlops qw($build $root await now slurp slurp_quiet spew);
use POSIX ();
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

# Each way is a view with a topic of the same name.

my $few = "feature n count() window=10m;\nfeature sum sum(fare) window=10m;\n"
          . "feature last last(fare);\n";
my %ways = (

    # windows of all functions, two threads, the offline log

    fast => { partitions => 4, entities => 60, batch => 12,
              view => { shards => 2, more => 'log; dead_letters off;' } },

    # dead letters and finished rows: both are acknowledged by the broker

    letters => { partitions => 2, entities => 20, batch => 12,
                 view => { more => 'publish; dead_letters letters.dead;',
                           features => $few } },

    # more entities than there is room for, and a short memory

    small => { partitions => 1, entities => 60, batch => 30, jump => 40,
               view => { max => 12, ttl => '2m', dedupe => '',
                         features => $few, more => 'dead_letters off;' } },

    # tables that grow; each time from nothing

    wide => { partitions => 2, entities => 2500, batch => 4000, fresh => 1,
              view => { features => $few, more => 'log; dead_letters off;',
                        dedupe => 'dedupe ride within=20s type=int64;' } },
);

my $site = Site->new('features-kill');
my $dir = $site->{prefix};
my $stream = Stream->new($site, (map { $_ => $ways{$_}{partitions} }
                                     keys %ways),
                         'letters.dead' => 1, 'letters.clean' => 1,
                         'features.letters' => 2);

for my $name (keys %ways) {
    my $way = $ways{$name};

    $way->{rides} = Rides->new(seed => length $name,
                               map { $_ => $way->{$_} }
                                   grep { $way->{$_} }
                                        qw(partitions entities jump));
}

$site->conf(http => "mlops_state $stream->{state};\n" . $stream->kafka
                    . join('', map {
                          Rides::view(name => $_,
                                      source => "kafka=main topic=$_",
                                      %{ $ways{$_}{view} })
                      } sort keys %ways),
            server => <<'_END_');
        location = /features  { mlops_features fast letters small wide; }
        location = /status    { mlops_status; }
        location = /metrics   { mlops_metrics; }
_END_

$site->start;

# Light load all the time: readers hold the tables.

my $load = $site->load('/features', [ map { "{\"driver_id\":$_}" } 1000 .. 1059 ],
                       '-c', 2, '-R', 100);


# ------------------------------------------------------------- named points

my @fast = ('--checkpoint', '40ms');
my (%hits, @failed);
my $kills = 0;

for my $name (sort keys %ways) {
    my $way = $ways{$name};
    my $log = "$dir/points";

    more($name, 4);
    unlink $log;
    drive($name, MLOPS_FAULT_LOG => $log);

    my %passed;

    $passed{$_}++ for grep { ! /^(?:file|commit|mkdir|lock)-/ }
                           split /\n/, slurp_quiet($log);

    for my $point (sort keys %passed) {
        my %passages = map { $_ => 1 } $quick ? 1
                                              : (1, 2, int($passed{$point} / 2));

        for my $n (sort { $a <=> $b } keys %passages) {
            next if $n < 1 || $n > $passed{$point};

            my $status = drive($name, MLOPS_FAULT => "$point#$n");

            if (! defined $status) {
                last;                   # not on every run, or not so often

            } elsif ($status != POSIX::SIGKILL()) {
                push @failed, "$name: $point#$n: ended with status $status";

            } else {
                $kills++;
                $hits{$point}++;
            }
        }
    }

    same_as_clean($name, "$kills kills at named points");
}

is("@failed", '', 'nothing but kills ended a worker');

# Points that are not on these ways are hit by the test that names them.

my %known = map { ($_ => 1) }
            map { slurp($_) =~ /\bmlops_fault\("([^"]+)"\)/g }
                glob "$root/workers/features/*.c $root/workers/kafka/*.c"
                     . " $root/core/feature/*.c";
my $others = join '', map { slurp_quiet($_) } grep { ! /features-kill/ }
                          glob "$FindBin::Bin/features-*.t"
                               . " $root/t/unit/*_kill.c";

# Rows that no state explains: the state is lost, and reading begins at the
# end.  Read from the beginning, everything is there again.

lose('small');
is(drive_args('small', [ '--from', 'end' ], MLOPS_FAULT => 'shard_foreign'),
   POSIX::SIGKILL(), 'killed at a row that no state explains');
$hits{shard_foreign}++;
$kills++;
lose('small');
same_as_clean('small', 'state lost');

my @missed;

for my $point (grep { ! $hits{$_} && $others !~ /["']\Q$_\E["']/ }
                    sort keys %known)
{
    # one that this run and the one before did not both come past

    my ($way) = grep { (kill_at($_, $point, 3) // 0) == POSIX::SIGKILL() }
                     sort keys %ways;

    push @missed, $point if ! defined $way;
    $hits{$point}++ if defined $way;
}

note("$kills kills at ", scalar keys %hits, ' points: ',
     join ', ', map { "$_ $hits{$_}" } sort keys %hits);
is("@missed", '', 'each fault point of the sources was hit');


# ---------------------------------------------------------- random moments

my $rounds = $quick ? 16 : 100;
my $before = $kills;

for my $i (1 .. $rounds) {
    my $name = (qw(fast letters small))[$i % 3];

    more($name, 2);

    my $pid = $stream->worker(args => [ @fast, $name ]);

    # a moment of the start, the replay, the reading or a checkpoint

    sleep(rand(0.15));
    kill 'KILL', $pid;
    $kills++ if (Stream::reap($pid, 60) // 0) == POSIX::SIGKILL();
}

cmp_ok($kills - $before, '>', $rounds * 0.9, 'kills at random moments');
same_as_clean($_, ($kills - $before) . ' more at random moments')
    for qw(fast letters small);


# ------------------------------------------------------------ dead letters

# Each record that is late, from the future or malformed is in the topic of
# dead letters, by its place in the log; some are there twice.

my %letters = map { ($_ => 1) } $stream->letters('letters.dead');
my %oracle = $stream->verdicts('letters', "$dir/nginx.conf", 'letters');
my $dead = ($oracle{late} // 0) + ($oracle{future} // 0)
           + ($oracle{malformed} // 0);

is(scalar keys %letters, $dead, "all $dead dead letters arrived");
cmp_ok($oracle{$_} // 0, '>', 0, "some were $_")
    for qw(late future malformed duplicate tombstone);


# -------------------------------------------------------------- and nginx

my ($report, @answers) = $site->load_end($load);

cmp_ok($report->{requests}, '>', 500, "$report->{requests} requests");
is((grep { $_->{status} != 200 } @answers), 0, 'all answered with 200');
is($site->logged('\[(?:alert|emerg|crit|error)\]'), 0, 'nothing to log')
    or diag($site->log);


# ----------------------------------------------------- the test of the test

spew("$dir/dump", $stream->dump('fast'));
ok(! $stream->oracle('fast', 'fast', "$dir/dump", '--plant', 'off-by-one'),
   'a planted mistake is found');

done_testing();


# Puts some batches of the way's events into its topic.

sub more {
    my ($name, $batches) = @_;
    my $way = $ways{$name};

    return if $way->{fresh} && @{ $stream->{sent}{$name}[0] };

    $stream->send($name, $way->{rides}->next($way->{batch} * $batches))
        if ! $way->{fresh};
    $stream->send($name, $way->{rides}->next($way->{batch}))
        if $way->{fresh};
}


# Runs the faulty worker over some more of the log, and asks it to end when it
# has read all.  Its wait status where it was killed or failed, or nothing.

sub drive {
    my ($name, %env) = @_;
    return drive_args($name, [], %env);
}


sub drive_args {
    my ($name, $args, %env) = @_;
    my $way = $ways{$name};

    if ($way->{fresh}) {
        lose($name);
        unlink glob "$site->{store}/features/$name.*";
    }

    more($name, 1);

    my $pid = $stream->worker(program => $Stream::fault, env => \%env,
                              args => [ @fast, @$args, $name ]);
    my $status;

    for my $i (1 .. 3) {
        last if defined($status = Stream::reap($pid, 0.1));
        more($name, 1);

        await(60, sub {
            return 1 if $stream->behind($name, $name) eq '';
            return defined($status = Stream::reap($pid, 0.005));
        }, 0.01);

        last if defined $status;
    }

    return $status if defined $status;

    $status = Stream::stop($pid);

    return $status ? $status : undef;
}


# Runs it until it was killed there (or failed), so many times at most: what
# depends on the time, as a checkpoint does, is not on every run.

sub kill_at {
    my ($name, $at, $times) = @_;

    for (1 .. $times) {
        my $status = drive($name, MLOPS_FAULT => $at);

        return $status if defined $status;
    }

    return;
}


sub lose {
    my ($name) = @_;
    remove_tree("$stream->{state}/$name");
}


# A worker that reads on in peace, a worker that reads all of the log anew on
# a store of its own, and the recomputation agree.

sub same_as_clean {
    my ($name, $what) = @_;
    my $worker = $stream->worker(args => [ '--once', $name ]);
    my $status = Stream::reap($worker, 120);

    is($status, 0, "$name, $what: the worker reads to the end")
        or diag($stream->worker_log);

    my $dump = $stream->dump($name);
    my $clean = $stream->clean_dump($name, $name, plan => sub {
        return $_[0] =~ s/"letters\.dead"/"letters.clean"/r;
    });

    spew("$dir/dump", $dump);
    cmp_ok((() = $dump =~ /\n/g), '>', 0, "$name: there are rows");
    ok($dump eq $clean, "$name: the table is that of a clean run")
        or Stream::differ($dump, $clean);
    ok($stream->oracle($name, $name, "$dir/dump"),
       "$name: and that of the recomputation");
}
