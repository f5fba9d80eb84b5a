# mlopsctl on a registry and a store: exit codes, what list and log print of
# lines that others wrote, what sync --create leaves as it is, and wrong
# directories.

use strict;
use warnings;

use File::Temp;
use FindBin;
use lib "$FindBin::Bin/../../tools/lib";

use JSON::PP;
use Mlops qw($build $root outcome slurp);
use Test::More;

my $ctl = $ENV{MLOPSCTL} || "$build/bin/mlopsctl";
my $dir = File::Temp->newdir;
my ($r, $s, $m) = map { "$dir/$_" } qw(registry store m.mlm);


# Runs it; exit code, output, errors.

sub ctl {
    return outcome({}, $ctl, @_);
}


sub names {
    opendir my $dh, $_[0] or return '';

    return join ' ', sort grep { ! /^\.\.?$/ } readdir $dh;
}


sub limit { return unpack 'Q<', substr slurp("$s/control"), 24, 8 }


my ($rc, $out, $err);

is((ctl('import', "$root/t/data/toys/lin4.json", '-o', $m))[0], 0,
   'an image');

# ------------------------------------------- the way to a registry is made

is((ctl('publish', '-r', "$dir/some/where/registry/", 'm', $m))[1], "1\n",
   'the directories above a registry are made');
is((ctl('publish', '-r', "$dir/m.mlm/registry", 'm', $m))[2],
   "mlopsctl publish: registry: mkdir() \"$dir/m.mlm/registry\" failed"
   . " (20: Not a directory)\n", 'but not through a file');


# ------------------------------------------------------------ how to call it

for my $args ([ 'publish', 'm', $m ], [ 'publish', '-r', $r, 'm' ],
              [ 'alias', '-r', $r, 'm', 'a' ], [ 'rollback', '-r', $r ],
              [ 'sync', '-r', $r ], [ 'log', '-r', $r ], [ 'list' ],
              [ 'list', '-r', $r, 'a', 'b' ],
              [ 'sync', '-r', $r, '-s', $s, '--create', '--size', 'much' ],
              [ 'sync', '-r', $r, '-s', $s, '--size', '1g' ])
{
    ($rc, $out, $err) = ctl(@$args);
    is($rc, 2, "\"@$args\" is a matter of usage") or diag($err);
}

ok(! -e $r && ! -e $s, 'and makes nothing');

for my $args ([ 'list', '-r', $r ], [ 'log', '-r', $r, 'm' ],
              [ 'alias', '-r', $r, 'm', 'a', 1 ],
              [ 'rollback', '-r', $r, 'm' ],
              [ 'publish', '-r', $r, '-s', $s, 'm', $m ],
              [ 'publish', '-r', $r, 'm', "$dir/none" ])
{
    ($rc, $out, $err) = ctl(@$args);
    is($rc, 1, "\"$args->[0]\" without what it needs fails") or diag($err);
    is($out, '', 'and prints nothing');
    like($err, qr{^mlopsctl $args->[0]: .*$dir/\w+}, 'the text names it');
}

ok(! -e $r && ! -e $s, 'and makes nothing');

# ----------------------------------------------------------- what others wrote

is((ctl('publish', '-r', $r, 'm', $m, '--note', "tab\there"))[1], "1\n",
   'a version');

my $born = JSON::PP->new->decode((ctl('list', '-r', $r, '--json'))[1])->[0];

open my $log, '>>:raw', "$r/models/m/log" or die;
print {$log} '{"time":"2030-01-01T00:00:00.000Z","user":"gate","op":"gate",'
             . '"version":"1","digest":"xxh3:0","passed":true}' . "\n"
             . '{"op":"tag","version":"1","note":"\u001b[31m\u009b31m\u00e4'
             . '\u007f\\\\"}' . "\n";
close $log;

my $now = JSON::PP->new->decode((ctl('list', '-r', $r, '--json'))[1])->[0];
is_deeply($now, $born, 'other lines change nothing of a version\'s birth');

($rc, $out) = ctl('log', '-r', $r, 'm');
my @lines = map { [ split /\t/, $_, -1 ] } split /\n/, $out;
is(scalar @lines, 4, 'a row for each line, and one of names');
is(scalar(grep { @$_ != 8 } @lines), 0, 'eight fields in each');
is($lines[1][7], 'tab\\there', 'a tab in a field');
is($lines[3][7], "?[31m?31m\xc3\xa4?\\\\", 'nothing that a terminal obeys');

my $json = JSON::PP->new->utf8->decode((ctl('log', '-r', $r, 'm',
                                            '--json'))[1]);
ok($json->[1]{passed}, 'JSON has all members');

# ------------------------------------------------------------ sync --create

is((ctl('sync', '-r', $r, '-s', $s, '--create', '--size', '1g'))[1],
   "changed\n", 'a store');
is(limit(), 1 << 30, 'with its limit');
is((ctl('sync', '-r', $r, '-s', $s, '--create'))[1], "unchanged\n",
   'once more, without a limit');
is(limit(), 1 << 30, 'keeps the one it has');
is((ctl('sync', '-r', $r, '-s', $s, '--create', '--size', '0'))[1],
   "unchanged\n", 'none');
is(limit(), 0, 'is none');

# ------------------------------------------------------- wrong directories

is((ctl('publish', '-r', $r, 'm', $m))[1], "2\n", 'another version');

my $names = names("$r/models/m");

($rc, $out, $err) = ctl('sync', '-r', $r, '-s', $r, '--create');
is($rc, 1, 'a registry in the place of the store is refused');
like($err, qr/it is a registry/, 'with a reason');
is(names($r), 'lock models', 'nothing is made');
is(names("$r/models/m"), $names, 'nothing is lost');

($rc, $out, $err) = ctl('publish', '-r', $s, 'm', $m);
is($rc, 1, 'a store in the place of the registry is refused');
like($err, qr/is a store/, 'with a reason');

# ------------------------------------------------------------- other owners

SKIP: {
    skip 'only root gives files away', 3 if $> != 0;

    chown 1234, 1234, map { "$s/$_" } qw(models features status metrics
                                         control lock);
    chown 33, 1234, "$s/rings";
    open my $control, '+<:raw', "$s/control" or die;
    seek $control, 12, 0;
    print {$control} pack 'L<', 1234;
    close $control;

    is((ctl('sync', '-r', $r, '-s', $s, '--create', '--size', '2k'))[0], 0,
       'a limit for a store of another account');
    is(limit(), 2048, 'takes hold');
    is_deeply([ map { (stat "$s/$_")[4] } qw(models control rings) ],
              [ 1234, 1234, 33 ], 'and the owners stay');
}

done_testing();
