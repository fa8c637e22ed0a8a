"""Image files: what is found, what is read, and what is said of a damaged one."""

import errno
import os
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.classify import images
from edge_runtime.errors import DataError

PICTURE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


@pytest.fixture
def pil():
    return pytest.importorskip("PIL.Image")


def png_of(width, height):
    """A PNG that says it is this large, and holds nothing."""

    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", head), chunk(b"IDAT", data), chunk(b"IEND", b"")]
    )


def test_a_folder_is_searched_in_order_and_hidden_files_are_passed_over(tmp_path):
    wanted = ["a.JPG", "b.png", "z.webp", "inner/a.npy", "inner/deep/x.npz"]
    for name in [*wanted, ".hidden.png", "inner/.git/c.png", "notes.txt", "x.onnx"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "d.png").mkdir()  # a folder of an image's name
    (tmp_path / "loop").symlink_to(tmp_path)
    assert list(images.find(tmp_path)) == [tmp_path / name for name in wanted]


def test_a_file_is_itself_whatever_its_name(tmp_path):
    (tmp_path / ".photo").touch()
    assert list(images.find(tmp_path / ".photo")) == [tmp_path / ".photo"]


def test_nothing_there_and_nothing_in_it_are_errors(tmp_path):
    (tmp_path / "notes.txt").touch()
    (tmp_path / "link").symlink_to("gone")
    for name, message in (
        ("nowhere", "nowhere does not exist. Give an image"),
        ("notes.txt/a.png", "a.png does not exist. Give an image"),
        ("link", "link is a link to nothing."),
        ("", r"holds no image that is known by its suffix: .bmp"),
    ):
        (error,) = images.find(tmp_path / name)
        assert isinstance(error, DataError) and message in str(error)


