# receiver.updates - files for devices and from them, and updates of their program.
# SPDX-License-Identifier: MIT
#
# Files are in the database, by their SHA-256. So several receivers share them, and no name that
# comes from outside ever becomes a path.

import hashlib
import io
import json
import re
import time
import zipfile

import sqlalchemy as sa

from receiver import messages, tables
from receiver import store as db

FILE_MAX = 4 << 20  # bytes of a file, and of all files of an update
_FILES_MAX = 64
_KEPT = 100  # files of one device; the oldest go
_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_WORD = re.compile(r"[A-Za-z0-9._+-]{1,32}")  # a version, a board
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")  # of a device's file
SHA256 = re.compile(r"[0-9a-f]{64}")


class Refused(Exception):
    # The text says why. since: what was on the page is not so any more.
    def __init__(self, text, since=False):
        super().__init__(text)
        self.since = since


# --- files for devices -----------------------------------------------------------------------


def add_file(c, data):
    # Its SHA-256.
    digest = hashlib.sha256(data).hexdigest()
    row = {"sha256": digest, "size": len(data), "data": data}
    c.execute(db.insert(c, tables.files).values(**row).on_conflict_do_nothing())
    return digest


def size_of(c, digest):
    # None: there is no such file.
    return c.scalar(sa.select(tables.files.c.size).where(tables.files.c.sha256 == digest))


def part_of(c, digest, first, count):
    # Bytes of a file.
    part = sa.func.substr(tables.files.c.data, first + 1, count)
    found = c.scalar(sa.select(part).where(tables.files.c.sha256 == digest))
    return b"" if found is None else bytes(found)


# --- updates ---------------------------------------------------------------------------------


def unpacked(data):
    # {name: bytes} of a zip file, if that can be a version. Raises Refused.
    found = {}
    total = 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                if entry.is_dir():
                    continue
                name = entry.filename
                if name.startswith("__MACOSX/") or name.endswith(".DS_Store"):
                    continue  # what macOS puts into each
                if not _PATH.fullmatch(name) or len(name) > 64 or name == "manifest.json":
                    raise Refused("the name %r of a file can't be used" % name[:80])
                total += entry.file_size
                if total > FILE_MAX or len(found) >= _FILES_MAX:
                    raise Refused("it has more than %d files or 4 MB" % _FILES_MAX)
                with archive.open(entry) as f:
                    found[name] = f.read(FILE_MAX + 1)
                if len(found[name]) != entry.file_size:
                    raise Refused("%s is not as long as it says" % name)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as e:
        raise Refused("it is no zip file (%s)" % (str(e) or type(e).__name__)) from None
    except Exception as e:
        if isinstance(e, Refused):
            raise
        raise Refused("it is no zip file (%s)" % type(e).__name__) from None
    if "app.py" not in found and "app.mpy" not in found:
        raise Refused("there is no app.py or app.mpy at its top")
    if not any(found.get(name) for name in ("app.py", "app.mpy")):
        raise Refused("its app.py is empty")
    return found


def add(c, version, board, found, by):
    # Puts an update there; returns its id. Raises Refused.
    for what, text in (("version", version), ("board", board)):
        if not isinstance(text, str) or not _WORD.fullmatch(text):
            how = "a %s has 1 to 32 letters, digits, '.', '_', '+', '-'"
            raise Refused(how % what)
    listed = []
    for name in sorted(found):
        data = found[name]
        listed.append({"name": name, "size": len(data), "sha256": add_file(c, data)})
    manifest = {"version": version, "board": board, "files": listed}
    manifest = json.dumps(manifest, separators=(",", ":")).encode()
    if len(manifest) > 16384:
        raise Refused("it has too many files with long names")
    row = {"version": version, "board": board, "manifest": add_file(c, manifest)}
    row.update(size=sum(f["size"] for f in listed), made_at=time.time(), made_by=by)
    made = db.insert(c, tables.updates).values(**row).on_conflict_do_nothing()
    id = c.scalar(made.returning(tables.updates.c.id))
    if id is None:
        raise Refused(
            "there is a version %s for %s already: give it another one" % (version, board)
        )
    return id


