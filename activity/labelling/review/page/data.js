"use strict";
// Reads a clip's data. A page on a disk cannot fetch files, but run them: each calls takeClip.

let taken = null;
const takeClip = (content) => (taken = content);

function loadData(entry) {
  return new Promise((resolve, reject) => {
    const script = make("script", { src: entry.file, onerror: reject });
    script.onload = () => {
      script.remove();
      if (taken) resolve(taken);
      else reject();
      taken = null;
    };
    document.head.append(script);
  });
}

async function readClip(entry) {
  const data = await loadData(entry);
  const times = frameTimes(data.timing);
  const stored = recall(entry.id) ?? { rows: [], visited: [] };
  const curves = Object.fromEntries(
    Object.entries(data.curves).map(([k, v]) => [k, typeof v === "string" ? bytesOf(v) : v]),
  );
  const frameOf = (seconds) => (seconds >= data.end - 1e-6 ? times.length : frameAt(times, seconds));
  const decided = data.segments.map(([start, label, doubt, , looks], i, all) => {
    return { start, end: all[i + 1]?.[0] ?? times.length, label, doubt, mark: "", looks };
  });
  const marked = stored.rows.map(([start, end, label, mark]) => {
    return { start: frameOf(start), end: frameOf(end), label, doubt: 0, mark };
  });
  const list = marked.filter((s) => s.start < s.end).reduce(carve, decided);
  for (const { label } of marked) if (!data.labels.includes(label)) typed.add(label);
  const visited = new Set(stored.visited);
  return { ...data, entry, times, curves, list, visited, undo: [], redo: [], series: "" };
}

const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

// When each frame starts, in seconds: at one rate, or by steps of a ten-thousandth of a second, of
// which one as long as can be belongs to the next.
function frameTimes({ frames, fps, steps }) {
  const times = new Float64Array(frames);
  if (fps) return times.map((_, frame) => frame / fps);
  let [tick, frame] = [0, 0];
  for (const step of new Uint16Array(bytesOf(steps).buffer)) {
    tick += step;
    if (step < 65535) times[frame++] = tick / 10000;
  }
  return times;
}

// The frame that is shown at a time.
const frameAt = (times, seconds) => lastPlace(times.length, (frame) => times[frame] <= seconds + 1e-6);
