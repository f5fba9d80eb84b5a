# mlopsctl tune: spaces, searches, goals, failures, and what is left when it
# is killed at any point.

use strict;
use warnings;

use File::Temp;
use FindBin;
use lib "$FindBin::Bin/../../tools/lib";

use JSON::PP;
use Mlops qw($build await outcome slurp slurp_quiet spew);
use Test::More;

my $ctl = $ENV{MLOPSCTL} || "$build/bin/mlopsctl";
my $fault = "$build/t/fault/mlopsctl";
my $dir = File::Temp->newdir;
my $json = JSON::PP->new->canonical;

$ENV{TMPDIR} = "$dir";        # what the killed leave goes with it

# how Katib's collector reads what a trial prints
my $katib = qr/([\w|-]+)\s*=\s*([+-]?\d*(?:\.\d+)?(?:[Ee][+-]?\d+)?)/;


sub tune {
    my (@args) = @_;

    return outcome({}, $ctl, 'tune', "$dir/recipe.json", "$dir/rows.csv",
                   @args);
}


# "trial N" to "name=value …", whatever the order in which they ended.

sub trials {
    my ($out) = @_;

    return { map { /^trial (\d+)(?: \(known\))?: (.*)$/ ? ($1, $2) : () }
             split /\n/, $out };
}


sub names {
    my ($out) = @_;

    return { map { /^([^ =]+)=(.*)$/ ? ($1, $2) : () } split /\n/, $out };
}


sub recipe {
    my (%in) = @_;

    spew("$dir/recipe.json", $json->encode({
        recipe => 1,
        inputs => [{ name => 'a' }, { name => 'b' }],
        train => {
            rows => { columns => [{ name => 'y' }, { name => 'part' }] },
            target => 'y', metrics => ['rmse', 'r2'],
            split => { by => 'random', seed => 3, train => 0.6, tune => 0.2,
                       gate => 0.2 },
            %{$in{train} || {}}
        },
        steps => [$in{step} || { kind => 'affine', fit => 'linear',
                                 inputs => ['a', 'b'], outputs => ['p'] }],
        signatures => [{ name => 'default', outputs => [{ name => 'p' }] }],
        $in{tune} ? (tune => $in{tune}) : ()
    }));
}


{
    my $x = 12345;
    my $next = sub { $x = ($x * 1103515245 + 12345) % 2147483648;
                     return $x / 2147483648 - 0.5 };

    spew("$dir/rows.csv", "a,b,y,part\n" . join('', map {
        my ($a, $b, $e) = map { $next->() } 1 .. 3;
        sprintf("%.6f,%.6f,%.6f,1\n", $a, $b, 3 * $a - $b + 0.3 * $e);
    } 1 .. 300));
}

my ($rc, $out, $err);

# --------------------------------------------------------------------- a grid

recipe(tune => { alpha => [0, 0.01, 0.1], intercept => [JSON::PP::true,
                                                     JSON::PP::false] });

($rc, $out, $err) = tune('-o', "$dir/best.mlm", '--search', 'grid',
                         '--trials', 20, '--parallel', 3);
is($rc, 0, 'a grid') or diag($err);

my $grid = trials($out);
my $best = names($out);
my %value = map { $grid->{$_} =~ /^rmse=(\S+)/ ? ($_ => $1) : () }
            keys %$grid;

is_deeply([sort keys %$grid], [0 .. 5], 'has six points');
is_deeply([map { $grid->{$_} =~ /alpha=(\S+) intercept=(\S+)$/; "$1 $2" }
           0 .. 5],
          [map { my $a = $_; map { "$a $_" } qw(true false) } 0, 0.01, 0.1],
          'all combinations, the last name fastest');

my ($first) = sort { $value{$a} <=> $value{$b} || $a <=> $b } keys %value;
is($best->{rmse}, $value{$first}, 'the best has the least loss');
like($out, qr/^\Q$dir\E\/best.mlm: trial $first, the best of 6$/m, 'by number');
like($grid->{$first}, qr/alpha=\Q$best->{alpha}\E /, 'and its settings');

