// @ts-check
// Rating a movie: half stars, or like and dislike.
import { el } from "./dom.js";
import { fullName } from "./movies.js";

const N_STARS = 5;
const N_STEPS = 2 * N_STARS; // half stars

/**
 * Half stars on the ratings' scale: 5 stars are its top.
 * @param {{low: number, high: number}} scale
 */
export function createStarScale({ low, high }) {
  const zero = Math.min(low, 0);
  const least = Math.max(1, Math.ceil(((low - zero) / (high - zero)) * N_STEPS - 1e-9));
  return {
    least,
    /** @param {number} step from `least` to 10 */
    ratingOf: (step) => Math.max(low, zero + ((high - zero) * step) / N_STEPS),
    /** @param {number} rating */
    stepOf: (rating) => ((rating - zero) / (high - zero)) * N_STEPS,
    like: high, // as `movierec recommend --like` without a rating
    dislike: low + (high - low) / 4,
    middle: (low + high) / 2,
  };
}

/** "4.5 stars". @param {number} rating */
export function starsText(rating) {
  const text = String(+rating.toFixed(1));
  return `${text} star${text === "1" ? "" : "s"}`;
}

/**
 * A function that makes the widget that rates a movie. Widgets of the same movie stay in step.
 * @param {any} store
 * @param {import("./movies.js").Movie[]} movies
 * @param {{low: number, high: number}} scale
 * @param {{thumbs: boolean}} settings
 */
export function createRaters(store, movies, scale, settings) {
  const steps = createStarScale(scale);
  /** @type {Set<WeakRef<any>>} */
  const widgets = new Set();

  store.subscribe((/** @type {number | null} */ place) => {
    for (const reference of widgets) {
      const widget = reference.deref();
      if (!widget) widgets.delete(reference);
      else if (place === null || widget.place === place) widget.refresh();
    }
  });

  /** @param {number} place */
  function stars(place) {
    const name = fullName(movies[place]);
    const input = el("input", {
      type: "range",
      min: 0,
      max: N_STEPS,
      step: 1,
      "aria-label": `Your rating of ${name}`,
    });
    const clear = el(
      "button",
      {
        type: "button",
        class: "quiet clear",
        "aria-label": `Remove your rating of ${name}`,
        onclick: () => (store.rate(place, null), input.focus()),
      },
      "✕",
    );
    const row = el("span", { class: "stars" }, input);
    const box = el("span", { class: "rater" }, row, clear);
    let before = 0;

    /** @param {number} step */
    function set(step) {
      const moved = step > 0 && step < steps.least ? (step > before ? steps.least : 0) : step;
      store.rate(place, moved > 0 ? steps.ratingOf(moved) : null);
    }
    /** @param {PointerEvent} event */
    function stepAt(event) {
      const { left, width } = row.getBoundingClientRect();
      const step = Math.ceil(((event.clientX - left) / width) * N_STEPS);
      return Math.min(Math.max(step, steps.least), N_STEPS);
    }
    /** @param {number} step */
    const show = (step) => row.style.setProperty("--share", `${(100 * step) / N_STEPS}%`);

    input.addEventListener("input", () => set(Number(input.value)));
    box.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Delete" || event.key === "Backspace") store.rate(place, null);
      else if (/^[1-5]$/.test(event.key)) set(2 * Number(event.key));
      else return;
      event.preventDefault();
    });
    row.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      if (event.pointerType === "mouse") show(stepAt(event));
    });
    row.addEventListener("pointerleave", () => show(before));
    row.addEventListener("click", (/** @type {PointerEvent} */ event) => {
      if (!event.detail) return; // of a keyboard
      input.focus({ preventScroll: true });
      set(stepAt(event));
    });
    box.place = place;
    box.refresh = () => {
      const rating = store.ratings.get(place);
      before = rating === undefined ? 0 : steps.stepOf(rating);
      input.value = String(Math.round(before));
      input.setAttribute("aria-valuetext", rating === undefined ? "not rated" : starsText(rating));
      box.classList.toggle("rated", rating !== undefined);
      show(before);
    };
    return box;
  }

  /** @param {number} place */
  function thumbs(place) {
    const name = fullName(movies[place]);
    const choices = [
      {
        text: "Like",
        rating: steps.like,
        is: (/** @type {number} */ rating) => rating > steps.middle,
      },
      {
        text: "Dislike",
        rating: steps.dislike,
        is: (/** @type {number} */ rating) => rating <= steps.middle,
      },
    ].map(({ text, rating, is }) => {
      const toggle = () => {
        const current = store.ratings.get(place);
        store.rate(place, current !== undefined && is(current) ? null : rating);
      };
      const button = el(
        "button",
        {
          type: "button",
          class: `thumb ${text.toLowerCase()}`,
          "aria-label": `${text} ${name}`,
          onclick: toggle,
        },
        text,
      );
      return { button, is };
    });
    const box = el("span", { class: "rater thumbs" }, ...choices.map(({ button }) => button));
    box.place = place;
    box.refresh = () => {
      const rating = store.ratings.get(place);
      for (const { button, is } of choices)
        button.setAttribute("aria-pressed", String(rating !== undefined && is(rating)));
      box.classList.toggle("rated", rating !== undefined);
    };
    return box;
  }

  /** @param {number} place @returns {any} */
  return function rater(place) {
    const widget = settings.thumbs ? thumbs(place) : stars(place);
    widgets.add(new WeakRef(widget));
    widget.refresh();
    return widget;
  };
}
