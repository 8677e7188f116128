/** The explorer's controls, and what they make of a network. */

import { drawCosts, drawWidths, short } from "./figures.js";
import { bottleneckChannels, costs, regnet, SpecError } from "./network.js";
import { grouped } from "./numbers.js";
import { frameworks, models, populations } from "./published.js";
import { texts } from "./texts.js";

/** Sliders have the usual values; the number fields take all that `common` takes. */
const CONTROLS = [
  { name: "depth", label: "Depth d", unit: "blocks", min: 1, max: 64, step: 1 },
  { name: "w_0", label: "Initial width w<sub>0</sub>", unit: "channels", min: 8, max: 512, step: 8 },
  { name: "w_a", label: "Slope w<sub>a</sub>", unit: "per block", min: 0, max: 256, step: 0.01 },
  { name: "w_m", label: "Width ratio w<sub>m</sub>", unit: "per level", min: 1.1, max: 4, step: 0.01 },
  { name: "group_width", label: "Group width g", unit: "channels", min: 1, max: 256, step: 1 },
  { name: "ratio", label: "Bottleneck ratio b", unit: "", choices: [0.25, 0.5, 1, 2, 4] },
  { name: "se_ratio", label: "Squeeze-and-excitation", unit: "ratio", min: 0, max: 1, step: 0.05 },
  { name: "stem_channels", label: "Stem width", unit: "channels", min: 8, max: 128, step: 8 },
  { name: "image_size", label: "Image size", unit: "pixels", min: 16, max: 512, step: 4 },
  { name: "num_classes", label: "Classes", unit: "" },
  { name: "in_channels", label: "Image channels", unit: "" },
];
const FIRST = "regnetx_600mf";
const IMAGENET = { image_size: 224, num_classes: 1000, in_channels: 3 };
const TITLES = { params: "parameters", activations: "activations" };

const root = document.getElementById("explorer");
const part = (name) => root.querySelector(`[data-part="${name}"]`);
const fields = new Map(CONTROLS.map((control) => [control.name, field(control)]));
const networks = Object.entries(populations).flatMap(([space, all]) =>
  all.map((network) => ({ space, ...network })),
);
let current = null;
let kind = "python";

/** A number field with its label and, where there are usual values, a slider. */
function field({ name, label, unit, choices, min = 0, max = choices?.length - 1, step = 1 }) {
  const box = document.createElement("div");
  box.className = "control";
  box.innerHTML =
    `<label id="${name}-label" for="${name}">${label}</label>` +
    `<input id="${name}" type="number" step="any" aria-describedby="${name}-unit">` +
    `<small id="${name}-unit">${unit}</small>`;
  part("controls").append(box);
  const number = box.querySelector("input");
  number.addEventListener("input", () => changed(name));
  if (Number.isNaN(max)) return { number, show: (value) => (number.value = value) };
  const slider = document.createElement("input");
  Object.assign(slider, { type: "range", min, max, step });
  slider.setAttribute("aria-labelledby", `${name}-label`);
  slider.addEventListener("input", () => {
    number.value = choices ? choices[slider.valueAsNumber] : slider.valueAsNumber;
    changed(name);
  });
  box.append(slider);
  const follow = () => {
    slider.value = choices ? nearest(choices, number.valueAsNumber) : number.value;
    slider.setAttribute("aria-valuetext", `${number.value} ${unit}`.trim());
  };
  return { number, follow, show: (value) => (number.value = value) };
}

function nearest(choices, value) {
  const distances = choices.map((choice) => Math.abs(Math.log(choice / value)));
  return distances.indexOf(Math.min(...distances));
}

/** The settings as `regnet` takes them; a field that holds no number is null. */
function settings() {
  const values = {};
  for (const [name, { number }] of fields) {
    values[name] = Number.isNaN(number.valueAsNumber) ? null : number.valueAsNumber;
  }
  const { ratio, ...others } = values;
  return { ...others, bottleneck_multiplier: ratio === null ? null : inverse(ratio) };
}

/** A bottleneck multiplier from a ratio, or back: one of both is whole. */
function inverse(ratio) {
  const whole = Math.round(1 / ratio);
  return ratio < 1 && Math.abs(1 / whole - ratio) < 1e-6 ? whole : 1 / ratio;
}

function show(values) {
  const { bottleneck_multiplier: multiplier, ...others } = values;
  const all = multiplier === undefined ? others : { ...others, ratio: inverse(multiplier) };
  for (const [name, value] of Object.entries(all)) fields.get(name)?.show(value);
  update();
}

function changed(name) {
  if (!(name in IMAGENET)) part("model").value = "";
  update();
}

