"""The contents of a card, as plain values: `cached_include` renders a card again only if one of them has changed."""

from typing import NamedTuple

from videos.lifecycle import Status
from videos.models import Generation
from videos.templatetags.studio import ago, posters, ratio_class


class Face(NamedTuple):
    """The parts of a card that are the same in every state, and those of a saved video."""

    public_id: str
    status: str
    classes: str
    order: int
    version: int
    batch: int
    say: str  # to screen readers, once it has changed
    prompt: str
    title: str
    provider: str
    ratio: str
    ago: str
    owner: str  # "" for the viewer's own
    is_shared: bool
    is_unwatched: bool
    is_waiting: bool
    is_favourite: bool
    verdict: str
    saved_size: int = 0  # bytes
    posters: str = ""  # for `srcset`
    seconds: float | None = None
    has_sound: bool = False
    plays_everywhere: bool = True
    codec_family: str = ""
    codec_name: str = ""


class StackFace(NamedTuple):
    """The contents of a stack; the lines below it are a Face."""

    public_id: str  # of the batch
    prompt: str
    count: int
    saved: int
    waiting: int
    to_cancel: int  # of those that wait, by this person
    words: str
    size: int  # bytes
    is_long: bool
    place: int  # in the queue, of the first one; 0 if none waits
    video: str  # the one that represents it
    posters: str
    start_frame: str
    segments: tuple[str, ...]  # the kind of each


def face_of(card) -> Face:
    generation = card.generation
    return Face(
        public_id=str(generation.public_id),
        status=str(generation.status),
        classes=f"{card.classes} {ratio_class(generation)}",
        order=card.order,
        version=generation.version,
        batch=generation.batch_id,
        say=card.announcement,
        prompt=generation.prompt,
        title=card.title,
        provider=generation.provider.name,
        ratio=generation.aspect_ratio,
        ago=ago(generation.created_at),
        owner="" if card.is_mine else generation.owner.get_username(),
        is_shared=generation.shared,
        is_unwatched=card.is_unwatched,
        is_waiting=generation.status == Status.QUEUED,
        is_favourite=card.is_favourite,
        verdict=card.verdict,
        **facts_of(generation),
    )


def facts_of(generation: Generation) -> dict:
    """What a card shows of the saved copy, if there is one."""
    saved = getattr(generation, "saved_video", None)
    if not saved:
        return {}
    return {
        "saved_size": saved.size,
        "posters": posters(generation),
        "seconds": saved.seconds,
        "has_sound": saved.has_sound,
        "plays_everywhere": saved.plays_everywhere,
        "codec_family": saved.codec_family,
        "codec_name": saved.codec_name,
    }
