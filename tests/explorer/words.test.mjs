import assert from "node:assert/strict";
import { test } from "node:test";
import { cost, duration, size, tokens } from "../../graph/graphiql/source/trace/words.js";

const table = (word, pairs) => {
  for (const [given, wanted] of pairs) assert.equal(word(given), wanted);
};

test("durations are read at a glance", () => {
  table(duration, [
    [0, "0 ms"], [0.04, "0.04 ms"], [2.757, "2.76 ms"], [906.4, "906 ms"], [999.7, "1 s"], [8150, "8.15 s"],
    [59_990, "1 min"], [125_000, "2 min 05 s"], [3_600_000, "1 h"], [7_260_000, "2 h 01 min"], [216_000_000, "2.5 d"],
  ]);
});

test("tokens have thousands", () => table(tokens, [[0, "0"], [3583, "3,583"], [12_345_678, "12.3 M"], [null, ""], [undefined, ""]]));

test("costs keep what matters of small amounts", () => {
  table(cost, [["0", "$0"], ["0.0000384", "$0.000038"], ["0.0571", "$0.057"], ["1.5", "$1.50"], ["1234.567", "$1,234.57"], [null, ""], ["", ""], ["x", ""]]);
});

test("sizes are in bytes, kB and MB", () => table(size, [[12, "12 bytes"], [65536, "65.5 kB"], [3_200_000, "3.2 MB"]]));
