# ugsim.control - the channel beside the AT port, for tests and people.
# SPDX-License-Identifier: MIT
"""Command a running simulated modem.

    python3 tools/ugsim control 127.0.0.1:7001 "fault send_fail ms=2000"
    python3 tools/ugsim control 127.0.0.1:7001 stats
    python3 tools/ugsim control 127.0.0.1:7001         (commands from standard input)

In a test:

    with Control("127.0.0.1:7001") as modem:
        modem.command("coverage off")
        modem.stats()["commands"]["+QSSLSEND"]
"""

# A request is one line. The answer is any number of lines and then a line with a single dot.

import json
import os
import selectors
import socket
import sys

from ugsim.port.base import PortError, reason

_END = b".\n"


class ControlError(Exception):
    # The modem refused a command, or can't be reached; one sentence.
    pass


def parse_address(text):
    # "HOST:PORT" -> (host, port); a path (with a slash, or after "unix:") -> the path.
    if text.startswith("unix:"):
        return text[5:]
    if "/" in text:
        return text
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ValueError("'%s' is not HOST:PORT and not a path" % text)
    return host or "127.0.0.1", int(port)


class Server:
    # handler(text) -> answer. Driven by ugsim.loop through watch() and run().
    def __init__(self, address, handler):
        self._handler = handler
        self._path = None
        self._peers = {}  # socket -> bytes of an unfinished line
        try:
            if isinstance(address, str):
                _remove_stale(address)
                self._listener = socket.socket(socket.AF_UNIX)
                self._listener.bind(address)
                self._listener.listen()
                self._path = self.address = address
            else:
                self._listener = socket.create_server(address)
                self.address = "%s:%d" % self._listener.getsockname()[:2]
        except OSError as error:
            shown = address if isinstance(address, str) else "%s:%d" % address
            raise PortError(
                "can't open the control channel at %s: %s. Choose another address, or none."
                % (shown, reason(error))
            ) from None
        self._listener.setblocking(False)

    def watch(self):
        return [(item, selectors.EVENT_READ) for item in [self._listener] + list(self._peers)]

    def run(self, ready):
        for peer in [peer for peer in self._peers if peer in ready]:
            self._serve(peer)
        if self._listener in ready:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            # An answer is short; a client that does not read it is cut off after this time.
            peer.settimeout(1)
            self._peers[peer] = b""

    def close(self):
        for peer in self._peers:
            peer.close()
        self._listener.close()
        if self._path:
            os.unlink(self._path)

    def _serve(self, peer):
        try:
            data = peer.recv(4096)
            if not data:
                raise ConnectionError
            lines = (self._peers[peer] + data).split(b"\n")
            self._peers[peer] = lines.pop()[-4096:]
            for line in lines:
                text = line.decode("utf-8", "replace").strip()
                answer = self._handler(text) if text else "ok"
                peer.sendall(answer.rstrip("\n").encode() + b"\n" + _END)
        except OSError:
            self._peers.pop(peer, None)
            peer.close()


class Control:
    # The other end: `address` as Server.address gives it.
    def __init__(self, address, timeout=10):
        try:
            where = parse_address(address)
            if isinstance(where, str):
                self._socket = socket.socket(socket.AF_UNIX)
                self._socket.settimeout(timeout)
                self._socket.connect(where)
            else:
                self._socket = socket.create_connection(where, timeout)
        except ValueError as error:
            raise ControlError("%s." % error) from None
        except OSError as error:
            raise ControlError(
                "no simulated modem answers at %s: %s." % (address, error.strerror or error)
            ) from None
        self._file = self._socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._file.close()
        self._socket.close()

    def ask(self, text):
        # The answer as it comes, "error: ..." too.
        lines = []
        try:
            self._socket.sendall(text.encode() + b"\n")
            while True:
                line = self._file.readline()
                if not line:
                    raise ControlError("the simulated modem has ended.")
                if line == _END:
                    return "\n".join(lines)
                lines.append(line.decode().rstrip("\n"))
        except OSError as error:
            raise ControlError("the simulated modem does not answer: %s." % error) from None

    def command(self, text):
        # The answer; ControlError if the modem refuses.
        answer = self.ask(text)
        if answer.startswith("error"):
            raise ControlError(answer)
        return answer

    def stats(self):
        return json.loads(self.command("stats"))


def _remove_stale(path):
    # A socket file that nobody listens at any more is left over from a killed process.
    probe = socket.socket(socket.AF_UNIX)
    try:
        probe.connect(path)
    except ConnectionRefusedError:
        os.unlink(path)
    except OSError:
        pass
    finally:
        probe.close()


def main(argv=None):
    args = sys.argv[1:] if argv is None else argv
    if args[:1] in (["-h"], ["--help"]):
        print(__doc__)
        print('The command "help" lists what the modem understands.')
        return 0
    if not args:
        text = "ugsim control: name the ADDRESS that ugsim --control has shown. See --help."
        print(text, file=sys.stderr)
        return 2
    try:
        with Control(args[0]) as modem:
            texts = [" ".join(args[1:])] if len(args) > 1 else sys.stdin
            bad = False
            for text in texts:
                answer = modem.ask(text.strip())
                print(answer, flush=True)
                bad = bad or answer.startswith("error")
            return 1 if bad else 0
    except ControlError as error:
        print("ugsim control: %s" % error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
