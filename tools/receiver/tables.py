# receiver.tables - the tables of the database.
# SPDX-License-Identifier: MIT

import sqlalchemy as sa

META = sa.MetaData()


def _device(**key):
    # Whose row it is: it goes with its device. key: primary_key=True where it is part of that.
    ends = sa.ForeignKey("devices.id", ondelete="CASCADE")
    return sa.Column("device", ends, nullable=False, **key)


version = sa.Table("version", META, sa.Column("version", sa.Integer, primary_key=True))
devices = sa.Table(
    "devices",
    META,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("token", sa.Text, nullable=False, unique=True),  # its SHA-256
    sa.Column("password", sa.Text, nullable=False),  # the same, as mosquitto keeps it
    sa.Column("made_at", sa.Double, nullable=False),
    sa.Column("seen_at", sa.Double),
    sa.Column("carrier", sa.Text),  # by which it was seen last
    sa.Column("records", sa.BigInteger, nullable=False, default=0),
    sa.Column("repeats", sa.BigInteger, nullable=False, default=0),
    sa.Column("ack", sa.BigInteger),  # the highest message it has; NULL: it takes none
    sa.Column("last", sa.BigInteger, nullable=False, default=0),  # the newest message's number
    sa.Column("health", sa.Text),  # the newest record about its health, as JSON
    sa.Column("health_at", sa.Double),
    sa.Column("settings", sa.Text),  # the newest about its settings
    sa.Column("settings_at", sa.Double),
)
queues = sa.Table(
    "queues",
    META,
    _device(primary_key=True),
    sa.Column("queue", sa.Text, primary_key=True),
    sa.Column("first", sa.BigInteger, nullable=False),
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("floor", sa.BigInteger, nullable=False),  # up to here records may be deleted
    sa.Column("seen_at", sa.Double, nullable=False),
)
_big = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # which SQLite numbers itself
records = sa.Table(
    "records",
    META,
    sa.Column("n", _big, primary_key=True),
    _device(),
    sa.Column("queue", sa.Text, nullable=False),  # "=DIGEST": a record without queue and id
    sa.Column("id", sa.BigInteger, nullable=False),
    sa.Column("at", sa.Double),  # seconds since 1970 that the record tells
    sa.Column("came_at", sa.Double, nullable=False),
    sa.Column("record", sa.Text, nullable=False),  # as JSON
    sa.UniqueConstraint("device", "queue", "id", name="once"),
    sa.Index("records_came", "device", "n"),
)
points = sa.Table(
    "points",
    META,
    _device(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),  # the record's time, or when it came
    sa.Column("value", sa.Double, nullable=False),
    sa.Index("points_at", "device", "name", "at"),
)
facts = sa.Table(
    "facts",
    META,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
outbox = sa.Table(
    "messages",
    META,
    _device(primary_key=True),
    sa.Column("m", sa.BigInteger, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),
    sa.Column("mac", sa.Text, nullable=False),
    sa.Column("made_at", sa.Double, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
    # waiting, taken, expired, too long, refused: WORD; of an update also how far it is.
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("sent_at", sa.Double),
    sa.Column("done_at", sa.Double),
    sa.Index("messages_state", "state", "device"),
)
files = sa.Table(  # what devices fetch, by its content: names are nothing but labels
    "files",
    META,
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)
updates = sa.Table(
    "updates",
    META,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("board", sa.Text, nullable=False),
    sa.Column("manifest", sa.ForeignKey("files.sha256"), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),  # of all its files
    sa.Column("made_at", sa.Double, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
    sa.UniqueConstraint("version", "board", name="one_version"),
)
rollouts = sa.Table(
    "rollouts",
    META,
    sa.Column("update", sa.ForeignKey("updates.id", ondelete="CASCADE"), primary_key=True),
    _device(primary_key=True),
    sa.Column("m", sa.BigInteger, nullable=False),  # the message, whose state is that of this
    sa.Column("at", sa.Double, nullable=False),
)
running = sa.Table(
    "running",
    META,
    _device(primary_key=True),
    sa.Column("version", sa.Text, nullable=False),  # of its program
    sa.Column("at", sa.Double, nullable=False),
)
uploads = sa.Table(  # files of devices
    "uploads",
    META,
    _device(primary_key=True),
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("has", sa.BigInteger, nullable=False),  # bytes that are here
    sa.Column("made_at", sa.Double, nullable=False),
    sa.Column("done_at", sa.Double),
)
pieces = sa.Table(
    "pieces",
    META,
    sa.Column("device", sa.Integer, primary_key=True),
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("at", sa.BigInteger, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.ForeignKeyConstraint(
        ["device", "sha256"], ["uploads.device", "uploads.sha256"], ondelete="CASCADE"
    ),
)
accounts = sa.Table(
    "accounts",
    META,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),  # person: a password; program: a token
    sa.Column("secret", sa.Text, nullable=False),  # its hash
)
sessions = sa.Table(
    "sessions",
    META,
    sa.Column("secret", sa.Text, primary_key=True),  # SHA-256 of the cookie
    sa.Column("account", sa.ForeignKey("accounts.name", ondelete="CASCADE"), nullable=False),
    sa.Column("until", sa.Double, nullable=False),
)
