"""A figure of ours shows itself in a notebook, once, whatever the notebook has loaded; and its letters are TrueType."""

import io
import pickle
import re
import zlib

import pytest
from matplotlib.figure import Figure
from PIL import Image

from chainderiv import plot_cut, plot_sweep, plot_sweeps, save_picture
from chainderiv.errors import BadValue
from chainderiv.view.picture import picture
from tests.kinds import slow

MADE = "import chainderiv as cd\ns = cd.sweep(cd.Chain(4), w=cd.Axis(-3, 3, 9), b=cd.Axis(-2, 2, 9))"
CELLS = {
    "cd.plot_sweep(s)": 1,
    "cd.plot_sweep(s).figure": 1,
    "ax = cd.plot_sweep(s)": 0,
    "cd.plot_sweeps([s, s])": 1,
    "from matplotlib.figure import Figure\ncd.plot_sweep(s, ax=Figure().add_subplot())": 0,
}


@pytest.mark.filterwarnings("ignore")  # of the kernel's own
@pytest.mark.parametrize("begin", ["", slow("%matplotlib inline")])
def test_a_notebook_shows_what_a_cell_returns_once_and_nothing_else(begin):
    client, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    cells = [f"{begin}\n{MADE}", *CELLS]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client.NotebookClient(book, timeout=300, kernel_name="python3").execute()
    shown = [sum("image/png" in out.get("data", {}) for out in cell.outputs) for cell in book.cells]
    assert shown == [0, *CELLS.values()]


def test_what_a_notebook_is_given_is_a_png_of_the_figure_at_twice_its_size(swept):
    content, size = plot_sweep(swept)._repr_png_()
    with Image.open(io.BytesIO(content)) as drawn:
        assert drawn.size == (2 * size["width"], 2 * size["height"]) == (1200, 1040)


def test_every_panel_of_ours_has_the_theme_s_frame(swept):
    for figure in (plot_sweep(swept).figure, plot_sweeps([swept, swept]), plot_cut(swept, {"w": 1})):
        for ax in figure.axes:
            if ax.get_gid() != "colour bar":
                assert [ax.spines[side].get_visible() for side in ("top", "right", "left", "bottom")] == [False] * 2 + [
                    True
                ] * 2


def test_a_figure_of_ours_can_be_pickled_and_is_the_same(swept):
    figure = plot_sweep(swept).figure
    assert picture(pickle.loads(pickle.dumps(figure)), "png") == picture(figure, "png")


def test_the_callers_own_axes_are_left_to_the_caller(swept):
    assert not hasattr(plot_sweep(swept, ax=Figure().add_subplot()), "_repr_png_")


def fonts(content):
    """The kinds of fonts in a PDF, in its objects and in the streams that are packed."""
    streams = [
        zlib.decompress(part) for part in re.findall(rb"stream\r?\n(.*?)endstream", content, re.S) if part[:1] == b"x"
    ]
    return set(re.findall(rb"/Subtype\s*/(Type3|Type0|TrueType|CIDFontType2)", b"".join([content, *streams])))


def test_a_pdf_embeds_truetype_and_no_type_3(swept):
    ax = plot_sweep(swept)
    found = fonts(picture(ax, "pdf"))
    assert b"Type3" not in found
    assert b"CIDFontType2" in found
    content = io.BytesIO()
    ax.figure.savefig(content, format="pdf")  # as Matplotlib does it unless told
    assert b"Type3" in fonts(content.getvalue())


def test_the_dots_of_a_png_are_those_that_were_asked_for(swept, tmp_path):
    ax = plot_sweep(swept)
    for dpi, size in ((None, (900, 780)), (60, (360, 312))):
        with Image.open(save_picture(ax, tmp_path / "map.png", dpi=dpi)) as drawn:
            assert drawn.size == size
    for wrong in (0, "fine", 1e9, True):
        with pytest.raises(BadValue, match="dots an inch"):
            save_picture(ax, tmp_path / "map.png", dpi=wrong)


@pytest.mark.parametrize("dark", [False, True])
def test_the_ticks_of_a_dark_figure_are_light_whoever_draws_it(swept, dark):
    from matplotlib.colors import to_rgb

    for figure in (plot_sweep(swept, dark=dark).figure, plot_sweeps([swept, swept], dark=dark)):
        figure.savefig(io.BytesIO(), format="png")
        labels = [label for ax in figure.axes for label in (*ax.get_xticklabels(), *ax.get_yticklabels())]
        labels += [text for ax in figure.axes for text in (ax.title, ax.xaxis.label, ax.yaxis.label)]
        assert {sum(to_rgb(label.get_color())) > 1.5 for label in labels} == {dark}


def test_a_dark_map_on_the_callers_light_figure_makes_it_dark_and_a_dark_one_stays(swept):
    from matplotlib.colors import to_hex

    for own, then in (("white", "#14171c"), ("#000000", "#000000")):
        figure = Figure(facecolor=own)
        plot_sweep(swept, ax=figure.add_subplot(), dark=True)
        assert to_hex(figure.get_facecolor()) == then
    figure = Figure(facecolor="white")
    plot_sweep(swept, ax=figure.add_subplot())
    assert to_hex(figure.get_facecolor()) == "#ffffff"


@pytest.mark.parametrize("projection", ["polar", "3d"])
def test_axes_of_another_projection_are_refused(swept, projection):
    with pytest.raises(BadValue, match=projection):
        plot_sweep(swept, ax=Figure().add_subplot(projection=projection))
