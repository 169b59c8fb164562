"""The proof page and one's account: sources, the sample's progress, per-class bounds, certificate, training again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import goldleaf as gl
from tests.web.browser.conftest import (
    CLASSES,
    Server,
    Visit,
    answers,
    enter,
    make_reviews,
    question,
    shown,
    start,
    wait_other,
    wait_saved,
)


def gold(item: gl.Item) -> str:
    return "good" if "is good" in item.content["review"] else "bad"


@gl.labeling_function
def rule(item: gl.Item) -> str | None:
    text = item.content["review"]
    return "good" if "good" in text else None if text.startswith("Number 1") else "bad"


@gl.labeling_function
def careless(item: gl.Item) -> str | None:
    return "bad" if item.content["review"].split()[9] else None


def in_audit(folder: Path, method: str | None = None, **target: object) -> Path:
    """A project whose proof has begun, with two sources of votes."""
    make_reviews(folder, **target)
    if method is not None:
        config = folder / "goldleaf.toml"
        text = config.read_text()
        assert 'method = "auto"' in text
        config.write_text(text.replace('method = "auto"', f'method = "{method}"'))
    with gl.Project.open(folder) as project:
        project.vote([rule, careless])
        while project.status().stage == "training":
            project.label(gold, limit=1, source="human:anna")
    return folder


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = start(in_audit(tmp_path_factory.mktemp("proof") / "reviews", "threshold.v1", error=0.1))
    yield server
    server.stop()


def answer_one(page: Page) -> None:
    before = question(page)
    page.keyboard.press(str(1 + next(n for n, name in enumerate(CLASSES) if f"is {name}" in shown(page))))
    wait_other(page, before)


def test_sources_stand_beside_people(proof: Server, visit: Visit) -> None:
    page = visit(proof.entrance, "/progress")
    table = page.get_by_role("region", name="Sources")
    expect(table.locator("tbody tr")).to_have_count(2)
    row = table.get_by_role("row", name="rule")
    expect(row.get_by_role("cell").nth(4)).to_have_text(re.compile(r"^(\d+) of \1$"))  # right on all answered
    expect(page.locator(".trouble summary")).to_have_text("careless: failed on 80 items in its last run")


def test_the_sample_says_how_far_it_is(proof: Server, visit: Visit) -> None:
    page = visit(proof.entrance)
    enter(page)
    before = page.locator(".sampling").inner_text()
    answer_one(page)
    wait_saved(page)
    expect(page.locator(".sampling")).not_to_have_text(before)
    done, total = map(int, re.findall(r"\d+", page.locator(".sampling").inner_text())[:2])
    page.goto(f"{proof.url}/progress")
    expect(page.get_by_text("not before; from there it falls")).to_be_visible()
    meter = page.get_by_role("progressbar", name="Answers of the sample")
    expect(meter).to_have_attribute("aria-valuemax", str(total))
    assert done <= int(meter.get_attribute("aria-valuenow") or 0) < total


def test_training_again_asks_first(proof: Server, visit: Visit) -> None:
    page = visit(proof.entrance, "/progress")
    page.get_by_role("button", name="Train again").click()
    dialog = page.get_by_role("dialog", name="Train again?")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("The proof is under way")).to_be_visible()
    page.get_by_role("button", name="Train again").click()
    with page.expect_response("**/api/retrain") as reply:
        dialog.get_by_role("button", name="Train again").click()
    assert reply.value.json() == {"retrained": True}
    expect(page.get_by_text("A new round of training begins.")).to_be_visible()


def test_the_certificate_is_written_and_read_and_each_label_has_its_bound(
    tmp_path_factory: pytest.TempPathFactory, visit: Visit
) -> None:
    folder = in_audit(tmp_path_factory.mktemp("each") / "reviews", per="class", error=0.3)
    with gl.Project.open(folder) as project:
        project.label(gold, source="human:anna")
        assert project.certificate.certified
    server = start(folder)
    try:
        page = visit(server.entrance, "/progress")
        row = page.get_by_role("region", name="Labels").get_by_role("row", name="good")
        expect(row).to_contain_text("proven")
        expect(row).to_contain_text("%")
        page.get_by_role("button", name="Write the certificate").click()
        page.get_by_role("button", name="Read the report").click()
        page.wait_for_url("**/report")
        assert (folder / "certificate.json").is_file()
    finally:
        server.stop()


def join(admin: Page, server: Server, name: str) -> str:
    admin.goto(f"{server.url}/people")
    admin.get_by_role("button", name="Add a person").click()
    admin.get_by_label("Name").fill(name)
    admin.get_by_label("Password (not needed with a link)").fill("first secret")
    admin.get_by_role("button", name="Add", exact=True).click()
    return admin.get_by_label("Link", exact=True).input_value()


def log_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_a_person_changes_their_password(site: Server, visit: Visit) -> None:
    link = join(visit(site.entrance), site, "cleo")
    page = visit(link, "/items")
    page.locator(".menu > summary").click()
    page.get_by_role("button", name="Change password").click()
    page.get_by_label("New password").fill("second secret")
    page.get_by_label("Old password").fill("wrong")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("The old password is wrong.")
    page.get_by_label("Old password").fill("first secret")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    page.context.clear_cookies()
    page.goto(f"{site.url}/login")
    log_in(page, "cleo", "second secret")
    expect(page.get_by_role("heading", name="Answer")).to_have_count(1)


def test_an_answer_given_while_logged_out_is_sent_after_the_next_log_in(site: Server, visit: Visit) -> None:
    page = visit(join(visit(site.entrance), site, "dora"))
    enter(page)
    first = question(page)
    page.context.clear_cookies()
    page.keyboard.press("1")
    page.get_by_role("button", name="Log in").click()
    log_in(page, "dora", "first secret")
    enter(page)
    wait_saved(page)
    assert [
        (str(asked), label) for asked, source, label in answers(site.folder) if source == "human:dora"
    ] == [(first, "good")]


def test_an_unknown_address_knows_who_is_in(site: Server, visit: Visit) -> None:
    page = visit(site.entrance, "/nothing-here")
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    page.get_by_role("link", name="Back to the questions").click()
    enter(page)
    expect(visit(f"{site.url}/nothing-here").get_by_role("link", name="Log in")).to_be_visible()


def test_annotators_are_told_nothing_of_sources(site: Server, visit: Visit) -> None:
    page = visit(join(visit(site.entrance), site, "emil"), "/progress")
    expect(page.get_by_role("heading", name="Labels")).to_be_visible()
    expect(page.get_by_role("heading", name="Sources")).to_have_count(0)
    assert page.request.get(f"{site.url}/api/sources").status == 403
