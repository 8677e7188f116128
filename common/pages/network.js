// The chosen network: its numbers, widths, curve, spec, and the commands that train it again.

const curves = { epochs: data.epochs, middle: spaces.map((_, k) => medianCurve(k)) };

/** The median error of a space's networks after each epoch. */
function medianCurve(space) {
  return data.epochs.map((_, j) => {
    const errors = complete.filter(i => networks.space[i] === space).map(i => networks.curves[i][j]).filter(error => error !== undefined && error !== null);
    errors.sort((a, b) => a - b);
    return errors.length ? errors[errors.length >> 1] : null;
  });
}

const widthsOf = i => networks.stages[i].flatMap(([depth, channels]) => Array(Math.min(depth, 400)).fill(channels));

/** The corners of a staircase of widths, a step per block. */
const stairs = widths => ({ x: widths.flatMap((_, k) => [k, k + 1]), y: widths.flatMap(width => [width, width]) });

function profileChart(holder, series, height) {
  const chart = lineChart(holder, { series, height, legend: false, label: `Width of each block of ${series.map(one => one.name).join(", ")}`,
    axes: { x: { label: "block", whole: true }, y: { label: "width in channels" } } });
  chart.y.min = 0;
  return chart;
}

function errorChart(holder, series, height) {
  return lineChart(holder, { series, height, legend: false, label: `Error after each epoch of ${series.map(one => one.name).join(", ")}`,
    axes: { x: { label: "epoch", whole: true }, y: { label: "error", format: value => percent(value, 0) } } });
}

const errorsOf = i => ({ name: nameOf(i), x: curves.epochs.slice(0, networks.curves[i].length), y: networks.curves[i] });

function networkPanel(holder) {
  let shown = [];
  const show = i => {
    shown.forEach(chart => chart.close());
    const space = networks.space[i], number = space;
    const facts = [
      ["network", networks.labels[i] ?? ""], ["state", networks.state[i]], ["error", networks.error[i] === null ? "none" : percent(networks.error[i])],
      ...data.columns.map(column => [column.label, short(column.values[i])]),
      ["training", networks.seconds[i] === null ? "" : `${short(networks.seconds[i])} s`], ["remark", networks.remark[i] ?? ""],
    ].filter(([, value]) => value !== "");
    const widths = make("div"), errors = make("div");
    const known = networks.stages[i].length > 0, again = known && data.training[space] !== null, objective = data.objective[space];
    const spec = known ? JSON.stringify(specOf(i), null, 1) : "", command = again ? commandOf(i) : "";
    const move = (label, by) => make("button", { type: "button", onclick: () => step("error", by) }, label);
    holder.replaceChildren(
      make("h3", { id: "chosen", "aria-live": "polite" }, nameOf(i)),
      make("div", { class: "row" }, move("next better", -1), move("next worse", 1)),
      make("dl", {}, ...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])),
      widths, errors,
      known ? make("details", {}, make("summary", {}, "Spec"), make("pre", { id: "spec", tabindex: 0 }, spec)) : "",
      again ? make("details", {}, make("summary", {}, "Commands that train it again"), make("pre", { id: "command", tabindex: 0 }, command))
        : objective ? make("p", { class: "soft" }, `Evaluated by ${objective}.`) : "",
      make("div", { class: "row" }, known ? copyButton("Copy spec", () => spec) : "", again ? copyButton("Copy commands", () => command) : "",
        data.records ? make("a", { href: `records/${spaces[space]}-${String(networks.index[i]).padStart(4, "0")}.jsonl` }, "Record") : undefined));
    shown = [];
    if (known) shown.push(profileChart(widths, [{ name: nameOf(i), number, dash: [], ...stairs(widthsOf(i)) }], 150));
    const middle = { name: `median of ${spaces[space]}`, x: curves.epochs, y: curves.middle[space], color: "faded", dash: [4, 3] };
    if (networks.curves[i].length) shown.push(errorChart(errors, [middle, { ...errorsOf(i), number, dash: [] }], 150));
  };
  listeners.network.push(show);
}
