"use strict";
// Plays a clip and goes to its frames. Frames are counted from 0; `times` tells when each starts.

class Player {
  constructor(video, onFrame, onProblem) {
    Object.assign(this, { video, onFrame, times: [0], frame: 0, ready: false, backwards: 0 });
    video.addEventListener("seeked", () => this.seek());
    video.addEventListener("pause", () => this.ready && this.go(this.shown()));
    video.addEventListener("ended", () => this.loop && this.repeat());
    video.addEventListener("error", () => this.source && onProblem());
    requestAnimationFrame((now) => this.tick(now));
  }

  load(source, times, end) {
    this.ready = false;
    this.stop();
    Object.assign(this, { source, times, end, frame: 0, loop: null, sought: -1 });
    if (source) this.video.src = source;
    else this.video.removeAttribute("src");
    this.video.load();
    this.findOffset();
  }

  // The browser's clock need not be that of `times`. Browsers that can tell when they show the first
  // frame do so before they can play, or soon after; the others' clock is taken to be the same.
  findOffset() {
    const { source } = this;
    const start = (offset) => {
      if (this.ready || source !== this.source) return;
      Object.assign(this, { offset, ready: true });
      this.seek();
    };
    this.video.requestVideoFrameCallback?.((_, { mediaTime }) => start(mediaTime - this.times[0]));
    const patience = this.video.requestVideoFrameCallback ? 3000 : 0;
    this.video.addEventListener("loadeddata", () => setTimeout(start, patience, 0), { once: true });
  }

  timeOf(frame) {
    return this.times[frame] ?? this.end;
  }

  shown() {
    return frameAt(this.times, this.video.currentTime - this.offset);
  }

  go(frame) {
    this.frame = Math.min(Math.max(frame, 0), this.times.length - 1);
    this.onFrame();
    this.seek();
  }

  // To the middle of the frame, where no rounding leads to its neighbour.
  seek() {
    if (!this.ready || this.video.seeking || this.sought === this.frame) return;
    this.sought = this.frame;
    const middle = (this.timeOf(this.frame) + this.timeOf(this.frame + 1)) / 2;
    this.video.currentTime = this.offset + middle;
  }

  get playing() {
    return !this.video.paused || this.backwards > 0;
  }

  play() {
    this.backwards = 0;
    if (this.frame === this.times.length - 1) this.go(0);
    this.video.play().catch(() => {}); // what cannot be played has been said
  }

  repeat() {
    this.go(this.loop.start);
    this.video.play().catch(() => {});
  }

  stop() {
    this.backwards = 0;
    this.video.playbackRate = 1;
    const played = !this.video.paused;
    this.video.pause();
    this.go(played && this.ready ? this.shown() : this.frame);
  }

  faster() {
    this.video.playbackRate = this.video.paused ? 1 : Math.min(8, this.video.playbackRate * 2);
    this.play();
  }

  slower() {
    this.video.playbackRate = Math.max(0.25, this.video.playbackRate / 2);
    this.onFrame();
  }

  // Browsers do not play backwards: it is done by seeking.
  back() {
    const speed = this.backwards ? Math.min(8, this.backwards * 2) : 1;
    this.stop();
    Object.assign(this, { backwards: speed, position: this.timeOf(this.frame) });
  }

  tick(now) {
    requestAnimationFrame((then) => this.tick(then));
    const passed = Math.min(0.1, (now - this.before) / 1000 || 0);
    this.before = now;
    if (this.backwards) {
      this.position = Math.max(0, this.position - passed * this.backwards);
      if (!this.video.seeking) this.go(frameAt(this.times, this.position));
      if (this.position === 0) this.stop();
    } else if (!this.video.paused && !this.video.seeking && this.ready) {
      this.sought = -1;
      this.frame = this.shown();
      this.onFrame();
      if (this.loop && this.frame >= this.loop.end) this.repeat();
    }
  }
}
