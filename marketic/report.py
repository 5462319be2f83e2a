"""The report: one self-contained HTML page about one or several runs. No requests, light and dark, readable without scripts.

>>> from pathlib import Path
>>> write_report([Path("runs/nowhere")], Path("report.html"))
Traceback (most recent call last):
marketic.errors.InputError: no run folder runs/nowhere: wanted a folder that `marketic train ... --out runs/nowhere` wrote
"""

from collections.abc import Sequence
from pathlib import Path
from typing import IO

from marketic.atomic import write_atomically
from marketic.errors import InputError
from marketic.graph.measures import gini
from marketic.graph.residents import present
from marketic.market import Market
from marketic.reporting import graph_script, map_over_time
from marketic.reporting.activity import activity_cards
from marketic.reporting.charts import COLOURS, Series, line_chart
from marketic.reporting.graph_view import graph_card
from marketic.reporting.grid_map import grid_card, taxi_card
from marketic.reporting.heat_map import heat_cards
from marketic.reporting.page import card, duration, escape, figure, page, table
from marketic.reporting.run_record import RunRecord, read_record
from marketic.reporting.run_sections import configuration_card, curve_cards, greedy_text, headline, mechanism_card
from marketic.reporting.truth import truth_card
from marketic.reporting.wealth import ledger_card, lorenz_card, rich_card
from marketic.vocabulary.tasks import Task, task_of
from marketic.vocabulary.words_of import words_of

EPISODES = 100


def write_report(folders: Sequence[Path], path: Path, *, episodes: int = EPISODES) -> Path:
    """Write one HTML page about the runs in `folders` to `path`, atomically; returns `path`.

    episodes: how many episodes each final market plays greedily for the page's return; 0: none.

    Raises InputError for a folder that is no run, CorruptFile for one that is damaged; then nothing is written.
    """
    if not folders:
        raise InputError("write_report([]): wanted at least one run folder")
    if episodes < 0:
        raise InputError(f"write_report(episodes={episodes}): wanted a number >= 0")
    records: list[RunRecord] = []
    try:
        for folder in folders:
            records.append(read_record(Path(folder), episodes))
        lively = any(record.history is not None for record in records)
        live = graph_script.STYLE + map_over_time.STYLE, graph_script.SCRIPT + map_over_time.SCRIPT
        text = page(_title(records), _body(records), *(live if lively else ()))
    finally:
        for record in records:
            if record.market is not None:
                record.market.env.close()

    def write(file: IO[bytes]) -> None:
        file.write(text.encode())

    write_atomically(Path(path), write)
    return Path(path)


def _title(records: Sequence[RunRecord]) -> str:
    tasks = list(dict.fromkeys(record.task for record in records))
    return f"marketic: {', '.join(tasks)}"


def _body(records: Sequence[RunRecord]) -> str:
    lead = "Agents bid for the right to act; the winner acts, takes the reward, and sells the right to the next."
    top = f'<h1>{escape(_title(records))}</h1><p class="lead">{lead}</p>'
    if len(records) > 1:
        links = "".join(f'<a href="#run-{k}">{escape(_label(record, records))}</a>' for k, record in enumerate(records))
        top += f"<nav>{links}</nav>{_comparison(records)}"
    return top + "".join(_run(record, k) for k, record in enumerate(records))


def _label(record: RunRecord, records: Sequence[RunRecord]) -> str:
    """The run's folder, with its parent where two runs share a name."""
    twins = sum(record.name == other.name for other in records) > 1
    return f"{record.folder.resolve().parent.name}/{record.name}" if twins else record.name


def _comparison(records: Sequence[RunRecord]) -> str:
    """One row per run, and one chart per task that several runs share."""
    rows = []
    for k, record in enumerate(records):
        market, seconds = record.market, record.last("seconds")
        rows.append([
            f'<a href="#run-{k}">{escape(_label(record, records))}</a>', escape(record.task),
            escape(type(market.population).__name__) if market else "–",
            escape(type(market.chain.mechanism).__name__) if market else "–",
            figure("steps", record.steps), figure("episodes", record.finished_episodes), greedy_text(record)[0],
            figure("gini", gini(market.wealth()[present(market)])) if market else "–",
            figure("seconds", seconds, duration(seconds)),
        ])  # fmt: skip
    head = ["Run", "Task", "Agents", "Auction", "Steps", "Episodes", "Greedy return", "Gini", "Time"]
    note = f"Greedy return: mean ± standard deviation over {records[0].episodes} episodes, in units of reward."
    summary = card("The runs side by side", table(head, rows, range(4, 9)), note, wide=True)
    charts = []
    for task in dict.fromkeys(record.task for record in records):
        same = [record for record in records if record.task == task]
        if len(same) > 1:
            lines = [
                Series(_label(r, records), r.column("step"), r.column("return_mean"), dashed=k >= COLOURS, colour=k)
                for k, r in enumerate(same)
            ]
            drawing = line_chart(lines, "environment steps", "Return per episode in training, in units of reward")
            charts.append(card(task, drawing))
    return f'<div class="cards">{summary}{"".join(charts)}</div>'


def _run(record: RunRecord, number: int) -> str:
    """All sections of one run."""
    title = f'<h2 id="run-{number}">{escape(record.task)} <span class="note">{escape(record.name)}</span></h2>'
    parts = [curve_cards(record)]
    if record.market is None:
        parts.append(card("The market", f"<p>It cannot be shown: {escape(record.why)}.</p>", wide=True))
    else:
        parts.append(_market(record.market, task_of(record.task)))
    parts.append(_history(record, number))
    return f'{title}{headline(record)}<div class="cards">{"".join(parts)}{configuration_card(record)}</div>'


def _market(market: Market, task: Task) -> str:
    """What the market knows, who is rich, and where the money is."""
    maps = grid_card(market, task) or taxi_card(market, task) or heat_cards(market, task)
    rules = rich_card(market, words_of(market))
    return maps + truth_card(market) + rules + lorenz_card(market) + mechanism_card(market) + ledger_card(market)


def _history(record: RunRecord, number: int) -> str:
    """What happened on the way, from the event log."""
    if record.history is None:
        text = "<p>This run kept no event log: train with <code>--log trades</code> to see who traded with whom.</p>"
        return card("What happened inside", text)
    words = words_of(record.market) if record.market else task_of(record.task).words
    drawn = graph_card(record.market, record.history, words, number) if len(record.history.trades) else ""
    drawn += map_over_time.map_over_time_card(record.market, record.history, task_of(record.task))
    return drawn + activity_cards(record.history)
