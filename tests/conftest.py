"""A Vision Transformer small enough for every test, with nothing in it zero, one, or as it was initialised."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from vit_core import BlockTrace, ForwardTrace, VisionTransformer, ViTConfig

# The tensors of these tests are tiny: more threads would only wait for each other, for minutes on a busy machine.
torch.set_num_threads(1)


def randomised(model: VisionTransformer, seed: int = 0) -> VisionTransformer:
    """The model in eval mode with every parameter random, those that start as zeros or ones included."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name and name.endswith("weight"):
                parameter.copy_(1 + 0.3 * noise)
            elif parameter.ndim == 1:
                parameter.copy_(0.2 * noise)
            else:
                parameter.copy_(noise * 1.3 / parameter[0].numel() ** 0.5)
    return model.eval()


@pytest.fixture(scope="session")
def tiny_config() -> ViTConfig:
    """Every axis has a size of its own, so that no two can be mixed up unseen."""
    return ViTConfig(image_size=12, patch_size=4, num_layers=3, hidden_size=24, mlp_size=40, num_heads=4, num_classes=7)


@pytest.fixture(scope="session")
def tiny_model(tiny_config: ViTConfig) -> VisionTransformer:
    """Shared: tests must not change it."""
    return randomised(VisionTransformer(tiny_config))


@pytest.fixture(scope="session")
def tiny_image(tiny_config: ViTConfig) -> Float[Tensor, "channels height width"]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(3, tiny_config.image_size, tiny_config.image_size, generator=generator)


@pytest.fixture(scope="session")
def tiny_trace(tiny_model: VisionTransformer, tiny_image: Tensor) -> ForwardTrace:
    return tiny_model.trace(tiny_image)


@pytest.fixture(scope="session")
def tiny_block(tiny_model: VisionTransformer, tiny_trace: ForwardTrace) -> BlockTrace:
    """Layer 2: neither the first nor the last."""
    return tiny_model.trace_block(tiny_trace, 2)


@pytest.fixture(autouse=True)
def _threads_as_they_were() -> Iterator[None]:
    """The app and the training set torch's threads for their whole process."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights and runs of the test alone, whatever this machine keeps: the folder in which theirs are made."""
    monkeypatch.setenv("VIT_EXPLAINER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("VIT_EXPLAINER_RUNS", str(tmp_path / "runs"))
    return tmp_path


@pytest.fixture
def served_route(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that ask the route of the tensors: it remembers that, and later tests would take theirs as served."""
    from explainer.app.server import tensor_route  # not above: most tests need no Streamlit

    monkeypatch.setattr(tensor_route.routes[0], "is_mounted", False)
