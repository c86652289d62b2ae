// The list of this browser's runs, in its localStorage: adds what Python hands over, and hands back all, if asked to.
//
// It looks into an entry only to tell whether a comparison is there already; whether an entry makes sense is checked in
// Python, since anybody can write into their browser's storage.

const KEY = "bnviz.runs";
const reported = new WeakMap(); // by element: called again for every change of the page, it says nothing twice

export default function ({ data, parentElement, setStateValue }) {
  const kept = keep(data.add ?? [], data.most, data.forget ?? 0);
  if (!data.report) return;
  const answer = { available: kept !== null, entries: kept ?? [] };
  const text = JSON.stringify(answer);
  if (reported.get(parentElement) === text) return;
  reported.set(parentElement, text);
  setStateValue("kept", answer);
}

// All entries, the newest last; null where the browser keeps nothing for this app. Those up to the moment `forget`, in
// milliseconds since 1970, go.
function keep(added, most, forget) {
  try {
    let entries = read().filter((one) => Date.parse(one?.when) > forget);
    for (const entry of added) {
      const before = entries.find((one) => same(one) === same(entry));
      if (before && before.when >= entry.when) continue;
      entries = [...entries.filter((one) => one !== before), entry];
    }
    entries = entries.slice(-most);
    localStorage.setItem(KEY, JSON.stringify(entries)); // also where nothing was added: it fails if nothing can be kept
    return entries;
  } catch {
    return null;
  }
}

function read() {
  const text = localStorage.getItem(KEY);
  try {
    const found = JSON.parse(text ?? "[]");
    return Array.isArray(found) ? found : [];
  } catch { // not ours, or half written: begin anew
    return [];
  }
}

function same(entry) {
  return JSON.stringify([entry?.page, Object.entries(entry?.arms ?? {}).map(([name, arm]) => [name, arm?.query])]);
}
