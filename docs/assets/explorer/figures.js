/** The explorer's two figures, as SVG in the size in which they are shown. */

const MARGIN = { top: 16, right: 16, bottom: 44, left: 56 };
const MOST_MARKS = 200;

/** Widths over blocks: the line, its quantisation, and the stages. */
export function drawWidths(svg, { linear, widths, stages }, logarithmic) {
  const highest = Math.max(linear.at(-1), ...widths);
  const lowest = logarithmic ? Math.min(linear[0], widths[0]) : 0;
  const x = linearScale(-0.5, linear.length - 0.5);
  const y = logarithmic ? logScale(lowest / 1.3, highest * 1.3) : linearScale(0, highest * 1.08);
  const area = axes(svg, x, y, "block j", "width in channels");
  const parts = [];
  let first = 0;
  stages.forEach((stage, index) => {
    const [left, right] = [area.x(first - 0.5), area.x(first + stage.depth - 0.5)];
    const width = widths[first];
    if (index % 2 === 0) {
      parts.push(`<rect class="band" x="${left}" y="${MARGIN.top}" width="${right - left}"
        height="${area.bottom - MARGIN.top}"/>`);
    }
    parts.push(`<path class="step" d="M${left} ${area.y(width)}H${right}"/>`);
    if (right - left > 26) {
      const [middle, above] = [(left + right) / 2, Math.max(area.y(width) - 9, MARGIN.top + 9)];
      parts.push(text(middle, above, width, "middle", "value"));
    }
    first += stage.depth;
  });
  const ends = [0, linear.length - 1];
  const points = logarithmic ? linear.map((_, j) => j) : ends;
  parts.push(`<path class="line" d="M${points.map((j) => at(area, j, linear[j])).join("L")}"/>`);
  if (linear.length <= MOST_MARKS) {
    parts.push(...linear.map((u, j) => `<circle class="on-line" r="2.5" ${centre(area, j, u)}/>`));
  }
  svg.innerHTML += parts.join("");
}

/** A cost over FLOPs, both logarithmic: populations, the paper's models and this network. */
export function drawCosts(svg, cost, title, { population, models, own }) {
  const all = [...population, ...models, own];
  const [x, y] = ["flops", cost].map((name) => {
    const values = all.map((one) => one[name]);
    return logScale(Math.min(...values) / 1.6, Math.max(...values) * 1.6);
  });
  const area = axes(svg, x, y, "FLOPs, each for images of its own size", title);
  const mark = (one, kind, radius) =>
    `<circle class="${kind}" r="${radius}" ${centre(area, one.flops, one[cost])}>` +
    `<title>${one.name ?? one.space}</title></circle>`;
  const [left, top] = [area.x(own.flops), area.y(own[cost])];
  svg.innerHTML += [
    ...population.map((one) => mark(one, "population", 2)),
    ...models.map((one) => mark(one, one.name.startsWith("regnetx") ? "regnetx" : "regnety", 4.5)),
    `<path class="own-guide" d="M${left} ${area.bottom}V${top}H${MARGIN.left}"/>`,
    `<path class="own" d="M${left} ${top - 9}L${left + 9} ${top}L${left} ${top + 9}L${left - 9} ${top}Z"/>`,
  ].join("");
}

/** A number of at least 1,000 as 1.2k, 3.4M or 5.6G. */
export function short(number) {
  const power = Math.min(5, Math.max(0, Math.floor(Math.log10(number) / 3)));
  return `${Number((number / 1000 ** power).toPrecision(3))}${["", "k", "M", "G", "T", "P"][power]}`;
}

function linearScale(low, high) {
  const rough = (high - low) / 6;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].find((one) => one * magnitude >= rough) * magnitude);
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) ticks.push(tick);
  return { place: (value) => (value - low) / (high - low), ticks };
}

function logScale(low, high) {
  const [first, last] = [Math.log10(low), Math.log10(high)];
  const digits = last - first < 2 ? [1, 2, 5] : [1];
  const ticks = [];
  for (let power = Math.floor(first); power <= last; power += 1) {
    ticks.push(...digits.map((digit) => digit * 10 ** power));
  }
  const seen = ticks.filter((tick) => low <= tick && tick <= high);
  return { place: (value) => (Math.log10(value) - first) / (last - first), ticks: seen };
}

/** Empties the figure, draws its axes and gives the places of values. */
function axes(svg, xScale, yScale, xTitle, yTitle) {
  const { width, height } = svg.getBoundingClientRect();
  const [right, bottom] = [width - MARGIN.right, height - MARGIN.bottom];
  const x = (value) => rounded(MARGIN.left + xScale.place(value) * (right - MARGIN.left));
  const y = (value) => rounded(bottom - yScale.place(value) * (bottom - MARGIN.top));
  const wanted = Math.max(2, Math.floor((right - MARGIN.left) / 55));
  const every = Math.ceil(xScale.ticks.length / wanted);
  const shown = xScale.ticks.filter((_, index) => index % every === 0);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.innerHTML = [
    ...yScale.ticks.map((tick) => `<path class="grid" d="M${MARGIN.left} ${y(tick)}H${right}"/>`),
    `<path class="axis" d="M${MARGIN.left} ${MARGIN.top}V${bottom}H${right}"/>`,
    ...yScale.ticks.map((tick) => text(MARGIN.left - 8, y(tick) + 4, label(tick), "end")),
    ...shown.map((tick) => text(x(tick), bottom + 18, label(tick), "middle")),
    text((MARGIN.left + right) / 2, height - 6, xTitle, "middle", "title"),
    `<g transform="rotate(-90)">${text(-(MARGIN.top + bottom) / 2, 13, yTitle, "middle", "title")}</g>`,
  ].join("");
  return { x, y, right, bottom };
}

function label(tick) {
  return tick >= 10000 ? short(tick) : String(Number(tick.toPrecision(6)));
}

function text(x, y, content, anchor, kind = "tick") {
  return `<text class="${kind}" x="${x}" y="${y}" text-anchor="${anchor}">${content}</text>`;
}

function at(area, x, y) {
  return `${area.x(x)} ${area.y(y)}`;
}

function centre(area, x, y) {
  return `cx="${area.x(x)}" cy="${area.y(y)}"`;
}

function rounded(number) {
  return Math.round(number * 10) / 10;
}