/** Shows the rule that a setting breaks, and in which field; nothing if all are valid. */
function complain(message) {
  const setting = message.split(" ")[0].replace("bottleneck_multiplier", "ratio");
  part("error").textContent = message;
  root.classList.toggle("invalid", message !== "");
  for (const [name, { number }] of fields) number.setAttribute("aria-invalid", name === setting);
}

/** Draws everything anew; an invalid setting leaves the last valid network. */
function update() {
  for (const { follow } of fields.values()) follow?.();
  const given = settings();
  try {
    const network = regnet(given);
    current = { given, network, costs: costs(given, network.stages) };
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    complain(error.message);
    return;
  }
  complain("");
  history.replaceState(null, "", `#${new URLSearchParams(given)}`);
  draw();
}

function draw() {
  const { network, costs: found } = current;
  for (const name of ["params", "flops", "activations"]) {
    part(name).innerHTML = `<b>${short(Number(found.total[name]))}</b> ${grouped(found.total[name])}`;
  }
  const steps = ["", ...new Set(network.widths)];
  const rows = found.parts.map((one, index) => row({ ...one, step: steps[index] }));
  part("stages").innerHTML = rows.join("");
  drawWidths(part("widths"), network, part("logarithmic").checked);
  drawPlane();
  write();
}

function row({ name, channels, side, stage, cost, step }) {
  const own = ["", "", channels, "", "", ""];
  if (stage) {
    const bottleneck = bottleneckChannels(stage);
    const groups = bottleneck / stage.group_width;
    own.splice(0, 6, stage.depth, step, channels, bottleneck, stage.group_width, groups);
  }
  const counts = [cost.params, cost.flops, cost.activations].map(grouped);
  const cells = [...own, `${side} × ${side}`, ...counts].map((cell) => `<td>${cell}</td>`);
  return `<tr><th scope="row">${name}</th>${cells.join("")}</tr>`;
}

function drawPlane() {
  const space = part("population").value;
  const name = part("cost").value;
  const total = current.costs.total;
  const own = { flops: Number(total.flops), [name]: Number(total[name]) };
  const shown = networks.filter((one) => space === "all" || one.space === space);
  drawCosts(part("plane"), name, TITLES[name], { population: shown, models, own });
}

/** Shows the text that was copied last, for the network of now. */
function write() {
  const all = texts(current.given, current.network.stages, part("framework").value);
  part("text").textContent = all[kind];
}

async function copy(button) {
  kind = button.dataset.copy;
  write();
  const copied = await navigator.clipboard?.writeText(part("text").textContent).then(
    () => true,
    () => false,
  );
  const what = button.textContent.replace("Copy ", "");
  part("copied").textContent = copied ? `Copied ${what}.` : `The browser copies nothing; here is ${what}:`;
}

function option(value, title) {
  const found = document.createElement("option");
  [found.value, found.textContent] = [value, title];
  return found;
}

/** regnetx_1.6gf as RegNetX-1.6GF. */
function titled(name) {
  const [family, size] = name.split("_");
  return `RegNet${family.at(-1).toUpperCase()}-${size.toUpperCase()}`;
}

function fillChoices() {
  for (const family of ["x", "y"]) {
    const group = document.createElement("optgroup");
    group.label = `RegNet${family.toUpperCase()}`;
    const own = models.filter((model) => model.name.startsWith(`regnet${family}`));
    group.append(...own.map(({ name }) => option(name, titled(name))));
    part("model").append(group);
  }
  part("population").append(...Object.keys(populations).map((space) => option(space, space)));
  const packages = Object.entries(frameworks);
  part("framework").append(...packages.map(([name, title]) => option(name, title)));
}

function choose(name) {
  const { params, flops, activations, name: _, ...values } = models.find((one) => one.name === name);
  part("model").value = name;
  show({ ...IMAGENET, ...values });
}

function start() {
  fillChoices();
  part("model").addEventListener("change", (event) => choose(event.target.value));
  for (const name of ["population", "cost"]) part(name).addEventListener("change", drawPlane);
  part("plane").addEventListener("click", (event) => {
    const name = event.target.dataset.model;
    if (name) choose(name);
  });
  part("framework").addEventListener("change", write);
  part("logarithmic").addEventListener("change", draw);
  for (const button of root.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", () => copy(button));
  }
  document.getElementById("explorer-waits").remove();
  root.hidden = false;
  const linked = new URLSearchParams(location.hash.slice(1));
  choose(FIRST);
  if (linked.has("depth")) {
    part("model").value = "";
    show(Object.fromEntries([...linked].map(([name, value]) => [name, Number(value)])));
  }
  new ResizeObserver(draw).observe(root);
}

start();
