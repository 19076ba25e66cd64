import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

try:
    import html5lib
except ImportError:
    html5lib = None
from jinja2 import UndefinedError

from chainderiv.errors import OutputError
from chainderiv.pages import writer
from chainderiv.pages.typesetting import typeset
from chainderiv.pages.writer import Figure, Table, render, require_page, write_page

VOID = {"meta", "link", "img", "source", "br"}
STYLE = Path(writer.__file__).with_name("templates").joinpath("style.css").read_text()


def require_standard(text):
    """Fail at the first fault that the parser of the standard tells of; what is embedded is left out."""
    if html5lib is None:
        assert os.environ.get("CI") != "true", "html5lib is missing, which CI installs"
        return
    html5lib.HTMLParser(strict=True).parse(re.sub(r"data:image/svg[^\"]*", "data:", text))


class Checker(HTMLParser):
    """Collects what HTML holds, and fails where a tag is not closed; of a page, also where the standard tells of a fault,
    a table, a row or a column is not named, or an id is given twice."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes = [], [], []
        self.is_page = text.startswith("<!DOCTYPE")
        self.feed(text)
        self.close()
        assert self.open == []
        if self.is_page:
            self.require_names()
            require_standard(text)

    def require_names(self):
        assert self.tags.count("table") == self.tags.count("caption")
        names = [value for _, name, value in self.attributes if name == "id"]
        assert len(names) == len(set(names))

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag == "th" and self.is_page:
            assert dict(attrs).get("scope") in ("col", "row")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("fault", ["<p><b></p></b>", "<p>", "</p>"])
def test_the_checker_sees_what_is_not_closed(fault):
    with pytest.raises((AssertionError, IndexError)):
        Checker(fault)


OF_STANDARD = {"<p><div></div></p>", "<p>&nosuch;</p>", "<table><caption></caption><p>b</p></table>"}
OF_NAMES = {
    "<table></table>", '<p id="a"></p><p id="a"></p>',
    "<table><caption>a</caption><thead><tr><th>a</th></tr></thead></table>",
}  # fmt: skip


@pytest.mark.parametrize("fault", sorted(OF_NAMES | OF_STANDARD))
def test_the_checker_sees_what_a_page_may_not_hold_and_lets_the_rest_of_it_pass(fault):
    if fault in OF_STANDARD and html5lib is None:
        pytest.skip("html5lib is not installed")
    page = '<!DOCTYPE html>\n<html lang="en"><head><title>t</title></head><body>{}</body></html>'
    Checker(page.format("<p>a</p>"))
    with pytest.raises(AssertionError if fault in OF_NAMES else html5lib.html5parser.ParseError):
        Checker(page.format(fault))


def as_typed(page):
    """A page without what typesetting does: spaces are spaces again, and what is kept whole is text."""
    page = re.sub(r"(?<=[\w‖])<sub>(\w+)</sub>", r"_\1", page)
    return re.sub(r'<span class="whole">([^<]*)</span>', r"\1", page).replace("\u00a0", " ")


def of_blocks(body, **data):
    """A page whose body is a template's text, which may call blocks."""
    extended = (
        '{% extends "page.html.j2" %}{% block style %}{{ maths() }}{% endblock %}{% block main %}'
        + body
        + "{% endblock %}"
    )
    template = writer._environment().from_string(extended)
    return typeset(template.render(title="t", version="0", **data))


def main_of(page):
    return re.search(r"<main>(.*)</main>", page, re.DOTALL)[1]


NASTY = "<script>alert('1')</script> & \"quoted\""
BLOCKS = {
    "a text": "<p>{{ nasty }}</p>",
    "a table": "{{ block.table(table) }}",
    "a figure": "{{ block.figure(figure) }}",
    "cards": "{{ block.numbers([(nasty, nasty)]) }}",
    "a section": "{% call block.section(nasty) %}{{ nasty }}{% endcall %}",
    "columns": "{% call(place) block.beside(nasty) %}{{ place }} {{ nasty }}{% endcall %}",
    "a command": "{{ block.command(nasty) }}",
    "files": "{{ block.files({nasty: nasty}, [(nasty, nasty)]) }}",
}


@pytest.mark.parametrize("text", BLOCKS.values(), ids=BLOCKS)
def test_every_text_is_escaped(text):
    table = Table([NASTY], [[NASTY]], NASTY)
    made = main_of(of_blocks(text, nasty=NASTY, table=table, figure=Figure(b"", b"", NASTY, NASTY)))
    assert "<script" not in made
    assert "alert(" in made
    assert not any(name.startswith("on") for _, name, _ in Checker(made).attributes)


