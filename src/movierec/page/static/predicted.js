// @ts-check
// A predicted rating and its uncertainty, as a number and a small bar.
import { el } from "./dom.js";

/**
 * An element, and a function that shows a rating and its standard deviation in it.
 * @param {string} label
 * @param {{low: number, high: number}} scale
 */
export function createPredicted(label, { low, high }) {
  const [number, error] = [el("span"), el("small")];
  const band = el("span", { class: "band", "aria-hidden": "true" });
  const box = el(
    "div",
    { class: "predicted" },
    el("span", { class: "number" }, el("span", { class: "label" }, label), number, error),
    band,
  );
  /** @param {{rating: number, deviation: number}} predicted */
  function show({ rating, deviation }) {
    const [from, to] = [rating - deviation, rating + deviation];
    number.textContent = rating.toFixed(1);
    error.textContent = ` ± ${deviation.toFixed(1)}`;
    box.title = `Predicted rating: probably from ${from.toFixed(1)} to ${to.toFixed(1)}`;
    for (const [name, value] of Object.entries({ "--from": from, "--to": to, "--at": rating })) {
      const share = Math.min(Math.max((value - low) / (high - low), 0), 1);
      band.style.setProperty(name, `${100 * share}%`);
    }
  }
  return { box, show };
}
