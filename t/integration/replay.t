# mlopsctl replay and mlops-broker: rows of a file in a topic, read back by
# kcat, or as requests to nginx; what is refused, and by whom; brokers that go
# and come back; Ctrl-C.

use strict;
use warnings;

use FindBin;
use IPC::Open2 qw(open2);
use JSON::PP;
use POSIX ();
use Test::More;

use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use Mlops qw($build await now slurp slurp_quiet spew);
use Site;

my $site = Site->new('replay');
my $dir = $site->{prefix};
my $broker = "$build/bin/mlops-broker";
my $ctl = $ENV{MLOPSCTL} // "$build/bin/mlopsctl";
my $json = JSON::PP->new;
my %running;


END {
    my $status = $?;
    kill 'KILL', $_ for keys %running;
    waitpid $_, 0 for keys %running;
    $? = $status;
}


# Exit code, and what it said on stderr.

sub replay {
    my (@args) = @_;

    my $code = system('sh', '-c', 'exec "$0" "$@" 2>"$REPLAY_ERR"', $ctl,
                      'replay', @args);

    return ($code >> 8, slurp("$dir/err"));
}

$ENV{REPLAY_ERR} = "$dir/err";


# What kcat sees of a topic, from its beginning: [ partition, offset, time,
# key, headers, value ].

sub topic {
    my ($name, $address) = @_;

    open my $in, '-|', 'kcat', '-C', '-q', '-e', '-b', $address, '-t', $name,
         '-o', 'beginning', '-X', 'fetch.wait.max.ms=20', '-Z', '-f',
         '%p\t%o\t%T\t%k\t%h\t%s\n' or die "kcat: $!\n";
    my @rows = map { chomp; [ split /\t/, $_, 6 ] } <$in>;
    close $in or die "kcat failed\n";

    return sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] } @rows;
}


# ---------------------------------------------------------------- the broker

open my $errors, '>', "$dir/broker.err" or die;

my ($from, $to);
my $pid = do {
    open my $saved, '>&', \*STDERR or die;
    open STDERR, '>&', $errors or die;
    my $child = open2($from, $to, $broker, '--control', '-f', "$dir/broker",
                      '-t', 'rides:3', '-t', 'one:1');
    open STDERR, '>&', $saved or die;
    $child;
};
$running{$pid} = 1;

my $address = <$from>;
chomp $address;
like($address, qr/^127\.0\.0\.1:\d+$/, 'the broker prints its address');
ok(await(60, sub { slurp_quiet("$dir/broker") eq "$address\n" }),
   'and writes it into the file');
like(slurp("$dir/broker.err"), qr/5 MiB.*loopback.*no TLS.*no\s+transactions/s,
     'and says what it is not');

sub control {
    my ($line) = @_;
    print {$to} "$line\n";
    $to->flush;
    my $answer = <$from> // '';
    chomp $answer;
    return $answer;
}

is(control('topic more 2'), 'ok', 'a topic');
like(control('topic more 2'), qr/^error: /, 'that there is');
like(control('down 7'), qr/^error: /, 'a broker that there is not');
is(control('dance'), 'error: unknown command', 'nonsense');


# ---------------------------------------------------------------- CSV

spew("$dir/rides.csv", <<'_END_');
driver_id,ts,fare,status,note
1001,1700000000123,12.50,paid,"says ""hi"", twice"
1002,1700000001000,,open,
1003,1700000002000,1e3,007,Köln
_END_

my ($code, $said) = replay("$dir/rides.csv", 'rides', '-b', $address,
                           '--key', 'driver_id', '--time', 'ts');

is($code, 0, 'rows of CSV');
like($said, qr/^3 rows, \d+ a second, 0 failed\s*\z/, 'as is said');

my %by_key = map { $_->[3] => $_ } topic('rides', $address);

is(join(' ', sort keys %by_key), '1001 1002 1003', 'keys are the entities');
is($by_key{1001}[2], 1700000000123, 'the field is the timestamp');
is($by_key{1001}[5], '{"driver_id":1001,"ts":1700000000123,"fare":12.50,'
                     . '"status":"paid","note":"says \"hi\", twice"}',
   'numbers stay as they are written');
is($by_key{1002}[5], '{"driver_id":1002,"ts":1700000001000,"fare":null,'
                     . '"status":"open","note":null}', 'empty cells are null');
is($by_key{1003}[5], '{"driver_id":1003,"ts":1700000002000,"fare":1e3,'
                     . '"status":"007","note":"Köln"}',
   'what is no number of JSON is a string');

# Utils.toPositive(Utils.murmur2(key)) % 3 of kafka-clients 3.9.1

is(join(' ', map { $by_key{$_}[0] } 1001 .. 1003), '0 0 1',
   'partitions are those of a Java client');