# each is what train says of the part "tune" with these settings

for my $i (0, 3) {
    my ($alpha, $intercept) = $grid->{$i} =~ /alpha=(\S+) intercept=(\S+)$/;

    my ($rc, $out) = outcome({}, $ctl, 'train', "$dir/recipe.json",
                             "$dir/rows.csv", '-o', "$dir/one.mlm", '--katib',
                             '--alpha', $alpha, '--intercept', $intercept);
    my $said = names($out);

    is($said->{'tune-rmse'}, $value{$i}, "trial $i is judged by tune");
    is($said->{rmse}, $value{$i}, 'which is what a collector sees');
    isnt($said->{'gate-rmse'}, $value{$i}, 'and not by the gate');

    my %seen = $out =~ /$katib/g;
    is($seen{rmse}, $value{$i}, "Katib's expression finds it");

    if ($i == $first) {
        is(slurp("$dir/one.mlm"), slurp("$dir/best.mlm"), 'the same image');
    }
}

{
    my %seen = join("\n", grep { /^[\w-]+=/ } split /\n/, $out) =~ /$katib/g;
    is($seen{rmse}, $best->{rmse}, "Katib's expression reads tune's, too");

    my $facts = $json->decode(scalar `"$ctl" inspect --json "$dir/best.mlm"`)
                ->{facts}{metadata}{training};
    is_deeply($facts->{settings}, ["alpha=$best->{alpha}",
                                   "intercept=$best->{intercept}"],
              'the facts have the settings');
}

# a range with steps

recipe(tune => { alpha => { lo => 0.001, hi => 0.1, log => JSON::PP::true,
                            steps => 3 } });
($rc, $out, $err) = tune('-o', "$dir/best.mlm", '--search', 'grid');
is($rc, 0, 'a range with steps') or diag($err);
{
    my $t = trials($out);
    my @alpha = map { $t->{$_} =~ /alpha=(\S+)/ } 0 .. 2;

    is(scalar keys %$t, 3, 'has so many points');
    cmp_ok(abs($alpha[$_] / 10 ** ($_ - 3) - 1), '<', 1e-9, "point $_")
        for 0 .. 2;
}

# ------------------------------------------------------------ a random search

my $space = { alpha => { lo => 0.0001, hi => 1, log => JSON::PP::true },
              intercept => [JSON::PP::true, JSON::PP::false] };

recipe(tune => $space);
($rc, $out, $err) = tune('-o', "$dir/a.mlm", '--trials', 8, '--parallel', 3);
is($rc, 0, 'a random search') or diag($err);
my $random = trials($out);
is(scalar keys %$random, 8, 'of eight');

{
    my @alpha = map { $random->{$_} =~ /alpha=(\S+)/ } 0 .. 7;
    my %other = map { $_ => 1 } @alpha;

    is(scalar keys %other, 8, 'all different');
    ok(!(grep { $_ < 0.0001 || $_ > 1 } @alpha), 'within the range');
    ok((grep { $_ < 0.01 } @alpha) && (grep { $_ > 0.01 } @alpha),
       'on both sides of its middle in the logarithm');
}

($rc, $out, $err) = tune('-o', "$dir/b.mlm", '--trials', 8);
is_deeply(trials($out), $random, 'one after the other: the same trials');
is(slurp("$dir/a.mlm"), slurp("$dir/b.mlm"), 'and the same image');

($rc, $out, $err) = tune('-o', "$dir/b.mlm", '--trials', 2, '--seed', 2);
isnt(trials($out)->{0}, $random->{0}, 'another seed, others');

recipe(tune => { alpha => [0.1, 0.2, 0.3], intercept => [JSON::PP::true] });
($rc, $out, $err) = tune('-o', "$dir/b.mlm", '--trials', 12);
is_deeply([sort map { /alpha=(\S+)/ } values %{trials($out)}],
          [0.1, 0.2, 0.3], 'no combination of lists twice');

# settings of all trials

recipe(tune => { alpha => [0.1, 0.2] });

