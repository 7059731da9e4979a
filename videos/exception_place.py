"""Where an exception came from. Its text is left out, because it may contain a signed link or a key."""

from pathlib import Path

OURS = Path(__file__).resolve().parent


def place_of(error: BaseException) -> str:
    """The last line of the studio's own code that the exception passed: "videos/tasks.py:57"."""
    step, place = error.__traceback__, ""
    while step:
        path = Path(step.tb_frame.f_code.co_filename)
        if path.is_relative_to(OURS) or not place:
            name = path.relative_to(OURS.parent) if path.is_relative_to(OURS) else path.name
            place = f"{name}:{step.tb_lineno}"
        step = step.tb_next
    return place


def kind_and_place(error: BaseException) -> str:
    """Kind and place: "TypeError at videos/tasks.py:57"."""
    place = place_of(error)
    return f"{type(error).__name__} at {place}" if place else type(error).__name__
