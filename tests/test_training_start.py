"""What a run begins with: trained weights, the new head, what is frozen, which parameter learns how fast."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Generator
from torch.optim import Muon
from torch.testing import assert_close
from torchvision.models import vit_b_16

from tests.test_training import TOY, loaders_of, stripes
from vit_core import VisionTransformer, ViTConfig, load, resize_position_embedding
from vit_core.training import RECIPES, TrainingConfig, begin, fit
from vit_core.training.muon import Float32Muon
from vit_core.training.optimizers import depth, make_optimizers
from vit_core.training.start import sizes

EMBEDDED = TrainingConfig(weights="embedded")


def parameters(model: torch.nn.Module, trainable: bool = False) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable)


def test_the_courses_feature_extractor_counts(tmp_path: Path) -> None:
    """torchvision's ViT-B/16 with a head for three classes: 85,800,963 parameters, of which 2,307 learn."""
    theirs = vit_b_16()
    save_file(theirs.state_dict(), tmp_path / "b16.safetensors")
    recipe = replace(RECIPES["course-feature-extractor"], weights=str(tmp_path / "b16.safetensors"))
    model, _ = begin(recipe, num_classes=3)
    assert (parameters(model), parameters(model, trainable=True)) == (85_800_963, 2_307)
    theirs.requires_grad_(False)
    theirs.heads = torch.nn.Linear(768, 3)
    assert (parameters(theirs), parameters(theirs, trainable=True)) == (85_800_963, 2_307)
    # The same body under the same head: the same logits (float32 sums in another order, twelve layers deep).
    with torch.no_grad():
        theirs.heads.weight.copy_(model.head.linear.weight)
        theirs.heads.bias.copy_(model.head.linear.bias)
        image = torch.randn(1, 3, 224, 224, generator=Generator().manual_seed(0))
        assert_close(model.eval()(image), theirs.eval()(image), atol=1e-5, rtol=0)


def test_a_new_head_on_the_same_body() -> None:
    model, preprocess = begin(EMBEDDED, num_classes=3)
    pretrained, checkpoint = load("embedded")
    assert preprocess == checkpoint.preprocess
    assert model.config == replace(pretrained.config, num_classes=3) == sizes(EMBEDDED, 3)
    for name, tensor in pretrained.state_dict().items():
        if not name.startswith("head."):
            assert torch.equal(model.state_dict()[name], tensor)
    assert not model.head.linear.weight.any() and not model.head.linear.bias.any()  # zero, as the paper fine-tunes
    assert begin(replace(EMBEDDED, zero_head=False), 3).model.head.linear.weight.any()
    with_tanh, _ = begin(replace(EMBEDDED, head="tanh"), 3)
    assert with_tanh.head.pre_logits is not None and with_tanh.head.pre_logits.weight.any()
    assert with_tanh.config.representation_size == pretrained.config.hidden_size


def test_a_head_that_is_kept_goes_on_from_what_it_knows() -> None:
    pretrained, checkpoint = load("embedded")
    kept = replace(EMBEDDED, head="kept", zero_head=False)
    model, _ = begin(kept, pretrained.config.num_classes, checkpoint.labels)
    assert model.config == pretrained.config == sizes(kept, pretrained.config.num_classes)
    for name, tensor in pretrained.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor)
    with pytest.raises(ValueError, match="its 298 classes are not the 3 of the images"):
        begin(kept, 3, ("pizza", "steak", "sushi"))
    with pytest.raises(ValueError, match="its 298 classes are not the 298 of the images in the same order"):
        begin(kept, 298, tuple(reversed(checkpoint.labels)))
    with pytest.raises(ValueError, match="needs weights"):
        TrainingConfig(head="kept")


def test_another_picture_size_interpolates_the_positions() -> None:
    model, preprocess = begin(replace(EMBEDDED, image_size=96), num_classes=3)
    pretrained, _ = load("embedded")
    assert (model.config.image_size, preprocess.image_size) == (96, 96)
    expected = resize_position_embedding(pretrained.position_embedding.detach(), model.config.grid_size)
    assert torch.equal(model.position_embedding.detach(), expected)


