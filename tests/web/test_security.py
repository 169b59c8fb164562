"""Who may come in, and what a page may do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from goldleaf import __version__
from goldleaf.ledger.base import Ledger
from goldleaf.web.routes.pages import _inside
from tests.web.server import Client, Server


def test_nobody_gets_in_without_a_token(server: Server) -> None:
    stranger = Client(server.base)
    for path in ("/api/next", "/api/items", "/api/events", "/api/people", "/api/map"):
        assert stranger.get(path).error["code"] == "not_logged_in"
    assert stranger.get("/", Accept="text/html").headers["location"] == "/login"
    assert stranger.get("/?token=wrong").status == 401
    assert stranger.get("/join?token=wrong").status == 401
    assert Client(server.base, cookie="x" * 40).get("/api/next").status == 401
    assert stranger.get("/healthz").json == {"ok": True, "version": __version__}


def test_the_token_becomes_a_cookie_and_leaves_the_address(server: Server) -> None:
    reply = Client(server.base).get(f"/?{server.entry}")
    assert reply.status == 303 and reply.headers["location"] == "/"
    cookie = reply.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie


def test_changes_need_the_page_s_token_unless_a_program_asks(owner: Client) -> None:
    for wrong in ("", "0" * 32):
        reply = owner.post("/api/release", {"questions": []}, **{"X-CSRF-Token": wrong})
        assert reply.error["code"] == "csrf"
    program = Client(owner.base, headers={"Authorization": f"Bearer {owner.cookie}"})
    assert program.post("/api/release", {"questions": []}).json == {"released": 0}


def test_every_reply_carries_strict_headers(owner: Client) -> None:
    for path in ("/", "/api/status", "/nothing", f"/static/{__version__}/leaf.svg"):
        headers = owner.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert owner.get("/api/status").headers["cache-control"] == "no-store"


def test_other_hosts_and_large_bodies_are_refused(owner: Client) -> None:
    assert owner.get("/", Host="evil.example").error["code"] == "wrong_host"
    assert owner.post("/api/notes", b"x" * 1_000_001).error["code"] == "too_large"
    assert owner.get(f"/static/{__version__}/..%2f..%2fapp.py").status == 404
    assert owner.get(f"/static/{__version__}/../app.py").status == 404


def test_people_come_in_by_link_and_password_and_roles_hold(
    owner: Client, server: Server, folder: Path, log: Path
) -> None:
    made = owner.post("/api/people", {"name": "bob", "password": "correct horse"})
    assert made.status == 200, made.body
    link = made.json["link"].removeprefix(owner.base)
    bob = Client(owner.base).enter(link)
    assert bob.get("/api/people").error["code"] == "forbidden"
    assert bob.post("/api/certify").error["code"] == "forbidden"
    assert bob.get("/api/next").json["state"] == "ask"
    form = b"name=bob&password=correct+horse&next=//evil.example"
    back = Client(owner.base).post("/login", form, **{"Content-Type": "application/x-www-form-urlencoded"})
    assert back.status == 303 and back.headers["location"] == "/"
    assert owner.post("/api/people", {"name": "bob"}).status == 422
    assert owner.send("PUT", "/api/people/bob", {"active": False}).json["person"]["active"] is False
    assert bob.get("/api/next").status == 401
    assert Client(owner.base).get(link).status == 401
    secret = link.partition("=")[2]
    with Ledger.open(folder / "ledger.db", write=False) as ledger:
        kept = ledger.people.find("bob")
    assert kept is not None and str(kept.password).startswith("$argon2id$")
    assert secret.encode() not in (folder / "ledger.db").read_bytes()
    written = log.read_text()
    assert "/join" in written and secret not in written and server.entry.partition("=")[2] not in written
    assert all({"method", "path", "status", "ms"} == set(json.loads(line)) for line in written.splitlines())


def test_log_ins_are_limited(owner: Client) -> None:
    stranger, kind = Client(owner.base), {"Content-Type": "application/x-www-form-urlencoded"}
    tries = [stranger.post("/login", b"name=eve&password=guess", **kind).status for _ in range(6)]
    assert tries[0] == 401 and tries[-1] == 429


@pytest.mark.parametrize("path", ["//evil", "https://evil", "/\\evil", "\\\\evil", "/a\nb", ""])
def test_after_a_log_in_one_stays_here(path: str) -> None:
    assert _inside(path) == "/"


def test_a_public_host_without_people_is_refused(folder: Path, tmp_path: Path) -> None:
    from tests.helpers import world

    world(40, 2).project(tmp_path / "p").close()
    for options in (["--host", "0.0.0.0"], ["--public-url", "https://label.example.org"]):
        done = subprocess.run(
            [sys.executable, "-m", "goldleaf", "serve", "-C", str(tmp_path / "p"), "--port", "0", *options],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 1 and "no admin is named" in done.stderr
        assert "goldleaf people add NAME --role admin" in done.stderr
