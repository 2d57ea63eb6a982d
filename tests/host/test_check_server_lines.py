# test_check_server_lines - the lines for a server that tools/check_server.py prints: they work.
# SPDX-License-Identifier: MIT

import re
import socket
import ssl

import trustme

import servers
from certificates import Identity
from check_server_kit import MODERN, SNI_ONLY, Conf, check, found, hard, taken
from patience import LIMIT_S, until
from qcheck import advice
from qcheck.models import MODELS


def applied(lines, certs, folder):
    # Lines as printed, with this test's files in place of the paths.
    text = "\n".join(lines) + "\n"
    text = re.sub(r"\S*/server\.pem", str(certs.server.cert), text)
    text = re.sub(r"\S*/server\.key", str(certs.server.key), text)
    text = re.sub(r"\S*/devices-ca\.pem", str(certs.ca), text)
    text = re.sub(r"\S*/upstream\.pem", str(certs.client.cert), text)
    text = re.sub(r"\S*/upstream\.key", str(certs.client.key), text)
    text = text.replace("/etc/ssl/certs/ca-certificates.crt", str(certs.ca))
    return text.replace("/var/www/html", str(folder))


class Broker(servers.Mosquitto):
    # mosquitto whose configuration is change(text, port of its TLS listener).
    def __init__(self, certs, change, **options):
        super().__init__(certs, **options)
        self.change = change

    def prepare(self):
        argv = super().prepare()
        conf = self.folder / "mosquitto.conf"
        conf.write_text(self.change(conf.read_text(), self.port))
        return argv


def as_shown(lines):
    # For Broker: these lines, as printed, in the place of its TLS listener.
    def change(text, port):
        here = "listener %d 127.0.0.1" % port
        return text.partition(here)[0] + re.sub(r"^listener \d+", here, lines, flags=re.M)

    return change


def without(pattern):
    return lambda text, port: re.sub(pattern, "", text, flags=re.M)


def test_only_todays_tls_and_the_lines_for_nginx(certs, start, tmp_path):
    modern = start(Conf(certs, MODERN))
    data = found(modern.port, "--lines", "nginx", status=1)
    assert hard(data) == {"version"} and taken(data) == set() and data["line"] == ""
    assert data["today"]["name"]["version"] == "TLS1.3"
    (tmp_path / "index.html").write_text("x")
    for client_ca in (None, certs.ca):
        text = applied(data["lines"]["nginx"], certs, tmp_path)
        text = re.sub(r"listen \d+", "listen 127.0.0.1:{port}", text)
        if client_ca:
            text = text.replace(
                "keepalive",
                "ssl_client_certificate %s; ssl_verify_client on;\nkeepalive" % client_ca,
            )
        nginx = start(Conf(certs, text))
        words = ["--ca", certs.ca]
        if client_ca:
            words += ["--cert", certs.client.cert, "--key", certs.client.key]
        data_now = found(nginx.port, *words)
        assert data_now["works"] and len(taken(data_now)) == 3
        assert data_now["longest_record"] < 4400


def test_a_server_that_wants_a_name_and_the_lines_for_it(certs, start, tmp_path):
    nginx = start(Conf(certs, SNI_ONLY))
    data = found(nginx.port, status=1)
    assert hard(data) == {"sni"} and next(iter(data["lines"])) == "nginx"
    text = applied(data["lines"]["nginx"], certs, tmp_path)
    text = re.sub(r"listen \d+", "listen 127.0.0.1:{port}", text)
    assert "default_server" in text
    assert found(start(Conf(certs, text)).port, "--ca", certs.ca)["works"]
    # By its address there is no name to give, unless it is told.
    data = found(nginx.port, status=1, host="127.0.0.1")
    assert data["server_name"] is None and not data["works"]
    assert hard(found(nginx.port, "--name", "localhost", status=1, host="127.0.0.1")) == {"sni"}


