// The networks of a study, and what is left of them by spaces and filters.

const { networks, spaces } = data;
const count = networks.index.length;
const columns = [...data.columns, { key: "error", label: "validation error", percent: true }];
const valuesOf = key => (key === "error" ? networks.error : networks.numbers[key]);
const complete = [...Array(count).keys()].filter(i => networks.error[i] !== null);
const nameOf = i => `${spaces[networks.space[i]]}/${networks.index[i]}`;
for (const column of columns) {
  column.values = valuesOf(column.key);
  column.text = column.percent ? value => percent(value) : short;
  column.axis = axisOf(complete.map(i => column.values[i]), {
    label: column.label, log: column.log, whole: column.whole, format: column.percent ? value => percent(value, 0) : short });
}
const byKey = Object.fromEntries(columns.map(column => [column.key, column]));
const errorAxis = upTo(byKey.error.axis, complete.map(i => networks.error[i]));

/** What is chosen: spaces that are on, the one that is pointed at, [low, high] by column, a network. */
const choice = { on: spaces.map(() => true), bright: -1, ranges: new Map(), bands: true, network: -1 };
/** What follows from it: networks left, those that a filter hides, and sorted errors by space. */
const view = { left: [], hidden: [], errors: [], all: [] };
const listeners = { view: [], network: [] };

view.all = sortedErrors(complete);

/** The axis of the error without the worst networks, where those would squeeze all others. */
function upTo(axis, errors) {
  const ordered = errors.sort((a, b) => a - b), most = ordered[Math.floor(0.98 * (ordered.length - 1))];
  if (!(axis.max - axis.min > 2.5 * (most - axis.min))) return { ...axis, beyond: 0 };
  const max = most + 0.1 * (most - axis.min);
  return { ...axis, max, beyond: ordered.filter(error => error > max).length };
}

function sortedErrors(indices) {
  const found = spaces.map(() => []);
  for (const i of indices) found[networks.space[i]].push(networks.error[i]);
  return found.map(errors => Float64Array.from(errors).sort());
}

function isLeft(i) {
  for (const [key, [low, high]] of choice.ranges) {
    const value = byKey[key].values[i];
    if (value === null || value < low || value > high) return false;
  }
  return true;
}

/** Recompute what is left, and tell every view. */
function refresh() {
  const shown = complete.filter(i => choice.on[networks.space[i]]);
  view.left = shown.filter(isLeft);
  view.hidden = choice.ranges.size ? shown.filter(i => !isLeft(i)) : [];
  view.errors = sortedErrors(view.left);
  listeners.view.forEach(listen => listen());
}

/** Keep only networks with values from low to high in a column; no range drops the filter. */
function filter(ranges) {
  for (const [key, range] of Object.entries(ranges))
    if (range) choice.ranges.set(key, range); else choice.ranges.delete(key);
  refresh();
}

function choose(i) {
  choice.network = i;
  listeners.network.forEach(listen => listen(i));
}

/** The networks left, in the order of a column. */
const leftBy = key => [...view.left].sort((a, b) => order(byKey[key].values[a], byKey[key].values[b]) || a - b);

/** Choose the next network in the order of a column, or the previous one. */
function step(key, by) {
  const ordered = leftBy(key), now = ordered.indexOf(choice.network);
  if (ordered.length) choose(ordered[Math.min(ordered.length - 1, Math.max(0, now + by))]);
}

/** The spec of a network, as `AnyNetSpec.to_dict` gives it. */
function specOf(i) {
  const own = { ...data.specs[networks.space[i]], ...networks.specs[i] };
  own.stages = networks.stages[i].map(row => Object.fromEntries(data.stage_fields.map((name, k) => [name, row[k]])));
  return Object.fromEntries(data.spec_fields.filter(name => name in own).map(name => [name, own[name]]));
}

/** The commands that train a network again as the study did, once for each of its seeds. */
function commandOf(i) {
  const spec = specOf(i), lines = [];
  const file = (path, value) => lines.push(`cat > ${path} <<'END'`, JSON.stringify(value), "END");
  const space = networks.space[i], settings = data.training[space], init = data.init[space], seeds = data.seeds[space];
  for (let k = 0; k < seeds; k++) {
    const training = { ...settings, spec, seed: settings.seed + k };
    if (init !== "xavier") training.init = init;
    const name = `${spaces[space]}-${networks.index[i]}${seeds > 1 ? `-seed${training.seed}` : ""}`;
    file(`${name}.json`, training);
    lines.push(`anynet train --config ${name}.json --out ${name}`);
  }
  return lines.join("\n");
}
