"""The explorer: one page on which a chain's gradient is mapped, read and cut while its sliders are moved."""
