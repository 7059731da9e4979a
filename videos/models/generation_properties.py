"""Properties of a generation that are computed from its fields, for screens and the engine."""

from datetime import datetime

from videos import wording
from videos.lifecycle import IN_PROGRESS, UNSETTLED, Status
from videos.models.generation_queryset import elapsed_since
from videos.models.studio_settings import current
from videos.remotes import registry
from videos.remotes.base import Backend


class PropertiesMixin:
    """Part of the model Generation: what follows from the fields of its row."""

    @property
    def remote(self) -> Backend:
        return registry.find(self.backend)

    @property
    def remote_name(self) -> str:
        """The name of the remote API that makes it, for people."""
        return registry.name_of(self.backend)

    @property
    def error_message(self) -> str:
        """Why it failed, or what happened to its reply, in a sentence; "" if nothing is wrong."""
        return wording.explain(self.error_code, self.remote_name)

    @property
    def status_message(self) -> str:
        """The present problem, in a sentence; "" if there is none."""
        return wording.explain(self.status_note, self.remote_name, self.status_facts)

    @property
    def is_of_this_mode(self) -> bool:
        """Whether it belongs to the present mode: demo, or real."""
        return self.backend in registry.active_keys()

    @property
    def in_progress(self) -> bool:
        return self.status in IN_PROGRESS

    @property
    def is_in_queue(self) -> bool:
        return self.status == Status.QUEUED and self.held_at is None and self.trashed_at is None

    @property
    def may_be_trashed(self) -> bool:
        return self.status not in UNSETTLED

    @property
    def may_be_checked_again(self) -> bool:
        return self.status == Status.STOPPED or (self.status == Status.FAILED and self.error_class == "not_found")

    @property
    def clock_started_at(self) -> datetime:
        """The start of the elapsed time on the card."""
        return self.sent_at or self.created_at

    @property
    def is_overdue(self) -> bool:
        return self.status == Status.RUNNING and elapsed_since(self.sent_at) > current().overdue_seconds

    @property
    def took_seconds(self) -> float | None:
        """Seconds from sending to completion at the remote API."""
        if self.sent_at is None or self.completed_at is None:
            return None
        return (self.completed_at - self.sent_at).total_seconds()
