"""Collections, reviews and their links, verdicts and presets in the admin.

All of it is edited on the studio's own pages; owners look at it here, across members, and revoke links.
"""

from django.contrib import admin
from django.utils.html import format_html

from videos.admin.lists import (
    NOTHING,
    CompletedRows,
    LongList,
    NewestFirst,
    in_words,
    report,
    set_or_not,
    titled,
    yes_no,
)
from videos.forms.settings_json import read_config
from videos.models import Clip, Collection, Preset, Provider, ReviewLink, Verdict


@admin.register(Collection)
class CollectionAdmin(NewestFirst):
    list_title = "Collections"
    list_display = ["name", "owner", "with_team", "created_at"]
    list_filter = ["shared", "owner"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__username"]
    search_help_text = "A part of its name, or of a member's."
    fields = ["name", "owner", "note", "with_team", "created_at"]
    with_team = yes_no("shared", "shared with the team")


@admin.register(Clip)
class ClipAdmin(LongList):
    list_title, one, many = "Reviews", "review", "reviews"
    list_display = ["video", "collection", "review", "decided_by", "decided_at", "added_by", "created_at"]
    list_filter = [("added_by", titled("who added it", admin.RelatedFieldListFilter))]
    list_prefetch = ["collection", "generation", "added_by"]
    list_display_links = ["collection"]
    search_fields = ["generation", "public_id"]
    search_help_text = "Words of a prompt, a member's name, or a full id."
    fields = ["collection", "video", "review", "who_decided", "decided_at", "added_by", "created_at"]

    @admin.display(description="decided by")
    def who_decided(self, clip):
        return clip.decided_by or NOTHING

    @admin.display(description="review")
    def review(self, clip):
        tone = {Clip.State.APPROVED: "ready", Clip.State.REJECTED: "failed", Clip.State.CHANGE: "unknown"}
        return format_html('<span class="chip-state {}">{}</span>', tone.get(clip.state, ""), clip.get_state_display())


@admin.register(ReviewLink)
class ReviewLinkAdmin(NewestFirst):
    list_title = "Review links"
    list_display = ["label", "collection", "made_by", "works", "may", "views", "expires_at", "revoked_at"]
    list_filter = [("revoked_at", set_or_not("state", "Not revoked", "Revoked")), "made_by"]
    list_select_related = ["collection", "made_by"]
    search_fields = ["label", "collection__name", "made_by__username"]
    search_help_text = "Who it is for, a collection, or a member's name."
    actions = ["revoke"]
    fields = [
        "whom",
        "collection",
        "made_by",
        "works",
        "may",
        "only_some",
        "views",
        "created_at",
        "expires_at",
        "revoked_at",
    ]

    only_some = yes_no("is_selection", "only some of its videos")

    @admin.display(description="who it is for")
    def whom(self, link):
        return link.label

    @admin.display(description="works")
    def works(self, link):
        """A deactivated member's links stop until the member is activated again."""
        return "Yes" if link.is_open and link.made_by.is_active else "No"

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
        report(request, done, len(queryset), "revoked: nobody can open them any more", "revoked before.")


@admin.register(Verdict)
class VerdictAdmin(LongList):
    list_title, one, many = "Kept and rejected", "decision", "decisions"
    list_display = ["decision", "video", "user", "created_at"]
    list_filter = [("word", titled("decision", admin.ChoicesFieldListFilter)), "user"]
    list_prefetch = ["generation", "user"]
    search_fields = ["generation", "user"]
    search_help_text = "Words of a prompt, a video's full id, or a member's name."
    fields = ["user", "video", "decision", "created_at"]

    @admin.display(description="decision")
    def decision(self, verdict):
        return verdict.get_word_display()


@admin.register(Preset)
class PresetAdmin(CompletedRows, NewestFirst):
    list_title = "Presets"
    list_display = ["name", "owner", "with_team", "providers_in_words", "aspect_ratio", "created_at"]
    list_filter = ["shared", "owner"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__username"]
    search_help_text = "A part of its name, or of a member's."
    fields = ["name", "owner", "with_team", "prompt", "providers_in_words", "aspect_ratio", "settings", "created_at"]
    with_team = yes_no("shared", "shared with the team")

    @admin.display(description="settings")
    def settings(self, preset):
        return in_words(read_config(preset.config))

    def completed(self, rows):
        return with_names(rows)

    def get_object(self, request, object_id, from_field=None):
        preset = super().get_object(request, object_id, from_field)
        return preset and with_names([preset])[0]

    @admin.display(description="providers")
    def providers_in_words(self, preset):
        return ", ".join(preset.names) or NOTHING


def with_names(presets: list[Preset]) -> list[Preset]:
    """Each with the names of its providers; for one that was removed, the remote's name of it."""
    names = dict(Provider.objects.values_list("value", "name"))
    for preset in presets:
        preset.names = [names.get(value, value) for value in preset.providers]
    return presets
