"""The photographs that are there without a network: those that scikit-image ships, with their licences."""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class GalleryPicture:
    """A photograph of the gallery: where it lies in scikit-image's data folder, and whose it is."""

    name: str
    title: str
    file: str
    credit: str

    @property
    def path(self) -> Path:
        """The picture's file in the installed scikit-image."""
        return _data_folder() / self.file


@cache
def _data_folder() -> Path:
    # Found without importing scikit-image, which would cost a second of every start.
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("scikit-image is not installed: pip install -r requirements.txt")
    return Path(spec.submodule_search_locations[0]) / "data"


# Credits as scikit-image's own docstrings state them (skimage/data/_fetchers.py, 0.26).
GALLERY = {
    picture.name: picture
    for picture in (
        GalleryPicture("coffee", "A cup of coffee", "coffee.png", "Rachel Michetti, Pikolo Espresso Bar; CC0"),
        GalleryPicture("cat", "Chelsea the cat", "chelsea.png", "Stéfan van der Walt; CC0"),
        GalleryPicture("astronaut", "An astronaut", "astronaut.png", "NASA, Eileen Collins; public domain"),
        GalleryPicture("rocket", "A rocket launch", "rocket.jpg", "SpaceX; public domain"),
        GalleryPicture("motorcycle", "A motorcycle", "motorcycle_left.png", "Middlebury 2014; no licence stated"),
        GalleryPicture("galaxies", "Hubble deep field", "hubble_deep_field.jpg", "NASA; public domain"),
        GalleryPicture("coins", "Greek coins", "coins.png", "Brooklyn Museum; no known restrictions"),
        GalleryPicture("camera", "A photographer", "camera.png", "Lav Varshney; CC0"),
    )
}
