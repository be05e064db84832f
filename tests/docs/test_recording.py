"""The recording of the README is what its commands print, and a small picture that every viewer can show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from docs.recording.__main__ import FILE, SCENES, picture, record
from docs.recording.svg import draw
from docs.recording.terminal import Frame, Span
from tests.docs.pages import settle

if TYPE_CHECKING:
    from pathlib import Path

_SVG = "{http://www.w3.org/2000/svg}"
SECONDS, BYTES = 30, 60_000


def shown(svg: str) -> list[list[str]]:
    """The rows of each group of a recording, with what differs from run to run made equal."""
    found = []
    for group in ET.fromstring(svg).iter(f"{_SVG}g"):  # noqa: S314 - written by this repository
        rows: dict[str, str] = {}
        for text in group.iter(f"{_SVG}text"):
            rows[text.attrib["y"]] = rows.get(text.attrib["y"], "") + (text.text or "")
        found.append(settle(list(rows.values())))
    return found


def test_the_recording_is_what_the_commands_print(tmp_path: Path) -> None:
    """Run again, they show the same frames; `python -m docs.recording` writes a new recording."""
    folder = tmp_path / "shop"
    folder.mkdir()
    assert shown(picture(record(folder))) == shown(FILE.read_text(encoding="utf-8"))


def test_the_recording_is_light() -> None:
    """It is short and small, and needs nothing from elsewhere, and no script."""
    svg = FILE.read_text(encoding="utf-8")
    assert len(svg.encode()) < BYTES
    (seconds,) = re.findall(r"animation:([\d.]+)s", svg)
    assert float(seconds) <= SECONDS
    assert "prefers-reduced-motion" in svg
    assert not re.search(
        r"<script|<image|<foreignObject|@import|@font-face|url\(|href|https?://(?!www\.w3\.org)", svg
    )


def test_the_recording_shows_each_command() -> None:
    """As it was typed; the last group is what a viewer without animations shows."""
    text = "\n".join(line for group in shown(FILE.read_text(encoding="utf-8")) for line in group)
    assert [
        command for commands in SCENES for command in commands if f"$ {command}\n" not in f"{text}\n"
    ] == []


def test_rows_are_shown_in_their_time() -> None:
    """A row that stays is one group, one that changes is two; the last frame is marked."""
    frames = [
        Frame(0, (row("a"),)),
        Frame(1, (row("a"), row("b"))),
        Frame(2, (row("a"), row("c & d", "red"))),
    ]
    svg = draw(frames, 4.0, title="<t>", description="d")
    root = ET.fromstring(svg)  # noqa: S314
    groups = {group.attrib["id"]: group.attrib.get("class") for group in root.iter(f"{_SVG}g")}
    assert groups == {"g0": "last", "g1": None, "g2": "last"}
    assert shown(svg) == [["a"], ["b"], ["c & d"]]
    assert "@keyframes k0{0.00%,to{visibility:visible}}" in svg
    assert "@keyframes k1{0%,50.00%{visibility:hidden}25.00%{visibility:visible}}" in svg
    assert "@keyframes k2{0%{visibility:hidden}50.00%,to{visibility:visible}}" in svg
    assert 'fill="#ff7b72">c &amp; d</text>' in svg


def row(text: str, color: str = "default") -> tuple[Span, ...]:
    """A row of one look."""
    return (Span(text, color, bold=False),)
