# mlopsctl on images: exit codes, help, errors that name the line, files that
# take several reads, inspect's JSON, and what export warns of.

use strict;
use warnings;

use Encode ();
use File::Temp;
use FindBin;
use lib "$FindBin::Bin/../../tools/lib";

use JSON::PP;
use Mlops qw($build $root outcome slurp spew);
use Test::More;

my $ctl = $ENV{MLOPSCTL} || "$build/bin/mlopsctl";
my $toys = "$root/t/data/toys";
my $dir = File::Temp->newdir;


# Runs it with this input; exit code, output, errors.

sub ctl {
    my ($in, @args) = @_;

    return outcome({ in => $in }, $ctl, @args);
}


my ($rc, $out, $err);

# ------------------------------------------------------------ how to call it

($rc, $out, $err) = ctl('');
is($rc, 2, 'no sub-command is a matter of usage');
like($err, qr/inspect .* verify .* predict/xs, 'and all are listed');

($rc, $out, $err) = ctl('', '--help');
is($rc, 0, '--help');
my @names = $out =~ /^  (\w+) +\S/mg;
cmp_ok(scalar @names, '>=', 3, 'sub-commands are listed');

for my $name (@names) {
    ($rc, $out, $err) = ctl('', $name, '--help');
    is($rc, 0, "$name --help");
    like($out, qr/^Usage: mlopsctl $name /, "$name says how to call it");
    is($err, '', "$name --help is no error");
}

($rc, $out, $err) = ctl('', 'nonsense');
is($rc, 2, 'an unknown sub-command');
like($err, qr/no sub-command "nonsense"/, 'is named');

for my $args (['inspect'], ['verify'], ['predict'],
              ['inspect', "$toys/two.mlm", '--jsn'],
              ['predict', "$toys/two.mlm", '--signature'],
              ['predict', "$toys/two.mlm", "$toys/two.mlm"])
{
    ($rc, $out, $err) = ctl('', @$args);
    is($rc, 2, join(' ', 'usage of', map { s{.*/}{}r } @$args));
    like($err, qr/^Usage: /m, 'which is told');
}

# ------------------------------------------------------------------- inspect

($rc, $out, $err) = ctl('', 'inspect', "$toys/mixed.mlm");
is($rc, 0, 'inspect');
like($out, qr/input +x +FP64 +default 5 +range 0 to 10$/m, 'a range');
like($out, qr/input +n +INT32 +required$/m, 'a required input');
like($out, qr/input +color +BYTES +one of red, green, blue$/m, 'categories');

for my $image (glob "$toys/*.mlm") {
    ($rc, $out, $err) = ctl('', 'inspect', '--json', $image);
    my $json = eval { decode_json($out) };
    ok($rc == 0 && ref $json eq 'HASH' && $json->{bytes} == -s $image
       && ref $json->{facts} eq 'HASH', "$image in JSON");
}

($rc, $out, $err) = ctl('', 'inspect', '--json', "$toys/class3.mlm");
is_deeply(decode_json($out)->{signatures}[0]{outputs}[0],
          { name => 'scores', datatype => 'FP64', width => 3,
            labels => ['low', 'mid', 'high'] }, 'an output in JSON');

($rc, $out, $err) = ctl('', 'inspect', '--json', "$toys/tree1.mlm");
my $step = decode_json($out)->{steps}[0];
is_deeply([@$step{qw/kind trees leaves datatype/}], ['trees', 1, 3, 'FP32'],
          'trees in JSON');

# -------------------------------------------------------------------- verify

($rc, $out, $err) = ctl('', 'verify', glob "$toys/*.mlm");
is($rc, 0, 'verify');
is(scalar(() = $out =~ /: OK, /g), scalar(() = glob "$toys/*.mlm"), 'all');

my $bytes = slurp("$toys/lin4.mlm");
spew("$dir/cut.mlm", substr $bytes, 0, 1000);
spew("$dir/empty.mlm", '');
substr($bytes, 700, 1) ^= "\x01";
spew("$dir/flip.mlm", $bytes);

