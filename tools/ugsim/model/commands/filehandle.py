# ugsim.model.commands.filehandle - FILE commands on an open file (QFOPEN to QFCLOSE).
# SPDX-License-Identifier: MIT

from ugsim.model.commands import datamode
from ugsim.model.errors import OK, Refused

_READ_MAX = 1500  # bytes of one AT+QFREAD on UG96
_WRITE_MAX = 10240
_ANY = 0x7FFFFFFF


def qfopen(m, form, args):
    # AT+QFOPEN="<name>"[,<mode>]: 0 create or open, 1 create or overwrite, 2 read only
    if form == "test":
        m.out.info("+QFOPEN: <filename>[,(0-2)]")
        return OK
    if form == "read":
        for handle in m.files.handles.values():
            mode = 2 if handle.read_only else 0
            m.out.info('+QFOPEN: "%s",%d,%d' % (handle.name, handle.number, mode))
        return OK
    if form != "write":
        raise Refused
    args.count(1, 2)
    handle = m.files.open(args.string(0, longest=200), args.number(1, 0, 2, 0))
    m.out.info("+QFOPEN: %d" % handle.number)
    return OK


def _handle(m, args):
    return m.files.handle(args.number(0, 0, _ANY))


def qfread(m, form, args):
    # AT+QFREAD=<handle>[,<length>]: CONNECT <n>, data, then CR LF OK CR LF and no empty line
    if form == "test":
        m.out.info("+QFREAD: <filehandle>[,(1-%d)]" % _READ_MAX)
        return OK
    if form != "write":
        raise Refused
    args.count(1, 2)
    handle = _handle(m, args)
    limit = args.number(1, 1, _READ_MAX, _READ_MAX)
    data = bytes(handle.data()[handle.position : handle.position + limit])
    if not data:
        raise Refused(402)
    handle.position += len(data)
    bare = m.sw["qfread_connect"] == "bare"
    m.out.connect("CONNECT" if bare else "CONNECT %d" % len(data), data)
    return OK


def qfwrite(m, form, args):
    # AT+QFWRITE=<handle>[,<length>[,<timeout in s>]]: CONNECT, data, +QFWRITE: <written>,<size>
    if form == "test":
        m.out.info("+QFWRITE: <filehandle>[,(1-%d)[,(1-65535)]]" % _WRITE_MAX)
        return OK
    if form != "write":
        raise Refused
    args.count(1, 3)
    handle = _handle(m, args)
    length = args.number(1, 1, _WRITE_MAX, _WRITE_MAX)
    timeout_ms = args.number(2, 1, 65535, 5) * 1000
    if handle.read_only:
        raise Refused(414)
    done = lambda data: _written(m, handle, length, data)  # noqa: E731
    datamode.Upload(m, length, timeout_ms, 0, done).begin()
    return None


def _written(m, handle, length, data):
    if m.files.handles.get(handle.number) is not handle:
        m.finish(m.runner.refusal(416))
        return
    written = m.files.write(handle, data)
    if len(data) < length:
        m.finish(m.runner.refusal(421))
        return
    if written < len(data):
        m.finish(m.runner.refusal(403))
        return
    m.out.info("+QFWRITE: %d,%d" % (written, len(handle.data())))
    m.finish(OK)


def qfseek(m, form, args):
    # AT+QFSEEK=<handle>,<offset>[,<from>]: from 0 start, 1 position, 2 end
    if form == "test":
        m.out.info("+QFSEEK: <filehandle>,<offset>[,(0-2)]")
        return OK
    if form != "write":
        raise Refused
    args.count(2, 3)
    handle = _handle(m, args)
    offset = args.signed(1)
    start = (0, handle.position, len(handle.data()))[args.number(2, 0, 2, 0)]
    if not 0 <= start + offset <= len(handle.data()):
        raise Refused(401)
    handle.position = start + offset
    return OK


def _named(m, name, form, args):
    # The handle of AT+NAME=<handle>; None: it was AT+NAME=?, which is answered.
    if form == "test":
        m.out.info("+%s: <filehandle>" % name)
        return None
    if form != "write":
        raise Refused
    args.count(1, 1)
    return _handle(m, args)


def qfposition(m, form, args):
    # AT+QFPOSITION=<handle>
    handle = _named(m, "QFPOSITION", form, args)
    if handle is not None:
        m.out.info("+QFPOSITION: %d" % handle.position)
    return OK


def qftucat(m, form, args):
    # AT+QFTUCAT=<handle>: cuts the file at the position
    handle = _named(m, "QFTUCAT", form, args)
    if handle is not None:
        if handle.read_only:
            raise Refused(414)
        handle.store.put(handle.name, bytearray(handle.data()[: handle.position]))
    return OK


def qfclose(m, form, args):
    # AT+QFCLOSE=<handle>
    handle = _named(m, "QFCLOSE", form, args)
    if handle is not None:
        del m.files.handles[handle.number]
    return OK


COMMANDS = {
    "+QFOPEN": qfopen,
    "+QFREAD": qfread,
    "+QFWRITE": qfwrite,
    "+QFSEEK": qfseek,
    "+QFPOSITION": qfposition,
    "+QFTUCAT": qftucat,
    "+QFCLOSE": qfclose,
}
