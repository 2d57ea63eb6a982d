# receiver.store - the database: SQLite, or PostgreSQL where several receivers share it.
# SPDX-License-Identifier: MIT
#
# Functions take a connection in whose transaction they work; Store gives those out. Here are those
# about devices, records and messages. Nothing that came from outside becomes SQL: all of it is
# bound.

import contextlib
import hmac
import json
import os
import re
import time

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from qshared.problem import Problem
from receiver import forms, messages, tables
from receiver.tables import devices, facts, outbox, points, queues, records, running

VERSION = 1
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_WORD = re.compile(r"[a-z]{1,16}")  # why a device refuses a message
_HOUR_S = 3600
_ROW_MAX = 200  # rows of one INSERT: SQLite takes so many variables only


# What a driver raises about a value that this database can't hold, or look for.
NOT_TAKEN = sa.exc.DataError, UnicodeEncodeError, OverflowError


def missing(url):
    # The file of a database that is not there yet; None: it is, or it is no file.
    start, _, path = url.partition("sqlite:///")
    return path if not start and path and not os.path.exists(path) else None


class Gone(Exception):
    # The database can't be used at the moment: what is to be stored has to come again.
    pass


class Store:
    # url: sqlite:///PATH or postgresql://...; make: makes the tables where there are none.
    def __init__(self, url, busy_s=5):
        try:
            self.url = sa.make_url(url)
            kind = self.url.get_backend_name()
        except sa.exc.ArgumentError:
            kind = ""
        self._path = self._file = None  # SQLite's file, and which one it is
        if kind == "sqlite":
            self._engine = _sqlite(self.url, busy_s)
            self._path = self.url.database
        elif kind == "postgresql":
            self.url = self.url.set(drivername="postgresql+psycopg")
            options = {"connect_timeout": 10, "application_name": "qssl-receiver"}
            # A server whose machine is gone says nothing: the system's own limits are hours.
            options.update(keepalives_idle=20, keepalives_interval=5, keepalives_count=4)
            options["tcp_user_timeout"] = 30000
            self._engine = sa.create_engine(
                self.url, connect_args=options, pool_pre_ping=True, pool_timeout=busy_s
            )
        else:
            raise Problem(
                "The database %s is neither sqlite:///PATH nor postgresql://USER@HOST/NAME."
                % _shown(url)
            )

    def open(self):
        # Makes the tables that are missing. Problem: it can't be used.
        try:
            with self.writing() as c:
                if self._engine.dialect.name == "postgresql":
                    c.execute(sa.text("SELECT pg_advisory_xact_lock(7355608)"))
                tables.META.create_all(c)
                found = c.scalar(sa.select(tables.version.c.version))
                if found is None:
                    c.execute(tables.version.insert().values(version=VERSION))
                elif found != VERSION:
                    raise Problem(
                        "The database is of version %d, this receiver of %d: use the receiver "
                        "that belongs to it." % (found, VERSION)
                    )
        except (Gone, sa.exc.SQLAlchemyError) as e:
            raise Problem("The database can't be used: %s." % reason(e)) from None

    @contextlib.contextmanager
    def writing(self):
        # A connection in a transaction, committed at the end. Gone: it was not.
        self._here()
        with _told(), self._engine.connect() as c:
            c = c.execution_options(write=True)
            with c.begin():
                yield c
        self._here()  # still: what is written into a file that was deleted is lost

    @contextlib.contextmanager
    def reading(self):
        self._here()
        with _told(), self._engine.connect() as c, c.begin():
            yield c

    def _here(self):
        # Gone if SQLite's file is not the one that is open.
        if self._path is None:
            return
        try:
            facts = os.stat(self._path)
            found = facts.st_dev, facts.st_ino
        except OSError as e:
            self._engine.dispose()
            self._file = ()
            raise Gone("%s: %s" % (self._path, e.strerror)) from None
        if self._file is None:
            self._file = found
        if self._file != found:
            self._engine.dispose()
            former, self._file = self._file, found
            if former:
                raise Gone("%s was replaced" % self._path)

    def close(self):
        self._engine.dispose()


@contextlib.contextmanager
def _told():
    # What the database says about this one record stays; all else is Gone.
    try:
        yield
    except (sa.exc.DataError, sa.exc.IntegrityError):
        raise
    except sa.exc.SQLAlchemyError as e:
        raise Gone(reason(e)) from e


def reason(error):
    # The words of the database itself, on one line.
    text = str(getattr(error, "orig", None) or error).strip()
    return text.splitlines()[0].rstrip(".") if text else type(error).__name__


