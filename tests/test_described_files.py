"""Downloaded files that explain themselves: their names, what is inside of them, and an archive's list."""

import csv
import io
import json
import zipfile
from pathlib import Path

import av
import pytest

from tests.parts.generations import make
from tests.parts.people import make_member, signed_in
from videos.models import Collection, Preferences
from videos.storage.described_copy import MARK, box, described, moved, split
from videos.storage.probe import check_video
from videos.views.download_names import BadPattern, archive_names, check_pattern, download_name

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner):
    return signed_in(owner)


@pytest.fixture
def video(owner):
    [made] = make(owner, "A fox\nin the snow", ratio="9:16", config={"duration": 5, "seed": 7})
    return made


def fetch(client, video, query="?download=1", **headers):
    reply = client.get(f"/g/{video.public_id}/video.mp4{query}", headers=headers)
    return reply, b"".join(reply) if not reply.streaming else b"".join(reply.streaming_content)


def saved_bytes(video):
    return Path(video.saved_video.file.path).read_bytes()


def everything_in(data):
    at = data.index(MARK.encode())
    return json.loads(data[at : at + int.from_bytes(data[at - 16 : at - 12], "big") - 16])


def test_a_download_carries_prompt_provider_settings_and_ids(client, video):
    reply, data = fetch(client, video)
    assert int(reply["Content-Length"]) == len(data) > video.saved_video.size
    found = everything_in(data)
    assert found["id"] == str(video.public_id)
    assert (found["prompt"], found["provider"], found["aspect_ratio"]) == ("A fox\nin the snow", "veo_3_1", "9:16")
    assert found["config"] == {"duration": 5, "seed": 7}
    assert found["remote_id"] == video.remote_id


def test_players_show_it_and_every_frame_is_the_saved_one(client, video, tmp_path):
    path = tmp_path / "copy.mp4"
    path.write_bytes(fetch(client, video)[1])
    with av.open(str(path)) as copy, av.open(video.saved_video.file.path) as saved:
        assert copy.metadata["title"] == "A fox in the snow"
        assert copy.metadata["artist"] == "VEO 3.1"
        assert "seed" in copy.metadata["comment"]
        assert {**copy.metadata, **saved.metadata} == dict(copy.metadata)  # what the provider has put in stays
        packets = [[bytes(packet) for packet in file.demux(video=0)] for file in (copy, saved)]
    assert packets[0] == packets[1]
    assert check_video(path).seconds == pytest.approx(video.saved_video.seconds)


def test_the_saved_copy_and_a_clean_download_stay_as_they_were_made(client, video):
    before = saved_bytes(video)
    fetch(client, video)
    assert fetch(client, video, "?download=clean")[1] == fetch(client, video, "")[1] == saved_bytes(video) == before


@pytest.mark.parametrize("asked", ["0-9", "0-", "100-40000", "-50", "700-"])
def test_a_part_is_the_same_bytes_as_in_the_whole(client, video, asked):
    whole = fetch(client, video)[1]
    reply, part = fetch(client, video, Range=f"bytes={asked}")
    first, last = reply["Content-Range"].split(" ")[1].split("/")[0].split("-")
    assert reply.status_code == 206
    assert part == whole[int(first) : int(last) + 1]


def test_a_movie_box_at_the_front_moves_the_places_of_its_media(video, tmp_path):
    path = tmp_path / "front.mp4"
    with (
        av.open(video.saved_video.file.path) as saved,
        av.open(str(path), "w", options={"movflags": "faststart"}) as out,
    ):
        stream = out.add_stream_from_template(saved.streams.video[0])
        for packet in saved.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    parts = described(io.BytesIO(data), len(data), {b"\xa9nam": "a fox"}, MARK + "1}")
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(b"".join(part.own or data[part.start : part.start + part.length] for part in parts))
    assert check_video(copy).seconds == pytest.approx(check_video(path).seconds)
    with av.open(str(copy)) as told:
        assert told.metadata["title"] == "a fox"


