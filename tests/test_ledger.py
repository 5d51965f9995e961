"""The ledger against what others say of the same models: hooks, torchinfo, torch's own counter of FLOPs."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from torchinfo import summary

from explainer.shapes import Ledger, ledger
from explainer.shapes.recording.signatures import tensors_in
from tests.ledger_models import MODELS, SIZES, EinopsViT, built
from vit_core import VisionTransformer, count_multiply_adds, count_parameters

ALL = pytest.mark.parametrize("name", MODELS)
MODULE_WISE = [name for name in MODELS if name != "swin"]


@contextmanager
def seen_by_hooks(model: nn.Module) -> Iterator[list[tuple[str, tuple[int, ...]]]]:
    """Path of every module and the shape of its output, in the order in which they end."""
    seen: list[tuple[str, tuple[int, ...]]] = []
    names = {module: name for name, module in model.named_modules()}

    def look(module: nn.Module, _: Any, output: Any) -> None:
        seen.extend((names[module], tuple(tensor.shape)) for tensor in tensors_in(output)[:1])

    handles = [module.register_forward_hook(look) for module in model.modules()]
    yield seen
    for handle in handles:
        handle.remove()


@ALL
def test_each_module_ends_with_the_shape_that_a_hook_sees(name: str) -> None:
    model, picture = built(name)
    with seen_by_hooks(model) as seen, torch.no_grad():
        model(picture)
    said = ledger(model, picture)
    assert not said.failure
    last = {operation.module: operation.outputs[0].sizes for operation in said.operations}
    leaves = {path for path, module in model.named_modules() if not list(module.children())}
    compared = [path for path, _ in seen if path in leaves and path in last]
    assert {path: dict(seen)[path] for path in compared} == {path: last[path] for path in compared}
    # Leaves without an operation: what returns its input (Identity, timm's DropPath, Swin's StochasticDepth).
    silent = {type(model.get_submodule(path)).__name__ for path, _ in seen if path in leaves - set(last)}
    assert silent <= {"Identity", "StochasticDepth"}
    assert said.outputs[0].sizes == dict(seen)[""]


@ALL
def test_parameters_are_those_of_torchinfo(name: str) -> None:
    model, picture = built(name)
    said = ledger(model, picture)
    theirs = summary(model, input_data=[picture], verbose=0)
    assert said.parameters == theirs.total_params == sum(parameter.numel() for parameter in model.parameters())
    assert said.unused == ()
    assert {layer.module: tuple(layer.output_size) for layer in theirs.summary_list if layer.depth == 0} == {
        model: said.outputs[0].sizes
    }


@pytest.mark.parametrize("name", MODULE_WISE)
def test_leaf_modules_have_torchinfos_parameters(name: str) -> None:
    """Also those of ``out_proj``, which is never called itself."""
    model, picture = built(name)
    said = ledger(model, picture)
    theirs = summary(model, input_data=[picture], verbose=0, depth=9)
    names = {id(module): path for path, module in model.named_modules()}
    ours: dict[str, int] = {}
    for operation in said.operations:
        ours[operation.module] = ours.get(operation.module, 0) + operation.parameters
    compared = 0
    for layer in theirs.summary_list:
        path = names[layer.layer_id]
        if layer.is_leaf_layer and path in ours:
            own = sum(parameter.numel() for parameter in layer.module.parameters())
            assert (path, ours[path]) == (path, own)
            compared += own > 0
    assert compared > 10


@ALL
def test_multiply_adds_are_half_of_torchs_flops(name: str) -> None:
    model, picture = built(name)
    # What the counter knows of fused attention differs from one torch to the next, on a CPU it may be nothing: written
    # out as two products of matrices, attention is counted by each of them.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        # The mode of torch's counter would not see inside the fast path; under ours it is off as well.
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            model(picture)
        finally:
            torch.backends.mha.set_fastpath_enabled(True)
    assert 2 * ledger(model, picture).multiply_adds == counter.get_total_flops() > 0  # torch counts both


def test_multiply_adds_and_parameters_are_those_counted_from_the_sizes() -> None:
    model, picture = built("ours")
    said = ledger(model, picture[:1])
    assert said.multiply_adds == count_multiply_adds(SIZES)["total"]
    assert said.parameters == count_parameters(SIZES)["total"]


@ALL
def test_meta_says_the_same_as_real_tensors(name: str) -> None:
    model, picture = built(name)
    real, meta = ledger(model, picture), ledger(model, picture, device="meta")
    assert (real.device, meta.device) == ("cpu", "meta")
    assert real.operations == meta.operations
    assert (real.inputs, real.outputs) == (meta.inputs, meta.outputs)


@ALL
@pytest.mark.parametrize("device", [None, "meta"])
def test_nothing_is_left_on_the_module(name: str, device: str | None) -> None:
    model, picture = built(name)
    model.train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    attributes = {path: set(vars(module)) for path, module in model.named_modules()}
    identities = {path: id(parameter) for path, parameter in model.named_parameters()}
    said = ledger(model, picture, device=device)
    assert not said.failure
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert {path: id(parameter) for path, parameter in model.named_parameters()} == identities
    assert {path: set(vars(module)) for path, module in model.named_modules()} == attributes
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in model.modules())


class Remembering(nn.Module):
    """Keeps its activations, a counter, and running means, as many models do; then it breaks."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.head = nn.Linear(5, 2)
        self.kept: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        self.kept = self.norm(x)
        return self.head(self.kept)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("device", [None, "meta"])