def one(c, id):
    # The row of an update, with manifest_size; None: there is none.
    u = tables.updates
    found = sa.select(u, tables.files.c.size.label("manifest_size"))
    return c.execute(
        found.join(tables.files, tables.files.c.sha256 == u.c.manifest).where(u.c.id == id)
    ).first()


def everything(c, limit=50):
    # [(row, {state: how many devices})], the newest first.
    rows = c.execute(
        sa.select(tables.updates).order_by(tables.updates.c.id.desc()).limit(limit)
    ).all()
    counts = states_of(c, [row.id for row in rows])
    return [(row, counts.get(row.id, {})) for row in rows]


def states_of(c, ids):
    # {update: {state: how many devices}}
    r, o = tables.rollouts.c, tables.outbox.c
    found = sa.select(r.update, o.state, sa.func.count())
    found = found.join(tables.outbox, (o.device == r.device) & (o.m == r.m))
    counts = {}
    for id, state, n in c.execute(found.where(r.update.in_(ids)).group_by(r.update, o.state)):
        counts.setdefault(id, {})[state] = n
    return counts


def devices_of(c, id, after="", limit=200):
    # Rows (name, m, at, state, running, done_at) of the devices that it was sent to.
    r, o, d = tables.rollouts.c, tables.outbox.c, tables.devices.c
    found = sa.select(
        d.name, r.m, r.at, o.state, o.done_at, tables.running.c.version.label("running")
    )
    found = found.select_from(tables.rollouts).join(tables.devices, d.id == r.device)
    found = found.outerjoin(tables.outbox, (o.device == r.device) & (o.m == r.m))
    found = found.outerjoin(tables.running, tables.running.c.device == r.device)
    found = found.where(r.update == id, d.name > after).order_by(d.name).limit(limit)
    return c.execute(found).all()


def running_of(c, ids):
    # {device: version of its program}, where that is known.
    r = tables.running.c
    return dict(c.execute(sa.select(r.device, r.version).where(r.device.in_(ids))).all())


def _others(id):
    # Devices that take messages, and were sent another update since, or none. So an old version
    # can be sent again to those that have a new one.
    r, d = tables.rollouts.c, tables.devices.c
    newest = tables.rollouts.alias()
    last = sa.select(sa.func.max(newest.c.m)).where(newest.c.device == r.device)
    has = sa.select(r.device).where(r.update == id, r.m == last.scalar_subquery())
    return d.ack.is_not(None) & d.id.not_in(has)


def _failed(id):
    # Devices that were sent this update last, and do not have it.
    r, o, d = tables.rollouts.c, tables.outbox.c, tables.devices.c
    newest = tables.rollouts.alias()
    last = sa.select(sa.func.max(newest.c.m)).where(newest.c.device == r.device)
    bad = o.state.in_(("back", "expired", "too long"))
    bad |= o.state.startswith("failed") | o.state.startswith("refused")
    found = sa.select(r.device).join(tables.outbox, (o.device == r.device) & (o.m == r.m))
    return d.id.in_(found.where(r.update == id, r.m == last.scalar_subquery(), bad))


def open_for(c, id):
    # (how many devices would get this update, were it sent to all; to how many it was sent in
    # vain; when it was sent last, or None)
    devices = sa.select(sa.func.count()).select_from(tables.devices)
    last = c.scalar(
        sa.select(sa.func.max(tables.rollouts.c.at)).where(tables.rollouts.c.update == id)
    )
    return c.scalar(devices.where(_others(id))), c.scalar(devices.where(_failed(id))), last


