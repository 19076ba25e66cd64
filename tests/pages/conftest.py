"""Pages hold figures: what holds of these in tests/view holds of them here."""

from tests.view.conftest import nothing_is_shown_or_left_open, record, swept

__all__ = ["nothing_is_shown_or_left_open", "record", "swept"]
