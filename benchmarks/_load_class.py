"""A class of thirty in front of one app: what its tabs do, one after the other and all at once.

Each function is one case of `benchmarks.load` and returns what it saw. The tabs show the activation distributions, a
page with two arms and a control, the unit, that changes what is drawn and nothing that is trained.
"""

import asyncio
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from benchmarks._load_memory import processor_seconds
from benchmarks._load_tab import Tab, TabError
from benchmarks._load_trainings import Trained, Trainings
from bnviz.core import presets
from bnviz.core.config import RunConfig

PAGE = "activations"
DEFAULTS = presets.DEFAULTS[PAGE]
UNITS = DEFAULTS.widths[0]
ARMS = len(presets.ACTIVATIONS.arms)
LONGEST_SECONDS = 900.0
OTHER_PAGES = ("overview", "theory")
THINKING_SECONDS = (0.5, 3.0)


@dataclass
class Seen:
    """What a class saw.

    Attributes:
        trained: by the workers, counted at their scheduler.
        results: seconds from a press until both results stand on the page.
        answers: seconds from a change of what is trained until the end of the run of the page that takes it up.
        reactions: seconds from a change of a control until the end of the run that shows it.
        settled: those of changes after every page had taken up what it is to train.
        afterwards: those of changes once everybody has their results, and nothing trains any more.
        errors: sentences, and how often.
        used: seconds of a core, by kind of process; by the sessions, too, whose browsers would be elsewhere.
        took: seconds of the whole.
    """

    trained: Trained
    results: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    reactions: list[float] = field(default_factory=list)
    settled: list[float] = field(default_factory=list)
    afterwards: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    used: dict[str, float] = field(default_factory=dict)
    took: float = 0.0


async def same(url: str, process: int, sessions: int, counted: Trainings) -> Seen:
    """All press "Train live" of what the page opens with, at once."""
    tabs = await opened(url, sessions)
    before, began, used = counted.so_far(), time.perf_counter(), _used(process)
    results = await asyncio.gather(*(_train(tab) for tab in tabs))
    seen = Seen(counted.so_far().since(before), results=results)
    return await _end(seen, tabs, process, used, began)


async def idle(url: str, process: int, sessions: int, every: float, changes: int, counted: Trainings) -> Seen:
    """Nothing trains; each changes the unit that it looks at, so often."""
    tabs = await opened(url, sessions)
    before, began, used = counted.so_far(), time.perf_counter(), _used(process)
    moments = _spread(sessions, every)
    reactions = await asyncio.gather(
        *(_look_around(tab, every, first, changes=changes) for tab, first in zip(tabs, moments, strict=True))
    )
    seen = Seen(counted.so_far().since(before), reactions=[seconds for several in reactions for _, seconds in several])
    return await _end(seen, tabs, process, used, began)


async def different(
    url: str, process: int, configs: Iterable[RunConfig], every: float, counted: Trainings, changes: int = 2
) -> Seen:
    """Each trains another seed, and changes the unit that it looks at until all have their results.

    And then so often again: the same pages, each with the results of its own seed to draw, while nothing trains.
    """
    tabs = await opened(url, len(configs := list(configs)), configs[0].steps)
    before, began, used = counted.so_far(), time.perf_counter(), _used(process)
    over = asyncio.Event()
    looking = [asyncio.create_task(_train_seed(tab, config)) for tab, config in zip(tabs, configs, strict=True)]
    moments = _spread(len(tabs), every)
    around = [
        asyncio.create_task(_look_around(tab, every, first, over)) for tab, first in zip(tabs, moments, strict=True)
    ]
    try:
        both = await asyncio.wait_for(asyncio.gather(*looking), LONGEST_SECONDS)
    finally:
        over.set()
    reactions = [one for several in await asyncio.gather(*around) for one in several]
    answers, results = (list(column) for column in zip(*both, strict=True))
    settled = [seconds for moment, seconds in reactions if moment > began + max(answers)]
    seen = Seen(counted.so_far().since(before), results, answers, [seconds for _, seconds in reactions], settled)
    seen = await _end(seen, [], process, used, began)
    if changes:
        later = await asyncio.gather(
            *(_look_around(tab, every, first, changes=changes) for tab, first in zip(tabs, moments, strict=True))
        )
        seen.afterwards = [seconds for several in later for _, seconds in several]
    return await _close(seen, tabs)


async def mixed(url: str, process: int, sessions: int, seconds: float, counted: Trainings) -> Seen:
    """Each comes, looks, trains, stops, leaves and comes back, for so many seconds."""
    before, began, used = counted.so_far(), time.perf_counter(), _used(process)
    visits = await asyncio.gather(*(_come_and_go(url, random.Random(seat), seconds) for seat in range(sessions)))
    seen = Seen(counted.so_far().since(before), errors=[error for errors in visits for error in errors])
    return await _end(seen, [], process, used, began)


