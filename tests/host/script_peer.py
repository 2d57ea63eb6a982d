# script_peer - what a TLS server does that takes its orders from the client, for contract.py.
# SPDX-License-Identifier: MIT
#
#     with TlsPeer(certs.server, serve=script_peer.serve) as peer: ...
#
# An order is a line; n is a number of bytes, ms a pause before it is carried out:
#     echo n          sends back the next n bytes
#     send n [ms]     sends the first n bytes of PATTERN, repeated
#     text [ms] ...   sends the rest of the line, \n in it is a line end
#     stall name      reads nothing until another connection says: go name
#     close [ms]      ends the connection properly
#     reset [ms]      ends it with a TCP reset

import contextlib
import threading
import time

import tls_peer

PATTERN = bytes(range(256))
_gates = {}  # name: Event
_lock = threading.Lock()


def serve(link):
    rest = b""
    while True:
        while b"\n" not in rest:
            data = link.recv()
            if not data:
                return
            rest += data
        line, _, rest = rest.partition(b"\n")
        word, _, args = line.decode().partition(" ")
        if word == "echo":
            n = int(args)
            while n:
                piece = rest[:n]
                rest = rest[len(piece) :]
                if not piece:
                    piece = link.recv(min(n, 65536))
                    if not piece:
                        return
                n -= len(piece)
                link.send(piece)
        elif word == "send":
            n, _, ms = args.partition(" ")
            _pause(ms)
            n = int(n)
            link.send((PATTERN * (n // 256 + 1))[:n])
        elif word == "text":
            ms, _, text = args.partition(" ")
            _pause(ms)
            link.send(text.replace("\\n", "\n").encode())
        elif word == "stall":
            _gate(args).wait(120)
        elif word == "go":
            _gate(args).set()
        elif word == "close":
            _pause(args)
            link.sock.settimeout(0)  # doesn't wait for the client's answer, as most servers
            with contextlib.suppress(OSError):
                link.sock.unwrap()
            return
        elif word == "reset":
            _pause(args)
            tls_peer.reset(link)
            return
        else:
            raise ValueError("unknown order %r" % line)


def _gate(name):
    with _lock:
        return _gates.setdefault(name, threading.Event())


def _pause(ms):
    time.sleep(int(ms or 0) / 1000)
