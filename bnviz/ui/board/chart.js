// One chart of the board: a plotly figure as JSON, what is drawn of it at the cursor's step, and its saves.
//
// Follows board.js in one script, which draws it when it is in sight and tells it the step, the theme and the camera.

const SETTINGS = { displayModeBar: false, responsive: false, doubleClick: "reset", scrollZoom: false }; // a wheel scrolls the page
const GRIDS = ["heatmap", "contour", "surface"];
const BYTE_ORDER_MARK = "\ufeff"; // without it, Excel takes UTF-8 for something else
const ARRAYS = { f4: Float32Array, f8: Float64Array, i1: Int8Array, i2: Int16Array, i4: Int32Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array };
const FRAME = { type: "rect", xref: "x domain", x0: 0, x1: 1, line: { color: "rgba(128,128,128,0.9)", width: 1 } }; // round what is chosen
const POINTER = { x: 1, xref: "paper", xanchor: "left", text: "◀", showarrow: false, font: { size: 11 } };

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

// A number of a CSV file: six significant digits, and a blank where nothing was measured.
function written(value) {
  if (typeof value === "string") return quoted(value);
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return Number.isSafeInteger(value) ? value : Number(value.toPrecision(6));
}

function quoted(text) { return `"${String(text ?? "").replaceAll('"', '""')}"`; }

class Chart {
  constructor(name, board) {
    this.board = board;
    this.name = name;
    this.digest = null; // of the figure as it came
    this.figure = null;
    this.drawn = null; // what was last drawn: digest and look
    this.visible = false;
    this.turning = null; // the camera that it was told to take and has not taken yet, as JSON
    this.swatch = element("span", { class: "bnviz-swatch", hidden: true });
    this.title = element("span", { class: "bnviz-chart-title" });
    this.saving = element("summary", {}, "Save");
    const save = element("details", { class: "bnviz-save" }, this.saving);
    const choices = element("div", { class: "bnviz-save-choices" });
    for (const kind of ["PNG", "SVG", "CSV"]) {
      choices.append(element("button", { type: "button", onclick: () => { this.save(kind.toLowerCase()); save.open = false; } }, kind));
    }
    save.append(choices);
    save.onkeydown = (event) => { if (event.key === "Escape") save.open = false; };
    this.rotate = element("button", { type: "button", class: "bnviz-rotate", "aria-pressed": "false",
      title: "Rotate this surface with one finger; otherwise a finger scrolls the page" }, "Rotate");
    this.rotate.onclick = () => this.rotate.setAttribute("aria-pressed", this.rotate.getAttribute("aria-pressed") === "false");
    this.plot = element("div", { class: "bnviz-plot", role: "img" });
    this.cursor = element("div", { class: "bnviz-cursor", hidden: true, "aria-hidden": "true" });
    const frame = element("div", { class: "bnviz-frame" }, this.plot, this.cursor);
    this.root = element("figure", { class: "bnviz-chart", "data-chart": name },
      element("figcaption", {}, this.swatch, this.title, this.rotate, save), frame);
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(frame);
  }

  // The figure is left out where the one with this digest was sent before; returns whether it is here. `runs` has the
  // run keys of what is drawn, by arm and by series.
  update(figure, digest, runs) {
    this.runs = runs;
    if (digest === this.digest) return true;
    if (figure === undefined) return false;
    this.digest = digest;
    this.figure = decoded(JSON.parse(figure));
    this.meta = this.figure.layout.meta;
    this.title.textContent = this.meta.title;
    const named = [this.meta.title, this.meta.arm].filter(Boolean).join(", "); // charts of two arms share a title
    this.root.setAttribute("aria-label", named);
    this.saving.setAttribute("aria-label", `Save ${named}`);
    this.rotate.setAttribute("aria-label", `Rotate ${named}`);
    this.plot.setAttribute("aria-label", this.meta.alt);
    this.plot.style.minHeight = `${this.figure.layout.height}px`;
    this.rotate.hidden = !this.solid;
    const arm = this.board.data.arms.find((one) => one.name === this.meta.arm);
    this.swatch.hidden = !arm;
    if (arm) this.swatch.style.borderTop = `3px ${arm.line} ${arm.colour}`;
    return true;
  }

  // What to draw at the cursor's step; of an arm that was not measured yet, nothing.
  traces() {
    const rows = this.meta.by_step; // for each trace, what stands still (null) or its x, y and z at each of its steps
    if (!rows) return this.figure.data;
    return this.figure.data.map((trace, place) => {
      const row = rows[place];
      if (!row) return trace;
      const at = row.steps.findLastIndex((step) => step <= this.board.step());
      const moving = ["x", "y", "z"].filter((letter) => row[letter]);
      return { ...trace, ...Object.fromEntries(moving.map((letter) => [letter, at < 0 ? [] : row[letter][at]])) };
    });
  }

  // The same without what a logarithmic axis has no place for: to a value of 0 plotly draws the line out of the chart.
  placed() {
    const { xaxis, yaxis } = this.layout();
    const above = (axis, values) => (axis?.type === "log" ? Array.from(values, (value) => (value > 0 ? value : null)) : values);
    return this.traces().map((trace) => (GRIDS.includes(trace.type) || this.solid ? trace : { ...trace, x: above(xaxis, trace.x), y: above(yaxis, trace.y) }));
  }

  row() { return this.board.data.marks?.[this.meta.selects]; } // which is chosen, of those that a click selects

  get barTitle() { return this.figure.data.find((trace) => trace.colorbar?.title)?.colorbar.title.text; }
  get solid() { return this.figure?.layout.scene !== undefined; }
  get camera() { return this.meta?.camera ?? this.name; } // charts that name the same one are turned together

