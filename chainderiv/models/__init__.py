"""Networks that people bring: what is read from their files, passed forwards and backwards, and judged."""
