// Distribution functions: their curves, the bands of the bootstrap, and a cursor that reads them.

const logFactorials = [0];
function logFactorial(n) {
  while (logFactorials.length <= n) logFactorials.push(logFactorials.at(-1) + Math.log(logFactorials.length));
  return logFactorials[n];
}

/**
 * The shares between which 95 % of bootstrap samples of `n` networks lie where the share is `p`.
 * A bootstrap sample has a binomial number of networks with an error of at most e: no drawing.
 */
function binomialRange(n, p) {
  if (p <= 0 || p >= 1) return [p, p];
  const spread = 8 * Math.sqrt(n * p * (1 - p)) + 2;
  let total = 0, low = null;
  for (let k = Math.max(0, Math.floor(n * p - spread)); k <= n; k++) {
    const logChance = logFactorial(n) - logFactorial(k) - logFactorial(n - k) + k * Math.log(p) + (n - k) * Math.log(1 - p);
    total += Math.exp(logChance);
    if (low === null && total >= 0.025) low = k / n;
    if (total >= 0.975) return [low, k / n];
  }
  return [low ?? 0, 1];
}

/** The share of sorted errors that are at most e. */
function shareUpTo(sorted, e) {
  let low = 0, high = sorted.length;
  while (low < high) { const middle = (low + high) >> 1; if (sorted[middle] <= e) low = middle + 1; else high = middle; }
  return low / sorted.length;
}

/** The corners of the curve in pixels; not more than one step per pixel. */
function curve(chart, sorted) {
  const n = sorted.length, corners = [[chart.left, chart.py(0)]];
  let last = -Infinity;
  for (let k = 0; k < n; k++) {
    if (k + 1 < n && sorted[k + 1] === sorted[k]) continue;
    const x = chart.px(sorted[k]);
    if (x - last < 0.5 && k + 1 < n) continue;
    corners.push([x, corners.at(-1)[1]], [x, chart.py((k + 1) / n)]);
    last = x;
  }
  corners.push([Math.max(chart.right, last), chart.py(1)]);
  return corners;
}

function paintBand(chart, sorted, number) {
  const { pen } = chart, n = sorted.length, each = Math.max(1, Math.floor(n / 150));
  const tops = [], lows = [];
  let before = [0, 0], last = null;
  for (let k = each - 1; k < n; k += each) {
    if (sorted[k] === last) continue;
    last = sorted[k];
    const x = chart.px(last), range = binomialRange(n, shareUpTo(sorted, last));
    lows.push([x, before[0]], [x, range[0]]); tops.push([x, before[1]], [x, range[1]]);
    before = range;
  }
  pen.globalAlpha = 0.16; pen.fillStyle = lineColor(number); pen.beginPath();
  [...tops, [chart.right, before[1]], [chart.right, before[0]], ...lows.reverse()].forEach(([x, part]) => pen.lineTo(x, chart.py(part)));
  pen.fill(); pen.globalAlpha = 1;
}

function paintCurve(chart, sorted, number, width = 2, style = null) {
  if (!sorted.length) return;
  chart.pen.strokeStyle = style ?? lineColor(number);
  chart.pen.lineWidth = width;
  chart.pen.lineJoin = "round";
  stroke(chart.pen, curve(chart, sorted), style ? [] : lineDash(number));
}

const shareAxis = { min: 0, max: 1.02, label: "share of networks", format: value => value.toFixed(1) };

/** The large chart: curves of what is left, thin ones of all where a filter is set. */
function edfChart(holder, reading) {
  let cursor = null;
  const shown = () => spaces.map((_, k) => k).filter(k => choice.on[k] && view.errors[k].length);
  const chart = new Chart(holder, {
    height: 380, focus: true, x: errorAxis, y: shareAxis,
    label: "Empirical distribution functions of the error of all spaces that are on; arrow keys read them",
    paint: () => {
      if (choice.ranges.size) spaces.forEach((_, k) => { if (choice.on[k]) paintCurve(chart, view.all[k], k, 1, colors.faded); });
      const bright = shown().filter(k => choice.bright === -1 || choice.bright === k);
      shown().forEach(k => { if (!bright.includes(k)) paintCurve(chart, view.errors[k], k, 1, colors.faded); });
      if (choice.bands && bright.length <= 6) bright.forEach(k => paintBand(chart, view.errors[k], k));
      bright.forEach(k => paintCurve(chart, view.errors[k], k));
    },
    marks: () => {
      if (choice.network >= 0) mark(networks.error[choice.network], colors.text, [3, 3]);
      if (cursor !== null) mark(cursor, colors.accent, []);
    },
  });
  const mark = (e, style, dash) => {
    if (e === null || e > chart.x.max) return;
    chart.pen.strokeStyle = style; chart.pen.lineWidth = 1;
    stroke(chart.pen, [[chart.px(e), chart.top], [chart.px(e), chart.bottom]], dash);
  };
  const read = e => {
    cursor = e === null ? null : Math.min(chart.x.max, Math.max(chart.x.min, e));
    reading.textContent = cursor === null ? "" : `error of at most ${percent(cursor)}: ` +
      shown().map(k => `${spaces[k]} ${(100 * shareUpTo(view.errors[k], cursor)).toFixed(0)} %`).join(", ");
    chart.remark();
  };
  chart.above.addEventListener("pointermove", event => read(chart.vx(place(chart, event)[0])));
  chart.above.addEventListener("pointerleave", () => read(null));
  chart.above.addEventListener("blur", () => read(null));
  chart.above.addEventListener("keydown", event => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    read((cursor ?? (chart.x.min + chart.x.max) / 2) + (by * (chart.x.max - chart.x.min)) / 100);
  });
  listeners.view.push(() => chart.repaint());
  listeners.network.push(() => chart.remark());
  return chart;
}

/** Two spaces against the curves of all, which are grey. */
function pairChart(holder, first, second) {
  const chart = new Chart(holder, {
    height: 220, x: { ...errorAxis, label: "error" }, y: shareAxis,
    label: `Distribution functions of ${spaces[first]} and ${spaces[second]}, and those of all spaces in grey`,
    paint: () => {
      view.all.forEach((errors, k) => { if (k !== first && k !== second) paintCurve(chart, errors, k, 1, colors.faded); });
      for (const k of [first, second]) if (view.all[k].length) paintBand(chart, view.all[k], k);
      for (const k of [first, second]) paintCurve(chart, view.all[k], k, 2.5);
    },
  });
}
