"""A cure as lines to paste: for torch.nn.Module or Keras model called model, or JAX's arrays called params."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chainderiv.models.cures import Cure, Edit
from chainderiv.nn.advice import advise

Lines = Callable[[Sequence[Edit], float], list[str]]
Whole = Callable[[float, float], list[str]]


def pasted(cure: Cure, target: str) -> str:
    """The lines for one of TARGETS; comments alone where there is nothing that lines could do.

    Raises BadValue where a layer is to be drawn anew and advise() knows no start.

    >>> cure = Cure("layer 3: its bias keeps every slope at 0", (Edit("fc.bias", "fc", True, 0.0),))
    >>> print(pasted(cure, "torch"))
    # layer 3: its bias keeps every slope at 0
    import torch
    <BLANKLINE>
    with torch.no_grad():  # tensors by the names that the model was read with
        model.get_parameter('fc.bias').mul_(0.0)
    """
    lines = [f"# {cure.said}"]
    if cure.has_lines:
        lines += _whole(cure, target) if cure.whole else ONE[target](cure.edits, _sigma_w(cure))
    lines += [f"# {cure.otherwise}"] if cure.otherwise else []
    return "\n".join(lines)


def _whole(cure: Cure, target: str) -> list[str]:
    assert cure.start is not None
    found = advise(cure.start.activation, cure.start.depth, cure.start.width)
    found.to(target)  # which says so where nothing is recommended
    return ALL[target](found.sigma_w or 0.0, found.sigma_b or 0.0)


def _sigma_w(cure: Cure) -> float:
    if cure.start is None or all(edit.factor is not None for edit in cure.edits):
        return 1.0
    found = advise(cure.start.activation, cure.start.depth, cure.start.width)
    found.to("torch")
    return found.sigma_w or 0.0


def _torch_one(edits: Sequence[Edit], sigma_w: float) -> list[str]:
    lines = ["import torch", "", "with torch.no_grad():  # tensors by the names that the model was read with"]
    for edit in edits:
        tensor = f"model.get_parameter({edit.tensor!r})"
        if edit.factor is None:
            lines += [f"    W = {tensor}", f"    W.normal_(std={sigma_w!r} / W[0].numel() ** 0.5)"]
        else:
            lines.append(f"    {tensor}.mul_({edit.factor!r})")
    return lines


def _keras_one(edits: Sequence[Edit], sigma_w: float) -> list[str]:
    drawn = any(edit.factor is None for edit in edits)
    lines = ["import keras", "", _start_of_keras(sigma_w)] if drawn else []
    lines.append("for variable in model.variables:")
    for edit in edits:
        path = f"/{edit.layer.replace('.', '/')}/{'bias' if edit.is_bias else 'kernel'}"
        value = "start(variable.shape)" if edit.factor is None else f"{edit.factor!r} * variable"
        lines += [f"    if f'/{{variable.path}}'.endswith({path!r}):", f"        variable.assign({value})"]
    return lines


def _jax_one(edits: Sequence[Edit], sigma_w: float) -> list[str]:
    drawn = any(edit.factor is None for edit in edits)
    lines = ["import jax", "", *([_start_of_jax(sigma_w)] if drawn else []), "def cured(path, array):"]
    lines.append('    name = jax.tree_util.keystr(path, simple=True, separator=".")  # as the model was read')
    for edit in edits:
        name, of_stack, place = edit.tensor.removesuffix("]").partition("[")
        one, new = (f"array[{place}]", f"array.at[{place}].set({{}})") if of_stack else ("array", "{}")
        value = f"start({one}.shape)" if edit.factor is None else f"{edit.factor!r} * {one}"
        lines += [f"    if name == {name!r}:", f"        return {new.format(value)}"]
    return [*lines, "    return array", "", "params = jax.tree_util.tree_map_with_path(cured, params)"]


def _torch_all(sigma_w: float, sigma_b: float) -> list[str]:
    bias = f"normal_(layer.bias, std={sigma_b!r})" if sigma_b else "zeros_(layer.bias)"
    return [
        "import torch",
        "",
        "for layer in model.modules():",
        "    if isinstance(layer, (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)):",
        f"        torch.nn.init.normal_(layer.weight, std={sigma_w!r} / layer.weight[0].numel() ** 0.5)",
        "        if layer.bias is not None:",
        f"            torch.nn.init.{bias}",
    ]


def _keras_all(sigma_w: float, sigma_b: float) -> list[str]:
    bias = f"keras.random.normal(variable.shape, stddev={sigma_b!r})" if sigma_b else "0 * variable"
    return [
        "import keras",
        "",
        _start_of_keras(sigma_w),
        "for variable in model.trainable_variables:",
        '    if variable.name == "kernel":',
        "        variable.assign(start(variable.shape))",
        '    elif variable.name == "bias":',
        f"        variable.assign({bias})",
    ]


def _jax_all(sigma_w: float, sigma_b: float) -> list[str]:
    bias = f"{sigma_b!r} * jax.random.normal(next(keys), array.shape)" if sigma_b else "0 * array"
    return [
        "import jax",
        "",
        _start_of_jax(sigma_w),
        "def cured(path, array):  # kernels (fan_in, fan_out), as Flax has them",
        "    if array.ndim > 1:",
        "        return start(array.shape)",
        '    name = jax.tree_util.keystr(path, simple=True, separator=".").split(".")[-1]',
        f'    return {bias} if name.startswith("b") else array',
        "",
        "params = jax.tree_util.tree_map_with_path(cured, params)",
    ]


def _start_of_keras(sigma_w: float) -> str:
    # an initialiser of Keras draws the same numbers for every layer of a shape: each takes one of its own
    return (
        "def start(shape):\n"
        f'    law = keras.initializers.VarianceScaling({sigma_w!r} ** 2, "fan_in", "untruncated_normal")\n'
        "    return law(shape)\n"
    )


def _start_of_jax(sigma_w: float) -> str:
    return (
        "keys = iter(jax.random.split(jax.random.key(0), 10_000))\n"
        f'law = jax.nn.initializers.variance_scaling({sigma_w!r} ** 2, "fan_in", "normal")\n\n'
        "def start(shape):\n"
        "    return law(next(keys), shape)\n"
    )


ONE: dict[str, Lines] = {"torch": _torch_one, "keras": _keras_one, "jax": _jax_one}
ALL: dict[str, Whole] = {"torch": _torch_all, "keras": _keras_all, "jax": _jax_all}
TARGETS = tuple(ONE)
