"""A film over depth: as many frames as depths, one scale, one layout, and whole or not there."""

import io
import stat
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from chainderiv.errors import BadValue, OutputError, UnknownName
from chainderiv.maps.axis import Axis
from chainderiv.maps.sweep import sweep
from chainderiv.symbolic.chain import Chain
from chainderiv.view.maps import animation
from chainderiv.view.maps.animation import animate_sweep, depth_frames
from chainderiv.view.maps.labels import UNCERTAIN
from tests.kinds import slow

DEPTHS = Axis(1, 9, 5)


@pytest.fixture(scope="module")
def deep():
    return sweep(Chain(), w=Axis(-12, 12, 31), depth=DEPTHS, b=Axis(-10, 10, 21))


@pytest.mark.parametrize("quantity", ["gradient", slow("regime"), slow("factor:3")])
def test_a_gif_has_a_frame_for_each_depth_all_of_one_size(deep, tmp_path, monkeypatch, quantity):
    told, drawings, lay_out = [], [], animation._Drawing.lay_out
    monkeypatch.setattr(animation._Drawing, "lay_out", lambda self, *a: (drawings.append(self), lay_out(self, *a)))
    path = animate_sweep(deep, tmp_path / "new" / "map.gif", quantity, progress=lambda *a: told.append(a))
    with Image.open(path) as film:
        assert (film.n_frames, film.size) == (5, (600, 520))
        frames = []
        for k in range(film.n_frames):
            film.seek(k)
            frames.append(np.asarray(film.convert("RGB")).copy())
    assert told == [(k, 5) for k in range(1, 6)]
    assert [p.name for p in path.parent.iterdir()] == ["map.gif"]
    # the map changes; the colour bar and the legend do not
    differs = np.any([frame != frames[0] for frame in frames], axis=(0, 3))
    rows, columns = np.nonzero(differs)
    assert differs.any()
    (legend,) = drawings[0].figure.legends
    assert rows.max() < 520 - legend.get_window_extent().y1
    assert columns.max() < 600 - (0 if quantity == "regime" else 90)


def test_each_frame_is_the_sweep_of_its_depth(deep):
    frames = depth_frames(deep)
    assert [one.derivation.chain.depth for one in frames] == [1, 3, 5, 7, 9]
    alone = sweep(Chain(5), w=deep.axes["w"], b=deep.axes["b"])
    assert list(frames[2].axes) == ["w", "b"]
    for name in ("sign", "log_abs", "rate", "largest_link", "uncertain"):
        np.testing.assert_array_equal(getattr(frames[2], name), getattr(alone, name))


@pytest.mark.parametrize("residual", [slow(False), True])
def test_the_longest_legend_has_four_rows_and_room(tmp_path, monkeypatch, residual):
    drawings, lay_out = [], animation._Drawing.lay_out
    monkeypatch.setattr(animation._Drawing, "lay_out", lambda self, *a: (drawings.append(self), lay_out(self, *a)))
    s = sweep(Chain(4, residual=residual), w=Axis(-12, 12, 31), depth=DEPTHS, b=Axis(-10, 10, 21))
    doubtful = np.zeros(s.plan.shape, bool)
    doubtful[3:5] = True
    unknown = s.link_log_sum.copy()
    unknown[7, 3] = np.nan
    told = replace(s, readings=replace(s.readings, uncertain=doubtful, link_log_sum=unknown))
    animate_sweep(told, tmp_path / "map.gif", "regime")
    figure = drawings[0].figure
    (legend,) = figure.legends
    texts = [t.get_text() for t in legend.get_texts()]
    assert {"vanishing", "stable", "exploding", "undefined", UNCERTAIN} <= set(texts)
    assert (legend._ncols, len(texts) <= 8) == (2, True)
    assert max(t.get_window_extent().x1 for t in legend.get_texts()) < figure.bbox.width


