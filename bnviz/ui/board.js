// The board: every chart of a page, one player, one cursor.
//
// It draws plotly figures with Plotly.react, so that live updates keep zoom and elements; play, pause, step and the
// scrubber act on what was already recorded, here in the browser. It does not know what the figures mean: a figure's
// layout.meta says whether its x axis counts updates, and in by_step what to show at each step.

const boards = new WeakMap();
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

const ARRAYS = { f4: Float32Array, f8: Float64Array, i1: Int8Array, i2: Int16Array, i4: Int32Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array };

// plotly.py writes NumPy arrays as base64; turn them back, so that CSV and cursor see numbers.
function decoded(value) {
  if (Array.isArray(value)) return value.map(decoded);
  if (value === null || typeof value !== "object") return value;
  if (value.bdata === undefined) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, decoded(v)]));
  const bytes = Uint8Array.from(atob(value.bdata), (character) => character.charCodeAt(0));
  const flat = new ARRAYS[value.dtype](bytes.buffer);
  if (!value.shape) return flat;
  const columns = Number(String(value.shape).split(",")[1]);
  return Array.from({ length: flat.length / columns }, (_, row) => flat.subarray(row * columns, (row + 1) * columns));
}

class Chart {
  constructor(name, board) {
    this.board = board;
    this.name = name;
    this.text = null; // the figure as it came
    this.drawn = null; // what was last drawn: figure text and look
    this.visible = false;
    this.swatch = element("span", { class: "bnviz-swatch", hidden: true });
    this.title = element("span", { class: "bnviz-chart-title" });
    const save = element("details", { class: "bnviz-save" }, element("summary", { "aria-label": "Save this chart" }, "Save"));
    const choices = element("div", { class: "bnviz-save-choices" });
    for (const kind of ["PNG", "SVG", "CSV"]) {
      choices.append(element("button", { type: "button", onclick: () => { this.save(kind.toLowerCase()); save.open = false; } }, kind));
    }
    save.append(choices);
    save.onkeydown = (event) => { if (event.key === "Escape") save.open = false; };
    this.plot = element("div", { class: "bnviz-plot", role: "img" });
    this.cursor = element("div", { class: "bnviz-cursor", hidden: true, "aria-hidden": "true" });
    const frame = element("div", { class: "bnviz-frame" }, this.plot, this.cursor);
    this.root = element("figure", { class: "bnviz-chart", "data-chart": name },
      element("figcaption", {}, this.swatch, this.title, save), frame);
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(frame);
  }

  update(text) {
    if (text !== this.text) {
      this.text = text;
      this.figure = decoded(JSON.parse(text));
      this.meta = this.figure.layout.meta;
      this.title.textContent = this.meta.title;
      this.plot.setAttribute("aria-label", this.meta.alt);
      this.plot.style.minHeight = `${this.figure.layout.height}px`;
      const arm = this.board.data.arms.find((one) => one.name === this.meta.arm);
      this.swatch.hidden = !arm;
      if (arm) this.swatch.style.borderTop = `3px ${arm.line} ${arm.colour}`;
    }
  }

  traces() {
    const rows = this.meta.by_step; // for each trace, the values to show at each step
    if (!rows) return this.figure.data;
    return this.figure.data.map((trace, place) => {
      const at = rows[place] ? rows[place].steps.findLastIndex((step) => step <= this.board.step()) : -1;
      return at < 0 ? trace : { ...trace, y: rows[place].y[at] };
    });
  }

  layout() {
    const { ink, logSteps } = this.board;
    const layout = { ...this.figure.layout, height: undefined, autosize: true, font: { ...this.figure.layout.font, color: ink.text, family: ink.font } };
    layout.hoverlabel = { bgcolor: ink.panel, bordercolor: ink.border, font: { color: ink.text, family: ink.font } };
    layout.xaxis = { ...layout.xaxis, fixedrange: ink.touch };
    layout.yaxis = { ...layout.yaxis, fixedrange: ink.touch };
    if (this.meta.steps && logSteps) layout.xaxis = { ...layout.xaxis, type: "log", dtick: 1, range: undefined, autorange: true };
    return layout;
  }

  async draw(Plotly) {
    const look = `${this.board.look()}|${this.meta.by_step ? this.board.step() : ""}`;
    if (!this.visible || (this.drawn?.text === this.text && this.drawn.look === look)) return;
    this.drawn = { text: this.text, look };
    const first = !this.plot.data;
    await Plotly.react(this.plot, this.traces(), this.layout(), { displayModeBar: false, responsive: false, doubleClick: "reset" });
    if (first) {
      this.plot.on("plotly_click", (event) => this.board.clicked(this, event.points[0]));
      this.plot.on("plotly_afterplot", () => this.placeCursor());
    }
    this.placeCursor();
  }

  placeCursor() {
    const axis = this.plot._fullLayout?.xaxis;
    const height = this.plot._fullLayout?.yaxis;
    const resting = this.board.place === null; // nobody moved it: at the last step it would be one more border
    this.cursor.hidden = resting || !(this.meta?.steps && axis && this.board.data.steps.length);
    if (this.cursor.hidden) return;
    const inside = axis.d2p(this.board.step());
    const out = !(inside >= -1 && inside <= axis._length + 1);
    this.cursor.style.display = out ? "none" : "";
    this.cursor.style.transform = `translateX(${axis._offset + inside}px)`;
    this.cursor.style.top = `${height._offset}px`;
    this.cursor.style.height = `${height._length}px`;
  }

