// The page's data, elements, numbers as text, copies and downloads.

const data = JSON.parse(document.getElementById("data").textContent);
const at = id => document.getElementById(id);

/** An element with attributes, event handlers (`onclick`) and children; text is never markup. */
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter(child => child !== undefined));
  return node;
}

/** A number with three significant digits, as in 0.25, 48, 1.25k, 2M. */
function short(value) {
  if (value === null || value === undefined) return "";
  for (const [factor, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]])
    if (Math.abs(value) >= factor) return `${+(value / factor).toPrecision(3)}${letter}`;
  return `${+value.toPrecision(3)}`;
}

const percent = (value, digits = 2) =>
  value === null || value === undefined ? "" : `${(100 * value).toFixed(digits)} %`;

/** A button that copies what `text` returns, and says that it did. */
function copyButton(label, text) {
  const button = make("button", { type: "button", onclick: async () => {
    await copy(text());
    button.textContent = "copied";
    setTimeout(() => { button.textContent = label; }, 1500);
  } }, label);
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // a page that was opened from a file may not be allowed to
    const area = make("textarea", { "aria-label": "text to copy" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

/** Rows of cells as CSV; text that a spreadsheet would run as a formula is quoted for it. */
function toCSV(rows) {
  const cell = value => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return `${value}`;
    const harmless = /^[=+\-@\t\r]/.test(value) && isNaN(value) ? `'${value}` : value;
    return /[",\n\r]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
  };
  return rows.map(row => row.map(cell).join(",")).join("\n") + "\n";
}

function download(name, text, type = "text/csv") {
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
