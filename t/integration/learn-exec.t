# The fit "exec": a command of the user's own makes the model.  What it is
# given, what it may leave, and every way in which it may go wrong.  The
# commands are shell scripts; all of them end, or are ended.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Temp;
use FindBin;
use lib "$FindBin::Bin/../../tools/lib";

use JSON::PP;
use Mlops qw($build $root await outcome slurp slurp_quiet spew);
use Test::More;

my $ctl = $ENV{MLOPSCTL} || "$build/bin/mlopsctl";
my $dir = File::Temp->newdir;
my $json = JSON::PP->new->canonical;

$ENV{TMPDIR} = "$dir";        # what the killed leave goes with it

my @rows = ([1, 2, 'x', 4], [2, -1, 'y', 3], [0.5, '', 'x', 1],
            [-3, 0.25, '', -5.75], [4, 1, 'a"b', 9]);


# Trains with a script as the command; exit code, output, errors.

sub train {
    my ($script, %in) = @_;

    my $step = {
        kind => 'model', fit => 'exec', command => ['sh', './command.sh'],
        timeout => '60s', inputs => ['a', 'b'], outputs => ['p'],
        %{$in{step} || {}}
    };

    my $recipe = {
        recipe => 1,
        inputs => [{ name => 'a' }, { name => 'b' },
                   { name => 'c', type => 'BYTES' }],
        train => { rows => { columns => [{ name => 'y' }] }, target => 'y',
                   %{$in{train} || {}} },
        steps => [{ kind => 'impute', fit => 'mean', inputs => ['b'],
                    outputs => ['b_known'] }, $step],
        signatures => [{ name => 'default', outputs => [{ name => 'p' }] }]
    };

    spew("$dir/command.sh", $script);
    spew("$dir/recipe.json", $json->encode($recipe));

    return outcome({}, $ctl, 'train', "$dir/recipe.json", "$dir/rows.csv",
                   '-o', "$dir/m.mlm", @{$in{args} || []});
}


# Predictions of the model that was made.

sub predict {
    my ($csv) = @_;

    my ($rc, $out) = outcome({ in => $csv }, $ctl, 'predict', "$dir/m.mlm");
    my @lines = split /\n/, $out;
    shift @lines;

    return @lines;
}


sub refused {
    my ($name, $script, $like, %in) = @_;

    unlink "$dir/m.mlm";
    my ($rc, $out, $err) = train($script, %in);

    is($rc, 1, "$name: exit code") or diag($err);
    like($err, $like, "$name: why");
    ok(! -e "$dir/m.mlm", "$name: no image");
}


# Waits until a process is gone.

sub gone {
    my ($pid) = @_;

    return await(60, sub {
        slurp_quiet("/proc/$pid/stat") !~ /\) [^ZX]/;
    });
}


sub csv {
    my ($v) = @_;

    return $v =~ /"/ ? '"' . $v =~ s/"/""/gr . '"' : $v;
}


spew("$dir/rows.csv", "a,b,c,y\n"
     . join('', map { join(',', map { csv($_) } @$_) . "\n" } @rows));

my $linear = <<'E';
cat > "$MLOPS_MODEL" <<'M'
{"recipe": 1, "inputs": [{"name": "b", "default": 0}, {"name": "a"}],
 "steps": [{"kind": "affine", "inputs": ["a", "b"], "weights": [2, 1],
            "bias": 0.5, "outputs": ["sum"]}],
 "signatures": [{"name": "s", "outputs": [{"name": "y", "from": "sum"}]}]}
M
E

my ($rc, $out, $err);

# --------------------------------------------------------- a recipe comes out

($rc, $out, $err) = train($linear);
is($rc, 0, 'a command leaves a recipe') or diag($err);
is_deeply([predict("a,b,c\n1,2,x\n-1,,x\n")], ['4.5', '-1.5'],
          'inputs by name, a default of its own');

# ----------------------------------------------- a recipe out of an image

($rc) = train("touch '$dir/ran'\n$linear");
is($rc, 0, 'a command that leaves a trace');
unlink "$dir/ran" or die "$dir/ran: $!";

