// @ts-check
// Find movies by any part of their titles while someone types.
import { nameOf } from "./movies.js";
import {
  fold,
  nameKey,
  spellNumbers,
  spelledKey,
  splitYear,
  typosBetween,
  withoutArticles,
} from "./titles.js";

const WITHIN_WORD = /(?<=[\p{L}\p{N}])[^\p{L}\p{N}\s](?=[\p{L}\p{N}])/gu; // "Spider-Man", "Face/Off"

/**
 * @param {import("./movies.js").Movie[]} movies the most rated first, which also orders what is found
 */
export function createSearch(movies) {
  /** @type {{words: string, joined: string, key: string, year: string}[]} */
  let titles = [];
  /** @type {Map<string, number[]>} */
  const vocabulary = new Map();
  const lastYear = movies.reduce((last, { year }) => Math.max(last, year ?? 0), 0);

  /** The titles' words, made when first needed, because a page should open fast. */
  function prepare() {
    if (titles.length) return;
    titles = movies.map((movie, place) => {
      const name = nameOf(movie);
      const folded = fold(name);
      const spelled = spellNumbers(folded);
      const spellings = new Set([folded, spelled]);
      if (name.search(WITHIN_WORD) >= 0)
        [" ", ""].forEach((between) => spellings.add(fold(name.replace(WITHIN_WORD, between))));
      const words = [...spellings].join(" ");
      for (const word of new Set(words.split(" "))) {
        const at = vocabulary.get(word);
        if (at) at.push(place);
        else vocabulary.set(word, [place]);
      }
      return {
        words: ` ${words} `,
        joined: folded.replaceAll(" ", ""),
        key: spelledKey(spelled),
        year: String(movie.year ?? ""),
      };
    });
  }

  /**
   * How well a movie fits, 0 the best: its title, its title's beginning, words, beginnings of words, parts.
   * @param {{words: string, joined: string, key: string, year: string}} title
   * @param {string[]} words @param {string} key @param {string} joined
   */
  function rankOf(title, words, key, joined) {
    if (title.key === key) return 0;
    const beginnings = words.every(
      (word) => title.words.includes(` ${word}`) || title.year === word,
    );
    if (beginnings) {
      if (title.words.startsWith(` ${words.join(" ")}`) || title.key.startsWith(key)) return 1;
      return words.every((word) => title.words.includes(` ${word} `) || title.year === word)
        ? 2
        : 3;
    }
    return joined.length > 2 && title.joined.includes(joined) ? 4 : -1;
  }

  /** Places of the movies with a word like each of these. @param {string[]} words */
  function misspelled(words) {
    /** @type {Map<number, number> | null} */
    let total = null;
    for (const word of words) {
      const max = word.length > 7 ? 2 : word.length > 3 ? 1 : 0;
      /** @type {Map<number, number>} */
      const typos = new Map();
      for (const [other, places] of vocabulary) {
        const start = other.length > word.length ? other.slice(0, word.length) : other;
        const n = Math.min(
          typosBetween(word, other, max),
          start === other ? max + 1 : typosBetween(word, start, max) + 0.5,
        );
        if (n > max + 0.5 || (max === 0 && n > 0.5)) continue;
        for (const place of places) typos.set(place, Math.min(n, typos.get(place) ?? n));
      }
      movies.forEach(({ year }, place) => String(year) === word && typos.set(place, 0));
      if (total)
        typos.forEach((n, place) =>
          total?.has(place) ? typos.set(place, n + (total.get(place) ?? 0)) : typos.delete(place),
        );
      total = typos;
    }
    return [...(total ?? [])].sort(([a, n], [b, m]) => n - m || a - b).map(([place]) => place);
  }

  return {
    prepare,
    /**
     * The best places, whether they are only nearly what was asked, and what to tell if there are none.
     * @param {string} query @param {number} [n]
     */
    find(query, n = 8) {
      prepare();
      const text = query.trim().slice(0, 200);
      const words = withoutArticles(fold(text).split(" ")).filter(Boolean);
      if (!words.length) {
        const plain = text.toLowerCase();
        const places = plain
          ? movies.flatMap(({ title }, place) =>
              title.toLowerCase().includes(plain) ? [place] : [],
            )
          : [];
        return {
          places: places.slice(0, n),
          nFound: places.length,
          isClose: false,
          message: plain && !places.length ? notHere(text) : "",
        };
      }
      const [name, year] = splitYear(text);
      const spelled = spellNumbers(words.join(" ")).split(" ");
      const wordings = spelled.join() === words.join() ? [words] : [words, spelled];
      const keys = [nameKey(text), nameKey(name)];
      /** @type {[number, number][]} */
      const ranked = [];
      titles.forEach((title, place) => {
        const key = year && String(year) === title.year ? keys[1] : keys[0];
        const ranks = wordings
          .map((wording) => rankOf(title, wording, key, words.join("")))
          .filter((rank) => rank >= 0);
        if (ranks.length) ranked.push([Math.min(...ranks), place]);
      });
      ranked.sort(([a, p], [b, q]) => a - b || p - q);
      const isClose = !ranked.length;
      const places = isClose ? misspelled(words) : ranked.map(([, place]) => place);
      return {
        places: places.slice(0, n),
        nFound: places.length,
        isClose: isClose && places.length > 0,
        message: places.length ? "" : notHere(text),
      };
    },
  };

  /** @param {string} query */
  function notHere(query) {
    return `“${query}” is not in these data${lastYear ? `, which end in ${lastYear}` : ""}.`;
  }
}
