"""The contents of the composer: providers with their track records, frames to choose from, and the budget left."""

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from django.http import HttpRequest
from django.utils.http import urlencode

from videos.forms.advice import Plan, fitting_ratio
from videos.forms.batch_tables import VARIABLE
from videos.forms.fields import read_uuid
from videos.forms.generate import DEFAULT_RATIO, FRAMES, MAX_AT_ONCE, MAX_PROVIDERS, GenerateForm, first_offer
from videos.forms.settings_json import SettingsRefused, read_config
from videos.models import Budget, Generation, Picture, Provider, RemoteAccount
from videos.models.generation_queryset import SAMPLES, TrackRecord
from videos.models.provider import IMPORTED, read_seconds
from videos.remotes import registry
from videos.templatetags.studio import balance_words, money
from videos.views.cards import new_token, track_records

EARLIER = 12  # pictures, and last frames, to choose from
RECENT_PROMPTS = 12
RATIOS = ["16:9", "9:16", "1:1", "4:3", "3:4", "21:9"]
RATIO_OF = {"tall": "9:16", "wide": "16:9"}  # the same video once more in this ratio
LABELS = {"start": "Start frame", "end": "End frame"}


def composer_context(request: HttpRequest, form: GenerateForm | None = None) -> dict:
    form = form or GenerateForm(owner=request.user, initial=starting_values(request))
    offers = offered_providers(form)
    return {
        "form": form,
        "token": form.value("token") if form.is_bound and not form["token"].errors else new_token(),
        **picker_context(offers, form.initial.get("ended")),
        "prompt": form.value("prompt"),
        "config": form.value("config"),
        **advice_context(form, offers),
        "common_ratios": RATIOS,
        "counts_at_once": range(1, MAX_AT_ONCE + 1),
        "slots": slots_context(request, form),
        "left": left_for(request.user),
        "recent_prompts": recent_prompts(request.user),
    }


def advice_context(form: GenerateForm, offers: list[dict]) -> dict:
    """Advice on the composer's contents: warnings, the estimate, and the settings of the chosen provider."""
    by_value = {offer["provider"].value: offer["provider"] for offer in offers}
    chosen = [by_value[value] for value in form.chosen_providers() if value in by_value]
    config, config_error = current_config(form)
    count = form.value("count").strip()
    plan = Plan(
        providers=chosen,
        aspect_ratio=form.value("aspect_ratio").strip() or DEFAULT_RATIO,
        prompt_length=len(form.value("prompt")),
        variables=VARIABLE.findall(form.value("prompt")),
        has_start=form.has_frame("start"),
        has_end=form.has_frame("end"),
        config=config,
        count=int(count) if count.isascii() and count.isdigit() and len(count) < 3 else 1,
    )
    return {
        "plan": plan,
        "ratio": form.value("aspect_ratio") or DEFAULT_RATIO,
        "fitting_ratio": ratio_for_start_frame(form, plan),
        "warnings": plan.warnings() + account_warnings(plan, {offer["provider"]: offer["account"] for offer in offers}),
        "price_explanations": plan.price_explanations(),
        "wait": plan.wait(
            track_records(),
            {offer["provider"].backend: offer["account"].in_flight_limit for offer in offers if offer["account"]},
        ),
        "price": plan.price(),
        "priced_for": config.get("duration", ""),
        "settings_error": config_error,
        "settings_of": chosen[0].value if chosen else "",
        "keys": [key | {"value": config.get(key["key"])} for key in (chosen[0].config_keys if chosen else [])],
    }


def ratio_for_start_frame(form: GenerateForm, plan: Plan) -> str:
    """The ratio that every chosen model offers and that fits the start frame better than the chosen one; "" if none."""
    picture = form.frames.get("start") or chosen_picture(form.owner, form.value("start_picture"))
    video = None if picture else chosen_video(form.owner, form.value("start_from"))
    frame = picture or (video and video.saved_video)
    if not frame or not frame.width or not frame.height:
        return ""
    offered = [ratio for provider in plan.providers for ratio in provider.ratios or RATIOS]
    common = [ratio for ratio in dict.fromkeys(offered) if offered.count(ratio) == len(plan.providers)]
    return fitting_ratio(frame.width / frame.height, plan.aspect_ratio, common)


