"""Chapter 00 in a real JupyterLab: it runs, and a typed caption is answered."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "00_start_here.ipynb"


def test_a_typed_caption_is_answered_with_pictures_and_voices(page, run_all):
    run = run_all(page, NOTEBOOK)
    assert run.errors == []
    answer = page.locator(".jp-OutputArea", has=page.locator("input[type=text]")).first
    answer.scroll_into_view_if_needed()
    expect(answer).to_contain_text("Pictures it finds")
    pictures = answer.locator("img[alt^='Picture']")
    assert pictures.count() == 5
    assert answer.locator("audio").count() == 3

    field = answer.locator("input[type=text]")
    field.fill("a big yellow moon above a tiny green square")
    field.press("Enter")
    expect(pictures.first).to_have_attribute("alt", re_words("moon|crescent", "green|emerald"))

    field.fill("a big yelow moon")
    field.press("Enter")
    told = answer.get_by_role("alert")
    expect(told).to_contain_text("unknown word 'yelow': did you mean 'yellow'")
    expect(told).not_to_contain_text(re.compile("Error|line"))
    # No answer of the caption before is left that might be taken for this one's.
    expect(pictures).to_have_count(0)
    expect(answer).not_to_contain_text("asked for")


def re_words(*alternatives: str):
    """A pattern that asks for one of each group of words, in any order."""
    return re.compile("".join(f"(?=.*({group}))" for group in alternatives))
