// @ts-check
// Match titles of other catalogues with the movies of this page: rather none than a wrong one.
import { nameOf } from "./movies.js";
import { namesOf, spelledKey, splitTitle } from "./titles.js";

// How two names agree, the surest first.
const SAME = 0;
const ALTERNATIVE = 1;
const PART = 2;
const LEADING = /^(the|a|an) /;

/** @param {import("./movies.js").Movie[]} movies */
export function createMatcher(movies) {
  /** @type {Map<string, KeyedName[]>} */
  const names = new Map();
  movies.forEach((movie, place) => {
    for (const name of keyedNames(nameOf(movie), place)) {
      const known = names.get(name.key);
      if (known) known.push(name);
      else names.set(name.key, [name]);
    }
  });

  /**
   * The place of the movie with any of these titles; null if there is none, or several.
   * @param {string[]} titles of one movie
   * @param {number | null} year
   * @returns {number | null}
   */
  return function match(titles, year) {
    const dated = year ?? titles.map((title) => splitTitle(title)[1]).find(Boolean) ?? null;
    /** @type {Map<number, number>} */
    const agreeing = new Map();
    for (const title of titles) {
      for (const asked of keyedNames(splitTitle(title)[0])) {
        for (const other of names.get(asked.key) ?? []) {
          const how = agreement(asked, other);
          if (how !== null)
            agreeing.set(other.place, Math.min(how, agreeing.get(other.place) ?? how));
        }
      }
    }
    if (dated === null) return theBest(movies, agreeing, (place, how) => how < PART);
    const of = (/** @type {number} */ place) => movies[place].year;
    return (
      theBest(movies, agreeing, (place) => of(place) === dated) ??
      theBest(movies, agreeing, (place, how) => of(place) === null && how < PART) ??
      theBest(
        movies,
        agreeing,
        (place, how) => how < PART && Math.abs((of(place) ?? 0) - dated) === 1,
      )
    );
  };

  /**
   * How a name agrees with another that has the same words but for articles.
   * @param {KeyedName} asked @param {KeyedName} other @returns {number | null}
   */
  function agreement(asked, other) {
    if (isFull(asked) && isFull(other)) {
      if (asked.article && other.article && asked.article !== other.article) return null; // "A Wife" is not "The Wife"
      const areTitles = asked.kind === "title" && other.kind === "title";
      return areTitles && asked.article === other.article ? SAME : ALTERNATIVE;
    }
    if (isFull(asked) || isFull(other))
      return other.kind === "start" && !isFirst(other) ? null : PART;
    const [one, two] = [`${asked.start} `, `${other.start} `];
    const [short, long] = one.length < two.length ? [one, two] : [two, one];
    return short > " " && long.startsWith(short) ? PART : null; // "Star Trek II: …" is "Star Trek: …"
  }

  /**
   * Whether no earlier movie is called so: "Star Wars" is the first of them.
   * @param {KeyedName} start
   */
  function isFirst(start) {
    const yearOf = (/** @type {KeyedName} */ { place }) => movies[place].year ?? 0;
    const others = (names.get(start.key) ?? []).filter(({ kind }) => kind !== "subtitle");
    return others.every((other) => yearOf(other) >= yearOf(start));
  }
}

/**
 * @typedef {import("./titles.js").Name & {key: string, article: string, place: number}} KeyedName
 */

/** @param {string} title @param {number} [place] @returns {KeyedName[]} */
function keyedNames(title, place = -1) {
  return namesOf(title).map((name) => {
    const article = LEADING.exec(name.spelled)?.[1] ?? "";
    return { ...name, key: spelledKey(name.spelled), article, place };
  });
}

/** @param {KeyedName} name */
function isFull({ kind }) {
  return kind === "title" || kind === "alternative";
}

/**
 * The surest of the places that pass; null if there are several, unless they have one title: data
 * sets list some movies twice.
 * @param {import("./movies.js").Movie[]} movies
 * @param {Map<number, number>} agreeing
 * @param {(place: number, how: number) => boolean} passes
 * @returns {number | null}
 */
function theBest(movies, agreeing, passes) {
  const kept = [...agreeing].filter(([place, how]) => passes(place, how));
  const surest = Math.min(...kept.map(([, how]) => how));
  const places = kept.filter(([, how]) => how === surest).map(([place]) => place);
  const titles = new Set(places.map((place) => movies[place].title));
  return titles.size === 1 ? Math.min(...places) : null;
}
