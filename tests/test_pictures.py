"""Untrusted bytes: every kind of picture comes out as upright, opaque RGB; what is none is refused in one sentence."""

import struct
import sys
import zlib
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from explainer.gallery import GALLERY
from tests.hostile_pictures import HOSTILE_PICTURES, flat
from vit_core.pictures import FORMATS, MAX_BYTES, PictureError, open_picture, to_rgb
from vit_core.pictures import opening as pictures
from vit_core.pictures.decoding import begin, finish

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, pixels: bytes = b"", bits: int = 8, colour: int = 2) -> bytes:
    """A PNG file whose header says what it is told to say."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(pixels)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.fixture
def four_colours() -> Image.Image:
    """Red and green above, blue and white below: no two orientations look the same."""
    return Image.fromarray(np.array([[RED, GREEN], [BLUE, WHITE]], np.uint8).repeat(8, 0).repeat(8, 1))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP", "GIF"])
def test_lossless_formats_come_back_as_they_were(four_colours: Image.Image, kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    picture = open_picture(encoded(four_colours, kind, **options))
    assert picture.mode == "RGB"
    assert np.array_equal(picture, four_colours)


def test_from_a_file_as_from_bytes(four_colours: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    four_colours.save(path)
    assert np.array_equal(open_picture(path), open_picture(path.read_bytes()))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_once(four_colours: Image.Image, orientation: int) -> None:
    # The EXIF standard's table: what to do with the stored pixels so that the picture stands upright.
    upright = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: a.swapaxes(0, 1)[:, ::-1],
        7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
        8: lambda a: a.swapaxes(0, 1)[::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = open_picture(encoded(four_colours, exif=exif))
    assert np.array_equal(picture, upright(np.asarray(four_colours)))
    assert np.array_equal(to_rgb(picture), picture)  # as Preprocess does again


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # PIL's own remark on it
def test_a_broken_exif_block_turns_nothing(four_colours: Image.Image) -> None:
    data = encoded(four_colours, "JPEG", quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert open_picture(data).size == four_colours.size


def test_alpha_is_laid_on_white() -> None:
    # 255 * (1 - a) + c * a, rounded, for a = 0, 128/255 and 1
    pixels = np.array([[(255, 0, 0, 0), (255, 0, 0, 128), (255, 0, 0, 255)]], np.uint8)
    picture = open_picture(encoded(Image.fromarray(pixels)))
    assert np.asarray(picture).tolist() == [[[255, 255, 255], [255, 127, 127], [255, 0, 0]]]


def test_grey_with_alpha_is_laid_on_white() -> None:
    pixels = np.array([[(0, 0), (0, 255)]], np.uint8)
    assert np.asarray(open_picture(encoded(Image.fromarray(pixels, "LA")))).tolist() == [[[255] * 3, [0] * 3]]


def test_palette_with_a_transparent_colour() -> None:
    picture = Image.fromarray(np.array([[0, 1, 2]], np.uint8)).convert("P")
    picture.putpalette([*RED, *GREEN, *BLUE] + [0] * 759)
    opened = open_picture(encoded(picture, transparency=1))
    assert np.asarray(opened).tolist() == [[list(RED), list(WHITE), list(BLUE)]]


def test_one_transparent_rgb_colour() -> None:
    picture = Image.fromarray(np.array([[RED, GREEN]], np.uint8))
    assert np.asarray(open_picture(encoded(picture, transparency=GREEN))).tolist() == [[list(RED), list(WHITE)]]


def test_cmyk(four_colours: Image.Image) -> None:
    picture = open_picture(encoded(four_colours.convert("CMYK"), "TIFF"))
    assert picture.mode == "RGB"
    assert np.array_equal(picture, four_colours)


def test_cmyk_jpeg(four_colours: Image.Image) -> None:
    picture = open_picture(encoded(four_colours.convert("CMYK"), "JPEG", quality=100))
    # JPEG is lossy; the middle of each 8x8 block of one colour is off by a few levels at most
    assert np.abs(np.asarray(picture)[4::8, 4::8].astype(int) - np.asarray(four_colours)[4::8, 4::8]).max() <= 3


def test_16_bit_grey_is_scaled_and_not_clipped() -> None:
    values = np.array([[0, 128, 257, 32768, 65535]], np.uint16)
    expected = np.rint(values / 257).astype(int)[0].tolist()  # 65535 = 255 * 257
    for kind in ("PNG", "TIFF"):
        opened = np.asarray(open_picture(encoded(Image.fromarray(values), kind)))
        assert opened[0, :, 0].tolist() == expected == [0, 0, 1, 128, 255]


def test_16_bit_colour_keeps_its_high_byte() -> None:
    row = b"\0" + struct.pack(">6H", 0, 32768, 65535, 65535, 0, 256)
    opened = open_picture(png(2, 1, row, bits=16))
    assert np.asarray(opened).tolist() == [[[0, 128, 255], [255, 0, 1]]]


def test_one_bit_and_grey(four_colours: Image.Image) -> None:
    for mode in ("1", "L"):
        grey = four_colours.convert(mode)
        assert np.array_equal(open_picture(encoded(grey)), grey.convert("RGB"))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_first_frame_of_an_animation(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, GREEN, BLUE)]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert np.asarray(open_picture(data))[0, 0].tolist() == list(RED)


def test_one_pixel_is_a_picture() -> None:
    assert np.asarray(open_picture(encoded(Image.new("RGB", (1, 1), RED)))).tolist() == [[list(RED)]]


@pytest.mark.parametrize(("width", "height"), [(20_000, 20_000), (10_000, 9_500), (8_000, 7_000)])
def test_too_many_pixels_are_refused_by_the_header(width: int, height: int) -> None:
    with pytest.raises(PictureError, match=r"too large.* at most 50 million"):
        open_picture(png(width, height))  # the file has no pixels at all: nothing was decoded to find out


def test_too_long_and_thin_is_refused() -> None:
    with pytest.raises(PictureError, match="1x65535 is more than 50:1"):
        open_picture(png(1, 65_535))


def test_no_pixels_are_refused() -> None:
    with pytest.raises(PictureError):
        open_picture(png(0, 5))


def test_a_header_that_promises_more_than_there_is() -> None:
    with pytest.raises(PictureError, match="promises 1000x1000"):
        open_picture(png(1000, 1000, b"\0" * 100))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_truncated_files_are_refused(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    for part in (0.9, 0.5, 0.1):
        with pytest.raises(PictureError):
            open_picture(data[: int(len(data) * part)])


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"\x89PNG\r\n\x1a\n"]
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(PictureError):
        open_picture(data)
    assert "EPS" not in FORMATS  # would run Ghostscript


def test_too_many_bytes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # a hole: no disk space
    with pytest.raises(PictureError, match="at most 50 MB"):
        open_picture(path)


def test_pixels_without_an_agreed_white_are_refused() -> None:
    with pytest.raises(PictureError, match="floating-point"):
        open_picture(encoded(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"))
    with pytest.raises(PictureError, match="32-bit"):
        open_picture(encoded(Image.fromarray(np.full((4, 4), 1 << 20, np.int32)), "TIFF"))


def test_every_flip_of_a_byte_is_a_picture_or_a_picture_error(four_colours: Image.Image) -> None:
    generator = np.random.default_rng(1)
    for kind in ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"):
        data = encoded(four_colours, kind)
        for _ in range(60):
            broken = bytearray(data)
            broken[generator.integers(len(data))] = generator.integers(256)
            try:
                assert open_picture(bytes(broken)).mode == "RGB"
            except PictureError as error:
                assert "\n" not in str(error)


@cache
def usual_pictures() -> dict[str, bytes]:
    """A photograph in every format and the modes that are usual in it."""
    photograph = Image.open(GALLERY["astronaut"].path).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    grey = Image.fromarray(np.asarray(photograph.convert("L")).astype(np.uint16) * 257)
    clear = photograph.convert("RGBA")
    clear.putalpha(photograph.convert("L"))
    made = {
        "JPEG": encoded(photograph, "JPEG", exif=exif),
        "progressive": encoded(photograph, "JPEG", progressive=True),
        "grey": encoded(photograph.convert("L"), "JPEG"),
        "CMYK": encoded(photograph.convert("CMYK"), "JPEG"),
        "PNG": encoded(photograph),
        "clear": encoded(clear),
        "16 bits": encoded(grey),
        "BMP": encoded(photograph, "BMP"),
        "palette": encoded(photograph.quantize(64)),
        "GIF": encoded(photograph, "GIF"),
        "TIFF": encoded(photograph, "TIFF"),
        "LZW": encoded(grey, "TIFF", compression="tiff_lzw"),
        "WebP": encoded(photograph, "WEBP"),
    }
    return made | {name: picture.path.read_bytes() for name, picture in GALLERY.items()}


@pytest.mark.parametrize("name", usual_pictures())
def test_usual_pictures_start_no_process(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the process that reads the others would read them the same, to the bit."""
    data = usual_pictures()[name]
    apart = pictures._decode_apart(data)
    monkeypatch.setattr(pictures, "_decode_apart", lambda data: pytest.fail("a process was started"))
    assert np.array_equal(open_picture(data), apart)


