"""Running a module once, on real tensors or on the meta device, and recording every call of torch that it makes."""

from explainer.shapes.recording.answers import answer
from explainer.shapes.recording.building import built_on_meta
from explainer.shapes.recording.code_lines import Code, code_here, code_of, frames_of, is_model_code, start_here
from explainer.shapes.recording.copies import device_of, meta_copy, to_meta, with_own_buffers, with_tensors
from explainer.shapes.recording.mode import CallMode
from explainer.shapes.recording.recorder import Event, Recorder
from explainer.shapes.recording.signatures import (
    Number,
    Opaque,
    Sequence,
    Signature,
    Slice,
    TensorKey,
    keys_of,
    tensors_in,
)

__all__ = [
    "CallMode",
    "Code",
    "Event",
    "Number",
    "Opaque",
    "Recorder",
    "Sequence",
    "Signature",
    "Slice",
    "TensorKey",
    "answer",
    "built_on_meta",
    "code_here",
    "code_of",
    "device_of",
    "frames_of",
    "is_model_code",
    "keys_of",
    "meta_copy",
    "start_here",
    "tensors_in",
    "to_meta",
    "with_own_buffers",
    "with_tensors",
]