sub again {
    my ($rows, @args) = @_;

    return outcome({}, $ctl, 'reproduce', "$dir/m.mlm", "$dir/$rows",
                   '--folder', "$dir", @args);
}

($rc, $out, $err) = again('rows.csv');
is($rc, 1, 'it is not run because an image says so');
like($err, qr{^mlopsctl\ reproduce:\ \Q$dir\E/m\.mlm:\ steps\[1\]\.command:
              \ the\ step\ runs\ "sh\ \S*/command\.sh",\ and\ commands\ of
              \ this\ recipe\ are\ not\ allowed;\ "mlopsctl\ inspect"\ shows
              \ the\ recipe,\ --exec\ lets\ its\ commands\ run$}mx,
     'but told');
ok(! -e "$dir/ran", 'and has left no trace');

like(`"$ctl" inspect "$dir/m.mlm"`, qr/\bcommand\.sh\b/,
     'inspect shows it as well');

# rows that are wrong are found only where they are read

spew("$dir/broken.csv", "a,b,c,y\n1,2,\"x,4\n");

for my $case (['none.csv', qr/none\.csv: cannot open: No such file/],
              ['broken.csv', qr/broken\.csv line 2, .*quote is not closed/])
{
    my ($rows, $wrong) = @$case;

    ($rc, $out, $err) = again($rows);
    is($rc, 1, "with $rows it is not run either");
    like($err, qr/ commands of this recipe are not allowed;/, 'which is told');
    unlike($err, qr/\Q$rows\E/, 'and nothing of the rows');

    ($rc, $out, $err) = again($rows, '--exec');
    is($rc, 1, "$rows is refused when it may run");
    like($err, $wrong, 'as it is');
    unlike($err, qr/--exec/, 'without a word of the option');
}

ok(! -e "$dir/ran", 'nothing has left a trace');

($rc, $out, $err) = again('rows.csv', '--exec');
is($rc, 0, 'it is run when asked for') or diag($err);
like($out, qr/: the same, /, 'and makes the same model');
ok(-e "$dir/ran", 'with its trace');

($rc) = train($linear, step => { command => ['sh', './command.sh',
                                             'x' x 400] });
is($rc, 0, 'a command of many bytes');
($rc, $out, $err) = again('rows.csv');
like($err, qr/ runs "sh \S* x+\.\.\.", and commands of /, 'is cut to be told');

($rc, $out, $err) = train($linear =~ s/"a", "b"/"a", "b_known"/r
                          =~ s/"b", "default": 0/"b_known"/r,
                          step => { inputs => ['b_known', 'a'] });
is($rc, 0, 'it reads what a step computed') or diag($err);
is_deeply([predict("a,b,c\n1,2,x\n1,,x\n")], ['4.5', '3.0625'],
          'a missing value is the mean of 2, -1, 0.25, 1');

# ----------------------------------------------- an XGBoost model comes out

my $file = "$root/t/data/xgboost/squarederror.json";

{
    my $names = '"feature_names":["f0","f1","f2","f3","f4","f5"]';
    my $model = slurp($file) =~ s/"feature_names"\s*:\s*\[\s*\]/$names/r;
    my @inputs = map { { name => "f$_" } } 0 .. 5;

    spew("$dir/model.json", $model);
    spew("$dir/six.csv", "f0,f1,f2,f3,f4,f5,y\n0.1,-1,2,0.5,0,1,3\n"
                         . "1,1,-2,-0.5,3,,4\n");
    spew("$dir/command.sh", "cp $dir/model.json \$MLOPS_MODEL\n");
    spew("$dir/six.json", $json->encode({
        recipe => 1, inputs => \@inputs,
        train => { rows => { columns => [{ name => 'y' }] }, target => 'y' },
        steps => [{ kind => 'model', fit => 'exec', outputs => ['p'],
                    command => ['sh', './command.sh'],
                    inputs => [map { "f$_" } 3, 4, 5, 0, 1, 2] }],
        signatures => [{ name => 'd', outputs => [{ name => 'p' }] }]
    }));

    ($rc, $out, $err) = outcome({}, $ctl, 'train', "$dir/six.json",
                                "$dir/six.csv", '-o', "$dir/m.mlm");
    is($rc, 0, 'a command leaves an XGBoost model') or diag($err);

    system("'$ctl' import $file -o $dir/x.mlm > /dev/null");
    my @want = split /\n/, `'$ctl' predict $dir/x.mlm --signature default \\
                            < $dir/six.csv`;
    my @got = split /\n/, `'$ctl' predict $dir/m.mlm < $dir/six.csv`;

    ok(@got == 3 && @want == 3, 'two answers each');
    cmp_ok(abs($got[$_] - $want[$_]), '<', 1e-6,
           "features by name, row $_") for 1 .. 2;
}

