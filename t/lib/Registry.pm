# A registry with small models for a test of the module.
#
#     use lib 't/lib';
#     use Registry;
#
#     registry(lin4 => 'lin4', eta => [ 'lin4', 'half_plus_two' ]);
#
# publishes recipes of t/data/toys (a list is versions 1, 2, … of one name)
# and sets TEST_NGINX_REGISTRY and TEST_NGINX_STORE, which the blocks use as
#
#     --- http_config
#     mlops_store    $TEST_NGINX_STORE;
#     mlops_registry $TEST_NGINX_REGISTRY;
#
# Both vanish with the test.

package Registry;

use strict;
use warnings;

use Exporter qw(import);
use File::Path qw(make_path remove_tree);

our @EXPORT = qw(registry mlopsctl);

my $build = $ENV{BUILD} // 'build';
my $ctl = $ENV{MLOPSCTL} // "$build/bin/mlopsctl";
my ($name) = $0 =~ m{([^/]+?)(?:\.t)?$};
my $dir = "$build/t/$name.$$";
my $shm = -w '/dev/shm' && -k '/dev/shm';
my $owner = $$;

$ENV{TEST_NGINX_REGISTRY} = absolute("$dir/registry");
$ENV{TEST_NGINX_STORE} = $shm ? "/dev/shm/ngx_mlops-$name.$$"
                              : absolute("$dir/store");


sub absolute {
    my ($path) = @_;

    return $path if $path =~ m{^/};

    require Cwd;
    return Cwd::getcwd() . "/$path";
}


# Runs the tool and returns what it prints; dies where it fails.

sub mlopsctl {
    my (@args) = @_;

    open my $pipe, '-|', $ctl, @args or die "$ctl: $!\n";
    my $text = do { local $/; <$pipe> };
    close $pipe or die "$ctl @args failed\n";
    chomp $text;

    return $text;
}


sub registry {
    my (@models) = @_;

    make_path($dir);

    while (my ($model, $recipes) = splice @models, 0, 2) {
        for my $recipe (ref $recipes ? @$recipes : $recipes) {
            my $file = $recipe =~ m{/} ? $recipe
                                       : "t/data/toys/$recipe.json";
            my $image = "$dir/image.mlm";

            mlopsctl('import', $file, '-o', $image);
            mlopsctl('publish', '-r', $ENV{TEST_NGINX_REGISTRY}, $model,
                     $image);
        }
    }
}


END {
    remove_tree($dir, $ENV{TEST_NGINX_STORE}) if $$ == $owner;
}


1;
