"""A person answers with the keyboard, takes back, comments and flags, and reaches the certificate."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from playwright.sync_api import Page, expect

import goldleaf as gl
from tests.web.browser.conftest import (
    CLASSES,
    Serve,
    Server,
    Visit,
    answers,
    enter,
    make,
    question,
    shown,
    wait_other,
    wait_saved,
    wait_stocked,
)


def key(page: Page) -> str:
    return str(1 + next(n for n, name in enumerate(CLASSES) if f"is {name}" in shown(page)))


def test_a_person_labels_by_keyboard_to_the_certificate(reviews: Path, serve: Serve, visit: Visit) -> None:
    page = visit(serve(reviews).entrance)
    done = page.get_by_role("heading", name="Done: the target is proven")
    for _ in range(80):
        page.wait_for_function(
            "() => document.querySelector('[data-part=item] .item, [data-part=item] .done')"
        )
        if done.is_visible():
            break
        before = question(page)
        page.wait_for_timeout(100)  # nobody reads faster
        page.keyboard.press(key(page))
        wait_other(page, before)
    expect(done).to_be_visible()
    expect(page.locator(".done-text")).to_contain_text("of 80 items labeled by machine")
    wait_saved(page)
    page.get_by_role("link", name="See the proof").click()
    expect(page.get_by_text("Proven", exact=True)).to_be_visible()
    with gl.Project.open(reviews, write=False) as project:
        assert project.certificate.certified
        assert not project.certificate.replayed


def test_undo_shows_the_question_again_and_the_ledger_keeps_both(site: Server, visit: Visit) -> None:
    page = visit(site.entrance)
    first, text = question(page), shown(page)
    page.keyboard.press("1")
    wait_other(page, first)
    wait_saved(page)
    page.keyboard.press("ArrowLeft")
    expect(page.locator("[data-part=item]")).to_have_attribute("data-question", first)
    assert shown(page) == text
    expect(page.get_by_text("Your answer is taken back")).to_be_visible()
    page.keyboard.press("2")
    wait_other(page, first)
    wait_saved(page)
    given = [label for asked, _, label in answers(site.folder) if str(asked) == first]
    assert given == ["good", "bad"]


def test_undo_after_the_page_was_loaded_anew(site: Server, visit: Visit) -> None:
    page = visit(site.entrance)
    first = question(page)
    page.keyboard.press("1")
    wait_other(page, first)
    wait_saved(page)
    page.reload()
    page.wait_for_selector("[data-part=item] .item")
    page.keyboard.press("Backspace")
    expect(page.locator("[data-part=item]")).to_have_attribute("data-question", first)


def test_the_next_item_is_there_before_the_server_answers(site: Server, visit: Visit) -> None:
    page = visit(site.entrance)
    enter(page)
    wait_stocked(page)
    first = question(page)
    page.route("**/api/answers", lambda route: route.abort())  # nothing gets through
    page.keyboard.press("1")
    assert question(page) not in ("", first)
    page.unroute("**/api/answers")
    wait_saved(page)


def test_cant_tell_skip_comment_and_flag(site: Server, visit: Visit) -> None:
    page = visit(site.entrance)
    for press in ("?", "ArrowRight"):
        before = question(page)
        page.keyboard.press(press)
        wait_other(page, before)
    before = question(page)
    page.keyboard.press("+")
    page.get_by_label("It goes with your answer to this item.").fill("Sarcasm?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Comment")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("!")
    expect(page.get_by_role("button", name="Flag")).to_have_attribute("aria-pressed", "true")
    # The answers before this one may still be on their way: this question's own is waited for.
    own = f'"question":{before},'
    with page.expect_response(lambda reply: own in (reply.request.post_data or "")) as reply:
        page.keyboard.press("1")
    position = reply.value.json()["saved"]["item"]
    wait_other(page, before)
    expect(page.get_by_role("button", name="Flag")).to_have_attribute("aria-pressed", "false")
    page.goto(page.url.rstrip("/") + f"/items/{position}")
    expect(page.get_by_text("Sarcasm?")).to_be_visible()
    expect(page.get_by_text("flagged", exact=True)).to_be_visible()


def test_guidelines_and_keys_are_at_hand(site: Server, visit: Visit) -> None:
    page = visit(site.entrance)
    page.keyboard.press("F1")
    dialog = page.get_by_role("dialog", name="How to answer")
    expect(dialog).to_contain_text("Judge the product, <b>not</b> the shop.")
    expect(dialog).to_contain_text("They would buy it again.")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


@pytest.fixture
def intents(tmp_path: Path) -> Path:
    truth = [number % 150 for number in range(300)]
    texts = pa.table({"text": [f"utterance {n} on topic {kind}" for n, kind in enumerate(truth)]})
    return make(
        tmp_path / "intents", texts, truth, gl.Classify([f"topic_{n}" for n in range(150)], text="text")
    )


def test_150_labels_are_found_by_typing(intents: Path, serve: Serve, visit: Visit) -> None:
    page = visit(serve(intents).entrance)
    before = question(page)
    page.keyboard.type("topic 14")
    expect(page.get_by_role("option")).to_have_count(12)  # 14, 140 to 149, and 114
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    wait_other(page, before)
    wait_saved(page)
    assert [(str(asked), label) for asked, _, label in answers(intents)] == [(before, "topic_140")]
    expect(page.get_by_role("option")).to_have_count(150)


def test_works_by_touch_on_a_phone(site: Server, visit: Visit) -> None:
    page = visit(site.entrance, viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    before = question(page)
    page.get_by_role("button", name="bad").tap()
    wait_other(page, before)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for name in ("Undo", "Can’t tell", "Skip", "Comment", "Flag", "good", "bad"):
        box = page.get_by_role("button", name=name).bounding_box()
        assert box and box["height"] >= 40 and box["y"] + box["height"] <= 780
    page.get_by_role("button", name="Undo").tap()
    expect(page.locator("[data-part=item]")).to_have_attribute("data-question", before)
