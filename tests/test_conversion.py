"""Weights under every family's names: their own models take them and compute the same; the way back is exact."""

import io
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
import transformers
from torch import Tensor, nn
from torch.testing import assert_close

from tests.course_vit import CourseViT, LucidrainsLikeViT
from vit_core import VisionTransformer, ViTConfig, load, load_weights
from vit_core.examination import examine
from vit_core.weights.checkpoints import Checkpoint, read_card
from vit_core.weights.conversion import FORMATS, card_of, caveats, constructor, convert, how_to_load, names_of, write
from vit_core.weights.renaming import rename
from vit_core.weights.sources import SOURCES

CONFIG = ViTConfig(image_size=32, patch_size=8, num_layers=3, hidden_size=48, mlp_size=96, num_heads=3, num_classes=7)


def model_of(config: ViTConfig = CONFIG, with_qkv_bias: bool = True) -> VisionTransformer:
    """Every number random."""
    model = VisionTransformer(config).eval()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            scale = parameter[0].numel() ** -0.5 if parameter.dim() in (2, 4) else 0.3
            parameter.normal_(std=scale, generator=generator)
            if "norm" in name and name.endswith("weight"):
                parameter.add_(1.0)
            if "qkv.bias" in name and not with_qkv_bias:
                parameter.zero_()
    return model


def for_source(source: str) -> VisionTransformer:
    return model_of(with_qkv_bias=source != "lucidrains")


def bits(state: dict[str, Tensor]) -> dict[str, bytes]:
    return {name: tensor.contiguous().numpy().tobytes() for name, tensor in state.items()}


@pytest.mark.parametrize(("first", "second"), list(product(SOURCES, SOURCES)))
def test_every_pair_of_namings_round_trips_to_the_bit(first: str, second: str) -> None:
    """Ours -> first -> ours -> second -> ours."""
    model = model_of(with_qkv_bias="lucidrains" not in (first, second))
    before = bits({name: tensor.detach() for name, tensor in model.state_dict().items()})
    for source in (first, second):
        theirs = convert(model, source)
        assert all(tensor.is_contiguous() for tensor in theirs.values())
        model = VisionTransformer(CONFIG).eval()
        load_weights(model, theirs, source)
    assert bits({name: tensor.detach() for name, tensor in model.state_dict().items()}) == before


@pytest.mark.parametrize(("source", "suffix"), [(s, suffix) for s in SOURCES for suffix in FORMATS[s]])
def test_a_written_file_is_recognised_and_opens_with_the_same_numbers(source: str, suffix: str, tmp_path: Path) -> None:
    model = for_source(source)
    write(convert(model, source), path := tmp_path / f"model{suffix}", suffix)
    examination = examine(path, num_heads=3)
    assert (examination.source, examination.opens) == (source, True)
    again, _ = load(path, num_heads=3, norm_eps=1e-6, gelu="none")
    assert bits(dict(again.state_dict())) == bits(dict(model.state_dict()))
    image = torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(2))
    # Not to the bit: where a tensor begins in memory decides on some processors which instructions multiply it.
    torch.testing.assert_close(again(image), model(image), rtol=0, atol=1e-5)
    in_memory = io.BytesIO()
    write(convert(model, source), in_memory, suffix)
    (other := tmp_path / f"other{suffix}").write_bytes(in_memory.getvalue())
    assert bits(dict(load(other, num_heads=3)[0].state_dict())) == bits(dict(model.state_dict()))


@pytest.mark.parametrize("gelu", ["none", "tanh"])
@pytest.mark.parametrize("epsilon", [1e-6, 1e-5, 1e-3])
@pytest.mark.parametrize(
    "source", [source for source in SOURCES if source not in ("ours", "google")]
)  # which needs JAX
def test_the_familys_own_model_computes_the_same(source: str, epsilon: float, gelu: Any, tmp_path: Path) -> None:
    """Built by the line that we print; where its code cannot be told the epsilon or the GELU, we say so."""
    config = ViTConfig(**vars(CONFIG) | {"norm_eps": epsilon, "gelu": gelu})
    model = model_of(config, with_qkv_bias=source != "lucidrains")
    names = {
        "torchvision": torchvision,
        "timm": timm,
        "transformers": transformers,
        "torch": torch,
        "partial": partial,
        "ViT": {"course": CourseViT, "lucidrains": LucidrainsLikeViT}.get(source),
    }
    theirs: nn.Module = eval(constructor(source, config), names)
    if source == "huggingface":  # in memory its names are others than in its files
        theirs.config.save_pretrained(tmp_path)  # type: ignore[operator, union-attr]
        write(convert(model, source), tmp_path / "model.safetensors", ".safetensors")
        theirs, told = transformers.ViTForImageClassification.from_pretrained(tmp_path, output_loading_info=True)
        assert not any(told.values())
    else:
        theirs.load_state_dict(convert(model, source), strict=True)
    image = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        out: Any = theirs.eval()(image)
    logits = out if isinstance(out, Tensor) else out.logits
    if not caveats(source, config):
        assert_close(logits, model(image).detach(), atol=1e-5, rtol=0)  # the sums are taken in another order
    elif gelu == "tanh" or epsilon == 1e-3:  # 1e-5 for 1e-6 does not show
        assert (logits - model(image)).abs().max() > 1e-5


