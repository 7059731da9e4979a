"""Our own scripts and styles: how they are split, what they weigh, and how they are served."""

import gzip
import re
import subprocess
import sys

import pytest
from django.conf import settings

from tests.parts.generations import make
from tests.parts.processes import ROOT
from videos.models import Collection

pytestmark = pytest.mark.django_db

FOLDER = settings.BASE_DIR / "static" / "studio"
SCRIPTS = sorted(FOLDER.glob("*.js"))
STYLES = sorted(FOLDER.glob("*.css"))
IMPORT = re.compile(r'(?:from|import) "\./([\w-]+\.js)"')
LATER = re.compile(r'import\("\./([\w-]+\.js)"\)')
SCRIPT = re.compile(r'<script type="module" src="/static/studio/([\w-]+\.js)"')
MAX_GZIPPED = 14_000  # bytes, of the scripts of one page: what travels to the browser before anything is pressed
MAX_LATER = 4_000  # bytes, of one module that is loaded once somebody needs it
OWN_STYLES = {"admin.css", "client.css", "review.css"}  # of the pages of a review alone
LONGEST_LINE = 120
AROUND_CARDS = re.compile(r"(body|html|:root|#gallery-page|#gallery|#cards|\.cards|\.card|\.is-stack)(?![\w-])")


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """The folder of static files as `make run` collects them."""
    data = tmp_path_factory.mktemp("collected")
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "-v", "0"]
    environment = {"STUDIO_DATA": str(data), "SECRET_KEY": settings.SECRET_KEY, "PATH": ""}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    return data / "static" / "studio"


def imports(path):
    return [FOLDER / name for name in IMPORT.findall(path.read_text())]


def hashed_modules(collected):
    modules = [path for path in collected.glob("*.js") if re.fullmatch(r"[\w-]+\.[0-9a-f]{12}\.js", path.name)]
    assert len(modules) == len(SCRIPTS)
    return modules


@pytest.fixture
def pages(client, owner):
    """Each page that has scripts of its own, and one that has not: its address and its HTML."""
    batch = make(owner, count=2)[0].batch
    before = {"/login": client.get("/login").content.decode()}
    client.force_login(owner)
    review = f"/c/{Collection.objects.make(owner, 'Autumn launch').public_id}"
    addresses = ["/", f"/compare?batch={batch.public_id}", "/batch", "/account", "/import", review]
    return before | {address: client.get(address).content.decode() for address in addresses}


def loaded_by(entries):
    """These modules and everything that they import, before anything is pressed."""
    found = set()
    waiting = [FOLDER / name for name in entries]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += imports(path)
    return found


def sent_size(collected, name):
    [path] = [path for path in hashed_modules(collected) if path.name.split(".")[0] == name.removesuffix(".js")]
    return len(gzip.compress(path.read_bytes()))


def test_the_scripts_of_one_page_are_small_when_they_are_sent(collected, pages):
    for address, page in pages.items():
        entries = SCRIPT.findall(page)
        assert {"main.js", "page.js", "review.js", "passkeys.js"} & set(entries)
        sizes = {path.name: sent_size(collected, path.name) for path in loaded_by(entries)}
        assert sum(sizes.values()) <= MAX_GZIPPED, (address, sizes)


def test_a_module_that_is_loaded_when_it_is_needed_is_small_too(collected):
    later = {name for path in SCRIPTS for name in LATER.findall(path.read_text())}
    sizes = {name: sent_size(collected, name) for name in later}
    assert all(size <= MAX_LATER for size in sizes.values()), sizes


