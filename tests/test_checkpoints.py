"""The named checkpoints are what their publishers say, and ``load`` makes a whole model or says why not."""

import hashlib
import json
import os
import pickle
import struct
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor
from torchvision.models import VisionTransformer as TorchvisionViT
from torchvision.models import get_model_weights
from torchvision.models.vision_transformer import interpolate_embeddings
from transformers import ViTConfig as HuggingFaceConfig
from transformers import ViTForImageClassification

from vit_core import (
    CHECKPOINTS,
    Checkpoint,
    DownloadError,
    Preprocess,
    VisionTransformer,
    ViTConfig,
    count_parameters,
    load,
)
from vit_core.weights.checkpoints import imagenet_labels

CONFIG = ViTConfig(image_size=32, patch_size=8, num_layers=2, hidden_size=64, mlp_size=128, num_heads=2, num_classes=5)


def of_source(source: str) -> list[Checkpoint]:
    return [checkpoint for checkpoint in CHECKPOINTS.values() if checkpoint.source == source]


def random_state(config: ViTConfig = CONFIG) -> dict[str, Tensor]:
    """Our own names, every number random."""
    generator = torch.Generator().manual_seed(2)
    shapes = {name: tensor.shape for name, tensor in VisionTransformer(config).state_dict().items()}
    return {name: torch.randn(shape, generator=generator) * 0.1 for name, shape in shapes.items()}


def timm_state(config: ViTConfig = CONFIG) -> dict[str, Tensor]:
    model = timm.models.vision_transformer.VisionTransformer(
        img_size=config.image_size,
        patch_size=config.patch_size,
        depth=config.num_layers,
        embed_dim=config.hidden_size,
        num_heads=config.num_heads,
        mlp_ratio=config.mlp_size / config.hidden_size,
        num_classes=config.num_classes,
    )
    generator = torch.Generator().manual_seed(2)
    return {name: torch.randn(t.shape, generator=generator) * 0.1 for name, t in model.state_dict().items()}


# The records ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32", "vit_h_14"])
def test_torchvision_records_are_torchvisions(family: str) -> None:
    records = {record.url: record for record in of_source("torchvision")}
    for weights in get_model_weights(family):
        record, transforms = records[weights.url], weights.transforms()
        assert record.config == ViTConfig.named(
            "/".join(family.removeprefix("vit_").upper().split("_")), image_size=weights.meta["min_size"][0]
        )
        assert record.preprocess == Preprocess(
            image_size=transforms.crop_size[0],
            resize_size=transforms.resize_size[0],
            mean=tuple(transforms.mean),
            std=tuple(transforms.std),
            interpolation=transforms.interpolation.value,
        )
        assert count_parameters(record.config)["total"] == weights.meta["num_params"]
        assert record.url.endswith(f"-{record.sha256}.pth")
        if not record.is_here:
            # They write MiB; a file has a few kilobytes of names beside 4 bytes a parameter.
            assert record.size_mb == pytest.approx(weights.meta["_file_size"] * 2**20 / 1e6, rel=1e-3)
        assert ("CC-BY-NC" in record.licence) == ("SWAG" in weights.name)
    assert len(records) == sum(len(get_model_weights(f"vit_{n}")) for n in ("b_16", "b_32", "l_16", "l_32", "h_14"))


@pytest.mark.parametrize("record", of_source("timm"), ids=lambda record: record.name)
def test_timm_records_are_timms(record: Checkpoint) -> None:
    name = record.name.removeprefix("timm/")
    published = timm.get_pretrained_cfg(name)
    assert published is not None
    image_size = published.input_size[1]
    assert record.preprocess == Preprocess(
        image_size=image_size,
        resize_size=int(image_size / published.crop_pct),
        mean=published.mean,
        std=published.std,
        interpolation=published.interpolation,
        keep_aspect=published.crop_mode == "center",
    )
    assert record.licence.lower() == published.license
    if record.sha256:
        assert record.url == published.url
        assert f"-{record.sha256}." in record.url
    else:
        assert published.hf_hub_id == f"timm/{name}"
        assert record.url == f"https://huggingface.co/timm/{name}/resolve/main/model.safetensors"
    with torch.device("meta"):
        model = timm.create_model(name)
    assert record.config.num_classes == published.num_classes == 1000
    assert count_parameters(record.config)["total"] == sum(p.numel() for p in model.parameters())
    assert record.config.num_heads == model.blocks[0].attn.num_heads
    assert record.config.norm_eps == model.norm.eps


