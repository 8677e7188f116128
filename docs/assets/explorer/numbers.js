/** Numbers as Python computes and writes them.
 *
 * `log` and `power` are rounded correctly. JavaScript's own may be off by an ulp, which moves a block
 * to another level where u_j lies exactly between two of them.
 */

/** An integer, as Python's `round`: a half goes to the even one. */
export function round(number) {
  const below = Math.floor(number);
  const rest = number - below;
  if (rest === 0.5) return below % 2 === 0 ? below : below + 1;
  return rest < 0.5 ? below : below + 1;
}

/** The natural logarithm of a positive number. */
export function log(number) {
  const exponent = Math.round(Math.log2(number));
  const mantissa = number / 2 ** exponent;
  // log m = 2 artanh z, and artanh z = z (1 + z^2 / 3 + z^4 / 5 + ...), for |z| < 0.172.
  const z = divided([mantissa - 1, 0], exactSum(mantissa, 1));
  const square = product(z, z);
  let series = [0, 0];
  for (let odd = 49; odd > 0; odd -= 2) {
    series = sum(product(series, square), divided([1, 0], [odd, 0]));
  }
  return sum(product(product(z, series), [2, 0]), product(LOG_2, [exponent, 0]))[0];
}

/** `base` to the power of an integer of at least 0. */
export function power(base, exponent) {
  let result = [1, 0];
  for (let factor = [base, 0]; exponent > 0; exponent = Math.floor(exponent / 2)) {
    if (exponent % 2) result = product(result, factor);
    if (exponent > 1) factor = product(factor, factor);
  }
  return result[0];
}

export function leastCommonMultiple(first, second) {
  let [divisor, rest] = [first, second];
  while (rest) [divisor, rest] = [rest, divisor % rest];
  return (first / divisor) * second;
}

/** What Python's `repr` writes for a float. */
export function float(number) {
  if (Number.isNaN(number)) return "nan";
  if (!Number.isFinite(number)) return `${sign(number)}inf`;
  const [digits, exponent] = parts(number);
  if (exponent < -4 || exponent >= 16) return scientific(number, digits, exponent);
  const text = fixed(digits, exponent);
  return sign(number) + (text.includes(".") ? text : `${text}.0`);
}

/** What Python's `repr` writes for an integer, a float or nothing. */
export function shown(value) {
  if (typeof value !== "number") return value === null ? "None" : String(value);
  return Number.isInteger(value) ? String(BigInt(value)) : float(value);
}

/** What Python's format `,.Ng` writes, with N significant digits. */
export function general(number, precision) {
  let [digits, exponent] = parts(number, precision - 1);
  const [exact] = parts(number, 60);
  const last = Number(exact[precision - 1]);
  if (/^50*$/.test(exact.slice(precision)) && last % 2 === 0) {
    digits = exact.slice(0, precision); // a half is rounded to the even digit
  }
  digits = digits.replace(/(?<=.)0+$/, "");
  if (exponent < -4 || exponent >= precision) return scientific(number, digits, exponent);
  const [whole, ...decimals] = fixed(digits, exponent).split(".");
  return sign(number) + [grouped(BigInt(whole)), ...decimals].join(".");
}

/** An integer with commas between thousands. */
export function grouped(integer) {
  return integer.toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

/** The significant digits of a number, and the power of ten of the first of them. */
function parts(number, decimals) {
  const [mantissa, exponent] = Math.abs(number).toExponential(decimals).split("e");
  return [mantissa.replace(".", ""), Number(exponent)];
}

function sign(number) {
  return number < 0 ? "-" : "";
}

function fixed(digits, exponent) {
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const decimals = digits.slice(exponent + 1);
  return decimals ? `${whole}.${decimals}` : whole;
}

function scientific(number, digits, exponent) {
  const decimals = digits.length > 1 ? `.${digits.slice(1)}` : "";
  const power = String(Math.abs(exponent)).padStart(2, "0");
  return `${sign(number)}${digits[0]}${decimals}e${exponent < 0 ? "-" : "+"}${power}`;
}

/* Pairs of numbers whose unevaluated sum has twice the digits (Dekker 1971, Knuth). */

const LOG_2 = [0.6931471805599453, 2.3190468138462996e-17];

function exactSum(a, b) {
  const total = a + b;
  const added = total - a;
  return [total, a - (total - added) + (b - added)];
}

function exactProduct(a, b) {
  const total = a * b;
  const [aHigh, aLow] = halves(a);
  const [bHigh, bLow] = halves(b);
  return [total, aLow * bLow - (total - aHigh * bHigh - aLow * bHigh - aHigh * bLow)];
}

function halves(number) {
  const scaled = 134217729 * number; // 2^27 + 1
  const high = scaled - (scaled - number);
  return [high, number - high];
}

function sum([a, aLow], [b, bLow]) {
  const [total, error] = exactSum(a, b);
  return exactSum(total, error + aLow + bLow);
}

function product([a, aLow], [b, bLow]) {
  const [total, error] = exactProduct(a, b);
  return exactSum(total, error + (a * bLow + aLow * b));
}

function divided(a, b) {
  const first = a[0] / b[0];
  const rest = sum(a, product(b, [-first, 0]));
  const second = rest[0] / b[0];
  const remainder = sum(rest, product(b, [-second, 0]));
  return sum(exactSum(first, second), [remainder[0] / b[0], 0]);
}
