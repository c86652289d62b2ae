// The board: every chart of a page, one player, one cursor.
//
// It draws plotly figures with Plotly.react, so that live updates keep zoom and elements; play, pause, step and the
// scrubber act on what was already recorded, here in the browser. It does not know what the figures mean: a figure's
// layout.meta says whether its x axis counts updates (steps), in by_step what to show at each step, which event a click
// reports (selects), of which the data's marks say what is chosen, and which 3-D charts are turned together (camera). What one chart draws is in chart.js.

const boards = new WeakMap();
const TAKES_LETTERS = "textarea, [contenteditable], input:not([type=range], [type=number], [type=radio], [type=checkbox])";
let plotlyLoading = null;

export default function ({ data, parentElement, setTriggerValue }) {
  if (!boards.has(parentElement)) boards.set(parentElement, new Board(parentElement));
  const board = boards.get(parentElement);
  board.update(data, setTriggerValue);
  // Streamlit calls this, too, when a newer update has overtaken this one; a board ends when it has left the page.
  return () => setTimeout(() => { if (!parentElement.isConnected) board.remove(); });
}

function loadPlotly(url) {
  plotlyLoading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      plotlyLoading = null;
      reject(new Error(`The chart library could not be loaded from ${url}.`));
    };
    document.head.append(script);
  });
  return plotlyLoading;
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made[name] = value;
    else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

// Puts a child in its place, and leaves one alone that is there.
function keepAt(parent, child, place) {
  if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] ?? null);
}

