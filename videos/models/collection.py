"""Collections: named, ordered lists of videos."""

import uuid
from collections.abc import Iterable

from django.conf import settings
from django.db import IntegrityError, models
from django.db.models import Count, Exists, Max, OuterRef, Q
from django.utils import timezone

from videos.models.event import GenerationEvent, Step, events_of
from videos.models.generation import Generation
from videos.models.personal_note import PersonalNote
from videos.models.prepared import prepared
from videos.models.transactions import lock_in_order, retried
from videos.text import folded

MAX_CLIPS = 1000  # of one collection: its page and its counts stay bounded
MAX_OFFERED = 50  # for choosing
LONGEST_NAME = 120
LONGEST_NOTE = 2000
LONGEST_KEY = 400  # an index of PostgreSQL takes 2,700 bytes


class CollectionFull(Exception):
    """The collection would exceed MAX_CLIPS videos, so nothing was added."""


class NameTaken(Exception):
    """This person already has a collection of this name."""


def name_key(name: str) -> str:
    """A key that is equal for names that people would consider the same."""
    return " ".join(folded(name).split())[:LONGEST_KEY]


def can_be_seen_by(user) -> Q:
    return Q(owner=user) | Q(shared=True)


class CollectionQuerySet(models.QuerySet):
    def visible_to(self, user):
        """Their own collections, and those that others share with the team."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(can_be_seen_by(user))

    @prepared
    def newest_for(self, user):
        """The newest of those, as many as are offered for choosing."""
        return self.filter(can_be_seen_by(user)).newest_first()[:MAX_OFFERED]

    def newest_first(self):
        return self.order_by("-pk")

    def lock(self, pk: int):
        """Locks it until the transaction ends; before its videos, which `lock_in_order` locks. Raises DoesNotExist."""
        self.select_for_update(no_key=True).get(pk=pk)

    def named(self, name: str, user) -> "Collection | None":
        """The collection of this name, preferring the person's own over a shared one."""
        found = self.visible_to(user).filter(name_key=name_key(name))
        return found.order_by(models.Case(models.When(owner=user, then=0), default=1), "pk").first()

    def names_of(self, generations: Iterable[Generation], user) -> dict[int, str]:
        """Id of a video → the name of the first collection with it that this person sees."""
        clips = Clip.objects.filter(generation__in=generations, collection__in=self.visible_to(user))
        return dict(clips.order_by("-pk").values_list("generation", "collection__name"))

    def search(self, words: str):
        """Collections whose name contains every word."""
        found = self
        for word in folded(words).split():
            found = found.filter(name_key__contains=word)
        return found


class CollectionManager(models.Manager.from_queryset(CollectionQuerySet)):
    @retried
    def make(self, owner, name: str, **fields) -> "Collection":
        """Makes a new collection. Raises NameTaken."""
        collection, is_new = self.get_or_create(
            owner=owner, name_key=name_key(name), defaults={"name": name.strip(), **fields}
        )
        if not is_new:
            raise NameTaken
        return collection

    @retried
    def find_or_make(self, name: str, owner) -> "Collection":
        known = self.named(name, owner)
        if known:
            return known
        fields = {"owner": owner, "name_key": name_key(name)}
        return self.get_or_create(**fields, defaults={"name": name.strip()[:LONGEST_NAME]})[0]


