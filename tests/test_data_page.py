"""The data page: its steps are those of training, its pictures those of the folder, and bad input one sentence."""

import io
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.runtime.context import StreamlitHeaders
from streamlit.testing.v1 import AppTest

from explainer.app.server import loopback
from explainer.course import data_steps
from explainer.course.metric_detective import batch_sizes
from explainer.panels import Bars, StackedBars, Tiles
from explainer.texts import text
from explainer.views.course import data as views
from tests.test_pages import app, markup
from vit_core.preprocess import normalise
from vit_core.training.config import RECIPES
from vit_core.training.data.datasets import TOY, add_folder, add_zip, bring_back, datasets, remove_dataset, state_of
from vit_core.training.data.pictures import find_pictures, load_pictures
from vit_core.training.data.toy import make_toy_pictures
from vit_core.training.data.transforms import evaluation_transform, training_transform
from vit_core.training.loop import fit
from vit_core.training.start import begin
from vit_core.weights.checkpoints import CHECKPOINTS

pytestmark = pytest.mark.usefixtures("own_folders")


def pets(root: Path, count: int = 12, size: tuple[int, int] = (12, 10)) -> Path:
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        for number in range(count):
            noise = np.random.default_rng([number, len(name), ord(name[0])]).integers(0, 256, (*size[::-1], 3))
            Image.fromarray(noise.astype(np.uint8)).save(root / name / f"{number}.png")
    return root


# The steps


def test_the_courses_batches() -> None:
    """225 pictures in batches of 32: 8 batches, the last holds one; 75 test pictures: 32, 32, 11 (course, 2.2)."""
    assert batch_sizes(225, 32) == (*[32] * 7, 1)
    assert batch_sizes(75, 32) == (32, 32, 11)
    assert batch_sizes(64, 32) == (32, 32)
    assert batch_sizes(3, 4096) == (3,)


def test_the_first_batch_is_the_one_that_training_takes(tmp_path: Path) -> None:
    recipe = replace(RECIPES["mini"], steps=1, batch_size=8, seed=7, patch_drop=0.0, ema_decay=None)
    loaders = load_pictures(find_pictures([pets(tmp_path)], held_out=2), recipe, recipe.preprocess)
    model, taken = begin(recipe, 2).model, []
    model.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0]))
    fit(model, loaders, recipe, generator=torch.Generator().manual_seed(recipe.seed))
    pixels, labels = data_steps.first_batch(loaders.train, 8, recipe.seed)
    assert torch.equal(taken[0], normalise(pixels, recipe.preprocess))
    assert len(labels) == 8
    assert not torch.equal(data_steps.first_batch(loaders.train, 8, 8)[0], pixels)


def test_draws_come_from_their_seed_alone() -> None:
    recipe = RECIPES["mini"]
    transform = training_transform(recipe, recipe.preprocess)
    picture = Image.effect_noise((40, 30), 60).convert("RGB")
    torch.manual_seed(1)
    first, state = data_steps.draw(transform, picture, 5), torch.get_rng_state()
    assert torch.equal(data_steps.draw(transform, picture, 5), first)
    assert not torch.equal(data_steps.draw(transform, picture, 6), first)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_sheet_is_drawn_without_repetition() -> None:
    files: Any = list(range(50))
    assert data_steps.random_sheet(files, 18, 3) == data_steps.random_sheet(files, 18, 3)
    assert data_steps.random_sheet(files, 18, 3) != data_steps.random_sheet(files, 18, 4)
    assert sorted(data_steps.random_sheet(files, 90, 3)) == files


@pytest.mark.parametrize("name", RECIPES)
def test_pictures_reach_a_recipes_model_as_in_training(name: str) -> None:
    recipe = RECIPES[name]
    preprocess = data_steps.preprocess_of(recipe)
    if recipe.weights is None or CHECKPOINTS[recipe.weights].is_here:
        assert preprocess == begin(replace(recipe, seed=0), 3).preprocess
    assert recipe.image_size in (None, preprocess.image_size)


# The views


