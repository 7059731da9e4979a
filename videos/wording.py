"""Every sentence that depends on a state or a cause: a code (situation.cause) and the API's name → words for a person.

A situation's own `*` stands for every cause that has no sentence of its own there. Sentences say what happened, what it
means for money and video, and what to do.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

KEEPS_ASKING = "The video is not lost: the studio keeps asking."
NOT_CHARGED = "Nothing was made and nothing was charged"
MAY_COST = "{name} may have charged for it; Retry makes a new video, which costs again."
NOTHING_SENT = "Nothing was sent and nothing was charged; it is tried again by itself."

REPEATING = "The same request is repeated under the same key, which never costs twice."
STILL_OPEN = "Whether this was charged is as open as before."

# What a failure is called, by its cause.
TITLES = {
    "refused": "Refused by the provider",
    "picture": "{name} could not fetch a frame",
    "invalid": "{name} did not accept this request",
    "credits": "Out of credits",
    "key": "The API key was not accepted",
    "plan": "Not allowed on this plan",
    "retired": "{name} no longer offers this",
    "too_large": "Too large for {name}",
    "not_found": "{name} has lost this one",
    "fault": "Generation failed",
    "busy": "{name} was too busy",
    "cancelled": "Cancelled at {name}",
    "*": "This did not work",
}

SENTENCES: dict[str, dict[str, str]] = {
    # What a reply says of the remote itself: banners, and the reason of a pause.
    "remote": {
        "invalid": "{name} did not accept this request as it stands. Nothing was made; edit it and try again.",
        "picture": "{name} could not fetch the start or end frame. Nothing was made; try another picture.",
        "refused": "The prompt or a picture was refused by the provider. Nothing was saved; reword it and try again.",
        "key": "{name} did not accept the API key. Nothing is sent until the key is put right.",
        "credits": "The {name} account has run out of credits. Nothing is sent until it is topped up.",
        "plan": "The {name} account's plan does not allow this. Nothing was made.",
        "retired": "{name} no longer offers this call. Nothing was made, and nothing more is sent.",
        "not_found": "{name} does not know this execution.",
        "too_large": "{name} says the request is too large. Nothing was made; use a smaller picture or shorter prompt.",
        "busy": "{name} is busy. This waits for its turn and is sent by itself; nothing was charged.",
        "in_progress": "{name} is still answering the first request.",
        "fault": "{name} answered with a fault of its own.",
        "network": "{name} could not be reached.",
        "unreadable": "{name}'s answer could not be read.",
        "*": "{name} could not do this.",
    },
    # A definite refusal of the paid request. What a banner says of these is over once somebody has resumed; the card's
    # words stay.
    "refusal": {
        "key": "{name} did not accept the API key. " + NOT_CHARGED + "; retry once the key is right.",
        "credits": "The {name} account had run out of credits. " + NOT_CHARGED + "; retry once it is topped up.",
        "retired": "{name} no longer offered this call. " + NOT_CHARGED + "; retry once it does.",
        # The owner was told that the outcome is unknown and may have retried, so it does not go out by itself.
        "busy": "{name} was too busy to take this. " + NOT_CHARGED + "; Retry sends it again.",
    },
    # The start or end frame was refused before anything else was sent.
    "frame": {
        "invalid": "{name} did not accept the start or end frame. Nothing was made; try another picture.",
        "refused": "{name} refused the start or end frame. Nothing was made; try another picture.",
        "plan": "The {name} account's plan takes no pictures. Nothing was made; give the frame's web address instead.",
        "retired": "{name} no longer takes pictures this way. Nothing was made; give the frame's web address instead.",
        "missing": "The start or end frame's file is missing in the studio. Nothing was made; add the picture again.",
    },
    # Nothing has left yet, and it is tried again by itself.
    "delay": {
        "preparing": "The studio could not prepare this request. " + NOTHING_SENT,
        "own_fault": "The studio met a fault of its own ({place}). " + NOTHING_SENT,
        "busy": "{name} is busy. This waits for its turn and is sent by itself; nothing was charged.",
    },
    # The request left, and no usable answer came. That it may have been charged, and what to do, the card says of all.
    "lost": {
        "network": "The connection to {name} broke before its answer came.",
        "fault": "{name} answered with a fault of its own.",
        "unreadable": "{name}'s answer could not be read.",
        "interrupted": "The studio was interrupted while it was sending.",
        "studio": "The studio lost {name}'s answer.",
        "own_fault": "The studio met a fault of its own before it could keep {name}'s answer.",
        "repeated": "{name} answered with an execution that belongs to another generation of this studio.",
        "*": "{name}'s answer does not say whether it took this request.",
    },
    # The request left, no usable answer came, and the remote replays its first answer to the same key.
    "repeat": {
        "network": "The connection to {name} broke before its answer came. " + REPEATING,
        "fault": "{name} answered with a fault of its own. " + REPEATING,
        "in_progress": "{name} is still answering the first request. " + REPEATING,
        "interrupted": "The studio was interrupted while it was sending. " + REPEATING,
        "busy": "{name} is busy. " + REPEATING,
        "key": "{name} did not accept the API key. It is asked again once the key is right, at no cost.",
        "credits": "The {name} account has run out of credits. It is asked again once it is topped up, at no cost.",
        "*": "{name}'s answer could not be read. " + REPEATING,
    },
    # A poll went wrong.
    "poll": {
        "busy": "{name} asked the studio to ask less often. " + KEEPS_ASKING,
        "network": "{name} could not be reached to ask how far this is. " + KEEPS_ASKING,
        "fault": "{name} answered with a fault of its own. " + KEEPS_ASKING,
        "key": "{name} did not accept the API key. The video is not lost: it is followed again once the key is right.",
        "credits": "{name} says that the account has run out of credits. " + KEEPS_ASKING,
        "plan": "{name} says that the account's plan does not allow to look. " + KEEPS_ASKING,
        "retired": "{name} says that it no longer answers this question. " + KEEPS_ASKING,
        "definite": "{name} refused to say how far this is. " + KEEPS_ASKING,
        "own_fault": "The studio met a fault of its own ({place}). " + KEEPS_ASKING,
        "no_link": (
            "{name} has finished this video but not yet said where it is. Nothing is lost: the studio keeps asking."
        ),
        "*": "{name}'s answer could not be read. " + KEEPS_ASKING,
    },
    # The remote took it, and could not make it.
    "failure": {
        "refused": (
            "The provider refused the prompt or a picture, so there is no video. " + MAY_COST + " Reword it first."
        ),
        "picture": "The start or end frame could not be used, so there is no video. " + MAY_COST,
        "credits": "The {name} account ran out of credits, so there is no video. Top it up, then retry.",
        "plan": "The {name} account's plan does not allow this, so there is no video. Try another provider.",
        "invalid": "The provider did not accept this request, so there is no video. " + MAY_COST + " Edit it first.",
        "cancelled": "This was cancelled at {name}, so there is no video. " + MAY_COST,
        "not_found": "{name} no longer knows this execution, so there is no video to fetch. " + MAY_COST,
        "*": "The provider could not make this video. " + MAY_COST,
    },
    # The owner pastes the id of a job that they found at the remote.
    "found": {
        "invalid": "Paste the id as {name} shows it, such as {example}.",
        "elsewhere": "That id already belongs to another video here.",
        "not_found": "{name} does not know this id. Check it and paste it again.",
        "not_checked": "{name} could not be asked about this id just now; try again in a moment. " + STILL_OPEN,
        "key": "{name} did not accept the API key, so this id could not be checked. " + STILL_OPEN,
    },
}
# Where a situation has no sentence for a cause, and no general one.
INSTEAD = {"refusal": "remote", "frame": "remote"}


def sentence(situation: str, cause: str, name: str, **facts: str) -> str:
    """The words for `cause` in this situation; `name` is what the remote is called."""
    table = SENTENCES[situation]
    words = table.get(cause) or table.get("*") or sentence(INSTEAD[situation], cause, name)
    return fill(words, {"name": name, **facts})


def told(code: str, name: str) -> str:
    """The sentence for a code (situation.cause); what is no code are words of an older version, told as they are."""
    situation, _, cause = code.partition(".")
    return sentence(situation, cause, name) if cause and situation in SENTENCES else code


def delayed(cause: str, name: str, place: str = "") -> str:
    """Nothing has left yet: what went wrong, and that it is tried again by itself."""
    return fill(
        SENTENCES["delay"].get(cause) or f"{sentence('remote', cause, name)} {NOTHING_SENT}",
        {"name": name, "place": place},
    )


def end_of_api(api_name: str, ends_at: datetime | None, has_ended: bool) -> str:
    """What an owner should know when an API goes away."""
    if has_ended:
        since = f" It ended on {written(ends_at)}." if ends_at else ""
        return (
            f"{api_name} no longer takes requests.{since} Nothing more is sent to it and nothing is charged; what it "
            "has begun is still followed, and saved videos stay. Choose a provider of another API."
        )
    when = f"will end on {written(ends_at)}" if ends_at and ends_at > datetime.now(UTC) else "is about to end"
    return f"{api_name} {when}, by its own announcement. Until then everything works as before."


def written(moment: datetime) -> str:
    return f"{moment:%-d %B %Y}"


def title(cause: str, name: str) -> str:
    return fill(TITLES.get(cause, TITLES["*"]), {"name": name})


def fill(words: str, facts: Mapping[str, str]) -> str:
    return words.format_map(facts)
