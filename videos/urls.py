"""Every route of the studio, in one list; the rooms are in views/."""

from django.urls import path

from videos.views import account, health, members, signed_pictures

urlpatterns = [
    # Account
    path("setup", account.set_up, name="setup"),
    path("login", account.sign_in, name="login"),
    path("logout", account.sign_out, name="logout"),
    path("invite/<str:token>", account.invitation, name="invite"),
    path("reset/<str:token>", account.new_password, name="reset"),
    path("account", account.account, name="account"),
    path("account/sessions/end", account.end_other_sessions, name="end-other-sessions"),
    path("account/sessions/<str:handle>/end", account.end_session, name="end-session"),
    path("members", members.members, name="members"),
    path("members/invite", members.invite, name="members-invite"),
    path("members/invite/<int:pk>/withdraw", members.withdraw_invitation, name="members-withdraw"),
    path("members/budget/<str:scope>", members.shared_budget, name="members-shared-budget"),
    path("members/<int:pk>/reset", members.reset_link, name="members-reset"),
    path("members/<int:pk>/deactivate", members.deactivate, name="members-deactivate"),
    path("members/<int:pk>/activate", members.activate, name="members-activate"),
    path("members/<int:pk>/budget", members.budget_of, name="members-budget"),
    path("healthz", health.healthz, name="healthz"),
    # Frames for the remote side
    path("pictures/signed/<str:token>", signed_pictures.signed_picture, name="signed-picture"),
]
