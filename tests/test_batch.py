"""Many at once: a table is checked row by row, and its ticked rows become one batch, whole or not at all."""

import io
import re
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from tests.parts.accounts import account
from tests.parts.people import make_member, make_owner, signed_in
from videos.forms.advice import finished_after
from videos.forms.csv_table import TableRefused, decode, read_table
from videos.models import Batch, Budget, Collection, Generation, Picture, Provider, ProviderRecord, RemoteAccount

pytestmark = pytest.mark.django_db
TWO = "prompt,provider,aspect_ratio,count\na lighthouse,veo_3_1,9:16,2\na harbour,kling_pro,16:9,1\n"
ONE_WRONG = "prompt,aspect_ratio\na lighthouse,9:16\na harbour,wide\n"


@pytest.fixture
def member():
    return make_member()


@pytest.fixture
def client(member):
    return signed_in(member)


def send(client, table="", action="check", **fields):
    fields = {"token": uuid.uuid4().hex} | fields if action == "generate" else fields
    return client.post("/batch", {"table": table, "action": action} | fields)


def field(page, name):
    return re.search(rf'name="{name}"\s+value="([^"]*)"', page.content.decode())[1]


def prompts():
    return sorted(Generation.objects.values_list("prompt", flat=True))


def png(name, colour="teal"):
    data = io.BytesIO()
    Image.new("RGB", (64, 36), colour).save(data, "PNG")
    return SimpleUploadedFile(name, data.getvalue(), "image/png")


def rows(page):
    return page.context["form"].rows


# Check
def test_check_shows_the_price_of_each_row_and_makes_nothing(client):
    Provider.objects.filter(value="veo_3_1").update(price="2.00", price_unit="video")
    Provider.objects.filter(value="kling_pro").update(price=None)
    Provider.objects.get(value="kling_pro").prices.all().delete()
    page = send(client, TWO)
    text = re.sub(r"<[^>]+>|\s+", " ", page.content.decode())
    text = re.sub(r" +", " ", text)
    assert page.status_code == 200
    assert "3 videos" in text
    assert "at least $4.00" in text
    assert "No price" in text
    assert not Batch.objects.exists()


def test_check_shows_an_error_in_its_cell_and_unticks_the_row(client):
    page = send(client, ONE_WRONG)
    good, wrong = rows(page)
    assert (good.is_ticked, wrong.is_ticked) == (True, False)
    assert [cell.column for cell in wrong.cells if cell.errors] == ["aspect_ratio"]
    cell = re.search(r'<td class="of-aspect_ratio is-wrong">.*?</td>', page.content.decode(), re.S)[0]
    assert "Write the ratio as width:height" in cell
    assert page.context["total"].videos == 1


def test_a_row_is_refused_in_the_words_of_the_form(client):
    cells = {"prompt": "", "provider": "sora_v9", "aspect_ratio": "99:1", "reference_image_url": "x", "count": "9"}
    table = "prompt,provider,aspect_ratio,reference_image_url,config,count\n,sora_v9,99:1,x,{,9\n"
    [row] = rows(send(client, table))
    alone = client.post("/generate", cells | {"config": "{", "token": uuid.uuid4().hex}).context["form"].errors
    assert sorted(row.all_errors) == sorted(error for errors in alone.values() for error in errors)


@pytest.mark.parametrize("written", ["kling_pro", "Kling Pro", "kling pro "])
def test_a_row_names_its_provider_as_the_screen_does_or_by_its_value(client, written):
    [row] = rows(send(client, f"prompt,provider,config.duration\na lighthouse,{written},5\n"))
    assert row.request.provider.value == "kling_pro"
    assert row.request.config == {"duration": 5}


def test_the_value_of_a_provider_is_not_taken_for_the_name_of_another(client):
    Provider.objects.filter(value="veo_3_1").update(name="kling_pro")
    [row] = rows(send(client, "prompt,provider\na lighthouse,kling_pro\n"))
    assert row.request.provider.value == "kling_pro"


def test_the_cells_suggest_names_and_every_setting_can_have_a_column(client, member):
    Collection.objects.make(member, "Autumn launch")
    page = client.get("/batch").content.decode()
    assert '<option value="Kling Pro"></option>' in page
    assert '<option value="Autumn launch"></option>' in page
    columns = re.findall(r'<option value="([\w.]+)">', page.partition("add-column")[2])
    assert {"tail_image", "collection", "config.duration"} <= set(columns)
    for column in columns:
        assert send(client, f"prompt,{column}\na lighthouse,\n").status_code == 200


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("prompt\n", "The table has no rows yet."),
        ("prompt,provider\na lighthouse,nobody\n", "No row can be made as it is."),
    ],
)
def test_check_says_why_nothing_can_be_made(client, table, sentence):
    assert sentence in send(client, table).content.decode()


