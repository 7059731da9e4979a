"""The admin: what owners see, what they can do, and what it never shows."""

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.files.storage import default_storage
from django.db import connection
from django.db.models.signals import pre_save
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ

from tests.parts.accounts import account
from tests.parts.generations import complete, completed, make_queued, make_ready, make_running, make_saving, picture
from tests.parts.people import attempt, make_member, make_owner, signed_in
from tests.parts.saving import save_until_ready
from tests.parts.studio import PASSWORD
from videos.engine.poll_outcomes import judge
from videos.models import (
    Budget,
    Collection,
    Generation,
    LedgerEntry,
    OneTimeLink,
    Preset,
    ProcessLock,
    Provider,
    PublicLink,
    RemoteAccount,
    ReviewLink,
    SavedVideo,
    Verdict,
    bounded,
)
from videos.remotes.base import Image, Progress, State
from videos.remotes.errors import Cause, RemoteError

pytestmark = pytest.mark.django_db
SECRETS = "https://files.example.com/secret-link?signature=0123"


@pytest.fixture
def admins(owner):
    return signed_in(owner)


@pytest.fixture
def member():
    return make_member()


def act(browser, model, action, *rows):
    """Runs `action` on `rows` as the list of `model` does, and returns the sentences that follow."""
    path = f"/admin/videos/{model}/"
    fields = {"action": action, "_selected_action": [row.pk for row in rows]}
    answer = browser.post(path, fields, follow=True)
    assert answer.status_code == 200
    return [str(message) for message in answer.context["messages"]]


def make_failed(owner, remote_id, cause, **asked):
    generation = make_running(owner, remote_id, **asked)
    complete(generation, Progress(State.FAILED, "failed", failure=RemoteError(cause)))
    return generation


def test_for_a_member_the_admin_does_not_exist(member):
    assert signed_in(member).get("/admin/").status_code == 404


def test_for_somebody_marked_as_staff_but_not_as_owner_the_admin_does_not_exist(member):
    get_user_model().objects.filter(pk=member.pk).update(is_staff=True)
    assert signed_in(member).get("/admin/").status_code == 404


def test_a_stranger_signs_in_at_the_studio_and_comes_back(client, owner):
    answer = client.get("/admin/videos/generation/", follow=True)
    assert answer.request["PATH_INFO"] == "/login"
    assert client.post("/login", {"username": "owner", "password": PASSWORD, "next": answer.context["next"]}).url == (
        "/admin/videos/generation/"
    )


def test_generations_are_listed_filtered_and_searched(admins, member):
    make_queued(member, "a lighthouse in fog", token="one")
    make_ready(member, prompt="a tiger in snow", token="two")
    page = admins.get("/admin/videos/generation/").content.decode()
    assert "a lighthouse in fog" in page and "a tiger in snow" in page and "Queued" in page and "Ready" in page
    found = admins.get("/admin/videos/generation/?q=tiger").content.decode()
    assert "a tiger in snow" in found and "a lighthouse in fog" not in found
    queued = admins.get("/admin/videos/generation/?status__exact=queued").content.decode()
    assert "a lighthouse in fog" in queued and "a tiger in snow" not in queued
    assert "a tiger in snow" in admins.get("/admin/videos/generation/?q=node-gw-1").content.decode()


def test_every_list_can_be_searched_and_filtered(admins):
    for model, listed in admin.site._registry.items():
        if model._meta.app_label != "videos":
            continue
        assert listed.list_display != ("__str__",), model
        path = f"/admin/videos/{model._meta.model_name}/"
        assert admins.get(f"{path}?q=fog").status_code == 200
        assert listed.list_filter or model in (RemoteAccount, ProcessLock, SavedVideo), model


