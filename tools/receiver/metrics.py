# receiver.metrics - what Prometheus reads. No names of devices: their number has no end.
# SPDX-License-Identifier: MIT

import math

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

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
