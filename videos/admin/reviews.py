"""Collections, reviews and their links, verdicts and presets in the admin.

All of it is edited on the studio's own pages; owners look at it here, across members, and revoke links.
"""

from django.contrib import admin
from django.utils.html import format_html

from videos.admin.lists import CompletedRows, LongList, LookOnly, tell
from videos.models import Clip, Collection, Preset, Provider, ReviewLink, Verdict


@admin.register(Collection)
class CollectionAdmin(LookOnly):
    list_title = "Collections"
    list_display = ["name", "owner", "shared", "created_at"]
    list_filter = ["shared", "owner"]
    list_select_related = ["owner"]
    ordering = ["-pk"]
    sortable_by = []
    search_fields = ["name", "owner__username"]
    search_help_text = "A part of its name, or of a member's."
    fields = ["public_id", "name", "owner", "note", "shared", "created_at"]


@admin.register(Clip)
class ClipAdmin(LongList):
    list_title = "Reviews"
    list_display = ["video", "collection", "review", "decided_by", "decided_at", "added_by", "created_at"]
    list_filter = ["added_by"]
    list_prefetch = ["collection", "generation", "added_by"]
    list_display_links = ["collection"]
    search_fields = ["generation", "public_id"]
    search_help_text = "Words of a prompt, a member's name, or a whole id."
    fields = ["collection", "video", "state", "decided_by", "decided_at", "added_by", "created_at"]

    @admin.display(description="review")
    def review(self, clip):
        tone = {Clip.State.APPROVED: "ready", Clip.State.REJECTED: "failed", Clip.State.CHANGE: "unknown"}
        return format_html('<span class="chip-state {}">{}</span>', tone.get(clip.state, ""), clip.get_state_display())


@admin.register(ReviewLink)
class ReviewLinkAdmin(LookOnly):
    list_title = "Review links"
    list_display = ["label", "collection", "made_by", "works", "may", "views", "expires_at", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter), "made_by"]
    list_select_related = ["collection", "made_by"]
    ordering = ["-pk"]
    sortable_by = []
    search_fields = ["label", "collection__name", "made_by__username"]
    search_help_text = "Whom it is for, a collection, or a member's name."
    actions = ["revoke"]
    fields = [
        "label",
        "collection",
        "made_by",
        "may",
        "is_selection",
        "views",
        "created_at",
        "expires_at",
        "revoked_at",
    ]

    @admin.display(description="works", boolean=True)
    def works(self, link):
        """A deactivated member's links stop until the member is activated again."""
        return link.is_open and link.made_by.is_active

    @admin.display(description="they may")
    def may(self, link):
        allowed = {
            "approve": link.may_approve,
            "comment": link.may_comment,
            "download": link.may_download,
            "see prompts": link.shows_prompts,
        }
        return ", ".join(word for word, is_allowed in allowed.items() if is_allowed) or "only look"

    @admin.action(description="Revoke")
    def revoke(self, request, queryset):
        done = sum(link.revoke() for link in queryset)
        tell(request, done, len(queryset), "revoked: nobody gets in there any more", "revoked before.")


@admin.register(Verdict)
class VerdictAdmin(LongList):
    list_title = "Kept and rejected"
    list_display = ["decision", "video", "user", "created_at"]
    list_filter = ["word", "user"]
    list_prefetch = ["generation", "user"]
    search_fields = ["generation", "user"]
    search_help_text = "Words of a prompt, a video's whole id, or a member's name."
    fields = ["user", "video", "decision", "created_at"]

    @admin.display(description="decision")
    def decision(self, verdict):
        return verdict.get_word_display()


@admin.register(Preset)
class PresetAdmin(CompletedRows, LookOnly):
    list_title = "Presets"
    list_display = ["name", "owner", "shared", "providers_in_words", "aspect_ratio", "created_at"]
    list_filter = ["shared", "owner"]
    list_select_related = ["owner"]
    ordering = ["-pk"]
    sortable_by = []
    search_fields = ["name", "owner__username"]
    search_help_text = "A part of its name, or of a member's."
    fields = ["name", "owner", "shared", "prompt", "providers_in_words", "aspect_ratio", "config", "created_at"]

    def completed(self, rows):
        return with_names(rows)

    def get_object(self, request, object_id, from_field=None):
        preset = super().get_object(request, object_id, from_field)
        return preset and with_names([preset])[0]

    @admin.display(description="providers")
    def providers_in_words(self, preset):
        return ", ".join(preset.names) or "None"


def with_names(presets: list[Preset]) -> list[Preset]:
    """Each with the names of its providers; of one that is gone, what the remote called it."""
    names = dict(Provider.objects.values_list("value", "name"))
    for preset in presets:
        preset.names = [names.get(value, value) for value in preset.providers]
    return presets
