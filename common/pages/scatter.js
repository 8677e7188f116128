// Error against a number of the design, and parallel coordinates: a drag filters, a click chooses.

/**
 * The range that has the best networks, as `common.statistics.good_range` finds it by drawing: the
 * best of a quarter of the networks drawn with replacement is the k-th best with a known chance.
 */
function goodRange(column, indices) {
  const kept = indices.filter(i => column.values[i] !== null).sort((a, b) => networks.error[a] - networks.error[b]);
  const n = kept.length, drawn = Math.max(1, Math.floor(n / 4));
  const chance = kept.map((i, k) => [column.values[i], ((n - k) / n) ** drawn - ((n - k - 1) / n) ** drawn]);
  chance.sort((a, b) => a[0] - b[0]);
  const quantile = part => {
    let total = 0;
    for (const [value, weight] of chance) if ((total += weight) >= part) return value;
    return chance.at(-1)?.[0];
  };
  return n ? [quantile(0.025), quantile(0.5), quantile(0.975)] : null;
}

/**
 * A drag over a chart gives a rectangle; a click gives a point. A finger that moves up or down scrolls
 * the page: the browser cancels the drag, and the filters are again what they were.
 */
function brush(chart, { drag, click }) {
  let from = null, before = null;
  chart.box = null;
  const end = () => { from = chart.box = null; chart.remark(); };
  const within = (value, low, high) => Math.min(high, Math.max(low, value));
  chart.above.addEventListener("pointerdown", event => { from = place(chart, event); before = new Map(choice.ranges); });
  chart.above.addEventListener("pointermove", event => {
    if (!from || !event.buttons) return;
    const to = place(chart, event), [x, y] = [Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1])];
    if (!chart.box && (Math.hypot(x, y) < 5 || (event.pointerType === "touch" && x < 2 * y))) return;
    chart.above.setPointerCapture(event.pointerId);
    chart.box = [from, to].map(([x, y]) => [within(x, chart.left, chart.right), within(y, chart.top, chart.bottom)]);
    drag(chart.box);
  });
  chart.above.addEventListener("pointerup", event => {
    if (from && !chart.box) click(place(chart, event));
    end();
  });
  chart.above.addEventListener("pointercancel", () => {
    if (chart.box) { choice.ranges = before; refresh(); }
    end();
  });
}

function scatterChart(holder, column) {
  const size = count > 1500 ? 2.5 : 4;
  const paintDots = (indices, style, alpha) => {
    chart.pen.globalAlpha = alpha;
    for (const i of indices) {
      if (column.values[i] === null) continue;
      chart.pen.fillStyle = style ?? lineColor(networks.space[i]);
      dot(chart.pen, chart.px(column.values[i]), chart.py(networks.error[i]), size);
    }
    chart.pen.globalAlpha = 1;
  };
  const chart = new Chart(holder, {
    height: 220, focus: true, x: column.axis, y: { ...errorAxis, label: "error" },
    label: `Error against ${column.label}; drag to filter, click to choose a network, arrow keys for the next one`,
    paint: () => {
      const good = goodRange(column, view.left);
      if (good) {
        chart.pen.fillStyle = colors.accent; chart.pen.globalAlpha = 0.1;
        chart.pen.fillRect(chart.px(good[0]) - 1, chart.top, chart.px(good[2]) - chart.px(good[0]) + 2, chart.bottom - chart.top);
        chart.pen.globalAlpha = 1; chart.pen.strokeStyle = colors.accent;
        stroke(chart.pen, [[chart.px(good[1]), chart.top], [chart.px(good[1]), chart.bottom]], [2, 3]);
      }
      paintDots(view.hidden, colors.faded, 0.5);
      paintDots(view.left, null, count > 1500 ? 0.55 : 0.8);
    },
    marks: () => {
      const { pen } = chart, i = choice.network;
      if (chart.box) {
        const [[x0, y0], [x1, y1]] = chart.box;
        pen.strokeStyle = colors.accent; pen.strokeRect(x0, y0, x1 - x0, y1 - y0);
      }
      if (i < 0 || column.values[i] === null || networks.error[i] === null) return;
      pen.strokeStyle = colors.text; pen.lineWidth = 2; pen.beginPath();
      pen.arc(chart.px(column.values[i]), Math.max(chart.top, chart.py(networks.error[i])), 6, 0, 7); pen.stroke();
    },
  });
  const sorted = pair => pair.sort((a, b) => a - b);
  brush(chart, {
    drag: ([[x0, y0], [x1, y1]]) => filter({
      [column.key]: sorted([chart.vx(x0), chart.vx(x1)]),
      error: Math.abs(y1 - y0) < 12 ? choice.ranges.get("error") : sorted([chart.vy(y0), chart.vy(y1)]) }),
    click: ([x, y]) => {
      let best = -1, nearest = 20;
      for (const i of view.left) {
        if (column.values[i] === null) continue;
        const distance = Math.hypot(chart.px(column.values[i]) - x, chart.py(networks.error[i]) - y);
        if (distance < nearest) [best, nearest] = [i, distance];
      }
      if (best >= 0) choose(best);
    },
  });
  chart.above.addEventListener("keydown", event => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) { event.preventDefault(); step(column.key, by); }
    if (event.key === "Escape") filter({ [column.key]: null, error: null });
  });
  listeners.view.push(() => chart.repaint());
  listeners.network.push(() => chart.remark());
}

