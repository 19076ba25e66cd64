"""How mathematics is written: Unicode, ASCII, LaTeX, MathML; derives nothing."""
