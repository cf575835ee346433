"""Picture files as people have them: read rightly, or refused in a line that says what to do."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from xmodal_lab.datasets import pictures
from xmodal_lab.datasets.pictures import UnreadablePicture, read, read_all

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def quarters(mode="RGB") -> Image.Image:
    """20 × 10 pixels: red and green above, blue and white below."""
    levels = np.zeros((10, 20, 3), np.uint8)
    levels[:5, :10], levels[:5, 10:], levels[5:, :10], levels[5:, 10:] = RED, GREEN, BLUE, 255
    return Image.fromarray(levels).convert(mode)


def corners(levels) -> list[tuple]:
    """Top left, top right, bottom left, bottom right."""
    return [tuple(int(v) for v in levels[:, y, x]) for y in (1, -2) for x in (1, -2)]


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tiff", "a.ppm", "a.webp"])
def test_colours_come_in_their_order_line_by_line(tmp_path, name):
    quarters().save(tmp_path / name, **({"lossless": True} if name.endswith("webp") else {}))
    levels = read(tmp_path / name)
    assert levels.shape == (3, 10, 20) and levels.dtype == np.uint8
    assert levels.flags["C_CONTIGUOUS"] and levels.flags["WRITEABLE"]
    assert corners(levels) == [RED, GREEN, BLUE, (255, 255, 255)]


def test_a_jpeg_and_a_palette_are_near_and_exact(tmp_path):
    quarters().save(tmp_path / "a.jpg", quality=95, subsampling=0)
    near = np.abs(read(tmp_path / "a.jpg").astype(int) - read_saved(tmp_path, quarters()))
    assert near.mean() < 5
    quarters().quantize(8).save(tmp_path / "p.png")
    assert corners(read(tmp_path / "p.png")) == [RED, GREEN, BLUE, (255, 255, 255)]
    quarters().quantize(8).save(tmp_path / "p.gif")
    assert corners(read(tmp_path / "p.gif")) == [RED, GREEN, BLUE, (255, 255, 255)]


def read_saved(folder, image, name="x.png", **options):
    image.save(folder / name, **options)
    return read(folder / name).astype(int)


def test_grey_and_black_and_white(tmp_path):
    ramp = Image.fromarray(np.arange(0, 250, 5, dtype=np.uint8).reshape(5, 10))
    found = read_saved(tmp_path, ramp)
    assert (found == np.asarray(ramp)[None]).all()
    bits = Image.fromarray(np.eye(8, dtype=bool))
    assert (read_saved(tmp_path, bits) == 255 * np.eye(8)[None]).all()


@pytest.mark.parametrize("name", ["a.png", "a.tiff"])
def test_sixteen_bits_keep_their_light_and_shade(tmp_path, name):
    """Pillow's own conversion makes nearly all of such a picture white."""
    deep = np.linspace(0, 65535, 12 * 12).reshape(12, 12).astype(np.uint16)
    found = read_saved(tmp_path, Image.fromarray(deep), name)
    assert (found == np.rint(deep / 257)[None]).all()
    assert found.min() == 0 and found.max() == 255


def test_cmyk_is_converted(tmp_path):
    inks = np.zeros((8, 8, 4), np.uint8)
    inks[:, :4, 1] = inks[:, :4, 2] = 255  # magenta and yellow: red
    inks[:, 4:, 3] = 255  # black
    image = Image.frombytes("CMYK", (8, 8), inks.tobytes())
    found = read_saved(tmp_path, image, "a.tiff")
    assert corners(found) == [RED, (0, 0, 0), RED, (0, 0, 0)]
    image.save(tmp_path / "a.jpg", quality=100)
    top = read(tmp_path / "a.jpg").astype(int)
    assert np.abs(top[:, 1, 1] - RED).max() < 12 and top[:, 1, 6].max() < 12


@pytest.mark.parametrize("kind", ["RGBA", "LA", "palette", "one colour"])
def test_what_is_transparent_shows_the_background(tmp_path, kind):
    if kind == "palette":
        image = Image.new("P", (6, 6), 0)
        image.putpalette([0, 0, 0, 40, 40, 40])
        image.paste(1, (3, 0, 6, 6))
        image.save(tmp_path / "a.png", transparency=0)
    elif kind == "one colour":
        image = Image.new("RGB", (6, 6), (1, 2, 3))
        image.paste((40, 40, 40), (3, 0, 6, 6))
        image.save(tmp_path / "a.png", transparency=(1, 2, 3))
    else:
        image = Image.new("RGBA", (6, 6), (9, 9, 9, 0))
        image.paste((40, 40, 40, 255), (3, 0, 6, 6))
        image.convert(kind).save(tmp_path / "a.png")
    white, blue = read(tmp_path / "a.png"), read(tmp_path / "a.png", background=BLUE)
    assert corners(white) == [(255,) * 3, (40,) * 3, (255,) * 3, (40,) * 3]
    assert corners(blue)[0] == BLUE and corners(blue)[1] == (40,) * 3


