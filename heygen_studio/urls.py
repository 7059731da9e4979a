from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("videos.urls")),
]
handler400 = "videos.views.refused_request.bad_request"
handler500 = "videos.views.outage.server_error"
