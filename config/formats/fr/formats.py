"""See `config.formats`."""

from config.formats import *  # noqa: F403
