package Test::Nginx::Socket;

# A runner for test files in the dialect of OpenResty's Test::Nginx, on top
# of Test::Base, for machines without that library.  Test files say
#
#     use Test::Nginx::Socket 'no_plan';
#
# and run unchanged under either.  This file owns what they see: the exported
# functions and the order in which a block is run.  Test::Nginx::Util owns
# the server, Test::Nginx::Client the requests, Test::Nginx::Checks the
# judgement.
#
# Sections: config, http_config, main_config, post_main_config, server_name,
# user_files, post_setup_server_root, init, request, raw_request,
# pipelined_requests, more_headers, raw_request_middle_delay, http09,
# shutdown, timeout, abort, wait, ignore_response, curl, error_code,
# error_code_like, response_body, response_body_like, response_body_unlike,
# response_body_filters, response_headers, response_headers_like,
# raw_response_headers_like, raw_response_headers_unlike, error_log,
# no_error_log, grep_error_log, grep_error_log_out, shutdown_error_log,
# no_shutdown_error_log, access_log, no_access_log, log_level, must_die,
# suppress_stderr, reload_fails, skip_nginx, skip_nginx2, skip_eval, todo;
# ONLY, LAST and SKIP are Test::Base's.  A section of the dialect that is not
# in this list bails out instead of passing by silence.
#
# Every function here has a prototype: Spiffy, below Test::Base, gives the
# others a hidden first argument.

use v5.14;
use Test::Base -Base;

use Time::HiRes ();
use List::Util ();

use Test::Nginx::Util ();
use Test::Nginx::Client ();
use Test::Nginx::Checks ();

our @EXPORT = qw(
    run_tests repeat_each no_shuffle no_long_string is_str
    worker_connections workers master_on master_off master_process_enabled
    log_level timeout use_hup env_to_nginx check_accum_error_log
    no_root_location config_preamble server_name server_addr server_root
    html_dir server_port server_port_for_client bail_out
    add_block_preprocessor add_response_body_check add_cleanup_handler
    add_test_cleanup_handler
);

my @unsupported = qw(
    tcp_listen udp_listen stap stap_out http2 http3 request_eval
    response_body_eval response_body_json_sort skip_openssl
);

my $set = \%Test::Nginx::Util::Set;
my @preprocessors;


sub setting ($;$) {
    my ($name, $value) = @_;

    $set->{$name} = $value if defined $value;

    return $set->{$name};
}


sub repeat_each (@)          { setting('repeat_each', $_[0]) }
sub worker_connections (@)   { setting('worker_connections', $_[0]) }
sub workers (@)              { setting('workers', $_[0]) }
sub log_level (@)            { setting('log_level', $_[0]) }
sub timeout (@)              { setting('timeout', $_[0]) }
sub server_name (@)          { setting('server_name', $_[0]) }
sub server_addr (@)          { setting('server_addr', $_[0]) }
sub server_port (@)          { setting('server_port', $_[0]) }
sub server_port_for_client (@) { setting('client_port', $_[0]) }
sub config_preamble ($)      { setting('preamble', $_[0]) }
sub no_shuffle ()            { setting('shuffle', 0) }
sub no_root_location ()      { setting('root_location', 0) }
sub check_accum_error_log () { setting('accumulate', 1) }
sub use_hup ()               { setting('hup', 1) }
sub master_on ()             { setting('master', 1) }
sub master_off ()            { setting('master', 0) }
sub no_long_string ()        { }
sub server_root ()           { $set->{server_root} }
sub html_dir ()              { "$set->{server_root}/html" }


sub master_process_enabled (@) {
    setting('master', $_[0] ? 1 : 0) if @_;

    return $set->{master} ? 'on' : 'off';
}


sub env_to_nginx (@) {
    push @{ $set->{env} }, @_;
}


sub add_block_preprocessor (&) {
    push @preprocessors, $_[0];
}


sub add_response_body_check ($) {
    push @Test::Nginx::Checks::body_checks, $_[0];
}


sub add_cleanup_handler ($) {
    push @Test::Nginx::Util::cleanup_handlers, $_[0];
}


my @test_cleanup_handlers;

sub add_test_cleanup_handler ($) {
    unshift @test_cleanup_handlers, $_[0];
}


sub bail_out (@) {
    Test::Nginx::Util::bail_out(@_);
}


sub is_str (@) {
    Test::Nginx::Checks::is_str(@_);
}


sub run_tests () {
    my @blocks = Test::Base::blocks();

    @blocks = List::Util::shuffle(@blocks) if $set->{shuffle};

    Test::Nginx::Util::begin();

    for my $block (@blocks) {
        $_->($block) for @preprocessors;

        $block->set_value('name', "$0 " . $block->name);

        for my $section (@unsupported) {
            bail_out($block->name, " - the section $section is unknown to",
                     " this runner") if defined $block->$section;
        }

        run_block($block);

        $_->($block) for @test_cleanup_handlers;
    }

    Test::Nginx::Util::finish();
}