def test_fragments_get_a_box_at_the_end_and_other_files_stay_unchanged():
    fragments = box(b"ftyp", b"isom") + box(b"moov") + box(b"moof") + box(b"mdat", b"x")
    parts = described(io.BytesIO(fragments), len(fragments), {}, MARK + "1}")
    assert parts[0].size == len(fragments)
    assert parts[1].own[4:8] == b"uuid"
    for odd in (b"", b"no boxes at all", fragments[:-3], fragments + b"rest"):
        assert sum(part.size for part in described(io.BytesIO(odd), len(odd), {}, MARK + "1}")) == len(odd)
    open_ended = box(b"ftyp", b"isom") + box(b"moof") + b"\0\0\0\0mdatxx"
    assert [part.size for part in described(io.BytesIO(open_ended), len(open_ended), {}, MARK + "1}")] == [
        len(open_ended)
    ]


def test_tags_of_the_provider_are_not_replaced():
    mine = box(b"\xa9nam", box(b"data", b"\0\0\0\1\0\0\0\0theirs"))
    meta = b"\0" * 4 + box(b"hdlr", b"\0" * 8 + b"mdirappl" + b"\0" * 9) + box(b"ilst", mine)
    movie = box(b"moov", box(b"mvhd", b"x"), box(b"udta", box(b"meta", meta)))
    parts = described(io.BytesIO(movie), len(movie), {b"\xa9nam": "ours", b"desc": "ours"}, MARK + "1}")
    data = b"".join(part.own for part in parts)
    assert data.count(b"\xa9nam") == 1
    assert b"theirs" in data
    assert b"desc" in data


def test_places_in_a_table_that_is_cut_are_left_alone():
    table = box(b"stco", b"\0\0\0\0", (5).to_bytes(4, "big"), b"\0\0\0\1")
    movie = box(b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", table)))))
    parts = described(io.BytesIO(movie), len(movie), {}, MARK + "1}")
    assert parts[0].size == len(movie)
    assert parts[1].own[4:8] == b"uuid"
    assert split(movie)[0][0] == b"moov"
    assert moved(box(b"moov"), 0, 8) == box(b"moov")


def pattern_of(owner, pattern):
    Preferences.objects.keep(owner, name_pattern=pattern)


def test_names_follow_the_persons_pattern(client, owner, video):
    pattern_of(owner, "{n:02}_{prompt:5}_{provider}_{ratio}_{seed}")
    assert 'filename="01_A fox_VEO 3.1_9x16_7.mp4"' in fetch(client, video)[0]["Content-Disposition"]
    pattern_of(owner, "")
    assert "A fox in the snow" in fetch(client, video)[0]["Content-Disposition"]


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("{n:03} {id}", "001 "),
        ("{collection}_{seed}_{provider}", "VEO 3.1.mp4"),  # nothing is left of what is empty
        ("../{prompt}/..", "A lighthouse at dusk.mp4"),
        ("con", "con_.mp4"),
        ("...{seed}", "video.mp4"),
        ("{prompt:999}" * 9, "A lighthouse at dusk"),
    ],
)
def test_a_name_is_safe_for_every_file_system(owner, pattern, name):
    [made] = make(owner)
    filled = download_name(made, pattern)
    assert filled.startswith(name)
    assert len(filled.encode()) < 200
    assert not set(filled) & set('/\\:*?"<>|\0')


@pytest.mark.parametrize("pattern", ["{promt}", "{prompt", "video", "{n:x}", "{}"])
def test_an_invalid_pattern_is_refused_with_a_reason(pattern):
    with pytest.raises(BadPattern):
        check_pattern(pattern)
    check_pattern("{n:02}_{collection}_{prompt:40}_{provider}_{ratio}_{seed}")
    check_pattern("")


def test_a_name_holds_the_collection_that_this_person_sees(client, owner, video):
    pattern_of(owner, "{collection}_{prompt:5}")
    assert 'filename="A fox.mp4"' in fetch(client, video)[0]["Content-Disposition"]
    Collection.objects.make(owner, "Autumn: launch").add([video], owner)
    assert 'filename="Autumn launch_A fox.mp4"' in fetch(client, video)[0]["Content-Disposition"]
    video.share_with_team(True)
    member = make_member()
    pattern_of(member, "{collection}_{prompt:5}")
    assert "Autumn" not in fetch(signed_in(member), video)[0]["Content-Disposition"]


