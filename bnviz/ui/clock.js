// The clock: asks the server for its part of the page again, after so many seconds.
//
// Streamlit's own clock (run_every) asks however late the server is, stops for good if one answer is lost, and can only be
// set by running the whole page. This one asks when the last answer has come, asks again if none comes, and not at all
// while nobody sees the page. Nor does it ask while the page is being run, after a click, say: a question that arrives just
// when a run has ended can cost that run's last messages (docs/decisions/0015). It does not know what is shown.

const PATIENCE = 10_000; // milliseconds until an answer counts as lost
const PAUSE = 20; // milliseconds between two looks whether the page is still being run
const BUSY = ["running", "rerunRequested"];
const parts = new Map(); // by name, how to ask for each part of the page
const running = new Map(); // by name, the clock of each part

export default function ({ data, parentElement, setTriggerValue }) {
  parts.set(data.part, () => setTriggerValue("look", data.look));
  // One clock a part: where a newer answer has overtaken this one, Streamlit need not call what is returned here.
  running.get(data.part)?.stop();
  running.delete(data.part);
  if (data.seconds === null) return;
  const clock = new Clock(parentElement, 1000 * data.seconds, () => parts.get(data.asks)?.());
  running.set(data.part, clock);
  return () => clock.stop();
}

function isRun() {
  return BUSY.includes(document.querySelector("[data-testid=stApp]")?.dataset.testScriptState);
}

class Clock {
  constructor(place, after, ask) {
    this.place = place;
    this.ask = ask;
    this.waited = 0; // milliseconds, for a run to end
    this.seen = () => { if (this.timer === null) this.tick(); };
    document.addEventListener("visibilitychange", this.seen);
    this.timer = setTimeout(() => this.tick(), after);
  }

  tick() {
    this.timer = null;
    if (!this.place.isConnected) return this.stop();
    if (document.hidden) return;
    if (isRun() && this.waited < PATIENCE) {
      this.waited += PAUSE;
      this.timer = setTimeout(() => this.tick(), PAUSE);
      return;
    }
    this.waited = 0;
    this.ask();
    this.timer = setTimeout(() => this.tick(), PATIENCE);
  }

  stop() {
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.seen);
  }
}
