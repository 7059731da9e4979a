"""How templates are written. Their form is djlint's work (`make lint`); this is what it does not look at."""

import re
from pathlib import Path

import pytest
from django.template import TemplateSyntaxError, engines
from django.template.loader import get_template, render_to_string
from django.template.loader_tags import BlockNode, ExtendsNode

from tests.parts.processes import ROOT
from videos.admin import timeline
from videos.lifecycle import Status
from videos.models.event import Step
from videos.template_loader import without_indentation
from videos.templatetags.icons import ADMIN_ICONS, ICONS, REVIEW_ICONS, icon_sprite
from videos.views.stacks import BEST_FIRST

FOLDER = Path(ROOT) / "templates"
TEMPLATES = sorted(FOLDER.rglob("*.html"))
USED = re.compile(r'{% (?:card_)?icon "([^"]+)"')


def names(paths):
    return [str(path.relative_to(FOLDER)) for path in paths]


@pytest.mark.parametrize("name", names(TEMPLATES))
def test_no_line_of_a_template_is_longer_than_120_characters(name):
    lines = (FOLDER / name).read_text().splitlines()
    assert [number for number, line in enumerate(lines, 1) if len(line) > 120] == []


@pytest.mark.parametrize("name", names(TEMPLATES))
def test_every_template_compiles_and_holds_no_style_and_no_script(name):
    get_template(name)
    assert not re.search(r"\sstyle=|<style|\son\w+=|<script>", (FOLDER / name).read_text())


@pytest.mark.parametrize("name", names(TEMPLATES))
def test_a_template_fills_only_blocks_that_its_parent_has(name):
    """Django drops any other block without a word, and the page is empty there."""
    for extended in get_template(name).template.nodelist.get_nodes_by_type(ExtendsNode):
        filled = {node.name for node in extended.nodelist if isinstance(node, BlockNode)}
        assert filled <= blocks_of(parent_of(extended))


def parent_of(extended):
    """The template of that name; for one that extends its own name, the one that it replaces."""
    return engines["django"].engine.find_template(extended.parent_name.resolve({}), skip=[extended.origin])[0]


def blocks_of(template):
    """The blocks of a template and of its parents."""
    parents = [blocks_of(parent_of(extended)) for extended in template.nodelist.get_nodes_by_type(ExtendsNode)]
    return {node.name for node in template.nodelist.get_nodes_by_type(BlockNode)}.union(*parents)


def test_the_sprite_holds_the_icons_that_are_used_and_no_other():
    used = {name for path in TEMPLATES for name in USED.findall(path.read_text())}
    assert used == {*ICONS, *REVIEW_ICONS}
    assert re.findall(r'<symbol id="i-([^"]+)"', icon_sprite()) == list(ICONS)
    assert re.findall(r'<symbol id="i-([^"]+)"', icon_sprite("review")) == list(REVIEW_ICONS)
    assert "ISC License" in icon_sprite()


def test_the_admins_sprite_holds_the_icons_that_its_pages_name_and_no_other():
    sources = [
        Path(ROOT) / "videos" / f"{name}.py" for name in ("admin_site/site", "admin_site/overview", "admin/timeline")
    ]
    code = "".join(source.read_text() for source in sources)
    assert [name for name in ADMIN_ICONS if f'"{name}"' not in code] == []
    assert not set(ICONS) & set(ADMIN_ICONS)
    assert re.findall(r'<symbol id="i-([^"]+)"', icon_sprite("admin")) == list(ADMIN_ICONS)


def test_an_icon_that_is_not_in_the_sprite_is_an_error_and_not_a_blank():
    with pytest.raises(TemplateSyntaxError, match="not in the sprite"):
        engines["django"].from_string('{% icon "no-such-icon" %}').render()


def test_indentation_is_not_sent_and_what_a_person_typed_is_sent_as_it_is():
    page = render_to_string("compose/_prompt.html", {"prompt": "first\n    second"})
    assert "\n    second" in page
    assert "\n  " not in page.replace("\n    second", "")


def test_every_state_without_a_video_has_its_own_look():
    """None falls through to the face of another: a new state was shown as cancelled."""
    text = (FOLDER / "gallery" / "_state.html").read_text()
    shown = re.findall(r'^{% (?:el)?if g\.status == "(\w+)" %}$', text, re.MULTILINE)
    assert sorted(shown) == sorted(set(Status) - {Status.READY})
    assert not re.search("^{% else %}$", text, re.MULTILINE)


def test_every_state_has_its_place_in_a_stack():
    assert sorted(BEST_FIRST) == sorted(Status)


def test_every_step_of_a_history_has_a_title_with_an_icon_that_the_admin_has():
    assert set(timeline.TITLES) == set(Step)
    assert {icon for icon, _ in timeline.TITLES.values()} <= {*ICONS, *ADMIN_ICONS}


def test_only_the_end_of_a_line_with_a_tag_alone_is_left_out():
    source = "<a {% if one %}x{% endif %}\n{% if two %}\n  y{% endif %}\n>\n  {# why #}\n{{ z }}\n{% endif %}\n"
    expected = "<a {% if one %}x{% endif %}\n{% if two %}y\n{% endif %}>\n{# why #}{{ z }}\n{% endif %}"
    assert without_indentation(source) == expected


def test_a_line_that_prints_nothing_leaves_no_line_and_one_that_prints_keeps_its_end():
    source = "<a\n{% if one %}b{% endif %}\n{% if two %}{{ c }}{% else %}d{% endif %}\n{% include 'e' %}\n>"
    expected = "<a\n{% if one %}b\n{% endif %}{% if two %}{{ c }}{% else %}d{% endif %}\n{% include 'e' %}>"
    assert without_indentation(source) == expected


@pytest.mark.parametrize("name", names(TEMPLATES))
def test_every_template_ends_its_last_line(name):
    """So the line that includes it has no need to."""
    assert (FOLDER / name).read_text().endswith("\n")