def test_many_rows_with_a_problem_are_counted_in_the_bar_and_not_listed(client):
    Provider.objects.filter(value="veo_3_1").update(ratios=["16:9"])
    table = "prompt,provider,aspect_ratio\n" + "a,nobody,\n" * 5 + "a,veo_3_1,1:1\n" * 60
    notes = send(client, table).content.decode().partition('class="notes"')[2].partition("</p>")[0]
    assert notes.count("<a ") == 8
    assert "and 2 more with an error" in notes
    assert "and 57 more with a warning" in notes


def test_unusual_values_get_a_warning_in_their_cell_and_the_row_stays_ticked(client):
    Provider.objects.filter(value="veo_3_1").update(ratios=["16:9"])
    [row] = rows(send(client, "prompt,aspect_ratio\na lighthouse,1:1\n"))
    assert row.is_ticked
    assert [cell.column for cell in row.cells if cell.warnings] == ["aspect_ratio"]


def test_a_row_names_its_collection_and_one_that_is_too_long_is_refused_in_its_cell(client):
    empty, named, long = rows(send(client, f"prompt,collection\na lighthouse,\na harbour,Autumn\na quay,{'x' * 121}\n"))
    assert (empty.all_errors, named.all_errors) == ([], [])
    assert [cell.column for cell in long.cells if cell.errors] == ["collection"]


def test_check_says_that_the_budget_is_not_enough(client):
    Budget.objects.create(scope="each", videos_per_day=2)
    assert "would go over the budget" in send(client, TWO).content.decode()


@pytest.mark.parametrize(("videos", "seconds"), [(1, 60), (10, 60), (11, 120), (32, 240)])
def test_the_estimated_time_counts_how_many_run_at_once(videos, seconds):
    assert finished_after([60] * videos, at_once=10) == seconds


def test_the_estimated_time_keeps_to_the_limit_of_an_api_of_its_own(client):
    provider = Provider.objects.get(value="veo_3_1")
    backend = account(provider.backend).backend
    ProviderRecord.objects.create(provider=provider, backend=backend, newest=[[60, True]] * 5)
    RemoteAccount.objects.filter(backend=backend).update(max_in_flight=1)
    total = send(client, "prompt,provider,count\na lighthouse,veo_3_1,3\n").context["total"]
    assert (total.at_once, total.seconds) == (1, 180)


# Generate
def test_generate_makes_one_batch_of_all_rows(client):
    reply = send(client, TWO, "generate")
    assert reply.status_code == 302
    assert Batch.objects.count() == 1
    assert prompts() == ["a harbour", "a lighthouse", "a lighthouse"]
    assert set(Generation.objects.values_list("provider__value", "aspect_ratio")) == {
        ("veo_3_1", "9:16"),
        ("kling_pro", "16:9"),
    }


def test_the_gallery_then_shows_the_new_batch_and_offers_undo(client):
    page = client.get(send(client, TWO, "generate")["Location"]).content.decode()
    assert "3 videos are queued." in page
    assert "Undo 3" in page
    assert "are queued" not in client.get("/?made=nonsense").content.decode()
    assert (
        "are queued"
        not in signed_in(make_member("other")).get(f"/?made={Batch.objects.get().public_id}").content.decode()
    )


def test_a_table_with_a_wrong_row_makes_nothing(client):
    reply = send(client, ONE_WRONG, "generate")
    assert reply.status_code == 422
    assert "Row 2 has an error, so nothing was made" in reply.content.decode()
    assert not Batch.objects.exists()


def test_generate_makes_exactly_the_ticked_rows(client):
    page = send(client, ONE_WRONG)
    reply = send(client, page.context["text"], "generate", ticks_of=field(page, "ticks_of"), row=["1"])
    assert reply.status_code == 302
    assert prompts() == ["a lighthouse"]


def test_no_ticked_row_makes_nothing(client):
    page = send(client, TWO)
    reply = send(client, page.context["text"], "generate", ticks_of=field(page, "ticks_of"))
    assert "No row is selected" in reply.content.decode()
    assert not Batch.objects.exists()


