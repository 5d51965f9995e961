"""Whatever file of a plain ViT is examined: it is recognised, its sizes are right, it opens, or the reason is right."""

import re
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Callable, Mapping
from copy import deepcopy
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.models.deit import VisionTransformerDistilled
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.testing import assert_close
from torchvision.models import VisionTransformer as TorchvisionViT
from torchvision.models import resnet18
from transformers import Dinov2Config, Dinov2ForImageClassification

from tests.course_vit import CourseViT, LucidrainsLikeViT
from tests.same_weights import MODELS, Weights, course_model, logits_of, lucidrains_model, save
from vit_core import ViTConfig, load
from vit_core.examination import Examination, examine
from vit_core.weights.checkpoints import EMBEDDED
from vit_core.weights.conversion import convert, write
from vit_core.weights.head_candidates import head_candidates
from vit_core.weights.sources import SOURCES

FAMILIES = tuple(source for source in SOURCES if source != "ours")


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def weights_for(source: str) -> Weights:
    return Weights(qkv_bias=source != "lucidrains")


def found(examination: Examination, about: str) -> str:
    """The sentences of a kind."""
    return " ".join(each.sentence for each in examination.findings if each.about == about)


def timm_state(**changes: Tensor | None) -> dict[str, Tensor]:
    """A good file's names and tensors, and the changes; None takes one out."""
    state = MODELS["timm"](Weights()).state_dict() | {name.replace("__", "."): each for name, each in changes.items()}
    return {name: tensor for name, tensor in state.items() if tensor is not None}


# The same weights in every family ------------------------------------------------------------------------------------


def test_the_courses_class_has_the_parameters_that_the_chapter_counts() -> None:
    with torch.device("meta"):
        model = CourseViT(num_classes=3)
        assert sum(each.numel() for each in model.parameters()) == 85_800_963  # section 8.1
        assert sum(each.numel() for each in model.transformer_encoder[0].parameters()) == 7_087_872  # section 7.1
        assert sum(each.numel() for each in CourseViT(num_classes=1000).parameters()) == 86_567_656


@pytest.mark.parametrize("source", FAMILIES)
def test_recognised_with_its_sizes_and_what_it_leaves_unsaid(source: str, tmp_path: Path) -> None:
    path = save(source, weights_for(source), tmp_path)
    examination = examine(path, **({} if source == "google" else {"num_heads": 3}))
    assert examination.opens and not examination.problem
    assert examination.source == source and examination.family == SOURCES[source].title
    assert {read.field: read.value for read in examination.sizes} == {
        "image_size": 32,
        "patch_size": 8,
        "num_channels": 3,
        "num_layers": 3,
        "hidden_size": 48,
        "mlp_size": 96,
        "num_classes": 7,
    }
    shapes = {name: shape for name, shape, _ in examination.tensors}
    assert all(shapes[read.name] == read.shape for read in examination.sizes)
    assert not [each for each in examination.findings if each.severity == "error"]
    told = {each.what: each for each in examination.expectations}
    assert told["LayerNorm's epsilon"].value == f"{SOURCES[source].norm_eps:g}"
    assert not told["LayerNorm's epsilon"].stated_by and not told["GELU"].stated_by  # no file has them
    assert ("tanh" in told["GELU"].value) == (source == "google")


@pytest.mark.parametrize("source", FAMILIES)
def test_heads_are_told_only_by_googles_layout(source: str, tmp_path: Path) -> None:
    """D = 48 is shared by no usual number of heads: nothing is guessed, and the divisors are all there are."""
    examination = examine(save(source, weights_for(source), tmp_path))
    assert sorted(each.num_heads for each in examination.heads) == [1, 2, 3, 4, 6, 8, 12, 16, 24, 48]
    assert all(each.num_heads * each.head_size == 48 for each in examination.heads)
    if source == "google":
        assert examination.opens
        assert examination.heads[0].num_heads == 3
        assert examination.heads[0].reason == "the file itself, or one next to it, states it"
    else:
        assert not examination.opens
        assert not any(each.reason for each in examination.heads)
        assert "how many heads share D = 48 cannot be read" in examination.problem
        assert "the code that trained it" in examination.remedy


@pytest.mark.parametrize(
    ("layers", "hidden", "mlp", "heads", "why"),
    [
        (12, 768, 3072, 12, "ViT-B"),
        (32, 1280, 5120, 16, "ViT-H"),  # not D / 64 = 20
        (12, 192, 768, 3, "ViT-Ti"),
        (5, 320, 640, 5, "D_h = 64"),
    ],
)
def test_the_likely_number_of_heads(layers: int, hidden: int, mlp: int, heads: int, why: str) -> None:
    first = head_candidates(hidden, layers, mlp)[0]
    assert first.num_heads == heads
    assert why in first.reason


