"""The likely mistake in a model that broke or does not do what it should, and the report of it."""

from explainer.shapes.diagnosis.mistakes import MISTAKES, Diagnosis, diagnose
from explainer.shapes.diagnosis.report import (
    UNTOLD,
    Verdict,
    diagnosis_html,
    diagnosis_text,
    untold,
    verdict,
)

__all__ = [
    "MISTAKES",
    "UNTOLD",
    "Diagnosis",
    "Verdict",
    "diagnose",
    "diagnosis_html",
    "diagnosis_text",
    "untold",
    "verdict",
]