# ---------------------------------------------------------------- JSON lines

spew("$dir/lines", qq({"driver_id":5,"x":[1,2]}\n\n{"driver_id":"a b","x":null}\n));

($code, $said) = replay("$dir/lines", 'one', '-b', $address, '--key',
                        'driver_id', '--partition', 0, '--cloudevents',
                        'binary', '--type', 'ride.paid');
is($code, 0, 'lines of JSON, as CloudEvents');
($code, $said) = replay('--format', 'csv', "$dir/rides.csv", 'one', '-b',
                        $address, '--cloudevents', 'structured', '--type',
                        'ride.paid', '--source', '/te"st');
is($code, 0, 'and rows of CSV');

my @one = topic('one', $address);

is(scalar @one, 5, 'all are there');
is($one[0][5], '{"driver_id":5,"x":[1,2]}', 'a line is as it was');
is($one[0][4], 'ce_specversion=1.0,ce_type=ride.paid,ce_source=mlopsctl,'
               . 'ce_id=0,content-type=application/json', 'binary: headers');
is($one[1][3], 'a b', 'a key of text');
is($one[2][4], 'content-type=application/cloudevents+json; charset=UTF-8',
   'structured: its header');

my $envelope = $json->decode($one[2][5]);

is($envelope->{source}, '/te"st', 'source');
is($envelope->{id}, '0', 'id');
is($envelope->{data}{fare}, 12.5, 'data');


# ---------------------------------------------------------------- errors

spew("$dir/bad.csv", "driver_id,fare\n1,2\n3\n4,5,6\n7,8\n");
($code, $said) = replay("$dir/bad.csv", 'more', '-b', $address);
is($code, 1, 'a row of another length');
like($said, qr/line 3: expected 2 cells, got 1$/m, 'says its line');
like($said, qr/line 4: expected 2 cells, got more$/m, 'and the next one');
like($said, qr/^2 rows, .* 2 failed\s*$/m, 'the others are sent');
is(scalar(my @more = topic('more', $address)), 2, 'indeed');

spew("$dir/marked.csv", qq(\xef\xbb\xbf"driver_id",fare\r\n9,"1"x\r\n9,2\r\n));
($code, $said) = replay("$dir/marked.csv", 'more', '-b', $address, '--key',
                        'driver_id', '--partition', 0);
is($code, 1, 'a byte order mark, and a cell that is malformed');
like($said, qr/line 2: malformed CSV at byte 5: expected a comma or the end/,
     'text behind a quote is not lost in silence');
