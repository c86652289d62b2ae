"""End to end, in a browser: from the click on "Train live" to the last chart, beside the bare PyTorch loop.

`python -m benchmarks.browser` starts the app with two workers and a headless Chromium, and opens the activations page
as everybody finds it; `--page loss_landscape` opens that one, whose two arms are trained with all of its probes. It
measures

- open: seconds from asking for the page until the board and its charts on screen are drawn, on a warm server; cold: the
  first page that anybody asks of a server that has just started, and starts its workers;
- first frame: from the click until the accuracy chart shows data of this run (it begins anew, so it has fewer steps, or
  all of them if it has ended before it was drawn);
- end: from the click until the status tells both arms' results and the board shows the last update of all arms;
- bare: seconds of benchmarks.bare for the same two arms, one after the other, one thread, in a process of its own,
  loaded beforehand. Each round is one bare training and one in the browser, so that a machine whose speed drifts, or
  that others use too, slows both; `ratio` is the median of the rounds' end / bare;
- lost: chart elements that were taken off the page during all rounds (0: updates are drawn in place);
- sent: bytes the browser received over the websocket for one run;
- memory: resident MB of the app, of the scheduler and of the largest worker, after the first and after the last run.

Times are taken in the browser, by its own clock. The server's workers, the browser and its software drawing share the
machine's cores; on a machine with a graphics card and more cores it is faster. It does not say how many visitors fit.
"""

import argparse
import statistics
import subprocess
import sys
from dataclasses import dataclass, field

import psutil
from playwright.sync_api import Page, sync_playwright

from scripts import chromium, running_app

TIMEOUT = 120_000  # milliseconds
BARE = """
import sys
import torch
from benchmarks import bare
torch.set_num_threads(1)
from bnviz.core.presets import DEFAULTS
arms = [DEFAULTS[sys.argv[1]].with_changes(norm=norm) for norm in ("none", "batch")]
for arm in arms: bare.timed(arm.with_changes(steps=20))
for _ in sys.stdin: print(sum(bare.timed(arm) for arm in arms), flush=True)
"""
READY = """() => document.querySelector(".bnviz-board[data-ready=true]")
    && document.querySelector("[data-chart=accuracy] .main-svg .scatterlayer .trace")
    && !document.querySelector("[data-stale=true]") && performance.now() / 1000"""
WATCH = """() => {
    const charts = ".bnviz-chart, .bnviz-plot, .main-svg";
    window.lost = 0;
    new MutationObserver((changes) => {
        for (const node of changes.flatMap((change) => [...change.removedNodes])) {
            if (node.matches?.(charts) || node.querySelector?.(charts)) window.lost += 1;
        }
    }).observe(document.body, { childList: true, subtree: true });
    const plot = document.querySelector("[data-chart=accuracy] .bnviz-plot");
    const shown = () => Math.min(...plot.data.map(({ x }) => x[x.length - 1]));
    const last = shown();
    window.timed = () => new Promise((resolve, reject) => {
        const button = [...document.querySelectorAll("button")].find((one) => one.innerText.includes("Train live"));
        const began = performance.now();
        let first = null, busy = false;
        const look = () => {
            if (first === null && shown() < last) first = performance.now() - began;
            const status = document.querySelector("[class*='-status']").innerText;
            busy ||= status.includes("Stop");
            const told = status.includes("Train live") && (status.match(/test accuracy after/g) ?? []).length === 2;
            const now = performance.now() - began;
            if (busy && told && shown() === last) resolve([(first ?? now) / 1000, now / 1000]);
            else if (now > 120000) reject(new Error(`after two minutes: ${status}`));
            else setTimeout(look, 20); // seldom enough not to slow down what it times
        };
        button.click();
        look();
    });
}"""


@dataclass
class Measured:
    """Seconds of each round, and bytes."""

    bare: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    end: list[float] = field(default_factory=list)
    received: int = 0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="how often the two arms are trained, each way")
    parser.add_argument("--page", choices=("activations", "loss_landscape"), default="activations")
    options = parser.parse_args()
    rounds, address = options.rounds, f"/{options.page}"
    measured = Measured()
    with running_app(workers=2) as app, sync_playwright() as playwright, _bare(options.page) as bare:
        page = chromium(playwright).new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.on("websocket", lambda socket: socket.on("framereceived", lambda data: _count(measured, data)))
        cold = opened(page, app.url + address)
        page.evaluate(WATCH)
        page.evaluate("() => window.timed()")  # the workers have loaded PyTorch after this one
        memory = [_memory(app.pid)]
        measured.received = 0
        for _ in range(rounds):
            measured.bare.append(_ask(bare))
            first, end = page.evaluate("() => window.timed()")
            measured.first.append(first)
            measured.end.append(end)
        received = measured.received / rounds
        memory.append(_memory(app.pid))
        lost = page.evaluate("() => window.lost")
        opens = [opened(page, app.url + address) for _ in range(5)]
    ratios = [end / bare for end, bare in zip(measured.end, measured.bare, strict=True)]
    print(f"default page {options.page}, two arms; {rounds} rounds on {psutil.cpu_count()} cores")
    print(f"{'open, cold':12s} {cold:6.2f} s")
    seconds = {"open": opens, "bare": measured.bare, "first frame": measured.first, "end": measured.end}
    for name, values in seconds.items():
        print(f"{name:12s} {_spread(values)} s")
    print(f"{'ratio':12s} {_spread(ratios)} end / bare")
    print(f"{'lost':12s} {lost} chart elements")
    print(f"{'sent':12s} {received / 1e6:.2f} MB a run")
    for what in memory[0]:
        print(f"{'memory':12s} {what}: {memory[0][what]:.0f} MB after 1 run, {memory[1][what]:.0f} after {rounds + 1}")


def opened(page: Page, url: str) -> float:
    """Open a page with a board; seconds until its charts on screen are drawn."""
    page.goto(url, wait_until="commit")
    seconds: float = page.wait_for_function(READY, timeout=TIMEOUT).json_value()
    return seconds


def _bare(page: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", BARE, page], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    _ask(process)  # returns once it has loaded
    return process


def _ask(bare: "subprocess.Popen[str]") -> float:
    assert bare.stdin is not None
    assert bare.stdout is not None
    bare.stdin.write("\n")
    bare.stdin.flush()
    return float(bare.stdout.readline())


def _count(measured: Measured, data: "str | bytes") -> None:
    measured.received += len(data)


def _memory(app: int) -> dict[str, float]:
    """Resident MB of the app, and of the scheduler and the largest worker, which are its descendants."""
    below = psutil.Process(app).children(recursive=True)
    scheduler = next(one for one in below if "bnviz.jobs.local_cluster" in one.cmdline())
    workers = [one for one in below if one.pid != scheduler.pid]
    sizes = {
        "app": psutil.Process(app).memory_info().rss,
        "scheduler": scheduler.memory_info().rss,
        "largest worker": max(one.memory_info().rss for one in workers),
    }
    return {name: size / 1e6 for name, size in sizes.items()}


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):6.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
