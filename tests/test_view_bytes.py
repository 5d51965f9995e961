"""No view sends more than 8 MB: every page with B/16 at 384, as the browser is told to fetch it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from benchmarks.bytes import LIMIT, Sent, measure, random_checkpoint, without_proofs
from explainer.app.steps import packets
from explainer.lessons import HANDS_ON
from explainer.stages import STAGES
from vit_core import ViTConfig

CONFIG = ViTConfig.named("B/16", image_size=384)
PAGES = [*(name for name in STAGES if name != "glossary"), *HANDS_ON]  # the glossary shows no tensor


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Sent]]:
    before = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch, random_checkpoint(CONFIG, one_layer=True):
        patch.setenv("VIT_EXPLAINER_CACHE", str(Path(tmp_path_factory.mktemp("cache"))))
        patch.setattr(packets, "proofs_of", without_proofs)  # seconds, and they send no picture
        yield list(measure(PAGES))
    torch.set_num_threads(before)


def test_no_view_sends_more_than_its_budget(found: list[Sent]) -> None:
    assert {each.page for each in found} == set(PAGES)
    too_large = {f"{each.page}, {each.name}": each.raw for each in found if each.raw + each.piece > LIMIT}
    assert too_large == {}


def test_what_is_counted_is_what_the_views_hold(found: list[Sent]) -> None:
    """A of one layer alone is a byte for each of k (N + 1)² weights; the two pictures of a comparison are pixels."""
    by_name = {each.name: each for each in found}
    assert by_name["looks"].raw + by_name["looks"].later > CONFIG.num_heads * CONFIG.num_tokens**2
    pixels = 3 * CONFIG.image_size**2
    assert 2 * pixels < by_name["compare_pictures"].raw < 3 * pixels
    assert all(each.compressed < 1.01 * each.raw + 2_000 for each in found)
