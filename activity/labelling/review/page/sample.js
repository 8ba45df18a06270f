"use strict";
// A random sample of the clips: how wrong labels are in all clips cannot be told from the most
// doubtful ones, which are shown first.

const SAMPLE = "random sample";
const SAMPLE_SIZE = 20;

// Of all pages that this browser has shown.
const sampleIds = () => recall(SAMPLE)?.rows ?? [];
const sampled = () => index.clips.filter(({ id }) => sampleIds().includes(id));

async function drawSample() {
  const open = () => openClip(index.clips.indexOf(sampled().find(({ id }) => !recall(id)?.rows.length) ?? sampled()[0]));
  if (sampled().length) {
    await open();
    return say("The clips are drawn already: those that say “random”. A second draw would be a choice.");
  }
  const left = [...new Set(index.clips.map(({ id }) => id))];
  const drawn = [];
  while (left.length && drawn.length < SAMPLE_SIZE) {
    drawn.push(...left.splice(Math.floor(Math.random() * left.length), 1));
  }
  remember(SAMPLE, { rows: [...sampleIds(), ...drawn], visited: [] });
  index.clips.forEach(showProgress);
  await open();
  say(`${drawn.length} clips are drawn: those that say “random”. Check all of each, then save them.`);
}

function saveSample() {
  const checked = sampled().filter(({ id }) => recall(id)?.rows.length);
  if (!sampled().length) return say("Nothing is drawn yet: “Check 20 at random” does that.");
  const rows = checked.flatMap((entry) => recall(entry.id).rows.map((row) => [entry, ...row.slice(0, 3)]));
  const of = `${checked.length} of the ${sampled().length} random clips are checked.`;
  return save("random.csv", ofClips(rows), `${of} predict_video.py --truth takes it for --stats.`);
}

part("draw").onclick = () => index.clips.length && drawSample();
part("save-random").onclick = () => index.clips.length && saveSample();
