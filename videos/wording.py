"""Every sentence that depends on a state or a cause.

Rows keep a code (situation.cause), and facts such as a number, a place or the remote's own words. The sentence for a
person is looked up here when it is shown. A situation's own `*` stands for every cause that has no sentence of its own
there. Sentences say what happened, what it means for money and video, and what to do.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

KEEPS_ASKING = "The video is not lost: the studio keeps checking."
NOT_CHARGED = "Nothing was made and nothing was charged"
MAY_COST = "{name} may have charged for it; Retry makes a new video, which costs again."
NOTHING_SENT = "Nothing was sent and nothing was charged; it is tried again automatically."

REPEATING = "The same request is repeated under the same key, which never costs twice."
STILL_OPEN = "It is still unknown whether this was charged."

# The title of a failure, by its cause.
TITLES = {
    "refused": "Refused by the provider",
    "picture": "{name} could not fetch a frame",
    "invalid": "{name} did not accept this request",
    "credits": "Out of credits",
    "key": "The API key was not accepted",
    "plan": "Not allowed on this plan",
    "retired": "{name} no longer offers this",
    "model": "{name} does not know this model",
    "too_large": "Too large for {name}",
    "not_found": "{name} does not know this any more",
    "fault": "Generation failed",
    "busy": "{name} was too busy",
    "cancelled": "Cancelled at {name}",
    "*": "This did not work",
}

SENTENCES: dict[str, dict[str, str]] = {
    # A problem of the remote API itself: for banners, and the reason of a pause.
    "remote": {
        "invalid": "{name} did not accept this request. Nothing was made; edit it and try again.",
        "picture": "{name} could not fetch the start or end frame. Nothing was made; try another picture.",
        "refused": "Your prompt was blocked by the provider's content policy. Nothing was made; edit it and try again.",
        "key": "{name} did not accept the API key. Nothing is sent until the key is corrected.",
        "credits": "The {name} account has run out of credits. Nothing is sent until it is topped up.",
        "plan": "The {name} account's plan does not allow this. Nothing was made.",
        "retired": "{name} no longer offers this call. Nothing was made, and nothing more is sent.",
        "model": "{name} does not know this model. Nothing was made and nothing was charged; choose another model.",
        "not_found": "{name} does not know this id.",
        "too_large": "{name} says the request is too large. Nothing was made; use a smaller picture or shorter prompt.",
        "busy": "{name} is busy. This waits for its turn and is sent automatically; nothing was charged.",
        "in_progress": "{name} is still answering the first request.",
        "fault": "{name} reported an internal error.",
        "network": "{name} could not be reached.",
        "unreadable": "{name}'s answer could not be read.",
        "*": "{name} could not do this.",
    },
    # A definite refusal of the paid request. A banner about it disappears once somebody has resumed; the card's
    # words stay.
    "refusal": {
        "key": "{name} did not accept the API key. " + NOT_CHARGED + "; retry once the key is corrected.",
        "credits": "The {name} account had run out of credits. " + NOT_CHARGED + "; retry once it is topped up.",
        "retired": "{name} no longer offered this call. " + NOT_CHARGED + "; retry once it is offered again.",
        # The owner was told that the outcome is unknown and may have retried, so it is not sent again automatically.
        "busy": "{name} was too busy to accept this. " + NOT_CHARGED + "; Retry sends it again.",
    },
    # The start or end frame was refused before anything else was sent.
    "frame": {
        "invalid": "{name} did not accept the start or end frame. Nothing was made; try another picture.",
        "refused": "{name} refused the start or end frame. Nothing was made; try another picture.",
        "plan": "The {name} account's plan does not allow pictures. Nothing was made; use the frame's web address.",
        "retired": "{name} no longer accepts pictures this way. Nothing was made; use the frame's web address.",
        "missing": "The start or end frame's file is missing in the studio. Nothing was made; add the picture again.",
    },
    # Nothing was sent yet, and it is tried again automatically.
    "delay": {
        "preparing": "The studio could not prepare this request. " + NOTHING_SENT,
        "own_fault": "The studio had an internal error ({detail}). " + NOTHING_SENT,
        "busy": "{name} is busy. This waits for its turn and is sent automatically; nothing was charged.",
        "*": "{remote} " + NOTHING_SENT,
    },
    # The request was sent, and no usable answer came. The card adds that it may have been charged, and what to do.
    "lost": {
        "network": "The connection to {name} broke before its answer came.",
        "fault": "{name} reported an internal error.",
        "unreadable": "{name}'s answer could not be read.",
        "interrupted": "The studio was interrupted while it was sending.",
        "studio": "The studio lost {name}'s answer.",
        "own_fault": "The studio had an internal error before it could store {name}'s answer.",
        "clock": "The studio's clock was hours behind {name}'s, so a repeat of the lost request could cost again.",
        "other_key": "The API key changed before {name} answered, and a repeat under another key could cost again.",
        "repeated": "{name} answered with the id of another video here, which does not say whether it accepted this.",
        "*": "{name}'s answer does not say whether it accepted this request.",
    },
    # The request left, no usable answer came, and the remote replays its first answer to the same key.
    "repeat": {
        "network": "The connection to {name} broke before its answer came. " + REPEATING,
        "fault": "{name} reported an internal error. " + REPEATING,
        "in_progress": "{name} is still answering the first request. " + REPEATING,
        "interrupted": "The studio was interrupted while it was sending. " + REPEATING,
        "busy": "{name} is busy. " + REPEATING,
        "key": "{name} did not accept the API key. The same request is repeated, free, once this key is accepted.",
        "clock": (
            "The studio's clock is behind {name}'s by more than an hour. The same request is repeated, free, once the "
            "clock is set."
        ),
        "credits": "The {name} account is out of credits. The same request is repeated, free, once it is topped up.",
        "*": "{name}'s answer could not be read. " + REPEATING,
    },
    # The owner's rule moved a saved video to the trash.
    "retention": {
        "age": "Older than this studio keeps videos. Restore it from the trash to keep it.",
        "space": "Moved to make room for newer videos. Restore it from the trash to keep it.",
        "*": "Moved to the trash by this studio's rule.",
    },
    # The consistency check found a file of a saved copy that is not as it was saved.
    "check": {
        "missing": "The saved copy's file is missing. Where {name} still has the video, it is downloaded again.",
        "changed": "The saved copy's file has changed. Where {name} still has the video, it is downloaded again.",
        "picture": "The poster or the last frame is missing. It is drawn again from the saved copy.",
    },
    # A poll went wrong.
    "poll": {
        "busy": "{name} asked the studio to check less often. " + KEEPS_ASKING,
        "network": "{name} could not be reached to check on this video. " + KEEPS_ASKING,
        "fault": "{name} reported an internal error. " + KEEPS_ASKING,
        "key": "{name} did not accept the API key. The video is not lost: checking resumes once the key is corrected.",
        "credits": "{name} says that the account has run out of credits. " + KEEPS_ASKING,
        "plan": "{name} says that the account's plan does not allow this. " + KEEPS_ASKING,
        "retired": "{name} no longer offers this call. " + KEEPS_ASKING,
        "definite": "{name} refused to give the status of this video. " + KEEPS_ASKING,
        "own_fault": "The studio had an internal error ({detail}). " + KEEPS_ASKING,
        "no_link": (
            "{name} has finished this video but has not given a link yet. Nothing is lost: the studio keeps checking."
        ),
        "*": "{name}'s answer could not be read. " + KEEPS_ASKING,
    },
    # The remote API accepted it and failed to make it.
    "failure": {
        "refused": (
            "The provider's content policy blocked this, so there is no video. " + MAY_COST + " Edit the prompt first."
        ),
        "picture": "The start or end frame could not be used, so there is no video. " + MAY_COST,
        "credits": "The {name} account ran out of credits, so there is no video. Top it up, then retry.",
        "plan": "The {name} account's plan does not allow this, so there is no video. Try another provider.",
        "invalid": "The provider did not accept this request, so there is no video. " + MAY_COST + " Edit it first.",
        "cancelled": "This was cancelled at {name}, so there is no video. " + MAY_COST,
        "not_found": "{name} no longer knows this id, so there is no video to fetch. " + MAY_COST,
        "*": "The provider failed to make this video. " + MAY_COST,
    },
    # The video is made, and not saved yet. These complete "The video is finished, but …"; see AFTERWARDS.
    "saving": {
        "disk_full": "the studio's disk is full",
        "disk_nearly_full": "the studio's disk is nearly full",
        "storage": "the studio's storage did not accept it ({detail})",
        "bucket_refused": "the bucket did not accept it",
        "bucket_part": "only part of it reached the bucket",
        "too_large": "it is larger than {size}, the most this studio saves",
        "interrupted": "its download was interrupted",
        "interrupted_after": "its download was interrupted after {size}",
        "stalled": "its server sends too slowly or not at all",
        "server": "its server answered with an error (HTTP {http})",
        "unreachable": "its server cannot be reached",
        "compressed": "its server sent it compressed, without being asked to",
        "changed": "the file behind its link has changed",
        "not_a_video": "its link does not lead to a video",
        "dead_link": "its link no longer works",
        "redirects": "its link redirects too often",
        "not_encrypted": "its link is not an encrypted (https) address",
        "not_an_address": "its link is not an address that can be opened",
        "forbidden_address": "its link leads to an address that the studio must not open",
        "no_new_link": "its link has expired, and there is no new one yet. {remote}",
        "no_link_now": "its link has expired, and {name} gives no new one at the moment",
        "forgotten": "{name} no longer has it, and no copy was saved",
        "database": "the studio's database did not answer",
        "own_fault": "the studio had an internal error ({detail})",
    },
    # The bytes are here, and are not a video that the studio can check.
    "video": {
        "empty": "The file is empty.",
        "not_mp4": "The file is not an MP4 video.",
        "looks_like": "The file is {looks}, not an MP4 video.",
        "no_picture": "The file contains no video, only sound or data.",
        "cut_short": "The video is cut short: at least {missing} bytes are missing at its end.",
        "incomplete": "The video is incomplete: its index or its frames are missing.",
        "odd_index": "This studio cannot read the video's index.",
        "no_length": "The video has no length: it ends where it begins.",
        "no_decode": "The video is damaged: it cannot be decoded.",
        "no_start": "The video is damaged: no frame at its start can be shown.",
        "no_last_picture": "The video is damaged: its last frame cannot be shown.",
        "no_end": "The video is cut short or damaged: no frame near its end can be shown.",
        "codec": "The video uses a codec that this studio cannot read.",
        "pixels": "The video is {width} × {height} pixels, more than the 4K this studio can check.",
        "memory": "The studio has too little memory to check it.",
    },
    # Why sending is paused.
    "pause": {
        "owner": "{person} paused sending.",
        "restored": (
            "This studio was restored from a backup of {backup}. {requests} requests were waiting then, and may have "
            "been sent since: sending them again would cost again. Cancel those that were made, then resume."
        ),
        "unknowns": "{requests} requests in a row ended without saying whether {name} accepted them.",
        "refused_key": "{name} did not accept the API key. Nothing is sent until the key is corrected.",
    },
    # Made in demo mode and shown outside it, or the other way round.
    "mode": {
        "demo": "Made in demo mode, so it is never sent to a real API. Generate it again to make it for real.",
        "gone": "{name} is no longer part of this studio. This waits until its module is installed again.",
        "real": "Made with an API key. It waits until the studio runs with the key again.",
    },
    # Words that an older version stored, and that match no sentence of that version.
    "earlier": {"*": "{words}"},
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
REMOTE = SENTENCES["remote"]

CANNOT_CHECK = frozenset({"video.codec", "video.pixels", "video.memory"})
# While a finished video is not saved yet: what happens next, after "Trying again in 60 s".
FRESH_LINK = ", with a new link from {name}; nothing more is charged."
ACT_SOON = "; fix this soon, because {name} keeps the video only for a limited time."
NOTHING_AGAIN = "; nothing is downloaded again."
AFTERWARDS = {
    "saving.disk_full": ACT_SOON,
    "saving.disk_nearly_full": ACT_SOON,
    "saving.storage": ACT_SOON,
    "saving.too_large": "; raise STUDIO_MAX_VIDEO_BYTES to have it saved.",
    "saving.database": "; what has arrived is kept.",
    "saving.own_fault": "; what has arrived is kept.",
    "saving.bucket_refused": NOTHING_AGAIN,
    "saving.bucket_part": NOTHING_AGAIN,
    **dict.fromkeys(CANNOT_CHECK, NOTHING_AGAIN),
    "saving.interrupted": "; {name} is asked for another link if this one keeps failing.",
    "saving.interrupted_after": "; {name} is asked for another link if this one keeps failing.",
    "saving.stalled": "; {name} is asked for another link if this one keeps failing.",
    "saving.server": "; {name} is asked for another link if this one keeps failing.",
    "saving.changed": "; {name} is asked for another link if this one keeps failing.",
}


def sentence(situation: str, cause: str, name: str, **facts: Any) -> str:
    """The sentence for `cause` in this situation; `name` is the name of the remote API."""
    remote = REMOTE.get(facts.get("remote_cause", cause), REMOTE["*"]).format(name=name)
    words = SENTENCES[situation].get(cause) or SENTENCES[situation].get("*") or remote
    return fill(words, {"detail": "", **facts, "name": name, "remote": remote})


def explain(code: str, name: str, facts: Mapping[str, Any] | None = None) -> str:
    """The sentence for a row's code and facts. A text that is no code is returned unchanged."""
    situation, _, cause = code.partition(".")
    if not cause or situation not in SENTENCES:
        return code
    if situation in {"saving", "video"}:
        return not_saved(code, name, facts or {})
    return sentence(situation, cause, name, **(facts or {}))


