/** What the explorer's buttons copy. */

import { specJson } from "./network.js";
import { float } from "./numbers.js";

const DEFAULTS = { bottleneck_multiplier: 1, se_ratio: 0, stem_channels: 32 };
const NETWORK_DEFAULTS = { num_classes: 1000, in_channels: 3 };

/** The spec, Python and a command by name, for the package of a framework. */
export function texts(settings, stages, framework) {
  const spec = specJson(settings, stages);
  return { spec, python: python(settings, framework), command: command(settings, spec) };
}

function python(settings, framework) {
  const { depth, w_0, w_a, w_m, group_width } = settings;
  const given = [depth, w_0, number(w_a), number(w_m), `group_width=${group_width}`];
  const others = different(settings, DEFAULTS);
  const call = `RegNetSpec(${[...given, ...others].join(", ")})`;
  return (
    `import ${framework} as anynet\nfrom common import RegNetSpec, count\n\n` +
    `spec = ${call}.network(${different(settings, NETWORK_DEFAULTS).join(", ")})\n` +
    `print(count(spec, ${settings.image_size}))\nnetwork = anynet.create(spec, seed=0)\n`
  );
}

function command(settings, spec) {
  const size = `--image-size ${settings.image_size}`;
  return `cat > spec.json <<'END'\n${spec}\nEND\nanynet summary spec.json ${size}\n`;
}

function different(settings, defaults) {
  return Object.keys(defaults)
    .filter((name) => settings[name] !== defaults[name])
    .map((name) => `${name}=${number(settings[name])}`);
}

function number(value) {
  return Number.isInteger(value) ? String(value) : float(value);
}
