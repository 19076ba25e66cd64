from html.parser import HTMLParser

from chainderiv.pages.html import Html, details, figure, formula, html, numbers, page, paragraph, section, table

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
    assert ("source", "media", "(prefers-color-scheme: dark)") in found
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
