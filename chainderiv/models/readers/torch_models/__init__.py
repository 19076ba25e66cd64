"""PyTorch's models: one that lives, by way of torch.export, and checkpoints that hold arrays alone."""