def test_an_archive_has_described_files_and_a_list_of_them(client, owner, video):
    made = [video, *make(owner, "=HYPERLINK(1)")]
    reply = client.post("/selected", {"operation": "download", "ids": [str(one.public_id) for one in made]})
    data = b"".join(reply.streaming_content)
    assert int(reply["Content-Length"]) == len(data)
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    rows = list(csv.DictReader(archive.read("contents.csv").decode("utf-8-sig").splitlines(keepends=True)))
    assert [row["file"] for row in rows] == [name for name in archive.namelist() if name.endswith(".mp4")]
    assert {row["prompt"] for row in rows} == {"A fox\nin the snow", "'=HYPERLINK(1)"}
    by_id = {row["id"]: row for row in rows}
    row = by_id[str(video.public_id)]
    assert (row["seed"], row["sha256"], row["width"]) == ("7", video.saved_video.sha256, str(video.saved_video.width))
    assert everything_in(archive.read(row["file"]))["id"] == str(video.public_id)


def test_a_clean_archive_holds_the_saved_bytes_and_nothing_else(client, video):
    reply = client.post("/selected", {"operation": "download", "clean": "1", "ids": [str(video.public_id)]})
    archive = zipfile.ZipFile(io.BytesIO(b"".join(reply.streaming_content)))
    assert [archive.read(name) for name in archive.namelist()] == [saved_bytes(video)]


def test_a_person_sets_the_pattern_and_a_wrong_one_says_why_and_stays(client, owner, video):
    assert client.post("/account/file-names", {"pattern": " {prompt:5}-{id} "}).status_code == 302
    assert Preferences.objects.of(owner).name_pattern == "{prompt:5}-{id}"
    assert "A fox-" in client.get("/account/file-names").content.decode()
    refused = client.post("/account/file-names", {"pattern": "{promt}"})
    assert refused.status_code == 422
    assert "There is no {promt}." in refused.content.decode()
    assert Preferences.objects.of(owner).name_pattern == "{prompt:5}-{id}"


def fill(client, facts):
    reply = client.post("/compose/fill", {"facts": facts if isinstance(facts, str) else json.dumps(facts)})
    assert reply.status_code == 200
    return reply.context["form"]


def test_a_downloaded_file_fills_the_composer_again(client, owner, video):
    form = fill(client, everything_in(fetch(client, video)[1]))
    assert form.value("prompt") == "A fox\nin the snow"
    assert form.chosen_providers() == ["veo_3_1"]
    assert form.value("aspect_ratio") == "9:16"
    assert json.loads(form.value("config")) == {"duration": 5, "seed": 7}


def test_a_file_of_another_studio_fills_it_with_what_this_one_knows(client):
    facts = {"id": "00000000-0000-4000-8000-000000000000", "prompt": "A bear", "provider": "kling_pro", "config": [1]}
    form = fill(client, facts)
    assert (form.value("prompt"), form.chosen_providers(), form.value("config")) == ("A bear", ["kling_pro"], "")
    assert fill(client, facts | {"provider": "nobody's"}).chosen_providers() == ["veo_3_1"]


@pytest.mark.parametrize(
    "facts", ["", "{", "[]", "1", '{"prompt": 7}', '{"id": {}}', '{"prompt": "", "provider": "\\u0000"}']
)
def test_a_file_without_a_description_leaves_the_composer_empty(client, facts):
    assert fill(client, facts).value("prompt") == ""


def test_somebody_elses_file_does_not_show_their_video(client, video):
    stranger = signed_in(make_member())
    reply = stranger.post("/compose/fill", {"facts": json.dumps({"id": str(video.public_id)})})
    assert "A fox" not in reply.content.decode()


def test_a_poster_is_saved_under_its_videos_id(client, video):
    assert str(video.public_id) in client.get(f"/g/{video.public_id}/poster")["Content-Disposition"]


def test_numbers_continue_within_an_archive(owner):
    assert archive_names(make(owner, count=2), "{n:02}") == ["01.mp4", "02.mp4"]
    assert archive_names(make(owner, count=2), "{prompt}") == [
        "A lighthouse at dusk.mp4",
        "A lighthouse at dusk (2).mp4",
    ]
