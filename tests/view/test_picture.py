import os
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from chainderiv import plot_bars, plot_sweep, writing
from chainderiv.errors import BadValue, OutputError
from chainderiv.view.picture import picture, save_picture


def test_saved_pictures_are_whole_files_of_the_form_their_name_says(swept, tmp_path):
    ax = plot_sweep(swept)
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    for form, start in starts.items():
        path = save_picture(ax, tmp_path / "new" / f"map.{form}")
        assert path.read_bytes().startswith(start)
    assert sorted(os.listdir(tmp_path / "new")) == ["map.pdf", "map.png", "map.svg"]
    ET.parse(tmp_path / "new" / "map.svg")


def test_an_svg_map_holds_one_image_and_not_a_path_per_point(swept):
    svg = picture(plot_sweep(swept)).decode()
    assert svg.count("<image") >= 1
    assert svg.count("<path") < 600 < swept.sign.size


def test_the_same_figure_gives_the_same_bytes():
    for form in ("svg", "png", "pdf"):
        assert picture(plot_bars([[0.1, -0.2]]), form) == picture(plot_bars([[0.1, -0.2]]), form)


@pytest.mark.parametrize("name", ["map", "map.txt", "map.", ".png"])
def test_a_name_without_a_pictures_ending_is_refused(name, tmp_path):
    with pytest.raises(BadValue, match=r"\.png"):
        save_picture(plot_bars([[1.0]]), tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="file"):
        save_picture(plot_bars([[1.0]]), tmp_path / "file" / "map.png")


def test_a_write_that_fails_leaves_the_old_picture(tmp_path, monkeypatch):
    path = save_picture(plot_bars([[1.0]]), tmp_path / "bars.png")
    old = path.read_bytes()

    def full(self, content):
        with open(self, "wb") as file:
            file.write(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing.Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space"):
        save_picture(plot_bars([[2.0, 1.0]]), path)
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == ["bars.png"]


def test_importing_chainderiv_loads_no_matplotlib_and_the_view_no_pyplot():
    code = (
        "import sys, chainderiv; assert 'matplotlib' not in sys.modules;"
        "import chainderiv.pages.tour.tour; assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