def test_ticks_of_another_version_of_the_table_are_ignored(client):
    page = send(client, TWO)
    reply = send(client, TWO + "a quay,veo_3_1,1:1,8\n", "generate", ticks_of=field(page, "ticks_of"), row=["1"])
    assert reply.status_code == 422
    assert "The table has changed" in reply.content.decode()
    assert not Batch.objects.exists()


def test_the_same_table_sent_twice_is_one_batch_and_other_rows_are_refused_in_words(client):
    same = uuid.uuid4().hex
    for _ in range(2):
        assert send(client, TWO, "generate", token=same).status_code == 302
    assert Generation.objects.count() == 3
    other = send(client, ONE_WRONG.replace("wide", "1:1"), "generate", token=same)
    assert other.status_code == 422
    assert "sent this form already, with other words" in other.content.decode()
    assert Generation.objects.count() == 3
    assert field(other, "token") != same


def test_an_invalid_token_or_somebody_elses_makes_nothing(client):
    same = uuid.uuid4().hex
    send(signed_in(make_owner()), TWO, "generate", token=same)
    for token in (same, "", "x y"):
        assert send(client, TWO, "generate", token=token).status_code == 422
    assert Batch.objects.count() == 1


def test_a_batch_beyond_the_budget_makes_nothing(client):
    Budget.objects.create(scope="each", videos_per_day=2)
    reply = send(client, TWO, "generate")
    assert reply.status_code == 422
    assert "over the budget" in reply.content.decode()
    assert not Batch.objects.exists()


def test_at_most_500_videos_are_one_batch(client):
    lines = "prompt,count\n" + "a lighthouse,8\n" * 62 + "a harbour,4\n"
    too_many = send(client, lines + "a quay,1\n", "generate")
    assert too_many.status_code == 422
    assert "501 videos" in too_many.content.decode()
    assert not Batch.objects.exists()
    assert send(client, lines, "generate").status_code == 302
    assert Generation.objects.count() == 500


def test_500_rows_can_be_checked_and_posted_back_with_their_ticks(client):
    page = send(client, "prompt\n" + "".join(f"shot {number}\n" for number in range(500)))
    ticked = [str(number) for number in range(1, 501)]
    assert page.context["total"].videos == 500
    page = send(client, page.context["text"], "check", ticks_of=field(page, "ticks_of"), row=ticked)
    assert page.status_code == 200
    assert page.context["total"].videos == 500


def test_a_check_of_many_rows_asks_the_database_no_more_than_one_of_few(client, django_assert_max_num_queries):
    send(client, "prompt\na lighthouse\n")
    with django_assert_max_num_queries(40):
        send(client, "prompt,provider,count\n" + "a lighthouse,kling_pro,2\na harbour,,1\n" * 100)


# Settings and frames
def test_a_setting_in_a_column_of_its_own_has_the_settings_type(client):
    table = 'prompt,config,config.duration,config.seed,config.loop\na lighthouse,"{""style"": ""film""}",8,7,TRUE\n'
    assert send(client, table, "generate").status_code == 302
    assert Generation.objects.get().config == {"style": "film", "duration": 8, "seed": 7, "loop": True}


def test_a_setting_that_is_in_two_columns_is_refused(client):
    [row] = rows(send(client, 'prompt,config,config.duration\na lighthouse,"{""duration"": 4}",8\n'))
    assert "keep one of them" in row.all_errors[0]


def test_pictures_are_matched_by_file_name_and_kept_for_generate(client):
    table = "prompt,reference_image\na lighthouse,one.png\na harbour,two.png\na quay,https://example.com/a.jpg\n"
    page = send(client, table, pictures=[png("one.png"), png("two.png", "red")])
    assert [row.all_errors for row in rows(page)] == [[], [], []]
    assert send(client, page.context["text"], "generate").status_code == 302
    frames = dict(Generation.objects.values_list("prompt", "start_frame"))
    assert set(frames.values()) == {None, *Picture.objects.values_list("pk", flat=True)}
    assert Generation.objects.get(prompt="a quay").start_frame_url == "https://example.com/a.jpg"


def test_a_missing_picture_is_an_error_in_its_cell(client):
    [row] = rows(send(client, "prompt,reference_image\na lighthouse,one.png\n"))
    assert "No picture called “one.png” was added" in row.all_errors[0]


def test_two_start_frames_in_one_row_are_refused(client):
    table = "prompt,reference_image,reference_image_url\nx,https://example.com/a.jpg,https://example.com/b.jpg\n"
    [row] = rows(send(client, table))
    assert "2 start frames" in row.all_errors[0]