def _shown(url):
    # Without its password.
    return re.sub(r"//[^@/]*@", "//...@", str(url))


def _sqlite(url, busy_s):
    path = url.database
    if not path or path == ":memory:":
        raise Problem("SQLite needs a file: sqlite:///PATH.")
    if not os.path.exists(path):
        # Nobody else shall read what is in it.
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as e:
            raise Problem("The database %s can't be made: %s." % (path, e.strerror)) from None
    engine = sa.create_engine(url, connect_args={"timeout": busy_s, "check_same_thread": False})

    @sa.event.listens_for(engine, "connect")
    def connected(raw, _):
        raw.isolation_level = None  # BEGIN is said below
        # FULL: a commit is on the disk when it is told.
        for word in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            raw.execute("PRAGMA " + word).fetchall()

    @sa.event.listens_for(engine, "begin")
    def begun(c):
        write = c.get_execution_options().get("write")
        c.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def insert(c, table):
    # INSERT that can say ON CONFLICT.
    kind = postgresql if c.dialect.name == "postgresql" else sqlite
    return kind.insert(table)


def check_master(c, master):
    # Problem if another master.key is this database's: devices would refuse what it signs.
    value = hmac.digest(master, b"qssl database\n", "sha256").hex()
    row = {"name": "master", "value": value}
    c.execute(insert(c, facts).values(**row).on_conflict_do_nothing())
    if c.scalar(sa.select(facts.c.value).where(facts.c.name == "master")) != value:
        raise Problem(
            "This database belongs to another master.key: copy the one of the first receiver "
            "into this receiver's folder."
        )


# --- devices ---------------------------------------------------------------------------------


def add_device(c, name, token, password):
    # Its id. Problem if there is one of that name.
    check_name(name)
    row = {"name": name, "token": token, "password": password, "made_at": time.time()}
    made = insert(c, devices).values(**row).on_conflict_do_nothing().returning(devices.c.id)
    found = c.scalar(made)
    if found is None:
        raise Problem("There is a device %s already." % name)
    return found


def check_name(name):
    if not NAME.fullmatch(name):
        raise Problem(
            "A name has 1 to 64 letters, digits, '.', '_' and '-'; first and last is a letter or "
            "digit."
        )


def new_token(c, name, token, password):
    done = c.execute(
        devices.update().where(devices.c.name == name).values(token=token, password=password)
    )
    if not done.rowcount:
        raise Problem("There is no device %s." % name)


def remove_device(c, name):
    if not c.execute(devices.delete().where(devices.c.name == name)).rowcount:
        raise Problem("There is no device %s." % name)


def by_token(c, token):
    # (id, name) or None. token: its SHA-256.
    found = sa.select(devices.c.id, devices.c.name).where(devices.c.token == token)
    return c.execute(found).first()


def by_name(c, name):
    return c.execute(sa.select(devices).where(devices.c.name == name)).first()


def locked(c, whose):
    # {id or name: id} of these devices. Nobody else changes them until the transaction ends.
    d = devices.c
    ids = [w for w in whose if isinstance(w, int)]
    names = [w for w in whose if isinstance(w, str)]
    found = sa.select(d.id, d.name).where(d.id.in_(ids) | d.name.in_(names)).order_by(d.id)
    by = {}
    for row in c.execute(found.with_for_update(key_share=True)):
        by[row.id] = by[row.name] = row.id
    return by


def all_devices(c, like="", after="", limit=200, silent=False, skip=0):
    # In the order of their names; silent: those first that were not seen for longest.
    found = sa.select(devices).where(devices.c.name > after).limit(limit).offset(skip)
    if silent:
        found = found.order_by(devices.c.seen_at.asc().nulls_first())
    if like:
        found = found.where(devices.c.name.icontains(like, autoescape=True))
    return c.execute(found.order_by(devices.c.name)).all()


def how_many(c, like=""):
    # Devices whose name has this in it.
    found = sa.select(sa.func.count()).select_from(devices)
    if like:
        found = found.where(devices.c.name.icontains(like, autoescape=True))
    return c.scalar(found)


def passwords(c):
    # [(name, password as mosquitto keeps it)]
    found = sa.select(devices.c.name, devices.c.password).order_by(devices.c.name)
    return [tuple(row) for row in c.execute(found)]