const known = column => complete.map(i => column.values[i]).filter(value => value !== null);
const least = column => Math.min(...known(column));
/** The largest value, or more where all values are equal, for an axis to have a length. */
const most = column => { const low = least(column), high = Math.max(...known(column)); return high > low ? high : low + (Math.abs(low) || 1); };

/** A line per network through all columns; a drag along an axis filters by it. */
function parallelChart(holder) {
  const across = { min: 0, max: columns.length - 1 }, up = { min: 0, max: 1 };
  const axes = columns.map(column => (column.key === "error" ? { ...errorAxis, min: least(column) } : { ...column.axis, min: least(column), max: most(column) }));
  const point = (k, value) => [chart.left + 40 + (k / (columns.length - 1)) * (chart.right - chart.left - 80), chart.bottom - 26 - share(axes[k], value) * (chart.bottom - chart.top - 52)];
  const line = i => columns.map((column, k) => (column.values[i] === null ? [NaN, NaN] : point(k, Math.min(axes[k].max, column.values[i]))));
  const chart = new Chart(holder, {
    height: 320, bare: true, x: across, y: up,
    label: "Parallel coordinates: a line per network through its numbers and its error; the filters below do what a drag does",
    paint: () => {
      const { pen } = chart, most = 1500, each = Math.ceil(view.hidden.length / most) || 1;
      pen.lineWidth = 1; pen.strokeStyle = colors.faded; pen.globalAlpha = 0.15;
      for (let k = 0; k < view.hidden.length; k += each) stroke(pen, line(view.hidden[k]));
      pen.globalAlpha = Math.min(0.7, Math.max(0.06, 90 / view.left.length));
      for (const i of view.left) { pen.strokeStyle = lineColor(networks.space[i]); stroke(pen, line(i)); }
      pen.globalAlpha = 1;
    },
    marks: () => {
      const { pen } = chart;
      columns.forEach((column, k) => {
        const axis = axes[k], [x, low] = point(k, axis.min), [, high] = point(k, axis.max);
        pen.strokeStyle = colors.soft; pen.lineWidth = 1; stroke(pen, [[x, low], [x, high]]);
        pen.textAlign = "center"; pen.textBaseline = "bottom";
        label(column.label, x, 16, colors.text);
        label(column.text(axis.max), x, high - 1, colors.soft); label(column.text(axis.min), x, chart.bottom, colors.soft);
        const range = choice.ranges.get(column.key);
        if (!range) return;
        const [a, b] = range.map(value => Math.min(low, Math.max(high, point(k, value)[1])));
        pen.fillStyle = colors.accent; pen.globalAlpha = 0.35; pen.fillRect(x - 8, b, 16, Math.max(3, a - b)); pen.globalAlpha = 1;
      });
      if (choice.network >= 0) { pen.strokeStyle = colors.text; pen.lineWidth = 2.5; stroke(pen, line(choice.network)); }
    },
  });
  const label = (text, x, y, style) => {
    const { pen } = chart;
    pen.lineWidth = 3; pen.strokeStyle = colors.back; pen.strokeText(text, x, y); pen.fillStyle = style; pen.fillText(text, x, y);
  };
  const handles = columns.map((column, k) => handle(chart, axes[k], column, pixel => {
    const [, low] = point(k, axes[k].min), [, high] = point(k, axes[k].max);
    return valueAt(axes[k], Math.min(1, Math.max(0, (low - pixel) / (low - high))));
  }));
  const arrange = () => handles.forEach((node, k) => {
    const [x, low] = point(k, axes[k].min), [, high] = point(k, axes[k].max);
    Object.assign(node.style, { left: `${x}px`, top: `${high}px`, height: `${low - high}px` });
  });
  const marks = chart.paintMarks;
  chart.paintMarks = () => { arrange(); marks(chart); };
  listeners.view.push(() => chart.repaint());
  listeners.network.push(() => chart.remark());
}

/** The strip of an axis that takes the drag, on a phone too, where the page scrolls beside it. */
function handle(chart, axis, column, value) {
  let from = null;
  const node = make("div", { class: "axis", "aria-hidden": "true", title: `${column.label}: drag to filter, click to take the filter away` });
  const move = event => {
    const to = value(place(chart, event)[1]);
    if (Math.abs(share(axis, to) - share(axis, from)) > 0.015) {
      // Networks beyond the end of the axis belong to its end.
      const [low, high] = [from, to].sort((a, b) => a - b);
      filter({ [column.key]: [low, share(axis, high) >= 1 ? Infinity : high] });
    }
  };
  node.addEventListener("pointerdown", event => { from = value(place(chart, event)[1]); node.setPointerCapture(event.pointerId); });
  node.addEventListener("pointermove", event => { if (from !== null && event.buttons) move(event); });
  node.addEventListener("pointerup", event => {
    if (from !== null && Math.abs(share(axis, value(place(chart, event)[1])) - share(axis, from)) < 0.015) filter({ [column.key]: null });
    from = null;
  });
  chart.holder.append(node);
  return node;
}