# Reading
SPOKEN = 'prompt;count\r\n"Er sagt ""los"";\r\nüber Öland";1\r\n'


@pytest.mark.parametrize(
    "data",
    [
        SPOKEN.encode(),
        SPOKEN.encode("utf-8-sig"),
        SPOKEN.encode("utf-16"),
        SPOKEN.encode("utf-16-le"),
        SPOKEN.encode("utf-16-be"),
        ("sep=;\r\n" + SPOKEN).encode(),
        SPOKEN.replace("prompt;count", "prompt,count").replace('";1', '",1').encode(),
        SPOKEN.replace("prompt;count", "prompt\tcount").replace('";1', '"\t1').encode("utf-16"),
        SPOKEN.replace("\r\n", "\r").encode(),
        ("\r\n" + SPOKEN + ";\r\n\r\n").encode(),
    ],
)
def test_csv_of_common_spreadsheets_is_read(client, data):
    reply = send(client, action="generate", table_file=SimpleUploadedFile("shots.csv", data, "text/csv"))
    assert reply.status_code == 302, reply.content.decode()
    assert Generation.objects.get().prompt == 'Er sagt "los";\nüber Öland'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The table is empty"),
        (" \n \n", "The table is empty"),
        ("a lighthouse\na harbour\n", "There is no column called “a lighthouse”"),
        ("provider\nveo_3_1\n", "one of which is “prompt”"),
        ("prompt,prompt\na,b\n", "appears twice"),
        ("prompt,colour\na,b\n", "There is no column called “colour”"),
        ('prompt\n"a lighthouse\n', "a quotation mark is not closed"),
        ("prompt\n" + "a\n" * 501, "501 rows"),
        (",".join(["prompt", *(f"config.k{number}" for number in range(70))]) + "\na\n", "71 columns"),
        ("prompt\na \0 b\n", "cannot be stored"),
        ("prompt\n" + "x" * 200_000 + "\n", ""),
    ],
)
@pytest.mark.parametrize("action", ["check", "generate"])
def test_a_table_that_cannot_be_read_is_a_sentence_and_comes_back_as_it_was(client, text, sentence, action):
    reply = send(client, text, action)
    assert reply.status_code in (200, 422)
    assert sentence in reply.content.decode()
    assert not Batch.objects.exists()


def test_an_unknown_encoding_is_refused_and_not_guessed():
    with pytest.raises(TableRefused, match="CSV UTF-8"):
        decode("prompt\nüber\n".encode("cp1252"))


