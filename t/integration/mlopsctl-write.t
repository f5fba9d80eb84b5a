# Where mlopsctl writes a file to: one of its own, another one's place, what a
# link points to, a device or a pipe.

use strict;
use warnings;

use File::Temp;
use FindBin;
use lib "$FindBin::Bin/../../tools/lib";

use Mlops qw($build $root outcome slurp spew);
use POSIX ();
use Test::More;

my $ctl = $ENV{MLOPSCTL} || "$build/bin/mlopsctl";
my $dir = File::Temp->newdir;
my $recipe = "$root/t/data/toys/mixed.json";

sub import_to {
    return outcome({}, $ctl, 'import', $recipe, '-o', @_);
}

sub mode {
    return sprintf '%o', (stat $_[0])[2] & 07777;
}

my ($rc, $out, $err) = import_to("$dir/whole.mlm");
is($rc, 0, 'a new file') or diag($err);
is(mode("$dir/whole.mlm"), '444', 'that nobody changes');

my $whole = slurp("$dir/whole.mlm");
ok(length $whole, 'it has an image');

spew("$dir/old", 'old');
chmod 0600, "$dir/old" or die "chmod: $!";
($rc) = import_to("$dir/old");
is($rc, 0, 'in the place of one that is there');
is(slurp("$dir/old"), $whole, 'is the image');
is(mode("$dir/old"), '400', 'no more open than it was');

mkdir "$dir/far" or die "far: $!";
spew("$dir/far/file", 'old');
symlink 'far/file', "$dir/link" or die "link: $!";
($rc) = import_to("$dir/link");
is($rc, 0, 'by a link');
is(readlink "$dir/link", 'far/file', 'which stays');
is(slurp("$dir/far/file"), $whole, 'its file is the image');
is_deeply([ glob "$dir/far/{,.}[!.]*" ], [ "$dir/far/file" ],
          'and nothing else is there');

symlink 'none', "$dir/nothing" or die "link: $!";
($rc, $out, $err) = import_to("$dir/nothing");
is($rc, 1, 'a link to nothing');
like($err, qr{/nothing: a link to nothing that is there$}m, 'is refused');

($rc, $out, $err) = import_to("$dir/far");
is($rc, 1, 'a folder');
like($err, qr{/far: .*directory}, 'is refused');
ok(-d "$dir/far", 'and stays');

POSIX::mkfifo("$dir/pipe", 0600) or die "mkfifo: $!";
open my $reader, '-|', 'timeout', 60, 'cat', "$dir/pipe" or die "cat: $!";
($rc, $out, $err) = import_to("$dir/pipe");
my $read = do { local $/; <$reader> };
is($rc, 0, 'a pipe') or diag($err);
is($read, $whole, 'is written into');
ok(-p "$dir/pipe", 'and stays one');

SKIP: {
    system("mknod '$dir/null' c 1 3 2>/dev/null") == 0
        && open(my $null, '>', "$dir/null")
        or skip 'no device of our own can be made here', 2;

    ($rc, $out, $err) = import_to("$dir/null");
    is($rc, 0, 'a device') or diag($err);
    ok(-c "$dir/null", 'stays one, too');
}

SKIP: {
    -c '/dev/full' or skip 'no /dev/full', 2;

    ($rc, $out, $err) = import_to('/dev/full');
    is($rc, 1, 'a device that is full');
    like($err, qr{/dev/full: write\(\) failed: No space}, 'is told');
}

# training tells before it is done what cannot be written, and nothing else

spew("$dir/train.json", <<'END');
{"recipe": 1, "inputs": [{"name": "a"}],
 "train": {"rows": {"columns": [{"name": "y"}]}, "target": "y"},
 "steps": [{"kind": "affine", "fit": "linear", "inputs": ["a"],
            "outputs": ["p"]}],
 "signatures": [{"name": "default", "outputs": [{"name": "p"}]}]}
END
spew("$dir/rows.csv", "a,y\n" . join '', map { "$_," . 3 * $_ . "\n" } 1 .. 50);
spew("$dir/none.csv", "a,y\n");
mkdir "$dir/tmp" or die "tmp: $!";
chmod 0777, "$dir/tmp" or die "chmod: $!";

