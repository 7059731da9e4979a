"""The page for a request that Django refuses to read: another host name, too many files or fields in one form."""

from django.conf import settings
from django.core.exceptions import TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponseBadRequest
from django.template.loader import render_to_string


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBadRequest:
    """For `handler400`. Rendered without the request, because whatever reads its host would be refused again."""
    context = {
        "max_files": settings.DATA_UPLOAD_MAX_NUMBER_FILES if isinstance(exception, TooManyFilesSent) else None,
        "has_too_many_fields": isinstance(exception, TooManyFieldsSent),
    }
    return HttpResponseBadRequest(render_to_string("400.html", context))
