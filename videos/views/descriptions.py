"""The description inside a downloaded file: tags of an MP4, and a line of an archive's contents.csv."""

import csv
import io
import json

from videos.models import Generation
from videos.storage.described_copy import Part, described
from videos.storage.stored_file import open_stored
from videos.views.download_names import seed_words
from videos.views.usage import plain_text

COLUMNS = [
    "file",
    "prompt",
    "provider",
    "aspect_ratio",
    "settings",
    "seed",
    "seconds",
    "width",
    "height",
    "bytes",
    "made",
    "id",
    "batch",
    "remote_id",
    "sha256",
]


def everything_of(generation: Generation) -> str:
    """Everything needed to make it again, and every id, as JSON. Begins with described_copy.MARK."""
    facts = {
        "heygen_studio": 1,
        "id": str(generation.public_id),
        "batch": str(generation.batch.public_id),
        "prompt": generation.prompt,
        "provider": generation.provider.value,
        "aspect_ratio": generation.aspect_ratio,
        "config": generation.config,
        "seed": seed_words(generation),
        "backend": generation.backend,
        "remote_id": generation.remote_id,
        "video_id": generation.video_id,
        "asset_id": generation.asset_id,
        "made": generation.created_at.isoformat(timespec="seconds"),
    }
    return json.dumps({key: value for key, value in facts.items() if value}, ensure_ascii=False, separators=(",", ":"))


def texts_of(generation: Generation) -> dict[bytes, str]:
    settings = json.dumps(generation.config, ensure_ascii=False) if generation.config else ""
    parts = [generation.provider.name, generation.aspect_ratio, settings, "HeyGen Studio"]
    return {
        b"\xa9nam": " ".join(generation.prompt.split())[:120],
        b"\xa9ART": generation.provider.name,
        b"desc": generation.prompt,
        b"\xa9cmt": " · ".join(filter(None, parts)),
    }


def described_parts(generation: Generation) -> list[Part]:
    """The parts of a copy of its video with the description inside. Raises FileNotFoundError."""
    with open_stored(generation.saved_video.file) as file:
        size = file.seek(0, io.SEEK_END)
        return described(file, size, texts_of(generation), everything_of(generation))


def contents(names: list[str], generations: list[Generation], has_head: bool = True) -> bytes:
    """contents.csv: one line for each file of an archive, in UTF-8. The head has a byte order mark for spreadsheets."""
    text = io.StringIO()
    writer = csv.writer(text)
    if has_head:
        writer.writerow(COLUMNS)
    for name, generation in zip(names, generations, strict=True):
        writer.writerow([plain_text(str(value)) for value in line_of(name, generation)])
    return text.getvalue().encode("utf-8-sig" if has_head else "utf-8")


def line_of(name: str, generation: Generation) -> list:
    saved = generation.saved_video
    return [
        name,
        generation.prompt,
        generation.provider.name,
        generation.aspect_ratio,
        json.dumps(generation.config, ensure_ascii=False) if generation.config else "",
        seed_words(generation),
        round(saved.seconds, 2),
        saved.width,
        saved.height,
        saved.size,
        generation.created_at.isoformat(timespec="seconds"),
        generation.public_id,
        generation.batch.public_id,
        generation.remote_id or "",
        saved.sha256,
    ]
