// Charts on canvas: axes, two layers (what is drawn seldom, and marks on it), dark mode, sizes.

const color = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const palette = [];
const colors = {};
const charts = new Set();
const DASHES = [[], [7, 3], [2, 2], [9, 3, 2, 3]];

/** Colour and dashes of the `number`-th line: ten colours, each with the dashes that follow. */
const lineColor = number => palette[number % 10];
const lineDash = number => DASHES[(number + Math.floor(number / 10)) % DASHES.length];

function readColors() {
  for (let number = 0; number < 10; number++) palette[number] = color(`s${number}`);
  for (const name of ["text", "soft", "back", "panel", "line", "grid", "accent", "good", "bad", "faded"]) colors[name] = color(name);
}
readColors();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  readColors();
  charts.forEach(chart => chart.repaint());
});

const seen = new IntersectionObserver(entries => {
  for (const entry of entries) {
    entry.target.chart.visible = entry.isIntersecting;
    if (entry.isIntersecting) entry.target.chart.schedule();
  }
}, { rootMargin: "200px" });

/** A sample of a line, for chips and legends. */
function swatch(number) {
  const box = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  box.setAttribute("width", 26); box.setAttribute("height", 8); box.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
  const set = { x1: 0, x2: 26, y1: 4, y2: 4, "stroke-width": 3, "stroke-dasharray": lineDash(number).join(" ") };
  for (const [name, value] of Object.entries(set)) line.setAttribute(name, value);
  line.style.stroke = `var(--s${number % 10})`;
  box.append(line);
  return box;
}

/**
 * A chart in `holder`. `x` and `y` are axes {min, max, log, label, format, whole}; `paint(chart)`
 * draws the data, `marks(chart)` what changes often. A chart is drawn only while it can be seen.
 */
class Chart {
  constructor(holder, { height = 240, label, x, y, paint, marks, bare = false, focus = false }) {
    Object.assign(this, { holder, x, y, paintData: paint, paintMarks: marks, bare });
    holder.classList.add("chart");
    holder.style.height = `${height}px`;
    this.below = make("canvas", { "aria-hidden": "true" });
    this.above = make("canvas", { class: "marks", role: "img", "aria-label": label, tabindex: focus ? 0 : undefined });
    holder.append(this.below, this.above);
    holder.chart = this;
    this.dirty = this.marked = true;
    charts.add(this);
    seen.observe(holder);
    this.sizes = new ResizeObserver(() => this.repaint());
    this.sizes.observe(holder);
  }

  /** Forget a chart that is taken out of the page. */
  close() { charts.delete(this); seen.unobserve(this.holder); this.sizes.disconnect(); }

  repaint() { this.dirty = true; this.schedule(); }
  remark() { this.marked = true; this.schedule(); }

