// @ts-check
// The page: reads its data, and shows what the recommender recommends.

import { unpack } from "./packing.js";
import { createRecommender } from "./recommender.js";

const text = document.getElementById("data")?.textContent ?? "";
const recommender = createRecommender(await unpack(text));
Object.assign(globalThis, { recommender });
for (const { place } of recommender.recommend(new Map(recommender.examples[0]?.ratings))) {
  const line = document.createElement("li");
  line.textContent = recommender.movies[place].title;
  document.getElementById("list")?.append(line);
}
