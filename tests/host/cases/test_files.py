# test_files - FILE commands: upload, list, delete, verify, space, in RAM and flash; error texts.
# SPDX-License-Identifier: MIT

import os
from binascii import hexlify

from driver_kit import CA, KEY, RAM, STORE, Log, arm, pattern, raised, tls, up, works
from qssl import download, files, hints
from qssl.connect import pemcheck
from qssl.connect.pem import Clean
from qssl.connect.source import Source
from qssl.connect.source import checksum as file_sum
from qssl.errors import Refused
from ugsim.model.commands.storage import checksum
from ugsim.model.errors import CME, TCPIP

INSIDE = True

# The interpreters run at the same time.
PATH = "/tmp/qssl-files-%s.tmp" % hexlify(os.urandom(6)).decode()


def put(rig, name, data):
    # A file on the modem that the driver knows nothing of.
    store, name = rig.model.files.find(name)
    store.put(name, bytearray(data))


def ensure(modem, source, phase, where=STORE):
    return files.ensure(modem, source, phase, where)


def there(modem, pattern=STORE + "*"):
    # Without the folders that some modems have.
    return [file for file in files.listed(modem, pattern) if not file[0].endswith("/")]


def source(n, seed=0):
    # Any n bytes.
    return Source(pattern(n, seed), "ca")


# --- upload --------------------------------------------------------------------------------------


def test_upload_of_every_size_around_the_blocks():
    rig, modem = up()
    for where in (STORE, "UFS:"):
        for n in (60, 61, 127, 128, 129, 255, 256, 257, 1023, 1024, 1025, 4000):
            s = source(n, n)
            name = ensure(modem, s, "tls", where)
            assert name.startswith(where.encode())
            assert files.size(modem, name) == n == s.size
            assert rig.model.read_file(name.decode()) == download.fetch(modem, name)[0]
            assert download.fetch(modem, name, False) == (n, s.sum)
            files.delete(modem, name)


def test_a_file_that_is_there_is_not_sent_again():
    rig, modem = up()
    log = Log(rig)
    name = ensure(modem, source(500), "tls")
    assert ensure(modem, source(500), "tls") == name
    assert log.count("AT+QFUPL") == 1
    assert ensure(modem, source(500, 1), "tls") != name  # same size, other bytes
    if RAM:
        assert ensure(modem, source(500), "tls", "UFS:") != name
    assert log.count("AT+QFUPL") == 2 + RAM


def test_a_file_on_the_board_is_the_same_as_its_bytes():
    with open(PATH, "wb") as f:
        f.write(CA)
    try:
        rig, modem = up()
        name = ensure(modem, Clean(PATH, "ca"), "tls")
        assert name == ensure(modem, Clean(CA, "ca"), "tls")
        assert download.verify(modem, name, PATH) and download.verify(modem, name, CA)
        assert not download.verify(modem, name, CA[:-1])
        assert not download.verify(modem, name, CA.replace(b"QEB", b"QEC"))
    finally:
        os.remove(PATH)
    assert "can't open" in raised(Source, PATH, "ca").hint


def test_a_damaged_upload_is_removed_and_refused():
    for fault in ("upload_short", "upload_sum", "file_changed", "upload_short by=60"):
        rig, modem = up()
        rig.model.command("fault %s n=2" % fault)
        error = raised(ensure, modem, source(700), "tls")
        if error.code != 421:  # some firmware finds out by itself
            assert error.phase == "tls" and "damaged" in error.hint, fault
        assert there(modem) == []
        works(modem)
        # One that was damaged once goes up again.
        rig.model.command("fault " + fault)
        name = ensure(modem, source(700), "tls")
        assert download.verify(modem, name, source(700)._what)


def test_an_upload_that_the_modem_refuses():
    # The number is the upload's, never that of the deletion that follows.
    for fault, code in (
        ("error cmd=+QFUPL code=550", 0),
        ("error cmd=+QFUPL", 0),
        ("cme cmd=+QFUPL code=420", 420),
    ):
        rig, modem = up()
        rig.model.command("fault " + fault)
        error = raised(ensure, modem, source(100), "tls")
        assert error.code == code and "upload failed" in error.hint, error
        assert ("[modem" in str(error)) == (code > 0), error
        ensure(modem, source(100), "tls")


