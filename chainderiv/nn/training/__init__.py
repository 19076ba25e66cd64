"""A network trained, measured, kept and gone on with; one run, and no experiment."""