def test_a_generation_links_to_its_viewer_if_the_owner_may_see_it(admins, owner, member):
    mine, private = make_queued(owner, token="one"), make_queued(member, token="two")
    shared = make_queued(member, token="three")
    shared.share_with_team(True)
    for generation, may_look in ((mine, True), (shared, True), (private, False)):
        page = admins.get(f"/admin/videos/generation/{generation.pk}/change/").content.decode()
        assert (f'href="/g/{generation.public_id}"' in page) == may_look


def test_a_list_needs_as_many_queries_for_many_rows_as_for_few(admins, member):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as captured:
            admins.get("/admin/videos/generation/")
        return len(captured)

    make_ready(member, "node-gw-0", token="0")
    admins.get("/admin/videos/generation/")
    few = queries()
    for number in range(1, 12):
        make_ready(member, f"node-gw-{number}", token=str(number))
    assert queries() == few


def test_no_link_token_or_lease_is_on_any_page(admins, owner, member):
    frame = picture(by=member)
    frame.remote_copy("heygen_workflows").remember(Image(asset_id="asset-1", address=f"{SECRETS}&of=picture"))
    generation = make_saving(member, start_frame=frame, end_frame_url=f"{SECRETS}&of=frame")
    Generation.objects.filter(pk=generation.pk).update(video_url=f"{SECRETS}&of=video")
    sending = Generation.objects.claim_to_save(generation.pk)
    link = PublicLink.objects.create(generation=generation)
    token = OneTimeLink.objects.issue("invite", owner)
    slot_token = ProcessLock.objects.acquire("poller", 30)
    one_time = OneTimeLink.objects.get()
    hidden = [
        "signature=",
        link.token,
        token,
        one_time.token_digest,
        str(slot_token),
        str(sending.lease_token),
        generation.batch.form_token,
    ]
    rows = [generation, frame, link, one_time, ProcessLock.objects.get(), generation.batch, account()]
    for row in rows:
        base = f"/admin/videos/{row._meta.model_name}/"
        for path in (base, f"{base}{row.pk}/change/", f"{base}{row.pk}/history/"):
            page = admins.get(path)
            assert page.status_code == 200, path
            for secret in hidden:
                assert secret not in page.content.decode(), (path, secret)


def test_queued_generations_are_cancelled_and_sent_ones_left_alone(admins, member):
    queued, running = make_queued(member, token="one"), make_running(member, token="two")
    said = act(admins, "generation", "cancel", queued, running)
    assert said == [
        "1 cancelled; what was held is back in the budget.",
        "1 left as they were: they were sent already.",
    ]
    queued.refresh_from_db()
    running.refresh_from_db()
    assert (queued.status, running.status) == ("cancelled", "running")


def test_a_stopped_generation_is_checked_again(admins, member):
    generation = make_running(member)
    generation.stop_waiting()
    assert act(admins, "generation", "check_again", generation) == ["1 polled again."]
    generation.refresh_from_db()
    assert generation.status == "running"


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize("model", ["generation", "savedvideo"])
def test_a_saved_copy_is_fetched_again_and_the_old_one_is_set_aside(admins, owner, remote, model):
    generation = save_until_ready(completed(remote, owner)[0])
    row, name = (generation if model == "generation" else SavedVideo.objects.get()), generation.saved_video.file.name
    assert act(admins, model, "fetch_again", row) == ["1 fetched again from the remote, at no cost."]
    assert Generation.objects.get().status == "saving"
    assert default_storage.exists(f"lost-and-found/{name}")
    save_until_ready(Generation.objects.get())


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_saved_copy_that_heygen_no_longer_has_stays_unchanged(admins, owner, remote):
    generation = save_until_ready(completed(remote, owner)[0])
    remote.clear()
    [said] = act(admins, "generation", "fetch_again", generation)
    assert said == "1 left as they were: HeyGen no longer has it; only a backup has it."
    assert Generation.objects.get().status == "ready"
    assert default_storage.exists(generation.saved_video.file.name)


