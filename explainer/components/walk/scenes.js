// The moments of the forward pass as scenes: where every tensor of this picture stands, and what joins it to others.

import { percentText } from "../drawing/numbers.js";
import { answers, spectrum } from "./classes.js";
import { lamps } from "./lamps.js";
import { arrowSprite, beamsSprite, symbolSprite, wordsSprite } from "./sprites.js";
import { Stage } from "./stage.js";

/** A function that is known by a name: looks that have the same are not cross-faded. */
const named = (name, act) => Object.defineProperty(act, "name", { value: name });

// The two parts of the first sequence of tokens.
const CLASS = { id: "class", hasClass: false, words: false, over: 1 };
const PATCHES = { id: "tokens", hasClass: false, words: false };

const SCENES = {
  picture: (stage) => {
    const box = stage.square("opening");
    return [stage.picture(box, { look: "plain" }), ...stage.patches(box, 0)];
  },
  patches: (stage) => [stage.picture(), ...stage.patches(stage.square("spread"), 0.22)],
  rows: (stage) => [
    stage.picture(),
    ...stage.pixelRows(stage.box("rows")),
    symbolSprite("rows-symbol", "xₚ", ...stage.above("rows"), "image"),
    wordsSprite("rows-shape", stage.step.shape, ...stage.below("rows"), { size: 12 }),
  ],
  projection: (stage) => {
    const rows = stage.box(stage.isNarrow ? "second" : "before");
    const matrix = stage.box("matrix");
    return [
      stage.picture(),
      ...stage.pixelRows(rows),
      symbolSprite("rows-symbol", "xₚ", rows.x + rows.w / 2, rows.y - 15, "image"),
      stage.matrix("0.projection", matrix, { hasClass: false }),
      stage.matrix("0.patch_embeddings", "third", { id: "tokens", hasClass: false }),
      ...(stage.isNarrow ? [] : [stage.sign("times", "·", rows, matrix)]),
      ...(stage.isNarrow ? [] : [stage.sign("is", "=", matrix, stage.box("third"))]),
    ];
  },
  class_token: (stage) => {
    const box = stage.box("before");
    const [own, rest] = stage.classAndPatches(box);
    const beside = { size: 17, align: stage.isNarrow ? "right" : "left" };
    const target = stage.isNarrow ? [box.x - 12, box.y + 6] : [box.x + box.w + 14, box.y + 4];
    return [
      stage.picture(),
      stage.matrix("0.patch_embeddings", rest, PATCHES),
      stage.matrix("0.class_token", own, { ...CLASS, from: { ...own, y: own.y - 26 } }),
      symbolSprite("class-symbol", "x_{class}", target[0], target[1], "class_token", beside),
      symbolSprite("tokens-symbol", "xₚE", target[0], box.y + box.h / 2, "E", beside),
      wordsSprite("rows-shape", stage.step.shape, ...stage.below("before"), { size: 12 }),
    ];
  },
  positions: (stage) => {
    const box = stage.box("before");
    const [own, rest] = stage.classAndPatches(box);
    return [
      stage.picture(),
      stage.matrix("0.patch_embeddings", rest, PATCHES),
      stage.matrix("0.class_token", own, CLASS),
      symbolSprite("sequence", "[x_{class}; xₚE]", ...stage.above("before"), "E", { size: 17 }),
      wordsSprite("rows-shape", stage.step.shape, ...stage.below("before"), { size: 12 }),
      stage.matrix("0.position_embedding", "second"),
      stage.matrix("0.output", "third", { id: "stream 0", token: stage.token, from: box }),
      ...stage.sum("+"),
    ];
  },
  norm: (stage) => stage.normed("input", "attention_input"),
  qkv: (stage) => [
    stage.picture(),
    stage.stream("input", "before"),
    ...["query", "key", "value"].map((name) =>
      stage.matrix(name, name, { token: stage.token, from: stage.box("second") }),
    ),
    stage.headName("value"),
    stage.arrow("LN, U_{qkv}", "before", "query"),
  ],
  scores: (stage) => {
    const [query, key] = [stage.box("query"), stage.box("key")];
    const from = [query.x + query.w + 3, stage.rowMiddle(query, stage.token)];
    const lit = (row) => (row === stage.token ? 1 : 0.22);
    const scores = stage.column("scores");
    const [low, high] = [Math.min(...scores), Math.max(...scores)];
    return [
      stage.picture(),
      stage.stream("input", "before"),
      stage.matrix("query", "query", { token: stage.token, lit: named("one", lit) }),
      stage.matrix("key", "key"),
      beamsSprite("compared", stage.strongest(scores.map((value) => (value - low) / (high - low || 1)), (row) => ({
        from, to: [key.x - 3, stage.rowMiddle(key, row)],
      })), "q"),
      stage.heads("scores", "scores", { from: key }),
      stage.arrow("÷ √D_{h}", "key", "scores", "A"),
    ];
  },
  weights: (stage) => {
    const weights = stage.column("weights");
    const most = Math.max(...weights.slice(1));
    const [picture, before] = [stage.square("picture"), stage.box("before")];
    const to = [before.x - (stage.isNarrow ? 4 : 6), stage.rowMiddle(before, stage.token)];
    const own = `${stage.isNarrow ? "" : `head ${stage.head} · `}class token ${percentText(weights[0], 1)}`;
    const beams = stage.strongest(weights.map((value, row) => (row ? value / most : 0)), (row) => ({
      from: stage.patchMiddle(picture, row), to,
    }));
    return [
      stage.picture(picture, { lit: stage.head }),
      stage.stream("input", "before"),
      beamsSprite("light", beams, "A", true),
      wordsSprite("own", own, picture.x + picture.w / 2, picture.y + picture.h + 16, { size: 12.5 }),
      stage.heads("weights", "shares", {}),
      ...lamps(stage, stage.box("heads")),
    ];
  },
  mix: (stage) => {
    const weights = stage.column("weights");
    const most = Math.max(...weights);
    const [shares, values, outputs] = [stage.box("shares"), stage.box("values"), stage.box("outputs")];
    const row = outputs.h / stage.panel.num_heads;
    const to = [outputs.x - 5, outputs.y + (stage.head - 0.5) * row];
    const middle = outputs.x + outputs.w / 2;
    return [
      stage.picture(stage.square("picture"), { lit: stage.head }),
      stage.stream("input", "before"),
      stage.heads("weights", "shares", {}),
      stage.matrix("value", "values", { lit: named("taken", (token) => 0.12 + (0.88 * weights[token]) / most) }),
      stage.sign("of", "·", shares, values),
      beamsSprite("taken", stage.strongest(weights.map((value) => value / most), (token) => ({
        from: [values.x + values.w + 3, stage.rowMiddle(values, token)], to,
      })), "A"),
      ...stage.outputRows((head) => ({ ...outputs, y: outputs.y + head * row + row * 0.2, h: row * 0.6 }), values),
      symbolSprite("outputs-symbol", "SA(z)", middle, outputs.y - 15, "v"),
      wordsSprite("outputs-shape", "a row for each head", middle, outputs.y + outputs.h + 12, { size: 12 }),
    ];
  },
  join: (stage) => {
    const [joined, update] = [stage.box("joined"), stage.box("update")];
    const each = joined.w / stage.panel.num_heads;
    const middle = joined.x + joined.w / 2;
    const symbol = `[SA_{1}(z); …; SA_{${stage.panel.num_heads}}(z)]`;
    return [
      stage.picture(),
      stage.stream("input", "before"),
      ...stage.outputRows((head) => ({ x: joined.x + head * each + 1, y: joined.y, w: each - 2, h: joined.h }), null),
      symbolSprite("outputs-symbol", symbol, middle, joined.y - 15, "v", { size: 17 }),
      arrowSprite("arrow", "U_{msa}", [middle, joined.y + joined.h + 6], [middle, update.y - 30]),
      stage.matrix("attention_output", update, { ...stage.update(2 * stage.layer - 1), from: joined }),
    ];
  },
  attention_sum: (stage) => stage.added("input", "attention_output", "after_attention", 2 * stage.layer - 1),
  mlp_norm: (stage) => stage.normed("after_attention", "mlp_input"),
  expand: (stage) => [
    stage.picture(),
    stage.stream("after_attention", "before"),
    stage.matrix("hidden", "wide", { id: "hidden", token: stage.token, from: stage.box("second") }),
    stage.arrow("W_{1}", "before", "wide", "mlp"),
  ],
  gelu: (stage) => [
    stage.picture(),
    stage.stream("after_attention", "before"),
    stage.matrix("activated", "wide", { id: "hidden", token: stage.token }),
    stage.arrow("GELU", "before", "wide", "mlp"),
  ],
  contract: (stage) => [
    stage.picture(),
    stage.stream("after_attention", "before"),
    stage.matrix("mlp_output", "second", { ...stage.update(2 * stage.layer), from: stage.box("wide") }),
    stage.arrow("W_{2}", "before", "second", "mlp"),
  ],
  mlp_sum: (stage) => stage.added("skip", "mlp_output", "output", 2 * stage.layer),
  representation: (stage) => {
    const [state, y] = [stage.box("state"), stage.box("y")];
    return [
      stage.picture(),
      stage.matrix("state", state, { id: "state", hasClass: false, from: stage.box("third") }),
      stage.matrix("representation", y, { id: "y", hasClass: false, from: state }),
      arrowSprite("arrow", "LN", [state.x + state.w / 2, state.y + state.h + 26], [state.x + state.w / 2, y.y - 34]),
    ];
  },
  logits: (stage) => [
    stage.picture(),
    stage.matrix("representation", "top", { id: "y", hasClass: false }),
    spectrum(stage, "logits"),
  ],
  softmax: (stage) => [
    stage.picture(),
    stage.matrix("representation", "top", { id: "y", hasClass: false }),
    spectrum(stage, "probabilities"),
  ],
  prediction: (stage) => [stage.picture(stage.square("answer")), answers(stage)],
};

/** The sprites of a step. */
export const sceneOf = (panel, at, step) => SCENES[step.name](new Stage(panel, at, step));
