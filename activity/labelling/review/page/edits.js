"use strict";
// What a person does to the open clip, and saves.

// --- Corrections

function keep() {
  const marked = clip.list.filter((segment) => segment.mark);
  const rows = marked.map(({ start, end, label, mark }) => [player.timeOf(start), player.timeOf(end), label, mark]);
  const done = remember(clip.entry.id, { rows, visited: [...clip.visited] });
  showProgress(clip.entry);
  if (!done && rows.length) say("This browser keeps nothing: save before you close the page.");
}

function keepVisited() {
  const { rows = [], visited = [] } = recall(clip.entry.id) ?? {};
  remember(clip.entry.id, { rows, visited: [...new Set([...visited, ...clip.visited])] });
  showProgress(clip.entry);
}

// Another tab has kept something of a clip: `before` and `now` are what the browser keeps.
async function takeOver(entry, before, now) {
  showProgress(entry);
  const rowsIn = (kept) => JSON.stringify(JSON.parse(kept ?? "{}").rows ?? []);
  if (!clip || rowsIn(before) === rowsIn(now)) return;
  if (entry !== clip.entry) return takeOverOther(entry);
  const { list, visited } = await readClip(entry);
  if (entry !== clip.entry) return;
  Object.assign(clip, { list, visited, undo: [], redo: [], series: "" });
  showLabels();
  refresh();
}

// Takes a list of segments for the clip's; where there is none, says why. Edits of one `series` are
// undone together.
function edit(list, said, why = "", series = "") {
  if (!list) return why && say(why);
  if (!series || series !== clip.series) clip.undo.push(clip.list);
  Object.assign(clip, { series, redo: [] });
  change(list, said);
}

function change(list, said) {
  clip.list = list;
  say(said);
  keep();
  refresh();
}

function undo(from, to, said) {
  if (!from.length) return say("There is nothing more.");
  to.push(clip.list);
  clip.series = "";
  change(from.pop(), said);
}

const here = () => placeOf(clip.list, player.frame);

function giveLabel(label) {
  edit(relabel(clip.list, here(), label), `This segment shows ${shown(label)}.`);
}

function typeLabel() {
  const text = part("typed").value.replace(UNPRINTABLE, "").trim();
  const folded = (label) => label.normalize().toLowerCase();
  const same = (label) => folded(label) === folded(text);
  const label = [...allLabels(), index.unknown].find(same) ?? text;
  part("typed").value = "";
  part("timeline").focus();
  if (!label) return;
  const fresh = !allLabels().includes(label) && label !== index.unknown;
  if (fresh) typed.add(label);
  giveLabel(label);
  if (!fresh) return;
  showLabels();
  say(`${shown(label)} is a new label: train.py learns it as an activity of its own.`);
}

function shiftEdge(move, edge = nearestEdge(clip.list, player.frame), series = `edge ${edge}`) {
  if (!edge) return say("There is no edge: split the segment first.");
  edit(moveEdge(clip.list, edge, move(clip.list[edge].start)), "The edge was moved.", "", series);
  player.go(clip.list[edge].start);
}

function jumpDoubtful(direction) {
  const place = nextDoubtful(clip.list, here(), direction, index.doubtful);
  if (place >= 0) player.go(clip.list[place].start);
  else say("No doubtful segment that way in this clip. PageDown opens the next clip.");
}

function splitHere() {
  const said = "Split: the second half starts at this frame.";
  edit(split(clip.list, player.frame), said, "A segment starts at this frame already.");
}

function joinWith(place) {
  edit(join(clip.list, place, here()), "Joined.", "There is no segment to join it with.");
}

const later = (frame, seconds) => frameAt(clip.times, player.timeOf(frame) + seconds);

// --- Saving

async function save(name, { header, rows }, where) {
  if (!rows.length) return say("Nothing is confirmed or corrected yet: Enter says that a segment is right.");
  const file = await saveText(name, tableOf(header, rows));
  if (file) say(`Saved ${rows.length} segments as ${shown(file)}. ${where}`);
}

// A table of rows [entry, start, end, label], which says of which region they are where one is of any.
function ofClips(rows) {
  const hasRegions = rows.some(([{ region }]) => region);
  const named = ({ clip: path, region }) => (hasRegions ? [path, region?.name ?? ""] : [path]);
  return {
    header: [...(hasRegions ? ["clip", "region"] : ["clip"]), ...OF_ONE],
    rows: rows.map(([entry, ...row]) => [...named(entry), ...row]),
  };
}

function rowsOf({ list, times, end }) {
  const rows = list.filter((segment) => segment.mark || part("write-all").checked);
  return rows.map(({ start, end: stop, label }) => [times[start], times[stop] ?? end, label]);
}

function stemOf({ clip: path, region }) {
  const stem = path.split("/").pop().replace(/\.[^.]*$/, "");
  return region ? `${stem}.${region.name}` : stem;
}

const OF_ONE = ["start", "end", "label"];
const BESIDE_PAGE = "In the folder of this page, it tells train.py where the clips are.";

function saveClip() {
  const stem = stemOf(clip.entry);
  const name = safeName(stem, ".csv");
  const rows = rowsOf(clip);
  const only = index.clips.filter((entry) => stemOf(entry) === stem).length === 1;
  if (only && name === `${stem}.csv`) {
    return save(name, { header: OF_ONE, rows }, "Beside the clip, train.py finds it.");
  }
  // The table's name does not tell the clip.
  return save(name, ofClips(rows.map((row) => [clip.entry, ...row])), BESIDE_PAGE);
}

async function saveAll() {
  const rows = [];
  for (const entry of index.clips.filter(({ id }) => recall(id)?.rows.length)) {
    let own = recall(entry.id).rows;
    try {
      if (part("write-all").checked) own = rowsOf(await readClip(entry));
    } catch {
      return say(`${shown(entry.name)} cannot be opened: only what is confirmed can be saved.`);
    }
    rows.push(...own.map(([start, end, label]) => [entry, start, end, label]));
  }
  return save("corrected.csv", ofClips(rows), BESIDE_PAGE);
}
