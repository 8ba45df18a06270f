"use strict";
// The regions of a clip: their outlines on it, and the timelines of the others below that of the one
// that is open. An entry of the list with `region`, {name, place}, is of that part of the frames;
// `place` is [left, top, width, height] in shares of these.

const regionName = ({ region }) => (region ? shown(region.name) : "whole frame");

// match (left), of the data match.left; and match~2 (left), of match.left~2.
function titleOf({ name, region }) {
  if (!region) return shown(name);
  const place = name.lastIndexOf(`.${region.name}`);
  const stem = place < 0 ? name : name.slice(0, place) + name.slice(place + region.name.length + 1);
  return `${shown(stem)} (${shown(region.name)})`;
}

const sameClip = (one, other) => one.digest === other.digest && one.clip === other.clip;

function regionsOf(entry) {
  const all = index.clips.filter((other) => sameClip(entry, other));
  const nameIn = ({ region }) => region?.name ?? "";
  return all.sort((a, b) => nameIn(a).localeCompare(nameIn(b), undefined, { numeric: true }));
}

// --- Outlines

function outlineOf({ name, place }, className) {
  const outline = make("div", { className: `outline ${className}` }, span("name", shown(name)));
  for (const [n, side] of ["left", "top", "width", "height"].entries()) outline.style[side] = `${place[n] * 100}%`;
  return outline;
}

function showRegions() {
  const entries = clip ? regionsOf(clip.entry).filter(({ region }) => region) : [];
  const outlines = drawing
    ? drawn.map((region) => outlineOf(inShares(region), region === chosen ? "chosen corners" : ""))
    : entries.map((entry) => outlineOf(entry.region, entry === clip.entry ? "chosen dimmed" : ""));
  part("stage").replaceChildren(...outlines);
}

// Puts the stage over the frame, which has bars beside or above it where its shape is another.
function placeStage() {
  const { videoWidth, videoHeight, clientWidth, clientHeight } = player.video;
  const scale = Math.min(clientWidth / videoWidth, clientHeight / videoHeight);
  part("stage").hidden = !videoWidth;
  if (!videoWidth) return;
  const [width, height] = [videoWidth * scale, videoHeight * scale];
  const [left, top] = [(clientWidth - width) / 2, (clientHeight - height) / 2];
  for (const [side, pixels] of Object.entries({ left, top, width, height })) part("stage").style[side] = `${pixels}px`;
}

// --- Other regions, at the same times

async function readOthers(entry) {
  const others = regionsOf(entry).filter((other) => other !== entry);
  const read = await Promise.all(others.map((other) => readClip(other).catch(() => null)));
  return read.filter((other) => other);
}

function showOthers() {
  const items = clip.others.map((other) => {
    const { entry } = other;
    Object.assign(other, { canvas: make("canvas"), name: span("name", regionName(entry)) });
    return row((event) => openRegion(entry, event), `${regionName(entry)}: go there`, other.canvas, other.name);
  });
  part("others").replaceChildren(...items);
  part("compared").hidden = !items.length;
}

// At the time under the mouse; by key at the time that is shown.
function openRegion(entry, { detail, clientX } = { detail: 0 }) {
  const x = clientX - part("others").getBoundingClientRect().left;
  openClip(index.clips.indexOf(entry), player.timeOf(detail ? timeline.frameAt(x) : player.frame));
}

function nextRegion() {
  const all = regionsOf(clip.entry);
  if (all.length < 2) return say("This clip has no other region. D draws regions.");
  openRegion(all[(all.indexOf(clip.entry) + 1) % all.length]);
}

// Another tab has kept corrections of another region of the clip.
async function takeOverOther(entry) {
  if (!sameClip(entry, clip.entry)) return;
  const [{ entry: open }, others] = [clip, await readOthers(clip.entry)];
  if (open !== clip.entry) return;
  clip.others = others;
  showOthers();
  showLabels();
  refresh();
}

new ResizeObserver(placeStage).observe(player.video);
player.video.addEventListener("resize", placeStage);
player.video.addEventListener("emptied", placeStage);
