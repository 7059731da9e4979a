"""What every page shows: the demo banner, and what is wrong with the remote account."""

from django.conf import settings

from videos.models import RemoteAccount


def studio(request):
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {"demo": settings.DEMO}
    return {"demo": settings.DEMO, "remote_account": RemoteAccount.objects.load()}
