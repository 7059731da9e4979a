"""Many generations at once, copied within the database from one that was made as people and the worker make it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from tests.parts.generations import make_ready
from videos import planner_statistics
from videos.models import Batch, Favourite, Generation, LedgerEntry, SavedVideo

WORDS = {
    "sqlite": {
        "uuid": "lower(hex(randomblob(16)))",
        "moment": "strftime('%Y-%m-%d %H:%M:%f', t.{0}, '-' || ({1}) || ' seconds') || '000'",
        "day": "date(t.day, '-' || ({0}) || ' days')",
    },
    "postgresql": {
        "uuid": "gen_random_uuid()",
        "moment": "t.{0} - ({1}) * interval '1 second'",
        "day": "t.day - ({0})",
    },
}
LOADED = (Batch, Generation, SavedVideo, LedgerEntry, Favourite)
INDEXES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({})",
    "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ({}) AND indexname NOT IN "
    "(SELECT conname FROM pg_constraint)",
}
QUICK = {
    "sqlite": ("PRAGMA synchronous = OFF", "PRAGMA cache_size = -200000", "PRAGMA temp_store = MEMORY"),
    "postgresql": (
        "SET session_replication_role = replica",  # checks no references: the rows are copies
        "SET maintenance_work_mem = '256MB'",
    ),
}
A_BATCH = 4  # generations of one click
FEWEST = 40  # on each tab: more than a page has
SUBJECTS = ("lighthouse", "coffee shop", "coastal city", "redwood forest", "neon street", "paper bird", "marble table")


class History:
    """Makes `count` more of `owner`'s: of twelve one failed, the others are ready; of fifty one is in the trash, and of
    `starred` one is a favourite. They lie `spacing` seconds apart, the newest now."""

    def __init__(self, owner, count, spacing=30, starred=None):
        self.count, self.spacing = count, spacing
        self.starred = starred or min(100, max(1, count // FEWEST))
        self.words = WORDS[connection.vendor]
        self.first = make_ready(owner, f"history-{count}", token=f"first-{count}")
        self.base = {model: last_id(model) for model in (Batch, Generation)}

    def make(self):
        self.copy(Batch, self.batch(), self.count // A_BATCH + 1)
        self.copy(Generation, self.generation(), self.count)
        generation = {"generation_id": f"{self.base[Generation]} + i"}
        files = {name: f"'{name}/{self.base[Generation]}-' || i" for name in ("file", "poster", "last_frame")}
        lengths = {"seconds": "4 + i % 9"}
        self.copy(SavedVideo, generation | files | lengths, self.count, "WHERE i % 12 <> 0")
        for line in self.first.ledger.order_by("pk"):
            self.copy(LedgerEntry, generation | {"day": self.day()}, self.count, template=line.pk)
        stars = Favourite.objects.create(user=self.first.owner, generation=self.first)
        starred = {"generation_id": f"{self.base[Generation]} + i * {self.starred} - 1"}
        self.copy(Favourite, starred, self.count // self.starred, template=stars.pk)
        # It was made first, so it is the oldest.
        oldest = timezone.now() - timedelta(seconds=(self.count + 1) * self.spacing)
        Generation.objects.filter(pk=self.first.pk).update(created_at=oldest)
        planner_statistics.refresh()

    def batch(self):
        return {
            "id": f"{self.base[Batch]} + i",
            "public_id": self.words["uuid"],
            "form_token": "'history-' || (t.id + i)",
        }

    def generation(self):
        subjects = " ".join(f"WHEN {number} THEN '{words}'" for number, words in enumerate(SUBJECTS))
        prompt = f"'A ' || CASE i % {len(SUBJECTS)} {subjects} END || ' at dusk, slow dolly in, number ' || i"
        ago = f"({self.count} - i) * {self.spacing}"
        names = ("created_at", "sent_at", "completed_at", "due_at")
        moments = {name: self.words["moment"].format(name, ago) for name in names}
        thrown_away = min(50, max(2, self.count // FEWEST))  # one of so many
        return moments | {
            "id": f"{self.base[Generation]} + i",
            "public_id": self.words["uuid"],
            "batch_id": f"{self.base[Batch]} + 1 + i / {A_BATCH}",
            "provider_id": "(SELECT MIN(id) FROM videos_provider) + i % 13",
            "prompt": prompt,
            "search_text": f"lower({prompt})",
            "remote_id": "'old-' || (t.id + i)",
            "status": "CASE WHEN i % 12 = 0 THEN 'failed' ELSE 'ready' END",
            "error_class": "CASE WHEN i % 12 = 0 THEN 'fault' ELSE '' END",
            "changed_in": "t.changed_in",
            "trashed_at": f"CASE WHEN i % {thrown_away} = 0 THEN {moments['completed_at']} END",
            "day": self.day(),
        }

    def day(self):
        return self.words["day"].format(f"({self.count} - i) * {self.spacing} / 86400")

    def copy(self, model, changed, count, only="", template=None):
        """`count` copies of one row, with these columns changed; `i` counts them from 1."""
        table = model._meta.db_table
        columns = [field.column for field in model._meta.concrete_fields if not field.generated]
        columns = [name for name in columns if name != "id" or "id" in changed]
        values = ", ".join(changed.get(name, f't."{name}"') for name in columns)
        names = ", ".join(f'"{name}"' for name in columns)
        template = template or model._default_manager.order_by("-pk").values_list("pk", flat=True)[0]
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "
                f'INSERT INTO "{table}" ({names}) SELECT {values} FROM n JOIN "{table}" t ON t.id = {template} {only}'
            )
            if connection.vendor == "postgresql":
                cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT MAX(id) FROM {table}))")


@contextmanager
def loading() -> Iterator[None]:
    """One transaction, with indexes that are made once afterwards: a million rows in a minute or two. Nobody else may
    use the database, and whoever called this closes its connection, which keeps its settings."""
    connection.disable_constraint_checking()
    with connection.cursor() as cursor:
        for statement in QUICK[connection.vendor]:  # some are refused within a transaction
            cursor.execute(statement)
    with transaction.atomic(), connection.cursor() as cursor:
        tables = ", ".join(f"'{model._meta.db_table}'" for model in LOADED)
        cursor.execute(INDEXES[connection.vendor].format(tables))
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        yield
        for _, definition in indexes:
            cursor.execute(definition)
    planner_statistics.refresh()


def last_id(model):
    return model._default_manager.order_by("-pk").values_list("pk", flat=True)[0]
