# qbench.plot - speed over the rate of the line, and heaps as bars: SVGs.
# SPDX-License-Identifier: MIT

import math

_W, _H = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 50, 60
_COLOURS = {"receive": "#1f6fb4", "send": "#c8511b"}
_TICKS_X = (115200, 230400, 460800, 921600)
_TICKS_Y = (10, 20, 40, 80)  # kB/s


def _x(baud):
    low, high = math.log(90000), math.log(1100000)
    return _LEFT + (_W - _LEFT - _RIGHT) * (math.log(baud) - low) / (high - low)


def _y(rate):
    low, high = math.log(7000), math.log(120000)
    return _H - _BOTTOM - (_H - _TOP - _BOTTOM) * (math.log(rate) - low) / (high - low)


def svg(points):
    # points: (place, way, baud, bytes a second, what the protocol allows)
    out = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" '
        'font-size="13">' % (_W, _H),
        '<rect width="%d" height="%d" fill="white"/>' % (_W, _H),
        '<text x="%d" y="24" font-size="16">Payload in kB/s over the rate of the line</text>'
        % _LEFT,
    ]
    for baud in _TICKS_X:
        out.append(_line(_x(baud), _TOP, _x(baud), _H - _BOTTOM, "#ddd"))
        out.append(_text(_x(baud), _H - _BOTTOM + 20, "%d" % baud, "middle"))
    for kb in _TICKS_Y:
        out.append(_line(_LEFT, _y(kb * 1000), _W - _RIGHT, _y(kb * 1000), "#ddd"))
        out.append(_text(_LEFT - 10, _y(kb * 1000) + 4, "%d" % kb, "end"))
    out.append(_text((_LEFT + _W - _RIGHT) / 2, _H - 18, "baud", "middle"))
    out.append(_line(_x(90000), _y(9000 * 0.97), _x(1100000), _y(110000 * 0.97), "#888", "6 4"))
    for place, way, baud, rate, most in points:
        shape = _mark(_x(baud), _y(rate), way, place == "unix port")
        title = "%s, %s: %d of %d B/s" % (way, place, rate, most)
        out.append("<g><title>%s</title>%s</g>" % (title, shape))
    legend = (
        ("receive", True, "receiving, unix port"),
        ("send", True, "sending, unix port"),
        ("receive", False, "receiving, emulated board"),
        ("send", False, "sending, emulated board"),
    )
    for i, (way, full, text) in enumerate(legend):
        y = _TOP + 20 + 22 * i
        out.append(_mark(_LEFT + 24, y - 4, way, full))
        out.append(_text(_LEFT + 40, y, text, "start"))
    y = _TOP + 20 + 22 * len(legend)
    out.append(_line(_LEFT + 12, y - 4, _LEFT + 36, y - 4, "#888", "6 4"))
    out.append(_text(_LEFT + 40, y, "what the protocol allows", "start"))
    return "\n".join([*out, "</svg>\n"])


def bars(title, rows):
    # rows: (whose, bytes in use with an open socket, bytes needed until then or None, ours or not)
    step, left, top = 38, 230, 64
    height = top + step * len(rows) + 66
    most = max(max(used, need or 0) for _, used, need, _ in rows)
    scale = (_W - left - 100) / most
    out = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" '
        'font-size="13">' % (_W, height),
        '<rect width="%d" height="%d" fill="white"/>' % (_W, height),
        '<text x="%d" y="24" font-size="16">%s</text>' % (20, title),
        _text(20, 44, "With one TLS socket open: the shorter the bar, the more is left.", "start"),
    ]
    for i, (name, used, need, own) in enumerate(rows):
        y = top + step * i
        colour = _COLOURS["receive"] if own else "#999"
        out.append(_text(left - 10, y + 18, name, "end"))
        end = used
        shape = '<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>'
        if need and need > used:
            end = need
            out.append(shape % (left, y + 9, need * scale, 8, "#bcd6ee"))
        words = "%s: %d bytes in use" % (name, used)
        words += ", %d must be free at first" % need if need else ""
        bar = shape % (left, y, used * scale, 26, colour)
        out.append("<g><title>%s</title>%s</g>" % (words, bar))
        text = "%.1f" % (used / 1000)
        if need and need > used:
            text += " (%.1f)" % (need / 1000)
        out.append(_text(left + end * scale + 8, y + 18, text, "start"))
    y = top + step * len(rows) + 16
    for at, colour, text in (
        (20, _COLOURS["receive"], "in use"),
        (100, "#bcd6ee", "(must be free at first, to get there)"),
        (370, "#999", "other drivers, by the same method:"),
    ):
        out.append('<rect x="%d" y="%d" width="12" height="12" fill="%s"/>' % (at, y, colour))
        out.append(_text(at + 18, y + 11, text, "start"))
    out.append(_text(388, y + 29, "M5Stack verifies no server, insighio has no TLS", "start"))
    return "\n".join([*out, "</svg>\n"])


def _line(x1, y1, x2, y2, colour, dash=""):
    return '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-dasharray="%s"/>' % (
        x1,
        y1,
        x2,
        y2,
        colour,
        dash,
    )


def _text(x, y, text, anchor):
    return '<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>' % (x, y, anchor, text)


def _mark(x, y, way, full):
    # Receiving: a circle; sending: a square, as colours alone are not for everybody.
    style = 'fill="%s" stroke="%s" stroke-width="2"' % (
        _COLOURS[way] if full else "white",
        _COLOURS[way],
    )
    if way == "receive":
        return '<circle cx="%.1f" cy="%.1f" r="6" %s/>' % (x, y, style)
    return '<rect x="%.1f" y="%.1f" width="11" height="11" %s/>' % (x - 5.5, y - 5.5, style)
