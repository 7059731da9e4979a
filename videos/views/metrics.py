"""`/metrics` for Prometheus, with the token. If no token is set, the page does not exist."""

from hmac import compare_digest

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from videos.monitoring import metrics as figures


@login_not_required
@never_cache
@require_safe
def metrics(request):
    if not settings.METRICS_TOKEN:
        raise Http404
    if not knows_token(request.headers.get("Authorization", "")):
        headers = {"WWW-Authenticate": 'Bearer realm="metrics"'}
        return HttpResponse("The token is missing or wrong.\n", "text/plain", status=401, headers=headers)
    return HttpResponse(figures.text(), CONTENT_TYPE_PLAIN_0_0_4)


def knows_token(header: str) -> bool:
    scheme, _, token = header.partition(" ")
    is_right = compare_digest(token.strip().encode(), settings.METRICS_TOKEN.encode())
    return scheme.lower() == "bearer" and is_right
