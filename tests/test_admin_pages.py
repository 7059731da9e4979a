"""How the admin's lists and forms look and read: in words, with dates as elsewhere, and as cards on a phone."""

import re
from html import unescape
from uuid import uuid4

import pytest
from django.utils import timezone
from django_q.models import Failure, OrmQ, Task

from tests.parts.accounts import account
from tests.parts.generations import make, make_queued, make_ready
from tests.parts.people import make_member, signed_in
from tests.test_routes import World, admin_requests
from videos import tasks
from videos.admin.system import JOBS
from videos.models import Budget, Collection, Provider

pytestmark = pytest.mark.django_db


@pytest.fixture
def admins(owner):
    return signed_in(owner)


def words_of(answer):
    """What a person reads on the page, without the menu beside it."""
    [main] = re.findall(r"<main.*?</main>", answer.text, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def test_each_cell_of_a_list_names_its_column_and_says_whether_it_is_empty(admins):
    make_queued(make_member(), "a <b>tern</b> at dawn")
    make_ready(make_member("other"))
    page = admins.get("/admin/videos/generation/").text
    assert re.search(r'<td class="field-owner[^"]*" data-label="Owner">member</td>', page)
    title = r'<th class="field-asked" data-label="Prompt"><a [^>]*>a &lt;b&gt;tern&lt;/b&gt; at dawn</a></th>'
    assert re.search(title, page)
    assert len(re.findall(r'<td class="field-took[^"]*" data-label="Took" data-empty>', page)) == 1
    assert not re.search(r'class="field-(standing|asked_at|cost)[^"]*" data-label="[^"]*" data-empty', page)


def test_an_empty_list_says_so_and_one_without_a_match_leads_back(admins):
    assert "Nothing here yet." in words_of(admins.get("/admin/videos/collection/"))
    assert "Nothing matches. Show everything" in words_of(admins.get("/admin/videos/collection/?q=tern"))


def test_dates_of_the_admin_are_written_as_in_the_rest_of_the_studio(admins, owner):
    collection = Collection.objects.make(owner, "Autumn")
    for path in ("/admin/videos/collection/", f"/admin/videos/collection/{collection.pk}/change/"):
        words = words_of(admins.get(path))
        assert re.search(r"\b\d{1,2} [A-Z][a-z]{2} \d{4}, \d\d:\d\d\b", words)
        assert not re.search(r"[ap]\.m\.", words)


def test_the_history_of_changes_is_offered_for_what_can_be_changed(admins, owner):
    budget = Budget.objects.create(money_per_day=20)
    generation = make_queued(owner)
    collection = Collection.objects.make(owner, "Autumn")
    assert ">History<" in admins.get(f"/admin/videos/budget/{budget.pk}/change/").text
    assert ">History<" not in admins.get(f"/admin/videos/collection/{collection.pk}/change/").text
    assert ">History<" not in admins.get(f"/admin/videos/generation/{generation.pk}/change/").text


def test_what_has_never_been_changed_says_so_in_its_history(admins):
    veo = Provider.objects.get(value="veo_3_1")
    answer = admins.get(f"/admin/videos/provider/{veo.pk}/history/")
    assert "Changes of VEO 3.1 No change of it is in the audit log." in words_of(answer)


def test_a_deletion_names_what_goes_and_can_be_cancelled_without_scripts(admins):
    budget = Budget.objects.create(videos_per_day=20)
    job = failed_job("nightly")
    paths = {
        f"/admin/videos/budget/{budget.pk}/": ("budget", "All members together"),
        f"/admin/django_q/failure/{job.pk}/": ("failed job", JOBS["nightly"]),
    }
    for path, (kind, name) in paths.items():
        answer = admins.get(f"{path}delete/")
        assert f"Delete this {kind}? “{name}” will be gone. This cannot be undone." in unescape(words_of(answer))
        assert f'href="{path}change/">Cancel</a>' in re.sub(r"\s+", " ", answer.text).replace('" >', '">')
    rows = {"action": "delete_selected", "_selected_action": [budget.pk]}
    assert "Delete 1 budget? This cannot be undone." in words_of(admins.post("/admin/videos/budget/", rows))


def test_an_address_without_a_list_leads_to_the_overview(admins):
    """Django's page for an app once showed the overview without its figures: "Nothing needs a person"."""
    assert admins.get("/admin/videos/").url == "/admin/"


def test_the_span_of_prices_goes_from_the_lowest_to_the_highest(admins):
    veo = Provider.objects.get(value="veo_3_1")
    for price in ("10", "2"):
        veo.prices.create(price=price, resolution=f"{price}k")
    assert "$2.00 to $10.00" in words_of(admins.get("/admin/videos/provider/"))


# Words of Python, Django, the database or our code; what a report needs of them stands in <code> or <pre>.
JARGON = re.compile(
    r"heygen_(?:workflows|models)|videos\.tasks|pbkdf2|[Ss]uperuser|LDAP|STUDIO_|\bTrue\b|\bFalse\b|\{'|\{&|\[\]"
    r"|Select \w+ to |Change (?:user|provider|budget|remote)|View |Not empty|[ap]\.m\.|\d\+00:00|[Bb]ackend"
    r"|content type|: None\b|log entr|one time link|users\b"
)


def test_no_list_or_page_of_the_admin_shows_jargon_codes_or_types(db):
    world, found = World(), {}
    client = signed_in(world.people["owner"])
    for _, path, granted in admin_requests(world):
        answer = client.get(path) if granted == 200 else None
        if answer is not None and answer.get("Content-Type", "").startswith("text/html") and "<main" in answer.text:
            page = re.sub(r"<(code|pre|script|style)\b.*?</\1>", "", answer.text, flags=re.DOTALL)
            [main] = re.findall(r"<main.*?</main>", page, re.DOTALL)
            words = " ".join(re.sub(r"<[^>]+>", " ", re.sub(r'<img[^>]* alt="([^"]*)"[^>]*>', r"\1", main)).split())
            if told := JARGON.findall(words):
                found[path] = told
    assert found == {}


def test_a_provider_names_its_remote_api_in_words_in_list_filter_and_form(admins):
    veo = Provider.objects.get(value="veo_3_1")
    form, shown = admins.get(f"/admin/videos/provider/{veo.pk}/change/"), admins.get("/admin/videos/provider/")
    for page in (form, shown):
        assert "HeyGen's workflow API" in page.text.replace("&#x27;", "'")
        assert "heygen_workflows" not in words_of(page)
    found = admins.get("/admin/videos/provider/?api=heygen_models")
    assert [row.name for row in found.context["cl"].result_list] == ["HeyGen Video 1"]
    assert admins.get("/admin/videos/provider/?api=odd").status_code == 200


def test_a_failed_generation_says_why_and_one_with_an_unknown_outcome_says_what_comes_next(admins):
    member = make_member()
    [failed] = make(member, "a sword fight", "failed", error_class="refused", error_code="remote.refused")
    [unknown] = make(member, "a shape", "unknown", config={"generate_audio": True, "duration": 4})
    page = words_of(admins.get(f"/admin/videos/generation/{failed.pk}/change/"))
    assert f"Why {failed.error_message}" in unescape(page)
    page = words_of(admins.get(f"/admin/videos/generation/{unknown.pk}/change/"))
    assert "Next member says in the studio whether HeyGen made it." in page
    assert "16:9 · generate audio yes, duration 4" in page


def test_the_audit_list_says_changed_once(admins):
    admins.post("/settings", {"poll_seconds": "20", "second_factor": "nobody"})
    assert "changed the settings: Seconds between polls." in words_of(admins.get("/admin/admin/logentry/"))


def test_a_filter_by_cause_starts_with_a_capital_and_has_none_within(admins):
    words = words_of(admins.get("/admin/videos/generation/"))
    assert "The remote did not accept this request" in words and "Too large for the remote" in words


def test_an_account_that_is_not_paused_shows_no_reason_for_a_pause(admins):
    sending = account()
    path = f"/admin/videos/remoteaccount/{sending.pk}/change/"
    assert "Why it is paused: – " in words_of(admins.get(path))
    type(sending).objects.pause("owner", person="maria")
    assert "Why it is paused: maria paused sending." in words_of(admins.get(path))


def failed_job(function, *arguments, **fields):
    now = timezone.now()
    result = "Task exceeded maximum timeout value (120 seconds) : Traceback"
    known = {"name": "beer-oranges", "func": f"videos.tasks.{function}", "result": result, **fields}
    return Task.objects.create(id=uuid4().hex, args=arguments, started=now, stopped=now, success=False, **known)


def test_a_failed_job_says_what_it_does_and_only_the_details_name_the_function(admins, owner):
    generation = make_queued(owner, "a tern at dawn")
    job = failed_job("submit", generation.pk)
    listed = words_of(admins.get("/admin/django_q/failure/"))
    assert "Send a video to its remote API It took too long and was ended." in listed
    assert "tasks" not in listed and "beer" not in listed
    page = admins.get(f"/admin/django_q/failure/{job.pk}/change/")
    assert "a tern at dawn" in page.text
    assert f"<code>videos.tasks.submit({generation.pk})</code>" in page.text
    gone = failed_job("save", 10**9)
    assert "Removed" in words_of(admins.get(f"/admin/django_q/failure/{gone.pk}/change/"))
    older = failed_job("paint", "x", {"y": 1}, result=None)
    assert "A job of an older version" in words_of(admins.get(f"/admin/django_q/failure/{older.pk}/change/"))


def test_a_failed_job_that_runs_again_is_queued_once_and_leaves_the_list(admins, owner):
    job = failed_job("save", make_queued(owner).pk)
    again = {"action": "run_again", "_selected_action": [job.pk]}
    page = admins.post("/admin/django_q/failure/", again, follow=True)
    assert [str(message) for message in page.context["messages"]] == ["1 will run again."]
    admins.post("/admin/django_q/failure/", again, follow=True)
    assert [row.func() for row in OrmQ.objects.all()] == ["videos.tasks.save"]
    assert not Failure.objects.exists()


def test_every_task_of_the_worker_has_words():
    ours = {name for name in tasks.__all__ if not name.startswith(("enqueue_", "make_"))}
    assert ours == set(JOBS)


def test_an_owner_chooses_a_role_by_its_name_and_sets_a_new_password(admins, owner):
    member = make_member()
    path = f"/admin/auth/user/{member.pk}/change/"
    for role, marks in (("manager", (False, True)), ("owner", (True, True)), ("member", (False, False))):
        assert admins.post(path, {"username": "member", "is_active": "on", "role": role}).status_code == 302
        member.refresh_from_db()
        assert (member.is_superuser, member.is_staff) == marks
        assert f'<option value="{role}" selected>' in admins.get(path).text
    assert "Set a new password" in words_of(admins.get(path))
    password = {"password1": "another long password", "password2": "another long password"}
    assert admins.post(f"/admin/auth/user/{member.pk}/password/", password).status_code == 302
    member.refresh_from_db()
    assert member.check_password("another long password")
    listed = admins.get("/admin/auth/user/?role=owner").context["cl"].result_list
    assert [person.username for person in listed] == ["owner"]
    assert admins.get("/admin/auth/user/?role=odd").status_code == 200
