"""What of a drawn figure lies over something else, or sticks out of it, by the bounding boxes."""

from itertools import combinations

from matplotlib.axes import Axes

SLACK = 1.5  # pixels: a line's own width


def parts(figure):
    """name -> box of all that is written or drawn: frames, titles, labels, ticks' numbers, legends, names, notes."""
    figure.draw_without_rendering()
    found = {}
    for k, ax in enumerate(every_axes(figure)):
        found[f"frame {k}"] = ax.get_window_extent()
        texts = {"title": ax.title, "x label": ax.xaxis.label, "y label": ax.yaxis.label}
        low, high = sorted(ax.get_xlim()), sorted(ax.get_ylim())
        for way, axis, (start, stop) in (("x", ax.xaxis, low), ("y", ax.yaxis, high)):
            ticks = [t for t in axis.get_major_ticks() if start <= t.get_loc() <= stop]
            for number, tick in enumerate(ticks):
                texts |= {f"{way} tick {number}.{side}": getattr(tick, f"label{side}") for side in (1, 2)}
        if ax.get_legend() is not None:
            found[f"legend {k}"] = ax.get_legend().get_window_extent()
        for name, text in texts.items():
            if text.get_visible() and text.get_text().strip():
                found[f"{name} {k}"] = text.get_window_extent()
        for number, text in enumerate(ax.texts):
            found[f"name {number} {text.get_text()} {k}"] = text.get_window_extent()
    if figure._suptitle is not None:
        found["title of all"] = figure._suptitle.get_window_extent()
    return found


def every_axes(figure):
    """The figure's Axes, and those that stand in others."""
    for ax in figure.axes:
        yield ax
        yield from (one for one in ax.child_axes if isinstance(one, Axes))


def collisions(figure):
    """The pairs that overlap, and what leaves the figure; what stands in a frame may lie over it."""
    boxes, whole = parts(figure), figure.bbox
    told = [
        (one, "edge")
        for one, box in boxes.items()
        if min(box.x0, box.y0) < -SLACK or box.x1 > whole.x1 + SLACK or box.y1 > whole.y1 + SLACK
    ]
    for (one, a), (two, b) in combinations(boxes.items(), 2):
        if {one.split()[0], two.split()[0]} == {"name", "frame"}:
            continue
        across, up = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        if across > SLACK and up > SLACK:
            told.append((one, two))
    return told
