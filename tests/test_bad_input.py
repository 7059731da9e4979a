"""Bad input of any kind gets an error next to its field, never a server error. The form keeps it; nothing is made."""

import io
import json
import os
import secrets

import pytest
from django.db import transaction
from django.urls import reverse
from hypothesis import Phase, example, given, seed, settings
from hypothesis import strategies as some
from PIL import Image

from heygen_studio.request_guard import RequestGuard
from tests.corpus_forms import ASKED, GOOD, ODD_BUT_RIGHT, TYPED, WIRE, multipart
from tests.parts.extent import EVERYTHING
from tests.parts.generations import make_queued, make_ready, make_running
from tests.parts.people import make_member, signed_in
from tests.parts.returned_form import ReturnedForm
from videos.forms.generate import RATIO
from videos.models import Batch, Budget, Generation, LedgerEntry, Picture, Provider

pytestmark = pytest.mark.django_db
MULTIPART = "multipart/form-data; boundary=limit"
RANDOM_FORMS = int(os.environ.get("STUDIO_TEST_FORMS", 2000 if EVERYTHING else 200))
TEXT_FIELDS = ("prompt", "config", "aspect_ratio", "reference_image_url", "tail_image_url")
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def member(db):
    Provider.objects.filter(value="sora_v2").update(
        state="paused", note="sold out.", alternative=Provider.objects.get(value="veo_3_1")
    )
    return make_member()


@pytest.fixture
def visitor(member):
    return signed_in(member)


def png(colour="teal"):
    data = io.BytesIO()
    Image.new("RGB", (32, 18), colour).save(data, "PNG")
    return data.getvalue()


def generate(visitor, fields, files=(), path="/generate", **headers):
    fields = {"token": secrets.token_urlsafe(24), **fields}
    return visitor.generic("POST", path, multipart(fields, files), content_type=MULTIPART, **headers)


def assert_nothing_was_made():
    assert not Batch.objects.exists()
    assert not Generation.objects.exists()
    assert not LedgerEntry.objects.exists()


def arrived(text):
    """Text as the web carries it: half a surrogate pair is not text, and arrives as three replacement characters."""
    return text.encode(errors="surrogatepass").decode(errors="replace")


