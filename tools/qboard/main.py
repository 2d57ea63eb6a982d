# qboard.main - tools/board.py in the virtual environment.
# SPDX-License-Identifier: MIT

import sys

import setup
from qboard import files, link, needs, options
from qboard.facts import Facts
from qboard.install import clear, install
from qpackage import check
from qshared import ending


def _ports():
    found = link.ports()
    for name, what in found:
        print("%s  %s" % (name, what))
    if not found:
        print("No USB serial port here. Is a board plugged in, by a cable that has data lines?")
    return 0


def _check(board, facts):
    # Tells what is there; 1 if it is not this driver, once.
    good = True
    print("board     %s" % facts.words())
    version, path = facts.installed(board)
    if facts.frozen:
        print("driver    %s in the firmware" % facts.frozen)
    wanted = check.version(setup.ROOT)
    if version is None and not facts.copies and not facts.rom:
        good = False
        print("driver    none: python3 tools/board.py install")
    elif version is None and facts.rom:
        good = False
        print("driver    one in the ROM partition, which can't be imported (%s)" % path)
        print("          deploy a new image: docs/boards.md")
    elif version is None:
        good = False
        print("driver    a part of one, which can't be imported: python3 tools/board.py install")
    elif not facts.frozen:
        print("driver    %s, %s" % (version, "/" + path.lstrip("/")))
    if version and version != wanted:
        good = False
        print("          this checkout has %s" % wanted)
    kinds = {p.rpartition(".")[2] for p in facts.copies}
    if facts.rom and facts.copies:
        good = False
        print("          and a copy in the file system: python3 tools/board.py remove")
    elif len(facts.drivers) > 1 or len(kinds) > 1 or (facts.frozen and facts.copies):
        good = False
        print("          more than one copy: python3 tools/board.py install clears them")
    print("board.py  %s" % (", ".join(sorted(facts.boards)) or "none"))
    good = good and len(facts.boards) == 1
    print("settings  %s" % ("/settings.json" if facts.settings else "none"))
    for sentence in needs.sentences(board, needs.settings(board) or b"{}"):
        print("          " + sentence)
    print("free      %d of %d kB" % (facts.free // 1000, facts.size // 1000))
    return 0 if good else 1


def _remove(board, facts, chosen):
    if not facts.copies and facts.rom:
        print("The driver is in the ROM partition alone: deploy an image without it.")
    elif not facts.copies:
        print("The board has no copy of the driver.")
    elif chosen.dry_run:
        for path in sorted(facts.copies):
            print("would remove  %s" % path)
    else:
        clear(board, facts, sorted(facts.copies))
        print("The driver is gone; board file, settings and certificates are still there.")
    return 0


def _run(chosen, stack):
    if chosen.what == "ports":
        return _ports()
    files.check(chosen)
    board = stack.enter_context(link.Board(link.choose(chosen.port)))
    facts = Facts(board)
    if chosen.what == "check":
        return _check(board, facts)
    print("board: %s" % facts.words())
    if chosen.what == "remove":
        return _remove(board, facts, chosen)
    return install(board, facts, chosen)


def main(args):
    chosen = options.parse(args)
    return ending.run(
        "board.py",
        lambda stack: _run(chosen, stack),
        lambda: "run it again, as the driver on the board may be incomplete",
    )


if __name__ == "__main__":
    sys.exit(setup.main(main))
