#!/usr/bin/perl
# Stands between Berth and a real engine, on a unix socket, and spoils what passes. What it does follows from files in FOLDER, looked at
# for each piece that passes, so that a test changes it while connections are open:
#
#   delay   milliseconds by which each piece of a reply is late
#   slow    ... only of replies to requests that match this expression
#   api     the API version that the engine seems to speak, of four characters ("1.40")
#   fail    requests that match this expression are answered with status 500, and do not reach the engine
#   cut     connections that watch events are ended after the beginning of the reply
#
# and it writes down there what it saw:
#
#   requests  each request, a line
#   starts    "+1" for each request to start a container, "-1" for its answer
#
# usage: engine_front.pl LISTEN ENGINE FOLDER     (LISTEN and ENGINE: paths of sockets)
use strict;
use warnings;
use IO::Socket::UNIX;

my ($listen, $engine, $folder) = @ARGV;
die "usage: engine_front.pl LISTEN ENGINE FOLDER\n" unless defined $folder;
$SIG{CHLD} = 'IGNORE';
$SIG{PIPE} = 'IGNORE';

sub setting {
    my ($name) = @_;
    open(my $file, '<', "$folder/$name") or return undef;
    my $value = <$file>;
    chomp($value) if defined $value;
    return defined $value ? $value : '';
}

sub note {
    my ($name, $line) = @_;
    open(my $file, '>>', "$folder/$name") or return;
    syswrite($file, "$line\n");
}

sub spoil {
    my ($bytes, $request) = @_;
    my $delay = setting('delay');
    my $slow = setting('slow');
    my $api = setting('api');
    undef $delay if defined $slow && $request !~ $slow;
    select(undef, undef, undef, $delay / 1000) if defined $delay;
    $bytes =~ s/("ApiVersion": ?")\d\.\d\d"/$1$api"/g if defined $api;
    return $bytes;
}

sub write_all {
    my ($to, $bytes) = @_;
    while (length $bytes) {
        my $count = syswrite($to, $bytes);
        return 0 unless defined $count;
        substr($bytes, 0, $count) = '';
    }
    return 1;
}

sub serve {
    my ($client) = @_;
    my $server = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $engine) or return;
    my ($request, $is_watch, $is_start) = ('', 0, 0);
    while (1) {
        my $set = '';
        vec($set, fileno($_), 1) = 1 for ($client, $server);
        next if select($set, undef, undef, undef) < 0;
        if (vec($set, fileno($client), 1)) {
            return unless sysread($client, my $bytes, 65536);
            if ($bytes =~ m{^((?:GET|POST|PUT|DELETE|HEAD) \S+)}) {
                $request = $1;
                note('requests', $request);
            }
            my $fail = setting('fail');
            if (defined $fail && $request =~ $fail) {
                return unless write_all($client, "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n"
                    . "Content-Length: 19\r\n\r\n{\"message\":\"front\"}");
                next;
            }
            if ($bytes =~ m{^POST \S*/containers/[^/ ]+/start}) {
                note('starts', '+1');
                $is_start = 1;
            }
            $is_watch = 1 if $bytes =~ m{^GET \S*/events};
            return unless write_all($server, $bytes);
        }
        if (vec($set, fileno($server), 1)) {
            return unless sysread($server, my $bytes, 65536);
            note('starts', '-1') if $is_start;
            $is_start = 0;
            return unless write_all($client, spoil($bytes, $request));
            return if $is_watch && defined setting('cut');
        }
    }
}

unlink $listen;
my $door = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => $listen, Listen => 64) or die "$listen: $!\n";
while (1) {
    my $client = $door->accept or next;
    my $pid = fork;
    if (!defined $pid || $pid == 0) {
        close $door;
        serve($client);
        exit 0;
    }
    close $client;
}
