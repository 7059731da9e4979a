"""Our own scripts and styles: how they are split, what they weigh, and how they are served."""

import gzip
import re
import subprocess
import sys

import pytest
from django.conf import settings

from tests.parts.processes import ROOT

FOLDER = settings.BASE_DIR / "static" / "studio"
SCRIPTS = sorted(FOLDER.glob("*.js"))
STYLES = sorted(FOLDER.glob("*.css"))
IMPORT = re.compile(r'(?:from|import) "\./([\w-]+\.js)";')
MOST_GZIPPED = 14_000  # bytes, of all scripts together: what travels to the browser
LONGEST_LINE = 120


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


def test_all_scripts_together_are_small_when_they_are_sent(collected):
    sizes = {path.name: len(gzip.compress(path.read_bytes())) for path in hashed_modules(collected)}
    assert sum(sizes.values()) <= MOST_GZIPPED, sizes
    sent = [path.with_name(f"{path.name}.gz") for path in hashed_modules(collected)]
    assert sum(path.stat().st_size for path in sent if path.exists()) <= MOST_GZIPPED


def test_nothing_but_comments_and_white_space_is_left_out_of_what_is_sent(collected):
    for path in hashed_modules(collected):
        source = (FOLDER / f"{path.name.split('.')[0]}.js").read_text()
        code = re.sub(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", "", source, flags=re.DOTALL)
        sent = re.sub(r"\.[0-9a-f]{12}\.js", ".js", path.read_text())
        assert re.sub(r"\s", "", sent) == re.sub(r"\s", "", code)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_text_goes_over_several_lines_and_would_lose_its_indentation(path):
    assert not [line for line in path.read_text().splitlines() if line.count("`") % 2]


def test_no_script_lies_beside_the_modules():
    assert sorted((settings.BASE_DIR / "static").rglob("*.js")) == SCRIPTS


@pytest.mark.parametrize("path", [*SCRIPTS, *STYLES], ids=lambda path: path.name)
def test_lines_are_short_enough_to_read(path):
    assert max(len(line) for line in path.read_text().splitlines()) <= LONGEST_LINE


def test_every_module_is_used_and_no_imports_form_a_circle():
    reached = []

    def visit(path, above=()):
        assert path not in above, [step.name for step in (*above, path)]
        reached.append(path)
        for imported in imports(path):
            visit(imported, (*above, path))

    visit(FOLDER / "main.js")
    assert sorted(set(reached)) == SCRIPTS


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_module_imports_only_what_exists_and_what_it_uses(path):
    text = path.read_text()
    for names, source in re.findall(r'import \{([^}]+)\} from "\./([\w-]+\.js)";', text):
        for name in (name.strip() for name in names.split(",")):
            assert re.search(rf"export const {name}\b", (FOLDER / source).read_text()), (name, source)
            assert len(re.findall(rf"\b{name}\b", text)) > 1, f"{name} is imported and not used"


def test_the_page_preloads_every_module_and_loads_every_style(client, owner):
    client.force_login(owner)
    page = client.get("/").content.decode()
    preloaded = re.findall(r'rel="modulepreload" href="/static/studio/([\w-]+\.js)"', page)
    assert sorted(preloaded) == [path.name for path in SCRIPTS if path.name != "main.js"]
    assert '<script type="module" src="/static/studio/main.js">' in page
    assert sorted(re.findall(r'href="/static/studio/([\w-]+\.css)"', page)) == [path.name for path in STYLES]


def test_collected_modules_import_each_other_by_their_hashed_names(collected):
    for path in hashed_modules(collected):
        for name in re.findall(r'(?:from|import) "\./([^"]+)";', path.read_text()):
            assert re.fullmatch(r"[\w-]+\.[0-9a-f]{12}\.js", name), (path.name, name)
            assert (collected / name).exists()
            assert (collected / f"{name}.gz").exists() or (collected / name).stat().st_size < 200


def test_every_layer_is_named_in_the_order_of_the_first_stylesheet():
    order = re.search(r"@layer ([\w,\s]+);", (FOLDER / "tokens.css").read_text())[1].replace(",", " ").split()
    used = {name for path in STYLES for name in re.findall(r"@layer ([\w-]+) \{", path.read_text())}
    assert used == set(order)
