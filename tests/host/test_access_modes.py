# test_access_modes - the example of transparent mode through the simulated modem to nginx.
# SPDX-License-Identifier: MIT

import setup
import tool
from servers import Nginx


def test_transparent_example(tmp_path, certs, start):
    page = bytes(range(256)) * 40 + b"\r\nNO CARRIER\r\n\r\nOK\r\n+++"
    nginx = start(Nginx(certs, files={"page.bin": page}))
    settings = ["host=127.0.0.1", "port=%d" % nginx.port, "ca=%s" % certs.ca, "path=/page.bin"]
    example = setup.ROOT / "examples" / "transparent.py"
    status, out, err = tool.run(tmp_path, "run.py", example, "--", *settings)
    assert status == 0, out + err
    assert out.count("HTTP/1.1 200 OK\n%d bytes\n" % len(page)) == 2, out
    assert out.count("\nsignal -") == 1
