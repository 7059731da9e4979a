"""What the composer shows: providers with what was measured of them, frames to choose from, what is left to spend."""

import json
from collections.abc import Iterator
from decimal import Decimal

from django.http import HttpRequest

from videos.advice import Plan
from videos.forms import (
    DEFAULT_RATIO,
    FRAMES,
    MOST_AT_ONCE,
    GenerateForm,
    SettingsRefused,
    first_offer,
    read_config,
    read_uuid,
)
from videos.models import Budget, Generation, Picture, Provider, RemoteAccount
from videos.models.generation_queryset import TrackRecord
from videos.remotes import registry
from videos.templatetags.studio import balance_words, money
from videos.views.cards import new_token, track_records

EARLIER = 12  # pictures, and last frames, to choose from
RECENT_PROMPTS = 12
RATIOS = ["16:9", "9:16", "1:1", "4:3", "3:4", "21:9"]
LABELS = {"start": "Start frame", "end": "End frame"}


def composer_context(request: HttpRequest, form: GenerateForm | None = None) -> dict:
    form = form or GenerateForm(owner=request.user, initial=starting_values(request))
    own = Generation.objects.filter(owner=request.user)
    offers = offered_providers(form.chosen_others())
    return {
        "form": form,
        "token": form.value("token") if form.is_bound and not form["token"].errors else new_token(),
        "families": by_family(offers),
        "prompt": form.value("prompt"),
        "config": form.value("config"),
        **advice_context(form, offers),
        "common_ratios": RATIOS,
        "counts_at_once": range(1, MOST_AT_ONCE + 1),
        "slots": [slot_context(request, which, form) for which in FRAMES],
        "left": left_for(request.user),
        "recent_prompts": recent_prompts(own),
    }


def advice_context(form: GenerateForm, offers: list[dict]) -> dict:
    """What follows from what stands in the composer: warnings, the estimate, and the provider's own settings."""
    main, others = form.value("provider").strip() or first_offer(), form.chosen_others()
    chosen = next((offer for offer in offers if offer["provider"].value == main), offers[0])
    also = [offer["provider"] for offer in offers if offer["provider"].value in others and offer is not chosen]
    config, config_error = current_config(form)
    count = form.value("count").strip()
    plan = Plan(
        providers=[chosen["provider"], *also],
        aspect_ratio=form.value("aspect_ratio").strip() or DEFAULT_RATIO,
        prompt_length=len(form.value("prompt")),
        has_start=form.has_frame("start"),
        has_end=form.has_frame("end"),
        config=config,
        count=int(count) if count.isascii() and count.isdigit() and len(count) < 3 else 1,
    )
    return {
        "plan": plan,
        "chosen": chosen,
        "others": len(also),
        "ratio": form.value("aspect_ratio") or DEFAULT_RATIO,
        "warnings": plan.warnings() + account_warnings(plan, {offer["provider"]: offer["account"] for offer in offers}),
        "seconds": plan.seconds(track_records()),
        "amount": plan.amount(),
        "settings_error": config_error,
        "keys": [key | {"value": config.get(key["key"])} for key in chosen["provider"].config_keys],
    }


def account_warnings(plan: Plan, accounts: dict[Provider, RemoteAccount | None]) -> list[str]:
    """What the accounts behind the chosen providers say: an API that is gone, a balance that is low or too small."""
    chosen = filter(None, [accounts[provider] for provider in plan.providers])
    found = [sentence for account in chosen for sentence in warnings_of(account, plan.amount(), plan.currency)]
    return list(dict.fromkeys(found))


def warnings_of(account: RemoteAccount, amount: Decimal | None, currency: str) -> Iterator[str]:
    """The warnings of one account, when `amount` is about to be spent from it."""
    if account.has_ended:
        yield account.end_sentence()
    left = f"{account.name} account: {balance_words(account)} left."
    is_short = amount is not None and account.balance_unit == currency and amount > (account.balance or 0)
    if is_short and account.balance is not None:
        yield f"This costs {money(amount, currency)}, which is more than the balance. {left}"
    elif account.is_low:
        yield left