def test_counts_are_drawn_as_they_are() -> None:
    view = views.counts({"train": [78, 75, 72], "test": [25, 19, 31]}, ["pizza", "steak", "sushi"])
    [bars] = view.panels
    assert isinstance(bars, StackedBars)
    assert [part.values.tolist() for part in bars.parts] == [[78, 75, 72], [25, 19, 31]]
    assert bars.totals == ("103", "94", "103")
    assert [part.label for part in bars.parts] == ["train 225", "test 75"]
    assert "300 images of 3 classes" in view.alt and "78 pizza" in view.alt


def test_of_many_classes_the_largest_are_drawn() -> None:
    names = [f"class {number}" for number in range(101)]
    view = views.counts({"train": list(range(101)), "test": [1] * 101}, names)
    [bars] = view.panels
    assert isinstance(bars, StackedBars)
    assert bars.labels == tuple(names[-views.MOST_BARS :])
    assert "40 largest of 101" in bars.caption


def test_a_click_on_the_sheet_chooses_that_picture() -> None:
    shown = [Image.new("RGB", (20, 10), colour) for colour in ("red", "lime", "blue")]
    view = views.sheet(shown, ["a", "b", "c"], [7, 3, 9], chosen=3)
    [tiles] = view.panels
    assert isinstance(tiles, Tiles) and tiles.pixels is not None
    assert tiles.picks == ({"shown": 7}, {"shown": 3}, {"shown": 9}) and view.picks == ("shown",)
    assert tiles.selected == 1
    assert tiles.pixels[:, 5, 5].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    [tiles] = views.sheet(shown, ["a", "b", "c"], [7, 3, 9], chosen=1).panels
    assert isinstance(tiles, Tiles) and tiles.selected is None


@pytest.mark.parametrize(("name", "words"), [("mini", "Every epoch draws anew"), ("course", "all draws are equal")])
def test_whether_a_transform_is_random_is_seen_from_its_draws(name: str, words: str) -> None:
    recipe = RECIPES[name]
    picture = Image.effect_noise((90, 60), 80).convert("RGB")
    training, evaluation = (training_transform(recipe, recipe.preprocess), evaluation_transform(recipe.preprocess))
    drawn = [data_steps.draw(training, picture, seed) for seed in range(4)]
    before, draws, after = views.transformed(picture, drawn, evaluation(picture), "cat").panels
    assert words in draws.caption and "90 x 60" in before.caption
    assert isinstance(draws, Tiles) and isinstance(after, Tiles) and after.pixels is not None
    size = min(recipe.preprocess.image_size, views.SHOWN_SIZE)
    assert after.pixels.shape == (1, size, size, 3)
    if size == recipe.preprocess.image_size:
        assert np.array_equal(after.pixels[0], np.asarray(recipe.preprocess.crop(picture)))


def test_channels_are_the_numbers_of_the_tensor() -> None:
    image = torch.randn(3, 6, 6)
    [tiles] = views.channels(image, "cat").panels
    assert isinstance(tiles, Tiles) and tiles.values is not None
    assert np.array_equal(tiles.values, image.numpy())
    assert tiles.scales[0].diverging and tiles.scales[0].high == float(image.abs().max())
    [tiles] = views.channels(image.abs(), "cat").panels
    assert isinstance(tiles, Tiles) and tiles.scales[0].low == 0.0  # the course's pictures: 0 to 1


def test_a_batch_is_drawn_in_its_order() -> None:
    pixels = torch.randint(0, 256, (40, 3, 8, 8), dtype=torch.uint8)
    labels = torch.tensor([0, 2] * 20)
    tiles, bars = views.batch(pixels, labels, ["a", "b", "c"]).panels
    assert isinstance(tiles, Tiles) and isinstance(bars, Bars) and tiles.pixels is not None
    assert np.array_equal(tiles.pixels, pixels[:32].permute(0, 2, 3, 1).numpy())
    assert tiles.labels[:3] == ("0", "2", "0") and "first 32 of 40" in tiles.caption
    assert bars.values.tolist() == [20, 0, 20]


