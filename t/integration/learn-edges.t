# Learning at its edges, as a user meets them: settings that are no numbers,
# files that models go on from, folders that a kill leaves, rows that are no
# CSV.

use strict;
use warnings;

use Fcntl qw(:flock O_RDONLY O_WRONLY);
use File::Temp qw(tempdir);
use FindBin;
use JSON::PP;
use POSIX ();
use Test::More;

my $root = "$FindBin::Bin/../..";
my $build = $ENV{BUILD} // "$root/build";
my $ctl = $ENV{MLOPSCTL} || "$build/bin/mlopsctl";
my $fault = "$build/t/fault/mlopsctl";
my $dir = tempdir(DIR => -w '/dev/shm' ? '/dev/shm' : '/tmp', CLEANUP => 1);

delete @ENV{qw(MLOPS_FAULT MLOPS_FAULT_LOG MLOPS_SIMD)};
mkdir "$dir/$_" or die "$dir/$_: $!" for qw(tmp below);
$ENV{TMPDIR} = "$dir/tmp";


sub run {
    my ($env, @command) = @_;

    my $pid = fork() // die "fork: $!";

    if ($pid == 0) {
        local @ENV{keys %$env} = values %$env;
        chdir $dir or POSIX::_exit(126);
        open STDOUT, '>', "$dir/out" or POSIX::_exit(126);
        open STDERR, '>', "$dir/err" or POSIX::_exit(126);
        alarm 120;
        exec { $command[0] } @command or POSIX::_exit(127);
    }

    waitpid $pid, 0;

    my $rc = $? & 127 ? 'signal ' . ($? & 127) : $? >> 8;

    return ($rc, slurp("$dir/out"), slurp("$dir/err"));
}


sub ctl {
    return run({}, $ctl, @_);
}


sub slurp {
    my ($name) = @_;

    open my $fh, '<:raw', $name or return '';
    local $/;

    return scalar(<$fh>) // '';
}


sub spew {
    my ($name, $text) = @_;

    open my $fh, '>:raw', "$dir/$name" or die "$name: $!";
    print {$fh} $text;
    close $fh or die "$name: $!";
}


sub left_over {
    opendir my $dh, "$dir/tmp" or die "$dir/tmp: $!";

    return grep { !/^\.\.?$/ } readdir $dh;
}


# The recipe of one learner of x.