{
    my @alpha = ('-o', "$dir/b.mlm", '--trials', 2, '--seed', 1);
    my @same = map { ($rc, $out, $err) = tune(@alpha, @$_);
                     is($rc, 0, "@$_") or diag($err);
                     slurp("$dir/b.mlm") }
               (['--set', 'intercept=false'], ['--intercept', 'false'],
                ['--intercept=false']);

    is($same[$_], $same[0], 'an option of any other name is a setting')
        for 1, 2;

    ($rc, $out, $err) = tune(@alpha, '--intercep', 'false');
    is($rc, 1, 'of a name that is no key');
    like($err, qr/did you mean "intercept"/, 'is an error');

    ($rc, $out, $err) = tune(@alpha, '--alpha', 3);
    is($rc, 1, 'of a name that the space has');
    like($err, qr/setting "alpha=3": "alpha" is in the recipe's tune/,
         'is an error');

    ($rc, $out, $err) = tune(@alpha, '--intercept');
    is($rc, 2, 'without a value, too');

    # the same node of the recipe, by another name, around it or in it

    for (['alpha', 'steps[0].alpha=3'], ['alpha', 'steps[00].alpha=3'],
         ['steps[0].alpha', 'alpha=3'],
         ['alpha', 'steps[0]={"kind":"affine","fit":"linear"}'],
         ['steps[0]', 'alpha=3'])
    {
        my ($name, $set) = @$_;

        recipe(tune => { $name => [0, 0.1] });
        ($rc, $out, $err) = tune(@alpha, '--set', $set);
        is($rc, 1, "$name of the space, $set of all trials");
        like($err, qr/setting\ "\Q$set\E":\ "\Q$name\E"\ is\ in\ the\ recipe's
                      \ tune/x, 'is an error');
    }

    recipe(tune => { alpha => [0, 0.1] });
    ($rc, $out, $err) = tune(@alpha, '--set', 'steps[0].intercept=false',
                             '--set', 'steps[0].fit=elastic_net');
    is($rc, 0, 'another node of the same step is set') or diag($err);
}

# an image that would take the place of what the state has

{
    my @state = ('--trials', 2, '--state');

    recipe(tune => { alpha => [0, 0.1] });

    ($rc, $out, $err) = tune(@state, "$dir/own", '-o', "$dir/own/best.mlm");
    is($rc, 1, '-o in a folder of state that is not there yet');
    like($err, qr{-o: \Q$dir\E/own/best\.mlm is in the folder of --state, },
         'is an error');
    ok(! -e "$dir/own", 'before anything is made');

    ($rc, $out, $err) = tune(@state, "$dir/own/", '-o', "$dir/b.mlm");
    is($rc, 0, 'beside it') or diag($err);
    symlink 'own', "$dir/alias" or die "link: $!";
    symlink 'own/trial-0.mlm', "$dir/into" or die "link: $!";

    my %was = map { $_ => slurp("$dir/own/$_") } qw(tune.json trial-0.mlm);

    for my $to ('own/trial-0.mlm', 'own/tune.json', 'alias/new.mlm',
                'own/work/new.mlm', 'into', 'own/../own/new.mlm')
    {
        ($rc, $out, $err) = tune(@state, "$dir/own", '-o', "$dir/$to");
        is($rc, 1, "-o $to");
        like($err, qr{-o: \Q$dir/$to\E is in the folder of --state, },
             'is an error');
        is($out, '', 'before anything is done');
    }

    is(slurp("$dir/own/$_"), $was{$_}, "$_ stays") for sort keys %was;
    ok(! -e "$dir/own/new.mlm", 'and nothing else is there');
}

# a whole number

recipe(tune => { 'train.seed' => { lo => 1, hi => 3,
                                   integer => JSON::PP::true } });
($rc, $out, $err) = tune('-o', "$dir/b.mlm", '--trials', 6);
is($rc, 0, 'a path, whole numbers') or diag($err);
ok(!(grep { !/train\.seed=[123]$/ } values %{trials($out)}),
   'from 1 to 3') or diag($out);

# ------------------------------------------------------------------ the goal

