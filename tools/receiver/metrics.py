# receiver.metrics - what Prometheus reads. No names of devices: their number has no end.
# SPDX-License-Identifier: MIT

import math
import re

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_WHY = ("start", "daily", "asked", "program")
_CAUSE = re.compile(r"[a-z0-9_ -]{1,24}")
_SPENT = (3000, 10000, 30000, 100000, 300000, 1000000, 10000000)
_AGES_S = (1, 10, 60, 600, 3600, 6 * 3600, 86400, 7 * 86400)


class Metrics:
    def __init__(self):
        r = self.registry = CollectorRegistry()
        self.records = Counter("qssl_records", "New records", ["carrier"], registry=r)
        self.repeats = Counter("qssl_repeats", "Records that were here", ["carrier"], registry=r)
        self.refused = Counter(
            "qssl_refused", "Deliveries that were refused", ["carrier", "reason"], registry=r
        )
        self.age = Histogram(
            "qssl_record_age_seconds",
            "From a record's time to its arrival",
            buckets=_AGES_S,
            registry=r,
        )
        self.commit = Histogram("qssl_commit_seconds", "One transaction", registry=r)
        self.acknowledged = Counter("qssl_messages_taken", "Messages acknowledged", registry=r)
        self.expired = Counter("qssl_messages_expired", "Messages out of time", registry=r)
        self.devices = Gauge("qssl_devices", "Devices", registry=r)
        self.seen_day = Gauge("qssl_devices_seen_day", "Devices seen in a day", registry=r)
        self.set_aside = Counter("qssl_messages_refused", "Messages refused", registry=r)
        self.health = Counter("qssl_health", "Records about health", ["why"], registry=r)
        self.resets = Counter("qssl_device_starts", "Starts of devices", ["cause"], registry=r)
        self._causes = set()
        self.signal = Histogram(
            "qssl_signal_dbm", "Signal in health", buckets=range(-110, -49, 10), registry=r
        )
        self.spent = Histogram(
            "qssl_air_day_bytes", "On the air, a device and day", buckets=_SPENT, registry=r
        )
        self.waiting = Gauge("qssl_messages_waiting", "Messages that wait", registry=r)
        self.missing = Gauge("qssl_ids_missing", "Gaps in the ids of queues", registry=r)
        self.broker = Gauge("qssl_broker_connected", "1: there is a broker", registry=r)
        self.broker.set(math.nan)  # none is wanted
        self.database = Gauge("qssl_database_usable", "1: the last use went well", registry=r)
        self.database.set(1)  # it was opened
        self.certificate = Gauge(
            "qssl_certificate_end_seconds", "When the server's certificate ends", registry=r
        )

    def taken(self, carrier, delivery, fresh, now):
        self.records.labels(carrier).inc(len(fresh))
        self.repeats.labels(carrier).inc(len(delivery.entries) - len(fresh))
        for entry in fresh:
            if entry.at is not None:
                self.age.observe(max(now - entry.at, 0))
            if entry.told and entry.told[0] == "health":
                self._healthy(entry.told[1])
            elif entry.told and entry.told[0] == "inbox":
                self.set_aside.inc()

    def _healthy(self, told):
        # What qssl.uplink.health tells. Words from outside are labels only if they are few.
        why = told.get("why")
        self.health.labels(why if why in _WHY else "other").inc()
        if why == "start":
            cause = _part(told, "boot", "cause")
            cause = str(cause) if isinstance(cause, (int, str)) else "unknown"
            if _CAUSE.fullmatch(cause) and (cause in self._causes or len(self._causes) < 20):
                self._causes.add(cause)
            else:
                cause = "other"
            self.resets.labels(cause).inc()
        signal = _part(told, "info", "signal")
        if _number(signal):
            self.signal.observe(signal)
        spent = _part(told, "bill", "yesterday")
        if why == "daily" and _number(spent):
            self.spent.observe(spent)

    def page(self, counts):
        # counts: store.counts(); None: the database does not tell.
        if counts is None:
            self.database.set(0)
            return generate_latest(self.registry)
        self.missing.set(counts["missing"])
        self.devices.set(counts["devices"])
        self.seen_day.set(counts["seen_day"])
        self.waiting.set(counts["waiting"])
        return generate_latest(self.registry)


def _part(told, outer, inner):
    part = told.get(outer)
    return part.get(inner) if isinstance(part, dict) else None


def _number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e12
