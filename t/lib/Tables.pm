# Feature tables for tests of the module.
#
#     use Tables;
#
#     tables($config, rides => "driver_id,n\n1001,3\n", …);
#
# makes a store as nginx would for the http block $config (mlops_store and
# mlops_registry are put before it) and fills the tables of its batch views.
#
# batch_view("rides", "driver_id int64", "n int64", "fare", "zone string …")
# is the text of such a view, each column as name, type= and bytes=.

package Tables;

use strict;
use warnings;

use Exporter qw(import);
use File::Path qw(make_path);

our @EXPORT = qw(tables batch_view);

my $nginx = $ENV{TEST_NGINX_BINARY} // 'nginx';
my $module = (split ' ', $ENV{TEST_NGINX_LOAD_MODULES} // '')[0];


sub batch_view {
    my ($name, $entity, @columns) = @_;

    my $text = "    mlops_view $name {\n        source file=/none.csv;\n"
               . "        entity $entity;\n";

    for (@columns) {
        if (/^(event_time|clock|ttl|shards) /) {
            $text .= "        $_;\n";
            next;
        }

        my ($column, @more) = split ' ';
        my $type = @more && $more[0] !~ /=/ ? ' type=' . shift @more : '';

        $text .= "        feature $column last($column)$type @more;\n";
    }

    return "$text    }\n";
}


sub tables {
    my ($config, %csv) = @_;

    my $build = $ENV{BUILD} // 'build';
    my $dir = "$build/t/tables.$$";
    my $store = $ENV{TEST_NGINX_STORE};
    my $user = $> == 0 ? 'user nobody nogroup;' : '';

    make_path("$dir/logs");

    spew("$dir/nginx.conf", <<"_END_");
load_module $module;
$user
error_log logs/error.log info;
pid logs/nginx.pid;
events { }
http {
    mlops_store $store;
    mlops_registry $ENV{TEST_NGINX_REGISTRY};
$config
    server { listen unix:$dir/socket; }
}
_END_

    # the plan is there once the workers are

    my @args = ($nginx, '-p', "$dir/", '-c', 'nginx.conf', '-e',
                'logs/error.log');

    nginx(@args) == 0 or die "nginx does not start\n";

    for (1 .. 200) {
        last if -s "$dir/logs/nginx.pid";
        select undef, undef, undef, 0.05;
    }

    for my $view (sort keys %csv) {
        spew("$dir/$view.csv", $csv{$view});
        Registry::mlopsctl('table', 'load', $view, "$dir/$view.csv", '-s',
                           $store);
    }

    nginx(@args, '-s', 'quit') == 0 or die "nginx does not stop\n";

    for (1 .. 200) {
        last if ! -e "$dir/logs/nginx.pid";
        select undef, undef, undef, 0.05;
    }

    unlink glob "$dir/*.csv";
    File::Path::remove_tree($dir);
}


# With the sanitizers' libraries, where the module was built with them.

sub nginx {
    my (@command) = @_;

    my %preload = ($ENV{TEST_NGINX_LD_PRELOAD} // '') eq '' ? ()
                  : (LD_PRELOAD => $ENV{TEST_NGINX_LD_PRELOAD},
                     ASAN_OPTIONS => 'detect_leaks=0');

    local @ENV{keys %preload} = values %preload if %preload;

    return system @command;
}


sub spew {
    my ($file, $text) = @_;

    open my $out, '>', $file or die "$file: $!\n";
    print $out $text;
    close $out or die "$file: $!\n";
}


1;
