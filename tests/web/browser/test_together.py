"""Several people at once, and a connection that comes and goes."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.web.browser.conftest import Serve, Visit, answers, question, wait_other, wait_saved, wait_stocked


def invite(admin: Page, name: str) -> str:
    """A link for one more person, made on the page."""
    admin.goto(admin.url.split("/", 3)[0] + "//" + admin.url.split("/")[2] + "/people")
    admin.get_by_role("button", name="Add a person").click()
    admin.get_by_label("Name").fill(name)
    admin.get_by_role("button", name="Add", exact=True).click()
    return admin.get_by_label("Link", exact=True).input_value()


def test_two_people_never_get_the_same_question(reviews: Path, serve: Serve, visit: Visit) -> None:
    server = serve(reviews)
    anna = visit(server.entrance)
    bo = visit(invite(anna, "bo"))
    anna.goto(server.url)
    expect(bo.get_by_role("heading", name="Answer")).to_have_count(1)
    for _ in range(6):
        for page in (anna, bo):
            page.wait_for_selector("[data-part=item] .item")
            before = question(page)
            page.keyboard.press("1")
            wait_other(page, before)
    wait_saved(anna)
    wait_saved(bo)
    given = answers(reviews)
    assert len(given) == len({asked for asked, _, _ in given}) == 12
    assert set(Counter(source for _, source, _ in given).values()) == {6}


def test_no_answer_is_lost_or_doubled_when_the_connection_drops(
    reviews: Path, serve: Serve, visit: Visit
) -> None:
    page = visit(serve(reviews).entrance)
    wait_stocked(page)
    lost: list[str] = []

    def drop_the_reply(route):  # type: ignore[no-untyped-def]
        route.fetch()  # the server has it, and nobody hears of it
        lost.append(route.request.url)
        route.abort()

    page.route("**/api/answers", drop_the_reply, times=1)
    asked = []
    asked.append(question(page))
    page.keyboard.press("1")
    wait_other(page, asked[-1])
    while not lost:
        page.wait_for_timeout(20)
    page.context.set_offline(True)
    asked.append(question(page))
    page.keyboard.press("2")
    expect(page.get_by_text("kept here").first).to_be_visible()
    page.context.set_offline(False)
    wait_saved(page)
    expect(page.locator("[data-part=link]")).to_be_hidden()
    assert lost
    assert [(str(one), label) for one, _, label in answers(reviews)] == [
        (asked[0], "good"),
        (asked[1], "bad"),
    ]


def test_answers_wait_in_the_browser_while_the_server_is_gone(
    reviews: Path, serve: Serve, visit: Visit
) -> None:
    server = serve(reviews)
    page = visit(server.entrance)
    wait_stocked(page)
    server.stop(signal.SIGKILL)
    first = question(page)
    page.keyboard.press("1")
    wait_other(page, first)
    expect(page.locator("[data-part=link]")).to_contain_text("1 answer kept here")
    serve(reviews, server.port)
    page.wait_for_function(
        "() => Object.keys(localStorage).every(key => !key.startsWith('goldleaf.outbox.'))", timeout=60_000
    )
    assert [(str(one), label) for one, _, label in answers(reviews)] == [(first, "good")]
