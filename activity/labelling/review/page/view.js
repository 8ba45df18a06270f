"use strict";
// Shows the clips, and what is known of the one that is open.

const index = JSON.parse(document.getElementById("index").textContent);
for (const entry of index.clips) {
  entry.digest = entry.id;
  // What is kept of a region is its own, and not that of another rectangle of its name.
  if (entry.region) entry.id += `:${entry.region.name}:${entry.region.place}`;
}
const part = (id) => document.getElementById(id);
const timeline = new Timeline(part("timeline"), part("overview"));
const player = new Player(part("video"), () => clip && redraw(), showProblem);
const typed = new Set(); // labels that the person has added
const UNKNOWN_COLOUR = "#8a8a8a";
let clip = null; // the one that is open; see readClip
let opening = -1;

// What would break a line, or turn it round; but not what joins letters and emoji.
const UNPRINTABLE = /[^\P{C}\u200c\u200d]/gu;

// A name for people: what is not printable is spelled out.
function shown(name) {
  const plain = name.replace(UNPRINTABLE, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
  return plain.length > 120 ? `${plain.slice(0, 119)}…` : plain;
}

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const span = (className, ...children) => make("span", { className }, ...children);
const row = (onclick, name, ...children) =>
  make("li", {}, make("button", { onclick, title: shown(name) }, ...children));

const say = (text) => (part("status").textContent = text);

// --- Clips

async function openClip(number, seconds = 0) {
  const entry = index.clips[number];
  if (!entry) return say("There is no other clip.");
  if (entry === clip?.entry && number === opening) return;
  opening = number;
  try {
    const [read, others] = await Promise.all([readClip(entry), readOthers(entry)]);
    if (opening !== number) return;
    clip = { ...read, others };
  } catch {
    return say(`${shown(entry.name)} cannot be opened: its data are missing or damaged.`);
  }
  part("title").textContent = titleOf(entry);
  part("problem").hidden = true;
  part("timeline").ariaValueMax = clip.end.toFixed(3);
  showOthers();
  showRegions();
  timeline.show(clip);
  showLabels();
  player.load(clip.source, clip.times, clip.end);
  player.go(frameAt(clip.times, seconds));
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

const itemOf = (entry) => part("clips").children[index.clips.indexOf(entry)];

function showProgress(entry) {
  const { rows = [], visited = [] } = recall(entry.id) ?? {};
  const state = rows.length ? `✓ ${rows.length}` : visited.length ? "looked at" : "";
  const random = sampleIds().includes(entry.id) ? "random " : "";
  itemOf(entry).querySelector(".marked").textContent = random + state;
}

function showClips() {
  const items = index.clips.map((entry, number) => {
    const doubt = span("small", `doubt ${Math.round(entry.doubt * 100)} %`);
    doubt.classList.toggle("doubtful", entry.doubt >= index.doubtful);
    const about = span("small name", `${shown(entry.label)}, ${clock(entry.seconds, 0)}`);
    const name = span("name", titleOf(entry));
    return row(() => openClip(number), entry.name, name, doubt, about, span("small marked"));
  });
  part("clips").replaceChildren(...items);
  index.clips.forEach(showProgress);
}

// --- Labels and segments

function allLabels() {
  const known = [...clip.labels, ...typed].filter((label) => label !== index.unknown);
  return [...new Set(known)];
}

function signOf({ mark, doubt, start }, { visited } = clip) {
  if (mark) return mark === "confirmed" ? "✓" : "✎";
  return doubt >= index.doubtful ? "?" : visited.has(start) ? "·" : "";
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
    const [fill, share] = [span(""), span("small share")];
    fill.style.background = clip.colours.get(label) ?? UNKNOWN_COLOUR;
    const number = make("kbd", { className: key === "" ? "none" : "" }, `${key}`);
    const item = row(() => giveLabel(label), label, number, span("name", shown(label)), share, span("bar", fill));
    const curve = clip.curves.labels.findIndex((n) => clip.labels[n] === label);
    return { label, item, button: item.firstChild, share, fill, curve };
  });
  part("labels").replaceChildren(...clip.bars.map(({ item }) => item));
  part("known").replaceChildren(...clip.bars.map(({ label }) => make("option", { value: label })));
}

function showSegments(place) {
  const from = Math.max(0, place - 100); // a clip of hours may have thousands
  const items = clip.list.slice(from, place + 100).map((segment) => {
    const doubt = segment.mark ? "" : `${Math.round(segment.doubt * 100)} %`;
    const sign = signOf(segment);
    const kind = segment.mark ? "marked" : sign === "?" ? "doubtful" : "small";
    const looks = segment.looks && !segment.mark ? `looks like ${segment.looks}` : "";
    const [start, name] = [clock(player.timeOf(segment.start), 1), span("name", shown(segment.label))];
    if (looks) name.append(span("small looks", looks));
    const title = looks ? `${segment.label}, ${looks}` : segment.label;
    return row(() => player.go(segment.start), title, span(kind, sign), start, name, span("small", doubt));
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
      keepVisited();
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
