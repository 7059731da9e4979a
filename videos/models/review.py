"""Review: comments on the clips of a collection, and the links by which clients take part."""

import math
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from videos.models.collection import Clip, Collection
from videos.models.one_time_link import digest
from videos.models.outgoing_notice import OutgoingNotice
from videos.models.personal_note import PersonalNote
from videos.models.prepared import prepared
from videos.models.transactions import lock_in_order, retried
from videos.models.webhook_event import WebhookEvent

LONGEST_COMMENT = 2000
LONGEST_AUTHOR = 80
LONGEST_LABEL = 80
MAX_COMMENTS = 500  # of one clip
NEWS_SHOWN = 3  # links
MAX_FROM_A_LINK = 30  # comments in THROTTLED_FOR
THROTTLED_FOR = timedelta(minutes=10)
MAX_TRIES = 8  # tries of a password; after them, none is accepted for COOL_OFF
COOL_OFF = timedelta(minutes=15)
CLIENT_STATES = (Clip.State.APPROVED, Clip.State.CHANGE)


class TooManyComments(Exception):
    """The clip has too many comments, or the link got too many recently."""


@dataclass(frozen=True)
class Area:
    """A rectangle on the picture, in fractions of its width and height."""

    x: float
    y: float
    width: float
    height: float

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Parses "x,y,width,height"; None if that is not a valid rectangle."""
        try:
            x, y, width, height = (float(part) for part in text.split(","))
        except ValueError:
            return None
        numbers = (x, y, width, height)
        is_inside = all(math.isfinite(number) and 0 <= number <= 1 for number in numbers)
        return cls(*numbers) if is_inside and width and height and x + width <= 1.001 and y + height <= 1.001 else None

    def __str__(self):
        return ",".join(f"{number:.4f}" for number in (self.x, self.y, self.width, self.height))


class ReviewLinkQuerySet(models.QuerySet):
    def open(self):
        """The links that work now. Those of a deactivated member do not, until the member is activated again."""
        return self.not_ended().filter(made_by__is_active=True)

    def not_ended(self):
        ended = Q(expires_at__lte=timezone.now())
        return self.filter(revoked_at=None).exclude(ended)

    def find(self, token: str) -> "ReviewLink | None":
        return self.open().filter(token_digest=digest(token)).select_related("collection", "made_by").first()

    def ended(self, token: str) -> "ReviewLink | None":
        """The expired link with this token; None if it was revoked or never existed."""
        return self.filter(token_digest=digest(token), revoked_at=None, expires_at__lte=timezone.now()).first()

    @prepared
    def with_news_for(self, user):
        """The first of this person's links with answers or comments that they have not looked at."""
        return self.filter(made_by=user, unseen__gt=0).select_related("collection").order_by("pk")[:NEWS_SHOWN]

    def mark_looked_at(self, collection: Collection, user):
        self.filter(collection=collection, made_by=user, unseen__gt=0).update(unseen=0)

    def with_counts(self):
        """Adds to each link how many videos it lists, and how many are answered."""
        chosen = Count("clips", distinct=True)
        return self.annotate(chosen=chosen, answered=Count("answers", distinct=True)).order_by("-pk")


