"""The listing of a storage says which files exist and which are unknown, without holding them in memory."""

from datetime import UTC, datetime

from videos.storage.folders import walk
from videos.storage.listing import AT_ONCE, ListedFile, Listing

MOMENT = datetime(2026, 11, 25, tzinfo=UTC)


def test_a_file_that_was_never_looked_up_is_unknown():
    files = {f"videos/{number:05}.mp4": ListedFile(number, MOMENT) for number in range(3 * AT_ONCE)}
    with Listing(files.items()) as listing:
        known = [name for number, name in enumerate(files) if number % 3]
        for start in range(0, len(known), AT_ONCE):
            chunk = known[start : start + AT_ONCE]
            assert listing.take([*chunk, "videos/missing.mp4"]) == {name: files[name] for name in chunk}
        strangers = list(listing.strangers())
    assert max(map(len, strangers)) <= AT_ONCE
    left = {name: file for part in strangers for name, file in part.items()}
    assert left == {name: file for name, file in files.items() if name not in known}


def test_a_listing_leaves_nothing_behind():
    with Listing([]) as listing:
        folder = listing.folder.name
        assert listing.take(["a"]) == {}
    assert not list(walk(folder))


def test_every_file_below_a_folder_is_walked_once(tmp_path):
    for name in ("a", "b/c", "b/d/e", "lost+found/f"):
        path = tmp_path / "media" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "g").touch()
    (tmp_path / "media" / "link").symlink_to(tmp_path / "other")
    root, errors = tmp_path / "media", []
    found = {str(path.relative_to(root)) for path in walk(root, errors.append, left_out="lost+found")}
    assert found == {"a", "b/c", "b/d/e", "link/g"}
    list(walk(root / "missing", errors.append))
    assert [type(error) for error in errors] == [FileNotFoundError]
