# qdemo.senml - reads the records that the examples send (RFC 8428).
# SPDX-License-Identifier: MIT

import json


class Record:
    # n: its number ("seq"). text: the measurement, as the board prints it. size: bytes.
    def __init__(self, n, text, size):
        self.n = n
        self.text = text
        self.size = size


def parse_all(data):
    # The Records in a message: one, or a batch as qssl.https has it, which are numbered by id.
    try:
        batch = json.loads(data, parse_float=str)
        records = batch["records"]
        found = []
        for i, record in enumerate(records):
            text = ", ".join("%s %s" % item for item in record.items() if item[0] != "at")
            found.append(Record(batch["id"] + i, text, len(data) // len(records)))
        return found
    except (ValueError, KeyError, TypeError, AttributeError):
        return [parse(data)]


def parse(data):
    # The Record in a message; ValueError if there is none.
    try:
        entries = json.loads(data, parse_float=str)  # 20.70 stays as it was sent
        n = next(e["v"] for e in entries if e.get("n") == "seq")
        measured = next(e for e in entries if "v" in e and e.get("n") != "seq")
        return Record(int(n), "%s %s" % (measured["v"], measured["u"]), len(data))
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
        shown = data[:60].decode("ascii", "backslashreplace")
        raise ValueError("not a SenML record: " + shown) from None