# ------------------------------------------------------------ what it is told

$ENV{LEARN_TOKEN} = 'token';
$ENV{LEARN_SECRET} = 'not for it';

($rc, $out, $err) = train(<<"E" . $linear,
cp "\$MLOPS_ROWS" $dir/got.csv
env | sort > $dir/got.env
ls /proc/self/fd | sort > $dir/got.fd
pwd > $dir/got.pwd
ulimit -c > $dir/got.core
ulimit -d > $dir/got.data
ulimit -f > $dir/got.file
ps -o pgid= -p \$\$ > $dir/got.pgid; echo \$\$ >> $dir/got.pgid
E
    step => { objective => 'reg:squarederror', memory => '1g',
              output => '1m', parameters => { eta => 0.5, s => "it's" },
              environment => { EXTRA => 'more', HANDED => 'env:LEARN_TOKEN' },
              inputs => ['a', 'b', 'c'] },
    args => ['--seed', '7', '--threads', '2']);

is($rc, 0, 'a command that looks around') or diag($err);
is(slurp("$dir/got.csv"), "a,b,c,target,weight\n1.0,2.0,x,4.0,1.0\n"
   . "2.0,-1.0,y,3.0,1.0\n0.5,,x,1.0,1.0\n-3.0,0.25,,-5.75,1.0\n"
   . "4.0,1.0,\"a\"\"b\",9.0,1.0\n", 'the rows');

my %env = map { /^([^=]+)=(.*)$/ ? ($1, $2) : () }
          split /\n/, slurp("$dir/got.env");

is($env{MLOPS_SEED}, '7', 'the seed');
is($env{MLOPS_THREADS}, '2', 'the threads');
is($env{MLOPS_OBJECTIVE}, 'reg:squarederror', 'the objective');
is_deeply($json->decode($env{MLOPS_PARAMETERS}),
          { eta => 0.5, s => "it's" }, 'the parameters');
is_deeply($json->decode($env{MLOPS_INPUTS}), ['a', 'b', 'c'], 'the inputs');
is_deeply($json->decode($env{MLOPS_CLASSES}), [], 'no classes');
is("$env{MLOPS_TARGET} $env{MLOPS_WEIGHT}", 'target weight', 'the names');
is($env{MLOPS_TUNE_ROWS}, '', 'no rows for tuning');
is($env{EXTRA}, 'more', 'a variable of the step');
is($env{HANDED}, 'token', 'and one that is handed on');
ok(!exists $env{LEARN_SECRET} && !exists $env{LEARN_TOKEN},
   'nothing else of ours');
is($env{HOME} . "\n", slurp("$dir/got.pwd"), 'it runs in its own folder');
is(slurp("$dir/got.fd"), "0\n1\n2\n3\n", 'no descriptor of ours');
is(slurp("$dir/got.core"), "0\n", 'no core file');
is(slurp("$dir/got.data"), "1048576\n", 'its memory is limited');
is(slurp("$dir/got.file"), "2048\n", 'and its files');

my ($pgid, $pid) = slurp("$dir/got.pgid") =~ /(\d+)/g;
is($pgid, $pid, 'a process group of its own');

# the parts: 3 rows to train with, 2 to tune

($rc, $out, $err) = train("cat \$MLOPS_TUNE_ROWS > $dir/got.csv\n" . $linear,
    train => { split => { by => 'random', seed => 1, train => 0.6,
                          tune => 0.4 } });
