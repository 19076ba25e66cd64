"""Operators by ONNX's names: of each its value and, beside it, the way back."""
