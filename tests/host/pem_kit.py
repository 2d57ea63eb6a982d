# pem_kit - rows of certificate files, tried by support/pem_client.py over ugsim.
# SPDX-License-Identifier: MIT

import json
import subprocess

import servers
from interpreters import HERE, INTERPRETERS


def results(interpreter, folder, table):
    # {mode: {name of the row: result}}; table: {"modes", "ports", "rows"}, as pem_client has it.
    path = folder / "rows.json"
    path.write_text(json.dumps(table))
    argv, env = INTERPRETERS[interpreter]()
    with servers.ugsim_for_case() as variables:
        env.update(variables, QSSL_ROWS=str(path))
        done = subprocess.run(
            [*argv, str(HERE / "support/pem_client.py")],
            env=env,
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert not done.returncode, done.stdout + done.stderr
    return json.loads(done.stdout)
