# test_manual_coverage - docs/manual-coverage.md is true: every place, name and test in it exists.
# SPDX-License-Identifier: MIT
#
# Each row of its tables is one thing of the manual: where it stands there, `module.name` of the
# driver, `path.name` of the simulated modem, `file::test` of the tests. Of the tests that are part
# of this session, each must have been run to its end: conftest.py runs this file last.

import ast
import functools
import re

import pytest

import setup
from ugsim.model.switches import SWITCHES

ROOT = setup.ROOT
DOC = ROOT / "docs" / "manual-coverage.md"
HERE = ROOT / "tests" / "host"
NOTHING = "\u2014"  # in a cell: the other side alone does it

# The manual's table of contents, and its numbered steps and items, with what must be named there.
SUITES = "0X0035 0X002F 0X0005 0X0004 0X000A 0X003D 0XFFFF"
VERSIONS = "SSL3.0 TLS1.0 TLS1.1 TLS1.2"
STATES = "initial opening handshake connected listening closing"
SECTIONS = {
    "1": "UGxx",
    "1.1": VERSIONS + " " + SUITES,
    "1.2": "",
    **{"1.2 step %d" % n: "" for n in range(1, 8)},
    "1.3": "QISWTMD",
    "1.3 item 1": "QSSLSEND QSSLRECV recv",
    "1.3 item 2": "QSSLSEND recv",
    "1.3 item 3": "+++ DTR CARRIER",
    **{"1.3 item 4.%d" % n: "" for n in range(1, 5)},
    "1.3 item 5.1": "QISWTMD CONNECT",
    "1.3 item 5.2": "ATO CONNECT CARRIER",
    "1.4": "CCLK before after ignorelocaltime",
    **{"1.5 item %d" % n: "" for n in range(1, 4)},
    "2": "",
    "2.1": "test read write execution",
    "2.2": "",
    "2.2.1": "`AT+QSSLCFG=?` sslversion ciphersuite cacert clientcert clientkey seclevel "
    "ignorelocaltime negotiatetime 0-5 10-300 OK ERROR SSL3.0 TLS1.0 TLS1.1 TLS1.2 " + SUITES,
    "2.2.2": "`AT+QSSLOPEN=?` CONNECT QIGETERROR ERROR 1-20 0-5 0-11 150 buffer push transparent "
    "serveraddr server_port errorcode",
    "2.2.3": "`AT+QSSLSEND=?` Ctrl-Z ESC `SEND OK` `SEND FAIL` ERROR 1-1460 0-11",
    "2.2.4": "`AT+QSSLRECV=?` 1-1500 0-11 `+QSSLRECV: 0` ERROR",
    "2.2.5": "`AT+QSSLCLOSE=?` 0-65535 10 0-11 OK ERROR",
    "2.2.6": "`AT+QSSLSTATE=?` `AT+QSSLSTATE=<clientID>` `AT+QSSLSTATE` ip_address remote_port "
    "local_port pdpctxID serverID access_mode at_port sslctxID " + STATES,
    "2.3": "",
    "2.3.1": "recv currentrecvlength",
    "2.3.2": "closed PDP initial",
    "2.3.3": "security encrypt decrypt verify",
    "3": "",
    **dict.fromkeys(("3.1", "3.1.1", "3.1.2", "3.1.3", "3.2"), ""),
    **{"3.%d" % n: "" for n in (3, 4, 5)},
    **{"3.%d.%d" % (n, k): "" for n in (3, 4, 5) for k in range(1, 5)},
    "4": "",
}
LABEL = re.compile(r"(\d(?:\.\d)*(?: (?:step|item) \d(?:\.\d)?)?)(?=[ :]|$)")


class Row:
    def __init__(self, line, cells):
        self.line = line
        self.manual, self.driver, self.ugsim, self.tests = cells
        label = LABEL.match(self.manual)
        self.section = label.group(1) if label else None

    def __str__(self):
        return "%s:%d: %s" % (DOC.name, self.line, self.manual)

    def names(self, cell):
        return re.findall(r"`([^`]+)`", cell)


