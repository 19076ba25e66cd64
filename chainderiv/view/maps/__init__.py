"""Figures of maps: colours, regions, panels, films."""