def roll_out(c, update, names, count, hours, by, master, failed=False, last=()):
    # Sends an update (a row of one()): to the devices of these names; or, names None, to so many
    # of _others(), those first that were seen last; count None: to all of them; failed: to all of
    # _failed(). last: when it was sent last, as who sends it knows. Returns the names. Raises
    # Refused.
    d = tables.devices.c
    # Two at once: the second one sees what the first has sent.
    c.execute(
        sa.select(tables.updates.c.id).where(tables.updates.c.id == update.id).with_for_update()
    )
    if last != () and open_for(c, update.id)[2] != last:
        raise Refused("somebody has just sent it to others, see below", since=True)
    found = sa.select(tables.devices)
    if names is not None:
        found = found.where(d.name.in_(names[:1000]))
    elif failed:
        found = found.where(_failed(update.id))
    else:
        found = found.where(_others(update.id)).order_by(d.seen_at.desc())
        if count is not None:
            found = found.limit(count)
    rows = c.execute(found).all()
    missing = set(names or ()) - {row.name for row in rows}
    if missing:
        raise Refused("there is no device %s" % sorted(missing)[0][:64])
    db.locked(c, {row.id for row in rows})
    body = {"version": update.version, "board": update.board, "url": "/files/" + update.manifest}
    body.update(size=update.manifest_size, sha256=update.manifest)
    body = messages.checked("update", body)
    now = time.time()
    for row in rows:
        key = messages.device_key(master, row.name)
        m = db.add_message(c, row, "update", body, int(now) + hours * 3600, by, key)
        made = db.insert(c, tables.rollouts).values(update=update.id, device=row.id, m=m, at=now)
        keys = ["update", "device"]
        c.execute(made.on_conflict_do_update(index_elements=keys, set_={"m": m, "at": now}))
    return [row.name for row in rows]


# --- files from devices ----------------------------------------------------------------------


def upload(c, device, digest, name, size, at, data, now):
    # A piece of a file, or only the question (at None). Returns how many bytes of it are here;
    # None: it was all there and is not what its hash says.
    db.locked(c, {device})
    u = tables.uploads.c
    key = {"device": device, "sha256": digest}
    of_it = (u.device == device) & (u.sha256 == digest)
    row = c.execute(sa.select(tables.uploads).where(of_it)).first()
    if row is None or row.size != size:
        c.execute(tables.uploads.delete().where(of_it))
        made = dict(key, name=name, size=size, has=0, made_at=now)
        c.execute(tables.uploads.insert().values(**made))
        _forget_old(c, device)
        has = 0
    elif row.done_at is not None:
        c.execute(tables.uploads.update().where(of_it).values(name=name))
        return size
    else:
        has = row.has
    if at == has and data:
        c.execute(tables.pieces.insert().values(at=at, data=data, **key))
        has += len(data)
        c.execute(tables.uploads.update().where(of_it).values(has=has, name=name))
    if has == size:
        if hashlib.sha256(b"".join(content(c, device, digest))).hexdigest() != digest:
            c.execute(tables.uploads.delete().where(of_it))
            return None
        c.execute(tables.uploads.update().where(of_it).values(done_at=now))
    return has


def _forget_old(c, device):
    u = tables.uploads.c
    found = sa.select(u.sha256).where(u.device == device).order_by(u.made_at.desc()).offset(_KEPT)
    old = c.scalars(found).all()
    if old:
        c.execute(tables.uploads.delete().where(u.device == device, u.sha256.in_(old)))


def content(c, device, digest):
    # The pieces of a file, in order.
    p = tables.pieces.c
    found = sa.select(p.data).where(p.device == device, p.sha256 == digest).order_by(p.at)
    return [bytes(data) for data in c.scalars(found)]


def uploads_of(c, device, limit=_KEPT):
    # The newest first.
    u = tables.uploads.c
    found = sa.select(tables.uploads).where(u.device == device)
    return c.execute(found.order_by(u.made_at.desc()).limit(limit)).all()


def whole(c, device, digest):
    # (name, bytes) of a file that is all here; None: there is none.
    u = tables.uploads.c
    found = sa.select(u.name).where(u.device == device, u.sha256 == digest, u.done_at.is_not(None))
    name = c.scalar(found)
    return None if name is None else (name, b"".join(content(c, device, digest)))
