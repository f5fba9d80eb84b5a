package Test::Nginx::Checks;

# What a block expects: compares responses and logs with the sections and
# makes one test of each expectation.

use v5.14;
use warnings;

use Digest::MD5 ();
use Digest::SHA ();
use Test::More ();

use Test::Nginx::Client ();
use Test::Nginx::Util ();

our @body_checks;

my $set = \%Test::Nginx::Util::Set;

my %filters = (
    md5_hex  => \&Digest::MD5::md5_hex,
    sha1_hex => \&Digest::SHA::sha1_hex,
    length   => sub { length $_[0] },
    uc       => sub { uc $_[0] },
    lc       => sub { lc $_[0] },
    ucfirst  => sub { ucfirst $_[0] },
    lcfirst  => sub { lcfirst $_[0] },
);


sub bail_out {
    Test::Nginx::Util::bail_out(@_);
}


sub show {
    my ($text) = @_;

    $text =~ s/([^\x20-\x7e])/$1 eq "\n" ? '\n' : sprintf '\x%02x', ord $1/ge;

    return length $text > 200 ? substr($text, 0, 200) . '...' : $text;
}


# As Test::More::is, but shows long texts from where they differ.

sub is_str {
    my ($got, $expected, $title) = @_;

    if (ref $expected eq 'Regexp') {
        return Test::More::like($got, $expected, $title);
    }

    $got //= '';
    $expected //= '';

    if (utf8::is_utf8($expected) && ! utf8::is_utf8($got)) {
        utf8::encode($expected);
    }

    return Test::More::pass($title) if $got eq $expected;

    Test::More::fail($title);

    my $same = 0;

    if (($got ^ $expected) =~ /^(\0*)/) {
        $same = length $1;
    }

    my $from = $same > 40 ? $same - 40 : 0;

    Test::More::diag(sprintf "     got (%d bytes): %s%s\n"
                     . "expected (%d bytes): %s%s\n"
                     . "they differ at byte %d",
                     length $got, $from ? '...' : '',
                     show(substr $got, $from),
                     length $expected, $from ? '...' : '',
                     show(substr $expected, $from), $same);
    return 0;
}


# The expectation for one of several requests.

sub item {
    my ($block, $section, $index, $many) = @_;

    my $value = $block->$section;

    if ($many && ref $value ne 'ARRAY') {
        bail_out($block->name, " - $section: several requests need an",
                 " array of expectations");
    }

    return ref $value eq 'ARRAY' ? $value->[$index] : $value;
}


