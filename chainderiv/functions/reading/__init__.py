"""The words and signs of a formula that is read from a text; what they are put together to is functions/formula."""