is($rc, 0, 'with rows for tuning') or diag($err);
is(scalar(() = slurp("$dir/got.csv") =~ /\n/g), 3, 'which are two');

# categories as numbers

($rc, $out, $err) = train(<<"E",
cp "\$MLOPS_ROWS" $dir/got.csv
cat > "\$MLOPS_MODEL" <<'M'
{"recipe": 1, "inputs": [{"name": "c"}],
 "steps": [{"kind": "impute", "value": 100, "inputs": ["c"],
            "outputs": ["p"]}],
 "signatures": [{"name": "s", "outputs": [{"name": "p"}]}]}
M
E
    step => { inputs => ['a', 'c'], codes => JSON::PP::true });
is($rc, 0, 'categories as codes') or diag($err);

{
    my %code;
    my @lines = split /\n/, slurp("$dir/got.csv");

    for my $i (0 .. $#rows) {
        my $code = (split /,/, $lines[$i + 1])[1];
        $code{$rows[$i][2]} = $code if $rows[$i][2] ne '';
        is($code, '', 'none for a missing one') if $rows[$i][2] eq '';
    }

    is_deeply([sort values %code], [0, 1, 2], 'from 0, each its own');
    is_deeply([predict(qq(a,b,c\n1,1,x\n1,1,"a""b"\n1,1,\n1,1,new\n))],
              ["$code{x}.0", $code{'a"b'} . '.0', '100.0', '100.0'],
              'the model reads the same codes');
}

# ------------------------------------------------- the recipe's folder, whole

spew("$dir/beside.txt", "beside\n");
mkdir "$dir/sub" or die "$dir/sub: $!";

{
    my $folder = abs_path("$dir");
    my $looks = "printf '%s\\n' \"\$MLOPS_FOLDER\" > $dir/got.folder\n"
                . "cat \"\$MLOPS_FOLDER/beside.txt\" >> $dir/got.folder\n";

    train($looks . $linear);

    for my $case (['recipe.json', "$dir"], ['./recipe.json', "$dir"],
                  ['../recipe.json', "$dir/sub"], ["$dir/recipe.json", '/'])
    {
        my ($recipe, $from) = @$case;

        unlink "$dir/got.folder";
        ($rc, $out, $err) = outcome({ dir => $from }, $ctl, 'train', $recipe,
                                    "$dir/rows.csv", '-o', "$dir/m.mlm");
        is($rc, 0, "train $recipe") or diag($err);
        is(slurp_quiet("$dir/got.folder"), "$folder\nbeside\n",
           "its folder as $recipe");
    }

    for my $case (['.', "$dir"], ['..', "$dir/sub"], ['../', "$dir/sub"]) {
        my ($given, $from) = @$case;

        unlink "$dir/got.folder";
        ($rc, $out, $err) = outcome({ dir => $from }, $ctl, 'reproduce',
                                    "$dir/m.mlm", "$dir/rows.csv", '--exec',
                                    '--folder', $given);
        is($rc, 0, "reproduce --folder $given") or diag($err);
        is(slurp_quiet("$dir/got.folder"), "$folder\nbeside\n",
           "its folder as --folder $given");
    }
}

# ----------------------------------------------------- what it prints is shown

my $says = <<'E';
echo one
echo two >&2
printf '\033[31mred\033[0m\ta\177b\n'
printf 'gr\303\274n c\302\233d\n'
printf 'no UTF-8: \303\274 \377\n'
printf '10%%\r20%%\r\n\n'
i=0; while [ $i -lt 300 ]; do printf 'long '; i=$((i + 1)); done; echo
printf 'the end'
E

my $said = "one\ntwo\n?[31mred?[0m\ta?b\ngr\303\274n c??d\n"
           . "no UTF-8: ?? ?\n10%\n20%\n\n" . 'long ' x 300 . "\nthe end\n";

($rc, $out, $err) = train($says . $linear, args => ['--json']);
is($rc, 0, 'a command that prints') or diag($err);
is($err, $said, 'all of it is on stderr, line by line');
is(ref eval { $json->decode($out) }, 'HASH', 'and nothing on stdout');

