"""Rows keep a code and its facts instead of a sentence about what goes wrong, or about why sending is paused.

Sentences that match none of those that were ever stored are kept as they are, and shown as they are.
"""

import re

from django.db import migrations, models

# The sentences that were stored, by their codes: those of 0.1.0 and of the code before this migration. Not taken from
# the code of today, whose words may change.
KEEPS_ASKING = "The video is not lost: the studio keeps asking."
NOTHING_SENT = "Nothing was sent and nothing was charged; it is tried again by itself."
REPEATING = "The same request is repeated under the same key, which never costs twice."
REMOTE = {
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
    "other": "{name} could not do this.",
}
OTHERS = {
    "mode.demo": (
        "Made in demo mode, so it is never sent for real. Generate it again to have it for real.",
        "Pressed in demo mode, so it is never sent for real. Make it anew to have it for real.",
        "Pressed in demo mode, so it is never sent to HeyGen. Make it anew to have it for real.",
    ),
    "mode.real": (
        "Made with an API key. It waits, unharmed, until the studio runs with the key again.",
        "Pressed with an API key. It waits, unharmed, until the studio runs with the key again.",
    ),
    "delay.busy": ("{name} is busy. This waits for its turn and is sent by itself; nothing was charged.",),
    "delay.preparing": ("The studio could not prepare this request. " + NOTHING_SENT,),
    "delay.own_fault": ("The studio met a fault of its own ({detail}). " + NOTHING_SENT,),
    "repeat.network": ("The connection to {name} broke before its answer came. " + REPEATING,),
    "repeat.fault": ("{name} answered with a fault of its own. " + REPEATING,),
    "repeat.in_progress": ("{name} is still answering the first request. " + REPEATING,),
    "repeat.interrupted": ("The studio was interrupted while it was sending. " + REPEATING,),
    "repeat.busy": ("{name} is busy. " + REPEATING,),
    "repeat.key": ("{name} did not accept the API key. It is asked again once the key is right, at no cost.",),
    "repeat.credits": (
        "The {name} account has run out of credits. It is asked again once it is topped up, at no cost.",
    ),
    "repeat.unreadable": ("{name}'s answer could not be read. " + REPEATING,),
    "poll.busy": ("{name} asked the studio to ask less often. " + KEEPS_ASKING,),
    "poll.network": ("{name} could not be reached to ask how far this is. " + KEEPS_ASKING,),
    "poll.fault": ("{name} answered with a fault of its own. " + KEEPS_ASKING,),
    "poll.key": (
        "{name} did not accept the API key. The video is not lost: it is followed again once the key is right.",
    ),
    "poll.credits": ("{name} says that the account has run out of credits. " + KEEPS_ASKING,),
    "poll.plan": ("{name} says that the account's plan does not allow to look. " + KEEPS_ASKING,),
    "poll.retired": ("{name} says that it no longer answers this question. " + KEEPS_ASKING,),
    "poll.definite": ("{name} refused to say how far this is. " + KEEPS_ASKING,),
    "poll.own_fault": ("The studio met a fault of its own ({detail}). " + KEEPS_ASKING,),
    "poll.no_link": (
        "{name} has finished this video but not yet said where it is. Nothing is lost: the studio keeps asking.",
    ),
    "poll.unreadable": ("{name}'s answer could not be read. " + KEEPS_ASKING,),
}
# Parts of "The video is finished, but … Trying again in 60 s …".
SAVING = {
    "saving.disk_full": ("the studio's disk is full",),
    "saving.disk_nearly_full": ("the studio's disk is nearly full",),
    "saving.storage": ("the studio's storage did not take it ({detail})",),
    "saving.bucket_refused": ("the bucket did not take it",),
    "saving.bucket_part": ("the bucket holds it only in part",),
    "saving.too_large": ("it is larger than {size}, the most this studio saves",),
    "saving.interrupted_after": ("its download was interrupted after {size}",),
    "saving.interrupted": ("its download was interrupted",),
    "saving.stalled": ("the server that holds it sends too slowly, or nothing at all",),
    "saving.server": ("the server that holds it answered with a fault (HTTP {http})",),
    "saving.unreachable": ("the server that holds it cannot be reached",),
    "saving.compressed": ("the server that holds it sent it packed, which nobody asked for",),
    "saving.changed": ("the file behind its link has changed",),
    "saving.not_a_video": ("what its link leads to is not a video",),
    "saving.dead_link": ("its link no longer works",),
    "saving.redirects": ("its link leads from one address to the next without end",),
    "saving.not_encrypted": ("its link does not lead to an encrypted address",),
    "saving.not_an_address": ("its link is not an address that can be opened",),
    "saving.forbidden_address": ("its link leads to an address that the studio must not open",),
    "saving.no_link_now": ("its link has died, and {name} gives no fresh one at the moment",),
    "saving.forgotten": (
        "no copy of it was saved before HeyGen forgot this execution",
        "no copy of it was saved before {name} forgot it",
    ),
    "saving.database": ("the studio's database did not answer",),
    "saving.own_fault": ("the studio met a fault of its own ({detail})",),
}
NEVER_WHOLE = "what was sent is not a whole one. "
CANNOT_CHECK = "this studio cannot check it: "
VIDEO = {
    "video.empty": (NEVER_WHOLE + "The file is empty",),
    "video.not_mp4": (NEVER_WHOLE + "The file is not an MP4 video",),
    "video.looks_like": (NEVER_WHOLE + "The file is {looks}, not an MP4 video",),
    "video.no_picture": (NEVER_WHOLE + "The file holds no moving picture, only sound or data",),
    "video.cut_short": (NEVER_WHOLE + "The video is cut short: at least {missing} bytes are missing at its end",),
    "video.incomplete": (NEVER_WHOLE + "The video is incomplete: its index or its pictures are missing",),
    "video.odd_index": (NEVER_WHOLE + "The video's index is not one that this studio can read",),
    "video.no_length": (NEVER_WHOLE + "The video has no length: it ends where it begins",),
    "video.no_decode": (NEVER_WHOLE + "The video is damaged: it cannot be decoded",),
    "video.no_start": (NEVER_WHOLE + "The video is damaged: no picture at its start can be shown",),
    "video.no_last_picture": (NEVER_WHOLE + "The video is damaged: its last picture cannot be shown",),
    "video.no_end": (NEVER_WHOLE + "The video is cut short or damaged: no picture near its end can be shown",),
    "video.codec": (CANNOT_CHECK + "the video is made with a codec that this studio cannot read",),
    "video.pixels": (CANNOT_CHECK + "the video is {width} × {height} pixels, more than the 4K this studio can check",),
    "video.memory": (CANNOT_CHECK + "the studio has too little memory to look at it",),
}
NO_NEW_LINK = "its link has died, and there is no fresh one yet. "
NOT_SAVED = re.compile(
    r"The video is finished, but (?P<why>.+)\. Trying again in (?P<number>\d+) (?P<unit>s|minutes|hours)\b.*"
)
SECONDS = {"s": 1, "minutes": 60, "hours": 3600}
PAUSES = {
    "owner": "{person} paused sending.",
    "restored": (
        "This studio was restored from a backup of {backup}. {requests} requests were waiting then, and may have "
        "been sent since: sending them again would cost again. Cancel those that were made, then resume."
    ),
    "unknowns": "{requests} requests in a row ended without saying whether {name} accepted them.",
    "refused_key": REMOTE["key"],
    "retired": "{name} no longer takes requests.{since} Nothing more is sent to it and nothing is charged; what it has "
    "begun is still followed, and saved videos stay. Choose a provider of another API.",
}


