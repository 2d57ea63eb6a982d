# ugsim.model.network - the mobile network around the modem, which no restart changes.
# SPDX-License-Identifier: MIT

_START_UNIX = 1735689600  # 2025-01-01 00:00:00 UTC, the network's time at virtual ms 0

# What a liar's time is off by, in seconds, at Unix seconds t.
LIES = {
    "true": lambda t: 0,
    "1980": lambda t: 315964800 - t,
    "2070": lambda t: 3155760000 - t,
    "fast": lambda t: 600,
    "slow": lambda t: -600,
    "year": lambda t: 31536000,
    "day": lambda t: 86400,
    "hour": lambda t: 3600,
}


class Network:
    def __init__(self, model):
        self._m = model
        self.coverage = True
        self.rssi = 21  # AT+CSQ: 0..31, 99 unknown
        self.stat = 1  # registration when the modem is accepted: 1 home, 5 roaming
        self.cause = ""  # why it does not take the modem, in words: AT+CEER
        self.operator = "TEST NET"
        self.lac = "5650"
        self.cell = "29A7DF4"
        self.dns_dead = False  # its name servers do not answer
        self.zone = 0  # quarters of an hour, summer time included
        self.summer = 0  # hours of summer time
        self._base_s = _START_UNIX

    def named(self, name):
        # Whether `name`, as AT+COPS may give it, is this network.
        return name in ("", self.operator, "TEST", "00101")

    def unix(self):
        # Unix seconds, the true time.
        return self._base_s + self._m.now // 1000

    def told(self):
        # (time, zone) that NITZ brings: true, or what the switch nitz_time makes of it.
        unix = self.unix()
        lie = self._m.sw["nitz_time"]
        if lie == "local":  # local digits where those of UTC belong
            return unix + self.zone * 900, self.zone
        if lie == "sign":  # UTC worked out with the zone's sign wrong
            return unix + 2 * self.zone * 900, -self.zone
        if lie == "zone":  # UTC taken for local time, so the zone is taken off again
            return unix - self.zone * 900, self.zone
        return unix + LIES[lie](unix), self.zone

    def set_time(self, unix, zone, summer=0):
        self._base_s = unix - self._m.now // 1000
        self.zone = zone
        self.summer = summer
