"""The models, one group per file. `generation` is the only writer of status."""

from videos.models.agency import Agency
from videos.models.alarm import Alarm
from videos.models.batch import AlreadyRetried, Batch, NotConfirmed, OtherContents, Question, Request, TokenTaken
from videos.models.budget import Budget, LedgerEntry, OverBudget
from videos.models.collection import Clip, Collection, CollectionFull, NameTaken
from videos.models.database_lock import DatabaseLock
from videos.models.event import GenerationEvent, Step
from videos.models.favourite import Favourite
from videos.models.generation import Generation
from videos.models.metric_value import MetricValue
from videos.models.one_time_link import OneTimeLink
from videos.models.outgoing_notice import OutgoingNotice
from videos.models.personal_note import PersonalNote
from videos.models.picture import Picture, RemoteCopy
from videos.models.polls import DuePoll, Outcome
from videos.models.preferences import Preferences
from videos.models.preset import Preset
from videos.models.process_lock import ProcessLock
from videos.models.provider import Provider, ProviderPrice
from videos.models.remote_account import RemoteAccount
from videos.models.review import Comment, ReviewAnswer, ReviewLink, TooManyComments
from videos.models.saved_video import PublicLink, SavedVideo
from videos.models.stored_totals import BudgetUse, OwnerStorage, ProviderRecord, SpendDay, UsageDay
from videos.models.studio_fault import Job, StudioFault
from videos.models.studio_settings import StudioSettings
from videos.models.verdict import Verdict
from videos.models.webhook_event import WebhookEvent

__all__ = [
    "Agency",
    "Alarm",
    "AlreadyRetried",
    "Batch",
    "Budget",
    "BudgetUse",
    "Clip",
    "Collection",
    "CollectionFull",
    "Comment",
    "DatabaseLock",
    "DuePoll",
    "Favourite",
    "Generation",
    "GenerationEvent",
    "Job",
    "LedgerEntry",
    "MetricValue",
    "NameTaken",
    "NotConfirmed",
    "OneTimeLink",
    "OtherContents",
    "Outcome",
    "OutgoingNotice",
    "OverBudget",
    "OwnerStorage",
    "PersonalNote",
    "Picture",
    "Preferences",
    "Preset",
    "ProcessLock",
    "Provider",
    "ProviderPrice",
    "ProviderRecord",
    "PublicLink",
    "Question",
    "RemoteAccount",
    "RemoteCopy",
    "Request",
    "ReviewAnswer",
    "ReviewLink",
    "SavedVideo",
    "SpendDay",
    "Step",
    "StudioFault",
    "StudioSettings",
    "TokenTaken",
    "TooManyComments",
    "UsageDay",
    "Verdict",
    "WebhookEvent",
]