def with_plain_line_ends(text):
    """As a prompt is kept: every way to end a line becomes one character."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def assert_typed_came_back(form, fields):
    for name in TEXT_FIELDS:
        value = fields.get(name)
        if isinstance(value, str) and (value or name != "aspect_ratio"):
            wanted = with_plain_line_ends(value) if name == "prompt" else value
            assert form.values[name] == arrived(wanted), name


def sentences_near(form, field):
    return " ".join(form.sentences.get(name, "") for name in (field, field.removesuffix("_url"), ""))


def test_the_corpus_is_large_enough():
    assert len(TYPED) + len(WIRE) + len(ASKED) >= 150


@pytest.mark.parametrize("bad", TYPED, ids=lambda bad: bad.name)
def test_a_bad_field_gets_a_sentence_and_what_was_typed_comes_back(visitor, bad):
    fields = GOOD | bad.fields
    answer = generate(visitor, fields)
    assert answer.status_code == 422
    form = ReturnedForm(answer.content.decode())
    assert bad.says in sentences_near(form, bad.beside)
    assert_typed_came_back(form, fields)
    assert_nothing_was_made()


@pytest.mark.parametrize("bad", TYPED, ids=lambda bad: bad.name)
def test_a_bad_field_gets_its_sentence_with_scripts_too(visitor, bad):
    answer = generate(visitor, GOOD | bad.fields, **HTMX)
    assert answer.status_code == 422
    form = ReturnedForm(answer.content.decode())
    assert bad.says in sentences_near(form, bad.beside)
    assert 'name="prompt"' not in answer.content.decode(), "the box being typed in stays as it is"
    assert_nothing_was_made()


@pytest.mark.parametrize(("name", "fields", "kept"), ODD_BUT_RIGHT, ids=[name for name, *_ in ODD_BUT_RIGHT])
def test_odd_but_valid_input_is_kept_as_typed(visitor, name, fields, kept):
    fields = GOOD | fields
    assert generate(visitor, fields).status_code == 302
    made = Generation.objects.get()
    assert made.prompt == with_plain_line_ends(fields["prompt"])
    assert made.provider.value == (fields["provider"] or "veo_3_1")
    if "config" not in kept and fields["config"]:
        assert made.config == json.loads(fields["config"])
    for column, value in kept.items():
        assert getattr(made, column) == value


@pytest.mark.parametrize("wire", WIRE, ids=lambda wire: wire.name)
def test_a_request_that_was_damaged_on_its_way_is_refused(visitor, wire):
    """Through the very application that a server runs, so that what arrives is read as it is in earnest."""
    fields = {"token": secrets.token_urlsafe(24)} | GOOD | wire.fields
    whole = multipart(fields, wire.files)
    assert Generation.objects.count() == 0
    status, page = over_the_wire(visitor, wire.damage(whole), wire)
    assert status in {400, 403, 422}, page[:300]
    form = ReturnedForm(page)
    assert form.headings if status != 422 else any(form.sentences.values())
    assert_nothing_was_made()


def over_the_wire(visitor, body, wire):
    visitor.get("/account")
    environ = {
        **visitor._base_environ(),
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/generate",
        "CONTENT_TYPE": wire.content_type,
        "CONTENT_LENGTH": wire.length or str(len(body) + wire.missing),
        "HTTP_X_CSRFTOKEN": visitor.cookies["csrftoken"].value,
        "wsgi.input": io.BytesIO(body),
    }
    visitor.handler.enforce_csrf_checks = True
    answer = RequestGuard(lambda environ, start: visitor.handler(environ))(environ, None)
    return answer.status_code, answer.content.decode()


def test_an_undamaged_request_is_accepted_by_the_same_check(visitor):
    class Whole:
        content_type, missing, length = MULTIPART, 0, None

    body = multipart({"token": "t" * 32} | GOOD, [("reference_image", "a.png", png())])
    assert over_the_wire(visitor, body, Whole)[0] == 302
    assert Generation.objects.get().start_frame.owner.username == "member"


@pytest.mark.parametrize(
    "file_name", ["a.png", "../../etc/a.png", "C:\\a\\b.png", "é" * 90 + ".png", "a\x07.exe", "'\"<b>.png"]
)
def test_an_accepted_picture_is_kept_when_another_field_is_refused(visitor, member, file_name):
    files = [("reference_image", file_name, png()), ("tail_image", "end.png", png("olive"))]
    form = ReturnedForm(generate(visitor, GOOD | {"prompt": ""}, files).content.decode())
    start, end = form.values["start_picture"], form.values["end_picture"]
    kept = {str(picture.public_id) for picture in Picture.objects.filter(owner=member)}
    assert {*start, *end} == kept and len(kept) == 2
    assert_nothing_was_made()
    again = GOOD | {"token": form.values["token"], "start_picture": start[0], "end_picture": end[0]}
    assert generate(visitor, again).status_code == 302
    made = Generation.objects.get()
    assert [str(made.start_frame.public_id), str(made.end_frame.public_id)] == start + end


def test_a_picture_is_kept_when_the_other_one_is_refused(visitor):
    files = [("reference_image", "a.png", png()), ("tail_image", "end.png", b"no picture at all")]
    form = ReturnedForm(generate(visitor, GOOD, files).content.decode())
    assert form.values["start_picture"] == [str(Picture.objects.get().public_id)]
    assert form.sentences["tail_image"]
    assert_nothing_was_made()


def test_a_frame_is_a_file_or_an_address_and_never_both(visitor):
    fields = GOOD | {"reference_image_url": "https://example.com/a.png"}
    form = ReturnedForm(generate(visitor, fields, [("reference_image", "a.png", png())]).content.decode())
    assert "not both" in form.sentences["reference_image"]
    assert_typed_came_back(form, fields)
    assert_nothing_was_made()


def test_a_token_sent_again_makes_nothing_new(visitor):
    fields = GOOD | {"token": "t" * 32}
    assert generate(visitor, fields).status_code == generate(visitor, fields).status_code == 302
    assert generate(visitor, fields | {"prompt": "another"}).status_code == 422
    assert Generation.objects.get().prompt == GOOD["prompt"]


def test_a_token_of_somebody_else_is_refused_and_the_next_request_goes_through(visitor):
    fields = GOOD | {"token": "t" * 32}
    make_queued(make_member("other"), token=fields["token"])
    answer = generate(visitor, fields)
    form = ReturnedForm(answer.content.decode())
    assert answer.status_code == 422
    assert "somebody else's session" in form.sentences[""]
    assert_typed_came_back(form, fields)
    assert Generation.objects.count() == LedgerEntry.objects.count() == 1
    assert generate(visitor, fields | {"token": form.values["token"]}).status_code == 302
    assert Generation.objects.filter(owner__username="member").count() == 1


def test_a_request_over_the_budget_is_not_held_and_comes_back_as_typed(visitor):
    Budget.objects.create(scope="studio", videos_per_day=1)
    fields = GOOD | {"count": "2"}
    form = ReturnedForm(generate(visitor, fields).content.decode())
    assert "over the budget" in form.sentences[""]
    assert form.values["count"] == "2"
    assert_typed_came_back(form, fields)
    assert_nothing_was_made()


def test_choices_come_back_as_they_were_made(visitor):
    fields = GOOD | {"prompt": "", "provider": "kling_pro", "also": ["veo_3_1", "seedance_pro"], "count": "3"}
    form = ReturnedForm(generate(visitor, fields).content.decode())
    assert sorted(form.values["provider"]) == ["kling_pro", "seedance_pro", "veo_3_1"]
    assert form.values["count"] == "3"


def test_a_session_that_ends_during_a_post_makes_nothing_and_keeps_what_was_typed(member):
    """With the script the answer is no page, so nothing is swapped: the words stay where they were typed."""
    visitor = signed_in(member)
    visitor.session.flush()
    answer = generate(visitor, GOOD, **HTMX)
    assert answer.status_code == 401
    assert answer.content.decode() == "Your session ended. Sign in again."
    assert generate(visitor, GOOD).url == reverse("login")
    assert_nothing_was_made()


def test_a_form_without_its_csrf_token_is_refused_with_a_sentence(visitor):
    visitor.handler.enforce_csrf_checks = True
    for headers in ({}, HTMX):
        answer = generate(visitor, GOOD, **headers)
        assert answer.status_code == 403
        assert "nothing was spent" in answer.content.decode()
    assert_nothing_was_made()


def test_a_request_from_a_page_with_an_odd_address_is_answered(visitor):
    for number, address in enumerate(["http://[", "http://a/?" + "a=1&" * 300, "\xff", "x" * 9000, "http://a/?q=%00"]):
        answer = generate(visitor, GOOD, HTTP_HX_CURRENT_URL=address, **HTMX)
        assert answer.status_code == 200, address
        assert Generation.objects.count() == number + 1


SLOT_POSTS = [
    ("no file", {}, ()),
    ("an empty file", {}, [("reference_image", "a.png", b"")]),
    ("no picture", {}, [("reference_image", "a.png", b"GIF89a nothing")]),
    ("two pictures", {}, [("reference_image", "a.png", b"x"), ("reference_image", "b.png", b"y")]),
    ("another slot's picture", {}, [("tail_image", "a.png", b"x")]),
    ("only its name", {"reference_image": "a.png"}, ()),
    ("a video that is none", {"start_from": "x"}, ()),
    ("a video with a NUL", {"start_from": "\0"}, ()),
    ("nobody's video", {"start_from": "0" * 32}, ()),
]


@pytest.mark.parametrize(("name", "fields", "files"), SLOT_POSTS, ids=[name for name, *_ in SLOT_POSTS])
def test_a_frame_slot_explains_why_it_refuses_its_input(visitor, name, fields, files):
    answer = generate(visitor, fields, files, path="/frame/start", **HTMX)
    assert answer.status_code == 422
    assert ReturnedForm(answer.content.decode()).sentences["reference_image"]
    assert not Picture.objects.exists()


@pytest.mark.parametrize(
    "bad", [entry for entry in TYPED if entry.beside == "reference_image_url"], ids=lambda bad: bad.name
)
def test_a_frame_slot_keeps_an_address_that_it_refuses(visitor, bad):
    address = arrived(bad.fields["reference_image_url"])
    answer = visitor.get("/frame/start", {"reference_image_url": address}, **HTMX)
    form = ReturnedForm(answer.content.decode())
    assert answer.status_code == 422
    assert form.sentences["reference_image"]
    assert form.values["reference_image_url"] == address


@pytest.mark.parametrize("path", ASKED, ids=lambda path: path[:60])
def test_an_address_with_invalid_values_never_fails(visitor, member, path):
    make_running(member)
    for headers in ({}, HTMX, HTMX | {"HTTP_HX_TARGET": "gallery"}, HTMX | {"HTTP_HX_TARGET": "more"}):
        assert visitor.get(path, **headers).status_code in {200, 204}


@pytest.mark.parametrize(
    "path", ["/s/%00", "/g/%00", "/%00", "/invite/%00", "/reset/%00", "/pictures/signed/%00", "/g/" + "0" * 32]
)
def test_an_unknown_address_is_not_found(visitor, path):
    assert visitor.get(path).status_code == 404


def test_an_address_with_too_many_fields_is_refused_with_a_page(visitor):
    answer = visitor.get("/?" + "a=1&" * 700)
    assert answer.status_code == 400
    assert "nothing was changed" in answer.content.decode()


@pytest.mark.parametrize(
    "execution_id", ["", " ", "\0", "x" * 5000, "node-gw-\ud83d", "<b>", "../../", "node gw 1", "ünode-gw-1"]
)
def test_a_pasted_id_that_is_invalid_gets_a_sentence(visitor, member, execution_id):
    made = make_running(member)
    Generation.objects.filter(pk=made.pk).update(status="unknown", remote_id=None)
    answer = generate(visitor, {"remote_id": execution_id}, path=f"/g/{made.public_id}/found", **HTMX)
    assert answer.status_code in {200, 422}
    assert "Paste the id as HeyGen shows it" in answer.content.decode()
    made.refresh_from_db()
    assert made.status == "unknown" and made.remote_id is None


SELECTIONS = [
    {},
    {"operation": "", "ids": "x"},
    {"operation": "burn", "ids": ["x", "\0"]},
    {"operation": "trash", "ids": ["\ud83d", "0" * 32, "-1"]},
    {"operation": "download"},
    {"operation": ["trash", "share"], "ids": "1" * 5000, "next": "//evil.example/"},
    {"operation": "trash", "ids": "x", "next": "javascript:alert(1)"},
    {"operation": "trash", "ids": "x", "next": "http://[\0"},
]


@pytest.mark.parametrize("fields", SELECTIONS, ids=str)
def test_an_empty_selection_changes_nothing_and_stays_on_the_page(visitor, member, fields):
    make_ready(member)
    for headers in ({}, HTMX):
        answer = generate(visitor, fields, path="/selected", **headers)
        assert answer.status_code in {200, 302, 422}
        if answer.status_code == 302:
            assert answer.url.startswith("/") and not answer.url.startswith("//")
    assert Generation.objects.get().trashed_at is None


# Everything at once, two thousand times
letters = some.characters(codec="utf-8") | some.sampled_from("\r\n\t\0\ufffd\u202e\u0301'\"<>&{}%😀")
words = some.text(letters, max_size=40)
json_values = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**60), 2**60) | some.floats() | words,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
settings_texts = some.one_of(
    some.just(""),
    some.dictionaries(words, json_values, max_size=4).map(json.dumps),
    some.dictionaries(words, json_values, max_size=3).map(lambda value: json.dumps(value, ensure_ascii=False)),
    json_values.map(json.dumps),
    words,
)
ratios = some.one_of(
    some.sampled_from(["16:9", "9:16", "1:1", "", " 4 : 3 ", "2x1", "0:1", "1:100", "١:١"]),
    some.builds("{}:{}".format, some.integers(-2, 100_000), some.integers(-2, 100_000)),
    words,
)
addresses = some.one_of(
    some.just(""),
    some.builds("{}://{}/{}".format, some.sampled_from(["http", "https", "ftp", "javascript"]), words, words),
    some.just("https://example.com/a.png"),
    words,
)
known = some.sampled_from(["veo_3_1", "kling_pro", "seedance_pro", "runway_gen4", "ltx_distilled", ""])


def mostly(right, anything):
    """One field in eight is anything: most forms then have one or two faults, and a good part of them none."""
    return some.integers(0, 7).flatmap(lambda number: right if number else anything)


forms = some.fixed_dictionaries(
    {
        "prompt": mostly(some.text(letters, min_size=1, max_size=40).map("a {}".format), words),
        "provider": mostly(known, known | words | some.just("sora_v2")),
        "aspect_ratio": mostly(some.sampled_from(["16:9", "9:16", "", " 4 : 3 ", "2x1", "1920/1080"]), ratios),
        "config": mostly(
            some.sampled_from(["", "{}", '{"seed": 1.5}']) | some.just({"a": [{"é😀": None}]}).map(json.dumps),
            settings_texts,
        ),
        "count": mostly(some.integers(1, 8).map(str), some.integers(-1, 10).map(str) | words),
        "token": mostly(some.text("abcXYZ019-_", min_size=16, max_size=64), words),
        "reference_image_url": mostly(some.sampled_from(["", "https://example.com/a.png"]), addresses),
        "tail_image_url": mostly(some.just(""), addresses),
    },
    optional={
        "also": mostly(some.lists(known.filter(bool), max_size=3), some.lists(known | words, max_size=4)),
        "start_picture": mostly(some.just(""), words),
        "end_from": mostly(some.just(""), words),
    },
)


@pytest.mark.timeout(900)  # on a machine that does much else
@pytest.mark.parametrize("part", range(4))
def test_random_forms_are_made_as_typed_or_come_back_with_a_sentence(visitor, part):
    outcomes = {302: 0, 422: 0}  # 302: a batch was made; the script gets its cards with 200

    @seed(part)
    @settings(max_examples=RANDOM_FORMS // 4, database=None, phases=[Phase.explicit, Phase.generate])
    @example(GOOD | {"token": "t" * 32}, {})
    @given(forms, some.sampled_from([{}, HTMX, HTMX, HTMX, HTMX]))
    def judge(fields, way):
        with transaction.atomic():
            answer = generate(visitor, fields, **way)
            status = 302 if answer.status_code == 200 else answer.status_code
            outcomes[status] += 1  # a KeyError is any other status
            if status == 302:
                assert_made_as_typed(fields)
            elif way:
                assert_has_sentences(ReturnedForm(answer.content.decode()))
            else:
                assert_came_back(ReturnedForm(answer.content.decode()), fields)
            transaction.set_rollback(True)

    judge()
    assert min(outcomes.values()) > RANDOM_FORMS // 40, f"the examples are worth little: {outcomes}"


def assert_made_as_typed(fields):
    rows = list(Generation.objects.select_related("provider").order_by("pk"))
    providers = list(dict.fromkeys([fields["provider"].strip() or "veo_3_1", *fields.get("also", [])]))
    count = int(fields["count"].strip() or "1")
    assert [row.provider.value for row in rows] == [value for value in providers for _ in range(count)]
    ratio = RATIO.fullmatch(fields["aspect_ratio"].strip() or "16:9")
    for row in rows:
        assert row.prompt == with_plain_line_ends(fields["prompt"])
        assert row.aspect_ratio == f"{int(ratio[1])}:{int(ratio[2])}"
        assert row.config == (json.loads(fields["config"]) if fields["config"].strip() else {})
        assert row.start_frame_url == fields["reference_image_url"].strip()
        assert row.end_frame_url == fields["tail_image_url"].strip()
    assert LedgerEntry.objects.filter(kind="hold").count() == len(rows)


def assert_came_back(form, fields):
    assert_has_sentences(form)
    assert_typed_came_back(form, fields)


def assert_has_sentences(form):
    assert any(form.sentences.values())
    assert all(sentence[0].isupper() and sentence[-1] == "." for sentence in form.sentences.values())
    assert_nothing_was_made()
