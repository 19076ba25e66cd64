"""Formulas made into arrays and machine code; nothing here knows of a chain, a map or a network."""
