"""A page of HTML that carries all it shows: style, pictures and formulas are in it, and nothing is fetched."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from chainderiv.pages.typesetting import typeset

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1b1f24; --soft: #57616c; --line: #dce1e6;
  --card: #f5f7f9; --accent: #0062a3; --good: #00664b; --bad: #a63c00; --shade: #a9b3bd; }
@media screen and (prefers-color-scheme: dark) { :root { --paper: #14171c; --ink: #e8ebef; --soft: #a3adb8;
  --line: #343b44; --card: #1c2127; --accent: #7cc4f5; --good: #4fd6a8; --bad: #ffa066; --shade: #6d7a89; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.6 system-ui, sans-serif; }
main, header, footer { max-width: 76rem; margin: 0 auto; padding: 0 clamp(1rem, 4vw, 3rem); }
header { padding-top: clamp(1.5rem, 5vw, 4rem); }
h1 { font-size: clamp(1.7rem, 1.2rem + 2.4vw, 2.9rem); line-height: 1.15; margin: 0 0 .8rem; max-width: 24em;
  text-wrap: balance; }
h2 { font-size: clamp(1.25rem, 1.1rem + .8vw, 1.6rem); line-height: 1.25; margin: 0 0 .6rem; }
p { margin: 0 0 1rem; max-width: 40em; overflow-wrap: break-word; }
a { color: var(--accent); }
code { font-family: ui-monospace, monospace; font-size: .92em; overflow-wrap: anywhere; }
.note { color: var(--soft); font-size: .92rem; }
.lead { font-size: 1.15em; color: var(--soft); }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(15rem, 100%), 1fr)); gap: 1rem;
  margin: 1.5rem 0 0; padding: 0; }
.numbers div { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .9rem 1.1rem; }
.numbers dt { color: var(--soft); font-size: .9rem; line-height: 1.4; }
.numbers dd { margin: .25rem 0 0; font-size: 1.5rem; font-variant-numeric: tabular-nums; line-height: 1.3; }
section { border-top: 1px solid var(--line); margin-top: 2.5rem; padding-top: 2rem; }
figure { margin: 1rem 0 1.5rem; }
figure img { display: block; width: 100%; height: auto; max-width: 44rem; border-radius: .3rem; }
figcaption { color: var(--soft); font-size: .9rem; line-height: 1.45; max-width: 44rem; margin-top: .5rem; }
.scroll { overflow-x: auto; max-width: 100%; margin: 0 0 1.2rem; background: no-repeat local
  linear-gradient(90deg, var(--paper) 40%, transparent) 0 / 2.4rem 100%, no-repeat local
  linear-gradient(270deg, var(--paper) 40%, transparent) 100% / 2.4rem 100%, no-repeat scroll
  linear-gradient(90deg, var(--shade), transparent) 0 / 1rem 100%, no-repeat scroll
  linear-gradient(270deg, var(--shade), transparent) 100% / 1rem 100%; }
.scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
math { font-size: 1.15em; }
.formula { padding: .6rem 0 .9rem; }
.formula math { display: block math; width: max-content; margin: 0 auto; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .4rem; position: sticky; left: 0;
  max-width: calc(100vw - 2rem); }
th, td { padding: .35rem .9rem .35rem 0; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--soft); }
.words th, .words td, th:first-child, td:first-child { text-align: left; }
details { margin: 0 0 1rem; }
summary { cursor: pointer; color: var(--accent); padding: .2rem 0; }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
footer { color: var(--soft); font-size: .9rem; padding-top: 2rem; padding-bottom: 3rem; }
@media (min-width: 68rem) { .split { display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 6fr); gap: 3rem; }
  .split figure { margin-top: 0; } }
@media (max-width: 40rem) { figure img { width: calc(100% + 2rem); max-width: none; margin-inline: -1rem; } }
sub, sup { line-height: 0; font-size: .75em; }
.whole { white-space: nowrap; }
figure, tr, .scroll, .numbers div { break-inside: avoid; }
h2, caption, summary { break-after: avoid; }
tbody tr:first-child, tbody tr:last-child { break-before: avoid; }
@page { margin: 16mm 14mm; }
@media print { :root { color-scheme: light; }
  body { font-size: 10.5pt; } main, header, footer { max-width: none; padding: 0; }
  section { margin-top: 1.2rem; padding-top: 1rem; } footer { padding: 1rem 0 0; }
  p { orphans: 3; widows: 3; max-width: none; } figure img { max-width: 13cm; }
  .scroll { overflow: visible; background: none; } details .scroll { break-inside: auto; }
  table { font-size: 8.5pt; } th, td { padding-right: .5rem; } .words td, td:first-child { white-space: normal; }
  details::details-content { content-visibility: visible; display: block; height: auto; }
  details > * { display: block; } }
"""