sub train_to {
    my ($rows, $to, @as) = @_;

    local $ENV{TMPDIR} = "$dir/tmp";

    return outcome({}, @as, $ctl, 'train', "$dir/train.json", "$dir/$rows",
                   '-o', $to);
}

($rc, $out, $err) = train_to('none.csv', "$dir/nothing");
is($rc, 1, 'training for a link to nothing');
like($err, qr{/nothing: a link to nothing that is there$}m,
     'is refused before rows are read');

($rc, $out, $err) = train_to('none.csv', "$dir/far");
is($rc, 1, 'for a folder');
like($err, qr{/far: .*directory}, 'likewise');

($rc, $out, $err) = train_to('none.csv', "$dir/none/new");
is($rc, 1, 'in a folder that is not there');
like($err, qr{/none/: No such file}, 'likewise');

($rc, $out, $err) = train_to('rows.csv', "$dir/link");
is($rc, 0, 'by a link') or diag($err);
is(readlink "$dir/link", 'far/file', 'which stays');

# as one who may not write everywhere

{
    my @as = ($> == 0) ? qw(setpriv --reuid 65534 --regid 65534
                            --clear-groups) : ();

    mkdir "$dir/ours" or die "ours: $!";
    mkdir "$dir/fixed" or die "fixed: $!";
    spew("$dir/ours/file", 'old');
    spew("$dir/fixed/file", 'old');
    symlink '../ours/file', "$dir/fixed/link" or die "link: $!";
    symlink '../fixed/file', "$dir/ours/link" or die "link: $!";
    POSIX::mkfifo("$dir/fixed/pipe", 0600) or die "mkfifo: $!";
    chmod 0666, "$dir/fixed/pipe" or die "chmod: $!";
    chmod 0666, "$dir/ours/file" or die "chmod: $!";
    chmod 0777, "$dir/ours" or die "chmod: $!";
    chmod 0555, "$dir/fixed" or die "chmod: $!";
    chmod 0755, "$dir" or die "chmod: $!";

    SKIP: {
        system("@as '$ctl' --help >'$dir/tried' 2>&1") == 0
            && system("@as test -r '$dir/train.json' -a ! -w '$dir/fixed'")
               == 0
            or skip 'no other user can be had here', 11;

        ($rc, $out, $err) = train_to('rows.csv', "$dir/fixed/link", @as);
        is($rc, 0, 'a link in a folder that is not ours') or diag($err);
        isnt(slurp("$dir/ours/file"), 'old', 'to a file that is');

        ($rc, $out, $err) = train_to('none.csv', "$dir/ours/link", @as);
        is($rc, 1, 'a link to a file in a folder that is not');
        like($err, qr{/ours/link: \S+/fixed/: Permission denied}, 'is refused');

        ($rc, $out, $err) = train_to('none.csv', "$dir/fixed/new", @as);
        is($rc, 1, 'a new file there');
        like($err, qr{/fixed/: Permission denied}, 'likewise');

        ($rc, $out, $err) = train_to('rows.csv', '/dev/null', @as);
        is($rc, 0, 'a device there') or diag($err);

        open my $reader, '-|', 'timeout', 60, 'cat', "$dir/fixed/pipe"
            or die "cat: $!";
        ($rc, $out, $err) = train_to('rows.csv', "$dir/fixed/pipe", @as);

        if ($rc != 0) {
            # the reader has waited for nothing
            open my $end, '>', "$dir/fixed/pipe" or die "pipe: $!";
        }

        my $read = do { local $/; <$reader> };
        is($rc, 0, 'a pipe there') or diag($err);
        is($read, slurp("$dir/ours/file"), 'has the image');

        chmod 0444, "$dir/fixed/pipe" or die "chmod: $!";
        ($rc, $out, $err) = train_to('none.csv', "$dir/fixed/pipe", @as);
        is($rc, 1, 'a pipe that is not ours');
        like($err, qr{/fixed/pipe: Permission denied}, 'is refused');
    }

    chmod 0755, "$dir/fixed" or die "chmod: $!";
}

done_testing();