def test_a_file_that_changes_while_it_goes_up():
    # Longer: what is too much is never typed, as it would be run. Shorter: the modem isn't left
    # waiting.
    more = b"\rAT+CFUN=1,1\r"
    for data in (CA + more, b"x" + CA + more, CA[:200], b"", CA[:250] + b"x" + CA[251:]):
        with open(PATH, "wb") as f:
            f.write(CA)
        rig, modem = up()
        log = Log(rig)
        s = Source(PATH, "ca")
        with open(PATH, "wb") as f:
            f.write(data)
        begin = rig.now
        if data.startswith(CA):  # what was measured went up
            ensure(modem, s, "tls")
            assert [n for _, n in there(modem)] == [len(CA)]
        else:
            error = raised(ensure, modem, s, "tls")
            assert "changed" in error.hint and there(modem) == [], error
        assert rig.now - begin < 5000 and not log.count("AT+CFUN")
        works(modem)
    os.remove(PATH)


def test_what_is_no_certificate_is_not_sent():
    rig, modem = up()
    log = Log(rig)
    for bad in (b"", b"x", CA[30:], b"-----BEGIN RSA PRIVATE KEY-----\n", 5, ["x"]):
        assert raised(pemcheck.load, bad, None, None).phase == "ca"
    for bad in (b"-----BEGIN CERTIFICATE-----\nx", b"", b"PRIVATE KEY-----", 5):
        assert raised(pemcheck.load, CA, CA, bad).phase == "key"
    assert log.at == []


# --- space ---------------------------------------------------------------------------------------


def test_a_key_is_never_shown():
    # Given as it is, but without its marks, or with damaged ones, it is no path.
    body = "".join(KEY.decode().split("\n")[1:-2])
    assert len(body) > 64
    rig, modem = up()
    rows = "\n".join([body[i : i + 64] for i in range(0, len(body), 64)])
    for key in (body, rows, "\r\n" + body, "--BEGIN PRIVATE KEY--\n" + rows, "\0" + body):
        e = raised(modem.tls, 0, ca=CA, cert=CA, key=key, check_time=False)
        assert isinstance(e, Refused) and ("PEM" in str(e) or "BEGIN" in str(e)), e
        for i in range(0, len(body) - 8, 4):
            assert body[i : i + 8] not in str(e), e
    e = raised(modem.tls, 0, ca="", check_time=False)
    assert "must be a file's path" in str(e), e


def test_space_left():
    rig, modem = up(switches={"ram_total": 5000, "ufs_total": 90000})
    assert files.space(modem) == files.space(modem, "RAM:") == 5000
    assert files.space(modem, "UFS:") == 90000
    ensure(modem, source(1000), "tls")
    ensure(modem, source(2000), "tls", "UFS:")
    assert files.space(modem) == 4000 and files.space(modem, "UFS:") == 88000
    put(rig, "RAM:rest", b"x" * 4000)
    assert files.space(modem) == 0
    rig.model.command("fault cme cmd=+QFLDS code=419")
    assert files.space(modem) is None
    # A firmware that says OK and no number.
    handlers = rig.model.runner._commands = dict(rig.model.runner._commands)
    handlers["+QFLDS"] = lambda m, form, args: "OK", handlers["+QFLDS"][1]
    assert files.space(modem) is None
    ensure(modem, source(100), "tls", "UFS:")


def test_no_space_is_said_before_anything_is_sent():
    rig, modem = up(switches={"ram_total": 900})
    log = Log(rig)
    error = raised(ensure, modem, source(901), "tls")
    assert "901 bytes" in error.hint and "900 in all, so it can never fit" in error.hint
    assert "the one CA" in error.hint and "delete" not in error.hint
    assert log.count("AT+QFUPL") == 0
    ensure(modem, source(100), "tls")
    error = raised(ensure, modem, source(801), "tls")
    assert "801 bytes" in error.hint and "800 free" in error.hint and "delete" in error.hint
    assert log.count("AT+QFUPL") == 1
    ensure(modem, source(800), "tls")
    rig, modem = up()
    rig.model.command("storage full")
    raised(ensure, modem, source(100), "tls")
    rig.model.command("storage free")
    works(modem)


