// The clock: asks the server for its part of the page again, after so many seconds.
//
// Streamlit's own clock (run_every) asks however late the server is, stops for good if one answer is lost, and can only be
// set by running the whole page. This one asks when the last answer has come, asks again if none comes, and not at all
// while nobody sees the page. It does not know what is shown.

const PATIENCE = 10_000; // milliseconds until an answer counts as lost
const parts = new Map(); // by name, how to ask for each part of the page

export default function ({ data, setTriggerValue }) {
  parts.set(data.part, () => setTriggerValue("look", data.look));
  if (data.seconds === null) return;
  let timer = null;
  const ask = () => {
    timer = null;
    if (document.hidden) return;
    parts.get(data.asks)?.();
    timer = setTimeout(ask, PATIENCE);
  };
  const seen = () => { if (timer === null) ask(); };
  timer = setTimeout(ask, 1000 * data.seconds);
  document.addEventListener("visibilitychange", seen);
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", seen);
  };
}
