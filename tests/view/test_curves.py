import numpy as np
import pytest
from matplotlib.figure import Figure

from chainderiv import plot_accuracy, plot_bars, plot_norms
from chainderiv.errors import BadShape, BadValue, UnknownName
from chainderiv.logsign import LogSign
from chainderiv.records.record import TrainingRecord
from chainderiv.view.networks.lines import LABEL_GAP, _apart


def test_a_bar_is_as_long_as_its_gradient_in_one_scale_for_all_layers():
    layers = [np.array([0.001, -0.002, 0.0]), np.array([0.05, -0.01])]
    ax = plot_bars(layers)
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches], np.concatenate(layers), rtol=1e-9, atol=1e-17)
    starts = [bar.get_x() for bar in ax.patches]
    assert len(set(starts[:3])) == len(set(starts[3:])) == 1
    # beside each other: the longest bars of neighbours cannot meet
    assert starts[3] - starts[0] >= 2 * 0.05


def test_the_bars_scale_is_labelled_with_its_own_length():
    ax = plot_bars([[0.03, -0.01]])
    (scale,) = [line for line in ax.lines if line.get_gid() == "scale"]
    assert np.ptp(scale.get_xdata()) == pytest.approx(0.02)
    assert [t.get_text() for t in ax.texts] == [r"mean $\partial C/\partial b$ = 0.02"]


@pytest.mark.parametrize("layers", [[], [[]], [[[1.0]]], [3.0]])
def test_bars_of_no_layer_or_of_no_row_are_refused(layers):
    with pytest.raises(BadShape, match=r"\(n_l,\)"):
        plot_bars(layers)


def test_bars_that_are_all_0_or_vanishingly_small_are_drawn():
    for layers in ([[0.0, 0.0]], [[1e-280, -3e-281], [2e-279]], [[1e-290, -3e-291], [2e-289]]):
        ax = plot_bars(layers)
        ax.figure.draw_without_rendering()
        assert [bar.get_width() for bar in ax.patches] == pytest.approx(np.concatenate(layers), rel=1e-9, abs=0)
        boxes = [bar.get_window_extent() for bar in ax.patches]
        frame = ax.get_window_extent()
        assert all(frame.x0 <= box.x0 <= box.x1 <= frame.x1 for box in boxes)
        # below 2e-287 Matplotlib takes an axis for one without length, and a bar has no width that is seen
        assert (max(box.width for box in boxes) > 10) == (layers[-1][0] > 2e-287)


@pytest.mark.parametrize("order", ["l1", "l2"])
def test_norm_lines_hold_the_records_norms_on_a_log_axis(record, order):
    ax = plot_norms(record, order)
    drawn = np.array([line.get_ydata() for line in ax.lines])
    np.testing.assert_array_equal(drawn.T, record.norms(order))
    assert ax.get_yscale() == "log"
    assert order.upper() in ax.get_ylabel()


def test_each_line_is_named_at_its_end_and_the_names_do_not_overlap(record):
    ax = plot_norms(record)
    ax.figure.draw_without_rendering()
    boxes = [t.get_window_extent() for t in ax.texts]
    assert [t.get_text() for t in ax.texts] == ["hidden layer 1", "hidden layer 2"]
    assert not boxes[0].overlaps(boxes[1])
    # nothing is cut off at the figure's right edge
    assert max(box.x1 for box in boxes) <= ax.figure.bbox.x1


def test_names_pushed_apart_keep_their_order_and_their_middle():
    placed = _apart([0.1, 0.5, 0.51, 0.52])
    assert np.diff(placed).min() >= LABEL_GAP - 1e-12
    assert np.mean(placed) == pytest.approx(np.mean([0.1, 0.5, 0.51, 0.52]))


def test_a_norm_of_0_is_left_out_of_the_log_axis():
    rows = tuple((np.full(2, g), np.ones(2), np.ones(2)) for g in (1.0, 0.0))
    record = TrainingRecord({}, rows, np.ones(2), np.ones(2), np.zeros(2))
    ax = plot_norms(record)
    assert np.isnan(ax.lines[0].get_ydata()[1])
    assert [t.get_text() for t in ax.texts] == ["hidden layer 2"]
    ax.figure.draw_without_rendering()


def test_norms_of_a_network_without_hidden_layers_are_refused():
    record = TrainingRecord({}, ((np.ones(2),),), np.ones(1), np.ones(1), np.zeros(1))
    with pytest.raises(BadShape, match="hidden"):
        plot_norms(record)


def test_an_unknown_order_is_refused(record):
    with pytest.raises(UnknownName, match="l1, l2"):
        plot_norms(record, "l3")


def test_accuracy_is_drawn_as_it_was_measured(record):
    ax = plot_accuracy(record)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), record.accuracy)
    assert ax.get_ylim() == (0, 1)


