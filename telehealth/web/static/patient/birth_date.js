/** Three boxes that are one day.  Public face: dateOf(typed)   ISO date, or "" when there is no such day */

/** @param {FormData} typed @returns {string} */
export function dateOf(typed) {
  const [year, month, day] = ["year", "month", "day"].map((name) => Number(typed.get(name)));
  const date = new Date(Date.UTC(year ?? 0, (month ?? 0) - 1, day ?? 0));
  const isReal = date.getUTCMonth() + 1 === month && date.getUTCDate() === day;
  if (!isReal || (year ?? 0) < 1890) return "";
  return date.toISOString().slice(0, 10);
}
