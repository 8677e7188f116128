// The parity report: errors by layer and backend of a chosen case, and the free runs.

const pick = { case: at("case"), precision: at("precision"), quantity: at("quantity") };
const option = (select, names, chosen) => {
  select.replaceChildren(...names.map(name => make("option", { value: name }, name)));
  if (names.includes(chosen)) select.value = chosen;
};
const tablesOf = () => data.cases.find(one => one.name === pick.case.value)?.tables ?? [];
const unique = names => [...new Set(names)];

/** Offer what the chosen case has; at first, the first quantity that disagrees, if one does. */
function offer(first = {}) {
  option(pick.precision, unique(tablesOf().map(table => table.precision)), first.precision ?? pick.precision.value);
  const own = tablesOf().filter(table => table.precision === pick.precision.value);
  option(pick.quantity, own.map(table => table.quantity), first.quantity ?? pick.quantity.value);
  fill();
}
const fails = table => table.ratio.some(row => row.some(ratio => ratio === null || ratio > 1));

/** A cell: the error over its tolerance, darker the closer it is to 1, and red above. */
function cell(ratio, error) {
  if (ratio === "") return make("td", {}, "");
  const failed = ratio === null || ratio > 1, depth = failed ? 0 : Math.max(0, Math.min(1, 1 + Math.log10(ratio || 1e-9) / 6));
  const node = make("td", { class: failed ? "bad" : undefined }, ratio === null ? "missing" : ratio ? ratio.toPrecision(2) : "0");
  if (!failed) node.style.background = `color-mix(in srgb, var(--accent) ${Math.round(45 * depth)}%, transparent)`;
  node.title = error === null ? "missing, not finite, or of another shape" : `error ${error.toExponential(1)}, relative to the largest element`;
  return node;
}

function fill() {
  const table = tablesOf().find(one => one.precision === pick.precision.value && one.quantity === pick.quantity.value);
  const rows = table ? table.layers.map((layer, k) => make("tr", {}, make("td", {}, data.layers[layer]), ...table.ratio[k].map((ratio, j) => cell(ratio, table.error[k][j])))) : [];
  at("layers").replaceChildren(...rows);
}

for (const select of Object.values(pick)) select.addEventListener("change", () => offer());
sortable([...at("heat").tHead.rows[0].cells], (column, ascending) => {
  const rows = [...at("layers").rows].map((row, k) => [column ? sortValue(row.cells[column].textContent) : k, row]);
  rows.sort((a, b) => order(a[0], b[0]) * (ascending ? 1 : -1));
  at("layers").append(...rows.map(([, row]) => row));
});
at("save").addEventListener("click", () => download(`parity-${pick.case.value}-${pick.precision.value}-${pick.quantity.value}.csv`.replaceAll(/[^\w.-]+/g, "-"),
  toCSV([["layer", ...data.backends], ...[...at("layers").rows].map(row => [...row.cells].map(cell => cell.textContent))])));
at("layers").addEventListener("click", event => {
  const cell = event.target.closest("td"), heads = at("heat").tHead.rows[0].cells;
  if (cell?.cellIndex) at("said").textContent = `${cell.parentNode.cells[0].textContent}, ${heads[cell.cellIndex].textContent}: ${cell.textContent || "not exposed"}${cell.title && `; ${cell.title}`}`;
});
option(pick.case, data.cases.map(one => one.name), data.shown);
offer(tablesOf().find(fails) ?? { precision: "float64", quantity: "train outputs" });

for (const run of data.runs) {
  const holder = make("div"), x = run.allowed.map((_, k) => k + 1);
  at("free").append(make("div", {}, make("h3", {}, run.case), holder));
  lineChart(holder, {
    series: Object.entries(run.differences).map(([name, y]) => ({ name, x, y: y.map(value => (value === null ? null : Math.max(value, 1e-17))) })),
    band: { x, low: x.map(() => 1e-17), high: run.allowed }, height: 300, label: `Difference in loss from the reference at every step of ${run.case}, and the allowed band in grey`,
    axes: { x: { label: "step", whole: true }, y: { label: "difference in loss from the reference", log: true, format: value => value.toExponential(0) } } });
}
