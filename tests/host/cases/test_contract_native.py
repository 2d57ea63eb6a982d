# test_contract_native - the contract of TLS sockets on the built-in ones, which set the standard.
# SPDX-License-Identifier: MIT

import contract
import contract_poll
import ugsim_case

ONLY = "micropython"
WHY = "the sockets of CPython are not what MicroPython's clients are written for"
NEEDS_UGSIM = True


class Kit:
    cpython = False

    def __init__(self):
        import socket
        from binascii import a2b_base64

        import tls

        self._module = socket
        with open(ugsim_case.path("ca"), "rb") as f:
            der = a2b_base64(b"".join(f.read().split(b"-----")[2].split()))
        self._context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
        self._context.verify_mode = tls.CERT_REQUIRED
        self._context.load_verify_locations(der)
        self._raw = {}  # id of a wrapped socket: what it wraps

    def differs(self, name):
        assert name in contract.DIFFERENCES, name
        return True

    def port(self, name):
        return ugsim_case.port(name)

    def socket(self):
        return self._module.socket()

    def address(self, host, port):
        return self._module.getaddrinfo(host, port)[0][-1]

    def wrap(self, sock):
        wrapped = self._context.wrap_socket(sock, server_hostname="localhost")
        self._raw[id(wrapped)] = sock
        return wrapped

    def connect(self, name="script"):
        sock = self.socket()
        sock.connect(self.address("127.0.0.1", self.port(name)))
        return self.wrap(sock)

    async def open_connection(self, name="script"):
        import asyncio

        return await asyncio.open_connection(
            "127.0.0.1", self.port(name), ssl=self._context, server_hostname="localhost"
        )

    def settimeout(self, sock, seconds):
        self._raw[id(sock)].settimeout(seconds)


def test_read_gives_exactly_n():
    contract.read_gives_exactly_n(Kit())


def test_read_of_nothing():
    contract.read_of_nothing(Kit())


def test_read_more_than_any_buffer():
    contract.read_more_than_any_buffer(Kit())


def test_read_until_the_end():
    contract.read_until_the_end(Kit())


def test_read_is_short_only_at_the_end():
    contract.read_is_short_only_at_the_end(Kit())


def test_readinto_fills_the_buffer():
    contract.readinto_fills_the_buffer(Kit())


def test_readline_gives_lines():
    contract.readline_gives_lines(Kit())


def test_every_byte_value():
    contract.every_byte_value(Kit())


def test_write_takes_what_it_is_given():
    contract.write_takes_what_it_is_given(Kit())


def test_arrays_are_their_bytes():
    contract.arrays_are_their_bytes(Kit())


def test_written_bytes_may_be_changed():
    contract.written_bytes_may_be_changed(Kit())


def test_write_more_than_any_buffer():
    contract.write_more_than_any_buffer(Kit())


def test_request_is_out_before_the_read_waits():
    contract.request_is_out_before_the_read_waits(Kit())


def test_stream_functions_of_other_modules():
    contract.stream_functions_of_other_modules(Kit())


def test_nonblocking_read_gives_none():
    contract.nonblocking_read_gives_none(Kit())


def test_time_out_of_a_read():
    contract.time_out_of_a_read(Kit())


def test_nobody_listens():
    contract.nobody_listens(Kit())


def test_name_that_does_not_exist():
    contract.name_that_does_not_exist(Kit())


def test_not_connected():
    contract.not_connected(Kit())


def test_connect_twice():
    contract.connect_twice(Kit())


def test_wrap_twice():
    contract.wrap_twice(Kit())


def test_closed_socket():
    contract.closed_socket(Kit())


def test_peer_closes_in_the_middle():
    contract.peer_closes_in_the_middle(Kit())


def test_peer_closed_and_we_write():
    contract.peer_closed_and_we_write(Kit())


def test_peer_resets():
    contract.peer_resets(Kit())


def test_poll_in():
    contract_poll.poll_in(Kit())


def test_poll_out():
    contract_poll.poll_out(Kit())


def test_poll_out_waits_for_room():
    contract_poll.poll_out_waits_for_room(Kit())


def test_poll_of_two_sockets():
    contract_poll.poll_of_two_sockets(Kit())


def test_poll_of_a_closed_socket():
    contract_poll.poll_of_a_closed_socket(Kit())


def test_asyncio_open_connection():
    contract_poll.asyncio_open_connection(Kit())


def test_asyncio_stream_of_a_socket():
    contract_poll.asyncio_stream_of_a_socket(Kit())


def test_no_check_is_left_out():
    mine = [n[5:] for n in globals() if n.startswith("test_")]
    for name in contract.checks() + contract_poll.checks():
        assert name in mine, name
