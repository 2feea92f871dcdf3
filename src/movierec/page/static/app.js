// @ts-check
// The page: reads its data, and shows what the recommender recommends.

import { createRecommender } from "./recommender.js";

const data = JSON.parse(document.getElementById("data")?.textContent ?? "{}");
const recommender = createRecommender(data);
Object.assign(globalThis, { recommender });
for (const { place } of recommender.recommend(new Map(recommender.examples[0]?.ratings))) {
  const line = document.createElement("li");
  line.textContent = recommender.movies[place].title;
  document.getElementById("list")?.append(line);
}
