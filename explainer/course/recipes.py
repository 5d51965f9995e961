"""The names, sources and effects of the training recipes and their fields."""

from collections.abc import Mapping
from types import MappingProxyType

# name of a recipe -> where its numbers come from, as the page prints it
SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "transfer-small": "For a few hundred images: the embedded model with a new head, lower layers learning "
        "slower. A minute on one core.",
        "scratch-small": "The same sizes and the same steps from scratch, to compare with.",
        "mini": "The embedded model of this toolkit: 64 pixels, half of the patches dropped while it learns.",
        "paper-imagenet": "The paper's Table 3, ViT on ImageNet: 300 epochs in batches of 4,096 images. For a cluster.",
        "fine-tune": "The paper's Table 4, Oxford Pets and Flowers: weights trained on ImageNet-21k, a new head "
        "of zeros, 384 pixels, 500 steps of SGD.",
        "fine-tune-imagenet": "The paper's Table 4, row ImageNet: as fine-tune, 20,000 steps.",
        "fine-tune-cifar": "The paper's Table 4, rows CIFAR-10 and CIFAR-100: as fine-tune, 10,000 steps.",
        "fine-tune-vtab": "The paper's Table 4, row VTAB: as fine-tune, 2,500 steps.",
        "course": "The course's section 9: B/16 from scratch with Adam at 0.003 and weight decay 0.3, ten epochs, no "
        "warm-up, no decay of the rate, no clipping.",
        "course-feature-extractor": "The course's section 10: torchvision's B/16 with a new head, everything "
        "else frozen.",
    }
)

# group -> field of TrainingConfig -> what it does. A test holds it against the fields.
GROUPS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "Model": {
            "model": "Sizes of a new model, by their name in Table 1; Mini and Nano are this toolkit's own.",
            "weights": "Trained weights to start from, with a new head. Then their sizes and their "
            "preprocessing count.",
            "freeze": "The frozen part: nothing; the backbone except the last LayerNorm; all but the head.",
            "head": "One linear layer; with the hidden tanh layer of the paper's pre-training before it; or the "
            "weights' own, which goes on learning the classes that it knows.",
            "zero_head": "The head begins at zero, as in the paper; then the first answers are all equally likely.",
            "image_size": "Pixels a side. Empty: the model's own. Position embeddings are interpolated to it.",
            "dropout": "Share of numbers set to zero after each dense layer while training.",
        },
        "How long": {
            "epochs": "Passes over all training images. Counts where steps is empty.",
            "steps": "Updates of the weights, one per batch. Empty: as many as the epochs make.",
            "batch_size": "Images per step.",
            "seed": "The start of all random numbers: the same seed gives the same curves.",
        },
        "Optimiser": {
            "optimizer": "Adam adds weight decay to the gradient, AdamW does not; SGD with momentum; Muon for "
            "matrices.",
            "learning_rate": "The largest step size, reached after the warm-up.",
            "beta1": "Adam's memory of the gradient.",
            "beta2": "Adam's memory of its square.",
            "momentum": "The memory of SGD and Muon.",
            "weight_decay": "How strongly weights are pulled towards zero.",
            "decay_on": "Whether that holds for all parameters or only for the matrices.",
            "layer_decay": "Each layer below the head learns at this times the rate of the one above it. 1: all alike.",
            "clip_norm": "The largest norm that all gradients together may have. Empty: no limit.",
        },
        "Learning rate over time": {
            "warmup_steps": "Steps over which the learning rate rises from zero.",
            "schedule": "How it falls afterwards; cooldown stays flat and falls in the last part only.",
            "cooldown": "That last part, as a share of all steps.",
        },
        "Regularisation": {
            "label_smoothing": "This share of the target is spread over all classes.",
            "patch_drop": "Share of the patches that each training image loses, others every time.",
            "patch_drop_until": "The part of the steps after which all patches stay.",
            "ema_decay": "An average of the weights with this decay is measured and kept. Empty: the weights "
            "themselves.",
        },
        "Augmentation": {
            "crop_scale": "Smallest and largest share of the image that a random crop takes. Empty: no crop.",
            "crop_ratio": "Smallest and largest width over height of that crop.",
            "flip": "Mirror half of the images.",
            "colour_jitter": "Brightness, contrast and saturation times 1 - x to 1 + x.",
            "auto_augment": "TrivialAugment or RandAugment: random changes from a fixed list.",
        },
        "Numbers and images": {
            "precision": "For matrix products; bfloat16 only where the hardware has it.",
            "mean": "Subtracted from each colour channel of a new model's images.",
            "std": "Then divided by this.",
            "interpolation": "How images are resized for a new model.",
            "keep_aspect": "Otherwise the whole image is squashed into the square, as the course does.",
        },
    }
)

FIELDS: Mapping[str, str] = MappingProxyType({name: text for group in GROUPS.values() for name, text in group.items()})


def field_title(name: str) -> str:
    """How a person says it: "learning rate"."""
    return name.replace("_", " ").capitalize()
