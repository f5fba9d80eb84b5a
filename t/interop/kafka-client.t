# Consumer and producer of workers/kafka against Apache Kafka itself: what the
# mock cluster cannot show.  Topics that come late and grow, transactions, a
# broker that is frozen or killed, records that go while they are read, three
# members of a group that are killed, leave and are paused under load.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use File::Path qw(make_path remove_tree);
use Kafka;
use Mlops qw($build await now run slurp_quiet spew);
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep);

my $dir = "$build/t/kafka-client.$$";
my $client = "$build/t/interop/kafka_client";
my $owner = $$;
my %running;

remove_tree($dir);
make_path($dir);

END {
    if ($$ == $owner) {
        my $status = $?;
        kill 'CONT', $_ for keys %running;
        kill 'KILL', $_ for keys %running;
        waitpid $_, 0 for keys %running;
        remove_tree($dir) if ! $ENV{KEEP};
        $? = $status;
    }
}


sub start {
    my ($name, @args) = @_;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$dir/$name" or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT;
        { exec $client, @args };
        POSIX::_exit(127);
    }

    $running{$pid} = 1;

    return $pid;
}


# Its exit code, or nothing where it has not ended in time.

sub ended {
    my ($pid, $seconds) = @_;
    my $status;

    await($seconds, sub {
        return if waitpid($pid, POSIX::WNOHANG()) != $pid;
        $status = $?;
        delete $running{$pid};
        return 1;
    });

    return defined $status ? $status >> 8 : undef;
}


sub lines {
    my ($name, $pattern) = @_;
    return grep { /$pattern/ } split /\n/, slurp_quiet("$dir/$name");
}