def test_the_frame_of_a_page_escapes_too():
    made = render("page.html.j2", title=NASTY, command=NASTY, twin=NASTY)
    assert "<script" not in made
    assert made.count("alert(") == 5


def test_every_template_escapes_and_none_calls_anything_markup_but_formulas_and_our_own_json():
    folder = Path(writer.__file__).with_name("templates")
    marked = {
        (path.name, found)
        for path in folder.glob("*.j2")
        for found in re.findall(r"\{\{ ([^}]*?) \| safe \}\}", path.read_text())
    }
    assert marked == {("blocks.html.j2", "mathml"), ("phase.html.j2", "numbers")}
    assert not [path.name for path in folder.glob("*.j2") if "autoescape" in path.read_text()]
    assert writer._environment().autoescape is True


def test_a_name_that_the_data_lack_is_an_error_and_no_gap():
    with pytest.raises(UndefinedError, match="title"):
        render("page.html.j2")


def test_a_figure_has_a_picture_for_dark_pages_and_a_text_for_those_who_cannot_see_it():
    made = of_blocks(
        "{{ block.figure(given) }}", given=Figure(b"<svg>light</svg>", b"<svg>dark</svg>", "what", "below")
    )
    found = Checker(made).attributes
    assert ("source", "media", "screen and (prefers-color-scheme: dark)") in found
    assert ("img", "alt", "what") in found
    sources = [value for _, name, value in found if name in ("src", "srcset")]
    assert len(set(sources)) == 2
    assert all(value.startswith("data:image/svg+xml;base64,") for value in sources)


def test_tables_and_formulas_scroll_inside_themselves():
    for text in ("{{ block.table(given) }}", "{{ block.formula('<math></math>') }}"):
        assert main_of(of_blocks(text, given=Table(["a"], [["1"]], "caption"))).strip().startswith('<div class="scroll')


def test_rows_and_columns_are_named_for_those_who_hear_a_table():
    made = of_blocks("{{ block.table(given) }}", given=Table(["a", "b"], [["r", True], ["s", None]], "caption"))
    assert re.findall(r'<th scope="(\w+)">(.*?)</th>', made) == [("col", "a"), ("col", "b"), ("row", "r"), ("row", "s")]
    assert re.findall(r"<td>(.*?)</td>", made) == ['<span class="good">yes</span>', "–"]


def test_a_page_is_one_document_that_fits_narrow_screens_and_asks_for_nothing():
    text = render("page.html.j2", title="title", command="chainderiv tour")
    found = Checker(text)
    assert found.tags.count("html") == found.tags.count("body") == found.tags.count("h1") == 1
    assert ("meta", "name", "viewport") in found.attributes
    assert "prefers-color-scheme: dark" in text
    assert "http" not in text
    assert "url(" not in text
    assert "@import" not in text
    assert "<pre><code>chainderiv tour</code></pre>" in text


def test_no_line_ends_inside_a_number_with_its_unit_or_a_formula():
    text = "about 95 % at p = 0.04 or |w| < 1, 8 × 8, 1 … 2, 129 : 1, a link w σ′(z), and |∂C/∂b₁| is 3 · 10⁻⁷ now"
    (line,) = re.findall(r"<p>(.*?)</p>", of_blocks("<p>{{ text }}</p>", text=text.replace("p = ", "p =\n")))
    whole = re.findall(r'<span class="whole">(.*?)</span>', line)
    assert whole == ["p = 0.04", "|w| &lt; 1,", "w σ′(z),", "|∂C/∂b₁|"]
    ends = re.sub(r"<span.*?</span>|<sup>|</sup>", "_", line).split(" ")
    assert [part for part in ends if "\u00a0" in part] == [
        "95\u00a0%", "8\u00a0×\u00a08,", "1\u00a0…\u00a02,", "129\u00a0:\u00a01,", "3\u00a0·\u00a010_−7_",
    ]  # fmt: skip
    assert as_typed(line).replace("<sup>−7</sup>", "⁻⁷").replace("&lt;", "<") == text


def test_what_is_markup_formula_code_or_title_is_not_set():
    kept = '<p title="5 % = 10⁻³">', "<math><mi>a = 1 %</mi></math>", "<code>a = 1 %</code>", "<title>a = 1 %</title>"
    assert all(typeset(one) == one for one in kept)
    assert typeset("<p>5 %</p>") != "<p>5 %</p>"