@pytest.mark.parametrize("source", [each for each in FAMILIES if each != "google"])
def test_opened_it_computes_what_its_own_model_computes(source: str, images: Tensor, tmp_path: Path) -> None:
    """With the epsilon and GELU that the family has, which no file says."""
    w = weights_for(source)
    ours, _ = load(save(source, w, tmp_path), num_heads=3)
    expected = logits_of(MODELS[source](w), images)
    assert expected.std() > 0.3  # a comparison of something
    assert_close(ours(images).detach(), expected, atol=1e-5, rtol=0)  # sums in another order, on numbers up to 10


def test_the_same_weights_give_the_same_logits_from_every_familys_file(images: Tensor, tmp_path: Path) -> None:
    """Within 1e-4 of each other, with what the files leave unsaid given once for all: heads, epsilon, GELU."""
    w = Weights()
    sources = [each for each in FAMILIES if each != "lucidrains"]  # which has no bias for q, k, v
    given: dict[str, Any] = {"num_heads": 3, "norm_eps": 1e-6, "gelu": "none"}
    logits = {}
    for source in sources:
        model, checkpoint = load(save(source, w, tmp_path), **given)
        assert checkpoint.source == source
        logits[source] = model(images).detach()
    for one, other in combinations(sources, 2):
        assert_close(logits[one], logits[other], atol=1e-4, rtol=0)
    assert_close(logits["torchvision"], logits_of(MODELS["torchvision"](w), images), atol=1e-5, rtol=0)


def test_what_the_families_assume_otherwise_is_small_but_for_googles_gelu(images: Tensor, tmp_path: Path) -> None:
    """Epsilons of 1e-5, 1e-6 and 1e-12 change these logits by less than 1e-4, the two forms of GELU by more."""
    w = Weights()
    logits = {
        source: load(save(source, w, tmp_path), num_heads=3)[0](images).detach()
        for source in FAMILIES
        if source != "lucidrains"
    }
    for one, other in combinations([source for source in logits if source != "google"], 2):
        assert_close(logits[one], logits[other], atol=1e-4, rtol=0)
    with_erf = load(tmp_path / "google.npz", gelu="none")[0](images).detach()
    assert_close(with_erf, logits["torchvision"], atol=1e-4, rtol=0)
    assert (logits["google"] - with_erf).abs().max() > 1e-4


@pytest.mark.parametrize("later", [False, True], ids=["earlier", "later"])
def test_vit_pytorch_of_all_ages(later: bool, images: Tensor, tmp_path: Path) -> None:
    w = weights_for("lucidrains")
    theirs = lucidrains_model(w, later)
    torch.save(theirs.state_dict(), path := tmp_path / "vit.pt")
    examination = examine(path, num_heads=3)
    assert (examination.source, examination.opens) == ("lucidrains", True)
    ours, _ = load(path, num_heads=3)
    assert_close(ours(images).detach(), logits_of(theirs, images), atol=1e-5, rtol=0)
    assert not ours.block(1).attention.qkv.bias.any()  # theirs has none


def test_vit_pytorch_with_one_head_as_wide_as_d(images: Tensor, tmp_path: Path) -> None:
    """Its projection is left out then, and what stands for it changes nothing."""
    sizes: dict[str, Any] = {"image_size": 32, "patch_size": 8, "num_classes": 5, "dim": 32, "depth": 2, "mlp_dim": 64}
    torch.manual_seed(3)
    theirs = LucidrainsLikeViT(**sizes, heads=1, dim_head=32).eval()
    torch.save(theirs.state_dict(), path := tmp_path / "vit.pt")
    examination = examine(path)
    assert examination.opens and examination.heads[0].num_heads == 1
    assert "left out" in found(examination, "missing")
    assert_close(load(path)[0](images).detach(), logits_of(theirs, images), atol=1e-5, rtol=0)


