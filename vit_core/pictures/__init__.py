"""Pictures from untrusted bytes: estimated from the header, decoded within bounds, or refused in a sentence."""

from vit_core.pictures.decoding import FORMATS, PictureError, check_size, to_rgb
from vit_core.pictures.opening import MAX_BYTES, open_picture

__all__ = ["FORMATS", "MAX_BYTES", "PictureError", "check_size", "open_picture", "to_rgb"]
