# qfleet.histogram - how a number of moments is spread over the time.
# SPDX-License-Identifier: MIT


def histogram(times, lines=10):
    # Lines of text: how many of these seconds fall into each part of the time.
    times = [max(t, 0) for t in times]
    if not times:
        return ["no first connections"]
    step = max(max(times) / lines, 0.1)
    counts = [0] * lines
    for t in times:
        counts[min(int(t / step), lines - 1)] += 1
    most = max(counts)
    found = ["first connections of %d devices, seconds after it:" % len(times)]
    for n, count in enumerate(counts):
        bar = "#" * -(-40 * count // most)
        row = "%6.1f - %6.1f %6d %s" % (n * step, (n + 1) * step, count, bar)
        found.append(row.rstrip())
    return found
