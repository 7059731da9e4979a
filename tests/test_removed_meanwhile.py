"""A row may be gone at any moment: the trash is emptied in another tab. Then it is 404, and never a fault."""

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection
from django.urls import get_resolver, reverse

from tests.parts.generations import make, make_queued
from tests.parts.people import make_owner, signed_in
from videos.models import Collection, Comment, Favourite, Generation, ReviewLink

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
NAMES = sorted(
    name
    for name in get_resolver().reverse_dict
    if isinstance(name, str) and get_resolver().reverse_dict.getlist(name)[0][0][0][1] == ["public_id"]
)
FIELDS = {"token": "a-form-token-0123456789", "remote_id": "node-gw-v1d2e3o4", "shared": "1", "favourite": "1"}
MAX_QUERIES = 40


class RemovedAfter:
    """Empties the trash for good after so many queries, as another tab does between two transactions."""

    def __init__(self, generation, queries):
        self.pk, self.left, self.is_done = generation.pk, queries, False

    def __call__(self, execute, sql, params, many, context):
        self.left -= 1
        is_between = not connection.in_atomic_block and not sql.startswith("BEGIN")
        if self.left < 0 and not self.is_done and is_between:
            self.is_done = True
            Generation.objects.filter(pk=self.pk).update(status="failed", trashed_at="2026-01-01T00:00Z")
            Generation.objects.get(pk=self.pk).remove_for_good()
        return execute(sql, params, many, context)


def statuses(client, method, address, make_one, fields):
    """What the route answers when its row vanishes after each of its queries."""
    for queries in range(1, MAX_QUERIES):
        generation = make_one()
        removed = RemovedAfter(generation, queries)
        with connection.execute_wrapper(removed):
            answer = getattr(client, method)(address(generation), fields, headers={"HX-Request": "true"})
            if answer.streaming:
                b"".join(answer.streaming_content)
        if not removed.is_done:
            return
        yield queries, answer.status_code


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_every_request_about_a_row_that_vanishes_is_answered(name, method):
    owner = make_owner()
    client = signed_in(owner)
    client.raise_request_exception = False
    state = {"cancel": "queued", "stop": "running", "found": "unknown", "not_made": "unknown", "another": "unknown"}

    def make_one():
        return make(owner, status=state.get(name, "failed" if name == "retry" else "ready"))[0]

    def address(generation):
        return reverse(name, args=[generation.public_id])

    faults = [
        (queries, status) for queries, status in statuses(client, method, address, make_one, FIELDS) if status >= 500
    ]
    assert faults == []


@pytest.mark.parametrize(
    "operation", ["favourite", "share", "trash", "cancel", "restore", "undo", "compare", "download"]
)
def test_an_action_on_many_continues_with_the_remaining_ones(operation):
    owner = make_owner()
    client = signed_in(owner)
    client.raise_request_exception = False
    [other] = make(owner)

    def make_one():
        return make(owner)[0]

    fields = {"operation": operation, "ids": []}

    def address(generation):
        fields["ids"] = [str(generation.public_id), str(other.public_id)]
        return "/selected"

    answers = list(statuses(client, "post", address, make_one, fields))
    assert [status for _, status in answers if status >= 500] == []


def remove_video(clip):
    Generation.objects.filter(pk=clip.generation_id).update(status="failed", trashed_at="2026-01-01T00:00Z")
    assert clip.generation.remove_for_good()


REFERENCES = {
    "a link to a collection": (
        lambda clip: clip.collection.remove_for_good(),
        lambda clip, link, thread: ReviewLink.issue(clip.collection, clip.collection.owner, label="Tern"),
    ),
    "a cover": (remove_video, lambda clip, link, thread: clip.collection.set_cover(clip.generation)),
    "a client's answer": (
        lambda clip: clip.collection.remove([clip.generation]),
        lambda clip, link, thread: link.answer(clip, "approved", "Maya"),
    ),
    "a comment": (
        remove_video,
        lambda clip, link, thread: Comment.objects.write(clip, author=None, name="Maya", text="Wider"),
    ),
    "a reply": (
        lambda clip: clip.comments.all().delete(),
        lambda clip, link, thread: Comment.objects.write(clip, author=None, name="Maya", text="No", parent=thread),
    ),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_nothing_refers_to_what_was_just_removed(name):
    remove, refer = REFERENCES[name]
    owner = make_owner()
    collection = Collection.objects.make(owner, "Autumn launch")
    collection.add([make_queued(owner)], owner)
    [clip] = collection.clips.select_related("collection", "generation")
    ReviewLink.issue(collection, owner, label="Tern")
    [link] = collection.links.all()
    thread = Comment.objects.write(clip, author=owner, name="owner", text="Wider")
    remove(clip)
    with pytest.raises(ObjectDoesNotExist):
        refer(clip, link, thread)


def test_a_link_covers_the_chosen_clips_that_are_left():
    owner = make_owner()
    collection = Collection.objects.make(owner, "Autumn launch")
    collection.add([make_queued(owner), make_queued(owner)], owner)
    gone, left = chosen = list(collection.clips.in_order())
    collection.remove([gone.generation])
    ReviewLink.issue(collection, owner, label="Tern", clips=chosen)
    assert list(collection.links.get().clips.all()) == [left]


def test_a_reference_that_the_database_refuses_is_a_page_about_something_removed(monkeypatch):
    owner = make_owner()
    generation = make_queued(owner)

    def star_a_removed_one(generation, favourite, user=None):
        Favourite.objects.create(user=user, generation_id=-1)

    monkeypatch.setattr(Generation, "mark_favourite", star_a_removed_one)
    answer = signed_in(owner).post(f"/g/{generation.public_id}/favourite", {"favourite": "1"}, HTTP_HX_REQUEST="true")
    assert (answer.status_code, answer.content) == (404, b"This was removed.")
