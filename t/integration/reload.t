# Reload: what touches the store and what does not; nothing that is wrong
# outside of nginx.conf keeps a reload from serving; no request is lost.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use Fcntl qw(F_WRLCK SEEK_SET);
use constant F_OFD_SETLK => 37;
use Mlops qw(await slurp spew);
use POSIX ();
use Site;
use Test::More;
use Time::HiRes qw(sleep);

my $quick = $ENV{MLOPS_QUICK};
my $site = Site->new('reload');
my %image = map { $_ => $site->constant($_) } 1 .. 4;

my $server = <<'_END_';
        location = /a      { mlops_predict a; }
        location = /b      { mlops_predict b; }
        location = /status { mlops_status; }
_END_

$site->publish('a', $image{1});
$site->conf(server => $server);


# Everything in the store: names, kinds, owners, modes, sizes, times.

sub trace {
    return join '', sort map { "$_\n" } split /\n/,
           `find '$site->{store}' -printf '%p %y %m %U %G %s %T@ %C@ %i\n'`;
}


sub says {
    my ($path, $number, $what) = @_;
    my $text = ($site->get($path, '{}'))[2];
    is($text, "{\"prediction\":$number.0}", $what) or diag($site->log);
}


# ----------------------------------------------------- testing and signals

is(($site->nginx('-t'))[0], 0, 'nginx -t');
is(($site->nginx('-T'))[0], 0, 'nginx -T');
ok(! -e $site->{store}, 'make no store');

$site->start;
says('/a', 1, 'started');

my $before = trace();

for my $args ([ '-t' ], [ '-T' ], [ '-s', 'reopen' ], [ '-V' ]) {
    is(($site->nginx(@$args))[0], 0, "nginx @$args");
    is(trace(), $before, 'touches nothing');
}

# A configuration that is wrong: tested, and loaded.

$site->conf(server => $server, http => 'mlops_model a { range none; }');

isnt(($site->nginx('-t'))[0], 0, 'nginx -t refuses');
isnt(($site->nginx('-s', 'reload'))[0], 0, 'nginx -s reload refuses');
is(trace(), $before, 'both touch nothing');

my %workers = map { $_ => 1 } $site->workers;

kill 'HUP', $site->master;
ok(await(60, sub { $site->logged('invalid value "none"') }),
   'the master refuses it');
sleep 0.2;
is((grep { $workers{$_} } $site->workers), 2, 'the workers stay');
is(trace(), $before, 'and nothing is touched');

# One that fails late, after the plan was written beside its place.

