"""A web process is ready before its first request."""

from django.conf import settings
from django.template import engines

from config import warming


def test_every_template_of_the_site_is_compiled_before_the_first_request() -> None:
    (loader,) = engines["django"].engine.template_loaders  # type: ignore[attr-defined]
    loader.reset()

    warming.warm()

    names = {path.relative_to(settings.BASE_DIR / "templates").as_posix()
             for path in (settings.BASE_DIR / "templates").rglob("*.html")}  # fmt: skip
    assert len(names) > 100
    assert names <= set(loader.get_template_cache)