recipe(tune => { alpha => [1000, 100, 0, 0.01] });
($rc, $out, $err) = tune('-o', "$dir/b.mlm", '--search', 'grid', '--goal',
                         'r2=0.9');
is($rc, 0, 'a goal') or diag($err);
is_deeply([sort keys %{trials($out)}], [0, 1, 2], 'ends when it is reached');
like($out, qr/the goal is reached/, 'and says so');
cmp_ok(names($out)->{r2}, '>=', 0.9, 'more is better of r2');

($rc, $out, $err) = tune('-o', "$dir/b.mlm", '--search', 'grid', '--goal',
                         'rmse=0.000001');
is(scalar keys %{trials($out)}, 4, 'one that is not reached');

($rc, $out, $err) = tune('-o', "$dir/b.mlm", '--goal', 'mae');
is($rc, 1, 'a metric that is not computed');
like($err, qr/expected the metric mae among those of the recipe/, 'is named');

# ------------------------------------------------------------------ failures

recipe(tune => { alpha => [-1, 0.01, -2, 0.1] });
($rc, $out, $err) = tune('-o', "$dir/b.mlm", '--search', 'grid');
is($rc, 0, 'two of four fail') or diag($err);
is(names($out)->{failed}, 2, 'which is said');
like($err, qr/trial 0 failed: .*alpha/, 'with the reason');

unlink "$dir/b.mlm";
($rc, $out, $err) = tune('-o', "$dir/b.mlm", '--search', 'grid',
                         '--max-failed', 1);
is($rc, 1, 'more than may');
like($err, qr/2 trials failed, of which 1 may; the last: .*alpha/, 'why');
ok(! -e "$dir/b.mlm", 'and no image');

# a metric that is not finite is that trial's failure

spew("$dir/far.sh", <<'E');
weight=$(echo "$MLOPS_PARAMETERS" | tr -cd '0-9e')
cat > "$MLOPS_MODEL" <<M
{"recipe": 1, "inputs": [{"name": "a"}], "steps": [{"kind": "affine",
 "inputs": ["a"], "weights": [$weight], "outputs": ["p"]}],
 "signatures": [{"name": "s", "outputs": [{"name": "p"}]}]}
M
E

recipe(step => { kind => 'model', fit => 'exec', timeout => '60s',
                 command => ['sh', './far.sh'], inputs => ['a', 'b'],
                 outputs => ['p'] },
       tune => { parameters => [{ w => '1e200' }, { w => '3' }] },
       train => { metrics => ['rmse', 'mae'] });

{
    my @far = ('--search', 'grid', '--state', "$dir/far");

    for my $which ('first', 'again') {
        ($rc, $out, $err) = tune(@far);
        is($rc, 0, "rmse of large errors, $which") or diag($err);
        like($err, qr/trial 0 failed: trial 0: rmse is not defined/,
             'is told');
        is(names($out)->{parameters}, '{"w":"3"}', 'the other is taken');
        is(names($out)->{failed}, 1, 'and one counted');
    }

    ($rc, $out, $err) = tune(@far, '--max-failed', 0);
    is($rc, 1, 'where none may fail');
    like($err, qr/1 trials failed, of which 0 may; the last: .*rmse/,
         'why');

    ($rc, $out, $err) = tune(@far, '--goal', 'mae=0');
    is($rc, 0, 'by another metric') or diag($err);
    is(names($out)->{failed}, 0, 'none has failed');
}

# one that is killed counts as failed