def test_all_frames_have_the_scale_of_the_largest_value_at_any_depth(deep, tmp_path, monkeypatch):
    scales, names = [], []
    draw = animation.draw_map

    def spy(ax, *arguments, **keywords):
        mesh = draw(ax, *arguments, **keywords)
        scales.append(mesh.get_clim())
        names.extend(t.get_text() for t in ax.texts)
        return mesh

    monkeypatch.setattr(animation, "draw_map", spy)
    animate_sweep(deep, tmp_path / "map.gif")
    finite = deep.log10_abs[np.isfinite(deep.log10_abs)]
    assert set(scales) == {(finite.min(), finite.max())}
    assert names == []


def test_the_colours_of_a_gif_are_the_scale_s_own(deep, tmp_path):
    for dark in (False, True):
        path = animate_sweep(deep, tmp_path / "map.gif", dark=dark)
        with Image.open(path) as film:
            paper = film.convert("RGB").getpixel((1, 1))
        assert paper == ((0x14, 0x17, 0x1C) if dark else (255, 255, 255))


def test_other_axes_and_other_names_are_refused(deep, tmp_path):
    flat = sweep(Chain(4), w=Axis(-1, 1, 3), b=Axis(0, 1, 2))
    with pytest.raises(BadValue, match="three axes, depth and two others"):
        animate_sweep(flat, tmp_path / "map.gif")
    with pytest.raises(BadValue, match=r"\.gif or \.mp4"):
        animate_sweep(deep, tmp_path / "map.avi")
    with pytest.raises(UnknownName):
        animate_sweep(deep, tmp_path / "map.gif", "beauty")
    with pytest.raises(BadValue, match="seconds"):
        animate_sweep(deep, tmp_path / "map.gif", seconds_a_frame=0)
    assert list(tmp_path.iterdir()) == []


def test_without_ffmpeg_an_mp4_is_refused_and_gif_is_named(deep, tmp_path, monkeypatch):
    monkeypatch.setattr(animation, "_has_ffmpeg", lambda: False)
    with pytest.raises(BadValue, match=r"ffmpeg.*ends in \.gif"):
        animate_sweep(deep, tmp_path / "map.mp4")


@pytest.mark.parametrize("name", ["map.gif", "map.mp4"])
def test_a_failure_halfway_leaves_nothing_and_keeps_what_was_there(deep, tmp_path, monkeypatch, name):
    (tmp_path / name).write_bytes(b"old")
    monkeypatch.setattr(animation, "_has_ffmpeg", lambda: True)
    fake_ffmpeg(tmp_path / "bin", monkeypatch)

    def fail(done, total):
        if done == 3:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        animate_sweep(deep, tmp_path / name, progress=fail)
    assert (tmp_path / name).read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bin", name]


def fake_ffmpeg(folder, monkeypatch):
    """A program of that name that writes the bytes it is given to the file it is told."""
    folder.mkdir()
    program = folder / "ffmpeg"
    program.write_text('#!/bin/sh\nfor last; do :; done\ncat > "$last"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_an_mp4_gets_every_frame_in_full(deep, tmp_path, monkeypatch):
    fake_ffmpeg(tmp_path / "bin", monkeypatch)
    path = animate_sweep(deep, tmp_path / "map.mp4")
    raw = np.frombuffer(path.read_bytes(), np.uint8)
    frames = raw.reshape(5, 520, 600, 4)
    alone = animate_sweep(deep, tmp_path / "map.gif")
    with Image.open(io.BytesIO(alone.read_bytes())) as film:
        first = np.asarray(film.convert("RGB")).astype(int)
    # a GIF has 256 colours, and so is near to it only
    assert np.abs(frames[0, ..., :3].astype(int) - first).mean() < 3
    assert len({frame.tobytes() for frame in frames}) == 5
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bin", "map.gif", "map.mp4"]


def test_a_folder_that_cannot_be_written_is_said(deep, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        animate_sweep(deep, tmp_path / "file" / "map.gif")
