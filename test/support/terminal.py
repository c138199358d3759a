"""Runs a command on a new terminal, as a person's shell would: terminal.py ROWS COLUMNS COMMAND [ARGUMENT …]

Bytes of stdin are typed, what the terminal shows goes to stdout. A line "ROWS COLUMNS" on fd 3 resizes the terminal.
The end of stdin types nothing (ctrl-d is a byte). Exits with the command's code, or 128 + signal.
"""

import fcntl
import os
import pty
import select
import struct
import sys
import termios


def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))


def read(fd):
    try:
        return os.read(fd, 65536)
    except OSError:  # EIO: the last process has closed the terminal
        return b""


pid, terminal = pty.fork()
if pid == 0:
    resize(0, *sys.argv[1:3])
    try:
        os.close(3)
    except OSError:
        pass
    os.execvp(sys.argv[3], sys.argv[3:])

sources = [0, 3, terminal]
try:
    os.fstat(3)
except OSError:
    sources.remove(3)
while True:
    ready = select.select(sources, [], [])[0]
    if terminal in ready:
        data = read(terminal)
        if not data:
            break
        os.write(1, data)
    if 0 in ready:
        data = read(0)
        if data:
            os.write(terminal, data)
        else:
            sources.remove(0)
    if 3 in ready:
        data = read(3)
        if not data:
            sources.remove(3)
        for line in data.decode().splitlines():
            resize(terminal, *line.split())
status = os.waitpid(pid, 0)[1]
sys.exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