  layout() {
    const { ink, logSteps } = this.board;
    const layout = { ...this.figure.layout, height: undefined, autosize: true, font: { ...this.figure.layout.font, color: ink.text, family: ink.font } };
    layout.hoverlabel = { bgcolor: ink.panel, bordercolor: ink.border, font: { color: ink.text, family: ink.font } };
    if (this.solid) {
      const { xaxis, yaxis, ...rest } = layout; // of the flat figure that every figure is at first
      return { ...rest, scene: this.scene() };
    }
    const row = this.row();
    if (row !== undefined) {
      layout.shapes = [...(layout.shapes ?? []), { ...FRAME, y0: row - 0.5, y1: row + 0.5 }];
      layout.annotations = [...(layout.annotations ?? []), { ...POINTER, y: row }];
    }
    if (ink.touch) layout.dragmode = false; // plotly would keep each swipe for itself, and the page could not be scrolled
    layout.xaxis = { ...layout.xaxis, fixedrange: ink.touch };
    layout.yaxis = { ...layout.yaxis, fixedrange: ink.touch };
    if (this.meta.steps && logSteps) layout.xaxis = { ...layout.xaxis, type: "log", dtick: 1, range: undefined, autorange: true };
    return layout;
  }

  scene() {
    const { scene } = this.figure.layout;
    const axes = ["xaxis", "yaxis", "zaxis"].map((name) => [name, { gridcolor: this.board.ink.border, ...scene[name], color: this.board.ink.text }]);
    return { uirevision: this.camera, ...scene, ...Object.fromEntries(axes), camera: this.board.cameras.get(this.camera) ?? scene.camera };
  }

  async draw(Plotly) {
    if (!this.figure) return;
    const look = [this.board.look(), this.meta.by_step ? this.board.step() : "", this.row()].join("|");
    if (!this.visible || (this.drawn?.digest === this.digest && this.drawn.look === look)) return;
    this.drawn = { digest: this.digest, look };
    const first = !this.plot.data;
    const drawing = Plotly.react(this.plot, this.placed(), this.layout(), SETTINGS);
    if (first) this.listen(); // at once: it may be dragged before all of it is there
    await drawing;
    this.placeCursor();
  }

  listen() {
    this.plot.on("plotly_click", (event) => this.board.clicked(this, event.points[0]));
    this.plot.on("plotly_afterplot", () => this.placeCursor());
    const turned = ({ "scene.camera": camera }) => camera && JSON.stringify(camera) !== this.turning && this.board.turned(this, camera);
    this.plot.on("plotly_relayouting", turned); // while it is dragged
    this.plot.on("plotly_relayout", turned);
    const touched = () => turned({ "scene.camera": this.plot._fullLayout?.scene?._scene?.getCamera() });
    this.plot.ontouchmove = this.plot.ontouchend = touched; // of a finger plotly tells nobody
  }

  // Takes the board's camera, one turn at a time and the newest next, as turning may take a while. What it was told it
  // does not pass on (of two charts that answer late, each would push the other back for ever); a drag meanwhile, it does.
  async turn() {
    const wanted = () => JSON.stringify(this.board.cameras.get(this.camera));
    if (this.turning) return;
    try {
      for (let taken = null; this.solid && this.plot.data && taken !== wanted(); taken = this.turning) {
        this.turning = wanted();
        await window.Plotly.relayout(this.plot, { "scene.camera": JSON.parse(this.turning) });
      }
    } finally {
      this.turning = null;
    }
  }

  // A browser has few WebGL contexts: a chart out of sight gives its own back.
  show(visible) {
    this.visible = visible;
    if (visible || !this.solid || !this.plot.data) return;
    window.Plotly.purge(this.plot);
    this.drawn = null;
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
      const url = URL.createObjectURL(new Blob([BYTE_ORDER_MARK, this.csv()], { type: "text/csv" }));
      element("a", { href: url, download: `${filename}.csv` }).click();
      URL.revokeObjectURL(url);
      return;
    }
    const { ink } = this.board;
    const layout = { ...this.layout(), paper_bgcolor: ink.background, title: { text: this.meta.title, x: 0.02 }, margin: { ...this.figure.layout.margin, t: 48 } };
    const legend = this.meta.legend || (this.figure.data.length > 1 && !this.meta.arm);
    await window.Plotly.downloadImage({ data: this.placed(), layout: { ...layout, showlegend: legend } },
      { format: kind, filename, width: 900, height: Math.max(520, this.figure.layout.height), scale: kind === "png" ? 2 : 1 });
  }

  // Long format: a row for each point. A map's or a surface's value is its customdata where it has some, and so is that of
  // a path on it: heights may be logarithms.
  csv() {
    const axes = this.solid ? this.figure.layout.scene : this.figure.layout;
    const third = this.figure.data.some((trace) => trace.z || GRIDS.includes(trace.type));
    const titles = [axes.xaxis.title.text, axes.yaxis.title.text, ...(third ? [axes.zaxis?.title?.text ?? this.barTitle ?? "value"] : [])];
    const rows = [["series", "run key", ...titles].map(quoted)];
    for (const trace of this.traces()) {
      const name = trace.name ?? this.meta.title;
      const run = this.runs[name] ?? this.runs[name.split(", ")[0]] ?? this.runs[this.meta.arm];
      const row = (...values) => rows.push([quoted(name), quoted(run), ...values.map(written)]);
      if (GRIDS.includes(trace.type)) {
        const values = trace.customdata?.[0]?.length ? trace.customdata : trace.z;
        trace.y.forEach((y, up) => trace.x.forEach((x, column) => row(x, y, values[up][column])));
      } else {
        const heights = trace.customdata ?? trace.z;
        Array.from(trace.x).forEach((x, place) => row(x, trace.y[place], ...(third ? [heights?.[place]] : [])));
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
