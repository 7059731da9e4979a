"""The address to go to next. It comes from outside, so it is never given to `redirect()`, which would take
a plain word for the name of a view and fail."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

LONGEST_ADDRESS = 2000  # characters; Django refuses to redirect to more than 2048


def asked_next(request: HttpRequest) -> str:
    """The `next` of the form or else of the address if it is a path of this studio, else ""."""
    address = request.POST.get("next") or request.GET.get("next") or ""
    is_path = address.startswith("/") and not address.startswith(("//", "/\\"))  # those name another host
    return address if is_path and address.isprintable() and len(address) <= LONGEST_ADDRESS else ""


def redirect_to(address: str) -> HttpResponse:
    """Redirects to an address exactly as given."""
    return HttpResponseRedirect(address)
