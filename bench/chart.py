"""Plots as SVG, by hand: bars of ratios, and lines over a growing quantity, both on logarithmic scales."""

import math
from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 760, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 40, 50
COLOURS = ("#1b6ca8", "#7fb2d6", "#b5651d", "#d9a066", "#5b8c5a", "#7a4b94", "#b03a48", "#888888")
FONT = 'font-family="sans-serif" font-size="11"'

Line = tuple[str, Sequence[tuple[float, float]]]
"""A name with its points (x, y)."""


def lines(title: str, x_title: str, y_title: str, given: Sequence[Line]) -> str:
    """Lines with a mark at each point; both axes are logarithmic."""
    xs = [x for _, points in given for x, _ in points]
    ys = [y for _, points in given for _, y in points]
    x_at = _scale(min(xs), max(xs), LEFT, WIDTH - RIGHT)
    low, high = _decades(ys)
    y_at = _scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = [_text(LEFT, 20, title, weight="bold"), *_grid(low, high, y_at)]
    parts += [_text(x_at(x), HEIGHT - BOTTOM + 16, _number(x), "middle") for x in sorted(set(xs))]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, x_title, "middle"))
    parts.append(_text(12, TOP - 8, y_title))
    for i, (name, points) in enumerate(given):
        colour = COLOURS[i % len(COLOURS)]
        path = " ".join(f"{x_at(x):.1f},{y_at(y):.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x_at(x):.1f}" cy="{y_at(y):.1f}" r="3" fill="{colour}"/>' for x, y in points]
        parts += _key(i, name, colour)
    return _svg(parts)


def bars(title: str, y_title: str, groups: Sequence[tuple[str, dict[str, float]]]) -> str:
    """Bars in groups, by name, up or down from 1; the axis is logarithmic."""
    names = list(dict.fromkeys(name for _, values in groups for name in values))
    low, high = _decades([1.0, *(value for _, values in groups for value in values.values())])
    y_at = _scale(low, high, HEIGHT - BOTTOM, TOP)
    span = (WIDTH - LEFT - RIGHT) / len(groups)
    width = 0.8 * span / len(names)
    parts = [_text(LEFT, 20, title, weight="bold"), _text(12, TOP - 8, y_title), *_grid(low, high, y_at)]
    for g, (group, values) in enumerate(groups):
        start = LEFT + g * span + 0.1 * span
        parts.append(_text(start + 0.4 * span, HEIGHT - BOTTOM + 16, group, "middle"))
        for i, name in enumerate(names):
            if name in values:
                top, foot = sorted((y_at(values[name]), y_at(1.0)))
                parts.append(
                    f'<rect x="{start + i * width:.1f}" y="{top:.1f}" width="{width:.1f}" '
                    f'height="{max(foot - top, 1):.1f}" fill="{COLOURS[i % len(COLOURS)]}"/>'
                )
    for i, name in enumerate(names):
        parts += _key(i, name, COLOURS[i % len(COLOURS)])
    return _svg(parts)


def _scale(low: float, high: float, start: float, end: float):
    span = math.log(high / low) or 1.0
    return lambda value: start + (end - start) * math.log(value / low) / span


def _decades(values: Sequence[float]) -> tuple[float, float]:
    low = 10.0 ** math.floor(math.log10(min(values)))
    high = 10.0 ** math.ceil(math.log10(max(values)))
    return low, high if high > low else 10 * low


def _grid(low: float, high: float, y_at):
    value = low
    while value <= high * 1.001:
        y = y_at(value)
        colour = "#444" if abs(value - 1) < 1e-9 else "#ddd"
        yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="{colour}"/>'
        yield _text(LEFT - 6, y + 4, _number(value), "end")
        value *= 10


def _key(place: int, name: str, colour: str) -> list[str]:
    x, y = WIDTH - RIGHT + 16, TOP + 18 * place
    return [f'<rect x="{x}" y="{y}" width="10" height="10" fill="{colour}"/>', _text(x + 16, y + 9, name)]


def _text(x: float, y: float, text: str, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="#222" {FONT}>'
        f"{escape(text)}</text>"
    )


def _number(value: float) -> str:
    if value >= 1_000_000:
        return f"{value / 1_000_000:g}M"
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def _svg(parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
    body = "\n".join(parts)
    return f'{head}\n<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
