import gc

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin import apps as admin_apps
from django.db.models.signals import post_migrate
from django.utils.module_loading import import_string

from videos import checks, planner_statistics, search_index

__all__ = ["StudioAdminConfig", "VideosConfig", "checks"]  # importing the checks registers them


class VideosConfig(AppConfig):
    name = "videos"
    verbose_name = "Videos"

    def ready(self):
        gc.freeze()  # what was imported stays, also in the memory that forked processes share
        gc.enable()
        post_migrate.connect(search_index.make, sender=self)
        post_migrate.connect(planner_statistics.refresh_after_migrations, sender=self)
        if settings.SENTRY_DSN:
            import_string("videos.monitoring.sentry.start")()  # its library is large, and few studios need it


class StudioAdminConfig(admin_apps.AdminConfig):
    default = False  # this file's own app is the one above
    default_site = "videos.admin_site.site.StudioAdminSite"