def test_a_path_that_cannot_be_followed_is_an_error_that_names_it(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    (error,) = images.find(tmp_path / "loop")
    assert str(error) == f"{tmp_path / 'loop'}: {os.strerror(errno.ELOOP)}."
    (error,) = images.find(Path("x" * 5000))
    assert str(error) == f"{'x' * 200}: {os.strerror(errno.ENAMETOOLONG)}."


def test_what_cannot_be_reached_in_a_folder_is_told_and_its_siblings_are_found(tmp_path):
    for name, target in (("b.png", "b.png"), ("c.png", "gone")):
        (tmp_path / name).symlink_to(target)
    for name in ("a.png", "d.png", "inner/e.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    os.mkfifo(tmp_path / "f.png")  # whoever opened it would wait for ever
    found = [str(one).removeprefix(f"{tmp_path}/") for one in images.find(tmp_path)]
    loop = f"b.png: {os.strerror(errno.ELOOP)}."
    assert found == ["a.png", loop, "c.png is a link to nothing.", "d.png", "inner/e.png"]


@pytest.mark.parametrize("locked", ["", "m", "z", "m/n"])
def test_a_folder_that_cannot_be_read_is_told_in_its_place(tmp_path, monkeypatch, locked):
    names = ["a.png", "b/x.png", "m/x.png", "m/n/x.png", "z/x.png"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    scandir = os.scandir

    def refusing(folder):
        if Path(folder) == tmp_path / locked:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    found = list(images.find(tmp_path))
    (error,) = (one for one in found if isinstance(one, DataError))
    assert str(error) == f"{tmp_path / locked}: {os.strerror(errno.EACCES)}."
    below = [tmp_path / name for name in names if (tmp_path / locked) in (tmp_path / name).parents]
    left = [tmp_path / name for name in names if tmp_path / name not in below]
    assert [one for one in found if one is not error] == left
    assert found.index(error) == names.index(below[0].relative_to(tmp_path).as_posix())


def test_arrays_are_read_without_pillow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    np.save(tmp_path / "a.npy", PICTURE)
    np.savez(tmp_path / "b.npz", images=PICTURE[None], labels=[3])
    assert np.array_equal(images.read(tmp_path / "a.npy"), PICTURE)
    assert np.array_equal(images.read(tmp_path / "b.npz"), PICTURE[None])


def test_without_pillow_a_photograph_says_what_is_needed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    (tmp_path / "a.jpg").touch()
    with pytest.raises(DataError, match=r"a\.jpg needs Pillow: pip install pillow \(setup-device"):
        images.read(tmp_path / "a.jpg")


@pytest.mark.parametrize("suffix", ["png", "bmp", "ppm", "tiff", "webp"])
def test_a_picture_is_rgb_bytes(pil, tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    pil.fromarray(PICTURE).save(path, **({"lossless": True} if suffix == "webp" else {}))
    assert np.array_equal(images.read(path), PICTURE)


def test_a_jpeg_is_near(pil, tmp_path):
    smooth = np.broadcast_to(np.arange(0, 240, 8, dtype=np.uint8)[None, :, None], (20, 30, 3))
    pil.fromarray(np.ascontiguousarray(smooth)).save(tmp_path / "a.jpeg", quality=95)
    assert np.abs(images.read(tmp_path / "a.jpeg").astype(int) - smooth).max() <= 4


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "1", "CMYK"])
def test_other_kinds_of_colour_become_rgb(pil, tmp_path, mode):
    path = tmp_path / ("a.tiff" if mode == "CMYK" else "a.png")
    picture = pil.fromarray(PICTURE).convert(mode)
    picture.save(path)
    assert np.array_equal(images.read(path), np.asarray(picture.convert("RGB")))


@pytest.mark.parametrize("orientation, turned", [(3, 2), (6, -1), (8, 1)])
def test_a_picture_is_turned_upright(pil, tmp_path, orientation, turned):
    exif = pil.Exif()
    exif[0x0112] = orientation
    pil.fromarray(PICTURE).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(images.read(tmp_path / "a.png"), np.rot90(PICTURE, turned))


def test_sixteen_bits_are_refused_rather_than_cut_to_white(pil, tmp_path):
    pil.fromarray(PICTURE[..., 0].astype(np.uint16) * 256).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.png: has more than 8 bits a channel \(.*I;16"):
        images.read(tmp_path / "a.png")


@pytest.mark.parametrize("size", [(10_000, 10_000), (30_000, 30_000)])
def test_a_decompression_bomb_is_refused(pil, tmp_path, size):
    (tmp_path / "a.png").write_bytes(png_of(*size))
    with pytest.raises(DataError, match=r"a\.png: .*bomb") as caught:
        images.read(tmp_path / "a.png")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "npy", "npz"])
@pytest.mark.parametrize("kept", [0, 9, 0.5, 0.9])
def test_a_truncated_file_is_one_line_that_names_it(tmp_path, suffix, kept):
    path = tmp_path / f"a.{suffix}"
    if suffix == "npy":
        np.save(path, PICTURE)
    elif suffix == "npz":
        np.savez(path, images=PICTURE)
    else:
        pytest.importorskip("PIL.Image").fromarray(PICTURE).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    with pytest.raises(DataError, match=f"a.{suffix}") as caught:
        images.read(path)
    assert "\n" not in str(caught.value)


def test_text_is_no_image(pil, tmp_path):
    (tmp_path / "a.png").write_text("hello")
    with pytest.raises(DataError, match=r"a\.png: no image that Pillow can read"):
        images.read(tmp_path / "a.png")


def test_a_pickle_is_never_opened(tmp_path):
    np.save(tmp_path / "a.npy", np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"a\.npy: cannot be read .*pickle"):
        images.read(tmp_path / "a.npy")
    np.savez(tmp_path / "b.npz", labels=[1])
    with pytest.raises(DataError, match=r"b\.npz holds no array named images"):
        images.read(tmp_path / "b.npz")


def test_a_missing_file_and_a_folder_say_so(pil, tmp_path):
    with pytest.raises(DataError, match=r"a\.png: No such file"):
        images.read(tmp_path / "a.png")
    (tmp_path / "b.npy").mkdir()
    with pytest.raises(DataError, match=r"b\.npy: Is a directory"):
        images.read(tmp_path / "b.npy")