def account_warnings(plan: Plan, accounts: dict[Provider, RemoteAccount | None]) -> list[str]:
    """Warnings about the accounts of the chosen providers: an API that has ended, a low or insufficient balance."""
    chosen = filter(None, [accounts[provider] for provider in plan.providers])
    amounts = plan.price().amounts
    found = [sentence for account in chosen for sentence in warnings_of(account, amounts.get(account.balance_unit))]
    return list(dict.fromkeys(found))


def warnings_of(account: RemoteAccount, amount: Decimal | None) -> Iterator[str]:
    """The warnings about one account from which `amount` is about to be spent."""
    if account.has_ended:
        yield account.end_sentence()
    left = f"{account.name} account: {balance_words(account)} left."
    if amount is not None and account.balance is not None and amount > account.balance:
        yield f"This costs {money(amount, account.balance_unit)}, which is more than the balance. {left}"
    elif account.is_low:
        yield left


def current_config(form: GenerateForm) -> tuple[dict, str]:
    try:
        return read_config(form.value("config")), ""
    except SettingsRefused as refusal:
        return {}, str(refusal)


def starting_values(request: HttpRequest) -> dict:
    """The initial values that an address such as /?reuse=<uuid> gives the composer; /?start_picture=<uuid> only that
    frame."""
    for name in ("reuse", "continue", "prompt_of", *RATIO_OF):
        if name in request.GET:
            videos = Generation.objects.visible_to(request.user).with_everything()
            found = videos.filter(public_id=read_uuid(request.GET[name])).first()
            values = values_of(found, name, request.user) if found else default_values()
            return with_seed_of(found, values) if found and "seed" in request.GET else values
    names = [f"{which}_picture" for which in FRAMES if f"{which}_picture" in request.GET]
    return default_values() | {name: request.GET[name] for name in names}


def values_from_file(text: str, user) -> dict | None:
    """The description inside a downloaded video, as values for the composer; None if it cannot be read. A video of this
    studio is taken from its row, with its frames."""
    try:
        facts = json.loads(text)
    except ValueError:
        return None
    if not isinstance(facts, dict):
        return None
    videos = Generation.objects.visible_to(user).with_everything()
    known = read_uuid(str(facts.get("id", "")))
    if known and (found := videos.filter(public_id=known).first()):
        return values_of(found, "reuse", user)
    words = {key: facts[key] for key in ("prompt", "provider", "aspect_ratio") if isinstance(facts.get(key), str)}
    if not words.get("prompt"):
        return None
    provider = Provider.objects.offered().filter(value=words.get("provider", "").replace("\0", "")).first()
    config = facts.get("config") if isinstance(facts.get("config"), dict) else {}
    return default_values() | {
        "prompt": words["prompt"],
        "aspect_ratio": words.get("aspect_ratio", DEFAULT_RATIO)[:16],
        "config": json.dumps(config, ensure_ascii=False, indent=2) if config else "",
        **({"providers": [provider.value]} if provider and provider.is_active else {}),
    }


def default_values() -> dict:
    return {"providers": [first_offer()]}


def with_seed_of(generation: Generation, values: dict) -> dict:
    """The same settings with the seed that was actually used, so that the next video resembles this one."""
    seed = generation.remote_facts.get("seed")
    if seed is None:
        return values
    return values | {"config": json.dumps({**generation.config, "seed": seed}, ensure_ascii=False, indent=2)}