def test_pictures_come_whole_up_to_sixteen_million_pixels() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (4000, 4001), np.uint8)
    for mode in ("L", "RGB"):
        picture = Image.fromarray(pixels).convert(mode)
        whole = picture.crop((0, 0, 4000, 4000))
        assert np.array_equal(open_picture(encoded(whole, compress_level=0)), whole.convert("RGB"))
        halved = open_picture(encoded(picture, compress_level=0))
        assert halved.size == (2001, 2000)
        mean = pixels[:, :4000].reshape(2000, 2, 2000, 2).mean((1, 3))
        # The mean of four whole numbers, rounded: halves may go either way.
        assert np.abs(np.asarray(halved)[:, :2000, 0] - mean).max() <= 0.5


def test_what_a_picture_may_take_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    data = flat("RGBA", (4000, 3000), "PNG")
    assert open_picture(data).size == (4000, 3000)
    monkeypatch.setenv("VIT_EXPLAINER_PICTURE_MB", "100")
    with pytest.raises(PictureError, match="would take 108 MB of memory, at most 100 MB are allowed"):
        open_picture(data)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no seconds of a processor that a process may take")
def test_a_process_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIT_EXPLAINER_PICTURE_SECONDS", "1")
    with pytest.raises(PictureError, match=r"longer than 1 s|more than 270 MB of memory or 1 s"):
        open_picture(HOSTILE_PICTURES["runs-of-one.bmp"][0]())