  resize() {
    if (this.plot.data && this.plot.offsetWidth) window.Plotly.Plots.resize(this.plot);
  }

  async save(kind) {
    const filename = `bnviz-${this.name}-update-${this.board.step()}`;
    if (kind === "csv") {
      const url = URL.createObjectURL(new Blob([this.csv()], { type: "text/csv" }));
      element("a", { href: url, download: `${filename}.csv` }).click();
      URL.revokeObjectURL(url);
      return;
    }
    const { ink } = this.board;
    const layout = { ...this.layout(), paper_bgcolor: ink.background, title: { text: this.meta.title, x: 0.02 }, margin: { ...this.figure.layout.margin, t: 48 } };
    const legend = this.figure.data.length > 1 && !this.meta.arm;
    await window.Plotly.downloadImage({ data: this.traces(), layout: { ...layout, showlegend: legend } },
      { format: kind, filename, width: 900, height: 520, scale: kind === "png" ? 2 : 1 });
  }

  csv() {
    const { xaxis, yaxis } = this.figure.layout;
    const quoted = (text) => `"${String(text ?? "").replaceAll('"', '""')}"`;
    const map = this.figure.data.some((trace) => trace.type === "heatmap");
    const rows = [["series", xaxis.title.text, yaxis.title.text, ...(map ? ["value"] : [])].map(quoted)];
    for (const trace of this.traces()) {
      const series = quoted(trace.name ?? this.meta.title);
      if (trace.type === "heatmap") {
        trace.y.forEach((y, row) => trace.x.forEach((x, column) => rows.push([series, x, y, trace.z[row][column]])));
      } else {
        Array.from(trace.x).forEach((x, place) => rows.push([series, x, trace.y[place]]));
      }
    }
    return rows.map((row) => row.join(",")).join("\n") + "\n";
  }

  remove() {
    this.resizing.disconnect();
    if (this.plot.data) window.Plotly.purge(this.plot);
    this.root.remove();
  }
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
    this.build();
    this.watching = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const chart = [...this.charts.values()].find((one) => one.root === entry.target);
        if (chart) chart.visible = entry.isIntersecting;
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
    this.readout = element("output", { class: "bnviz-readout" });
    this.speed = element("select", { "aria-label": "Playback speed" },
      ...[["0.5", "½×"], ["1", "1×"], ["2", "2×"], ["4", "4×"]].map(([value, text]) => element("option", { value, selected: value === "1" }, text)));
    this.log = element("button", { type: "button", "aria-pressed": "false", title: "Logarithmic axis of updates" }, "log");
    this.log.onclick = () => { this.logSteps = !this.logSteps; this.log.setAttribute("aria-pressed", this.logSteps); this.redraw(); };
    this.link = button("Copy the link to this page as it is set", "Copy link", () => this.copyLink());
    this.legend = element("div", { class: "bnviz-legend" });
    this.player = element("div", { class: "bnviz-player", role: "group", "aria-label": "Playback of the recorded run" },
      element("div", { class: "bnviz-buttons" },
        button("One measured step back", "‹", () => { this.pause(); this.go(this.index() - 1); }), this.play,
        button("One measured step on", "›", () => { this.pause(); this.go(this.index() + 1); })),
      this.scrubber, this.readout, this.speed, this.log, this.link, this.legend);
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
    for (const group of this.data.groups) {
      if (!this.groups.has(group.name)) {
        const parts = { title: element("h3"), caption: element("p"), charts: element("div", { class: "bnviz-charts" }) };
        parts.root = element("section", { class: "bnviz-group" }, parts.title, parts.caption, parts.charts);
        this.groups.set(group.name, parts);
        this.body.append(parts.root);
      }
      const parts = this.groups.get(group.name);
      parts.title.textContent = group.title;
      parts.caption.textContent = group.caption;
      parts.charts.dataset.count = group.charts.length;
      for (const { name, figure } of group.charts) {
        if (!this.charts.has(name)) {
          const chart = new Chart(name, this);
          this.charts.set(name, chart);
          parts.charts.append(chart.root);
          this.watching.observe(chart.root);
        }
        this.charts.get(name).update(figure);
      }
    }
    const named = new Set(this.data.groups.map((group) => group.name));
    for (const [name, parts] of this.groups) {
      if (!named.has(name)) { parts.root.remove(); this.groups.delete(name); }
    }
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
    for (const chart of this.charts.values()) chart.placeCursor();
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

  async copyLink() {
    try {
      await navigator.clipboard.writeText(location.href);
      this.link.textContent = "Copied";
      setTimeout(() => { this.link.textContent = "Copy link"; }, 1500);
    } catch { // no clipboard on plain http, or not allowed
      window.prompt("The link to this page as it is set:", location.href);
    }
  }

  key(event) {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable], [role=slider], [role=combobox]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.key !== "p") return;
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
