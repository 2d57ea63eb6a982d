# test_join - modules that are always loaded together become one, and so do classes and methods.
# SPDX-License-Identifier: MIT

import ast
import importlib
import sys
import types

import pytest

from qpackage.join import join

PARTS = {
    "__init__": '_where = {"Far": "far"}\n',
    "far": """
from .wire import link
_MS = const(3)
MOST = const(9)
class Far:
    n = _MS + MOST
""",
    "wire.__init__": "",
    "wire.low": """
import time
_MS = const(1)
LIMIT = const(5)
def low():
    from .other import x
    return _MS * LIMIT // 5
""",
    "wire.link": """
import time
from .low import low
_MS = const(2)
def up():
    return low() + _MS
""",
    "wire.other": "from ..far import MOST, Far\nx = Far.n + MOST\n",
    "user": "from .far import Far\nfrom .wire.low import low\nfrom .wire import link as _l\n",
}
JOINED = {"user": ("far",), "wire.link": ("wire.low",)}


def test_modules_that_are_always_loaded_become_one(tmp_path, monkeypatch):
    trees = {name: ast.parse(text) for name, text in PARTS.items()}
    join(trees, JOINED)
    folder = tmp_path / "joined_parts"
    for name, tree in trees.items():
        path = (folder / name.replace(".", "/")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            "from micropython import const\n" + ast.unparse(ast.fix_missing_locations(tree))
        )
    monkeypatch.setitem(sys.modules, "micropython", types.SimpleNamespace(const=lambda n: n))
    monkeypatch.syspath_prepend(tmp_path)
    try:
        user, link, low, far, other = (
            importlib.import_module("joined_parts." + name)
            for name in ("user", "wire.link", "wire.low", "far", "wire.other")
        )
        assert link.up() == 3 and link.low.__globals__ is link.up.__globals__
        # What is left of a part has the same things, and its numbers.
        assert low.low is link.low and far.Far is user.Far and far.MOST == 9
        assert low.LIMIT == 5 and not hasattr(link, "LIMIT")  # no other module asks for it
        assert user.Far.n == 12 and user.low is link.low and other.x == 21
        assert sys.modules["joined_parts"]._where == {"Far": "user"}
    finally:
        for name in [n for n in sys.modules if n.startswith("joined_parts")]:
            del sys.modules[name]
    assert ast.unparse(trees["wire.link"]).count("import time") == 1


@pytest.mark.parametrize(
    "more",
    ({"wire.link": "low = 1\n"}, {"wire.other": "from . import low\nx = low\n"}),
    ids=("two of a name", "a part as a module"),
)
def test_what_can_not_be_joined_is_refused(more):
    trees = {name: ast.parse(text) for name, text in dict(PARTS, **more).items()}
    with pytest.raises(ValueError, match="low"):
        join(trees, {"wire.link": ("wire.low",)})


def test_what_is_asked_of_a_module_that_goes_elsewhere_is_asked_there():
    more = "from .wire import low as _l\ndef f():\n    return _l.low() + _l.LIMIT\n"
    trees = {name: ast.parse(text) for name, text in dict(PARTS, asks=more).items()}
    join(trees, {"wire.link": ("wire.low",)})
    wanted = "from .wire.link import LIMIT, low\n\ndef f():\n    return low() + LIMIT"
    assert ast.unparse(ast.fix_missing_locations(trees["asks"])) == wanted
    trees["asks"] = ast.parse(more + "    LIMIT = 3\n")
    with pytest.raises(ValueError, match="low"):  # the name is taken
        join({**trees, "wire.low": ast.parse(PARTS["wire.low"])}, {"wire.link": ("wire.low",)})


ONE = {
    "wire.channel": """
class Channel:
    kind = 2
    def low(self):
        return self.kind
""",
    "socket": """
from .wire.channel import Channel
class Socket(Channel):
    def high(self):
        return self.low() + 1
""",
    "asks": "from .wire.channel import Channel\nlow = Channel.low\n",
}


def test_a_class_with_one_base_that_nobody_else_needs_has_no_base():
    trees = {name: ast.parse(text) for name, text in ONE.items()}
    join(trees, {"socket": ("wire.channel",)})
    texts = {name: ast.unparse(ast.fix_missing_locations(tree)) for name, tree in trees.items()}
    names = {}
    exec(texts["socket"], names)
    assert names["Socket"]().high() == 3 and names["Socket"].__bases__ == (object,)
    assert "Channel" not in texts["socket"] + texts["wire.channel"]
    assert texts["asks"] == "from .socket import Socket\nlow = Socket.low"
    trees = {name: ast.parse(text.replace("high", "low")) for name, text in ONE.items()}
    with pytest.raises(ValueError, match="Channel"):  # the later one would hide the other
        join(trees, {"socket": ("wire.channel",)})


CHAIN = {
    "wire.connection": """
class Connection:
    def low(self, n):
        return n
""",
    "wire.lifecycle": """
from .connection import Connection
class Lifecycle(Connection):
    def _done_open(self, n):
        if n > 2:
            return self.low(3)
        self.ends = n
    def _claim(self, kind, n):
        self.claims = kind, n
""",
    "wire.sending": "from .lifecycle import Lifecycle\nclass Sending(Lifecycle):\n    a = 1\n",
    "wire.receiving": "from .sending import Sending\nclass Receiving(Sending):\n    b = 2\n",
    "wire.channel": """
from .receiving import Receiving
class Channel(Receiving):
    def done(self, n):
        if n > 1:
            return self._done_open(n)
        self.ends = -1
    def told(self, kind, n):
        if n:
            return self._claim(kind, n)
""",
    "socket": "from .wire.channel import Channel\nclass Socket(Channel):\n    c = 3\n",
}


def _chain(old="", new=""):
    texts = {name: text.replace(old, new) for name, text in CHAIN.items()}
    trees = {name: ast.parse(text) for name, text in texts.items()}
    join(trees, {"socket": tuple(name for name in CHAIN if name != "socket")})
    names = {}
    exec(ast.unparse(ast.fix_missing_locations(trees["socket"])), names)
    return names["Socket"]


def test_bases_that_build_on_each_other_become_one_class():
    made = _chain()
    assert made.__bases__ == (object,) and (made.a, made.b, made.c) == (1, 2, 3)
    # What is in the place of its call: behind it goes on only what did before.
    assert not hasattr(made, "_done_open") and not hasattr(made, "_claim")
    sock = made()
    assert sock.done(3) == 3 and sock.done(2) is None and sock.ends == 2
    assert sock.done(1) is None and sock.ends == -1
    assert sock.told(1, 0) is None and sock.told(4, 5) is None and sock.claims == (4, 5)


@pytest.mark.parametrize(
    ("changes", "why"),
    (
        (("self.ends = -1", "return self._done_open(n)"), "just once"),
        (("return self._claim(kind, n)", "self._claim(kind, n)"), "otherwise"),
        (("return self._claim(kind, n)", "return self._claim(n, kind)"), "parameters"),
    ),
)
def test_what_has_no_one_place_is_refused(changes, why):
    with pytest.raises(ValueError, match=why):
        _chain(*changes)
