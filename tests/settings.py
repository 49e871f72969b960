"""The real settings on real servers in a throw-away place."""

import os
import tempfile

# Never the folder that VAR_DIR names outside: it is deleted at the end. Processes that tests start share this one.
OWN_FOLDER = "JOURNAL_TESTS_VAR_DIR"
# Tests that run side by side would find each other's answers in one cache, so each half has servers of its own.
_half = os.environ.get("PYTEST_XDIST_WORKER", "")
if OWN_FOLDER not in os.environ or os.environ.get("JOURNAL_TESTS_HALF", "") != _half:
    os.environ["JOURNAL_TESTS_HALF"] = _half
    os.environ[OWN_FOLDER] = tempfile.mkdtemp(prefix="journal-tests-")
os.environ["VAR_DIR"] = os.environ[OWN_FOLDER]
os.environ["EMBEDDED_THROWAWAY"] = "1"
os.environ.pop("MEDIA_ROOT", None)

from config.settings import *  # noqa: E402, F403
from config.settings import CACHES as CACHES_IN_LIFE  # noqa: E402
from config.settings import DATABASES, MIGRATION_DATABASE_URL, VAR_DIR, _database  # noqa: E402

# The owner's role makes the test database; what the lesser role may not do has a test of its own.
DATABASES["default"] = _database(MIGRATION_DATABASE_URL)
# In life it has to be there in five seconds; a machine that stands still may take longer.
DATABASES["default"]["OPTIONS"]["connect_timeout"] = 60
MEDIA_ROOT = VAR_DIR / "media"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CELERY_TASK_ALWAYS_EAGER = True
# In life a cache that is silent for a tenth of a second is passed over; a machine that is busy is silent for longer.
CACHES = {
    "default": {
        **CACHES_IN_LIFE["default"],
        "OPTIONS": {**CACHES_IN_LIFE["default"]["OPTIONS"], "SOCKET_CONNECT_TIMEOUT": 30, "SOCKET_TIMEOUT": 30},  # type: ignore[dict-item]
    }
}
# Files are looked for when they are asked for: every client of a test would read the list of all of them anew.
WHITENOISE_AUTOREFRESH = True
# The lexical embedder needs no weights; what the other makes of texts has tests of its own.
EMBEDDER = "hash"
# Nothing leaves this machine: where no test says who stands in for the broker, nobody is there.
ALPACA_PAPER_URL = ALPACA_LIVE_URL = os.environ.get("TEST_ALPACA_URL", "http://127.0.0.1:1")
