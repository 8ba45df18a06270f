"use strict";
// Draws the probabilities and the segments over time, below them the segments of the clip's other
// regions, and tells what lies under the mouse.

const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#8a7de0"];
const BAND = 34; // pixels of the segments, at the bottom
const TEXT = 20; // pixels of segments that have room for their labels
const NEAR = 6; // pixels from an edge at which the mouse takes hold of it
const INKS = ["text", "line", "quiet", "panel", "doubt"];
const MOST_CURVES = 8;
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200];

const colourOf = (number) => COLOURS[number] ?? `hsl(${(number * 137.5) % 360} 50% 55%)`;

function clock(seconds, digits) {
  const whole = seconds.toFixed(digits);
  const minutes = Math.floor(whole / 60);
  const rest = (whole - minutes * 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  const hours = Math.floor(minutes / 60);
  return hours ? `${hours}:${String(minutes % 60).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

// A canvas cleared, as large as it is shown, in the screen's pixels; it is drawn in the page's.
function penOf(canvas, { clientWidth, clientHeight } = canvas) {
  canvas.width = Math.round(clientWidth * devicePixelRatio);
  canvas.height = Math.round(clientHeight * devicePixelRatio);
  const pen = canvas.getContext("2d");
  pen.scale(devicePixelRatio, devicePixelRatio);
  return [pen, clientWidth, clientHeight];
}

class Timeline {
  constructor(canvas, overview) {
    Object.assign(this, { canvas, overview, still: document.createElement("canvas") });
  }

  // Another region of the same clip is shown between the same times.
  show(clip) {
    const { from, to } = this.clip && sameClip(this.clip.entry, clip.entry) ? this : { from: 0, to: clip.end };
    Object.assign(this, { clip, from, to, stale: true });
  }

  x(seconds) {
    return ((seconds - this.from) / (this.to - this.from)) * this.canvas.clientWidth;
  }

  frameAt(x) {
    const seconds = this.from + (x / this.canvas.clientWidth) * (this.to - this.from);
    return frameAt(this.clip.times, seconds);
  }

  // The edge under the mouse, as the place of the segment after it, or 0.
  edgeAt(x) {
    const edge = nearestEdge(this.clip.list, this.frameAt(x));
    const near = Math.abs(this.x(player.timeOf(this.clip.list[edge].start)) - x) <= NEAR;
    return near ? edge : 0;
  }

  // Shows `factor` times as much; what lies at `seconds` stays where it is.
  zoom(factor, seconds) {
    const width = Math.min(this.clip.end, Math.max(0.2, (this.to - this.from) * factor));
    this.pan(seconds - ((seconds - this.from) / (this.to - this.from)) * width, width);
  }

  pan(from, width = this.to - this.from) {
    this.from = Math.min(Math.max(0, from), this.clip.end - width);
    this.to = this.from + width;
    this.stale = true;
  }

  draw(frame) {
    const at = player.timeOf(frame);
    if (at < this.from || at > this.to) this.pan(at - (this.to - this.from) / 10);
    if (this.stale) this.drawStill();
    const [pen, width, height] = penOf(this.canvas);
    pen.drawImage(this.still, 0, 0, width, height);
    pen.fillStyle = this.text;
    pen.fillRect(this.x(at) - 1, 0, 2, height);
    part("now").style.left = `${this.x(at)}px`;
  }

  // All but the playhead: drawn anew only when it changes.
  drawStill() {
    this.stale = false;
    const style = getComputedStyle(this.canvas);
    for (const name of INKS) this[name] = style.getPropertyValue(`--${name}`);
    const [pen, width, height] = penOf(this.still, this.canvas);
    const [first, last] = [this.frameAt(0), this.frameAt(width)];
    this.drawGrid(pen, width, height);
    for (const curve of this.highest(first, last)) {
      const label = this.clip.labels[this.clip.curves.labels[curve]];
      pen.strokeStyle = pen.fillStyle = this.clip.colours.get(label) ?? UNKNOWN_COLOUR;
      this.drawCurve(pen, curve, height - BAND - 16, first, last);
    }
    const visible = this.clip.list.slice(placeOf(this.clip.list, first), placeOf(this.clip.list, last) + 1);
    const place = (frame) => this.x(player.timeOf(frame));
    for (const segment of visible) this.drawSegment(pen, segment, place, height - BAND, BAND);
    for (const other of this.clip.others) this.drawOther(other, width);

    const [small, whole, high] = penOf(this.overview);
    const x = (frame) => (player.timeOf(frame) / this.clip.end) * whole;
    for (const segment of this.clip.list) this.drawSegment(small, segment, x, 4, high - 8);
    small.strokeStyle = this.text;
    const scale = whole / this.clip.end;
    small.strokeRect(this.from * scale + 0.5, 0.5, (this.to - this.from) * scale - 1, high - 1);
  }

  // A run may have ended earlier in one region: each has its own times.
  drawOther(other, width) {
    const { list, times, end, canvas, name } = other;
    canvas.style.width = `${this.canvas.clientWidth}px`; // whether or not there is a scroll bar
    const [pen, , height] = penOf(canvas);
    const place = (frame) => this.x(times[frame] ?? end);
    const visible = list.filter((s) => place(s.end) > 0 && place(s.start) < width);
    for (const segment of visible) this.drawSegment(pen, segment, place, 0, height, other, name.offsetWidth);
  }

  // The curves that are the highest between two frames: more of them nobody can tell apart.
  highest(first, last) {
    const { mean, labels, framesPerColumn } = this.clip.curves;
    const columns = mean.length / labels.length;
    const [from, to] = [first, last].map((frame) => Math.floor(frame / framesPerColumn));
    const sum = (curve) => mean.subarray(curve * columns + from, curve * columns + to + 1).reduce((a, b) => a + b, 0);
    const sums = labels.map((_, curve) => [sum(curve), curve]);
    return sums.sort(([a], [b]) => b - a).slice(0, MOST_CURVES).map(([, curve]) => curve);
  }

  drawGrid(pen, width, height) {
    const step = STEPS.find((s) => ((this.to - this.from) / s) * 80 < width) ?? STEPS.at(-1);
    pen.font = "11px system-ui, sans-serif";
    for (let n = Math.ceil(this.from / step); n * step < this.to; n += 1) {
      pen.fillStyle = this.line;
      pen.fillRect(this.x(n * step), 0, 1, height);
      pen.fillStyle = this.quiet;
      pen.fillText(clock(n * step, step < 1 ? 1 : 0), this.x(n * step) + 3, height - BAND - 4);
    }
  }

  drawCurve(pen, curve, height, first, last) {
    const { mean, low, high, labels, framesPerColumn } = this.clip.curves;
    const columns = mean.length / labels.length;
    const line = (values, from, to, step) => {
      for (let c = from; c !== to + step; c += step) {
        const x = this.x(player.timeOf(Math.floor((c + 0.5) * framesPerColumn)));
        pen.lineTo(x, height - (values[curve * columns + c] / 255) * (height - 4));
      }
    };
    const from = Math.max(0, Math.floor(first / framesPerColumn) - 1);
    const to = Math.min(columns - 1, Math.floor(last / framesPerColumn) + 1);
    pen.lineWidth = 1.5;
    pen.beginPath();
    line(mean, from, to, 1);
    pen.stroke();
    if (!low) return;
    pen.globalAlpha = 0.15;
    pen.beginPath();
    line(high, from, to, 1);
    line(low, to, from, -1);
    pen.fill();
    pen.globalAlpha = 1;
  }

  // `x` tells where a frame is; no text stands left of `margin`.
  drawSegment(pen, segment, x, top, height, clip = this.clip, margin = 0) {
    const left = x(segment.start);
    const width = x(segment.end) - left;
    pen.fillStyle = this.clip.colours.get(segment.label) ?? UNKNOWN_COLOUR;
    pen.globalAlpha = segment.mark ? 1 : 0.55;
    pen.fillRect(left, top, width, height);
    pen.globalAlpha = 1;
    const sign = signOf(segment, clip);
    pen.fillStyle = this.doubt;
    if (sign === "?") pen.fillRect(left, top, width, height / 8);
    if (height < TEXT) return;
    pen.fillStyle = this.panel;
    if (width > 4) pen.fillRect(left - 1, top, 2, height);
    const [start, end] = [Math.max(left, margin) + 6, left + width - 6];
    if (end - start < 12) return;
    const above = top + Math.round((height - 17) / 2);
    pen.save();
    pen.beginPath();
    pen.rect(start - 3, above, end - start + 6, 18);
    pen.clip();
    pen.font = "600 12px system-ui, sans-serif";
    const text = `${sign} ${shown(segment.label)}`;
    pen.fillStyle = "rgb(0 0 0 / 72%)";
    pen.fillRect(start - 3, above, pen.measureText(text).width + 6, 18);
    pen.fillStyle = "#fff";
    pen.fillText(text, start, above + 13);
    pen.restore();
  }
}