def test_google_augreg_records_are_those_timm_names_as_its_origin() -> None:
    published = {name: timm.get_pretrained_cfg(name) for name in timm.list_pretrained("vit_*augreg_in21k_ft_in1k")}
    origins = {config.url: config for config in published.values() if config and config.url}
    records = [record for record in of_source("google") if "/augreg/" in record.url]
    assert records
    for record in records:
        assert record.config.image_size == origins[record.url].input_size[1]


@pytest.mark.parametrize("record", CHECKPOINTS.values(), ids=lambda record: record.name)
def test_every_record_is_complete(record: Checkpoint) -> None:
    assert record.preprocess.image_size == record.config.image_size
    assert len(record.labels) == record.config.num_classes
    assert record.description
    assert record.licence
    assert record.size_mb > 1
    assert record.url.startswith("https://") or record.is_here
    epsilon_and_gelu = {
        "torchvision": (1e-6, "none"),
        "timm": (1e-6, "none"),
        "huggingface": (1e-12, "none"),
        "google": (1e-6, "tanh"),
    }
    if record.source in epsilon_and_gelu:
        assert (record.config.norm_eps, record.config.gelu) == epsilon_and_gelu[record.source]


def test_names_and_files_are_unique() -> None:
    records = list(CHECKPOINTS.values())
    assert len({record.name for record in records}) == len({record.path for record in records}) == len(CHECKPOINTS)
    assert all(CHECKPOINTS[name].name == name for name in CHECKPOINTS)


def test_labels_are_imagenets_in_its_order() -> None:
    theirs = get_model_weights("vit_b_16").DEFAULT.meta["categories"]
    ours = imagenet_labels()
    assert len(set(ours)) == 1000
    differing = {number for number in range(1000) if ours[number] != theirs[number]}
    assert differing == {134, 517, 639}  # two cranes and two maillots, which one word does not tell apart


# Our own files -------------------------------------------------------------------------------------------------------


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    path = tmp_path / "mini.safetensors"
    save_file({name: tensor.half() for name, tensor in random_state().items()}, path)
    card = {
        "config": {
            name: getattr(CONFIG, name)
            for name in (
                "image_size",
                "patch_size",
                "num_layers",
                "hidden_size",
                "mlp_size",
                "num_heads",
                "num_classes",
            )
        },
        "preprocess": {"image_size": 32, "resize_size": 36, "mean": [0.5] * 3, "std": [0.25] * 3},
        "labels": ["apple", "bread", "cup", "dog", "egg"],
        "licence": "for tests",
        "metrics": {"top1": 0.5},
    }
    path.with_suffix(".json").write_text(json.dumps(card))
    return path


def test_our_own_file_with_its_card(own_file: Path) -> None:
    model, checkpoint = load(own_file)
    assert not model.training
    assert checkpoint.config == model.config == CONFIG
    assert checkpoint.labels == ("apple", "bread", "cup", "dog", "egg")
    assert checkpoint.preprocess == Preprocess(image_size=32, resize_size=36, mean=(0.5,) * 3, std=(0.25,) * 3)
    assert checkpoint.card["metrics"] == {"top1": 0.5}
    assert all(torch.equal(t, random_state()[n].half().float()) for n, t in model.state_dict().items())
    assert checkpoint.preprocess(Image.new("RGB", (50, 40))).shape == (3, 32, 32)


@pytest.mark.parametrize("change", [{"labels": ["one"]}, {"config": {"image_size": 33}}, {"preprocess": {"crop": 1}}])
def test_a_card_that_makes_no_sense(own_file: Path, change: dict[str, Any]) -> None:
    card = own_file.with_suffix(".json")
    card.write_text(json.dumps(json.loads(card.read_text()) | change))
    with pytest.raises(ValueError, match=r"mini.json is no card of a checkpoint"):
        load(own_file)


def test_the_embedded_model_is_the_first_and_needs_no_download() -> None:
    model, checkpoint = load("embedded")
    assert next(iter(CHECKPOINTS)) == "embedded"
    assert checkpoint.size_mb < 20
    assert model.config.image_size == 64
    assert model.config.patch_size == 8
    trace = model.trace(checkpoint.preprocess(Image.new("RGB", (80, 60), "red")))
    assert trace.probabilities.sum().item() == pytest.approx(1)