# --- list, delete --------------------------------------------------------------------------------


def test_lists_of_ram_and_flash():
    for prefix in ("ram", "all", "none"):
        rig, modem = up(switches={"file_prefix": prefix})
        put(rig, "RAM:ca.pem", b"1" * 10)
        put(rig, "UFS:ca.pem", b"2" * 20)
        put(rig, "key.pem", b"3" * 30)
        assert [n for _, n in files.listed(modem, "RAM:*")] == [10]
        assert [n for _, n in files.listed(modem)] == [20, 30]
        assert files.size(modem, "RAM:ca.pem") == 10 and files.size(modem, "UFS:ca.pem") == 20
        assert files.size(modem, "key.pem") == 30 and files.size(modem, "RAM:key.pem") == -1
        works(modem)  # its certificate goes up all the same
        assert len(files.listed(modem, "RAM:*")) == 2
        names = [name for name, _ in files.listed(modem)]
        assert [name.replace("UFS:", "") for name in names] == ["ca.pem", "key.pem"]


def test_delete_one_and_all():
    for missing in ("own", "405"):
        rig, modem = up(switches={"file_missing": missing})
        for name in ("RAM:a", "RAM:b", "c", "d"):
            put(rig, name, b"x")
        files.delete(modem, "RAM:a")
        assert files.listed(modem, "RAM:*") == [("RAM:b", 1)]
        error = raised(files.delete, modem, "RAM:a")
        assert error.code == (418 if missing == "own" else 405) and error.phase == "files"
        assert "there" in error.hint or "not found" in error.hint, error
        files.delete(modem, "RAM:a", True)
        files.delete(modem, "RAM:*")
        assert files.listed(modem, "RAM:*") == [] and len(files.listed(modem)) == 2
        files.delete(modem, "*")
        assert files.listed(modem) == []


def test_delete_where_the_prefix_of_flash_is_refused():
    rig, modem = up(model="ec25", switches={"qfdel_prefix": "400"})
    put(rig, "UFS:a", b"x")
    files.delete(modem, "UFS:a")
    assert there(modem, "*") == []
    assert raised(files.delete, modem, "UFS:a").code in (405, 418)
    # What an upload that failed has left is in the way of the next one.
    arm(rig, "upload_sum n=1")
    assert files.ensure(modem, source(700), "ca", "UFS:") is not None


def test_names_that_could_be_commands_are_not_sent():
    rig, modem = up()
    log = Log(rig)
    for bad in ('a"', "a\r", "", "x" * 81, b"\x00", "é"):
        raised(files.delete, modem, bad)
        raised(files.listed, modem, bad)
        raised(files.size, modem, bad)
        raised(download.fetch, modem, bad)
    assert log.at == []


def test_arguments_of_other_types_are_refused():
    rig, modem = up()
    assert files.space(modem, b"RAM:") == files.space(modem, "RAM")
    log = Log(rig)
    for bad in (5, None, 1.5, ["RAM:"], ""):
        for call in (files.delete, files.listed, files.size, files.space, download.fetch):
            error = raised(call, modem, bad)
            assert isinstance(error, Refused) and error.phase == "files", (call, bad)
    for bad in (5, None, ["x"]):
        assert isinstance(raised(download.verify, modem, "a", bad), Refused), bad
    assert log.at == []


def test_a_silent_modem_is_no_empty_list():
    rig, modem = up()
    rig.model.command("fault mute ms=40000")
    raised(files.listed, modem)
    raised(files.delete, modem, "x")
    rig.model.command("clear")
    works(modem)
    # Nor is it a file that is not there.
    rig.model.command("fault mute ms=200000")
    raised(files.delete, modem, "x", True)
    rig.model.command("clear")
    rig.sleep(200000)
    modem.start("internet")
    works(modem)


def test_names_as_long_as_they_may_be():
    rig, modem = up()
    name = "x" * 80
    put(rig, name, b"abc")
    ((shown, n),) = files.listed(modem, name)
    assert (shown.replace("UFS:", ""), n) == (name, 3) and files.size(modem, name) == 3
    files.delete(modem, name)
    assert there(modem, "*") == []