class Board {
  constructor(parent) {
    this.root = parent.querySelector(".bnviz-board");
    this.charts = new Map();
    this.groups = new Map();
    this.data = { steps: [], arms: [], groups: [] };
    this.place = null; // index into steps; null follows the newest
    this.logSteps = false;
    this.playing = null;
    this.cameras = new Map(); // by name, once somebody has turned it
    this.build();
    this.watching = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const chart = [...this.charts.values()].find((one) => one.root === entry.target);
        chart?.show(entry.isIntersecting);
      }
      this.redraw();
    }, { rootMargin: "300px", scrollMargin: "300px" }); // the page scrolls inside an element of Streamlit
    this.onkey = (event) => this.key(event);
    document.addEventListener("keydown", this.onkey);
  }

  build() {
    const button = (label, text, onclick) => element("button", { type: "button", "aria-label": label, title: label, onclick }, text);
    this.play = button("Play the recorded run (p)", "▶", () => this.toggle());
    this.play.classList.add("bnviz-play");
    this.scrubber = element("input", { type: "range", min: 0, max: 0, step: 1, "aria-label": "Step shown in all charts" });
    this.scrubber.oninput = () => { this.pause(); this.go(Number(this.scrubber.value)); };
    this.readout = element("output", { class: "bnviz-readout", "aria-live": "off" });
    this.speed = element("select", { "aria-label": "Playback speed" },
      ...[["0.5", "½×"], ["1", "1×"], ["2", "2×"], ["4", "4×"]].map(([value, text]) => element("option", { value, selected: value === "1" }, text)));
    this.log = element("button", { type: "button", "aria-pressed": "false", title: "Logarithmic axis of updates" }, "log");
    this.log.onclick = () => { this.logSteps = !this.logSteps; this.log.setAttribute("aria-pressed", this.logSteps); this.redraw(); };
    this.legend = element("div", { class: "bnviz-legend" });
    this.player = element("div", { class: "bnviz-player", role: "group", "aria-label": "Playback of the recorded run" },
      element("div", { class: "bnviz-buttons" },
        button("One measured step back", "‹", () => { this.pause(); this.go(this.index() - 1); }), this.play,
        button("One measured step on", "›", () => { this.pause(); this.go(this.index() + 1); })),
      this.scrubber, this.readout, this.speed, this.log, this.legend);
    this.message = element("p", { class: "bnviz-message", role: "alert", hidden: true });
    this.body = element("div", { class: "bnviz-groups" });
    this.root.append(this.player, this.message, this.body);
  }

  async update(data, setTriggerValue) {
    const before = this.step();
    this.data = data;
    this.setTriggerValue = setTriggerValue;
    if (this.place !== null) this.place = Math.max(0, data.steps.findLastIndex((step) => step <= before));
    this.ink = this.inks();
    this.legend.replaceChildren(...data.arms.map((arm) => {
      const line = element("span", { class: "bnviz-swatch" });
      line.style.borderTop = `3px ${arm.line} ${arm.colour}`;
      return element("span", { class: "bnviz-arm" }, line, arm.name);
    }));
    this.arrange();
    this.show();
    try {
      this.Plotly = await loadPlotly(data.plotly);
      await this.redraw();
      this.root.dataset.ready = "true";
    } catch (error) {
      this.message.textContent = `${error.message} Reload the page to try again.`;
      this.message.hidden = false;
    }
  }

  arrange() {
    const wanted = new Set(this.data.groups.flatMap((group) => group.charts.map((chart) => chart.name)));
    for (const [name, chart] of this.charts) {
      if (!wanted.has(name)) { chart.remove(); this.charts.delete(name); }
    }
    const named = new Set(this.data.groups.map((group) => group.name));
    for (const [name, parts] of this.groups) {
      if (!named.has(name)) { parts.root.remove(); this.groups.delete(name); }
    }
    let lacks = false;
    this.data.groups.forEach((group, place) => {
      if (!this.groups.has(group.name)) this.groups.set(group.name, this.section());
      const parts = this.groups.get(group.name);
      keepAt(this.body, parts.root, place);
      parts.title.textContent = group.title;
      parts.caption.textContent = group.caption;
      parts.note.textContent = group.note;
      parts.note.hidden = !group.note;
      parts.asked = group.action;
      parts.action.hidden = !group.action;
      parts.action.disabled = false;
      parts.charts.hidden = !group.charts.length;
      parts.charts.dataset.count = group.charts.length;
      group.charts.forEach(({ name, figure, digest, runs }, at) => {
        if (!this.charts.has(name)) {
          const chart = new Chart(name, this);
          this.charts.set(name, chart);
          this.watching.observe(chart.root);
        }
        keepAt(parts.charts, this.charts.get(name).root, at);
        lacks = !this.charts.get(name).update(figure, digest, runs) || lacks;
      });
    });
    if (lacks) this.setTriggerValue("missing", Date.now()); // what was sent before has not arrived; all of it comes again
  }

  section() {
    const parts = { title: element("h2"), caption: element("p"), charts: element("div", { class: "bnviz-charts" }), note: element("p", { class: "bnviz-note" }) };
    parts.action = element("button", { type: "button", class: "bnviz-action", onclick: () => this.act(parts) });
    const head = element("div", { class: "bnviz-head" }, parts.title, parts.action);
    parts.root = element("section", { class: "bnviz-group" }, head, parts.charts, parts.caption, parts.note);
    return parts;
  }

  // Reports the cursor's update. The button says at once that it was heard, until an answer or some seconds have come.
  act(parts) {
    this.pause();
    this.setTriggerValue(parts.asked.event, this.step());
    parts.action.disabled = true;
    parts.action.textContent = "Asked for …";
    setTimeout(() => { parts.action.disabled = false; this.show(); }, 4000);
  }

  async redraw() {
    if (!this.Plotly) return;
    for (const chart of this.charts.values()) await chart.draw(this.Plotly);
  }

  inks() {
    const style = getComputedStyle(this.root);
    const read = (name, otherwise) => style.getPropertyValue(`--st-${name}`).trim() || otherwise;
    return { text: style.color, font: style.fontFamily, background: read("background-color", "#fff"), panel: read("secondary-background-color", "#eee"),
      border: read("border-color", "#ccc"), touch: matchMedia("(pointer: coarse)").matches };
  }

  look() { return `${this.ink.text}|${this.ink.background}|${this.logSteps}`; }
  index() { return this.place ?? this.data.steps.length - 1; }
  step() { return this.data.steps[this.index()] ?? 0; }

  go(place) {
    const last = this.data.steps.length - 1;
    this.place = Math.min(Math.max(place, 0), Math.max(last, 0));
    if (this.place === last && this.data.live) this.place = null;
    this.show();
    this.redraw();
  }

  show() {
    const { steps, total } = this.data;
    this.scrubber.max = Math.max(steps.length - 1, 0);
    this.scrubber.value = this.index();
    this.scrubber.disabled = this.play.disabled = steps.length < 2;
    const text = steps.length ? `update ${this.step()} of ${total}` : "nothing measured yet";
    this.readout.textContent = text;
    this.scrubber.setAttribute("aria-valuetext", text);
    this.root.dataset.step = this.step();
    for (const { action, asked } of this.groups.values()) {
      if (asked && !action.disabled) action.textContent = asked.label.replace("{step}", this.step());
    }
    for (const chart of this.charts.values()) chart.placeCursor();
  }

  // A chart was turned by hand.
  turned(chart, camera) {
    this.cameras.set(chart.camera, structuredClone(camera));
    for (const other of this.charts.values()) {
      if (other !== chart && other.camera === chart.camera) other.turn();
    }
  }

  toggle() { this.playing ? this.pause() : this.start(); }

  start() {
    if (this.data.steps.length < 2) return;
    if (this.index() >= this.data.steps.length - 1) this.go(0);
    const began = performance.now();
    const from = this.index();
    const tick = (now) => {
      const rate = (this.data.steps.length / 6000) * Number(this.speed.value); // a run plays in six seconds at 1x
      const place = from + Math.floor((now - began) * rate);
      if (place !== this.index()) this.go(place);
      if (this.index() >= this.data.steps.length - 1) this.pause();
      else this.playing = requestAnimationFrame(tick);
    };
    this.playing = requestAnimationFrame(tick);
    this.play.textContent = "❚❚";
    this.play.setAttribute("aria-label", "Pause (p)");
  }

  pause() {
    cancelAnimationFrame(this.playing);
    this.playing = null;
    this.play.textContent = "▶";
    this.play.setAttribute("aria-label", "Play the recorded run (p)");
  }

  key(event) {
    if (event.target.closest?.(TAKES_LETTERS) || event.ctrlKey || event.metaKey || event.altKey || event.key !== "p") return;
    event.preventDefault();
    this.toggle();
  }

  clicked(chart, point) {
    if (chart.meta.steps) {
      const { steps } = this.data;
      const nearest = steps.reduce((best, step, place) => (Math.abs(step - point.x) < Math.abs(steps[best] - point.x) ? place : best), 0);
      this.pause();
      this.go(nearest);
    }
    if (chart.meta.selects) this.setTriggerValue(chart.meta.selects, Math.round(point.y));
  }

  remove() {
    this.pause();
    document.removeEventListener("keydown", this.onkey);
    this.watching.disconnect();
    for (const chart of this.charts.values()) chart.remove();
  }
}
