"""Full width, measured."""