# Anybody's files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["pth", "pt", "bin", "safetensors"])
@pytest.mark.parametrize("wrapper", ["", "state_dict", "model", "module."])
def test_the_same_model_however_it_was_saved(suffix: str, wrapper: str, tmp_path: Path) -> None:
    state: Any = timm_state()
    if wrapper == "module.":
        state = {f"module.{name}": tensor for name, tensor in state.items()}
    elif wrapper and suffix != "safetensors":
        state = {wrapper: state, "epoch": 3, "optimizer": {"lr": 0.1}}
    path = tmp_path / f"model.{suffix}"
    save_file(state, path) if suffix == "safetensors" else torch.save(state, path)
    model, checkpoint = load(str(path), num_heads=2)
    assert checkpoint.config == CONFIG
    assert checkpoint.source == "timm"
    assert torch.equal(model.head.linear.weight, timm_state()["head.weight"])
    assert "module." not in str(list(model.state_dict()))


def test_heads_are_guessed_and_the_guess_is_said(tmp_path: Path) -> None:
    torch.save(timm_state(), path := tmp_path / "model.pth")
    _, guessed = load(path)
    assert guessed.config.num_heads == 1
    assert "the file does not state the number of heads (D / 64), preprocessing, class names" in guessed.description
    _, given = load(path, num_heads=4)
    assert given.config.num_heads == 4
    assert "heads" not in given.description


def test_heads_that_cannot_be_guessed_are_asked_for(tmp_path: Path) -> None:
    config = ViTConfig(image_size=32, patch_size=8, num_layers=1, hidden_size=48, mlp_size=96, num_heads=3)
    torch.save(timm_state(config), path := tmp_path / "model.pth")
    with pytest.raises(ValueError, match="how many heads share D = 48 cannot be read from the file: give num_heads="):
        load(path)
    assert load(path, num_heads=3)[0].config == config


@pytest.mark.parametrize("image_size", [16, 48])
def test_another_picture_size(image_size: int, tmp_path: Path) -> None:
    state = timm_state()
    torch.save(state, path := tmp_path / "model.pth")
    model, checkpoint = load(path, num_heads=2, image_size=image_size)
    assert checkpoint.preprocess.image_size == checkpoint.config.image_size == image_size
    grid = [image_size // 8] * 2
    expected = timm.layers.resample_abs_pos_embed(state["pos_embed"], grid)[0]
    assert torch.equal(model.position_embedding, expected)
    assert model.trace(checkpoint.preprocess(Image.new("RGB", (99, 99)))).logits.isfinite().all()


def test_another_picture_size_as_torchvision_does(tmp_path: Path) -> None:
    theirs = TorchvisionViT(32, 8, 2, 2, 64, 128, num_classes=5)
    torch.save(theirs.state_dict(), path := tmp_path / "model.pth")
    model, _ = load(path, num_heads=2, image_size=64)
    resized = interpolate_embeddings(64, 8, theirs.state_dict())
    assert torch.equal(model.position_embedding, resized["encoder.pos_embedding"][0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    names = dict(enumerate(("apple", "bread", "cup", "dog", "egg")))
    config = HuggingFaceConfig(
        image_size=32,
        patch_size=8,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        num_labels=5,
        id2label=names,
        label2id={name: number for number, name in names.items()},
    )
    ViTForImageClassification(config).save_pretrained(tmp_path)
    said = {
        "size": {"height": 36, "width": 36},
        "do_center_crop": True,
        "crop_size": {"height": 32, "width": 32},
        "resample": 3,
        "image_mean": [0.1, 0.2, 0.3],
        "image_std": [0.4, 0.5, 0.6],
        "do_rescale": True,
        "rescale_factor": 0.00392156862745098,
    }
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(said))
    return tmp_path


def test_a_hugging_face_folder_and_the_file_in_it(folder: Path) -> None:
    model, checkpoint = load(folder)
    assert checkpoint.labels == ("apple", "bread", "cup", "dog", "egg")
    assert checkpoint.config.num_heads == 4
    assert checkpoint.config.norm_eps == 1e-12
    assert checkpoint.preprocess == Preprocess(
        image_size=32,
        resize_size=36,
        mean=(0.1, 0.2, 0.3),
        std=(0.4, 0.5, 0.6),
        interpolation="bicubic",
        keep_aspect=False,
    )
    same, record = load(folder / "model.safetensors")
    assert record.config == checkpoint.config
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), same.parameters(), strict=True))


def test_a_hugging_face_folder_in_several_files(folder: Path) -> None:
    whole, _ = load(folder)
    model = ViTForImageClassification.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="50KB")
    assert (folder / "model.safetensors.index.json").is_file()
    split, _ = load(folder)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), split.parameters(), strict=True))


