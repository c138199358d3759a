/** Small servers to run in containers of the Debian image, whose perl is all they need. */

/** Says who has connected, then repeats every line that it is sent. */
export const tcpServer = (port: number): string[] => [
  'perl',
  '-MSocket=:all',
  '-e',
  `$SIG{CHLD} = "IGNORE";
   socket($s, AF_INET6, SOCK_STREAM, 0) or die $!;
   setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
   setsockopt($s, IPPROTO_IPV6, IPV6_V6ONLY, 0);
   bind($s, pack_sockaddr_in6($ARGV[0], IN6ADDR_ANY)) or die $!;
   listen($s, 99) or die $!;
   while ($peer = accept($c, $s)) {
     if (fork) { close $c; next }
     select($c); $| = 1;
     ($from = inet_ntop(AF_INET6, (unpack_sockaddr_in6($peer))[1])) =~ s/^::ffff://;
     print $c "$from\n";
     print $c $_ while <$c>;
     exit;
   }`,
  String(port),
]

/** Answers every datagram with who has sent it, and what. */
export const udpServer = (port: number): string[] => [
  'perl',
  '-MIO::Socket::INET',
  '-e',
  `$s = IO::Socket::INET->new(Proto => "udp", LocalPort => $ARGV[0]) or die;
   while ($s->recv($d, 9000)) { $s->send($s->peerhost . " $d") }`,
  String(port),
]

/** A client for another host: connects, and prints what it is told until the server ends the connection or `lines` have come. */
export const tcpClient = (host: string, port: number): string[] => [
  'perl',
  '-MIO::Socket::IP',
  '-e',
  `$s = IO::Socket::IP->new(PeerHost => $ARGV[0], PeerPort => $ARGV[1], Timeout => 3) or die "$!\\n"; print scalar <$s>`,
  host,
  String(port),
]

export const udpClient = (host: string, port: number, message: string): string[] => [
  'perl',
  '-MIO::Socket::INET',
  '-e',
  `$s = IO::Socket::INET->new(Proto => "udp", PeerHost => $ARGV[0], PeerPort => $ARGV[1]) or die "$!\\n";
   for (1..100) { $s->send($ARGV[2]); vec($r = "", fileno($s), 1) = 1; next unless select($r, undef, undef, 0.1); $s->recv($d, 9000) or next; print $d; exit 0 }
   die "no answer\\n"`,
  host,
  String(port),
  message,
]

/** Asks a name server: prints the response code, then what each answer holds, in its order. */
export const dnsQuery = (
  name: string,
  {
    type = 'A',
    protocol = 'udp',
    server = '127.0.0.11',
  }: { type?: 'A' | 'AAAA' | 'PTR' | 'TXT'; protocol?: 'udp' | 'tcp'; server?: string } = {},
): string[] => [
  'perl',
  '-MIO::Socket::INET',
  '-MSocket=:all',
  '-e',
  `($name, $type, $proto, $server) = @ARGV;
   $q = pack("nnnnnn", 4242, 0x0100, 1, 0, 0, 0) . join("", map { chr(length) . $_ } split(/\\./, $name)) . "\\0" . pack("nn", $type, 1);
   $s = IO::Socket::INET->new(Proto => $proto, PeerHost => $server, PeerPort => 53, Timeout => 5) or die "no server\\n";
   alarm 10;
   if ($proto eq "tcp") { $s->print(pack("n", length $q) . $q); $s->flush; read $s, $l, 2; read $s, $a, unpack("n", $l) }
   else { $s->send($q); defined $s->recv($a, 9000) or die "no answer\\n" }
   ($id, $flags, $qd, $an) = unpack("nnnn", $a); $id == 4242 or die "a stranger's answer";
   print "rcode ", $flags & 15, "\\n";
   sub skip { my $o = shift; while (my $l = unpack("C", substr $a, $o, 1)) { return $o + 2 if $l >= 192; $o += $l + 1 } $o + 1 }
   sub name { my ($o, @n) = shift; while (my $l = unpack("C", substr $a, $o, 1)) { if ($l >= 192) { $o = unpack("n", substr $a, $o, 2) & 0x3fff; next } push @n, substr $a, $o + 1, $l; $o += $l + 1 } join ".", @n }
   $o = skip(12) + 4;
   for (1 .. $an) { $o = skip($o); ($t, $c, $ttl, $n) = unpack("nnNn", substr $a, $o, 10); $o += 10; $d = substr $a, $o, $n;
     print $t == 1 ? inet_ntoa($d) : $t == 28 ? inet_ntop(AF_INET6, $d) : $t == 12 ? name($o) : "$n bytes", "\\n"; $o += $n }`,
  name,
  String({ A: 1, PTR: 12, TXT: 16, AAAA: 28 }[type]),
  protocol,
  server,
]
