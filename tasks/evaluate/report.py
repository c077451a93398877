"""The report of an evaluation: Markdown, and a page that opens offline."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from tasks.errors import ConfigurationError
from tasks.evaluate.arms import Shown
from tasks.evaluate.measures import MAIN, MEASURES
from tasks.evaluate.plots import forest, scatter
from tasks.evaluate.results import ArmResult, Evaluation, Side, conclusion

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2733; --soft: #5c6b7a; --line: #d9e0e6; --mark: #1f6feb; --good: #1a7f37;
  --paper: #ffffff; --tint: #f4f7f9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9aa7b4; --line: #30363d; --mark: #58a6ff;
  --good: #3fb950; --paper: #0d1117; --tint: #161b22; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1080px;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
.about, .tick { color: var(--soft); } .scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; } td small { color: var(--soft); }
svg { width: 100%; max-width: 860px; height: auto; font: 13px system-ui, sans-serif; fill: var(--ink); }
svg .grid { stroke: var(--line); } svg .zero { stroke: var(--soft); stroke-dasharray: 4 3; }
svg .interval { stroke: var(--mark); stroke-width: 3; stroke-linecap: round; } svg circle { fill: var(--mark); }
svg .tick { font-size: 12px; fill: var(--soft); } svg .value { font-variant-numeric: tabular-nums; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; } .sides { display: grid; grid-template-columns: 1fr 1fr; gap: 1.2rem; }
.sides ol { padding-left: 1.4rem; margin: .4rem 0; } .sides li { margin: .4rem 0; overflow-wrap: anywhere; }
.sides li.right b::after { content: " ✓ relevant"; color: var(--good); font-weight: normal; }
.text { color: var(--soft); font-size: .87rem; }
"""
_COLUMNS = (*MEASURES, "searches/s", "MB", "repeats")
_TEXT = 240  # characters of a passage in a list