def test_of_many_batches_the_last_is_drawn_too() -> None:
    [bars] = views.batches([32] * 99 + [5]).panels
    assert isinstance(bars, Bars)
    assert (len(bars.values), bars.labels[-1], bars.values[-1]) == (views.MOST_BARS, "batch 100", 5)
    assert "60 batches of the same size are left out" in bars.caption


# The data sets


def test_toy_pictures_are_here_at_once_and_foodvision_is_not() -> None:
    known = datasets()
    assert list(known) == [TOY, "foodvision-10", "foodvision-20"]
    assert [data.is_here for data in known.values()] == [True, False, False]


def test_own_pictures_stay_listed(tmp_path: Path) -> None:
    folder = pets(tmp_path / "pets")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in folder.rglob("*.png"):
            archive.write(path, path.relative_to(folder))
    zipped, named = add_zip(buffer.getvalue(), "My pets"), add_folder(folder)
    assert add_folder(folder) == named
    assert [data.title for data in datasets().values()][3:] == ["My pets", "Folder pets"]
    assert find_pictures([zipped.path or folder]) and named.path == folder
    folder.rename(tmp_path / "moved")
    assert named.name not in datasets()
    (tmp_path / "moved").rename(folder)
    assert named.name in datasets()


def test_own_pictures_can_be_removed_and_brought_back(tmp_path: Path) -> None:
    folder, buffer = pets(tmp_path / "own"), io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, file.relative_to(folder))
    for own in (add_zip(buffer.getvalue(), "My pets"), add_folder(folder)):
        files = sorted(own.path.rglob("*.png")) if own.path else []
        remove_dataset(own)
        assert own.name not in datasets() and folder.is_dir()  # what somebody named stays where it is
        bring_back(own)
        assert datasets()[own.name] == own and files == sorted(own.path.rglob("*.png") if own.path else [])
    with pytest.raises(ValueError, match="only zips and folders that somebody gave"):
        remove_dataset(datasets()[TOY])


def test_a_damaged_list_of_folders_is_an_empty_one(tmp_path: Path) -> None:
    add_folder(pets(tmp_path / "pets"))
    [listing] = (tmp_path / "cache").rglob("folders.json")
    for content in ("", "[1]", json.dumps({"folder-1": 5})):
        listing.write_text(content)
        assert list(datasets())[:3] == [TOY, "foodvision-10", "foodvision-20"]


def test_a_folder_that_changes_is_looked_at_again(tmp_path: Path) -> None:
    folder = pets(tmp_path / "pets")
    before = state_of(folder)
    assert state_of(folder) == before
    (folder / "cat" / "0.png").unlink()
    assert state_of(folder) != before
    assert state_of(make_toy_pictures()) == ""


HERE = {"Host": "localhost:8501", "Origin": "http://localhost:8501"}
BROWSER = HERE | {  # as Chromium opens a websocket
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "User-Agent": "Mozilla/5.0",
    "Pragma": "no-cache",
    "Cache-Control": "no-cache",
    "Cookie": "_streamlit_xsrf=2",
    "Accept-Encoding": "gzip",
    "Accept-Language": "en",
    "Sec-WebSocket-Key": "x",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Protocol": "streamlit",
    "Sec-WebSocket-Extensions": "permessage-deflate",
}
ADDED = (  # by proxies, balancers and tunnels
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Real-Ip",
    "Forwarded",
    "Via",
    "CF-Connecting-IP",
    "CF-Ray",
    "True-Client-IP",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "X-Original-Forwarded-For",
    "X-Original-Host",
    "X-ProxyUser-Ip",
    "Fly-Client-IP",
    "Fastly-Client-IP",
    "X-Envoy-External-Address",
    "X-Request-Id",
    "X-Amzn-Trace-Id",
    "Tailscale-User-Login",
    "Authorization",
)


