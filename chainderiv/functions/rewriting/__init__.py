"""Stable forms found by machine, and correct digits to judge them by; chainderiv.functions.stabilise is the face."""
