"""Other people's weights compute in our model what they compute in theirs: pixels, every hidden state, logits."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from scipy.ndimage import zoom
from timm.data import create_transform, resolve_data_config
from timm.layers import SwiGLU
from timm.models.beit import Beit
from timm.models.deit import VisionTransformerDistilled
from timm.models.swin_transformer import SwinTransformer
from timm.models.vision_transformer import VisionTransformer as TimmViT
from torch import Tensor, nn
from torch.testing import assert_close
from torchvision.models import SwinTransformer as TorchvisionSwin
from torchvision.models import VisionTransformer as TorchvisionViT
from torchvision.models.vision_transformer import ConvStemConfig
from torchvision.transforms._presets import ImageClassification
from transformers import (
    BeitConfig,
    BeitForImageClassification,
    DeiTConfig,
    DeiTForImageClassification,
    Dinov2Config,
    Dinov2ForImageClassification,
    ViTForImageClassification,
    ViTModel,
)
from transformers import (
    ViTConfig as HuggingFaceConfig,
)
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from vit_core import VisionTransformer, ViTConfig, load, load_weights
from vit_core.weights.renaming import rename

# image, patch, layers, heads, D, MLP, classes
SIZES = [(32, 8, 2, 2, 64, 128, 10), (48, 16, 3, 3, 48, 96, 7)]
TOLERANCE = {"atol": 1e-5, "rtol": 0}  # the same weights; the sums are taken in another order, on numbers up to 10


def randomise(model: nn.Module) -> nn.Module:
    """Every parameter, the zeros of class token and head too; scaled so that no layer drowns another."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            scale = parameter[0].numel() ** -0.5 if parameter.dim() in (2, 4) else 0.3
            parameter.normal_(std=scale, generator=generator)
            if "norm" in name or ".ln" in name:
                parameter.add_(1.0 if name.endswith("weight") else 0.0)
    return model.eval()


def torchvision_vit(size: tuple[int, ...], **extra: Any) -> TorchvisionViT:
    image, patch, layers, heads, hidden, mlp, classes = size
    model = TorchvisionViT(image, patch, layers, heads, hidden, mlp, num_classes=classes, **extra)
    return randomise(model)


def timm_vit(size: tuple[int, ...], **extra: Any) -> TimmViT:
    image, patch, layers, heads, hidden, mlp, classes = size
    return randomise(
        TimmViT(
            img_size=image,
            patch_size=patch,
            depth=layers,
            num_heads=heads,
            embed_dim=hidden,
            mlp_ratio=mlp / hidden,
            num_classes=classes,
            **extra,
        )
    )


def huggingface_vit(size: tuple[int, ...], **extra: Any) -> ViTForImageClassification:
    image, patch, layers, heads, hidden, mlp, classes = size
    config = HuggingFaceConfig(
        image_size=image,
        patch_size=patch,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        hidden_size=hidden,
        intermediate_size=mlp,
        num_labels=classes,
        **extra,
    )
    return randomise(ViTForImageClassification(config))


def our_config(size: tuple[int, ...], **extra: Any) -> ViTConfig:
    names = ("image_size", "patch_size", "num_layers", "num_heads", "hidden_size", "mlp_size", "num_classes")
    return ViTConfig(**dict(zip(names, size, strict=True)) | extra)


def hidden_states_of(model: nn.Module, blocks: nn.Module, images: Tensor) -> tuple[list[Tensor], Tensor]:
    """z_0 ... z_L and the logits of a model whose blocks take and give one tensor."""
    states: list[Tensor] = []
    handles = [blocks[0].register_forward_pre_hook(lambda _, given: states.append(given[0]))]  # type: ignore[index]
    handles += [block.register_forward_hook(lambda _, __, out: states.append(out)) for block in blocks]  # type: ignore[union-attr]
    with torch.no_grad():
        logits = model(images)
    for handle in handles:
        handle.remove()
    return [state[0] for state in states], logits[0]


@pytest.fixture(params=[(70, 45), (33, 61)], ids=str)
def picture(request: pytest.FixtureRequest) -> Image.Image:
    width, height = request.param
    return Image.fromarray(np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8))


