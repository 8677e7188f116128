// The table of all networks: what is left of them, sorted, a page at a time.

const PAGE = 25;

function networkTable(holder) {
  const fields = [
    { label: "network", of: nameOf, text: i => make("button", { type: "button", class: "link", onclick: () => choose(i) }, nameOf(i)) },
    { label: "state", of: i => networks.state[i], class: "text" },
    { label: "error", of: i => networks.error[i], text: i => percent(networks.error[i]) },
    ...data.columns.map(column => ({ label: column.label, of: i => column.values[i], text: i => (column.whole ? column.values[i]?.toLocaleString("en") ?? "" : short(column.values[i])) })),
    { label: "seconds", of: i => networks.seconds[i], text: i => short(networks.seconds[i]) },
    { label: "remark", of: i => networks.remark[i] ?? "", class: "text" },
  ].filter(field => [...Array(count).keys()].some(i => !["", null, undefined].includes(field.of(i))));
  let sorted = { column: 2, ascending: true }, page = 0, rows = [];
  const heads = fields.map(field => make("th", { scope: "col", class: field.class }, field.label));
  const body = make("tbody"), said = make("span", { "aria-live": "polite" });
  const turn = (label, by) => make("button", { type: "button", onclick: () => { page += by; fill(); } }, label);
  const back = turn("previous", -1), on = turn("next", 1);
  const arrange = () => {
    const ended = choice.ranges.size ? [] : [...Array(count).keys()].filter(i => networks.error[i] === null && choice.on[networks.space[i]]);
    const field = fields[sorted.column];
    rows = [...view.left, ...ended].map(i => [field.of(i), i]);
    // Names by space and number, so that /10 follows /9.
    if (sorted.column === 0) rows.sort((a, b) => (a[1] - b[1]) * (sorted.ascending ? 1 : -1));
    else rows.sort((a, b) => order(a[0], b[0]) * (sorted.ascending ? 1 : -1) || a[1] - b[1]);
    rows = rows.map(([, i]) => i);
    page = 0;
    fill();
  };
  const fill = () => {
    const last = Math.max(0, Math.ceil(rows.length / PAGE) - 1);
    page = Math.min(last, Math.max(0, page));
    body.replaceChildren(...rows.slice(page * PAGE, (page + 1) * PAGE).map(i => make("tr", { class: i === choice.network ? "chosen" : undefined },
      ...fields.map(field => make("td", { class: field.class }, field.text ? field.text(i) : field.of(i))))));
    said.textContent = rows.length ? `${page * PAGE + 1} to ${Math.min(rows.length, (page + 1) * PAGE)} of ${rows.length.toLocaleString("en")}` : "no network is left";
    back.disabled = page === 0; on.disabled = page === last;
  };
  const save = () => download(`${data.name}-networks.csv`, toCSV([
    [...fields.map(field => field.label), "spec"], ...rows.map(i => [...fields.map(field => field.of(i)), networks.stages[i].length ? JSON.stringify(specOf(i)) : ""])]));
  holder.append(
    make("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "table: networks" },
      make("table", { id: "networks" }, make("thead", {}, make("tr", {}, ...heads)), body)),
    make("div", { class: "row" }, back, on, said, make("button", { type: "button", id: "download", onclick: save }, "Download CSV")));
  sortable(heads, (column, ascending) => { sorted = { column, ascending }; arrange(); });
  heads[2].setAttribute("aria-sort", "ascending");
  listeners.view.push(arrange);
  listeners.network.push(fill);
}