def test_vit_pytorch_that_no_plain_vit_computes(tmp_path: Path) -> None:
    sizes: dict[str, Any] = {"image_size": 32, "patch_size": 8, "num_classes": 5, "dim": 64, "depth": 2, "mlp_dim": 96}
    theirs = LucidrainsLikeViT(**sizes, heads=2, later=True, patch_norms=True)
    torch.save(theirs.state_dict(), path := tmp_path / "a.pt")
    examination = examine(path)
    assert not examination.opens
    assert "LayerNorms around its patch projection" in examination.problem
    assert "vit-pytorch" in examination.family and "vit-pytorch" in examination.remedy
    torch.save(LucidrainsLikeViT(**sizes, heads=2, dim_head=64).state_dict(), path)
    examination = examine(path)
    assert not examination.opens
    assert "k D_h = 128 wide together and D = 64" in found(examination, "shape")


def test_the_courses_first_exercise(images: Tensor, tmp_path: Path) -> None:
    """The same model of nn.TransformerEncoderLayer."""
    w = Weights()
    theirs = course_model(w, with_torchs_layers=True)
    torch.save(theirs.state_dict(), path := tmp_path / "vit.pth")
    assert examine(path, num_heads=3).source == "course"
    expected = logits_of(theirs, images)
    assert_close(load(path, num_heads=3)[0](images).detach(), expected, atol=1e-5, rtol=0)
    assert_close(logits_of(course_model(w), images), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "head",
    [
        lambda hidden: nn.Linear(hidden, 3),  # as the course replaces it (section 10.2)
        lambda hidden: nn.Sequential(nn.Dropout(0.1), nn.Linear(hidden, 3)),
    ],
)
def test_a_torchvision_model_with_another_head(head: Any, images: Tensor, tmp_path: Path) -> None:
    theirs = MODELS["torchvision"](Weights())
    theirs.heads = head(48)
    torch.save(theirs.eval().state_dict(), path := tmp_path / "extractor.pth")
    assert examine(path, num_heads=3).opens
    assert_close(load(path, num_heads=3)[0](images).detach(), logits_of(theirs, images), atol=1e-5, rtol=0)


def test_a_head_with_a_layer_norm_of_its_own_is_refused(tmp_path: Path) -> None:
    theirs = MODELS["torchvision"](Weights())
    theirs.heads = nn.Sequential(nn.LayerNorm(48), nn.Linear(48, 3))
    torch.save(theirs.state_dict(), path := tmp_path / "extractor.pth")
    examination = examine(path, num_heads=3)
    assert not examination.opens
    assert "heads.0.weight and heads.1.weight both stand for heads.head.weight" in examination.problem


# Whatever is around the weights --------------------------------------------------------------------------------------


def in_lightning(state: dict[str, Tensor]) -> Any:
    named = {f"model.{name}": tensor for name, tensor in state.items()} | {"criterion.weight": torch.ones(7)}
    return {
        "epoch": 4,
        "global_step": 900,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": named,
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(3)}}}],
        "hyper_parameters": {"lr": 1e-3},
    }


def in_training(state: dict[str, Tensor]) -> Any:
    parameters = [nn.Parameter(tensor.clone()) for tensor in state.values()]
    optimizer = torch.optim.AdamW(parameters)
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    return {"epoch": 3, "model": state, "optimizer": optimizer.state_dict(), "args": Namespace(lr=1e-3, model="vit")}


AROUND: dict[str, tuple[Callable[[dict[str, Tensor]], Any], str]] = {
    "nothing": (lambda state: state, ""),
    "an ordered dictionary": (OrderedDict, ""),
    "parameters": (lambda state: {name: nn.Parameter(tensor) for name, tensor in state.items()}, ""),
    "module.": (lambda state: {f"module.{name}": tensor for name, tensor in state.items()}, "DataParallel"),
    "_orig_mod.": (lambda state: {f"_orig_mod.{name}": tensor for name, tensor in state.items()}, "torch.compile"),
    "module._orig_mod.": (
        lambda state: {f"module._orig_mod.{name}": each for name, each in state.items()},
        "DataParallel and torch.compile",
    ),
    "backbone.": (
        lambda state: {
            name if name.startswith("head") else f"backbone.{name}": tensor for name, tensor in state.items()
        },
        "a backbone and a head",
    ),
    "a training checkpoint": (in_training, "under 'model' in the file"),
    "Lightning": (in_lightning, "Lightning"),
    "an epoch beside the tensors": (lambda state: state | {"epoch": 3}, "epoch (3)"),
}