@pytest.mark.parametrize(
    ("file", "change", "problem"),
    [
        ("config.json", {"model_type": "swin"}, "model_type 'swin', expected 'vit'"),
        ("config.json", {"hidden_act": "relu"}, "activation 'relu', expected one of gelu"),
        ("preprocessor_config.json", {"size": {"height": 32, "width": 40}}, "size that is not square"),
        ("preprocessor_config.json", {"do_center_crop": False, "size": {"shortest_edge": 32}}, "no square image"),
        ("preprocessor_config.json", {"rescale_factor": 1.0}, "rescales by 1.0, expected 1 / 255"),
        ("preprocessor_config.json", {"do_resize": False}, "switches resizing or rescaling off"),
        ("preprocessor_config.json", {"resample": 9}, "9"),
    ],
)
def test_a_hugging_face_folder_that_asks_for_something_else(
    folder: Path, file: str, change: dict[str, Any], problem: str
) -> None:
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises((ValueError, TypeError), match=problem):
        load(folder)


def test_what_a_hugging_face_config_leaves_unsaid(folder: Path) -> None:
    """Transformers fills in its own defaults; its ViTConfig says which."""
    config = json.loads((folder / "config.json").read_text())
    config["layer_norm_eps"] = 1e-3
    (folder / "config.json").write_text(json.dumps(config))
    assert load(folder)[1].config.norm_eps == 1e-3
    del config["layer_norm_eps"], config["hidden_act"]
    (folder / "config.json").write_text(json.dumps(config))
    assert load(folder)[1].config.norm_eps == HuggingFaceConfig().layer_norm_eps == 1e-12
    assert HuggingFaceConfig().hidden_act == "gelu" and load(folder)[1].config.gelu == "none"


