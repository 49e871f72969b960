"""What a process makes ready before its first request: views, addresses and templates."""

import gc
from pathlib import Path

from django.conf import settings
from django.template.loader import get_template
from django.urls import get_resolver, reverse
from django.utils import translation


def warm() -> None:
    """Every view is imported, every address known in every language, every template of the site compiled.

    What is there for good by then is left out when the interpreter looks for garbage: it took a sixth of the time of
    a large report, and, with the templates that requests had compiled since, 40 to 80 ms of a page now and then.
    """
    _ = get_resolver().url_patterns
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            reverse("dashboard")
    folder: Path = settings.BASE_DIR / "templates"
    for path in sorted(folder.rglob("*.html")):
        get_template(path.relative_to(folder).as_posix())
    gc.collect()
    gc.freeze()
