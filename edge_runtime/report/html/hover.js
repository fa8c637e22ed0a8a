"use strict";
// Says what the mark under the pointer is. The page shows everything else without it.
(() => {
  const NEAR = 14; // pixels from a sample's point
  const tip = document.getElementById("tip");
  const samples = JSON.parse(document.getElementById("samples").textContent);
  const parsed = new WeakMap();

  // The points of a row are one path: M x,y Z, in the order of their samples.
  function pointsOf(path) {
    if (!parsed.has(path)) {
      const pairs = path.getAttribute("d").match(/-?[\d.]+(?:e-?\d+)?,-?[\d.]+(?:e-?\d+)?/g) || [];
      parsed.set(path, pairs.map((pair) => pair.split(",").map(Number)));
    }
    return parsed.get(path);
  }

  function sampleAt(figure, event) {
    const rows = samples[figure.id];
    if (!rows) return null;
    let best = null;
    let least = NEAR * NEAR;
    figure.querySelectorAll('[class*=" samples_"] > path').forEach((path, row) => {
      const onScreen = path.getScreenCTM();
      pointsOf(path).forEach(([x, y], index) => {
        const dx = onScreen.a * x + onScreen.e - event.clientX;
        const dy = onScreen.d * y + onScreen.f - event.clientY;
        if (dx * dx + dy * dy < least) {
          least = dx * dx + dy * dy;
          best = { path, sample: rows[row][index] };
        }
      });
    });
    if (!best) return null;
    const [name, ...about] = best.path.getAttribute("aria-label").split("\n");
    const [round, number, ns] = best.sample;
    return [name, `${(ns / 1e6).toPrecision(4)} ms, round ${round}, sample ${number}`, ...about];
  }

  function linesAt(event) {
    const target = event.target;
    const figure = target instanceof Element ? target.closest("figure") : null;
    if (!figure || !target.closest(".chart")) return null;
    const mark = target.closest("svg [aria-label]");
    return sampleAt(figure, event) || (mark && mark.getAttribute("aria-label").split("\n"));
  }

  function show(event) {
    const lines = linesAt(event);
    tip.hidden = !lines;
    if (!lines) return;
    tip.replaceChildren(
      ...lines.map((line) => Object.assign(document.createElement("div"), { textContent: line })),
    );
    const { width, height } = tip.getBoundingClientRect();
    const right = event.clientX + 14 + width > document.documentElement.clientWidth;
    const left = right ? Math.max(4, event.clientX - 14 - width) : event.clientX + 14;
    const below = event.clientY + 14 + height > window.innerHeight;
    tip.style.left = `${left}px`;
    tip.style.top = `${below ? event.clientY - 14 - height : event.clientY + 14}px`;
  }

  document.addEventListener("pointermove", show);
  document.addEventListener("pointerdown", show);
  document.addEventListener("scroll", () => (tip.hidden = true), { passive: true });
})();
