# ugsim.model.commands.files - FILE commands that list, delete, upload and download whole files.
# SPDX-License-Identifier: MIT

from ugsim.model.commands import datamode
from ugsim.model.commands.storage import checksum
from ugsim.model.errors import OK, Refused

_DEFAULT_SIZE = 10240
_DEFAULT_TIMEOUT_S = 5
_ACK_BYTES = 1024  # AT+QFUPL with <ackmode> 1: one "A" after each


def sum_text(m, value):
    # Hexadecimal without leading zeros, as seen: 1267,f5f
    text = "%x" % value
    return text.upper() if m.sw["checksum_case"] == "upper" else text


def _shown(m, store, name):
    # A name as AT+QFLST prints it.
    prefix = m.sw["file_prefix"]
    if prefix == "all" or (prefix == "ram" and store is m.files.ram):
        return store.name + ":" + name
    return name


def qflds(m, form, args):
    # AT+QFLDS="UFS"|"RAM": free and total bytes. AT+QFLDS: used bytes and number of files in UFS.
    if form == "test":
        m.out.info("+QFLDS: (%s)" % ",".join(['"%s"' % name for name in m.family.stores]))
        return OK
    if form == "read":
        raise Refused
    args.count(0, 1)
    if not len(args):
        m.out.info("+QFLDS: %d,%d" % (m.files.ufs.used(), len(m.files.ufs.names)))
        return OK
    name = args.string(0).upper()
    if name not in m.family.stores:
        raise Refused(419)
    store = m.files.ram if name == "RAM" else m.files.ufs
    m.out.info("+QFLDS: %d,%d" % (store.free(), store.total))
    return OK


def qflst(m, form, args):
    # AT+QFLST[="<pattern>"]: +QFLST: "<name>",<size> for each file
    if form == "test":
        m.out.info("+QFLST: <pattern>")
        return OK
    if form == "read":
        raise Refused
    args.count(0, 1)
    pattern = args.string(0, "*") if len(args) else "*"
    store, names = m.files.match(pattern)
    if not names and not pattern.endswith("*"):
        raise Refused(417 if m.sw["file_missing"] == "own" else 405)
    if m.faults.hit("list_empty") is not None:
        return OK
    if pattern.endswith("*") and store is m.files.ufs:
        for name in m.family.folders:
            m.out.info('+QFLST: "%s/",0' % name)
    for name in names:
        m.out.info('+QFLST: "%s",%d' % (_shown(m, store, name), len(store.contents[name])))
    return OK


def qfdel(m, form, args):
    # AT+QFDEL="<name>"; "*" and "RAM:*" delete all
    if form == "test":
        m.out.info("+QFDEL: <filename>")
        return OK
    if form != "write":
        raise Refused
    args.count(1, 1)
    pattern = args.string(0)
    if pattern[:4].upper() == "UFS:" and m.sw["qfdel_prefix"] == "400":
        raise Refused(400)
    store, names = m.files.match(pattern)
    if not names and not pattern.endswith("*"):
        raise Refused(418 if m.sw["file_missing"] == "own" else 405)
    for name in names:
        if m.files.is_open(store, name):
            raise Refused(426)
    for name in names:
        store.remove(name)
    return OK


def qfupl(m, form, args):
    # AT+QFUPL="<name>"[,<size>[,<timeout in s>[,<ackmode>]]]: CONNECT, data,
    # +QFUPL: <size>,<checksum>
    if form == "test":
        m.out.info("+QFUPL: <filename>[,(1-%d)[,(1-65535)[,(0,1)]]]" % m.files.ufs.total)
        return OK
    if form != "write":
        raise Refused
    args.count(1, 4)
    store, name = m.files.find(args.string(0, longest=200))
    size = args.number(1, 1, 0x7FFFFFFF, _DEFAULT_SIZE)
    timeout_ms = args.number(2, 1, 65535, _DEFAULT_TIMEOUT_S) * 1000
    ack = args.number(3, 0, 1, 0)
    if name in store.contents and m.sw["qfupl_exists"] == "error":
        raise Refused(407)
    if m.files.is_open(store, name):
        raise Refused(426)
    if size > store.total:
        raise Refused(423)
    if size > store.free():
        raise Refused(403)
    done = lambda data: _uploaded(m, store, name, data, size)  # noqa: E731
    datamode.Upload(m, size, timeout_ms, _ACK_BYTES if ack else 0, done).begin()
    return None


def _uploaded(m, store, name, data, size):
    # Whatever came is kept, and the answer shows how much it was.
    fault = m.faults.hit("upload_short")
    if fault is not None:
        data = data[: max(0, len(data) - fault.number("by"))]
    if data and m.faults.hit("file_changed") is not None:
        data = bytes([data[0] ^ 1]) + data[1:]
    short = len(data) < size and m.sw["qfupl_short"] == "421"
    value = checksum(data)
    if m.faults.hit("upload_sum") is not None:
        value ^= 0x0101
    store.put(name, bytearray(data))
    if m.faults.hit("upload_line") is None:
        m.out.info("+QFUPL: %d,%s" % (len(data), sum_text(m, value)))
    m.finish(m.runner.refusal(421) if short else OK)


def qfdwl(m, form, args):
    # AT+QFDWL="<name>": CONNECT, data, +QFDWL: <size>,<checksum>
    if form == "test":
        m.out.info("+QFDWL: <filename>")
        return OK
    if form != "write":
        raise Refused
    args.count(1, 1)
    store, name = m.files.find(args.string(0, longest=200))
    if name not in store.contents:
        raise Refused(405)
    data = bytes(store.contents[name])
    m.out.connect("CONNECT", data)
    m.out.begin_reply()
    m.out.info("+QFDWL: %d,%s" % (len(data), sum_text(m, checksum(data))))
    return OK


COMMANDS = {
    "+QFLDS": qflds,
    "+QFLST": qflst,
    "+QFDEL": qfdel,
    "+QFUPL": qfupl,
    "+QFDWL": qfdwl,
}
