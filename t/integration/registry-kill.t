# A writer that is killed at any instruction leaves a registry and a store
# that serve, and the next writer mends what is left.
#
# A build of mlopsctl with named fault points is run once to learn which
# points a command passes, and then once for each passage, being killed there
# (MLOPS_QUICK: at the first passage of each point).
# After each kill the tool without fault points has to find everything in
# order.  Then come kills at random moments, two writers at once, and a store
# that is full.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../../tools/lib";

use Test::More;
use File::Temp qw(tempdir);
use JSON::PP ();
use Mlops qw($build outcome slurp slurp_quiet);
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep);

my $tool = $ENV{MLOPSCTL} // "$build/bin/mlopsctl";
my $fault = "$build/t/fault/mlopsctl";

for ($tool, $fault) {
    plan skip_all => "no $_" unless -x;
}

my $top = tempdir(DIR => -w '/dev/shm' ? '/dev/shm' : '/tmp', CLEANUP => 1);

delete @ENV{qw(MLOPS_FAULT MLOPS_FAULT_LOG)};


# ---------------------------------------------------------------- commands

sub ctl {
    return outcome({}, $tool, @_);
}


# A command that has to work; returns stdout without its newline.

sub works {
    my @command = @_;
    my ($status, $out, $err) = ctl(@command);

    die "mlopsctl @command: status $status: $err" if $status;
    chomp $out;

    return $out;
}


sub names {
    my ($dir) = @_;

    opendir my $dh, $dir or return;

    return sort grep { ! /^\.\.?$/ } readdir $dh;
}


sub leftovers {
    return grep { /\.tmp\./ } split /\n/, `find @_ 2>/dev/null`;
}


# {model => {alias => version}} of a registry or a store.

sub links {
    my ($root) = @_;
    my %links;

    for my $model (names("$root/models")) {
        next if $model =~ /^\./;

        for my $name (names("$root/models/$model")) {
            next unless $name =~ /^\@/;
            my $target = readlink "$root/models/$model/$name";
            $links{$model}{substr $name, 1} = $target =~ s/\.mlm$//r;
        }
    }

    return \%links;
}


# The name of each thing that is wrong: links to files that are not there or
# do not load.

my %verified;

