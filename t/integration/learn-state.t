# What a run of training leaves, and what it went on from: a state that takes
# its place after the image, rows that are not learned twice, files that are
# not written over, a start that is not the one of an image.

use strict;
use warnings;

use File::Temp;
use FindBin;
use JSON::PP;
use POSIX ();
use lib "$FindBin::Bin/../../tools/lib";

use Mlops qw($build outcome spew);
use Test::More;

my $ctl = $ENV{MLOPSCTL} || "$build/bin/mlopsctl";
my $fault = "$build/t/fault/mlopsctl";
my $dir = File::Temp->newdir(DIR => -w '/dev/shm' ? '/dev/shm' : '/tmp');

delete @ENV{qw(MLOPS_FAULT MLOPS_FAULT_LOG MLOPS_SIMD)};
mkdir "$dir/tmp" or die "tmp: $!";
chdir $dir or die "chdir: $!";


sub ctl {
    return outcome({ env => { TMPDIR => "$dir/tmp" } }, $ctl, @_);
}


sub faulty {
    my ($point, @args) = @_;

    return outcome({ env => { TMPDIR => "$dir/tmp", MLOPS_FAULT => $point } },
                   $fault, @args);
}


# A run that has stopped at a point.

sub stopped {
    my ($point, @args) = @_;

    open(my $err, '+>', undef) or die "temporary file: $!";

    my $pid = fork() // die "fork: $!";

    if ($pid == 0) {
        @ENV{qw(TMPDIR MLOPS_FAULT)} = ("$dir/tmp", "$point!");
        open(STDOUT, '>', '/dev/null') or POSIX::_exit(126);
        open(STDERR, '>&', $err) or POSIX::_exit(126);
        alarm 300;
        exec { $fault } $fault, @args or POSIX::_exit(127);
    }

    waitpid $pid, POSIX::WUNTRACED();
    POSIX::WIFSTOPPED(${^CHILD_ERROR_NATIVE})
        or BAIL_OUT("a run did not stop at $point");

    return { pid => $pid, err => $err };
}


# Its end.

