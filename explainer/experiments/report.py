"""The effect of changes to take away: as JSON, as tables (CSV), and as a line of Python that computes it again."""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

from explainer.experiments.effects import effect_of
from explainer.gallery import GALLERY
from explainer.numbers import YOUR_WEIGHTS
from explainer.numbers.lines import Reproduction, opening
from vit_core.interventions import Interventions
from vit_core.trace import ForwardTrace


@dataclass(frozen=True, eq=False)
class Report:
    """One picture's forward pass as it is and with changes."""

    checkpoint: str  # what ``load`` takes
    picture: str
    labels: Sequence[str]
    before: ForwardTrace
    after: ForwardTrace
    interventions: Interventions

    @property
    def classes(self) -> list[dict[str, Any]]:
        """Every class with its logit and probability before and after, those first that are most probable after."""
        order = self.after.probabilities.argsort(descending=True).tolist()
        columns = {
            "logit_before": self.before.logits,
            "logit_after": self.after.logits,
            "probability_before": self.before.probabilities,
            "probability_after": self.after.probabilities,
        }
        lists = {name: values.tolist() for name, values in columns.items()}
        return [{"class": self.labels[c]} | {name: values[c] for name, values in lists.items()} for c in order]

    @property
    def layers(self) -> list[dict[str, float]]:
        """z_0 ... z_L: how far the class token and all tokens have moved, and their cosine with what they were."""
        effect = effect_of(self.before, self.after)
        return [
            {
                "layer": layer,
                "class_token_moved": float(effect.moved[layer, 0]),
                "all_tokens_moved": float(effect.moved_all[layer]),
                "class_token_cosine": float(effect.cosines[layer, 0]),
                "mean_cosine": float(effect.cosines[layer].mean()),
            }
            for layer in range(len(effect.moved))
        ]

    @property
    def python(self) -> str:
        """One line that computes the prediction with the changes again."""
        made = opening(Reproduction(self.checkpoint, self.picture, str(self.interventions)))
        return f"{made}; print(checkpoint.labels[trace.logits.argmax()], trace.probabilities.max().item())"

    @property
    def blanks(self) -> tuple[str, ...]:
        """The blanks in the line to fill in first."""
        asked = (self.checkpoint == YOUR_WEIGHTS, "the weights"), (self.picture not in GALLERY, "your image")
        return tuple(what for is_blank, what in asked if is_blank)

    def as_json(self) -> str:
        """Everything, to be read by a program."""
        content = {
            "checkpoint": self.checkpoint,
            "picture": self.picture if self.picture in GALLERY else "an uploaded image",
            "changes": str(self.interventions),
            "in_words": [change.title for change in self.interventions],
            "python": self.python,
            "classes": self.classes,
            "layers": self.layers,
        }
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def as_csv(rows: Iterable[dict[str, Any]]) -> str:
    """Rows of the same names as a table with a header."""
    rows, text = list(rows), StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