def test_nothing_but_comments_and_white_space_is_left_out_of_what_is_sent(collected):
    for path in hashed_modules(collected):
        source = (FOLDER / f"{path.name.split('.')[0]}.js").read_text()
        code = re.sub(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", "", source, flags=re.DOTALL)
        sent = re.sub(r"\.[0-9a-f]{12}\.js", ".js", path.read_text())
        assert re.sub(r"\s", "", sent) == re.sub(r"\s", "", code)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_text_goes_over_several_lines_and_would_lose_its_indentation(path):
    assert not [line for line in path.read_text().splitlines() if line.count("`") % 2]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_text_is_inside_another_one_and_would_lose_its_spaces(path):
    """`${count}${size ? `, ${size} MB` : ""}`: the minifier takes the inner text for code."""
    inside = re.compile(r"`[^`$]*(?:\$(?!\{)[^`$]*|\$\{[^`}]*\}[^`$]*)*\$\{[^`}]*`")
    assert not [line for line in path.read_text().splitlines() if inside.search(line)]


def test_no_script_lies_beside_the_modules():
    assert sorted((settings.BASE_DIR / "static").rglob("*.js")) == SCRIPTS


@pytest.mark.parametrize("path", [*SCRIPTS, *STYLES], ids=lambda path: path.name)
def test_lines_are_short_enough_to_read(path):
    assert max(len(line) for line in path.read_text().splitlines()) <= LONGEST_LINE


def test_every_module_is_used_and_no_imports_form_a_circle(pages):
    reached = set()

    def visit(path, above=()):
        assert path not in above, [step.name for step in (*above, path)]
        reached.add(path)
        for name in {*IMPORT.findall(path.read_text()), *LATER.findall(path.read_text())}:
            visit(FOLDER / name, (*above, path))

    for name in {name for page in pages.values() for name in SCRIPT.findall(page)}:
        visit(FOLDER / name)
    assert sorted(reached) == SCRIPTS


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_module_imports_only_what_exists_and_what_it_uses(path):
    text = path.read_text()
    for names, source in re.findall(r'import \{([^}]+)\} from "\./([\w-]+\.js)";', text):
        for name in (name.strip() for name in names.split(",")):
            assert re.search(rf"export const {name}\b", (FOLDER / source).read_text()), (name, source)
            assert len(re.findall(rf"\b{name}\b", text)) > 1, f"{name} is imported and not used"


def test_a_page_preloads_every_module_that_its_first_script_imports_and_loads_every_style(pages):
    page = pages["/"]
    preloaded = re.findall(r'rel="modulepreload" href="/static/studio/([\w-]+\.js)"', page)
    assert sorted(preloaded) == sorted(path.name for path in loaded_by(["main.js"]) if path.name != "main.js")
    styles = re.findall(r'href="/static/studio/([\w-]+\.css)"', page)
    assert sorted(styles) == [path.name for path in STYLES if path.name not in OWN_STYLES]


def test_the_page_of_a_review_loads_its_own_scripts_and_none_of_the_gallerys(pages):
    [page] = [page for address, page in pages.items() if address.startswith("/c/")]
    preloaded = re.findall(r'rel="modulepreload" href="/static/studio/([\w-]+\.js)"', page)
    assert sorted(preloaded) == sorted(path.name for path in loaded_by(["review.js"]) if path.name != "review.js")
    assert "studio/main.js" not in page
    assert "studio/review.css" in page


def test_collected_modules_import_each_other_by_their_hashed_names(collected):
    for path in hashed_modules(collected):
        for name in re.findall(r'(?:from ?|import ?|import\()"\./([^"]+)"', path.read_text()):
            assert re.fullmatch(r"[\w-]+\.[0-9a-f]{12}\.js", name), (path.name, name)
            assert (collected / name).exists()
            assert (collected / f"{name}.gz").exists() or (collected / name).stat().st_size < 200


def test_every_layer_is_named_in_the_order_of_the_first_stylesheet():
    order = re.search(r"@layer ([\w,\s]+);", (FOLDER / "tokens.css").read_text())[1].replace(",", " ").split()
    used = {name for path in STYLES for name in re.findall(r"@layer ([\w-]+) \{", path.read_text())}
    imported = re.findall(r"layer\(([\w-]+)\)", (FOLDER.parent / "admin-studio.css").read_text())  # Django's own
    assert used | set(imported) == set(order)


def test_no_rule_has_the_browser_look_at_every_card_again_whenever_one_is_added():
    """What has :has() is looked at again, and with it what the rest of its selector may name: with a thousand cards,
    170 ms for each page that was added. Instead it may set properties that are inherited, or stand inside the card."""
    for path in STYLES:
        rules = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        for selector in re.findall(r"[^{};]*:has\([^{};]*(?=\{)", rules):
            for *before, _ in (re.split(r"[\s>+~]+", one.strip()) for one in without_brackets(selector).split(",")):
                around_cards = [one for one in before if AROUND_CARDS.match(one) and ":has" in one]
                assert not around_cards, (path.name, selector.strip())


def without_brackets(selector):
    while "(" in selector:
        selector = re.sub(r"\([^()]*\)", "", selector)
    return selector
