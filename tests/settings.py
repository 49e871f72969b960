"""The real settings on real servers in a throw-away place."""

import os
import tempfile

if "DATABASE_URL" not in os.environ or "REDIS_URL" not in os.environ:
    os.environ.setdefault("VAR_DIR", tempfile.mkdtemp(prefix="journal-tests-"))
    os.environ.setdefault("EMBEDDED_THROWAWAY", "1")

from config.settings import *  # noqa: F403
from config.settings import DATABASES, MIGRATION_DATABASE_URL, VAR_DIR, _database

# The owner's role makes the test database; what the lesser role may not do has a test of its own.
DATABASES["default"] = _database(MIGRATION_DATABASE_URL)
MEDIA_ROOT = VAR_DIR / "media"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CELERY_TASK_ALWAYS_EAGER = True
