# receiver.serve - the running server: its parts, in one event loop, and its end.
# SPDX-License-Identifier: MIT

import asyncio
import contextlib
import ipaddress
import logging
import resource
import signal
import socket
import sys
import time
from asyncio import sslproto

import uvicorn
from starlette.concurrency import run_in_threadpool

from qshared.problem import Problem
from receiver import accounts, door, keys, wire
from receiver import store as db
from receiver.devices import Devices
from receiver.intake import Intake
from receiver.metrics import Metrics
from receiver.mqtt import Mqtt
from receiver.page import Page

_KEEP_S = 300  # a connection without a request: a handshake costs seconds on a modem
_GRACE_S = 3  # for requests under way, and connections that are not closed, at the end
_CONNECTIONS = 4000
_PRUNE_S = 6 * 3600
_EXPIRE_S = 60
_log = logging.getLogger("receiver")


def run(chosen):
    # Until SIGTERM or Ctrl-C. Returns the exit status.
    _logging()
    many_files()
    if chosen.cert:
        keys.context(chosen.cert, chosen.key, False)  # before anything is made
    store = keys.opened(chosen)
    try:
        master = keys.master(chosen.folder)
        with store.writing() as c:
            db.check_master(c, master)
        return asyncio.run(_serve(chosen, store, master))
    finally:
        store.close()


def retire(chosen):
    # Takes what the broker keeps for this receiver, and ends its session. Returns the exit status.
    if not chosen.mqtt:
        raise Problem("Say --mqtt: which broker is it to leave?")
    _logging()
    path = db.missing(chosen.database)
    if path:
        raise Problem("There is no %s: say --folder." % path)
    store = db.Store(chosen.database)
    store.open()
    metrics = Metrics()
    intake = Intake(store, metrics)
    try:
        Mqtt(chosen, store, intake, metrics, leaving=True).leave()
    finally:
        intake.close()
        store.close()
    return 0


async def _serve(chosen, store, master):
    # asyncio sets 256 kB aside for each TLS connection, which devices keep open; a TLS record has
    # 16 kB at most.
    sslproto.SSLProtocol.max_size = 1 << 15
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        cert, key = keys.certificate(chosen, _log.info)
        metrics = Metrics()
        intake = Intake(store, metrics)
        stack.callback(intake.close)
        devices = Devices(store, intake, metrics, chosen.max_body)
        tls = keys.context(cert, key, True)
        metrics.certificate.set(keys.end(cert))
        sock = listen(chosen.listen, "--listen", door.QUEUE)
        stack.callback(sock.close)
        await _start(stack, stop, devices.app, sock, tls, devices.room)
        _log.info("devices: https://%s:%d/in", *sock.getsockname()[:2])
        # The page: who comes from elsewhere comes by HTTPS.
        tls = None if local(chosen.page) else keys.context(cert, key, False)
        page = Page(store, intake, metrics, master, tls is not None)
        sock = listen(chosen.page, "--page")
        stack.callback(sock.close)
        await _start(stack, stop, page.app, sock, tls)
        scheme = "https" if tls else "http"
        _log.info("page: %s://%s:%d/", scheme, *sock.getsockname()[:2])
        with store.reading() as c:
            if not any(row.kind == "person" for row in accounts.everybody(c)):
                _log.info("nobody can log in yet: python3 tools/receiver user add NAME")
        if chosen.mqtt:
            mqtt = Mqtt(chosen, store, intake, metrics)
            stack.push_async_callback(run_in_threadpool, mqtt.close)
        task = asyncio.create_task(_expire(intake, metrics))
        stack.callback(task.cancel)
        if chosen.keep_days:
            task = asyncio.create_task(_prune(intake, chosen.keep_days))
            stack.callback(task.cancel)
        _log.info("ready")
        await stop.wait()
        _log.info("stopping")
    _log.info("stopped")
    return 0


async def _start(stack, stop, app, sock, tls=None, room=None):
    # Serves app until the stack ends. room: an asyncio.Event: while it is not set, nobody gets in.
    settings = config(app, tls)
    server = _Server(settings) if room is None else door.Server(settings, room)
    task = asyncio.create_task(server.serve([sock]))
    task.add_done_callback(lambda _: stop.set())

    async def end():
        server.should_exit = True
        await task

    stack.push_async_callback(end)


def config(app, tls=None):
    # Of uvicorn.
    found = uvicorn.Config(
        wire.strict(app),
        interface="asgi3",
        http=wire.Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_KEEP_S,
        timeout_graceful_shutdown=_GRACE_S,
        h11_max_incomplete_event_size=16384,
    )
    found.load()
    found.ssl = tls
    return found


async def _prune(intake, days):
    # Deletes what is old, now and then.
    def prune(c):
        return db.prune(c, time.time() - days * 86400)

    while True:
        try:
            n = await asyncio.wrap_future(intake.submit(prune))
            _log.info("%d records are older than %d days and deleted", n, days)
        except db.Gone:
            pass  # the log has it
        except Exception as e:
            _log.error("old records could not be deleted: %r", e)
        await asyncio.sleep(_PRUNE_S)


async def _expire(intake, metrics):
    # Also for devices that do not come.
    while True:
        try:
            n = await asyncio.wrap_future(intake.submit(lambda c: db.expire(c, time.time())))
            metrics.expired.inc(n)
        except db.Gone:
            pass  # the log has it
        except Exception as e:
            _log.error("messages whose time is over could not be marked: %r", e)
        await asyncio.sleep(_EXPIRE_S)


class _Server(uvicorn.Server):
    # More than one in a process: the signals are not theirs.
    @contextlib.contextmanager
    def capture_signals(self):
        yield


def listen(address, flag, waiting=1024):
    # A listening socket. waiting: connections that nobody has taken yet. Problem: somebody has the
    # port, and the like.
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(waiting)
        sock.setblocking(False)
    except OSError as e:
        sock.close()
        text = "%s %s:%d can't be used (%s): choose another." % (flag, host, port, e.strerror or e)
        raise Problem(text) from None
    return sock


def local(address):
    # Whether only this machine reaches it.
    host = address[0]
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def many_files():
    # As many connections as the system lets a program have: the soft limit is 1024 mostly.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _logging():
    # One line each, on standard error.
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        force=True,
    )
    log = logging.getLogger("uvicorn.error")
    log.setLevel(logging.ERROR)
    log.addFilter(_worth_it)


def _worth_it(record):
    # Requests that are cut off at the end are no fault: devices come again.
    cut = record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError)
    return not cut and "graceful shutdown" not in record.getMessage()