($rc, $out, $err) = again('rows.csv', '--exec');
is($err, $said, 'reproduce shows it, too');

refused('a script that fails', <<'E',
echo "Traceback (most recent call last):" >&2
echo '  File "train.py", line 3, in <module>' >&2
echo "KeyError: 'eta'" >&2
exit 1
E
        qr/^Traceback\ \(most\ recent\ call\ last\):\n\ \ File\ "train\.py",
           \ line\ 3,\ in\ <module>\nKeyError:\ 'eta'\nmlopsctl\ train:\ .*
           got\ 1;\ it\ said\ last:\ "KeyError:\ 'eta'"$/mx);

($rc, $out, $err) = train('yes', step => { output => '64k' });
is(scalar(() = $err =~ /^y$/gm), 32768, 'no more than the limit is shown')
    or diag(length $err);

# it comes while the command is at work

{
    train($linear);
    spew("$dir/command.sh", <<"E" . $linear);
echo ready
i=0
while [ ! -e $dir/go ] && [ \$i -lt 600 ]; do sleep 0.1; i=\$((i + 1)); done
[ -e $dir/go ] && echo gone
E
    my $trainer = fork // die "fork: $!";

    if ($trainer == 0) {
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', "$dir/said";
        exec $ctl, 'train', "$dir/recipe.json", "$dir/rows.csv", '-o',
             "$dir/m.mlm";
        exit 1;
    }

    ok(await(50, sub { slurp_quiet("$dir/said") eq "ready\n" }),
       'a line is shown as it comes');
    spew("$dir/go", '');
    waitpid $trainer, 0;
    is($?, 0, 'and the command ends');
    is(slurp("$dir/said"), "ready\ngone\n", 'with the rest');
}

