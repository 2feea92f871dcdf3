// @ts-check
// Find movies by their titles or parts of them, ignoring case, accents and articles
// (serving/title_search.py).
import { createMatcher, isFull, keyedNames } from "./match.js";
import {
  MAX_LETTERS,
  fold,
  joinWords,
  spellNumbers,
  spelledKey,
  splitTitle,
  splitYear,
  withoutArticles,
} from "./titles.js";

const N_CLOSE = 3;
const MIN_PART = 3; // letters of a part within words
const WITHIN_WORD = /(?<=[\p{L}\p{N}])[^\p{L}\p{N}\s](?=[\p{L}\p{N}])/gu; // "Spider-Man", "Face/Off"
const IS_YEAR = /^ [0-9]{4} ?$/;

// What a query is of a movie, the best first: its title, also but for articles; words of it,
// beginnings of such words, its year.
const [TITLE, TITLE_BUT_ARTICLES, WORDS, BEGINNINGS, YEAR] = [0, 1, 2, 3, 4];

/** words: the folded words of a title, each between spaces. names: its names. keys: of each full
 *  name, the same for the same name in any spelling, and but for articles.
 *  @typedef {{words: string, names: KeyedName[], keys: [string, string][]}} Title */
/** @typedef {import("./match.js").KeyedName} KeyedName */

/** @param {import("./movies.js").Movie[]} movies the most rated first */
export function createSearch(movies) {
  /** @type {Title[]} */
  const titles = [];
  /** @type {ReturnType<typeof createMatcher> | undefined} */
  let matcher;
  const years = movies.map(({ title }) => splitTitle(title)[1]);
  const known = years.flatMap((year) => year ?? []);
  const [firstYear, lastYear] = [Math.min(...known), Math.max(...known)];

  /** Read up to n titles more, because a page should open fast; whether some are left.
   *  @param {number} n */
  function prepare(n) {
    for (const { title } of movies.slice(titles.length, titles.length + n))
      titles.push(titleOf(title, titles.length));
    return titles.length < movies.length;
  }

  /** Places of the movies whose titles and years have all words of the query, or words that begin
   *  so: the best rank first. If there are none, those with this title in another spelling.
   *  @param {string} query */
  function containing(query) {
    /** @type {Map<number, number>} */
    const ranks = new Map();
    if (!fold(query)) {
      const text = query.toLowerCase(); // such as "$"
      movies.forEach(({ title }, place) => {
        if (title.toLowerCase().includes(text)) ranks.set(place, WORDS);
      });
    }
    for (const words of wordingsOf(query)) {
      const complete = words.map((word) => `${word.trimEnd()} `);
      titles.forEach((title, place) => {
        if (!hasAll(words, place)) return;
        const isYear = !words.some((word) => title.words.includes(word));
        const rank = Math.min(isYear ? YEAR : BEGINNINGS, ranks.get(place) ?? YEAR);
        ranks.set(place, rank !== YEAR && hasAll(complete, place) ? WORDS : rank);
      });
    }
    const [name, year] = splitYear(query);
    const [asked, undated] = [keysOf(spell(query), query), keysOf(spell(name), name)];
    for (const [place, rank] of ranks) {
      if (rank === BEGINNINGS) continue;
      const wanted = years[place] === year ? [asked, undated] : [asked];
      const found = titles[place].keys.flatMap(([same, butArticles]) =>
        wanted.flatMap((keys) =>
          same === keys[0] ? TITLE : butArticles === keys[1] ? TITLE_BUT_ARTICLES : [],
        ),
      );
      if (found.length) ranks.set(place, Math.min(...found));
    }
    if (!ranks.size) return titlesOf().match([query]).places;
    return [...ranks].sort(([a, m], [b, n]) => m - n || a - b).map(([place]) => place);
  }

  /** Whether a title or its year has all these words. @param {string[]} words @param {number} place */
  function hasAll(words, place) {
    return words.every(
      (word) =>
        titles[place].words.includes(word) ||
        (IS_YEAR.test(word) && years[place] === Number(word)),
    );
  }

  /** Places of the few movies that may be meant by a query that matches nothing.
   *  @param {string} query */
  function close(query) {
    const [name, year] = splitYear(query);
    const same = titlesOf().sameTitle(name);
    if (same.length && (year === null || year <= lastYear)) return same.slice(0, N_CLOSE);
    const near = same.length ? same : titlesOf().nearly(fold(name));
    const isNear = (/** @type {number} */ place) =>
      year === null || Math.abs((years[place] ?? year) - year) <= 1;
    return near.filter(isNear).slice(0, N_CLOSE);
  }

  /** Places of the movies with the query within words. @param {string} query */
  function within(query) {
    const part = fold(query).replaceAll(" ", "");
    if (part.length < MIN_PART) return [];
    const has = (/** @type {Title} */ { keys }) => keys.some(([key]) => key.includes(part));
    return titles.flatMap((title, place) => (has(title) ? place : []));
  }

  function titlesOf() {
    return (matcher ??= createMatcher(
      movies,
      titles.flatMap(({ names }) => names),
    ));
  }

  /** @param {string} query */
  function notHere(query) {
    const [, year] = splitYear(query);
    const ends =
      year && year < firstYear ? `, which begin in ${firstYear}` : `, which end in ${lastYear}`;
    return `“${query}” is not in these data${known.length ? ends : ""}.`;
  }

  return {
    prepare,
    /**
     * The best places, whether they are only nearly what was asked, and what to say if there are
     * none.
     * @param {string} text @param {number} [n]
     */
    find(text, n = 8) {
      prepare(movies.length);
      const query = text.trim().slice(0, MAX_LETTERS);
      let places = query ? containing(query) : [];
      const isFound = places.length > 0;
      if (query && !isFound) places = close(query);
      const isClose = !isFound && places.length > 0;
      if (!places.length) places = within(query);
      return {
        places: places.slice(0, n),
        nFound: places.length,
        isClose,
        message: query && !places.length ? notHere(query) : "",
      };
    },
  };
}

