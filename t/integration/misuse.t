# Misuse of every directive, made from the tables in the sources: unknown
# names, wrong places, too few and too many arguments, repetition, blocks
# where none belong, wrong values.  Each is refused by nginx -t with a text
# and with the line of the wrong word, and leaves no trace.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../../tools/lib";

use Mlops;
use Site;

use Test::More;

my $site = Site->new('misuse');


# ------------------------------------------------------------- the tables

my $source = slurp("$root/ngx_mlops_module/ngx_http_mlops_module.c");
my %directive;

while ($source =~ /\{\s*ngx_string\("(mlops_\w+)"\),\s*([A-Z0-9_|\s]+?),/g) {
    my ($name, $flags) = ($1, $2);
    $directive{$name} = { map { $_ => 1 } $flags =~ /NGX_(?:HTTP_)?(\w+)/g };
}

my %inner;

for my $file (glob "$root/core/plan/*.c") {
    my $text = slurp($file);

    while ($text =~ /mlops_plan_entry_t\s+\w+\[\]\s*=\s*\{(.*?)\n\};/gs) {
        my ($body) = $1;

        while ($body =~ /\{ "(\w+)", (\w+), (\w+), ([^,]*),/g) {
            my ($name, $min, $max, $flags) = ($1, $2, $3, $4);

            next if $name =~ /^mlops_/;
            $inner{$name} = { min => $min, max => $max,
                              once => scalar($flags =~ /ONCE/),
                              block => $file =~ /_view\.c$/
                                       ? 'mlops_view' : 'mlops_model' };
        }
    }
}

# A right use of each.  What a view cannot do without stands in %needed.

my $view = 'mlops_view v { source file=/rows.csv; entity id int64;'
           . ' feature x last(x); }';

my %needed = (
    source => 'source kafka=main topic=t;',
    entity => 'entity id int64;',
    event_time => 'event_time ts unit=ms;',
    feature => 'feature n count() window=1h;',
);

my %sample = (
    %needed,
    mlops_state => "mlops_state $site->{prefix}/state;",
    mlops_kafka => 'mlops_kafka main { bootstrap.servers 127.0.0.1:9092; }',
    mlops_view => $view,
    mlops_features => 'mlops_features v;',
    clock => 'clock event;',
    dedupe => 'dedupe ride within=10m;',
    ttl => 'ttl 1h;',
    max_entities => 'max_entities 1000;',
    shards => 'shards 2;',
    role => 'role compute;',
    publish => 'publish;',
    dead_letters => 'dead_letters off;',
    log => 'log;',
    store => 'store shm;',
    join => 'join v key=id;',
    mlops_store => "mlops_store $site->{store};",
    mlops_registry => "mlops_registry $site->{registry};",
    mlops_model => 'mlops_model a { range flag; }',
    mlops_serve => 'mlops_serve;',
    mlops_predict => 'mlops_predict a;',
    mlops_set => 'mlops_set $score a x=1;',
    mlops_limit => 'mlops_limit rows=1;',
    mlops_metrics => 'mlops_metrics;',
    mlops_status => 'mlops_status;',
    nonfinite => 'nonfinite input=accept;',
    range => 'range clip;',
);

is_deeply([ grep { ! $sample{$_} } keys %directive, keys %inner ], [],
          'every directive has a sample here');


# ------------------------------------------------------------------ trying

# Puts text where it belongs, behind a line with the mark; the wrong word is
# expected in that line, or so many lines below.

sub try_conf {
    my ($what, $place, $text, $expected, $below) = @_;

    my %in = (main => '', events => '', http => '', server => '',
              location => '', if => '', upstream => '', limit_except => '');

    $in{$place} = "\n# HERE\n$text\n";

    my $store = "mlops_store $site->{store};";
    $store = '' if $text =~ /mlops_store/ && $place eq 'http'
                   || $expected =~ /needs a store/;
    $store .= " $view" if $text =~ /mlops_features/;

    my $conf = "$site->{prefix}/nginx.conf";

    spew($conf, <<"_END_");
load_module $Site::module;
pid logs/nginx.pid;
error_log logs/error.log;
$in{main}
events { $in{events} }
http {
    $store
    $in{http}
    upstream u { server 127.0.0.1:1; $in{upstream} }
    server {
        listen 127.0.0.1:$site->{port};
        $in{server}
        location / {
            $in{location}
            if (\$arg_a) { $in{if} }
            limit_except GET { $in{limit_except} }
        }
    }
}
_END_

    my $line = 0;

    for (split /\n/, slurp($conf)) {
        $line++;
        last if /# HERE/;
    }

    $line += 1 + ($below // 0);

    my ($code, $said) = $site->nginx('-t');

    if ($expected eq '') {
        is($code, 0, $what) or diag($said);
        return;
    }

    my $ok = $code != 0 && index($said, $expected) >= 0
             && $said =~ /nginx\.conf:$line\b/;

    ok($ok, $what)
        or diag("expected: $expected, line $line\ngot ($code): $said");
}


# The places where a directive may stand.

sub places {
    my ($flags) = @_;

    return ($flags->{MAIN_CONF} ? 'http' : (),
            $flags->{SRV_CONF} ? 'server' : (),
            $flags->{LOC_CONF} ? 'location' : (),
            $flags->{LIF_CONF} ? 'if' : ());
}


for my $name (sort keys %directive) {
    my $flags = $directive{$name};
    my %right = map { $_ => 1 } places($flags);
    my ($place) = sort keys %right;
    my $sample = $sample{$name};

    for (sort keys %right) {
        try_conf("$name in $_", $_, $sample, '');
    }

    for (grep { ! $right{$_} } qw(main events http server location if
                                   upstream limit_except))
    {
        try_conf("$name in $_", $_, $sample,
                 "\"$name\" directive is not allowed here");
    }

    my $unknown = $sample =~ s/^$name/$name-x/r;
    try_conf("unknown $name-x", $place, $unknown,
             "unknown directive \"$name-x\"");

    if (! $flags->{CONF_ANY} && ! $flags->{CONF_NOARGS}) {
        try_conf("$name without arguments", $place,
                 $flags->{CONF_BLOCK} ? "$name { }" : "$name;",
                 "invalid number of arguments in \"$name\"");
    }

    if ($name !~ /^mlops_(?:serve|set|limit|features)$/) {
        try_conf("$name with too many arguments", $place,
                 $flags->{CONF_BLOCK} ? "$name a b c d e { }"
                                      : "$name a b c d e;",
                 "invalid number of arguments in \"$name\"");
    }

    if ($flags->{CONF_BLOCK}) {
        try_conf("$name without a block", $place, "$name a;",
                 "directive \"$name\" has no opening \"{\"");

    } else {
        try_conf("$name with a block", $place, $sample =~ s/;/ { }/r,
                 "directive \"$name\" is not terminated by \";\"");
    }

    if ($name !~ /^mlops_set$/) {
        try_conf("$name twice", $place, "$sample\n$sample", 'duplicate', 1);
    }
}

# A block with the lines given, and behind them what it needs besides; all
# that stands before it is in its first line.

sub block_of {
    my ($block, @lines) = @_;

    return "$view mlops_model a {\n" . join('', map { "$_\n" } @lines) . "}"
        if $block eq 'mlops_model';

    my $text = "mlops_kafka main { bootstrap.servers 127.0.0.1:9092; } "
               . "$sample{mlops_state} mlops_view a {\n"
               . join('', map { "$_\n" } @lines);

    for my $name (sort keys %needed) {
        $text .= "$needed{$name}\n" if ! grep { /^$name\b/ } @lines;
    }

    return "$text}";
}


for my $name (sort keys %inner) {
    my $entry = $inner{$name};
    my $in = $entry->{block};
    my $block = sub { block_of($in, @_) };
    my $sample = $sample{$name};

    try_conf("$name in $in", 'http', $block->($sample), '');

    try_conf("unknown ${name}x", 'http', $block->("${name}x 1;"),
             "unknown directive \"${name}x\" in $in \"a\": did you "
             . "mean \"$name\"?", 1);
    try_conf("unknown something", 'http', $block->($sample, "something 1;"),
             "unknown directive \"something\" in $in \"a\": expected",
             2);
    try_conf("$name outside of its block", 'http', $sample,
             "unknown directive \"$name\"");

    if ($entry->{min} ne '0') {
        try_conf("$name without arguments", 'http', $block->("$name;"),
                 "invalid number of arguments in \"$name\"", 1);
    }

    if ($entry->{max} =~ /^\d+$/) {
        try_conf("$name with too many arguments", 'http',
                 $block->("$name" . (' a' x ($entry->{max} + 1)) . ';'),
                 "invalid number of arguments in \"$name\"", 1);
    }

    if ($entry->{once}) {
        try_conf("$name twice", 'http',
                 $block->($sample, "", $sample),
                 "\"$name\" is duplicate in $in \"a\": it is in ", 3);
    }

    try_conf("$name with a block", 'http', $block->("$name { }"),
             'unexpected "{"', 1);
}


# ------------------------------------------------------------ wrong values

my @wrong = (

    [ 'http', "mlops_store $site->{store} size=x;",
      'invalid value "x" of "size=" in "mlops_store": expected a size' ],
    [ 'http', "mlops_store $site->{store} size=1g\nuser=nobody-there;",
      'unknown account "nobody-there" in "user=" of "mlops_store"', 1 ],
    [ 'http', 'mlops_store "";', 'invalid path "" in "mlops_store"' ],
    [ 'http', "mlops_registry $site->{store};",
      '"mlops_registry" is the directory of "mlops_store"' ],

    [ 'http', 'mlops_model a/b { }', 'invalid model name "a/b": expected' ],
    [ 'http', 'mlops_model ../a { }', 'invalid model name "../a": expected' ],
    [ 'http', "mlops_model a {\nrange\n  flog;\n}",
      'invalid value "flog" in "range" in mlops_model "a": expected "flag",'
      . ' "refuse" or "clip"; did you mean "flag"?', 2 ],
    [ 'http', "mlops_model a {\n  nonfinite  input='accept';\n}",
      "a quote inside the word input='accept'", 1 ],
    [ 'http', "mlops_model a {\n  # it's\n  range \"flag\"; range flag;\n}",
      '"range" is duplicate in mlops_model "a"', 2 ],
    [ 'http', "mlops_model a {\n  include;\n}",
      'invalid number of arguments in "include" directive', 1 ],

    [ 'location', 'mlops_serve a b/c;', 'invalid model name "b/c"' ],
    [ 'location', 'mlops_serve a b a;', 'model "a" is named twice in'
      . ' "mlops_serve"' ],
    [ 'server', "location \@x { mlops_serve; }",
      'expected a prefix location, got a named one' ],
    [ 'server', "location ~ x { mlops_serve; }",
      'expected a prefix location, got a regular expression' ],

    [ 'location', 'mlops_predict a@;', 'invalid alias name ""' ],
    [ 'location', 'mlops_predict @b;', 'invalid model name ""' ],
    [ 'location', 'mlops_predict a@b@c;', 'invalid alias name "b@c"' ],
    [ 'location', 'mlops_predict $no_such_variable;',
      'unknown "no_such_variable" variable' ],

    [ 'location', 'mlops_limit rows=0;', 'invalid value in "rows=0" of'
      . ' "mlops_limit": expected a whole number from 1 to 16777216' ],
    [ 'location', 'mlops_limit rows=-1;', 'invalid value in "rows=-1"' ],
    [ 'location', 'mlops_limit rows=;', 'invalid value in "rows="' ],
    [ 'location', 'mlops_limit depth=513;', 'invalid value in "depth=513"' ],
    [ 'location', 'mlops_limit columns=1;',
      'invalid parameter "columns=1" in "mlops_limit": expected rows=,'
      . ' elements=, depth= or inputs= and a number' ],
    [ 'location', 'mlops_limit rows=1 rows=2;',
      '"rows=" of "mlops_limit" is duplicate' ],

    [ 'location', 'mlops_set score a x=1;',
      'invalid variable name "score" in "mlops_set"' ],
    [ 'location', 'mlops_set $s a;', 'invalid number of arguments in'
      . ' "mlops_set": expected a variable, a model and column=value' ],
    [ 'location', 'mlops_set $s a x;', 'invalid parameter "x" in'
      . ' "mlops_set": expected column=value' ],
    [ 'location', 'mlops_set $s a =1;', 'invalid parameter "=1"' ],
    [ 'location', 'mlops_set $s a x=1 x=2;',
      'column "x" is duplicate in "mlops_set"' ],
    [ 'location', 'mlops_set $s a x="1 2;', 'a quote inside the word x="1' ],
    [ 'location', "mlops_set \$s a x='1';", "a quote inside the word x='1'" ],
    [ 'location', 'mlops_set $uri a x=1;', 'the duplicate "uri" variable' ],
    [ 'location', 'mlops_set $mlops_status a x=1;',
      'the duplicate "mlops_status" variable' ],

    # two owners of one location, in both orders

    [ 'location', "mlops_serve;\nmlops_predict a;",
      '"mlops_predict" cannot share a location with "mlops_serve" of line ',
      1 ],
    [ 'location', "mlops_metrics;\nmlops_status;",
      '"mlops_status" cannot share a location with "mlops_metrics"', 1 ],
    [ 'location', "proxy_pass http://127.0.0.1:1;\nmlops_predict a;",
      '"mlops_predict" cannot share a location with the directive above', 1 ],
    [ 'location', "mlops_predict a;\nproxy_pass http://127.0.0.1:1;",
      '"mlops_predict" cannot share a location with the directive below' ],
    [ 'location', "mlops_serve;\nempty_gif;",
      '"mlops_serve" cannot share a location with the directive below' ],

    # without a store

    [ 'location', 'mlops_serve;', '"mlops_serve" needs a store: expected '
      . '"mlops_store path;" in the http block' ],
    [ 'location', 'mlops_status;', '"mlops_status" needs a store' ],
    [ 'server', 'mlops_set $s a x=1;', '"mlops_set" needs a store' ],
    [ 'http', 'mlops_model a { }', '"mlops_model" needs a store' ],
    [ 'http', "mlops_registry $site->{registry};",
      '"mlops_registry" needs a store' ],
);

for my $case (@wrong) {
    my ($place, $text, $expected, $below) = @$case;

    # nginx tells this one at the end of all, without a line
    if ($expected =~ /^unknown "no_such/) {
        try_text($text, $expected);
        next;
    }

    try_conf($text =~ s/\n/ /gr, $place, $text, $expected, $below);
}


sub try_text {
    my ($text, $expected) = @_;

    spew("$site->{prefix}/nginx.conf", <<"_END_");
load_module $Site::module;
pid logs/nginx.pid;
events { }
http {
    mlops_store $site->{store};
    server {
        location / {
            $text
        }
    }
}
_END_

    my ($code, $said) = $site->nginx('-t');

    ok($code != 0 && index($said, $expected) >= 0, $text) or diag($said);
}


# --------------------------------------------------- include, right uses

make_dir("$site->{prefix}/mlops.d");
spew("$site->{prefix}/mlops.d/a.conf", "range\n\n  clip;\n");
spew("$site->{prefix}/mlops.d/b.conf", "nonfinite output=null;\n");

try_conf('include of several files in a block', 'http',
         "mlops_model a { include mlops.d/*.conf; }", '');
try_conf('include of a pattern that matches nothing', 'http',
         "mlops_model a { include mlops.d/*.none; range flag; }", '');

spew("$site->{prefix}/mlops.d/b.conf", "\n\nnonfinite\n  output=nil;\n");

spew("$site->{prefix}/nginx.conf", slurp("$site->{prefix}/nginx.conf")
     =~ s/include mlops\.d\/\*\.none; range flag;/include mlops.d\/*.conf;/r);

my ($code, $said) = $site->nginx('-t');

like($said, qr{invalid value "nil" in "nonfinite" in mlops_model "a":.* in \S+/mlops\.d/b\.conf:4\n},
     'an error in an included file has that file and line');

spew("$site->{prefix}/mlops.d/b.conf", "range flag;\n");

($code, $said) = $site->nginx('-t');

like($said, qr{"range" is duplicate in mlops_model "a": it is in \S+/mlops\.d/a\.conf:1 already in \S+/mlops\.d/b\.conf:1\n},
     'a duplicate names the file of the first');


sub make_dir {
    my ($dir) = @_;
    mkdir $dir or die "$dir: $!\n";
}


ok(! -e $site->{store}, 'nginx -t has made nothing');

done_testing();
