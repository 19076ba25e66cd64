import re
from html.parser import HTMLParser

from chainderiv.pages.html import STYLE, Html, details, figure, formula, html, numbers, page, paragraph, section, table
from chainderiv.pages.typesetting import typeset

VOID = {"meta", "link", "img", "source", "br"}


class Checker(HTMLParser):
    """Collects what a page holds, and fails where a tag is not closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def as_typed(page):
    """A page without what typesetting does: spaces are spaces again, and what is kept whole is text."""
    return re.sub(r'<span class="whole">([^<]*)</span>', r"\1", page).replace("\u00a0", " ")


NASTY = "<script>alert('1')</script> & \"quoted\""


def test_every_text_is_escaped():
    for made in (
        paragraph(NASTY), table([NASTY], [[NASTY]], NASTY), figure(b"", b"", NASTY, NASTY), details(NASTY, [NASTY]),
        numbers([(NASTY, NASTY)]), section(NASTY, [NASTY], NASTY), Html(page(NASTY, [NASTY], [NASTY], NASTY)),
    ):  # fmt: skip
        assert "<script" not in made.text
        assert "alert(" in made.text
        assert not any(name.startswith("on") for _, name, _ in Checker(made.text).attributes)


def test_html_is_not_escaped_twice():
    assert html(Html("<b>&amp;</b>")) == "<b>&amp;</b>"
    assert paragraph(paragraph("a & b")).text == "<p><p>a &amp; b</p></p>"


def test_a_figure_has_a_picture_for_dark_pages_and_a_text_for_those_who_cannot_see_it():
    made = figure(b"<svg>light</svg>", b"<svg>dark</svg>", "what it shows", "caption")
    found = Checker(made.text).attributes
    assert ("source", "media", "screen and (prefers-color-scheme: dark)") in found
    assert ("img", "alt", "what it shows") in found
    sources = [value for _, name, value in found if name in ("src", "srcset")]
    assert len(set(sources)) == 2
    assert all(value.startswith("data:image/svg+xml;base64,") for value in sources)


def test_tables_and_formulas_scroll_inside_themselves():
    for made in (table(["a"], [["1"]], "caption"), formula("<math></math>")):
        assert made.text.startswith('<div class="scroll')


def test_a_page_is_one_document_that_fits_narrow_screens_and_asks_for_nothing():
    text = page("title", ["lead"], [section("one", ["body"])], "foot")
    found = Checker(text)
    assert found.tags.count("html") == found.tags.count("body") == found.tags.count("h1") == 1
    assert ("meta", "name", "viewport") in found.attributes
    assert "prefers-color-scheme: dark" in text
    assert "http" not in text
    assert "url(" not in text
    assert "@import" not in text


def test_no_line_ends_inside_a_number_with_its_unit_or_a_formula():
    text = paragraph(
        "about 95 % at p = 0.04 or |w| < 1, 8 × 8, 1 … 2, 129 : 1, a link w σ′(z), and |∂C/∂b₁| is 3 · 10⁻⁷ now"
    ).text
    made = page("t", [Html(text)], [], "")
    (line,) = re.findall(r"<p>(.*?)</p>", made)
    whole = re.findall(r'<span class="whole">(.*?)</span>', line)
    assert whole == ["p = 0.04", "|w| &lt; 1,", "w σ′(z),", "|∂C/∂b₁|"]
    ends = re.sub(r"<span.*?</span>|<sup>|</sup>", "_", line).split(" ")
    assert [part for part in ends if "\u00a0" in part] == [
        "95\u00a0%", "8\u00a0×\u00a08,", "1\u00a0…\u00a02,", "129\u00a0:\u00a01,", "3\u00a0·\u00a010_−7_",
    ]  # fmt: skip
    assert as_typed(line).replace("<sup>−7</sup>", "⁻⁷") == text[3:-4]


def test_what_is_markup_formula_code_or_title_is_not_set():
    kept = '<p title="5 % = 10⁻³">', "<math><mi>a = 1 %</mi></math>", "<code>a = 1 %</code>", "<title>a = 1 %</title>"
    assert all(typeset(one) == one for one in kept)
    assert typeset("<p>5 %</p>") != "<p>5 %</p>"


def test_every_exponent_of_a_page_is_raised_the_same_way():
    made = page("t", [paragraph("5 · 10⁻⁷ and 10¹²"), numbers([("a", Html("10<sup>−3.2</sup>"))])], [], "")
    assert re.findall(r"10<sup>(.*?)</sup>", made) == ["−7", "12", "−3.2"]
    assert not re.search("10[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]", made)


def test_what_is_folded_is_printed_and_what_belongs_together_stays_together():
    style = re.search(r"@media print \{.*\}\n\}?", page("t", [], [], ""), re.DOTALL)[0]
    assert "details::details-content { content-visibility: visible;" in style
    assert "details > * { display: block; }" in style
    assert re.search(r"figure[^{]*\{ break-inside: avoid; \}", STYLE)
    assert re.search(r"h2, caption[^{]*\{ break-after: avoid; \}", STYLE)


def test_on_paper_the_page_is_light_whatever_the_screen_is():
    dark = re.findall(r"@media ([^{]*dark\)) \{|media=\"([^\"]*dark\))", page("t", [figure(b"", b"", "", "")], [], ""))
    assert [one or other for one, other in dark] == ["screen and (prefers-color-scheme: dark)"] * 2
