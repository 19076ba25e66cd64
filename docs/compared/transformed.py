"""dks: a tanh transformed so that fifty layers train, and what mean_field says of it."""

from dks.base import activation_transform

import chainderiv as cd

DEPTH = 50
parameters_of = activation_transform._get_activations_params  # private, but the parameters are the claim
chosen = parameters_of(["tanh"], "DKS", max_slope_func=lambda slope: slope**DEPTH)["tanh"]
print("dks:", {name: round(float(value), 6) for name, value in chosen.items()})

formula = "{output_scale:.17g}*(tanh({input_scale:.17g}*z + {input_shift:.17g}) + {output_shift:.17g})".format(**chosen)
m = cd.mean_field(cd.Activation.from_formula("transformed", formula), sigma_w=1.0, sigma_b=0.0)
plain = cd.mean_field("tanh", sigma_w=1.0, sigma_b=0.0)
for name, one in (("transformed", m), ("tanh", plain)):
    told = f"q* = {one.q_star:.6f}, χ_q = {one.chi_q:.6f}, χ₁ = {one.chi_1:.6f}"
    print(f"{name:11}: {told}, over {DEPTH} layers {one.chi_1**DEPTH:.6f}")
