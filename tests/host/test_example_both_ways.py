# test_example_both_ways - telemetry_both_ways.py with a receiver; how it knows that it works.
# SPDX-License-Identifier: MIT

import ast
import json
import subprocess
import sys

import setup
import tool

EXAMPLE = setup.ROOT / "examples" / "telemetry_both_ways.py"


def test_records_up_messages_and_settings_down(receiver, tmp_path):
    # The files are those that the receiver makes for a board.
    files = tmp_path / "files" / "n1"
    address = "127.0.0.1:%d" % receiver.port
    words = [
        "device",
        "add",
        "n1",
        "--files",
        files.parent,
        "--address",
        address,
        *receiver.cert(),
    ]
    (receiver.folder / "ca.pem").write_bytes(receiver.certs.ca.read_bytes())
    status, out, err = receiver.run(*words)
    assert status == 0, out + err
    made = json.loads((files / "settings.json").read_text())
    given = ["%s=%s" % (name, value) for name, value in made.items()]
    given += ["ca=%s" % (files / "ca.pem"), "count=6", "interval_s=2", "spread_s=0"]
    device = receiver.known("n1")
    receiver.send(device, "message", "health")
    receiver.send(device, "settings", '{"interval_s": 1, "alarm_celsius": -50}')
    argv = [sys.executable, setup.ROOT / "tools/run.py", "--baud", "0", EXAMPLE, "--", *given]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=tool.LIMIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "connects in 0 s"
    assert sorted(lines[1:3]) == ["interval_s is 1 now", "message 1: health"]
    texts = [json.loads(t) for (t,) in receiver.rows("SELECT record FROM records ORDER BY id")]
    assert all(t["at"] > 1.7e9 for t in texts)
    kinds = [t.get("qssl") for t in texts]
    assert kinds.count("health") == 2 and kinds.count("settings") == 1
    measured = [t for t in texts if "temperature" in t]
    assert len(measured) >= 3 and measured[-1]["alarm"] is True
    assert lines[-1] == "%d records delivered" % len(texts)
    states = receiver.rows("SELECT state FROM messages ORDER BY m")
    assert states == [("taken",), ("taken",)]


class Ticks:
    # The board's clock; ticks_ms() begins anew, as on boards.
    def __init__(self):
        self.now = (1 << 30) - 5000

    def ticks_ms(self):
        return self.now % (1 << 30)

    def ticks_add(self, a, b):
        return (a + b) % (1 << 30)

    def ticks_diff(self, a, b):
        return (a - b + (1 << 29)) % (1 << 30) - (1 << 29)


def test_a_loop_that_gets_nothing_through_is_alive_for_a_day():
    nodes = ast.parse(EXAMPLE.read_text()).body
    (node,) = [n for n in nodes if getattr(n, "name", None) == "Silence"]
    ticks = Ticks()
    names = {"time": ticks}
    exec(compile(ast.Module([node], []), str(EXAMPLE), "exec"), names)
    silence = names["Silence"]()
    for day in range(30):  # longer than ticks count
        for minute in range(1440):
            ticks.now += 60000
            silence.turn(day < 20)
            assert silence.s == (0 if day < 20 else (day - 20) * 86400 + 60 * (minute + 1))
    for _ in range(3000):  # and in small steps
        ticks.now += 59
        silence.turn(False)
    assert silence.s == 10 * 86400 + 177
    (loop,) = [n for n in nodes if isinstance(n, ast.While)]
    last = ast.unparse(loop.body[-1])
    assert last == "if silence.s < _SILENT_S:\n    dog.alive()"
