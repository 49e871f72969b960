"""What a file is by its content, and pictures drawn anew: without what a camera or an attacker hid in them.

Nothing here believes a name or a stated type. A picture is decoded and encoded again, which drops where it was taken,
and whatever else a file that is two things at once had behind it.
"""

import io
import re
import warnings
from dataclasses import dataclass

from django.utils.translation import gettext as _
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from accounts.errors import DomainError

#: Pixels of a picture, and of all frames of a moving one: what decoding may cost in memory and time.
LARGEST_AREA = 40_000_000
LARGEST_MOVIE = 120_000_000
MOST_FRAMES = 300
_THUMBNAIL = (480, 360)
_PICTURES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}
#: How a text begins that a browser could take for a page or a drawing.
_MARKUP = ("<!doctype", "<html", "<head", "<body", "<script", "<svg", "<?xml", "<iframe", "<!--", "<math", "<xsl:")


_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")


class FileRefused(DomainError):
    """The file is none of those that can be kept."""

    code = "file_refused"
    status = 422


@dataclass(frozen=True, slots=True)
class Examined:
    """A file as it can be kept. `thumbnail` is a small WebP of a picture, empty for other files."""

    content: bytes
    content_type: str
    extension: str
    width: int | None = None
    height: int | None = None
    thumbnail: bytes = b""


def examine(content: bytes, *, name: str = "") -> Examined:
    """The file by what is in it; the name only tells a CSV file from other text.

    Raises: FileRefused for what is no PNG, JPEG, WebP or GIF picture, PDF or plain text, for pictures too large to
    decode, and for empty files.
    """
    if not content:
        raise FileRefused(_("The file is empty."))
    if content.startswith(b"%PDF-"):
        return Examined(content, "application/pdf", "pdf")
    if _looks_like_picture(content):
        return _picture(content)
    if _is_text(content):
        is_csv = name.lower().endswith(".csv")
        return Examined(content, "text/csv" if is_csv else "text/plain", "csv" if is_csv else "txt")
    raise FileRefused(_("Only pictures (PNG, JPEG, WebP, GIF), PDF files and plain text are kept."))


def _looks_like_picture(content: bytes) -> bool:
    is_webp = content[:4] == b"RIFF" and content[8:12] == b"WEBP"
    return is_webp or content.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a"))


def _is_text(content: bytes) -> bool:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    if _CONTROL.search(text):
        return False
    beginning = text[:4096].lower()
    # Anywhere in what a browser would look at, as something harmless may stand before it.
    return not any(mark in beginning for mark in _MARKUP)


def _picture(content: bytes) -> Examined:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=list(_PICTURES)) as picture:
                return _drawn_anew(picture)
    except Image.DecompressionBombError as error:
        raise FileRefused(_too_large()) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, ZeroDivisionError) as error:
        raise FileRefused(_("This picture cannot be read; it may be damaged.")) from error


def _too_large() -> str:
    return _("The picture has more than %(count)s million pixels.") % {"count": LARGEST_AREA // 1_000_000}


def _drawn_anew(picture: Image.Image) -> Examined:
    # The size stands in the head of the file: nothing is decoded before it is known to be bearable.
    kind = picture.format or ""
    frames = getattr(picture, "n_frames", 1)
    area = picture.width * picture.height
    if area > LARGEST_AREA or frames > MOST_FRAMES or area * frames > LARGEST_MOVIE:
        raise FileRefused(_too_large())
    out = io.BytesIO()
    if frames > 1 and kind in ("GIF", "WEBP"):
        width, height = picture.size
        first = _moving(picture, kind, out)
    else:
        first = ImageOps.exif_transpose(picture)
        width, height = first.size
        _still(first, kind, out)
    small = first.convert("RGBA" if "A" in first.getbands() or "transparency" in first.info else "RGB")
    small.thumbnail(_THUMBNAIL)
    thumbnail = io.BytesIO()
    small.save(thumbnail, "WEBP", quality=80)
    extension = {"JPEG": "jpg"}.get(kind, kind.lower())
    return Examined(out.getvalue(), _PICTURES[kind], extension, width, height, thumbnail.getvalue())


def _still(picture: Image.Image, kind: str, out: io.BytesIO) -> None:
    if kind == "JPEG":
        image = picture if picture.mode in ("RGB", "L") else picture.convert("RGB")
        image.save(out, "JPEG", quality=92, optimize=True, exif=b"", icc_profile=None, comment=b"")
        return
    image = picture.copy()
    transparency = image.info.get("transparency")
    image.info = {} if transparency is None else {"transparency": transparency}
    if kind == "WEBP":
        image.save(out, "WEBP", quality=92, exif=b"", icc_profile=b"", xmp=b"")
    elif kind == "GIF":
        image.save(out, "GIF")
    else:
        image.save(out, "PNG", optimize=False)


def _moving(picture: Image.Image, kind: str, out: io.BytesIO) -> Image.Image:
    """Writes all frames with their times, and returns the first."""
    frames, times = [], []
    for frame in ImageSequence.Iterator(picture):
        times.append(int(frame.info.get("duration") or 100))
        frames.append(frame.convert("RGBA"))
    options = {"save_all": True, "append_images": frames[1:], "duration": times, "loop": picture.info.get("loop", 0)}
    if kind == "GIF":
        frames[0].save(out, "GIF", disposal=2, **options)
    else:
        frames[0].save(out, "WEBP", quality=80, **options)
    return frames[0]
