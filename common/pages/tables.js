// Tables in the page: a click on a head sorts, a button downloads. `data-name` names the file.

/** What a cell is sorted by: its number, if it begins with one, else its text. */
function sortValue(text) {
  const found = /^[<>]?\s*([-+]?\d[\d,]*\.?\d*(?:e[-+]?\d+)?)\s*([kMG]?)/.exec(text.trim());
  if (!found) return text.trim();
  return parseFloat(found[1].replaceAll(",", "")) * ({ k: 1e3, M: 1e6, G: 1e9 }[found[2]] ?? 1);
}

/** The order of two values: numbers before texts, and what is missing last. */
function order(a, b) {
  const rank = value => (value === null || value === undefined || value === "" ? 2 : typeof value === "number" ? 0 : 1);
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  return (a > b) - (a < b);
}

/** Heads as buttons; `sort(column, ascending)` is called on a click. */
function sortable(heads, sort) {
  heads.forEach((head, column) => {
    const button = make("button", { type: "button", onclick: () => {
      const ascending = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      sort(column, ascending);
    } }, ...head.childNodes);
    head.replaceChildren(button);
  });
}

for (const table of document.querySelectorAll("table[data-name]")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  const texts = row => [...row.cells].map(cell => cell.textContent.trim());
  sortable(heads, (column, ascending) => {
    const rows = [...body.rows].map(row => [sortValue(row.cells[column].textContent), row]);
    rows.sort((a, b) => order(a[0], b[0]) * (ascending ? 1 : -1));
    body.append(...rows.map(([, row]) => row));
  });
  const save = () => download(`${table.dataset.name}.csv`, toCSV([heads.map(head => head.textContent.trim()), ...[...body.rows].map(texts)]));
  const box = make("div", { class: "wide", tabindex: 0, role: "region", "aria-label": `table: ${table.dataset.name}` });
  table.replaceWith(box);
  box.append(table);
  box.after(make("p", { class: "row" }, make("button", { type: "button", onclick: save }, "Download CSV")));
}