SKIP: {
    skip 'no program script', 3 if system('script --version > /dev/null 2>&1');

    train($says . $linear);
    ($rc, $out, $err) = outcome({}, 'script', '-qec', "$ctl train "
                                . "$dir/recipe.json $dir/rows.csv -o "
                                . "$dir/m.mlm", '/dev/null');
    is($rc, 0, 'at a terminal') or diag($err);
    like($out, qr/\r\e\[Kone\r\ntwo\r\n\?\[31mred/,
         'the line of progress makes way');
    unlike($out =~ s/\r\e\[K//gr, qr/\e/, 'and no other escape comes through');
}

# --------------------------------------------------------- what may go wrong

refused('an exit code', "echo one; echo cannot do it >&2; exit 3\n",
        qr/steps\[1\]: command "sh": expected exit code 0, got 3; it said last: "cannot do it"/);
refused('a signal', 'kill -SEGV $$', qr/was ended by signal 11/);
refused('no file', ':', qr/there is no file at MLOPS_MODEL/);
refused('a folder', 'mkdir "$MLOPS_MODEL"',
        qr/a regular file at MLOPS_MODEL, got a folder/);
refused('a link', 'ln -s /etc/passwd "$MLOPS_MODEL"',
        qr/a regular file at MLOPS_MODEL, got another kind/);
refused('not a model', 'echo "[1]" > "$MLOPS_MODEL"',
        qr/its model: expected an XGBoost model .* or a recipe/);
refused('a truncated one', "head -c 2000 $file > \$MLOPS_MODEL",
        qr/command "sh": its model: /);
refused('an empty one', ': > "$MLOPS_MODEL"',
        qr/its model: expected a model file, got an empty one/);
refused('features that nobody has', $linear =~ s/"a"\}/"z"}/r,
        qr/its model: expected features that are inputs of the step, got "z"/);
refused('another number of features', "cp $file \$MLOPS_MODEL",
        qr/its model: .*expected a list of 6 names/);
refused('another number of outputs', $linear,
        qr/its model: .*outputs: expected a list of 1 names/,
        step => { outputs => ['p', 'q'] });
refused('NaN', $linear =~ s/\{"kind": "affine".*?\}/{"kind": "unary", "op": "log", "inputs": ["a"], "outputs": ["sum"]}/sr,
        qr/its model: expected a number for each training row, got NaN of row 3/);
refused('a number that is none', $linear =~ s/0\.5/1e999/r,
        qr/its model: .*bias: expected a number/);
refused('a command that is not there', ':',
        qr{command "/nowhere/train": cannot be run: No such file},
        step => { command => ['/nowhere/train'] });
refused('a flood', 'yes', qr/it printed more than 65536 bytes/,
        step => { output => '64k' });
refused('a large file', 'exec head -c 1000000 /dev/zero > "$MLOPS_MODEL"',
        qr/was ended by signal 25 .*a file passed its limit/,
        step => { output => '64k' });
refused('many files', <<'E', qr/its files took more than 65536 bytes/,
i=0
while [ $i -lt 64 ]; do
    head -c 60000 /dev/zero > f$i
    i=$((i + 1))
done
exec sleep 600
E
        step => { output => '64k' });
refused('CPU time', 'while :; do :; done',
        qr/was ended by signal 24 .*CPU time/, step => { cpu => 1 });

# a command that hangs, and does not listen; its children in the group, in a
# session of their own, and orphaned

unlink glob("$dir/pid.*");

refused('one that hangs', <<"E",
trap '' TERM
echo \$\$ > $dir/pid.0
sleep 600 & echo \$! > $dir/pid.1
setsid sh -c 'trap "" TERM; echo \$\$ > $dir/pid.2; sleep 600' &
(setsid sh -c 'echo \$\$ > $dir/pid.3; sleep 600; :' &)
while [ ! -s $dir/pid.2 ] || [ ! -s $dir/pid.3 ]; do :; done
echo waiting
while :; do sleep 600; done
E
        qr/was ended after 9.5 s, its timeout; it said last: "waiting"/,
        step => { timeout => 9.5 });

for my $i (0 .. 3) {
    my ($pid) = slurp("$dir/pid.$i") =~ /(\d+)/;
    ok($pid && gone($pid), "process $i of it is gone");
}

# one that leaves a process behind, and is done well

unlink glob("$dir/pid.*");

($rc, $out, $err) = train(<<"E" . $linear);
setsid sh -c 'echo \$\$ > $dir/pid.0; exec sleep 600' > /dev/null 2>&1 &
while [ ! -s $dir/pid.0 ]; do :; done
E

is($rc, 0, 'a process that is left does no harm') or diag($err);
my ($left) = slurp("$dir/pid.0") =~ /(\d+)/;
ok($left && gone($left), 'and does not stay');
like(`"$ctl" inspect "$dir/m.mlm"`, qr/"exec_left":1/, 'the facts tell of it');
like($out, qr/^note +steps\[1\] exec: command "sh" left 1 process, which was ended$/m,
     'and so does the report');

# one whose trainer is killed goes with it

unlink glob("$dir/pid.*");

{
    spew("$dir/command.sh", <<"E");
setsid sh -c 'echo \$\$ > $dir/pid.1; exec sleep 600' &
echo \$\$ > $dir/pid.0
exec sleep 600
E
    my $trainer = fork // die "fork: $!";

    if ($trainer == 0) {
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec $ctl, 'train', "$dir/recipe.json", "$dir/rows.csv", '-o',
             "$dir/m.mlm";
        exit 1;
    }

    await(60, sub { -s "$dir/pid.0" && -s "$dir/pid.1" });
    kill 'KILL', $trainer;
    waitpid $trainer, 0;

    for my $i (0 .. 1) {
        my ($pid) = slurp("$dir/pid.$i") =~ /(\d+)/;
        ok($pid && gone($pid), "process $i dies with the trainer");
    }
}

# ------------------------------------------ models beside the plain recipe

{
    my $out = "$dir/beside";
    mkdir $out or die "$out: $!";

    my @bias = (0.5, 7.25);
    my @csv = map { my $i = $_; $linear =~ s/0\.5/$bias[$i]/r } 0, 1;

    for my $i (0, 1) {
        ($rc, undef, $err) = train($csv[$i], args => ['--recipe-out',
                                                      "$out/run$i.json"]);
        is($rc, 0, "run $i") or diag($err);
    }

    opendir my $dh, $out or die "$out: $!";
    is_deeply([sort grep { !/^\./ } readdir $dh],
              [map { ("run$_.exec-0.model", "run$_.json") } 0, 1],
              'each recipe has a model of its own');

    for my $i (0, 1) {
        ($rc, undef, $err) = outcome({}, $ctl, 'import', "$out/run$i.json",
                                     '-o', "$dir/m.mlm");
        is($rc, 0, "recipe $i is imported") or diag($err);
        is_deeply([predict("a,b,c\n1,2,x\n")], [4 + $bias[$i]],
                  'with its own model');
        is($json->decode(slurp("$out/run$i.json"))->{steps}[1]{file},
           "run$i.exec-0.model", 'which it names');
    }

    # what is judged by folds has models of more runs of the command

    ($rc, undef, $err) = train($linear, args => ['--recipe-out',
                                                 "$out/folds"],
                               train => { validate => { folds => 2 } });
    is($rc, 0, 'with folds') or diag($err);
    is_deeply([map { m{([^/]+)$} } glob "$out/folds*"],
              ['folds', 'folds.exec-0.model'], 'one model is kept');
    ($rc, undef, $err) = outcome({}, $ctl, 'import', "$out/folds", '-o',
                                 "$dir/m.mlm");
    is($rc, 0, 'and imported') or diag($err);
}

# nothing that is read is written over; known before a command runs

for my $case (['plain.exec-0.model', qr/the\ model\ of\ steps\[1\]\ beside
                                        \ --recipe-out:\ \S+\ is\ the\ same
                                        \ file\ as\ steps\[2\]\.file,/x],
              ['exec-0.model', qr/steps\[2\]\.file:\ expected\ another\ name
                                  \ than\ exec-N\.model,/x],
              ['./exec-12.model', qr/steps\[2\]\.file: expected another/])
{
    my ($name, $like) = @$case;
    my $text = $json->encode({
        recipe => 1, inputs => [{ name => 'a' }],
        steps => [{ kind => 'affine', inputs => ['a'], outputs => ['q'],
                    weights => [[2]] }],
        signatures => [{ name => 'd', outputs => [{ name => 'q' }] }] });

    spew("$dir/$name", $text);
    train(':');

    my $recipe = $json->decode(slurp("$dir/recipe.json"));
    push @{ $recipe->{steps} }, { kind => 'model', file => $name,
                                  inputs => ['a'], outputs => ['q'] };
    spew("$dir/recipe.json", $json->encode($recipe));
    spew("$dir/command.sh", "touch '$dir/ran'\n$linear");
    unlink "$dir/ran";

    ($rc, undef, $err) = outcome({}, $ctl, 'train', "$dir/recipe.json",
                                 "$dir/rows.csv", '-o', "$dir/m.mlm",
                                 '--recipe-out', "$dir/plain.json");
    is($rc, 1, "a recipe that names $name");
    like($err, $like, 'is told so');
    is(slurp("$dir/$name"), $text, 'its file is unharmed');
    ok(! -e "$dir/ran" && ! -e "$dir/plain.json", 'and nothing has run');
    unlink "$dir/$name";
}

# -------------------------------------------------- keys of the step itself

refused('no command', ':',
        qr/steps\[1\]\.command: expected a list of 1 to 1024 strings/,
        step => { command => [] });
refused('a time that is none', ':',
        qr/steps\[1\]\.timeout: expected a time above 0/,
        step => { timeout => 'soon' });
refused('a size that is none', ':',
        qr/steps\[1\]\.memory: expected a size above 0/,
        step => { memory => '-1' });
refused('a flag that is none', ':', qr/steps\[1\]\.codes: expected/,
        step => { codes => 'yes' });
refused('a variable that is not here', ':',
        qr/there is no variable LEARN_NONE here/,
        step => { environment => { X => 'env:LEARN_NONE' } });
refused('a key that nobody knows', ':', qr/did you mean "timeout"/,
        step => { timeuot => '1s' });

done_testing();
