# qcheck.advice - the lines that make a server take the modem. Tests put them into real servers.
# SPDX-License-Identifier: MIT

_MANAGED = (
    "amazonaws.com",
    "azure-devices.net",
    "azure.com",
    "googleapis.com",
    "hivemq.cloud",
    "emqxsl.com",
    "emqxsl.cn",
    "adafruit.com",
    "ibm.com",
    "myqcloud.com",
    "aliyuncs.com",
    "thingspeak.com",
    "herokuapp.com",
    "cloudflare.com",
    "workers.dev",
    "vercel.app",
    "netlify.app",
)
_DEFAULT = " default_server;    # the default: a modem names no host"
_BY_LINES = {"suites", "version", "sni", "key"}  # what lines for the server can mend
TITLES = {
    "nginx": "nginx: a server of its own for the modems",
    "mosquitto": "mosquitto: a listener of its own for the modems",
    "haproxy": "HAProxy: a frontend of its own for the modems",
    "emqx": "EMQX: a listener of its own for the modems (emqx.conf)",
    "proxy": "A server that can't be changed: put one of yours in front of it, on a host of yours",
}


def managed(host):
    return any(host == name or host.endswith("." + name) for name in _MANAGED)


def which(survey, verdict, wanted):
    # The servers to print lines for.
    if wanted == "none":
        return []
    if wanted == "all":
        return list(TITLES)
    if wanted != "auto":
        return [wanted]
    if not _BY_LINES & {finding.key for finding in verdict.hard()}:
        return []
    if managed(survey.host):
        return ["proxy"]
    software = survey.software.lower()
    for name in ("nginx", "haproxy"):
        if name in software:
            return [name]
    if _is_mqtt(survey):
        return ["mosquitto", "emqx", "haproxy", "proxy"]
    return ["nginx", "mosquitto", "haproxy", "emqx", "proxy"]


def _is_mqtt(survey):
    return survey.protocol == "mqtt" or survey.port in (8883, 8884)


def steps(verdict):
    # What has to be done that no line of a configuration does: sentences.
    hard = {finding.key for finding in verdict.hard()}
    told = []
    if hard & {"key", "usage", "hash", "unreadable"}:
        told.append(
            "Give it a certificate with an RSA key of 2048 bits, signed with SHA-256: "
            "`python3 tools/ca.py init`, `python3 tools/ca.py server HOST`."
        )
    elif "dates" in hard:
        told.append(
            "Renew its certificate; one of tools/ca.py by `python3 tools/ca.py renew HOST`. "
            "If it is not over, this PC's clock is wrong."
        )
    if hard & {"chain", "depth"}:
        told.append(
            "The board needs the certificate of the CA at the top: --ca FILE tries one. The "
            "server has to send all between that and its own, in one file: `cat server.pem "
            "intermediate.pem > chain.pem`."
        )
    if "client" in hard:
        told.append(
            "A device's certificate: `python3 tools/ca.py client NAME`, if the server trusts that "
            "CA, else from whoever runs the server."
        )
    if "silent" in hard:
        told.append("Is it the right port? Try it from here: openssl s_client -connect HOST:PORT")
    if "tls" in hard:
        told.append("Is it the right port? TLS is at 443 for HTTPS, at 8883 for MQTT as a rule.")
    return told


def lines(name, survey):
    ciphers = ":".join(suite.openssl for suite in survey.model.strong())
    client = survey.asked == "required"
    values = {
        "host": survey.host,
        "name": survey.name or survey.host,
        "port": survey.port,
        "ciphers": ciphers,
        "listed": ", ".join('"%s"' % suite.openssl for suite in survey.model.strong()),
        "default": ";" if survey.model.sni else _DEFAULT,
        "mqtt": 8883 if survey.port == 443 else survey.port,
    }
    text = _TEXTS[name](values, client, survey)
    return text.rstrip("\n").split("\n")


