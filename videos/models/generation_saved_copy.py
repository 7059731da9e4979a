"""What is recorded about a saved copy after saving: its nightly check, new posters, new measurements."""

from videos.models.event import GenerationEvent, Step, events_of
from videos.models.saved_video import SavedVideo
from videos.models.transactions import lock_in_order, retried


class SavedCopyManagerMixin:
    """Part of the manager of generations: what the nightly check found about the saved copies of many."""

    @retried
    def record_whole(self, pks: list[int]):
        """The nightly check read every byte of the saved copies of these, and each is as it was saved."""
        rows = list(self.filter(pk__in=lock_in_order(self.filter(pk__in=pks))))
        GenerationEvent.objects.record(events_of(rows, Step.CHECKED))


class SavedCopyMixin:
    """Part of the model Generation: what became of its saved copy, for its history."""

    @retried
    def record_not_whole(self, code: str):
        """The consistency check found a file of its saved copy missing or changed."""
        if lock_in_order(type(self).objects.filter(pk=self.pk)):
            self.log(Step.NOT_WHOLE, code=code)

    @retried
    def record_redrawn(self):
        """Records that poster and last frame were drawn again, so that the smaller posters are made again."""
        if lock_in_order(type(self).objects.filter(pk=self.pk)):
            SavedVideo.objects.filter(generation=self).update(small_poster="", row_poster="")
            self.log(Step.REDRAWN)

    @retried
    def measure_again(self, facts):
        """Its saved copy was measured again, with what an earlier version could not measure."""
        if lock_in_order(type(self).objects.filter(pk=self.pk)) and self.saved_video.measure_again(facts):
            self.log(Step.MEASURED, facts={"width": facts.width, "height": facts.height})
