"""Where the files of a saved video lie: under their final names, and while they are still partial."""

from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage

from videos.models import Generation, SavedVideo


@dataclass(frozen=True)
class Names:
    """The names of a generation's three files in the storage."""

    video: str
    poster: str
    last_frame: str

    @classmethod
    def of(cls, generation: Generation) -> "Names":
        name = f"{generation.public_id.hex[:2]}/{generation.public_id}"
        return cls(f"videos/{name}.mp4", f"posters/{name}.jpg", f"frames/{name}.jpg")

    @property
    def to_publish(self) -> tuple[str, str, str]:
        """The names in the order in which the files are published: a video has its pictures from the start."""
        return self.poster, self.last_frame, self.video

    def saved_video(self, facts, size: int, sha256: str) -> SavedVideo:
        """The row for these files, not stored yet. `facts` are the probe's VideoFacts; `size` is in bytes."""
        files = {"file": self.video, "poster": self.poster, "last_frame": self.last_frame}
        return SavedVideo(**files, size=size, sha256=sha256, **asdict(facts))


def partial_path(name: str) -> Path:
    """Where a file grows until it is whole: hidden, and in its final folder, so that a rename is enough to publish it.

    With a bucket it grows in a local folder and is uploaded when it is whole.
    """
    if settings.BUCKET:
        return settings.PARTIAL_FOLDER / f".{name.replace('/', '-')}.part"
    final = Path(default_storage.path(name))
    return final.with_name(f".{final.name}.part")


def final_path(name: str) -> Path | None:
    """The file's path under its final name; None with a bucket."""
    return None if settings.BUCKET else Path(default_storage.path(name))


def progress_path(partial: Path) -> Path:
    """The path of the file that records the progress of a partial file: next to it."""
    return partial.with_suffix(".json")
