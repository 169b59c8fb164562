// The page of one item.
import { boot } from "./boot.js";
import { h, part, put } from "./dom.js";
import { drawStory } from "./story.js";

const body = h("div", { class: "stack" });
put(part("story"), h("h1", {}, `Item ${boot.item.item.position + 1}`), body);
drawStory(body, boot.item);
