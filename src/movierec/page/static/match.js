// @ts-check
// Match titles of other catalogues with the movies of this page: rather none than a wrong one
// (serving/title_matching.py).
import { joinWords, namesOf, spelledKey, splitTitle, typosBetween } from "./titles.js";
import { createTypos } from "./typos.js";

const MIN_LETTERS = 6; // of a word that may be misspelled

// How two names agree, the surest first.
const [SAME, ALTERNATIVE, BUT_ARTICLE, PART] = [0, 1, 2, 3];
const LEADING = /^(the|a|an)(?= |$)/;

/** @typedef {import("./titles.js").Name & {key: string, place: number}} KeyedName */

/** Which movies a title may mean; place: the one that it means, null if there is none, or several.
 *  @typedef {{places: number[], place: number | null}} Match */

/**
 * @param {import("./movies.js").Movie[]} movies
 * @param {KeyedName[]} [allNames] their names, in order
 */
export function createMatcher(
  movies,
  allNames = movies.flatMap(({ title }, place) => keyedNames(title, place)),
) {
  const years = movies.map(({ title }) => splitTitle(title)[1]);
  /** @type {Map<string, KeyedName[]>} */
  const byKey = new Map();
  for (const name of allNames) append(byKey, name.key, name);
  /** @type {Map<number | null, KeyedName[]>} */
  const titlesOfYear = new Map();
  for (const name of allNames)
    if (name.kind === "title") append(titlesOfYear, years[name.place], name);
  /** @type {((folded: string) => number[]) | undefined} */
  let typos;

  /**
   * The movie with any of these titles, which are those of one movie.
   * @param {string[]} titles
   * @param {number | null} [year] without one, the full title is needed
   * @returns {Match}
   */
  function match(titles, year) {
    const dated = year ?? titles.map((title) => splitTitle(title)[1]).find(Boolean) ?? null;
    const asked = titles.flatMap((title) => keyedNames(title));
    const agreeing = [...agreeingWith(asked)];
    /** @type {((pair: [number, number]) => boolean)[]} */
    const passing =
      dated === null
        ? [([, how]) => how < PART]
        : [
            ([place]) => years[place] === dated,
            ([place, how]) => years[place] === null && how < PART,
            ([place, how]) => how <= ALTERNATIVE && Math.abs((years[place] ?? 0) - dated) === 1,
          ];
    for (const passes of passing) {
      const kept = agreeing.filter(passes);
      if (kept.length) return best(kept);
    }
    return best(dated === null ? [] : misspelled(asked, dated));
  }

  /** Places of the movies of any year with this title, then those with its subtitle.
   *  @param {string} title */
  function sameTitle(title) {
    const asked = keyedNames(title).filter(({ kind }) => kind !== "start");
    const agreeing = [...agreeingWith(asked)].sort(([a, m], [b, n]) => m - n || a - b);
    return agreeing.map(([place]) => place);
  }

  /** The places that agree with any of these names, and how. @param {KeyedName[]} asked */
  function agreeingWith(asked) {
    /** @type {Map<number, number>} */
    const agreeing = new Map();
    for (const name of asked) {
      for (const other of byKey.get(name.key) ?? []) {
        const how = agreement(name, other);
        const known = agreeing.get(other.place) ?? Infinity;
        if (how !== null) agreeing.set(other.place, Math.min(how, known));
      }
    }
    return agreeing;
  }

  /**
   * How a name agrees with another that has the same words but for articles.
   * @param {KeyedName} name @param {KeyedName} other @returns {number | null}
   */
  function agreement(name, other) {
    if (isFull(name) && isFull(other)) {
      if (joinWords(name.spelled) === joinWords(other.spelled))
        return name.kind === "title" && other.kind === "title" ? SAME : ALTERNATIVE;
      const [one, two] = [LEADING.exec(name.spelled)?.[1], LEADING.exec(other.spelled)?.[1]];
      return one && two && one !== two ? null : BUT_ARTICLE; // "A Wife" is not "The Wife"
    }
    if (isFull(name) || isFull(other))
      return other.kind === "start" && !isFirst(other) ? null : PART;
    const [short, long] = [`${name.start} `, `${other.start} `].sort((a, b) => a.length - b.length);
    return short > " " && long.startsWith(short) ? PART : null; // "Star Trek II: …" is "Star Trek: …"
  }

  /** Whether no earlier movie is called so: "Star Wars" is the first of them.
   *  @param {KeyedName} start */
  function isFirst(start) {
    const yearOf = (/** @type {KeyedName} */ { place }) => years[place] ?? 0;
    const others = (byKey.get(start.key) ?? []).filter(({ kind }) => kind !== "subtitle");
    return others.every((other) => yearOf(other) >= yearOf(start));
  }

  /** Places of a year whose title has a letter more, less or elsewhere within a long word.
   *  @param {KeyedName[]} asked @param {number} year @returns {[number, number][]} */
  function misspelled(asked, year) {
    return (titlesOfYear.get(year) ?? [])
      .filter(({ spelled }) =>
        asked.some(
          (name) =>
            name.kind === "title" &&
            typosBetween(name.spelled, spelled, 1) <= 1 &&
            isMisspelling(name.spelled.split(" "), spelled.split(" ")),
        ),
      )
      .map(({ place }) => [place, SAME]);
  }

  /**
   * The places that agree best, of which one title is meant: data sets list some movies twice.
   * @param {[number, number][]} agreeing @returns {Match}
   */
  function best(agreeing) {
    const surest = Math.min(...agreeing.map(([, how]) => how));
    const places = agreeing.filter(([, how]) => how === surest).map(([place]) => place);
    places.sort((a, b) => a - b);
    const isOne = new Set(places.map((place) => movies[place].title)).size === 1;
    return { places, place: isOne ? places[0] : null };
  }

  return {
    match,
    sameTitle,
    /** Places of movies with nearly this name. @param {string} folded */
    nearly: (folded) => (typos ??= createTypos(allNames.filter(isFull)))(folded),
  };
}

/** @param {string} title @param {number} [place] @returns {KeyedName[]} */
export function keyedNames(title, place = -1) {
  return namesOf(splitTitle(title)[0]).map((name) => {
    return { ...name, key: spelledKey(name.spelled), place };
  });
}

/** @param {import("./titles.js").Name} name */
export function isFull({ kind }) {
  return kind === "title" || kind === "alternative";
}

/** Whether two titles are the same but for letters inside one long word.
 *  @param {string[]} title @param {string[]} other */
function isMisspelling(title, other) {
  const unequal = title.flatMap((word, at) => (word === other[at] ? [] : [[word, other[at]]]));
  if (title.length !== other.length || unequal.length !== 1) return false;
  const [[one, two]] = unequal;
  const isInside = one[0] === two[0] && one.at(-1) === two.at(-1);
  const inOrder = (/** @type {string} */ word) => [...word].sort().join("");
  const isReplaced = one.length === two.length && inOrder(one) !== inOrder(two);
  return Math.min(one.length, two.length) >= MIN_LETTERS && isInside && !isReplaced;
}

/** @template K, V @param {Map<K, V[]>} lists @param {K} key @param {V} value */
export function append(lists, key, value) {
  const known = lists.get(key);
  if (known) known.push(value);
  else lists.set(key, [value]);
}
