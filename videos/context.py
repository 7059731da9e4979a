"""What every page shows: the demo banner, and what is wrong at the moment."""

from django.conf import settings
from django.utils.functional import SimpleLazyObject

from videos.notices import current_notices


def studio(request):
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {"demo": settings.DEMO}
    return {"demo": settings.DEMO, "notices": SimpleLazyObject(current_notices)}
