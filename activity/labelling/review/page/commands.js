"use strict";
// Every command: a key, what it does, how, and the text of its button where it has one; the mouse.

const segment = () => clip.list[here()];
const COMMANDS = [
  [" ", "play or stop", () => (player.playing ? player.stop() : player.play()), "Play"],
  ["ArrowLeft", "a frame back", () => player.go(player.frame - 1), "−1"],
  ["ArrowRight", "a frame on", () => player.go(player.frame + 1), "+1"],
  ["Shift+ArrowLeft", "a second back", () => player.go(later(player.frame, -1))],
  ["Shift+ArrowRight", "a second on", () => player.go(later(player.frame, 1))],
  ["Home", "to the start", () => player.go(0)],
  ["End", "to the end", () => player.go(clip.times.length - 1)],
  ["j", "play backwards; again: faster", () => player.back()],
  ["k", "stop", () => player.stop()],
  ["l", "play; again: faster", () => player.faster()],
  ["h", "slower, to a quarter", () => player.slower(), "Slower"],
  ["r", "repeat this segment, or no longer", () => (player.loop = player.loop ? null : segment()), "Repeat"],
  ["p", "the doubtful segment before", () => jumpDoubtful(-1), "‹ Doubtful"],
  ["n", "the next doubtful segment", () => jumpDoubtful(1), "Doubtful ›"],
  ["ArrowUp", "the segment before", () => player.go(clip.list[Math.max(0, here() - 1)].start)],
  ["ArrowDown", "the next segment", () => player.go(segment().end)],
  ["PageUp", "the clip before", () => openClip(opening - 1)],
  ["PageDown", "the next clip", () => openClip(opening + 1)],
  ["g", "the next region of this clip, at the same time", nextRegion],
  ["Enter", "this label is right; on to the next doubtful", () => {
    edit(confirm(clip.list, here()), "Confirmed.");
    jumpDoubtful(1);
  }, "✓ Right"],
  ["1 … 9, 0", "this segment shows that label; 0: unknown"],
  ["t", "type a label", () => part("typed").focus()],
  ["s", "split at this frame", splitHere, "Split"],
  ["m", "join with the next segment", () => joinWith(here()), "Join"],
  ["Shift+m", "join with the segment before", () => joinWith(here() - 1)],
  ["e", "the nearest edge comes to this frame", () => shiftEdge(() => player.frame), "Edge here"],
  [",", "the nearest edge a frame earlier", () => shiftEdge((frame) => frame - 1)],
  [".", "the nearest edge a frame later", () => shiftEdge((frame) => frame + 1)],
  ["<", "the nearest edge a second earlier", () => shiftEdge((frame) => later(frame, -1))],
  [">", "the nearest edge a second later", () => shiftEdge((frame) => later(frame, 1))],
  ["Ctrl+z", "undo (or Z)", () => undo(clip.undo, clip.redo, "Undone."), "Undo"],
  ["Ctrl+Shift+z", "redo (or Shift+Z, Ctrl+Y)", () => undo(clip.redo, clip.undo, "Done again."), "Redo"],
  ["d", "draw regions of the clips; again: one in the middle", drawRegions, "Draw region"],
  ["+", "a closer look at the timeline", () => zoom(0.5)],
  ["-", "more of the timeline", () => zoom(2)],
  ["Ctrl+s", "save this clip’s table", saveClip],
  ["?", "these keys", () => part("help").showModal()],
];
const NAMES = { " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };
const WHILE_DRAWING = [" ", "Home", "End", "j", "k", "l", "h", "PageUp", "PageDown", "g", "d", "?"];
const ALSO = { z: "Ctrl+z", "Shift+z": "Ctrl+Shift+z", "Ctrl+y": "Ctrl+Shift+z" };

function zoom(factor, about = player.timeOf(player.frame)) {
  timeline.zoom(factor, about);
  redraw();
}

function nameOf({ key, shiftKey, ctrlKey, metaKey }) {
  const shift = shiftKey && (key.length > 1 || key.toLowerCase() !== key.toUpperCase());
  return `${ctrlKey || metaKey ? "Ctrl+" : ""}${shift ? "Shift+" : ""}${key.length > 1 ? key : key.toLowerCase()}`;
}

document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (!clip || event.altKey || part("help").open) return;
  if (target === part("typed")) {
    if (key === "Enter") typeLabel();
    if (key === "Escape") part("timeline").focus();
    return;
  }
  if (target.matches("#drawn input")) {
    if (key === "Enter") part("stage").focus();
    if (key === "Escape") setDrawing(false);
    return;
  }
  // A button or a box that has the focus answers to its own keys.
  if (target.matches("button, input") && (key === " " || key === "Enter")) return;
  const name = nameOf(event);
  if (drawing && drawByKey(name)) return event.preventDefault();
  if (drawing && !WHILE_DRAWING.includes(name)) return;
  const run = COMMANDS.find(([wanted]) => wanted === (ALSO[name] ?? name))?.[2];
  const bar = /^[0-9]$/.test(name) && clip.bars.find(({ button }) => button.firstChild.textContent === name);
  if (!run && !bar) return;
  event.preventDefault();
  if (run) run();
  else giveLabel(bar.label);
  redraw();
});

