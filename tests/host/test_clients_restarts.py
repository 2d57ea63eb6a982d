# test_clients_restarts - programs with clients go on by themselves when the modem restarts.
# SPDX-License-Identifier: MIT
#
# It does so in the middle of a payload, so that its RDY is swallowed as data. Each program has to
# start it again, to put back its clock, and to connect.

import re

import pytest

import setup
import tool
from test_clients_docs import blocks

EXAMPLES = setup.ROOT / "examples"
PLACES = (2, 14, 30)  # byte of payload


def requests_loop():
    # The loop of docs/http.md: a POST, and a page of the built-in server with each.
    text = blocks("http.md")[0]
    changed = text.replace("range(3)", "range(6)").replace(
        "        print(r.status_code, r.text)\n",
        "        print(r.status_code, r.text)\n"
        "        print(urequests.get(url.replace('post', 'page')).text)\n",
    )
    assert changed.count("urequests.get") == 1
    return changed


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("program", ["mqtt_robust", "async_two_sockets", "requests"])
def test_it_goes_on(tmp_path, program, place):
    path = EXAMPLES / (program + ".py")
    settings = ["count=8", "interval_ms=100"]
    if program == "requests":
        path = tmp_path / "requests.py"
        path.write_text(requests_loop())
        settings = []
    (tmp_path / "tmp").mkdir()
    args = ["--baud", "0", "--fault", "cut in=payload at=%d do=restart" % place]
    status, out, err = tool.run(tmp_path / "tmp", "run.py", *args, path, "--", *settings)
    assert status == 0, out + err
    if program == "mqtt_robust":
        assert out.count("starting the modem") >= 2, out + err
        assert [int(n) for n in re.findall(r"(\d+): confirmed", out)] == list(range(1, 9)), out
    elif program == "async_two_sockets":
        assert "post 8: 204" in out and re.search("get 8: 200, [0-9]+ bytes", out), out
    else:
        # No more than what was on its way is lost.
        assert out.count("200 accepted") >= 5 and out.count("Hello from") >= 4, out
