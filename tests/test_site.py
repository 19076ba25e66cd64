"""The documentation as a site of several versions: docs/site.py."""

import importlib.util
import json
import re
from html import escape
from pathlib import Path

import pytest

from tests.browser import run

DOCS = Path(__file__).parents[1] / "docs"


def loaded(name):
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def site():
    return loaded("site")


def test_versions_are_ordered_as_numbers_and_a_release_comes_after_its_candidates(site):
    given = ["0.10.0", "0.9.1", "0.10.0rc1", "0.2.0.dev3", "0.2.0"]
    assert sorted(given, key=site.order) == ["0.2.0.dev3", "0.2.0", "0.9.1", "0.10.0rc1", "0.10.0"]


def test_the_newest_comes_first_and_folders_without_pages_are_left_out(site, tmp_path):
    for name in ("0.1.0", "0.10.0", "0.9.0", "drafts"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text("")
    (tmp_path / "0.11.0").mkdir()
    site.join(tmp_path)
    listed = (tmp_path / "versions.js").read_text().removeprefix("window.versions = ").removesuffix(";\n")
    assert json.loads(listed) == ["0.10.0", "0.9.0", "0.1.0"]
    assert "url=0.10.0/index.html" in (tmp_path / "index.html").read_text()


@pytest.fixture(scope="module")
def conf():
    pytest.importorskip("sphinx", reason="sphinx comes with the extra docs")
    return loaded("conf")


def test_a_formula_is_mathml_and_a_command_that_is_not_known_fails_the_build(conf):
    assert "<msub><mi>&#x003C3;</mi><mi>w</mi></msub>" in conf.mathml(r"\sigma_w", "inline")
    with pytest.raises(Exception, match=r"no MathML for \\nonsense in"):
        conf.mathml(r"\nonsense{x}", "block")


@pytest.mark.parametrize(
    ("formula", "forms"),
    [
        ("|w| < 4", "prefix postfix"),
        (r"\|W\| / \|v\|", "prefix postfix prefix postfix"),
        (r"\lVert w \rVert + 1", "prefix postfix"),
        (r"e^{-|z|}", "prefix postfix"),
        (r"\|a|b|\|", "prefix prefix postfix postfix"),
        (r"\left|w\right| < 4", "prefix postfix"),
    ],
)
def test_bars_open_before_a_thing_and_close_behind_it(conf, formula, forms):
    written = conf.mathml(formula, "inline")
    assert re.findall('<mo[^>]* form="(.*?)">&#x0(?:007C|2016);</mo>', written) == forms.split()
    assert len(re.findall("&#x0(?:007C|2016);", written)) == len(forms.split())


def test_a_bar_that_is_left_open_fails_the_build(conf):
    with pytest.raises(Exception, match="a bar is left open in"):
        conf.mathml("p(a|b)", "inline")


def test_the_parameters_of_a_signature_are_no_definitions(conf):
    listed = "<dl>\n<dd>w,</dd>\n<dd>b,</dd>\n</dl>"
    context = {"body": f'<dt class="sig sig-object py">f({listed})</dt>\n{listed}'}
    conf.plain_signatures(None, "api", "page.html", context, None)
    lines = '<div class="parameters">\n<div>w,</div>\n<div>b,</div>\n</div>'
    assert context["body"] == f'<dt class="sig sig-object py">f({lines})</dt>\n{listed}'


def test_figures_are_turned_over_on_dark_pages_alone(tmp_path):
    """The reader's choice on the page first, and else the system's."""
    style = (DOCS / "_static/pages.css").read_text(encoding="utf-8")
    cases = {("auto", "light"): False, ("auto", "dark"): True, ("dark", "light"): True, ("light", "dark"): False}
    page = tmp_path / "page.html"
    page.write_text(
        "".join(
            f'<iframe style="color-scheme:{system}" srcdoc="'
            + escape(f"<style>{style}</style><body data-theme={chosen}><div class=cell_output><img></div></body>")
            + '"></iframe>'
            for chosen, system in cases
        )
        + """<output></output><script>onload = () => document.querySelector("output").append(
            [...document.querySelectorAll("iframe")].map(({contentWindow: one}) =>
                one.getComputedStyle(one.document.images[0]).filter).join("; "))</script>""",
        encoding="utf-8",
    )
    filters = re.search("<output>(.*?)</output>", run(tmp_path, "--dump-dom", page.as_uri()))[1]
    assert ["invert" in one for one in filters.split("; ")] == list(cases.values())
