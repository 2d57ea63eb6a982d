# receiver.accounts - who may log in to the page, which programs may use the API, and sessions.
# SPDX-License-Identifier: MIT
#
# As in store: functions take a connection in whose transaction they work.

import time

import sqlalchemy as sa

from qshared.problem import Problem
from receiver.store import check_name
from receiver.tables import accounts as _accounts
from receiver.tables import sessions as _sessions


def add(c, name, kind, secret):
    # One of that name gets a new secret, and its sessions end. Returns whether there was one.
    check_name(name)
    other = c.scalar(sa.select(_accounts.c.kind).where(_accounts.c.name == name))
    if other not in (None, kind):
        what = {"person": "user", "program": "program"}[other]
        raise Problem("%s is the name of a %s already: take another one." % (name, what))
    known = remove(c, name, kind)
    c.execute(_accounts.insert().values(name=name, kind=kind, secret=secret))
    return known


def remove(c, name, kind):
    # Whether there was one.
    of_kind = (_accounts.c.name == name) & (_accounts.c.kind == kind)
    known = bool(c.execute(_accounts.delete().where(of_kind)).rowcount)
    if known:
        c.execute(_sessions.delete().where(_sessions.c.account == name))
    return known


def named(c, name, kind):
    found = sa.select(_accounts).where(_accounts.c.name == name, _accounts.c.kind == kind)
    return c.execute(found).first()


def program(c, secret):
    found = sa.select(_accounts.c.name)
    return c.scalar(found.where(_accounts.c.kind == "program", _accounts.c.secret == secret))


def everybody(c):
    return c.execute(sa.select(_accounts).order_by(_accounts.c.name)).all()


def add_session(c, secret, name, until):
    c.execute(_sessions.delete().where(_sessions.c.until < time.time()))
    c.execute(_sessions.insert().values(secret=secret, account=name, until=until))


def session(c, secret):
    # The account's name, or None.
    found = sa.select(_sessions.c.account)
    alive = _sessions.c.until > time.time()
    return c.scalar(found.where(_sessions.c.secret == secret, alive))


def end_session(c, secret):
    c.execute(_sessions.delete().where(_sessions.c.secret == secret))
