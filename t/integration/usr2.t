# Upgrade in place (USR2) under load, with swaps all the time, and the way
# back: no request is lost, both generations follow the same store.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use Mlops qw(await slurp_quiet);
use Site;
use Test::More;
use Time::HiRes qw(sleep);

my $site = Site->new('usr2');
my %image = map { $_ => $site->constant($_) } 1 .. 4;

$site->publish('a', $image{1});
$site->conf(server => <<'_END_');
        location = /a       { mlops_predict a; }
        location = /status  { mlops_status; }
        location = /metrics { mlops_metrics; }
_END_
$site->start;
$site->publish('a', $image{$_}) for 2 .. 4;

my $old = $site->master;
my $pid_file = "$site->{prefix}/logs/nginx.pid";


sub pid_of {
    my ($file) = @_;
    return slurp_quiet($file) =~ s/\s//gr;
}


# Another alias move: 1, 2, 3, 4, 1, …

my $moves = 0;

sub move {
    $site->ctl('alias', '-r', $site->{registry}, '-s', $site->{store}, 'a',
               'champion', 1 + $moves++ % 4);
}


sub workers_of {
    my ($master, $n, $what) = @_;

    ok(await(60, sub { $site->workers($master) == $n }), $what)
        or diag($site->log);
}


# Starts the new binary beside the old one; returns its master.

sub upgrade {
    kill 'USR2', $old;

    my $new = await(60, sub {
        my $pid = pid_of($pid_file);
        pid_of("$pid_file.oldbin") eq $old && $pid ne '' && $pid ne $old
            && $pid;
    });

    ok($new, 'USR2 starts a new master') or BAIL_OUT($site->log);

    workers_of($new, 2, 'with workers');

    return $new;
}


my $job = $site->load('/a', [ '{}', '{"x":1}' ], '-c', 16);

# Each version once for so long that the load has seen it.

for my $version (1 .. 4) {
    move();
    ok($site->await_served(100, 'a', $version), "load, with version $version");
}


# ------------------------------------------------------------- and back

my $new = upgrade();

move() for 1 .. 5;

kill 'WINCH', $old;
workers_of($old, 0, 'the old workers go');
move() for 1 .. 5;

# The new one is no good: the old master brings its workers back.

kill 'HUP', $old;
workers_of($old, 2, 'HUP brings the old workers back');
move() for 1 .. 5;

kill 'QUIT', $new;
ok(await(60, sub { ! kill 0, $new }), 'the new master ends');
ok(await(60, sub { pid_of($pid_file) eq $old }), 'the old one is the master');
move() for 1 .. 5;


# ------------------------------------------------------------ for good

$new = upgrade();
move() for 1 .. 5;

kill 'QUIT', $old;
ok(await(60, sub { ! kill 0, $old }), 'the old master ends');
move() for 1 .. 5;

sleep 0.2;

my ($report, @answers) = $site->load_end($job);

is($report->{failed}, 0, "none of $report->{requests} requests failed");
is((grep { $_->{status} != 200
           || $_->{text} ne "{\"prediction\":$_->{version}.0}" } @answers),
   0, 'no answer was mixed');

my %seen = map { $_->{version} => 1 } @answers;
is(keys %seen, 4, "all versions were served in $moves moves");

# The new master is a master: it reloads, and its workers follow.

ok($site->reload, 'the new master reloads');
my $version = 1 + $moves % 4;
move();
ok(await(60, sub {
    ($site->get('/a', '{}'))[2] eq "{\"prediction\":$version.0}"
}), 'and its workers follow');

is($site->logged('\[(?:alert|emerg|crit|error)\]'), 0, 'nothing to log')
    or diag($site->log);

done_testing();