@dataclass(frozen=True)
class Html:
    """Text that is HTML already and is not escaped again."""

    text: str


Content = str | Html


def html(content: Content) -> str:
    """HTML as it is, and any other text escaped.

    >>> html("1 < 4 & so"), html(Html("<b>4</b>"))
    ('1 &lt; 4 &amp; so', '<b>4</b>')
    """
    return content.text if isinstance(content, Html) else escape(content)


def paragraph(text: Content, kind: str = "") -> Html:
    """One paragraph; its kind is 'lead' or 'note', or none."""
    opening = f'<p class="{kind}">' if kind else "<p>"
    return Html(f"{opening}{html(text)}</p>")


def formula(mathml: str) -> Html:
    """A <math> element, which scrolls inside itself where the page is narrow."""
    return Html(f'<div class="scroll formula" tabindex="0" role="region" aria-label="formula">{mathml}</div>')


def table(head: Sequence[Content], rows: Iterable[Sequence[Content]], caption: str, words: bool = False) -> Html:
    """A table that scrolls inside itself; the first column to the left, numbers to the right, words to the left."""
    top = "".join(f'<th scope="col">{html(cell)}</th>' for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{html(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    kind = ' class="words"' if words else ""
    return Html(
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f"<table{kind}><caption>{escape(caption)}</caption>"
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def figure(light: bytes, dark: bytes, alt: str, caption: Content) -> Html:
    """A picture in two versions, as the reader's theme asks; light and dark are SVG files."""
    sources = [f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}" for svg in (light, dark)]
    return Html(
        f'<figure><picture><source media="screen and (prefers-color-scheme: dark)" srcset="{sources[1]}">'
        f'<img src="{sources[0]}" alt="{escape(alt)}"></picture><figcaption>{html(caption)}</figcaption></figure>'
    )


def details(summary: str, content: Iterable[Content]) -> Html:
    """What is folded until it is asked for."""
    return Html(f"<details><summary>{escape(summary)}</summary>{''.join(map(html, content))}</details>")


def numbers(entries: Iterable[tuple[str, Content]]) -> Html:
    """Results in large print: (what it is, its value)."""
    cards = "".join(f"<div><dt>{escape(name)}</dt><dd>{html(value)}</dd></div>" for name, value in entries)
    return Html(f'<dl class="numbers">{cards}</dl>')


def split(left: Content, right: Content, style: str = "") -> Html:
    """Two columns on a wide page, one below the other on a narrow one."""
    return Html(f'<div class="split"{style}><div>{html(left)}</div><div>{html(right)}</div></div>')


def section(title: str, content: Iterable[Content], beside: Content | None = None) -> Html:
    """A heading and what belongs to it; on a wide page `beside` stands to its right."""
    body = Html(f"<h2>{escape(title)}</h2>{''.join(map(html, content))}")
    return Html(f"<section>{html(body if beside is None else split(body, beside))}</section>")


def files_beside(holds: Mapping[str, str], *more: tuple[Content, Content]) -> Html:
    """The section that says what lies beside the page: what each file holds, the figures, and rows for more."""
    links = [(Html(f'<a href="{name}">{name}</a>'), what) for name, what in holds.items()]
    figures = (Html("<code>*-light.svg</code>, <code>*-dark.png</code>, …"), "every figure, light and dark")
    listed = table(["file", "holds"], [*links, figures, *more], "In the same folder.", words=True)
    return section("Files beside this page", [listed])


def page(title: str, head: Iterable[Content], sections: Iterable[Content], foot: Content) -> str:
    """The whole page, its head below the title and before the first section, its foot the last line.

    >>> "<h1>a &amp; b</h1>" in page("a & b", [], [], "")
    True
    """
    return typeset(
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>'
        f"<header><h1>{escape(title)}</h1>{''.join(map(html, head))}</header>\n"
        f"<main>{''.join(map(html, sections))}</main>\n<footer>{html(foot)}</footer></body></html>\n"
    )
