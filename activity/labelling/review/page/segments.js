"use strict";
// The segments of a clip: {start, end, label, doubt, mark}, from frame `start` to frame `end`
// (not in it), in order, without gaps. `mark` is "" (nobody has said), "confirmed" or "corrected".
// No function changes the list that it is given.

// The last place of `count` for which `holds`, which holds up to some place; 0 where there is none.
function lastPlace(count, holds) {
  let [low, high] = [0, count - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (holds(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

const placeOf = (list, frame) => lastPlace(list.length, (place) => list[place].start <= frame);

function replace(list, place, count, ...fresh) {
  return [...list.slice(0, place), ...fresh, ...list.slice(place + count)];
}

function confirm(list, place) {
  return replace(list, place, 1, { ...list[place], mark: list[place].mark || "confirmed" });
}

function relabel(list, place, label) {
  if (list[place].label === label) return confirm(list, place);
  return replace(list, place, 1, { ...list[place], label, mark: "corrected" });
}

// Null where `frame` is the first of its segment.
function split(list, frame) {
  const place = placeOf(list, frame);
  const segment = list[place];
  if (frame <= segment.start) return null;
  return replace(list, place, 1, { ...segment, end: frame }, { ...segment, start: frame });
}

// Joins the segments `place` and `place + 1`; which of them gives the label is `from`.
function join(list, place, from) {
  const [before, after] = [list[place], list[place + 1]];
  if (!before || !after) return null;
  return replace(list, place, 2, { ...list[from], start: before.start, end: after.end, mark: "corrected" });
}

// Moves the edge before the segment `place`; each of the two keeps a frame. Null: it is there.
function moveEdge(list, place, frame) {
  const [before, after] = [list[place - 1], list[place]];
  const edge = Math.min(Math.max(frame, before.start + 1), after.end - 1);
  if (edge === after.start) return null;
  const mark = "corrected";
  return replace(list, place - 1, 2, { ...before, end: edge, mark }, { ...after, start: edge, mark });
}

// The edge nearest to a frame, as the place of the segment after it; 0 where there is no edge.
function nearestEdge(list, frame) {
  const place = placeOf(list, frame);
  const { start, end } = list[place];
  const next = place + 1 < list.length ? place + 1 : place;
  return place === 0 || end - frame < frame - start ? next : place;
}

// Puts a segment in the place of whatever lies there.
function carve(list, one) {
  const before = list.filter((s) => s.start < one.start);
  const after = list.filter((s) => s.end > one.end);
  return [
    ...before.map((s) => ({ ...s, end: Math.min(s.end, one.start) })),
    one,
    ...after.map((s) => ({ ...s, start: Math.max(s.start, one.end) })),
  ];
}

// `place` of the next segment, forwards (1) or back (-1), that nobody has looked into; or -1.
function nextDoubtful(list, place, direction, least) {
  for (let i = place + direction; i >= 0 && i < list.length; i += direction) {
    if (!list[i].mark && list[i].doubt >= least) return i;
  }
  return -1;
}