for my $case (['cut', qr/file_len: the file has 1000 bytes/],
              ['empty', qr/empty/], ['flip', qr/checksum: expected/],
              ['none', qr/none\.mlm/])
{
    my ($name, $says) = @$case;

    ($rc, $out, $err) = ctl('', 'verify', "$dir/$name.mlm", "$toys/two.mlm");
    is($rc, 1, "$name is refused");
    like($err, $says, 'with a reason');
    like($out, qr/two\.mlm: OK/, 'and the next one is looked at');
}

# ------------------------------------------------------------------- predict

($rc, $out, $err) = ctl("color,zip,n,x\nred,1,2,1\n,2,5,\n\"blue\",3,1,0.5\n",
                        'predict', "$toys/mixed.mlm");
is($rc, 0, 'predict');
is($out, "y\n103.0\n10.0\n301.5\n", 'by name, with a default');

($rc, $out, $err) = ctl("x\r\n3\r\n", 'predict', "$toys/poly.mlm");
is($out, "y\n34.0\n", 'the signature that the names fit');

($rc, $out, $err) = ctl("x,x2\n3,10\n", 'predict', "$toys/poly.mlm");
is($out, "y\n37.0\n", 'and the other one');

($rc, $out, $err) = ctl("x,x2\n3,10\n", 'predict', '--signature', 'raw',
                        "$toys/poly.mlm");
is($out, "y\n34.0\n", 'the signature that is asked for');

($rc, $out, $err) = ctl("x\n3\n", 'predict', '--signature', 'rw',
                        "$toys/poly.mlm");
is($rc, 1, 'a signature that is not there');
like($err, qr/no signature "rw"/, 'is named');

($rc, $out, $err) = ctl("x,y\n1,2\n5,\n", 'predict', "$toys/class3.mlm");
like($out, qr/^scores_0,scores_1,scores_2,class,index\n
              0\.2447\d+,0\.665\d+,0\.090\d+,mid,1\nNaN,NaN,NaN,,\n\z/x,
     'several columns; what does not exist');

($rc, $out, $err) = ctl("x\n9223372036854775807\n-9223372036854775808\n",
                        'predict', "$toys/ident64.mlm");
is($out, "y\n9223372036854775807\n-9223372036854775808\n", '64 bits');

($rc, $out, $err) = ctl("x\n\"a,\"\"b\"\"\nc\"\n\"\"\nplain\n", 'predict',
                        "$toys/idents.mlm");
is($out, "y\n\"a,\"\"b\"\"\nc\"\n\"\"\nplain\n", 'strings with quotes');

for my $case (["x,n,color\n1,2,red\n\n3,,blue\n", qr/line 4: n: expected/],
              ["x,n,color\n1,2,\"a\nb\"\n1,e,\n",
               qr/line 4: n: expected an integer, got "e"/],
              ["x,n,color\n1,2\n", qr/line 2: expected 3 cells, got 2/],
              ["x,n,color\n1,2,\"red\n", qr/line 2: .*quote/],
              ["x,color\n1,red\n", qr/line 1: n: missing/],
              ['', qr/line 1: expected CSV/])
{
    my ($csv, $says) = @$case;

    ($rc, $out, $err) = ctl($csv, 'predict', "$toys/mixed.mlm");
    is($rc, 1, 'a bad file');
    like($err, $says, 'line and column');
}

# -------------------------------------------------------------------- export

# A tree over the categories of one input: 3 where it is "b", otherwise 1.
# What an input and a category are called is all that differs.

sub trees {
    my ($input, $category) = @_;

    spew("$dir/trees.json", JSON::PP->new->utf8->encode({
        recipe => 1,
        inputs => [{ name => $input, type => 'BYTES' }],
        steps => [{ kind => 'map', inputs => [$input],
                    entries => { b => 1, $category => 0 },
                    outputs => ['code'] },
                  { kind => 'trees', f32 => JSON::PP::true,
                    inputs => ['code'],
                    trees => [{ input => 'code', in => [1],
                                left => { leaf => 1 },
                                right => { leaf => 3 } }],
                    outputs => ['y'] }],
        signatures => [{ name => 's', outputs => [{ name => 'y' }] }]
    }));

    my ($rc, $out, $err) = ctl('', 'import', "$dir/trees.json", '-o',
                               "$dir/trees.mlm");
    is($rc, 0, 'a tree over categories') or diag($err);
}


