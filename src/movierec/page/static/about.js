// @ts-check
// What the page was made from.
import { byId, el } from "./dom.js";

/** @param {any} about */
export function showAbout(about) {
  byId("facts").append(el("dt", {}, "Data"), el("dd", {}, String(about.dataset ?? "")));
  byId("licence").textContent = about.licence ?? "";
}
