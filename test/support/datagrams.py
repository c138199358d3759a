"""Prints each datagram that comes to a Unix socket, in base64, one a line. The first line says that it listens."""

import base64
import socket
import sys

server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(sys.argv[1])
print('ready', flush=True)
while True:
    print(base64.b64encode(server.recv(1 << 20)).decode(), flush=True)
