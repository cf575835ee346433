"""Picture files become levels 0–255 of red, green and blue, whatever they were saved as."""

from __future__ import annotations

import contextlib
import struct
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

# Those that people have. Others are not tried: an EPS file, say, is a program that would be run.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
# A file of a few kilobytes can unfold to gigabytes; the largest cameras make 100 million pixels.
LIMIT = 50_000_000
WHITE = (255, 255, 255)
# What Pillow's readers raise where a file is damaged.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error)


class UnreadablePicture(ValueError):
    """A file is no picture, a damaged one, or one that is too large; says which and what to do."""


def read(
    path: str | Path,
    size: int | None = None,
    background: tuple[int, int, int] = WHITE,
    limit: int = LIMIT,
) -> UInt8[np.ndarray, "3 height width"]:
    """One picture file as levels 0–255.

    Grey pictures get three equal channels, 16-bit ones are brought to 8 bits, CMYK is converted,
    what is transparent shows the background, and a picture that a camera saved lying on its side
    stands upright (EXIF). Of an animation the first frame is read.

    Args:
        path: a PNG, JPEG, GIF, BMP, TIFF, WebP or PPM file.
        size: the shorter side is scaled to so many pixels, with antialiasing, and the middle square
            is cut out; None for the picture as it is.
        background: red, green and blue behind transparent pixels.
        limit: most pixels that are unfolded; at most 178,956,970, where Pillow's own limit lies.

    Raises:
        UnreadablePicture: where there is no such file, it is empty, damaged, of another format, has
            more pixels than the limit, or levels of unknown meaning.
        ValueError: for a size below 1.
    """
    path = Path(path)
    if size is not None and size < 1:
        raise ValueError(f"size must be at least 1, got {size}")
    if not path.is_file():
        raise UnreadablePicture(f"there is no file {path}")
    if path.stat().st_size == 0:
        raise UnreadablePicture(f"{path} is empty: download or copy it anew")
    with _explained(path), Image.open(path, formats=FORMATS) as image:
        width, height = image.size
        if width * height > limit:
            raise UnreadablePicture(
                f"{path} has {width} × {height} pixels, the limit is {limit:,}: shrink it, or give "
                "limit=… if you trust it and have the memory (3 bytes a pixel and more)"
            )
        upright = rgb(image, background)
    if size is not None:
        upright = ImageOps.fit(upright, (size, size), Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(upright).transpose(2, 0, 1))


def read_all(
    paths: Sequence[str | Path], size: int = 32, background: tuple[int, int, int] = WHITE
) -> UInt8[np.ndarray, "count 3 {size} {size}"]:
    """Several picture files, all of one size, as ``read`` gives them.

    Raises:
        UnreadablePicture: for the first file that cannot be read.
    """
    images = np.empty((len(paths), 3, size, size), np.uint8)
    for row, path in enumerate(paths):
        images[row] = read(path, size, background)
    return images


def rgb(image: Image.Image, background: tuple[int, int, int] = WHITE) -> Image.Image:
    """An opened picture upright in red, green and blue levels, whatever its own kind of pixel.

    Raises:
        UnreadablePicture: for levels whose white is not known.
    """
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        return _from_16_bits(image)
    if image.mode in ("F", "LAB"):
        raise UnreadablePicture(
            f"levels of mode {image.mode!r}, whose white is not known here: save the picture with "
            "8 bits a channel"
        )
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (*background, 255))
        return Image.alpha_composite(ground, image).convert("RGB")
    return image.convert("RGB")


def _from_16_bits(image: Image.Image) -> Image.Image:
    """Grey levels 0–65535 as 0–255. Pillow's own conversion would cut off all above 255."""
    levels = np.asarray(image).astype(np.int64)
    if levels.min() < 0 or levels.max() > 65535:
        raise UnreadablePicture(
            f"levels from {levels.min()} to {levels.max()}, whose white is not known here: save "
            "the picture with 8 or 16 bits"
        )
    return Image.fromarray(np.rint(levels / 257).astype(np.uint8)).convert("RGB")


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """What Pillow raises, as one error that names the file. Its warning of size is not needed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except UnreadablePicture as error:
        named = str(error) if str(path) in str(error) else f"{path} holds {error}"
        raise UnreadablePicture(named) from error
    except Image.DecompressionBombError as error:
        raise UnreadablePicture(f"{path} is too large to open ({error}): shrink it") from error
    except UnidentifiedImageError as error:
        raise UnreadablePicture(
            f"{path} is no {', '.join(FORMATS[:-1])} or {FORMATS[-1]} picture, or a damaged one"
        ) from error
    except DAMAGE as error:
        raise UnreadablePicture(f"{path} is damaged ({error}): download or copy it anew") from error
