# A store of many models: a look takes several turns and passes over what has
# not changed, and still sees everything that does.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use File::Path qw(remove_tree);
use Mlops qw(await slurp spew);
use Site;
use Test::More;
use Time::HiRes qw(sleep);

my $n = 400;
my $site = Site->new('many');
my %image = map { $_ => $site->constant($_) } 1 .. 2;

$site->publish('m1', $image{1});

my $models = "$site->{registry}/models";

system 'cp', '-a', "$models/m1", "$models/m$_" for 2 .. $n;

$site->conf(server => <<'_END_');
        location ~ ^/m/(.*) { mlops_predict $1; }
        location = /metrics { mlops_metrics; }
        location = /status  { mlops_status; }
_END_
$site->start;


# Do both workers, each asked on a connection of its own, answer so?

sub all_say {
    my ($model, $text) = @_;

    return await(60, sub {
        my %answers = map { (one_get("/m/$model"))[1] => 1 } 1 .. 12;
        return keys %answers == 1 && $answers{$text};
    });
}


sub one_get {
    my ($path) = @_;
    my ($status, undef, $text) = $site->get($path, '{}');
    return ($status, $status == 200 ? $text : $status);
}


ok(all_say($_, '{"prediction":1.0}'), "$_ serves") for 'm1', "m$n";

# By now the directories have not changed for so long that their time is
# trusted.

sleep 3.5;

for my $model ('m1', 'm200', "m$n") {
    $site->publish($model, $image{2}, '--alias', 'champion');
    ok(all_say($model, '{"prediction":2.0}'), "a new version of $model");
    $site->ctl('alias', '-r', $site->{registry}, '-s', $site->{store},
               $model, 'champion', 1);
    ok(all_say($model, '{"prediction":1.0}'), 'and back');
}

# Two moves within one tick of the file system's clock, without the bell.

my $dir = "$site->{store}/models/m7";

spew("$dir/.n", slurp($image{2}));
chmod 0444, "$dir/.n";
rename "$dir/.n", "$dir/2.mlm";

for my $version (2, 1, 2, 1, 2) {
    symlink "$version.mlm", "$dir/.l";
    rename "$dir/.l", "$dir/\@champion";
}

ok(all_say('m7', '{"prediction":2.0}'), 'the last of several moves');

# What is refused is tried again though its directory does not change.

$dir = "$site->{store}/models/m8";
spew("$dir/2.mlm", slurp($image{2}));
chmod 0644, "$dir/2.mlm";
symlink '2.mlm', "$dir/.l";
rename "$dir/.l", "$dir/\@champion";
ok(await(60, sub { $site->logged('version 2 of model "m8" is refused') >= 2 }),
   'a writable image is refused');
sleep 3.5;
chmod 0444, "$dir/2.mlm";
ok(all_say('m8', '{"prediction":2.0}'), 'until it is not writable');

# Models come and go.

$site->publish('new', $image{2});
ok(all_say('new', '{"prediction":2.0}'), 'a new model');
remove_tree("$site->{store}/models/new");
ok(all_say('new', 404), 'is gone');
$site->publish('new', $image{1}, '--alias', 'champion');
ok(all_say('new', '{"prediction":1.0}'), 'and comes again');

SKIP: {
    skip 'needs root', 3 if $> != 0;

    sleep 3.5;

    my $before = $site->logged('directory of model "m9"');

    chown 4242, 4242, "$site->{store}/models/m9";
    ok(await(60, sub { $site->logged('directory of model "m9"') > $before }),
       'a directory of somebody else is refused');
    ok(all_say('m9', '{"prediction":1.0}'), 'what it had serves on');
    chown 0, 0, "$site->{store}/models/m9";
    $site->publish('m9', $image{2}, '--alias', 'champion');
    ok(all_say('m9', '{"prediction":2.0}'), 'and is followed again');
}

# Another store at the same path: nothing that was known of the old one's
# directories counts.

rename $site->{store}, "$site->{store}.old";
ok($site->reload, 'another store');
ok(all_say($_, '{"prediction":1.0}'), "$_ serves") for 'm1', "m$n";
remove_tree("$site->{store}.old");

is($site->logged('\[(?:alert|emerg|crit)\]'), 0, 'no alert');

done_testing();