@pytest.mark.parametrize(
    ("address", "headers", "is_here"),
    [
        (None, {}, True),  # no browser at all: the script runs without a server
        (None, HERE, True),
        (None, BROWSER, True),
        (None, {"Host": "[::1]:8501", "Origin": "http://[::1]:8501"}, True),
        ("::ffff:127.0.0.1", HERE, True),
        ("::1", HERE, True),
        ("::1%eth0", HERE, False),
        ("fe80::1%lo", HERE, False),
        ("192.0.2.7", {}, False),
        ("192.0.2.7", HERE, False),
        ("not an address", {}, False),
        (None, {"Host": "127.0.0.1:8501", "Origin": "https://vit.example.org"}, False),
        (None, {"Host": "vit.example.org", "Origin": "http://localhost:8501"}, False),
        (None, {"Host": "localtest.me:8501", "Origin": "http://localtest.me:8501"}, False),  # 127.0.0.1
        (None, {"Host": "localhost.example.org", "Origin": "http://localhost.example.org"}, False),
        (None, {"Host": "localhost"}, False),
        (None, {"Origin": "http://localhost"}, False),
        (None, {"Host": "localhost", "Origin": "null"}, False),
        (None, {"Host": "me@localhost", "Origin": "http://localhost"}, False),
        (None, {"Host": "[::1%25lo]", "Origin": "http://localhost"}, False),
        (None, {"Host": "[::1", "Origin": "http://localhost"}, False),
        *((None, HERE | {name: value}, False) for name in ADDED for value in ("192.0.2.7", "127.0.0.1", "")),
    ],
)
def test_only_a_browser_on_this_machine_may_name_a_path(
    monkeypatch: pytest.MonkeyPatch, address: str | None, headers: dict[str, str], is_here: bool
) -> None:
    context = SimpleNamespace(ip_address=address, headers=StreamlitHeaders(headers.items()))
    monkeypatch.setattr(loopback.st, "context", context)
    assert loopback.is_on_this_machine() is is_here


@pytest.mark.parametrize("name", HERE)
def test_two_hosts_or_origins_are_none(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    headers = StreamlitHeaders([*HERE.items(), (name, HERE[name])])
    monkeypatch.setattr(loopback.st, "context", SimpleNamespace(ip_address=None, headers=headers))
    assert not loopback.is_on_this_machine()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot read {folder}/a.pth: broken", "cannot read …/a.pth: broken"),
        ('load("{folder}/My Pictures/a.pth")', 'load("…/a.pth")'),
        ("python -m x '{folder}/My Pictures/a' --output {folder}/b", "python -m x '…/a' --output …/b"),
        (r"C:\Users\me\a.pth is no file", "…/a.pth is no file"),
        (r"'D:\My Pictures\a.pth'", "'…/a.pth'"),
        ('File "{folder}/x.py", line 4, in /{folder}', 'File "…/x.py", line 4, in …/runs'),
        ("/vit/exact/ab, /shapes?sizes=B/16,H/14 and https://a.org/tmp/x", None),
        ("vit_core/model.py, line 4; 3/4 of it; and/or", None),
        (f"/{'a' * 5000}/x and /\0/x", None),
    ],
)
def test_a_reader_from_elsewhere_is_told_no_folder_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, shown: str | None
) -> None:
    folder = tmp_path / "runs"
    text = text.replace("/{folder}", str(folder)).replace("{folder}", str(folder))
    assert loopback.for_reader(text) == text
    monkeypatch.setattr(loopback, "is_on_this_machine", lambda: False)
    assert loopback.for_reader(text) == (text if shown is None else shown)


# The page


def tables(at: AppTest) -> str:
    return "\n".join(element.value for element in at.markdown if element.value.startswith("|"))


def test_the_page_is_complete_with_toy_pictures() -> None:
    at = app("data")
    assert at.title[0].value == "Data"
    assert not at.warning and not at.error
    assert [element.value for element in at.header] == list(text("data").titles.values())
    assert "| toy pizza | 40 | 20 | 60 |" in tables(at) and "| **all** | 120 | 60 | 180 |" in tables(at)
    assert "| `pixels` | 32 × 3 × 64 × 64 | uint8 |" in tables(at)
    assert "| `labels` | 32 | int64 | 0 |" in tables(at)
    assert "120 training images in batches of 32: **4 batches**, and the last holds **24**" in markup(at)
    source = re.sub(r"<[^>]+>", "", markup(at))
    for function in ("class_folders", "random_sheet", "training_transform", "normalise", "first_batch", "batch_sizes"):
        assert f"def {function}(" in source