def values_of(generation: Generation, how: str, user) -> dict:
    values = {"prompt": generation.prompt, "aspect_ratio": RATIO_OF.get(how, generation.aspect_ratio)}
    if how == "prompt_of" or generation.backend == IMPORTED:
        start = {"start_from": str(generation.public_id)} if how == "continue" else {}
        return default_values() | values | start
    provider = generation.provider
    values |= {"providers": [provider.value]} if provider.is_active else {"providers": [], "ended": provider}
    values["config"] = json.dumps(generation.config, ensure_ascii=False, indent=2) if generation.config else ""
    if how == "continue":
        return values | {"start_from": str(generation.public_id)}
    frames = {"reference_image_url": generation.start_frame_url, "tail_image_url": generation.end_frame_url}
    for which, picture in (("start", generation.start_frame), ("end", generation.end_frame)):
        if picture and picture.owner_id == user.pk:
            frames[f"{which}_picture"] = str(picture.public_id)
    return values | frames


def has_ended(offer: dict) -> bool:
    return bool(offer["account"] and offer["account"].has_ended)


def accounts_by_backend() -> dict[str, RemoteAccount]:
    return {registry.plain_key(account.backend): account for account in RemoteAccount.objects.all_active()}


def offered_providers(form: GenerateForm) -> list[dict]:
    """The rows of the list of models: each one's track record, and its price at the chosen length."""
    records, accounts = track_records(), accounts_by_backend()
    ticked = form.chosen_providers()
    settings, has_start = current_config(form)[0], form.has_frame("start")
    return [
        {
            "provider": provider,
            "record": records.get(provider.pk, TrackRecord()),
            "account": accounts.get(provider.backend),
            "is_ticked": provider.value in ticked,
            **price_of_one(provider, settings, has_start),
        }
        for provider in Provider.objects.whole_offer()
    ]


def price_of_one(provider: Provider, settings: dict, has_start: bool) -> dict:
    """The price of one video at the chosen length, or at the nearest that the provider makes."""
    seconds = min(provider.priced_seconds(settings.get("duration")), provider.longest)
    price = provider.estimate(settings | {"duration": seconds}, has_start)
    per_second = provider.price_per_second(settings | {"duration": seconds}, has_start)
    return {
        "price": "" if price is None else money(price, provider.currency),
        "per_second": "" if per_second is None else money(per_second, provider.currency),
        "has_length": read_seconds(settings.get("duration") or provider.usual_seconds) is not None,
    }


def is_open(offer: dict) -> bool:
    """Whether it can be selected."""
    return offer["provider"].is_active and not has_ended(offer)


class OfferRow(NamedTuple):
    """A row of the list of models, as plain values: it is rendered once (cached_include)."""

    pk: int
    value: str
    name: str
    family: str
    classes: str
    is_open: bool  # it can be selected
    is_ticked: bool
    about: str
    unknown_to: str  # the remote that said so; its sentence stands below once it is selected
    why: str  # it cannot be selected; "" where it can
    needs_start: bool
    takes_start: bool
    takes_end: bool
    has_sound: bool
    seconds: float | None
    percent_ok: int | None
    ended: int
    price: str
    per_second: str
    has_length: bool


def offer_row(offer: dict) -> OfferRow:
    provider, record, supported = offer["provider"], offer["record"], {Provider.Support.YES, Provider.Support.NEEDED}
    return OfferRow(
        pk=provider.pk,
        value=provider.value,
        name=provider.name,
        family=provider.family,
        classes=offer_classes(offer),
        is_open=is_open(offer),
        is_ticked=offer["is_ticked"],
        about=provider.note or provider.description,
        unknown_to=registry.name_of(provider.backend) if provider.unknown_since else "",
        why=why_closed(offer),
        needs_start=provider.start_frame == Provider.Support.NEEDED,
        takes_start=provider.start_frame in supported,
        takes_end=provider.end_frame in supported,
        has_sound=provider.sound,
        seconds=record.median_seconds,
        percent_ok=record.percent_ok,
        ended=record.ended,
        **{name: offer[name] for name in ("price", "per_second", "has_length")},
    )


def why_closed(offer: dict) -> str:
    """Why it cannot be selected; "" where it can."""
    provider, account = offer["provider"], offer["account"]
    if account and (sentence := account.end_sentence()):
        return sentence
    if provider.is_active:
        return ""
    instead = f" Try {provider.alternative.name} instead." if provider.alternative else ""
    return f"{provider.note or provider.get_state_display()}{instead}"


