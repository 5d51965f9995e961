"""Where the files lie that come with the toolkit: next to the packages in a checkout, inside them once installed."""

from importlib.resources import files
from pathlib import Path


def resource_folder(package: str, installed: str, in_checkout: str) -> Path:
    """The folder ``installed`` inside ``package``, or in a checkout the folder ``in_checkout`` next to it."""
    inside = Path(str(files(package)))
    return folder if (folder := inside / installed).is_dir() else inside.parent / in_checkout


ASSETS = resource_folder("vit_core", "assets", "assets")