def test_a_provider_is_paused_resumed_and_retired(admins):
    provider = Provider.objects.get(value="veo_3_1")
    for action, state in (("pause", "paused"), ("resume", "active"), ("retire", "retired")):
        act(admins, "provider", action, provider)
        provider.refresh_from_db()
        assert provider.state == state


def test_a_new_provider_is_added_with_no_new_code(admins):
    fields = {
        "value": "new_model_1",
        "name": "New model",
        "family": "New",
        "position": 200,
        "ratios": '["16:9"]',
        "seconds": "[5]",
        "start_frame": "yes",
        "end_frame": "no",
        "config_keys": "[]",
        "price_unit": "video",
        "currency": "USD",
        "prices-TOTAL_FORMS": 0,
        "prices-INITIAL_FORMS": 0,
    }
    assert admins.post("/admin/videos/provider/add/", fields).status_code == 302
    assert Provider.objects.get(value="new_model_1").is_active


def test_the_state_of_a_row_cannot_be_typed_in(admins, member):
    generation, provider = make_queued(member), Provider.objects.get(value="veo_3_1")
    answer = admins.post(f"/admin/videos/generation/{generation.pk}/change/", {"status": "ready", "prompt": "changed"})
    assert answer.status_code == 403
    page = admins.get(f"/admin/videos/provider/{provider.pk}/change/").content.decode()
    assert 'name="state"' not in page and 'name="value"' not in page
    generation.refresh_from_db()
    assert (generation.status, generation.prompt) == ("queued", "a lighthouse in fog")


