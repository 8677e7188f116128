/** RegNets and their costs, as `common/arch` defines them.
 *
 * The same arithmetic in the same order, and the same errors: `tests/pages/test_explorer.py` holds
 * both against each other. `published.js` is made from `common` when the site is built.
 */

import { float, general, leastCommonMultiple, log, power, round, shown } from "./numbers.js";
import { limits, template } from "./published.js";

/** A setting breaks a rule; the message is that of `common`'s error of this name. */
export class SpecError extends Error {}

/** The line and the stages of a RegNet.
 *
 * `settings` has the fields of `RegNetSpec`, and `num_classes`, `in_channels` and `image_size`.
 * Throws `SpecError`.
 */
export function regnet(settings) {
  check(settings);
  const { depth, w_0, w_a, w_m } = settings;
  const blocks = Array.from({ length: depth }, (_, j) => j);
  const linear = blocks.map((j) => w_0 + w_a * j);
  const logRatio = log(w_m);
  const levels = linear.map((width) => round(log(width / w_0) / logRatio));
  const ofLevel = new Map(levels.map((level) => [level, quantised(w_0, w_m, level)]));
  const widths = levels.map((level) => ofLevel.get(level));
  const depths = new Map();
  for (const width of widths) depths.set(width, (depths.get(width) ?? 0) + 1);
  const stages = [...depths].map(([width, blocks]) => compatibleStage(blocks, width, settings));
  checkInteger("num_classes", settings.num_classes, 1, limits.channels);
  checkInteger("in_channels", settings.in_channels, 1, limits.channels);
  checkSize(settings.image_size);
  return { linear, levels, widths, stages };
}

/** Costs of each part (stem, stages, head) and in all, with the shapes of its output. */
export function costs(settings, stages) {
  let [channels, side] = [settings.stem_channels, halved(settings.image_size)];
  const stem = new Cost();
  stem.convolution(settings.in_channels, channels, 3, side);
  const parts = [{ name: "stem", channels, side, cost: stem }];
  stages.forEach((stage, index) => {
    const cost = blockCost(channels, side, stage, 2, settings.se_ratio);
    [channels, side] = [stage.channels, halved(side)];
    cost.add(blockCost(channels, side, stage, 1, settings.se_ratio), stage.depth - 1);
    parts.push({ name: `stage ${index + 1}`, channels, side, cost, stage });
  });
  const head = new Cost();
  head.linear(channels, settings.num_classes);
  parts.push({ name: "head", channels: settings.num_classes, side: 1, cost: head });
  const total = new Cost();
  for (const part of parts) total.add(part.cost, 1);
  return { parts, total };
}

/** The network as `AnyNetSpec.to_json` writes it. */
export function specJson(settings, stages) {
  const { stem_channels, num_classes, in_channels, se_ratio } = settings;
  const own = stages.map((stage) => ({ ...template.stage, ...stage }));
  const spec = { ...template.spec, stem_channels, stages: own, num_classes, in_channels, se_ratio };
  return written(spec, "");
}

/** Channels of the 3x3 convolutions of a stage. */
export function bottleneckChannels(stage) {
  return round(stage.channels * stage.bottleneck_multiplier);
}

class Cost {
  params = 0n;
  flops = 0n;
  activations = 0n;
  buffers = 0n;

  /** A convolution without bias, to an output of `side` x `side`, and its batch norm. */
  convolution(inChannels, channels, kernel, side, groups = 1) {
    const outputs = BigInt(channels) * BigInt(side) ** 2n;
    const area = BigInt(kernel) ** 2n;
    this.params += BigInt(channels) * (BigInt(inChannels) / BigInt(groups)) * area;
    this.flops += outputs * ((area * BigInt(inChannels)) / BigInt(groups));
    this.activations += outputs;
    this.params += 2n * BigInt(channels);
    this.buffers += 2n * BigInt(channels);
  }

  /** A linear layer with bias. */
  linear(inChannels, channels) {
    const products = BigInt(channels) * BigInt(inChannels) + BigInt(channels);
    this.params += products;
    this.flops += products;
    this.activations += BigInt(channels);
  }

  add(other, times) {
    for (const name of Object.keys(this)) this[name] += other[name] * BigInt(times);
  }
}

function blockCost(inChannels, side, stage, stride, seRatio) {
  const cost = new Cost();
  const after = stride === 2 ? halved(side) : side;
  const bottleneck = bottleneckChannels(stage);
  cost.convolution(inChannels, bottleneck, 1, side);
  cost.convolution(bottleneck, bottleneck, 3, after, bottleneck / stage.group_width);
  if (seRatio) {
    const squeezed = Math.max(1, round(inChannels * seRatio));
    cost.linear(bottleneck, squeezed);
    cost.linear(squeezed, bottleneck);
  }
  cost.convolution(bottleneck, stage.channels, 1, after);
  if (stride !== 1 || inChannels !== stage.channels) {
    cost.convolution(inChannels, stage.channels, 1, after);
  }
  return cost;
}