def test_the_same_seed_draws_the_same_first_weights() -> None:
    one, other, third = (begin(replace(TOY, seed=seed), 3).model.blocks.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(one["0.mlp.expand.weight"], third["0.mlp.expand.weight"])


@pytest.mark.parametrize(
    ("freeze", "learning"),
    [("all-but-head", {"head"}), ("backbone", {"head", "norm"})],
)
@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_what_is_frozen_stays_as_it_is(tmp_path: Path, freeze: str, learning: set[str], optimizer: str) -> None:
    """Also under weight decay, which would move it without any gradient."""
    stripes(tmp_path / "train", 30, Generator().manual_seed(0))
    stripes(tmp_path / "test", 9, Generator().manual_seed(1))
    recipe = EMBEDDED.with_values(
        {
            "freeze": freeze,
            "optimizer": optimizer,
            "epochs": 1,
            "batch_size": 10,
            "weight_decay": 0.3,
            "decay_on": "all",
        }
    )
    model, preprocess = begin(recipe, 3)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    loaders = loaders_of(tmp_path, replace(recipe, image_size=64))
    fit(model, loaders, recipe, generator=Generator().manual_seed(0), preprocess=preprocess)
    after = model.state_dict()
    changed = {name.split(".")[0] for name in after if not torch.equal(after[name], before[name])}
    assert changed == learning


def test_layers_below_learn_slower() -> None:
    model = VisionTransformer(ViTConfig.named("Mini/8", num_classes=3))
    layers = model.config.num_layers
    recipe = TrainingConfig(layer_decay=0.5)
    (optimizer,) = make_optimizers(model, recipe)
    scales = {id(p): group["scale"] for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        assert scales[id(parameter)] == 0.5 ** (layers + 1 - depth(name, layers))
    named = dict(model.named_parameters())
    assert scales[id(named["head.linear.weight"])] == scales[id(named["norm.weight"])] == 1.0
    assert scales[id(named[f"blocks.{layers - 1}.mlp.expand.weight"])] == 0.5
    assert scales[id(named["position_embedding"])] == 0.5 ** (layers + 1)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "muon"])
def test_every_parameter_is_moved_by_one_optimiser(optimizer: str) -> None:
    model = VisionTransformer(ViTConfig.named("Mini/8", num_classes=3))
    made = make_optimizers(model, TrainingConfig().with_values({"optimizer": optimizer}))
    moved = [id(p) for each in made for group in each.param_groups for p in group["params"]]
    assert sorted(moved) == sorted(id(p) for p in model.parameters())
    if optimizer == "muon":  # orthogonalised are the matrices of the blocks and nothing else
        names = {id(p): name for name, p in model.named_parameters()}
        matrices = {names[id(p)] for group in made[0].param_groups for p in group["params"]}
        assert len(matrices) == 4 * model.config.num_layers
        assert {name.split(".", 2)[2] for name in matrices} == {
            "attention.qkv.weight",
            "attention.projection.weight",
            "mlp.expand.weight",
            "mlp.contract.weight",
        }


@pytest.mark.parametrize("shape", [(6, 17), (17, 6), (8, 8)])
def test_muon_in_32_bits_is_the_equation_and_pytorchs(shape: tuple[int, int]) -> None:
    rate, momentum, decay = 0.3, 0.9, 0.1
    generator = Generator().manual_seed(0)
    start = torch.randn(shape, generator=generator)
    gradients = [torch.randn(shape, generator=generator) for _ in range(4)]
    moved = []
    for kind in (Float32Muon, Muon):
        matrix = torch.nn.Parameter(start.clone())
        options: dict[str, Any] = dict(lr=rate, momentum=momentum, weight_decay=decay, adjust_lr_fn="match_rms_adamw")
        optimizer = kind([matrix], **options)
        for step, gradient in enumerate(gradients):
            if step == 2:  # the kept state is PyTorch's
                state, optimizer = optimizer.state_dict(), Float32Muon([matrix], **options)
                optimizer.load_state_dict(state)
            matrix.grad = gradient
            optimizer.step()
        moved.append(matrix.detach())

    expected, mean = start.double().numpy(), np.zeros(shape)
    for gradient in (each.double().numpy() for each in gradients):
        mean = momentum * mean + (1 - momentum) * gradient
        left, values, right = np.linalg.svd(momentum * mean + (1 - momentum) * gradient, full_matrices=False)
        values = values / np.linalg.norm(values)  # the Frobenius norm is that of the singular values
        for _ in range(5):
            values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
        update = (left * values) @ right
        expected = (1 - rate * decay) * expected - rate * 0.2 * max(shape) ** 0.5 * update
    assert_close(moved[0].double().numpy(), expected, atol=1e-5, rtol=0)  # five products in float32
    # Two of PyTorch's steps keep 8 bits in five products that multiply by up to 3.4; rate * 0.2 * sqrt(17) is 0.25.
    assert_close(moved[1], moved[0], atol=0.25 * 2 * 0.05, rtol=0)


def test_weights_that_do_not_exist_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="neither a file nor a known checkpoint"):
        begin(TrainingConfig(weights="imbedded"), 3)
    (tmp_path / "broken.pth").write_bytes(b"not weights")
    with pytest.raises(ValueError, match=r"broken\.pth"):
        begin(TrainingConfig(weights=str(tmp_path / "broken.pth")), 3)
