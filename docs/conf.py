"""Sphinx: MyST notebooks that run at every build; a warning is an error (sphinx-build -W)."""

import importlib.metadata
import re

project = "chainderiv"
author = "The chainderiv developers"
copyright = f"2026, {author}"
release = version = importlib.metadata.version("chainderiv")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
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

html_theme = "furo"
html_title = "chainderiv"
html_copy_source = False


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


def write_explorer(app):
    """The page that `chainderiv explore` writes, beside the others."""
    if app.builder.format == "html":
        from chainderiv.pages.explorer.page import save_explorer

        save_explorer(f"{app.outdir}/explorer-page.html")


def setup(app):
    """Called by Sphinx."""
    app.connect("builder-inited", write_explorer)
    # before napoleon, at 500, turns the sections into fields
    app.connect("autodoc-process-docstring", plain_docstring, priority=400)
