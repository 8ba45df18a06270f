"use strict";
// What a person has marked, kept by the browser under each clip's digest, and the name and place of
// the region if it is of one; and tables of it.

const kept = new Map(); // what the browser refuses to keep lives as long as the page
const refused = new Set(); // of these it may keep something older
const keyOf = (id) => `activity-review:${id}`;

function recall(id) {
  if (refused.has(id)) return kept.get(id);
  try {
    const entry = JSON.parse(localStorage.getItem(keyOf(id)));
    return entry?.rows && entry.visited ? entry : kept.get(id);
  } catch {
    return kept.get(id);
  }
}

// Keeps {rows: [[start, end, label, mark]], visited: [frame]}, times in seconds; false where the
// browser cannot.
function remember(id, entry) {
  kept.set(id, entry);
  try {
    localStorage.setItem(keyOf(id), JSON.stringify(entry));
    refused.delete(id);
  } catch {
    refused.add(id);
  }
  return !refused.has(id);
}

function tableOf(header, rows) {
  const cell = (value) => {
    const text = typeof value === "number" ? value.toFixed(6) : value;
    return /^[^",\s\p{C}]+( [^",\s\p{C}]+)*$/u.test(text) ? text : `"${text.replaceAll('"', '""')}"`;
  };
  return [header, ...rows].map((row) => row.map(cell).join(",") + "\n").join("");
}

// A name that every file system takes.
function safeName(stem, ending) {
  const plain = stem.replace(/[\\/:*?"<>|\p{C}]/gu, "_").replace(/^[.\s]+/, "");
  return [...plain].slice(0, 80).join("") + ending;
}

// Writes into the file that the person picks, else as a download; null where they pick none.
async function saveText(safe, text) {
  const blob = new Blob([text], { type: "text/csv" });
  if (window.showSaveFilePicker) {
    try {
      const types = [{ description: "Table", accept: { "text/csv": [".csv"] } }];
      const file = await window.showSaveFilePicker({ suggestedName: safe, types });
      const writable = await file.createWritable();
      await writable.write(blob);
      await writable.close();
      return file.name;
    } catch (error) {
      if (error.name === "AbortError") return null;
    }
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = safe;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  return safe;
}
