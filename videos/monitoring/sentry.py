"""Reports of errors to Sentry, for a studio that has an address for them. Django imports it only there."""

import sentry_sdk
from django.conf import settings
from sentry_sdk.integrations.django import DjangoIntegration

from heygen_studio import __version__
from videos.logs import scrub_event


def start():
    sentry_sdk.init(
        settings.SENTRY_DSN,
        release=__version__,
        integrations=[DjangoIntegration()],
        auto_enabling_integrations=False,
        before_send=scrub_event,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,  # errors alone, and no counts of requests
    )