sub gone_on {
    my ($run) = @_;

    kill CONT => $run->{pid};
    waitpid $run->{pid}, 0;

    my $status = $?;

    seek $run->{err}, 0, 0;

    return ($status & 127 ? 'signal ' . ($status & 127) : $status >> 8,
            do { local $/; readline($run->{err}) // '' });
}


sub recipe {
    my (%step) = @_;

    return encode_json({
        recipe => 1, inputs => [{ name => 'x' }],
        train => { target => 'y', metrics => ['rmse'],
                   rows => { columns => [{ name => 'y' }] } },
        steps => [{ kind => 'model', inputs => ['x'], outputs => ['p'],
                    fit => 'adagrad', loss => 'squared', bits => 6,
                    %step }],
        signatures => [{ name => 'default',
                         outputs => [{ name => 'p' }] }],
    });
}


# Another file for each day.

sub rows {
    my ($day) = @_;

    return "x,y\n" . join '', map { my $x = ($_ * 7 + $day) % 13;
                                    "$x," . (2 * $x + $day) . "\n" } 1 .. 40;
}


# '' where there is none.

sub slurp {
    my ($file) = @_;

    return -e $file ? Mlops::slurp($file) : '';
}


sub facts {
    my ($image) = @_;

    my ($rc, $out) = ctl('inspect', $image, '--json');

    return decode_json($out)->{facts}{metadata}{training};
}


sub digest {
    my ($file) = @_;

    return sprintf 'xxh3:%016x', unpack 'x24 Q<', slurp($file) || "\0" x 32;
}


# Names in the folder, also hidden ones.

sub entries {
    opendir my $dh, $dir or die "$dir: $!";

    return join ' ', sort grep { !/^\.\.?$/ } readdir $dh;
}


my ($rc, $out, $err);

spew('r.json', recipe());
spew("day$_.csv", rows($_)) for 1 .. 3;

# ------------------------------------------------- the image, then the state

($rc, $out, $err) = ctl('train', 'r.json', 'day1.csv', '-o', 'o.mlm',
                        '--state', 's.st');
is($rc, 0, 'a state is begun') or diag($err);

my $first = slurp('s.st');
my $first_image = slurp('o.mlm');

is_deeply(facts('o.mlm')->{steps}[0]{state},
          { path => 's.st', digest => digest('s.st') },
          'the facts have the state that it leaves');

my @go_on = ('train', 'r.json', 'day2.csv', '-o', 'o.mlm', '--start', 's.st',
             '--state', 's.st');

($rc, $out, $err) = ctl(@go_on);
is($rc, 0, 'a state is gone on from') or diag($err);

my $second = slurp('s.st');
my $second_image = slurp('o.mlm');

isnt($second, $first, 'and replaced');

# again, with the state before

sub back {
    for my $of (['s.st', $first], ['o.mlm', $first_image]) {
        unlink $of->[0];
        spew(@$of);
    }
}

back();

SKIP: {
    -c '/dev/full' or skip 'no /dev/full', 4;

    ($rc, $out, $err) = ctl('train', 'r.json', 'day2.csv', '-o', '/dev/full',
                            '--start', 's.st', '--state', 's.st');
    is($rc, 1, 'an image that cannot be written');
    like($err, qr{/dev/full: write\(\) failed}, 'is told');
    is(slurp('s.st'), $first, 'the state stays');
    unlike(entries(), qr/\.tmp\./, 'and nothing is beside it');
}

mkdir 'folder.st' or die "folder: $!";
($rc, $out, $err) = ctl('train', 'r.json', 'day2.csv', '-o', 'new.mlm',
                        '--state', 'folder.st');
is($rc, 1, 'a state that is a folder is refused');
like($err, qr/steps\[0\]\.state: expected a file, got "folder\.st"/,
     'with a sentence');
ok(!-e 'new.mlm', 'and without an image');

SKIP: {
    skip "no $fault", 1 if !-x $fault;

    my %passed;

    spew('points', '');
    ($rc, $out, $err) = outcome({ env => { TMPDIR => "$dir/tmp",
                                           MLOPS_FAULT_LOG => "$dir/points" },
                                }, $fault, @go_on);
    is($rc, 0, 'a run that tells the points it passes') or diag($err);
    $passed{$_}++ for split /\n/, slurp('points');
    ok($passed{$_}, "$_ is among them") for qw(train_write train_image
                                               train_state);

    my ($broken, %seen) = (0);

    for my $point (sort keys %passed) {
        for my $n (1 .. $passed{$point}) {
            back();

            ($rc) = faulty("$point#$n", @go_on);

            my ($image, $state) = (slurp('o.mlm'), slurp('s.st'));
            my $at = ($image eq $first_image ? 'old'
                      : $image eq $second_image ? 'new' : 'broken')
                     . ($state eq $first ? ' old'
                        : $state eq $second ? ' new' : ' broken');
            $seen{$at}++;

            # whatever came of it: the command once more, then the next day

            ($rc, $out, $err) = ctl('train', 'r.json', 'day3.csv', '-o',
                                    'o.mlm', '--start', 's.st', '--state',
                                    's.st')
                if $at eq 'new old';

            if ($at eq 'new old'
                && ($rc != 1
                    || $err !~ /s\.st is not the state that o\.mlm left/))
            {
                $broken++;
                diag("$point#$n, other rows: $rc $err");
            }

            ($rc, $out, $err) = ctl(@go_on);

            my $well = $at eq 'new new'
                       ? $rc == 1 && $err =~ /would be learned twice/
                       : $rc == 0;

            next if $well && slurp('o.mlm') eq $second_image
                    && slurp('s.st') eq $second;
            $broken++;
            diag("$point#$n: $at, then $rc $err");
        }
    }

    is($broken, 0, 'killed anywhere, then repeated: learned once');
    is_deeply([sort keys %seen], ['new new', 'new old', 'old old'],
              'the image is the first to take its place');
    unlike(entries(), qr/\.tmp\./, 'and nothing is left');
}

# ------------------------------------------- two runs that replace one state

SKIP: {
    skip "no $fault", 13 if !-x $fault;

    my @other = map { s/^o\.mlm/other.mlm/r =~ s/day2/day3/r } @go_on;

    # the other one from its start to its end, before anything is put in place

    back();
    my $run = stopped('train_write', @go_on);
    ($rc, $out, $err) = ctl(@other);
    is($rc, 0, 'while a run is at work another one replaces its state')
        or diag($err);
    my $third = slurp('s.st');
    isnt($third, $first, 'really');

    ($rc, $err) = gone_on($run);
    is($rc, 1, 'the run fails');
    like($err, qr/steps\[0\]\.state:\ss\.st\swas\sreplaced\sby\sanother
                  \srun\smeanwhile/x, 'with a sentence');
    is(slurp('s.st'), $third, 'the state of the other one stays');
    is(slurp('o.mlm'), $first_image, 'and the image');
    unlike(entries(), qr/\.(?:tmp|lock)\./, 'and nothing is beside it');

    # the other one while the image has its place and the state has not

    back();
    unlink 'other.mlm';
    $run = stopped('train_image', @go_on);
    ok(-e '.lock.s.st', 'the state is locked before the image is written');

    my $late = stopped('train_write', @other);

    kill CONT => $late->{pid};
    ($rc, $err) = gone_on($run);
    is($rc, 0, 'a run that came first ends well') or diag($err);
    ($rc, $err) = gone_on($late);
    is($rc, 1, 'the late one does not');
    like($err, qr/s\.st was replaced by another run meanwhile/, 'and says so');
    ok(slurp('s.st') eq $second && !-e 'other.mlm', 'leaving all as it was');
    unlike(entries(), qr/\.(?:tmp|lock)\./, 'and no lock');
}

# -------------------------------------- two steps that replace what they read

my $twice = decode_json(recipe(start => 's.st', state => 's.st'));

push @{ $twice->{steps} }, { %{ $twice->{steps}[0] }, outputs => ['q'],
                             start => 't.st', state => 't.st' };
back();
spew('t.st', $first);
spew('twice.json', encode_json($twice));

($rc, $out, $err) = ctl('train', 'twice.json', 'no-such.csv', '-o',
                        'twice.mlm');
is($rc, 1, 'two steps that replace what they start from are refused');
like($err, qr/steps\[1\]\.state:\sexpected\sat\smost\sone\sstep\sthat
              \sreplaces\sthe\sstate\sit\sstarts\sfrom,\sgot
              \ssteps\[0\]\sand\ssteps\[1\]/x, 'before rows are read');

$twice->{steps}[1]{state} = 'u.st';
spew('twice.json', encode_json($twice));

($rc, $out, $err) = ctl('train', 'twice.json', 'day2.csv', '-o', 'twice.mlm');
is($rc, 0, 'one that does beside one that does not may be') or diag($err);

my ($new_s, $new_u, $twice_image) = map { slurp($_) } qw(s.st u.st twice.mlm);

isnt($new_s, $first, 'and both are kept');
isnt($new_u, '', 'each in its place');

SKIP: {
    skip "no $fault", 3 if !-x $fault;

    unlink 's.st', 'u.st', 'twice.mlm';
    spew('s.st', $first);
    faulty('train_state#2', 'train', 'twice.json', 'day2.csv', '-o',
           'twice.mlm');
    is(slurp('s.st'), $first, 'what is gone on from is replaced last');
    is(slurp('u.st'), $new_u, 'behind the others');

    ($rc, $out, $err) = ctl('train', 'twice.json', 'day2.csv', '-o',
                            'twice.mlm');
    ok($rc == 0 && slurp('s.st') eq $new_s && slurp('u.st') eq $new_u
       && slurp('twice.mlm') eq $twice_image, 'so all is made again')
        or diag($err);
}

($rc, $out, $err) = ctl('train', 'r.json', 'day1.csv', '-o', 'n.mlm',
                        '--state', 's' x 250);
is($rc, 1, 'a name without room for that of a lock');
like($err, qr/steps\[0\]\.state: expected a name of at most 249 bytes, got 250/,
     'is refused');

# ---------------------------------------------------------- rows learned once

back();
ctl(@go_on);

($rc, $out, $err) = ctl(@go_on);
is($rc, 1, 'a command repeated after it ended well is refused');
like($err, qr/start:\ss\.st\sis\sthe\sstate\sthat\so\.mlm\sleft,\swhich
              \slearned\sthe\srows\sof\sday2\.csv/x, 'for its rows are learned');
is(slurp('s.st'), $second, 'and nothing is changed');

($rc, $out, $err) = ctl(map { s/^o\.mlm/p.mlm/r } @go_on);
is($rc, 0, 'with another image it is wanted so') or diag($err);

spew('s.st', $second);
($rc, $out, $err) = ctl(map { s/day2/day3/r } @go_on);
is($rc, 0, 'other rows are learned from there') or diag($err);

# a start that is another file than the state: repeated, it is the same

for (1, 2) {
    ($rc, $out, $err) = ctl('train', 'r.json', 'day2.csv', '-o', 'q.mlm',
                            '--start', 's.st', '--state', 'other.st');
    is($rc, 0, 'a state that stays may be gone on from twice') or diag($err);
}

# ------------------------------------------ reports too long for the facts

my @names = map { sprintf('x%04d_', $_) . 'a' x 40 } 0 .. 1799;
my $wide = decode_json(recipe(inputs => ['p0'], outputs => ['q'],
                              state => 'wide.st'));

$wide->{inputs} = [map { { name => $_ } } @names];
$wide->{signatures}[0]{outputs}[0]{name} = 'q';
unshift @{ $wide->{steps} }, map { { kind => 'model', fit => 'gbdt',
                                     trees => 1, inputs => ['x*'],
                                     outputs => ["p$_"] } } 0 .. 4;
spew('wide.json', encode_json($wide));
spew('wide.csv', join(',', @names, 'y') . "\n"
                 . join '', map { my $row = $_;
                                  join(',', (map { ($_ * $row) % 7 }
                                             0 .. $#names), $row) . "\n"
                                } 1 .. 30);

($rc, $out, $err) = ctl('train', 'wide.json', 'wide.csv', '-o', 'wide.mlm');
is($rc, 0, 'many reports, of many inputs') or diag($err);
is_deeply(facts('wide.mlm')->{steps}[5],
          { step => 5, kind => 'model', fit => 'adagrad',
            state => { path => 'wide.st', digest => digest('wide.st') } },
          'are left out, the state is not');
is(scalar @{ facts('wide.mlm')->{steps} }, 6, 'of any step');

# --------------------------------------------------------------- reproduce

spew('s.st', $first);
ctl('train', 'r.json', 'day2.csv', '-o', 'kept.mlm', '--start', 's.st',
    '--state', 'next.st');
($rc, $out, $err) = ctl('reproduce', 'kept.mlm', 'day2.csv');
is($rc, 0, 'with its state as it was a model is made again') or diag($err);

my ($old, $now) = (digest('s.st'), digest('next.st'));

spew('s.st', slurp('next.st'));
($rc, $out, $err) = ctl('reproduce', 'kept.mlm', 'day2.csv');
is($rc, 1, 'with another one');
like($err, qr/steps\[0\]\.start:\ss\.st\shas\sthe\sdigest\s$now,
              \sthe\simage\swas\smade\sfrom\s$old/x, 'it is told before it is trained');
unlike($out, qr/differs/, 'and no bits are compared');

unlink 's.st';
($rc, $out, $err) = ctl('reproduce', 'kept.mlm', 'day2.csv');
is($rc, 1, 'without one');
like($err, qr/steps\[0\]\.start: .*s\.st/, 'so it is');

spew('g.json', recipe(fit => 'gbdt', trees => 2));
my $gbdt = decode_json(slurp('g.json'));
delete @{ $gbdt->{steps}[0] }{qw(loss bits)};
spew('g.json', encode_json($gbdt));
ctl('train', 'g.json', 'day1.csv', '-o', 'g1.mlm');
ctl('train', 'g.json', 'day2.csv', '-o', 'g2.mlm', '--start', 'g1.mlm');
my $was = digest('g1.mlm');
unlink 'g1.mlm';
ctl('train', 'g.json', 'day3.csv', '-o', 'g1.mlm');
($rc, $out, $err) = ctl('reproduce', 'g2.mlm', 'day2.csv');
is($rc, 1, 'an image that is another one');
like($err, qr/steps\[0\]\.start:\sg1\.mlm\shas\sthe\sdigest\s\S+,
              \sthe\simage\swas\smade\sfrom\s$was/x, 'is told as well');

# ----------------------------------------------- files that are written over

my %before = map { $_ => slurp($_) } qw(g.json r.json day1.csv g1.mlm);

spew('import.json', encode_json({
    recipe => 1, inputs => [{ name => 'x' }],
    steps => [{ kind => 'affine', inputs => ['x'], outputs => ['y'],
                weights => [[2]] }],
    signatures => [{ name => 'default', outputs => [{ name => 'y' }] }] }));
$before{'import.json'} = slurp('import.json');

my $named = decode_json($before{'import.json'});
$named->{steps}[0] = { kind => 'model', file => 'import.json',
                       inputs => ['x'], outputs => ['y'] };
spew('names.json', encode_json($named));
$before{'names.json'} = slurp('names.json');

symlink 'day1.csv', 'link.csv' or die "link: $!";
spew('tune.json', encode_json({ %$gbdt,
     tune => { learning_rate => { lo => 0.1, hi => 0.2 } } }));
$before{'tune.json'} = slurp('tune.json');

my @train = ('train', 'g.json', 'day1.csv');
my @online = ('train', 'r.json', 'day1.csv');

for my $case (
    ['the rows', @train, '-o', 'day1.csv'],
    ['the rows by a link', @train, '-o', 'link.csv'],
    ['the recipe', @train, '-o', './g.json'],
    ['the recipe by --recipe-out', @train, '-o', 'n.mlm', '--recipe-out',
     'g.json'],
    ['the rows by --recipe-out', @train, '-o', 'n.mlm', '--recipe-out',
     'day1.csv'],
    ['one for two', @train, '-o', 'n.mlm', '--recipe-out', 'tmp/../n.mlm'],
    ['the rows by a state', @online, '-o', 'n.mlm', '--state', 'day1.csv'],
    ['the image by a state', @online, '-o', 'n.mlm', '--state', 'n.mlm'],
    ['the image gone on from', @train, '-o', 'g1.mlm', '--start', 'g1.mlm'],
    ['the rows by the best', 'tune', 'tune.json', 'day1.csv', '-o',
     'day1.csv', '--trials', 1],
    ['the recipe by the best', 'tune', 'tune.json', 'day1.csv', '-o',
     'tune.json', '--trials', 1],
    ['an image exported', 'export', 'g1.mlm', '--to', 'xgboost.json', '-o',
     'g1.mlm'],
    ['a recipe imported', 'import', 'import.json', '-o', 'import.json'],
    ['a model that an imported recipe names', 'import', 'names.json', '-o',
     './import.json'],
    ['rows of an import', 'import', 'import.json', '--rows', 'day1.csv',
     '-o', 'day1.csv'],
) {
    my ($name, @args) = @$case;

    ($rc, $out, $err) = ctl(@args);
    is($rc, 1, "$name: refused");
    like($err, qr/ is the same file as /, 'with both named') or diag($err);
    is_deeply([grep { slurp($_) ne $before{$_} } sort keys %before], [],
              'and unharmed');
    ok(!-e 'n.mlm', 'nothing is written');
}

($rc, $out, $err) = ctl(@train, '-o', '/dev/null', '--recipe-out',
                        '/dev/null');
is($rc, 0, 'a device takes all') or diag($err);

chdir '/' or die "chdir: $!";

done_testing();
