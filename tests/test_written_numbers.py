"""What is written for numbers that are nothing, or round to nothing."""

import pytest

from explainer.notation.written_numbers import written, written_shift


@pytest.mark.parametrize(
    ("value", "style", "text"),
    [
        (0.0, ".1e", "0"),
        (-0.0, ".1%", "0.0 %"),
        (-0.0001, ".1%", "0.0 %"),
        (-0.012, ".1%", "−1.2 %"),
        (1.25e-7, ".1e", "1.2e−07"),
        (-0.04, "+.1f", "0.0"),
        (0, ".3g", "0"),
        (1200.0, ",.1f", "1,200.0"),
    ],
)
def test_a_number(value: float, style: str, text: str) -> None:
    assert written(value, style) == text


@pytest.mark.parametrize(
    ("difference", "style", "text"),
    [
        (0.0, ".1%", "0"),
        (-0.0, ".2f", "0"),
        (-0.0001, ".1%", "≈ 0"),
        (0.004, ".2f", "≈ 0"),
        (0.012, ".1%", "+1.2"),
        (-0.2, ".2f", "−0.20"),
        (-2e-7, ".1e", "−2.0e−07"),
    ],
)
def test_a_change(difference: float, style: str, text: str) -> None:
    assert written_shift(difference, style) == text