# The file says what the image says.  Its categories are in the order of
# their codes, in the file's attribute; a prediction of the library has
# another name.

sub right {
    my ($input, $category, $file) = @_;

    my $json = decode_json($file);
    my $learner = $json->{learner};

    is_deeply([$learner->{feature_names}, $learner->{feature_types}],
              [[$input], ['c']], 'with the input, which has categories');
    is_deeply(decode_json(Encode::encode('UTF-8',
                          $learner->{attributes}{categories})),
              { $input => [$category, 'b'] }, 'with these categories');

    spew("$dir/back.json", $file);
    my ($rc, $out, $err) = ctl('', 'import', "$dir/back.json", '-o',
                               "$dir/back.mlm");
    is($rc, 0, 'it is taken again') or diag($err);

    my $csv = Encode::encode('UTF-8', "$input\nb\n$category\n");
    ($rc, $out, $err) = ctl($csv, 'predict', "$dir/back.mlm");
    is_deeply([(split /\n/, $out)[1, 2]], ['3.0', '1.0'], 'and answers so');
}


my $ascii = qr/categories of "\S+" are not all ASCII: XGBoost 3\.1 to 3\.3 /;
my $named = qr/the input "\S+" has "\[", "\]" or "<" in its name: XGBoost /;

for my $case (['c', 'zz'], ["\x{e9}", 'zz<['],
              ['c', "\x{fc}", $ascii], ['c<', 'zz', $named],
              ['[c', "\x{fc}", $ascii, $named])
{
    my ($input, $category, @warned) = @$case;
    my $name = Encode::encode('UTF-8', "$input of b, $category");

    trees($input, $category);

    ($rc, $out, $err) = ctl('', 'export', "$dir/trees.mlm", '--to',
                            "$dir/xgboost.json");
    is($rc, 0, "export of $name") or diag($err);
    like($out, qr{^\Q$dir\E/xgboost\.json: y, xgboost, .* rows? agree$},
         'is told');

    my @lines = split /\n/, $err;

    is(scalar @lines, scalar @warned, 'lines of warnings: ' . @warned)
        or diag($err);
    like($lines[$_], qr/^mlopsctl export: warning: $warned[$_]/,
         'which say why') for 0 .. $#warned;

    my $file = slurp("$dir/xgboost.json");
    right($input, $category, $file);

    my $same = $err;
    ($rc, $out, $err) = ctl('', 'export', "$dir/trees.mlm", '--to',
                            'xgboost.json', '-o', '-');
    is($rc, 0, 'to the output');
    ok($out eq $file, 'goes the file alone');
    is($err, $same, 'beside the same lines');

    ($rc, $out, $err) = ctl('', 'export', "$dir/trees.mlm", '--to',
                            "$dir/recipe.json");
    is($rc, 0, 'as a recipe') or diag($err);
    is($err, '', 'there is nothing to warn of');
}

# Many reads: the records of lengths that do not divide the buffer's, quotes
# with line ends across its edges.

my ($in, $want) = ("x,n,color\n", "y\n");
my %color = (red => 100, '"green"' => 200, blue => 300, '' => 0,
             "\"a\nlong, \"\"quoted\"\" one\"" => 0);
my @colors = sort keys %color;

for my $i (0 .. 100_000) {
    my $c = $colors[$i * 7 % 5];
    $in .= ($i % 97) . ",$i,$c\n";
    $want .= $i % 97 + $i + $color{$c} . ".0\n";
}

($rc, $out, $err) = ctl($in, 'predict', "$toys/mixed.mlm");
is($rc, 0, 'a long file');
ok($out eq $want, 'all of its rows');

my $line = ($in =~ tr/\n//) + 1;
($rc, $out, $err) = ctl("${in}1,bad,\n", 'predict', "$toys/mixed.mlm");
is($rc, 1, 'a long file with a bad row');
like($err, qr/line $line: n: expected an integer, got "bad"/, 'its line');

SKIP: {
    skip 'no /dev/full', 1 unless -e '/dev/full';

    ($rc) = outcome({ in => $in }, 'sh', '-c',
                    'exec "$0" predict "$1" >/dev/full', $ctl,
                    "$toys/mixed.mlm");
    is($rc, 1, 'a full disk is a failure');
}

done_testing();