@pytest.mark.parametrize("around", AROUND)
def test_whatever_is_around_the_weights(around: str, tmp_path: Path) -> None:
    wrap, said = AROUND[around]
    state = timm_state()
    torch.save(wrap(dict(state)), path := tmp_path / "model.pth")
    examination = examine(path, num_heads=3)
    assert examination.opens, examination.problem
    assert said in found(examination, "container")
    model, _ = load(path, num_heads=3)
    assert torch.equal(model.head.linear.weight, state["head.weight"])
    assert torch.equal(model.block(3).mlp.contract.bias, state["blocks.2.mlp.fc2.bias"])


def test_what_is_left_aside_is_named(tmp_path: Path) -> None:
    torch.save(in_lightning(timm_state()), path := tmp_path / "last.ckpt")
    examination = examine(path, num_heads=3)
    said = found(examination, "container")
    assert "1 tensor does not begin with 'model.' and is left aside: criterion.weight" in said
    assert "epoch (4)" in said


def test_averages_beside_the_weights_can_be_chosen(tmp_path: Path) -> None:
    state, average = timm_state(), {name: tensor * 2 for name, tensor in timm_state().items()}
    torch.save({"state_dict_ema": average, "state_dict": state}, path := tmp_path / "model.pth")
    examination = examine(path, num_heads=3)
    assert examination.part == "state_dict" and examination.parts == ("state_dict", "state_dict_ema")
    assert "2 sets of weights" in found(examination, "container")
    for part, expected in (("state_dict", state), ("state_dict_ema", average)):
        assert examine(path, part=part, num_heads=3).part == part
        model, _ = load(path, part=part, num_heads=3)
        assert torch.equal(model.norm.bias, expected["norm.bias"])
    assert "no part 'teacher', it has 'state_dict', 'state_dict_ema'" in examine(path, part="teacher").problem
    torch.save(state, path)
    problem = examine(path, part="teacher").problem
    assert problem == "model.pth has no part 'teacher': it holds one set of weights, so leave the part out"


def test_torchs_own_average(tmp_path: Path) -> None:
    theirs = MODELS["timm"](Weights())
    averaged = AveragedModel(theirs)
    averaged.update_parameters(theirs)
    torch.save(averaged.state_dict(), path := tmp_path / "model.pth")
    assert examine(path, num_heads=3).opens


def test_a_run_of_this_project_has_two_sets_of_weights(tmp_path: Path) -> None:
    model = load(save("timm", Weights(), tmp_path), num_heads=3)[0]
    state = {
        f"{which}.{name}": tensor * scale
        for which, scale in (("averaged", 2), ("model", 1))
        for name, tensor in model.state_dict().items()
    }
    save_file(state, path := tmp_path / "state.safetensors")
    examination = examine(path, num_heads=3)
    assert examination.opens and examination.source == "ours"
    assert examination.part == "model" and examination.parts == ("model", "averaged")


def test_files_under_another_kinds_name(tmp_path: Path) -> None:
    for source, name in (("timm", "a.pth"), ("course", "a.npz"), ("google", "a.bin"), ("google", "a.safetensors")):
        save(source, Weights(), tmp_path).rename(path := tmp_path / name)
        examination = examine(path, num_heads=3)
        assert examination.opens
        assert "by its first bytes it is a" in found(examination, "container")


