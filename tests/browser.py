"""A browser without a window, for pages that are files: what they print, and what rules say of them as they are shown."""

import json
import os
import re
import shutil
import subprocess
from html import escape, unescape
from importlib import resources
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SECONDS = 120
THEMES, WIDTHS = ("light", "dark"), (1200, 380)
# frames of one page of ours: each takes its width, and its theme, from the element that it is in
FRAME = '<iframe title="{name}" style="width:{width}px;height:900px;color-scheme:{theme}" srcdoc="{page}"></iframe>'
ASK = """
const outcome = async frame => {
  const seen = frame.contentWindow, root = seen.document.documentElement;
  for (const folded of seen.document.querySelectorAll("details")) folded.open = true;
  const found = await seen.axe.run(seen.document, { resultTypes: ["violations"] });
  return { page: frame.title, dark: seen.matchMedia("(prefers-color-scheme: dark)").matches, width: seen.innerWidth,
    needed: root.scrollWidth, violations: found.violations.map(
      one => [one.id, one.nodes[0].target.join(" "), one.nodes[0].failureSummary].join(": ")) };
};
addEventListener("load", async () => {
  const told = [];
  for (const frame of document.querySelectorAll("iframe")) told.push(await outcome(frame).catch(String));
  const at = document.createElement("output");
  at.textContent = JSON.stringify(told);
  document.body.append(at);
});
"""


def missing(what: str):
    """Skip, with the reason; where CI runs, what it installs may not be missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}, which CI installs")
    pytest.skip(what)


def chromium() -> str:
    return next(filter(None, map(shutil.which, NAMES)), None) or missing("there is no chromium")


def run(folder: Path, *flags: str) -> str:
    """What a browser with a profile of its own in that folder says to these flags."""
    own = [
        "--headless=new", "--no-sandbox",  # a container's root has no sandbox
        "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run", "--disable-extensions",
        "--disable-background-networking", f"--user-data-dir={folder / 'profile'}",
    ]  # fmt: skip
    done = subprocess.run([chromium(), *own, *flags], capture_output=True, text=True, timeout=SECONDS, check=True)
    return done.stdout


def printed(page: Path, folder: Path) -> list[str]:
    """The text of each page of paper that a browser prints of a page; spaces are as they come."""
    try:
        import pypdf
    except ImportError:
        missing("pypdf is not installed")
    pdf = folder / f"{page.stem}.pdf"
    run(folder, "--no-pdf-header-footer", f"--print-to-pdf={pdf}", page.as_uri())
    return [one.extract_text() for one in pypdf.PdfReader(pdf).pages]


def judged(pages: dict[str, str], folder: Path, themes=THEMES, widths=WIDTHS) -> list[dict]:
    """Of every page, by its name, in each theme and width: what axe-core finds, and how wide it is."""
    script = f"<script>{axe()}</script></body>"
    frames = [
        FRAME.format(name=escape(name), width=width, theme=theme, page=escape(page.replace("</body>", script)))
        for name, page in pages.items()
        for theme in themes
        for width in widths
    ]
    whole = folder / "frames.html"
    whole.write_text(f'<!DOCTYPE html><meta charset="utf-8"><body>{"".join(frames)}<script>{ASK}</script>', "utf-8")
    flags = "--window-size=1300,1000", "--virtual-time-budget=60000", "--dump-dom"
    shown = run(folder, *flags, whole.as_uri())
    told = json.loads(unescape(re.search(r"<output>(.*?)</output></body>", shown, re.DOTALL)[1]))
    assert len(told) == len(frames)
    return told


def axe() -> str:
    """The source of axe-core, the rules for those who read a page by other means than their eyes."""
    try:
        return resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    except ModuleNotFoundError:
        return missing("axe-playwright-python, which holds axe-core, is not installed")
