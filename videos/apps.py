from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps

from videos import checks

__all__ = ["StudioAdminConfig", "VideosConfig", "checks"]  # importing the checks registers them


class VideosConfig(AppConfig):
    name = "videos"
    verbose_name = "Videos"


class StudioAdminConfig(admin_apps.AdminConfig):
    default = False  # this file's own app is the one above
    default_site = "videos.admin_site.StudioAdminSite"
