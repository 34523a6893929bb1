# SPDX-License-Identifier: MIT
"""channel.py - connect the program's standard input, output and error with the launcher's.

Each of the launcher's three files is connected by a virtio-serial port "hs.N", unless it is closed or /dev/null;
files that are the same share a port. /.hs/exec tells the host which port serves which file of the program. Ports
are socket pairs, so a slow reader slows the program down and nothing is lost. But runs in which the machine waits
for the user would not be reproducible. So with --icount, all input is read before the start, and the ports for
output are plain files that are copied out as they grow.

A machine without virtio has no ports. There, all input is also read before the start. The host writes the program's
output to the console's log, as lines "hs.N|TEXT" (src/host/dev/log_stream.c), and take_line() turns these into bytes.
"""
import fcntl
import os
import re
import select
import socket
import stat
import termios

from hs.errors import STATUS_QUIT, Quit, sentence
from . import qemuopt

CHUNK = 1 << 16
PIPE_CHUNK = 4096  # select() guarantees room for PIPE_BUF bytes only
NULL_DEVICE = os.makedev(1, 3)
CTRL_A = 1
OUTPUT_LINE = re.compile(r"hs\.([12])\|((?:[ -\[\]-~]|\\n|\\\\|\\x[0-9a-f]{2})*)$")
ESCAPE = re.compile(rb"\\(n|\\|x([0-9a-f]{2}))")


