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
  const marks = stages.map((stage, index) => {
    const first = stages.slice(0, index).reduce((sum, { depth }) => sum + depth, 0);
    const ends = [first - 0.5, first + stage.depth - 0.5].map(area.x);
    return { width: widths[first], ends, banded: index % 2 === 0 };
  });
  svg.innerHTML += [
    ...marks.filter(({ banded }) => banded).map(({ ends }) => band(area, ends)),
    ...line(area, linear, logarithmic),
    ...marks.map(({ width, ends }) => step(area.y(width), ends, width)),
  ].join("");
}

function band(area, [left, right]) {
  const height = area.bottom - MARGIN.top;
  return `<rect class="band" x="${left}" y="${MARGIN.top}" width="${right - left}" height="${height}"/>`;
}

function line(area, linear, logarithmic) {
  const all = linear.map((u, j) => [j, u]);
  const points = logarithmic ? all : [all[0], all.at(-1)];
  const path = `<path class="line" d="M${points.map(([j, u]) => `${area.x(j)} ${area.y(u)}`).join("L")}"/>`;
  const dots = all.map(([j, u]) => `<circle class="on-line" r="2.5" ${centre(area, j, u)}/>`);
  return [path, ...(linear.length <= MOST_MARKS ? dots : [])];
}

/** A step with its width above it, where there is room. */
function step(y, [left, right], width) {
  const value = text((left + right) / 2, Math.max(y - 9, MARGIN.top + 9), width, "middle", "value");
  return `<path class="step" d="M${left} ${y}H${right}"/>${right - left > 26 ? value : ""}`;
}

/** A cost over FLOPs, both logarithmic: populations, the paper's models and this network. */
export function drawCosts(svg, cost, title, { population, models, own }) {
  const all = [...population, ...models, own];
  const [x, y] = ["flops", cost].map((name) => {
    const values = all.map((one) => one[name]);
    return logScale(Math.min(...values) / 1.6, Math.max(...values) * 1.6);
  });
  const area = axes(svg, x, y, "FLOPs, each for images of its own size", title);
  const dot = (one) => `<circle class="population" r="2" ${centre(area, one.flops, one[cost])}>
    <title>${one.space}, error ${one.error}</title></circle>`;
  const [left, top] = [area.x(own.flops), area.y(own[cost])];
  svg.innerHTML += [
    ...population.map(dot),
    ...models.map((one) => model(one, area.x(one.flops), area.y(one[cost]))),
    `<path class="own-guide" d="M${left} ${area.bottom}V${top}H${MARGIN.left}"/>`,
    `<path class="own" d="M${left} ${top - 9}L${left + 9} ${top}L${left} ${top + 9}L${left - 9} ${top}Z"/>`,
  ].join("");
}

/** A published model: a circle for RegNetX, a square for RegNetY. */
function model({ name }, x, y) {
  const inside = `data-model="${name}"><title>${name}</title>`;
  return name.startsWith("regnetx")
    ? `<circle class="regnetx" cx="${x}" cy="${y}" r="5" ${inside}</circle>`
    : `<rect class="regnety" x="${x - 4.5}" y="${y - 4.5}" width="9" height="9" ${inside}</rect>`;
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

function centre(area, x, y) {
  return `cx="${area.x(x)}" cy="${area.y(y)}"`;
}

function rounded(number) {
  return Math.round(number * 10) / 10;
}
