"""Prepared queries: Django makes their SQL once, and the database is asked each time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.parts.generations import make
from tests.parts.people import make_member, make_owner, signed_in
from videos.models import (
    Alarm,
    Budget,
    Collection,
    Generation,
    Job,
    LedgerEntry,
    PersonalNote,
    Picture,
    Preferences,
    ProcessLock,
    Provider,
    ProviderPrice,
    RemoteAccount,
    ReviewLink,
    StudioFault,
    Verdict,
)
from videos.models.bounded import Count
from videos.models.favourite import Favourite
from videos.models.generation_due import due_times, occupation_times
from videos.models.prepared import prepared
from videos.models.whole_gallery import WholeGallery

pytestmark = pytest.mark.django_db
LIMITED = {"first_occupying", "first_to_repeat", "first_to_send"}


@pytest.fixture
def owner():
    return make_owner()


def every_one(user, pks):
    """Each prepared query, with values of its kind."""
    now = timezone.now()
    batches = list(Generation.objects.values_list("batch_id", flat=True).distinct())
    return [
        (Alarm.objects.first_seen_since, now - timedelta(hours=1), now - timedelta(days=1), ["disk", "backup"]),
        (Budget.objects.that_may_bind, user),
        (Collection.objects.newest_for, user),
        (Favourite.objects.starred, user, pks),
        (Generation.objects.first_in_queue, user),
        (Generation.objects.first_occupying, "heygen_workflows", *occupation_times(now)),
        (Generation.objects.first_to_repeat, "heygen_models", "digest", now - timedelta(hours=1), now, *due_times(now)),
        (Generation.objects.first_to_send, "heygen_workflows", *due_times(now)),
        (Generation.objects.newest_prompts, user),
        (Generation.objects.rows_on_cards, pks),
        (Generation.objects.own_saved, user),
        (Generation.objects.shared_above, user),
        (Generation.objects.shared_and_saved,),
        (Generation.objects.shared_below, user),
        (Generation.objects.kept_stack_rows, user, batches),
        (Generation.objects.row_of, pks[0]),
        (Generation.objects.with_everything_of, pks[0]),
        (LedgerEntry.objects.lines_of, pks[0]),
        (PersonalNote.objects.first_rated, user),
        (PersonalNote.objects.titled, user, pks),
        (Picture.objects.first_of, user),
        (Preferences.objects.row_of, user),
        (ProcessLock.objects.times_of, "poller"),
        (Provider.objects.active,),
        (Provider.objects.names,),
        (Provider.objects.of_keys, [1, 3]),
        (Provider.objects.rows_offered,),
        (ProviderPrice.objects.of_all, [1, 2, 3, 4]),
        (RemoteAccount.objects.of_backends, ["heygen_workflows", "heygen_models"]),
        (RemoteAccount.objects.locked, "heygen_workflows"),
        (ReviewLink.objects.with_news_for, user),
        (StudioFault.objects.to_be_shown,),
        (StudioFault.objects.open_of, Job.SENDING),
        (Verdict.objects.words_on, user, pks),
        (Verdict.objects.words_within, user, batches),
    ]


def test_each_gives_the_same_rows_as_the_query_it_was_made_from(owner):
    member, now = make_member(), timezone.now()
    pks = [one.pk for one in make(owner, "A dune", count=3) + make(member, "Fog", count=2, shared=True)]
    Alarm.objects.set_off(Alarm.Kind.DISK, "here", "The disk is full.")
    Budget.objects.create(scope="studio", videos_per_day=5)
    Collection.objects.make(owner, "Film")
    ProcessLock.objects.create(name="poller", seen_at=now)
    Preferences.objects.keep(owner, density="large")
    PersonalNote.objects.write(owner, Generation.objects.get(pk=pks[0]), title="First", rating=4)
    Verdict.objects.decide(owner, Generation.objects.get(pk=pks[1]), Verdict.Word.KEPT)
    Favourite.objects.create(user=owner, generation_id=pks[2])
    for user in (owner, member, owner):
        for query, *values in every_one(user, pks):
            rows = query.__self__.get_queryset()
            limit = {"limit": 3} if query.__name__ in LIMITED else {}
            made_from = getattr(type(rows), query.__name__).__wrapped__
            assert query(*values, **limit) == list(made_from(rows, *values, **limit)), query


def test_rows_that_another_process_changed_are_seen_by_the_next_page(owner):
    client = signed_in(owner)
    assert b"Veo 9" not in client.get("/").content
    with connection.cursor() as cursor:  # nothing of this process knows
        cursor.execute("UPDATE videos_provider SET name = 'Veo 9' WHERE value = 'veo_3_1'")
    page = client.get("/").content.decode()
    assert page.count("Veo 9") >= 3  # the filter, the list of models, and the button


def test_a_notice_a_budget_and_a_collection_are_on_the_next_page(owner):
    client = signed_in(owner)
    client.get("/")
    Alarm.objects.set_off(Alarm.Kind.DISK, "here", "Hardly any space is left.")
    Budget.objects.create(scope="studio", videos_per_day=7)
    Collection.objects.make(owner, "Storm and dunes")
    page = client.get("/").content.decode()
    assert "Hardly any space is left." in page
    assert "7 of 7 videos left today" in page
    assert "Storm and dunes" in page
    Alarm.objects.end(Alarm.Kind.DISK, "here")
    assert "Hardly any space is left." not in client.get("/").content.decode()


def test_each_person_gets_their_own_rows(owner):
    member = make_member()
    make(owner, "The owner's dune")
    make(member, "The member's fog", count=2)
    assert Generation.objects.newest_prompts(owner) == ["The owner's dune"]
    assert set(Generation.objects.newest_prompts(member)) == {"The member's fog"}
    assert WholeGallery(owner).tab_counts()["all"] == Count(1)
    assert WholeGallery(member).tab_counts()["all"] == Count(2)
    for person in (owner, member):
        rows = Generation.objects.visible_to(person)
        assert WholeGallery(person).tab_counts() == rows.tab_counts(person)


def test_the_whole_gallery_shows_what_its_rows_show_without_the_trash(owner):
    make(owner, "Three of a click", count=3)
    make(make_member(), "Shown by another", shared=True)
    make(make_member("third"), "Kept private")
    make(owner, "In the trash")[0].move_to_trash()
    rows, whole = Generation.objects.visible_to(owner).kept(), WholeGallery(owner)
    for newest in (True, False):
        assert whole.newest_batches(owner, 3, newest) == rows.newest_batches(owner, 3, newest)
        assert whole.newest_batches(owner, 300, newest) == rows.newest_batches(owner, 300, newest)
    batches = list(Generation.objects.values_list("batch_id", flat=True))
    assert sorted(whole.stack_rows(batches)) == sorted(rows.stack_rows(batches))
    assert len(whole.stack_rows(batches)) == 4


def test_lists_of_any_length_are_taken_also_an_empty_one(owner):
    pks = [one.pk for one in make(owner, "A dune", count=4)]
    for count in (2, 4, 1, 0, 3):
        assert {one.pk for one in Generation.objects.on_cards(pks[:count])} == set(pks[:count])


def test_its_sql_is_the_same_text_the_second_time_and_the_database_is_asked_again(owner):
    pks = [one.pk for one in make(owner, "A dune", count=2)]
    with CaptureQueriesContext(connection) as made:
        Verdict.objects.words(owner, pks)
        Verdict.objects.words(owner, pks)
    assert len(made.captured_queries) == 2
    assert made.captured_queries[0]["sql"] == made.captured_queries[1]["sql"]


def test_it_accepts_only_numbers_texts_times_and_rows(owner):
    for value in (None, True, 1.5, [None]):
        with pytest.raises(TypeError):
            ProcessLock.objects.times_of(value)


def test_querysets_that_were_already_filtered_are_refused(owner):
    with pytest.raises(TypeError, match="begins with all rows"):
        Generation.objects.filter(shared=True).newest_prompts(owner)
    with pytest.raises(TypeError, match="begins with all rows"):
        owner.generations.newest_prompts(owner)


def test_a_value_that_would_not_be_passed_unchanged_is_refused():
    @prepared
    def one_more(rows, number):
        return rows.filter(pk=number + 1000)

    with pytest.raises(ValueError, match="unchanged"):
        one_more(Generation.objects.all(), 1)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_threads_that_ask_at_once_get_their_own_rows():
    owner, member = make_owner(), make_member()
    make(owner, "Dune")
    make(member, "Fog")
    words = {owner: ["Dune"], member: ["Fog"]}

    def ask(person):
        try:
            return all(Generation.objects.newest_prompts(person) == words[person] for _ in range(50))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(ask, [owner, member] * 4))