def matched(words, templates):
    """(code, facts) of the first template that gives these words; None without one."""
    for code, texts in templates.items():
        for text in [texts] if isinstance(texts, str) else texts:
            pattern = re.escape(text).replace(r"\{name\}", ".+?")
            found = re.fullmatch(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.*?)", pattern), words, re.DOTALL)
            if found:
                return code, found.groupdict()
    return None


def code_of(words):
    """(code, facts) of a sentence about a generation."""
    found = matched(words, OTHERS) or code_of_saving(words)
    if found is None and words.endswith(f" {NOTHING_SENT}"):
        found = matched(words.removesuffix(f" {NOTHING_SENT}"), REMOTE)
        found = found and (f"delay.{found[0]}", {})
    return found or ("earlier.words", {"words": words})


def code_of_saving(words):
    parts = NOT_SAVED.fullmatch(words)
    if parts is None:
        return None
    why = parts["why"]
    found = matched(why, SAVING) or matched(why, VIDEO)
    if why == "the studio met a fault of its own":
        found = ("saving.own_fault", {"detail": "its place was not recorded"})
    if why.startswith(NO_NEW_LINK):
        cause = matched(f"{why.removeprefix(NO_NEW_LINK)}.", REMOTE)
        found = cause and ("saving.no_new_link", {"remote_cause": cause[0]})
    return found and (found[0], {**found[1], "seconds": int(parts["number"]) * SECONDS[parts["unit"]]})