def _missing():
    # Of queues, in all. As a double: ids may go up to 2**53, and a sum of such has no end.
    q = queues.c
    return sa.func.sum(sa.cast(q.last - q.first + 1 - q.count, sa.Double))


def gaps_of(c, ids):
    # {device: ids that are missing in its queues}
    if not ids:
        return {}
    q = queues.c
    found = sa.select(q.device, _missing()).where(q.device.in_(ids)).group_by(q.device)
    return {device: int(n) for device, n in c.execute(found)}


def queues_of(c, device, limit=20):
    found = sa.select(queues).where(queues.c.device == device)
    return c.execute(found.order_by(queues.c.seen_at.desc()).limit(limit)).all()


def gaps(c, device, queue, limit=20):
    # [(first, last)] of ids that are missing between those that are there, the newest first.
    r = records.c
    follows = sa.func.lead(r.id).over(order_by=r.id).label("follows")
    pairs = sa.select(r.id, follows).where(r.device == device, r.queue == queue).subquery()
    found = sa.select(pairs.c.id + 1, pairs.c.follows - 1).where(pairs.c.follows > pairs.c.id + 1)
    return [tuple(row) for row in c.execute(found.order_by(pairs.c.id.desc()).limit(limit))]


# --- records ---------------------------------------------------------------------------------


def take(c, device, delivery, carrier, now):
    # Stores what is new. Returns the entries that are.
    if delivery.queue is None:
        fresh = _take_bare(c, device, delivery, now)
    else:
        fresh = _take_queue(c, device, delivery, now)
    _take_points(c, device, fresh, now)
    values = {
        "seen_at": now,
        "carrier": carrier,
        "records": devices.c.records + len(fresh),
        "repeats": devices.c.repeats + len(delivery.entries) - len(fresh),
    }
    for entry in fresh:
        if entry.told and entry.told[0] in ("health", "settings"):
            values[entry.told[0]] = entry.text
            values[entry.told[0] + "_at"] = now
        if entry.told and entry.told[0] == "update":
            _of_update(c, device, entry.told[1], now)
        if entry.told and entry.told[0] == "inbox":
            _set_aside(c, device, entry.told[1], now)
    if delivery.ack is not None:
        values["ack"] = delivery.ack
    c.execute(devices.update().where(devices.c.id == device).values(**values))
    return fresh


def _set_aside(c, device, told, now):
    # The device does not take a message of this number, whatever it has acknowledged.
    m, word = told.get("m"), told.get("refused")
    if not isinstance(m, int) or isinstance(m, bool) or not 0 < m < 1 << 48:
        return
    if not isinstance(word, str) or not _WORD.fullmatch(word):
        word = "?"
    of_it = (outbox.c.device == device) & (outbox.c.m == m)
    open_ = of_it & outbox.c.state.in_(("waiting", "taken"))
    c.execute(outbox.update().where(open_).values(state="refused: " + word, done_at=now))


def _of_update(c, device, told, now):
    # How far a device is with an update; shown as the state of the message.
    m, state, why, version = [told.get(n) for n in ("m", "state", "why", "running")]
    if isinstance(version, str) and 0 < len(version) <= 32:
        version = forms.clean(version)
        row = insert(c, running).values(device=device, version=version, at=now)
        values = {"version": version, "at": now}
        c.execute(row.on_conflict_do_update(index_elements=["device"], set_=values))
    if state not in ("loading", "ready", "trial", "kept", "failed", "back"):
        return
    if not isinstance(m, int) or isinstance(m, bool) or not 0 < m < 1 << 48:
        return
    if state == "failed":
        state += ": " + (why if isinstance(why, str) and _WORD.fullmatch(why) else "?")
    of_it = (outbox.c.device == device) & (outbox.c.m == m) & (outbox.c.kind == "update")
    c.execute(outbox.update().where(of_it).values(state=state, done_at=now))


def _take_queue(c, device, delivery, now):
    entries = delivery.entries
    if not entries:
        return []
    key = {"device": device, "queue": delivery.queue}
    first, last = min(e.id for e in entries), max(e.id for e in entries)
    # First of all the queue's own row: who else writes into this queue waits here.
    row = insert(c, queues).values(first=first, last=0, count=0, floor=0, seen_at=now, **key)
    same = row.on_conflict_do_update(index_elements=list(key), set_={"seen_at": now})
    floor = c.scalar(same.returning(queues.c.floor))
    rows = {}
    for entry in entries:
        if entry.id > floor:
            rows[entry.id] = {"id": entry.id, "at": entry.at, "record": entry.text, **key}
    new = _insert_records(c, list(rows.values()), now)
    if new:
        of_queue = (queues.c.device == device) & (queues.c.queue == delivery.queue)
        lowest = sa.case((queues.c.first < first, queues.c.first), else_=first)
        highest = sa.case((queues.c.last > last, queues.c.last), else_=last)
        counts = {"first": lowest, "last": highest, "count": queues.c.count + len(new)}
        c.execute(queues.update().where(of_queue).values(**counts))
    fresh = []
    for entry in entries:
        if entry.id in new:
            new.discard(entry.id)  # the same may be among them twice
            fresh.append(entry)
    return fresh


