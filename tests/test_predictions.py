"""Predictions over many pictures: the same as one by one, the course's order of mistakes, a table that reads back."""

import csv
from contextlib import contextmanager
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from vit_core import Preprocess, VisionTransformer, open_picture
from vit_core.preprocess import HALF, IMAGENET_MEAN, IMAGENET_STD
from vit_core.training import predictions as module
from vit_core.training.predictions import (
    Predictions,
    Sample,
    Score,
    as_csv,
    other_preprocessing,
    predict_pictures,
)

LABELS = ("ant", "bee", "cat fish", "dog", "emu", "fox", "gnu")
PREPROCESS = Preprocess(image_size=12, resize_size=14)


def picture(seed: int, size: tuple[int, int] = (30, 20)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def made(probabilities: list[list[float]], class_names: list[str | None]) -> Predictions:
    count = len(probabilities)
    return Predictions(
        labels=LABELS[: len(probabilities[0])],
        names=tuple(f"{number}.jpg" for number in range(count)),
        class_names=tuple(class_names),
        places=tuple(range(count)),
        probabilities=torch.tensor(probabilities),
    )


def test_many_pictures_are_predicted_as_each_alone(tiny_model: VisionTransformer) -> None:
    samples = [Sample(f"{seed}.png", picture(seed)) for seed in range(module.BATCH_SIZE * 2 + 3)]
    result = predict_pictures(tiny_model, PREPROCESS, LABELS, samples)
    with torch.no_grad():
        alone = [tiny_model(PREPROCESS(open_picture(sample.source))).softmax(-1) for sample in samples]
    # Sums of a batch are taken in another order than those of one picture: a few units in the last place of float32.
    torch.testing.assert_close(result.probabilities, torch.stack(alone), rtol=1e-5, atol=1e-6)
    assert result.names == tuple(sample.name for sample in samples)
    torch.testing.assert_close(result.probabilities.sum(-1), torch.ones(len(samples)), rtol=0, atol=1e-6)  # float32


def test_broken_pictures_are_named_and_the_others_predicted(tiny_model: VisionTransformer, tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(picture(1))
    samples = [
        Sample("text.jpg", b"no picture"),
        Sample("a.png", picture(0)),
        Sample("half.png", picture(2, (90, 90))[:900]),
        Sample("gone.png", tmp_path / "gone.png"),
        Sample("good.png", tmp_path / "good.png"),
    ]
    result = predict_pictures(tiny_model, PREPROCESS, LABELS, samples)
    assert result.names == ("a.png", "good.png")
    assert result.places == (1, 4)
    assert [each.name for each in result.unread] == ["text.jpg", "half.png", "gone.png"]
    assert all(each.reason and "\n" not in each.reason and str(tmp_path) not in each.reason for each in result.unread)
    whole = predict_pictures(tiny_model, PREPROCESS, LABELS, [samples[1], samples[4]])
    torch.testing.assert_close(result.probabilities, whole.probabilities, rtol=1e-5, atol=1e-6)  # as above


def test_nothing_readable_is_an_empty_table(tiny_model: VisionTransformer) -> None:
    result = predict_pictures(tiny_model, PREPROCESS, LABELS, [Sample("text.jpg", b"no picture")])
    assert len(result) == 0
    assert result.score == Score(0, 0)
    assert list(result.rows())[1][:3] == [
        "text.jpg",
        "",
        "not read: " + result.unread[0].reason,
    ]


def test_others_get_their_turn_between_batches_and_progress_ends_the_work(tiny_model: VisionTransformer) -> None:
    held: list[int] = []

    @contextmanager
    def slot():  # type: ignore[no-untyped-def]
        held.append(1)
        yield
        held.append(-1)

    seen: list[tuple[int, int]] = []
    samples = [Sample(str(seed), picture(seed)) for seed in range(module.BATCH_SIZE + 1)]
    predict_pictures(
        tiny_model, PREPROCESS, LABELS, samples, slot=slot, on_progress=lambda done: seen.append((done, sum(held)))
    )
    assert seen == [(module.BATCH_SIZE, 0), (module.BATCH_SIZE + 1, 0)]  # nothing is held while it is told
    assert held == [1, -1, 1, -1]

    def stop(done: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        predict_pictures(tiny_model, PREPROCESS, LABELS, samples, on_progress=stop)


def test_too_many_numbers_are_refused_before_anything_is_read(
    tiny_model: VisionTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_NUMBERS", 20)
    samples = [Sample("", b"")] * 3
    with pytest.raises(ValueError, match=r"3 images times 7 classes .* at most 2 images"):
        predict_pictures(tiny_model, PREPROCESS, LABELS, samples)


def test_most_wrong_is_the_courses_order() -> None:
    """As its bonus sorts them with pandas: wrong before right, the most probable first."""
    generator = torch.Generator().manual_seed(3)
    probabilities = torch.rand(40, 3, generator=generator).softmax(-1)
    true = torch.randint(3, (40,), generator=generator)
    result = made(probabilities.tolist(), [LABELS[number] for number in true])
    frame = pandas.DataFrame(
        {
            "correct": (probabilities.argmax(-1) == true).tolist(),
            "pred_prob": probabilities.max(-1).values.tolist(),
        }
    )
    ordered = frame.sort_values(by=["correct", "pred_prob"], ascending=[True, False])
    assert list(result.most_wrong) == ordered.index[~ordered.correct].tolist()
    assert result.score == Score(int(frame.correct.sum()), 40)


def test_what_the_model_has_no_word_for_is_neither_right_nor_wrong() -> None:
    result = made([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]], ["bee", "bee", "unicorn", None])
    assert [result.is_right(number) for number in range(4)] == [False, True, None, None]
    assert result.score == Score(1, 2)
    assert result.most_wrong == (0,)


def test_folders_with_underscores_are_labels_with_spaces() -> None:
    result = made([[0.1, 0.2, 0.7]], ["Cat_fish"])
    assert result.is_right(0) is True


def test_confusion_counts_every_picture_whose_class_is_known() -> None:
    generator = torch.Generator().manual_seed(4)
    probabilities, true = torch.rand(60, 4, generator=generator), torch.randint(4, (60,), generator=generator)
    result = made(probabilities.tolist(), [LABELS[number] for number in true])
    table = pandas.crosstab(true.numpy(), probabilities.argmax(-1).numpy())
    for row, counts in result.confusion().items():
        for column in range(4):
            assert counts[LABELS[column]] == table.loc[LABELS.index(row), column]


def test_the_table_reads_back_with_everything_in_it(tiny_model: VisionTransformer) -> None:
    samples = [Sample('a "b", c.png', picture(0), "ant"), Sample("=2+3.png", picture(1)), Sample("x", b"text")]
    result = predict_pictures(tiny_model, PREPROCESS, LABELS, samples)
    lines = list(csv.DictReader(StringIO(as_csv(result, "run:one:3", "as trained", count=3))))
    assert [line["file"] for line in lines] == ['a "b", c.png', "'=2+3.png", "x"]  # no formula for a spreadsheet
    assert {line["checkpoint"] for line in lines} == {"run:one:3"}
    assert {line["preprocessing"] for line in lines} == {"as trained"}
    assert lines[0]["true"] == "ant"
    assert lines[0]["right"] == ("yes" if lines[0]["predicted"] == "ant" else "no")
    assert lines[1]["right"] == ""
    assert lines[2]["predicted"].startswith("not read: ")
    for number, line in enumerate(lines[:2]):
        best = result.probabilities[number].topk(3)
        for place in range(3):
            assert line[f"class {place + 1}"] == LABELS[int(best.indices[place])]
            assert float(line[f"probability {place + 1}"]) == pytest.approx(float(best.values[place]), abs=5e-7)


def test_squashing_is_the_courses_transform() -> None:
    """``pred_and_plot_image`` without a transform: Resize((224, 224)), ToTensor, Normalize of ImageNet."""
    course = v2.Compose(
        [
            v2.Resize((224, 224)),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(list(IMAGENET_MEAN), list(IMAGENET_STD)),
        ]
    )
    trained = Preprocess(image_size=224, resize_size=256)
    photograph = open_picture(picture(7, (320, 200)))
    others = other_preprocessing(trained)
    # The same bytes; v2 multiplies by 1 / 255 where this divides by 255: one unit in the last place of float32.
    torch.testing.assert_close(others["squashed"](photograph), course(photograph), rtol=1e-6, atol=1e-6)
    raw = others["squashed and not normalised"](photograph)
    scratch = v2.Compose([v2.Resize((224, 224)), v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True)])
    torch.testing.assert_close(raw, scratch(photograph), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "trained",
    [
        Preprocess(),
        Preprocess(image_size=64, resize_size=64, mean=HALF, std=HALF, interpolation="bicubic"),
        Preprocess(resize_size=224, keep_aspect=False, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
    ],
)
def test_the_other_ways_differ_and_give_the_models_size(trained: Preprocess) -> None:
    others = other_preprocessing(trained)
    assert len({trained, *others.values()}) == 4
    assert {other.image_size for other in others.values()} == {trained.image_size}