def test_choices_are_in_the_link_and_go_on_to_the_next_lesson(tmp_path: Path) -> None:
    data = add_folder(pets(tmp_path / "pets"))
    at = app("data")
    at.selectbox(key="data_choice").set_value(data.name).run()
    assert at.query_params["data"] == data.name
    assert "| cat | 2 | 10 | 12 |" in tables(at)
    at.button[[button.label for button in at.button].index("Another sheet")].click().run()
    at.selectbox(key="data_recipe").set_value("course").run()
    assert at.query_params["sheet"] == "2"
    at.number_input(key="batch_size").set_value(3).run()
    assert "4 training images in batches of 3: **2 batches**, and the last holds **1**" in markup(at)
    assert "| `pixels` | 3 × 3 × 224 × 224 | uint8 |" in tables(at)
    assert not at.exception
    again = app("data", data=data.name, sheet="2", data_recipe="course", batch_size="3")
    assert tables(again) == tables(at)


def test_what_is_removed_on_the_page_can_be_undone(tmp_path: Path) -> None:
    data = add_folder(pets(tmp_path / "pets"))
    at = app("data", data=data.name)
    with pytest.raises(KeyError):  # somebody else's, and this browser is nowhere
        at.button(key="data_choice_remove")
    at.session_state["datasets_given"] = (data.name,)
    at.run().button(key="data_choice_remove").click().run()
    assert data.name not in at.selectbox(key="data_choice").options and "data" not in at.query_params
    at.button(key="data_choice_undo").click().run()
    assert at.query_params["data"] == data.name and "| cat | 2 | 10 | 12 |" in tables(at)
    with pytest.raises(KeyError):
        at.button(key="data_choice_undo")


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_can_be_looked_at(recipe: str) -> None:
    at = app("data", data_recipe=recipe, batch_size="4")
    assert at.selectbox(key="data_recipe").value == recipe and not at.warning and not at.error
    size = data_steps.preprocess_of(RECIPES[recipe]).image_size
    assert f"| `pixels` | 4 × 3 × {size} × {size} | uint8 |" in tables(at)


@pytest.mark.parametrize(
    "query",
    [
        {"data": "../../etc"},
        {"data": "zip-0123456789abcdef"},
        {"data": "folder-000000000000"},
        {"sheet": "-1"},
        {"sheet": "x"},
        {"shown": "99999"},
        {"shown": "²"},
        {"batch_size": "100000"},
        {"data_recipe": "none"},
    ],
)
def test_nonsense_in_the_link_leaves_a_page_that_works(query: dict[str, str]) -> None:
    at = app("data", **query)
    assert "| `pixels` | 32 × 3 × 64 × 64 | uint8 |" in tables(at)
    assert len(at.warning) == ("data" in query or query == {"shown": "99999"})
    if "data" in query:
        assert "not on this server" in at.warning[0].value and "data" not in at.query_params


def test_a_folder_that_cannot_be_learned_from_is_shown_with_the_reason(tmp_path: Path) -> None:
    folder = pets(tmp_path / "pets")
    for path in (folder / "dog").iterdir():
        path.write_text("no picture")
    at = app("data", data=add_folder(folder).name)
    assert not at.exception
    assert any("Training cannot start" in element.value for element in at.error)
    assert any("12 images cannot be read" in element.value for element in at.warning)
    assert "| dog/0.png |" in tables(at)
    assert "| cat | 2 | 10 | 12 |" in tables(at)  # what can be seen is seen


def test_foodvision_is_offered_and_without_a_network_the_page_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vit_core.training.data.foodvision.ADDRESS", "http://127.0.0.1:9/")
    at = app("data", data="foodvision-10")
    assert "pizza_steak_sushi.zip" in at.info[0].value
    at.button(key="data_choice_get").click().run()
    assert not at.exception
    assert "could not be downloaded" in at.warning[0].value and "save it as" in at.warning[0].value
    assert at.query_params["data"] == "foodvision-10"