def test_nothing_is_left_after_a_failure_either(device: str | None, training: bool) -> None:
    model = Remembering().train(training)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    said = ledger(model, (2, 3, 4, 4), device=device)
    assert said.failure and said.failure.operation == "linear"
    assert "batch_norm" in [operation.name for operation in said.operations]
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert model.kept is None


class Remembers(nn.Module):
    """Keeps what it computed for the next time, in a dictionary and behind a bound method."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(4, 4))
        self.cache: dict[str, Tensor] = {}
        self.steps = [self.looked_up, partial(self.scaled, 2)]

    def looked_up(self, x: Tensor) -> Tensor:
        if "rows" not in self.cache:
            self.cache["rows"] = self.table[:, :3]
        return x @ self.cache["rows"]

    def scaled(self, factor: int, x: Tensor) -> Tensor:
        return x * factor

    def forward(self, x: Tensor) -> Tensor:
        for step in self.steps:
            x = step(x)
        return x


def test_a_model_that_remembers_says_the_same_each_time() -> None:
    model = Remembers().eval()
    ledgers = [ledger(model, (2, 3, 5, 4), device=device) for device in (None, "meta", None)]
    assert [each.name for each in ledgers[0].operations] == ["index", "matmul", "mul"]
    assert ledgers[0].operations == ledgers[1].operations == ledgers[2].operations
    assert ledgers[0].outputs[0].axes == ("B", "3", "5", "3")
    assert ledgers[0].parameters == 16 and not model.cache


def test_two_threads_do_not_see_each_other() -> None:
    (ours, picture), (theirs, _) = built("ours"), built("torchvision")
    expected = [ledger(ours, picture, device="meta"), ledger(theirs, picture), ledger(ours, picture)]
    found: dict[int, list[Ledger]] = {0: [], 1: [], 2: []}
    start = threading.Barrier(4)

    def work(index: int) -> None:
        start.wait()
        for _ in range(5):
            model, device = ((ours, "meta"), (theirs, None), (ours, None))[index]
            found[index].append(ledger(model, picture, device=device))

    def compute() -> None:  # an innocent thread that uses the same model meanwhile
        start.wait()
        for _ in range(40):
            with torch.no_grad():
                assert not ours(picture).is_meta

    threads = [threading.Thread(target=work, args=(index,)) for index in range(3)]
    threads.append(threading.Thread(target=compute))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, ledgers in found.items():
        assert len(ledgers) == 5
        for said in ledgers:
            assert said.operations == expected[index].operations


def test_every_operation_of_our_model_lies_in_its_code_and_the_equations_are_found() -> None:
    model, picture = built("ours")
    operations = ledger(model, picture).operations
    for operation in operations:
        assert operation.line is not None
        assert operation.line.path.endswith("vit_core/model.py")
        with open(operation.line.path, encoding="utf-8") as file:
            assert file.read().splitlines()[operation.line.number - 1].strip() == operation.line.text
        if "# Eq. " in operation.line.text:
            assert operation.equation == int(operation.line.text.rpartition("# Eq. ")[2])
    # What stands in the paper's equations: Eq. 6 is the softmax of the scaled products, the MLP belongs to Eq. 3.
    names: dict[int | None, list[str]] = {}
    for operation in operations:
        if not operation.module.startswith("blocks.") or operation.module.startswith("blocks.0"):
            names.setdefault(operation.equation, []).append(operation.name)
    assert set(names) == {None, *range(1, 9)}
    assert names[6] == ["div", "transpose", "matmul", "softmax"]
    assert names[7] == ["matmul"]
    assert [name for name in names[3] if name != "dropout"] == ["layer_norm", "linear", "gelu", "linear", "add"]
    assert [name for name in names[1] if name != "reshape"] == ["conv2d", "permute", "expand", "cat", "add"]
    assert names[4] == ["index", "layer_norm"]
    assert [name for name in names[None] if name != "dropout"] == ["linear"]  # the head has no number in the paper


def test_lines_are_of_the_models_own_code() -> None:
    folders = {"torchvision": "torchvision/models", "timm": "timm/", "hugging face": "transformers/"}
    for name, folder in folders.items():
        model, picture = built(name)
        assert all(each.line and folder in each.line.path for each in ledger(model, picture).operations), name
    model, picture = built("einops")
    lines = {operation.line.path for operation in ledger(model, picture).operations if operation.line}
    assert {line.rpartition("/")[2] for line in lines} == {"ledger_models.py"}


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4, bias=False)
        self.second = nn.Linear(4, 4, bias=False)
        self.second.weight = self.first.weight
        self.forgotten = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(self.first(x)))


@pytest.mark.parametrize("device", [None, "meta"])
def test_tied_weights_count_once_where_they_are_first_used(device: str | None) -> None:
    said = ledger(Tied(), (2, 4), device=device)
    assert [operation.parameters for operation in said.operations] == [16, 0, 0]
    assert [(each.name, each.sizes) for each in said.unused] == [("forgotten", (3,))]


def test_inside_attention_everything_is_seen() -> None:
    model, picture = built("torchvision")
    block = [each for each in ledger(model, picture).operations if "encoder_layer_0.self_attention" in each.module]
    named = [(each.name, each.module.rpartition("self_attention")[2]) for each in block if each.multiply_adds]
    assert named == [("linear", ""), ("scores", ""), ("weighted sum", ""), ("linear", ".out_proj")]
    fused = [each for each in block if each.fused]
    assert [each.name for each in fused] == ["scores", "softmax", "weighted sum"]
    whole = next(each for each in block if each.name == "scaled_dot_product_attention")
    assert fused[-1].outputs[0].sizes == whole.outputs[0].sizes
    # What the fused operation computes, done step by step: the shapes in between are those that are claimed.
    query, key, value = (torch.randn(shape.sizes) for shape in whole.inputs)
    scores = query @ key.transpose(-2, -1)
    assert fused[0].outputs[0].sizes == tuple(scores.shape) == fused[1].outputs[0].sizes
    assert fused[2].outputs[0].sizes == tuple((scores.softmax(-1) @ value).shape)


@pytest.mark.parametrize("device", [None, "meta"])
@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_multihead_attention_returns_what_it_returns_without_us(
    device: str | None, need_weights: bool, batch_first: bool
) -> None:
    attention = nn.MultiheadAttention(8, 2, batch_first=batch_first).eval()
    tokens = torch.randn(3, 5, 8)
    arguments = {"query": tokens, "key": tokens, "value": tokens, "need_weights": need_weights}
    with torch.no_grad():
        expected = attention(**arguments)
    said = ledger(attention, arguments, device=device)
    assert [each.sizes for each in said.outputs] == [tuple(each.shape) for each in expected if each is not None]
    assert said.parameters == sum(parameter.numel() for parameter in attention.parameters())
    # One tensor three times is one projection; three tensors are three.
    assert [each.name for each in said.operations].count("linear") == 2
    three = ledger(attention, {**arguments, "key": tokens.clone(), "value": tokens.clone()}, device=device)
    assert [each.name for each in three.operations].count("linear") == 4
    assert three.multiply_adds == said.multiply_adds


@dataclass
class Result:
    logits: Tensor
    states: tuple[Tensor, ...]
    note: str


class Assorted(nn.Module):
    """One of each: what people write."""

    def forward(self, x: Tensor, scale: float, *, mode: str, mask: Tensor | None = None) -> Result:
        assert mode == "quick" and mask is not None
        _, tokens, size = x.shape
        positions = torch.arange(tokens, device=x.device) * scale
        x = x + positions[None, :, None] / 10_000
        x[:, 0] = 0
        x += torch.ones(size)
        x = torch.roll(nn.functional.pad(x, (0, 2)), shifts=1, dims=1)[..., :size]
        heads = x.unflatten(-1, (2, size // 2)).transpose(1, 2)
        first, second = heads.chunk(2, dim=2)
        joined = torch.stack([first, second], dim=0).flatten(0, 1)
        scores = torch.einsum("bhid,bhjd->bhij", joined, joined).masked_fill(mask, -1e9)
        a, b = scores.split([1, scores.shape[-1] - 1], dim=-1)
        rows = [row.mean(-1) for row in torch.cat([a, b], dim=-1)]
        return Result(torch.stack(rows).sum((1, 2)), (x.T if x.dim() == 2 else x.mT, x.reshape(-1)), "done")


class Writing(nn.Module):
    """Writes into its input, and keeps a part where nobody looks for one."""

    def __init__(self) -> None:
        super().__init__()
        self._hidden = [nn.Linear(4, 4)]

    def forward(self, x: Tensor) -> Tensor:
        x += 1
        return self._hidden[0](x.relu_())


@pytest.mark.parametrize("device", [None, "meta"])
def test_the_input_stays_as_it_is(device: str | None) -> None:
    x = torch.zeros(2, 4)
    said = ledger(Writing(), x, device=device)
    assert [each.name for each in said.operations] == ["add_", "relu_", "linear"]
    assert not x.any()


def test_whatever_people_write_is_recorded() -> None:
    x, mask = torch.randn(2, 6, 8), torch.eye(3, dtype=torch.bool)
    expected = Assorted()(x.clone(), 2.0, mode="quick", mask=mask)

    class Call(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Assorted()

        def forward(self, x: Tensor, mask: Tensor) -> Result:
            return self.inner(x, 2.0, mode="quick", mask=mask)

    for device in (None, "meta"):
        said = ledger(Call(), {"x": x, "mask": mask}, device=device)
        assert said.failure is None, said.failure
        assert [each.sizes for each in said.outputs] == [
            tuple(each.shape) for each in (expected.logits, *expected.states)
        ]
        names = {operation.name for operation in said.operations}
        assert names >= {
            "arange",
            "add",
            "index",
            "index_put",
            "ones",
            "pad",
            "roll",
            "unflatten",
            "transpose",
            "chunk",
            "stack",
            "flatten",
            "einsum",
            "masked_fill",
            "split",
            "cat",
            "mean",
            "sum",
            "mT",
            "reshape",
            "unbind",
        }
        for operation in said.operations:
            assert operation.module == "inner"
            assert operation.rule and not operation.rule.endswith(".")


def test_autocast_is_the_same_on_meta() -> None:
    model, picture = built("torchvision")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        real, meta = ledger(model, picture), ledger(model, picture, device="meta")
    assert "bfloat16" in {shape.dtype for operation in real.operations for shape in operation.outputs}
    found = [(each.name, [shape.dtype for shape in each.outputs]) for each in meta.operations]
    assert found == [(each.name, [shape.dtype for shape in each.outputs]) for each in real.operations]


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_bytes_are_those_of_the_outputs(dtype: torch.dtype) -> None:
    model, picture = built("ours")
    model, picture = model.to(dtype), picture.to(dtype)
    for operation in ledger(model, picture).operations:
        assert operation.outputs[0].dtype == str(dtype).removeprefix("torch.")
        numbers = sum(torch.Size(shape.sizes).numel() for shape in operation.outputs)
        assert operation.bytes == numbers * dtype.itemsize


def test_a_shape_is_enough_and_a_module_that_waits_on_meta() -> None:
    with torch.device("meta"):
        model = VisionTransformer(SIZES).eval()
    assert ledger(model, (2, 3, 24, 24)).device == "meta"
    assert ledger(EinopsViT().eval(), (2, 3, 24, 24)).outputs[0].sizes == (2, 7)
    assert ledger(EinopsViT().double().eval(), (2, 3, 24, 24)).outputs[0].dtype == "float64"


def test_compiled_modules_are_refused_in_a_sentence() -> None:
    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch.jit is on its way out; such modules remain
                self.part = torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2))

    with pytest.raises(TypeError, match=r"part 'part' is compiled by torch\.jit"):
        ledger(Wrapped(), (1, 2))
    compiled = nn.Linear(2, 2)
    compiled._compiled_call_impl = lambda *_: None  # what compile() sets
    with pytest.raises(TypeError, match=r"compiled by torch\.compile"):
        ledger(compiled, (1, 2))
    with pytest.raises(TypeError, match="expected a module or a callable"):
        ledger("model", (1, 2))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="lazy module that has no sizes yet"):
        ledger(nn.Sequential(nn.LazyLinear(3)), (1, 2))
    with pytest.raises(ValueError, match="move it there first"):
        ledger(nn.Linear(2, 2), (1, 2), device="cuda")


def test_rules_say_what_happened() -> None:
    model, picture = built("ours")
    rules = {(each.name, each.rule) for each in ledger(model, picture).operations}
    assert rules >= {
        ("conv2d", "20 kernels make 20 channels; 24 / 8 = 3 patches along each side"),
        ("cat", "joined along axis 1: 1 + 9 = 10"),
        ("add", "10 × 20 is repeated to fit 2 × 10 × 20, aligned from the last axis"),
        ("linear", "the last axis 20 becomes 60, the rows of the weight"),
        ("reshape", "split: 60 = 3·4·5"),
        ("permute", "the axes in the order 2, 0, 3, 1, 4: 2 × 10 × 3 × 4 × 5 becomes 3 × 2 × 4 × 10 × 5"),
        ("unbind", "3 parts, each 2 × 4 × 10 × 5"),
        ("matmul", "rows of 5 times columns of 5: 10 × 5 by 5 × 10 gives 10 × 10, for each of 2 × 4"),
        ("softmax", "along axis 3, the last, the 10 numbers of each row sum to 1: the shape stays"),
        ("index", "[..., 0, :] takes 2 × 20 out of 2 × 10 × 20"),
    }


def test_a_console_and_a_notebook_show_it() -> None:
    model, picture = built("ours")
    said = ledger(model, picture, title="<b>mine</b>")
    text, html = repr(said), said._repr_html_()
    assert "blocks.0–2 × 3" in text and f"{said.parameters:,} parameters" in text
    assert all(len(line) <= 120 for line in text.splitlines())  # of a console whose width is unknown
    assert "<details" in html and "<b>mine</b>" not in html