def test_half_transparent_is_half_background(tmp_path):
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 128))
    found = read_saved(tmp_path, image)
    assert np.abs(found[:, 1, 1] - np.array([255, 127, 127])).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_camera_held_sideways_gives_an_upright_picture(tmp_path, orientation):
    """Turned back into what the camera stored, the picture must be the stored one."""
    stored = quarters()
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    turned = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud,
              5: lambda a: a.transpose(1, 0, 2), 6: lambda a: np.rot90(a, 3),
              7: lambda a: np.rot90(a.transpose(1, 0, 2), 2), 8: np.rot90}  # fmt: skip
    wanted = turned[orientation](np.asarray(stored)).transpose(2, 0, 1)
    assert (read(tmp_path / "a.png") == wanted).all()


def test_of_an_animation_the_first_frame(tmp_path):
    frames = [Image.new("RGB", (5, 5), colour) for colour in (RED, GREEN, BLUE)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert corners(read(tmp_path / "a.gif"))[0] == RED


def test_scaled_and_cut_to_a_square(tmp_path):
    quarters().resize((200, 100), Image.Resampling.NEAREST).save(tmp_path / "a.png")
    levels = read(tmp_path / "a.png", size=32)
    assert levels.shape == (3, 32, 32)
    assert corners(levels) == [RED, GREEN, BLUE, (255, 255, 255)]


def test_shrinking_is_antialiased(tmp_path):
    """A fine chequerboard becomes an even grey, not a pattern that was never there."""
    board = (255 * (np.indices((320, 320)).sum(0) % 2)).astype(np.uint8)
    Image.fromarray(board).save(tmp_path / "a.png")
    levels = read(tmp_path / "a.png", size=32)[:, 2:-2, 2:-2].astype(int)
    assert np.abs(levels - 127.5).max() < 6


def test_several_of_one_size(tmp_path):
    for number, colour in enumerate((RED, GREEN)):
        Image.new("RGB", (30 + number, 40), colour).save(tmp_path / f"{number}.png")
    levels = read_all([tmp_path / "0.png", tmp_path / "1.png"], size=16)
    assert levels.shape == (2, 3, 16, 16)
    assert [corners(row)[0] for row in levels] == [RED, GREEN]
    assert read_all([], size=16).shape == (0, 3, 16, 16)


# --- what is refused --------------------------------------------------------------------------


def refused(path, said, **options):
    with pytest.raises(UnreadablePicture, match=said) as caught:
        read(path, **options)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_no_file_an_empty_one_and_one_that_is_no_picture(tmp_path):
    refused(tmp_path / "a.png", "there is no file")
    refused(tmp_path, "there is no file")
    (tmp_path / "a.png").write_bytes(b"")
    refused(tmp_path / "a.png", "is empty: download or copy it anew")
    (tmp_path / "a.png").write_text("<html>404</html>")
    refused(tmp_path / "a.png", "is no PNG, JPEG, GIF, BMP, TIFF, WEBP or PPM picture")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.bmp", "a.tiff", "a.webp"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_cut_short(tmp_path, name, share):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
    refused(tmp_path / name, "is damaged|or a damaged one")


def test_a_flipped_byte_in_a_png(tmp_path):
    quarters().save(tmp_path / "a.png")
    whole = bytearray((tmp_path / "a.png").read_bytes())
    whole[whole.index(b"IDAT") + 8] ^= 0xFF
    (tmp_path / "a.png").write_bytes(whole)
    refused(tmp_path / "a.png", "is damaged")


def bomb(side: int) -> bytes:
    """A PNG of side × side black pixels in a few kilobytes, whose body is not even whole."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1_000_000))
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [8_000, 12_000, 20_000])
def test_too_many_pixels_are_refused_before_they_are_unfolded(tmp_path, side):
    (tmp_path / "a.png").write_bytes(bomb(side))
    refused(tmp_path / "a.png", r"shrink it")


def test_the_limit_is_the_callers(tmp_path):
    Image.new("L", (300, 200)).save(tmp_path / "a.png")
    refused(tmp_path / "a.png", "300 × 200 pixels, the limit is 59,999", limit=59_999)
    assert read(tmp_path / "a.png", limit=60_000).shape == (3, 200, 300)


def test_20_000_pixels_in_a_line_are_no_bomb(tmp_path):
    Image.new("RGB", (20_000, 30), GREEN).save(tmp_path / "a.png")
    assert read(tmp_path / "a.png", size=16).shape == (3, 16, 16)


def test_a_format_that_is_a_program_is_not_run(tmp_path):
    quarters().save(tmp_path / "a.eps")
    refused(tmp_path / "a.eps", "is no PNG")


def test_levels_whose_white_is_unknown(tmp_path):
    Image.fromarray(np.full((4, 4), 0.5, np.float32)).save(tmp_path / "a.tiff")
    refused(tmp_path / "a.tiff", "levels of mode 'F'.*save the picture with 8 bits")
    Image.fromarray(np.full((4, 4), 70_000, np.int32)).save(tmp_path / "b.tiff")
    refused(tmp_path / "b.tiff", "levels from 70000 to 70000.*save the picture with 8 or 16 bits")


def test_a_size_below_1(tmp_path):
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        read(tmp_path / "a.png", size=0)


def test_nothing_of_pillow_is_left_changed(tmp_path):
    before = Image.MAX_IMAGE_PIXELS
    (tmp_path / "a.png").write_bytes(bomb(20_000))
    refused(tmp_path / "a.png", "shrink it")
    assert before == Image.MAX_IMAGE_PIXELS
    assert 8_000**2 > pictures.LIMIT > 6_000**2
