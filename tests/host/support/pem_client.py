# pem_client - connects with each row of files that $QSSL_ROWS tells (JSON), through ugsim, and
# prints what came of it: {"sent": bytes before the refusal, "error", "errno", "kind", "files"}.
# SPDX-License-Identifier: MIT

import json
import os
import sys
import time

if sys.implementation.name != "micropython":
    import upy

    upy.install()

import ugsim_case
from qssl import Modem, download, files
from qssl.ask import diagnose
from qssl.errors import Refused


class Counting(ugsim_case.UART):
    sent = 0

    def write(self, buf, *span):
        n = super().write(buf, *span)
        self.sent += n or 0
        return n


def uploaded(modem):
    # What lies on the modem, as text.
    found = []
    for name, _ in files.listed(modem, "RAM:*"):
        found.append(download.fetch(modem, name)[0].decode())
    return found


def attempt(modem, uart, row, ports):
    result = {"error": "", "errno": 0, "kind": "", "files": []}
    uart.sent = 0
    try:
        ctx = modem.tls(0, check_time=row.get("check_time", True), **row["files"])
        result["sent"] = uart.sent
        port = row.get("port") or ports["pair" if "cert" in row["files"] else "plain"]
        sock = modem.connect("127.0.0.1", port, ctx)
        sock.settimeout(20)
        sock.write(b"hello")
        assert sock.read(5) == b"hello"
        sock.close()
    except OSError as e:
        result["error"] = str(e)
        result["errno"] = e.errno
        result["kind"] = "Refused" if isinstance(e, Refused) else "Error"
        if "port" in row:
            result["diagnosis"] = diagnose.diagnose(modem, ctx=ctx)
    result["sent"] = uart.sent
    if result["sent"]:
        result["files"] = uploaded(modem)
        files.delete(modem, "RAM:*", True)
    return result


def main():
    with open(os.getenv("QSSL_ROWS")) as f:
        table = json.load(f)
    uart = Counting()
    modem = Modem(uart)
    modem.start(apn="internet")
    modem.clock(time.gmtime()[:6])
    results = {}
    for mode in table["modes"]:
        assert ugsim_case.control("switch " + mode.replace("=", " ")).startswith("ok")
        results[mode] = {}
        for name, row in table["rows"].items():
            results[mode][name] = attempt(modem, uart, row, table["ports"])
    print(json.dumps(results))


main()