// After a click the keys are the page's again: Space plays, and presses no button a second time.
document.addEventListener("click", (event) => {
  if (event.detail && event.target.closest("button, label") && event.target !== part("typed") && !part("help").open) {
    part(drawing ? "stage" : "timeline").focus();
  }
});

let dragged = 0;
const onMouse = (canvas, kind, act) => canvas.addEventListener(kind, (event) => clip && act(event, event.offsetX));
onMouse(part("timeline"), "pointerdown", (event, x) => {
  event.target.setPointerCapture(event.pointerId);
  dragged = timeline.edgeAt(x);
  if (!dragged) player.go(timeline.frameAt(x));
});
onMouse(part("timeline"), "pointermove", (event, x) => {
  if (event.buttons && dragged) shiftEdge(() => timeline.frameAt(x), dragged, "drag");
  else if (event.buttons) player.go(timeline.frameAt(x));
  else event.target.style.cursor = timeline.edgeAt(x) ? "ew-resize" : "default";
});
onMouse(part("timeline"), "pointerup", () => (clip.series = ""));
onMouse(part("timeline"), "wheel", (event, x) => {
  event.preventDefault();
  zoom(event.deltaY > 0 ? 1.25 : 0.8, player.timeOf(timeline.frameAt(x)));
});
onMouse(part("overview"), "pointerdown", (_, x) => {
  player.go(frameAt(clip.times, (x / part("overview").clientWidth) * clip.end));
});
window.addEventListener("storage", ({ key, oldValue, newValue }) => {
  for (const entry of index.clips) if (keyOf(entry.id) === key) takeOver(entry, oldValue, newValue);
});
window.onresize = matchMedia("(prefers-color-scheme: dark)").onchange = () => clip && refresh();

for (const [key, does, run, text] of COMMANDS) {
  const name = key.split("+").map((k) => NAMES[k] ?? (k.length === 1 ? k.toUpperCase() : k)).join("+") || "+";
  part("keys").append(make("div", {}, make("dt", {}, make("kbd", {}, name)), make("dd", {}, does)));
  if (!text) continue;
  const onclick = () => clip && (run(), redraw());
  part("controls").append(make("button", { onclick, title: `${does} (${name})` }, text));
}
part("controls").append(make("span", { id: "clock" }));
part("save").onclick = () => clip && saveClip();
part("save-all").onclick = saveAll;
part("show-help").onclick = () => part("help").showModal();

showClips();
if (index.clips.length) openClip(0);
else say("There are no clips: predict_video.py --review writes them here.");