def offer_classes(offer: dict) -> str:
    needs_start = "needs-start" if offer["provider"].start_frame == Provider.Support.NEEDED else ""
    return f"{needs_start} {'' if is_open(offer) else 'is-out'}"


def picker_context(offers: list[dict], ended: Provider | None) -> dict:
    """The models that are offered or paused, by family, and those that are retired. `ended` is a model that was
    used and cannot be used again."""
    families: dict[str, list[dict]] = {}
    gone = [offer for offer in offers if offer["provider"].is_retired or has_ended(offer)]
    for offer in offers:
        offer["row"] = offer_row(offer)
        if offer not in gone:
            families.setdefault(offer["provider"].family, []).append(offer)
    for first, *_ in families.values():
        first["row"] = first["row"]._replace(classes=first["row"].classes + " is-first")
    return {
        "offers": [offer for family in families.values() for offer in family],
        "retired": gone,
        "ended": ended,
        "max_providers": MAX_PROVIDERS,
        "samples": SAMPLES,
    }


def slots_context(request: HttpRequest, form: GenerateForm) -> list[dict]:
    has_earlier = has_earlier_frames(request.user)
    return [slot_context(request, which, form) | {"has_earlier": has_earlier} for which in FRAMES]


def slot_context(request: HttpRequest, which: str, form: GenerateForm, error: str = "") -> dict:
    """One frame slot: its contents. Whether there are alternatives is asked once for all slots."""
    name, label = FRAMES[which], LABELS[which]
    picture = form.frames.get(which) or chosen_picture(request.user, form.value(f"{which}_picture"))
    from_video = None if picture else chosen_video(request.user, form.value(f"{which}_from"))
    address = form.value(f"{name}_url")
    return {
        "which": which,
        "name": name,
        "label": label,
        "picture": picture,
        "address": address,
        "from_video": from_video,
        "is_filled": bool(picture or address or from_video),
        "is_added": bool(picture) and f"{which}_picture" in request.GET and not form.is_bound,
        "error": error or " ".join(form.frame_errors(which)),
        "chosen_pictures": [picture] if picture else [],
        "chosen_videos": [from_video] if from_video else [],
        "chosen_query": urlencode({"chosen": [one.public_id for one in (picture, from_video) if one]}, doseq=True),
    }


def has_earlier_frames(user) -> bool:
    return Picture.objects.any_for(user) or Generation.objects.has_saved(user)


def chosen_video(user, public_id: str) -> Generation | None:
    found = read_uuid(public_id)
    if not found:
        return None
    return Generation.objects.visible_to(user).kept().filter(saved_video__isnull=False, public_id=found).first()


def earlier_frames(user, which: str, chosen: Iterable[str]) -> dict:
    """The alternatives to the present contents of the slot."""
    kept = [found for found in map(read_uuid, chosen) if found]
    pks = Generation.objects.filter(tab="ready").newest_pks(user, EARLIER + len(kept))
    videos = Generation.objects.filter(pk__in=pks).select_related("saved_video").newest_first()
    return {
        "slot": {"which": which},
        "pictures": Picture.objects.visible_to(user).recent().exclude(public_id__in=kept)[:EARLIER],
        "videos": videos.exclude(public_id__in=kept)[:EARLIER],
    }


def chosen_picture(user, public_id: str) -> Picture | None:
    found = read_uuid(public_id)
    return Picture.objects.visible_to(user).filter(public_id=found).first() if found else None


def left_for(user):
    """The budget of which the smallest share is left, or None without a budget."""
    return min(
        Budget.objects.left_for(user), key=lambda left: left.left / left.limit if left.limit else 0, default=None
    )


def recent_prompts(user) -> list[str]:
    return list(dict.fromkeys(Generation.objects.newest_prompts(user)))[:RECENT_PROMPTS]