/** @param {string} title @param {number} place @returns {Title} */
function titleOf(title, place) {
  const name = splitTitle(title)[0];
  let line = fold(name);
  if (name.search(WITHIN_WORD) >= 0)
    for (const between of [" ", ""]) line += ` ${fold(name.replace(WITHIN_WORD, between))}`;
  const spelled = spellNumbers(line);
  const names = keyedNames(title, place);
  const keys = names.filter(isFull).map((own) => keysOf(own.spelled, name));
  if (!keys.length) keys.push([name, name]); // such as "$"
  return { words: line === spelled ? ` ${line} ` : ` ${line} ${spelled} `, names, keys };
}

/** @param {string} text */
function spell(text) {
  return spellNumbers(fold(text));
}

/** @param {string} spelled @param {string} name for one without words
 *  @returns {[string, string]} */
function keysOf(spelled, name) {
  return [joinWords(spelled) || name.trim(), spelledKey(spelled) || name.trim()];
}

/** The words of a query without articles, each after a space: as they are, and spelled. One that
 *  must be complete has a space on both sides: a spelled number, because "ten" does not begin "101",
 *  and the "L" of "L'Enfer".
 *  @param {string} query */
function wordingsOf(query) {
  /** @type {Map<string, string[]>} */
  const wordings = new Map();
  for (const text of [query, query.replace(/['’]/g, " "), query.replace(WITHIN_WORD, "")]) {
    const folded = fold(text);
    for (const line of [folded, spellNumbers(folded)]) {
      const words = withoutArticles(line.split(" ")).filter(Boolean);
      const wording = words.map((word) => {
        const isSpelled = line !== folded && /^\p{Nd}+$/u.test(word);
        return isSpelled || (text !== query && word.length < 3) ? ` ${word} ` : ` ${word}`;
      });
      if (wording.length) wordings.set(wording.join("|"), wording);
    }
  }
  return wordings.values();
}
