"""The gallery with batches as stacks: the videos of one click of Generate are one card, which opens in place."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from videos.lifecycle import IN_PROGRESS, Status
from videos.models import Generation, Verdict
from videos.models.generation_queryset import GenerationQuerySet
from videos.models.whole_gallery import WholeGallery
from videos.templatetags.studio import clock, ratio_class
from videos.views.cards import Card, Section, cards_of
from videos.views.faces import Face, StackFace

CHUNKS = (300, 20_000)  # rows read to find the batches of a page; 30 batches have 15,000 videos at most
MAX_OPENED = 60  # in place; a larger batch has a page of its own
SEGMENTS = 40  # drawn for one stack; a larger batch shows its numbers only in words
# The state whose video stands for the whole stack, best first; and the order of the segments.
BEST_FIRST = [
    Status.READY,
    Status.SAVING,
    Status.RUNNING,
    Status.SENDING,
    Status.QUEUED,
    Status.UNKNOWN,
    Status.STOPPED,
    Status.FAILED,
    Status.CANCELLED,
]
KINDS = {Status.READY: "saved", Status.QUEUED: "waiting"} | dict.fromkeys(IN_PROGRESS - {Status.QUEUED}, "rendering")
KINDS |= {Status.CANCELLED: "cancelled", Status.UNKNOWN: "unsure", Status.STOPPED: "unsure"}  # red only for a failure
SAID = {"waiting": "waiting", "unsure": "to look at", "failed": "without a video", "cancelled": "cancelled"}


@dataclass(frozen=True)
class StackedVideo:
    """The facts about one video that its stack shows."""

    pk: int
    status: Status
    size: int
    provider: int
    ratio: str

    @property
    def kind(self) -> str:
        return KINDS.get(self.status, "failed")

    @property
    def place(self) -> tuple[int, int]:
        return BEST_FIRST.index(self.status), self.pk


@dataclass(frozen=True)
class Stack:
    """The videos of one batch that match the gallery's filters, with the card of the video that represents them."""

    card: Card
    members: list[StackedVideo]
    section: Section | None = None
    order: int = 0

    is_stack = True

    @property
    def generation(self) -> Generation:
        return self.card.generation

    @property
    def public_id(self):
        return self.generation.batch.public_id

    @cached_property
    def kinds(self) -> Counter:
        return Counter(member.kind for member in self.members)

    @property
    def count(self) -> int:
        return len(self.members)

    @property
    def is_long(self) -> bool:
        """Whether only a part of it is shown when it is opened in place."""
        return self.count > MAX_OPENED

    @property
    def saved(self) -> int:
        return self.kinds["saved"]

    @property
    def waiting(self) -> int:
        return self.kinds["waiting"]

    @property
    def size(self) -> int:
        return sum(member.size for member in self.members)

    @property
    def words(self) -> str:
        """ "3 rendering · usually about 2:24 · 2 waiting"; "" where every video is saved."""
        usual = f" · usually about {clock(self.card.median)}" if self.card.median and self.kinds["rendering"] else ""
        parts = {"rendering": f"rendering{usual}"} | SAID
        return " · ".join(f"{self.kinds[kind]} {words}" for kind, words in parts.items() if self.kinds[kind])

    @property
    def segments(self) -> tuple[str, ...]:
        """The kind of each video."""
        members = self.members if self.count <= SEGMENTS else []
        return tuple(member.kind for member in sorted(members, key=lambda member: member.place))

    @property
    def moment(self) -> int:
        """Later ones replace earlier ones on the page. A sum of versions would fall when a video leaves."""
        return time.time_ns() // 1_000_000

    @property
    def start_frame(self):
        """The picture shown, dimmed, until the first video is saved."""
        return self.generation.start_frame if self.card.is_mine and not self.saved else None

    @property
    def classes(self) -> str:
        return f"{'has-video ' if self.saved else ''}{ratio_class(self.generation)}"

    @property
    def face(self) -> StackFace:
        return StackFace(
            public_id=str(self.public_id),
            prompt=self.generation.prompt,
            count=self.count,
            saved=self.saved,
            waiting=self.waiting,
            to_cancel=self.waiting if self.card.is_mine else 0,
            words=self.words,
            size=self.size,
            is_long=self.is_long,
            place=self.card.place or 0,
            video=self.card.face.public_id,
            posters=self.card.face.posters,
            start_frame=str(self.start_frame.public_id) if self.start_frame else "",
            segments=self.segments,
        )

    @property
    def meta(self) -> Face:
        """The line below the stack, without facts that apply to only one of its videos."""
        face = self.card.face
        models = len({member.provider for member in self.members})
        ratios = len({member.ratio for member in self.members})
        return face._replace(
            provider=face.provider if models == 1 else f"{models} models",
            ratio=face.ratio if ratios == 1 else f"{ratios} ratios",
            is_unwatched=False,
            verdict="",
            saved_size=0,
        )


def stacks_of(rows: GenerationQuerySet | WholeGallery, batch_ids: Iterable[int], viewer) -> dict[int, Card | Stack]:
    """Batch id → its stack, or the card of its only video in `rows`."""
    members: dict[int, list[StackedVideo]] = {}
    for batch_id, pk, status, size, *asked in sorted(rows.stack_rows(list(batch_ids)), key=lambda row: -row[1]):
        members.setdefault(batch_id, []).append(StackedVideo(pk, Status(status), size or 0, *asked))
    verdicts = Verdict.objects.words_in(viewer, members)
    kept = {pk for pk, word in verdicts.items() if word == Verdict.Word.KEPT}  # the winner represents its batch
    shown = [min(found, key=lambda member: (member.pk not in kept, member.place)).pk for found in members.values()]
    cards = cards_of(Generation.objects.on_cards(shown), viewer, verdicts=verdicts)
    by_batch = {card.generation.batch_id: card for card in cards}
    return {
        batch_id: Stack(by_batch[batch_id], found) if len(found) > 1 else by_batch[batch_id]
        for batch_id, found in members.items()
        if batch_id in by_batch
    }


def batches_on_page(
    rows: GenerationQuerySet | WholeGallery, limit: int, viewer, newest: bool
) -> tuple[list[int], bool]:
    """The first batches of these rows in their order, `limit` at most, and whether there are more."""
    found: list[int] = []
    has_more = True
    for chunk in CHUNKS:
        batches = rows.newest_batches(viewer, chunk, newest)
        found, has_more = list(dict.fromkeys(batches)), len(batches) == chunk
        if len(found) > limit or not has_more:
            break
    return found[:limit], has_more or len(found) > limit


def page_of_stacks(rows: GenerationQuerySet, limit: int, viewer, newest: bool) -> tuple[list[Card | Stack], bool]:
    """The page's cards and stacks, ordered by their newest (or oldest) videos, and whether there are more."""
    ids, has_more = batches_on_page(rows, limit, viewer, newest)
    found = stacks_of(rows, ids, viewer)
    return [found[batch_id] for batch_id in ids if batch_id in found], has_more


def keys_of(shown: Card | Stack) -> list[int]:
    """The numbers of the videos in this card or stack."""
    return [member.pk for member in shown.members] if isinstance(shown, Stack) else [shown.generation.pk]


def cards_within(batch_rows: GenerationQuerySet, viewer) -> list[Card]:
    """The cards of an open stack."""
    return cards_of(batch_rows.for_cards().newest_first()[:MAX_OPENED], viewer)