class Collection(models.Model):
    """A named list of videos. Everyone who can see it sees only the videos that `Generation.visible_to` allows."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="collections")
    name = models.CharField(max_length=LONGEST_NAME)
    name_key = models.TextField(editable=False)
    note = models.TextField(blank=True)
    cover = models.ForeignKey("Generation", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    shared = models.BooleanField(default=False, help_text="With the team, including its owner's videos.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CollectionManager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["shared", "-id"], name="collection_shared")]
        constraints = [models.UniqueConstraint(fields=["owner", "name_key"], name="one_collection_of_a_name")]

    def __str__(self):
        return self.name

    def generations(self, user) -> models.QuerySet:
        """The clips whose video this person may see, in order."""
        visible = Generation.objects.visible_to(user).kept()
        return visible.filter(clips__collection=self).order_by("clips__position", "clips__pk")

    @retried
    def add(self, generations: Iterable[Generation], user) -> int:
        """Appends these videos; those already in it stay in place. Returns how many are new. Raises CollectionFull.

        If the collection is shared, this person's own videos become shared too, so that the team can see them.
        """
        Collection.objects.lock(self.pk)
        asked = [generation.pk for generation in generations]
        wanted = set(lock_in_order(Generation.objects.filter(pk__in=asked)))  # one may be gone meanwhile
        known = set(self.clips.filter(generation__in=wanted).values_list("generation", flat=True))
        new = [pk for pk in dict.fromkeys(asked) if pk in wanted - known]
        if self.clips.count() + len(new) > MAX_CLIPS:
            raise CollectionFull
        last = self.clips.aggregate(last=Max("position"))["last"] or 0
        Clip.objects.bulk_create(
            Clip(collection=self, generation_id=pk, position=place, added_by=user)
            for place, pk in enumerate(new, start=last + 1)
        )
        self._mark_changed(new, user)
        self.log(Step.COLLECTED, new, user)
        return len(new)

    @retried
    def remove(self, generations: Iterable[Generation], by=None) -> int:
        """Removes these; the videos themselves stay. Returns how many were in it."""
        Collection.objects.lock(self.pk)
        pks = self._lock_videos(self.clips.filter(generation__in=list(generations)))
        self.clips.filter(generation__in=pks).delete()
        Generation.objects.mark_changed(pks)
        self.log(Step.UNCOLLECTED, pks, by)
        return len(pks)

    @retried
    def arrange(self, public_ids: list[uuid.UUID]):
        """Sorts these videos, within the positions that they take up together now."""
        Collection.objects.lock(self.pk)
        clips = {clip.generation.public_id: clip for clip in self.clips.select_related("generation")}
        moved = [clips[public_id] for public_id in dict.fromkeys(public_ids) if public_id in clips]
        for clip, place in zip(moved, sorted(clip.position for clip in moved), strict=True):
            clip.position = place
        Clip.objects.bulk_update(sorted(moved, key=lambda clip: clip.pk), ["position"])

    @retried
    def rename(self, name: str, note: str):
        """Raises NameTaken."""
        same = Collection.objects.filter(owner=self.owner_id, name_key=name_key(name))
        if same.exclude(pk=self.pk).exists():
            raise NameTaken
        try:
            Collection.objects.filter(pk=self.pk).update(name=name.strip(), name_key=name_key(name), note=note)
        except IntegrityError:  # somebody has just used it
            raise NameTaken from None
        self.refresh_from_db()

    @retried
    def share_with_team(self, shared: bool):
        """Shares the collection and its owner's videos with the team. Once private again, the videos stay shared."""
        Collection.objects.filter(pk=self.pk).update(shared=shared)
        self.refresh_from_db()
        if shared:
            self._mark_changed(list(self.clips.values_list("generation", flat=True)), self.owner)

    @retried
    def set_cover(self, generation: Generation | None):
        """Raises DoesNotExist once the collection or the video is removed."""
        Collection.objects.lock(self.pk)
        if generation:
            Generation.objects.select_for_update(no_key=True).get(pk=generation.pk)
        Collection.objects.filter(pk=self.pk).update(cover=generation)

    @retried
    def remove_for_good(self, by=None):
        """Deletes the collection with its comments; its videos stay."""
        Collection.objects.select_for_update(no_key=False).get(pk=self.pk)
        pks = self._lock_videos(self.clips.all())
        Collection.objects.filter(pk=self.pk).delete()
        Generation.objects.mark_changed(pks)
        self.log(Step.UNCOLLECTED, pks, by)

    def _lock_videos(self, clips: "ClipQuerySet") -> list[int]:
        """Locks the videos of these clips, as everything does that adds a comment or an answer to a clip."""
        lock_in_order(Generation.objects.filter(pk__in=clips.values("generation")))
        return list(clips.values_list("generation", flat=True))

    def log(self, step: Step, pks: list[int], by=None):
        """Records the step in the history of these videos, whose rows are locked."""
        rows = Generation.objects.filter(pk__in=pks).order_by("pk")
        GenerationEvent.objects.record(events_of(rows, step, by=by, facts={"collection": self.name}))

    def _mark_changed(self, pks: list[int], user):
        """Marks these videos as changed for pages that show the collection; in a shared one, for the team too."""
        if self.shared:
            Generation.objects.share_all(user, pks)
        Generation.objects.mark_changed(pks)

    def cover_for(self, user) -> Generation | None:
        """The chosen cover, if it still has a picture and this person may see it."""
        cover = self.cover
        is_shown = cover and not cover.trashed_at and hasattr(cover, "saved_video")
        return cover if is_shown and (cover.shared or cover.owner_id == user.pk) else None


