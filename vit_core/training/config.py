"""The recipe of a training run as one frozen record, and the known recipes as a table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import ceil
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from vit_core.config import ViTConfig
from vit_core.preprocess import Preprocess

# Fields, what their values have to fulfil where there is one, and that in words.
_BOUNDS: tuple[tuple[tuple[str, ...], Callable[[float], bool], str], ...] = (
    (("epochs", "steps", "batch_size"), lambda value: value >= 1, "be at least 1"),
    (("learning_rate", "clip_norm"), lambda value: value > 0, "be positive"),
    (("warmup_steps", "weight_decay", "momentum"), lambda value: value >= 0, "not be negative"),
    (("layer_decay",), lambda value: 0 < value <= 1, "be in (0, 1]"),
    (("label_smoothing", "patch_drop", "colour_jitter"), lambda value: 0 <= value < 1, "be in [0, 1)"),
    (("ema_decay", "beta1", "beta2"), lambda value: 0 <= value < 1, "be in [0, 1)"),
    (("cooldown", "patch_drop_until"), lambda value: 0 <= value <= 1, "be in [0, 1]"),
)


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """One recipe. Every field is also an option of ``python -m vit_core.training``.

    Raises:
        ValueError: if a value is impossible; the message names the field.
    """

    # The model: new, of a preset's sizes, or trained weights with a new head
    model: str = "Mini/8"  # a name that ViTConfig.named knows; unused with weights
    weights: str | None = None  # a checkpoint's name or file to start from
    freeze: Literal["none", "backbone", "all-but-head"] = "none"  # backbone: head and last LayerNorm learn
    # tanh: with the hidden layer of pre-training before it (paper D.3); kept: that of the weights, for the same classes
    head: Literal["linear", "tanh", "kept"] = "linear"
    zero_head: bool = True  # the linear layer begins at zero, as in the paper; otherwise as PyTorch's nn.Linear
    image_size: int | None = None  # pixels; None is the preset's or the weights' own; positions are interpolated
    dropout: float = 0.0

    # How long
    epochs: int = 10
    steps: int | None = None  # if given, instead of epochs
    batch_size: int = 128
    seed: int = 0

    # The optimiser
    optimizer: Literal["adam", "adamw", "sgd", "muon"] = "adamw"  # muon: for the matrices, adamw for all else
    learning_rate: float = 1e-3
    beta1: float = 0.9  # adam and adamw
    beta2: float = 0.999
    momentum: float = 0.9  # sgd and muon
    weight_decay: float = 0.0
    decay_on: Literal["all", "matrices"] = "matrices"  # matrices: not biases, norms, class token, positions
    layer_decay: float = 1.0  # each layer below the head learns at this times the rate of the one above it
    clip_norm: float | None = None  # largest allowed norm of all gradients together

    # The learning rate over time: linear warm-up, then the decay
    warmup_steps: int = 0
    schedule: Literal["constant", "linear", "cosine", "cooldown"] = "cosine"
    cooldown: float = 0.3  # the last part of the steps, in which "cooldown" falls to zero

    # Regularisation and augmentation
    label_smoothing: float = 0.0
    patch_drop: float = 0.0  # share of the patches that a training picture loses, drawn anew each time
    patch_drop_until: float = 1.0  # the part of the steps after which all patches stay
    crop_scale: tuple[float, float] | None = None  # area of the random crop; None crops nothing
    crop_ratio: tuple[float, float] = (3 / 4, 4 / 3)  # its width over its height
    flip: bool = False  # mirror half of the pictures
    colour_jitter: float = 0.0  # brightness, contrast and saturation times 1 - x to 1 + x
    auto_augment: Literal["none", "trivial", "rand"] = "none"  # TrivialAugment (2103.10158), RandAugment (1909.13719)
    ema_decay: float | None = None  # an exponential moving average of the weights is what is evaluated and exported

    # Numbers
    precision: Literal["float32", "bfloat16"] = "float32"  # of matrix products; weights and sums stay float32

    # How pictures reach a new model; trained weights bring their own way
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    interpolation: Literal["bilinear", "bicubic"] = "bicubic"
    keep_aspect: bool = True  # otherwise the whole picture is squashed into the square, as the course does

    def __post_init__(self) -> None:
        for names, fits, rule in _BOUNDS:
            for name in names:
                if (value := getattr(self, name)) is not None and not fits(value):
                    raise ValueError(f"{name} must {rule}, got {value}")
        if self.crop_scale is not None and not 0.0 < self.crop_scale[0] <= self.crop_scale[1] <= 1.0:
            raise ValueError(f"crop_scale must be two shares of the area, 0 < low <= high <= 1, got {self.crop_scale}")
        if not 0.0 < self.crop_ratio[0] <= self.crop_ratio[1]:
            raise ValueError(f"crop_ratio must be two positive numbers, low <= high, got {self.crop_ratio}")
        if min(self.std) <= 0.0:
            raise ValueError(f"std must be positive, got {self.std}")
        if self.weights is None:
            if self.head == "kept":
                raise ValueError("head kept needs weights whose head it is: give weights, or choose linear or tanh")
            self.model_config(num_classes=1)

    def model_config(self, num_classes: int) -> ViTConfig:
        """The sizes of the new model that this recipe trains, where it does not start from trained weights."""
        size = {} if self.image_size is None else {"image_size": self.image_size}
        config = ViTConfig.named(self.model, num_classes=num_classes, dropout=self.dropout, **size)
        return replace(config, representation_size=config.hidden_size if self.head == "tanh" else None)

    @property
    def preprocess(self) -> Preprocess:
        """How the pictures reach a new model when it is used: resized, and the middle cut out."""
        size = self.model_config(num_classes=1).image_size
        return Preprocess(
            image_size=size,
            resize_size=size,
            mean=self.mean,
            std=self.std,
            interpolation=self.interpolation,
            keep_aspect=self.keep_aspect,
        )

    def total_steps(self, num_pictures: int) -> int:
        """Steps of the whole run; the last batch of an epoch may be smaller."""
        return self.steps or self.epochs * ceil(num_pictures / self.batch_size)

    def with_values(self, values: Mapping[str, Any]) -> "TrainingConfig":
        """This recipe with some fields replaced; lists, as JSON gives them, become tuples.

        Raises:
            ValueError: if a field does not exist or its value is impossible.
        """
        hints = get_type_hints(type(self))
        for name, value in values.items():
            if name not in hints:
                raise ValueError(f"a recipe has no field {name!r}, it has {', '.join(hints)}")
            if get_origin(hints[name]) is Literal and value not in get_args(hints[name]):
                raise ValueError(f"{name} must be one of {', '.join(get_args(hints[name]))}, got {value!r}")
            if not fits(value, hints[name]):
                kind = getattr(hints[name], "__name__", str(hints[name]))
                raise ValueError(f"{name} must be {kind}, got {str(value)[:40]!r}")
        changes: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return replace(self, **changes)


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of the type that a field is annotated with; a whole number is a number, too."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is tuple:
        kinds = get_args(hint)
        return isinstance(value, tuple | list) and len(value) == len(kinds) and all(map(fits, value, kinds))
    if get_origin(hint) is list:
        return isinstance(value, list) and all(fits(item, *get_args(hint)) for item in value)
    if get_args(hint):  # one of several types
        return any(fits(value, kind) for kind in get_args(hint))
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))


# arXiv 2010.11929, Table 4 and B.1.1: SGD with momentum 0.9, batch 512, cosine, no weight decay, clip 1, 384 pixels.
# The 500 steps are the row of Oxford Pets and Flowers, for which the paper tries 0.001, 0.003, 0.01 and 0.03. It names
# no warm-up and no augmentation for fine-tuning; crop and mirror are those of its pre-training code.
_FINE_TUNE = TrainingConfig(
    weights="google/imagenet21k/ViT-B_16",
    image_size=384,
    steps=500,
    batch_size=512,
    optimizer="sgd",
    momentum=0.9,
    learning_rate=0.01,
    weight_decay=0.0,
    clip_norm=1.0,
    schedule="cosine",
    crop_scale=(0.05, 1.0),
    flip=True,
)

# The course "Learn PyTorch for Deep Learning", chapter 08, section 9: Table 3's numbers with PyTorch's Adam (coupled
# weight decay on everything), batch 32, 10 epochs, no warm-up, no decay, no clipping, pictures in [0, 1].
_COURSE = TrainingConfig(
    model="B/16",
    epochs=10,
    batch_size=32,
    optimizer="adam",
    learning_rate=3e-3,
    weight_decay=0.3,
    decay_on="all",
    schedule="constant",
    dropout=0.1,
    mean=(0.0, 0.0, 0.0),
    std=(1.0, 1.0, 1.0),
    interpolation="bilinear",
    keep_aspect=False,
    zero_head=False,
)

# For a few hundred pictures, a minute on one core: chosen by short runs on the course's 225 (docs/training.md).
_SMALL = TrainingConfig(
    weights="embedded",
    epochs=10,
    batch_size=32,
    optimizer="adamw",
    learning_rate=3e-4,
    weight_decay=0.05,
    layer_decay=0.75,
    clip_norm=1.0,
    warmup_steps=10,
    schedule="cosine",
    crop_scale=(0.5, 1.0),
    flip=True,
)

RECIPES: Mapping[str, TrainingConfig] = MappingProxyType(
    {
        "transfer-small": _SMALL,
        "scratch-small": replace(_SMALL, weights=None, layer_decay=1.0),
        # The embedded model of this repository (assets/weights/README.md): three hours on one core.
        "mini": TrainingConfig(
            model="Mini/8",
            steps=13_400,
            batch_size=128,
            optimizer="muon",
            learning_rate=2e-3,
            momentum=0.95,
            weight_decay=0.05,
            clip_norm=1.0,
            warmup_steps=500,
            schedule="cooldown",
            cooldown=0.25,
            label_smoothing=0.1,
            patch_drop=0.5,
            patch_drop_until=0.92,
            crop_scale=(0.4, 1.0),
            flip=True,
            ema_decay=0.999,
            precision="bfloat16",
        ),
        # arXiv 2010.11929, Table 3, row ViT-* / ImageNet; the caption has batch 4096, 10k warm-up, clip 1, 224 pixels.
        # The paper says Adam; the decay is decoupled from it (AdamW) in the authors' code.
        "paper-imagenet": TrainingConfig(
            model="B/16",
            epochs=300,
            batch_size=4096,
            optimizer="adamw",
            learning_rate=3e-3,
            beta1=0.9,
            beta2=0.999,
            weight_decay=0.3,
            clip_norm=1.0,
            warmup_steps=10_000,
            schedule="cosine",
            dropout=0.1,
            crop_scale=(0.05, 1.0),
            flip=True,
        ),
        "fine-tune": _FINE_TUNE,
        # The other rows of Table 4; learning rates tried: 0.003, 0.01, 0.03, 0.06 / 0.001, 0.003, 0.01, 0.03 / 0.01
        "fine-tune-imagenet": replace(_FINE_TUNE, steps=20_000, learning_rate=0.03),
        "fine-tune-cifar": replace(_FINE_TUNE, steps=10_000, learning_rate=0.01),
        "fine-tune-vtab": replace(_FINE_TUNE, steps=2_500, learning_rate=0.01),
        "course": _COURSE,
        # The same chapter, section 10.4: a new head on a pretrained B/16.
        "course-feature-extractor": replace(
            _COURSE,
            weights="torchvision/B/16",
            freeze="all-but-head",
            learning_rate=1e-3,
            weight_decay=0.0,
            dropout=0.0,
        ),
    }
)
