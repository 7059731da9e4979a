"""Why a finished video is not saved yet: the base of every such error."""

from typing import Any

from videos import wording


class NotSaved(Exception):
    """`code` and `facts` are what the row keeps, see `videos/wording.py`; neither ever holds an address.

    `str(error)` is the clause that completes "The video is finished, but …".
    """

    def __init__(self, code: str, **facts: Any):
        situation, _, cause = code.partition(".")
        super().__init__(wording.sentence(situation, cause, "the API", **facts))
        self.code, self.facts = code, facts