def test_an_index_is_lowered_and_a_prime_is_one_and_names_are_left_alone():
    made = of_blocks(
        "<p>{{ text }}</p>", text="σ_w, ∂C/∂b_l, ‖W‖_F/√n_out, δ_L at σ'(z_L); fan_in, my_l, he_l's, w_2, a_lot"
    )
    (line,) = re.findall(r"<p>(.*?)</p>", made)
    assert re.findall(r"\S<sub>.*?</sub>", line) == [
        "σ<sub>w</sub>", "b<sub>l</sub>", "‖<sub>F</sub>", "n<sub>out</sub>", "δ<sub>L</sub>", "z<sub>L</sub>",
    ]  # fmt: skip
    assert "σ′(z" in line
    assert "fan_in, my_l, he_l&#39;s, w_2, a_lot" in line


def test_no_line_of_a_command_ends_inside_a_flag_nor_one_of_text_in_the_sizes_of_a_network():
    made = of_blocks(
        "{{ block.command('chainderiv map --w=-1:1:3 -h a-b --no-open') }}<p>64-30-10 on well-known digits (--no-open)</p>"
    )
    assert re.findall(r'<span class="whole">(.*?)</span>', made) == ["--w", "-h", "--no-open", "64-30-10", "(--no-open"]
    assert "<pre><code>chainderiv map --w=-1:1:3 -h a-b --no-open</code></pre>" in as_typed(made)


def test_every_exponent_of_a_page_is_raised_the_same_way():
    made = of_blocks("<p>5 · 10⁻⁷ and 10¹²</p>{{ block.power(-3.2) }}")
    assert re.findall(r"10<sup>(.*?)</sup>", made) == ["−7", "12", "−3.20"]
    assert not re.search("10[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]", made)


def test_what_is_folded_is_printed_and_what_belongs_together_stays_together():
    style = re.search(r"@media print \{.*\}\n\}?", STYLE, re.DOTALL)[0]
    assert "details::details-content { content-visibility: visible;" in style
    assert "details > * { display: block; }" in style
    assert re.search(r"figure[^{]*\{ break-inside: avoid; \}", STYLE)
    assert re.search(r"h2, caption[^{]*\{ break-after: avoid; \}", STYLE)


def test_on_paper_the_page_is_light_whatever_the_screen_is():
    made = of_blocks("{{ block.figure(given) }}", given=Figure(b"", b"", "", ""))
    dark = re.findall(r"@media ([^{]*dark\)) \{|media=\"([^\"]*dark\))", made)
    assert [one or other for one, other in dark] == ["screen and (prefers-color-scheme: dark)"] * 2


def test_a_page_is_written_with_its_numbers_beside_it_and_names_them(tmp_path):
    page = tmp_path / "new" / "one.html"
    write_page(page, "page.html.j2", {"title": "t", "command": "chainderiv x"}, {"a": float("inf"), "b": [1.5]})
    assert sorted(os.listdir(page.parent)) == ["one.html", "one.json"]
    assert '<a href="one.json">one.json</a>' in page.read_text()
    numbers = json.loads(page.with_suffix(".json").read_text())
    assert {name: numbers[name] for name in ("chainderiv_page", "command", "a", "b")} == {
        "chainderiv_page": "one.html", "command": "chainderiv x", "a": None, "b": [1.5],
    }  # fmt: skip


def test_an_earlier_pages_numbers_are_replaced_and_another_programs_file_never_is(tmp_path):
    page = tmp_path / "one.html"
    for title in ("first", "second"):
        require_page(page)
        write_page(page, "page.html.j2", {"title": title}, {})
    assert "<h1>second</h1>" in page.read_text()
    page.unlink()
    for mine in ('{"layers": 3}', "not JSON", "[1]", "3", ""):
        (tmp_path / "one.json").write_text(mine)
        for write in (require_page, lambda path: write_page(path, "page.html.j2", {"title": "t"}, {})):
            with pytest.raises(OutputError, match=r"one\.json' is of another origin.*another name"):
                write(page)
        assert (tmp_path / "one.json").read_text() == mine
    assert os.listdir(tmp_path) == ["one.json"]


def test_a_template_that_fails_leaves_no_file(tmp_path):
    with pytest.raises(UndefinedError):
        write_page(tmp_path / "one.html", "page.html.j2", {}, {})
    assert os.listdir(tmp_path) == []
