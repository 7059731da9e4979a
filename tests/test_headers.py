"""Security headers of every response, error pages and the admin included."""

import re
import runpy

import pytest
from django.test import Client

from tests.parts.people import make_owner, signed_in
from tests.parts.processes import ROOT
from tests.parts.studio import Studio, csrf_token, use_copy_of

PAGES = ["/", "/account", "/members", "/members/budget/studio", "/admin/", "/admin/videos/generation/"]
STRANGERS_PAGES = ["/login", "/invite/over", "/reset/over", "/nothing/here", "/healthz", "/account"]


def assert_guarded(answer):
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "script-src 'self'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in answer.headers["Permissions-Policy"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_the_security_headers(path):
    answer = signed_in(make_owner()).get(path)
    assert answer.status_code == 200
    assert_guarded(answer)
    assert not re.search(
        rb"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)(?![^>]*application/json)", answer.content
    )


@pytest.mark.django_db
@pytest.mark.parametrize("path", STRANGERS_PAGES)
def test_every_answer_to_a_visitor_has_the_security_headers(client, path):
    make_owner()
    assert_guarded(client.get(path))


@pytest.mark.django_db
def test_a_failing_page_has_the_headers_and_shows_no_detail(client, monkeypatch):
    make_owner()
    client.raise_request_exception = False
    monkeypatch.setattr("videos.views.account.asked_next", lambda request: 1 / 0)
    answer = client.get("/login")
    assert answer.status_code == 500
    assert_guarded(answer)
    assert "This is an error in the studio" in answer.content.decode()
    assert "Traceback" not in answer.content.decode() and "ZeroDivision" not in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("ask", "status", "sentence"),
    [
        (lambda: Client().get("/nothing/here"), 404, "have access"),
        (lambda: Client(enforce_csrf_checks=True).post("/login"), 403, "This page was open too long"),
        (lambda: Client().get("/login", headers={"Host": "evil.example"}), 400, "STUDIO_HOSTS"),
    ],
)
def test_error_pages_have_the_headers_and_say_what_to_do(ask, status, sentence):
    make_owner()
    answer = ask()
    assert answer.status_code == status
    assert_guarded(answer)
    assert sentence in answer.content.decode()


@pytest.mark.django_db
def test_pages_with_personal_content_are_not_kept_by_caches():
    client = signed_in(make_owner())
    for path in ("/account", "/members", "/admin/"):
        assert "no-store" in client.get(path).headers["Cache-Control"]


@pytest.mark.django_db
def test_cookies_are_out_of_the_reach_of_scripts_and_other_sites():
    client = Client()
    make_owner()
    client.get("/login")
    answer = client.post("/login", {"username": "owner", "password": "a long enough password"})
    assert {"sessionid", "known_browser"} <= set(answer.cookies)
    for name in ("sessionid", "known_browser"):
        assert answer.cookies[name]["httponly"] and answer.cookies[name]["samesite"] == "Lax"
    assert answer.cookies["csrftoken"]["samesite"] == "Lax"


def test_behind_tls_cookies_are_secure_and_browsers_are_asked_to_stay_there(template, tmp_path):
    """A web process configured for https, asked as its proxy would ask it."""
    studio = Studio(tmp_path, {"DATABASE_URL": "", "STUDIO_URL": "https://studio.example.com", "STUDIO_PROXIES": "1"})
    use_copy_of(template, studio)
    studio.make_owner()
    script = tmp_path / "ask.py"
    script.write_text(ASK_AS_A_PROXY)
    said = studio.manage("shell", "-v", "0", "-c", f"exec(open({str(script)!r}).read())")
    assert "plain 301 https://studio.example.com/login" in said
    assert "health 503" in said, "a health check inside the host speaks plain HTTP"
    assert "hsts max-age=31536000\n" in said
    assert "cookies csrftoken:True known_browser:True sessionid:True" in said


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, ""),
        ({"STUDIO_HSTS_SUBDOMAINS": "1"}, "; includeSubDomains"),
        ({"STUDIO_HSTS_PRELOAD": "1"}, "; includeSubDomains; preload"),
    ],
)
def test_other_hosts_of_the_domain_are_bound_to_tls_only_when_asked_for(tmp_path, asked, words):
    env = {"STUDIO_URL": "https://studio.example.com", "STUDIO_PROXIES": "1", "DATABASE_URL": ""}
    said = Studio(tmp_path, {**env, **asked}).manage("shell", "-v", "0", "-c", ASK_FOR_HSTS)
    assert f"hsts max-age=31536000{words}\n" in said


def test_without_a_trusted_proxy_headers_about_tls_are_ignored(tmp_path):
    """Neither by Django nor by gunicorn, which trusts loopback by default."""
    studio = Studio(tmp_path, {"STUDIO_URL": "https://studio.example.com", "DATABASE_URL": ""})
    said = studio.manage("shell", "-v", "0", "-c", ASK_FOR_HSTS)
    assert "secure False" in said and "hsts None" in said
    assert runpy.run_path(ROOT / "gunicorn.conf.py")["forwarded_allow_ips"] == ""


ASK_FOR_HSTS = """
from django.http import HttpResponse
from django.test import RequestFactory
from django.middleware.security import SecurityMiddleware
request = RequestFactory(headers={"host": "studio.example.com", "X-Forwarded-Proto": "https"}).get("/healthz")
print("secure", request.is_secure())
print("hsts", SecurityMiddleware(lambda request: HttpResponse())(request).headers.get("Strict-Transport-Security"))
"""

ASK_AS_A_PROXY = """
from django.test import Client
plain = Client(headers={"host": "studio.example.com"})
answer = plain.get("/login")
print("plain", answer.status_code, answer.headers.get("Location"))
print("health", plain.get("/healthz").status_code)
client = Client(headers={"host": "studio.example.com", "X-Forwarded-Proto": "https"})
print("hsts", client.get("/login").headers["Strict-Transport-Security"])
answer = client.post("/login", {"username": "owner", "password": "a long enough password"})
print("cookies", *(f"{name}:{bool(answer.cookies[name]['secure'])}" for name in sorted(answer.cookies)))
"""


def test_a_form_without_its_token_is_refused_over_real_http(shared_studio):
    client = shared_studio.client()
    assert client.post("/logout").status_code == 403
    token = csrf_token(client, "/account")
    headers = {"Referer": f"{shared_studio.url}/account"}
    assert client.post("/logout", data={"csrfmiddlewaretoken": token}, headers=headers).url.path == "/login"