# --- read back -----------------------------------------------------------------------------------


def test_files_that_look_like_the_protocol_are_read_byte_by_byte():
    rig, modem = up()
    for data in (
        b"",
        b"\r\nOK\r\n",
        b"\r\n+QFDWL: 1,2\r\n\r\nOK\r\n",
        b"\r\nERROR\r\n\r\n> +++",
        bytes(range(256)) * 9,
        b"\r\nRDY\r\n" * 40,
        b"x" * 2000,
    ):
        for chunk in (None, 1, 7):
            rig.chunk = chunk
            put(rig, "f", data)
            assert download.fetch(modem, "f") == (data, checksum(data)), (data[:20], chunk)
    rig.chunk = None
    works(modem)


def test_checksum_as_the_modem_has_it():
    # Values that modems have shown: reference of the FILE commands.
    for data in (b"", b"\x01", b"\x01\x02", b"abc", bytes(range(256)) * 5 + b"!"):
        assert file_sum(0, 0, data, 0, len(data)) == checksum(data)
        for cut in range(0, min(len(data), 9)):
            first = file_sum(0, 0, data, 0, cut)
            assert file_sum(first, cut, data, cut, len(data) - cut) == checksum(data)
    rig, modem = up(switches={"checksum_case": "upper"})
    name = ensure(modem, source(600), "tls")
    assert download.verify(modem, name, source(600)._what)


def test_a_download_that_loses_bytes_is_an_error():
    rig, modem = up()
    data = bytes([65 + i % 26 for i in range(600)])
    for fault in (
        "lose at=20 in=payload",
        "corrupt at=20 in=payload xor=1",
        "lose at=20 in=data",
        "corrupt at=300 xor=1",
        "lose at=300",
        "insert at=300",
    ):
        put(rig, "f", data)
        rig.model.command("fault " + fault)
        try:
            # struck elsewhere, or not at all: then what comes is right
            assert download.fetch(modem, "f") == (data, checksum(data)), fault
        except OSError as e:
            assert e.phase in ("files", "command", "modem"), e
        rig.model.command("clear")
        works(modem)
    rig.model.command("fault corrupt at=450 xor=1")
    raised(download.fetch, modem, "f")
    rig.model.command("clear")
    works(modem)


def test_a_download_of_nothing():
    rig, modem = up()
    error = raised(download.fetch, modem, "RAM:none.pem")
    assert error.code == 405 and "RAM:none.pem" in error.hint
    put(rig, "f", b"abc")
    rig.model.command("fault cme cmd=+QFDWL code=411")
    error = raised(download.fetch, modem, "f")
    assert error.code == 411 and "reading" in error.hint
    assert download.fetch(modem, "f")[0] == b"abc"


# --- what the numbers mean -----------------------------------------------------------------------


def test_every_number_of_qigeterror_has_the_modems_text_and_a_hint():
    assert min(TCPIP) == 0 and max(TCPIP) == 574
    for code, text in TCPIP.items():
        if not code:
            continue
        said, _, hint = hints.explain(code).partition("; ")
        words = said.lower().replace("pdp ", "").replace("(", "").split()
        assert [w for w in text.lower().split() if w in words], (code, text, said)
        assert len(hint) > 10, code


def test_every_number_of_the_file_commands_has_a_text():
    for code in CME:
        if 400 <= code < 500:
            assert "error %d" % code not in hints.explain(code), code
    assert hints.explain(0) and hints.explain(-1) and "579" in hints.explain(579)


def test_what_is_asked_about_any_number():
    for code in (None, "x", "", b"566", [], -5):
        assert hints.explain(code) == hints.explain(0), code
    for code, word in ((10, "SIM"), (13, "SIM"), (30, "network"), (149, "authentication")):
        assert word in hints.explain(code), code
        assert "APN" not in hints.explain(code)  # no such advice but where PDP is activated


def test_the_last_error_in_both_spellings():
    for space in ("yes", "no"):
        rig, modem = up(switches={"geterror_space": space})
        assert modem.last_error() == 0
        modem.at.run(b"AT+QIACT=99")
        assert modem.last_error() == 552
        tls(modem).apply()
        works(modem)
