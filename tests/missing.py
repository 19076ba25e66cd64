"""Where what is missing counts: a test that is skipped because something is not installed has failed (--peers)."""

import re

MISSING = re.compile(r"not installed|could not import")


def judged(report, nothing_may_be_missing):
    """The report of a test or of a file of tests, failed where it was skipped for what is missing and that counts."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if nothing_may_be_missing and report.skipped and MISSING.search(reason):
        report.outcome, report.longrepr = "failed", f"skipped, where nothing may be missing: {reason}"
    return report