@pytest.mark.parametrize("begins", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"])
@pytest.mark.parametrize("size", [256, 3 * 1024**2])
def test_a_workbook_is_refused_with_what_to_do_instead(client, begins, size):
    workbook = SimpleUploadedFile("shots.xlsx", begins + b"\x99" * size)
    page = client.post("/batch", {"table": "prompt\na harbour\n", "table_file": workbook, "action": "check"})
    assert page.status_code == 422
    assert "This is a workbook, not CSV." in page.content.decode()
    assert "a harbour" in page.content.decode()  # what was typed stays


def test_cells_beyond_the_last_column_are_an_error_unless_they_are_empty(client):
    empty, more = rows(send(client, "prompt,count\na,1,,\nb,1,x\n"))
    assert not empty.all_errors
    assert "more cells" in more.all_errors[0]


def test_a_table_is_written_as_it_is_read():
    table = read_table('prompt;config\n"a; ""b""\n c";{}\n')
    assert read_table(table.to_csv()) == table


def test_the_template_is_a_table_with_no_rows_that_is_accepted(client):
    reply = client.get("/batch/template.csv")
    assert "attachment" in reply["Content-Disposition"]
    assert reply.content.startswith(b"\xef\xbb\xbfprompt,")
    filled = reply.content.decode("utf-8-sig") + "a lighthouse,,,,,8,2\n"
    assert send(client, filled, "generate").status_code == 302
    assert Generation.objects.count() == 2


def test_the_page_is_in_the_navigation_and_works_by_itself(client):
    page = client.get("/batch").content.decode()
    assert re.search(r'<a href="/batch"[^>]*aria-current="page"[^>]*>Many at once', page)
    assert 'enctype="multipart/form-data"' in page


# From one prompt
def test_a_prompt_with_variables_becomes_every_combination(client):
    fields = {"prompt": "{thing} in {weather}, {thing}", "values_text": "weather: fog | rain\nthing: A | B"}
    page = client.post("/batch", fields | {"action": "variables", "aspect_ratio": "9:16", "count": "2"})
    made = ["A in fog, A", "A in rain, A", "B in fog, B", "B in rain, B"]
    assert [row.text("prompt") for row in rows(page)] == made
    assert page.context["total"].videos == 8
    assert not Batch.objects.exists()
    assert send(client, page.context["text"], "generate").status_code == 302
    assert prompts() == sorted(made * 2)


def test_a_prompt_with_variables_becomes_rows_line_by_line(client):
    fields = {"prompt": "{thing} in {weather}", "values_text": "weather: fog | rain\nthing: A | B", "how": "lines"}
    page = client.post("/batch", fields | {"action": "variables"})
    assert [row.text("prompt") for row in rows(page)] == ["A in fog", "B in rain"]


@pytest.mark.parametrize(
    ("prompt", "values", "how", "sentence"),
    [
        ("a lighthouse", "", "all", "The prompt has no variable"),
        ("a {b}", "", "all", "No values are given for “b”"),
        ("a {b}", "b", "all", "Write a variable and its values as"),
        ("a {b}", "c: 1 | 2", "all", "“c” is not in the prompt"),
        ("a {b}", "b: 1\nb: 2", "all", "“b” appears twice"),
        ("a {b} {c}", "b: 1 | 2\nc: 1", "lines", "b has 2, c has 1"),
        ("{a} {b} {c}", "\n".join(f"{name}: {'1 | ' * 10}" for name in "abc"), "all", "1,000 combinations"),
    ],
)
def test_invalid_variables_get_an_error_and_keep_what_was_typed(client, prompt, values, how, sentence):
    page = client.post("/batch", {"prompt": prompt, "values_text": values, "how": how, "action": "variables"})
    assert page.status_code == 422
    assert sentence in page.content.decode()
    assert prompt in page.content.decode()
    assert values in page.content.decode()


def test_several_pictures_with_one_prompt_are_a_row_for_each(client):
    pictures = [png("one.png"), png("two.png", "red")]
    page = client.post("/batch", {"prompt": "slow zoom", "action": "pictures", "pictures": pictures})
    assert page.context["total"].videos == 2
    assert send(client, page.context["text"], "generate").status_code == 302
    assert Generation.objects.exclude(start_frame=None).values("start_frame").distinct().count() == 2


def test_files_that_are_not_pictures_get_an_error(client):
    for pictures, sentence in (([], "Add at least one picture"), ([SimpleUploadedFile("a.png", b"MZ")], "a.png: ")):
        page = client.post("/batch", {"prompt": "slow zoom", "action": "pictures", "pictures": pictures})
        assert page.status_code == 422
        assert sentence in page.content.decode()


@pytest.mark.parametrize(
    "fields",
    [
        {"row": ["x", "-1", "99999", "١"], "ticks_of": "zzz"},
        {"action": "no such action"},
        {"action": ["check", "generate"], "token": "short"},
        {"table": "prompt,count\na,\ufffd\n"},
        {"table": "prompt,config.\na,1\n"},
        {"table": "prompt,config.duration\na," + "9" * 5000 + "\n"},
        {"table": "prompt,reference_image\na,//\nb,../../etc/passwd\nc," + "f" * 300 + "\n"},
        {"table": "prompt,start_from,end_picture\na,x,y\n"},
        {"table": "prompt,token\na,b\n"},
        {"table": "x" * 2_100_000},
    ],
)
def test_a_request_that_no_page_sends_makes_nothing_and_is_not_an_error(client, fields):
    assert client.post("/batch", {"table": TWO} | fields).status_code < 500
    assert not Batch.objects.exists()


@pytest.mark.parametrize("start", ["variables", "pictures"])
def test_each_way_to_begin_is_a_page(client, start):
    assert f'name="action" value="{start}"' in re.sub(r"\s+", " ", client.get(f"/batch?from={start}").content.decode())


def test_a_table_that_is_checked_again_after_its_generate_says_that_it_was_made(client):
    page = send(client, TWO)
    token = field(page, "token")
    assert "You generated this table" not in send(client, TWO, token=token).content.decode()
    send(client, TWO, "generate", token=token)
    [batch] = Batch.objects.all()
    again = send(client, TWO, token=token)
    assert "You generated this table" in again.content.decode()
    assert f"/?batch={batch.public_id}" in again.content.decode()
    assert field(again, "token") != token
    other = send(signed_in(make_member("other")), TWO, token=token)
    assert "You generated this table" not in other.content.decode()
    assert send(client, TWO, token="\0").status_code == 200
