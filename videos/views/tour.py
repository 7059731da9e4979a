"""`/tour`: an optional introduction of five minutes."""

from dataclasses import dataclass

from django.shortcuts import render
from django.views.decorators.http import require_safe


@dataclass(frozen=True)
class Step:
    title: str
    words: str
    page: str = ""  # the name of the route that shows it
    link: str = ""
    is_for_managers: bool = False


STEPS = (
    Step(
        "Write a prompt",
        "Write what the video should show, in the box at the foot of the gallery. Add a start or an end frame by "
        "click, drop or paste: a picture of yours, or a frame of a video that you have.",
    ),
    Step(
        "Choose a model",
        "Each has its price, its measured time and its success. Tick several to try one prompt on all of them, "
        "and compare the results side by side.",
        "compare",
        "See how videos are compared",
    ),
    Step(
        "Press Generate, and go on with something else",
        "The button says what it will cost. The video appears in the gallery at once and says where it stands, also "
        "after you have closed the page. If something needs you, it is under Needs attention.",
    ),
    Step(
        "Keep what is good",
        "A star keeps a video at hand, a collection puts videos together under a name. Continue makes its last frame "
        "the start of the next one. What you remove stays in the trash for a while.",
        "collections",
        "Open the collections",
    ),
    Step(
        "Make many at once",
        "Paste a table, see every row's price, and generate all of them with one click.",
        "batch",
        "See many at once",
    ),
    Step(
        "Keep an eye on spend",
        "What was made, how long it took and what it cost, by day and by model.",
        "usage",
        "Open the usage",
    ),
    Step(
        "Invite others",
        "Invitations are links; no mail server is needed. Each member sees their own videos and what is shared, and "
        "spends within a budget.",
        "members",
        "Open the members",
        is_for_managers=True,
    ),
)


@require_safe
def tour(request):
    return render(request, "tour/tour.html", {"steps": STEPS})