sub expected_headers {
    my ($text) = @_;

    my @headers;

    for my $line (split /\n/, $text // '') {
        $line =~ s/^\s+|\s+$//g;
        next if $line eq '';

        if ($line =~ s/^!\s*//) {
            push @headers, [ $line, undef ];

        } else {
            my ($name, $value) = split /\s*:\s*/, $line, 2;
            push @headers, [ $name, $value // '' ];
        }
    }

    return @headers;
}


sub ports {
    my ($text) = @_;

    $text =~ s/\$ServerPortForClient\b/$set->{client_port}/g;
    $text =~ s/\$ServerPort\b/$set->{server_port}/g;

    return $text;
}


sub response {
    my ($block, $response, $index, $round, $many) = @_;

    my $name = $block->name;
    my $suffix = "(req $index, round $round)";
    my $code = $response->{code};

    if (defined $block->error_code_like) {
        my $pattern = item($block, 'error_code_like', $index, $many);
        Test::More::like($code, qr/$pattern/sm, "$name - code $suffix");

    } else {
        my $expected = defined $block->error_code
            ? item($block, 'error_code', $index, $many) : 200;

        $expected =~ s/\s+//g if defined $expected;
        Test::More::is($code, $expected, "$name - code $suffix");
    }

    if (defined $block->raw_response_headers_like) {
        my $pattern = item($block, 'raw_response_headers_like', $index,
                           $many);
        Test::More::like($response->{raw}, qr/$pattern/s,
                         "$name - head matches $suffix");
    }

    if (defined $block->raw_response_headers_unlike) {
        my $pattern = item($block, 'raw_response_headers_unlike', $index,
                           $many);
        Test::More::unlike($response->{raw}, qr/$pattern/s,
                           "$name - head does not match $suffix");
    }

    headers($block, $response, $index, $many, $suffix);
    body($block, $response, $index, $many, $suffix);

    $_->($block, $response->{body}, $index, $round, undef) for @body_checks;
}


sub headers {
    my ($block, $response, $index, $many, $suffix) = @_;

    my $name = $block->name;

    if (defined $block->response_headers) {
        for my $header (expected_headers(item($block, 'response_headers',
                                              $index, $many)))
        {
            my ($key, $value) = @$header;
            my $got = Test::Nginx::Client::header($response, $key);

            if (defined $value) {
                Test::More::is($got // '', ports($value),
                               "$name - header $key $suffix");

            } else {
                Test::More::ok(! defined $got,
                               "$name - no header $key $suffix");
            }
        }

    } elsif (defined $block->response_headers_like) {
        for my $header (expected_headers(item($block,
                                              'response_headers_like',
                                              $index, $many)))
        {
            my ($key, $value) = @$header;
            my $got = Test::Nginx::Client::header($response, $key);

            $value //= '';
            Test::More::like($got // '', qr/^$value$/,
                             "$name - header $key matches $suffix");
        }
    }
}


# response_body_filters: names, code, a list of them, or a list of lists of
# which each request has its own.

sub filtered {
    my ($block, $text, $index) = @_;

    my $spec = $block->response_body_filters // return $text;

    my @steps = ref $spec eq 'CODE' ? ($spec)
              : ref $spec eq 'ARRAY' ? @$spec
              : split ' ', $spec;

    @steps = @{ $steps[$index] // [] } if ref $steps[0] eq 'ARRAY';

    for my $step (@steps) {
        my $code = ref $step eq 'CODE' ? $step : $filters{$step}
            // bail_out($block->name, " - no filter \"$step\"");
        $text = $code->($text);
    }

    return $text;
}


sub body {
    my ($block, $response, $index, $many, $suffix) = @_;

    my $name = $block->name;

    $response->{body} = filtered($block, $response->{body}, $index);

    if (defined $block->response_body) {
        my $expected = item($block, 'response_body', $index, $many);

        $expected = Test::Nginx::Util::expand(ports($expected), $name)
            if defined $expected && ! ref $expected;

        is_str($response->{body}, $expected, "$name - body $suffix");

    } elsif (defined $block->response_body_like) {
        my $pattern = item($block, 'response_body_like', $index, $many);

        Test::More::like($response->{body}, qr/$pattern/s,
                         "$name - body matches $suffix");

    } elsif (defined $block->response_body_unlike) {
        my $pattern = item($block, 'response_body_unlike', $index, $many);

        Test::More::unlike($response->{body}, qr/$pattern/s,
                           "$name - body does not match $suffix");
    }
}


# ------------------------------------------------------------------- logs

# A section's patterns: lines of literal text, a Regexp, or a list of both.

sub patterns {
    my ($value) = @_;

    return if ! defined $value;
    return @$value if ref $value eq 'ARRAY';
    return $value if ref $value;
    return grep { $_ ne '' } split /\n+/, $value;
}


sub matches {
    my ($line, $pattern) = @_;

    return ref $pattern ? $line =~ $pattern : index($line, $pattern) >= 0;
}


sub all_found {
    my ($lines, @patterns) = @_;

    for my $pattern (@patterns) {
        return 0 if ! grep { matches($_, $pattern) } @$lines;
    }

    return 1;
}


sub must_appear {
    my ($name, $what, $lines, @patterns) = @_;

    for my $pattern (@patterns) {
        Test::More::ok(scalar(grep { matches($_, $pattern) } @$lines),
                       "$name - \"$pattern\" is in the $what")
            or Test::More::diag(map { "  $_" }
                                grep { ! /\[debug\]/ } @$lines);
    }
}


sub must_not_appear {
    my ($name, $what, $lines, @patterns) = @_;

    for my $pattern (@patterns) {
        my @hits = grep { matches($_, $pattern) } @$lines;

        Test::More::ok(! @hits, "$name - \"$pattern\" is not in the $what")
            or Test::More::diag(map { "  $_" } @hits);
    }
}


sub error_log {
    my ($block, $round) = @_;

    my $name = $block->name;
    my @wanted = patterns($block->error_log);
    my @unwanted = patterns($block->no_error_log);
    my $grep = $block->grep_error_log;
    my $out = $block->grep_error_log_out;

    bail_out("$name - grep_error_log and grep_error_log_out need each other")
        if defined $grep != defined $out;

    $grep = $grep->[$round] if ref $grep eq 'ARRAY';
    $out = $out->[$round] if ref $out eq 'ARRAY';
    $out = Test::Nginx::Util::expand($out, $name);

    my $grepped = sub {
        my ($lines) = @_;

        my $pattern = ref $grep ? $grep : qr/\Q$grep\E/;

        return join '', map { $_ =~ $pattern && $& !~ /\n/ ? "$&\n" : () }
                            @$lines;
    };

    my $lines = Test::Nginx::Util::error_lines(
        ! @wanted && ! defined $grep ? undef : sub {
            my ($sofar) = @_;

            return all_found($sofar, @wanted)
                   && (! defined $grep || ref $out
                       || $grepped->($sofar) eq ($out // ''));
        });

    if (defined $grep) {
        is_str($grepped->($lines), $out, "$name - grep_error_log_out"
                                         . " (round $round)");
    }

    must_appear($name, 'error log', $lines, @wanted);
    must_not_appear($name, 'error log', $lines, @unwanted);

    # What nobody asked about is shown, and a failed assertion fails.

    for my $line (@$lines) {
        if ($line =~ /\[(alert|crit|emerg)\]/) {
            my $level = $1;

            warn "$name - $line"
                if ! grep { index($_, "[$level") >= 0 } @wanted, @unwanted
                   and ! grep { matches($line, $_) } @wanted;

        } elsif ($line =~ /\bAssertion .*?failed\b/) {
            Test::More::fail("$name - $line");
        }
    }
}


sub shutdown_log {
    my ($block, $lines) = @_;

    return if $set->{hup};

    must_appear($block->name, 'error log at the end', $lines,
                patterns($block->shutdown_error_log));
    must_not_appear($block->name, 'error log at the end', $lines,
                    patterns($block->no_shutdown_error_log));
}


sub access_log {
    my ($block, $round) = @_;

    return if ! defined $block->access_log && ! defined $block->no_access_log;

    my @wanted = patterns($block->access_log);
    my $lines = Test::Nginx::Util::access_lines(
        sub { return all_found($_[0], @wanted) });

    must_appear($block->name, 'access log', $lines, @wanted);
    must_not_appear($block->name, 'access log', $lines,
                    patterns($block->no_access_log));
}


sub must_die {
    my ($block, $status) = @_;

    my $name = $block->name;
    my $expected = $block->must_die;

    if (! defined $status) {
        Test::More::fail("$name - nginx did not refuse its configuration");

    } elsif ($status & 127) {
        Test::More::fail("$name - nginx died of signal " . ($status & 127));

    } elsif ($expected =~ /^\s*(\d+)\s*$/) {
        Test::More::is($status >> 8, $1, "$name - exit code");

    } else {
        Test::More::isnt($status, 0, "$name - nginx refused to start");
    }
}


1;