def test_the_axes_given_are_the_ones_returned(record):
    for draw in (
        lambda ax: plot_bars([[1.0]], ax=ax),
        lambda ax: plot_norms(record, ax=ax),
        lambda ax: plot_accuracy(record, ax=ax),
    ):
        ax = Figure().add_subplot()
        assert draw(ax) is ax


def seeds(*factors):
    """Records of two hidden layers whose norms are those of one run, times a factor each."""
    made = []
    for factor in factors:
        rows = tuple((np.full(4, 0.001 * k * factor), np.full(4, 0.01 * k * factor), np.ones(2)) for k in (4, 3, 2, 1))
        made.append(TrainingRecord({}, rows, np.ones(4), np.ones(4), np.zeros(4)))
    return made


@pytest.mark.parametrize("order", ["l1", "l2"])
def test_of_several_runs_the_line_is_the_median_and_the_band_5_to_95_percent(order):
    runs = seeds(1.0, 2.0, 5.0, 7.0)
    ax = plot_norms(runs, order)
    norms = np.array([run.norms(order) for run in runs])
    np.testing.assert_allclose(
        np.array([line.get_ydata() for line in ax.lines]).T, np.median(norms, axis=0), rtol=1e-13
    )
    assert len(ax.collections) == 2
    for layer, band in enumerate(ax.collections):
        corners = band.get_paths()[0].vertices
        for epoch in range(4):
            drawn = corners[corners[:, 0] == epoch, 1]
            assert drawn.min() == pytest.approx(np.quantile(norms[:, epoch, layer], 0.05), rel=1e-12)
            assert drawn.max() == pytest.approx(np.quantile(norms[:, epoch, layer], 0.95), rel=1e-12)
    assert ax.get_yscale() == "log"


def test_one_run_has_no_band(record):
    assert not plot_norms(record).collections
    assert not plot_norms([record]).collections


def test_runs_of_other_shapes_are_refused_together(record):
    with pytest.raises(BadShape, match="one shape"):
        plot_norms([record, *seeds(1.0), TrainingRecord({}, ((np.ones(2), np.ones(2)),), *np.ones((3, 1)))])
    with pytest.raises(BadShape, match="one or more"):
        plot_norms([])


def test_rows_stand_at_their_epochs():
    rows = ((np.ones(2), np.ones(2)),) * 3
    record = TrainingRecord({"steps_per_epoch": 10}, rows, *np.ones((3, 3)), steps=np.array([0, 50, 200]))
    for ax in (plot_norms(record), plot_accuracy(record)):
        assert ax.lines[0].get_xdata().tolist() == [0, 5, 20]
        assert ax.get_xlim() == (0, 20)


def deep(*logs):
    """Records of a chain whose first hidden layer's norm has that natural logarithm, however small."""
    rows = tuple((np.exp(np.array([log])), np.array([0.1]), np.ones(2)) for log in logs)
    exact = LogSign(np.ones((len(logs), 1)), np.array(logs)[:, None])
    return TrainingRecord({}, rows, *np.ones((3, len(logs))), log_bias_gradients={1: exact})


def test_norms_below_float64_are_drawn_at_their_logarithms_without_a_gap_or_a_warning():
    logs = np.array([-5000.0, -800.0, -2.0, -700.0])
    ax = plot_norms(deep(*logs))
    drawn = np.array([line.get_ydata() for line in ax.lines])
    np.testing.assert_allclose(drawn[0], logs / np.log(10), rtol=1e-12)
    np.testing.assert_allclose(drawn[1], -1.0, rtol=1e-12)
    ax.figure.draw_without_rendering()
    ticks = {t.get_loc(): t.label1.get_text() for t in ax.yaxis.get_major_ticks()}
    assert all(text == f"$10^{{{place:.0f}}}$" for place, text in ticks.items())
    # of what float64 holds, the axis is of the norms themselves
    assert plot_norms(deep(-600.0, -5.0)).get_yscale() == "log"


def test_of_several_runs_below_float64_the_band_is_of_their_logarithms():
    ax = plot_norms([deep(-5000.0, -4000.0), deep(-5200.0, -4100.0), deep(-5300.0, -4300.0)])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), np.array([-5200, -4100]) / np.log(10), rtol=1e-12)
    assert len(ax.collections) == 2


def test_a_title_limits_and_no_names_are_taken_and_limits_below_0_refused(record):
    ax = plot_norms(record, title="mine", names=False, limits=(1e-5, 1e-1))
    assert (ax.get_title(), len(ax.texts), ax.get_ylim()) == ("mine", 0, (1e-5, 1e-1))
    for wrong in (3, (-1, 1), (0, 1), "all"):
        with pytest.raises(BadValue, match="limits"):
            plot_norms(record, limits=wrong)
