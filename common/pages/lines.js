// Line charts with a legend that switches lines on and off, and a reading under the pointer.

/**
 * `series` are {name, x, y, number} with equally long x and y, `band` {name, x, low, high} an area
 * behind them, `axes` {x, y} what `axisOf` takes. `legend` adds the switches, which a chart without
 * them has as `toggle(k, on)`; `reads` the line of text with the values at the cursor.
 */
function lineChart(holder, { series, band, axes, label, height = 300, legend = true, reads = legend, width = 2 }) {
  const on = series.map(() => true), box = make("figure"), reading = make("p", { class: "read", "aria-live": "off" });
  const all = key => [...series.flatMap(one => one[key]), ...(band ? (key === "x" ? band.x : [...band.low, ...band.high]) : [])].filter(value => value !== null && isFinite(value));
  const positive = values => (axes.y.log ? values.filter(value => value > 0) : values);
  let cursor = null;
  const chart = new Chart(box, {
    height, label, focus: true, x: axisOf(all("x"), axes.x), y: axisOf(positive(all("y")), axes.y),
    paint: () => {
      const { pen } = chart, floor = value => (chart.y.log ? Math.max(value, chart.y.min) : value);
      if (band) {
        pen.fillStyle = colors.faded; pen.globalAlpha = 0.35; pen.beginPath();
        band.x.forEach((x, k) => pen.lineTo(chart.px(x), chart.py(floor(band.high[k]))));
        [...band.x.keys()].reverse().forEach(k => pen.lineTo(chart.px(band.x[k]), chart.py(floor(band.low[k]))));
        pen.fill(); pen.globalAlpha = 1;
      }
      series.forEach((one, k) => {
        if (!on[k]) return;
        pen.strokeStyle = one.color ? colors[one.color] : lineColor(one.number ?? k);
        pen.fillStyle = pen.strokeStyle; pen.lineWidth = one.width ?? width; pen.globalAlpha = 0.9;
        const points = one.x.map((x, j) => (one.y[j] === null ? [NaN, NaN] : [chart.px(x), chart.py(floor(one.y[j]))]));
        stroke(pen, points, one.dash ?? lineDash(one.number ?? k));
        if (points.length <= 40) points.forEach(([x, y]) => dot(pen, x, y, 5));
        pen.globalAlpha = 1;
      });
    },
    marks: () => {
      if (cursor === null) return;
      chart.pen.strokeStyle = colors.accent; chart.pen.lineWidth = 1;
      stroke(chart.pen, [[chart.px(cursor), chart.top], [chart.px(cursor), chart.bottom]]);
    },
  });
  const nearest = (one, x) => one.x.reduce((best, value, k) => (Math.abs(value - x) < Math.abs(one.x[best] - x) ? k : best), 0);
  const text = axes.y.format ?? short;
  const read = x => {
    cursor = x === null ? null : Math.min(chart.x.max, Math.max(chart.x.min, x));
    reading.textContent = cursor === null ? "" : `${axes.x.label} ${short(cursor)}: ` + series
      .filter((one, k) => on[k] && one.x.length).map(one => `${one.name} ${text(one.y[nearest(one, cursor)])}`).join(", ");
    chart.remark();
  };
  chart.above.addEventListener("pointermove", event => read(chart.vx(place(chart, event)[0])));
  chart.above.addEventListener("pointerleave", () => read(null));
  chart.above.addEventListener("keydown", event => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    read((cursor ?? (chart.x.min + chart.x.max) / 2) + (by * (chart.x.max - chart.x.min)) / 50);
  });
  chart.toggle = (k, pressed) => { on[k] = pressed; chart.repaint(); };
  if (legend) holder.append(make("div", { class: "row" }, ...series.map((one, k) => switchChip(one.name, one.number ?? k, pressed => chart.toggle(k, pressed)))));
  holder.append(box);
  if (reads) holder.append(reading);
  return chart;
}

/** A button that switches a line on and off. */
function switchChip(name, number, change) {
  const chip = make("button", { type: "button", class: "chip", "aria-pressed": "true", onclick: () => {
    const pressed = chip.getAttribute("aria-pressed") !== "true";
    chip.setAttribute("aria-pressed", pressed);
    change(pressed);
  } }, swatch(number), name);
  return chip;
}

function dot(pen, x, y, size) { pen.fillRect(x - size / 2, y - size / 2, size, size); }
