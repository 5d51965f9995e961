"""The settings in a Hugging Face folder: config.json and preprocessor_config.json."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from vit_core.preprocess import Preprocess
from vit_core.weights.reading import read_json

INTERPOLATIONS = {resampling.value: resampling.name.lower() for resampling in Image.Resampling}
GELUS = {"gelu": "none", "gelu_python": "none", "gelu_new": "tanh", "gelu_pytorch_tanh": "tanh"}


@dataclass(frozen=True)
class Folder:
    """The two JSON files next to the weights."""

    config: dict[str, Any]
    preprocessor: dict[str, Any]

    @classmethod
    def of(cls, path: Path) -> "Folder | None":
        """Those next to a weights file or in a folder; None if there is no config.json.

        Raises:
            ValueError: if one is no JSON object, or describes another family than the plain ViT.
        """
        folder = path if path.is_dir() else path.parent
        if not (folder / "config.json").is_file():
            return None
        preprocessor = folder / "preprocessor_config.json"
        config = read_json(folder / "config.json")
        if (family := config.get("model_type", "vit")) != "vit":
            raise ValueError(f"this is not a plain ViT: config.json says model_type {family!r}, expected 'vit'")
        return cls(config, read_json(preprocessor) if preprocessor.is_file() else {})

    def config_fields(self) -> dict[str, Any]:
        """The settings that no shape shows: heads, epsilon, GELU.

        Raises:
            ValueError: if the activation is no GELU.
        """
        if (activation := self.config.get("hidden_act", "gelu")) not in GELUS:
            raise ValueError(f"config.json asks for the activation {activation!r}, expected one of {', '.join(GELUS)}")
        fields = {"gelu": GELUS[activation], "norm_eps": float(self.config.get("layer_norm_eps", 1e-12))}
        return fields | ({"num_heads": int(heads)} if (heads := self.config.get("num_attention_heads")) else {})

    def labels(self, num_classes: int) -> tuple[str, ...] | None:
        """The classes' names, if config.json has one for each and not only the placeholders."""
        names = self.config.get("id2label")
        if not isinstance(names, dict) or any(str(number) not in names for number in range(num_classes)):
            return None
        labels = tuple(str(names[str(number)]) for number in range(num_classes))
        return None if all(label.startswith("LABEL_") for label in labels) else labels

    def preprocess(self, image_size: int) -> Preprocess | None:
        """The preprocessing of ViTImageProcessor with these settings; None if the folder has none.

        Raises:
            ValueError: if they ask for something that is not a resize, a centre crop and a normalisation.
        """
        if not (settings := self.preprocessor):
            return None
        if not settings.get("do_resize", True) or not settings.get("do_rescale", True):
            raise ValueError("preprocessor_config.json switches resizing or rescaling off, which no checkpoint needs")
        if abs(settings.get("rescale_factor", 1 / 255) * 255 - 1) > 1e-6:
            raise ValueError(f"preprocessor_config.json rescales by {settings['rescale_factor']}, expected 1 / 255")
        normalised = settings.get("do_normalize", True)
        resize_size, square = _side(settings.get("size", image_size))
        cropped = _side(settings.get("crop_size", resize_size))[0] if settings.get("do_center_crop") else resize_size
        if not square and not settings.get("do_center_crop"):
            raise ValueError("preprocessor_config.json resizes the shorter side and crops nothing: no square image")
        return Preprocess.from_fields(
            {
                "image_size": cropped,
                "resize_size": resize_size,
                "mean": settings.get("image_mean", (0.5,) * 3) if normalised else (0.0,) * 3,
                "std": settings.get("image_std", (0.5,) * 3) if normalised else (1.0,) * 3,
                "interpolation": INTERPOLATIONS.get(
                    resample := settings.get("resample", Image.Resampling.BILINEAR), resample
                ),
                "keep_aspect": not square,
            }
        )


def _side(size: Any) -> tuple[int, bool]:
    """The length in ``224``, ``{"height": 224, "width": 224}`` or ``{"shortest_edge": 224}``; whether of both sides."""
    if isinstance(size, int):
        return size, True
    if isinstance(size, dict) and "shortest_edge" in size:
        return int(size["shortest_edge"]), False
    if isinstance(size, dict) and size.get("height") == size.get("width") is not None:
        return int(size["height"]), True
    raise ValueError(f"preprocessor_config.json has a size that is not square: {size}")