def _nginx(v, client, survey, inside="    root /var/www/html;"):
    text = """\
server {
    listen %(port)d ssl%(default)s
    ssl_certificate     /etc/nginx/tls/server.pem;    # RSA 2048, SHA-256; then what is between
    ssl_certificate_key /etc/nginx/tls/server.key;    # it and the root
    ssl_protocols       TLSv1.2;
    ssl_ciphers         %(ciphers)s;
    ssl_buffer_size     4k;       # shorter records
    keepalive_timeout   300s;     # a handshake costs a modem seconds
"""
    if client:
        text += """\
    ssl_client_certificate /etc/nginx/tls/devices-ca.pem;
    ssl_verify_client   on;
"""
    return text % v + inside + "\n}\n"


def _mosquitto(v, client, survey):
    text = """\
listener %(mqtt)d
certfile /etc/mosquitto/tls/server.pem
keyfile  /etc/mosquitto/tls/server.key
tls_version tlsv1.2
ciphers  %(ciphers)s
"""
    if client:
        text += "cafile   /etc/mosquitto/tls/devices-ca.pem\nrequire_certificate true\n"
    return text % v


def _haproxy(v, client, survey):
    extra = " ca-file /etc/haproxy/devices-ca.pem verify required" if client else ""
    text = """\
global
    tune.ssl.maxrecord 4096
frontend modems
    mode tcp
    bind :%(port)d ssl crt /etc/haproxy/server-and-key.pem no-sslv3 ssl-min-ver TLSv1.2 \
ssl-max-ver TLSv1.2 ciphers %(ciphers)s"""
    text += (
        extra
        + """
    timeout client 300s
    default_backend yours
"""
    )
    return text % v


def _emqx(v, client, survey):
    text = """\
listeners.ssl.modems {
  bind = "0.0.0.0:%(mqtt)d"
  ssl_options {
    certfile = "etc/certs/server.pem"
    keyfile = "etc/certs/server.key"
    versions = ["tlsv1.2"]
    ciphers = [%(listed)s]
"""
    if client:
        text += """\
    cacertfile = "etc/certs/devices-ca.pem"
    verify = verify_peer
    fail_if_no_peer_cert = true
"""
    return text % v + "  }\n}\n"


def _proxy(v, client, survey):
    # nginx for HTTP, a mosquitto bridge for MQTT.
    mqtt = _is_mqtt(survey)
    today = survey.today.get("name") or survey.today.get("") or {}
    v = dict(
        v,
        tls="tlsv1.3"
        if today.get("version") == "TLS1.3" and not survey.today.get("1.2")
        else "tlsv1.2",
    )
    if mqtt:
        text = _mosquitto(v, False, survey)
        text += """\
allow_anonymous false             # see mosquitto_passwd
password_file /etc/mosquitto/passwords
connection upstream
address %(host)s:%(port)d
bridge_cafile /etc/ssl/certs/ca-certificates.crt
bridge_tls_version %(tls)s
"""
        if client or not survey.best:
            text += """\
bridge_certfile /etc/mosquitto/upstream.pem
bridge_keyfile  /etc/mosquitto/upstream.key
"""
        text += """\
bridge_protocol_version mqttv311
try_private false
notifications false
topic # out 1
"""
        return text % v
    inside = """\
    location / {
        proxy_pass https://%(host)s:%(port)d;
        proxy_set_header Host %(name)s;
        proxy_ssl_server_name on;
        proxy_ssl_name %(name)s;
        proxy_ssl_protocols TLSv1.2 TLSv1.3;
        proxy_ssl_verify on;
        proxy_ssl_verify_depth 4;
        proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;
"""
    if client:
        inside += """\
        proxy_ssl_certificate     /etc/nginx/tls/upstream.pem;
        proxy_ssl_certificate_key /etc/nginx/tls/upstream.key;
"""
    return _nginx(v, False, survey, inside % v + "    }")


_TEXTS = {
    "nginx": _nginx,
    "mosquitto": _mosquitto,
    "haproxy": _haproxy,
    "emqx": _emqx,
    "proxy": _proxy,
}
