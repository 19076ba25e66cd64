"""Programs in C-like languages: one template and a dialect each; chainderiv.symbolic.program is the face."""