like($said, qr/^1 rows, /m, 'the other row is sent');
is((grep { ($_->[3] // '') eq '9' } topic('more', $address))[0][5],
   '{"driver_id":9,"fare":2}', 'under the name without the mark');

spew("$dir/bad.json", qq({"driver_id":1}\n{"driver_id":null}\n{"x":1\n));
($code, $said) = replay("$dir/bad.json", 'more', '-b', $address, '--key',
                        'driver_id');
is($code, 1, 'a row without its key');
like($said, qr/line 2: field "driver_id": expected a string or a number/,
     'says so');
like($said, qr/line 3: /, 'a line that is not JSON, too');

is(control('errors 0 10 1'), 'ok', 'the broker is going to refuse a batch');
($code, $said) = replay("$dir/rides.csv", 'one', '-b', $address);
is($code, 1, 'which is a failure');
like($said, qr/topic "one" partition 0: .*too large/, 'with the reason');
like($said, qr/^0 rows, .* 3 failed\s*$/m, 'and counted, row by row');

for my $misuse ([ '--partition', '1.5' ], [ '--rate', 'fast' ],
                [ '--format', 'xml' ], [ '--cloudevents', 'binary' ],
                [ '--cloudevents', 'binary', '--type', "a\r\nb" ],
                [ '--unit', 'h' ])
{
    ($code, $said) = replay("$dir/rides.csv", 'one', '-b', $address,
                            @$misuse);
    is($code, 2, "misuse: @$misuse" =~ s/[\r\n]/?/gr);
}

($code, $said) = replay("$dir/rides.csv", 'one');
is($code, 2, 'a topic without a cluster is misuse');


# ---------------------------------------------------------------- the pace

my $began = now();
($code, $said) = replay("$dir/rides.csv", 'one', '-b', $address,
                        '--interval', '0.2');
cmp_ok(now() - $began, '>=', 0.6, 'rows at their interval');


# A replay in the background that has read its file and heeds signals, a moment
# ago at least.

sub background {
    my ($file, @args) = @_;
    my $job = $site->spawn("$dir/job", $ctl, 'replay', $file, @args, '-b',
                           $address);

    await(60, sub {
        my ($caught) = slurp_quiet("/proc/$job/status")
                       =~ /^SigCgt:\s*(\w+)$/m or return;

        # SIGINT is the second bit

        return hex(substr $caught, -1) & 2 && grep {
            (readlink "/proc/$job/fd/$_" // '') eq $file
                && slurp_quiet("/proc/$job/fdinfo/$_") =~ /^pos:\s*(\d+)$/m
                && $1 == -s $file
        } 0 .. 99;
    }) or die 'the replay does not begin: ' . slurp("$dir/job") . "\n";

    sleep 1;

    return $job;
}


# ---------------------------------------------------------- a broker goes

my $before = my @had = topic('one', $address);

is(control('down 1'), 'ok', 'the broker is away');
spew("$dir/many.csv", join '', "driver_id\n", map { "$_\n" } 1 .. 500);

my $job = background("$dir/many.csv", 'one');

is(waitpid($job, POSIX::WNOHANG()), 0, 'it is waited for');
is(control('up 1'), 'ok', 'and is there again');
ok(await(60, sub { waitpid($job, POSIX::WNOHANG()) == $job }),
   'the replay ends');
is($? >> 8, 0, 'well');
like(slurp("$dir/job"), qr/500 rows, .* 0 failed/, 'with all rows');

my @have = topic('one', $address);

is(scalar(@have), $before + 500, 'once each');
is(join(' ', map { ($json->decode($_->[5]) )->{driver_id} }
             @have[$before .. $#have]), join(' ', 1 .. 500), 'in order');


# ---------------------------------------------------------------- Ctrl-C

control('down 1');
$job = background("$dir/many.csv", 'one');
kill 'INT', $job;
ok(await(60, sub { waitpid($job, POSIX::WNOHANG()) == $job }),
   'Ctrl-C ends it, without a broker');
is($? >> 8, 1, 'as a failure');
like(slurp("$dir/job"), qr/500 records are not acknowledged .*0 rows,.*500 failed/s,
     'which says how many');
control('up 1');

$job = background("$dir/many.csv", 'more', '--interval', '0.05');
kill 'INT', $job;
ok(await(60, sub { waitpid($job, POSIX::WNOHANG()) == $job }),
   'Ctrl-C ends it in the middle');
is($? >> 8, 0, 'well: what was sent has arrived');


# ---------------------------------------------------------------- a plan

spew("$dir/secret", "hunter2\n");
$site->conf(http => <<"_END_", server => <<'_END_');
    mlops_kafka main { bootstrap.servers $address; client.id file:$dir/secret; }
_END_
        location = /take   { mlops_predict toy; }
        location = /refuse { return 503 "not now"; }
_END_
$site->publish('toy', $site->constant(4));
$site->start;

($code, $said) = replay("$dir/rides.csv", 'more', '-s', $site->{store});
is($code, 0, 'a cluster of the configuration');
unlike(slurp("$site->{store}/plan.json"), qr/hunter2/,
       'whose secrets stand in no plan');
unlink "$dir/secret";
($code, $said) = replay("$dir/rides.csv", 'more', '-s', $site->{store});
is($code, 1, 'a secret that is not there');
like($said, qr/mlops_kafka "main": client.id: cannot open ".*secret"/,
     'is named');
($code, $said) = replay("$dir/rides.csv", 'more', '-s', $site->{store},
                        '--kafka', 'other');
is($code, 1, 'a cluster that is not there');
like($said, qr/none is named "other"/, 'is named, too');


# ---------------------------------------------------------------- requests

spew("$dir/x.csv", join '', "x,s\n", map { "$_,\n" } 1 .. 20);
($code, $said) = replay("$dir/x.csv",
                        'http://' . $site->listen_at . '/take');
is($code, 0, 'rows as requests');
like($said, qr/^20 rows, .* 0 failed\s*$/m, 'one each');

my (undef, undef, $status) = $site->get('/take', '{"x":1,"s":null}');
like($status, qr/4/, 'nginx answers predictions there');

($code, $said) = replay("$dir/x.csv",
                        'http://' . $site->listen_at . '/refuse');
is($code, 1, 'a server that refuses');
like($said, qr/status 503: not now$/m, 'is quoted');
like($said, qr/^0 rows, .* 20 failed\s*$/m, 'and rows are counted');

($code, $said) = replay("$dir/x.csv", 'http://127.0.0.1:1/');
is($code, 1, 'a server that is not there');


# ---------------------------------------------------------------- its end

kill 'TERM', $pid;
ok(await(60, sub { waitpid($pid, POSIX::WNOHANG()) == $pid }),
   'the broker ends at SIGTERM');
is($?, 0, 'in peace');
delete $running{$pid};
ok(! -e "$dir/broker", 'its file goes with it');

done_testing();