sub recipe {
    my ($step, %more) = @_;

    return encode_json({
        recipe => 1, inputs => [{ name => 'x' }], %more,
        train => { target => 'y', metrics => ['rmse'],
                   split => { by => 'column', column => 'part' },
                   rows => { columns => [{ name => 'part' , type => 'BYTES' },
                                         { name => 'y' },
                                         { name => 'place',
                                           type => 'BYTES' }] },
                   %{ delete $more{train} // {} } },
        steps => [{ kind => 'model', inputs => ['x'], outputs => ['p'],
                    %$step }],
        signatures => [{ name => 'default',
                         outputs => [{ name => ($step->{outputs}
                                                // ['p'])->[0] }] }],
    });
}


sub facts {
    my ($image) = @_;

    my ($rc, $out) = ctl('inspect', $image, '--json');

    return decode_json($out)->{facts}{metadata}{training};
}


my ($rc, $out, $err, $report);

my $rows = "x,y,part,place\n";

for my $i (1 .. 120) {
    $rows .= join(',', $i % 17 + $i / 64, ($i % 17) * 2 + ($i * 7 % 5) / 4,
                  qw(train train tune gate)[$i % 4],
                  qw(ulm bonn)[$i % 3 == 0]) . "\n";
}

spew('rows.csv', $rows);
spew('gbdt.json', recipe({ fit => 'gbdt', trees => 3 }));
spew('more.json', recipe({ fit => 'gbdt', trees => 3,
                           start => 'below/first.mlm' }));

# -------------------------------------------------- numbers as people write

for my $case (['.5', '0.5'], ['+0.25', '0.25'], ['1.', '1.0']) {
    my ($text, $number) = @$case;

    ($rc, $out, $err) = ctl('train', 'gbdt.json', 'rows.csv', '-o', 'm.mlm',
                            '--learning_rate', $text);
    is($rc, 1, "\"$text\" is no number");
    like($err, qr/"\Q$text\E" is no number of JSON: write \Q$number\E,/,
         'and what is one');
}

($rc) = ctl('train', 'gbdt.json', 'rows.csv', '-o', 'm.mlm', '--set',
            'name=".5"');
isnt($rc, 127, 'quoted it is a text');

# ------------------------------------------------------------------- tuning

spew('tune.json', recipe({ fit => 'gbdt', trees => 3 },
                         tune => { leaves => [2, 3, 4] }));

for my $case (
    ['an unknown key', qr/did you mean "learning_rate"/,
     '--learning_rat', '0.1'],
    ['a value that is none', qr/learning_rate: expected/,
     '--learning_rate', '7'],
    ['a number in another notation', qr/write 0\.1/, '--set',
     'learning_rate=.1'],
    ['a wrong path', qr/expected/, '--set', 'train.metrics=["rsme"]'],
) {
    my ($what, $why, @options) = @$case;

    ($rc, $out, $err) = ctl('tune', 'tune.json', 'rows.csv', '--state',
                            'folder', @options);
    is($rc, 1, "tune: $what is an error");
    like($err, $why, 'which says what is wrong');
    unlike("$out$err", qr/trial/, 'before the first trial');
    ok(!-e "$dir/folder", 'and nothing is begun');
}

spew('kept.json', recipe({ fit => 'adagrad', loss => 'squared',
                           state => 'kept.state' },
                         tune => { rate => [0.1, 0.2] }));

($rc, $out, $err) = ctl('tune', 'kept.json', 'rows.csv', '-o', 'm.mlm');
is($rc, 1, 'tune: one state for all trials is refused');
like($err, qr/kept\.json: steps\[0\]\.state: all trials would replace/,
     'with the step and why');
ok(!-e "$dir/kept.state", 'and none is written');

spew('free.json', recipe({ fit => 'adagrad', loss => 'squared' },
                         tune => { rate => [0.1, 0.2] }));
($rc, $out, $err) = ctl('tune', 'free.json', 'rows.csv', '-o', 'm.mlm');
is($rc, 0, 'without it there is a best one') or diag($err);
my ($rate) = $out =~ /^rate=(.*)$/m;
($rc, $out, $err) = ctl('train', 'free.json', 'rows.csv', '-o', 'm.mlm',
                        '--set', 'state=kept.state', '--rate', $rate // '');
is($rc, 0, 'which is trained with its state') or diag($err);
ok(-s "$dir/kept.state", 'that is kept');

# ---------------------------------------------------- what models go on from

($rc, $out, $err) = ctl('train', 'gbdt.json', 'rows.csv', '-o',
                        'below/first.mlm');
is($rc, 0, 'a first model') or diag($err);
unlike($out, qr/^parent/m, 'has no parent');

($rc, $out, $err) = ctl('train', 'more.json', 'rows.csv', '-o', 'more.mlm');
is($rc, 0, 'goes on') or diag($err);

my $head = slurp("$dir/below/first.mlm");
(undef, my $told) = ctl('inspect', 'below/first.mlm');
my ($sum) = $told =~ /checksum ([0-9a-f]{16})/;

like($out, qr/^parent     below\/first\.mlm xxh3:$sum, of steps\[0\]$/m,
     'the report says from what');

is_deeply(facts('more.mlm')->{steps}[0]{parent},
          { path => 'below/first.mlm', digest => "xxh3:$sum" },
          'and so do the facts');

($rc, $out) = ctl('train', 'more.json', 'rows.csv', '-o', 'more.mlm',
                  '--json');
is_deeply(decode_json($out)->{parents},
          [{ step => 0, path => 'below/first.mlm',
             digest => "xxh3:$sum" }], 'and the report for programs');

($rc, $out, $err) = ctl('reproduce', 'more.mlm', 'rows.csv', '--folder',
                        '.');
is($rc, 0, 'it is made again, bit by bit') or diag($err);

for my $path ("$dir/below/first.mlm", '../first.mlm', 'below/../first.mlm',
              './first.mlm', 'below//first.mlm', '')
{
    spew('out.json', recipe({ fit => 'gbdt', start => $path }));
    ($rc, $out, $err) = ctl('train', 'out.json', 'rows.csv', '-o', 'm.mlm');
    is($rc, 1, "start: \"$path\" is refused");
    like($err, qr/steps\[0\]\.start: expected a path below the recipe's/,
         'as that of a state');
}

symlink '/tmp', "$dir/link" or die $!;

for my $fit ('gbdt', 'adagrad') {
    spew('out.json', recipe({ fit => $fit, start => 'link/first.mlm',
                              $fit eq 'gbdt' ? () : (loss => 'squared') }));
    ($rc, $out, $err) = ctl('train', 'out.json', 'rows.csv', '-o', 'm.mlm');
    is($rc, 1, "$fit: a link out of the folder is not followed");
    like($err, qr/steps\[0\].*: the folder "link" of it: /, 'and named');
}

spew('on.json', recipe({ fit => 'adagrad', loss => 'squared',
                         start => 'kept.state' }));
($rc, $out, $err) = ctl('train', 'on.json', 'rows.csv', '-o', 'on.mlm',
                        '--rate', $rate);
is($rc, 0, 'a state is gone on from') or diag($err);
like($out, qr/^parent     kept\.state xxh3:[0-9a-f]{16}, of steps\[0\]$/m,
     'and told');
is(facts('on.mlm')->{steps}[0]{parent}{path}, 'kept.state', 'and kept');

# ------------------------------------------------------------------- slices

spew('slices.json', recipe({ fit => 'gbdt', trees => 3 },
                           train => { slices => ['place', 'x'] }));
($rc, $out, $err) = ctl('train', 'slices.json', 'rows.csv', '-o', 's.mlm');
is($rc, 0, 'a recipe with slices') or diag($err);
like($out, qr/^gate, place = (ulm|bonn): \d+ rows  rmse /m, 'prints them');

($rc, $out) = ctl('train', 'slices.json', 'rows.csv', '-o', 's.mlm',
                  '--json');
my @slices = @{ decode_json($out)->{slices} };

($rc, $out) = ctl('evaluate', 's.mlm', 'rows.csv', '--part', 'gate',
                  '--json');
my @parts = @{ decode_json($out)->{parts} };
shift @parts;

cmp_ok(scalar @slices, '>=', 4, 'there are some');
is_deeply([map { [@$_{qw(slice value rows rmse)}] } @slices],
          [map { [@$_{qw(slice value rows)}, $_->{model}{rmse}] } @parts],
          'which are those that evaluate gives of the gate');

my %place = map { $_->{slice} eq 'place' ? ($_->{value}, $_->{rows}) : () }
            @slices;
is_deeply(\%place, { ulm => 20, bonn => 10 }, 'with their rows');

($rc, $out, $err) = ctl('reproduce', 's.mlm', 'rows.csv');
is($rc, 0, 'and the image is made again') or diag($err);

# a value's name is all of it

my $wide = 'wide' x 20;
my @texts = map { "\xc3\xa9" x 40 . $_ } 'a', 'b';

spew('ids.csv', join '', "x,y,part,place,id,day,rate,$wide\n", map {
    join(',', $_ % 5, $_ % 3, qw(train gate)[$_ % 2], $texts[$_ / 2 % 2],
         1000001 + $_ % 3, 20261101 + $_ % 28, 0.1 * (1 + $_ % 2),
         1e-7 * (1 + $_ % 2)) . "\n"
} 1 .. 120);

spew('ids.json', recipe({ fit => 'linear' }, train => {
    slices => ['place', 'id', 'day', 'rate', $wide],
    rows => { columns => [{ name => 'part', type => 'BYTES' },
                          { name => 'y' },
                          { name => 'place', type => 'BYTES' },
                          { name => 'id', type => 'INT64' },
                          { name => 'day', type => 'FP64' },
                          { name => 'rate', type => 'FP32' },
                          { name => $wide, type => 'FP64' }] } }));
($rc, $out, $err) = ctl('train', 'ids.json', 'ids.csv', '-o', 'ids.mlm',
                        '--json');
is($rc, 0, 'slices of ids, days, fractions and long texts') or diag($err);
my $trained = decode_json($out)->{slices};
($rc, $out, $err) = ctl('evaluate', 'ids.mlm', 'ids.csv', '--json');

for my $case (['train', $trained], ['evaluate', decode_json($out)->{parts}]) {
    my ($command, $list) = @$case;
    my %values;

    push @{ $values{$_->{slice} // ''} }, $_->{value} for @$list;
    utf8::encode($_) for @{ $values{place} };

    is_deeply([sort @{ $values{place} }], \@texts, "$command: long texts");
    is_deeply($values{id}, [1000001, 1000002, 1000003], 'ids');
    is_deeply([map { /^(202611\d\d) to (202611\d\d)$/ && $2 > $1 }
               @{ $values{day} }], [(1) x 4], 'days')
        or diag(explain($values{day}));
    is_deeply($values{$wide}, $command eq 'train' ? ['2e-07']
                                                  : ['1e-07', '2e-07'],
              'small numbers, of a cell with a long name');
    is_deeply($values{rate}, $command eq 'train' ? ['0.2'] : ['0.1', '0.2'],
              'a number of 32 bits');
}

# a cell is named once, in one option or several

($rc, $out, $err) = ctl('evaluate', 's.mlm', 'rows.csv', '--json',
                        '--slices', 'x', '--slices', 'place');
is($rc, 0, 'slices by several options') or diag($err);
my %both = map { ($_->{slice} // '', 1) } @{ decode_json($out)->{parts} };
is_deeply([sort keys %both], ['', 'place', 'x'], 'are those of all of them');

for my $case (['--slices', 'place,x,place'],
              ['--slices', 'place', '--slices', 'x,place']) {
    ($rc, $out, $err) = ctl('evaluate', 's.mlm', 'rows.csv', @$case);
    is($rc, 1, "@$case is refused");
    like($err, qr/slices: expected each cell once, got "place" again/,
         'by name');
}

spew('again.json', recipe({ fit => 'gbdt', trees => 3 },
                          train => { slices => ['place', 'x', 'place'] }));
($rc, $out, $err) = ctl('train', 'again.json', 'rows.csv', '-o', 'm.mlm');
is($rc, 1, 'a recipe with a slice twice is refused');
like($err, qr/train\.slices\[2\]: expected each cell once, got "place" again/,
     'by name and place');

($rc, $out, $err) = ctl('evaluate', 's.mlm', 'rows.csv', '--recipe',
                        'again.json');
is($rc, 1, 'by evaluate, too');
like($err, qr/train\.slices\[2\]: expected each cell once, got "place" again/,
     'likewise');

# texts that look like the names of what is no text

my @odd = ('(missing)', '"(missing)"', '(2 others)', '(2 otters)', '"', '');

spew('odd.csv', join '', "x,y,part,place\n", map {
    my $place = $odd[$_ % @odd] =~ s/"/""/gr;
    my $cell = $_ % @odd == $#odd ? '' : qq("$place");
    join(',', $_ % 7, $_ % 3, qw(train gate)[$_ / 6 % 2], $cell) . "\n"
} 0 .. 119);

($rc, $out, $err) = ctl('train', 'slices.json', 'odd.csv', '-o', 'odd.mlm',
                        '--json');
is($rc, 0, 'texts that are names of slices') or diag($err);
is_deeply([sort map { $_->{value} } grep { $_->{slice} eq 'place' }
           @{ decode_json($out)->{slices} }],
          [sort '(missing)', '"(missing)"', '""(missing)""', '"(2 others)"',
           '(2 otters)', '"'], 'have quotes around them');

# more texts than are told, and rows without one: rare, and most of them

for my $empty (1, 90) {
    my @cells = (map({ my $i = $_; ("t$i") x (3 + ($i <= 20)) } 1 .. 23),
                 ('') x $empty);

    spew('many.csv', join '', "x,y,part,place\n", "1,1,train,ulm\n",
         "2,2,train,ulm\n", "4,3,train,ulm\n",
         map { ($_ % 7) . ',' . ($_ % 3) . ",gate,$cells[$_]\n" }
         0 .. $#cells);

    ($rc, $out, $err) = ctl('train', 'slices.json', 'many.csv', '-o',
                            'many.mlm', '--json');
    is($rc, 0, "23 texts and $empty empty") or diag($err);

    my @got = map { [@$_{qw(value rows)}] } grep { $_->{slice} eq 'place' }
              @{ decode_json($out)->{slices} };
    is_deeply([@got[-2, -1]], [['(3 others)', 9], ['(missing)', $empty]],
              'the empty ones are a part of their own, the last');
    is_deeply([sort map { "@$_" } @got[0 .. $#got - 2]],
              [sort map { "t$_ 4" } 1 .. 20], 'behind the first 20');
}

# --------------------------------------------- intervals of metrics in [0, 1]

# x tells the class of most rows: folds differ, and are all near 1

spew('near.csv', "x,y,part,place\n" . join '', map {
    my $y = $_ % 2;
    join(',', ($_ == 3 || $_ == 8 || $_ == 21) ? 1 - $y : $y, $y, 'train',
         'ulm') . "\n"
} 0 .. 59);

for my $flip (0, 1) {
    my $near = decode_json(recipe({ fit => 'gbdt', trees => 3,
                                    outputs => ['p'], min_hessian => 0,
                                    objective => 'logistic' },
                           train => { metrics => ['auc', 'accuracy', 'f1',
                                                  'log_loss'],
                                      validate => { folds => 6 } }));
    $near->{train}{classes} = $flip ? [1, 0] : [0, 1];
    delete $near->{train}{split};
    spew('near.json', encode_json($near));

    ($rc, $out, $err) = ctl('train', 'near.json', 'near.csv', '-o',
                            'near.mlm', '--json');
    is($rc, 0, 'metrics near 1') or diag($err);

    my $validate = decode_json($out)->{parts}{validate};

    for my $metric (qw(auc accuracy f1)) {
        my $at = $validate->{$metric};
        cmp_ok($at->{value}, '<', 1, "$metric below it");
        cmp_ok($at->{lo}, '<', $at->{value}, 'has an interval');
        is($at->{hi}, 1, 'which ends with 1');
    }
}

# ------------------------------------------------------ targets of a model

spew('coin.json', recipe({ fit => 'gbdt', trees => 3, outputs => ['p'],
                           objective => 'logistic' },
                         train => { metrics => ['log_loss'],
                                    classes => [0, 1], target => 'y' }));
spew('coin.csv', "x,y,part,place,z\n" . join '', map {
    join(',', $_ % 17, $_ % 2, qw(train gate)[$_ / 6 % 2], 'ulm', $_ % 5)
    . "\n"
} 1 .. 120);
($rc, $out, $err) = ctl('train', 'coin.json', 'coin.csv', '-o', 'coin.mlm');
is($rc, 0, 'a model of two classes') or diag($err);
($rc, $out, $err) = ctl('export', 'coin.mlm', '--to', 'coin.xgboost.json');
is($rc, 0, 'as a file') or diag($err);

my %file = (kind => 'model', file => 'coin.xgboost.json');

for my $case (
    # what, which input tells the target, target, inputs, steps of the rows
    ['outputs', 'x', 't', ['x', 'z'],
     { %file, inputs => ['x'], outputs => ['t'] }],
    ['a margin', 'x', 't', ['x', 'z'],
     { %file, inputs => ['x'], margin => ['t'] }],
    ['a margin beside outputs', 'x', 't', ['x', 'z'],
     { %file, inputs => ['x'], outputs => ['p'], margin => ['t'] }],
    ['a margin of what is computed', 'x', 't', ['x', 'z'],
     { kind => 'unary', op => 'neg', inputs => ['x'], outputs => ['n'] },
     { %file, inputs => ['n'], margin => ['m'] },
     { kind => 'unary', op => 'abs', inputs => ['m'], outputs => ['t'] }],
    ['a column, of which an input is the margin', 'm', 'y', ['m', 'z'],
     { %file, inputs => ['y'], margin => ['m'] }],
    ['a column, of which an input is made', 'm', 'y', ['m', 'z'],
     { kind => 'unary', op => 'neg', inputs => ['y'], outputs => ['n'] },
     { kind => 'unary', op => 'abs', inputs => ['n'], outputs => ['m'] }],
    ['what its margin, an input, tells', 'm', 't', ['m', 'z'],
     { %file, inputs => ['y'], outputs => ['t'], margin => ['m'] }],
    ['what another input is made from', 'm', 't', ['x', 'm', 'z'],
     { %file, inputs => ['x'], margin => ['t'] },
     { kind => 'unary', op => 'neg', inputs => ['x'], outputs => ['m'] }],
    ['what an input is, which is made from a column', 'm', 't', ['m', 'z'],
     { kind => 'unary', op => 'neg', inputs => ['y'], outputs => ['m'] },
     { %file, inputs => ['m'], margin => ['t'] }],
    ['what an input is, which is made from an input', 'x', 't', ['x', 'm'],
     { kind => 'unary', op => 'neg', inputs => ['x'], outputs => ['m'] },
     { %file, inputs => ['m'], margin => ['t'] }],
    ['a margin of a column', undef, 't', ['x', 'z'],
     { %file, inputs => ['y'], margin => ['t'] }],
    ['a column, beside the margin of an input', undef, 'y', ['x', 'm'],
     { %file, inputs => ['x'], margin => ['m'] }],
) {
    my ($what, $tells, $target, $inputs, @steps) = @$case;
    my %columns = map { ($_, 1) } 'x', 'y', 'z';

    delete @columns{@$inputs};

    for my $leak (JSON::PP::false, JSON::PP::true) {
        spew('target.json', recipe(
            { kind => 'affine', fit => 'linear', outputs => ['o'],
              inputs => [grep { !defined $tells || $_ eq $tells } @$inputs] },
            inputs => [map { { name => $_ } } @$inputs],
            train => { target => $target, leak => $leak,
                       rows => { columns => [
                                     { name => 'part', type => 'BYTES' },
                                     map { { name => $_ } }
                                     sort keys %columns],
                                 steps => \@steps } }));
        ($rc, $out, $err) = ctl('train', 'target.json', 'coin.csv', '-o',
                                't.mlm');

        if ($leak || !defined $tells) {
            is($rc, 0, "$what as target" . ($leak ? ', with leak' : ''))
                or diag($err);

        } else {
            is($rc, 1, "$what as target is told");
            like($err, qr/steps\[0\]: inputs: "$tells" is the target, or tells/,
                 'with the input');
        }
    }
}

# ----------------------------------------------------------- large weights

sub weighted {
    my ($factor) = @_;

    spew('w.csv', join '', "x,y,part,place,w\n", map {
        sprintf("%d,%g,%s,ulm,%g\n", $_ % 7, $_ % 7 + $_ % 3,
                $_ % 2 ? 'train' : 'gate', $factor * 2 ** ($_ % 3))
    } 1 .. 60);

    my ($rc, $out, $err) = ctl('train', 'w.json', 'w.csv', '-o', 'w.mlm',
                               '--json');
    is($rc, 0, "weights near $factor") or diag($err);
    unlike($out, qr/inf|nan/i, 'make JSON');

    return decode_json($out)->{parts}{gate};
}

spew('w.json', recipe({ fit => 'linear' },
                      train => { weight => 'w',
                                 metrics => ['rmse', 'mae', 'r2'],
                                 rows => { columns => [
                                     { name => 'part', type => 'BYTES' },
                                     { name => 'y' }, { name => 'w' }] } }));

my $ordinary = weighted(1);

for my $factor (2 ** 996, 2 ** -996) {
    my $gate = weighted($factor);

    for my $metric (qw(rmse mae r2)) {
        for my $end (qw(value lo hi)) {
            my ($is, $want) = map { $_->{$metric}{$end} } $gate, $ordinary;

            ok(defined $is && abs($is - $want) < 1e-5,
               "$metric, $end: that of ordinary ones")
                or diag($is // 'null', " and $want");
        }
    }
}

($rc, $out, $err) = ctl('evaluate', 'w.mlm', 'w.csv', '--json');
is($rc, 0, 'evaluate takes them, too');
unlike($out, qr/null|inf/, 'with all intervals');

# --------------------------------------------------------- rows that are none

my $text = recipe({ fit => 'gbdt', trees => 2, inputs => ['x', 'c'] },
                  inputs => [{ name => 'x' },
                             { name => 'c', type => 'BYTES' }]);
spew('texts.json', $text);

my @rows = map { "$_,c$_,$_,train,ulm\n" } 1 .. 9;
my $names = "x,c,y,part,place\n";

for my $case (
    ['a category that is too long', qr/bad\.csv line 4, column "c": .* at most 4096 bytes, got 100000/,
     $names, @rows[0, 1], '3,' . 'a' x 100_000 . ",1,train,ulm\n"],
    ['a NUL byte in a text', qr/line 3, column "c": expected a text, got a NUL/,
     $names, $rows[0], "1,c\0d,1,train,ulm\n"],
    ['a NUL byte in a number', qr/line 2, column "x": .* got a NUL byte in it/,
     $names, "1\0,c,1,train,ulm\n"],
    ['a NUL byte in a name', qr/line 1, name of column 2: .* NUL byte/,
     "x,c\0,y,part,place\n", @rows],
    ['lines that end with CR', qr/lines that end with LF or CR LF/,
     map { s/\n/\r/r } $names, @rows],
) {
    my ($what, $why, @lines) = @$case;

    spew('bad.csv', join '', @lines);
    ($rc, $out, $err) = ctl('train', 'texts.json', 'bad.csv', '-o', 'm.mlm');
    is($rc, 1, "$what is refused");
    like($err, $why, 'with the place');
}

spew('fits.csv', join '', $names, @rows, '3,' . 'a' x 4096
                                         . ",1,train,ulm\n");
($rc, $out, $err) = ctl('train', 'texts.json', 'fits.csv', '-o', 'm.mlm');
is($rc, 0, 'a category of 4096 bytes is none that is too long') or diag($err);

# -------------------------------------------------------------------- pipes

# A command whose rows come through a pipe, which a child fills.

sub piped {
    my ($file, @args) = @_;

    my $pid = fork() // die "fork: $!";

    if ($pid == 0) {
        alarm 120;
        open STDOUT, '>', "$dir/pipe" or POSIX::_exit(1);
        exec 'cat', "$dir/$file" or POSIX::_exit(127);
    }

    my @result = ctl(@args);
    kill 'KILL', $pid;
    waitpid $pid, 0;

    return @result;
}


sub bytes_of {
    my ($name) = @_;

    return slurp("$dir/$name");
}


POSIX::mkfifo("$dir/pipe", 0600) or die $!;
spew('empty.csv', '');
spew('large.csv', $rows . join '', map {
    my $i = $_;
    join(',', $i % 1017 / 7, $i % 31, qw(train tune gate)[$i % 3],
         ('ulm', 'bonn', '"a,b"')[$i % 5 % 3]) . "\n"
} 1 .. 60_000);

for my $csv ('rows.csv', 'large.csv') {
    ($rc, $out, $err) = ctl('train', 'slices.json', $csv, '-o', 'file.mlm');
    is($rc, 0, "$csv as a file") or diag($err);

    for my $threads (1, 3) {
        ($rc, $out, $err) = piped($csv, 'train', 'slices.json', 'pipe', '-o',
                                  'pipe.mlm', '--threads', $threads);
        is($rc, 0, 'through a named pipe') or diag($err);
        ok(bytes_of('pipe.mlm') eq bytes_of('file.mlm'), 'gives that image');
    }

    ($rc, $out, $err) = run({}, '/bin/sh', '-c', "cat $csv | '$ctl' train "
                            . 'slices.json /dev/stdin -o stdin.mlm');
    is($rc, 0, 'through standard input') or diag($err);
    ok(bytes_of('stdin.mlm') eq bytes_of('file.mlm'), 'gives that image');

    my @file = ctl('evaluate', 'file.mlm', $csv, '--json');
    my @pipe = piped($csv, 'evaluate', 'file.mlm', 'pipe', '--json');
    is_deeply(\@pipe, \@file, 'evaluate says the same of it');

    ($rc, $out, $err) = piped($csv, 'reproduce', 'file.mlm', 'pipe');
    is($rc, 0, 'reproduce takes it') or diag($out . $err);
}

($rc, $out, $err) = piped('empty.csv', 'train', 'gbdt.json', 'pipe', '-o',
                          'm.mlm');
is($rc, 1, 'an empty pipe is refused');
like($err, qr/pipe: expected a line of names, got an empty pipe/, 'as such');

($rc, $out, $err) = piped('rows.csv', 'evaluate', 's.mlm', 'pipe',
                          '--against', 's.mlm');
is($rc, 1, 'a pipe is refused where rows are read for two models');
like($err, qr/pipe: expected a regular file, got a pipe.*: write its rows to a file/,
     'which says what to do');

spew('tuned.json', encode_json({ %{ decode_json(recipe(
    { fit => 'gbdt', trees => 3 })) }, tune => { learning_rate => [0.1] } }));
($rc, $out, $err) = piped('rows.csv', 'tune', 'tuned.json', 'pipe', '-o',
                          'm.mlm');
is($rc, 1, 'and where each trial reads them');
like($err, qr/pipe: expected a regular file, got a pipe.*: write its rows to a file/,
     'likewise');

# a pipe that nobody fills does not hold who is told to stop

{
    my $pid = fork() // die "fork: $!";

    if ($pid == 0) {
        chdir $dir or POSIX::_exit(126);
        open STDOUT, '>', "$dir/out" or POSIX::_exit(126);
        open STDERR, '>', "$dir/err" or POSIX::_exit(126);
        alarm 120;
        exec $ctl, 'train', 'gbdt.json', 'pipe', '-o', 'm.mlm'
            or POSIX::_exit(127);
    }

    # it waits for a writer when there is one that may open the pipe at once

    sysopen(my $pipe, "$dir/pipe", O_WRONLY) or die "$dir/pipe: $!";
    kill 'TERM', $pid;
    waitpid $pid, 0;
    is($? >> 8, 1, 'a run that waits for rows ends when it is told to');
    like(slurp("$dir/err"), qr/stopped/, 'and says so');
    is(join(' ', left_over()), '', 'without leaving anything');
    close $pipe;
}

spew('one.json', recipe({ fit => 'multinomial' }));
($rc, $out, $err) = ctl('train', 'one.json', 'rows.csv', '-o', 'm.mlm');
is($rc, 1, 'multinomial with one output is refused');
like($err, qr/a name for each of at least two classes, got 1/, 'as it is');

spew('two.json', recipe({ fit => 'multinomial', outputs => ['p', 'q'] },
                        train => { target => 'place' }));
spew('ulm.csv', $rows =~ s/bonn/ulm/gr);
($rc, $out, $err) = ctl('train', 'two.json', 'ulm.csv', '-o', 'm.mlm');
is($rc, 1, 'one class is refused');
like($err, qr/at least two classes, got "ulm" alone in all 60 training rows/,
     'with its name');

# ------------------------------------------------------------- other models

spew('z.json', recipe({ fit => 'linear', inputs => ['z'] },
                      inputs => [{ name => 'z' }]));
spew('z.csv', $rows =~ s/^x/z/r);
($rc, $out, $err) = ctl('train', 'z.json', 'z.csv', '-o', 'z.mlm');
is($rc, 0, 'a model of other inputs') or diag($err);
($rc, $out, $err) = ctl('evaluate', 'below/first.mlm', 'rows.csv',
                        '--against', 'z.mlm');
is($rc, 1, 'cannot be judged on these rows');
like($err, qr/the other model has the input "z", the first one has not/,
     'which says by which input');

spew('t.json', recipe({ fit => 'gbdt', trees => 2 },
                      inputs => [{ name => 'x', type => 'BYTES' }]));
spew('t.csv', $rows =~ s/^(\d)/t$1/gmr);
($rc, $out, $err) = ctl('train', 't.json', 't.csv', '-o', 't.mlm');
is($rc, 0, 'a model of another type') or diag($err);
($rc, $out, $err) = ctl('evaluate', 't.mlm', 't.csv', '--against',
                        'below/first.mlm');
is($rc, 1, 'neither');
like($err, qr/the input "x" is BYTES in the first model, and FP\d+ in the other/,
     'with both types');

($rc, $out, $err) = ctl('export', 'z.mlm', '--to', 'recipe.json');
like($out, qr/recipe, 1 input, 1 step, 1 signature, /, 'one is one');

# ----------------------------------------- images and recipes that disagree

sub imported {
    my ($name, $type, $step, $training) = @_;

    spew("$name.json", encode_json({
        recipe => 1, inputs => [{ name => 'x', type => $type }],
        metadata => { training => $training },
        steps => [{ %$step, inputs => ['x'], outputs => ['p'] }],
        signatures => [{ name => 'default', outputs => [{ name => 'p' }] }],
    }));

    ($rc, $out, $err) = ctl('import', "$name.json", '-o', "$name.mlm");
    is($rc, 0, "an image of $type with the facts of another") or diag($err);
}

imported('string', 'BYTES', { kind => 'map', entries => { a => 1, b => 2 } },
         facts('below/first.mlm'));
($rc, $out, $err) = ctl('evaluate', 'string.mlm', 'rows.csv');
is($rc, 1, 'numbers are no strings');
like($err, qr/the input "x" is a string in the image, and a number in the recipe/,
     'which names the input');

($rc, $out, $err) = ctl('evaluate', 'below/first.mlm', 'rows.csv',
                        '--against', 'string.mlm');
is($rc, 1, 'nor in the other model');
like($err, qr/the input "x" is a string in the image/, 'likewise');

imported('number', 'FP64', { kind => 'unary', op => 'square' },
         facts('t.mlm'));
($rc, $out, $err) = ctl('evaluate', 'number.mlm', 't.csv', '--output',
                        'p');
is($rc, 1, 'strings are no numbers');
like($err, qr/the input "x" is a number in the image, and a string in the recipe/,
     'which names the input');

imported('byte', 'UINT8', { kind => 'unary', op => 'square' },
         facts('below/first.mlm'));
($rc, $out, $err) = ctl('evaluate', 'byte.mlm', 'rows.csv');
is($rc, 0, 'whole numbers are numbers') or diag($err);
spew('far.csv', $rows =~ s/^\d[^,]*/-1e300/mr);
($rc, $out, $err) = ctl('evaluate', 'byte.mlm', 'far.csv');
is($rc, 1, 'what is none of them is refused');
like($err, qr/the input "x" is UINT8, and the rows have -1e\+300 for it/,
     'with the number');

for my $name ('headed', 'headless') {
    my $recipe = decode_json(recipe({ fit => 'linear' }));

    delete $recipe->{train}{split};

    if ($name eq 'headless') {
        $recipe->{train}{rows}{$_} = [qw(x y part place)]
            for qw(header missing);
    }

    spew("$name.json", encode_json($recipe));
    ($rc, $out, $err) = ctl('train', "$name.json", 'rows.csv', '-o',
                            "$name.mlm");
    is($rc, 0, "a $name file") or diag($err);
}

for my $case (['headless', 'headed', '121 from line 1 on, and 120 from line 2'],
              ['headed', 'headless', '120 from line 2 on, and 121 from line 1'])
{
    ($rc, $out, $err) = ctl('evaluate', "$case->[0].mlm", 'rows.csv',
                            '--against', "$case->[1].mlm");
    is($rc, 1, "$case->[0] against $case->[1]: other rows are not compared");
    like($err, qr/the two recipes read other rows of rows\.csv: $case->[2] on/,
         'and which those are');
}

# ---------------------------------------------------- folders of dead owners

SKIP: {
    skip 'no build with faults', 4 unless -x $fault;

    ($rc) = run({ MLOPS_FAULT => 'train_write' }, $fault, 'train',
                'gbdt.json', 'rows.csv', '-o', 'killed.mlm');
    is($rc, 'signal 9', 'a run is killed');
    my @left = left_over();
    is(@left, 1, 'and leaves a folder');
    mkdir "$dir/tmp/mlops-train.backup" or die $!;
    mkdir "$dir/tmp/other.123456" or die $!;

    ($rc, $out, $err) = ctl('train', 'gbdt.json', 'rows.csv', '-o', 'm.mlm');
    is($rc, 0, 'the next one') or diag($err);
    is_deeply([sort(left_over())], ['mlops-train.backup', 'other.123456'],
              'removes it, and no other');
    rmdir "$dir/tmp/$_" for qw(mlops-train.backup other.123456);
}

# what a living owner holds stays: it has the folder's lock

mkdir "$dir/tmp/mlops-train.tmp.abcdef" or die $!;
sysopen my $held, "$dir/tmp/mlops-train.tmp.abcdef", O_RDONLY or die $!;
flock $held, LOCK_EX or die $!;

($rc) = ctl('train', 'gbdt.json', 'rows.csv', '-o', 'm.mlm');
is_deeply([left_over()], ['mlops-train.tmp.abcdef'],
          'the folder of a run that lives stays');
close $held;
($rc) = ctl('train', 'gbdt.json', 'rows.csv', '-o', 'm.mlm');
is(left_over(), 0, 'until its owner is gone');

done_testing();
