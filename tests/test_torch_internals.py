"""What explainer.shapes reads inside torch is there, is read in one module, and is named where it is gone."""

import re
from pathlib import Path

import pytest
import torch
from torch import nn

from explainer.shapes import torch_internals
from explainer.shapes.torch_internals import internal

SHAPES = Path(torch_internals.__file__).parent


@pytest.mark.parametrize(
    ("module", "name"),
    re.findall(r'internal\("([\w.]+)", "([\w.]+)"\)', Path(torch_internals.__file__).read_text(encoding="utf-8")),
)
def test_this_torch_has_what_is_read(module: str, name: str) -> None:
    internal(module, name)  # raises otherwise


def test_the_attributes_of_a_module_that_are_copied_are_there() -> None:
    missing = {"_parameters", "_buffers", "_modules"} - torch_internals.OF_EVERY_MODULE
    assert not missing, f"torch {torch.__version__}: nn.Module has no {', '.join(missing)}, which copies.py copies"


def test_a_missing_name_is_named_with_the_version() -> None:
    with pytest.raises(ImportError, match=rf"torch {re.escape(torch.__version__)} has no torch\._C\._gone, which"):
        internal("torch._C", "_gone")
    with pytest.raises(ImportError, match=r"has no torch\._gone\.name"):
        internal("torch._gone", "name")


def test_they_mean_what_they_meant() -> None:
    assert torch.zeros in torch_internals.FACTORIES and torch.cat not in torch_internals.FACTORIES
    assert not torch_internals.is_any_autocast_enabled()
    with torch.autocast("cpu"):
        assert torch_internals.is_any_autocast_enabled()
    assert torch_internals.elementwise_output_strides(torch.zeros(2, 3).T) == (1, 3)
    assert not torch_internals.is_compiled(nn.Linear(2, 2))


def test_nothing_else_reads_inside_torch() -> None:
    """Attributes of a module, such as ``_parameters``, are read where modules are copied."""
    inside = re.compile(r"torch(?:\.\w+)*\._[a-z]\w*|\b_C\.|Module\._\w+|_compiled_call_impl")
    found = {
        path.name: hits
        for path in SHAPES.rglob("*.py")
        if path.name != "torch_internals.py"
        and (hits := [hit for hit in inside.findall(path.read_text(encoding="utf-8")) if hit != "torch._assert"])
    }
    assert found == {}