def write(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write `evaluation.html` and `evaluation.md` into a folder; their paths.

    Raises:
        ConfigurationError: they cannot be written there.
    """
    files = {folder / "evaluation.html": as_html(evaluation), folder / "evaluation.md": as_markdown(evaluation)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            file.write_text(text, "utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"the report cannot be written to {folder}: {error.strerror}", "Name a folder with --report."
        ) from None
    return list(files)


def as_markdown(evaluation: Evaluation) -> str:
    """Measures, conclusions and agreement as Markdown."""
    lines = [f"# Evaluation of {_cell(evaluation.corpus)}", "", about(evaluation), ""]
    lines += [f"| arm | {' | '.join(_COLUMNS)} | cost |", "|---|" + "--:|" * len(_COLUMNS) + "---|"]
    for arm in evaluation.arms:
        cells = [_cell(arm.arm.label), *figures(arm), _cell(arm.cost)]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "## What this says", "", *(f"- {_cell(text)}" for text in conclusions(evaluation))]
    if evaluation.agreement:
        lines += ["", "## Agreement", "", "| arms | overlap@10 | rank-biased overlap |", "|---|--:|--:|"]
        lines += [
            f"| {_cell(pair.first)} – {_cell(pair.second)} | {pair.overlap:.2f} | {pair.rank_biased:.2f} |"
            for pair in evaluation.agreement
        ]
    return "\n".join(lines) + "\n"


def as_html(evaluation: Evaluation) -> str:
    """The whole report as one page, which loads nothing."""
    means = [(arm.arm.label, arm.means[MAIN]) for arm in evaluation.arms]
    apart = [
        (f"{arm.arm.label} − {_short(arm)}", arm.comparison.difference) for arm in evaluation.arms if arm.comparison
    ]
    speeds = [(arm.arm.label, arm.queries_per_second, arm.means[MAIN].mean) for arm in evaluation.arms]
    parts = [
        f"<h1>Evaluation of {escape(evaluation.corpus)}</h1><p class=about>{escape(about(evaluation))}</p>",
        _list(conclusions(evaluation)),
        f"<h2>{MAIN}</h2>{forest(means, f'{MAIN} of each arm with its 95 % interval')}",
        _section("Differences, with 95 % intervals", forest(apart, "differences with 95 % intervals", around=0.0)),
        f"<h2>Every measure</h2><div class=scroll>{_table(evaluation.arms)}</div>",
        f"<h2>Quality and speed</h2>{scatter(speeds, 'searches a second', MAIN)}",
        _section("Agreement", _agreement(evaluation)),
        _section("Side by side, where they differ most", "".join(map(_side, evaluation.sides))),
    ]
    head = (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Evaluation of {escape(evaluation.corpus)}</title><style>{_STYLE}</style>"
    )
    return head + "".join(parts) + "</html>\n"


def about(evaluation: Evaluation) -> str:
    """In a sentence, what was measured and when."""
    when = evaluation.when.strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"{len(evaluation.queries):,} queries ({evaluation.kind}, {evaluation.hash[:8]}), {when},"
        f" evaluation {evaluation.identity[:8]}; margin {evaluation.margin:g}. Intervals are 95 % (bootstrap over"
        " queries), p of paired permutation tests, corrected after Holm."
    )


def conclusions(evaluation: Evaluation) -> list[str]:
    """What each comparison says, then what was left out, then what must be known of single arms."""
    notes = [f"{arm.arm.label}: {note}." for arm in evaluation.arms for note in arm.notes]
    return [*(f"{conclusion(arm, evaluation)}." for arm in evaluation.arms[1:]), *evaluation.told, *notes]


def figures(arm: ArmResult) -> list[str]:
    """Means, speed, size and repeats, as `_COLUMNS` names them."""
    size = "" if arm.bytes is None else f"{arm.bytes / 1e6:,.1f}"
    means = [f"{arm.means[name].mean:.3f}" for name in MEASURES]
    return [*means, f"{arm.queries_per_second:,.1f}", size, f"{arm.repeating:.1%}"]


def _table(arms: Sequence[ArmResult]) -> str:
    head = "".join(f"<th class=number>{escape(name)}</th>" for name in _COLUMNS)
    rows = []
    for arm in arms:
        numbers = figures(arm)
        for place, name in enumerate(MEASURES):
            found = arm.means[name]
            numbers[place] += f"<br><small>{found.low:.3f}–{found.high:.3f}</small>"
        cells = "".join(f"<td class=number>{number}</td>" for number in numbers)
        of = f"{arm.reference}, {arm.dimension} dimensions, {arm.rows:,} rows"
        rows.append(
            f"<tr><td>{escape(arm.arm.label)}<br><small>{escape(of)}</small></td>{cells}<td>{escape(arm.cost)}</td></tr>"
        )
    return f"<table><tr><th>arm</th>{head}<th>cost</th></tr>{''.join(rows)}</table>"


def _agreement(evaluation: Evaluation) -> str:
    if not evaluation.agreement:
        return ""
    rows = [
        f"<tr><td>{escape(pair.first)} – {escape(pair.second)}</td><td class=number>{pair.overlap:.2f}</td>"
        f"<td class=number>{pair.rank_biased:.2f}</td></tr>"
        for pair in evaluation.agreement
    ]
    head = "<tr><th>arms</th><th class=number>overlap@10</th><th class=number>rank-biased overlap</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"


def _side(side: Side) -> str:
    relevant = set(side.relevant)
    columns = []
    for label, found in side.lists.items():
        value = f" · {MAIN} {side.values[label]:.2f}" if label in side.values else ""
        columns.append(
            f"<div><b>{escape(label)}</b>{value}<ol>{''.join(_passage(one, relevant) for one in found)}</ol></div>"
        )
    told = f"<p class=about>Relevant: {escape(', '.join(side.relevant[:10]))}</p>" if side.relevant else ""
    return f"<details><summary>{escape(side.query)}</summary>{told}<div class=sides>{''.join(columns)}</div></details>"


def _passage(shown: Shown, relevant: set[str]) -> str:
    name = " — ".join(part for part in (shown.document_id, shown.title) if part)
    kind = " class=right" if shown.document_id in relevant else ""
    return f"<li{kind}><b>{escape(name)}</b><div class=text>{escape(shown.text[:_TEXT])}</div></li>"


def _section(title: str, content: str) -> str:
    return f"<h2>{escape(title)}</h2>{content}" if content else ""


def _list(texts: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>" if texts else ""


def _short(arm: ArmResult) -> str:
    """The baseline's label, without the way that both share."""
    model, _, way = arm.baseline.partition(", ")
    return model if arm.arm.label.partition(", ")[2] == way else arm.baseline


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
