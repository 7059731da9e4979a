"""The admin: what owners find there, what they may do, and what it never shows."""

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from tests.parts.accounts import account
from tests.parts.people import attempt, make_member, signed_in
from tests.parts.saving import completed, save_until_ready
from tests.parts.studio import PASSWORD
from tests.parts.things import make_picture, make_queued, make_ready, make_running, make_saving
from videos.models import (
    Generation,
    LedgerEntry,
    OneTimeLink,
    ProcessLock,
    Provider,
    PublicLink,
    RemoteAccount,
    SavedVideo,
)
from videos.remotes.base import Image

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


def test_a_member_finds_no_admin(member):
    assert signed_in(member).get("/admin/").status_code == 404


def test_somebody_marked_as_staff_but_not_as_owner_finds_no_admin(member):
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
        names = [one if isinstance(one, str) else one[0] for one in listed.list_filter]
        assert names or model in (RemoteAccount, ProcessLock), model


def test_a_generation_leads_to_its_viewer_where_the_owner_may_look(admins, owner, member):
    mine, private = make_queued(owner, token="one"), make_queued(member, token="two")
    shared = make_queued(member, token="three")
    shared.share_with_team(True)
    page = admins.get("/admin/videos/generation/").content.decode()
    assert f'href="/g/{mine.public_id}"' in page and f'href="/g/{shared.public_id}"' in page
    assert f"/g/{private.public_id}" not in page


def test_a_list_asks_the_database_as_often_for_many_rows_as_for_few(admins, member):
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
    picture = make_picture(member)
    picture.remote_copy("heygen_workflows").remember(Image(asset_id="asset-1", address=f"{SECRETS}&of=picture"))
    generation = make_saving(member, start_frame=picture, end_frame_url=f"{SECRETS}&of=frame")
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
    rows = [generation, picture, link, one_time, ProcessLock.objects.get(), generation.batch, account()]
    for row in rows:
        base = f"/admin/videos/{row._meta.model_name}/"
        for path in (base, f"{base}{row.pk}/change/", f"{base}{row.pk}/history/"):
            page = admins.get(path)
            assert page.status_code == 200, path
            for secret in hidden:
                assert secret not in page.content.decode(), (path, secret)


def test_what_is_queued_is_cancelled_and_what_was_sent_is_left_alone(admins, member):
    queued, running = make_queued(member, token="one"), make_running(member, token="two")
    said = act(admins, "generation", "cancel", queued, running)
    assert said == [
        "1 cancelled; what was held for them is given back.",
        "1 left as they were: they were sent already.",
    ]
    queued.refresh_from_db()
    running.refresh_from_db()
    assert (queued.status, running.status) == ("cancelled", "running")


def test_what_was_no_longer_waited_for_is_checked_again(admins, member):
    generation = make_running(member)
    generation.stop_waiting()
    assert act(admins, "generation", "check_again", generation) == ["1 followed again."]
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
def test_a_saved_copy_that_heygen_has_no_more_stays_as_it_is(admins, owner, remote):
    generation = save_until_ready(completed(remote, owner)[0])
    remote.clear()
    [said] = act(admins, "generation", "fetch_again", generation)
    assert said == "1 left as they were: HeyGen has it no more; only a backup has it."
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


def test_where_a_row_stands_cannot_be_typed_in(admins, member):
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
    assert act(admins, "remoteaccount", "resume", found) == ["Sending goes on."]
    assert [row.func() for row in OrmQ.objects.all()] == ["videos.tasks.check_account"]
    found.refresh_from_db()
    assert not found.paused


def test_a_public_link_is_revoked(admins, member):
    link = PublicLink.objects.create(generation=make_ready(member))
    assert act(admins, "publiclink", "revoke", link) == ["1 revoked: nobody can watch there any more."]
    assert not PublicLink.objects.open().exists()


def test_a_member_made_owner_here_may_come_in_and_one_made_member_may_not(admins, member):
    fields = {"username": "member", "is_active": "on", "is_superuser": "on"}
    assert admins.post(f"/admin/auth/user/{member.pk}/change/", fields).status_code == 302
    assert signed_in(member).get("/admin/").status_code == 200
    del fields["is_superuser"]
    admins.post(f"/admin/auth/user/{member.pk}/change/", fields)
    assert signed_in(member).get("/admin/").status_code == 404


def test_a_member_deactivated_here_is_out_at_once(admins, member):
    browser = signed_in(member)
    OneTimeLink.objects.issue(OneTimeLink.Purpose.INVITE, member)
    admins.post(f"/admin/auth/user/{member.pk}/change/", {"username": "member"})
    assert browser.get("/account").status_code == 302
    assert not OneTimeLink.objects.open().exists()


def test_an_owner_cannot_take_their_own_role_away(admins, owner):
    admins.post(f"/admin/auth/user/{owner.pk}/change/", {"username": "owner"})
    owner.refresh_from_db()
    assert owner.is_active and owner.is_superuser


def test_a_member_made_in_the_admin_signs_in(admins, client):
    fields = {"username": "nina", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    assert admins.post("/admin/auth/user/add/", fields).status_code == 302
    assert attempt(client, "nina").status_code == 302


def test_signing_out_of_the_admin_leads_to_the_login(admins):
    assert admins.post("/admin/logout/").url == "/login"
    assert admins.get("/admin/").status_code == 302