class ReviewLink(models.Model):
    """A link with which somebody without an account reviews a collection, or part of it."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="links")
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    label = models.CharField(max_length=LONGEST_LABEL, help_text="Who it is for.")
    password = models.CharField(max_length=128, blank=True, editable=False)
    may_approve = models.BooleanField(default=True)
    may_comment = models.BooleanField(default=True)
    may_download = models.BooleanField(default=False)
    shows_prompts = models.BooleanField(default=False, help_text="Also the model.")
    is_selection = models.BooleanField(default=False, help_text="Only these videos of the collection.")
    clips = models.ManyToManyField(Clip, blank=True, related_name="+")
    views = models.PositiveIntegerField(default=0)
    unseen = models.PositiveIntegerField(default=0, editable=False, help_text="News since its maker last looked.")
    tries = models.PositiveSmallIntegerField(default=0, editable=False)
    tried_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ReviewLinkQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["made_by"], condition=Q(unseen__gt=0), name="review_link_with_news")]

    def __str__(self):
        return f"{self.collection}, for {self.label}"

    @classmethod
    @retried
    def issue(cls, collection: Collection, made_by, *, password: str = "", clips=None, **fields) -> str:
        """Makes a link and returns its token; only a digest is stored. With `clips`, the link covers only these.

        Raises DoesNotExist once the collection is removed.
        """
        Collection.objects.lock(collection.pk)
        token = secrets.token_urlsafe(24)
        link = cls.objects.create(
            collection=collection,
            made_by=made_by,
            token_digest=digest(token),
            password=make_password(password) if password else "",
            is_selection=clips is not None,
            **fields,
        )
        if clips is not None:
            link.clips.set(lock_in_order(Clip.objects.filter(pk__in=[clip.pk for clip in clips])))
        return token

    @property
    def is_open(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())

    def revoke(self) -> bool:
        return bool(ReviewLink.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=timezone.now()))

    def count_view(self):
        ReviewLink.objects.filter(pk=self.pk).update(views=F("views") + 1)

    def is_password(self, text: str) -> bool:
        return check_password(text, self.password)

    def take_try(self) -> bool:
        """Whether the password may be tried now. The try counts before the check, so parallel tries get no more."""
        now, rows = timezone.now(), ReviewLink.objects.filter(pk=self.pk)
        if rows.filter(Q(tried_at=None) | Q(tried_at__lt=now - COOL_OFF)).update(tries=1, tried_at=now):
            return True
        return bool(rows.filter(tries__lt=MAX_TRIES).update(tries=F("tries") + 1, tried_at=now))

    def forget_tries(self):
        ReviewLink.objects.filter(pk=self.pk).update(tries=0, tried_at=None)

    @property
    def last_day(self):
        """The last day on which it works; it ends with that day."""
        return timezone.localdate(self.expires_at - timedelta(seconds=1)) if self.expires_at else None

    @property
    def sender(self) -> str:
        return self.made_by.get_full_name() or self.made_by.get_username()

    @property
    def key(self) -> str:
        """The proof that a browser keeps after giving the password; a new password invalidates it."""
        return salted_hmac("videos.review_link", f"{self.pk}:{self.password}").hexdigest()[:32]

    def shown_clips(self):
        """The saved videos that the link's author may see now, in the collection's order."""
        clips = self.collection.clips.visible_to(self.made_by).filter(generation__saved_video__isnull=False)
        if self.is_selection:
            clips = clips.filter(Exists(self.clips.through.objects.filter(reviewlink=self, clip=OuterRef("pk"))))
        return clips.in_order()

    def titled_clips(self) -> list[Clip]:
        """Its clips with the titles that the client reads: the sender's own, else the prompt if the link shows prompts,
        else the number."""
        clips = list(self.shown_clips().with_everything())
        titles = PersonalNote.objects.titles(self.made_by, [clip.generation_id for clip in clips])
        for number, clip in enumerate(clips, start=1):
            prompt = clip.generation.prompt if self.shows_prompts else ""
            clip.title = titles.get(clip.generation_id) or prompt or f"Clip {number}"
        return clips

    @retried
    def answer(self, clip: Clip, state: str, name: str):
        """Stores that the client approves or asks for a change. The state in the studio's review changes too.

        Raises DoesNotExist once the clip is removed.
        """
        if not clip.decide(state, name):  # it locks the video, which removing it also locks before anything else
            raise Clip.DoesNotExist
        ReviewAnswer.objects.update_or_create(link=self, clip=clip, defaults={"state": state, "name": name})
        self.notify_maker(clip, f"review.{state}", name)

    def notify_maker(self, clip: Clip, event: str, name: str, text: str = "", at: float | None = None):
        """Notifies the link's maker, on the page and outside the browser. Called in the transaction of the event."""
        ReviewLink.objects.filter(pk=self.pk).update(unseen=F("unseen") + 1)
        OutgoingNotice.objects.add_review(clip.generation, self.made_by)
        WebhookEvent.objects.add_review(event, clip, by=name, label=self.label, text=text, at=at)


