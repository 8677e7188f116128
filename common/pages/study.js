// The report on a study: its views and what links them.

spaceChips(at("spaces"), edfChart(at("edf"), at("reading")));
networkPanel(at("network"));
parallelChart(at("parallel"));
filterFields(at("filters"));
for (const column of data.columns) {
  const panel = make("figure");
  at("scatter").append(make("div", {}, make("h3", {}, `Error against ${column.label}`), panel));
  scatterChart(panel, column);
}
networkTable(at("listing"));
statusBar(at("status"));
pairPanels(at("pairs"));
const drawn = { widths: networks.stages.some(stages => stages.length), errors: data.epochs.length > 0 };
at("extremes").hidden = !drawn.widths && !drawn.errors;
if (drawn.widths) extremes(at("profiles"), "widths", (holder, series) => profileChart(holder, series.map(one => ({ ...one, ...stairs(widthsOf(one.network)) })), 200));
if (drawn.errors) extremes(at("curves"), "errors", (holder, series) => errorChart(holder, series.map(one => ({ ...errorsOf(one.network), ...one })), 200));
if (data.agreement.length) agreementChart(at("agreement"));

refresh();
if (complete.length) choose(leftBy("error")[0]);

/** A switch per space; the curve of the one that is pointed at stands out. */
function spaceChips(holder, chart) {
  const chips = spaces.map((name, k) => switchChip(name, k, pressed => { choice.on[k] = pressed; refresh(); }));
  const point = k => () => { choice.bright = choice.on[k] ? k : -1; chart.repaint(); };
  chips.forEach((chip, k) => {
    for (const event of ["pointerenter", "focus"]) chip.addEventListener(event, point(k));
    for (const event of ["pointerleave", "blur"]) chip.addEventListener(event, () => { choice.bright = -1; chart.repaint(); });
  });
  const all = pressed => () => {
    chips.forEach((chip, k) => { chip.setAttribute("aria-pressed", pressed); choice.on[k] = pressed; });
    refresh();
  };
  const bands = make("input", { type: "checkbox", id: "bands", onchange: () => { choice.bands = bands.checked; refresh(); } });
  bands.checked = true;
  holder.append(...chips, make("button", { type: "button", onclick: all(true) }, "all"), make("button", { type: "button", onclick: all(false) }, "none"),
    make("label", {}, bands, " 95 % bands, for up to six spaces"));
  if (errorAxis.beyond) at("beyond").textContent = `${errorAxis.beyond} networks have larger errors than the charts show.`;
}

/** Two numbers per column: the filters without a mouse. */
function filterFields(holder) {
  for (const column of columns) {
    const scale = column.percent ? 100 : 1;
    const field = (end, label) => make("input", { type: "number", step: "any", "aria-label": `${label} ${column.label}`, onchange: () => {
      const range = [low, high].map((input, k) => (input.value === "" ? [-Infinity, Infinity][k] : input.value / scale));
      filter({ [column.key]: low.value === "" && high.value === "" ? null : range });
    } });
    const low = field(0, "lowest"), high = field(1, "highest");
    holder.append(make("fieldset", {}, make("legend", {}, column.label + (column.percent ? ", %" : "")), low, "to", high));
    listeners.view.push(() => [low, high].forEach((input, k) => {
      const value = choice.ranges.get(column.key)?.[k];
      if (document.activeElement !== input) input.value = value === undefined || !isFinite(value) ? "" : +(scale * value).toPrecision(4);
    }));
  }
}

/** How many networks are left, and the filters, each with a button that takes it away. */
function statusBar(holder) {
  const said = make("strong", { id: "left", "aria-live": "polite" }), chips = make("span", { class: "row" });
  holder.append(said, chips);
  listeners.view.push(() => {
    said.textContent = `${view.left.length.toLocaleString("en")} of ${complete.length.toLocaleString("en")} networks`;
    const text = ([key, [low, high]]) => `${byKey[key].label} ${isFinite(low) ? byKey[key].text(low) : "…"} to ${isFinite(high) ? byKey[key].text(high) : "…"}`;
    const found = [...choice.ranges].map(entry => make("button", { type: "button", class: "chip", "aria-label": `remove the filter ${text(entry)}`, onclick: () => filter({ [entry[0]]: null }) }, text(entry), " ×"));
    if (found.length) found.push(make("button", { type: "button", id: "reset", onclick: () => { choice.ranges.clear(); refresh(); } }, "remove all filters"));
    chips.replaceChildren(...found);
  });
}

function pairPanels(holder) {
  for (const { first, second, verdict } of data.pairs) {
    const panel = make("figure");
    holder.append(make("div", {}, make("h3", {}, swatch(first), ` ${spaces[first]} and `, swatch(second), ` ${spaces[second]}`), panel, make("p", { class: "soft" }, verdict)));
    pairChart(panel, first, second);
  }
}

/** A panel per space with its three best networks, and its three worst, dashed. */
function extremes(holder, what, draw) {
  spaces.forEach((name, k) => {
    const own = complete.filter(i => networks.space[i] === k).sort((a, b) => networks.error[a] - networks.error[b]);
    if (!own.length) return;
    const series = [...own.slice(0, 3).map(network => ({ network, name: nameOf(network), color: "good", dash: [] })),
      ...own.slice(Math.max(3, own.length - 3)).map(network => ({ network, name: nameOf(network), color: "bad", dash: [5, 3] }))];
    const panel = make("div");
    holder.append(make("div", {}, make("h3", {}, `${name}: ${what}`), panel));
    draw(panel, series);
  });
}

function agreementChart(holder) {
  const x = data.agreement.map(one => one.epoch), line = (name, key) => ({ name, x, y: data.agreement.map(one => one[key]) });
  lineChart(holder, { series: [line("Spearman", "spearman"), line("Kendall", "kendall"), line("best quarter kept by halving", "kept")], height: 260,
    label: "Agreement of the ranking after few epochs with that after the last", axes: { x: { label: "epochs of training", whole: true }, y: { label: "agreement with the last epoch" } } });
}
