# test_receiver_plot - the picture of a device's values, whatever these are.
# SPDX-License-Identifier: MIT


from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.plot import Plot


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=5))
@settings(max_examples=100, deadline=None)
def test_a_plot_stays_in_its_frame(values):
    plot = Plot("x", "", list(enumerate(values)), 0, 10)
    assert all(plot.top - 1 <= y <= plot.bottom + 1 for _, y in plot.points)
    assert len(plot.marks_y) >= 2


def test_marks_of_a_plot_differ():
    for values in ([10000], [3], [-77], [0], [1e16], [20.0001, 20.0002], [1e-9], [1e6, 1e6 + 0.5]):
        plot = Plot("x", "", list(enumerate(values)), 0, 10)
        marks = [text for _, text in plot.marks_y]
        assert len(set(marks)) == len(marks) and max(len(m) for m in marks) < 10, marks


def test_plots_of_any_values():
    for values in (
        [],
        [(5, 7)],
        [(1, 0), (2, 0)],
        [(1, -1e300), (2, 1e300)],
        [(1, 1e300)],
        [(1, -1.7e308), (2, 1.7e308)],
        [(1, 1e16), (2, 1e16 + 2)],
        [(1, 1e-300), (2, 2)],
    ):
        plot = Plot("x", "", values, 0, 10)
        assert len(plot.points) == len(values) and len(plot.marks_y) >= 2
        assert "nan" not in plot.line and "inf" not in plot.line
    many = [(n, n % 7) for n in range(100000)]
    plot = Plot("x", "", many, 0, 100000)
    assert 700 < len(plot.points) < 1500 and plot.count == 100000
    marks = [text for _, text in Plot("x", "", many[:7], 0, 86400).marks_x]
    assert marks == [
        "01 Jan 00:00",
        "01 Jan 06:00",
        "01 Jan 12:00",
        "01 Jan 18:00",
        "02 Jan 00:00",
    ]
