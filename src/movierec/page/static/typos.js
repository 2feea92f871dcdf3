// @ts-check
// Find movies by misspelled titles (serving/title_typos.py).
import { ROMAN, nameWords, typosBetween, withoutArticles } from "./titles.js";

const LETTERS_FOR_TYPOS = [5, 8, 14]; // from so many letters on: one, two and three typos
const MAX_TYPOS_IN_WORD = 2;
const MIN_LETTERS_ALONE = 8; // of the only word of a query, if it is one of several in the title

/**
 * @param {import("./match.js").KeyedName[]} names full names
 * @returns {(folded: string) => number[]} places, the nearest first, then the most rated
 */
export function createTypos(names) {
  /** @type {Map<string, {place: number, words: string[], joined: string, letters: number}>} */
  const spellings = new Map();
  /** @type {Map<string, Set<number>>} */
  const vocabulary = new Map();
  for (const { folded, spelled, place } of names) {
    const words = folded.split(" ");
    for (const own of [words, nameWords(words)]) {
      const joined = own.join("");
      const letters = lettersOf(joined);
      spellings.set(`${place} ${own.join(" ")}`, { place, words: own, joined, letters });
    }
    for (const word of [...words, ...spelled.split(" ")])
      vocabulary.set(word, (vocabulary.get(word) ?? new Set()).add(place));
  }
  const all = [...spellings.values()];

  return (folded) => {
    const words = folded.split(" ");
    let distances = byName(words);
    if (!distances.size) distances = byWords(withoutArticles(words));
    const sorted = [...distances].sort(([a, m], [b, n]) => m - n || a - b);
    return sorted.map(([place]) => place);
  };

  /** @param {string[]} folded */
  function byName(folded) {
    const distances = new Map();
    const bare = nameWords(folded);
    const [nLetters, numbers] = [bare.join("").length, digitsIn(folded)];
    const max = maxTypos(nLetters);
    const isArticle = bare.length > 1 && typosBetween(bare[0], "the", 1) === 1;
    for (const asked of isArticle ? [folded, bare, bare.slice(1)] : [folded, bare]) {
      const joined = asked.join("");
      const own = lettersOf(joined);
      for (const { place, words, joined: other, letters } of all) {
        if (nBits(own & ~letters) > max || nBits(letters & ~own) > max) continue; // quick to see
        const distance = typosBetween(joined, other, max);
        if (distance > max) continue;
        const nCommon = Math.min(nLetters, nameWords(words).join("").length);
        if (
          distance <= maxTypos(nCommon) &&
          digitsIn(words) === numbers && // "Toy Story 3" is not "Toy Story 2"
          areClose(asked, words, distance)
        )
          lower(distances, place, distance);
      }
    }
    return distances;
  }

  /** Movies with all these words but one, and nearly that one. @param {string[]} words */
  function byWords(words) {
    const byWord = words.map(nearWord);
    /** @type {[number, number][]} */
    const near = [];
    for (const place of byWord[0]?.keys() ?? []) {
      if (!byWord.every((distances) => distances.has(place))) continue;
      const typos = byWord.map((distances) => distances.get(place) ?? 0).filter(Boolean);
      if (typos.length === 1) near.push([place, typos[0]]);
    }
    const closest = Math.min(...near.map(([, distance]) => distance));
    const isAlone = words.length === 1 && (closest > 1 || words[0].length < MIN_LETTERS_ALONE);
    return new Map(isAlone ? [] : near.filter(([, distance]) => distance === closest));
  }

  /** The movies with nearly this word in a name, and how many typos it then has.
   *  @param {string} word */
  function nearWord(word) {
    /** @type {Map<number, number>} */
    const distances = new Map();
    vocabulary.get(word)?.forEach((place) => distances.set(place, 0));
    const max = Math.min(MAX_TYPOS_IN_WORD, maxTypos(word.length));
    if (!max || !/^\p{L}+$/u.test(word)) return distances;
    for (const [other, places] of vocabulary) {
      if (other[0] !== word[0]) continue;
      const distance = typosBetween(word, other, max);
      if (distance > Math.min(max, maxTypos(other.length))) continue;
      for (const place of places) lower(distances, place, distance);
    }
    return distances;
  }
}

/** @param {Map<number, number>} distances @param {number} place @param {number} distance */
function lower(distances, place, distance) {
  distances.set(place, Math.min(distance, distances.get(place) ?? distance));
}

/** Which letters a word has, as bits; a typo changes one that it had, and one that it has.
 *  @param {string} word */
function lettersOf(word) {
  let bits = 0;
  for (let at = 0; at < word.length; at++) bits |= 1 << word.charCodeAt(at) % 32;
  return bits;
}

/** @param {number} bits */
function nBits(bits) {
  let n = 0;
  for (; bits; bits &= bits - 1) n++;
  return n;
}

/** @param {number} nLetters */
function maxTypos(nLetters) {
  return LETTERS_FOR_TYPOS.filter((least) => nLetters >= least).length;
}

/** The numbers in a name as digits, but for 1, which a first part may lack.
 *  @param {string[]} words */
function digitsIn(words) {
  const numbers = words.map((word) => ROMAN[word] ?? word);
  return numbers
    .filter((number) => /^\p{Nd}+$/u.test(number) && number !== "1")
    .sort()
    .join(" ");
}

/** Whether no word has too many typos; if a word is missing or added, one is allowed in all.
 *  @param {string[]} asked @param {string[]} name @param {number} distance */
function areClose(asked, name, distance) {
  if (asked.length !== name.length) return distance <= 1;
  return asked.every((word, at) => {
    const shortest = Math.min(word.length, name[at].length);
    const max = Math.min(MAX_TYPOS_IN_WORD, 1 + maxTypos(shortest));
    return typosBetween(word, name[at], max) <= max;
  });
}
