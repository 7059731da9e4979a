import sentry_sdk
from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin import apps as admin_apps
from django.db.models.signals import post_migrate
from sentry_sdk.integrations.django import DjangoIntegration

from heygen_studio import __version__
from videos import checks, search_index
from videos.logs import scrub_event

__all__ = ["StudioAdminConfig", "VideosConfig", "checks"]  # importing the checks registers them


class VideosConfig(AppConfig):
    name = "videos"
    verbose_name = "Videos"

    def ready(self):
        post_migrate.connect(search_index.make, sender=self)
        if settings.SENTRY_DSN:
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
            )


class StudioAdminConfig(admin_apps.AdminConfig):
    default = False  # this file's own app is the one above
    default_site = "videos.admin_site.site.StudioAdminSite"
