"""What items look like: hostile texts, images, and the pages where they are looked through."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from playwright.sync_api import expect

import goldleaf as gl
from tests.web.browser.conftest import Server, Visit, make, question, start, wait_other

HOSTILE = (
    "<script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">",
    "Invoice \u202egnp.exe",
    "هذا المنتج جيد جدا (within 2 days) شكرا",
    "word " * 400_000,
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    texts = pa.table({"text": list(HOSTILE)})
    task = gl.Classify(["<b>bold</b>", "\u202edesrever", "plain"], text="text")
    server = start(make(tmp_path_factory.mktemp("texts") / "hostile", texts, [0, 1, 0, 1], task))
    yield server
    server.stop()


def test_hostile_texts_are_only_shown(hostile: Server, visit: Visit) -> None:
    page = visit(hostile.entrance)
    expect(page.get_by_role("button", name="<b>bold</b>")).to_be_visible()
    for position, text in enumerate(HOSTILE[:2]):
        page.goto(f"{hostile.url}/items/{position}")
        item = page.locator(".item")
        expect(item).to_contain_text(text.split("\u202e")[0][:60])
        assert "owned" not in page.title()
        assert page.locator(".item script, .item img").count() == 0
    expect(page.locator(".steer")).to_have_text("U+202E")
    assert "\u202e" not in item.inner_text()
    page.goto(f"{hostile.url}/items/2")
    assert page.locator(".prose").evaluate("it => getComputedStyle(it).direction") == "rtl"


def test_two_million_characters_open_at_once_and_can_be_read_on(hostile: Server, visit: Visit) -> None:
    page = visit(hostile.entrance, "/items/3")
    assert len(page.locator(".prose").first.inner_text()) <= 20_000
    page.get_by_role("button", name="Show more: 2.0 million characters in all").click()
    expect(page.locator(".prose")).to_have_count(2)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    from PIL import Image

    tmp_path = tmp_path_factory.mktemp("images")
    folder = tmp_path / "pictures.in"
    folder.mkdir()
    for number in range(8):
        shade = np.full((12, 16), 255 * (number % 2), np.uint8)
        shade[number, 3] = 128
        Image.fromarray(shade).save(folder / f"{number}.png")
    make(
        tmp_path / "pictures",
        folder,
        [number % 2 for number in range(8)],
        gl.Classify(["dark", "light"], image="image"),
    )
    server = start(tmp_path / "pictures")
    yield server
    server.stop()


def test_small_images_are_enlarged_by_whole_pixels(pictures: Server, visit: Visit) -> None:
    page = visit(pictures.entrance)
    image = page.locator(".image-frame img")
    page.wait_for_function("() => document.querySelector('.image-frame img').style.width")
    wide = image.evaluate("it => it.getBoundingClientRect().width")
    assert wide % 16 == 0 and wide >= 160
    assert image.evaluate("it => it.style.imageRendering") == "pixelated"
    page.get_by_role("button", name="Larger").click()
    assert image.evaluate("it => it.getBoundingClientRect().width") > wide
    page.get_by_role("button", name="Fit the image").click()
    assert image.evaluate("it => it.getBoundingClientRect().width") == wide
    before = question(page)
    page.keyboard.press("1")
    wait_other(page, before)


def test_a_broken_image_says_so_and_can_still_be_answered(pictures: Server, visit: Visit) -> None:
    page = visit(pictures.entrance)
    page.route("**/api/items/*/image", lambda route: route.fulfill(status=404, body="gone"))
    page.reload()
    expect(page.get_by_text("This image cannot be shown.")).to_be_visible()
    before = question(page)
    page.keyboard.press("?")
    wait_other(page, before)


def test_items_are_searched_filtered_and_corrected(site: Server, visit: Visit) -> None:
    page = visit(site.entrance)
    before = question(page)
    page.keyboard.press("1")
    wait_other(page, before)
    page.get_by_role("link", name="Items").click()
    expect(page.get_by_text("80 items")).to_be_visible()
    top = "its => its.map(it => it.getBoundingClientRect().top)"
    names = page.locator(".filters .field > label:not(.unseen)").evaluate_all(top)
    boxes = page.locator(".filters .field > :is(input, select)").evaluate_all(top)
    gaps = {round(box - name) for name, box in zip(names, boxes, strict=True)}
    assert len(names) > 3 and len(gaps) == 1  # each name as near to its box as the others
    page.get_by_label("Search", exact=True).fill("number 17 ")
    expect(page.locator("table.items tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Clear").click()
    page.get_by_label("Labeled").select_option("human")
    expect(page.locator("table.items tbody tr")).to_have_count(1)
    page.locator("table.items tbody tr").click()
    drawer = page.get_by_role("dialog")
    expect(drawer.locator(".story li.answer")).to_have_count(1)
    drawer.get_by_label("Correct the label").select_option("bad")
    drawer.get_by_role("button", name="Correct", exact=True).click()
    expect(drawer.locator(".story li.answer")).to_have_count(2)
    page.keyboard.press("Escape")
    expect(page.locator("table.items tbody tr").first).to_contain_text("bad")
