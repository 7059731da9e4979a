"""The agency's name and logo, as clients see them. Owners set them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from videos.body_limits import takes_uploads
from videos.forms.reviews import AgencyForm
from videos.models import Agency
from videos.views.members import owner_only

ONE_PICTURE = 21 * 1024**2  # of at most 20 MB, and the form around it


@takes_uploads(ONE_PICTURE)
@owner_only
@require_http_methods(["GET", "HEAD", "POST"])
def agency(request: HttpRequest) -> HttpResponse:
    shown = Agency.objects.current()
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    form = AgencyForm(*sent, owner=request.user, initial={"name": shown.name})
    if form.is_valid():
        Agency.objects.change(**form.changes())
        messages.success(request, "Saved. Clients see the new name and logo now.")
        return redirect("agency")
    status = 422 if form.errors else 200
    return render(request, "client/agency.html", {"form": form, "agency": shown}, status=status)
