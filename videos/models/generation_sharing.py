"""Favourites, and sharing a video with the team or by a public link."""

from videos.models.changes import CHANGED
from videos.models.event import GenerationEvent, Step, events_of
from videos.models.saved_video import PublicLink
from videos.models.transactions import lock_in_order, retried, update_in_order


class SharingManagerMixin:
    """Part of the manager of generations: sharing many with the team."""

    @retried
    def share_all(self, user, pks: list[int]):
        """Shares this person's own videos among these with the team."""
        rows = list(self.filter(pk__in=lock_in_order(self.filter(pk__in=pks, owner=user, shared=False))))
        update_in_order(self.filter(pk__in=[row.pk for row in rows]), shared=True, **CHANGED)
        GenerationEvent.objects.record(events_of(rows, Step.SHARED, by=user))


class SharingMixin:
    """Part of the model Generation: stars, what its owner has seen, and who else may see it."""

    @retried
    def mark_favourite(self, favourite: bool, user=None):
        """Sets or removes this person's star, or the owner's by default. Raises DoesNotExist if the row is gone."""
        type(self).objects.select_for_update(no_key=True).get(pk=self.pk)
        if favourite:
            self.favourites.get_or_create(user=user or self.owner)
        else:
            self.favourites.filter(user=user or self.owner).delete()
        self._touch()

    def mark_seen(self):
        if not self.seen:
            self._touch(seen=True)

    @retried
    def share_with_team(self, shared: bool, by=None):
        self._touch(shared=shared)
        self.log(Step.SHARED if shared else Step.UNSHARED, by=by)

    @retried
    def make_public_link(self) -> PublicLink:
        type(self).objects.select_for_update(no_key=True).get(pk=self.pk)
        return self.open_public_link() or self.public_links.create()

    def open_public_link(self) -> PublicLink | None:
        return self.public_links.open().order_by("-pk").first()

    def revoke_public_links(self):
        self.public_links.open().revoke()