def current_config(form: GenerateForm) -> tuple[dict, str]:
    try:
        return read_config(form.value("config")), ""
    except SettingsRefused as refusal:
        return {}, str(refusal)


def starting_values(request: HttpRequest) -> dict:
    """What an address such as /?reuse=<uuid> puts into an empty composer."""
    for name in ("reuse", "continue", "prompt_of"):
        if name in request.GET:
            videos = Generation.objects.visible_to(request.user).with_everything()
            found = videos.filter(public_id=read_uuid(request.GET[name])).first()
            values = values_of(found, name, request.user) if found else {}
            return with_seed_of(found, values) if found and "seed" in request.GET else values
    return {}


def with_seed_of(generation: Generation, values: dict) -> dict:
    """The same settings with the seed that was really used, so that the next video resembles this one."""
    seed = generation.remote_facts.get("seed")
    if seed is None:
        return values
    return values | {"config": json.dumps({**generation.config, "seed": seed}, ensure_ascii=False, indent=2)}


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
    records, accounts = track_records(), accounts_by_backend()
    offers = []
    for provider in Provider.objects.offered():
        record, account = records.get(provider.pk, TrackRecord()), accounts.get(provider.backend)
        is_also = provider.value in others
        offers.append({"provider": provider, "record": record, "is_also": is_also, "account": account})
    return sorted(offers, key=has_ended)  # whose API is gone comes last


def has_ended(offer: dict) -> bool:
    return bool(offer["account"] and offer["account"].has_ended)


def accounts_by_backend() -> dict[str, RemoteAccount]:
    return {registry.plain_key(account.backend): account for account in RemoteAccount.objects.all_active()}


def by_family(offers: list[dict]) -> dict[str, list[dict]]:
    """In the order offered; what is paused or retired stands together at the end."""
    families: dict[str, list[dict]] = {}
    for offer in offers:
        provider = offer["provider"]
        name = provider.family if provider.is_active and not has_ended(offer) else "Not offered at the moment"
        families.setdefault(name, []).append(offer)
    return families


def slot_context(request: HttpRequest, which: str, form: GenerateForm, error: str = "") -> dict:
    """One frame slot: what is in it, and what else may be."""
    name, label = FRAMES[which], LABELS[which]
    picture = form.frames.get(which) or chosen_picture(request.user, form.value(f"{which}_picture"))
    videos = Generation.objects.visible_to(request.user).kept().filter(saved_video__isnull=False).newest_first()
    from_video = read_uuid(form.value(f"{which}_from")) if not picture else None
    from_video = videos.filter(public_id=from_video).first() if from_video else None
    address = form.value(f"{name}_url")
    return {
        "which": which,
        "name": name,
        "label": label,
        "picture": picture,
        "address": address,
        "from_video": from_video,
        "is_filled": bool(picture or address or from_video),
        "error": error or " ".join(form.frame_errors(which)),
        "pictures": pictures_to_choose(request.user, picture),
        "videos": videos[:EARLIER],
    }


def pictures_to_choose(user, chosen: Picture | None) -> list[Picture]:
    recent = Picture.objects.visible_to(user).recent()[:EARLIER]
    return ([chosen] if chosen else []) + [picture for picture in recent if picture != chosen]


def chosen_picture(user, public_id: str) -> Picture | None:
    found = read_uuid(public_id)
    return Picture.objects.visible_to(user).filter(public_id=found).first() if found else None


def left_for(user):
    """The budget line that is nearest to its end, or None where there is no budget."""
    return min(
        Budget.objects.left_for(user), key=lambda left: left.left / left.limit if left.limit else 0, default=None
    )


def recent_prompts(own) -> list[str]:
    newest = own.newest_first().values_list("prompt", flat=True)[: RECENT_PROMPTS * 4]
    return list(dict.fromkeys(newest))[:RECENT_PROMPTS]
