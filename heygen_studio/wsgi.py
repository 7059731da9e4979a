"""The WSGI application, for gunicorn or any other server."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from heygen_studio.request_guard import RequestGuard

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heygen_studio.settings")
# A person waits for the page; the worker has more time.
for name, seconds in {"DATABASE_WAIT": "5", "STATEMENT_WAIT": "20", "BUCKET_WAIT": "8"}.items():
    os.environ.setdefault(f"STUDIO_{name}", seconds)
application = RequestGuard(get_wsgi_application())
get_resolver().url_patterns  # noqa: B018 – loaded before gunicorn forks: once for all processes, and for no visitor
