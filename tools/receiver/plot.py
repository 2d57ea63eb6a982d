# receiver.plot - values over time as the parts of an SVG; pages/plot.svg draws them.
# SPDX-License-Identifier: MIT

import math
import time

WIDTH, HEIGHT = 720, 150
_MOST = 1e300  # beyond it differences have no end
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 8, 8, 22
# Seconds between two marks, and how the mark is written.
_STEPS = (
    (60, "%H:%M"),
    (300, "%H:%M"),
    (900, "%H:%M"),
    (3600, "%H:%M"),
    (6 * 3600, "%d %b %H:%M"),
    (86400, "%d %b"),
    (7 * 86400, "%d %b"),
    (30 * 86400, "%d %b %Y"),
    (365 * 86400, "%Y"),
)


class Plot:
    # values: [(seconds since 1970, value)] in order. points: of the line. marks_x, marks_y:
    # [(position, text)].
    def __init__(self, name, unit, values, since, until):
        self.name, self.unit, self.count = name, unit, len(values)
        self.width, self.height = WIDTH, HEIGHT
        self.left, self.right = _LEFT, WIDTH - _RIGHT
        self.top, self.bottom = _TOP, HEIGHT - _BOTTOM
        self.last = "%.6g" % values[-1][1] if values else ""
        values = [(at, min(max(v, -_MOST), _MOST)) for at, v in values]
        low = min((v for _, v in values), default=0)
        high = max((v for _, v in values), default=1)
        most = max(abs(low), abs(high))
        if not high - low > most * 1e-7:
            pad = most / 20 if most > 1e-9 else 1
            low, high = low - pad, high + pad
        step = _nice((high - low) / 3)
        low, high = math.floor(low / step) * step, math.ceil(high / step) * step
        span = max(until - since, 1)

        def x(at):
            return _LEFT + (at - since) / span * (self.right - _LEFT)

        def y(value):
            return self.bottom - (value - low) / (high - low) * (self.bottom - _TOP)

        self.points = _thinned([(x(at), y(v)) for at, v in values])
        count = round((high - low) / step)
        levels = [low + i * step for i in range(count + 1)] if count <= 10 else [low, high]
        self.marks_y = [("%.1f" % y(v), text) for v, text in zip(levels, _texts(levels, step))]
        self.marks_x = [("%.1f" % x(at), text) for at, text in _times(since, until)]

    @property
    def line(self):
        return " ".join("%.1f,%.1f" % p for p in self.points)

    @property
    def dots(self):
        return [("%.1f" % x, "%.1f" % y) for x, y in self.points] if self.count <= 60 else []


def _nice(step):
    # 1, 2 or 5 times a power of ten, not smaller than this.
    if not 1e-300 < step < 1e300:
        return 1e300 if step > 1 else 1e-300
    power = 10.0 ** math.floor(math.log10(step))
    return next(f * power for f in (1, 2, 5, 10) if f * power >= step * 0.999999)


def _texts(levels, step):
    # With as many digits as it takes for no two of them to be the same.
    levels = [v if abs(v) > step / 1e6 else 0 for v in levels]
    for digits in range(6, 17):
        found = ["%.*g" % (digits, v) for v in levels]
        if len(set(found)) == len(found):
            break
    return found


def _thinned(points):
    # At most the lowest and the highest of each column of pixels.
    if len(points) <= 2 * WIDTH:
        return points
    found = []
    column = None
    for p in points:
        if column is None or int(p[0]) != column:
            column = int(p[0])
            found += [p, p]
        elif p[1] < found[-2][1]:
            found[-2] = p
        elif p[1] > found[-1][1]:
            found[-1] = p
    return found


def _times(since, until):
    span = until - since
    step, form = next(((s, f) for s, f in _STEPS if span / s <= 8), _STEPS[-1])
    at = math.ceil(since / step) * step
    while at <= until:
        yield at, time.strftime(form, time.gmtime(at))
        at += step