sub bad_links {
    my ($root) = @_;
    my $links = links($root);
    my @bad;

    for my $model (keys %$links) {
        for my $alias (keys %{ $links->{$model} }) {
            my $file = "$root/models/$model/$links->{$model}{$alias}.mlm";
            my $bytes = slurp_quiet($file);

            # the same bytes need not be loaded twice

            if ($bytes eq '' || ! -f $file
                || ! ($verified{$bytes} //= ! (ctl('verify', $file))[0]))
            {
                push @bad, "$model\@$alias";
            }
        }
    }

    return @bad;
}


# What the log says of each alias, compared with the links.

sub log_differs {
    my ($root, $model) = @_;
    my %said;

    my $lines = JSON::PP->new->utf8->decode(works('log', '-r', $root, $model,
                                                  '--json'));

    for my $line (@$lines) {
        next unless defined $line->{alias};
        $said{ $line->{alias} } = $line->{version};
    }

    delete @said{ grep { ! defined $said{$_} } keys %said };

    my $links = links($root)->{$model} // {};
    my $say = sub { join ' ', map { "$_=$_[0]{$_}" } sort keys %{ $_[0] } };

    my ($log, $now) = ($say->(\%said), $say->($links));

    return $log eq $now ? '' : "log $log, links $now";
}


# -------------------------------------------------------------- the states

my @images = map {
    works('import', "t/data/toys/$_.json", '-o', "$top/$_.mlm");
    "$top/$_.mlm"
} qw(lin4 class3 mixed);

my $base = "$top/base";
mkdir $base or die;

works('sync', '-r', (works('publish', '-r', "$base/r", 'm', $images[0]),
                     "$base/r")[1], '-s', "$base/s", '--create');
works('publish', '-r', "$base/r", '-s', "$base/s", 'm', $images[1],
      '--alias', 'champion');
works('publish', '-r', "$base/r", '-s', "$base/s", 'o', $images[0]);

is_deeply(links("$base/s"), { m => { champion => 2 }, o => { champion => 1 } },
          'the store to begin with');

my $case = "$top/case";

sub restore {
    my ($prepare) = @_;

    system('rm', '-rf', $case);
    system('cp', '-a', $base, $case) == 0 or die;
    $prepare->() if $prepare;
}


sub append {
    my ($text) = @_;

    open my $fh, '>>', "$case/r/models/m/log" or die;
    print $fh $text;
    close $fh;
}


my @r = ('-r', "$case/r");
my @rs = (@r, '-s', "$case/s");

my @commands = (
    [ 'publish', 'publish', @rs, 'm', $images[2] ],
    [ 'publish and move', 'publish', @rs, 'm', $images[2], '--alias',
      'champion', '--note', 'better' ],
    [ 'first version, two aliases', 'publish', @rs, 'n', $images[2],
      '--alias', 'challenger' ],
    [ 'first version of all', 'publish', '-r', "$case/r2", 'm', $images[2] ],
    [ 'alias', 'alias', @rs, 'm', 'champion', 1 ],
    [ 'new alias', 'alias', @rs, 'm', 'stable', 1 ],
    [ 'rollback', 'rollback', @rs, 'm' ],
    [ 'sync', sub {
          works('rollback', @r, 'm');
          works('alias', @r, 'o', 'extra', 1);
          unlink "$case/s/models/o/\@champion", "$case/s/models/o/1.mlm";
          rmdir "$case/s/models/o";
      }, 'sync', @rs ],
    [ 'sync after removals', sub {
          system('rm', '-rf', "$case/r/models/o");
          works('alias', @r, 'm', 'stable', 1);
          works('sync', @rs);
          unlink "$case/r/models/m/\@stable";
      }, 'sync', @rs ],
    [ 'new store', sub { system('rm', '-rf', "$case/s") }, 'sync', @rs,
      '--create', '--size', '1g' ],
    [ 'store completed', sub { unlink "$case/s/control"; }, 'sync', @rs,
      '--create' ],
    [ 'store of another size', 'sync', @rs, '--create', '--size', '64m' ],
    [ 'line without link', sub {
          append('{"op":"alias","alias":"champion","version":"1",'
                 . '"from":"2"}' . "\n");
      }, 'publish', @rs, 'm', $images[2] ],
    [ 'torn line', sub { append('{"op":"alias","alias":"cham') },
      'alias', @rs, 'm', 'champion', 1 ],
    [ 'version without line', sub {
          system('cp', '-p', "$case/r/models/m/1.mlm",
                 "$case/r/models/m/3.mlm");
      }, 'publish', @rs, 'm', $images[2], '--alias', 'champion' ],
    [ 'link without line', sub {
          symlink '1.mlm', "$case/r/models/m/\@hand" or die;
      }, 'rollback', @rs, 'm' ]
);


# ------------------------------------------------------------------- kills

my (%passed, $kills);

# Everything that has to hold at once after a kill, and after the next writer.
# Returns what does not.

sub wrong {
    my ($registry, $named) = @_;
    my @wrong;
    my $model = $named // 'm';

    my ($status, $out, $err) = ctl('list', '-r', $registry);

    if (-d "$registry/models") {
        push @wrong, "list: $err" if $status;
        push @wrong, map { "registry $_" } bad_links($registry);
    }

    push @wrong, map { "store $_" } bad_links("$case/s");

    my ($last) = sort { $b <=> $a }
                 map { /^(\d+)\.mlm$/ ? $1 : () }
                     names("$registry/models/$model");
    $last //= 0;

    # the next writer

    my @store = -e "$case/s/control" ? ('-s', "$case/s") : ();

    if (! @store) {
        ($status, $out, $err) = ctl('sync', '-r', $registry, '-s', "$case/s",
                                    '--create');
        push @wrong, "sync --create: $err" if $status && -d $registry;
        @store = ('-s', "$case/s") unless $status;
    }

    ($status, $out, $err) = ctl('publish', '-r', $registry, @store, $model,
                                $images[0]);
    chomp $out;
    push @wrong, "publish: $err" if $status;
    push @wrong, "published as $out after $last" if $out ne $last + 1;

    push @wrong, map { "registry $_ after mending" } bad_links($registry);
    push @wrong, map { "store $_ after mending" } bad_links("$case/s");
    push @wrong, "no champion"
        unless links($registry)->{$model}{champion};

    my $differs = log_differs($registry, $model);
    push @wrong, $differs if $differs;

    if (@store) {
        ($status, $out, $err) = ctl('sync', '-r', $registry, @store);
        push @wrong, "sync: $err" if $status;

        my ($want, $have) = (links($registry), links("$case/s"));
        my $json = JSON::PP->new->canonical;

        push @wrong, 'links differ'
            if $json->encode($want) ne $json->encode($have);

        for my $name (keys %$want) {
            my %needed = map { ("$_.mlm" => 1) } values %{ $want->{$name} };
            my @files = grep { /\.mlm$/ } names("$case/s/models/$name");

            push @wrong, "store of $name has @files"
                if "@files" ne join ' ', sort keys %needed;
        }
    }

    push @wrong, leftovers($registry, "$case/s");

    return @wrong;
}


for my $command (@commands) {
    my ($title, @command) = @$command;
    my $prepare = ref $command[0] ? shift @command : undef;
    my ($registry) = map { $command[$_ + 1] }
                     grep { $command[$_] eq '-r' } 0 .. $#command;
    my ($model) = grep { /^[mno]$/ } @command;

    unlink "$top/points";
    restore($prepare);

    my ($status, $out, $err)
        = outcome({ env => { MLOPS_FAULT_LOG => "$top/points" } }, $fault,
                @command);

    is($status, 0, "$title: works") or diag($err);

    my @points = split /\n/, slurp("$top/points");
    my (%count, @failed);

    for my $point (@points) {
        my $n = ++$count{$point};
        my $at = "$point#$n";

        next if $ENV{MLOPS_QUICK} && $n > 1;

        restore($prepare);
        ($status, $out, $err) = outcome({ env => { MLOPS_FAULT => $at } },
                                        $fault, @command);

        if ($status ne 'signal ' . POSIX::SIGKILL()) {
            push @failed, "$at: not killed, status $status: $err";
            next;
        }

        $kills++;
        $passed{$point}++;
        push @failed, map { "$at: $_" } wrong($registry, $model);
    }

    ok(@points && ! @failed, "$title: killed at " . @points . ' points')
        or diag(join "\n", @failed);
}

my %known = map { ($_ => 1) }
            map { slurp($_) =~ /\bmlops_fault\("([^"]+)"\)/g }
                glob 'core/shm/*.c workers/registry/*.c';

is_deeply([ grep { ! $passed{$_} } sort keys %known ], [],
          'each fault point of the sources was hit');

note("$kills kills at ", scalar keys %passed, ' points');


# ---------------------------------------------------------- random moments

my $rounds = $ENV{MLOPS_QUICK} ? 40 : 200;
my ($killed, @failed) = (0);
my $took = 0.010;

restore();

for my $i (1 .. $rounds) {
    my @command = @{ ([ 'publish', @rs, 'm', $images[$i % 3], '--alias',
                        'champion' ],
                      [ 'rollback', @rs, 'm' ],
                      [ 'publish', @rs, 'm', $images[$i % 3] ])[$i % 3] };
    my $pid = fork() // die "fork: $!";

    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', "$top/err";
        exec { $tool } $tool, @command or POSIX::_exit(127);
    }

    # the span follows the machine, so that about half of them finish

    sleep(rand($took));
    kill KILL => $pid;
    waitpid $pid, 0;

    if ($? == POSIX::SIGKILL()) {
        $killed++;
        $took *= 1.1;

    } else {
        my $err = slurp("$top/err");

        # a rollback may have nowhere to go any more

        push @failed, "round $i: $err" if $? && $err !~ /there is none/;
        $took *= 0.9;
    }

    my @bad = (bad_links("$case/r"), bad_links("$case/s"));
    push @failed, "round $i: @bad" if @bad;
}

works('publish', @rs, 'm', $images[0], '--alias', 'champion');

my @versions = sort { $a <=> $b }
               map { /^(\d+)\.mlm$/ ? $1 : () } names("$case/r/models/m");

is_deeply(\@failed, [], "$rounds rounds, $killed killed: links always good");
cmp_ok($killed, '>', $rounds / 10, 'and enough of them were killed');
is_deeply(\@versions, [ 1 .. @versions ], 'no version is left out: '
                                          . scalar @versions);
is(log_differs("$case/r", 'm'), '', 'the log says what is there');
is_deeply([ leftovers("$case/r", "$case/s") ], [], 'nothing temporary stays');
is_deeply(links("$case/s"), links("$case/r"), 'the store is in step');


# --------------------------------------------------------- two at one time

restore();

my @pids = map {
    my $pid = fork() // die "fork: $!";

    if ($pid == 0) {
        open STDOUT, '>>', "$top/versions.$_";

        for my $i (1 .. 10) {
            system($tool, 'publish', @rs, 'm', $images[$i % 3], '--alias',
                   'champion') == 0 or POSIX::_exit(1);
        }

        POSIX::_exit(0);
    }

    $pid
} 1, 2;

is(join(' ', map { waitpid $_, 0; $? } @pids), '0 0', 'two writers succeed');

is_deeply([ sort { $a <=> $b } split /\n/,
            slurp("$top/versions.1") . slurp("$top/versions.2") ],
          [ 3 .. 22 ], 'each version is given once');
is_deeply(links("$case/s"), { m => { champion => 22 }, o => { champion => 1 } },
          'the last one serves');


# ------------------------------------------------------------- a full store

SKIP: {
    mkdir "$top/small";

    skip 'no tmpfs may be mounted here', 5
        if system('mount -t tmpfs -o size=64k tmpfs ' . "$top/small"
                  . ' 2>/dev/null');

    restore();
    works('sync', @r, '-s', "$top/small/s", '--create');

    # all but the last page

    open my $fh, '>', "$top/small/s/features/big" or die;
    binmode $fh;
    1 while syswrite $fh, "\0" x 4096;
    close $fh;

    my ($status, $out, $err) = ctl('publish', @r, '-s', "$top/small/s", 'm',
                                   $images[2], '--alias', 'champion');
    my $bytes = -s $images[2];

    is($status, 1, 'a full store: exit code 1');
    is($out, "3\n", 'the registry has the version');
    like($err, qr/registry has version 3 .* $bytes bytes are needed.*ctl sync/,
         'the text says what is needed, and what to do');
    is_deeply([ bad_links("$top/small/s"),
                grep { ! /^(?:2\.mlm|\@champion)$/ }
                     names("$top/small/s/models/m") ], [],
              'the version before serves, nothing else is left');

    unlink "$top/small/s/features/big";
    works('sync', @r, '-s', "$top/small/s", 'm');
    is(links("$top/small/s")->{m}{champion}, 3, 'with room again it follows');

    system('umount', "$top/small");
}

END {
    system("umount $top/small 2>/dev/null") if $top && -d "$top/small/s";
}

done_testing();
