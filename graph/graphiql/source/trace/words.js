// Figures as people read them.

/** @param {number} value @param {number} digits */
function significant(value, digits) {
  return value.toLocaleString("en-US", { maximumSignificantDigits: digits });
}

/** @param {number} number */
function two(number) {
  return String(number).padStart(2, "0");
}

/** A figure and what is left of it, unless nothing is. @param {string} first @param {number} rest @param {string} unit */
function and(first, rest, unit) {
  return rest ? `${first} ${two(rest)} ${unit}` : first;
}

/** @param {number} milliseconds */
export function duration(milliseconds) {
  if (milliseconds < 999.5) return `${milliseconds === 0 ? 0 : significant(milliseconds, milliseconds < 1 ? 1 : 3)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 59.95) return `${significant(seconds, 3)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return and(`${Math.floor(whole / 60)} min`, whole % 60, "s");
  const minutes = Math.round(whole / 60);
  if (minutes < 24 * 60) return and(`${Math.floor(minutes / 60)} h`, minutes % 60, "min");
  return `${significant(seconds / 86400, 3)} d`;
}

/** @param {unknown} count null: nothing was selected or nothing is known @returns {string} */
export function tokens(count) {
  if (typeof count !== "number") return "";
  return count < 1e6 ? count.toLocaleString("en-US") : `${significant(count / 1e6, 3)} M`;
}

/** @param {unknown} amount dollars, exact decimals as text @returns {string} */
export function cost(amount) {
  const value = amount === null || amount === undefined || amount === "" ? NaN : Number(amount);
  if (Number.isNaN(value)) return "";
  if (value === 0) return "$0";
  const digits = Math.abs(value) < 0.1 ? { maximumSignificantDigits: 2 } : { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  return `$${value.toLocaleString("en-US", digits)}`;
}

/** @param {unknown} bytes */
export function size(bytes) {
  const count = Number(bytes);
  if (count < 1000) return `${count} bytes`;
  return count < 1e6 ? `${significant(count / 1e3, 3)} kB` : `${significant(count / 1e6, 3)} MB`;
}
