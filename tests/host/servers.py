# servers - nginx and mosquitto as processes on loopback, each in a folder of its own.
# SPDX-License-Identifier: MIT
"""
    certs = Certificates(folder)
    with Nginx(certs, files={"a.txt": b"hello"}) as nginx:
        ...GET https://127.0.0.1:{nginx.port}/a.txt, POST to /post...
        assert nginx.posts() == [b"..."]

In a test the fixtures `certs` and `start` of conftest.py do it: nginx = start(Nginx(certs)).
TLS servers that keep what they saw, and the old versions, are in tls_peer.py; Listener is a
subscriber for mosquitto's plain port.
"""

import base64
import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import setup
from certificates import Certificates
from mqtt_listener import Listener
from patience import LIMIT_S, until
from tls_peer import TlsPeer

__all__ = ["Certificates", "Listener", "Mosquitto", "Nginx", "Process", "TlsPeer", "free_port"]

CIPHERS = (
    "AES256-SHA256:AES256-SHA:AES128-SHA"  # static RSA; all that a UGxx has in common with OpenSSL
)


def free_port():
    # A TCP port of the loopback interface that was free a moment ago.
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class MissingServer(Exception):
    # The text says which and what to do.
    pass


def program(name):
    path = setup.find_server(name)
    if path is None:
        raise MissingServer("%s is not here: run `python3 tools/test.py` once" % name)
    return path