class ReviewAnswer(models.Model):
    """The latest answer from one link to one clip."""

    link = models.ForeignKey(ReviewLink, on_delete=models.CASCADE, related_name="answers")
    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="answers")
    state = models.CharField(max_length=9, choices=Clip.State)
    name = models.CharField(max_length=LONGEST_AUTHOR)
    answered_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["link", "clip"], name="one_answer_of_a_link")]

    def __str__(self):
        return f"{self.name}: {self.get_state_display()}"


class CommentQuerySet(models.QuerySet):
    def with_everything(self):
        return self.select_related("author", "link", "resolved_by")

    def in_order(self):
        """In the order of the comments panel: by time in the video, with those about the whole video first."""
        return self.order_by(F("at").asc(nulls_first=True), "pk")

    def shown_to(self, link: ReviewLink):
        """The comments of this link's clients, and those that the studio lets them see."""
        ours = Q(link=link)
        for_them = Q(link=None, for_client=True)
        visible = Q(parent=None) | Q(parent__link=link) | Q(parent__link=None, parent__for_client=True)
        return self.filter(ours | for_them).filter(visible)

    def open_counts(self, clips) -> dict[int, int]:
        """Clip's id → how many comments are open."""
        rows = self.filter(clip__in=clips, parent=None, resolved_at=None).order_by().values("clip")
        return dict(rows.annotate(count=Count("pk")).values_list("clip", "count"))

    @retried
    def write(self, clip: Clip, **fields) -> "Comment":
        """A new comment. Raises TooManyComments, and DoesNotExist once the clip, or what it replies to, is removed."""
        clip.lock()
        if fields.get("parent"):
            self.get(pk=fields["parent"].pk)
        if clip.comments.count() >= MAX_COMMENTS:
            raise TooManyComments
        link = fields.get("link")
        recent = timezone.now() - THROTTLED_FOR
        if link and self.filter(link=link, created_at__gt=recent).count() >= MAX_FROM_A_LINK:
            raise TooManyComments
        made = self.create(clip=clip, **fields)
        if link:
            link.notify_maker(clip, "review.comment", made.name, made.text, made.at)
        return made


class Comment(models.Model):
    """One comment on a clip: text, and the moment of the video that it is about."""

    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="comments")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="replies")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    link = models.ForeignKey(ReviewLink, null=True, blank=True, on_delete=models.CASCADE, related_name="comments")
    name = models.CharField(max_length=150, help_text="Who wrote it: a member, or the name that a client gave.")
    text = models.TextField()
    at = models.FloatField(null=True, blank=True, help_text="In seconds. Empty for a comment on the whole video.")
    area = models.CharField(max_length=40, blank=True, help_text="x,y,width,height, in fractions of the picture.")
    for_client = models.BooleanField(default=False, help_text="Visible to those who have a link.")
    created_at = models.DateTimeField(auto_now_add=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects = CommentQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["link", "created_at"], name="comment_of_a_link")]

    def __str__(self):
        return f"{self.name}: {self.text[:60]}"

    @property
    def initials(self) -> str:
        words = self.name.split()
        return (words[0][0] + words[-1][0] if len(words) > 1 else self.name[:2]).upper()

    @retried
    def remove(self):
        """Deletes it with the replies to it. Raises DoesNotExist once the clip is removed."""
        self.clip.lock()
        Comment.objects.filter(pk=self.pk).delete()

    def resolve(self, user, is_resolved: bool):
        fields = {"resolved_at": timezone.now(), "resolved_by": user} if is_resolved else NOT_RESOLVED
        Comment.objects.filter(pk=self.pk).update(**fields)


NOT_RESOLVED = {"resolved_at": None, "resolved_by": None}
