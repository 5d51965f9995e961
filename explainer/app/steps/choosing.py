"""What the sidebar offers to choose from: the tokens of the image, and the images of the gallery."""

from functools import cache

import numpy as np
from PIL import Image

from explainer.app.session import Session
from explainer.gallery import GALLERY
from explainer.notation.wording import token_name
from explainer.panels import Picture, Tiles, View
from vit_core.pictures import open_picture

THUMBNAIL = 64  # pixels


def chosen_token(session: Session) -> str:
    """The chosen token in words."""
    name = token_name(session.token, session.config.grid_size)
    return f"Token {session.token} of {session.config.num_patches}: {name}"


def image(session: Session, *, has_caption: bool = True, picks_token: bool = True) -> View:
    """The image as the model sees it; a click on a patch chooses its token, where the page uses one."""
    config = session.config
    picture = Picture(
        title="The image, as the model sees it",
        quantity="image",
        caption=chosen_token(session) if has_caption and picks_token else "",
        pixels=session.pixels,
        grid_size=config.grid_size,
        token=session.token if picks_token else None,
        pick_tokens=picks_token,
    )
    chosen = f" Chosen: {token_name(session.token, config.grid_size)}." if picks_token else ""
    return View(
        rows=((picture,),),
        alt=f"The chosen image at {config.image_size} x {config.image_size} pixels, cut into "
        f"{config.grid_size} x {config.grid_size} patches.{chosen}",
        picks=("token",) if picks_token else (),
    )


def gallery(session: Session) -> View:
    """The images that the app has; a click chooses one."""
    names, chosen = list(GALLERY), session.state.picture
    caption = f"{GALLERY[chosen].title}. {GALLERY[chosen].credit}." if chosen in GALLERY else "Your image"
    tiles = Tiles(
        title="Gallery",
        quantity="image",
        caption=caption,
        pixels=_thumbnails(),
        labels=tuple(names),
        columns=4,
        selected=names.index(chosen) if chosen in names else None,
        picks=tuple({"picture": name} for name in names),
        tile_size=THUMBNAIL,
    )
    return View(
        rows=((tiles,),),
        alt=f"Photographs to choose from: {', '.join(picture.title for picture in GALLERY.values())}.",
        picks=("picture",),
    )


@cache
def _thumbnails() -> np.ndarray:
    """The gallery as small squares, [pictures, height, width, 3]."""
    return np.stack([np.asarray(_square(open_picture(picture.path))) for picture in GALLERY.values()])


def _square(picture: Image.Image) -> Image.Image:
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    box = (left, top, left + side, top + side)
    return picture.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS, box=box)