def test_large_pictures_wait_and_small_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two large ones are under way; a third waits until one of them is done, and is refused if none is for long."""
    monkeypatch.setenv("VIT_EXPLAINER_PICTURE_SECONDS", "0.05")
    large = 80_000_000
    with pictures._turn(large):
        with pictures._turn(large):
            with pictures._turn(1_000_000):
                pass
            with pytest.raises(PictureError, match="try again"), pictures._turn(large):
                pass
        with pictures._turn(large):
            pass
        with pytest.raises(PictureError, match="try again"), pictures._turn(300_000_000):
            pass
    with pictures._turn(300_000_000):
        pass


def test_a_large_picture_waits_until_the_one_before_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    held = [open_picture(flat("RGB", (4000, 4000), "PNG"))]
    assert pictures._taken.looked_at() == 64_000_000
    waited = []

    def let_go(seconds: float) -> None:
        waited.append(seconds)
        held.clear()

    monkeypatch.setattr(pictures, "sleep", let_go)
    with pictures._turn(200_000_000):
        assert not waited, "both fit"
    with pictures._turn(230_000_000):
        assert len(waited) == 1 and pictures._taken.looked_at() == 0


def test_a_header_that_does_not_say_what_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the bounds of a process hold instead of the estimate."""
    read = pictures.read_header
    monkeypatch.setattr(pictures, "read_header", lambda data: replace(read(data), width=7, height=9))
    started = []
    monkeypatch.setattr(pictures, "_decode_apart", lambda data: started.append(1) or finish(begin(data)))
    data = flat("RGB", (64, 48), "PNG")
    assert open_picture(data).size == (64, 48) and started


def test_a_str_is_not_guessed_to_be_a_path() -> None:
    with pytest.raises(TypeError, match=r"write Path\('cat.jpg'\)"):
        open_picture("cat.jpg")