def not_saved(code: str, name: str, facts: Mapping[str, Any]) -> str:
    """The video is finished and not saved yet: why, and when it is tried again (`facts["seconds"]`)."""
    situation, _, cause = code.partition(".")
    why = sentence(situation, cause, name, **facts)
    if code in CANNOT_CHECK:
        why = f"this studio cannot check it: {why[:1].lower()}{why[1:]}"
    elif situation == "video":
        why = f"the file that was sent is not a complete video. {why}"
    again = f"Trying again in {spoken(facts.get('seconds', 0))}{AFTERWARDS.get(code, FRESH_LINK)}"
    return f"The video is finished, but {why.rstrip('.')}. {fill(again, {'name': name})}"


def spoken(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} minutes" if seconds < 7200 else f"{seconds // 3600} hours"


def end_of_api(api_name: str, ends_at: datetime | None, has_ended: bool) -> str:
    """A sentence about the end of an API."""
    if has_ended:
        since = f" It ended on {written(ends_at)}." if ends_at else ""
        return (
            f"{api_name} no longer takes requests.{since} Nothing more is sent to it and nothing is charged; what it "
            "has started is still checked, and saved videos stay. Choose a provider of another API."
        )
    when = f"will end on {written(ends_at)}" if ends_at and ends_at > datetime.now(UTC) else "is about to end"
    return f"{api_name} {when}, as announced. Until then everything works as before."


def unknown_model(name: str, since: datetime) -> str:
    """For a model that the remote API did not know the last time that it was used; shown next to its name."""
    return f"{name} said on {written(since)} that it does not know this model."


def written(moment: datetime) -> str:
    return f"{moment:%-d %B %Y}"


def title(cause: str, name: str) -> str:
    words = fill(TITLES.get(cause, TITLES["*"]), {"name": name})
    return f"{words[:1].upper()}{words[1:]}"


class Known(dict):
    """Facts; one that a row does not have is shown as an ellipsis."""

    def __missing__(self, key: str) -> str:
        return "…"


def fill(words: str, facts: Mapping[str, Any]) -> str:
    return words.format_map(Known(facts))