def ecdsa(tmp_path):
    ca = trustme.CA(key_type=trustme.KeyType.ECDSA)
    issued = ca.issue_cert("localhost", key_type=trustme.KeyType.ECDSA)
    return Identity(tmp_path, "ecdsa", issued)


def test_mosquitto_as_it_is_installed_and_the_lines_for_it(certs, start, tmp_path):
    # Its defaults: TLS 1.2 and 1.3 with OpenSSL's suites, and a certificate of ECDSA.
    plain = Broker(certs, without(r"^(tls_version|ciphers).*\n"), identity=ecdsa(tmp_path))
    data = found(start(plain).port, status=1)
    assert hard(data) == {"key"} and "mosquitto" in data["lines"]
    assert any("RSA key of 2048" in step for step in data["steps"])
    for client in (False, True):
        text = applied(data["lines"]["mosquitto"], certs, tmp_path)
        words = ["--ca", certs.ca]
        if client:
            text += "cafile %s\nrequire_certificate true\n" % certs.ca
            words += ["--cert", certs.client.cert, "--key", certs.client.key]
        data_now = found(start(Broker(certs, as_shown(text))).port, *words)
        assert data_now["works"] and data_now["protocol"] == "mqtt" and len(taken(data_now)) == 3


def test_a_proxy_in_front_of_what_cannot_be_changed(certs, start, tmp_path):
    # HTTP: nginx hands on to a server of TLS 1.3 alone.
    modern = start(Conf(certs, MODERN))
    data = found(modern.port, "--lines", "proxy", status=1)
    text = applied(data["lines"]["proxy"], certs, tmp_path)
    text = re.sub(r"listen \d+", "listen 127.0.0.1:{port}", text)
    proxy = start(Conf(certs, text))
    data = found(proxy.port, "--ca", certs.ca)
    assert data["works"] and data["protocol"] == "http"
    context = ssl.create_default_context(cafile=str(certs.ca))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES256-SHA256")
    with socket.create_connection(("127.0.0.1", proxy.port), LIMIT_S) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as sock:
            sock.sendall(b"GET /index.html HTTP/1.0\r\n\r\n")
            answer = b""
            while part := sock.recv(4096):
                answer += part
    assert answer.endswith(b"\r\n\r\nhello")


def only_modern(text, port):
    return without(r"^ciphers.*\n")(text, port).replace("tlsv1.2", "tlsv1.3")


def test_a_broker_in_front_of_a_managed_one(certs, start, tmp_path):
    # MQTT: what is published at the bridge arrives at a broker that takes no modem.
    cloud = start(Broker(certs, only_modern, client_ca=certs.ca))
    out, _ = check("localhost:%d" % cloud.port, "--lines", "proxy", "--idle", 0, status=1)
    assert "A server that can't be changed" in out

    class Survey:
        host, name, port, protocol, asked = "localhost", "localhost", cloud.port, "mqtt", ""
        best = None
        today = {"name": {"version": "TLS1.3"}}
        model = MODELS["UGxx"]

    text = applied(advice.lines("proxy", Survey), certs, tmp_path)
    text = text.replace("allow_anonymous false", "allow_anonymous true")
    text = re.sub(r"^password_file.*\n", "", text, flags=re.M)
    bridge = start(Broker(certs, as_shown(text)))
    assert found(bridge.port, "--ca", certs.ca)["works"]
    with servers.Listener(cloud.plain_port, "t/#") as listener:
        with servers.Listener(bridge.plain_port, "nothing") as sender:
            until(lambda: "Received CONNACK on connection" in bridge.log())  # of the other broker
            sender.publish("t/1", b"through")
            assert listener.wait(1)[0][:2] == ("t/1", b"through")


def test_managed_brokers_are_known_by_name():
    assert advice.managed("a1b2c3-ats.iot.eu-west-1.amazonaws.com")
    assert advice.managed("x.azure-devices.net") and not advice.managed("amazonaws.com.example")