class ClipQuerySet(models.QuerySet):
    def visible_to(self, user):
        """Clips whose video this person may see. Each is looked up, since a collection is shorter than a gallery."""
        return self.filter(Exists(Generation.objects.visible_to(user).kept().filter(pk=OuterRef("generation"))))

    def with_everything(self):
        return self.select_related("generation__provider", "generation__saved_video", "generation__owner")

    def in_order(self):
        return self.order_by("position", "pk")

    def titled_for(self, user) -> "list[Clip]":
        """These clips with the titles that this person reads."""
        clips = list(self)
        give_titles(clips, user)
        return clips

    def counts(self) -> dict[int, dict[str, int]]:
        """Collection's id → state → how many of its clips are in it."""
        counts: dict[int, dict[str, int]] = {}
        rows = self.order_by().values("collection", "state").annotate(count=Count("pk"))
        for row in rows:
            counts.setdefault(row["collection"], {})[row["state"]] = row["count"]
        return counts


class Clip(models.Model):
    """One video in one collection: its position, and the state of its review."""

    class State(models.TextChoices):
        TO_REVIEW = "to_review", "To review"
        APPROVED = "approved", "Approved"
        CHANGE = "change", "Change"
        REJECTED = "rejected", "Rejected"

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="clips")
    generation = models.ForeignKey("Generation", on_delete=models.CASCADE, related_name="clips")
    position = models.PositiveIntegerField()
    state = models.CharField(max_length=9, choices=State, default=State.TO_REVIEW)
    decided_by = models.CharField(max_length=150, blank=True, help_text="Who set the state, by name.")
    decided_at = models.DateTimeField(null=True, blank=True)
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    title: str  # set by give_titles() and ReviewLink.titled_clips()

    objects = ClipQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["collection", "position"], name="clip_in_order")]
        constraints = [models.UniqueConstraint(fields=["collection", "generation"], name="once_in_a_collection")]

    def __str__(self):
        return f"{self.collection}: {self.generation}"

    def lock(self):
        """Locks its video, and then the clip, until the transaction ends. Raises DoesNotExist once it is removed."""
        lock_in_order(Generation.objects.filter(pk=self.generation_id))
        Clip.objects.select_for_update(no_key=True).get(pk=self.pk)

    @retried
    def decide(self, state: str, name: str) -> bool:
        """Sets the state of its review, and who decided it: a member, or a client by the name that they gave.

        False once it is removed.
        """
        locked = lock_in_order(Generation.objects.filter(pk=self.generation_id))
        clip = Clip.objects.select_related("generation", "collection").filter(pk=self.pk).first()
        if not locked or clip is None:
            return False
        Clip.objects.filter(pk=self.pk).update(state=state, decided_by=name, decided_at=timezone.now())
        if state != clip.state:
            clip.generation.log(DECIDED[state], facts={"collection": clip.collection.name, "who": name})
        return True


def give_titles(clips: list[Clip], user):
    """Sets the title of each clip: this person's own title for its video, or the prompt. One query for all of them."""
    titles = PersonalNote.objects.titles(user, [clip.generation_id for clip in clips])
    for clip in clips:
        clip.title = titles.get(clip.generation_id) or clip.generation.prompt


DECIDED = {
    Clip.State.APPROVED: Step.APPROVED,
    Clip.State.CHANGE: Step.CHANGE_ASKED,
    Clip.State.REJECTED: Step.REJECTED,
    Clip.State.TO_REVIEW: Step.REVIEW_AGAIN,
}
