# Learning at its edges, as a user meets them: settings that are no numbers,
# files that models go on from, folders that a kill leaves, rows that are no
# CSV.

use strict;
use warnings;

use Fcntl qw(:flock O_RDONLY);
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
        signatures => [{ name => 'default', outputs => [{ name => 'p' }] }],
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

spew('on.json', recipe({ fit => 'adagrad', loss => 'squared',
                         start => 'kept.state' }));
($rc, $out, $err) = ctl('train', 'on.json', 'rows.csv', '-o', 'on.mlm',
                        '--rate', $rate);
is($rc, 0, 'a state is gone on from') or diag($err);
like($out, qr/^parent     kept\.state xxh3:[0-9a-f]{16}, of steps\[0\]$/m,
     'and told');
is(facts('on.mlm')->{steps}[0]{parent}{path}, 'kept.state', 'and kept');

# ---------------------------------------------------- folders of dead owners

SKIP: {
    skip 'no build with faults', 4 unless -x $fault;

    ($rc) = run({ MLOPS_FAULT => 'train_write' }, $fault, 'train',
                'gbdt.json', 'rows.csv', '-o', 'killed.mlm');
    is($rc, 'signal 9', 'a run is killed');
    my @left = left_over();
    is(@left, 1, 'and leaves a folder');
    mkdir "$dir/tmp/mlops-train.kept" or die $!;
    mkdir "$dir/tmp/other.123456" or die $!;

    ($rc, $out, $err) = ctl('train', 'gbdt.json', 'rows.csv', '-o', 'm.mlm');
    is($rc, 0, 'the next one') or diag($err);
    is_deeply([sort(left_over())], ['mlops-train.kept', 'other.123456'],
              'removes it, and no other');
    rmdir "$dir/tmp/$_" for qw(mlops-train.kept other.123456);
}

# what a living owner holds stays: it has the folder's lock

mkdir "$dir/tmp/mlops-train.abcdef" or die $!;
sysopen my $held, "$dir/tmp/mlops-train.abcdef", O_RDONLY or die $!;
flock $held, LOCK_EX or die $!;

($rc) = ctl('train', 'gbdt.json', 'rows.csv', '-o', 'm.mlm');
is_deeply([left_over()], ['mlops-train.abcdef'],
          'the folder of a run that lives stays');
close $held;
($rc) = ctl('train', 'gbdt.json', 'rows.csv', '-o', 'm.mlm');
is(left_over(), 0, 'until its owner is gone');

done_testing();
