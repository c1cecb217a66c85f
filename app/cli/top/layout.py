"""The screen as lines: what is known and what is selected, nothing else."""

from __future__ import annotations

from rich.text import Text

from app.cli.drawing import flat, short_count, span
from app.cli.output import STATUS_STYLES
from app.cli.top.lists import list_lines
from app.cli.top.moment import Moment
from app.cli.top.picture import Picture
from app.cli.top.reading import page_lines
from app.cli.top.view import View

_KEYS = "j/k move  Enter show  c cancel  r retry  p pause  / filter  ? help  q quit"


def draw(
    picture: Picture, view: View, width: int, height: int, now: Moment, *, plain: bool = False
) -> list[Text]:
    """`height` lines of at most `width` cells."""
    head = [_first_line(picture, now, width), _totals(picture)]
    room = max(height - len(head) - 1, 0)
    part = ""
    if view.page is not None:
        whole = page_lines(view.page, width)
        view.scroll = min(view.scroll, max(len(whole) - room, 0))
        body = whole[view.scroll : view.scroll + room]
        part = f"{view.scroll + 1}-{view.scroll + len(body)} of {len(whole)}"
    else:
        body = list_lines(picture, view, width, room, now, plain=plain)
    body += [Text() for _ in range(room - len(body))]
    lines = [*head, *body, _foot(view, part)][:height]
    for line in lines:
        line.no_wrap = True
        line.truncate(width, overflow="crop")
    return lines


def _first_line(picture: Picture, now: Moment, width: int) -> Text:
    clock = f"{now.utc:%H:%M:%S} UTC"
    if picture.lost is not None:
        age = span(now.at - picture.heard_at)
        said = f"The API does not answer, trying again; this is {age} old ({flat(picture.lost)})"
        line = Text(said, style="bold red")
    else:
        line = Text("taskctl top", style="bold")
        who = f"{flat(picture.user)} ({picture.role})"
        line.append(f"  {flat(picture.url)}  {who}", style="not bold dim")
    line.align("left", max(width - len(clock) - 1, 0))
    return line.append(f" {clock}", style="not bold dim")


def _totals(picture: Picture) -> Text:
    line = Text()
    for status in STATUS_STYLES:
        if picture.totals is not None and status in picture.totals:
            count = picture.totals[status]
            style = STATUS_STYLES[status] if count else "dim"
            line.append(f"{short_count(count)} {status}  ", style=style)
    if (rate := picture.rate()) is not None:
        line.append(f"{rate:,.1f}/s  ")
    if picture.workers is not None:
        live = [each for each in picture.workers if each["live"]]
        busy, slots = sum(len(each["running"]) for each in live), sum(x["slots"] for x in live)
        line.append(f"{busy}/{slots} slots")
    return line


def _foot(view: View, part: str) -> Text:
    if view.question is not None:
        return Text(f"{flat(view.asked)} y/n", style="bold yellow")
    if view.typing:
        line = Text(f"/{view.words}", style="bold")
        return line.append("  Enter keeps, Escape ends", style="not bold dim")
    if view.message:
        return Text(flat(view.message), style="bold")
    if view.page is not None:
        return Text(f"j/k move  Escape back  {part}", style="dim")
    line = Text(f"filter {view.words}  ", style="yellow") if view.words else Text()
    return line.append(_KEYS, style="dim")
