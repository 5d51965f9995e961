r"""The rule of every tensor of a trace: from which row and which column each of its numbers comes.

Formulas are templates of ``explainer.notation.templates`` with the number's own indices, which count from 0 as in
the code: ``<A>^{(2)}[12, 33]`` is head 2, token 12, token 33.
"""

from explainer.numbers.head import head_rules
from explainer.numbers.layers import LAYER_RULES
from explainer.numbers.read_off_rules import READ_OFF_RULES
from explainer.numbers.rules import Index, Numbers, Rule, at, sum_to
from explainer.numbers.workings import Row, Step, Working, added, copied, summed
from explainer.proofs.rounding import exact

EMBEDDED = r"<x_pE:(\mathbf{x}_p\mathbf{E})>"  # x_p E with room for an index


def _image(numbers: Numbers, layer: int, index: Index) -> Working:
    here = numbers.part("trace.image", None, *index)
    if numbers.preprocess is None:
        return copied("", f"<x>{at(*index)}", here, "a number of the image, after preprocessing")
    mean, std = numbers.preprocess.mean[index[0]], numbers.preprocess.std[index[0]]
    pixel = (here.value * std + mean) * 255
    # A pixel is a whole number but where the picture was resized without rounding, as TensorFlow does.
    pixel = float(round(pixel)) if abs(pixel - round(pixel)) < 1e-3 else pixel
    colour = ("red", "green", "blue")[index[0]]
    steps = (
        Step(f"the {colour} of this pixel, 0 to 255, after resizing and cutting", pixel),
        Step("so that it lies between 0 and 1", 255.0, "÷"),
        Step(f"the mean of {colour}, as the checkpoint was trained", mean, "−"),
        Step("its deviation, as the checkpoint was trained", std, "÷"),
    )
    again = (pixel / 255 - mean) / std
    # four operations in 32 bits, and the difference may be small beside what is subtracted
    tolerance = 4 * 2.0**-24 * (pixel / 255 + abs(mean)) / std + 2.0**-23 * abs(again)
    formula = rf"<x>{at(*index)} = \frac{{{pixel:.6g} / 255 - {mean:g}}}{{{std:g}}}"
    return Working("", formula, steps, again, tolerance)


def _pixel_of(numbers: Numbers, patch: int, place: int) -> Index:
    """Channel, row and column in the picture of a number of a flattened patch: rows, columns, channels inside it."""
    config = numbers.model.config
    (row, column), size = divmod(patch, config.grid_size), config.patch_size
    rest, channel = divmod(place, config.num_channels)
    return channel, row * size + rest // size, column * size + rest % size


def _patches(numbers: Numbers, layer: int, index: Index) -> Working:
    pixel = _pixel_of(numbers, *index)
    part = numbers.part("trace.image", None, *pixel)
    return copied("patchify", f"<x_p>{at(*index)} = <x>{at(*pixel)}", part, "the same number in the image")


def _patch_embeddings(numbers: Numbers, layer: int, index: Index) -> Working:
    patch, component = index
    config = numbers.model.config
    size, channels = config.patch_size, config.num_channels
    kernel = exact(numbers.parameters["patch_projection.weight"]).values[component]  # channels, rows, columns
    column = Row(
        kernel.transpose(1, 2, 0).reshape(-1),
        lambda j: numbers.address(
            "patch_projection.weight", None, component, j % channels, *divmod(j // channels, size)
        ),
    )
    bias = numbers.part("patch_projection.bias", None, component)
    formula = (
        f"{EMBEDDED}{at(*index)} = {sum_to(config.patch_dim - 1)} <x_p>[{patch},\\,m] \\, <E>[m,\\,{component}]"
        f" + <b_E>{at(component)}"
    )
    return summed("patch_projection", formula, numbers.row("trace.patches", None, patch, None), column, bias)


def _hidden_states(numbers: Numbers, layer: int, index: Index) -> Working:
    token, component = index
    if layer:
        return added(
            "Eq. 3",
            f"<z_l>{at(*index)} = <MLP>{at(*index)} + <z'_l>{at(*index)}",
            ("what the MLP adds", numbers.part("block.mlp.output", layer, *index)),
            ("the skip path: the token after attention", numbers.part("block.after_attention", layer, *index)),
        )
    position = numbers.part("position_embedding", None, *index)
    if token == 0:
        what, content = f"<x_class>{at(0, component)}", numbers.part("class_token", None, 0, component)
        words = "the class token, learned"
    else:
        what, content = (
            f"{EMBEDDED}{at(token - 1, component)}",
            numbers.part("trace.patch_embeddings", None, token - 1, component),
        )
        words = "the patch embedding"
    formula = f"<z_0>{at(*index)} = {what} + <E_pos>{at(*index)}"
    return added("Eq. 1", formula, (words, content), ("the position embedding, learned", position))


RULES: dict[str, Rule] = {
    "trace.image": _image,
    "trace.patches": _patches,
    "trace.patch_embeddings": _patch_embeddings,
    "trace.hidden_states": _hidden_states,
    **LAYER_RULES,
    **head_rules("trace"),
    **READ_OFF_RULES,
}