sub said {
    my ($name, $pattern, $seconds, $n) = @_;
    return await($seconds, sub { lines($name, $pattern) >= ($n // 1) });
}


my $kafka = Kafka->new("$dir/kafka", topics => {
    transacted => 1, frozen => 2, gone => 1, shared => 6,
});
my $address = $kafka->{address};

sub alter {
    my ($topic, $partitions) = @_;
    $kafka->java('org.apache.kafka.tools.TopicCommand', '--bootstrap-server',
                 $address, '--alter', '--topic', $topic, '--partitions',
                 $partitions);
}


# ------------------------------------------------- a topic that comes, grows

my $pid = start('late', 'consume', $address, 'late');

ok(said('late', qr/topic "late": .*[Uu]nknown topic.*; trying on/, 20),
   'a topic that is not there is waited for');
sleep(2);
is(scalar(lines('late', qr/trying on/)), 1, 'which is said once');

$kafka->topic('late', 2);
run($client, 'produce', $address, 'late', 2, 20, 1000);
ok(said('late', qr/^record /, 20, 20), 'once it is made, it is read');
is(scalar(lines('late', qr/topic "late": goes on/)), 1, 'and that is said');

alter('late', 4);
run($client, 'produce', $address, 'late', 4, 40, 1000);
ok(said('late', qr/^record 3 /, 30, 10), 'partitions that are added are read');
is(scalar(lines('late', qr/^record /)), 60, 'each record once');
is(join(' ', map { (split ' ')[1] } lines('late', qr/^acquire /)), '0 1 2 3',
   'each partition is acquired once');

kill 'TERM', $pid;
is(ended($pid, 10), 0, 'it ends in peace');


# ---------------------------------------------------------------- transactions

run($client, 'transact', $address, 'transacted');
$pid = start('transacted', 'consume', $address, 'transacted');

ok(said('transacted', qr/^end 0 /, 20), 'the end of the log is known');
is(join(' ', map { (split ' ')[3] } lines('transacted', qr/^record /)),
   join(' ', 0 .. 9, 20 .. 24), 'what was aborted is not read');

# 30 records and the marks of 4 transactions

is((lines('transacted', qr/^end /))[0], 'end 0 34',
   'the end is behind marks and aborted records');
kill 'TERM', $pid;
is(ended($pid, 10), 0, 'it ends in peace');


# ------------------------------------------------------ frozen, killed brokers

run($client, 'produce', $address, 'frozen', 2, 1000, 100000);
$pid = start('frozen', 'consume', $address, 'frozen');
ok(said('frozen', qr/^record /, 20, 1000), 'records are read');

my $second = start('second', 'consume', $address, 'frozen');
ok(said('second', qr/^end /, 20, 2), 'by another one, too');

$kafka->pause;
my $third = start('third', 'consume', $address, 'frozen');
sleep(4);
is(scalar(lines('third', qr/^(?:end|acquire) /)), 0,
   'a broker that is silent is not the end of a log');
$kafka->go_on;
ok(said('third', qr/^end /, 30, 2), 'when it speaks, the end is known');
is(scalar(lines('third', qr/^record /)), 1000, 'with all records');

my $producer = start('producer', 'produce', $address, 'frozen', 2, 2000,
                     200);
sleep(2);
$kafka->kill;
sleep($ENV{MLOPS_QUICK} ? 4 : 20);
is(waitpid($pid, POSIX::WNOHANG()), 0, 'a broker that is away is waited for');
$kafka->start;

is(ended($producer, 90), 0, 'what was sent meanwhile is delivered');
is((lines('producer', qr/^sent /))[0], 'sent 2000 pending 0 refused 0',
   'all of it');
ok(said($_, qr/^record /, 60, 3000), "$_: and read") for qw(frozen second
                                                            third);

my %seen;
$seen{(split ' ')[1] . ' ' . (split ' ')[2]}++ for lines('frozen',
                                                         qr/^record /);
is(scalar(keys %seen), 3000, 'each one');
is((grep { $_ != 1 } values %seen), 0, 'and none twice');
is(scalar(lines('frozen', qr/topic "frozen": .*; trying on/)), 1,
   'an outage is said once');
is(scalar(lines('frozen', qr/topic "frozen": goes on, after \d+ errors/)), 1,
   'and its end');

for ($pid, $second, $third) {
    kill 'TERM', $_;
    is(ended($_, 10), 0, 'it ends in peace');
}


# ------------------------------------------ records that go while they are read

$pid = start('gone', 'consume', $address, 'gone');
run($client, 'produce', $address, 'gone', 1, 100, 100000);
ok(said('gone', qr/^record /, 20, 100), 'a reader');
kill 'STOP', $pid;
run('sh', '-c', "head -c 60000000 /dev/zero | tr '\\0' x | fold -w 20000"
                . " | kcat -P -b $address -t gone -p 0");
my $low = 2000;
$kafka->delete_before('gone', 0, $low);
kill 'CONT', $pid;

is(ended($pid, 60), 1, 'that is overtaken stops');
my ($wanted, $is_low) = ((lines('gone', qr/^error /))[0] // '')
    =~ /^error topic "gone" partition 0: offset (\d+) is wanted, and the log holds (\d+) to \d+/;
is($is_low, $low, 'and says what the log holds');
is($wanted, scalar(lines('gone', qr/^record /)), 'and what was wanted');


# ---------------------------------------------------------------- a group

my $state = "$dir/state";
my $n = 12000;
make_path($state);

my @member = map { start("m$_", 'consume', '-g', 'test', '-d', $state,
                         $address, 'shared') } 0 .. 2;

sub owned {
    my ($i) = @_;
    my %mine;
    for (lines("m$i", qr/^(?:acquire|release) /)) {
        my ($what, $partition) = split ' ';
        $mine{$partition} = $what eq 'acquire';
    }
    return grep { $mine{$_} } sort keys %mine;
}

ok(await(40, sub { my @n = map { scalar(owned($_)) } 0 .. 2;
                   "@n" eq '2 2 2' }), 'three members share six partitions');

$producer = start('load', 'produce', $address, 'shared', 6, $n, 300);

sleep(3);
kill 'KILL', $member[0];
ended($member[0], 5);
ok(said('m1', qr/^acquire /, 20, 3) || said('m2', qr/^acquire /, 1, 3),
   'one is killed: others have its partitions');
spew("$dir/m0", '');
$member[0] = start('m0', 'consume', '-g', 'test', '-d', $state, $address,
                   'shared');
ok(await(30, sub { owned(0) == 2 }), 'it comes back and has its share');

my $began = now();
kill 'TERM', $member[1];
is(ended($member[1], 10), 0, 'another one leaves');
ok(await(20, sub { owned(0) + owned(2) == 6 }), 'the others have all');
cmp_ok(now() - $began, '<', 5, 'before a session would have ended');
spew("$dir/m1", '');
$member[1] = start('m1', 'consume', '-g', 'test', '-d', $state, $address,
                   'shared');
ok(await(30, sub { owned(1) == 2 }), 'and comes back');

kill 'STOP', $member[2];
sleep(9);
kill 'CONT', $member[2];
ok(said('m2', qr/^release \d 1$/, 20, 2),
   'one that slept too long is told that its partitions are lost');
ok(await(30, sub { owned(2) == 2 }), 'and joins again');

is(ended($producer, 120), 0, 'the load ends');
is((lines('load', qr/^sent /))[0], "sent $n pending 0 refused 0",
   'with all records');

for (@member) {
    sleep(1);
    kill 'TERM', $_;
}

# those that end hand over; the last one reads the rest

is(ended($_, 20), 0, 'a member ends in peace') for @member;
my $last = start('last', 'consume', '-g', 'test', '-d', $state, $address,
                 'shared');
ok(said('last', qr/^end /, 40, 6), 'the rest is read');
kill 'TERM', $last;
is(ended($last, 10), 0, 'to the end');

for my $partition (0 .. 5) {
    my $expected = 0;
    $expected += $_ for grep { $_ % 6 == $partition } 0 .. $n - 1;
    my @has = split ' ', slurp_quiet("$state/$partition");
    is("@has", join(' ', $n / 6, $n / 6, $expected),
       "partition $partition: nothing lost, nothing twice");
}

is(scalar(lines($_, qr/^error /)), 0, "$_ had no error") for qw(m0 m1 m2);

$kafka->stop;

done_testing();
