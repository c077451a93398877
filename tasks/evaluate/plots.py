"""Plots as SVG that stands in a page: nothing is loaded."""

from collections.abc import Callable, Sequence
from html import escape

from tasks.evaluate.statistics import Interval

_WIDTH, _ROW, _LABEL, _RIGHT, _TOP = 860, 30, 300, 110, 26
_TICKS = 6


def forest(rows: Sequence[tuple[str, Interval]], caption: str, around: float | None = None) -> str:
    """Means with their intervals under each other.

    Args:
        rows: label and interval of each.
        caption: what is shown, for those who do not see it.
        around: where a line is drawn: 0 of differences.
    """
    if not rows:
        return ""
    ends = [end for _, found in rows for end in (found.low, found.high)] + ([around] if around is not None else [])
    low, high = _padded(min(ends), max(ends))
    height = _TOP + _ROW * len(rows) + 34

    def x(value: float) -> float:
        return _LABEL + (value - low) / (high - low) * (_WIDTH - _LABEL - _RIGHT)

    parts = [_axis(low, high, x, height)]
    if around is not None:
        parts.append(f'<line class="zero" x1="{x(around):.1f}" x2="{x(around):.1f}" y1="{_TOP}" y2="{height - 30}"/>')
    for number, (label, found) in enumerate(rows):
        y = _TOP + _ROW * number + _ROW / 2
        told = f"{found.mean:.3f}" if around is None else f"{found.mean:+.3f}"
        parts.append(
            f'<text x="{_LABEL - 12}" y="{y + 4:.1f}" text-anchor="end">{escape(label)}</text>'
            f'<line class="interval" x1="{x(found.low):.1f}" x2="{x(found.high):.1f}" y1="{y}" y2="{y}"/>'
            f'<circle cx="{x(found.mean):.1f}" cy="{y}" r="5"/>'
            f'<text class="value" x="{_WIDTH - _RIGHT + 14}" y="{y + 4:.1f}">{told}</text>'
        )
    return _svg(height, caption, parts)


def scatter(points: Sequence[tuple[str, float, float]], across: str, up: str) -> str:
    """Arms by two measures, each with its label; labels that would lie on each other are moved down.

    Args:
        points: label, place across, place up.
        across, up: what the axes are.
    """
    if not points:
        return ""
    height, bottom = 360, 50
    left, right = _padded(min(p[1] for p in points), max(p[1] for p in points))
    low, high = _padded(min(p[2] for p in points), max(p[2] for p in points))

    def x(value: float) -> float:
        return 70 + (value - left) / (right - left) * (_WIDTH - 70 - 220)

    def y(value: float) -> float:
        return height - bottom - (value - low) / (high - low) * (height - bottom - 20)

    parts = [_axis(left, right, x, height - 16)]
    parts += [
        f'<line class="grid" x1="70" x2="{_WIDTH - 220}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
        f'<text class="tick" x="62" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.3g}</text>'
        for tick in _ticks(low, high)
    ]
    taken: list[tuple[float, float]] = []
    for label, first, second in sorted(points, key=lambda point: -point[2]):
        at = y(second) + 4
        while any(abs(at - other) < 14 and abs(x(first) - beside) < 200 for beside, other in taken):
            at += 14
        taken.append((x(first), at))
        parts.append(
            f'<circle cx="{x(first):.1f}" cy="{y(second):.1f}" r="5"/>'
            f'<text x="{x(first) + 10:.1f}" y="{at:.1f}">{escape(label)}</text>'
        )
    parts.append(f'<text class="tick" x="{_WIDTH - 220}" y="{height - 2}" text-anchor="end">{escape(across)}</text>')
    parts.append(f'<text class="tick" x="8" y="14">{escape(up)}</text>')
    return _svg(height, f"{up} by {across}", parts)


def _svg(height: float, caption: str, parts: list[str]) -> str:
    inner = "".join(parts)
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(caption)}">{inner}</svg>'


def _axis(low: float, high: float, x: Callable[[float], float], height: float) -> str:
    return "".join(
        f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{_TOP - 6}" y2="{height - 30}"/>'
        f'<text class="tick" x="{x(tick):.1f}" y="{height - 14}" text-anchor="middle">{tick:.3g}</text>'
        for tick in _ticks(low, high)
    )


def _ticks(low: float, high: float) -> list[float]:
    """Round values between two."""
    rough = (high - low) / _TICKS
    power = 10.0
    while power > rough:
        power /= 10
    while power * 10 <= rough:
        power *= 10
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = int(low // step) + 1
    return [round(number * step, 10) for number in range(first, int(high // step) + 1)]


def _padded(low: float, high: float) -> tuple[float, float]:
    space = (high - low) * 0.06 or max(abs(high) * 0.1, 0.05)
    return low - space, high + space