spew("$dir/kill.sh", <<'E');
case $MLOPS_PARAMETERS in
*die*)  # the keeper is our parent, the trainer its
        read -r line < "/proc/$PPID/stat"
        set -- ${line##*) }
        kill -9 "$2"
        sleep 600 ;;
esac
cat > "$MLOPS_MODEL" <<'M'
{"recipe": 1, "inputs": [{"name": "a"}], "steps": [{"kind": "affine",
 "inputs": ["a"], "weights": [3], "outputs": ["p"]}],
 "signatures": [{"name": "s", "outputs": [{"name": "p"}]}]}
M
E

my $exec = { kind => 'model', fit => 'exec', command => ['sh', './kill.sh'],
             inputs => ['a', 'b'], outputs => ['p'], timeout => '60s' };

recipe(step => $exec, tune => { parameters => [{ x => 'die' },
                                               { x => 'live' }] });
($rc, $out, $err) = tune('-o', "$dir/b.mlm", '--search', 'grid');
is($rc, 0, 'a trial is killed') or diag($err);
like($err, qr/trial 0 failed: trial 0: was ended by signal 9/, 'and named');
is(names($out)->{parameters}, '{"x":"live"}', 'the other one is the best');

# one that takes too long

spew("$dir/kill.sh", "sleep 600\n");
recipe(step => $exec, tune => { parameters => [{ x => 1 }] });
($rc, $out, $err) = tune('-o', "$dir/b.mlm", '--timeout', '1s');
is($rc, 1, 'a trial that hangs');
like($err, qr/no trial gave a model: trial 0: was ended after 1 s, its timeout/,
     'is ended');

# ----------------------------------------------------------------- the state

recipe(tune => $space);
my @args = ('--trials', 6, '--parallel', 2, '--state', "$dir/state");

($rc, $out, $err) = tune(@args);
is($rc, 0, 'a state') or diag($err);
my $whole = names($out);
my @whole = map { slurp("$dir/state/trial-$_.mlm") } 0 .. 5;
is(scalar(grep { length } @whole), 6, 'has the images of the trials');

($rc, $out, $err) = tune(@args, '-o', "$dir/b.mlm");
is(scalar(() = $out =~ /^trial \d \(known\):/mg), 6, 'which are known then');
is_deeply(names($out), $whole, 'the same result');
is(slurp("$dir/b.mlm"), slurp("$dir/state/trial-"
   . (($out =~ /: trial (\d+), the best/)[0]) . '.mlm'), 'the best of them');

($rc, $out, $err) = tune('--trials', 8, '--state', "$dir/state");
is(scalar(() = $out =~ /^trial \d \(known\):/mg), 6, 'more trials go on');
is(scalar(() = $out =~ /^trial \d:/mg), 2, 'with those that are new');

($rc, $out, $err) = tune(@args, '--seed', 9);
is($rc, 1, 'another search there');
like($err, qr/expected the same recipe, rows, settings, search and seed/,
     'is refused');

# a folder that is somebody else's, with what a tuning would call its own

mkdir "$dir/$_" or die "$_: $!" for 'other', 'other/work';
spew("$dir/other/work/mine", 'kept');

($rc, $out, $err) = tune('--trials', 1, '--state', "$dir/other");
is($rc, 1, 'a folder of other things');
like($err, qr/expected a folder of a tuning or a new one, got one that has/,
     'is refused');
is(slurp("$dir/other/work/mine"), 'kept', 'and stays as it was');

mkdir "$dir/state/work/left" or die "left: $!";
spew("$dir/state/work/left/by", 'the dead');

($rc, $out, $err) = tune(@args, '--seed', 9);
is($rc, 1, 'another search in a folder of a tuning');
ok(-e "$dir/state/work/left/by", 'leaves it alone');
($rc, $out, $err) = tune(@args);
is($rc, 0, 'the same');
ok(! -e "$dir/state/work/left", 'tidies it');

# killed at each of its points: the images and the result are the same

SKIP: {
    skip "no $fault: make fault-tool", 1 unless -x $fault;

    for my $point ('tune.ended#1', 'tune.ended#3', 'tune.ended#6',
                   'tune.commit#1', 'train_write#1')
    {
        my $state = "$dir/killed-" . ($point =~ s/\W/-/gr);
        my @again = ('tune', "$dir/recipe.json", "$dir/rows.csv", '--trials',
                     6, '--parallel', 2, '--state', $state);

        ($rc, $out, $err) = outcome({ env => { MLOPS_FAULT => $point } },
                                    $fault, @again);

        if ($point =~ /^train/) {
            is($rc, 1, "$point: all trials are killed");
            unlink glob("$state/trial-*.failed");

        } else {
            is($rc, 'signal 9', "$point: killed");
        }

        ($rc, $out, $err) = outcome({}, $ctl, @again);
        is($rc, 0, "$point: it goes on") or diag($err);
        is_deeply(names($out), $whole, "$point: the same result");
        is_deeply([map { slurp("$state/trial-$_.mlm") } 0 .. 5], \@whole,
                  "$point: the same images");
        is_deeply([grep { !m{/(?:tune\.json|lock|work|trial-[0-5]\.mlm)$} }
                   glob("$state/* $state/.tmp*")], [],
                  "$point: nothing else is left");
    }
}

# killed while trials run: they end with it

spew("$dir/kill.sh", <<"E");
echo \$\$ >> $dir/pids
[ -e $dir/go ] || exec sleep 600
cat > "\$MLOPS_MODEL" <<'M'
{"recipe": 1, "inputs": [{"name": "a"}], "steps": [{"kind": "affine",
 "inputs": ["a"], "weights": [3], "outputs": ["p"]}],
 "signatures": [{"name": "s", "outputs": [{"name": "p"}]}]}
M
E
recipe(step => $exec, tune => { parameters => [{ x => 1 }, { x => 2 },
                                               { x => 3 }] });
@args = ('tune', "$dir/recipe.json", "$dir/rows.csv", '--search', 'grid',
         '--parallel', 2, '--state', "$dir/slow");

for my $signal ('KILL', 'TERM') {
    unlink "$dir/pids";
    my $tuner = fork // die "fork: $!";

    if ($tuner == 0) {
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', "$dir/err";
        exec $ctl, @args;
        exit 1;
    }

    await(60, sub { (() = slurp_quiet("$dir/pids") =~ /\n/g) == 2 });

    if ($signal eq 'KILL') {
        ($rc, $out, $err) = outcome({}, $ctl, @args);
        is($rc, 1, 'a second one at the same state');
        like($err, qr/is another run at work there/, 'is refused');
    }

    kill $signal, $tuner;
    waitpid $tuner, 0;

    if ($signal eq 'TERM') {
        is($? >> 8, 1, 'a run that is asked to end');
        like(slurp("$dir/err"), qr/stopped with 0 trials done/, 'says so');
    }

    my @pids = slurp_quiet("$dir/pids") =~ /(\d+)/g;
    is(scalar @pids, 2, "$signal: two trials were at work");

    for my $pid (@pids) {
        ok(await(60, sub { slurp_quiet("/proc/$pid/stat") !~ /\) [^ZX]/ }),
           "$signal: and are gone");
    }

    is_deeply([glob("$dir/slow/trial-*")], [], "$signal: none has ended");
}

