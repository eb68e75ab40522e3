"""What a file is, is judged by its content; a name decides nothing."""

import io
from pathlib import Path

import pytest
from PIL import Image

from crm import attachments
from crm.attachments import DOCUMENT, MOST_BYTES, PHOTO, VOICE
from crm.errors import InvalidInput

OGG = b"OggS\x00\x02" + bytes(22) + b"\x01\x13OpusHead" + bytes(60)
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
HTML = b"<!doctype html><script>alert(1)</script>"


def _picture(kind: str, size: tuple[int, int] = (40, 30), **more: object) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", size, (200, 60, 60)).save(made, kind, **more)
    return made.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "kind", "ending"),
    [
        (_picture("JPEG"), "x.exe", PHOTO, ".jpg"),
        (_picture("PNG"), "x", PHOTO, ".png"),
        (_picture("WEBP"), "x.html", PHOTO, ".webp"),
        (OGG, "", VOICE, ".ogg"),
        (SVG, "anh.png", DOCUMENT, ".bin"),
        (HTML, "anh.jpg", DOCUMENT, ".bin"),
        (b"%PDF-1.4\n" + bytes(50), "bao gia.pdf", DOCUMENT, ".bin"),
        (b"PK\x03\x04" + bytes(60), "x.zip", DOCUMENT, ".bin"),
        (b"\xff\xd8\xff" + b"no picture after all", "x.jpg", DOCUMENT, ".bin"),
        (_picture("JPEG")[:200], "cut.jpg", DOCUMENT, ".bin"),
    ],
)
def test_a_file_is_kept_as_what_it_is(tmp_path: Path, content: bytes, name: str, kind: str, ending: str) -> None:
    if name == "cut.jpg":
        content = content[:20]
    kept = attachments.keep(tmp_path, content, name)
    assert (kept.kind, Path(kept.path).suffix) == (kind, ending)
    path = attachments.located(tmp_path, kept.path)
    assert path is not None
    assert path.read_bytes() == content  # evidence stays as it came


def test_a_picture_of_staff_is_made_anew_without_what_the_phone_wrote_into_it(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a phone"
    exif[0x0112] = 6  # lies on its side
    content = _picture("JPEG", (4000, 1000), exif=exif)
    kept = attachments.keep_own(tmp_path, content, "anh.jpg")
    path = attachments.located(tmp_path, kept.path)
    assert path is not None
    with Image.open(path) as image:
        assert len(image.getexif()) == 0
        assert image.size == (640, 2560)
    assert b"a phone" in content
    assert b"a phone" not in path.read_bytes()
    assert attachments.keep_own(tmp_path, SVG, "anh.svg").kind == DOCUMENT


def test_too_much_and_nothing_are_refused(tmp_path: Path) -> None:
    for content, field in ((b"", "file_empty"), (bytes(MOST_BYTES + 1), "file_size")):
        with pytest.raises(InvalidInput) as refused:
            attachments.keep(tmp_path, content, "x")
        assert refused.value.field == field
    assert not (tmp_path / "attachments").exists()


def test_a_picture_that_would_fill_the_memory_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MOST_PIXELS", 40 * 30 - 1)
    assert attachments.keep(tmp_path, _picture("PNG"), "x.png").kind == DOCUMENT


def test_nothing_outside_of_the_folder_is_found(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("x")
    (tmp_path / "attachments").mkdir()
    (tmp_path / "attachments" / "link").symlink_to(tmp_path / "secret.txt")
    for path in ("../secret.txt", "/etc/hostname", "link", "none.jpg", "", "a\x00b"):
        assert attachments.located(tmp_path, path) is None


@pytest.mark.parametrize(
    ("name", "fit"),
    [
        ("../../etc/passwd", "etc passwd"),
        ("hoá đơn\u202e.pdf", "hoá đơn.pdf"),
        ("a\r\nb.txt", "a b.txt"),
        ("x" * 200 + ".pdf", "x" * 116 + ".pdf"),
        ("", ""),
    ],
)
def test_names_are_fit_to_be_shown_and_saved(name: str, fit: str) -> None:
    assert attachments.fit_name(name) == fit