def assert_same(ours: VisionTransformer, image: Tensor, states: list[Tensor], logits: Tensor) -> None:
    trace = ours.trace(image)
    assert len(trace.hidden_states) == len(states) == ours.config.num_layers + 1
    for our_state, state in zip(trace.hidden_states, states, strict=True):
        assert_close(our_state, state, **TOLERANCE)
    assert_close(trace.logits, logits, **TOLERANCE)
    assert logits.std() > 0.1  # a comparison of something


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_torchvision(size: tuple[int, ...], picture: Image.Image, tmp_path: Path) -> None:
    theirs = torchvision_vit(size)
    torch.save(theirs.state_dict(), path := tmp_path / "model.pth")
    ours, checkpoint = load(path, num_heads=size[3])
    transforms = ImageClassification(crop_size=size[0], resize_size=256 * size[0] // 224)
    states, logits = hidden_states_of(theirs, theirs.encoder.layers, transforms(picture)[None])
    assert_same(ours, checkpoint.preprocess(picture), states, logits)


def test_torchvision_names_of_the_published_files() -> None:
    """The files on the web are older than the MLP's present names."""
    theirs = torchvision_vit(SIZES[0])
    old = {
        key.replace(".mlp.0.", ".mlp.linear_1.").replace(".mlp.3.", ".mlp.linear_2."): tensor
        for key, tensor in theirs.state_dict().items()
    }
    assert old.keys() != theirs.state_dict().keys()
    assert_equal(rename(old, "torchvision"), rename(theirs.state_dict(), "torchvision"))


def test_torchvision_with_a_representation_layer(picture: Image.Image, tmp_path: Path) -> None:
    theirs = torchvision_vit(SIZES[0], representation_size=20)
    torch.save(theirs.state_dict(), path := tmp_path / "model.pth")
    ours, checkpoint = load(path, num_heads=2)
    assert checkpoint.config.representation_size == 20
    image = checkpoint.preprocess(picture)
    assert_same(ours, image, *hidden_states_of(theirs, theirs.encoder.layers, image[None]))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_timm(size: tuple[int, ...], picture: Image.Image, tmp_path: Path) -> None:
    theirs = timm_vit(size)
    save_file(theirs.state_dict(), path := tmp_path / "model.safetensors")
    ours, checkpoint = load(path, num_heads=size[3])
    published = {
        "input_size": (3, size[0], size[0]),
        "crop_pct": 0.9,
        "interpolation": "bicubic",
        "mean": (0.5,) * 3,
        "std": (0.5,) * 3,
    }
    transform = create_transform(**resolve_data_config({}, pretrained_cfg=published))
    states, logits = hidden_states_of(theirs, theirs.blocks, transform(picture)[None])
    assert_same(ours, checkpoint.preprocess(picture), states, logits)


@pytest.mark.parametrize("epsilon", [1e-12, 1e-3])
@pytest.mark.parametrize("activation", ["gelu", "gelu_pytorch_tanh"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_huggingface_folder(
    size: tuple[int, ...], activation: str, epsilon: float, picture: Image.Image, tmp_path: Path
) -> None:
    theirs = huggingface_vit(size, hidden_act=activation, layer_norm_eps=epsilon)
    theirs.save_pretrained(tmp_path)
    processor = ViTImageProcessorPil(size={"height": size[0], "width": size[0]}, resample=3, image_mean=[0.4, 0.5, 0.6])
    processor.save_pretrained(tmp_path)
    ours, checkpoint = load(tmp_path)  # heads, epsilon, GELU and preprocessing are read from the folder
    with torch.no_grad():
        out = theirs(processor(picture, return_tensors="pt")["pixel_values"], output_hidden_states=True)
    states = [state[0] for state in out.hidden_states]
    assert_same(ours, checkpoint.preprocess(picture), states, out.logits[0])


def test_huggingface_names_of_both_versions(tmp_path: Path) -> None:
    """Version 5 renames in memory, and its files keep the names of version 4."""
    theirs = huggingface_vit(SIZES[0])
    theirs.save_pretrained(tmp_path)
    in_file, _ = load(tmp_path)
    assert "vit.layers.0.attention.q_proj.weight" in theirs.state_dict()
    in_memory = VisionTransformer(in_file.config)
    load_weights(in_memory, theirs.state_dict(), "huggingface")
    assert_equal(in_memory.state_dict(), in_file.state_dict())


def test_huggingface_pooler_is_not_part_of_the_logits() -> None:
    state = huggingface_vit(SIZES[0]).state_dict()
    extra = {"vit.pooler.dense.weight": torch.zeros(64, 64), "vit.pooler.dense.bias": torch.zeros(64)}
    assert_equal(rename(state | extra, "huggingface"), rename(state, "huggingface"))


# Google's .npz -------------------------------------------------------------------------------------------------------

RELEASED = {"attention": "MultiHeadDotProductAttention_1", "norm": "LayerNorm_2", "mlp": "MlpBlock_3"}
TODAY = {"attention": "MultiHeadDotProductAttention_0", "norm": "LayerNorm_1", "mlp": "MlpBlock_0"}


def google_arrays(
    size: tuple[int, ...], names: Mapping[str, str], representation: int | None
) -> dict[str, np.ndarray[Any, Any]]:
    """The official names and shapes with random numbers."""
    image, patch, layers, heads, hidden, mlp, classes = size
    generator = np.random.default_rng(9)

    def dense(*shape: int, inputs: int) -> np.ndarray[Any, Any]:
        return generator.normal(0, inputs**-0.5, shape).astype(np.float32)

    def vector(*shape: int, around: float = 0.0) -> np.ndarray[Any, Any]:
        return generator.normal(around, 0.3, shape).astype(np.float32)

    arrays = {
        "cls": vector(1, 1, hidden),
        "embedding/kernel": dense(patch, patch, 3, hidden, inputs=patch * patch * 3),
        "embedding/bias": vector(hidden),
        "Transformer/posembed_input/pos_embedding": vector(1, (image // patch) ** 2 + 1, hidden),
        "Transformer/encoder_norm/scale": vector(hidden, around=1.0),
        "Transformer/encoder_norm/bias": vector(hidden),
        "head/kernel": dense(representation or hidden, classes, inputs=representation or hidden),
        "head/bias": vector(classes),
    }
    if representation:
        arrays["pre_logits/kernel"] = dense(hidden, representation, inputs=hidden)
        arrays["pre_logits/bias"] = vector(representation)
    for layer in range(layers):
        block = f"Transformer/encoderblock_{layer}/"
        for norm in ("LayerNorm_0", names["norm"]):
            arrays[f"{block}{norm}/scale"] = vector(hidden, around=1.0)
            arrays[f"{block}{norm}/bias"] = vector(hidden)
        for part in ("query", "key", "value"):
            shape = (hidden, heads, hidden // heads)
            arrays[f"{block}{names['attention']}/{part}/kernel"] = dense(*shape, inputs=hidden)
            arrays[f"{block}{names['attention']}/{part}/bias"] = vector(*shape[1:])
        arrays[f"{block}{names['attention']}/out/kernel"] = dense(heads, hidden // heads, hidden, inputs=hidden)
        arrays[f"{block}{names['attention']}/out/bias"] = vector(hidden)
        for number, (inputs, outputs) in enumerate(((hidden, mlp), (mlp, hidden))):
            arrays[f"{block}{names['mlp']}/Dense_{number}/kernel"] = dense(inputs, outputs, inputs=inputs)
            arrays[f"{block}{names['mlp']}/Dense_{number}/bias"] = vector(outputs)
    return arrays


def google_forward(
    arrays: Mapping[str, np.ndarray[Any, Any]], names: Mapping[str, str], image: np.ndarray[Any, Any]
) -> tuple[list[np.ndarray[Any, Any]], np.ndarray[Any, Any]]:
    """The official model on one [height, width, channels] picture, in float64 NumPy and in their layout."""
    weights = {name: array.astype(np.float64) for name, array in arrays.items()}

    def norm(z: np.ndarray[Any, Any], name: str) -> np.ndarray[Any, Any]:
        normalised = (z - z.mean(-1, keepdims=True)) / np.sqrt(z.var(-1, keepdims=True) + 1e-6)
        return normalised * weights[f"{name}/scale"] + weights[f"{name}/bias"]

    kernel = weights["embedding/kernel"]
    size, rows = kernel.shape[0], image.shape[0] // kernel.shape[0]
    cut = image.reshape(rows, size, rows, size, 3)
    patches = np.einsum("aibjc,ijcd->abd", cut, kernel).reshape(rows * rows, -1) + weights["embedding/bias"]
    z = np.concatenate([weights["cls"][0], patches]) + weights["Transformer/posembed_input/pos_embedding"][0]
    states, layer = [z], 0
    while f"Transformer/encoderblock_{layer}/LayerNorm_0/scale" in weights:
        block = f"Transformer/encoderblock_{layer}"
        attention, mlp = f"{block}/{names['attention']}", f"{block}/{names['mlp']}"
        y = norm(z, f"{block}/LayerNorm_0")
        q, k, v = (
            np.einsum("td,dhe->hte", y, weights[f"{attention}/{p}/kernel"]) + weights[f"{attention}/{p}/bias"][:, None]
            for p in ("query", "key", "value")
        )
        scores = np.exp(np.einsum("hqe,hke->hqk", q, k) / np.sqrt(q.shape[-1]))
        heads = np.einsum("hqk,hke->hqe", scores / scores.sum(-1, keepdims=True), v)
        z = z + np.einsum("hte,hed->td", heads, weights[f"{attention}/out/kernel"]) + weights[f"{attention}/out/bias"]
        hidden = norm(z, f"{block}/{names['norm']}") @ weights[f"{mlp}/Dense_0/kernel"] + weights[f"{mlp}/Dense_0/bias"]
        gelu = 0.5 * hidden * (1 + np.tanh(np.sqrt(2 / np.pi) * (hidden + 0.044715 * hidden**3)))
        z = z + gelu @ weights[f"{mlp}/Dense_1/kernel"] + weights[f"{mlp}/Dense_1/bias"]
        states.append(z)
        layer += 1
    y = norm(z, "Transformer/encoder_norm")[0]
    if "pre_logits/kernel" in weights:
        y = np.tanh(y @ weights["pre_logits/kernel"] + weights["pre_logits/bias"])
    return states, y @ weights["head/kernel"] + weights["head/bias"]


@pytest.mark.parametrize("representation", [None, 20])
@pytest.mark.parametrize("names", [RELEASED, TODAY], ids=["released", "today"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_google(
    size: tuple[int, ...], names: Mapping[str, str], representation: int | None, picture: Image.Image, tmp_path: Path
) -> None:
    arrays = google_arrays(size, names, representation)
    np.savez(path := tmp_path / "ViT-B_16.npz", **arrays)
    ours, checkpoint = load(path)  # the heads are an axis of the file
    assert checkpoint.config == our_config(size, representation_size=representation, gelu="tanh")
    image = checkpoint.preprocess(picture)
    states, logits = google_forward(arrays, names, image.permute(1, 2, 0).double().numpy())
    assert_same(ours, image, [torch.from_numpy(state).float() for state in states], torch.from_numpy(logits).float())


@pytest.mark.parametrize("image_size", [16, 56])
def test_google_at_another_picture_size(image_size: int, tmp_path: Path) -> None:
    """As the paper's code does when it loads for fine-tuning: scipy's zoom of order 1."""
    arrays = google_arrays(SIZES[0], RELEASED, None)
    np.savez(path := tmp_path / "ViT-B_16.npz", **arrays)
    ours, checkpoint = load(path, image_size=image_size)
    assert checkpoint.preprocess.image_size == image_size
    position = arrays["Transformer/posembed_input/pos_embedding"][0]
    factor = image_size / SIZES[0][0]
    expected = zoom(position[1:].reshape(4, 4, -1).astype(np.float64), (factor, factor, 1), order=1)
    assert torch.equal(ours.position_embedding[0], torch.from_numpy(position[0]))
    assert_close(ours.position_embedding[1:].detach(), torch.from_numpy(expected).float().flatten(0, 1), **TOLERANCE)


def test_huggingface_at_another_picture_size(picture: Image.Image, tmp_path: Path) -> None:
    theirs = huggingface_vit(SIZES[0])
    theirs.save_pretrained(tmp_path)
    ours, checkpoint = load(tmp_path, image_size=56)
    image = checkpoint.preprocess(picture)
    with torch.no_grad():
        logits = theirs(image[None], interpolate_pos_encoding=True).logits[0]
    assert_close(ours.trace(image).logits, logits, **TOLERANCE)


# What does not fit ---------------------------------------------------------------------------------------------------


def assert_equal(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_our_own_names() -> None:
    model = VisionTransformer(our_config(SIZES[0]))
    other = VisionTransformer(our_config(SIZES[0]))
    load_weights(other, {name: tensor.half() for name, tensor in model.state_dict().items()}, "ours")
    half = {name: tensor.half().float() for name, tensor in model.state_dict().items()}
    assert_equal(other.state_dict(), half)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"norm.weight": None}, "missing: norm.weight$"),
        ({"surplus": torch.zeros(1)}, "left over: surplus$"),
        ({"head.weight": torch.zeros(11, 64)}, r"head.linear.weight \(expected \[10, 64\], got \[11, 64\]"),
        ({"pre_logits.fc.weight": torch.zeros(64, 64), "pre_logits.fc.bias": torch.zeros(64)}, "left over: head.pre_l"),
        (
            {f"blocks.1.{name}.{kind}": None for name in ("norm1", "norm2", "attn.qkv") for kind in ("weight", "bias")},
            "missing: .*, .*, .*, .* and 2 more$",
        ),
        ({"norm.weight": torch.zeros(64, dtype=torch.int64)}, "norm.weight holds numbers of type torch.int64"),
        ({"cls_token": torch.zeros(2, 1, 64)}, r"cls_token has shape \[2, 1, 64\], expected the axes \[1 one d\]"),
        ({"pos_embed": torch.zeros(1, 26, 64)}, r"position_embedding \(expected \[17, 64\], got \[26, 64\]\)"),
    ],
    ids=["missing", "left over", "shape", "head", "many", "type", "axes", "grid"],
)
def test_what_does_not_fit_is_named_and_nothing_is_changed(change: dict[str, Tensor | None], problem: str) -> None:
    changed = timm_vit(SIZES[0]).state_dict() | change
    state = {name: tensor for name, tensor in changed.items() if tensor is not None}
    model = VisionTransformer(our_config(SIZES[0]))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ValueError, match=problem):
        load_weights(model, state, "timm")
    assert_equal(model.state_dict(), before)


def test_more_or_fewer_layers_do_not_fit() -> None:
    state = timm_vit(SIZES[0]).state_dict()
    for num_layers, problem in ((1, "left over: blocks.1"), (3, "missing: blocks.2")):
        model = VisionTransformer(our_config((32, 8, num_layers, 2, 64, 128, 10)))
        with pytest.raises(ValueError, match=problem):
            load_weights(model, state, "timm")


def test_unknown_source() -> None:
    with pytest.raises(ValueError, match="unknown source 'keras', known are ours, torchvision, timm, hugg"):
        load_weights(VisionTransformer(our_config(SIZES[0])), {}, "keras")


SMALL = {"img_size": 32, "patch_size": 8, "embed_dim": 64, "depth": 1, "num_heads": 2, "num_classes": 5}
TINY_HF = {
    "image_size": 32,
    "patch_size": 8,
    "hidden_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 128,
}


def names_only(*names: str) -> SimpleNamespace:
    """Something with a state dict of these names."""
    return SimpleNamespace(state_dict=lambda: {name: torch.zeros(1) for name in names})


@pytest.mark.parametrize(
    ("build", "found"),
    [
        (lambda: VisionTransformerDistilled(**SMALL), "distillation token"),
        (lambda: TimmViT(**SMALL, reg_tokens=4), "register tokens"),
        (lambda: TimmViT(**SMALL, class_token=False, global_pool="avg"), "fc_norm"),
        (lambda: TimmViT(**SMALL, class_token=False, global_pool="avg", fc_norm=False), "no class token"),
        (lambda: TimmViT(**SMALL, global_pool="map"), "pools by attention"),
        (lambda: TimmViT(**SMALL, init_values=1e-5), "LayerScale"),
        (lambda: TimmViT(**SMALL, qk_norm=True), "normalised queries and keys"),
        (lambda: TimmViT(**SMALL, qkv_bias=False), "queries, keys and values have no bias"),
        (lambda: TimmViT(**SMALL, mlp_layer=SwiGLU), "SwiGLU"),
        (lambda: TimmViT(**SMALL, pre_norm=True), "LayerNorm before the first block"),
        (lambda: TimmViT(**SMALL | {"num_classes": 0}), "no classification head"),
        (lambda: TimmViT(**SMALL, pos_embed="none"), "missing: pos_embed"),
        (lambda: Beit(**SMALL, init_values=0.1), "BEiT"),
        (
            lambda: SwinTransformer(img_size=32, patch_size=4, embed_dim=8, depths=(1,), num_heads=(1,), window_size=4),
            "Swin",
        ),
        (lambda: TorchvisionSwin([4, 4], 8, [2], [1], [4, 4]), "Swin"),
        (lambda: torchvision_vit(SIZES[0], conv_stem_configs=[ConvStemConfig(8, 3, 2)] * 3), "convolutions before"),
        (lambda: DeiTForImageClassification(DeiTConfig(**TINY_HF)), "distillation token"),
        (lambda: Dinov2ForImageClassification(Dinov2Config(**TINY_HF)), "LayerScale"),
        (lambda: BeitForImageClassification(BeitConfig(**TINY_HF)), "BEiT"),
        (lambda: ViTModel(HuggingFaceConfig(**TINY_HF)), "no classification head"),
        (lambda: names_only("conv1.weight", "layer1.0.conv1.weight"), "not the weights of a ViT .*found conv1.weight"),
        (lambda: names_only("embedding/kernel", "conv_root/kernel", "cls", "head/kernel"), "convolutions before"),
        (lambda: names_only("decoder_embed.weight", "patch_embed.proj.weight"), "decoder"),
    ],
)
def test_other_families_are_refused_by_what_they_have(build: Any, found: str, tmp_path: Path) -> None:
    torch.save(build().state_dict(), path := tmp_path / "model.pth")
    with pytest.raises(ValueError, match=found) as caught:
        load(path)
    assert "\n" not in str(caught.value)