spew("$dir/go", '');
($rc, $out, $err) = outcome({}, $ctl, @args);
is($rc, 0, 'the run after that') or diag($err);
is(names($out)->{trials}, 3, 'does them all');

# -------------------------------------------------------------- what is wrong

my @wrong = (
    [undef, qr/tune: expected an object, got nothing/],
    [{ alpha => [] }, qr/tune\.alpha: expected a list of values, or a range/],
    [{ alpha => 3 }, qr/tune\.alpha: expected a list of values, or a range/],
    [{ alpha => { lo => 1, hi => 0 } }, qr/tune\.alpha: expected lo up to hi/],
    [{ alpha => { lo => 0, hi => 1, log => JSON::PP::true } },
     qr/tune\.alpha: expected lo up to hi, above 0 with log/],
    [{ alpha => { lo => 0.2, hi => 0.8, integer => JSON::PP::true } },
     qr/tune\.alpha: expected a whole number between lo and hi/],
    [{ alpha => { low => 1, hi => 2 } }, qr/tune\.alpha: .*did you mean "lo"/],
    [{ alhpa => [1] }, qr/recipe.json: .*alhpa.*did you mean "alpha"/]
);

for (@wrong) {
    my ($tune, $like) = @$_;

    recipe($tune ? (tune => $tune) : ());
    ($rc, $out, $err) = tune('-o', "$dir/b.mlm");
    is($rc, 1, 'refused');
    like($err, $like, "$like");
}