function halved(side) {
  return Math.floor((side - 1) / 2) + 1;
}

function quantised(w_0, w_m, level) {
  return round((w_0 * power(w_m, level)) / limits.step) * limits.step;
}

/** A stage whose channels are adjusted to its group width. */
function compatibleStage(depth, width, settings) {
  const multiplier = settings.bottleneck_multiplier;
  checkInteger("channels", width, 1, limits.channels);
  const bottleneck = Math.trunc(Math.max(1, width * multiplier));
  const group_width = Math.min(settings.group_width, bottleneck);
  const multiple = leastCommonMultiple(group_width, Math.trunc(Math.max(1, multiplier)));
  const fitted = Math.max(1, round(bottleneck / multiple)) * multiple;
  const channels = Math.trunc(fitted / multiplier);
  checkInteger("channels", channels, 1, limits.channels);
  const stage = { depth, channels, group_width, bottleneck_multiplier: multiplier };
  checkBottleneck(stage);
  return stage;
}

function check(settings) {
  checkInteger("depth", settings.depth, 1, limits.blocks);
  for (const name of ["w_0", "group_width", "stem_channels"]) {
    checkInteger(name, settings[name], 1, limits.channels);
  }
  const { w_0, w_a, w_m, se_ratio, bottleneck_multiplier, depth } = settings;
  checkNumber("w_a", w_a, 0, limits.channels, "a number of at least 0", w_a >= 0);
  checkNumber("w_m", w_m, 1, limits.channels, "a number above 1", w_m > 1);
  const isRatio = 0 <= se_ratio && se_ratio <= 1;
  checkNumber("se_ratio", se_ratio, 0, 1, "a number from 0 to 1", isRatio);
  if (w_0 % limits.step) {
    throw new SpecError(`w_0 must be a multiple of ${limits.step}; got ${w_0}`);
  }
  checkNumber(
    "bottleneck_multiplier",
    bottleneck_multiplier,
    1 / limits.channels,
    limits.channels,
    "a positive number that is whole or below 1",
    bottleneck_multiplier > 0 && (bottleneck_multiplier < 1 || bottleneck_multiplier % 1 === 0),
  );
  const last = w_0 + w_a * (depth - 1);
  if (last > limits.channels) {
    const [most, got] = [general(limits.channels, 7), general(last, 6)];
    throw new SpecError(`w_0 + w_a (depth - 1) must be at most ${most}; got ${got}`);
  }
}

function checkBottleneck(stage) {
  const { channels, group_width, bottleneck_multiplier } = stage;
  const width = bottleneckChannels(stage);
  if (width < 1 || width > limits.channels) {
    throw new SpecError(
      "channels times bottleneck_multiplier must round to at least 1 and at most " +
        `${general(limits.channels, 7)}; got ${channels} and ${float(bottleneck_multiplier)}`,
    );
  }
  if (width % group_width) {
    throw new SpecError(
      `group_width must divide the bottleneck channels; got ${group_width} and ${width}`,
    );
  }
}

function checkInteger(where, value, minimum, maximum) {
  if (!Number.isInteger(value)) {
    throw new SpecError(`${where} must be an integer; got ${shown(value)}`);
  }
  checkLimits(where, value, minimum, maximum);
}

function checkNumber(where, value, minimum, maximum, rule, holds) {
  if (typeof value !== "number") {
    throw new SpecError(`${where} must be ${rule}; got ${shown(value)}`);
  }
  if (!holds || !Number.isFinite(value)) {
    throw new SpecError(`${where} must be ${rule}; got ${float(value)}`);
  }
  checkLimits(where, value, minimum, maximum);
}

function checkLimits(where, value, minimum, maximum) {
  if (value < minimum) {
    throw new SpecError(`${where} must be at least ${general(minimum, 7)}; got ${shown(value)}`);
  }
  if (value > maximum) {
    throw new SpecError(`${where} must be at most ${general(maximum, 7)}; got ${shown(value)}`);
  }
}

function checkSize(side) {
  checkInteger("image_size", side, -limits.side, limits.side);
  if (side < 1) throw new SpecError(`image_size must be at least 1 pixel; got ${side}x${side}`);
}

/** JSON with two spaces of indentation, in which floats look like floats. */
function written(value, indent, name) {
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const items = value.map((item) => `${inner}${written(item, inner)}`);
    return `[\n${items.join(",\n")}\n${indent}]`;
  }
  if (value !== null && typeof value === "object") {
    const items = Object.entries(value).map(
      ([name, item]) => `${inner}"${name}": ${written(item, inner, name)}`,
    );
    return `{\n${items.join(",\n")}\n${indent}}`;
  }
  return template.floats.includes(name) ? float(value) : JSON.stringify(value);
}
