"""Parts of a page that are rendered once for the same values: they never show old values or those of others."""

import re
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.template import Context, engines
from django.utils import timezone
from django.utils.safestring import mark_safe

from tests.parts.generations import make
from tests.parts.people import make_member, signed_in, with_single_cards
from videos.models import Generation, PersonalNote, Provider, SavedVideo, Verdict
from videos.templatetags.cached_include import rendered

FOLDER = Path(settings.BASE_DIR) / "templates"
CACHED = re.compile(r'{% cached_include "([^"]+)"')
INCLUDED = re.compile(r'{% include "([^"]+)"')
# What does not depend on the values alone: the time, the time zone, the request, a person, chance.
ELSEWHERE = re.compile(
    r"\|(ago|date|time|timesince|timeuntil)\b|{% (now|csrf_token)|(?<![\w/])(request|user|card|g|notices)\."
)


def page_with(part, **values):
    return engines["django"].from_string(f"{{% cached_include {part} %}}").template.render(Context(values))


class Box(NamedTuple):
    """What the tick box of a card shows."""

    public_id: str
    prompt: str
    saved_size: int


def tick_box(prompt="a fox", size=0):
    return page_with('"gallery/_tick_box.html" with face=box', box=Box("x", prompt, size))


def test_the_same_values_are_rendered_once():
    rendered.cache_clear()
    assert tick_box() == tick_box()
    assert rendered.cache_info()[:2] == (1, 1)  # hits, misses


def test_equal_values_of_different_types_are_distinguished():
    assert 'data-size="1"' in tick_box(size=1)
    assert 'data-size="True"' in tick_box(size=True)
    assert "Select: <b>" in tick_box(mark_safe("<b>"))
    assert "Select: &lt;b&gt;" in tick_box("<b>")


CHANGEABLE = {"row": Generation(), "moment": timezone.now(), "list": ["a"], "span": timedelta(1)}


@pytest.mark.parametrize("value", CHANGEABLE.values(), ids=CHANGEABLE)
def test_values_that_can_change_are_refused(value):
    with pytest.raises(TypeError, match="plain values"):
        tick_box(value)


def parts_that_are_cached():
    waiting = [name for path in FOLDER.rglob("*.html") for name in CACHED.findall(path.read_text())]
    found = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += INCLUDED.findall((FOLDER / name).read_text())
    return sorted(found)


@pytest.mark.parametrize("name", parts_that_are_cached())
def test_a_cached_part_shows_its_values_and_nothing_else(name):
    assert not ELSEWHERE.search((FOLDER / name).read_text())


def rename_provider(video, person):
    Provider.objects.filter(pk=video.provider_id).update(name="Another model")


def rename_owner(video, person):
    get_user_model().objects.filter(pk=video.owner_id).update(username="somebody else")


def make_older(video, person):
    Generation.objects.filter(pk=video.pk).update(created_at=timezone.now() - timedelta(hours=5))


def name_it(video, person):
    PersonalNote.objects.create(user=person, generation=video, title="Dusk")


def judge(video, person):
    Verdict.objects.create(user=person, generation=video, word="rejected")


def star(video, person):
    person.favourites.create(generation=video)


def enlarge(video, person):
    SavedVideo.objects.filter(generation=video).update(size=7_100_000)


CHANGES = {
    name_it: ">Dusk<",
    rename_provider: "Another model",
    rename_owner: "by <bdi>somebody else</bdi>",
    judge: '<b class="verdict">rejected</b>',
    star: 'aria-pressed="true"\ntitle="Favourite"',
    make_older: "5 h ago",
    enlarge: "7.1 MB",
}


@pytest.mark.django_db
@pytest.mark.parametrize(("change", "words"), CHANGES.items(), ids=[change.__name__ for change in CHANGES])
def test_a_card_shows_every_change_at_once_even_without_a_change_of_its_row(owner, change, words):
    [video] = make(owner, shared=True)
    colleague = signed_in(with_single_cards(member := make_member()))
    assert words not in colleague.get("/").content.decode()
    change(video, member)
    assert words in colleague.get("/").content.decode()


@pytest.mark.django_db
def test_each_person_sees_their_own_card_of_the_same_video(owner):
    make(owner, shared=True, favourite=True)
    own, other = (signed_in(with_single_cards(one)).get("/").content.decode() for one in (owner, make_member()))
    assert 'aria-pressed="true"\ntitle="Favourite"' in own
    assert 'aria-pressed="true"\ntitle="Favourite"' not in other
    assert "by <bdi>owner</bdi>" in other
    assert "by <bdi>owner</bdi>" not in own