recipe(tune => { alpha => { lo => 0, hi => 1 } });
($rc, $out, $err) = tune('-o', "$dir/b.mlm", '--search', 'grid');
like($err, qr/expected lists, or ranges with steps, for a grid/, 'no grid');

# what is wrong for all trials is told before the first one

{
    my $gate = { by => 'random', seed => 1, train => 0.8, gate => 0.2 };
    my @early = (
        ['no rows to judge by', [], qr/recipe\.json:\ expected\ rows\ in\ the
         \ part\ "tune"\ of\ train\.split,\ or\ train\.validate,\ by
         \ which\ settings\ are\ judged,\ got\ neither/x,
         { split => $gate }],
        ['no word of a column', [], qr/recipe\.json: expected rows in the part/,
         { split => { by => 'column', column => 'word' } }],
        ['a place of no folder', ['-o', '/nonexistent/best.mlm'],
         qr{/nonexistent/best\.mlm: /nonexistent/: No such file}, {}],
        ['a metric that is not the recipe\'s', ['--goal', 'mae'],
         qr/expected\ the\ metric\ mae\ among\ those\ of\ the\ recipe
            \ \(train\.metrics\),\ got\ rmse,\ r2$/mx, {}],
        ['nor the default', ['--goal', 'deviance=1'],
         qr/expected\ the\ metric\ deviance\ among\ those\ of\ the
            \ recipe\ \(train\.metrics\),\ got\ rmse,\ mae,\ r2$/mx,
         { metrics => undef }],
        ['a line of the rows', [], qr/wrong\.csv line 3/, {}, 'wrong.csv'],
        ['no such rows', [], qr/none\.csv: cannot open: No such file/, {}, 'none.csv'],
        ['folds by another seed', [],
         qr/tune\.train\.seed:\ gives\ trials\ other\ folds/x,
         { split => $gate, validate => { folds => 3 } }, 'rows.csv',
         { 'train.seed' => [1, 2] }]
    );

    spew("$dir/wrong.csv", "a,b,y,part\n1,2,3,1\n1,2\n");

    for (@early) {
        my ($what, $args, $like, $train, $rows, $tune) = @$_;
        my %train = (%$train, $train->{split}{column}
                     ? (rows => { columns => [{ name => 'y' },
                                              { name => 'word',
                                                type => 'BYTES' }] }) : ());

        recipe(tune => $tune || { alpha => [1, 2] }, train => \%train);

        if (exists $train{metrics}) {
            spew("$dir/recipe.json",
                 slurp("$dir/recipe.json") =~ s/"metrics":null,//r);
        }

        spew("$dir/words.csv", "a,b,y,word\n" . "1,2,3,train\n2,1,4,gate\n"
                               x 10);

        ($rc, $out, $err) =
            outcome({}, $ctl, 'tune', "$dir/recipe.json", "$dir/"
                    . ($train->{split}{column} ? 'words.csv'
                       : $rows || 'rows.csv'), '-o', "$dir/b.mlm", '--state',
                    "$dir/early", @$args);
        is($rc, 1, $what);
        like($err, $like, "$what: told");
        unlike("$out$err", qr/trial \d/, "$what: before the first trial");
        ok(! -e "$dir/early", "$what: without a folder");
    }
}

# what changes the rows that are judged, or the judgement

for my $name ('train.split.seed', 'train.split.column', 'train.rows.missing',
              'train.target', 'train.classes', 'train.metrics',
              'train.prediction', 'train.weight', 'train.validate.folds',
              'train.split', 'train.metrics[0]')
{
    recipe(tune => { $name => [1, 2] });
    ($rc, $out, $err) = tune('-o', "$dir/b.mlm");
    is($rc, 1, "$name is not tuned");
    like($err, qr/tune\.\Q$name\E: changes which rows trials are judged by/,
         "$name: why");
}

recipe(step => { kind => 'model', fit => 'gbdt', trees => 2,
                 inputs => ['a', 'b'], outputs => ['p'] },
       tune => { objective => ['poisson', 'squared'] },
       train => { metrics => undef });
spew("$dir/recipe.json", slurp("$dir/recipe.json") =~ s/"metrics":null,//r);
($rc, $out, $err) = tune('-o', "$dir/b.mlm", '--search', 'grid');
is($rc, 1, 'learners of other metrics');
like($err, qr/setting\ "objective="squared""\ of\ trial\ 1:\ has\ no\ metric
              \ deviance,\ by\ which\ trials\ are\ judged/x, 'why');

recipe(step => { kind => 'model', fit => 'gbdt', trees => 2,
                 objective => 'quantile', inputs => ['a', 'b'],
                 outputs => ['p'] },
       tune => { alpha => [0.5, 0.9] },
       train => { metrics => ['pinball', 'mae'] });
($rc, $out, $err) = tune('-o', "$dir/b.mlm", '--search', 'grid');
is($rc, 1, 'another metric of the same name');
like($err, qr/setting "alpha=0\.9" of trial 1: changes the metric pinball/,
     'why');
($rc, $out, $err) = tune('-o', "$dir/b.mlm", '--search', 'grid', '--goal',
                         'mae');
is($rc, 0, 'by another one they are compared') or diag($err);

# --------------------------------------------------- judged by folds of train

{
    my $gate = { by => 'random', seed => 1, train => 0.8, gate => 0.2 };
    my %small = (split => $gate, validate => { folds => 4, repeats => 2 });

    recipe(tune => { alpha => [0.3, 0, 3] }, train => \%small);
    ($rc, $out, $err) = tune('-o', "$dir/b.mlm", '--search', 'grid');
    is($rc, 0, 'no part tune, but folds') or diag($err);

    my $t = trials($out);
    is_deeply([sort keys %$t], [0 .. 2], 'judge trials');

    for my $alpha (0.3, 0, 3) {
        my ($rc, $out) = outcome({}, $ctl, 'train', "$dir/recipe.json",
                                 "$dir/rows.csv", '-o', "$dir/one.mlm",
                                 '--katib', '--alpha', $alpha);
        my $said = names($out);
        my ($trial) = grep { /alpha=\Q$alpha\E$/ } values %$t;

        like($trial, qr/^rmse=\Q$said->{'validate-rmse'}\E /,
             "$alpha: by their mean");
        is($said->{rmse}, $said->{'validate-rmse'},
           "$alpha: which a collector sees");
        isnt($said->{rmse}, $said->{'train-rmse'}, "$alpha: not the training");
        isnt($said->{rmse}, $said->{'gate-rmse'}, "$alpha: nor the gate");
    }

    is(names($out)->{alpha}, 0, 'the best is the best');

    recipe(tune => { alpha => [0] }, train => { split => $gate });
    unlink "$dir/one.mlm";
    ($rc, $out, $err) = outcome({}, $ctl, 'train', "$dir/recipe.json",
                                "$dir/rows.csv", '-o', "$dir/one.mlm",
                                '--katib');
    is($rc, 1, '--katib with nothing to judge by');
    like($err, qr/expected rows in the part "tune" of train\.split, or/, 'why');
    ok(! -e "$dir/one.mlm", 'before training');

    recipe(train => { validate => { folds => 3 } });
    ($rc, $out, $err) = outcome({}, $ctl, 'train', "$dir/recipe.json",
                                "$dir/rows.csv", '-o', "$dir/one.mlm",
                                '--katib');
    is(names($out)->{rmse}, names($out)->{'tune-rmse'},
       'the part tune goes before folds');
}

for (['--goal', 'luck=1'], ['--goal', 'rmse=low'], ['--trials', '0'],
     ['--parallel', '99'], ['--search', 'clever'], ['--seed', '-1'],
     ['--timeout', 'soon'], ['--memory', 'much'], [])
{
    ($rc) = outcome({}, $ctl, 'tune', "$dir/recipe.json", "$dir/rows.csv", @$_,
                @$_ ? ('-o', "$dir/b.mlm") : ());
    is($rc, 2, "usage: @$_");
}

done_testing();
