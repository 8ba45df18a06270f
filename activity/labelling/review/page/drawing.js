"use strict";
// Draws regions on the clip, by mouse and by keys, for predict_video.py --region. Places are
// [left, top, width, height] in ten-thousandths of the frame, so that a flag says exactly what is drawn.

const FULL = 10000;
const NUDGE = 25; // of an arrow key
const HOLD = 8; // pixels from a corner at which the mouse takes hold of it
const JITTER = 4; // pixels that a click may move the mouse
const LEAST = 20; // pixels of a side: smaller regions show a network nothing
const DIRECTIONS = { ArrowLeft: [-NUDGE, 0], ArrowRight: [NUDGE, 0], ArrowUp: [0, -NUDGE], ArrowDown: [0, NUDGE] };

let drawing = false;
let drawn = []; // {name, place, item, input}
let chosen = null; // one of them
let held = null; // what the mouse has hold of: a corner, or all of a region

const between = (low, value, high) => Math.round(Math.max(low, Math.min(value, high)));
const inShares = ({ name, place }) => ({ name, place: place.map((number) => number / FULL) });

function leastSides() {
  const { videoWidth, videoHeight } = player.video;
  return [videoWidth, videoHeight].map((side) => Math.min(FULL, Math.ceil((LEAST / side) * FULL)));
}

// --- Places

const movedTo = ([, , width, height], left, top) => [
  ...[between(0, left, FULL - width), between(0, top, FULL - height)],
  ...[width, height],
];

function sizedBy([left, top, width, height], right, down) {
  const [wide, high] = leastSides();
  return [left, top, between(wide, width + right, FULL - left), between(high, height + down, FULL - top)];
}

// The rectangle with these two corners.
function cornered([x, y], [otherX, otherY]) {
  const [wide, high] = leastSides();
  const width = between(wide, Math.abs(x - otherX), FULL);
  const height = between(high, Math.abs(y - otherY), FULL);
  return movedTo([0, 0, width, height], Math.min(x, otherX), Math.min(y, otherY));
}

// --- The regions that are drawn

// Letters, digits and what no shell takes for anything else within quotes: flags are pasted into one, and
// the regions that a page begins with are named by others.
function nameFrom(text) {
  const plain = text.normalize().replace(/[^\p{L}\p{M}\p{N}. _-]/gu, "").replace(/^[. -]+/, "");
  return [...plain].slice(0, 50).join("").trim();
}

function flagOf({ name, place }) {
  const numbers = place.map((number) => (number / FULL).toFixed(4)).join(",");
  return name.includes(" ") ? `--region "${name}=${numbers}"` : `--region ${name}=${numbers}`;
}

const namesake = (region) => drawn.find((other) => other !== region && other.name.toLowerCase() === region.name.toLowerCase());

function freeName() {
  let number = drawn.length + 1;
  while (namesake({ name: `region${number}` })) number += 1;
  return `region${number}`;
}

function addRegion(name, place) {
  const input = make("input", { value: name, maxLength: 50, ariaLabel: "Name of the region", autocomplete: "off" });
  const remove = make("button", { title: "Remove this region (Del)", onclick: () => removeRegion(region) }, "Remove");
  const region = { name, place, input, item: make("li", {}, input, remove) };
  input.oninput = () => {
    region.name = nameFrom(input.value) || name;
    showDrawn();
  };
  input.onchange = () => (input.value = region.name);
  input.onfocus = () => choose(region);
  drawn.push(region);
  part("drawn").append(region.item);
  choose(region);
}

function removeRegion(region) {
  if (!region) return say("No region is chosen.");
  drawn = drawn.filter((other) => other !== region);
  region.item.remove();
  choose(drawn.at(-1) ?? null);
  say(`${shown(region.name)} was removed.`);
}

function choose(region) {
  chosen = region;
  showDrawn();
  region?.item.scrollIntoView({ block: "nearest" });
}

function showDrawn() {
  for (const region of drawn) {
    region.item.className = region === chosen ? "chosen" : "";
    region.input.ariaInvalid = Boolean(namesake(region));
  }
  part("flags").textContent = drawn.map(flagOf).join(" ");
  part("copy-flags").disabled = !drawn.length;
  showRegions();
}

async function copyFlags() {
  const twice = drawn.findLast(namesake);
  if (twice) {
    twice.input.focus();
    return say(`Two regions are called ${shown(twice.name)}: give each its own name.`);
  }
  try {
    await navigator.clipboard.writeText(part("flags").textContent);
    say("Copied: add it to the command line of predict_video.py.");
  } catch {
    getSelection().selectAllChildren(part("flags"));
    say("This browser does not copy by itself: press Ctrl+C.");
  }
}

// --- Beginning and ending

