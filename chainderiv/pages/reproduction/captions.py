"""What stands below each figure of a reproduction, and what is read out in its place."""

from __future__ import annotations

# name of the figure: (alternative text, caption)
CAPTIONS = {
    "bars": (
        "Bars for each hidden neuron of two layers, all to one scale.",
        "Mean ∂C/∂b of every hidden neuron before training, over the first 1000 images, seed 0. Right: positive. "
        "Left: negative. All bars are to one scale.",
    ),
    "start-norms": (
        "Norm of each hidden layer's gradient before training for networks of several depths, on a logarithmic axis, "
        "with the published values marked.",
        "L2 norm of each hidden layer before training. Points: runs. Bars: 5 to 95 % of them. Diamonds: Nielsen’s "
        "single runs.",
    ),
    "norms-l2": (
        "Norm of each hidden layer's gradient over the epochs, a panel for each depth, on a logarithmic axis.",
        "L2 norm, as Nielsen’s program takes it. Line: median of the seeds. Band: 5 to 95 % of them.",
    ),
    "norms-l1": (
        "The same in the L1 norm.",
        "L1 norm, the sum of the sizes. Line: median of the seeds. Band: 5 to 95 % of them.",
    ),
    "accuracy": (
        "Validation accuracy against the number of hidden layers, every run a point, with the published runs marked.",
        "Points: runs. Line: their mean, with its 95 % interval. Diamonds: Nielsen’s single runs.",
    ),
    "insertion": (
        "Accuracy against depth of a shallow network with inserted layers, and of networks trained from the start.",
        "Squares: the trained shallow networks, deepened by layers that pass their input on. Circles: trained from the "
        "start at that depth.",
    ),
    "costs": (
        "Norm of each hidden layer's gradient before training under two costs, on a logarithmic axis.",
        "A constant distance on this axis is one common factor. The slope is the links.",
    ),
    "norms-quadratic": (
        "Norm of each hidden layer's gradient over the epochs with the quadratic cost, a panel for each depth.",
        "The L2 norms over the epochs with the quadratic cost. Line: median. Band: 5 to 95 % of the seeds.",
    ),
    "remedies-norms": (
        "Norm of each hidden layer's gradient before training for several neurons, on a logarithmic axis.",
        "Medians at the deepest network. A level line means that every layer starts to learn at the same pace.",
    ),
    "remedies-accuracy": (
        "Validation accuracy against depth for several neurons.",
        "Medians of the runs that did not diverge. A cross below the axis: some or all of them did.",
    ),
    "ratios": (
        "Ratio of the gradient norms of neighbouring hidden layers for networks of several depths.",
        "Norm of a hidden layer over that of the next, before training. Points: runs. Diamonds: from Nielsen’s norms. "
        "Dashed: the geometric mean of all measured ratios.",
    ),
}  # fmt: skip
