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

done_testing();