# The reason why a block is left out, and how many tests that are.

sub skip_of ($) {
    my ($block) = @_;

    my $name = $block->name;
    my $cond = qr/([<>]=?) \s* (\d+)\.(\d+)\.(\d+)/x;

    if (defined(my $spec = $block->skip_eval)) {
        $spec =~ /^\s*(\d+)\s*:\s*(.*)/s
            or bail_out("$name - skip_eval: expected COUNT: CODE");

        my ($count, $code) = ($1, $2);
        my $result = eval "package Test::Nginx::Util; $code";

        bail_out("$name - skip_eval failed: $@") if $@;

        return ($count, 'skip_eval') if $result;
    }

    if (defined(my $spec = $block->skip_nginx)) {
        $spec =~ /^\s*(\d+)\s*:\s*$cond\s*(?::\s*(.*?)\s*)?$/
            or bail_out("$name - skip_nginx: expected COUNT: < 1.2.3");

        my ($count, @version) = ($1, $2, $3, $4, $5);

        return ($count, $6 || "nginx $version[0] "
                              . join('.', @version[1 .. 3]))
            if Test::Nginx::Util::version_is(@version);
    }

    if (defined(my $spec = $block->skip_nginx2)) {
        $spec =~ /^\s*(\d+)\s*:\s*$cond\s*(and|or)\s*$cond
                  \s*(?::\s*(.*?)\s*)?$/x
            or bail_out("$name - skip_nginx2: expected",
                        " COUNT: < 1.2.3 and >= 1.2.0");

        my ($count, $op) = ($1, $6);
        my ($reason) = $11;
        my $a = Test::Nginx::Util::version_is($2, $3, $4, $5);
        my $b = Test::Nginx::Util::version_is($7, $8, $9, $10);

        return ($count, $reason || 'nginx version')
            if $op eq 'and' ? $a && $b : $a || $b;
    }

    return;
}


sub run_block ($) {
    my ($block) = @_;

    my $builder = Test::Builder->new;
    my $name = $block->name;
    my ($skipped, $reason) = skip_of($block);

    if ($skipped) {
        $builder->skip("$name - $reason")
            for 1 .. $skipped * $set->{repeat_each};
        return;
    }

    local $set->{log_level} = $block->log_level // $set->{log_level};

    my $todo;

    if (defined $block->todo) {
        $block->todo =~ /^\s*\d+\s*:\s*(.*)/s
            or bail_out("$name - todo: expected COUNT: REASON");
        $todo = $1;
        $builder->todo_start($todo);
    }

    if (defined $block->must_die) {
        for my $round (0 .. $set->{repeat_each} - 1) {
            my $status = Test::Nginx::Util::start_to_die($block);

            Test::Nginx::Checks::must_die($block, $status);
            Test::Nginx::Checks::error_log($block, $round);
        }

    } elsif (Test::Nginx::Util::provide($block)) {
        Test::Nginx::Util::run_perl($block, 'init');
        Test::Nginx::Util::forget_log();

        run_requests($block, $_) for 0 .. $set->{repeat_each} - 1;
    }

    $builder->todo_end if defined $todo;
}


sub run_requests ($$) {
    my ($block, $round) = @_;

    my $requests = Test::Nginx::Client::requests($block);
    my $pipelined = $block->pipelined_requests;
    my $many = $pipelined || @$requests > 1;
    my $total = $pipelined ? @$pipelined : @$requests;
    my $index = 0;

    if (defined $block->curl) {
        warn '# ', Test::Nginx::Client::curl_command($requests->[0]), "\n";
    }

    for my $request (@$requests) {
        my $raw = Test::Nginx::Client::exchange($block, $request);

        for my $nth (1 .. ($pipelined ? $total : 1)) {
            my $response;

            if (! defined $block->ignore_response) {
                ($response, $raw) = Test::Nginx::Client::parse(
                    $block, $raw, $request->{methods}[$nth - 1]);

                Test::Nginx::Checks::response(
                    $block, $response, $index, $round, $many);
            }

            $index++;

            if (defined $block->wait && $block->wait =~ /\d/) {
                Time::HiRes::sleep($block->wait);
            }

            Test::Nginx::Checks::error_log($block, $round);
            Test::Nginx::Checks::access_log($block, $round)
                if ! defined $block->ignore_response;
        }

        if ($raw ne '' && ! defined $block->ignore_response) {
            warn $block->name, ' - ', length($raw),
                 " bytes behind the last response\n";
        }
    }
}


1;