@functools.lru_cache(None)
def rows():
    found = []
    inside = False
    for number, line in enumerate(DOC.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("| manual | driver | ugsim | test |"):
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and not line.startswith("| ---"):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            assert len(cells) == 4, "%s:%d has %d cells" % (DOC.name, number, len(cells))
            found.append(Row(number, cells))
    return found


@functools.lru_cache(None)
def defined(path):
    # The names of functions, classes with their methods, and constants of a file.
    names = set()

    def look(body, prefix):
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                names.add(prefix + node.name)
                look(node.body, prefix + node.name + ".")
            elif isinstance(node, ast.Assign):
                names.update(prefix + t.id for t in node.targets if isinstance(t, ast.Name))

    look(ast.parse(path.read_text(encoding="utf-8")).body, "")
    return names


def place(folder, name):
    # What is wrong with `module`, `path/module.name` or `path/module.Class.name` under folder.
    module, _, inner = name.partition(".")
    path = ROOT / folder / (module + ".py")
    if not path.is_file():
        return "there is no %s/%s.py" % (folder, module)
    if inner and inner not in defined(path):
        return "%s/%s.py has no %s" % (folder, module, inner)
    return None


@functools.lru_cache(None)
def defined_tests(name):
    # The tests of a file, by their names without parameters.
    for path in (HERE / "cases" / (name + ".py"), HERE / (name + ".py")):
        if path.is_file():
            return {n for n in defined(path) if n.startswith("test_")}
    return None


def wrong(check):
    # One failure that lists all rows with a fault.
    faults = ["%s: %s" % (row, fault) for row in rows() for fault in check(row)]
    assert not faults, "\n" + "\n".join(faults)


def test_every_row_is_whole():
    def check(row):
        if row.section not in SECTIONS:
            yield "it begins with no section of the manual"
        for cell in (row.driver, row.ugsim, row.tests):
            if not cell:
                yield "a cell is empty"
        if row.driver == row.ugsim == NOTHING:
            yield "neither driver nor ugsim is named"
        if not row.names(row.tests):
            yield "no test is named"

    assert len(rows()) > 150
    wrong(check)


def test_driver_and_ugsim_have_what_is_named():
    def check(row):
        for folder, cell in (("lib/qssl", row.driver), ("tools/ugsim", row.ugsim)):
            names = row.names(cell)
            if not names and cell != NOTHING:
                yield "nothing is named in %r" % cell
            for name in names:
                fault = place(folder, name)
                if fault:
                    yield fault

    wrong(check)


def test_every_test_that_is_named_exists():
    def check(row):
        for name in row.names(row.tests):
            file, _, test = name.partition("::")
            if defined_tests(file) is None:
                yield "there is no test file %s.py" % file
            elif test not in defined_tests(file):
                yield "%s.py has no %s" % (file, test)

    wrong(check)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_has_its_rows(section):
    text = " ".join(row.manual for row in rows() if row.section == section)
    assert text, "no row for %s of the manual" % section
    words = re.findall(r"`[^`]+`|\S+", SECTIONS[section])
    missing = [word for word in words if word.lower() not in text.lower()]
    assert not missing, "%s: no row names %s" % (section, ", ".join(missing))


def test_every_switch_is_named():
    # What is uncertain about the firmware stands below the tables, by switch.
    text = DOC.read_text(encoding="utf-8")
    missing = [name for name in SWITCHES if "`%s`" % name not in text]
    assert not missing, "the document does not name the switches " + ", ".join(missing)


def test_every_test_that_is_named_was_run(request):
    # Those that were selected; with only a part of the suite there may be none.
    named = {name for row in rows() for name in row.names(row.tests)}
    faults = []
    for item in request.session.items:
        name = "%s::%s" % (item.path.stem, item.name.partition("[")[0])
        if name in named and item.nodeid not in request.config.executed:
            faults.append("%s was selected, but skipped or not run" % item.nodeid)
    assert not faults, "\n" + "\n".join(faults)