// Begins with the regions that the clip has: a run wants the flags of all. Again: one in the middle.
function drawRegions() {
  if (!player.video.videoWidth) return say("Regions cannot be drawn: this browser does not show the clip.");
  if (drawing) return addRegion(freeName(), [FULL / 4, FULL / 4, FULL / 2, FULL / 2]);
  setDrawing(true);
  const known = drawn.length ? [] : regionsOf(clip.entry).filter(({ region }) => region);
  for (const { region } of known) {
    const [left, top, width, height] = region.place.map((share) => share * FULL);
    addRegion(nameFrom(region.name) || freeName(), cornered([left, top], [left + width, top + height]));
  }
  choose(drawn[known.indexOf(clip.entry)] ?? chosen);
  say("Drag on the clip to draw a region, or press D again.");
}

function setDrawing(on) {
  [drawing, held] = [on, null];
  part("stage").classList.toggle("drawing", on);
  part("drawing").hidden = !on;
  showDrawn();
  part(on ? "stage" : "timeline").focus();
  say("");
}

// --- Keys and mouse

// Whether the key is one of drawing, and done.
function drawByKey(name) {
  const direction = DIRECTIONS[name.replace("Shift+", "")];
  if (name === "Escape") setDrawing(false);
  else if (name === "Delete" || name === "Backspace") removeRegion(chosen);
  else if (name === "Enter") chosen?.input.select();
  else if (direction && chosen) {
    const [left, top] = chosen.place;
    const [x, y] = direction;
    chosen.place = name.startsWith("Shift+") ? sizedBy(chosen.place, x, y) : movedTo(chosen.place, left + x, top + y);
    showDrawn();
    say(flagOf(chosen));
  } else return Boolean(direction);
  return true;
}

function pointOf({ clientX, clientY }) {
  const { left, top, width, height } = part("stage").getBoundingClientRect();
  return [between(0, ((clientX - left) / width) * FULL, FULL), between(0, ((clientY - top) / height) * FULL, FULL)];
}

const holds = ([left, top, width, height], [x, y]) => left <= x && x <= left + width && top <= y && y <= top + height;

// The corner across from the one of the chosen region that is near a point.
function acrossFrom([x, y]) {
  if (!chosen) return null;
  const [left, top, width, height] = chosen.place;
  const { clientWidth, clientHeight } = part("stage");
  const near = (a, b, pixels) => (Math.abs(a - b) / FULL) * pixels <= HOLD;
  for (const [cornerX, otherX] of [[left, left + width], [left + width, left]]) {
    for (const [cornerY, otherY] of [[top, top + height], [top + height, top]]) {
      if (near(x, cornerX, clientWidth) && near(y, cornerY, clientHeight)) return [otherX, otherY];
    }
  }
  return null;
}

// Of regions within one another, the smallest.
function regionAt(point) {
  const area = ({ place: [, , width, height] }) => width * height;
  return drawn.filter(({ place }) => holds(place, point)).sort((a, b) => area(a) - area(b))[0] ?? null;
}

// What a drag from a point does: {across} draws from that corner, {region, grip} moves by that point.
function holdOf(point, isNew) {
  if (isNew) return { across: point, isNew };
  const across = acrossFrom(point);
  if (across) return { across };
  const region = chosen && holds(chosen.place, point) ? chosen : regionAt(point);
  if (!region) return { across: point, isNew: true };
  return { region, grip: [point[0] - region.place[0], point[1] - region.place[1]] };
}

function dragTo([x, y]) {
  const { across, region, grip, isNew } = held;
  if (isNew) addRegion(freeName(), cornered(across, [x, y]));
  if (region) choose(region);
  held.isNew = false;
  chosen.place = across ? cornered(across, [x, y]) : movedTo(chosen.place, x - grip[0], y - grip[1]);
  showDrawn();
}

const onStage = (kind, act) => part("stage").addEventListener(kind, (event) => drawing && act(event, pointOf(event)));
onStage("pointerdown", (event, point) => {
  event.preventDefault();
  part("stage").focus();
  part("stage").setPointerCapture(event.pointerId);
  held = { ...holdOf(point, event.shiftKey), from: [event.clientX, event.clientY], dragged: false };
});
onStage("pointermove", (event, point) => {
  const { grip, isNew } = held ?? holdOf(point, event.shiftKey);
  part("stage").style.cursor = grip ? "move" : isNew ? "crosshair" : "pointer";
  if (!held) return;
  held.dragged ||= Math.hypot(event.clientX - held.from[0], event.clientY - held.from[1]) > JITTER;
  if (held.dragged) dragTo(point);
});
onStage("pointerup", (_, point) => {
  if (held && !held.dragged) choose(regionAt(point));
  held = null;
});
onStage("pointercancel", () => (held = null));

part("copy-flags").onclick = copyFlags;
part("end-drawing").onclick = () => setDrawing(false);
