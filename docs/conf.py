"""Sphinx: MyST notebooks that run at every build; a warning is an error (sphinx-build -W)."""

import importlib.metadata
import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.errors import ExtensionError
from sphinx.util.math import get_node_equation_number

project = "chainderiv"
author = "The chainderiv developers"
copyright = f"2026, {author}"
release = version = importlib.metadata.version("chainderiv")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
smartquotes_action = "De"  # a quote stays: φ' has a prime, and 'latex' is a word of Python
exclude_patterns = ["_build", "jupyter_execute"]

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

# the pages show what this version prints, or the build fails
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
nb_output_stderr = "remove"  # progress of the commands, Matplotlib's first look at the fonts
nb_render_markdown_format = "myst"

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # each docstring states types, shapes and units
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_attr_annotations = False
napoleon_use_rtype = False
python_maximum_signature_line_length = 88

html_math_renderer = "mathml"  # written at the build: the pages need no script and no network to show a formula
html_theme = "furo"
html_title = f"chainderiv {version}"
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/versions.html",
        "sidebar/scroll-end.html",
    ]
}
templates_path = ["_templates"]
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_js_files = [("pages.js", {"defer": "defer"})]


def plain_docstring(app, what, name, obj, options, lines):
    """Turn a docstring of ours into what napoleon and reStructuredText read as it is meant.

    A line "name : text" in a section has no line for the type apart, "Source:" is no section of NumPy's, and |x| is
    a size, where reStructuredText sees a substitution.
    """
    text, section, in_example = [], "", False
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        in_example = bool(line.strip()) and (in_example or line.lstrip().startswith(">>>"))
        if in_example:
            text.append(line)
            continue
        line = line.replace("|", r"\|")
        if below and not below.strip("-"):
            section = line
        if section in ("Parameters", "Attributes") and re.match(r"\S+(, \S+)* : ", line):
            names, meaning = line.split(" : ", 1)
            # an attribute stands alone, parameters may share a line
            apart = names.split(", ") if section == "Attributes" else [names]
            text += [part for name in apart for part in (name, f"    {meaning}")]
        elif line.startswith("Source: "):
            text += ["References", "----------", line.removeprefix("Source: ")]
        else:
            text.append(line)
    # of a property's first line "text: more" napoleon would make a type and a meaning, so an empty comment comes first
    lines[:] = ["..", "", *text] if what == "property" else text


def mathml(formula, display):
    """MathML of a formula in LaTeX; a command that is not known fails the build, as it would be shown as it stands."""
    written = convert(formula, display=display)
    unknown = re.search(r">(\\[A-Za-z]+)<", written)
    if unknown:
        raise ExtensionError(f"no MathML for {unknown[1]} in {formula!r}; write it with what latex2mathml knows")
    return paired(written, formula)


BAR = re.compile('<mo((?: (?:fence|stretchy)="false")*)>(&#x0007C;|&#x02016;)</mo>')


def paired(written, formula):
    """The bars of |w| and ‖w‖ open and close in turn; one that says neither has the space of an operator."""
    opened = set()

    def formed(bar):
        opened.symmetric_difference_update({bar[2]})
        return f'<mo{bar[1]} form="{"prefix" if bar[2] in opened else "postfix"}">{bar[2]}</mo>'

    written = BAR.sub(formed, written)
    if opened:
        raise ExtensionError(rf"a bar is left open in {formula!r}; a bar between two things is \mid")
    return written


def inline(writer, node):
    """A formula within a line."""
    writer.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def displayed(writer, node):
    """A formula of its own, with its number where it has one."""
    writer.body.append(writer.starttag(node, "div", CLASS="math"))
    if node["number"]:
        number = get_node_equation_number(writer, node)
        writer.body.append(f'<span class="eqno">({number})')
        writer.add_permalink_ref(node, "Link to this equation")
        writer.body.append("</span>")
    writer.body.append(mathml(node.astext(), "block") + "</div>")
    raise nodes.SkipNode


def plain_signatures(app, pagename, templatename, context, doctree):
    """The parameters of a signature on several lines are lines, where Sphinx has definitions of nothing."""

    def lines(signature):
        opened = signature[0].replace("<dl>", '<div class="parameters">').replace("<dd>", "<div>")
        return re.sub("</d[ld]>", "</div>", opened)

    if "body" in context:
        context["body"] = re.sub('<dt class="sig .*?</dt>', lines, context["body"], flags=re.DOTALL)


def write_explorer(app):
    """The page that `chainderiv explore` writes, beside the others."""
    if app.builder.format == "html":
        from chainderiv.pages.explorer.page import save_explorer

        save_explorer(f"{app.outdir}/explorer-page.html")


def setup(app):
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    app.connect("builder-inited", write_explorer)
    app.connect("html-page-context", plain_signatures)
    # before napoleon, at 500, turns the sections into fields
    app.connect("autodoc-process-docstring", plain_docstring, priority=400)