$site->conf(server => $server, main => "pid $site->{prefix}/none/nginx.pid;"
            =~ s/^pid .*//r . "error_log /nonexistent/dir/error.log;");
kill 'HUP', $site->master;
ok(await(60, sub { $site->logged('/nonexistent/dir/error\.log" failed') }),
   'a configuration that fails late');
sleep 0.2;
is((grep { $workers{$_} } $site->workers), 2, 'the workers stay');
is((() = glob "$site->{store}/.tmp.*"), 0, 'and no temporary file');
says('/a', 1, 'the old one serves');


# ----------------------------------------------------- a good one changes

$site->conf(server => $server, http => 'mlops_model a { range refuse; }');
ok($site->reload, 'a good configuration');
like(slurp("$site->{store}/plan.json"), qr/"range","refuse"/,
     'the plan is the new one');
says('/a', 1, 'and it serves');
is(($site->get('/a', '{"x":1}'))[0], 200, 'as it says');


# ------------------------------------------------- what is wrong elsewhere

rename $site->{registry}, "$site->{registry}.away";
ok($site->reload, 'a reload without a registry');
says('/a', 1, 'serves');
ok($site->logged('the store could not be filled from the registry'),
   'says so in the log');
like(($site->get('/status'))[2], qr/"error":"registry: /,
     'and in the status');
rename "$site->{registry}.away", $site->{registry};

# A model that the store lacks, with an image that is no image.

mkdir "$site->{registry}/models/b";
spew("$site->{registry}/models/b/1.mlm", 'no image');
chmod 0444, "$site->{registry}/models/b/1.mlm";
symlink '1.mlm', "$site->{registry}/models/b/\@champion";
ok($site->reload, 'a reload with a bad image in the registry');
says('/a', 1, 'serves');
is(($site->get('/b', '{}'))[0], 404, 'without that model');
unlink glob "$site->{registry}/models/b/*";
rmdir "$site->{registry}/models/b";

# Somebody holds the lock of the store.

pipe my $locked, my $tell or die;

my $pid = fork // die;

if ($pid == 0) {
    open my $lock, '+<', "$site->{store}/lock" or POSIX::_exit(1);
    my $flock = pack 's s x4 q q i x4', F_WRLCK, SEEK_SET, 0, 0, 0;
    fcntl $lock, F_OFD_SETLK, $flock or POSIX::_exit(1);
    syswrite $tell, "locked\n";
    sleep 600;
    POSIX::_exit(0);
}

close $tell;
is(<$locked>, "locked\n", 'somebody holds the lock of the store');
ok($site->reload, 'a reload while the store is locked');
says('/a', 1, 'serves');
ok($site->logged('could not be filled from the registry:.* lock'),
   'and does not wait for the lock') or diag($site->log);
is(waitpid($pid, POSIX::WNOHANG()), 0, 'which is held all the time');
kill 'KILL', $pid;
waitpid $pid, 0;

# Only what is missing is filled in: an alias that was moved in the store
# alone stays.

$site->publish('a', $image{2});
symlink '2.mlm', "$site->{store}/models/a/.l";
spew("$site->{store}/models/a/.n", slurp($image{2}));
chmod 0444, "$site->{store}/models/a/.n";
rename "$site->{store}/models/a/.n", "$site->{store}/models/a/2.mlm";
rename "$site->{store}/models/a/.l", "$site->{store}/models/a/\@champion";
ok($site->reload, 'a reload with an alias that the registry has elsewhere');
says('/a', 2, 'leaves it where it is');

SKIP: {
    skip 'needs root', 3 if $> != 0;

    my %now = map { $_ => 1 } $site->workers;

    chown 4242, 4242, "$site->{store}/models";
    kill 'HUP', $site->master;
    ok(await(60, sub { $site->logged('\[emerg\].*models') }),
       'a store of somebody else is refused') or diag($site->log);
    sleep 0.2;
    is((grep { $now{$_} } $site->workers), 2, 'the workers stay');
    chown 0, 0, "$site->{store}/models";
    says('/a', 2, 'and serve');
}


# The account of the workers, wherever nginx.conf names it, and another one.

SKIP: {
    skip 'needs root', 4 if $> != 0;

    for my $user ('games', 'nobody') {
        my $conf = slurp("$site->{prefix}/nginx.conf");
        $conf =~ s/^user .*\n//mg;
        spew("$site->{prefix}/nginx.conf", "${conf}user $user nogroup;\n");

        ok($site->reload, "workers are $user, said behind http")
            or diag($site->log);
        is((getpwuid((stat "$site->{store}/rings")[4]))[0], $user,
           'and rings theirs');
    }
}


# ------------------------------------------------------------------- load

$site->conf(server => $server);
ok($site->reload, 'the first configuration');

my $job = $site->load('/a', [ '{}', '{"x":1}' ], '-c', 16);
my $rounds = $quick ? 3 : 8;

for my $round (1 .. $rounds) {
    my $version = 1 + $round % 4;

    if ($round <= 2) {
        $site->publish('a', $image{$round + 2}, '--alias', 'champion');

    } else {
        $site->ctl('alias', '-r', $site->{registry}, '-s', $site->{store},
                   'a', 'champion', $version);
    }

    $site->reload or die "no reload\n";
}

sleep 0.2;

my ($report, @answers) = $site->load_end($job);

is($report->{failed}, 0, "none of $report->{requests} requests failed in"
                         . " $rounds reloads");
is((grep { $_->{status} != 200
           || $_->{text} ne "{\"prediction\":$_->{version}.0}" } @answers),
   0, 'no answer was mixed');

is($site->logged('\[alert\]'), 0, 'no alert') or diag($site->log);


# ------------------------------------ one process: a reload without workers

# nginx takes no new connections after a reload in this mode; those that it
# has go on, and so does the store that they are served from.

$site->stop;

# It says so before it reads the configuration, and answers nothing until it
# has.

sub taken_up {
    my $before = $site->logged('reconfiguring');

    kill 'HUP', $pid;
    return await(60, sub { $site->logged('reconfiguring') > $before });
}

my $other = "$site->{store}-other";
my $single = sub {
    my ($store) = @_;

    $site->conf(server => $server, store => "mlops_store $store;",
                main => "master_process off;\ndaemon off;");
};

$single->($site->{store});
$pid = $site->spawn("$site->{prefix}/logs/single", $Mlops::nginx,
                    $site->args);
ok(await(60, sub { ($site->get('/a', '{}'))[0] == 200 }), 'one process');

my $socket = $site->connection;

for my $round (1 .. 3) {
    my $store = $round == 2 ? $other : $site->{store};

    $single->($store);
    taken_up() or die "no reload\n";

    is((Site::ask($socket, '/a'))[0], 200, "reload $round serves");

    $site->ctl('alias', '-r', $site->{registry}, '-s', $store, 'a',
               'champion', $round);
    ok(await(60, sub { (Site::ask($socket, '/a'))[3]
                      eq "{\"prediction\":$round.0}" }),
       'and follows its store');
}

# The bell rings as the store is taken from it.

$site->conf(store => '', registry => '',
            main => "master_process off;\ndaemon off;");
$site->ctl('alias', '-r', $site->{registry}, '-s', $site->{store}, 'a',
           'champion', 1);
ok(taken_up(), 'a reload without a store');
sleep 1.3;
is((Site::ask($socket, '/a'))[0], 200, 'serves');

kill 'QUIT', $pid;
waitpid $pid, 0;
is($?, 0, 'and ends');

system 'rm', '-rf', $other;

done_testing();
