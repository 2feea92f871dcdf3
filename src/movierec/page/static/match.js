// @ts-check
// Match titles of other catalogues with the movies of this page: rather none than a wrong one.
import { nameOf } from "./movies.js";
import { fold, nameKey, namesOf, spellNumbers, splitYear } from "./titles.js";

// How two names agree, the surest first.
const SAME = 0;
const ALTERNATIVE = 1;
const PART = 2;
const LEADING = /^(the|a|an) /;

/** @param {import("./movies.js").Movie[]} movies */
export function createMatcher(movies) {
  /** @type {Map<string, {place: number, isTitle: boolean, isFull: boolean, isStart: boolean, start: string, article: string}[]>} */
  const names = new Map();
  movies.forEach((movie, place) => {
    for (const name of keyedNames(nameOf(movie))) {
      const known = names.get(name.key);
      if (known) known.push({ place, ...name });
      else names.set(name.key, [{ place, ...name }]);
    }
  });

  /**
   * The place of the movie with any of these titles; null if there is none, or several.
   * @param {string[]} titles of one movie
   * @param {number | null} year
   * @returns {number | null}
   */
  return function match(titles, year) {
    const dated = year ?? titles.map((title) => splitYear(title)[1]).find(Boolean) ?? null;
    /** @type {Map<number, number>} */
    const agreeing = new Map();
    for (const title of titles) {
      for (const asked of keyedNames(withoutBracketYear(title))) {
        for (const other of names.get(asked.key) ?? []) {
          const how = agreement(asked, other);
          if (how !== null)
            agreeing.set(other.place, Math.min(how, agreeing.get(other.place) ?? how));
        }
      }
    }
    if (dated === null) return theBest(agreeing, (place, how) => how < PART);
    const of = (/** @type {number} */ place) => movies[place].year;
    return (
      theBest(agreeing, (place) => of(place) === dated) ??
      theBest(agreeing, (place, how) => of(place) === null && how < PART) ??
      theBest(agreeing, (place, how) => how < PART && Math.abs((of(place) ?? 0) - dated) === 1)
    );
  };

  /** @param {any} asked @param {any} other @returns {number | null} */
  function agreement(asked, other) {
    if (asked.isFull && other.isFull) {
      if (asked.article && other.article && asked.article !== other.article) return null; // "A Wife" is not "The Wife"
      return asked.isTitle && other.isTitle && asked.article === other.article ? SAME : ALTERNATIVE;
    }
    if (asked.isFull || other.isFull) return other.isStart && !isFirst(other) ? null : PART;
    const [short, long] = [`${asked.start} `, `${other.start} `].sort(
      (a, b) => a.length - b.length,
    );
    return short > " " && long.startsWith(short) ? PART : null; // "Star Trek II: …" is "Star Trek: …"
  }

  /** Whether no earlier movie is called so: "Star Wars" is the first of them. @param {any} start */
  function isFirst(start) {
    const year = (/** @type {number} */ place) => movies[place].year ?? 0;
    return (names.get(start.key) ?? []).every(({ place }) => year(place) >= year(start.place));
  }
}

/** @param {string} title */
function keyedNames(title) {
  return namesOf(title).flatMap(({ text, isFull, isStart, start }, at) => {
    const key = nameKey(text);
    const article = LEADING.exec(fold(text))?.[1] ?? "";
    return key
      ? [{ key, isTitle: at === 0, isFull, isStart, start: spellNumbers(fold(start)), article }]
      : [];
  });
}

/** @param {string} title */
function withoutBracketYear(title) {
  return /[)\]]\s*$/.test(title) ? splitYear(title)[0] : title;
}

/** @param {Map<number, number>} agreeing @param {(place: number, how: number) => boolean} passes @returns {number | null} */
function theBest(agreeing, passes) {
  const kept = [...agreeing].filter(([place, how]) => passes(place, how));
  const best = Math.min(...kept.map(([, how]) => how));
  const places = kept.filter(([, how]) => how === best);
  return places.length === 1 ? places[0][0] : null;
}
