# qbench.plot - speed over the rate of the line, as an SVG.
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
