# receiver.board_files - what a device's board needs: its settings, and the CA.
# SPDX-License-Identifier: MIT

import json

from qshared.problem import Problem
from receiver import keys


class Files:
    # chosen: files, address, like, cert, folder. Problem: they can't be made.
    def __init__(self, chosen):
        self._chosen = chosen
        self._common = {}
        self._made = []
        if chosen.like:
            self._common = settings(chosen.like)
        self._ca = None
        if not chosen.cert:
            keys.certificate(chosen, print)
        try:
            self._ca = (chosen.folder / "ca.pem").read_bytes()
        except FileNotFoundError:
            print("ca.pem is not among the files: put the CA of %s there." % chosen.cert)
        except OSError as e:
            raise Problem("Can't read %s: %s." % (chosen.folder / "ca.pem", e.strerror)) from None

    def write(self, name, token, key):
        # What is there is replaced only by `device token`.
        folder = self._chosen.files / name
        keys.folder(folder)
        host, port = self._chosen.address
        values = dict(self._common, host=host, port=port, ca="ca.pem")
        values.update(device=name, token=token, key=key.hex())
        text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
        put = keys.write if self._chosen.verb == "add" else keys.replace
        # For many devices, in one transaction: `device token` makes them again.
        put(folder / "settings.json", text.encode(), sync=False)
        self._made.append(folder / "settings.json")
        if self._ca:
            keys.replace(folder / "ca.pem", self._ca, sync=False)

    def undo(self):
        # With a token that nobody knows they are of no use.
        for path in self._made:
            path.unlink()


def settings(path):
    try:
        found = json.loads(path.read_bytes())
    except OSError as e:
        raise Problem("Can't read %s: %s." % (path, e.strerror)) from None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Problem("%s is no JSON object." % path)
    return found