@pytest.mark.parametrize(("suffix", "file"), [(".safetensors", "model.safetensors"), (".pth", "pytorch_model.bin")])
def test_transformers_loads_what_is_written_in_the_way_that_we_say(suffix: str, file: str, tmp_path: Path) -> None:
    model, said = model_of(), how_to_load("huggingface")
    assert file in said and "from_pretrained(FOLDER)" in said and not how_to_load("timm")
    theirs: Any = eval(constructor("huggingface", CONFIG), {"transformers": transformers})
    with pytest.raises(RuntimeError, match="Missing key"):
        theirs.load_state_dict(convert(model, "huggingface"), strict=True)
    theirs.config.save_pretrained(tmp_path)
    write(convert(model, "huggingface"), tmp_path / file, suffix)
    theirs, told = transformers.ViTForImageClassification.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(told.values())
    image = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        assert_close(theirs.eval()(image).logits, model(image), atol=1e-5, rtol=0)  # sums in another order


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".npz"])
def test_what_cannot_be_written_is_an_os_error(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"cannot be written|No such file"):
        write(convert(model_of(), "google"), tmp_path / "none" / f"x{suffix}", suffix)


def test_names_and_shapes_take_no_memory() -> None:
    config = ViTConfig.named("H/14", num_layers=48, hidden_size=6144, mlp_size=24576, num_heads=48)  # 22 billion
    for source in SOURCES:
        shapes = names_of(source, config)
        count = sum(torch.Size(shape).numel() for shape in shapes.values())
        assert count > 21.7e9
    assert names_of("google", config)["Transformer/encoderblock_0/MultiHeadDotProductAttention_0/query/kernel"] == (
        6144,
        48,
        128,
    )


@pytest.mark.parametrize("source", list(SOURCES))
def test_names_and_shapes_are_those_of_what_is_converted(source: str) -> None:
    converted = convert(for_source(source), source)
    assert {name: tuple(tensor.shape) for name, tensor in converted.items()} == names_of(source, CONFIG)
    assert rename(converted, source).keys() == VisionTransformer(CONFIG).state_dict().keys()


@pytest.mark.parametrize("source", list(SOURCES))
def test_a_signature_is_a_name_of_its_source_alone(source: str) -> None:
    signature = SOURCES[source].signature
    assert [other for other in SOURCES if signature in names_of(other, CONFIG)] == [source]


def test_what_a_family_has_no_place_for_is_refused() -> None:
    with pytest.raises(ValueError, match=r"vit-pytorch .* has no place for blocks.0.attention.qkv.bias, .*, and with"):
        convert(model_of(), "lucidrains")
    hidden = model_of(ViTConfig(**vars(CONFIG) | {"representation_size": 20}))
    for source in ("huggingface", "course"):
        with pytest.raises(ValueError, match=r"no place for head.pre_logits.weight, head.pre_logits.bias"):
            convert(hidden, source)
        with pytest.raises(ValueError, match=r"no place for head.pre_logits"):
            names_of(source, hidden.config)
    assert "heads.pre_logits.weight" in convert(hidden, "torchvision")
    with pytest.raises(ValueError, match=r"unknown source .keras."):
        convert(hidden, "keras")
    with pytest.raises(ValueError, match=r"unknown kind of file .\.h5."):
        write({}, io.BytesIO(), ".h5")


def test_our_own_file_with_its_card_keeps_what_no_weights_can_tell(tmp_path: Path) -> None:
    model = model_of(ViTConfig(**vars(CONFIG) | {"norm_eps": 1e-3, "gelu": "tanh"}))
    record = Checkpoint(
        name="x",
        source="timm",
        config=model.config,
        preprocess=SOURCES["timm"].preprocess.at(32),
        labels=tuple("abcdefg"),
        description="of a test",
        licence="MIT",
    )
    write(convert(model, "ours"), path := tmp_path / "x.safetensors", ".safetensors")
    path.with_suffix(".json").write_text(card_of(record), encoding="utf-8")
    again, checkpoint = load(path)
    assert checkpoint.config == again.config == model.config
    assert checkpoint.preprocess == record.preprocess and checkpoint.labels == record.labels
    assert read_card(path, "x").licence == "MIT"
