"""symgrad4t: the gradient of the first bias of a chain of sigmoids, as LaTeX, beside the same here."""

import symgrad4t as sg
import sympy

import chainderiv as cd

for depth in (2, 4, 7):
    a, biases = sg.Tensor("x", 1, 1), [sg.Tensor(f"b{k}", 1, 1) for k in range(1, depth + 1)]
    for k, b in enumerate(biases, 1):
        a = sg.Sigmoid(sg.linear(a, sg.Tensor(f"w{k}", 1, 1), b, name=f"z{k}"), name=f"a{k}")
    a._grads.append(sympy.Symbol("G"))
    a.backward()
    theirs, here = biases[0].latex_grad(), cd.derive(cd.Chain(depth=depth), "b1").to("latex")
    print(f"depth {depth:2}: symgrad4t {len(theirs):6} characters, chainderiv {len(here):4}")
    if depth == 2:
        print("symgrad4t:", theirs)
