"""What a reader types to get a ledger: for a model of one's own, and for sizes of ours. The tests run all of it."""

from explainer.shapes.catalogue import Setting
from vit_core import ViTConfig

PYTHON = """\
from explainer.shapes import ledger

model = MyModel()  # any nn.Module
ledger(model, (1, 3, 224, 224), device="meta")  # the last line of a notebook cell shows itself
"""
COMMAND = "python -m explainer shapes my_model.py:MyModel --input 1,3,224,224 --expect 1,1000"
OPTIONS = {
    "image_size": "--image-size",
    "patch_size": "--patch-size",
    "hidden_size": "--hidden-size",
    "num_heads": "--heads",
    "num_layers": "--layers",
    "mlp_size": "--mlp-size",
    "num_classes": "--classes",
    "batch": "--batch",
}


def command_of(config: ViTConfig, batch: int) -> list[str]:
    """The command that shows the ledger of these sizes."""
    setting = Setting.of(config, batch)
    others = ",".join(f"{name}={value}" for name, value in setting.changes.items() if name not in OPTIONS)
    words = ["python", "-m", "explainer", "shapes", f"{setting.start},{others}" if others else setting.start]
    for name, value in setting.changes.items():
        if name in OPTIONS:
            words += [OPTIONS[name], str(value)]
    return words
