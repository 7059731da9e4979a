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
        "In the box below the gallery, describe what the video should show. To add a start or end frame, click, drop "
        "or paste a picture, or use a frame of one of your videos.",
    ),
    Step(
        "Choose a model",
        "Each shows its price, measured time and success rate. Tick several to try one prompt on all of them, "
        "and compare the results side by side.",
        "compare",
        "Try Compare",
    ),
    Step(
        "Press Generate, then do something else",
        "The button shows the price. The video appears in the gallery at once and shows its progress, even after "
        "you have closed the page. Whatever needs a decision from you is under Needs attention.",
    ),
    Step(
        "Keep what is good",
        "Star your favourites, and group videos in collections. Continue starts the next video from the last frame of "
        "this one. Videos that you remove stay in the trash for a while.",
        "collections",
        "Open Collections",
    ),
    Step(
        "Make many at once",
        "Paste a table, see every row's price, and generate all of them with one click.",
        "batch",
        "Open Many at once",
    ),
    Step(
        "Keep an eye on spending",
        "See what was made, how long it took and what it cost, by day and by model.",
        "usage",
        "Open Usage",
    ),
    Step(
        "Invite others",
        "Invitations are links; no mail server is needed. Members see their own videos and shared ones, and spend "
        "within a budget.",
        "members",
        "Open Members",
        is_for_managers=True,
    ),
)


@require_safe
def tour(request):
    return render(request, "tour/tour.html", {"steps": STEPS})
