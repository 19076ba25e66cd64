"""Pages that people read, put together from results and figures; computes and draws nothing of its own."""
