# receiver.broker - the files that mosquitto needs for these devices.
# SPDX-License-Identifier: MIT

import secrets
from pathlib import Path

from receiver import keys
from receiver import store as db

_PORT = 8883
_CONF = """\
# mosquitto.conf - made by `receiver broker`: mosquitto -c {folder}/mosquitto.conf
persistence true
persistence_location {folder}/
# What was acknowledged since is lost if the power goes.
autosave_interval 60
# A receiver that is away finds its messages when it is back.
max_queued_messages 100000
max_inflight_messages 200
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/rights
listener {port}
certfile {cert}
keyfile {key}
tls_version tlsv1.2
# What a UGxx can.
ciphers AES256-SHA256:AES256-SHA:AES128-SHA
"""
_RIGHTS = """\
user {user}
topic read {prefix}/+/up
topic write {prefix}/+/down
# Each device its own topics: its name is its user.
pattern write {prefix}/%u/up
pattern read {prefix}/%u/down
"""


def write(chosen, store):
    # Makes the files anew. Returns the exit status.
    folder = (chosen.folder / "mosquitto").absolute()
    keys.folder(folder)
    cert, key = keys.certificate(chosen, print)
    secret = chosen.folder / "broker.key"
    if not secret.exists():
        keys.write(secret, secrets.token_urlsafe(24).encode())
    lines = [(keys.BROKER_USER, keys.mosquitto_password(secret.read_text().strip()))]
    with store.reading() as c:
        lines += db.passwords(c)
    values = {"folder": folder, "port": _PORT, "prefix": chosen.mqtt_prefix}
    values.update(cert=Path(cert).absolute(), key=Path(key).absolute(), user=keys.BROKER_USER)
    for name, text in (
        ("mosquitto.conf", _CONF.format(**values)),
        ("rights", _RIGHTS.format(**values)),
        ("passwords", "".join("%s:%s\n" % line for line in lines)),
    ):
        keys.replace(folder / name, text.encode())
    print("%s: %d devices" % (folder, len(lines) - 1))
    print("Start it:  mosquitto -c %s/mosquitto.conf" % folder)
    print("After new devices run this again, and send mosquitto a SIGHUP.")
    print("The receiver: --mqtt mqtts://HOST:%d" % _PORT)
    return 0
