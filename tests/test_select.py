"""Actions on many videos at once."""

import io
import uuid
import zipfile

import pytest

from tests.parts.clicks import HTMX, click_selected
from tests.parts.generations import make
from tests.parts.people import make_member, signed_in
from videos.models import Generation

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner):
    return signed_in(owner)


def do(client, operation, generations, htmx=False, **more):
    return click_selected(client, operation, generations, HTMX if htmx else None, **more)


def test_many_go_to_the_trash_and_come_back(client, owner):
    made = make(owner, count=3)
    answer = do(client, "trash", made, htmx=True).content.decode()
    assert "3 videos are in the trash for 30 days." in answer
    assert answer.count("data-gone") == 3
    assert Generation.objects.trashed().count() == 3
    answer = do(client, "undo", made, htmx=True).content.decode()
    assert answer.count("<article") == 3
    assert not Generation.objects.trashed().exists()


def test_an_undo_brings_back_only_what_it_took(client, owner):
    [before] = make(owner, trashed_at="2026-01-01T00:00:00Z")
    made = make(owner, count=2)
    answer = do(client, "trash", [before, *made], htmx=True).content.decode()
    assert str(before.public_id) not in answer


def test_the_trash_can_be_emptied_with_its_files_except_for_videos_in_progress(client, owner):
    [kept] = make(owner)
    gone = make(owner, count=2, trashed_at="2026-01-01T00:00:00Z")
    [unsettled] = make(owner, status="unknown", trashed_at="2026-01-01T00:00:00Z")
    [other] = make(make_member("mia"), trashed_at="2026-01-01T00:00:00Z")
    assert "Remove for good" in client.get("/?state=trash").content.decode()
    answer = client.post("/trash/empty", follow=True).content.decode()
    assert "2 videos are removed for good." in answer
    assert set(Generation.objects.all()) == {kept, unsettled, other}
    assert Generation.objects.filter(pk__in=[row.pk for row in gone]).count() == 0


def test_videos_in_progress_or_unresolved_are_not_trashed(client, owner):
    made = make(owner, "ready") + make(owner, "running", "running") + make(owner, "open", "unknown")
    do(client, "trash", made)
    for generation in made[1:]:
        client.post(f"/g/{generation.public_id}/trash")
    assert Generation.objects.trashed().get().prompt == "ready"


def test_a_video_restored_meanwhile_is_not_removed_for_good(owner):
    [generation] = make(owner, trashed_at="2026-01-01T00:00:00Z")
    [seen_before] = Generation.objects.removable()
    generation.restore()
    assert not seen_before.remove_for_good()
    assert Generation.objects.get().saved_video.file.storage.exists(generation.saved_video.file.name)


def test_favourite_and_share_turn_on_for_all_and_off_when_all_have_it(client, owner):
    made = make(owner, count=2)
    made[0].mark_favourite(True)
    for operation, marked in (("favourite", {"favourites__user": owner}), ("share", {"shared": True})):
        do(client, operation, made)
        assert Generation.objects.filter(**marked).count() == 2
        do(client, operation, made)
        assert not Generation.objects.filter(**marked).exists()


def test_nobody_decides_about_the_videos_of_others_even_shared_ones(owner):
    [generation] = make(owner, shared=True)
    member = signed_in(make_member())
    for operation in ("trash", "cancel", "share", "restore"):
        do(member, operation, [generation])
    generation.refresh_from_db()
    assert (generation.trashed_at, generation.status, generation.shared) == (None, "ready", True)


def test_the_archive_has_the_exact_bytes_under_distinct_names(client, owner):
    made = make(owner, "the same words", count=3)
    response = do(client, "download", made, clean="1")
    assert response.streaming
    content = b"".join(response.streaming_content)
    assert int(response["Content-Length"]) == len(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [name for name in archive.namelist() if name != "contents.csv"]
        assert len(set(names)) == 3
        assert all(name.startswith("the same words") and name.endswith(".mp4") for name in names)
        with made[0].saved_video.file.open() as file:
            assert archive.read(names[0]) == file.read()


def test_the_archive_leaves_out_what_is_not_saved_or_not_visible(client, owner):
    other = make(make_member(), "theirs")
    response = do(client, "download", make(owner, "mine") + make(owner, status="failed") + other)
    with zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))) as archive:
        assert [name[:4] for name in archive.namelist()] == ["mine", "cont"]
    assert do(client, "download", other).status_code == 302


def test_compare_leads_to_the_chosen_ones(client, owner):
    made = make(owner, count=2)
    response = do(client, "compare", made)
    assert response.status_code == 302
    assert all(str(generation.public_id) in response.url for generation in made)


@pytest.mark.parametrize(
    "data", [{}, {"operation": "trash"}, {"operation": "nonsense", "ids": "x"}, {"ids": ["", "\0", "1" * 900]}]
)
def test_nonsense_changes_nothing_and_is_no_error(client, owner, data):
    make(owner)
    assert client.post("/selected", data).status_code == 302
    assert client.post("/selected", data, headers=HTMX).status_code == 200
    assert not Generation.objects.trashed().exists()


def test_the_form_leads_back_to_its_list_and_never_to_another_site(client, owner):
    made = make(owner)
    assert do(client, "favourite", made, next="/?state=ready").url == "/?state=ready"
    assert do(client, "favourite", made, next="https://elsewhere.example/").url == "/"
    assert do(client, "favourite", made, next="//elsewhere.example/").url == "/"


def test_unknown_ids_are_ignored(client, owner):
    made = make(owner)
    client.post("/selected", {"operation": "trash", "ids": [str(uuid.uuid4()), str(made[0].public_id)]})
    assert Generation.objects.trashed().count() == 1


def test_the_trash_says_how_much_it_holds(client, owner):
    [generation] = make(owner)
    generation.move_to_trash()
    assert "kB in the trash" in client.get("/?state=trash").content.decode()


def test_more_than_are_taken_at_once_is_said_after_the_action(client, owner, monkeypatch):
    made = make(owner, count=3)
    monkeypatch.setattr("videos.views.selection_actions.MAX_SELECTED", 2)
    monkeypatch.setattr("videos.views.selection_actions.CUT", "Only the newest 2 were taken.")
    answer = do(client, "favourite", made, htmx=True).content.decode()
    assert "Only the newest 2 were taken." in answer
    assert set(Generation.objects.filter(favourites__user=owner)) == set(made[1:])
    assert "Only the newest" not in do(client, "favourite", made[1:], htmx=True).content.decode()
