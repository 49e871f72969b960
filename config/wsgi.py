"""The WSGI entry point."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

# Every view is imported now, not by the first request; and what is there for good is not gone through again each time
# that the interpreter looks for garbage, which took a sixth of the time of a large report.
_ = get_resolver().url_patterns
gc.collect()
gc.freeze()
