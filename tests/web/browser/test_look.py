"""Every page in light and dark, on a desk and on a phone, as axe sees it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.web.browser.conftest import Server, Visit, serious

PAGES = ("/", "/progress", "/items", "/items/0", "/map", "/people", "/api", "/nothing-here")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(site: Server, visit: Visit, scheme: str) -> None:
    page = visit(site.entrance, color_scheme=scheme)
    faults = []
    for path in PAGES:
        page.goto(site.url + path)
        page.wait_for_load_state("load")
        page.wait_for_timeout(200)
        faults += serious(page)
    faults += serious(visit(f"{site.url}/login", color_scheme=scheme))
    assert not faults


def test_no_page_is_wider_than_a_phone(site: Server, visit: Visit) -> None:
    page = visit(site.entrance, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    for path in PAGES[:6]:
        page.goto(site.url + path)
        page.wait_for_timeout(150)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_dark_and_light_by_system_and_by_switch(site: Server, visit: Visit) -> None:
    def paper() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    page = visit(site.entrance, color_scheme="dark")
    dark = paper()
    switch = page.get_by_role("button", name="Dark colours")
    expect(switch).to_have_attribute("aria-pressed", "true")
    switch.click()
    light = paper()
    assert light != dark
    page.reload()
    assert paper() == light
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name="Dark colours").click()
    assert paper() == dark


def test_motion_is_left_out_when_it_is_not_wanted(site: Server, visit: Visit) -> None:
    page = visit(site.entrance, "/progress", reduced_motion="reduce")
    page.wait_for_function(
        "() => { const it = document.querySelector('.meter > i'); "
        "return it && getComputedStyle(it).transitionDuration === '0s' }"
    )