  schedule() {
    if (this.waiting || !this.visible) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.draw(); });
  }

  draw() {
    const width = this.holder.clientWidth, height = this.holder.clientHeight;
    if (!width || !height) return;
    if (this.dirty) {
      const ratio = devicePixelRatio || 1;
      for (const canvas of [this.below, this.above]) { canvas.width = width * ratio; canvas.height = height * ratio; }
      Object.assign(this, { width, height, ratio, left: this.bare ? 8 : 48, right: width - 12, top: 10, bottom: height - (this.bare ? 8 : 38) });
      this.pen = this.start(this.below);
      if (!this.bare) this.axes();
      this.pen.save(); this.clip(); this.paintData(this); this.pen.restore();
      this.name();
      this.marked = true;
    }
    if (this.marked && this.paintMarks) {
      this.pen = this.start(this.above);
      this.paintMarks(this);
    }
    this.dirty = this.marked = false;
  }

  start(canvas) {
    const pen = canvas.getContext("2d");
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    pen.font = "12px system-ui, sans-serif";
    return pen;
  }

  clip() { this.pen.beginPath(); this.pen.rect(this.left, this.top - 3, this.right - this.left, this.bottom - this.top + 6); this.pen.clip(); }
  px(value) { return this.left + share(this.x, value) * (this.right - this.left); }
  py(value) { return this.bottom - share(this.y, value) * (this.bottom - this.top); }
  vx(pixel) { return valueAt(this.x, (pixel - this.left) / (this.right - this.left)); }
  vy(pixel) { return valueAt(this.y, (this.bottom - pixel) / (this.bottom - this.top)); }

  axes() {
    const { pen, x, y, left, right, top, bottom } = this;
    pen.lineWidth = 1;
    pen.textBaseline = "top"; pen.textAlign = "center";
    for (const tick of ticks(x, Math.max(2, (right - left) / 70))) {
      pen.strokeStyle = colors.grid; stroke(pen, [[this.px(tick), top], [this.px(tick), bottom]]);
      pen.fillStyle = colors.soft; pen.fillText((x.format ?? short)(tick), this.px(tick), bottom + 5);
    }
    pen.textAlign = "right"; pen.textBaseline = "middle";
    for (const tick of ticks(y, Math.max(2, (bottom - top) / 40))) {
      pen.strokeStyle = colors.grid; stroke(pen, [[left, this.py(tick)], [right, this.py(tick)]]);
      pen.fillStyle = colors.soft; pen.fillText((y.format ?? short)(tick), left - 5, this.py(tick));
    }
    pen.strokeStyle = colors.line; pen.strokeRect(left, top, right - left, bottom - top);
    pen.fillStyle = colors.text; pen.textAlign = "right"; pen.textBaseline = "bottom";
    pen.fillText(x.label ?? "", right, this.height - 2, right - left);
    pen.textAlign = "left"; pen.textBaseline = "top";
  }

  /** The name of the vertical axis, inside the chart, on top of what is drawn. */
  name() {
    const { pen, y, left, right, top } = this;
    if (this.bare || !y.label) return;
    pen.globalAlpha = 1; pen.textAlign = "left"; pen.textBaseline = "top";
    pen.lineWidth = 4; pen.lineJoin = "round"; pen.strokeStyle = colors.back; pen.strokeText(y.label, left + 5, top + 4, right - left - 10);
    pen.fillStyle = colors.soft; pen.fillText(y.label, left + 5, top + 4, right - left - 10);
  }
}

/** Where a value lies on an axis, from 0 to 1, and the value that lies there. */
function share(axis, value) {
  if (axis.log) return Math.log(value / axis.min) / Math.log(axis.max / axis.min);
  return (value - axis.min) / (axis.max - axis.min);
}
function valueAt(axis, part) {
  if (axis.log) return axis.min * Math.pow(axis.max / axis.min, part);
  return axis.min + part * (axis.max - axis.min);
}

/** An axis that holds all values, with a margin; logarithmic if `log` and all are positive. */
function axisOf(values, options = {}) {
  let min = Infinity, max = -Infinity;
  for (const value of values) if (value !== null) { min = Math.min(min, value); max = Math.max(max, value); }
  if (min === Infinity) [min, max] = [0, 1];
  const log = Boolean(options.log) && min > 0;
  if (log) { const more = max > min ? Math.pow(max / min, 0.04) : 1.5; return { ...options, min: min / more, max: max * more, log }; }
  const more = max > min ? 0.04 * (max - min) : Math.max(0.5, Math.abs(max) * 0.1);
  return { ...options, min: min - more, max: max + more, log };
}

function ticks(axis, wanted) {
  const found = [];
  if (axis.log) {
    const decades = Math.log10(axis.max / axis.min);
    if (decades > 0.7) {
      const each = Math.ceil(decades / wanted), steps = 3 * decades <= wanted + 1 ? [1, 2, 5] : decades < 2 ? [1, 3] : [1];
      for (let power = Math.floor(Math.log10(axis.min)); power <= Math.ceil(Math.log10(axis.max)); power++)
        for (const step of steps) if (power % each === 0) found.push(step * Math.pow(10, power));
      return found.filter(tick => tick >= axis.min && tick <= axis.max);
    }
  }
  const raw = (axis.max - axis.min) / wanted, power = Math.pow(10, Math.floor(Math.log10(raw)));
  let step = [1, 2, 5, 10].find(factor => factor * power >= raw) * power;
  if (axis.whole) step = Math.max(1, Math.ceil(step));
  for (let tick = Math.ceil(axis.min / step); tick * step <= axis.max; tick++) found.push(+(tick * step).toPrecision(12));
  return found;
}

function stroke(pen, points, dash = []) {
  pen.setLineDash(dash);
  pen.beginPath();
  let drawing = false;
  for (const [x, y] of points) {
    if (!isFinite(x) || !isFinite(y)) { drawing = false; continue; }
    if (drawing) pen.lineTo(x, y); else pen.moveTo(x, y);
    drawing = true;
  }
  pen.stroke();
  pen.setLineDash([]);
}

/** Where the pointer is on a chart, in pixels. */
function place(chart, event) {
  const box = chart.above.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}
