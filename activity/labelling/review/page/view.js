"use strict";
// Shows the clips, and what is known of the one that is open.

const index = JSON.parse(document.getElementById("index").textContent);
const part = (id) => document.getElementById(id);
const timeline = new Timeline(part("timeline"), part("overview"));
const player = new Player(part("video"), () => clip && redraw(), showProblem);
const typed = new Set(); // labels that the person has added
const UNKNOWN_COLOUR = "#8a8a8a";
let clip = null; // the one that is open; see readClip
let opening = -1;

// A name for people: what would break a line, or turn it round, is spelled out.
function shown(name) {
  const plain = name.replace(/[^\P{C}\u200c\u200d]/gu, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
  return plain.length > 120 ? `${plain.slice(0, 119)}…` : plain;
}

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function say(text) {
  part("status").textContent = text;
}

// --- Clips

async function openClip(number) {
  const entry = index.clips[number];
  if (!entry) return say("There is no other clip.");
  if (entry === clip?.entry && number === opening) return;
  opening = number;
  try {
    const read = await readClip(entry);
    if (opening !== number) return;
    clip = read;
  } catch {
    return say(`${shown(entry.name)} cannot be opened: its data are missing or damaged.`);
  }
  part("title").textContent = shown(entry.name);
  part("problem").hidden = true;
  part("timeline").ariaValueMax = clip.end.toFixed(3);
  timeline.show(clip);
  showLabels();
  player.load(clip.source, clip.times, clip.end);
  if (!clip.source) showProblem();
  refresh();
  say(`${clip.list.length} segments, ${entry.doubtful} of them doubtful. N goes to the next of those, ? lists all keys.`);
  for (const item of part("clips").children) item.firstChild.ariaCurrent = item === itemOf(entry);
  itemOf(entry).scrollIntoView({ block: "nearest" });
}

function showProblem() {
  part("problem").textContent = "This browser cannot play the clip, or it is no longer where it was. Labels can still be corrected.";
  part("problem").hidden = false;
}

function itemOf(entry) {
  return part("clips").children[index.clips.indexOf(entry)];
}

function showProgress(entry) {
  const { rows = [], visited = [] } = recall(entry.id) ?? {};
  const state = rows.length ? `✓ ${rows.length}` : visited.length ? "looked at" : "";
  itemOf(entry).querySelector(".marked").textContent = state;
}

function showClips() {
  const items = index.clips.map((entry, number) => {
    const doubt = make("span", { className: "small" }, `doubt ${Math.round(entry.doubt * 100)} %`);
    doubt.classList.toggle("doubtful", entry.doubt >= index.doubtful);
    const button = make(
      "button",
      { onclick: () => openClip(number), title: shown(entry.name) },
      make("span", { className: "name" }, shown(entry.name)), doubt,
      make("span", { className: "small name" }, `${shown(entry.label)}, ${clock(entry.seconds, 0)}`),
      make("span", { className: "small marked" }),
    );
    return make("li", {}, button);
  });
  part("clips").replaceChildren(...items);
  index.clips.forEach(showProgress);
}

// --- Labels and segments

function allLabels() {
  const known = [...clip.labels, ...typed].filter((label) => label !== index.unknown);
  return [...new Set(known)];
}

function signOf({ mark, doubt, start }) {
  if (mark) return mark === "confirmed" ? "✓" : "✎";
  return doubt >= index.doubtful ? "?" : clip.visited.has(start) ? "·" : "";
}

// Number keys: of more than nine labels, those have them that are the most probable in this clip.
function numbered() {
  const all = allLabels();
  if (all.length <= 9) return all;
  const most = clip.curves.labels.map((n) => clip.labels[n]).filter((l) => l !== index.unknown);
  return all.filter((label) => most.slice(0, 9).includes(label));
}

function showLabels() {
  clip.colours = new Map(allLabels().map((label, number) => [label, colourOf(number)]));
  const first = numbered();
  const rest = allLabels().filter((label) => !first.includes(label));
  clip.bars = [...first, index.unknown, ...rest].map((label, place) => {
    const key = place < first.length ? place + 1 : place === first.length ? 0 : "";
    const fill = make("span", {});
    fill.style.background = clip.colours.get(label) ?? UNKNOWN_COLOUR;
    const share = make("span", { className: "small share" });
    const button = make(
      "button",
      { onclick: () => giveLabel(label), title: shown(label) },
      make("kbd", { className: key === "" ? "none" : "" }, `${key}`), make("span", { className: "name" }, shown(label)),
      share, make("span", { className: "bar" }, fill),
    );
    const curve = clip.curves.labels.findIndex((n) => clip.labels[n] === label);
    return { label, button, share, fill, curve };
  });
  part("labels").replaceChildren(...clip.bars.map(({ button }) => make("li", {}, button)));
  part("known").replaceChildren(...clip.bars.map(({ label }) => make("option", { value: label })));
}

function showSegments(place) {
  const from = Math.max(0, place - 100); // a clip of hours may have thousands
  const items = clip.list.slice(from, place + 100).map((segment) => {
    const doubt = segment.mark ? "" : `${Math.round(segment.doubt * 100)} %`;
    const button = make(
      "button",
      { onclick: () => player.go(segment.start), title: shown(segment.label) },
      make("span", { className: segment.mark ? "marked" : signOf(segment) === "?" ? "doubtful" : "small" }, signOf(segment)),
      clock(player.timeOf(segment.start), 1), make("span", { className: "name" }, shown(segment.label)),
      make("span", { className: "small" }, doubt),
    );
    return make("li", {}, button);
  });
  part("segments").replaceChildren(...items);
  clip.firstListed = from;
}

function refresh() {
  timeline.stale = true;
  clip.place = -1;
  redraw();
}

function redraw() {
  clip.drawn ??= requestAnimationFrame(() => ((clip.drawn = null), draw()));
}

function draw() {
  const place = placeOf(clip.list, player.frame);
  const { start, label } = clip.list[place];
  if (place !== clip.place) {
    if (!clip.visited.has(start)) {
      clip.visited.add(start);
      keep();
    }
    showSegments(place);
    const item = part("segments").children[place - clip.firstListed];
    item.firstChild.ariaCurrent = true;
    item.scrollIntoView({ block: "nearest" });
    for (const bar of clip.bars) bar.button.ariaPressed = bar.label === label;
    clip.place = place;
  }
  const column = Math.floor(player.frame / clip.curves.framesPerColumn);
  const columns = clip.curves.mean.length / clip.curves.labels.length;
  for (const { curve, share, fill } of clip.bars.filter((bar) => bar.curve >= 0)) {
    const percent = clip.curves.mean[curve * columns + column] / 2.55;
    share.textContent = `${Math.round(percent)} %`;
    fill.style.width = `${percent}%`;
  }
  const at = player.timeOf(player.frame);
  const rate = player.backwards ? -player.backwards : player.video.playbackRate;
  const looped = player.loop ? ", repeated" : "";
  part("clock").textContent = `${clock(at, 3)} of ${clock(clip.end, 1)}, frame ${player.frame}, ${rate}×${looped}`;
  part("timeline").ariaValueNow = at.toFixed(3);
  part("timeline").ariaValueText = `${clock(at, 3)}, ${shown(label)}`;
  timeline.draw(player.frame);
}