async def opened(url: str, sessions: int, steps: int = DEFAULTS.steps) -> list[Tab]:
    """So many tabs, one after the other, each with its page, which shows a result of so many updates."""
    tabs = [Tab(url) for _ in range(sessions)]
    for tab in tabs:
        await tab.open(PAGE, "" if steps == DEFAULTS.steps else f"steps={steps}")
        await tab.until(partial(rests, tab, steps))
    return tabs


async def warmed(url: str) -> None:
    """Have a short run trained, so that the workers are there."""
    tab = Tab(url)
    await tab.open(PAGE, "steps=20&seed=999999")
    await tab.until(lambda: rests(tab, steps=20))
    await tab.close()


def rests(tab: Tab, steps: int = DEFAULTS.steps) -> bool:
    """Whether the page has both results, and offers to train again."""
    action = tab.find("button", f"{PAGE}/action")
    told = any(
        text.body.count("**") == 2 * ARMS and f"after {steps} updates" in text.body for text in tab.elements("markdown")
    )
    return action is not None and action.label == "Train live" and told


def _used(process: int) -> dict[str, float]:
    return processor_seconds(process) | {"sessions": time.process_time()}


async def _end(seen: Seen, tabs: list[Tab], process: int, used: dict[str, float], began: float) -> Seen:
    seen.took = time.perf_counter() - began
    seen.used = {kind: now - used.get(kind, 0.0) for kind, now in _used(process).items()}
    return await _close(seen, tabs)


async def _close(seen: Seen, tabs: list[Tab]) -> Seen:
    for tab in tabs:
        seen.errors += tab.errors
        await tab.close()
    return seen


async def _train(tab: Tab) -> float:
    began = time.perf_counter()
    await tab.press(f"{PAGE}/action")
    await tab.until(lambda: rests(tab), LONGEST_SECONDS)
    return time.perf_counter() - began


async def _train_seed(tab: Tab, config: RunConfig) -> tuple[float, float]:
    """A page trains what it has no results of as soon as it is asked for it: seconds until it answers, and has both."""
    began = time.perf_counter()
    answer = await tab.enter(f"{PAGE}.seed", config.seed, lambda: f"seed={config.seed}" in tab.query)
    await tab.until(lambda: rests(tab, config.steps), LONGEST_SECONDS)
    return answer, time.perf_counter() - began


def _spread(count: int, every: float) -> list[float]:
    """So many moments within `every` seconds, evenly spread from a random one on, in random order.

    Nobody's depends on when their page was opened, and of two classes equally many fall into their first second.
    """
    first = random.random()
    return random.sample([every * (place + first) / count for place in range(count)], count)


async def _look_around(
    tab: Tab, every: float, first: float, over: asyncio.Event | None = None, changes: int = 0
) -> list[tuple[float, float]]:
    """Change the unit after `first` seconds and then once in `every`: so many times, or until it is over.

    Each one's moment, and the seconds until the page showed it.
    """
    reactions: list[tuple[float, float]] = []
    place = 0
    await asyncio.sleep(first)
    while not over.is_set() if over else len(reactions) < changes:
        place += 1
        moment, seconds = time.perf_counter(), await look_at(tab, 1 + place % UNITS)
        reactions.append((moment, seconds))
        await asyncio.sleep(max(every - seconds, 0.0))
    return reactions


async def look_at(tab: Tab, unit: int) -> float:
    def shows() -> bool:
        board = tab.find("bidi_component", f"{PAGE}/board")
        return board is not None and f'"One unit: {unit} of layer' in board.json

    return await tab.enter(f"{PAGE}.unit", unit, shows)


async def _come_and_go(url: str, chance: random.Random, seconds: float) -> list[str]:
    errors: list[str] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        tab = Tab(url)
        try:
            await _visit(tab, chance, end)
        except TabError as error:
            errors.append(str(error))
        finally:
            await tab.close()
        errors += tab.errors
    return errors


async def _visit(tab: Tab, chance: random.Random, end: float) -> None:
    page = chance.choice((PAGE, PAGE, PAGE, *OTHER_PAGES))
    await tab.open(page, f"seed={chance.randrange(200)}&steps=100" if page == PAGE else "")
    for _ in range(chance.randrange(2, 12)):
        await asyncio.sleep(chance.uniform(*THINKING_SECONDS))
        if time.monotonic() > end:
            return
        action = f"{page}/action"
        if page == PAGE and chance.random() < 0.6 and tab.find("number_input", f"{PAGE}.unit"):
            await look_at(tab, chance.randrange(1, UNITS))
        elif tab.find("button", action):
            await tab.press(action)  # trains, or stops what is trained