def pause_facts(cause, words):
    found = matched(words, {cause: PAUSES.get(cause) or REMOTE.get(cause, "")})
    if found is None:
        return {"words": words}
    return {name: int(value) if value.isdecimal() else value for name, value in found[1].items() if name != "since"}


def turn_sentences_into_codes(apps, schema_editor):
    generations = apps.get_model("videos", "Generation").objects
    troubles = generations.exclude(trouble="").order_by().values_list("trouble", flat=True).distinct()
    for words in list(troubles):
        code, facts = code_of(words)
        generations.filter(trouble=words).update(status_note=code, status_facts=facts)
    for event in apps.get_model("videos", "GenerationEvent").objects.exclude(note="").iterator():
        event.code, event.facts = code_of(event.note)
        event.save(update_fields=["code", "facts"])
    for account in apps.get_model("videos", "RemoteAccount").objects.all():
        if account.trouble:
            found = matched(account.trouble, REMOTE)
            account.status_note = f"remote.{found[0] if found else 'other'}"
        if account.pause_sentence:
            account.pause_facts = pause_facts(account.pause_cause, account.pause_sentence)
        account.save()


def turn_codes_into_sentences(apps, schema_editor):
    generations = apps.get_model("videos", "Generation").objects
    notes = generations.exclude(status_note="").order_by().values_list("pk", "status_note", "status_facts")
    for pk, code, facts in list(notes):
        generations.filter(pk=pk).update(trouble=sentence_of(code, facts))
    for event in apps.get_model("videos", "GenerationEvent").objects.exclude(code="").iterator():
        event.note = sentence_of(event.code, event.facts)
        event.save(update_fields=["note"])
    for account in apps.get_model("videos", "RemoteAccount").objects.all():
        if account.status_note:
            account.trouble = sentence_of(account.status_note, {})
        if account.paused:
            template = PAUSES.get(account.pause_cause) or REMOTE.get(account.pause_cause, "")
            account.pause_sentence = account.pause_facts.get("words") or filled(template, account.pause_facts)
        account.save()


def sentence_of(code, facts):
    situation, _, cause = code.partition(".")
    if code in OTHERS:
        return filled(OTHERS[code][0], facts)
    if situation in {"saving", "video"}:
        remote = NO_NEW_LINK + REMOTE.get(facts.get("remote_cause"), REMOTE["other"]).rstrip(".")
        why = filled({**SAVING, **VIDEO}.get(code, [remote])[-1], facts)
        return f"The video is finished, but {why}. Trying again in {facts.get('seconds', 0)} s."
    if situation in {"remote", "delay"}:
        words = filled(REMOTE.get(cause, REMOTE["other"]), facts)
        return words if situation == "remote" else f"{words} {NOTHING_SENT}"
    return facts.get("words", code)


def filled(template, facts):
    return re.sub(r"{(\w+)}", lambda match: str({"name": "HeyGen", "since": "", **facts}.get(match[1], "…")), template)


class Migration(migrations.Migration):
    dependencies = [("videos", "0025_low_balance_is_the_owners")]

    operations = [
        migrations.AddField(
            "generation",
            "status_note",
            models.CharField(
                blank=True,
                default="",
                help_text="What goes wrong for the moment: situation.cause, see videos/wording.py.",
                max_length=64,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            "generation",
            "status_facts",
            models.JSONField(blank=True, default=dict, help_text="Of the note: a number, the remote's words."),
        ),
        migrations.AddField(
            "remoteaccount",
            "status_note",
            models.CharField(
                blank=True, default="", help_text="situation.cause, see videos/wording.py.", max_length=64
            ),
            preserve_default=False,
        ),
        migrations.AddField("remoteaccount", "pause_facts", models.JSONField(blank=True, default=dict, editable=False)),
        migrations.AddField(
            "generationevent",
            "facts",
            models.JSONField(blank=True, default=dict, help_text="Of the code: a number, a place."),
        ),
        migrations.RunPython(turn_sentences_into_codes, turn_codes_into_sentences),
        migrations.RemoveField("generationevent", "note"),
        migrations.RemoveField("generation", "trouble"),
        migrations.RemoveField("remoteaccount", "trouble"),
        migrations.RemoveField("remoteaccount", "pause_sentence"),
        migrations.RenameField("remoteaccount", "trouble_since", "status_note_since"),
    ]