def test_the_ledger_is_only_read(admins, member):
    entry = make_queued(member).ledger.get()
    assert admins.get(f"/admin/videos/ledgerentry/{entry.pk}/change/").status_code == 200
    assert admins.post(f"/admin/videos/ledgerentry/{entry.pk}/change/", {"videos": 9}).status_code == 403
    assert admins.post(f"/admin/videos/ledgerentry/{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    act(admins, "ledgerentry", "delete_selected", entry)
    assert LedgerEntry.objects.count() == 1


def test_sending_is_paused_and_resumed(admins):
    found = account()
    act(admins, "remoteaccount", "pause", found)
    found.refresh_from_db()
    assert (found.paused, found.pause_reason) == (True, "owner paused sending.")
    assert act(admins, "remoteaccount", "resume", found) == ["Sending continues."]
    assert [row.func() for row in OrmQ.objects.all()] == ["videos.tasks.check_account"]
    found.refresh_from_db()
    assert not found.paused


def test_a_public_link_is_revoked(admins, member):
    link = PublicLink.objects.create(generation=make_ready(member))
    assert act(admins, "publiclink", "revoke", link) == ["1 revoked: nobody can watch there any more."]
    assert not PublicLink.objects.open().exists()


def test_a_member_made_owner_here_can_open_the_admin_and_one_made_member_cannot(admins, member):
    fields = {"username": "member", "is_active": "on", "role": "owner"}
    assert admins.post(f"/admin/auth/user/{member.pk}/change/", fields).status_code == 302
    assert signed_in(member).get("/admin/").status_code == 200
    admins.post(f"/admin/auth/user/{member.pk}/change/", {**fields, "role": "member"})
    assert signed_in(member).get("/admin/").status_code == 404


def test_a_member_deactivated_here_is_out_at_once(admins, member):
    browser = signed_in(member)
    OneTimeLink.objects.issue(OneTimeLink.Purpose.INVITE, member)
    admins.post(f"/admin/auth/user/{member.pk}/change/", {"username": "member"})
    assert browser.get("/account").status_code == 302
    assert not OneTimeLink.objects.open().exists()


def test_an_owner_cannot_take_their_own_role_away(admins, owner):
    make_owner("another")  # or the rule about the last owner would refuse it
    for fields in ({}, {"role": "member"}, {"is_active": ""}):
        admins.post(f"/admin/auth/user/{owner.pk}/change/", {"username": "owner", **fields})
        owner.refresh_from_db()
        assert owner.is_active and owner.is_superuser


def test_a_member_made_in_the_admin_signs_in(admins, client):
    fields = {"username": "nina", "password1": PASSWORD, "password2": PASSWORD}
    assert admins.post("/admin/auth/user/add/", fields).status_code == 302
    assert attempt(client, "nina").status_code == 302


def test_signing_out_of_the_admin_leads_to_the_login(admins):
    assert admins.post("/admin/logout/").url == "/login"
    assert admins.get("/admin/").status_code == 302


def test_the_page_of_a_generation_says_how_long_the_trash_keeps_it(admins, member, settings):
    settings.TRASH_DAYS = 3
    page = admins.get(f"/admin/videos/generation/{make_ready(member).pk}/change/").content.decode()
    assert "Its owner can restore it for 3 days." in page


def test_a_provider_that_is_edited_stays_paused_by_another_owner(admins):
    def pause(sender, instance, **kwargs):
        Provider.objects.filter(pk=instance.pk).pause()

    provider = Provider.objects.get(value="veo_3_1")
    pre_save.connect(pause, sender=Provider)
    try:
        path = f"/admin/videos/provider/{provider.pk}/change/"
        assert admins.post(path, provider_form(provider, description="Sharp.")).status_code == 302
    finally:
        pre_save.disconnect(pause, sender=Provider)
    provider.refresh_from_db()
    assert (provider.description, provider.is_active) == ("Sharp.", False)


def test_a_limit_that_is_saved_ends_no_pause_that_the_engine_begins_meanwhile(admins):
    def pause(sender, instance, **kwargs):
        instance.pause("credits")

    row = account()
    pre_save.connect(pause, sender=RemoteAccount)
    try:
        assert admins.post(f"/admin/videos/remoteaccount/{row.pk}/change/", {"max_in_flight": "3"}).status_code == 302
    finally:
        pre_save.disconnect(pause, sender=RemoteAccount)
    assert (account().max_in_flight, account().paused, account().pause_cause) == (3, True, "credits")


# The timeline


def test_the_page_of_a_generation_shows_every_step_to_the_second_with_the_remotes_words(admins, member):
    generation = make_ready(member)
    page = admins.get(f"/admin/videos/generation/{generation.pk}/change/")
    titles = [line.title for line in page.context["lines"]]
    assert titles == [
        "Created by member",
        "Budget held: no price is set",
        "Sending",
        "HeyGen accepted it",
        "Counted as spent",
        "Polled once",
        "HeyGen reports it as completed",
        "Saved",
    ]
    html = page.content.decode()
    assert "<code>node-gw-1</code>" in html and f"{generation.created_at:%H:%M:%S}" in html


def test_polls_are_folded_into_one_line_that_counts_each_answer(admins, member):
    generation = make_running(member)
    for word in ("queued", "queued", "rendering", "rendering", "rendering"):
        Generation.objects.filter(pk=generation.pk).update(due_at=timezone.now(), lease_token=None)
        [poll] = Generation.objects.claim_due_polls(timezone.now(), 1)
        outcome = judge(poll, Progress(State.RUNNING, word), timezone.now())
        Generation.objects.record_outcomes([outcome])
    page = admins.get(f"/admin/videos/generation/{generation.pk}/change/")
    [folded] = [line for line in page.context["lines"] if line.polls]
    assert (folded.title, folded.detail) == ("Polled 5 times", "Queued twice, rendering 3 times")


def test_sentences_of_polls_are_folded_without_their_full_stops_and_one_phase_is_no_bar(admins, member):
    generation = make_running(member)
    Generation.objects.filter(pk=generation.pk).update(due_at=timezone.now(), lease_token=None)
    [poll] = Generation.objects.claim_due_polls(timezone.now(), 1)
    error = RemoteError(Cause.NETWORK, "The answer took too long.")
    Generation.objects.record_outcomes([judge(poll, error, timezone.now())])
    page = admins.get(f"/admin/videos/generation/{generation.pk}/change/")
    [folded] = [line for line in page.context["lines"] if line.polls]
    assert (folded.detail, page.context["phases"]) == ("The answer took too long once", [])


def test_problems_are_marked_and_can_be_filtered(admins, member):
    generation = Generation.objects.claim_to_send(make_queued(member).pk)
    assert generation.put_back(generation.lease_token, timedelta(0), "delay.busy", "slow down, please")
    page = admins.get(f"/admin/videos/generation/{generation.pk}/change/?only=problems")
    [line] = page.context["lines"]
    assert (line.tone, line.words) == ("warn", "slow down, please") and line.detail.startswith("HeyGen is busy.")


def test_a_generation_of_an_older_version_has_the_times_that_were_kept(admins, member):
    generation = make_ready(member)
    generation.events.all().delete()
    page = admins.get(f"/admin/videos/generation/{generation.pk}/change/")
    titles = [line.title for line in page.context["lines"]]
    assert [title for title in titles if "udget" not in title and "spent" not in title] == [
        "Created by member",
        "Sending",
        "HeyGen reports it as completed",
        "Saved",
    ]


def test_the_events_are_given_as_json_too(admins, member):
    generation = make_ready(member)
    told = admins.get(f"/admin/videos/generation/{generation.pk}/change/?as=json").json()
    assert [event["step"] for event in told["events"]] == ["created", "sending", "accepted", "completed", "saved"]


def test_each_possible_action_is_offered_with_its_cost_and_leads_back_to_the_page(admins, member):
    generation = make_queued(member)
    path = f"/admin/videos/generation/{generation.pk}/change/"
    assert "What is held is returned to the budget." in admins.get(path).content.decode()
    fields = {"action": "cancel", "_selected_action": generation.pk, "stay": "1"}
    assert admins.post("/admin/videos/generation/", fields).url == path
    assert "Cancelled by owner" in [line.title for line in admins.get(path).context["lines"]]


# The overview


def test_the_overview_shows_health_spend_open_questions_and_failures(admins, member):
    Provider.objects.filter(value="veo_3_1").update(price=Decimal(2))
    Budget.objects.create(scope="studio", money_per_day=120)
    make_ready(member, token="one")
    lost = make_running(member, "node-gw-2", token="two")
    Generation.objects.filter(pk=lost.pk).update(status="unknown", remote_id=None)
    make_failed(member, "node-gw-3", "refused", token="three")
    make_failed(member, "node-gw-4", "fault", token="four")
    page = admins.get("/admin/")
    assert [tile.name for tile in page.context["tiles"]][:5] == ["Worker", "Polls", "Queue", "Disk", "Database"]
    assert (page.context["spend"].today, page.context["spend"].limit) == ("$8.00", "$120.00")
    assert [row.pk for row in page.context["waiting"]] == [lost.pk]
    failures = page.context["failures"]
    assert sorted(failure.title for failure in failures.rows) == ["Generation failed", "Refused by the provider"]
    assert failures.percent_ok == 50  # the refused one does not count against a provider


def test_the_overview_needs_as_many_queries_for_a_long_history_as_for_a_short_one(admins, member):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            admins.get("/admin/")
        return len(captured)

    make_ready(member, "node-gw-0", token="0")
    queries()
    few = queries()
    for number in range(1, 8):
        make_ready(member, f"node-gw-{number}", token=str(number))
    assert queries() == few


def test_a_list_counts_a_thousand_rows_at_most(admins, member, monkeypatch):
    monkeypatch.setattr(bounded, "MAX_COUNTED", 3)
    for number in range(5):
        make_queued(member, token=str(number))
    page = admins.get("/admin/videos/generation/")
    assert page.context["cl"].result_count == 4


# Lists that read as a person would say it


def listed(admins, path):
    """The cells of a list, as text: column → what it says in each row."""
    page = admins.get(f"/admin/{path}").content.decode()
    cells = re.findall(r'<t[dh] class="field-(\w+)[^"]*"[^>]*>(.*?)</t[dh]>', page, re.DOTALL)
    said = {}
    for name, html in cells:
        said.setdefault(name, []).append(" ".join(unescape(re.sub("<[^>]+>", " ", html)).split()))
    return said


def test_a_preset_shows_its_settings(admins, member):
    words = '{"duration": 5, "generate_audio": true}'
    preset = Preset.objects.create(owner=member, name="Tall", aspect_ratio="9:16", config=words)
    page = admins.get(f"/admin/videos/preset/{preset.pk}/change/").content.decode()
    assert "duration 5, generate audio yes" in page


def test_each_budget_shows_what_is_used_and_left(admins, member):
    Provider.objects.filter(value="veo_3_1").update(price=Decimal(2))
    Budget.objects.create(scope="studio", money_per_day=120, in_flight=40)
    Budget.objects.create(scope="each", videos_per_day=20)
    Budget.objects.create(scope="one", user=member, videos_per_day=5, money_per_month=60, in_flight=4)
    make_queued(member, token="one")
    assert listed(admins, "videos/budget/") == {
        "whose": ["All members together", "member", "Each member without a budget of their own"],
        "today": ["$2.00 of $120.00, $118.00 left", "1 of 5 videos, 4 left", "20 videos each"],
        "this_month": ["No limit", "$2.00 of $60.00, $58.00 left", "No limit"],
        "at_once": ["40 videos", "4 videos", "No limit"],
    }


def test_members_are_listed_with_their_spend_and_what_is_left(admins, member):
    Provider.objects.filter(value="veo_3_1").update(price=Decimal(2))
    Budget.objects.create(scope="each", videos_per_day=20, money_per_month=30)
    make_queued(member, token="one")
    said = listed(admins, "auth/user/")
    assert said["username"] == ["member", "owner"]
    assert said["this_month"] == ["$2.00, 1 video", "Nothing"]
    assert said["left"][0] == "1 of 20 videos, 19 left today $2.00 of $30.00, $28.00 left this month"


def test_the_ledger_shows_the_member_the_video_and_the_kind_of_entry(admins, member):
    Provider.objects.filter(value="veo_3_1").update(price=Decimal(2), currency="EUR")
    generation = make_queued(member, "a lighthouse in fog")
    generation.cancel()
    page = admins.get("/admin/videos/ledgerentry/").content.decode()
    assert f'<a href="/admin/videos/generation/{generation.pk}/change/">a lighthouse in fog</a>' in page
    said = listed(admins, "videos/ledgerentry/")
    assert (said["what"], said["sum"]) == (
        ["Returned: it was not made", "Held when it was requested"],
        ["−€2.00", "€2.00"],
    )
    assert said["user"] == ["member", "member"]


def test_reviews_and_verdicts_are_listed_across_members(admins, owner, member):
    generation = make_ready(member, prompt="a tiger in snow")
    collection = Collection.objects.make(member, "Autumn launch")
    collection.add([generation], member)
    collection.clips.get().decide("approved", "Maya Lindqvist")
    ReviewLink.issue(collection, member, label="Tern")
    Verdict.objects.decide(owner, generation, Verdict.Word.KEPT)
    Preset.objects.create(owner=member, name="Tall", aspect_ratio="9:16", providers=["veo_3_1", "gone_1"])
    review = listed(admins, "videos/clip/?q=tiger")
    assert [review[name] for name in ("video", "review", "decided_by")] == [
        ["a tiger in snow"],
        ["Approved"],
        ["Maya Lindqvist"],
    ]
    assert listed(admins, "videos/verdict/?q=owner")["decision"] == ["Kept"]
    assert listed(admins, "videos/preset/")["providers_in_words"] == ["VEO 3.1, gone_1"]
    assert listed(admins, "videos/reviewlink/")["may"] == ["approve, comment"]
    assert act(admins, "reviewlink", "revoke", ReviewLink.objects.get()) == [
        "1 revoked: nobody can open them any more."
    ]
    assert not ReviewLink.objects.open().exists()


@pytest.mark.parametrize("model", ["generation", "ledgerentry", "savedvideo", "publiclink", "clip"])
def test_a_long_list_finds_rows_by_prompt_member_and_whole_id(admins, owner, member, model):
    mine, theirs = make_ready(owner, "node-gw-1", prompt="a lighthouse in fog"), None
    theirs = make_ready(member, "node-gw-2", token="two", prompt="a tiger in snow")
    for generation in (mine, theirs):
        PublicLink.objects.create(generation=generation)
        Collection.objects.make(generation.owner, "Autumn").add([generation], generation.owner)
    column = "asked" if model == "generation" else "video"
    for words in ("tiger", "member", str(theirs.public_id), theirs.public_id.hex, "node-gw-2"):
        found = listed(admins, f"videos/{model}/?q={words}")
        assert set(found[column]) == {"a tiger in snow"}, words
    assert listed(admins, f"videos/{model}/?q=unicorn") == {}


def test_generations_are_filtered_by_cause_owner_and_sharing(admins, owner, member):
    make_failed(member, "node-gw-3", "refused", token="three")
    make_ready(owner, token="four").share_with_team(True)
    trashed = make_ready(member, "node-gw-5", token="five")
    trashed.move_to_trash()
    for query, owners in {
        "cause=refused": ["member"],
        "cause=fault": [],
        f"owner={member.pk}": ["member"],
        "owner=nobody": ["member", "owner", "member"],
        "shared=yes": ["owner"],
        "status__exact=ready": ["member", "owner"],
    }.items():
        assert listed(admins, f"videos/generation/?{query}").get("owner", []) == owners, query


# Providers


def provider_form(provider, **changed):
    """The form as its page shows it, with some fields changed."""
    browser = signed_in(get_user_model().objects.get(username="owner"))
    page = browser.get(f"/admin/videos/provider/{provider.pk}/change/")
    form = page.context["adminform"].form
    fields = {bound.html_name: bound.value() for bound in form if bound.name not in ("ratios", "seconds")}
    fields |= {"ratios": "16:9, 9:16", "seconds": "4, 6, 8"}
    rows = [form.settings, page.context["inline_admin_formsets"][0].formset]
    for formset in rows:
        fields |= {f"{formset.prefix}-{name}": formset.management_form[name].value() for name in MANAGEMENT}
    for row in form.settings:
        fields |= {bound.html_name: shown(bound) for bound in row}
    return {name: value for name, value in {**fields, **changed}.items() if value is not None and value is not False}


def shown(bound):
    return bound.field.prepare_value(bound.value()) if bound.name == "choices" else bound.value()


MANAGEMENT = ("TOTAL_FORMS", "INITIAL_FORMS")


def test_ratios_seconds_and_settings_are_edited_as_lists_and_rows(admins):
    provider = Provider.objects.get(value="veo_3_1")
    before = provider.config_keys
    path = f"/admin/videos/provider/{provider.pk}/change/"
    assert admins.post(path, provider_form(provider)).status_code == 302
    provider.refresh_from_db()
    assert (provider.ratios, provider.seconds, provider.config_keys) == (["16:9", "9:16"], [4, 6, 8], before)
    place = len(before)  # the first empty row
    new = {f"settings-{place}-key": "fps", f"settings-{place}-label": "Frames a second"}
    new |= {f"settings-{place}-type": "integer", f"settings-{place}-choices": "24, 30", "seconds": "2-4, 8"}
    assert admins.post(path, provider_form(provider, **new)).status_code == 302
    provider.refresh_from_db()
    assert provider.seconds == [2, 3, 4, 8]
    fps = {"key": "fps", "label": "Frames a second", "type": "integer", "choices": [24, 30]}
    assert provider.config_keys == [*before, fps]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("ratios", "16:9, wide", "“wide” is not a ratio"),
        ("seconds", "four", "“four” is not a length"),
        ("settings-0-choices", "four, six", "“four” is not a number"),
    ],
)
def test_an_invalid_list_is_reported_and_stays_as_typed(admins, name, value, sentence):
    provider = Provider.objects.get(value="veo_3_1")
    page = admins.post(f"/admin/videos/provider/{provider.pk}/change/", provider_form(provider, **{name: value}))
    html = page.content.decode()
    assert page.status_code == 200 and sentence in html and value in html


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"key": "strength", "type": "number", "default": "nan"}, "“nan” is not a number"),
        ({"key": "strength", "type": "number", "choices": "0.5, inf"}, "“inf” is not a number"),
        ({"key": "duration", "type": "integer"}, "Another row has this name already"),
    ],
)
def test_a_setting_that_cannot_be_stored_or_is_there_already_is_reported_at_its_row(admins, row, sentence):
    provider = Provider.objects.get(value="veo_3_1")
    place = len(provider.config_keys)  # the first empty row
    fields = provider_form(provider, **{f"settings-{place}-{name}": value for name, value in row.items()})
    page = admins.post(f"/admin/videos/provider/{provider.pk}/change/", fields)
    assert page.status_code == 200 and sentence in page.content.decode()


