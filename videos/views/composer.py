"""What the composer shows: providers with what was measured of them, frames to choose from, what is left to spend."""

import json

from django.http import HttpRequest

from videos.forms import DEFAULT_PROVIDER, DEFAULT_RATIO, MOST_AT_ONCE, GenerateForm
from videos.models import Budget, Generation, Picture, Provider
from videos.models.generation_queryset import TrackRecord
from videos.views.cards import new_token, track_records

EARLIER = 12  # pictures, and last frames, to choose from
RECENT_PROMPTS = 12
RATIOS = ["16:9", "9:16", "1:1", "4:3", "3:4", "21:9"]
STARTERS = [
    "A drone shot flying over a coastal city at golden hour, cinematic lighting",
    "Fog over a still lake at dawn, slow dolly in, a single rowing boat",
    "Espresso pouring into a glass cup, macro, steam curling in warm side light",
    "Paper birds folding themselves and taking off from a desk, stop motion",
]
FRAMES = {"start": ("reference_image", "Start frame"), "end": ("tail_image", "End frame")}


def composer_context(request: HttpRequest, form: GenerateForm | None = None) -> dict:
    form = form or GenerateForm(owner=request.user, initial=starting_values(request))
    own = Generation.objects.filter(owner=request.user)
    offers = offered_providers(form.chosen_others())
    chosen = form.value("provider") or DEFAULT_PROVIDER
    return {
        "form": form,
        "token": form.value("token") if form.is_bound and not form["token"].errors else new_token(),
        "families": by_family(offers),
        "chosen": next((offer for offer in offers if offer["provider"].value == chosen), offers[0]),
        "ratio": form.value("aspect_ratio") or DEFAULT_RATIO,
        "common_ratios": RATIOS,
        "counts_at_once": range(1, MOST_AT_ONCE + 1),
        "slots": [slot_context(request, which, form) for which in FRAMES],
        "left": left_for(request.user),
        "recent_prompts": recent_prompts(own),
        "starters": STARTERS,
    }


def starting_values(request: HttpRequest) -> dict:
    """What an address such as /?reuse=<uuid> puts into an empty composer."""
    for name in ("reuse", "continue", "prompt_of"):
        if name in request.GET:
            videos = Generation.objects.visible_to(request.user).with_everything()
            found = videos.filter(public_id=as_uuid_text(request.GET[name])).first()
            return values_of(found, name, request.user) if found else {}
    return {}


def as_uuid_text(text: str) -> str | None:
    hexadecimal = text.replace("-", "")
    is_one = len(hexadecimal) == 32 and all(digit in "0123456789abcdef" for digit in hexadecimal)
    return hexadecimal if is_one else None


def values_of(generation: Generation, how: str, user) -> dict:
    values = {
        "prompt": generation.prompt,
        "provider": generation.provider.value,
        "aspect_ratio": generation.aspect_ratio,
        "config": json.dumps(generation.config, ensure_ascii=False, indent=2) if generation.config else "",
    }
    if how == "continue":
        return values | {"start_from": str(generation.public_id)}
    if how == "prompt_of":
        return {"prompt": generation.prompt, "aspect_ratio": generation.aspect_ratio}
    frames = {"reference_image_url": generation.start_frame_url, "tail_image_url": generation.end_frame_url}
    for which, picture in (("start", generation.start_frame), ("end", generation.end_frame)):
        if picture and picture.owner_id == user.pk:
            frames[f"{which}_picture"] = str(picture.public_id)
    return values | frames


def offered_providers(others: list[str]) -> list[dict]:
    records = track_records()
    offers = []
    for provider in Provider.objects.offered():
        record = records.get(provider.pk, TrackRecord())
        is_also = provider.value in others
        offers.append({"provider": provider, "record": record, "is_also": is_also, "about": about(provider, record)})
    return offers


def by_family(offers: list[dict]) -> dict[str, list[dict]]:
    """In the order offered; what is paused or retired stands together at the end."""
    families: dict[str, list[dict]] = {}
    for offer in offers:
        provider = offer["provider"]
        name = provider.family if provider.is_active else "Not offered at the moment"
        families.setdefault(name, []).append(offer)
    return families


def about(provider: Provider, record: TrackRecord) -> dict:
    """What the script needs to advise and to estimate."""
    return {
        "name": provider.name,
        "ratios": provider.ratios,
        "seconds": provider.seconds,
        "start": provider.start_frame,
        "end": provider.end_frame,
        "limit": provider.prompt_limit,
        "keys": provider.config_keys,
        "price": str(provider.price) if provider.price is not None else None,
        "unit": provider.price_unit,
        "currency": provider.currency,
        "median": record.median_seconds,
        "note": provider.note,
        "instead": provider.alternative.name if provider.alternative else "",
    }


def slot_context(request: HttpRequest, which: str, form: GenerateForm, error: str = "") -> dict:
    """One frame slot: what is in it, and what else may be."""
    name, label = FRAMES[which]
    picture = form.frames.get(which) or chosen_picture(request.user, form.value(f"{which}_picture"))
    videos = Generation.objects.visible_to(request.user).kept().filter(saved_video__isnull=False).newest_first()
    from_video = as_uuid_text(form.value(f"{which}_from")) if not picture else None
    return {
        "which": which,
        "name": name,
        "label": label,
        "picture": picture,
        "address": form.value(f"{name}_url"),
        "from_video": next((video for video in videos.filter(public_id=from_video)), None) if from_video else None,
        "error": error or " ".join(form.errors.get(name, [])),
        "pictures": pictures_to_choose(request.user, picture),
        "videos": videos[:EARLIER],
    }


def pictures_to_choose(user, chosen: Picture | None) -> list[Picture]:
    recent = Picture.objects.visible_to(user).recent()[:EARLIER]
    return ([chosen] if chosen else []) + [picture for picture in recent if picture != chosen]


def chosen_picture(user, public_id: str) -> Picture | None:
    found = as_uuid_text(public_id)
    return Picture.objects.visible_to(user).filter(public_id=found).first() if found else None


def left_for(user):
    """The budget line that is nearest to its end, or None where there is no budget."""
    return min(
        Budget.objects.left_for(user), key=lambda left: left.left / left.limit if left.limit else 0, default=None
    )


def recent_prompts(own) -> list[str]:
    newest = own.newest_first().values_list("prompt", flat=True)[: RECENT_PROMPTS * 4]
    return list(dict.fromkeys(newest))[:RECENT_PROMPTS]