def test_a_legacy_pytorch_file(tmp_path: Path) -> None:
    """As PyTorch wrote them before version 1.6."""
    torch.save({"model": timm_state(), "epoch": 1}, path := tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert examine(path, num_heads=3).opens
    assert torch.equal(load(path, num_heads=3)[0].head.linear.weight, timm_state()["head.weight"])


# What is wrong with it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "about", "sentence"),
    [
        ({"norm__bias": None}, "missing", "1 tensor is missing: norm.bias"),
        ({"extra": torch.ones(2)}, "left over", "1 tensor is left over, .*: extra"),
        (
            {"blocks__1__mlp__fc1__weight": torch.ones(48, 96)},
            "shape",
            r"\[48, 96\], expected \[96, 48\]: .* transposed",
        ),
        ({"pos_embed": torch.ones(1, 18, 48)}, "shape", "17 is no square number .the nearest is 4 x 4 = 16."),
        (
            {"pos_embed": torch.ones(17, 48)},
            "shape",
            r"\[17, 48\], expected \[1, 17, 48\]: the same numbers, with other",
        ),
        ({"blocks__2__norm1__weight": torch.ones(50)}, "shape", "axis 1 is 50 where the other tensors have 48"),
        ({"head__bias": torch.ones(9)}, "shape", r"head.bias has the shape \[9\], expected \[7\]"),
        (
            {"norm__bias": torch.tensor([float("nan")] * 3 + [float("inf")] * 2 + [0.5] * 43)},
            "not finite",
            r"1 of 44 tensors holds numbers that are not finite \(3 NaN and 2 infinite\): norm.bias",
        ),
        ({"head__weight": torch.zeros(7, 48)}, "constant", "1 tensor holds nothing but zeros: head.weight"),
        ({"norm__bias": torch.full((48,), 0.25)}, "constant", "the same number everywhere: norm.bias"),
        ({"norm__bias": torch.ones(48).half()}, "type", "43 of float32, 1 of float16"),
        ({"norm__bias": torch.ones(48).int()}, "type", "norm.bias are not: 43 of float32, 1 of int32"),
        ({"norm__bias": torch.ones(48, dtype=torch.complex64)}, "type", "1 of complex64"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_said_of_the_tensor(
    change: Mapping[str, Tensor | None], about: str, sentence: str, tmp_path: Path
) -> None:
    torch.save(timm_state(**change), path := tmp_path / "model.pth")
    examination = examine(path, num_heads=3)
    assert re.search(sentence, found(examination, about)), examination.findings
    (finding,) = [each for each in examination.findings if re.search(sentence, each.sentence)]
    assert set(finding.names) <= {name for name, _, _ in examination.tensors} | {"norm.bias"}
    # What is an error, and nothing else, keeps it from opening.
    errors = [each for each in examination.findings if each.severity == "error"]
    assert examination.opens == (not errors)


@pytest.mark.parametrize(
    ("build", "family", "reason"),
    [
        (
            lambda: VisionTransformerDistilled(img_size=32, patch_size=8, embed_dim=32, depth=1, num_heads=2),
            "DeiT, distilled",
            "distillation token",
        ),
        (
            lambda: timm.models.SwinTransformer(
                img_size=32, patch_size=4, embed_dim=8, depths=(1,), num_heads=(1,), window_size=4
            ),
            "Swin",
            "windows",
        ),
        (
            lambda: Dinov2ForImageClassification(
                Dinov2Config(image_size=32, patch_size=8, hidden_size=32, num_hidden_layers=1, num_attention_heads=2)
            ),
            "DINOv2",
            "LayerScale",
        ),
        (resnet18, "none that is known", "convolutional network"),
    ],
)
def test_other_families_are_named(build: Any, family: str, reason: str, tmp_path: Path) -> None:
    torch.save(build().state_dict(), path := tmp_path / "model.pth")
    examination = examine(path)
    assert not examination.opens
    assert family in examination.family
    assert reason in examination.problem


def test_tensors_that_are_missing_are_named_and_no_architecture_is_made_of_them(tmp_path: Path) -> None:
    lacking: dict[str, Tensor | None] = {"blocks__1__attn__qkv__bias": None, "norm__weight": None}
    torch.save(timm_state(**lacking), path := tmp_path / "model.pth")
    problem = examine(path, num_heads=3).problem
    assert "missing: blocks.1.attn.qkv.bias, norm.weight" in problem and "plain ViT" not in problem
    none: dict[str, Tensor | None] = {f"blocks__{layer}__attn__qkv__bias": None for layer in range(3)}
    torch.save(timm_state(**none), path)
    assert "its queries, keys and values have no bias" in examine(path, num_heads=3).problem


def test_a_lost_position_is_compared_with_the_nearest_grid(tmp_path: Path) -> None:
    torch.save(timm_state(pos_embed=torch.ones(1, 16, 48)), path := tmp_path / "model.pth")
    examination = examine(path, num_heads=3)
    assert "15 patch positions (after the class token) do not form a square grid: the nearest is 4 x 4 = 16" in (
        examination.problem
    )
    assert "[1, 16, 48], expected [1, 17, 48]" in found(examination, "shape")


@pytest.mark.parametrize(
    "change",
    [
        {"norm.bias": torch.full((48,), float("nan"))},
        {"norm.bias": None},
        {"extra": torch.ones(2)},
        {"pos_embed": torch.ones(1, 16, 48)},
    ],
    ids=["nan", "missing", "left over", "misshapen"],
)
def test_pictures_have_the_size_that_was_read_also_where_it_does_not_open(change: Any, tmp_path: Path) -> None:
    torch.save(timm_state(**change), path := tmp_path / "model.pth")
    examination = examine(path, num_heads=3)
    (pictures,) = [each.value for each in examination.expectations if each.what == "Images"]
    assert not examination.opens
    assert "the middle 32 x 32" in pictures and "224" not in pictures


def test_the_headline_has_the_files_own_names(tmp_path: Path) -> None:
    torch.save(timm_state(**{"blocks.1.mlp.fc1.weight": torch.full((96, 48), torch.nan)}), path := tmp_path / "a.pth")
    assert "damaged: blocks.1.mlp.fc1.weight holds" in examine(path, num_heads=3).problem
    torch.save(timm_state(**{"blocks.1.mlp.fc1.weight": torch.ones(95, 48)}), path)
    assert "blocks.1.mlp.fc1.weight has the shape [95, 48], expected [96, 48]" in examine(path, num_heads=3).problem


def test_who_said_the_number_of_heads(tmp_path: Path) -> None:
    """Of D = 128: nobody, the reader, the file; only the first is a guess, and only then something is likely."""
    torch.manual_seed(0)
    theirs = TorchvisionViT(32, 8, 1, 4, 128, 96, num_classes=5)
    torch.save(theirs.state_dict(), path := tmp_path / "model.pth")

    def heads_of(examination: Examination) -> Any:
        (each,) = [each for each in examination.expectations if each.what == "Attention heads k"]
        return each

    guessed, chosen = examine(path), examine(path, num_heads=4)
    assert guessed.guesses_heads and heads_of(guessed).value == "2" and "D_h = 64" in heads_of(guessed).guess
    assert not any(each.is_chosen or each.is_stated for each in guessed.heads)
    assert not chosen.guesses_heads and heads_of(chosen).stated_by == "your choice"
    assert [each.num_heads for each in chosen.heads if each.is_chosen] == [4]
    google = tmp_path / "model.npz"
    write(convert(load(path, num_heads=4)[0], "google"), google, ".npz")
    for stated in (examine(google), examine(google, num_heads=4)):
        assert not stated.guesses_heads and heads_of(stated).stated_by == "the layout of the file"
        assert [each.num_heads for each in stated.heads if each.reason or each.is_stated] == [4]


def test_zeros_elsewhere_are_no_head_of_zeros(tmp_path: Path) -> None:
    same = "every class has the same probability"
    torch.save(timm_state(cls_token=torch.zeros(1, 1, 48)), path := tmp_path / "model.pth")
    said = found(examine(path, num_heads=3), "constant")
    assert "nothing but zeros: cls_token" in said and same not in said
    torch.save(timm_state(head__weight=torch.zeros(7, 48)), path)
    assert same in found(examine(path, num_heads=3), "constant")


def test_what_other_networks_have_is_no_fault_of_theirs(tmp_path: Path) -> None:
    """Batch normalisation counts its batches in whole numbers."""
    torch.save(resnet18().state_dict(), path := tmp_path / "model.pth")
    assert not examine(path).findings


def test_a_hugging_face_folder_says_what_its_file_alone_does_not(tmp_path: Path) -> None:
    MODELS["huggingface"](Weights()).save_pretrained(tmp_path)
    examination = examine(tmp_path)
    assert examination.opens
    told = {each.what: each for each in examination.expectations}
    assert told["LayerNorm's epsilon"].stated_by == told["Attention heads k"].stated_by == "config.json"
    assert told["Attention heads k"].value == "3"
    assert not told["Images"].stated_by


def test_a_hidden_layer_in_the_head_is_a_size(tmp_path: Path) -> None:
    theirs = TorchvisionViT(32, 8, 1, 2, 48, 96, num_classes=5, representation_size=20)
    torch.save(theirs.state_dict(), path := tmp_path / "model.pth")
    sizes = {read.field: read for read in examine(path, num_heads=2).sizes}
    assert (sizes["representation_size"].value, sizes["representation_size"].name) == (20, "heads.pre_logits.weight")


def test_the_examination_changes_nothing(tmp_path: Path) -> None:
    state = timm_state()
    torch.save(deepcopy(state), path := tmp_path / "model.pth")
    before = path.read_bytes()
    one, other = examine(path, num_heads=3), examine(path, num_heads=3)
    assert one == other and path.read_bytes() == before
    assert one.num_parameters == sum(tensor.numel() for tensor in state.values())


def test_the_embedded_model() -> None:
    examination = examine(EMBEDDED["embedded"])
    assert examination.opens and examination.source == "ours"
    assert examination.checkpoint is not None and examination.checkpoint.config == ViTConfig.named(
        "Mini/8", num_classes=298
    )
    assert not [each for each in examination.findings if each.severity != "note"]
    assert ("head.linear.weight", (298, 256), "float16") in examination.tensors
