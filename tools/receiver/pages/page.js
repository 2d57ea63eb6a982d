// page.js - what has changed appears by itself: the parts marked data-live, every few seconds.
// SPDX-License-Identifier: MIT
"use strict";

const EVERY_MS = 5000;

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(document.body.dataset.from || location.href, { redirect: "error" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(part.id);
    if (other && other.innerHTML !== part.innerHTML) part.replaceWith(document.adoptNode(other));
  }
}

// What goes to many is asked for once more.
document.addEventListener("submit", (event) => {
  const sure = event.submitter && event.submitter.dataset.sure;
  if (sure && !confirm(sure)) event.preventDefault();
});

if (document.querySelector("[data-live]")) {
  setInterval(() => refresh().catch(() => {}), EVERY_MS);
}