class Terminal:
    """The user's terminal: raw while the program runs, restored however the run ends."""

    HELP = b"\r\nCtrl-A X quits, Ctrl-A Ctrl-A sends Ctrl-A, Ctrl-A H shows this\r\n"

    def __init__(self, fd, reads):
        self.fd = fd
        self.saved = None
        self.escaped = False
        self.reads = reads
        self.ctrl_a = bytes((CTRL_A,))

    def winsize(self):
        try:
            size = os.get_terminal_size(self.fd)
        except OSError:
            return None
        return (size.lines, size.columns) if size.lines and size.columns else None

    def raw(self):
        try:
            if os.tcgetpgrp(self.fd) != os.getpgrp():
                return  # in the background: another process group uses the terminal
        except OSError:
            return  # the terminal belongs to another session, that of gdb (scripts/hyperscope gdb)
        self.saved = termios.tcgetattr(self.fd)
        mode = termios.tcgetattr(self.fd)
        mode[1] &= ~termios.OPOST  # the host's terminal layer has already written CR LF
        if self.reads:
            mode[0] &= ~(termios.BRKINT | termios.ICRNL | termios.INLCR | termios.IGNCR |
                         termios.INPCK | termios.ISTRIP | termios.IXON)
            mode[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
            mode[6][termios.VMIN] = 1
            mode[6][termios.VTIME] = 0
        termios.tcsetattr(self.fd, termios.TCSADRAIN, mode)

    def restore(self):
        if self.saved is not None:
            termios.tcsetattr(self.fd, termios.TCSADRAIN, self.saved)
            self.saved = None

    def filter_input(self, data):
        """Handle the Ctrl-A escapes in the user's input, and return the bytes for the program."""
        passed = bytearray()
        for byte in data:
            if not self.escaped:
                if byte == CTRL_A:
                    self.escaped = True
                else:
                    passed.append(byte)
                continue
            self.escaped = False
            if byte in b"xX":
                raise Quit(STATUS_QUIT)
            if byte in b"hH?":
                os.write(self.fd, self.HELP)
            elif byte == CTRL_A:
                passed += self.ctrl_a
            else:
                passed += bytes((CTRL_A, byte))
        return bytes(passed)


class Port:
    """One port: the user's input comes from fd_in, and the program's output goes to fd_out."""

    def __init__(self, number):
        self.name = "hs.%d" % number
        self.number = number
        self.fd_in = None
        self.fd_out = None
        self.terminal = None
        self.sock = None       # live: our end
        self.qemu_sock = None  # live: QEMU's end
        self.tail = None       # icount: the output file, to which QEMU appends
        self.to_user = bytearray()
        self.to_program = bytearray()
        self.write_size = PIPE_CHUNK

    def set_output(self, fd):
        self.fd_out = fd
        if stat.S_ISREG(os.fstat(fd).st_mode):
            self.write_size = CHUNK

    def open_live(self):
        self.sock, self.qemu_sock = socket.socketpair()
        self.sock.setblocking(False)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            self.sock.setsockopt(socket.SOL_SOCKET, option, 1 << 20)
            self.qemu_sock.setsockopt(socket.SOL_SOCKET, option, 1 << 20)
        self.qemu_sock.set_inheritable(True)
        return "socket,fd=%d" % self.qemu_sock.fileno()

    def open_tail(self, path):
        with open(path, "wb"):
            pass
        self.tail = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return "file,path=%s" % qemuopt.value(path)

    def started(self):
        if self.qemu_sock is not None:
            self.qemu_sock.close()
            self.qemu_sock = None

    # -- Channel.turn() calls wants() for the files to wait for, then serve() with those that are ready ----

    def wants(self):
        """Return (files to read, files to write) for select()."""
        reads, writes = [], []
        if self.sock is not None:
            if len(self.to_user) < CHUNK:
                reads.append(self.sock.fileno())
            if self.to_program:
                writes.append(self.sock.fileno())
            elif self.fd_in is not None:
                reads.append(self.fd_in)
        if self.to_user and self.fd_out is not None:
            writes.append(self.fd_out)
        return reads, writes

    def serve(self, readable, writable):
        if self.sock is not None and self.fd_in in readable and not self.to_program:
            self._read_user()
        if self.sock is not None and self.sock.fileno() in writable:
            self._write_program()
        if self.sock is not None and self.sock.fileno() in readable:
            self._read_program()
        if self.tail is not None and len(self.to_user) < CHUNK:
            self.to_user += os.read(self.tail, CHUNK)
        if self.to_user and self.fd_out in writable:
            self._write_user()

    def _read_user(self):
        try:
            data = os.read(self.fd_in, CHUNK)
        except OSError:
            data = b""
        if data:
            self.to_program += self.terminal.filter_input(data) if self.terminal else data
        else:
            # At the end of input, after the last byte, QEMU sees that the socket is shut down and closes the port.
            # Then the program's next read returns 0.
            self.fd_in = None
            self._shutdown()

    def _shutdown(self):
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _write_program(self):
        try:
            sent = self.sock.send(self.to_program)
        except BlockingIOError:
            return
        except OSError:
            sent = len(self.to_program)
            self.fd_in = None
        del self.to_program[:sent]

    def _read_program(self):
        try:
            data = self.sock.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.sock.close()
            self.sock = None
        elif self.fd_out is not None:
            self.to_user += data

    def _write_user(self):
        try:
            written = os.write(self.fd_out, bytes(self.to_user[:self.write_size]))
        except BlockingIOError:
            return
        except OSError as error:
            self._user_is_gone(error)
            return
        del self.to_user[:written]

    def _user_is_gone(self, error):
        """Handle a failed write of the program's output, for example because its reader is gone: discard the output,
        and close the port."""
        if not isinstance(error, BrokenPipeError):
            sentence("cannot write the program's output: %s" % error.strerror)
        self.fd_out = None
        self.to_user.clear()
        if self.sock is not None:
            self.sock.close()
            self.sock = None

    def finished(self):
        """Return whether all output has been passed to the user, after reading more of the output file if necessary.
        For use after QEMU has ended."""
        if self.tail is not None and not self.to_user and self.fd_out is not None:
            self.to_user += os.read(self.tail, CHUNK)
        return self.sock is None and not self.to_user


def unescape(text):
    """Return the bytes that log_stream.c has written as TEXT."""
    def byte(match):
        return {b"n": b"\n", b"\\": b"\\"}.get(match.group(1)) or bytes((int(match.group(2), 16),))
    return ESCAPE.sub(byte, text.encode("ascii"))


class Channel:
    def __init__(self, icount, files_only=False, virtio=True):
        """files_only: if input is read before the start, read only a regular file: a pipe, for example, may never end.
        virtio: whether the machine has virtio devices."""
        self.icount = icount
        self.virtio = virtio
        self.files_only = files_only
        self.ports = []
        self.outputs = {}  # descriptor 1 or 2 -> port
        self.wiring = {}  # "stdin" -> "hs.0", "null" or "file:/path"
        self.tty_fds = []
        self.terminal = None
        self.stdin_data = None
        self._plan()

    def _plan(self):
        names = ("stdin", "stdout", "stderr")
        taken = {}
        for fd, name in enumerate(names):
            try:
                info = os.fstat(fd)
                fcntl.fcntl(fd, fcntl.F_GETFD)
            except OSError:
                self.wiring[name] = "null"
                continue
            if stat.S_ISCHR(info.st_mode) and info.st_rdev == NULL_DEVICE:
                self.wiring[name] = "null"
            elif fd == 0 and (self.icount or not self.virtio):
                self._plan_early_stdin(info)
            else:
                self._plan_port(fd, name, info, taken)

    def _plan_early_stdin(self, info):
        """With --icount or without virtio, read all of the input before the machine starts. Do not read from a terminal
        or, if files_only is set, from anything but a regular file."""
        if os.isatty(0):
            sentence("with --icount, no input is read from the terminal (runs have to be repeatable)" if self.icount
                     else "this machine reads no input from the terminal: it has no virtio devices")
        if os.isatty(0) or (self.files_only and not stat.S_ISREG(info.st_mode)):
            self.wiring["stdin"] = "null"
            return
        with open(0, "rb", closefd=False) as source:
            self.stdin_data = source.read()
        self.wiring["stdin"] = "file:/.hs/stdin"

    def _plan_port(self, fd, name, info, taken):
        tty = os.isatty(fd) and self.virtio
        # Files that are the same terminal share a port, as do output and error if they are one file.
        key = ("tty", info.st_rdev) if tty else (fd == 0, info.st_dev, info.st_ino)
        port = taken.get(key)
        if port is None:
            port = Port(fd)
            taken[key] = port
            self.ports.append(port)
            if tty and self.terminal is None:
                self.terminal = Terminal(fd, reads=fd == 0)
        if fd == 0:
            port.fd_in = fd
            port.terminal = self.terminal if tty else None
        else:
            self.outputs[fd] = port
            if port.fd_out is None:
                port.set_output(fd)
        self.wiring[name] = port.name if self.virtio else "log"
        if tty:
            self.tty_fds.append(fd)

    def set_ctrl_a(self, data):
        """Set what Ctrl-A Ctrl-A sends."""
        if self.terminal is not None:
            self.terminal.ctrl_a = data

    def records(self):
        """Return the channel's lines of /.hs/exec."""
        lines = ["%s=%s" % (name, self.wiring[name]) for name in ("stdin", "stdout", "stderr")]
        if self.tty_fds:
            lines.append("tty=%s" % ",".join(map(str, self.tty_fds)))
            size = self.terminal.winsize()
            if size:
                lines.append("winsize=%dx%d" % size)
        return lines

    def qemu_args(self, run):
        """Open the ports and return the options for QEMU."""
        args = ["-device", "virtio-serial-device,bus=virtio-mmio-bus.0,max_ports=4"]
        for port in self.ports:
            if self.icount:
                backend = port.open_tail(run.file("out.%d" % port.number))
            else:
                backend = port.open_live()
            kind, rest = backend.split(",", 1)
            args += ["-chardev", "%s,id=p%d,%s" % (kind, port.number, rest),
                     "-device", "virtserialport,chardev=p%d,name=%s,nr=%d" %
                     (port.number, port.name, port.number + 1)]
        return args

    def take_line(self, line):
        """Return whether LINE of the log is output of the program; if so, pass it on."""
        match = OUTPUT_LINE.search(line)  # after a message of the firmware without an end of line, if there is one
        if not match:
            return False
        port = self.outputs.get(int(match.group(1)))
        if port is not None and port.fd_out is not None:
            port.to_user += unescape(match.group(2))
        return True

    def flush(self):
        """Pass on the output of take_line(), as far as that is possible without waiting for its reader."""
        for port in self.ports:
            before = -1
            while port.to_user and port.fd_out is not None and len(port.to_user) != before:
                before = len(port.to_user)
                port.serve([], select.select([], [port.fd_out], [], 0)[1])

    def inherited(self):
        return [port.qemu_sock.fileno() for port in self.ports if port.qemu_sock is not None]

    def started(self):
        for port in self.ports:
            port.started()
        if self.terminal is not None:
            self.terminal.raw()

    def restore(self):
        if self.terminal is not None:
            self.terminal.restore()

    def is_raw(self):
        return self.terminal is not None and self.terminal.saved is not None

    def turn(self, extra_reads, seconds):
        """Wait at most SECONDS until a port's file or one of EXTRA_READS is ready, and pass data on. Return the
        readable files."""
        reads, writes = list(extra_reads), []
        for port in self.ports:
            port_reads, port_writes = port.wants()
            reads += port_reads
            writes += port_writes
        readable, writable, _ = select.select(reads, writes, [], seconds)
        for port in self.ports:
            port.serve(readable, writable)
        return readable

    def drain(self):
        """Pass on the remaining output after QEMU has ended."""
        for port in self.ports:
            port.fd_in = None
            port.to_program.clear()
        while not all([port.finished() for port in self.ports]):
            self.turn([], 0.1)
