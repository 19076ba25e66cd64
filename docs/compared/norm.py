"""A norm as hooks print it, torch's of float32 entries of 1e-23, beside that of a watch."""

import torch

import chainderiv as cd

layer = torch.nn.Linear(1, 30)
layer.weight.grad, layer.bias.grad = torch.ones(30, 1), torch.full((30,), 1e-23)
with cd.watch(layer) as w:
    record = w.tick()
print(f"torch: {layer.bias.grad.norm():.6g}, chainderiv: 10^{record.layers[0].log10_norm_mean_bias_gradient:.6f}")