def test_broken_json_and_missing_weights(folder: Path, tmp_path: Path) -> None:
    (folder / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config.json is no JSON"):
        load(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"holds neither model.safetensors nor pytorch_model.bin"):
        load(folder)


# What is refused -----------------------------------------------------------------------------------------------------


def test_an_unknown_name_lists_the_known_ones() -> None:
    for name in ("ViT-B", "", "~nobody/x", "a\0b", "x" * 5000):
        with pytest.raises(ValueError, match=r"neither a file nor a known checkpoint.*; known are .*torchvision/B/16"):
            load(name)
    with pytest.raises(ValueError, match=r"close to it are (\S+, )*torchvision/B/16[,;]"):
        load("torchvison/B16")


def test_unknown_and_impossible_sizes(tmp_path: Path) -> None:
    torch.save(timm_state(), path := tmp_path / "model.pth")
    with pytest.raises(ValueError, match="unknown size heads: expected fields of ViTConfig such as num_heads=4"):
        load(path, heads=2)
    with pytest.raises(ValueError, match="not a multiple of num_heads 3"):
        load(path, num_heads=3)
    with pytest.raises(ValueError, match="not a multiple of patch_size"):
        load(path, num_heads=2, image_size=33)
    with pytest.raises(ValueError, match=r"head.linear.weight \(expected \[7, 64\], got \[5, 64\]\)"):
        load(path, num_heads=2, num_classes=7)


class Mischief:
    """Unpickling this would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("how", ["torch", "pickle", "npz"])
def test_nothing_in_a_file_is_executed(how: str, tmp_path: Path) -> None:
    made = tmp_path / "made by unpickling"
    path = tmp_path / ("model.npz" if how == "npz" else "model.pth")
    if how == "torch":
        torch.save({"x": Mischief(made)}, path)
    elif how == "pickle":
        path.write_bytes(pickle.dumps(Mischief(made)))
    else:
        np.savez(path, **{"embedding/kernel": np.array([Mischief(made)], dtype=object)}, allow_pickle=True)
    with pytest.raises(ValueError, match=path.name):
        load(path)
    assert not made.exists()


def test_whole_models_and_other_objects_are_refused(tmp_path: Path) -> None:
    torch.save(VisionTransformer(CONFIG), path := tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"save model.state_dict\(\) instead"):
        load(path)
    torch.save([1, 2], path)
    with pytest.raises(ValueError, match="holds no state dict: expected names with tensors, got a list"):
        load(path)
    torch.save({}, path)
    with pytest.raises(ValueError, match="holds no tensors"):
        load(path)


@pytest.mark.parametrize("suffix", ["pth", "safetensors", "npz"])
@pytest.mark.parametrize("kept", [0.0, 0.1, 0.9])
def test_damaged_files_are_refused(suffix: str, kept: float, tmp_path: Path) -> None:
    path = tmp_path / f"model.{suffix}"
    match suffix:
        case "pth":
            torch.save(timm_state(), path)
        case "safetensors":
            save_file(timm_state(), path)
        case "npz":
            np.savez(path, **{"embedding/kernel": np.zeros((8, 8, 3, 64), np.float32)})
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ValueError, match=rf"model\.{suffix}"):
        load(path)


def test_a_safetensors_header_that_claims_terabytes(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", 1 << 42) + b"{}")
    with pytest.raises(ValueError, match=r"model.safetensors is no intact safetensors file"):
        load(path)


def npy_header(shape: str, dtype: str = "<f4") -> bytes:
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


@pytest.mark.parametrize("shape", ["(100000, 100000, 100)", "(-1,)", "(2**62, 4)", "(3,)"])
def test_an_array_whose_header_lies(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("embedding/kernel.npy", npy_header(shape) + bytes(8))
    with pytest.raises(ValueError, match=r"model.npz"):
        load(path)


def test_a_bomb_is_refused_by_the_sizes_it_declares(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in "abc":
            archive.writestr(f"{name}.npy", npy_header("(3,)") + bytes(12))
    data = bytearray(path.read_bytes())
    entry = -1
    while (entry := data.find(b"PK\x01\x02", entry + 1)) >= 0:  # the directory's entries, sizes at byte 24
        data[entry + 24 : entry + 28] = struct.pack("<I", 4_000_000_000)
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"model.npz: it would unpack to 12.0 GB, at most 8 GB are read"):
        load(path)


def test_tensors_that_claim_more_memory_than_the_file_has(tmp_path: Path) -> None:
    state = timm_state() | {"head.weight": torch.zeros(1, 1).expand(10**9, 64)}
    torch.save(state, path := tmp_path / "model.pth")
    assert path.stat().st_size < 1e6
    with pytest.raises(ValueError, match=r"would have \d+ GB, at most 8 GB"):
        load(path, num_heads=2)


def test_weights_that_are_not_finite(tmp_path: Path) -> None:
    state = timm_state()
    state["norm.weight"][3] = float("nan")
    torch.save(state, path := tmp_path / "model.pth")
    with pytest.raises(ValueError, match=r"damaged: norm.weight holds numbers that are not finite"):
        load(path, num_heads=2)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (path := tmp_path / "model.h5").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"model.h5 is no weights file that is known: expected one of .safe"):
        load(path)


def test_only_pictures_in_colour(tmp_path: Path) -> None:
    state = timm_state() | {"patch_embed.proj.weight": torch.zeros(64, 1, 8, 8)}
    torch.save(state, path := tmp_path / "model.pth")
    with pytest.raises(ValueError, match="expected square patches of 3 channels, got 8x8 of 1"):
        load(path, num_heads=2)


# By name -------------------------------------------------------------------------------------------------------------


def test_a_named_checkpoint_is_downloaded_once_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site, cache = tmp_path / "site", tmp_path / "cache"
    site.mkdir()
    torch.save(timm_state(), site / "tiny.pth")
    digest = hashlib.sha256((site / "tiny.pth").read_bytes()).hexdigest()
    monkeypatch.setenv("VIT_EXPLAINER_CACHE", str(cache))
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        record = Checkpoint(
            name="timm/tiny",
            source="timm",
            config=CONFIG,
            preprocess=Preprocess(image_size=32, resize_size=32),
            labels=tuple("abcde"),
            url=f"http://127.0.0.1:{server.server_address[1]}/tiny.pth",
            sha256=digest[:8],
        )
        monkeypatch.setattr("vit_core.weights.loading.CHECKPOINTS", {"timm/tiny": record})
        seen: list[int] = []
        assert not record.is_here
        model, checkpoint = load("timm/tiny", on_progress=lambda done, total: seen.append(done))
        assert seen[-1] == (site / "tiny.pth").stat().st_size
        server.shutdown()
        thread.join()
    assert record.is_here
    assert record.path.parent == cache
    assert checkpoint.config == model.config == CONFIG
    again, resized = load("timm/tiny", image_size=64)  # the server is gone
    assert torch.equal(again.class_token, model.class_token)
    assert resized.preprocess.image_size == 64
    record.path.unlink()
    with pytest.raises(DownloadError, match=r"tiny.pth could not be downloaded \(no connection: .*save it as"):
        load("timm/tiny")