def _take_bare(c, device, delivery, now):
    # A record without queue and id is known by its content; one without a time for an hour or two
    # only, as a device without a clock may say the same again.
    entry = delivery.entries[0] if delivery.entries else None
    if entry is None:
        return []
    queue = "=" + delivery.digest
    if entry.at is None:
        entry.id = int(now // _HOUR_S)
        before = sa.select(records.c.n).where(
            records.c.device == device, records.c.queue == queue, records.c.id == entry.id - 1
        )
        if c.scalar(before) is not None:
            return []
    row = {
        "device": device,
        "queue": queue,
        "id": entry.id,
        "at": entry.at,
        "record": entry.text,
    }
    return [entry] if _insert_records(c, [row], now) else []


def _insert_records(c, rows, now):
    # The ids of those that were not there.
    new = set()
    for i in range(0, len(rows), _ROW_MAX):
        some = [dict(row, came_at=now) for row in rows[i : i + _ROW_MAX]]
        made = insert(c, records).on_conflict_do_nothing().returning(records.c.id)
        new.update(c.scalars(made, some))
    return new


def _take_points(c, device, fresh, now):
    rows = []
    for entry in fresh:
        for name, unit, at, value in entry.points:
            at = at or entry.at or now
            rows.append({"device": device, "name": name, "unit": unit, "at": at, "value": value})
    if rows:
        c.execute(points.insert(), rows)


def recent(c, device, limit=20):
    # The newest records.
    found = sa.select(records).where(records.c.device == device)
    return c.execute(found.order_by(records.c.n.desc()).limit(limit)).all()


def names_of(c, device, limit=24):
    # [(name, unit)] of values.
    found = sa.select(points.c.name, sa.func.max(points.c.unit)).where(points.c.device == device)
    return c.execute(found.group_by(points.c.name).order_by(points.c.name).limit(limit)).all()


def values_of(c, device, name, since, until, limit=5000):
    # [(at, value)] in order: the newest ones, where there are more than limit.
    p = points.c
    found = sa.select(p.at, p.value).where(
        p.device == device, p.name == name, p.at >= since, p.at <= until
    )
    return c.execute(found.order_by(p.at.desc()).limit(limit)).all()[::-1]


def prune(c, before):
    # Deletes records and values that came before; their ids stay known. Returns how many.
    q, r = queues.c, records.c
    gone = r.came_at < before
    locked(c, set(c.scalars(sa.select(r.device).where(gone).distinct())))
    last = sa.select(r.device, r.queue, sa.func.max(r.id)).where(gone).group_by(r.device, r.queue)
    for device, queue, id in c.execute(last).all():
        # Not beyond what has come: an id above may still be on its way.
        of_queue = (q.device == device) & (q.queue == queue)
        c.execute(queues.update().where(of_queue & (q.floor < id)).values(floor=id))
    # What a clock that is wrong has put as far into the future would else stay for ever.
    ahead = 2 * time.time() - before
    c.execute(points.delete().where((points.c.at < before) | (points.c.at > ahead)))
    c.execute(outbox.delete().where(outbox.c.done_at < before))
    return c.execute(records.delete().where(gone)).rowcount


# --- messages --------------------------------------------------------------------------------


def add_message(c, device, kind, body, until, by, key):
    # Puts a message into the queue of a device (a row of devices); returns its number.
    row = c.execute(
        devices.update()
        .where(devices.c.id == device.id)
        .values(last=devices.c.last + 1)
        .returning(devices.c.last, devices.c.ack)
    ).first()
    m = row.last
    if row.ack is not None and row.ack >= m:
        # The device knows a higher number: the database is older than it (a backup).
        m = row.ack + 1
        c.execute(devices.update().where(devices.c.id == device.id).values(last=m))
    values = {"device": device.id, "m": m, "kind": kind, "body": body, "until": until}
    values["mac"] = messages.sign(key, device.name, m, kind, until, body)
    c.execute(outbox.insert().values(made_at=time.time(), made_by=by, state="waiting", **values))
    return m


def acknowledged(c, device, ack, now):
    # The device has all messages up to this one. Returns how many of them were waiting.
    of_device = (outbox.c.device == device) & (outbox.c.m <= ack)
    waits = of_device & (outbox.c.state == "waiting")
    return c.execute(outbox.update().where(waits).values(state="taken", done_at=now)).rowcount


def expire(c, now, device=None):
    # Messages whose time is over. Returns how many.
    over = (outbox.c.state == "waiting") & (outbox.c.until <= int(now))
    if device is not None:
        over &= outbox.c.device == device
    else:
        locked(c, set(c.scalars(sa.select(outbox.c.device).where(over).distinct())))
    return c.execute(outbox.update().where(over).values(state="expired", done_at=now)).rowcount


def waiting(c, device, room, now):
    # ([message as JSON], whether there are more): those that fit into room (bytes), in order,
    # marked as sent. One that fits nowhere is set aside.
    of_device = (outbox.c.device == device) & (outbox.c.state == "waiting")
    rows = c.execute(sa.select(outbox).where(of_device).order_by(outbox.c.m).limit(50)).all()
    found, sent, more = [], [], False
    left = room
    for row in rows:
        text = messages.text(row)
        size = len(text.encode())
        if size > room:
            key = (outbox.c.device == device) & (outbox.c.m == row.m)
            c.execute(outbox.update().where(key).values(state="too long", done_at=now))
            continue
        if size + 1 > left and found:
            more = True
            break
        left -= size + 1
        found.append(text)
        sent.append(row.m)
    if sent:
        of_sent = (outbox.c.device == device) & outbox.c.m.in_(sent)
        c.execute(outbox.update().where(of_sent).values(sent_at=now))
    return found, more


def any_to_publish(c):
    # Whether to_publish() may find something.
    waits = (outbox.c.state == "waiting") & (devices.c.carrier == "mqtt")
    found = sa.select(outbox.c.m).join(devices, devices.c.id == outbox.c.device).where(waits)
    return c.scalar(found.limit(1)) is not None


def to_publish(c, now, again_s, limit=100):
    # [(device's name, message as JSON)] for devices that were last seen by MQTT: what was not sent
    # yet, and what was, long ago, if the device was seen since. Marked as sent. Only the first
    # that waits: a device acknowledges all up to a number, and the broker may lose one before it.
    o, d = outbox.c, devices.c
    other = outbox.alias()
    mine = (other.c.device == o.device) & (other.c.state == "waiting")
    first = sa.select(sa.func.min(other.c.m)).where(mine).correlate(outbox).scalar_subquery()
    old = (o.sent_at < now - again_s) & (o.sent_at < d.seen_at)
    due = (o.state == "waiting") & (d.carrier == "mqtt") & (o.sent_at.is_(None) | old)
    due &= o.m == first
    whose = sa.select(o.device).join(devices, d.id == o.device).where(due).distinct()
    ids = locked(c, set(c.scalars(whose.order_by(o.device).limit(limit)))).values()
    due &= o.device.in_(list(ids))
    rows = c.execute(
        sa.select(outbox, d.name)
        .join(devices, d.id == o.device)
        .where(due)
        .order_by(o.device, o.m)
        .limit(limit)
    ).all()
    for row in rows:
        key = (o.device == row.device) & (o.m == row.m)
        c.execute(outbox.update().where(key).values(sent_at=now))
    return [(row.name, messages.text(row)) for row in rows]


def messages_of(c, device, limit=20):
    found = sa.select(outbox).where(outbox.c.device == device)
    return c.execute(found.order_by(outbox.c.m.desc()).limit(limit)).all()


def counts(c):
    # For the metrics: {"devices": ..., "seen_day": ..., "waiting": ..., "missing": ...}
    day = time.time() - 86400
    d = devices.c
    found = sa.select(sa.func.count(), sa.func.count(d.id).filter(d.seen_at > day))
    total, seen = c.execute(found.select_from(devices)).one()
    waits = sa.select(sa.func.count()).select_from(outbox).where(outbox.c.state == "waiting")
    missing = c.scalar(sa.select(_missing())) or 0
    return {
        "devices": total,
        "seen_day": seen,
        "waiting": c.scalar(waits),
        "missing": int(missing),
    }


def loads(text):
    return json.loads(text) if text else None