class Process:
    # A program in a temporary folder, .folder; its output is in .log(). start() returns when its
    # ports accept connections, stop() when it has ended.
    host = "127.0.0.1"

    def __init__(self, name):
        self.name = name
        # Not pytest's folder: its path may be too long for a Unix socket.
        self.folder = Path(tempfile.mkdtemp(prefix="qssl-%s-" % name))
        self.process = None
        self.ports = ()

    def prepare(self):
        # Chooses self.ports, writes the configuration, returns the command line.
        raise NotImplementedError

    def start(self):
        # A chosen port may be taken before the server has it: then another one is tried.
        for attempt in range(3):
            argv = [str(a) for a in self.prepare()]
            with open(self.folder / "log", "ab") as log:
                self.process = subprocess.Popen(
                    argv,
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            if self._listening():
                return self
            self._end()
            if "in use" not in self.log() or attempt == 2:
                break
        text = self.log()
        self.stop()
        raise RuntimeError("%s did not start:\n%s" % (self.name, text[-2000:]))

    def _listening(self):
        end = time.monotonic() + LIMIT_S
        for port in self.ports:
            while True:
                if self.process.poll() is not None or time.monotonic() > end:
                    return False
                with socket.socket() as s:
                    s.settimeout(5)
                    if s.connect_ex((self.host, port)) == 0:
                        break
                time.sleep(0.02)
        return self.process.poll() is None

    def log(self):
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _end(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                pass
        if self.process:
            # what it started itself
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self):
        self._end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self if self.process else self.start()

    def __exit__(self, *exc):
        self.stop()


_NGINX = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr info;
events {{ worker_connections 128; }}
http {{
    access_log {folder}/access;
    client_body_temp_path {folder}/posts;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 0;
    default_type application/octet-stream;
    keepalive_timeout {keepalive_s}s;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {cert};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.2;
        ssl_ciphers {ciphers};
        {client}
        root {folder}/www;
        location = /post {{
            client_body_in_file_only on;
            proxy_pass http://unix:{folder}/accepted;
        }}
        location /put/ {{ dav_methods PUT DELETE; }}
    }}
    server {{
        listen unix:{folder}/accepted;
        access_log off;
        return 200 "accepted\\n";
    }}
}}
"""


class Nginx(Process):
    # GET: files {path: bytes}. POST /post: keeps the body and answers "accepted". PUT /put/NAME:
    # GET of the same path has it again. client_ca: clients need a certificate of this CA.
    def __init__(self, certs, files=None, identity=None, client_ca=None, keepalive_s=75):
        super().__init__("nginx")
        self.files = files or {}
        self.identity = identity or certs.server
        self.client_ca = client_ca
        self.keepalive_s = keepalive_s
        self.port = 0

    def prepare(self):
        self.port = free_port()
        self.ports = (self.port,)
        (self.folder / "www/put").mkdir(parents=True, exist_ok=True)
        for name, data in self.files.items():
            (self.folder / "www" / name).write_bytes(data)
        client = ""
        if self.client_ca:
            client = "ssl_client_certificate %s; ssl_verify_client on;" % self.client_ca
        conf = self.folder / "nginx.conf"
        conf.write_text(
            _NGINX.format(
                folder=self.folder,
                port=self.port,
                cert=self.identity.cert,
                key=self.identity.key,
                ciphers=CIPHERS,
                client=client,
                keepalive_s=self.keepalive_s,
            )
        )
        nginx = program("nginx")
        argv = [nginx, "-p", self.folder, "-c", conf]
        text = subprocess.run([str(nginx), "-h"], capture_output=True, text=True).stderr
        if " -e " in text:  # from 1.19.5 on; before, it looks at the system's log once
            argv += ["-e", "stderr"]
        return argv

    def posts(self):
        # The bodies received, in order.
        folder = self.folder / "posts"
        names = sorted(folder.iterdir() if folder.exists() else (), key=lambda path: path.name)
        return [path.read_bytes() for path in names]

    def requests(self, count):
        # The access log, one line for each request, once it has `count` of them: nginx writes a
        # line after the client has its answer.
        path = self.folder / "access"
        until(lambda: path.read_bytes().count(b"\n") >= count)
        return path.read_text().splitlines()


class Mosquitto(Process):
    # TLS on .port, plain MQTT on .plain_port. passwords {user: password}: nobody else may connect.
    def __init__(self, certs, identity=None, client_ca=None, passwords=None):
        super().__init__("mosquitto")
        self.identity = identity or certs.server
        self.client_ca = client_ca
        self.passwords = passwords
        self.port = self.plain_port = 0

    def prepare(self):
        self.port = free_port()
        self.plain_port = free_port()
        self.ports = (self.port, self.plain_port)
        lines = ["log_dest stderr", "log_type all", "persistence false"]
        if os.geteuid() == 0:
            lines.append("user root")  # or it gives up the right to read the keys
        if self.passwords is None:
            lines.append("allow_anonymous true")
        else:
            path = self.folder / "passwords"
            path.write_text("".join(_password(*p) for p in self.passwords.items()))
            path.chmod(0o600)
            lines += ["allow_anonymous false", "password_file %s" % path]
        lines += [
            "listener %d 127.0.0.1" % self.plain_port,
            "listener %d 127.0.0.1" % self.port,
            "certfile %s" % self.identity.cert,
            "keyfile %s" % self.identity.key,
            "tls_version tlsv1.2",
            "ciphers " + CIPHERS,
        ]
        if self.client_ca:
            lines += ["cafile %s" % self.client_ca, "require_certificate true"]
        conf = self.folder / "mosquitto.conf"
        conf.write_text("\n".join(lines) + "\n")
        return [program("mosquitto"), "-c", conf]


@contextlib.contextmanager
def for_cases(folder):
    # The servers that cases with NEEDS_UGSIM talk to; yields the environment variables that
    # support/ugsim_case.py reads.
    import script_peer
    import ugsim_case

    certs = Certificates(folder)
    with contextlib.ExitStack() as stack:
        start = stack.enter_context
        nginx = start(Nginx(certs, files={"mib.bin": ugsim_case.data(1 << 20)}))
        auth = start(Nginx(certs, files={"x": b"for device-1\n"}, client_ca=certs.ca))
        mosquitto = start(Mosquitto(certs))
        ports = {
            "echo": start(TlsPeer(certs.server)).port,
            "script": start(TlsPeer(certs.server, serve=script_peer.serve)).port,
            "nginx": nginx.port,
            "nginx_auth": auth.port,
            "mqtt": mosquitto.port,
            "mqtt_plain": mosquitto.plain_port,
        }
        paths = {
            "ca": certs.ca,
            "other_ca": certs.other_ca,
            "client_cert": certs.client.cert,
            "client_key": certs.client.key,
        }
        env = {"QSSL_%s_PORT" % name.upper(): str(port) for name, port in ports.items()}
        env.update({"QSSL_" + name.upper(): str(path) for name, path in paths.items()})
        yield env


@contextlib.contextmanager
def ugsim_for_case():
    # A simulated modem of its own, as fast as it goes; yields the environment variables.
    from ugsim_client import Ugsim

    sim = Ugsim("--tcp", "127.0.0.1:0", "--control", "--baud", "0")
    try:
        address = sim.at if sim.at.startswith("tcp:") else "tcp:" + sim.at
        yield {"QSSL_MODEM": address, "QSSL_CONTROL": sim.ready["control"]}
    finally:
        sim.stop()


def _password(user, password):
    # A line of mosquitto's password file: PBKDF2 with SHA-512.
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    parts = [base64.b64encode(b).decode() for b in (salt, digest)]
    return "%s:$7$101$%s$%s\n" % (user, *parts)
