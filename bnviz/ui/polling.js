// Polling: asks the server for its part of the page again, after so many seconds.
//
// Streamlit's run_every asks however late the server is, and stops for good if one answer is lost. This one asks when the
// last answer has come, asks again if none comes, and not at all while nobody sees the page. It waits while the page is
// being run after a click: a question that arrives just when a run has ended can cost that run's last messages.

const PATIENCE = 10_000; // milliseconds until an answer counts as lost
const WAIT = 20; // milliseconds between two looks whether the page is still being run
const BUSY = ["running", "rerunRequested"];
const stops = new WeakMap(); // by element, how to stop the polling that the answer before began

export default function ({ data, parentElement, setTriggerValue }) {
  stops.get(parentElement)?.();
  let timer = null;
  let waited = 0;
  const stop = () => { clearTimeout(timer); document.removeEventListener("visibilitychange", tick); };
  const tick = () => {
    clearTimeout(timer);
    if (!parentElement.isConnected) return stop();
    if (document.hidden) return;
    const wait = isRun() && waited < PATIENCE;
    waited = wait ? waited + WAIT : 0;
    if (!wait) setTriggerValue("look", data.look);
    timer = setTimeout(tick, wait ? WAIT : PATIENCE);
  };
  document.addEventListener("visibilitychange", tick);
  timer = setTimeout(tick, 1000 * data.seconds);
  stops.set(parentElement, stop);
  return stop;
}

function isRun() {
  return BUSY.includes(document.querySelector("[data-testid=stApp]")?.dataset.testScriptState);
}