def test_a_provider_is_copied_without_its_remote_name(admins):
    veo = Provider.objects.get(value="veo_3_1")
    form = admins.get(f"/admin/videos/provider/add/?copy={veo.pk}").context["adminform"].form
    assert form["name"].value() == "VEO 3.1 (copy)" and not form["value"].value()
    assert form["ratios"].value() == ", ".join(veo.ratios)
    assert [row["key"].value() for row in form.settings][: len(veo.config_keys)] == [
        key["key"] for key in veo.config_keys
    ]


def test_a_test_shows_its_price_first_and_makes_one_video_however_often_it_is_clicked(admins, owner):
    veo = Provider.objects.get(value="veo_3_1")
    Provider.objects.filter(pk=veo.pk).update(price=Decimal("0.40"), price_unit="second")
    page = admins.get(f"/admin/videos/provider/{veo.pk}/change/")
    assert "Send a test, for $1.60, by your price list" in page.content.decode()
    fields = {"action": "send_test", "_selected_action": veo.pk, "token": page.context["token"]}
    first, second = (admins.post("/admin/videos/provider/", fields).url for _ in range(2))
    generation = Generation.objects.get()
    assert first == second == f"/admin/videos/generation/{generation.pk}/change/"
    assert (generation.owner, generation.estimate) == (owner, Decimal("1.60"))
    Provider.objects.filter(pk=veo.pk).update(seconds=[6])
    assert "this test was sent already" in admins.post("/admin/videos/provider/", fields, follow=True).content.decode()
    assert Generation.objects.count() == 1


# The audit list


def test_what_owners_change_on_their_pages_is_in_the_audit_list(admins, member):
    admins.post("/members/budget/studio", {"videos_per_day": "5", "currency": "USD"})
    admins.post(f"/members/{member.pk}/deactivate")
    told = admins.get("/admin/admin/logentry/").content.decode()
    assert "the budget of all members together: Set to videos per day: 5" in told
    assert "changed member: Deactivated." in told


def test_videos_that_are_removed_for_good_are_in_the_audit_list(admins, owner):
    generation = make_ready(owner)
    generation.move_to_trash()
    admins.post("/trash/empty")
    assert "deleted the trash: 1 video is removed for good." in admins.get("/admin/admin/logentry/").content.decode()
