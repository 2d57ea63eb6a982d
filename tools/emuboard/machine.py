# emuboard.machine - the emulated board as a running QEMU process.
# SPDX-License-Identifier: MIT

import socket
import subprocess
import time

from setup.common import SetupError
from setup.emulator import arm_tools

_START_S = 60


class Board:
    # A running board. uart: "HOST:PORT" where somebody listens for the far end of its UART(1), as
    # `ugsim --tcp` does. pace: True for a core about as fast as an RP2040's, at the price of a
    # fully loaded core of the PC; else it runs several times as fast. count: 16 ns of its time are
    # one instruction, however long that takes the PC.

    def __init__(self, firmware, uart, pace=False, count=False):
        env = arm_tools()
        host, port = uart.rsplit(":", 1)
        self._port = _free_port()
        argv = [
            "qemu-system-arm",
            *("-machine", "mps2-an385", "-nographic", "-monitor", "none"),
            *("-semihosting", "-nic", "none"),
            *(
                "-chardev",
                "socket,id=repl,host=127.0.0.1,port=%d,server=on,wait=off,nodelay=on" % self._port,
            ),
            *("-chardev", "socket,id=uart,host=%s,port=%s,nodelay=on" % (host, port)),
            *("-serial", "chardev:repl", "-serial", "chardev:uart"),
            *("-kernel", str(firmware)),
        ]
        if pace:
            argv += ["-icount", "shift=4,sleep=on,align=on"]
        if count:
            argv += ["-icount", "shift=4,sleep=on"]
        self._process = subprocess.Popen(
            argv,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self.repl = "socket://127.0.0.1:%d" % self._port  # for `mpremote connect`
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    def _wait(self):
        end = time.monotonic() + _START_S
        while time.monotonic() < end:
            if self._process.poll() is not None:
                words = self._process.stderr.read().decode(errors="replace").strip()
                raise SetupError("The emulated board does not start: %s" % words)
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise SetupError("The emulated board's REPL does not come up within %d s." % _START_S)

    def close(self):
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
