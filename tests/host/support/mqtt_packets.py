# mqtt_packets - MQTT 3.1.1 from bytes and to bytes, for the brokers of the cases; sections are the
# standard's.
# SPDX-License-Identifier: MIT


def split(data):
    # ([(kind with its flags, body)] of the packets that are whole, the bytes behind them): 2.2.
    found = []
    while True:
        size = shift = 0
        at = 1
        while True:
            if at >= len(data):
                return found, data
            c = data[at]
            size |= (c & 127) << shift
            shift += 7
            at += 1
            if c < 128:
                break
        if len(data) < at + size:
            return found, data
        found.append((data[0], data[at : at + size]))
        data = data[at + size :]


def packet(kind, body):
    size = len(body)
    head = bytes((kind,))
    while size > 127:
        head += bytes((size & 127 | 128,))
        size >>= 7
    return head + bytes((size,)) + body


def published(kind, body):
    # (topic, message, packet identifier: b"" with QoS 0) of a PUBLISH: 3.3.
    end = 2 + (body[0] << 8 | body[1])
    begin = end + 2 if kind & 6 else end
    return body[2:end], body[begin:], body[end:begin]


def publish(topic, message, mark=b""):
    # With a packet identifier it has QoS 1.
    body = bytes((len(topic) >> 8, len(topic) & 255)) + topic + mark + message
    return packet(0x32 if mark else 0x30, body)
